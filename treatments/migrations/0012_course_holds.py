import clinic.models
import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clinic", "0003_resources"), ("treatments", "0011_feeds")]

    operations = [
        migrations.CreateModel(
            name="CourseHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ref", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("held_at", models.DateTimeField(db_default=clinic.models.ClinicNow())),
                ("expires_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="HeldVisit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("starts_at", models.TimeField()),
                ("during", django.contrib.postgres.fields.ranges.DateTimeRangeField()),
                ("room_during", django.contrib.postgres.fields.ranges.DateTimeRangeField()),
                ("clinician_during", django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ],
            options={
                "ordering": ["during", "id"],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="appointment_not_held",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE course bigint;",
                    func="\n        IF NEW.status NOT IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') OR NEW.overlap_reason <> '' OR (TG_OP = 'UPDATE'\n            AND OLD.status IN ('booked', 'confirmed', 'arrived', 'numbing', 'in_room', 'done') AND NEW.room_during = OLD.room_during\n            AND NEW.clinician_during = OLD.clinician_during AND NEW.clinician_id IS NOT DISTINCT FROM OLD.clinician_id\n            AND NEW.room_id IS NOT DISTINCT FROM OLD.room_id AND NEW.device_id IS NOT DISTINCT FROM OLD.device_id\n        ) THEN RETURN NEW; END IF;\n        SELECT plan_id INTO course FROM treatments_plannedsession WHERE id = NEW.planned_session_id;\n        IF EXISTS (\n            SELECT 1 FROM treatments_heldvisit held JOIN treatments_coursehold hold ON hold.id = held.hold_id\n            WHERE hold.expires_at > clinic_now() AND hold.plan_id IS DISTINCT FROM course AND (\n                (held.clinician_id = NEW.clinician_id AND held.clinician_during && NEW.clinician_during)\n                OR (held.room_id = NEW.room_id AND held.room_during && NEW.room_during)\n                OR (held.device_id = NEW.device_id AND held.clinician_during && NEW.clinician_during))\n        ) THEN RAISE EXCEPTION 'appointment_not_held' USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'appointment_not_held'; END IF;\n        RETURN NEW;\n    ",
                    hash="38ca98b0ad5809f378f9eb8b74e6cdcd056a042d",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_appointment_not_held_4ff63",
                    table="treatments_appointment",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="coursehold",
            name="clinic",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="course_holds", to="clinic.clinic"
            ),
        ),
        migrations.AddField(
            model_name="coursehold",
            name="held_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="coursehold",
            name="plan",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="course_hold", to="treatments.treatmentplan"
            ),
        ),
        migrations.AddField(
            model_name="heldvisit",
            name="clinician",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.membership"
            ),
        ),
        migrations.AddField(
            model_name="heldvisit",
            name="device",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="treatments.device"
            ),
        ),
        migrations.AddField(
            model_name="heldvisit",
            name="hold",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="visits", to="treatments.coursehold"
            ),
        ),
        migrations.AddField(
            model_name="heldvisit",
            name="planned_session",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="held_visit", to="treatments.plannedsession"
            ),
        ),
        migrations.AddField(
            model_name="heldvisit",
            name="room",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.room"),
        ),
        migrations.AddConstraint(
            model_name="coursehold",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("held_at"))), name="course_hold_ends_after_it_begins"
            ),
        ),
        migrations.AddConstraint(
            model_name="heldvisit",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("room__isnull", False)),
                expressions=[
                    (
                        models.Func(
                            models.F("room"),
                            models.F("room"),
                            models.Value("[]"),
                            function="int8range",
                            output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                        ),
                        "&&",
                    ),
                    ("room_during", "&&"),
                ],
                name="held_room_free",
            ),
        ),
        migrations.AddConstraint(
            model_name="heldvisit",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("clinician__isnull", False)),
                expressions=[
                    (
                        models.Func(
                            models.F("clinician"),
                            models.F("clinician"),
                            models.Value("[]"),
                            function="int8range",
                            output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                        ),
                        "&&",
                    ),
                    ("clinician_during", "&&"),
                ],
                name="held_clinician_free",
            ),
        ),
        migrations.AddConstraint(
            model_name="heldvisit",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("device__isnull", False)),
                expressions=[
                    (
                        models.Func(
                            models.F("device"),
                            models.F("device"),
                            models.Value("[]"),
                            function="int8range",
                            output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                        ),
                        "&&",
                    ),
                    ("clinician_during", "&&"),
                ],
                name="held_device_free",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="heldvisit",
            trigger=pgtrigger.compiler.Trigger(
                name="held_visit_is_free",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF EXISTS (SELECT 1 FROM treatments_taking('clinician', NEW.clinician_id, NEW.clinician_during))\n            OR EXISTS (SELECT 1 FROM treatments_taking('room', NEW.room_id, NEW.room_during))\n            OR EXISTS (SELECT 1 FROM treatments_taking('device', NEW.device_id, NEW.clinician_during)\n        ) THEN RAISE EXCEPTION 'held_visit_is_free' USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'held_visit_is_free'; END IF;\n        RETURN NEW;\n    ",
                    hash="6bb75ba655b986e845bf5c29d9be5f84148ac381",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_held_visit_is_free_8415d",
                    table="treatments_heldvisit",
                    when="BEFORE",
                ),
            ),
        ),
    ]
