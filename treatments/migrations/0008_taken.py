import django.contrib.postgres.indexes
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# Reading of the bits and the check of them stand in treatments/appointments/taken; this is what keeps them.
FUNCTIONS = r"""
-- A clinician, room or device (`kind` and key) that is taken for a while.
CREATE TYPE treatments_span AS (clinic_id bigint, kind text, key bigint, during tstzrange);

-- All that takes one clinician, room or device and meets `within`. Another table that holds places is asked here too, and
-- has triggers like those of the appointments. The first half of each finds its visits by the index of the constraint
-- that keeps them apart, the second those that overlap on purpose.
-- Planned once: planning takes ten times as long as looking, and the plan is always the same.
CREATE FUNCTION treatments_taking(of_kind text, of_key bigint, within tstzrange) RETURNS SETOF tstzrange
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    -- Nobody is asked about: int8range(NULL, NULL) would meet everybody.
    IF of_key IS NULL THEN RETURN; END IF;
    IF of_kind = 'clinician' THEN
        RETURN QUERY SELECT visit.clinician_during FROM treatments_appointment visit
            WHERE int8range(visit.clinician_id, visit.clinician_id, '[]') && int8range(of_key, of_key, '[]')
                AND visit.clinician_during && within AND visit.clinician_id IS NOT NULL AND visit.overlap_reason = ''
                AND visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')
            UNION ALL SELECT visit.clinician_during FROM treatments_appointment visit
            WHERE visit.clinician_id = of_key AND visit.clinician_during && within AND visit.overlap_reason <> ''
                AND visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done');
    ELSIF of_kind = 'room' THEN
        RETURN QUERY SELECT visit.room_during FROM treatments_appointment visit
            WHERE int8range(visit.room_id, visit.room_id, '[]') && int8range(of_key, of_key, '[]')
                AND visit.room_during && within AND visit.room_id IS NOT NULL AND visit.overlap_reason = ''
                AND visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')
            UNION ALL SELECT visit.room_during FROM treatments_appointment visit
            WHERE visit.room_id = of_key AND visit.room_during && within AND visit.overlap_reason <> ''
                AND visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done');
    ELSIF of_kind = 'device' THEN
        RETURN QUERY SELECT visit.clinician_during FROM treatments_appointment visit
            WHERE int8range(visit.device_id, visit.device_id, '[]') && int8range(of_key, of_key, '[]')
                AND visit.clinician_during && within AND visit.device_id IS NOT NULL AND visit.overlap_reason = ''
                AND visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')
            UNION ALL SELECT visit.clinician_during FROM treatments_appointment visit
            WHERE visit.device_id = of_key AND visit.clinician_during && within AND visit.overlap_reason <> ''
                AND visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done');
    END IF;
END
$$;

-- The tick (five minutes, counted from 1970) in which a moment lies.
CREATE FUNCTION treatments_tick(moment timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT floor(extract(epoch FROM moment) / 300)::bigint
$$;

-- The last tick of a stretch that ends at a moment: it holds what lies before it.
CREATE FUNCTION treatments_last_tick(moment timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT ceil(extract(epoch FROM moment) / 300)::bigint - 1
$$;

-- The bits of a block with the ticks of a stretch set or cleared, as far as they lie in it.
CREATE FUNCTION treatments_marked(bits bytea, block int, first_tick bigint, last_tick bigint, mark int) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE first_bit int := greatest(first_tick - block::bigint * 8064, 0);
    last_bit int := least(last_tick - block::bigint * 8064, 8063);
BEGIN
    FOR at IN first_bit .. last_bit LOOP
        bits := set_bit(bits, at, mark);
    END LOOP;
    RETURN bits;
END
$$;

-- Keeps the bits: what was freed is worked out anew from all that takes it still, what is taken now is set. Each row is
-- locked before it is worked out, so that what others have done to it meanwhile is seen, and rows are locked in order.
CREATE FUNCTION treatments_retake(freed treatments_span[], taken treatments_span[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE place record; kept bytea; other tstzrange;
BEGIN
    FOR place IN
        SELECT given.clinic_id, touched.block::int AS block, given.kind, given.key, array_agg(given.was) AS was,
            array_agg(given.first_tick) AS first_ticks, array_agg(given.last_tick) AS last_ticks
        FROM (
            SELECT gone.clinic_id, gone.kind, gone.key, true AS was, treatments_tick(lower(gone.during)) AS first_tick,
                treatments_last_tick(upper(gone.during)) AS last_tick FROM unnest(freed) gone
            UNION ALL SELECT come.clinic_id, come.kind, come.key, false, treatments_tick(lower(come.during)),
                treatments_last_tick(upper(come.during)) FROM unnest(taken) come
        ) given, LATERAL generate_series(given.first_tick / 8064, given.last_tick / 8064) touched (block)
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    LOOP
        SELECT bits INTO kept FROM treatments_taken WHERE clinic_id = place.clinic_id AND block = place.block
            AND kind = place.kind AND key = place.key FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            INSERT INTO treatments_taken (clinic_id, block, kind, key, bits)
                VALUES (place.clinic_id, place.block, place.kind, place.key, decode(repeat('00', 1008), 'hex'))
                ON CONFLICT DO NOTHING;
            SELECT bits INTO STRICT kept FROM treatments_taken WHERE clinic_id = place.clinic_id
                AND block = place.block AND kind = place.kind AND key = place.key FOR NO KEY UPDATE;
        END IF;
        FOR n IN 1 .. cardinality(place.was) LOOP
            CONTINUE WHEN NOT place.was[n];
            kept := treatments_marked(kept, place.block, place.first_ticks[n], place.last_ticks[n], 0);
        END LOOP;
        FOR n IN 1 .. cardinality(place.was) LOOP
            IF NOT place.was[n] THEN
                kept := treatments_marked(kept, place.block, place.first_ticks[n], place.last_ticks[n], 1);
                CONTINUE;
            END IF;
            FOR other IN SELECT treatments_taking(place.kind, place.key, tstzrange(
                to_timestamp(place.first_ticks[n] * 300), to_timestamp((place.last_ticks[n] + 1) * 300)))
            LOOP
                kept := treatments_marked(kept, place.block, treatments_tick(lower(other)),
                    treatments_last_tick(upper(other)), 1);
            END LOOP;
        END LOOP;
        UPDATE treatments_taken SET bits = kept WHERE clinic_id = place.clinic_id AND block = place.block
            AND kind = place.kind AND key = place.key;
    END LOOP;
END
$$;

-- Everything worked out anew from the rows, month by month so that it needs little memory.
CREATE FUNCTION treatments_rebuild_taken() RETURNS void LANGUAGE plpgsql AS $$
DECLARE month record;
BEGIN
    LOCK TABLE treatments_appointment IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM treatments_taken;
    FOR month IN SELECT DISTINCT date_trunc('month', day)::date AS begins FROM treatments_appointment ORDER BY 1 LOOP
        PERFORM treatments_retake('{}', ARRAY(
            SELECT (visit.clinic_id, held.kind, held.key, held.during)::treatments_span
            FROM treatments_appointment visit, LATERAL (VALUES
                ('clinician', visit.clinician_id, visit.clinician_during),
                ('room', visit.room_id, visit.room_during),
                ('device', visit.device_id, visit.clinician_during)
            ) held (kind, key, during)
            WHERE visit.day >= month.begins AND visit.day < month.begins + interval '1 month' AND held.key IS NOT NULL
                AND visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')
        ));
    END LOOP;
END
$$;
"""
DROP_FUNCTIONS = """
DROP FUNCTION treatments_rebuild_taken();
DROP FUNCTION treatments_retake(treatments_span[], treatments_span[]);
DROP FUNCTION treatments_marked(bytea, int, bigint, bigint, int);
DROP FUNCTION treatments_last_tick(timestamptz);
DROP FUNCTION treatments_tick(timestamptz);
DROP FUNCTION treatments_taking(text, bigint, tstzrange);
DROP TYPE treatments_span;
"""


