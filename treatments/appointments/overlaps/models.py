"""Two visits at one time on purpose: the second says why. What says nothing never lands beside it by accident."""

import pgtrigger

from treatments.appointments.models import BLOCKING_IN_SQL, Appointment

# The constraints hold among rows without a reason; a row with one is outside them, so a row without would not see it. Who was
# there first stays where it is: only a new place is asked about, and it is found by the index `appointment_overlaps`.
NOT_BESIDE_AN_OVERLAP = pgtrigger.Trigger(
    name="appointment_beside_an_overlap",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    func=f"""
        IF NEW.status NOT IN ({BLOCKING_IN_SQL}) OR NEW.overlap_reason <> '' OR (TG_OP = 'UPDATE'
            AND OLD.overlap_reason = '' AND NEW.room_during = OLD.room_during
            AND NEW.clinician_during = OLD.clinician_during AND NEW.clinician_id IS NOT DISTINCT FROM OLD.clinician_id
            AND NEW.room_id IS NOT DISTINCT FROM OLD.room_id AND NEW.device_id IS NOT DISTINCT FROM OLD.device_id
        ) THEN RETURN NEW; END IF;
        IF EXISTS (
            SELECT 1 FROM treatments_appointment other
            WHERE other.overlap_reason <> '' AND other.status IN ({BLOCKING_IN_SQL}) AND other.id IS DISTINCT FROM NEW.id
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
    """,  # noqa: S608  constants of ours only
)
pgtrigger.register(NOT_BESIDE_AN_OVERLAP)(Appointment)
