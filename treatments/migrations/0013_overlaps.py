import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("treatments", "0012_course_holds"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="appointment_beside_an_overlap",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF NEW.status NOT IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') OR NEW.overlap_reason <> '' OR (TG_OP = 'UPDATE'\n            AND OLD.overlap_reason = '' AND NEW.room_during = OLD.room_during\n            AND NEW.clinician_during = OLD.clinician_during AND NEW.clinician_id IS NOT DISTINCT FROM OLD.clinician_id\n            AND NEW.room_id IS NOT DISTINCT FROM OLD.room_id AND NEW.device_id IS NOT DISTINCT FROM OLD.device_id\n        ) THEN RETURN NEW; END IF;\n        IF EXISTS (\n            SELECT 1 FROM treatments_appointment other\n            WHERE other.overlap_reason <> '' AND other.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND other.id IS DISTINCT FROM NEW.id\n                AND other.room_during && NEW.room_during AND (\n                    other.room_id = NEW.room_id\n                    OR (other.clinician_id = NEW.clinician_id AND other.clinician_during && NEW.clinician_during)\n                    OR (other.device_id = NEW.device_id AND other.clinician_during && NEW.clinician_during)\n                    OR (other.patient_id = NEW.patient_id AND other.during && NEW.during))\n        ) THEN\n            RAISE EXCEPTION 'appointment_beside_an_overlap'\n                USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'appointment_beside_an_overlap';\n        END IF;\n        RETURN NEW;\n    ",
                    hash="0889bd04bcbb8333d0ac23814aa137ce1740659a",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_appointment_beside_an_overlap_6a9d0",
                    table="treatments_appointment",
                    when="BEFORE",
                ),
            ),
        ),
    ]
