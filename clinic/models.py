"""Who works here, where and when; and what the whole product stands on: audit, the clock, one-time forms."""

import uuid
from decimal import Decimal
from functools import cache, cached_property
from zoneinfo import ZoneInfo, available_timezones

import pghistory
import pgtrigger
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    ArrayField,
    BigIntegerRangeField,
    DateRangeField,
    DateTimeRangeField,
    RangeOperators,
)
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Lower, Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from clinic import currencies
from clinic.roles import Role, with_implied
from clinic.statements import Given, Statement


class ClinicNow(models.Func):
    """SQL `clinic_now()`: the database's own clock, plus the demo's offset outside production."""

    function = "clinic_now"
    output_field = models.DateTimeField()


class SecondOfDay(models.Func):
    """A wall time as the number of seconds since midnight, so that a range can be made of two."""

    template = "(EXTRACT(EPOCH FROM %(expressions)s))::bigint"
    output_field = models.BigIntegerField()


SECONDS_A_DAY = 24 * 60 * 60


class RefModel(models.Model):
    """A row that people meet: its `ref` is what URLs, feeds and messages carry; the bigint key stays on the server."""

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


# Places, as a form offers them. "UTC" or "EST" keep no summer time, so no clinic lives by them.
ZONES = sorted(
    zone
    for zone in available_timezones()
    if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "posix", "right"))
)


def check_zone(name: str) -> None:
    if name not in ZONES:
        raise ValidationError("Choose a time zone from the list, for example Europe/London.")


def check_currency(code: str) -> None:
    if code not in currencies.CODES:
        raise ValidationError("Choose a currency from the list, for example GBP.")


# Those in which every mail is written; another one is offered here once it is whole.
LANGUAGES = [("en", "English")]


