"""Coming visits that the lists of calls have something to say about, as much of each as its line says. One query.

The database chooses: most of a full diary needs no word, and of most of the rest only their number is shown.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Case,
    Count,
    DateField,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import JSONObject

from clinic.models import Clinic
from clinic.statements import Given, Statement, among
from patients.models import Patient
from treatments.appointments.calls.heard import heard_about
from treatments.appointments.calls.models import CallOutcome
from treatments.appointments.models import COMING, Appointment
from treatments.pages.today.lost_places import HELD, IN_DOUBT, place_read
from treatments.pages.today.verdicts import NOT_PERMITTED, newest_screening, with_screening
from treatments.screenings.models import ScreeningFinding

SHOWN_OF_VISIT = (
    "ref", "kind", "status", "day", "starts_at", "to_ask", "booked_at", "clinician_id",
)  # fmt: skip
ADDED = (
    "number",
    "of_sessions",
    "clinician_name",
    "calls",
    "held",
    "place",
    "screened",
    "course_status",
    "paused_until",
)
NOTICED_OF_PATIENT = (
    "ref", "given_name", "family_name", "phone", "email", "mail_allowed", "email_bounced_at", "contact_asked_at",
)  # fmt: skip
# How far ahead a visit can still be moved with some grace, is expected to be confirmed, or must be told by telephone.
TRAVEL_DAYS = 28
CONFIRM_DAYS = 3
TELL_DAYS = 7


@dataclass(slots=True)
class NoticedPatient:
    ref: UUID
    given_name: str
    family_name: str
    phone: str
    email: str
    mail_allowed: bool
    # Only whether it did, and whether somebody has asked: as JSON says it.
    email_bounced_at: str | None
    contact_asked_at: str | None

    @property
    def full_name(self) -> str:
        return f"{self.given_name} {self.family_name}"


@dataclass(slots=True)
class Noticed:
    """A coming visit, as much of it as its line says. A full diary has hundreds of them: as rows of the models they were half
    of what the lists cost."""

    ref: UUID
    kind: str
    status: str
    day: date
    starts_at: time
    to_ask: bool
    booked_at: datetime
    clinician_id: int | None
    number: int | None
    of_sessions: int | None
    clinician_name: str | None
    calls: list[dict]
    held: list[float] | None
    place: dict | None
    screened: dict | None
    course_status: str | None
    paused_until: date | None
    patient: NoticedPatient

    def get_kind_display(self) -> str:
        return Appointment.Kind(self.kind).label


class Counted(NamedTuple):
    """A visit of which only its place can be wrong."""

    clinician_id: int | None
    day: date
    held: list[float]
    # Why its place is wrong is said to nobody, so nobody is named.
    clinician_name: str = ""
    place: None = None


@dataclass(frozen=True)
class Found:
    """Visits to be judged; and those that are only counted, by the list they are on as long as their place is there."""

    judged: list[Noticed]
    unconfirmed: Iterator[Counted]
    no_email: int


def noticed_visits(clinic: Clinic, now: datetime, today: date, *, whole: bool, lost_on_day: Collection[UUID]) -> Found:
    """Coming visits with something to say about them; all others never leave the database. One query."""
    ((judged, counted),) = _statement(whole).rows(
        clinic=clinic.pk,
        now=now,
        today=today,
        confirm_by=today + timedelta(days=CONFIRM_DAYS),
        tell_by=today + timedelta(days=TELL_DAYS),
        travel_by=today + timedelta(days=TRAVEL_DAYS),
        lost=list(lost_on_day),
    )
    unconfirmed = (
        Counted(of_day["clinician_id"], date.fromisoformat(of_day["day"]), held)
        for of_day in counted
        for held in of_day["held"] or ()
    )
    return Found([_noticed(said) for said in judged], unconfirmed, sum(of_day["no_email"] for of_day in counted))


def _noticed(said: dict) -> Noticed:
    patient, until = said["patient"], said["paused_until"]
    read = {
        "paused_until": date.fromisoformat(until) if until else None,
        "ref": UUID(said["ref"]),
        "day": date.fromisoformat(said["day"]),
        "starts_at": time.fromisoformat(said["starts_at"]),
        "booked_at": datetime.fromisoformat(said["booked_at"]),
        "patient": NoticedPatient(**patient | {"ref": UUID(patient["ref"])}),
    }
    return Noticed(**said | read)


SOON = Q(status="booked", day__lte=Given("confirm_by", DateField()))
UNREACHABLE = Q(email="") | Q(mail_allowed=False) | Q(email_bounced_at__isnull=False)
# Looked up for one visit after the other: as a join, or where EXISTS is asked, PostgreSQL reads every patient of the clinic.
UNREACHABLE_SOON = Q(day__lte=Given("tell_by", DateField())) & Q(
    Subquery(
        Patient.objects.filter(pk=OuterRef("patient")).values(
            unreachable=Case(When(UNREACHABLE, then=True), default=False)
        )
    )
)


@lru_cache
def _statement(whole: bool) -> Statement:
    """In the row of a clinic, as JSON objects: the visits to be judged, and by clinician and day those that are only counted."""
    coming = Appointment.objects.filter(
        clinic=OuterRef("pk"),
        status__in=COMING,
        day__gte=Given("today", DateField()),
        day__lte=Given("travel_by", DateField()),
        during__endswith__gt=Given("now", DateTimeField()),
    )
    # A rule that is lifted today may stand again by the day of the visit.
    lifted = ScreeningFinding.objects.filter(record=OuterRef("pk"), cleared_until__isnull=False)
    may_refuse = newest_screening().annotate(may_refuse=Q(outcome__in=[*NOT_PERMITTED, "ask"]) | Q(Exists(lifted)))
    is_lost = Q(among("ref", Given("lost", ArrayField(UUIDField()))))
    noticed = (
        Q(to_ask=True)
        | Q(kind="treatment", may_refuse=True)
        | (Q(kind="treatment") & ~Q(planned_session__plan__status="active"))
        | SOON
        | is_lost
        | UNREACHABLE_SOON
    )
    only_counted = Value(False) if whole else _only_counted(is_lost)
    coming = coming.annotate(only_counted=only_counted)
    judged = coming.annotate(may_refuse=Subquery(may_refuse.values("may_refuse")[:1])).filter(
        noticed, only_counted=False
    )
    counted = (
        coming.filter(day__lte=Given("tell_by", DateField()), only_counted=True)
        .order_by()
        .values("clinician_id", "day")
    )
    shown = JSONObject(
        clinician_id="clinician_id",
        day="day",
        held=ArrayAgg(HELD, filter=SOON),
        no_email=Count("pk", filter=UNREACHABLE_SOON),
    )
    return Statement(
        Clinic.objects.filter(pk=Given("clinic", IntegerField())).values_list(
            ArraySubquery(_shown(judged, SOON | is_lost)), ArraySubquery(counted.annotate(shown=shown).values("shown"))
        )
    )


def _only_counted(is_lost: Q) -> Case:
    """Visits that no list has more to say of than that they are on it: nobody called about them, nothing of their place is in
    doubt but the hours, and a treatment's newest screening says of every later day that it may be."""
    called = CallOutcome.objects.filter(visit=OuterRef("pk"), visit_version=OuterRef("schedule_version"))
    is_clear = Q(result__outlook__0__outcome__in=["clear", "caution"], result__outlook__1__isnull=True)
    clear = newest_screening().annotate(is_clear=Case(When(is_clear, then=True), default=False))
    is_open = Q(
        Subquery(clear.values("is_clear")[:1], output_field=BooleanField()),
        to_ask=False,
        planned_session__plan__status="active",
    )
    more = Q(Exists(called.filter(taken_back_at=None))) | IN_DOUBT | is_lost
    plain = ~Q(kind="treatment") | is_open
    return Case(When(more, then=False), When(plain, then=True), default=False, output_field=BooleanField())


def _shown(visits: QuerySet[Appointment], placed: Q) -> QuerySet:
    read = visits.annotate(
        number=F("planned_session__number"),
        of_sessions=F("planned_session__plan__sessions_planned"),
        clinician_name=F("clinician__user__full_name"),
        calls=heard_about("visit"),
        **place_read(placed),
    )
    patient = JSONObject(**{name: name for name in NOTICED_OF_PATIENT})
    whose = Patient.objects.filter(pk=OuterRef("patient")).annotate(shown=patient).values("shown")
    shown = JSONObject(**{name: F(name) for name in (*SHOWN_OF_VISIT, *ADDED)}, patient=Subquery(whose))
    return with_screening(read).annotate(shown=shown).order_by("during", "id").values("shown")
