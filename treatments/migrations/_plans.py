"""The tables of treatments/plans, for the migration that makes all of them."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models

operations = [
    migrations.CreateModel(
        name='TreatmentPlan',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('number', models.PositiveSmallIntegerField()),
            ('status', models.CharField(choices=[('draft', 'Draft'), ('submitted', 'Submitted'), ('active', 'Active'), ('on_hold', 'On hold'), ('completed', 'Completed'), ('revoked', 'Stopped'), ('entered_in_error', 'Entered in error')], default='draft', max_length=20)),
            ('concerns', models.JSONField()),
            ('proposal', models.JSONField()),
            ('sessions_planned', models.PositiveSmallIntegerField()),
            ('floor_days', models.PositiveSmallIntegerField()),
            ('target_days', models.PositiveSmallIntegerField()),
            ('latest_days', models.PositiveSmallIntegerField()),
            ('techniques', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
            ('depth_class', models.PositiveSmallIntegerField(choices=[(1, 'up to 0.5 mm'), (2, 'up to 1.5 mm'), (3, 'deeper than 1.5 mm')])),
            ('starts_on', models.DateField()),
            ('note', models.TextField(blank=True)),
            ('drafted_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('submitted_at', models.DateTimeField(null=True)),
            ('activated_at', models.DateTimeField(null=True)),
            ('ended_at', models.DateTimeField(null=True)),
            ('ended_reason', models.CharField(blank=True, max_length=200)),
            ('activated_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='clinic.clinic')),
            ('drafted_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='patients.patient')),
            ('protocol', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='treatments.protocolversion')),
            ('submitted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ['-id'],
            'constraints': [
                models.UniqueConstraint(fields=('patient', 'number'), name='plan_number_once'),
                models.UniqueConstraint(condition=models.Q(('status__in', ['active', 'on_hold'])), fields=('patient',), name='plan_one_under_way'),
                models.CheckConstraint(condition=models.Q(models.Q(('status', 'active'), _negated=True), models.Q(('activated_at__isnull', False), ('activated_by__isnull', False)), _connector='OR'), name='plan_active_says_who_and_when'),
                models.CheckConstraint(condition=models.Q(models.Q(('status', 'revoked'), _negated=True), models.Q(('ended_at__isnull', False), ('ended_by__isnull', False), models.Q(('ended_reason', ''), _negated=True)), _connector='OR'), name='plan_revoked_says_who_when_and_why'),
                models.CheckConstraint(condition=models.Q(('floor_days__gte', 28)), name='plan_floor_not_below_28_days'),
                models.CheckConstraint(condition=models.Q(('latest_days__gte', models.F('target_days')), ('target_days__gte', models.F('floor_days'))), name='plan_window_in_order'),
                models.CheckConstraint(condition=models.Q(('sessions_planned__gte', 1), ('sessions_planned__lte', 8)), name='plan_has_sessions'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_treatmentplanevent" ("activated_at", "activated_by_id", "clinic_id", "concerns", "depth_class", "drafted_at", "drafted_by_id", "ended_at", "ended_by_id", "ended_reason", "floor_days", "id", "latest_days", "note", "number", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposal", "protocol_id", "ref", "sessions_planned", "starts_on", "status", "submitted_at", "submitted_by_id", "target_days", "techniques") VALUES (NEW."activated_at", NEW."activated_by_id", NEW."clinic_id", NEW."concerns", NEW."depth_class", NEW."drafted_at", NEW."drafted_by_id", NEW."ended_at", NEW."ended_by_id", NEW."ended_reason", NEW."floor_days", NEW."id", NEW."latest_days", NEW."note", NEW."number", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."proposal", NEW."protocol_id", NEW."ref", NEW."sessions_planned", NEW."starts_on", NEW."status", NEW."submitted_at", NEW."submitted_by_id", NEW."target_days", NEW."techniques"); RETURN NULL;', hash='d83285746272691203e4924eb87c409094c2d33c', operation='INSERT', pgid='pgtrigger_insert_insert_bfba3', table='treatments_treatmentplan', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_treatmentplanevent" ("activated_at", "activated_by_id", "clinic_id", "concerns", "depth_class", "drafted_at", "drafted_by_id", "ended_at", "ended_by_id", "ended_reason", "floor_days", "id", "latest_days", "note", "number", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposal", "protocol_id", "ref", "sessions_planned", "starts_on", "status", "submitted_at", "submitted_by_id", "target_days", "techniques") VALUES (NEW."activated_at", NEW."activated_by_id", NEW."clinic_id", NEW."concerns", NEW."depth_class", NEW."drafted_at", NEW."drafted_by_id", NEW."ended_at", NEW."ended_by_id", NEW."ended_reason", NEW."floor_days", NEW."id", NEW."latest_days", NEW."note", NEW."number", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."proposal", NEW."protocol_id", NEW."ref", NEW."sessions_planned", NEW."starts_on", NEW."status", NEW."submitted_at", NEW."submitted_by_id", NEW."target_days", NEW."techniques"); RETURN NULL;', hash='5d66cc92d08e650c434e8278566b4781cd3c4eba', operation='UPDATE', pgid='pgtrigger_update_update_581f9', table='treatments_treatmentplan', when='AFTER')),
                pgtrigger.compiler.Trigger(name='plan_review_comes_first', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF NEW.status = 'active' AND OLD.status IS DISTINCT FROM 'active' AND EXISTS (
            SELECT 1 FROM treatments_coursereview review JOIN treatments_treatmentplan course ON course.id = review.plan_id
            WHERE course.patient_id = NEW.patient_id AND review.reviewed_at IS NULL
        ) THEN RAISE EXCEPTION 'plan_review_comes_first' USING ERRCODE = 'check_violation', CONSTRAINT = 'plan_review_comes_first'; END IF;
        RETURN NEW;
    """, hash='ea2e28b51e61e79f42cda87237a9f9bce0102cf9', operation='INSERT OR UPDATE', pgid='pgtrigger_plan_review_comes_first_0bc73', table='treatments_treatmentplan', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='PlannedSession',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('number', models.PositiveSmallIntegerField()),
            ('earliest_on', models.DateField()),
            ('target_on', models.DateField()),
            ('latest_on', models.DateField()),
            ('zones', models.JSONField(default=list)),
            ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='planned_sessions', to='treatments.treatmentplan')),
        ],
        options={
            'ordering': ['number'],
            'constraints': [
                models.UniqueConstraint(fields=('plan', 'number'), name='planned_session_number_once'),
                models.CheckConstraint(condition=models.Q(('earliest_on__lte', models.F('target_on')), ('target_on__lte', models.F('latest_on'))), name='planned_session_window_in_order'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_plannedsessionevent" ("earliest_on", "id", "latest_on", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "ref", "target_on", "zones") VALUES (NEW."earliest_on", NEW."id", NEW."latest_on", NEW."number", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."plan_id", NEW."ref", NEW."target_on", NEW."zones"); RETURN NULL;', hash='a3495971c2c8b263e09736fce95027af390321aa', operation='INSERT', pgid='pgtrigger_insert_insert_886b0', table='treatments_plannedsession', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_plannedsessionevent" ("earliest_on", "id", "latest_on", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "ref", "target_on", "zones") VALUES (NEW."earliest_on", NEW."id", NEW."latest_on", NEW."number", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."plan_id", NEW."ref", NEW."target_on", NEW."zones"); RETURN NULL;', hash='80b692d5b482afee2009e3ca1f5cd278a19aa5c1', operation='UPDATE', pgid='pgtrigger_update_update_6b602', table='treatments_plannedsession', when='AFTER')),
            ],
        },
    ),
    migrations.CreateModel(
        name='TreatmentPlanEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
            ('number', models.PositiveSmallIntegerField()),
            ('status', models.CharField(choices=[('draft', 'Draft'), ('submitted', 'Submitted'), ('active', 'Active'), ('on_hold', 'On hold'), ('completed', 'Completed'), ('revoked', 'Stopped'), ('entered_in_error', 'Entered in error')], default='draft', max_length=20)),
            ('concerns', models.JSONField()),
            ('proposal', models.JSONField()),
            ('sessions_planned', models.PositiveSmallIntegerField()),
            ('floor_days', models.PositiveSmallIntegerField()),
            ('target_days', models.PositiveSmallIntegerField()),
            ('latest_days', models.PositiveSmallIntegerField()),
            ('techniques', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
            ('depth_class', models.PositiveSmallIntegerField(choices=[(1, 'up to 0.5 mm'), (2, 'up to 1.5 mm'), (3, 'deeper than 1.5 mm')])),
            ('starts_on', models.DateField()),
            ('note', models.TextField(blank=True)),
            ('drafted_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('submitted_at', models.DateTimeField(null=True)),
            ('activated_at', models.DateTimeField(null=True)),
            ('ended_at', models.DateTimeField(null=True)),
            ('ended_reason', models.CharField(blank=True, max_length=200)),
            ('activated_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.clinic')),
            ('drafted_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('ended_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.treatmentplan')),
            ('protocol', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.protocolversion')),
            ('submitted_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='a610afaab390dbf97c3b451f7ba2e199bac9fc65', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_5073d', table='treatments_treatmentplanevent', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='PlannedSessionEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
            ('number', models.PositiveSmallIntegerField()),
            ('earliest_on', models.DateField()),
            ('target_on', models.DateField()),
            ('latest_on', models.DateField()),
            ('zones', models.JSONField(default=list)),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.plannedsession')),
            ('plan', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.treatmentplan')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='799e89b0b5e1ccd4d77fc5cf99445f4f0a4400a3', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_0ce2d', table='treatments_plannedsessionevent', when='BEFORE')),
            ],
        },
    ),
]