class Clinic(RefModel):
    name = models.CharField(max_length=120)
    # A specialty in the sender's name can give a condition away, so mails carry this one and the clinic chooses it.
    sender_name = models.CharField(max_length=80)
    zone = models.CharField("time zone", max_length=64, default="Europe/London", validators=[check_zone])
    language = models.CharField(max_length=12, default="en", choices=LANGUAGES)
    reply_to = models.EmailField("reply address", blank=True)
    phone = models.CharField(max_length=40, blank=True)
    urgent_phone = models.CharField(max_length=40, blank=True)
    emergency_number = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=240, blank=True)
    quiet_from = models.TimeField(default="20:00")
    quiet_until = models.TimeField(default="08:00")
    # Of amounts that are written down here (packages, deposits); empty: nobody has said yet.
    currency = models.CharField(max_length=3, blank=True, default="", db_default="", validators=[check_currency])
    # ISO weekday to hours in words ("09:00 to 17:00"); a closed day is left out. What whoever begins to see patients here
    # works until a manager says otherwise.
    opening_hours = models.JSONField(default=dict, blank=True)
    # The day (real time, of the clinic's zone) from which nobody works here without a second factor; empty: never.
    second_factor_from = models.DateField(null=True, blank=True)
    # Fictional clinics run without a signed protocol; a real one never does.
    is_demo = models.BooleanField(default=False)
    # Raised by the database with every change of the rules this clinic works by; 1 while it has changed none.
    rules_version = models.PositiveBigIntegerField(default=1, editable=False)
    mail_paused_at = models.DateTimeField(null=True, blank=True)
    mail_paused_reason = models.CharField(max_length=200, blank=True)
    mail_paused_by = models.ForeignKey("clinic.User", on_delete=models.PROTECT, null=True, related_name="+")
    # The return from a backup that nobody has released yet: as long as it stands here, nothing of this clinic leaves.
    restoration = models.ForeignKey(
        "clinic.Restoration", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(db_default=ClinicNow())

    def __str__(self) -> str:
        return self.name

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def is_frozen(self) -> bool:
        """Its data came back from a backup, and nobody has released its messages yet."""
        return self.restoration_id is not None


class UserManager(BaseUserManager):
    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(RefModel, AbstractBaseUser):
    """A member of staff. Patients have no account."""

    email = models.EmailField("e-mail", unique=True)
    full_name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=ClinicNow())
    # Part of what every session of hers is signed with: raising it ends them all, on every device, at the next request.
    sessions_ended = models.PositiveIntegerField(default=0, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["full_name"]

    def __str__(self) -> str:
        return self.full_name

    @property
    def initials(self) -> str:
        parts = [part for part in self.full_name.split() if part not in ("Dr", "Mr", "Ms", "Mrs")]
        return "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper() or "?"

    @cached_property
    def memberships_in_force(self) -> "list[Membership]":
        """With their clinics, in the order in which she joined. Who is signed in was read together with them."""
        return Membership.in_force_of(self.pk)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's own, over the password, and how often her sessions were ended."""
        whole = f"{self.password}:{self.sessions_ended}"
        return salted_hmac("clinic.User.sessions", whole, secret=secret, algorithm="sha256").hexdigest()


# No protocol allows more (clinical data sheet, depth by zone), so nobody is let go deeper.
DEEPEST_MM = Decimal("3.0")


@pghistory.track(append_only=True)
class Membership(RefModel):
    """A person in a clinic, with every role she holds there."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    roles = ArrayField(models.CharField(max_length=20, choices=Role.choices))
    title = models.CharField(max_length=60, blank=True)
    licence = models.CharField(max_length=60, blank=True)
    sees_patients = models.BooleanField(default=False)
    # How deep she needles herself; empty: as deep as the protocol and the device allow.
    max_depth_mm = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "user"], name="membership_one_per_clinic"),
            models.CheckConstraint(name="membership_has_a_role", condition=Q(roles__len__gt=0)),
            models.CheckConstraint(
                name="membership_depth_can_be",
                condition=Q(max_depth_mm__isnull=True) | Q(max_depth_mm__gt=0, max_depth_mm__lte=DEEPEST_MM),
            ),
        ]

    def __str__(self) -> str:
        return self.user.full_name

    @classmethod
    def in_force_of(cls, user: int) -> "list[Membership]":
        """With the person and the clinics, in the order in which she joined. Every request of whoever is signed in asks. Each with
        `has_second_factor`: read with every request, so that nothing that is remembered can be out of date."""
        return _in_force_of().rows(user=user)

    @staticmethod
    def with_a_second_factor() -> Exists:
        """Of memberships. Recovery codes are for the day on which a second factor is lost; they are none."""
        factors = apps.get_model("mfa", "Authenticator").objects.filter(user=OuterRef("user"))
        return Exists(factors.exclude(type="recovery_codes"))

    @property
    def held_roles(self) -> frozenset[Role]:
        return with_implied(self.roles)

    def has(self, role: Role) -> bool:
        return role in self.held_roles

    @property
    def is_desk_only(self) -> bool:
        return not self.held_roles & {Role.CLINICIAN, Role.MANAGER}

    @property
    def meets_patients(self) -> bool:
        """At the desk or in the room: hands them a tablet, answers their calls."""
        return bool(self.held_roles & {Role.FRONT_DESK, Role.CLINICIAN})

    @property
    def may_see_clinical(self) -> bool:
        """Diagnoses, answers, notes and photos. A manager does not see them by default."""
        return Role.CLINICIAN in self.held_roles

    @property
    def role_words(self) -> str:
        return ", ".join(str(Role(role).label).lower() for role in self.roles)


@cache
def _in_force_of() -> Statement:
    wanted = Membership.objects.filter(user=Given("user", models.BigIntegerField()), is_active=True)
    with_factor = wanted.annotate(has_second_factor=Membership.with_a_second_factor())
    return Statement(with_factor.select_related("clinic", "user").order_by("id"))


# ── Who is asked to work here ─────────────────────────────────────────────────


class Invitation(RefModel):
    """Somebody is asked to work here: what she will be, and how far the asking has come.

    The token stands in the mail alone; here is its hash, made with the mail (real time, like the end). A new mail has a new
    token, so the one before it opens nothing any more.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField("e-mail")
    full_name = models.CharField(max_length=120)
    roles = ArrayField(models.CharField(max_length=20, choices=Role.choices))
    title = models.CharField(max_length=60, blank=True)
    licence = models.CharField(max_length=60, blank=True)
    sees_patients = models.BooleanField(default=False)
    max_depth_mm = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    token_sha256 = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001  (several without a token)
    expires_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="invitations")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "email"],
                condition=Q(withdrawn_at=None, accepted_at=None),
                name="invitation_once_per_address",
            ),
            models.CheckConstraint(name="invitation_has_a_role", condition=Q(roles__len__gt=0)),
            models.CheckConstraint(
                name="invitation_depth_can_be",
                condition=Q(max_depth_mm__isnull=True) | Q(max_depth_mm__gt=0, max_depth_mm__lte=DEEPEST_MM),
            ),
            models.CheckConstraint(
                name="invitation_token_has_an_end",
                condition=Q(token_sha256__isnull=True, expires_at__isnull=True)
                | Q(token_sha256__isnull=False, expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="invitation_ends_once",
                condition=Q(withdrawn_at=None) | Q(accepted_at=None),
            ),
            models.CheckConstraint(
                name="invitation_accepted_names_who",
                condition=Q(accepted_at=None, membership=None) | Q(accepted_at__isnull=False, membership__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def is_open(self) -> bool:
        """Neither accepted nor taken back. It may have run out all the same."""
        return self.accepted_at is None and self.withdrawn_at is None

    @property
    def role_words(self) -> str:
        return ", ".join(str(Role(role).label).lower() for role in self.roles)


class FactorRemoval(RefModel):
    """A manager of a clinic says, with her reason, that a colleague's second factor may go: she has lost it. Where she works in
    several clinics it guards all of them, and goes once each has said so."""

    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="factor_removals")
    reason = models.CharField(max_length=120)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # Real time, as everything about signing in.
    at = models.DateTimeField(db_default=Now())
    # The second factor went.
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="factor_removal_says_why", condition=Q(reason__regex=r"\S")),
        ]

    def __str__(self) -> str:
        return f"Second factor of {self.membership}"


