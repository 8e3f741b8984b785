"""The tables of treatments/rules, for the migration that makes all of them."""

import uuid

import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models

operations = [
    migrations.CreateModel(
        name='ProtocolVersion',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('version', models.CharField(max_length=40)),
            ('sha256', models.CharField(max_length=64, unique=True)),
            ('toml', models.TextField()),
            ('published_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='protocol_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='6c546c4c2447ce1334446fea8178e63abfddedd6', operation='UPDATE OR DELETE', pgid='pgtrigger_protocol_append_only_f196d', table='treatments_protocolversion', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Anaesthetic',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('name', models.CharField(max_length=80)),
            ('actives', models.JSONField(default=dict)),
            ('contact_minutes', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(240)])),
            ('max_contact_minutes', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(240)])),
            ('max_area_cm2', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('prescription_only', models.BooleanField(default=False)),
            ('in_use', models.BooleanField(default=True)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='anaesthetics', to='clinic.clinic')),
        ],
        options={
            'ordering': ['name', 'id'],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('max_contact_minutes__gte', models.F('contact_minutes'))), name='anaesthetic_max_after_contact'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Device',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('name', models.CharField(max_length=80)),
            ('maker', models.CharField(blank=True, max_length=80)),
            ('serial', models.CharField(blank=True, max_length=60)),
            ('max_depth_mm', models.JSONField(default=dict)),
            ('filler_washout_days', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('indications', models.JSONField(blank=True, default=list)),
            ('in_service', models.BooleanField(default=True)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='devices', to='clinic.clinic')),
            ('out_reason', models.CharField(blank=True, max_length=120)),
        ],
        options={
            'ordering': ['name', 'id'],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('in_service', True), models.Q(('out_reason', ''), _negated=True), _connector='OR'), name='device_out_says_why'),
            ],
        },
    ),
    migrations.CreateModel(
        name='ProtocolSignOff',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('signed_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='protocol_sign_offs', to='clinic.clinic')),
            ('signed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('protocol', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sign_offs', to='treatments.protocolversion')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('clinic', 'protocol'), name='protocol_signed_once_per_clinic'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='sign_off_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='8717481b993e16dfeb0e629571dfbf5b52238ca7', operation='UPDATE OR DELETE', pgid='pgtrigger_sign_off_append_only_0594b', table='treatments_protocolsignoff', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='OutcomeChange',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('visit_ref', models.UUIDField()),
            ('visit_version', models.PositiveSmallIntegerField()),
            ('patient_ref', models.UUIDField()),
            ('before', models.CharField(max_length=20)),
            ('after', models.CharField(max_length=20)),
            ('not_before', models.DateField(null=True)),
            ('because', models.TextField()),
            ('created_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('seen_at', models.DateTimeField(null=True)),
            ('changed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='outcome_changes', to='clinic.clinic')),
            ('seen_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ['id'],
            'indexes': [
                models.Index(condition=models.Q(('seen_at', None)), fields=['clinic', 'visit_ref'], name='outcome_change_unseen'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('seen_at__isnull', True), ('seen_by__isnull', False), _connector='OR'), name='outcome_change_seen_says_who'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='outcome_change_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='eaba5af04c6c8705029b75f79150582439339433', operation='DELETE', pgid='pgtrigger_outcome_change_kept_849bb', table='treatments_outcomechange', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='outcome_change_only_seen', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."after" IS DISTINCT FROM (NEW."after") OR OLD."because" IS DISTINCT FROM (NEW."because") OR OLD."before" IS DISTINCT FROM (NEW."before") OR OLD."changed_by_id" IS DISTINCT FROM (NEW."changed_by_id") OR OLD."clinic_id" IS DISTINCT FROM (NEW."clinic_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."not_before" IS DISTINCT FROM (NEW."not_before") OR OLD."patient_ref" IS DISTINCT FROM (NEW."patient_ref") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."visit_ref" IS DISTINCT FROM (NEW."visit_ref") OR OLD."visit_version" IS DISTINCT FROM (NEW."visit_version"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='7fe04d4b110b0d981dad2152602afcacdf52c045', operation='UPDATE', pgid='pgtrigger_outcome_change_only_seen_0f776', table='treatments_outcomechange', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='PolicyValue',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('path', models.CharField(max_length=80)),
            ('value', models.JSONField()),
            ('direction', models.CharField(choices=[('stricter', 'Stricter'), ('looser', 'Looser')], max_length=8)),
            ('reason', models.TextField(blank=True)),
            ('licence', models.CharField(blank=True, max_length=60)),
            ('set_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('expires_on', models.DateField(blank=True, null=True)),
            ('ended_at', models.DateTimeField(blank=True, null=True)),
            ('ended_reason', models.TextField(blank=True)),
            ('ended_licence', models.CharField(blank=True, max_length=60)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='policy_values', to='clinic.clinic')),
            ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('set_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ['-id'],
            'indexes': [
                models.Index(fields=['clinic', 'path', '-id'], name='policy_value_latest_first'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('direction', 'stricter'), ('expires_on', None)), models.Q(('direction', 'looser'), ('expires_on__isnull', False)), _connector='OR'), name='policy_stricter_or_looser'),
                models.CheckConstraint(condition=models.Q(models.Q(('direction', 'looser'), _negated=True), models.Q(models.Q(('reason', ''), _negated=True), models.Q(('licence', ''), _negated=True)), _connector='OR'), name='policy_looser_says_who_and_why'),
                models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ended_by', None)), models.Q(('ended_at__isnull', False), ('ended_by__isnull', False), models.Q(('direction', 'looser'), models.Q(models.Q(('ended_reason', ''), _negated=True), models.Q(('ended_licence', ''), _negated=True)), _connector='OR')), _connector='OR'), name='policy_end_says_who_and_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='raises_rules_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="UPDATE clinic_clinic SET rules_version = nextval('clinic_rules_version') WHERE id = NEW.clinic_id; RETURN NULL;", hash='fa3df1f7035605ea1a23e5b53361533c5b3c3947', operation='INSERT OR UPDATE', pgid='pgtrigger_raises_rules_version_3ab2e', table='treatments_policyvalue', when='AFTER')),
                pgtrigger.compiler.Trigger(name='policy_value_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL OR
            (to_jsonb(NEW) - ARRAY['ended_at', 'ended_by_id', 'ended_reason', 'ended_licence'])
            IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['ended_at', 'ended_by_id', 'ended_reason', 'ended_licence'])
        THEN RAISE EXCEPTION 'policy_value_is_fixed' USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_value_is_fixed';
        END IF;
        RETURN NEW;
    """, hash='be6f83b3d61d24361008575e5ef1a3559a3574a1', operation='UPDATE OR DELETE', pgid='pgtrigger_policy_value_is_fixed_e4a2a', table='treatments_policyvalue', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ProtocolAdoption',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('adopted_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('adopted_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='protocol_adoptions', to='clinic.clinic')),
            ('protocol', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='adoptions', to='treatments.protocolversion')),
        ],
        options={
            'ordering': ['-id'],
            'triggers': [
                pgtrigger.compiler.Trigger(name='raises_rules_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="UPDATE clinic_clinic SET rules_version = nextval('clinic_rules_version') WHERE id = NEW.clinic_id; RETURN NULL;", hash='cfc79176bbf1b84edc4ca3432200d08d1e447589', operation='INSERT OR UPDATE', pgid='pgtrigger_raises_rules_version_1a875', table='treatments_protocoladoption', when='AFTER')),
                pgtrigger.compiler.Trigger(name='adoption_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='172884ab93962524dc563b628eaa05e21011f26c', operation='UPDATE OR DELETE', pgid='pgtrigger_adoption_append_only_c26fe', table='treatments_protocoladoption', when='BEFORE')),
            ],
        },
    ),
]
