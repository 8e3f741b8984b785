"""Patients: all their tables at once. A database that has all that `replaces` names is up to date."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models
from clinic.migration_operations import CreateTogether


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('patients', '0001_initial'),
        ('patients', '0002_message_state_words'),
        ('patients', '0003_message_attachment'),
        ('patients', '0004_patient_links'),
        ('patients', '0005_texts_and_photos'),
        ('patients', '0006_message_indexes'),
        ('patients', '0007_fewer_indexes'),
        ('patients', '0008_guessed_links'),
    ]

    dependencies = [
        ('clinic', '0001_squashed_0003_resources'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        CreateTogether([
            migrations.CreateModel(
                name='ConsentText',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('version', models.PositiveIntegerField()),
                    ('language', models.CharField(default='en', max_length=12)),
                    ('title', models.CharField(max_length=120)),
                    ('body', models.TextField()),
                    ('sha256', models.CharField(max_length=64)),
                    ('ask_again', models.BooleanField(default=False)),
                    ('published_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='consent_texts', to='clinic.clinic')),
                ],
                options={
                    'constraints': [
                        models.UniqueConstraint(fields=('clinic', 'language', 'version'), name='consent_text_version_once'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='consent_text_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='162b78738ef16d56b21304192f27ea8392e0b461', operation='DELETE', pgid='pgtrigger_consent_text_append_only_f2369', table='patients_consenttext', when='BEFORE')),
                        pgtrigger.compiler.Trigger(name='consent_text_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."body" IS DISTINCT FROM (NEW."body") OR OLD."language" IS DISTINCT FROM (NEW."language") OR OLD."version" IS DISTINCT FROM (NEW."version"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='7eb4b834196057fbd4558045e5f3790bfdc54dd6', operation='UPDATE', pgid='pgtrigger_consent_text_is_fixed_a2ae1', table='patients_consenttext', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Patient',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('given_name', models.CharField(max_length=80)),
                    ('family_name', models.CharField(max_length=80)),
                    ('born_on', models.DateField(verbose_name='date of birth')),
                    ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                    ('phone', models.CharField(blank=True, max_length=40)),
                    ('language', models.CharField(default='en', max_length=12)),
                    ('speaks', models.CharField(blank=True, max_length=120)),
                    ('status', models.CharField(choices=[('active', 'Active'), ('moved_away', 'Moved away'), ('deceased', 'Deceased'), ('merged', 'Merged into another record'), ('entered_in_error', 'Entered in error')], default='active', max_length=20)),
                    ('mail_allowed', models.BooleanField(default=False, verbose_name='may we e-mail you?')),
                    ('reminders_allowed', models.BooleanField(default=False, verbose_name='reminders and follow-up')),
                    ('contact_asked_at', models.DateTimeField(blank=True, null=True)),
                    ('email_bounced_at', models.DateTimeField(blank=True, null=True)),
                    ('facts_version', models.PositiveIntegerField(default=1)),
                    ('name_key', models.CharField(db_collation='C', editable=False, max_length=170)),
                    ('search_keys', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=90), default=list, editable=False, size=None)),
                    ('registered_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('version', models.PositiveIntegerField(default=1)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='patients', to='clinic.clinic')),
                    ('contact_asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('registered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'indexes': [
                        models.Index(fields=['clinic', 'name_key'], name='patient_by_name'),
                        django.contrib.postgres.indexes.GinIndex(fields=['search_keys'], name='patient_search'),
                        models.Index(fields=['clinic', 'born_on'], name='patient_by_birth'),
                        models.Index(django.db.models.functions.text.Lower('email'), condition=models.Q(('email', ''), _negated=True), name='patient_by_email'),
                    ],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(models.Q(('given_name', ''), _negated=True), models.Q(('family_name', ''), _negated=True)), name='patient_has_a_name'),
                        models.CheckConstraint(condition=models.Q(models.Q(('contact_asked_at__isnull', True), ('contact_asked_by__isnull', True)), models.Q(('contact_asked_at__isnull', False), ('contact_asked_by__isnull', False)), _connector='OR'), name='patient_contact_says_who_and_when'),
                        models.CheckConstraint(condition=models.Q(('mail_allowed', True), ('reminders_allowed', False), _connector='OR'), name='patient_reminders_need_mail'),
                        models.CheckConstraint(condition=models.Q(('facts_version__gte', 1)), name='patient_facts_only_grow'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "patients_patienthistory" ("born_on", "clinic_id", "contact_asked_at", "contact_asked_by_id", "email", "email_bounced_at", "facts_version", "family_name", "given_name", "id", "language", "mail_allowed", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "ref", "registered_at", "registered_by_id", "reminders_allowed", "speaks", "status", "version") VALUES (NEW."born_on", NEW."clinic_id", NEW."contact_asked_at", NEW."contact_asked_by_id", NEW."email", NEW."email_bounced_at", NEW."facts_version", NEW."family_name", NEW."given_name", NEW."id", NEW."language", NEW."mail_allowed", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."ref", NEW."registered_at", NEW."registered_by_id", NEW."reminders_allowed", NEW."speaks", NEW."status", NEW."version"); RETURN NULL;', hash='aad235fa8ee9a771af27b4db684268182642806d', operation='INSERT', pgid='pgtrigger_insert_insert_62165', table='patients_patient', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."born_on" IS DISTINCT FROM (NEW."born_on") OR OLD."contact_asked_at" IS DISTINCT FROM (NEW."contact_asked_at") OR OLD."email" IS DISTINCT FROM (NEW."email") OR OLD."email_bounced_at" IS DISTINCT FROM (NEW."email_bounced_at") OR OLD."family_name" IS DISTINCT FROM (NEW."family_name") OR OLD."given_name" IS DISTINCT FROM (NEW."given_name") OR OLD."language" IS DISTINCT FROM (NEW."language") OR OLD."mail_allowed" IS DISTINCT FROM (NEW."mail_allowed") OR OLD."phone" IS DISTINCT FROM (NEW."phone") OR OLD."reminders_allowed" IS DISTINCT FROM (NEW."reminders_allowed") OR OLD."speaks" IS DISTINCT FROM (NEW."speaks") OR OLD."status" IS DISTINCT FROM (NEW."status"))', func='INSERT INTO "patients_patienthistory" ("born_on", "clinic_id", "contact_asked_at", "contact_asked_by_id", "email", "email_bounced_at", "facts_version", "family_name", "given_name", "id", "language", "mail_allowed", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "ref", "registered_at", "registered_by_id", "reminders_allowed", "speaks", "status", "version") VALUES (NEW."born_on", NEW."clinic_id", NEW."contact_asked_at", NEW."contact_asked_by_id", NEW."email", NEW."email_bounced_at", NEW."facts_version", NEW."family_name", NEW."given_name", NEW."id", NEW."language", NEW."mail_allowed", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."ref", NEW."registered_at", NEW."registered_by_id", NEW."reminders_allowed", NEW."speaks", NEW."status", NEW."version"); RETURN NULL;', hash='ac59df2cf425fb9b7551419ac5c25b97059bd1f5', operation='UPDATE', pgid='pgtrigger_update_update_546ce', table='patients_patient', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "patients_patienthistory" ("born_on", "clinic_id", "contact_asked_at", "contact_asked_by_id", "email", "email_bounced_at", "facts_version", "family_name", "given_name", "id", "language", "mail_allowed", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "ref", "registered_at", "registered_by_id", "reminders_allowed", "speaks", "status", "version") VALUES (OLD."born_on", OLD."clinic_id", OLD."contact_asked_at", OLD."contact_asked_by_id", OLD."email", OLD."email_bounced_at", OLD."facts_version", OLD."family_name", OLD."given_name", OLD."id", OLD."language", OLD."mail_allowed", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."phone", OLD."ref", OLD."registered_at", OLD."registered_by_id", OLD."reminders_allowed", OLD."speaks", OLD."status", OLD."version"); RETURN NULL;', hash='ef28214dd4ef7dff9ca6da86e7ad3ce85ac7e756', operation='DELETE', pgid='pgtrigger_delete_delete_9898d', table='patients_patient', when='AFTER')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Allergy',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('substance', models.CharField(max_length=120)),
                    ('reaction', models.CharField(blank=True, max_length=200)),
                    ('noted_on', models.DateField()),
                    ('entered_in_error', models.BooleanField(default=False)),
                    ('error_reason', models.CharField(blank=True, max_length=200)),
                    ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allergies', to='patients.patient')),
                ],
                options={
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='raises_facts_version', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE patients_patient SET facts_version = facts_version + 1 WHERE id = COALESCE(NEW.patient_id, OLD.patient_id); RETURN NULL;', hash='37865364df43c265a6f9354db4490bc28af6bb79', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_raises_facts_version_4da69', table='patients_allergy', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "patients_allergyevent" ("entered_in_error", "error_reason", "id", "noted_on", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reaction", "recorded_at", "recorded_by_id", "ref", "substance") VALUES (NEW."entered_in_error", NEW."error_reason", NEW."id", NEW."noted_on", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reaction", NEW."recorded_at", NEW."recorded_by_id", NEW."ref", NEW."substance"); RETURN NULL;', hash='a3f8c5002807a48def2bca3ff9fe64fd20edf751', operation='INSERT', pgid='pgtrigger_insert_insert_09063', table='patients_allergy', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "patients_allergyevent" ("entered_in_error", "error_reason", "id", "noted_on", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reaction", "recorded_at", "recorded_by_id", "ref", "substance") VALUES (NEW."entered_in_error", NEW."error_reason", NEW."id", NEW."noted_on", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reaction", NEW."recorded_at", NEW."recorded_by_id", NEW."ref", NEW."substance"); RETURN NULL;', hash='1fa0cd2ab92374b13d9b9780af84a4bc6f96944e', operation='UPDATE', pgid='pgtrigger_update_update_6c37b', table='patients_allergy', when='AFTER')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Consent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('about', models.UUIDField(db_index=True, null=True)),
                    ('shown_text', models.TextField()),
                    ('shown_sha256', models.CharField(max_length=64)),
                    ('techniques', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
                    ('depth_class', models.PositiveSmallIntegerField(choices=[(1, 'up to 0.5 mm'), (2, 'up to 1.5 mm'), (3, 'deeper than 1.5 mm')])),
                    ('signature_kind', models.CharField(choices=[('drawn', 'Drawn'), ('typed', 'Typed')], max_length=6)),
                    ('signature', models.TextField()),
                    ('signed_name', models.CharField(max_length=160)),
                    ('signed_at', models.DateTimeField()),
                    ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                    ('withdrawn_reason', models.CharField(blank=True, max_length=200)),
                    ('witness', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('text', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='patients.consenttext')),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='consents', to='patients.patient')),
                ],
                options={
                    'ordering': ['-signed_at'],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(models.Q(('signature', ''), _negated=True), models.Q(('signed_name', ''), _negated=True)), name='consent_is_signed'),
                        models.CheckConstraint(condition=models.Q(('withdrawn_at__isnull', True), models.Q(('withdrawn_reason', ''), _negated=True), _connector='OR'), name='consent_withdrawal_says_why'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='consent_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='b66ec460d009adbe6ec9d25257f0bb498749d832', operation='DELETE', pgid='pgtrigger_consent_append_only_48f5a', table='patients_consent', when='BEFORE')),
                        pgtrigger.compiler.Trigger(name='consent_signed_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."depth_class" IS DISTINCT FROM (NEW."depth_class") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."shown_sha256" IS DISTINCT FROM (NEW."shown_sha256") OR OLD."shown_text" IS DISTINCT FROM (NEW."shown_text") OR OLD."signature" IS DISTINCT FROM (NEW."signature") OR OLD."signed_at" IS DISTINCT FROM (NEW."signed_at") OR OLD."signed_name" IS DISTINCT FROM (NEW."signed_name") OR OLD."techniques" IS DISTINCT FROM (NEW."techniques") OR OLD."text_id" IS DISTINCT FROM (NEW."text_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='5b6adffd4f4187fce0a146dfae530d899dee7839', operation='UPDATE', pgid='pgtrigger_consent_signed_is_fixed_76f00', table='patients_consent', when='BEFORE')),
                        pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "patients_consentevent" ("about", "depth_class", "id", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "shown_sha256", "shown_text", "signature", "signature_kind", "signed_at", "signed_name", "techniques", "text_id", "withdrawn_at", "withdrawn_reason", "witness_id") VALUES (NEW."about", NEW."depth_class", NEW."id", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."ref", NEW."shown_sha256", NEW."shown_text", NEW."signature", NEW."signature_kind", NEW."signed_at", NEW."signed_name", NEW."techniques", NEW."text_id", NEW."withdrawn_at", NEW."withdrawn_reason", NEW."witness_id"); RETURN NULL;', hash='fe949638d31eeedc73040aa8a1649a93c1b7c31d', operation='INSERT', pgid='pgtrigger_insert_insert_f3c10', table='patients_consent', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "patients_consentevent" ("about", "depth_class", "id", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "shown_sha256", "shown_text", "signature", "signature_kind", "signed_at", "signed_name", "techniques", "text_id", "withdrawn_at", "withdrawn_reason", "witness_id") VALUES (NEW."about", NEW."depth_class", NEW."id", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."ref", NEW."shown_sha256", NEW."shown_text", NEW."signature", NEW."signature_kind", NEW."signed_at", NEW."signed_name", NEW."techniques", NEW."text_id", NEW."withdrawn_at", NEW."withdrawn_reason", NEW."witness_id"); RETURN NULL;', hash='24e3b6e357beedf751f502bb5522b463638e1d20', operation='UPDATE', pgid='pgtrigger_update_update_06fdd', table='patients_consent', when='AFTER')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='MedicationStatement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('kind', models.CharField(choices=[('isotretinoin', 'Isotretinoin (capsules)'), ('topical_retinoid', 'Retinoid cream (tretinoin, adapalene, retinol)'), ('anticoagulant', 'Prescribed blood thinner'), ('immunosuppressant', 'Immunosuppressant or high-dose steroid'), ('photosensitiser', 'Makes skin sun-sensitive'), ('other', 'Other')], default='other', max_length=30)),
                    ('name', models.CharField(max_length=120)),
                    ('prescribed', models.BooleanField(default=True)),
                    ('started_on', models.DateField(blank=True, null=True)),
                    ('stopped_on', models.DateField(blank=True, null=True)),
                    ('note', models.CharField(blank=True, max_length=400)),
                    ('entered_in_error', models.BooleanField(default=False)),
                    ('error_reason', models.CharField(blank=True, max_length=200)),
                    ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='medications', to='patients.patient')),
                ],
                options={
                    'ordering': [models.OrderBy(models.F('stopped_on'), descending=True, nulls_first=True), '-id'],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('started_on__isnull', True), ('stopped_on__isnull', True), ('stopped_on__gte', models.F('started_on')), _connector='OR'), name='medication_stops_after_start'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='raises_facts_version', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE patients_patient SET facts_version = facts_version + 1 WHERE id = COALESCE(NEW.patient_id, OLD.patient_id); RETURN NULL;', hash='c9cd4242b935af6cca7993efa9f89b4b97fe1efe', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_raises_facts_version_34fc9', table='patients_medicationstatement', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "patients_medicationstatementevent" ("entered_in_error", "error_reason", "id", "kind", "name", "note", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prescribed", "recorded_at", "recorded_by_id", "ref", "started_on", "stopped_on") VALUES (NEW."entered_in_error", NEW."error_reason", NEW."id", NEW."kind", NEW."name", NEW."note", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."prescribed", NEW."recorded_at", NEW."recorded_by_id", NEW."ref", NEW."started_on", NEW."stopped_on"); RETURN NULL;', hash='3659ff38a7ceedaccf914ccf7d1e555fa279295f', operation='INSERT', pgid='pgtrigger_insert_insert_7ab51', table='patients_medicationstatement', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "patients_medicationstatementevent" ("entered_in_error", "error_reason", "id", "kind", "name", "note", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prescribed", "recorded_at", "recorded_by_id", "ref", "started_on", "stopped_on") VALUES (NEW."entered_in_error", NEW."error_reason", NEW."id", NEW."kind", NEW."name", NEW."note", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."prescribed", NEW."recorded_at", NEW."recorded_by_id", NEW."ref", NEW."started_on", NEW."stopped_on"); RETURN NULL;', hash='77065eb0813409049a3a9d54f491eb4f6fc5a122', operation='UPDATE', pgid='pgtrigger_update_update_87462', table='patients_medicationstatement', when='AFTER')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Message',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('kind', models.CharField(max_length=40)),
                    ('about', models.UUIDField(db_index=True, null=True)),
                    ('message_id', models.CharField(max_length=120)),
                    ('dedupe_key', models.CharField(max_length=160)),
                    ('to_address', models.CharField(blank=True, max_length=254)),
                    ('template_version', models.PositiveIntegerField(default=0)),
                    ('context', models.JSONField(default=dict)),
                    ('subject', models.CharField(blank=True, max_length=200)),
                    ('body_text', models.TextField(blank=True)),
                    ('body_html', models.TextField(blank=True)),
                    ('rendered_sha256', models.CharField(blank=True, max_length=64)),
                    ('local_rule', models.CharField(blank=True, max_length=80)),
                    ('quiet_hours_apply', models.BooleanField(default=True)),
                    ('zone', models.CharField(max_length=64)),
                    ('send_at', models.DateTimeField()),
                    ('expires_at', models.DateTimeField()),
                    ('state', models.CharField(choices=[('due', 'Will go'), ('held', 'Held'), ('sending', 'Leaving now'), ('sent', 'Went'), ('delivered', 'Delivered'), ('unknown', 'Unknown'), ('needs_person', 'Needs a person'), ('cancelled', 'Cancelled'), ('suppressed', 'Not sent'), ('expired', 'Too late'), ('failed', 'Did not go'), ('bounced', 'Bounced'), ('complained', 'Marked as spam')], default='due', max_length=14)),
                    ('priority', models.PositiveSmallIntegerField(default=5)),
                    ('next_attempt_at', models.DateTimeField()),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('lease_until', models.DateTimeField(null=True)),
                    ('worker', models.CharField(blank=True, max_length=80)),
                    ('handed_off_at', models.DateTimeField(null=True)),
                    ('sent_at', models.DateTimeField(null=True)),
                    ('provider_ref', models.CharField(blank=True, max_length=120)),
                    ('error_class', models.CharField(blank=True, max_length=80)),
                    ('error_code', models.CharField(blank=True, max_length=20)),
                    ('resent', models.BooleanField(default=False)),
                    ('reason', models.CharField(blank=True, max_length=200)),
                    ('closed_at', models.DateTimeField(null=True)),
                    ('created_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('clinic', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='clinic.clinic')),
                    ('closed_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('created_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='patients.patient')),
                    ('attachment_name', models.CharField(blank=True, max_length=80)),
                    ('attachment_type', models.CharField(blank=True, max_length=80)),
                    ('attachment_text', models.TextField(blank=True)),
                    ('template_language', models.CharField(blank=True, max_length=12)),
                ],
                options={
                    'indexes': [
                        models.Index(condition=models.Q(('state__in', ['due', 'held', 'sending'])), fields=['priority', 'next_attempt_at'], name='message_claimable'),
                        models.Index(fields=['clinic', 'send_at'], name='message_by_clinic_day'),
                        models.Index(condition=models.Q(('state__in', ['sending', 'unknown'])), fields=['state', 'handed_off_at'], name='message_in_doubt'),
                        models.Index(fields=['patient', '-send_at'], name='message_by_patient'),
                    ],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('state__in', ['due', 'held', 'sending', 'sent', 'delivered', 'unknown', 'needs_person', 'cancelled', 'suppressed', 'expired', 'failed', 'bounced', 'complained'])), name='message_state_known'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state', 'sending'), _negated=True), models.Q(('lease_until__isnull', False), models.Q(('worker', ''), _negated=True)), _connector='OR'), name='message_sending_has_a_lease'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['sent', 'delivered']), _negated=True), ('sent_at__isnull', False), _connector='OR'), name='message_sent_says_when'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['cancelled', 'suppressed', 'expired', 'failed', 'held', 'needs_person']), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='message_not_sent_says_why'),
                        models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('send_at'))), name='message_expires_after_due'),
                        models.UniqueConstraint(fields=('message_id',), name='message_id_once'),
                        models.UniqueConstraint(fields=('dedupe_key',), name='message_said_once'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='HistoryAnswer',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('code', models.CharField(max_length=40)),
                    ('value', models.CharField(choices=[('yes', 'Yes'), ('no', 'No'), ('not_sure', 'Not sure')], max_length=10)),
                    ('on', models.DateField(blank=True, null=True)),
                    ('detail', models.CharField(blank=True, max_length=40)),
                    ('note', models.CharField(blank=True, max_length=400)),
                    ('answered_on', models.DateField()),
                    ('via', models.CharField(choices=[('patient', 'Patient'), ('clinician', 'Clinician, asking the patient'), ('desk', 'Front desk, by telephone')], max_length=10)),
                    ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='patients.patient')),
                ],
                options={
                    'indexes': [
                        models.Index(fields=['patient', 'code', '-answered_on', '-id'], name='answer_latest_first'),
                    ],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('value__in', ['yes', 'no', 'not_sure'])), name='history_answer_value_known'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='raises_facts_version', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE patients_patient SET facts_version = facts_version + 1 WHERE id = COALESCE(NEW.patient_id, OLD.patient_id); RETURN NULL;', hash='731d1a35644fce8a9a61c3bdbccc02d6a0f0d522', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_raises_facts_version_366a0', table='patients_historyanswer', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='history_answer_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='549eb47945baf46cf7160c3e56bbd2fefd736343', operation='UPDATE OR DELETE', pgid='pgtrigger_history_answer_append_only_19264', table='patients_historyanswer', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='PatientHistory',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('id', models.BigIntegerField()),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
                    ('given_name', models.CharField(max_length=80)),
                    ('family_name', models.CharField(max_length=80)),
                    ('born_on', models.DateField(verbose_name='date of birth')),
                    ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                    ('phone', models.CharField(blank=True, max_length=40)),
                    ('language', models.CharField(default='en', max_length=12)),
                    ('speaks', models.CharField(blank=True, max_length=120)),
                    ('status', models.CharField(choices=[('active', 'Active'), ('moved_away', 'Moved away'), ('deceased', 'Deceased'), ('merged', 'Merged into another record'), ('entered_in_error', 'Entered in error')], default='active', max_length=20)),
                    ('mail_allowed', models.BooleanField(default=False, verbose_name='may we e-mail you?')),
                    ('reminders_allowed', models.BooleanField(default=False, verbose_name='reminders and follow-up')),
                    ('contact_asked_at', models.DateTimeField(blank=True, null=True)),
                    ('email_bounced_at', models.DateTimeField(blank=True, null=True)),
                    ('facts_version', models.PositiveIntegerField(default=1)),
                    ('registered_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('version', models.PositiveIntegerField(default=1)),
                    ('clinic', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.clinic')),
                    ('contact_asked_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                    ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                    ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', related_query_name='history', to='patients.patient')),
                    ('registered_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='a4de9884829f2425f099143faea7a7dbba2d6571', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_d83d2', table='patients_patienthistory', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='MessageEvent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('what', models.CharField(max_length=30)),
                    ('code', models.CharField(blank=True, max_length=40)),
                    ('event_id', models.CharField(max_length=120, null=True)),
                    ('at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='patients.message')),
                ],
                options={
                    'constraints': [
                        models.UniqueConstraint(fields=('event_id',), name='message_event_told_once'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='message_event_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='a1d3159778e8ffcfadee6da28f2e106d5314846d', operation='UPDATE OR DELETE', pgid='pgtrigger_message_event_append_only_fb0c8', table='patients_messageevent', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='MedicationStatementEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('id', models.BigIntegerField()),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
                    ('kind', models.CharField(choices=[('isotretinoin', 'Isotretinoin (capsules)'), ('topical_retinoid', 'Retinoid cream (tretinoin, adapalene, retinol)'), ('anticoagulant', 'Prescribed blood thinner'), ('immunosuppressant', 'Immunosuppressant or high-dose steroid'), ('photosensitiser', 'Makes skin sun-sensitive'), ('other', 'Other')], default='other', max_length=30)),
                    ('name', models.CharField(max_length=120)),
                    ('prescribed', models.BooleanField(default=True)),
                    ('started_on', models.DateField(blank=True, null=True)),
                    ('stopped_on', models.DateField(blank=True, null=True)),
                    ('note', models.CharField(blank=True, max_length=400)),
                    ('entered_in_error', models.BooleanField(default=False)),
                    ('error_reason', models.CharField(blank=True, max_length=200)),
                    ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                    ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='patients.medicationstatement')),
                    ('recorded_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
                ],
                options={
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='61b41cb57670792baab7c58f40b6ddfdeffd3e94', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_cc153', table='patients_medicationstatementevent', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='ConsentEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('id', models.BigIntegerField()),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
                    ('about', models.UUIDField(null=True)),
                    ('shown_text', models.TextField()),
                    ('shown_sha256', models.CharField(max_length=64)),
                    ('techniques', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
                    ('depth_class', models.PositiveSmallIntegerField(choices=[(1, 'up to 0.5 mm'), (2, 'up to 1.5 mm'), (3, 'deeper than 1.5 mm')])),
                    ('signature_kind', models.CharField(choices=[('drawn', 'Drawn'), ('typed', 'Typed')], max_length=6)),
                    ('signature', models.TextField()),
                    ('signed_name', models.CharField(max_length=160)),
                    ('signed_at', models.DateTimeField()),
                    ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                    ('withdrawn_reason', models.CharField(blank=True, max_length=200)),
                    ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                    ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='patients.consent')),
                    ('witness', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                    ('text', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.consenttext')),
                    ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
                ],
                options={
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='fced6dcbc87843e2b3fc4d589e9e5c46457e7a26', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_76697', table='patients_consentevent', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='AllergyEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('id', models.BigIntegerField()),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
                    ('substance', models.CharField(max_length=120)),
                    ('reaction', models.CharField(blank=True, max_length=200)),
                    ('noted_on', models.DateField()),
                    ('entered_in_error', models.BooleanField(default=False)),
                    ('error_reason', models.CharField(blank=True, max_length=200)),
                    ('recorded_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                    ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='patients.allergy')),
                    ('recorded_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
                ],
                options={
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='c548d99255e80820398f5ae48af48c09093f1f15', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_539c8', table='patients_allergyevent', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='WorkerSeen',
                fields=[
                    ('name', models.CharField(max_length=80, primary_key=True, serialize=False)),
                    ('at', models.DateTimeField()),
                ],
            ),
            migrations.CreateModel(
                name='PatientLink',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('purpose', models.CharField(max_length=20)),
                    ('about', models.UUIDField(null=True)),
                    ('token_sha256', models.CharField(max_length=64)),
                    ('made_at', models.DateTimeField()),
                    ('expires_at', models.DateTimeField()),
                    ('opened', models.PositiveSmallIntegerField(default=0)),
                    ('last_opened_at', models.DateTimeField(null=True)),
                    ('wrong_births', models.PositiveSmallIntegerField(default=0)),
                    ('closed_at', models.DateTimeField(null=True)),
                    ('closed_because', models.CharField(blank=True, max_length=120)),
                    ('clinic', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic')),
                    ('closed_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('message', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='links', to='patients.message')),
                    ('patient', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='links', to='patients.patient')),
                ],
                options={
                    'indexes': [
                        models.Index(fields=['patient', '-made_at'], name='patient_link_by_patient'),
                        models.Index(fields=['expires_at'], name='patient_link_by_end'),
                        models.Index(condition=models.Q(('closed_by', None), ('wrong_births__gte', 5)), fields=['clinic', 'patient'], name='patient_link_guessed'),
                    ],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('made_at'))), name='patient_link_ends_after_it_began'),
                        models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_because', '')), models.Q(('closed_at__isnull', False), models.Q(('closed_because', ''), _negated=True)), _connector='OR'), name='patient_link_closed_says_why'),
                        models.UniqueConstraint(fields=('token_sha256',), name='patient_link_token_once'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='patient_link_stays_closed', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
    IF (NEW.token_sha256, NEW.patient_id, NEW.purpose, NEW.about, NEW.expires_at)
            IS DISTINCT FROM (OLD.token_sha256, OLD.patient_id, OLD.purpose, OLD.about, OLD.expires_at)
        OR (OLD.closed_at IS NOT NULL AND (NEW.closed_at, NEW.closed_because) IS DISTINCT FROM (OLD.closed_at, OLD.closed_because))
    THEN
        RAISE EXCEPTION 'patient_link_stays_closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'patient_link_stays_closed';
    END IF;
    RETURN NEW;
""", hash='e903d454ad27a2c42dcb8b941d0d89a7e1b13c7b', operation='UPDATE', pgid='pgtrigger_patient_link_stays_closed_9998c', table='patients_patientlink', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Photo',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('about', models.UUIDField(db_index=True, null=True)),
                    ('source', models.CharField(choices=[('patient', 'Patient'), ('clinic', 'Clinic')], max_length=10)),
                    ('name', models.CharField(max_length=80, unique=True)),
                    ('content_type', models.CharField(max_length=20)),
                    ('sha256', models.CharField(max_length=64)),
                    ('size_bytes', models.PositiveIntegerField()),
                    ('width_px', models.PositiveIntegerField()),
                    ('height_px', models.PositiveIntegerField()),
                    ('added_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('entered_in_error', models.BooleanField(default=False)),
                    ('error_reason', models.CharField(blank=True, max_length=200)),
                    ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='photos', to='patients.patient')),
                ],
                options={
                    'ordering': ['-id'],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(models.Q(('added_by', None), ('source', 'patient')), models.Q(('added_by__isnull', False), ('source', 'clinic')), _connector='OR'), name='photo_says_who_added_it'),
                        models.CheckConstraint(condition=models.Q(('entered_in_error', False), models.Q(('error_reason', ''), _negated=True), _connector='OR'), name='photo_in_error_says_why'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='photo_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='84053b3afd530a398862b5b7eb8091631335128e', operation='DELETE', pgid='pgtrigger_photo_kept_b7f63', table='patients_photo', when='BEFORE')),
                        pgtrigger.compiler.Trigger(name='photo_only_struck_out', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."about" IS DISTINCT FROM (NEW."about") OR OLD."added_at" IS DISTINCT FROM (NEW."added_at") OR OLD."added_by_id" IS DISTINCT FROM (NEW."added_by_id") OR OLD."content_type" IS DISTINCT FROM (NEW."content_type") OR OLD."height_px" IS DISTINCT FROM (NEW."height_px") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256") OR OLD."size_bytes" IS DISTINCT FROM (NEW."size_bytes") OR OLD."source" IS DISTINCT FROM (NEW."source") OR OLD."width_px" IS DISTINCT FROM (NEW."width_px"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='7304129cd19616caa7ec0e3d327d4cd008ae3868', operation='UPDATE', pgid='pgtrigger_photo_only_struck_out_0fe54', table='patients_photo', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='MessageText',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('code', models.CharField(max_length=40)),
                    ('language', models.CharField(max_length=12)),
                    ('version', models.PositiveIntegerField()),
                    ('source', models.TextField(blank=True)),
                    ('shipped_version', models.PositiveIntegerField()),
                    ('why', models.CharField(max_length=200)),
                    ('made_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='message_texts', to='clinic.clinic')),
                    ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-version'],
                    'constraints': [
                        models.UniqueConstraint(fields=('clinic', 'code', 'language', 'version'), name='message_text_version_once'),
                        models.CheckConstraint(condition=models.Q(('why', ''), _negated=True), name='message_text_says_why'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='message_text_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='1a378d16b80c4dac871c189f47b8f133d4a1ce59', operation='UPDATE OR DELETE', pgid='pgtrigger_message_text_append_only_f938e', table='patients_messagetext', when='BEFORE')),
                    ],
                },
            ),
        ]),
    ]
