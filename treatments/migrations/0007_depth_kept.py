import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


# Labels are read as they stand from now on: depths are numbers, and actives are written small. What is no plain number, or
# stands there twice, is for a person to put right: nothing of a label is dropped on the way.
NORMALISE_LABELS = r"""
DO $$
DECLARE wrong record;
BEGIN
    FOR wrong IN
        SELECT labels.name, said, value #>> '{}' AS number, count(*) OVER (PARTITION BY labels.name, lower(btrim(said))) AS times
        FROM (
            SELECT 'device ' || id AS name, max_depth_mm AS label FROM treatments_device
            UNION ALL SELECT 'anaesthetic ' || id, actives FROM treatments_anaesthetic
        ) labels, jsonb_each(label) AS entry(said, value)
    LOOP
        IF wrong.times > 1 OR (wrong.number ~ '^[0-9]+([.][0-9]+)?$') IS NOT TRUE THEN
            RAISE EXCEPTION 'The label of % says "%" for "%": write each place or active once, as a number like 1.5, and migrate again',
                wrong.name, wrong.number, wrong.said;
        END IF;
    END LOOP;
END $$;
UPDATE treatments_device SET max_depth_mm = (
    SELECT jsonb_object_agg(lower(btrim(place)), (depth #>> '{}')::numeric) FROM jsonb_each(max_depth_mm) AS label(place, depth)
) WHERE max_depth_mm <> '{}';
UPDATE treatments_anaesthetic SET actives = (
    SELECT jsonb_object_agg(lower(btrim(active)), (percent #>> '{}')::numeric) FROM jsonb_each(actives) AS label(active, percent)
) WHERE actives <> '{}';
"""


