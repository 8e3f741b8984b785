"""The tables of treatments/sessions, for the migration that makes all of them."""

import uuid
from decimal import Decimal

import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models

operations = [
    migrations.CreateModel(
        name='CartridgeLot',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('lot', models.CharField(max_length=60)),
            ('expires_on', models.DateField()),
            ('needles', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('in_use', models.BooleanField(default=True)),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cartridge_lots', to='clinic.clinic')),
        ],
        options={
            'ordering': ['expires_on', 'id'],
            'constraints': [
                models.UniqueConstraint(fields=('clinic', 'lot'), name='cartridge_lot_once'),
            ],
        },
    ),
    migrations.CreateModel(
        name='TreatmentSession',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('status', models.CharField(choices=[('open', 'Open'), ('completed', 'Completed'), ('stopped', 'Stopped early'), ('entered_in_error', 'Entered in error')], default='open', max_length=20)),
            ('on', models.DateField()),
            ('opened_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('changes_acknowledged', models.JSONField(default=list)),
            ('cartridge_expires_on', models.DateField(blank=True, null=True)),
            ('cartridge_serial', models.CharField(blank=True, max_length=60)),
            ('anaesthetic_grams', models.DecimalField(blank=True, decimal_places=1, max_digits=5, null=True)),
            ('anaesthetic_area_cm2', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('anaesthetic_on_at', models.DateTimeField(blank=True, null=True)),
            ('anaesthetic_off_at', models.DateTimeField(blank=True, null=True)),
            ('pain', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('note', models.TextField(blank=True)),
            ('aftercare_given', models.BooleanField(default=False)),
            ('sharps_disposed', models.BooleanField(default=False)),
            ('counts', models.BooleanField(default=True)),
            ('stopped_reason', models.CharField(blank=True, max_length=200)),
            ('error_reason', models.CharField(blank=True, max_length=200)),
            ('signed_at', models.DateTimeField(null=True)),
            ('version', models.PositiveIntegerField(default=1)),
            ('anaesthetic', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='treatments.anaesthetic')),
            ('appointment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='treatments.appointment')),
            ('cartridge_lot', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='treatments.cartridgelot')),
            ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='clinic.clinic')),
            ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='treatments.device')),
            ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='clinic.membership')),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='patients.patient')),
            ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='treatments.treatmentplan')),
            ('planned_session', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='treatments.plannedsession')),
            ('screening', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='treatments.screeningrecord')),
            ('signed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('anaesthetic_occluded', models.BooleanField(db_default=False, default=False)),
            ('anaesthetic_ordered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('weight_kg', models.DecimalField(blank=True, decimal_places=1, max_digits=4, null=True)),
        ],
        options={
            'ordering': ['-on', '-id'],
            'indexes': [
                models.Index(fields=['patient', '-on'], name='session_latest_first'),
            ],
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('status__in', ['open', 'completed'])), fields=('planned_session',), name='session_once_per_planned'),
                models.UniqueConstraint(condition=models.Q(models.Q(('cartridge_serial', ''), _negated=True), models.Q(('status', 'entered_in_error'), _negated=True)), fields=('cartridge_lot', 'cartridge_serial'), name='cartridge_one_patient'),
                models.CheckConstraint(condition=models.Q(('cartridge_expires_on__isnull', True), ('cartridge_expires_on__gte', models.F('on')), _connector='OR'), name='session_cartridge_in_date'),
                models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['completed', 'stopped']), _negated=True), models.Q(('signed_at__isnull', False), ('signed_by__isnull', False)), _connector='OR'), name='session_completed_is_signed'),
                models.CheckConstraint(condition=models.Q(models.Q(('status', 'completed'), _negated=True), models.Q(('cartridge_lot__isnull', False), ('device__isnull', False)), _connector='OR'), name='session_completed_names_its_cartridge'),
                models.CheckConstraint(condition=models.Q(models.Q(('status', 'stopped'), _negated=True), models.Q(('stopped_reason', ''), _negated=True), _connector='OR'), name='session_stopped_says_why'),
                models.CheckConstraint(condition=models.Q(('pain__isnull', True), ('pain__lte', 10), _connector='OR'), name='session_pain_0_to_10'),
                models.CheckConstraint(condition=models.Q(('anaesthetic_on_at__isnull', True), ('anaesthetic_off_at__isnull', True), ('anaesthetic_off_at__gte', models.F('anaesthetic_on_at')), _connector='OR'), name='session_numbing_off_after_on'),
                models.CheckConstraint(condition=models.Q(('weight_kg__isnull', True), models.Q(('weight_kg__gte', 20), ('weight_kg__lte', 400)), _connector='OR'), name='session_weight_20_to_400'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='raises_facts_version', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE patients_patient SET facts_version = facts_version + 1 WHERE id = COALESCE(NEW.patient_id, OLD.patient_id); RETURN NULL;', hash='3f6bb32cf30a214a29da376fe8d14d100b7ff405', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_raises_facts_version_639fc', table='treatments_treatmentsession', when='AFTER')),
                pgtrigger.compiler.Trigger(name='session_signed_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'session_never_deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_never_deleted'; END IF;
        IF NEW.patient_id <> OLD.patient_id OR NEW.plan_id <> OLD.plan_id OR NEW."on" <> OLD."on"
            OR NEW.planned_session_id <> OLD.planned_session_id
            OR NEW.appointment_id IS DISTINCT FROM OLD.appointment_id
            OR NEW.screening_id IS DISTINCT FROM OLD.screening_id
            OR (OLD.status = 'entered_in_error' AND NEW.status <> OLD.status) THEN
            RAISE EXCEPTION 'session_identity_is_fixed' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_identity_is_fixed';
        END IF;
        IF OLD.signed_at IS NOT NULL AND (
            (to_jsonb(NEW) - ARRAY['status', 'error_reason']) IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['status', 'error_reason'])
            OR (NEW.status <> OLD.status AND NEW.status <> 'entered_in_error')
        ) THEN RAISE EXCEPTION 'session_signed_is_fixed' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_signed_is_fixed'; END IF;
        RETURN NEW;
    """, hash='b19bbe7d954bc6a51baa643f5346fe54e63370bb', operation='UPDATE OR DELETE', pgid='pgtrigger_session_signed_is_fixed_d24a9', table='treatments_treatmentsession', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='session_opens_only_when_safe', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE who patients_patient%ROWTYPE; record treatments_screeningrecord%ROWTYPE; course treatments_treatmentplan%ROWTYPE; today date; last_on date; floor_days integer; rules bigint;', func="""
        SELECT * INTO who FROM patients_patient WHERE id = NEW.patient_id FOR UPDATE;
        SELECT (clinic_now() AT TIME ZONE zone)::date, rules_version INTO today, rules
            FROM clinic_clinic WHERE id = who.clinic_id;
        SELECT * INTO course FROM treatments_treatmentplan WHERE id = NEW.plan_id;
        IF course.patient_id IS DISTINCT FROM NEW.patient_id OR course.status IS DISTINCT FROM 'active' THEN
            RAISE EXCEPTION 'session_plan_active' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_plan_active';
        END IF;
        IF NOT EXISTS (
            SELECT 1 FROM treatments_plannedsession WHERE id = NEW.planned_session_id AND plan_id = NEW.plan_id
        ) OR (NEW.appointment_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM treatments_appointment WHERE id = NEW.appointment_id AND patient_id = NEW.patient_id
                AND planned_session_id = NEW.planned_session_id
        )) THEN RAISE EXCEPTION 'session_of_its_own_visit' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_of_its_own_visit'; END IF;
        IF NEW.screening_id IS NULL THEN RAISE EXCEPTION 'session_needs_screening' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_needs_screening'; END IF;
        SELECT * INTO record FROM treatments_screeningrecord WHERE id = NEW.screening_id;
        IF record.patient_id IS DISTINCT FROM NEW.patient_id THEN RAISE EXCEPTION 'session_screening_same_patient' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_screening_same_patient'; END IF;
        IF record.purpose <> 'session' THEN RAISE EXCEPTION 'session_needs_screening' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_needs_screening'; END IF;
        IF record."on" <> today OR NEW."on" <> today
            OR (record.made_at AT TIME ZONE (SELECT zone FROM clinic_clinic WHERE id = who.clinic_id))::date <> today THEN
            RAISE EXCEPTION 'session_screening_is_todays' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_screening_is_todays';
        END IF;
        IF record.outcome NOT IN ('clear', 'caution') THEN RAISE EXCEPTION 'session_outcome_permits' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_outcome_permits'; END IF;
        IF record.facts_version <> who.facts_version THEN RAISE EXCEPTION 'session_facts_current' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_facts_current'; END IF;
        IF record.rules_version <> rules THEN RAISE EXCEPTION 'session_under_rules_in_force' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_under_rules_in_force'; END IF;
        IF NOT EXISTS (
            SELECT 1 FROM patients_consent consent JOIN patients_consenttext body ON body.id = consent.text_id
            WHERE consent.patient_id = NEW.patient_id AND consent.withdrawn_at IS NULL AND NOT body.ask_again
                AND consent.techniques @> course.techniques AND consent.depth_class >= course.depth_class
                AND consent.signed_at > clinic_now() - interval '12 months' AND consent.signed_at <= clinic_now()
        ) THEN RAISE EXCEPTION 'session_needs_consent' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_needs_consent'; END IF;
        SELECT max("on") INTO last_on FROM treatments_treatmentsession
            WHERE patient_id = NEW.patient_id AND status <> 'entered_in_error';
        floor_days := GREATEST(28, CASE WHEN EXISTS (
            SELECT 1 FROM treatments_clearance lifted WHERE lifted.patient_id = NEW.patient_id
                AND lifted.code = 'interval_floor' AND lifted.revoked_at IS NULL
                AND today BETWEEN lifted.given_on AND lifted.expires_on
        ) THEN 28 ELSE course.floor_days END);
        IF last_on IS NOT NULL AND NEW."on" < last_on + floor_days THEN RAISE EXCEPTION 'session_floor_kept' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_floor_kept'; END IF;
        RETURN NEW;
    """, hash='e7cf4f016518e6f49d239a0577dd503cb50e6f7d', operation='INSERT', pgid='pgtrigger_session_opens_only_when_safe_c7772', table='treatments_treatmentsession', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_treatmentsessionevent" ("aftercare_given", "anaesthetic_area_cm2", "anaesthetic_grams", "anaesthetic_id", "anaesthetic_occluded", "anaesthetic_off_at", "anaesthetic_on_at", "anaesthetic_ordered_by_id", "appointment_id", "cartridge_expires_on", "cartridge_lot_id", "cartridge_serial", "changes_acknowledged", "clinic_id", "counts", "device_id", "error_reason", "id", "note", "on", "opened_at", "operator_id", "pain", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "planned_session_id", "ref", "screening_id", "sharps_disposed", "signed_at", "signed_by_id", "status", "stopped_reason", "version", "weight_kg") VALUES (NEW."aftercare_given", NEW."anaesthetic_area_cm2", NEW."anaesthetic_grams", NEW."anaesthetic_id", NEW."anaesthetic_occluded", NEW."anaesthetic_off_at", NEW."anaesthetic_on_at", NEW."anaesthetic_ordered_by_id", NEW."appointment_id", NEW."cartridge_expires_on", NEW."cartridge_lot_id", NEW."cartridge_serial", NEW."changes_acknowledged", NEW."clinic_id", NEW."counts", NEW."device_id", NEW."error_reason", NEW."id", NEW."note", NEW."on", NEW."opened_at", NEW."operator_id", NEW."pain", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."plan_id", NEW."planned_session_id", NEW."ref", NEW."screening_id", NEW."sharps_disposed", NEW."signed_at", NEW."signed_by_id", NEW."status", NEW."stopped_reason", NEW."version", NEW."weight_kg"); RETURN NULL;', hash='9f8a2dd416d9b21f24f36a86dbc661da301153ad', operation='INSERT', pgid='pgtrigger_insert_insert_e6f5d', table='treatments_treatmentsession', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_treatmentsessionevent" ("aftercare_given", "anaesthetic_area_cm2", "anaesthetic_grams", "anaesthetic_id", "anaesthetic_occluded", "anaesthetic_off_at", "anaesthetic_on_at", "anaesthetic_ordered_by_id", "appointment_id", "cartridge_expires_on", "cartridge_lot_id", "cartridge_serial", "changes_acknowledged", "clinic_id", "counts", "device_id", "error_reason", "id", "note", "on", "opened_at", "operator_id", "pain", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "planned_session_id", "ref", "screening_id", "sharps_disposed", "signed_at", "signed_by_id", "status", "stopped_reason", "version", "weight_kg") VALUES (NEW."aftercare_given", NEW."anaesthetic_area_cm2", NEW."anaesthetic_grams", NEW."anaesthetic_id", NEW."anaesthetic_occluded", NEW."anaesthetic_off_at", NEW."anaesthetic_on_at", NEW."anaesthetic_ordered_by_id", NEW."appointment_id", NEW."cartridge_expires_on", NEW."cartridge_lot_id", NEW."cartridge_serial", NEW."changes_acknowledged", NEW."clinic_id", NEW."counts", NEW."device_id", NEW."error_reason", NEW."id", NEW."note", NEW."on", NEW."opened_at", NEW."operator_id", NEW."pain", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."plan_id", NEW."planned_session_id", NEW."ref", NEW."screening_id", NEW."sharps_disposed", NEW."signed_at", NEW."signed_by_id", NEW."status", NEW."stopped_reason", NEW."version", NEW."weight_kg"); RETURN NULL;', hash='93cd4e2c4ff7b65acec74224bcbab8af7bba78c1', operation='UPDATE', pgid='pgtrigger_update_update_a8bc2', table='treatments_treatmentsession', when='AFTER')),
                pgtrigger.compiler.Trigger(name='session_device_reaches_what_is_charted', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF (NEW.device_id IS DISTINCT FROM OLD.device_id OR (NEW.status = 'completed' AND OLD.status = 'open')) AND EXISTS (
            SELECT 1 FROM treatments_sessionzone charted LEFT JOIN treatments_device device ON device.id = NEW.device_id
            WHERE charted.session_id = NEW.id
                AND charted.depth_mm > COALESCE(COALESCE(device.max_depth_mm ->> charted.zone, device.max_depth_mm ->> (CASE WHEN charted.zone IN ('forehead', 'temple', 'periorbital', 'nose', 'cheek', 'upper_lip', 'perioral', 'chin', 'jawline') THEN 'face' WHEN charted.zone IN ('neck') THEN 'neck' ELSE 'body' END))::numeric, (CASE WHEN charted.zone IN ('cheek', 'neck') THEN 1.5 END))
        ) THEN RAISE EXCEPTION 'zone_depth_within_device_label' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_depth_within_device_label'; END IF;
        RETURN NEW;
    """, hash='e88a38c6d338db4aae46a10e7d266dd8ef8f5feb', operation='UPDATE OF "device_id", "status"', pgid='pgtrigger_session_device_reaches_what_is_charted_fd62a', table='treatments_treatmentsession', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='SessionAddendum',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('text', models.TextField()),
            ('reason', models.CharField(max_length=200)),
            ('at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('session', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='addenda', to='treatments.treatmentsession')),
        ],
        options={
            'ordering': ['id'],
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('text', ''), _negated=True), models.Q(('reason', ''), _negated=True)), name='addendum_says_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='addendum_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e713ff1098912ead6e54f0b4ca100aa6523680c5', operation='UPDATE OR DELETE', pgid='pgtrigger_addendum_append_only_93a4e', table='treatments_sessionaddendum', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='SessionZone',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('zone', models.CharField(max_length=30)),
            ('depth_mm', models.DecimalField(decimal_places=2, max_digits=3)),
            ('passes', models.PositiveSmallIntegerField()),
            ('endpoint', models.CharField(blank=True, choices=[('erythema', 'Even redness'), ('pinpoint_bleeding', 'Pinpoint bleeding'), ('bleeding_beyond_pinpoint', 'Bleeding beyond pinpoint'), ('stopped_early', 'Stopped early')], max_length=30)),
            ('soft_max_mm', models.DecimalField(decimal_places=2, max_digits=3)),
            ('hard_cap_mm', models.DecimalField(decimal_places=2, max_digits=3)),
            ('reason', models.CharField(blank=True, max_length=200)),
            ('session', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='zones', to='treatments.treatmentsession')),
            ('last_mm', models.DecimalField(blank=True, decimal_places=2, max_digits=3, null=True)),
            ('step_mm', models.DecimalField(db_default=Decimal('0.25'), decimal_places=2, default=Decimal('0.25'), max_digits=3)),
            ('ordered_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ['id'],
            'constraints': [
                models.UniqueConstraint(fields=('session', 'zone'), name='session_zone_once'),
                models.CheckConstraint(condition=models.Q(('depth_mm__lte', models.F('hard_cap_mm')), ('hard_cap_mm__lte', 3), ('depth_mm__gt', 0)), name='zone_depth_within_hard_cap'),
                models.CheckConstraint(condition=models.Q(('passes__gte', 1), ('passes__lte', 20)), name='zone_passes_1_to_20'),
                models.CheckConstraint(condition=models.Q(models.Q(('hard_cap_mm__lte', Decimal('0.5')), ('zone__in', ('periorbital',))), models.Q(('hard_cap_mm__lte', Decimal('1.0')), ('zone__in', ('temple', 'nose'))), models.Q(('hard_cap_mm__lte', Decimal('1.5')), ('zone__in', ('forehead', 'upper_lip', 'perioral', 'chin', 'jawline', 'decolletage', 'hand', 'chest'))), models.Q(('hard_cap_mm__lte', Decimal('2.0')), ('zone__in', ('cheek', 'back'))), models.Q(('hard_cap_mm__lte', Decimal('2.5')), ('zone__in', ('neck', 'abdomen', 'flank', 'thigh', 'buttock', 'leg', 'arm'))), _connector='OR'), name='zone_cap_of_its_zone'),
                models.CheckConstraint(condition=models.Q(('step_mm__gt', 0), ('step_mm__lte', Decimal('0.5'))), name='zone_step_within_bounds'),
                # NOT VALID where sessions were signed before there was this rule: they stay as they were signed.
                models.CheckConstraint(condition=models.Q(('depth_mm__lte', models.F('soft_max_mm')), ('reason__regex', '\\S'), _connector='OR'), name='zone_over_soft_max_has_a_reason'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='zone_of_signed_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(func="""
        IF EXISTS (
            SELECT 1 FROM treatments_treatmentsession
            WHERE id IN (COALESCE(NEW.session_id, OLD.session_id), COALESCE(OLD.session_id, NEW.session_id)) AND signed_at IS NOT NULL
        ) THEN RAISE EXCEPTION 'session_signed_is_fixed' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_signed_is_fixed'; END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    """, hash='4d570f27da13a5166dd8b0c15499a1b4aafeef48', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_zone_of_signed_is_fixed_1deab', table='treatments_sessionzone', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_sessionzoneevent" ("depth_mm", "endpoint", "hard_cap_mm", "id", "last_mm", "ordered_by_id", "passes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "session_id", "soft_max_mm", "step_mm", "zone") VALUES (NEW."depth_mm", NEW."endpoint", NEW."hard_cap_mm", NEW."id", NEW."last_mm", NEW."ordered_by_id", NEW."passes", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason", NEW."session_id", NEW."soft_max_mm", NEW."step_mm", NEW."zone"); RETURN NULL;', hash='e5ee2001a5524450ba8476d5579bc45171210e59', operation='INSERT', pgid='pgtrigger_insert_insert_86f8b', table='treatments_sessionzone', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_sessionzoneevent" ("depth_mm", "endpoint", "hard_cap_mm", "id", "last_mm", "ordered_by_id", "passes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "session_id", "soft_max_mm", "step_mm", "zone") VALUES (NEW."depth_mm", NEW."endpoint", NEW."hard_cap_mm", NEW."id", NEW."last_mm", NEW."ordered_by_id", NEW."passes", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason", NEW."session_id", NEW."soft_max_mm", NEW."step_mm", NEW."zone"); RETURN NULL;', hash='0137fd9078a2502ba31a8d6e658e90432bafbc21', operation='UPDATE', pgid='pgtrigger_update_update_0d041', table='treatments_sessionzone', when='AFTER')),
                pgtrigger.compiler.Trigger(name='zone_depth_guard', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE who bigint; at_clinic bigint; course_status text; skin_type integer; treated text[]; label_mm numeric; own_mm numeric; is_ordered boolean;', func=r"""
        SELECT session.patient_id, session.clinic_id, course.status, (record.facts ->> 'skin_type')::integer,
                ARRAY(SELECT concern ->> 'code' FROM jsonb_array_elements(course.concerns) concern
                    WHERE jsonb_exists(concern -> 'zones', NEW.zone)),
                COALESCE(device.max_depth_mm ->> NEW.zone, device.max_depth_mm ->> (CASE WHEN NEW.zone IN ('forehead', 'temple', 'periorbital', 'nose', 'cheek', 'upper_lip', 'perioral', 'chin', 'jawline') THEN 'face' WHEN NEW.zone IN ('neck') THEN 'neck' ELSE 'body' END))::numeric, operator.max_depth_mm
            INTO who, at_clinic, course_status, skin_type, treated, label_mm, own_mm
            FROM treatments_treatmentsession session
            JOIN treatments_treatmentplan course ON course.id = session.plan_id
            JOIN clinic_membership operator ON operator.id = session.operator_id
            LEFT JOIN treatments_screeningrecord record ON record.id = session.screening_id
            LEFT JOIN treatments_device device ON device.id = session.device_id
            WHERE session.id = NEW.session_id;
        IF cardinality(treated) = 0 THEN RAISE EXCEPTION 'zone_of_its_course' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_of_its_course'; END IF;
        IF NEW.depth_mm > label_mm THEN RAISE EXCEPTION 'zone_depth_within_device_label' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_depth_within_device_label'; END IF;
        IF label_mm IS NULL AND NEW.depth_mm > (CASE WHEN NEW.zone IN ('cheek', 'neck') THEN 1.5 END) THEN RAISE EXCEPTION 'zone_deeper_only_by_label' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_deeper_only_by_label'; END IF;
        IF ('melasma' = ANY(treated) AND NEW.depth_mm > 1.5) THEN RAISE EXCEPTION 'zone_within_cap_of_its_concern' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_within_cap_of_its_concern'; END IF;
        is_ordered := EXISTS (
            SELECT 1 FROM clinic_membership prescriber WHERE prescriber.user_id = NEW.ordered_by_id
                AND prescriber.clinic_id = at_clinic AND 'prescriber' = ANY(prescriber.roles)
                AND (prescriber.max_depth_mm IS NULL OR NEW.depth_mm <= prescriber.max_depth_mm)
        );
        IF NEW.depth_mm > own_mm AND NOT is_ordered THEN RAISE EXCEPTION 'zone_within_own_limit' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_within_own_limit'; END IF;
        IF NEW.zone IN ('cheek') AND NEW.depth_mm > 1.5 AND NOT is_ordered THEN
            RAISE EXCEPTION 'zone_deeper_only_by_order' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_deeper_only_by_order';
        END IF;
        IF NEW.zone IN ('neck') AND COALESCE(skin_type, 6) >= 5 AND NOT is_ordered THEN
            RAISE EXCEPTION 'zone_signed_off_for_skin_type' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_signed_off_for_skin_type';
        END IF;
        IF course_status <> 'active' AND NEW.reason !~ '\S' THEN RAISE EXCEPTION 'zone_on_hold_has_a_reason' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_on_hold_has_a_reason'; END IF;
        NEW.last_mm := (
            SELECT charted.depth_mm FROM treatments_sessionzone charted
                JOIN treatments_treatmentsession earlier ON earlier.id = charted.session_id
            WHERE earlier.patient_id = who AND charted.zone = NEW.zone AND earlier.id <> NEW.session_id
                AND earlier.signed_at IS NOT NULL AND earlier.status <> 'entered_in_error'
            ORDER BY earlier."on" DESC, earlier.id DESC LIMIT 1
        );
        IF NEW.depth_mm > NEW.last_mm + NEW.step_mm AND NEW.reason !~ '\S' THEN
            RAISE EXCEPTION 'zone_step_up_has_a_reason' USING ERRCODE = 'check_violation', CONSTRAINT = 'zone_step_up_has_a_reason';
        END IF;
        RETURN NEW;
    """, hash='a1a609ba8708d9c92196dadfc16e63606c7605ed', operation='INSERT OR UPDATE', pgid='pgtrigger_zone_depth_guard_4366f', table='treatments_sessionzone', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='TreatmentSessionEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
            ('status', models.CharField(choices=[('open', 'Open'), ('completed', 'Completed'), ('stopped', 'Stopped early'), ('entered_in_error', 'Entered in error')], default='open', max_length=20)),
            ('on', models.DateField()),
            ('opened_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('changes_acknowledged', models.JSONField(default=list)),
            ('cartridge_expires_on', models.DateField(blank=True, null=True)),
            ('cartridge_serial', models.CharField(blank=True, max_length=60)),
            ('anaesthetic_grams', models.DecimalField(blank=True, decimal_places=1, max_digits=5, null=True)),
            ('anaesthetic_area_cm2', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('anaesthetic_on_at', models.DateTimeField(blank=True, null=True)),
            ('anaesthetic_off_at', models.DateTimeField(blank=True, null=True)),
            ('pain', models.PositiveSmallIntegerField(blank=True, null=True)),
            ('note', models.TextField(blank=True)),
            ('aftercare_given', models.BooleanField(default=False)),
            ('sharps_disposed', models.BooleanField(default=False)),
            ('counts', models.BooleanField(default=True)),
            ('stopped_reason', models.CharField(blank=True, max_length=200)),
            ('error_reason', models.CharField(blank=True, max_length=200)),
            ('signed_at', models.DateTimeField(null=True)),
            ('version', models.PositiveIntegerField(default=1)),
            ('anaesthetic', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.anaesthetic')),
            ('appointment', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.appointment')),
            ('cartridge_lot', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.cartridgelot')),
            ('clinic', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.clinic')),
            ('device', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.device')),
            ('operator', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.membership')),
            ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.treatmentsession')),
            ('plan', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.treatmentplan')),
            ('planned_session', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.plannedsession')),
            ('screening', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.screeningrecord')),
            ('signed_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('anaesthetic_occluded', models.BooleanField(db_default=False, default=False)),
            ('anaesthetic_ordered_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('weight_kg', models.DecimalField(blank=True, decimal_places=1, max_digits=4, null=True)),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='87f6155a6e849d514a98a1ffd27c865a73f978e5', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_8f1e3', table='treatments_treatmentsessionevent', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='AdverseEvent',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('code', models.CharField(max_length=40)),
            ('grade', models.PositiveSmallIntegerField()),
            ('onset_on', models.DateField()),
            ('over_72h', models.BooleanField(default=False)),
            ('note', models.TextField(blank=True)),
            ('reported_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('resolved_on', models.DateField(blank=True, null=True)),
            ('entered_in_error', models.BooleanField(default=False)),
            ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='adverse_events', to='patients.patient')),
            ('reported_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('session', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='adverse_events', to='treatments.treatmentsession')),
            ('by_patient', models.BooleanField(default=False)),
        ],
        options={
            'ordering': ['-onset_on', '-id'],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('grade__gte', 1), ('grade__lte', 5)), name='adverse_event_grade_1_to_5'),
                models.CheckConstraint(condition=models.Q(('resolved_on__isnull', True), ('closed_by__isnull', False), _connector='OR'), name='adverse_event_closed_says_who'),
                models.CheckConstraint(condition=models.Q(models.Q(('by_patient', False), ('reported_by__isnull', False)), models.Q(('by_patient', True), ('reported_by', None)), _connector='OR'), name='adverse_event_says_who_reported'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='raises_facts_version', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE patients_patient SET facts_version = facts_version + 1 WHERE id = COALESCE(NEW.patient_id, OLD.patient_id); RETURN NULL;', hash='ace3d35dcc19f4cc304a894e1113637f3b4322bb', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_raises_facts_version_6b2c4', table='treatments_adverseevent', when='AFTER')),
                pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "treatments_adverseeventevent" ("by_patient", "closed_by_id", "code", "entered_in_error", "grade", "id", "note", "onset_on", "over_72h", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "reported_at", "reported_by_id", "resolved_on", "session_id") VALUES (NEW."by_patient", NEW."closed_by_id", NEW."code", NEW."entered_in_error", NEW."grade", NEW."id", NEW."note", NEW."onset_on", NEW."over_72h", NEW."patient_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."ref", NEW."reported_at", NEW."reported_by_id", NEW."resolved_on", NEW."session_id"); RETURN NULL;', hash='444645986067abf12c1ae7d1d1b112f1baa4e004', operation='INSERT', pgid='pgtrigger_insert_insert_cd990', table='treatments_adverseevent', when='AFTER')),
                pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "treatments_adverseeventevent" ("by_patient", "closed_by_id", "code", "entered_in_error", "grade", "id", "note", "onset_on", "over_72h", "patient_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "reported_at", "reported_by_id", "resolved_on", "session_id") VALUES (NEW."by_patient", NEW."closed_by_id", NEW."code", NEW."entered_in_error", NEW."grade", NEW."id", NEW."note", NEW."onset_on", NEW."over_72h", NEW."patient_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."ref", NEW."reported_at", NEW."reported_by_id", NEW."resolved_on", NEW."session_id"); RETURN NULL;', hash='1cdef8a238c1cdf5bd3cffa9608d3d467f369a1d', operation='UPDATE', pgid='pgtrigger_update_update_49c64', table='treatments_adverseevent', when='AFTER')),
            ],
        },
    ),
    migrations.CreateModel(
        name='SessionZoneEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('zone', models.CharField(max_length=30)),
            ('depth_mm', models.DecimalField(decimal_places=2, max_digits=3)),
            ('passes', models.PositiveSmallIntegerField()),
            ('endpoint', models.CharField(blank=True, choices=[('erythema', 'Even redness'), ('pinpoint_bleeding', 'Pinpoint bleeding'), ('bleeding_beyond_pinpoint', 'Bleeding beyond pinpoint'), ('stopped_early', 'Stopped early')], max_length=30)),
            ('soft_max_mm', models.DecimalField(decimal_places=2, max_digits=3)),
            ('hard_cap_mm', models.DecimalField(decimal_places=2, max_digits=3)),
            ('reason', models.CharField(blank=True, max_length=200)),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.sessionzone')),
            ('session', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.treatmentsession')),
            ('last_mm', models.DecimalField(blank=True, decimal_places=2, max_digits=3, null=True)),
            ('step_mm', models.DecimalField(db_default=Decimal('0.25'), decimal_places=2, default=Decimal('0.25'), max_digits=3)),
            ('ordered_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='959e0079dab3ff8b8e4652a80b41e6f47faf44f0', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_9b1c9', table='treatments_sessionzoneevent', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='AdverseEventEvent',
        fields=[
            ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
            ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
            ('pgh_label', models.TextField(help_text='The event label.')),
            ('id', models.BigIntegerField()),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
            ('code', models.CharField(max_length=40)),
            ('grade', models.PositiveSmallIntegerField()),
            ('onset_on', models.DateField()),
            ('over_72h', models.BooleanField(default=False)),
            ('note', models.TextField(blank=True)),
            ('reported_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('resolved_on', models.DateField(blank=True, null=True)),
            ('entered_in_error', models.BooleanField(default=False)),
            ('closed_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('patient', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='patients.patient')),
            ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
            ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='treatments.adverseevent')),
            ('reported_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
            ('session', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='treatments.treatmentsession')),
            ('by_patient', models.BooleanField(default=False)),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='8f72ea7c518d430a3d06b9aa858e6b6d04ead7d5', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_0a541', table='treatments_adverseeventevent', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='CheckIn',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ('day', models.PositiveSmallIntegerField()),
            ('redness', models.PositiveSmallIntegerField(null=True)),
            ('swelling', models.PositiveSmallIntegerField(null=True)),
            ('pain', models.PositiveSmallIntegerField(null=True)),
            ('flags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
            ('note', models.CharField(blank=True, max_length=400)),
            ('level', models.CharField(max_length=10)),
            ('protocol_sha256', models.CharField(max_length=64)),
            ('answered_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
            ('once', models.UUIDField(unique=True)),
            ('seen_at', models.DateTimeField(null=True)),
            ('seen_note', models.CharField(blank=True, max_length=400)),
            ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('link', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='patients.patientlink')),
            ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='check_ins', to='patients.patient')),
            ('photo', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='patients.photo')),
            ('reaction', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='check_ins', to='treatments.adverseevent')),
            ('seen_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('session', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='check_ins', to='treatments.treatmentsession')),
        ],
        options={
            'ordering': ['-id'],
            'indexes': [
                models.Index(condition=models.Q(('seen_at', None), models.Q(('level', 'green'), _negated=True)), fields=['answered_at'], name='check_in_to_look_at'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('level__in', ('green', 'amber_2', 'amber_1', 'red'))), name='check_in_level_known'),
                models.CheckConstraint(condition=models.Q(models.Q(('redness', None), ('redness__lte', 3), _connector='OR'), models.Q(('swelling', None), ('swelling__lte', 3), _connector='OR'), models.Q(('pain', None), ('pain__lte', 10), _connector='OR')), name='check_in_within_scales'),
                models.CheckConstraint(condition=models.Q(models.Q(('asked_by', None), ('link__isnull', False)), models.Q(('asked_by__isnull', False), ('link', None)), _connector='OR'), name='check_in_says_who'),
                models.CheckConstraint(condition=models.Q(models.Q(('level', 'red'), _negated=True), ('reaction__isnull', False), _connector='OR'), name='check_in_red_opens_a_reaction'),
                models.CheckConstraint(condition=models.Q(models.Q(('seen_at', None), ('seen_by', None), ('seen_note', '')), models.Q(('seen_at__isnull', False), ('seen_by__isnull', False), models.Q(('seen_note', ''), _negated=True)), _connector='OR'), name='check_in_seen_says_who_and_what'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='check_in_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c06adb2f64106098a7e02936f8cfca59b7c7e8d9', operation='DELETE', pgid='pgtrigger_check_in_kept_6cb69', table='treatments_checkin', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='check_in_only_looked_at', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."answered_at" IS DISTINCT FROM (NEW."answered_at") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."day" IS DISTINCT FROM (NEW."day") OR OLD."flags" IS DISTINCT FROM (NEW."flags") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."level" IS DISTINCT FROM (NEW."level") OR OLD."link_id" IS DISTINCT FROM (NEW."link_id") OR OLD."note" IS DISTINCT FROM (NEW."note") OR OLD."once" IS DISTINCT FROM (NEW."once") OR OLD."pain" IS DISTINCT FROM (NEW."pain") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."photo_id" IS DISTINCT FROM (NEW."photo_id") OR OLD."protocol_sha256" IS DISTINCT FROM (NEW."protocol_sha256") OR OLD."redness" IS DISTINCT FROM (NEW."redness") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."session_id" IS DISTINCT FROM (NEW."session_id") OR OLD."swelling" IS DISTINCT FROM (NEW."swelling"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='c2a8d629b596205c3864b7fa9e16313d0718f80a', operation='UPDATE', pgid='pgtrigger_check_in_only_looked_at_f29cd', table='treatments_checkin', when='BEFORE')),
            ],
        },
    ),
]
