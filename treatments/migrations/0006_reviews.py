import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('treatments', '0005_depth_guard'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='treatmentplan',
            name='plan_review_comes_first',
        ),
        migrations.AddField(
            model_name='outcomescore',
            name='licence_note',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AlterField(
            model_name='coursereview',
            name='decision',
            field=models.CharField(blank=True, choices=[('go_on', 'The course goes on'), ('stay', 'The course waits'), ('ended', 'The course has ended')], max_length=10),
        ),
        migrations.AlterField(
            model_name='coursereviewevent',
            name='decision',
            field=models.CharField(blank=True, choices=[('go_on', 'The course goes on'), ('stay', 'The course waits'), ('ended', 'The course has ended')], max_length=10),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='coursereview',
            trigger=pgtrigger.compiler.Trigger(name='course_review_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(declare="DECLARE answer text[] := ARRAY['reviewed_at', 'reviewed_by_id', 'decision', 'note'];", func="\n        IF TG_OP = 'DELETE' OR OLD.reviewed_at IS NOT NULL OR NEW.reviewed_at IS NULL\n            OR (to_jsonb(NEW) - answer) IS DISTINCT FROM (to_jsonb(OLD) - answer) THEN\n            RAISE EXCEPTION 'course_review_is_fixed' USING ERRCODE = 'check_violation', CONSTRAINT = 'course_review_is_fixed';\n        END IF;\n        RETURN NEW;\n    ", hash='416ad6355fd387ea6bdba26233ac1e00fea1cfca', operation='UPDATE OR DELETE', pgid='pgtrigger_course_review_is_fixed_d6a18', table='treatments_coursereview', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='treatmentplan',
            trigger=pgtrigger.compiler.Trigger(name='plan_review_comes_first', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF NEW.status = 'active' AND OLD.status IS DISTINCT FROM 'active' AND EXISTS (\n            SELECT 1 FROM treatments_coursereview review JOIN treatments_treatmentplan course ON course.id = review.plan_id\n            WHERE course.patient_id = NEW.patient_id AND review.reviewed_at IS NULL\n        ) THEN RAISE EXCEPTION 'plan_review_comes_first' USING ERRCODE = 'check_violation', CONSTRAINT = 'plan_review_comes_first'; END IF;\n        RETURN NEW;\n    ", hash='ea2e28b51e61e79f42cda87237a9f9bce0102cf9', operation='INSERT OR UPDATE', pgid='pgtrigger_plan_review_comes_first_0bc73', table='treatments_treatmentplan', when='BEFORE')),
        ),
    ]
