import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import clinic.models


class Migration(migrations.Migration):
    dependencies = [("treatments", "0009_clinician_limits")]

    operations = [
        migrations.CreateModel(
            name="WaitingEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ref", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("consultation", "Consultation"), ("treatment", "Treatment"), ("review", "Review")],
                        max_length=14,
                    ),
                ),
                (
                    "weekdays",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(), default=list, size=None
                    ),
                ),
                ("from_time", models.TimeField(null=True)),
                ("until_time", models.TimeField(null=True)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("asked_at", models.DateTimeField(db_default=clinic.models.ClinicNow())),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_reason", models.CharField(blank=True, max_length=200)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="waiting_entries", to="clinic.clinic"
                    ),
                ),
                (
                    "clinician",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.membership"
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waiting_entries",
                        to="patients.patient",
                    ),
                ),
                (
                    "planned_session",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waiting_entries",
                        to="treatments.plannedsession",
                    ),
                ),
            ],
            options={
                "ordering": ["asked_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="CallOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ref", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("list_code", models.CharField(max_length=24)),
                ("visit_version", models.PositiveSmallIntegerField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("booked", "Booked"),
                            ("told", "Told"),
                            ("call_back", "Call back"),
                            ("message", "Left a message"),
                            ("no_answer", "No answer"),
                            ("declined", "Cannot take that time"),
                            ("stop", "Not called any more"),
                        ],
                        max_length=10,
                    ),
                ),
                ("call_back_on", models.DateField(null=True)),
                ("call_back_at", models.TimeField(null=True)),
                ("hole", django.contrib.postgres.fields.ranges.DateTimeRangeField(null=True)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("said_at", models.DateTimeField(db_default=clinic.models.ClinicNow())),
                ("taken_back_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="call_outcomes", to="clinic.clinic"
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="call_outcomes", to="patients.patient"
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="call_outcomes",
                        to="treatments.treatmentplan",
                    ),
                ),
                (
                    "planned_session",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="call_outcomes",
                        to="treatments.plannedsession",
                    ),
                ),
                (
                    "taken_back_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "visit",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="call_outcomes",
                        to="treatments.appointment",
                    ),
                ),
                (
                    "waiting",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="call_outcomes",
                        to="treatments.waitingentry",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("planned_session",), name="waiting_once_a_session"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None), ("planned_session", None)),
                fields=("patient", "kind"),
                name="waiting_once_a_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "treatment"), ("planned_session__isnull", False)),
                    models.Q(models.Q(("kind", "treatment"), _negated=True), ("planned_session", None)),
                    _connector="OR",
                ),
                name="waiting_treatment_has_a_session",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("from_time", None),
                    ("until_time", None),
                    ("until_time__gt", models.F("from_time")),
                    _connector="OR",
                ),
                name="waiting_times_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("weekdays__contained_by", [1, 2, 3, 4, 5, 6, 7])), name="waiting_weekdays_iso"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("ended_by", None), ("ended_reason", "")),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("ended_by__isnull", False),
                        models.Q(("ended_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="waiting_end_says_who_and_why",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="waitingentry",
            trigger=pgtrigger.compiler.Trigger(
                name="waiting_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="56d6bc68b864135bc6323e2febf478fcc2a1f484",
                    operation="DELETE",
                    pgid="pgtrigger_waiting_kept_2f0b9",
                    table="treatments_waitingentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="waitingentry",
            trigger=pgtrigger.compiler.Trigger(
                name="waiting_only_ends",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."asked_at" IS DISTINCT FROM (NEW."asked_at") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."clinic_id" IS DISTINCT FROM (NEW."clinic_id") OR OLD."clinician_id" IS DISTINCT FROM (NEW."clinician_id") OR OLD."from_time" IS DISTINCT FROM (NEW."from_time") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."note" IS DISTINCT FROM (NEW."note") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."planned_session_id" IS DISTINCT FROM (NEW."planned_session_id") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."until_time" IS DISTINCT FROM (NEW."until_time") OR OLD."weekdays" IS DISTINCT FROM (NEW."weekdays"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="58615f22bcdf4ed27771472595d7363973917a50",
                    operation="UPDATE",
                    pgid="pgtrigger_waiting_only_ends_cc452",
                    table="treatments_waitingentry",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="calloutcome",
            index=models.Index(fields=["patient", "-said_at"], name="call_outcome_by_patient"),
        ),
        migrations.AddIndex(
            model_name="calloutcome",
            index=models.Index(fields=["clinic", "-said_at"], name="call_outcome_by_clinic"),
        ),
        migrations.AddConstraint(
            model_name="calloutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("plan", None), ("planned_session__isnull", False), ("visit", None), ("waiting", None)),
                    models.Q(
                        ("plan", None),
                        ("planned_session", None),
                        ("visit__isnull", False),
                        ("visit_version__isnull", False),
                        ("waiting", None),
                    ),
                    models.Q(("plan__isnull", False), ("planned_session", None), ("visit", None), ("waiting", None)),
                    models.Q(("plan", None), ("planned_session", None), ("visit", None), ("waiting__isnull", False)),
                    _connector="OR",
                ),
                name="call_outcome_about_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="calloutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("call_back_on__isnull", False), ("outcome", "call_back")),
                    models.Q(
                        models.Q(("outcome", "call_back"), _negated=True),
                        ("call_back_at", None),
                        ("call_back_on", None),
                    ),
                    _connector="OR",
                ),
                name="call_back_has_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="calloutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "stop"), _negated=True), models.Q(("note", ""), _negated=True), _connector="OR"
                ),
                name="call_stop_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="calloutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "declined"), _negated=True), ("hole__isnull", False), _connector="OR"
                ),
                name="call_declined_names_the_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="calloutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("taken_back_at", None), ("taken_back_by", None)),
                    models.Q(("taken_back_at__isnull", False), ("taken_back_by__isnull", False)),
                    _connector="OR",
                ),
                name="call_taken_back_says_who",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="calloutcome",
            trigger=pgtrigger.compiler.Trigger(
                name="call_outcome_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="0b84ba78811cc25ca99dafc004a617bf23b57a42",
                    operation="DELETE",
                    pgid="pgtrigger_call_outcome_kept_e16b5",
                    table="treatments_calloutcome",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="calloutcome",
            trigger=pgtrigger.compiler.Trigger(
                name="call_outcome_only_taken_back",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."call_back_at" IS DISTINCT FROM (NEW."call_back_at") OR OLD."call_back_on" IS DISTINCT FROM (NEW."call_back_on") OR OLD."clinic_id" IS DISTINCT FROM (NEW."clinic_id") OR OLD."hole" IS DISTINCT FROM (NEW."hole") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."list_code" IS DISTINCT FROM (NEW."list_code") OR OLD."note" IS DISTINCT FROM (NEW."note") OR OLD."outcome" IS DISTINCT FROM (NEW."outcome") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."plan_id" IS DISTINCT FROM (NEW."plan_id") OR OLD."planned_session_id" IS DISTINCT FROM (NEW."planned_session_id") OR OLD."ref" IS DISTINCT FROM (NEW."ref") OR OLD."said_at" IS DISTINCT FROM (NEW."said_at") OR OLD."visit_id" IS DISTINCT FROM (NEW."visit_id") OR OLD."visit_version" IS DISTINCT FROM (NEW."visit_version") OR OLD."waiting_id" IS DISTINCT FROM (NEW."waiting_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="bea70201b0ebb3fc9a146c9a1e875d211007089e",
                    operation="UPDATE",
                    pgid="pgtrigger_call_outcome_only_taken_back_f85da",
                    table="treatments_calloutcome",
                    when="BEFORE",
                ),
            ),
        ),
    ]
