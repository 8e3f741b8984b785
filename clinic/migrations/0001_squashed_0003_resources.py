"""The ground floor: all its tables at once. A database that has all that `replaces` names is up to date."""

import uuid
from decimal import Decimal

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import clinic.models
from clinic.migration_operations import CreateTogether


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('clinic', '0001_initial'),
        ('clinic', '0002_rules_version'),
        ('clinic', '0003_resources'),
    ]

    dependencies = [
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        # plpgsql looks the table up when it runs, so the function may come before the table. Without the connection
        # setting, which only demo and test make, it is now() whatever the table holds.
        migrations.RunSQL(
            """
            CREATE FUNCTION clinic_now() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
            BEGIN
                IF current_setting('stratum.movable_clock', true) = 'on' THEN
                    RETURN now() + COALESCE((SELECT "offset" FROM clinic_clockshift LIMIT 1), interval '0');
                END IF;
                RETURN now();
            END
            $$;
            """,
            "DROP FUNCTION clinic_now();",
        ),
        # Django's database cache: rate limits of sign-in must not depend on a second server.
        migrations.RunSQL(
            """
            CREATE TABLE clinic_cache (
                cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL
            );
            CREATE INDEX clinic_cache_expires ON clinic_cache (expires);
            """,
            "DROP TABLE clinic_cache;",
        ),
        # A sequence, because it does not roll back: no two states of a clinic's rules ever have the same number.
        migrations.RunSQL(
            "CREATE SEQUENCE clinic_rules_version MINVALUE 2;",
            "DROP SEQUENCE clinic_rules_version;",
        ),
        CreateTogether([
            migrations.CreateModel(
                name='User',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail')),
                    ('full_name', models.CharField(max_length=120)),
                    ('is_active', models.BooleanField(default=True)),
                    ('created_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                ],
            ),
            migrations.CreateModel(
                name='ClockShift',
                fields=[
                    ('only', models.BooleanField(default=True, primary_key=True, serialize=False)),
                    ('offset', models.DurationField()),
                ],
                options={
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('only', True)), name='clock_shift_is_one_row'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Clinic',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('name', models.CharField(max_length=120)),
                    ('sender_name', models.CharField(max_length=80)),
                    ('zone', models.CharField(default='Europe/London', max_length=64, validators=[clinic.models.check_zone], verbose_name='time zone')),
                    ('language', models.CharField(default='en', max_length=12)),
                    ('reply_to', models.EmailField(blank=True, max_length=254, verbose_name='reply address')),
                    ('phone', models.CharField(blank=True, max_length=40)),
                    ('urgent_phone', models.CharField(blank=True, max_length=40)),
                    ('emergency_number', models.CharField(blank=True, max_length=20)),
                    ('address', models.CharField(blank=True, max_length=240)),
                    ('quiet_from', models.TimeField(default='20:00')),
                    ('quiet_until', models.TimeField(default='08:00')),
                    ('is_demo', models.BooleanField(default=False)),
                    ('mail_paused_at', models.DateTimeField(blank=True, null=True)),
                    ('mail_paused_reason', models.CharField(blank=True, max_length=200)),
                    ('created_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('mail_paused_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('rules_version', models.PositiveBigIntegerField(default=1, editable=False)),
                ],
            ),
            migrations.CreateModel(
                name='FormSubmission',
                fields=[
                    ('token', models.UUIDField(primary_key=True, serialize=False)),
                    ('path', models.CharField(max_length=300)),
                    ('payload_sha256', models.CharField(max_length=64)),
                    ('result_url', models.CharField(blank=True, max_length=300)),
                    ('at', models.DateTimeField(auto_now_add=True)),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
            ),
            migrations.CreateModel(
                name='Membership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('front_desk', 'Front desk'), ('clinician', 'Clinician'), ('prescriber', 'Prescriber'), ('manager', 'Manager')], max_length=20), size=None)),
                    ('title', models.CharField(blank=True, max_length=60)),
                    ('licence', models.CharField(blank=True, max_length=60)),
                    ('sees_patients', models.BooleanField(default=False)),
                    ('position', models.PositiveSmallIntegerField(default=0)),
                    ('is_active', models.BooleanField(default=True)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='clinic.clinic')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                    ('max_depth_mm', models.DecimalField(blank=True, decimal_places=2, max_digits=3, null=True)),
                ],
                options={
                    'ordering': ['position', 'id'],
                    'constraints': [
                        models.UniqueConstraint(fields=('clinic', 'user'), name='membership_one_per_clinic'),
                        models.CheckConstraint(condition=models.Q(('roles__len__gt', 0)), name='membership_has_a_role'),
                        models.CheckConstraint(condition=models.Q(('max_depth_mm__isnull', True), models.Q(('max_depth_mm__gt', 0), ('max_depth_mm__lte', Decimal('3.0'))), _connector='OR'), name='membership_depth_can_be'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "clinic_membershipevent" ("clinic_id", "id", "is_active", "licence", "max_depth_mm", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "ref", "roles", "sees_patients", "title", "user_id") VALUES (NEW."clinic_id", NEW."id", NEW."is_active", NEW."licence", NEW."max_depth_mm", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."ref", NEW."roles", NEW."sees_patients", NEW."title", NEW."user_id"); RETURN NULL;', hash='94fd5d462177e38a4e6ac6ad8909aa9c6f59ebf3', operation='INSERT', pgid='pgtrigger_insert_insert_847aa', table='clinic_membership', when='AFTER')),
                        pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "clinic_membershipevent" ("clinic_id", "id", "is_active", "licence", "max_depth_mm", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "ref", "roles", "sees_patients", "title", "user_id") VALUES (NEW."clinic_id", NEW."id", NEW."is_active", NEW."licence", NEW."max_depth_mm", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."ref", NEW."roles", NEW."sees_patients", NEW."title", NEW."user_id"); RETURN NULL;', hash='098718eb1ba3904e374f083d5c26d0cd8e423f9f', operation='UPDATE', pgid='pgtrigger_update_update_d0685', table='clinic_membership', when='AFTER')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Room',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('name', models.CharField(max_length=60)),
                    ('short_name', models.CharField(max_length=6)),
                    ('in_service', models.BooleanField(default=True)),
                    ('position', models.PositiveSmallIntegerField(default=0)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rooms', to='clinic.clinic')),
                    ('out_reason', models.CharField(blank=True, max_length=120)),
                ],
                options={
                    'ordering': ['position', 'id'],
                    'constraints': [
                        models.UniqueConstraint(models.F('clinic'), django.db.models.functions.text.Lower('name'), name='room_name_once'),
                        models.UniqueConstraint(models.F('clinic'), django.db.models.functions.text.Lower('short_name'), name='room_short_name_once'),
                        models.CheckConstraint(condition=models.Q(('in_service', True), models.Q(('out_reason', ''), _negated=True), _connector='OR'), name='room_out_says_why'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='AuditEvent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('action', models.CharField(max_length=60)),
                    ('target_type', models.CharField(max_length=60)),
                    ('target_ref', models.UUIDField(null=True)),
                    ('facts', models.JSONField(default=dict)),
                    ('at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                    ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('clinic', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='audit_events', to='clinic.clinic')),
                ],
                options={
                    'indexes': [
                        models.Index(fields=['clinic', '-at'], name='audit_by_clinic'),
                        models.Index(fields=['target_ref', '-at'], name='audit_by_target'),
                    ],
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='audit_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='40a205fbff6f2ee989610b99be4a086f1c468361', operation='UPDATE OR DELETE', pgid='pgtrigger_audit_append_only_385f1', table='clinic_auditevent', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='MembershipEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('id', models.BigIntegerField()),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False)),
                    ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('front_desk', 'Front desk'), ('clinician', 'Clinician'), ('prescriber', 'Prescriber'), ('manager', 'Manager')], max_length=20), size=None)),
                    ('title', models.CharField(blank=True, max_length=60)),
                    ('licence', models.CharField(blank=True, max_length=60)),
                    ('sees_patients', models.BooleanField(default=False)),
                    ('position', models.PositiveSmallIntegerField(default=0)),
                    ('is_active', models.BooleanField(default=True)),
                    ('clinic', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinic.clinic')),
                    ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                    ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='clinic.membership')),
                    ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                    ('max_depth_mm', models.DecimalField(blank=True, decimal_places=2, max_digits=3, null=True)),
                ],
                options={
                    'triggers': [
                        pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='282aa109f2c954233ef228a98b77dc0407d63b29', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_1b76a', table='clinic_membershipevent', when='BEFORE')),
                    ],
                },
            ),
            migrations.CreateModel(
                name='TimeOff',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('during', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
                    ('reason', models.CharField(blank=True, max_length=80)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='time_off', to='clinic.clinic')),
                    ('membership', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='time_off', to='clinic.membership')),
                    ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('during__isempty', False)), name='time_off_has_length'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='WorkingHours',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('weekday', models.PositiveSmallIntegerField(blank=True, choices=[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7)], null=True)),
                    ('starts', models.TimeField(blank=True, null=True)),
                    ('ends', models.TimeField(blank=True, null=True)),
                    ('valid_from', models.DateField(blank=True, null=True)),
                    ('valid_until', models.DateField(blank=True, null=True)),
                    ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='working_hours', to='clinic.membership')),
                    ('on', models.DateField(blank=True, null=True)),
                    ('reason', models.CharField(blank=True, max_length=80)),
                    ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(models.Q(('ends__gt', models.F('starts')), ('ends__isnull', False), ('starts__isnull', False)), models.Q(('ends__isnull', True), ('on__isnull', False), ('starts__isnull', True)), _connector='OR'), name='working_hours_end_after_start'),
                        models.CheckConstraint(condition=models.Q(models.Q(('on__isnull', True), ('weekday__gte', 1), ('weekday__isnull', False), ('weekday__lte', 7)), models.Q(('on__isnull', False), ('valid_from__isnull', True), ('valid_until__isnull', True), ('weekday__isnull', True)), _connector='OR'), name='working_hours_weekday_iso'),
                        models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_until__isnull', True), ('valid_until__gte', models.F('valid_from')), _connector='OR'), name='working_hours_valid_in_order'),
                        django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('weekday__isnull', False), ('withdrawn_at__isnull', True)), expressions=[(models.Func(models.F('membership'), models.F('membership'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), (models.Func(models.F('weekday'), models.F('weekday'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), (models.Func(models.F('valid_from'), models.F('valid_until'), models.Value('[]'), function='daterange', output_field=django.contrib.postgres.fields.ranges.DateRangeField()), '&&'), (models.Func(clinic.models.SecondOfDay('starts'), clinic.models.SecondOfDay('ends'), models.Value('[)'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&')], name='working_hours_once'),
                        django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('on__isnull', False), ('withdrawn_at__isnull', True)), expressions=[(models.Func(models.F('membership'), models.F('membership'), models.Value('[]'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&'), (models.Func(models.F('on'), models.F('on'), models.Value('[]'), function='daterange', output_field=django.contrib.postgres.fields.ranges.DateRangeField()), '&&'), (models.Func(django.db.models.functions.comparison.Coalesce(clinic.models.SecondOfDay('starts'), models.Value(0)), django.db.models.functions.comparison.Coalesce(clinic.models.SecondOfDay('ends'), models.Value(86400)), models.Value('[)'), function='int8range', output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField()), '&&')], name='working_hours_of_a_day_once'),
                    ],
                },
            ),
        ]),
    ]
