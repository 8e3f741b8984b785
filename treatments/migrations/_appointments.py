"""The tables of treatments/appointments, for the migration that makes all of them."""

import uuid

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.indexes
import django.db.models.constraints
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models

# Reading of the bits and the check of them stand in treatments/appointments/taken; this is what keeps them.
FUNCTIONS = """
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

-- What is taken of some clinicians, rooms and devices, for `taken/reading.py`. `what` and `of_kind`: a letter each.
-- 'k': the bits that are kept of block `first`; whoever asks puts the blocks together, in less time than it takes here.
-- In ticks, from `first` up to `until`, what nothing keeps because it is little ('t'): the visits of the patient
-- herself, and the places that somebody holds for another course for some minutes. Visits that move are not in their
-- own way ('-'); where somebody sits beside one on purpose, the place stays taken: all that takes it ('+'), the visit
-- itself among them.
-- Planned once: planning took as long as looking, and the plan is always the same.
CREATE FUNCTION treatments_taken_between(
    of_clinic bigint, first_block int, last_block int, first_day date, last_day date,
    clinicians bigint[], rooms bigint[], devices bigint[], of_patient bigint, own_course bigint, ignored bigint[], blocking text[]
) RETURNS TABLE (what "char", of_kind "char", of_key bigint, first bigint, until bigint, of_visit bigint, taken bytea)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT 'k'::"char", left(kept.kind, 1)::"char", kept.key::bigint, kept.block::bigint, 0::bigint, 0::bigint, kept.bits
    FROM treatments_taken kept
    WHERE kept.clinic_id = of_clinic AND kept.block BETWEEN first_block AND last_block AND (
        (kept.kind = 'clinician' AND kept.key = ANY(clinicians)) OR (kept.kind = 'room' AND kept.key = ANY(rooms))
        OR (kept.kind = 'device' AND kept.key = ANY(devices)))
    UNION ALL
    SELECT 't', 'p', visit.patient_id, treatments_tick(lower(visit.during)), treatments_last_tick(upper(visit.during)) + 1, 0, ''
    FROM treatments_appointment visit
    WHERE visit.patient_id = of_patient AND visit.clinic_id = of_clinic AND visit.day BETWEEN first_day - 1 AND last_day + 1
        AND visit.status = ANY(blocking) AND visit.id <> ALL(ignored)
    UNION ALL
    SELECT 't', held.kind::"char", held.key, treatments_tick(lower(held.during)), treatments_last_tick(upper(held.during)) + 1, 0, ''
    FROM treatments_coursehold hold JOIN treatments_heldvisit visit ON visit.hold_id = hold.id, LATERAL (VALUES
        ('c', visit.clinician_id, visit.clinician_during),
        ('r', visit.room_id, visit.room_during),
        ('d', visit.device_id, visit.clinician_during)
    ) held (kind, key, during)
    WHERE hold.clinic_id = of_clinic AND hold.plan_id <> own_course AND hold.expires_at > clinic_now() AND held.key IS NOT NULL;

    IF ignored <> '{}' THEN RETURN QUERY
        SELECT taking.sign::"char", left(held.kind, 1)::"char", held.key, treatments_tick(lower(taking.during)),
            treatments_last_tick(upper(taking.during)) + 1, visit.id, ''::bytea
        FROM treatments_appointment visit, LATERAL (VALUES
            ('clinician', visit.clinician_id, visit.clinician_during),
            ('room', visit.room_id, visit.room_during),
            ('device', visit.device_id, visit.clinician_during)
        ) held (kind, key, during), LATERAL (
            SELECT '-' AS sign, held.during
            UNION ALL SELECT '+', other FROM treatments_taking(held.kind, held.key, tstzrange(
                to_timestamp(treatments_tick(lower(held.during)) * 300),
                to_timestamp((treatments_last_tick(upper(held.during)) + 1) * 300))) other
        ) taking
        WHERE visit.id = ANY(ignored) AND held.key IS NOT NULL AND visit.status = ANY(blocking);
    END IF;
END
$$;
"""
DROP_FUNCTIONS = """
DROP FUNCTION treatments_taken_between(bigint, int, int, date, date, bigint[], bigint[], bigint[], bigint, bigint, bigint[], text[]);
DROP FUNCTION treatments_rebuild_taken();
DROP FUNCTION treatments_retake(treatments_span[], treatments_span[]);
DROP FUNCTION treatments_marked(bytea, int, bigint, bigint, int);
DROP FUNCTION treatments_last_tick(timestamptz);
DROP FUNCTION treatments_tick(timestamptz);
DROP FUNCTION treatments_taking(text, bigint, tstzrange);
DROP TYPE treatments_span;
"""

