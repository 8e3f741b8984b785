from django.db import migrations

FUNCTION = r"""
-- What is taken of some clinicians, rooms and devices, for `taken/reading.py`. `what` and `of_kind`: a letter each.
-- 'k': the bits that are kept of block `first`; whoever asks puts the blocks together, in less time than it takes here.
-- In ticks, from `first` up to `until`, what nothing keeps because it is little ('t'): the visits of the patient herself, and the
-- places that somebody holds for another course for some minutes. Visits that move are not in their own way ('-'); where somebody sits beside one on
-- purpose, the place stays taken: all that takes it ('+'), the visit itself among them.
-- Planned once: planning took as long as looking, and the plan is always the same.
CREATE OR REPLACE FUNCTION treatments_taken_between(
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

# As migration 0014 made it.
FUNCTION_BEFORE = r"""
CREATE OR REPLACE FUNCTION treatments_taken_between(
    of_clinic bigint, first_block int, last_block int, first_day date, last_day date,
    clinicians bigint[], rooms bigint[], devices bigint[], of_patient bigint, own_course bigint, ignored bigint[], blocking text[]
) RETURNS TABLE (what "char", of_kind "char", of_key bigint, first bigint, until bigint, of_visit bigint, taken bytea)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT 'k'::"char", left(kept.kind, 1)::"char", kept.key::bigint, min(kept.block)::bigint, 0::bigint, 0::bigint,
        string_agg(kept.bits, '' ORDER BY kept.block)
    FROM (
        SELECT one.kind, one.key, one.block, one.bits,
            one.block - row_number() OVER (PARTITION BY one.kind, one.key ORDER BY one.block) AS without_a_gap
        FROM treatments_taken one
        WHERE one.clinic_id = of_clinic AND one.block BETWEEN first_block AND last_block AND (
            (one.kind = 'clinician' AND one.key = ANY(clinicians)) OR (one.kind = 'room' AND one.key = ANY(rooms))
            OR (one.kind = 'device' AND one.key = ANY(devices)))
    ) kept GROUP BY kept.kind, kept.key, kept.without_a_gap
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


class Migration(migrations.Migration):
    dependencies = [
        ("treatments", "0014_taken_between"),
    ]

    operations = [
        migrations.RunSQL(FUNCTION, FUNCTION_BEFORE),
    ]
