"""What holds of every row that names a patient: what is written stays, and nothing is written to a merged record.

The one thing that changes in a row that never changes is whose record it stands in, when two records turn out to be of one
person. The triggers let that through, and nothing beside it: the row is the same but for its patient, the two patients are
those of a merge, and it is that merge's own transaction (`RecordMerge.moving_in`) that does it.
"""

import pgtrigger

GOES_WITH_A_MERGE = """TG_OP = 'UPDATE' AND NEW.patient_id <> OLD.patient_id
        AND to_jsonb(NEW) - 'patient_id' = to_jsonb(OLD) - 'patient_id'
        AND EXISTS (
            SELECT 1 FROM patients_recordmerge merge WHERE merge.moving_in = txid_current() AND (
                (merge.gone_id = OLD.patient_id AND merge.stays_id = NEW.patient_id)
                OR (merge.stays_id = OLD.patient_id AND merge.gone_id = NEW.patient_id)))"""


class StaysAsWritten(pgtrigger.Protect):
    """Protects as its parent does, and goes along with a merge."""

    def get_func(self, model) -> str:
        return f"IF {GOES_WITH_A_MERGE} THEN RETURN NEW; END IF; {super().get_func(model).strip()}"


# Locked as the foreign key would lock it a moment later. So whoever writes while two records are being merged waits, and then
# reads what has become of the one she had before her.
NOT_OF_A_MERGED_RECORD = pgtrigger.Trigger(
    name="not_of_a_merged_record",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("standing", "text")],
    func="""
        SELECT status INTO standing FROM patients_patient WHERE id = NEW.patient_id FOR KEY SHARE;
        IF standing = 'merged' THEN
            RAISE EXCEPTION 'record_merged_takes_nothing'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'record_merged_takes_nothing';
        END IF;
        RETURN NEW;
    """,
)
