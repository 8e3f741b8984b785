"""The tables of treatments/screenings, for the migration that makes all of them."""

import uuid

import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models

operations = [
    migrations.CreateModel(
        name='Clearance',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('code', models.CharField(max_length=40)),
            ('licence', models.CharField(max_length=60)),
            ('reason', models.TextField()),
            ('evidence', models.CharField(blank=True, max_length=200)),
            ('given_on', models.DateField()),
            ('expires_on', models.DateField()),
            ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('given_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clearances', to='patients.patient')),
            ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ['-given_on', '-id'],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('expires_on__gte', models.F('given_on'))), name='clearance_ends_after_it_begins'),
                models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), _negated=True), models.Q(('licence', ''), _negated=True)), name='clearance_says_who_and_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='raises_facts_version', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE patients_patient SET facts_version = facts_version + 1 WHERE id = COALESCE(NEW.patient_id, OLD.patient_id); RETURN NULL;', hash='8912295f3a2858ca07b22688a1d2b28d87a45d6a', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_raises_facts_version_4388a', table='treatments_clearance', when='AFTER')),
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_clearanceevent" ("code", "evidence", "expires_on", "given_by_id", "given_on", "id", "licence", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "recorded_at", "ref", "revoked_at", "revoked_by_id") VALUES (NEW."code", NEW."evidence", NEW."expires_on", NEW."given_by_id", NEW."given_on", NEW."id", NEW."licence", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason", NEW."recorded_at", NEW."ref", NEW."revoked_at", NEW."revoked_by_id"); RETURN NULL;', hash='ad2e65846046757fb5aee37cc24542b622ac928a', operation='INSERT', pgid='pgtrigger_insert_insert_bf7de', table='treatments_clearance', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_clearanceevent" ("code", "evidence", "expires_on", "given_by_id", "given_on", "id", "licence", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "recorded_at", "ref", "revoked_at", "revoked_by_id") VALUES (NEW."code", NEW."evidence", NEW."expires_on", NEW."given_by_id", NEW."given_on", NEW."id", NEW."licence", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason", NEW."recorded_at", NEW."ref", NEW."revoked_at", NEW."revoked_by_id"); RETURN NULL;', hash='aab735312b209c7a85ac22915ce68d3731a1e83c', operation='UPDATE', pgid='pgtrigger_update_update_e5ad5', table='treatments_clearance', when='AFTER')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ScreeningRecord',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('on', models.DateField()),
            ('purpose', models.CharField(choices=[('session', 'Session'), ('booking', 'Booking')], max_length=10)),
            ('outcome', models.CharField(max_length=20)),
            ('earliest_on', models.DateField(null=True)),
            ('binding', models.CharField(blank=True, max_length=40)),
            ('result', models.JSONField()),
            ('facts', models.JSONField()),
            ('facts_version', models.PositiveIntegerField()),
            ('made_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='screenings', to='patients.patient')),
            ('protocol', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='treatments.protocolversion')),
            ('policy', models.JSONField(default=list)),
            ('rules_version', models.PositiveBigIntegerField(default=1)),
        ],
        options={
            'ordering': ['-id'],
            'indexes': [
                models.Index(fields=['patient', '-id'], name='screening_latest_first'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('outcome__in', ('clear', 'caution', 'ask', 'needs_clinician', 'defer', 'block'))), name='screening_outcome_known'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='screening_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='d04acfa0c03f77d9f6055db034ff2edb1a167b64', operation='UPDATE OR DELETE', pgid='pgtrigger_screening_append_only_9d361', table='treatments_screeningrecord', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ClearanceEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
            ('code', models.CharField(max_length=40)),
            ('licence', models.CharField(max_length=60)),
            ('reason', models.TextField()),
            ('evidence', models.CharField(blank=True, max_length=200)),
            ('given_on', models.DateField()),
            ('expires_on', models.DateField()),
            ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('given_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.clearance')),
            ('revoked_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='6781d25f7bb9550a74b95666400fa282aed78c8f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_4aba2', table='treatments_clearanceevent', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ScreeningFinding',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('code', models.CharField(db_index=True, max_length=40)),
            ('category', models.CharField(max_length=3)),
            ('earliest_on', models.DateField(null=True)),
            ('cleared_until', models.DateField(null=True)),
            ('record', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='findings', to='treatments.screeningrecord')),
        ],
        options={
            'ordering': ['id'],
            'triggers': [
                pgtrigger.compiler.Trigger(name='finding_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e1412de2bdf5dd124a205c69b113df3632d2688b', operation='UPDATE OR DELETE', pgid='pgtrigger_finding_append_only_f07ba', table='treatments_screeningfinding', when='BEFORE')),
            ],
        },
    ),
]
