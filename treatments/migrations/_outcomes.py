"""The tables of treatments/outcomes, for the migration that makes all of them."""

import uuid

import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models

operations = [
    migrations.CreateModel(
        name='OutcomeScore',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('instrument', models.CharField(max_length=40)),
            ('variant', models.CharField(max_length=120)),
            ('table_version', models.CharField(max_length=20)),
            ('zone', models.CharField(blank=True, max_length=30)),
            ('assessed_on', models.DateField()),
            ('items', models.JSONField()),
            ('total', models.DecimalField(decimal_places=2, max_digits=6)),
            ('band', models.CharField(blank=True, max_length=60)),
            ('note', models.TextField(blank=True)),
            ('entered_in_error', models.BooleanField(default=False)),
            ('error_reason', models.CharField(blank=True, max_length=200)),
            ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('assessor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='outcome_scores', to='clinic.clinic')),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='outcome_scores', to='patients.patient')),
            ('plan', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='outcome_scores', to='treatments.treatmentplan')),
            ('session', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='outcome_scores', to='treatments.treatmentsession')),
            ('licence_note', models.CharField(blank=True, db_default='', default='', max_length=200)),
        ],
        options={
            'ordering': ['-assessed_on', '-id'],
            'indexes': [
                models.Index(fields=['patient', 'instrument', 'variant', '-assessed_on'], name='score_latest_first'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('total__gte', 0)), name='outcome_score_not_below_nought'),
                models.CheckConstraint(condition=models.Q(('entered_in_error', False), models.Q(('error_reason', ''), _negated=True), _connector='OR'), name='outcome_score_in_error_says_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='outcome_score_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF TG_OP = 'DELETE' OR OLD.entered_in_error OR (to_jsonb(NEW) - ARRAY['entered_in_error', 'error_reason'])
            IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['entered_in_error', 'error_reason']) THEN
            RAISE EXCEPTION 'outcome_score_is_fixed' USING ERRCODE = 'check_violation', CONSTRAINT = 'outcome_score_is_fixed';
        END IF;
        RETURN NEW;
    """, hash='c21e3af3e43f7291c4ff0acea8a0ee4cdd464ba3', operation='UPDATE OR DELETE', pgid='pgtrigger_outcome_score_is_fixed_38600', table='treatments_outcomescore', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='outcome_score_of_its_own_patient', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF (SELECT clinic_id FROM patients_patient WHERE id = NEW.patient_id) IS DISTINCT FROM NEW.clinic_id
            OR (NEW.plan_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM treatments_treatmentplan WHERE id = NEW.plan_id AND patient_id = NEW.patient_id))
            OR (NEW.session_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM treatments_treatmentsession WHERE id = NEW.session_id AND patient_id = NEW.patient_id)) THEN
            RAISE EXCEPTION 'outcome_score_of_its_own_patient' USING ERRCODE = 'check_violation', CONSTRAINT = 'outcome_score_of_its_own_patient';
        END IF;
        RETURN NEW;
    """, hash='1d3a5aeb8cc83ec29e603720553cbbcc6be67c8c', operation='INSERT', pgid='pgtrigger_outcome_score_of_its_own_patient_c8755', table='treatments_outcomescore', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='CourseReview',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('reason', models.CharField(max_length=200)),
            ('raised_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('reviewed_at', models.DateTimeField(null=True)),
            ('decision', models.CharField(blank=True, choices=[('go_on', 'The course goes on'), ('stay', 'The course waits'), ('ended', 'The course has ended')], max_length=10)),
            ('note', models.TextField(blank=True)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='course_reviews', to='clinic.clinic')),
            ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='treatments.treatmentplan')),
            ('raised_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('reviewed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('baseline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='treatments.outcomescore')),
            ('score', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='treatments.outcomescore')),
        ],
        options={
            'ordering': ['-id'],
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('reviewed_at__isnull', True)), fields=('plan',), name='course_review_one_open'),
                models.CheckConstraint(condition=models.Q(models.Q(('decision', ''), ('reviewed_at__isnull', True)), models.Q(('reviewed_at__isnull', False), ('reviewed_by__isnull', False), models.Q(('decision', ''), _negated=True), models.Q(('note', ''), _negated=True)), _connector='OR'), name='course_review_says_who_what_and_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_coursereviewevent" ("baseline_id", "clinic_id", "decision", "id", "note", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "raised_at", "raised_by_id", "reason", "ref", "reviewed_at", "reviewed_by_id", "score_id") VALUES (NEW."baseline_id", NEW."clinic_id", NEW."decision", NEW."id", NEW."note", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."plan_id", NEW."raised_at", NEW."raised_by_id", NEW."reason", NEW."ref", NEW."reviewed_at", NEW."reviewed_by_id", NEW."score_id"); RETURN NULL;', hash='0ad20571abad4a544c0bb1bc251648f959299fcf', operation='INSERT', pgid='pgtrigger_insert_insert_f1a8e', table='treatments_coursereview', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_coursereviewevent" ("baseline_id", "clinic_id", "decision", "id", "note", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "raised_at", "raised_by_id", "reason", "ref", "reviewed_at", "reviewed_by_id", "score_id") VALUES (NEW."baseline_id", NEW."clinic_id", NEW."decision", NEW."id", NEW."note", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."plan_id", NEW."raised_at", NEW."raised_by_id", NEW."reason", NEW."ref", NEW."reviewed_at", NEW."reviewed_by_id", NEW."score_id"); RETURN NULL;', hash='e088b602b23d833fec1cabb2869e76030860b905', operation='UPDATE', pgid='pgtrigger_update_update_90417', table='treatments_coursereview', when='AFTER')),
                pgtrigger.compiler.Trigger(name='course_review_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(declare="DECLARE answer text[] := ARRAY['reviewed_at', 'reviewed_by_id', 'decision', 'note'];", func="""
        IF TG_OP = 'DELETE' OR OLD.reviewed_at IS NOT NULL OR NEW.reviewed_at IS NULL
            OR (to_jsonb(NEW) - answer) IS DISTINCT FROM (to_jsonb(OLD) - answer) THEN
            RAISE EXCEPTION 'course_review_is_fixed' USING ERRCODE = 'check_violation', CONSTRAINT = 'course_review_is_fixed';
        END IF;
        RETURN NEW;
    """, hash='416ad6355fd387ea6bdba26233ac1e00fea1cfca', operation='UPDATE OR DELETE', pgid='pgtrigger_course_review_is_fixed_d6a18', table='treatments_coursereview', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='CourseReviewEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
            ('reason', models.CharField(max_length=200)),
            ('raised_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('reviewed_at', models.DateTimeField(null=True)),
            ('decision', models.CharField(blank=True, choices=[('go_on', 'The course goes on'), ('stay', 'The course waits'), ('ended', 'The course has ended')], max_length=10)),
            ('note', models.TextField(blank=True)),
            ('clinic', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.clinic')),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.coursereview')),
            ('plan', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.treatmentplan')),
            ('raised_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('reviewed_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('baseline', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.outcomescore')),
            ('score', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.outcomescore')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='bd2a1e10bf0c635cbfff3c34367673e7fdae861e', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_440fa', table='treatments_coursereviewevent', when='BEFORE')),
            ],
        },
    ),
]
