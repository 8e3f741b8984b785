"""The tables of treatments/assessments, for the migration that makes all of them."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models

operations = [
    migrations.CreateModel(
        name='Assessment',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('assessed_on', models.DateField()),
            ('skin_type', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('pih_history', models.BooleanField(default=False, verbose_name='dark marks after an earlier procedure or spot')),
            ('note', models.TextField(blank=True)),
            ('entered_in_error', models.BooleanField(default=False)),
            ('error_reason', models.CharField(blank=True, max_length=200)),
            ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('assessed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assessments', to='patients.patient')),
        ],
        options={
            'ordering': ['-assessed_on', '-id'],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('skin_type__isnull', True), models.Q(('skin_type__gte', 1), ('skin_type__lte', 6)), _connector='OR'), name='assessment_skin_type_known'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='raises_facts_version', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE patients_patient SET facts_version = facts_version + 1 WHERE id = COALESCE(NEW.patient_id, OLD.patient_id); RETURN NULL;', hash='9b8b0d238993eb3d5e1bde354519a0acab341e82', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_raises_facts_version_4af04', table='treatments_assessment', when='AFTER')),
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_assessmentevent" ("assessed_by_id", "assessed_on", "entered_in_error", "error_reason", "id", "note", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "pih_history", "recorded_at", "ref", "skin_type") VALUES (NEW."assessed_by_id", NEW."assessed_on", NEW."entered_in_error", NEW."error_reason", NEW."id", NEW."note", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."pih_history", NEW."recorded_at", NEW."ref", NEW."skin_type"); RETURN NULL;', hash='cede92ea106d3f7e6f65fb862754b41fbca352ca', operation='INSERT', pgid='pgtrigger_insert_insert_b7a4b', table='treatments_assessment', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_assessmentevent" ("assessed_by_id", "assessed_on", "entered_in_error", "error_reason", "id", "note", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "pih_history", "recorded_at", "ref", "skin_type") VALUES (NEW."assessed_by_id", NEW."assessed_on", NEW."entered_in_error", NEW."error_reason", NEW."id", NEW."note", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."pih_history", NEW."recorded_at", NEW."ref", NEW."skin_type"); RETURN NULL;', hash='f31c21aa967b5e371f9beffafe4dac63d8efc8eb', operation='UPDATE', pgid='pgtrigger_update_update_65e53', table='treatments_assessment', when='AFTER')),
            ],
        },
    ),
    migrations.CreateModel(
        name='AssessedConcern',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('code', models.CharField(max_length=40)),
            ('zones', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), size=None)),
            ('severity', models.CharField(choices=[('mild', 'Mild'), ('moderate', 'Moderate'), ('severe', 'Severe')], max_length=10)),
            ('assessment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='concerns', to='treatments.assessment')),
        ],
        options={
            'ordering': ['id'],
            'constraints': [
                models.UniqueConstraint(fields=('assessment', 'code'), name='assessment_concern_once'),
                models.CheckConstraint(condition=models.Q(('zones__len__gt', 0)), name='assessment_concern_has_a_zone'),
            ],
        },
    ),
    migrations.CreateModel(
        name='AssessmentEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
            ('assessed_on', models.DateField()),
            ('skin_type', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('pih_history', models.BooleanField(default=False, verbose_name='dark marks after an earlier procedure or spot')),
            ('note', models.TextField(blank=True)),
            ('entered_in_error', models.BooleanField(default=False)),
            ('error_reason', models.CharField(blank=True, max_length=200)),
            ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('assessed_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.assessment')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='0699ce5659e0e73355f7c2dce41297f414d03196', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_0629d', table='treatments_assessmentevent', when='BEFORE')),
            ],
        },
    ),
]