class StaffMail(RefModel):
    """One mail to somebody who works here, or is asked to: written and sent by a worker, and sent once.

    `unknown`: it was being handed over when the worker or the line broke. Nothing sends it again but a person.
    All moments are real time.
    """

    class Kind(models.TextChoices):
        INVITATION = "invitation", "Invitation"
        SECOND_FACTOR_RESET = "second_factor_reset", "Second factor reset"
        TEST = "test", "Test"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Could not be sent"
        UNKNOWN = "unknown", "Not known"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="staff_mails")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, null=True, related_name="mails")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    # The last try: a worker has taken it then.
    claimed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    # A code of `clinic.staff.mailing`, never a text of the mail server's: it may quote an address.
    error = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["id"], name="staff_mail_to_send", condition=Q(state="waiting"))]
        constraints = [
            models.CheckConstraint(
                name="staff_mail_has_one_reader",
                condition=Q(kind="invitation", invitation__isnull=False, user__isnull=True)
                | (~Q(kind="invitation") & Q(invitation__isnull=True, user__isnull=False)),
            ),
            models.UniqueConstraint(
                fields=["invitation"],
                condition=Q(state__in=["waiting", "sending"]),
                name="staff_mail_one_on_its_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}, {self.state}"


class Room(RefModel):
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="rooms")
    name = models.CharField(max_length=60)
    short_name = models.CharField(max_length=6)
    in_service = models.BooleanField(default=True)
    out_reason = models.CharField(max_length=120, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint("clinic", Lower("name"), name="room_name_once"),
            models.UniqueConstraint("clinic", Lower("short_name"), name="room_short_name_once"),
            models.CheckConstraint(name="room_out_says_why", condition=Q(in_service=True) | ~Q(out_reason="")),
        ]

    def __str__(self) -> str:
        return self.name


def _same(who: str) -> Func:
    """Equality inside an exclusion constraint: the server has no btree_gist, so one-point ranges overlap instead."""
    return Func(F(who), F(who), Value("[]"), function="int8range", output_field=BigIntegerRangeField())


def _of_day(*, starts, ends) -> Func:
    return Func(starts, ends, Value("[)"), function="int8range", output_field=BigIntegerRangeField())


class WorkingHours(models.Model):
    """One stretch of work in wall-clock time of the clinic's zone: of a weekday (ISO: Monday 1), week after week, or of a
    single day (`on`), whose stretches replace the weekly ones of that day. A single day without times: not in.

    What no longer counts is ended by `valid_until`, or withdrawn where its day has not come; nothing is deleted.
    """

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="working_hours")
    weekday = models.PositiveSmallIntegerField(null=True, blank=True, choices=[(n, n) for n in range(1, 8)])
    on = models.DateField(null=True, blank=True)
    starts = models.TimeField(null=True, blank=True)
    ends = models.TimeField(null=True, blank=True)
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=80, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="working_hours_end_after_start",
                condition=Q(starts__isnull=False, ends__isnull=False, ends__gt=F("starts"))
                | Q(on__isnull=False, starts__isnull=True, ends__isnull=True),
            ),
            models.CheckConstraint(
                name="working_hours_weekday_iso",
                condition=Q(weekday__isnull=False, weekday__gte=1, weekday__lte=7, on__isnull=True)
                | Q(weekday__isnull=True, on__isnull=False, valid_from__isnull=True, valid_until__isnull=True),
            ),
            models.CheckConstraint(
                name="working_hours_valid_in_order",
                condition=Q(valid_from__isnull=True)
                | Q(valid_until__isnull=True)
                | Q(valid_until__gte=F("valid_from")),
            ),
            ExclusionConstraint(
                name="working_hours_once",
                expressions=[
                    (_same("membership"), RangeOperators.OVERLAPS),
                    (_same("weekday"), RangeOperators.OVERLAPS),
                    (
                        Func(
                            F("valid_from"),
                            F("valid_until"),
                            Value("[]"),
                            function="daterange",
                            output_field=DateRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                    (_of_day(starts=SecondOfDay("starts"), ends=SecondOfDay("ends")), RangeOperators.OVERLAPS),
                ],
                condition=Q(weekday__isnull=False, withdrawn_at__isnull=True),
            ),
            # "Not in" fills its day, so that no hours can stand beside it.
            ExclusionConstraint(
                name="working_hours_of_a_day_once",
                expressions=[
                    (_same("membership"), RangeOperators.OVERLAPS),
                    (
                        Func(F("on"), F("on"), Value("[]"), function="daterange", output_field=DateRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                    (
                        _of_day(
                            starts=Coalesce(SecondOfDay("starts"), Value(0)),
                            ends=Coalesce(SecondOfDay("ends"), Value(SECONDS_A_DAY)),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(on__isnull=False, withdrawn_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        when = f"weekday {self.weekday}" if self.on is None else f"{self.on}"
        return f"{when}, not in" if self.starts is None else f"{when}, {self.starts:%H:%M} to {self.ends:%H:%M}"


class TimeOff(RefModel):
    """Away or closed: of one person, or of the whole clinic where `membership` is empty. Taken back it stays, withdrawn."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="time_off")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, null=True, related_name="time_off")
    during = DateTimeRangeField()
    reason = models.CharField(max_length=80, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(name="time_off_has_length", condition=Q(during__isempty=False))]

    def __str__(self) -> str:
        return self.reason or "away"


@pgtrigger.register(pgtrigger.Protect(name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete))
class AuditEvent(models.Model):
    """Who did what to which row, and when. Ids and field names only: no name, no clinical word."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, null=True, related_name="audit_events")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=60)
    # No foreign key: the event outlives whatever it speaks of.
    target_type = models.CharField(max_length=60)
    target_ref = models.UUIDField(null=True)
    facts = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=ClinicNow())

    class Meta:
        indexes = [
            models.Index(fields=["clinic", "-at"], name="audit_by_clinic"),
            models.Index(fields=["target_ref", "-at"], name="audit_by_target"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_ref}"


class Restoration(RefModel):
    """A clinic's return from a backup. All moments are of the clinic's clock; nothing leaves until `released_at`."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="restorations")
    # What happened after it is not in these data.
    data_of = models.DateTimeField()
    restored_at = models.DateTimeField(db_default=ClinicNow())
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="restoration_released_by_somebody",
                condition=Q(released_at__isnull=True, released_by__isnull=True)
                | Q(released_at__isnull=False, released_by__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"data of {self.data_of:%Y-%m-%d %H:%M}"


# What was given into somebody's hands stays written down as it was; only how it ended is added.
@pgtrigger.register(
    pgtrigger.Protect(name="handover_kept", operation=pgtrigger.Delete),
    pgtrigger.Protect(
        name="handover_only_ends",
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=["given_back_at", "unlocked_at", "unlocked_by"]),
    ),
)
class Handover(RefModel):
    """A browser of the clinic's in the hands of a patient: for a few forms of hers, and for nothing else until one of us
    signs in on it. All moments are real time.

    `about`: the ref of the patient, who lies further along the path; `forms`: codes of their owners.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="handovers")
    about = models.UUIDField()
    forms = ArrayField(models.CharField(max_length=20))
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField()
    given_back_at = models.DateTimeField(null=True)
    unlocked_at = models.DateTimeField(null=True)
    unlocked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["about", "-id"], name="handover_by_patient")]
        constraints = [
            models.CheckConstraint(name="handover_asks_something", condition=Q(forms__len__gt=0)),
            models.CheckConstraint(name="handover_ends_after_it_began", condition=Q(ends_at__gt=F("began_at"))),
            models.CheckConstraint(
                name="handover_unlocked_says_who",
                condition=Q(unlocked_at=None, unlocked_by=None)
                | Q(unlocked_at__isnull=False, unlocked_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"handed over by {self.by}"

    @property
    def is_open(self) -> bool:
        """Neither given back nor over: her forms are shown. Else nothing is but the lock."""
        return self.given_back_at is None and self.unlocked_at is None and timezone.now() < self.ends_at


class FormSubmission(models.Model):
    """The token of a rendered form, kept with its effect: a second press finds the first one's result."""

    token = models.UUIDField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=300)
    payload_sha256 = models.CharField(max_length=64)
    result_url = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.token)


class ClockShift(models.Model):
    """How far the demo's clock stands from the real one. One row at most; read by `clinic_now()` only."""

    only = models.BooleanField(primary_key=True, default=True)
    offset = models.DurationField()

    class Meta:
        constraints = [models.CheckConstraint(name="clock_shift_is_one_row", condition=Q(only=True))]

    def __str__(self) -> str:
        return str(self.offset)