class Migration(migrations.Migration):

    dependencies = [
        ('treatments', '0006_reviews'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(NORMALISE_LABELS, migrations.RunSQL.noop),
        pgtrigger.migrations.RemoveTrigger(
            model_name='sessionzone',
            name='zone_depth_guard',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='sessionzone',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='sessionzone',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='treatmentsession',
            name='session_device_reaches_what_is_charted',
        ),
        migrations.RemoveConstraint(
            model_name='sessionzone',
            name='zone_over_soft_max_has_a_reason',
        ),
        migrations.AddField(
            model_name='sessionzone',
            name='ordered_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='sessionzoneevent',
            name='ordered_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='sessionzone',
            trigger=pgtrigger.compiler.Trigger(name='zone_depth_guard', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE who bigint; at_clinic bigint; course_status text; skin_type integer; treated text[]; label_mm numeric; is_ordered boolean;', func='\n        SELECT session.patient_id, session.clinic_id, course.status, (record.facts ->> \'skin_type\')::integer,\n                ARRAY(SELECT concern ->> \'code\' FROM jsonb_array_elements(course.concerns) concern\n                    WHERE jsonb_exists(concern -> \'zones\', NEW.zone)),\n                COALESCE(device.max_depth_mm ->> NEW.zone, device.max_depth_mm ->> (CASE WHEN NEW.zone IN (\'forehead\', \'temple\', \'periorbital\', \'nose\', \'cheek\', \'upper_lip\', \'perioral\', \'chin\', \'jawline\') THEN \'face\' WHEN NEW.zone IN (\'neck\') THEN \'neck\' ELSE \'body\' END))::numeric\n            INTO who, at_clinic, course_status, skin_type, treated, label_mm\n            FROM treatments_treatmentsession session\n            JOIN treatments_treatmentplan course ON course.id = session.plan_id\n            LEFT JOIN treatments_screeningrecord record ON record.id = session.screening_id\n            LEFT JOIN treatments_device device ON device.id = session.device_id\n            WHERE session.id = NEW.session_id;\n        IF cardinality(treated) = 0 THEN RAISE EXCEPTION \'zone_of_its_course\' USING ERRCODE = \'check_violation\', CONSTRAINT = \'zone_of_its_course\'; END IF;\n        IF NEW.depth_mm > label_mm THEN RAISE EXCEPTION \'zone_depth_within_device_label\' USING ERRCODE = \'check_violation\', CONSTRAINT = \'zone_depth_within_device_label\'; END IF;\n        IF label_mm IS NULL AND NEW.depth_mm > (CASE WHEN NEW.zone IN (\'cheek\', \'neck\') THEN 1.5 END) THEN RAISE EXCEPTION \'zone_deeper_only_by_label\' USING ERRCODE = \'check_violation\', CONSTRAINT = \'zone_deeper_only_by_label\'; END IF;\n        IF (\'melasma\' = ANY(treated) AND NEW.depth_mm > 1.5) THEN RAISE EXCEPTION \'zone_within_cap_of_its_concern\' USING ERRCODE = \'check_violation\', CONSTRAINT = \'zone_within_cap_of_its_concern\'; END IF;\n        is_ordered := EXISTS (\n            SELECT 1 FROM clinic_membership prescriber WHERE prescriber.user_id = NEW.ordered_by_id\n                AND prescriber.clinic_id = at_clinic AND \'prescriber\' = ANY(prescriber.roles)\n        );\n        IF NEW.zone IN (\'cheek\') AND NEW.depth_mm > 1.5 AND NOT is_ordered THEN\n            RAISE EXCEPTION \'zone_deeper_only_by_order\' USING ERRCODE = \'check_violation\', CONSTRAINT = \'zone_deeper_only_by_order\';\n        END IF;\n        IF NEW.zone IN (\'neck\') AND COALESCE(skin_type, 6) >= 5 AND NOT is_ordered THEN\n            RAISE EXCEPTION \'zone_signed_off_for_skin_type\' USING ERRCODE = \'check_violation\', CONSTRAINT = \'zone_signed_off_for_skin_type\';\n        END IF;\n        IF course_status <> \'active\' AND NEW.reason !~ \'\\S\' THEN RAISE EXCEPTION \'zone_on_hold_has_a_reason\' USING ERRCODE = \'check_violation\', CONSTRAINT = \'zone_on_hold_has_a_reason\'; END IF;\n        NEW.last_mm := (\n            SELECT charted.depth_mm FROM treatments_sessionzone charted\n                JOIN treatments_treatmentsession earlier ON earlier.id = charted.session_id\n            WHERE earlier.patient_id = who AND charted.zone = NEW.zone AND earlier.id <> NEW.session_id\n                AND earlier.signed_at IS NOT NULL AND earlier.status <> \'entered_in_error\'\n            ORDER BY earlier."on" DESC, earlier.id DESC LIMIT 1\n        );\n        IF NEW.depth_mm > NEW.last_mm + NEW.step_mm AND NEW.reason !~ \'\\S\' THEN\n            RAISE EXCEPTION \'zone_step_up_has_a_reason\' USING ERRCODE = \'check_violation\', CONSTRAINT = \'zone_step_up_has_a_reason\';\n        END IF;\n        RETURN NEW;\n    ', hash='1e4f4b4040515c45f4ac046054ac185fbf9fd517', operation='INSERT OR UPDATE', pgid='pgtrigger_zone_depth_guard_4366f', table='treatments_sessionzone', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='sessionzone',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_sessionzoneevent" ("depth_mm", "endpoint", "hard_cap_mm", "id", "last_mm", "ordered_by_id", "passes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "session_id", "soft_max_mm", "step_mm", "zone") VALUES (NEW."depth_mm", NEW."endpoint", NEW."hard_cap_mm", NEW."id", NEW."last_mm", NEW."ordered_by_id", NEW."passes", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason", NEW."session_id", NEW."soft_max_mm", NEW."step_mm", NEW."zone"); RETURN NULL;', hash='e5ee2001a5524450ba8476d5579bc45171210e59', operation='INSERT', pgid='pgtrigger_insert_insert_86f8b', table='treatments_sessionzone', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='sessionzone',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_sessionzoneevent" ("depth_mm", "endpoint", "hard_cap_mm", "id", "last_mm", "ordered_by_id", "passes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "session_id", "soft_max_mm", "step_mm", "zone") VALUES (NEW."depth_mm", NEW."endpoint", NEW."hard_cap_mm", NEW."id", NEW."last_mm", NEW."ordered_by_id", NEW."passes", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason", NEW."session_id", NEW."soft_max_mm", NEW."step_mm", NEW."zone"); RETURN NULL;', hash='0137fd9078a2502ba31a8d6e658e90432bafbc21', operation='UPDATE', pgid='pgtrigger_update_update_0d041', table='treatments_sessionzone', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='treatmentsession',
            trigger=pgtrigger.compiler.Trigger(name='session_device_reaches_what_is_charted', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.device_id IS DISTINCT FROM OLD.device_id OR (NEW.status = 'completed' AND OLD.status = 'open')) AND EXISTS (\n            SELECT 1 FROM treatments_sessionzone charted LEFT JOIN treatments_device device ON device.id = NEW.device_id\n            WHERE charted.session_id = NEW.id\n                AND charted.depth_mm > COALESCE(COALESCE(device.max_depth_mm ->> charted.zone, device.max_depth_mm ->> (CASE WHEN charted.zone IN ('forehead', 'temple', 'periorbital', 'nose', 'cheek', 'upper_lip', 'perioral', 'chin', 'jawline') THEN 'face' WHEN charted.zone IN ('neck') THEN 'neck' ELSE 'body' END))::numeric, (CASE WHEN charted.zone IN ('cheek', 'neck') THEN 1.5 END))\n        ) THEN RAISE EXCEPTION 'zone_depth_within_device_label' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_depth_within_device_label'; END IF;\n        RETURN NEW;\n    ", hash='e88a38c6d338db4aae46a10e7d266dd8ef8f5feb', operation='UPDATE OF "device_id", "status"', pgid='pgtrigger_session_device_reaches_what_is_charted_fd62a', table='treatments_treatmentsession', when='BEFORE')),
        ),
        # Sessions that were signed with a blank for a reason stay as they were signed.
        AddConstraintNotValid(
            model_name='sessionzone',
            constraint=models.CheckConstraint(condition=models.Q(('depth_mm__lte', models.F('soft_max_mm')), ('reason__regex', '\\S'), _connector='OR'), name='zone_over_soft_max_has_a_reason'),
        ),
    ]