operations = [
    # Before the appointments: their triggers speak of its type.
    migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
    migrations.CreateModel(
        name='Appointment',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('kind', models.CharField(choices=[('consultation', 'Consultation'), ('treatment', 'Treatment'), ('review', 'Review')], max_length=14)),
            ('status', models.CharField(choices=[('booked', 'Booked'), ('confirmed', 'Confirmed'), ('arrived', 'Arrived'), ('numbing', 'Numbing'), ('in_room', 'In room'), ('done', 'Done'), ('no_show', 'No-show'), ('cancelled', 'Cancelled')], default='booked', max_length=10)),
            ('day', models.DateField()),
            ('starts_at', models.TimeField()),
            ('zone', models.CharField(max_length=64)),
            ('fold', models.PositiveSmallIntegerField(default=0)),
            ('prep_minutes', models.PositiveSmallIntegerField(default=0)),
            ('treat_minutes', models.PositiveSmallIntegerField()),
            ('turnover_minutes', models.PositiveSmallIntegerField(default=0)),
            ('during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('room_during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('clinician_during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('overlap_reason', models.CharField(blank=True, max_length=200)),
            ('to_ask', models.BooleanField(default=False)),
            ('session_counts', models.BooleanField(default=True)),
            ('schedule_version', models.PositiveSmallIntegerField(default=1)),
            ('booked_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('confirmed_at', models.DateTimeField(null=True)),
            ('arrived_at', models.DateTimeField(null=True)),
            ('numbing_at', models.DateTimeField(null=True)),
            ('in_room_at', models.DateTimeField(null=True)),
            ('done_at', models.DateTimeField(null=True)),
            ('closed_at', models.DateTimeField(null=True)),
            ('closed_reason', models.CharField(blank=True, max_length=200)),
            ('booked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='clinic.clinic')),
            ('clinician', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='clinic.membership')),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='patients.patient')),
            ('room', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='clinic.room')),
            ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='treatments.device')),
            ('planned_session', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='treatments.plannedsession')),
        ],
        options={
            'ordering': ['during', 'id'],
            'indexes': [
                models.Index(fields=['clinic', 'day'], name='appointment_by_day'),
                models.Index(fields=['patient', '-day'], name='appointment_by_patient'),
                django.contrib.postgres.indexes.GistIndex(condition=models.Q(('overlap_reason', ''), _negated=True), fields=['room_during', 'clinician_during'], name='appointment_overlaps'),
            ],
            'constraints': [
                django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('overlap_reason', ''), ('room__isnull', False), ('status__in', ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done'))), deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func(models.F('room'), models.F('room'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), ('room_during', '&&')], name='appointment_room_free'),
                django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('clinician__isnull', False), ('overlap_reason', ''), ('status__in', ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done'))), deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func(models.F('clinician'), models.F('clinician'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), ('clinician_during', '&&')], name='appointment_clinician_free'),
                django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('device__isnull', False), ('overlap_reason', ''), ('status__in', ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done'))), deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func(models.F('device'), models.F('device'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), ('clinician_during', '&&')], name='appointment_device_free'),
                django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('overlap_reason', ''), ('patient__isnull', False), ('status__in', ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done'))), deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func(models.F('patient'), models.F('patient'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), ('during', '&&')], name='appointment_patient_free'),
                models.UniqueConstraint(condition=models.Q(('session_counts', True), ('status__in', ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done'))), fields=('planned_session',), name='planned_session_booked_once'),
                models.CheckConstraint(condition=models.Q(models.Q(('kind', 'treatment'), _negated=True), ('planned_session__isnull', False), _connector='OR'), name='appointment_treatment_has_a_session'),
                models.CheckConstraint(condition=models.Q(('prep_minutes__lte', 240), ('treat_minutes__gte', 5), ('treat_minutes__lte', 240), ('turnover_minutes__lte', 120)), name='appointment_minutes_sane'),
                models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['cancelled', 'no_show']), _negated=True), ('closed_at__isnull', False), _connector='OR'), name='appointment_closed_says_when'),
                models.CheckConstraint(condition=models.Q(('clinician_during__isempty', False), ('clinician_during__lower_inf', False), ('clinician_during__upper_inf', False), ('during__isempty', False), ('during__lower_inf', False), ('during__upper_inf', False), ('room_during__isempty', False), ('room_during__lower_inf', False), ('room_during__upper_inf', False)), name='appointment_ranges_sane'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_appointmentevent" ("arrived_at", "booked_at", "booked_by_id", "clinic_id", "clinician_during", "clinician_id", "closed_at", "closed_reason", "confirmed_at", "day", "device_id", "done_at", "during", "fold", "id", "in_room_at", "kind", "numbing_at", "overlap_reason", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "planned_session_id", "prep_minutes", "ref", "room_during", "room_id", "schedule_version", "session_counts", "starts_at", "status", "to_ask", "treat_minutes", "turnover_minutes", "zone") VALUES (NEW."arrived_at", NEW."booked_at", NEW."booked_by_id", NEW."clinic_id", NEW."clinician_during", NEW."clinician_id", NEW."closed_at", NEW."closed_reason", NEW."confirmed_at", NEW."day", NEW."device_id", NEW."done_at", NEW."during", NEW."fold", NEW."id", NEW."in_room_at", NEW."kind", NEW."numbing_at", NEW."overlap_reason", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."planned_session_id", NEW."prep_minutes", NEW."ref", NEW."room_during", NEW."room_id", NEW."schedule_version", NEW."session_counts", NEW."starts_at", NEW."status", NEW."to_ask", NEW."treat_minutes", NEW."turnover_minutes", NEW."zone"); RETURN NULL;', hash='92881b81fa96ce49b8dbd541f3b5bec8ba98cfa6', operation='INSERT', pgid='pgtrigger_insert_insert_b66b1', table='treatments_appointment', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_appointmentevent" ("arrived_at", "booked_at", "booked_by_id", "clinic_id", "clinician_during", "clinician_id", "closed_at", "closed_reason", "confirmed_at", "day", "device_id", "done_at", "during", "fold", "id", "in_room_at", "kind", "numbing_at", "overlap_reason", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "planned_session_id", "prep_minutes", "ref", "room_during", "room_id", "schedule_version", "session_counts", "starts_at", "status", "to_ask", "treat_minutes", "turnover_minutes", "zone") VALUES (NEW."arrived_at", NEW."booked_at", NEW."booked_by_id", NEW."clinic_id", NEW."clinician_during", NEW."clinician_id", NEW."closed_at", NEW."closed_reason", NEW."confirmed_at", NEW."day", NEW."device_id", NEW."done_at", NEW."during", NEW."fold", NEW."id", NEW."in_room_at", NEW."kind", NEW."numbing_at", NEW."overlap_reason", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."planned_session_id", NEW."prep_minutes", NEW."ref", NEW."room_during", NEW."room_id", NEW."schedule_version", NEW."session_counts", NEW."starts_at", NEW."status", NEW."to_ask", NEW."treat_minutes", NEW."turnover_minutes", NEW."zone"); RETURN NULL;', hash='7469daff4cd21d4a2435a579c07ca8e78591d26b', operation='UPDATE', pgid='pgtrigger_update_update_8bbbc', table='treatments_appointment', when='AFTER')),
                pgtrigger.compiler.Trigger(name='takes_when_made', sql=pgtrigger.compiler.UpsertTriggerSql(func="""PERFORM treatments_retake('{}', ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM (
        SELECT visit.clinic_id, held.kind, held.key, held.during FROM after visit, LATERAL (VALUES
            ('clinician', visit.clinician_id, visit.clinician_during),
            ('room', visit.room_id, visit.room_during),
            ('device', visit.device_id, visit.clinician_during)
        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL
    ) span)); RETURN NULL;""", hash='9906f6c0b8a8bf2459a076c5dc55ee83e25a8f7e', level='STATEMENT', operation='INSERT', pgid='pgtrigger_takes_when_made_ab195', referencing='REFERENCING NEW TABLE AS after ', table='treatments_appointment', when='AFTER')),
                pgtrigger.compiler.Trigger(name='takes_when_changed', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE freed treatments_span[]; taken treatments_span[];', func="""
            IF NOT EXISTS (SELECT FROM after visit WHERE NOT EXISTS (SELECT FROM before was WHERE was.id = visit.id AND was.clinic_id IS NOT DISTINCT FROM visit.clinic_id AND was.clinician_id IS NOT DISTINCT FROM visit.clinician_id AND was.room_id IS NOT DISTINCT FROM visit.room_id AND was.device_id IS NOT DISTINCT FROM visit.device_id AND was.clinician_during IS NOT DISTINCT FROM visit.clinician_during AND was.room_during IS NOT DISTINCT FROM visit.room_during AND (was.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')) = (visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done')))) THEN
                RETURN NULL;
            END IF;
            freed := ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM (
        SELECT visit.clinic_id, held.kind, held.key, held.during FROM before visit, LATERAL (VALUES
            ('clinician', visit.clinician_id, visit.clinician_during),
            ('room', visit.room_id, visit.room_during),
            ('device', visit.device_id, visit.clinician_during)
        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL
     EXCEPT\x20
        SELECT visit.clinic_id, held.kind, held.key, held.during FROM after visit, LATERAL (VALUES
            ('clinician', visit.clinician_id, visit.clinician_during),
            ('room', visit.room_id, visit.room_during),
            ('device', visit.device_id, visit.clinician_during)
        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL
    ) span);
            taken := ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM (
        SELECT visit.clinic_id, held.kind, held.key, held.during FROM after visit, LATERAL (VALUES
            ('clinician', visit.clinician_id, visit.clinician_during),
            ('room', visit.room_id, visit.room_during),
            ('device', visit.device_id, visit.clinician_during)
        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL
     EXCEPT\x20
        SELECT visit.clinic_id, held.kind, held.key, held.during FROM before visit, LATERAL (VALUES
            ('clinician', visit.clinician_id, visit.clinician_during),
            ('room', visit.room_id, visit.room_during),
            ('device', visit.device_id, visit.clinician_during)
        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL
    ) span);
            IF freed <> '{}' OR taken <> '{}' THEN PERFORM treatments_retake(freed, taken); END IF;
            RETURN NULL;
        """, hash='5d171be067edf49e4fb03b44525b201615d92af6', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_takes_when_changed_6ba18', referencing='REFERENCING OLD TABLE AS before  NEW TABLE AS after ', table='treatments_appointment', when='AFTER')),
                pgtrigger.compiler.Trigger(name='frees_when_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="""PERFORM treatments_retake(ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM (
        SELECT visit.clinic_id, held.kind, held.key, held.during FROM before visit, LATERAL (VALUES
            ('clinician', visit.clinician_id, visit.clinician_during),
            ('room', visit.room_id, visit.room_during),
            ('device', visit.device_id, visit.clinician_during)
        ) held (kind, key, during) WHERE visit.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND held.key IS NOT NULL
    ) span), '{}'); RETURN NULL;""", hash='247be9f99c4d1f80ad5cdd6922ff44a3e980a899', level='STATEMENT', operation='DELETE', pgid='pgtrigger_frees_when_deleted_109f4', referencing='REFERENCING OLD TABLE AS before ', table='treatments_appointment', when='AFTER')),
                pgtrigger.compiler.Trigger(name='appointment_not_held', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE course bigint;', func="""
        IF NEW.status NOT IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') OR NEW.overlap_reason <> '' OR (TG_OP = 'UPDATE'
            AND OLD.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND NEW.room_during = OLD.room_during
            AND NEW.clinician_during = OLD.clinician_during AND NEW.clinician_id IS NOT DISTINCT FROM OLD.clinician_id
            AND NEW.room_id IS NOT DISTINCT FROM OLD.room_id AND NEW.device_id IS NOT DISTINCT FROM OLD.device_id
        ) THEN RETURN NEW; END IF;
        SELECT plan_id INTO course FROM treatments_plannedsession WHERE id = NEW.planned_session_id;
        IF EXISTS (
            SELECT 1 FROM treatments_heldvisit held JOIN treatments_coursehold hold ON hold.id = held.hold_id
            WHERE hold.expires_at > clinic_now() AND hold.plan_id IS DISTINCT FROM course AND (
                (held.clinician_id = NEW.clinician_id AND held.clinician_during && NEW.clinician_during)
                OR (held.room_id = NEW.room_id AND held.room_during && NEW.room_during)
                OR (held.device_id = NEW.device_id AND held.clinician_during && NEW.clinician_during))
        ) THEN RAISE EXCEPTION 'appointment_not_held' USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'appointment_not_held'; END IF;
        RETURN NEW;
    """, hash='38ca98b0ad5809f378f9eb8b74e6cdcd056a042d', operation='INSERT OR UPDATE', pgid='pgtrigger_appointment_not_held_4ff63', table='treatments_appointment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='appointment_beside_an_overlap', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF NEW.status NOT IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') OR NEW.overlap_reason <> '' OR (TG_OP = 'UPDATE'
            AND OLD.overlap_reason = '' AND NEW.room_during = OLD.room_during
            AND NEW.clinician_during = OLD.clinician_during AND NEW.clinician_id IS NOT DISTINCT FROM OLD.clinician_id
            AND NEW.room_id IS NOT DISTINCT FROM OLD.room_id AND NEW.device_id IS NOT DISTINCT FROM OLD.device_id
        ) THEN RETURN NEW; END IF;
        IF EXISTS (
            SELECT 1 FROM treatments_appointment other
            WHERE other.overlap_reason <> '' AND other.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND other.id IS DISTINCT FROM NEW.id
                AND other.room_during && NEW.room_during AND (
                    other.room_id = NEW.room_id
                    OR (other.clinician_id = NEW.clinician_id AND other.clinician_during && NEW.clinician_during)
                    OR (other.device_id = NEW.device_id AND other.clinician_during && NEW.clinician_during)
                    OR (other.patient_id = NEW.patient_id AND other.during && NEW.during))
        ) THEN
            RAISE EXCEPTION 'appointment_beside_an_overlap'
                USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'appointment_beside_an_overlap';
        END IF;
        RETURN NEW;
    """, hash='0889bd04bcbb8333d0ac23814aa137ce1740659a', operation='INSERT OR UPDATE', pgid='pgtrigger_appointment_beside_an_overlap_6a9d0', table='treatments_appointment', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='AppointmentEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
            ('kind', models.CharField(choices=[('consultation', 'Consultation'), ('treatment', 'Treatment'), ('review', 'Review')], max_length=14)),
            ('status', models.CharField(choices=[('booked', 'Booked'), ('confirmed', 'Confirmed'), ('arrived', 'Arrived'), ('numbing', 'Numbing'), ('in_room', 'In room'), ('done', 'Done'), ('no_show', 'No-show'), ('cancelled', 'Cancelled')], default='booked', max_length=10)),
            ('day', models.DateField()),
            ('starts_at', models.TimeField()),
            ('zone', models.CharField(max_length=64)),
            ('fold', models.PositiveSmallIntegerField(default=0)),
            ('prep_minutes', models.PositiveSmallIntegerField(default=0)),
            ('treat_minutes', models.PositiveSmallIntegerField()),
            ('turnover_minutes', models.PositiveSmallIntegerField(default=0)),
            ('during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('room_during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('clinician_during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('overlap_reason', models.CharField(blank=True, max_length=200)),
            ('to_ask', models.BooleanField(default=False)),
            ('session_counts', models.BooleanField(default=True)),
            ('schedule_version', models.PositiveSmallIntegerField(default=1)),
            ('booked_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('confirmed_at', models.DateTimeField(null=True)),
            ('arrived_at', models.DateTimeField(null=True)),
            ('numbing_at', models.DateTimeField(null=True)),
            ('in_room_at', models.DateTimeField(null=True)),
            ('done_at', models.DateTimeField(null=True)),
            ('closed_at', models.DateTimeField(null=True)),
            ('closed_reason', models.CharField(blank=True, max_length=200)),
            ('booked_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.clinic')),
            ('clinician', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.membership')),
            ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.appointment')),
            ('room', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.room')),
            ('device', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.device')),
            ('planned_session', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.plannedsession')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='8b828161fd7de876987151ffd901ec80563c4f31', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_59e0d', table='treatments_appointmentevent', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Taken',
        fields=[
            ('pk', models.CompositePrimaryKey('clinic_id', 'block', 'kind', 'key', blank=True, editable=False, primary_key=True, serialize=False)),
            ('clinic', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic')),
            ('block', models.IntegerField()),
            ('kind', models.CharField(choices=[('clinician', 'Clinician'), ('room', 'Room'), ('device', 'Device')], max_length=9)),
            ('key', models.BigIntegerField()),
            ('bits', models.BinaryField()),
        ],
    ),
    # Room for the next version of a row beside it: a booking then writes the row and no index.
    migrations.RunSQL("ALTER TABLE treatments_taken SET (fillfactor = 50)", migrations.RunSQL.noop),
    migrations.CreateModel(
        name='WaitingEntry',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('kind', models.CharField(choices=[('consultation', 'Consultation'), ('treatment', 'Treatment'), ('review', 'Review')], max_length=14)),
            ('weekdays', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), default=list, size=None)),
            ('from_time', models.TimeField(null=True)),
            ('until_time', models.TimeField(null=True)),
            ('note', models.CharField(blank=True, max_length=200)),
            ('asked_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('ended_at', models.DateTimeField(null=True)),
            ('ended_reason', models.CharField(blank=True, max_length=200)),
            ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='waiting_entries', to='clinic.clinic')),
            ('clinician', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.membership')),
            ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='waiting_entries', to='patients.patient')),
            ('planned_session', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='waiting_entries', to='treatments.plannedsession')),
        ],
        options={
            'ordering': ['asked_at', 'id'],
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('planned_session',), name='waiting_once_a_session'),
                models.UniqueConstraint(condition=models.Q(('ended_at', None), ('planned_session', None)), fields=('patient', 'kind'), name='waiting_once_a_kind'),
                models.CheckConstraint(condition=models.Q(models.Q(('kind', 'treatment'), ('planned_session__isnull', False)), models.Q(models.Q(('kind', 'treatment'), _negated=True), ('planned_session', None)), _connector='OR'), name='waiting_treatment_has_a_session'),
                models.CheckConstraint(condition=models.Q(('from_time', None), ('until_time', None), ('until_time__gt', models.F('from_time')), _connector='OR'), name='waiting_times_in_order'),
                models.CheckConstraint(condition=models.Q(('weekdays__contained_by', [1, 2, 3, 4, 5, 6, 7])), name='waiting_weekdays_iso'),
                models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ended_by', None), ('ended_reason', '')), models.Q(('ended_at__isnull', False), ('ended_by__isnull', False), models.Q(('ended_reason', ''), _negated=True)), _connector='OR'), name='waiting_end_says_who_and_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='waiting_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='56d6bc68b864135bc6323e2febf478fcc2a1f484', operation='DELETE', pgid='pgtrigger_waiting_kept_2f0b9', table='treatments_waitingentry', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='waiting_only_ends', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."asked_at" IS DISTINCT FROM (NEW."asked_at") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."clinic_id" IS DISTINCT FROM (NEW."clinic_id") OR OLD."clinician_id" IS DISTINCT FROM (NEW."clinician_id") OR OLD."from_time" IS DISTINCT FROM (NEW."from_time") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."note" IS DISTINCT FROM (NEW."note") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."planned_session_id" IS DISTINCT FROM (NEW."planned_session_id") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."until_time" IS DISTINCT FROM (NEW."until_time") OR OLD."weekdays" IS DISTINCT FROM (NEW."weekdays"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='58615f22bcdf4ed27771472595d7363973917a50', operation='UPDATE', pgid='pgtrigger_waiting_only_ends_cc452', table='treatments_waitingentry', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='CallOutcome',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('list_code', models.CharField(max_length=24)),
            ('visit_version', models.PositiveSmallIntegerField(null=True)),
            ('outcome', models.CharField(choices=[('booked', 'Booked'), ('told', 'Told'), ('call_back', 'Call back'), ('message', 'Left a message'), ('no_answer', 'No answer'), ('declined', 'Cannot take that time'), ('stop', 'Not called any more')], max_length=10)),
            ('call_back_on', models.DateField(null=True)),
            ('call_back_at', models.TimeField(null=True)),
            ('hole', django.contrib.postgres.fields.ranges.DateTimeRangeField(null=True)),
            ('note', models.CharField(blank=True, max_length=200)),
            ('said_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('taken_back_at', models.DateTimeField(null=True)),
            ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='call_outcomes', to='clinic.clinic')),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='call_outcomes', to='patients.patient')),
            ('plan', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='call_outcomes', to='treatments.treatmentplan')),
            ('planned_session', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='call_outcomes', to='treatments.plannedsession')),
            ('taken_back_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('visit', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='call_outcomes', to='treatments.appointment')),
            ('waiting', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='call_outcomes', to='treatments.waitingentry')),
        ],
        options={
            'ordering': ['-id'],
            'indexes': [
                models.Index(fields=['patient', '-said_at'], name='call_outcome_by_patient'),
                models.Index(fields=['clinic', '-said_at'], name='call_outcome_by_clinic'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('plan', None), ('planned_session__isnull', False), ('visit', None), ('waiting', None)), models.Q(('plan', None), ('planned_session', None), ('visit__isnull', False), ('visit_version__isnull', False), ('waiting', None)), models.Q(('plan__isnull', False), ('planned_session', None), ('visit', None), ('waiting', None)), models.Q(('plan', None), ('planned_session', None), ('visit', None), ('waiting__isnull', False)), _connector='OR'), name='call_outcome_about_one_thing'),
                models.CheckConstraint(condition=models.Q(models.Q(('call_back_on__isnull', False), ('outcome', 'call_back')), models.Q(models.Q(('outcome', 'call_back'), _negated=True), ('call_back_at', None), ('call_back_on', None)), _connector='OR'), name='call_back_has_a_day'),
                models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'stop'), _negated=True), models.Q(('note', ''), _negated=True), _connector='OR'), name='call_stop_says_why'),
                models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'declined'), _negated=True), ('hole__isnull', False), _connector='OR'), name='call_declined_names_the_time'),
                models.CheckConstraint(condition=models.Q(models.Q(('taken_back_at', None), ('taken_back_by', None)), models.Q(('taken_back_at__isnull', False), ('taken_back_by__isnull', False)), _connector='OR'), name='call_taken_back_says_who'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='call_outcome_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='0b84ba78811cc25ca99dafc004a617bf23b57a42', operation='DELETE', pgid='pgtrigger_call_outcome_kept_e16b5', table='treatments_calloutcome', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='call_outcome_only_taken_back', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."call_back_at" IS DISTINCT FROM (NEW."call_back_at") OR OLD."call_back_on" IS DISTINCT FROM (NEW."call_back_on") OR OLD."clinic_id" IS DISTINCT FROM (NEW."clinic_id") OR OLD."hole" IS DISTINCT FROM (NEW."hole") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."list_code" IS DISTINCT FROM (NEW."list_code") OR OLD."note" IS DISTINCT FROM (NEW."note") OR OLD."outcome" IS DISTINCT FROM (NEW."outcome") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."plan_id" IS DISTINCT FROM (NEW."plan_id") OR OLD."planned_session_id" IS DISTINCT FROM (NEW."planned_session_id") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."said_at" IS DISTINCT FROM (NEW."said_at") OR OLD."visit_id" IS DISTINCT FROM (NEW."visit_id") OR OLD."visit_version" IS DISTINCT FROM (NEW."visit_version") OR OLD."waiting_id" IS DISTINCT FROM (NEW."waiting_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='bea70201b0ebb3fc9a146c9a1e875d211007089e', operation='UPDATE', pgid='pgtrigger_call_outcome_only_taken_back_f85da', table='treatments_calloutcome', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='CalendarFeed',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('token_sha256', models.CharField(max_length=64, unique=True)),
            ('made_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('revoked_at', models.DateTimeField(null=True)),
            ('last_read_at', models.DateTimeField(null=True)),
            ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('membership', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='calendar_feeds', to='clinic.membership')),
            ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ['-made_at', '-id'],
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('revoked_at__isnull', True)), fields=('membership',), name='calendar_feed_one_at_a_time'),
                models.CheckConstraint(condition=models.Q(models.Q(('revoked_at__isnull', True), ('revoked_by__isnull', True)), models.Q(('revoked_at__isnull', False), ('revoked_by__isnull', False)), _connector='OR'), name='calendar_feed_given_up_says_who'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='calendar_feed_stays_given_up', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
    IF NEW.token_sha256 <> OLD.token_sha256 OR NEW.membership_id <> OLD.membership_id
        OR (OLD.revoked_at IS NOT NULL AND (NEW.revoked_at, NEW.revoked_by_id) IS DISTINCT FROM (OLD.revoked_at, OLD.revoked_by_id))
    THEN
        RAISE EXCEPTION 'calendar_feed_stays_given_up' USING ERRCODE = 'check_violation', CONSTRAINT = 'calendar_feed_stays_given_up';
    END IF;
    RETURN NEW;
""", hash='6edc32266691f8abfa041443bdd391ffd1733df2', operation='UPDATE', pgid='pgtrigger_calendar_feed_stays_given_up_df458', table='treatments_calendarfeed', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='CourseHold',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('held_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('expires_at', models.DateTimeField()),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='course_holds', to='clinic.clinic')),
            ('held_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('plan', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='course_hold', to='treatments.treatmentplan')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('held_at'))), name='course_hold_ends_after_it_begins'),
            ],
        },
    ),
    migrations.CreateModel(
        name='HeldVisit',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('day', models.DateField()),
            ('starts_at', models.TimeField()),
            ('during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('room_during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('clinician_during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ('clinician', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.membership')),
            ('device', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='treatments.device')),
            ('hold', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='visits', to='treatments.coursehold')),
            ('planned_session', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='held_visit', to='treatments.plannedsession')),
            ('room', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.room')),
        ],
        options={
            'ordering': ['during', 'id'],
            'constraints': [
                django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('room__isnull', False)), expressions=[(models.Func(models.F('room'), models.F('room'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), ('room_during', '&&')], name='held_room_free'),
                django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('clinician__isnull', False)), expressions=[(models.Func(models.F('clinician'), models.F('clinician'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), ('clinician_during', '&&')], name='held_clinician_free'),
                django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('device__isnull', False)), expressions=[(models.Func(models.F('device'), models.F('device'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), ('clinician_during', '&&')], name='held_device_free'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='held_visit_is_free', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF EXISTS (SELECT 1 FROM treatments_taking('clinician', NEW.clinician_id, NEW.clinician_during))
            OR EXISTS (SELECT 1 FROM treatments_taking('room', NEW.room_id, NEW.room_during))
            OR EXISTS (SELECT 1 FROM treatments_taking('device', NEW.device_id, NEW.clinician_during)
        ) THEN RAISE EXCEPTION 'held_visit_is_free' USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'held_visit_is_free'; END IF;
        RETURN NEW;
    """, hash='6bb75ba655b986e845bf5c29d9be5f84148ac381', operation='INSERT OR UPDATE', pgid='pgtrigger_held_visit_is_free_8415d', table='treatments_heldvisit', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ChangeReport',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('visit_version', models.PositiveSmallIntegerField()),
            ('changed', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
            ('answered_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('once', models.UUIDField(unique=True)),
            ('needs_a_look', models.BooleanField()),
            ('seen_at', models.DateTimeField(null=True)),
            ('seen_note', models.CharField(blank=True, max_length=200)),
            ('link', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='patients.patientlink')),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='change_reports', to='patients.patient')),
            ('record', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='treatments.screeningrecord')),
            ('seen_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('visit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='change_reports', to='treatments.appointment')),
        ],
        options={
            'ordering': ['-id'],
            'indexes': [
                models.Index(condition=models.Q(('needs_a_look', True), ('seen_at', None)), fields=['visit'], name='change_report_to_look_at'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('seen_at', None), ('seen_by', None)), models.Q(('seen_at__isnull', False), ('seen_by__isnull', False)), _connector='OR'), name='change_report_seen_says_who'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='change_report_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='00d69726800b6c6eb5c1c7e6049a9e0ef6469a74', operation='DELETE', pgid='pgtrigger_change_report_kept_9ded4', table='treatments_changereport', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='change_report_only_looked_at', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."answered_at" IS DISTINCT FROM (NEW."answered_at") OR OLD."changed" IS DISTINCT FROM (NEW."changed") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."link_id" IS DISTINCT FROM (NEW."link_id") OR OLD."needs_a_look" IS DISTINCT FROM (NEW."needs_a_look") OR OLD."once" IS DISTINCT FROM (NEW."once") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."record_id" IS DISTINCT FROM (NEW."record_id") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."visit_id" IS DISTINCT FROM (NEW."visit_id") OR OLD."visit_version" IS DISTINCT FROM (NEW."visit_version"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='0ff252abed45102fd2c1aa54f22410cf3247ccaf', operation='UPDATE', pgid='pgtrigger_change_report_only_looked_at_3ed93', table='treatments_changereport', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='MoveRequest',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('visit_version', models.PositiveSmallIntegerField()),
            ('wished_starts', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), default=list, size=None)),
            ('weekdays', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), default=list, size=None)),
            ('from_time', models.TimeField(null=True)),
            ('until_time', models.TimeField(null=True)),
            ('note', models.CharField(blank=True, max_length=200)),
            ('asked_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('ended_at', models.DateTimeField(null=True)),
            ('ended_because', models.CharField(blank=True, choices=[('moved', 'Moved'), ('kept', 'Stays as it is'), ('cancelled', 'Visit cancelled'), ('taken_back', 'Taken back by the patient'), ('replaced', 'Asked again with other wishes')], max_length=12)),
            ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('link', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='patients.patientlink')),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='move_requests', to='patients.patient')),
            ('visit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='move_requests', to='treatments.appointment')),
        ],
        options={
            'ordering': ['asked_at', 'id'],
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('visit',), name='move_request_once_a_visit'),
                models.CheckConstraint(condition=models.Q(('from_time', None), ('until_time', None), ('until_time__gt', models.F('from_time')), _connector='OR'), name='move_request_times_in_order'),
                models.CheckConstraint(condition=models.Q(('weekdays__contained_by', [1, 2, 3, 4, 5, 6, 7])), name='move_request_weekdays_iso'),
                models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ended_because', ''), ('ended_by', None)), models.Q(('ended_at__isnull', False), models.Q(('ended_because', ''), _negated=True)), _connector='OR'), name='move_request_end_says_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='move_request_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='7ad58a914575556d5c60532270af270f148109c8', operation='DELETE', pgid='pgtrigger_move_request_kept_f44e1', table='treatments_moverequest', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='move_request_only_ends', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."asked_at" IS DISTINCT FROM (NEW."asked_at") OR OLD."from_time" IS DISTINCT FROM (NEW."from_time") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."link_id" IS DISTINCT FROM (NEW."link_id") OR OLD."note" IS DISTINCT FROM (NEW."note") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."until_time" IS DISTINCT FROM (NEW."until_time") OR OLD."visit_id" IS DISTINCT FROM (NEW."visit_id") OR OLD."visit_version" IS DISTINCT FROM (NEW."visit_version") OR OLD."weekdays" IS DISTINCT FROM (NEW."weekdays") OR OLD."wished_starts" IS DISTINCT FROM (NEW."wished_starts"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='e2175d1650a7ef6266f5c7498837499f88b4d143', operation='UPDATE', pgid='pgtrigger_move_request_only_ends_878d5', table='treatments_moverequest', when='BEFORE')),
            ],
        },
    ),
]