class Migration(migrations.Migration):
    dependencies = [("clinic", "0003_resources"), ("treatments", "0007_depth_kept")]

    operations = [
        migrations.RemoveConstraint(model_name="appointment", name="appointment_ranges_sane"),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    clinician_during__isempty=False,
                    clinician_during__lower_inf=False,
                    clinician_during__upper_inf=False,
                    during__isempty=False,
                    during__lower_inf=False,
                    during__upper_inf=False,
                    room_during__isempty=False,
                    room_during__lower_inf=False,
                    room_during__upper_inf=False,
                ),
                name="appointment_ranges_sane",
            ),
        ),
        migrations.AddIndex(
            model_name="appointment",
            index=django.contrib.postgres.indexes.GistIndex(
                condition=models.Q(("overlap_reason", ""), _negated=True),
                fields=["room_during", "clinician_during"],
                name="appointment_overlaps",
            ),
        ),
        migrations.CreateModel(
            name="Taken",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "clinic_id", "block", "kind", "key", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinic.clinic",
                    ),
                ),
                ("block", models.IntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("clinician", "Clinician"), ("room", "Room"), ("device", "Device")], max_length=9
                    ),
                ),
                ("key", models.BigIntegerField()),
                ("bits", models.BinaryField()),
            ],
        ),
        # Room for the next version of a row beside it: a booking then writes the row and no index.
        migrations.RunSQL("ALTER TABLE treatments_taken SET (fillfactor = 50)", migrations.RunSQL.noop),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        pgtrigger.migrations.AddTrigger(
            model_name='appointment',
            trigger=pgtrigger.compiler.Trigger(name='takes_when_made', sql=pgtrigger.compiler.UpsertTriggerSql(func="PERFORM treatments_retake('{}', ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM (\n        SELECT visit.clinic_id, held.kind, held.key, held.during FROM after visit, LATERAL (VALUES\n            ('clinician', visit.clinician_id, visit.clinician_during),\n            ('room', visit.room_id, visit.room_during),\n            ('device', visit.device_id, visit.clinician_during)\n        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL\n    ) span)); RETURN NULL;", hash='9906f6c0b8a8bf2459a076c5dc55ee83e25a8f7e', level='STATEMENT', operation='INSERT', pgid='pgtrigger_takes_when_made_ab195', referencing='REFERENCING NEW TABLE AS after ', table='treatments_appointment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='appointment',
            trigger=pgtrigger.compiler.Trigger(name='takes_when_changed', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE freed treatments_span[]; taken treatments_span[];', func="\n            IF NOT EXISTS (SELECT FROM after visit WHERE NOT EXISTS (SELECT FROM before was WHERE was.id = visit.id AND was.clinic_id IS NOT DISTINCT FROM visit.clinic_id AND was.clinician_id IS NOT DISTINCT FROM visit.clinician_id AND was.room_id IS NOT DISTINCT FROM visit.room_id AND was.device_id IS NOT DISTINCT FROM visit.device_id AND was.clinician_during IS NOT DISTINCT FROM visit.clinician_during AND was.room_during IS NOT DISTINCT FROM visit.room_during AND (was.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')) = (visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')))) THEN\n                RETURN NULL;\n            END IF;\n            freed := ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM (\n        SELECT visit.clinic_id, held.kind, held.key, held.during FROM before visit, LATERAL (VALUES\n            ('clinician', visit.clinician_id, visit.clinician_during),\n            ('room', visit.room_id, visit.room_during),\n            ('device', visit.device_id, visit.clinician_during)\n        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL\n     EXCEPT \n        SELECT visit.clinic_id, held.kind, held.key, held.during FROM after visit, LATERAL (VALUES\n            ('clinician', visit.clinician_id, visit.clinician_during),\n            ('room', visit.room_id, visit.room_during),\n            ('device', visit.device_id, visit.clinician_during)\n        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL\n    ) span);\n            taken := ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM (\n        SELECT visit.clinic_id, held.kind, held.key, held.during FROM after visit, LATERAL (VALUES\n            ('clinician', visit.clinician_id, visit.clinician_during),\n            ('room', visit.room_id, visit.room_during),\n            ('device', visit.device_id, visit.clinician_during)\n        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL\n     EXCEPT \n        SELECT visit.clinic_id, held.kind, held.key, held.during FROM before visit, LATERAL (VALUES\n            ('clinician', visit.clinician_id, visit.clinician_during),\n            ('room', visit.room_id, visit.room_during),\n            ('device', visit.device_id, visit.clinician_during)\n        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL\n    ) span);\n            IF freed <> '{}' OR taken <> '{}' THEN PERFORM treatments_retake(freed, taken); END IF;\n            RETURN NULL;\n        ", hash='5d171be067edf49e4fb03b44525b201615d92af6', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_takes_when_changed_6ba18', referencing='REFERENCING OLD TABLE AS before  NEW TABLE AS after ', table='treatments_appointment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='appointment',
            trigger=pgtrigger.compiler.Trigger(name='frees_when_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="PERFORM treatments_retake(ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM (\n        SELECT visit.clinic_id, held.kind, held.key, held.during FROM before visit, LATERAL (VALUES\n            ('clinician', visit.clinician_id, visit.clinician_during),\n            ('room', visit.room_id, visit.room_during),\n            ('device', visit.device_id, visit.clinician_during)\n        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL\n    ) span), '{}'); RETURN NULL;", hash='247be9f99c4d1f80ad5cdd6922ff44a3e980a899', level='STATEMENT', operation='DELETE', pgid='pgtrigger_frees_when_deleted_109f4', referencing='REFERENCING OLD TABLE AS before ', table='treatments_appointment', when='AFTER')),
        ),
        migrations.RunSQL("SELECT treatments_rebuild_taken()", migrations.RunSQL.noop),
    ]
