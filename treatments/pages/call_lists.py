"""Whom to call and why: the lists the desk works through. Three queries, whatever the number of patients.

Running the rules for everybody would cost seconds, so what a list says of a date is read from stored rows: the windows
of planned sessions, the marks of booked visits and the newest stored screening (see `verdicts`). Booking, and the gate
before a session, run the rules anew.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.urls import reverse

from clinic.models import Clinic
from clinic.templatetags.clinic_ui import clock
from clinic.templatetags.clinic_ui import day as day_words
from treatments.appointments.models import BLOCKING, COMING, PRESENT, Appointment
from treatments.pages.verdicts import NOT_PERMITTED, Verdict, newest_screening, verdict_of, with_screening
from treatments.plans.models import PlannedSession
from treatments.rules.words import verdict_words
from treatments.screenings.models import ScreeningFinding
from treatments.sessions.models import TreatmentSession

# What a line says of a patient; whole rows of plans with their proposals are a hundred times as much.
SHOWN_OF_PATIENT = (
    "ref",
    "given_name",
    "family_name",
    "phone",
    "name_key",
    "email",
    "mail_allowed",
    "email_bounced_at",
)
SHOWN_OF_VISIT = ("ref", "kind", "status", "day", "starts_at", "to_ask", "booked_at")
PATIENT_OF_SESSION = [f"plan__patient__{name}" for name in SHOWN_OF_PATIENT]
# A window that opens within this many days is worth a call now; one that ends within it is closing.
OPENING_DAYS = 14
CLOSING_DAYS = 14
# How far ahead a visit can still be moved with some grace, is expected to be confirmed, or must be told by telephone.
TRAVEL_DAYS = 28
CONFIRM_DAYS = 3
TELL_DAYS = 7


@dataclass(frozen=True)
class Call:
    """One line of a list: whom, why, until when, and where a press leads."""

    name: str
    say: str
    due: str
    phone: str
    # Where a press leads: the name of a page and the ref it is about. Most lines are counted and never shown.
    leads_to: tuple[str, UUID]
    patient_ref: UUID
    act: str
    session: str = ""
    # The visit's line of a changed rule, where a press says that somebody has looked.
    seen_ref: UUID | None = None
    why: str = ""
    hue: str = ""

    @property
    def url(self) -> str:
        page, ref = self.leads_to
        return reverse(f"treatments:{page}", args=[ref])

    @property
    def seen_url(self) -> str:
        return reverse("treatments:outcome_seen", args=[self.seen_ref]) if self.seen_ref else ""

    @property
    def patient_url(self) -> str:
        return reverse("treatments:chart", args=[self.patient_ref])


@dataclass
class CallList:
    """A list with a heading. `code` is its place on the page of all lists."""

    code: str
    title: str
    glyph: str
    empty: str
    due_title: str = "Visit"
    calls: list[Call] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{reverse('treatments:worklists')}#{self.code}"


@dataclass
class CallLists:
    before_they_travel: CallList
    closing: CallList
    overdue: CallList
    to_book: CallList
    to_ask: CallList
    unconfirmed: CallList
    no_email: CallList
    unsigned: CallList
    rules_changed: CallList
    # Windows of everybody who is still to be booked: which gaps could be filled, and by how many.
    windows: list[tuple[date, date]] = field(default_factory=list)

    def __iter__(self):
        return iter(
            (
                self.before_they_travel,
                self.rules_changed,
                self.closing,
                self.overdue,
                self.to_book,
                self.to_ask,
                self.unconfirmed,
                self.no_email,
                self.unsigned,
            )
        )

    @property
    def left(self) -> int:
        """How many calls wait: those lists where somebody has to be rung up."""
        return sum(len(one.calls) for one in (self.before_they_travel, self.closing, self.overdue))

    def can_fill(self, on: date) -> int:
        return sum(first <= on <= last for first, last in self.windows)


def call_lists(clinic: Clinic, *, now: datetime, whole: bool = False) -> CallLists:
    """Every list of a clinic, the most urgent first. `whole` adds two lists, a query each, that only their own page shows."""
    today = now.astimezone(clinic.tz).date()
    lists = _empty_lists()
    _add_sessions(lists, clinic, today)
    _add_visits(lists, clinic, now, today)
    if whole:
        lists.unsigned.calls = [_unsigned_call(session) for session in unsigned_sessions(clinic)]
        lists.rules_changed.calls = [_changed_call(visit, today) for visit in changed_visits(clinic, today)]
    return lists


def _empty_lists() -> CallLists:
    return CallLists(
        before_they_travel=CallList(
            "before-they-travel",
            "Before they travel",
            "s-defer",
            "No booked visit lies on a day that is no longer allowed, and no course with one is on hold.",
        ),
        closing=CallList(
            "window-closing", "Window closing", "clock", "Everyone whose window closes soon is booked.", "Left"
        ),
        overdue=CallList("overdue", "Overdue", "phone", "Nobody's window has closed without a visit.", "Late by"),
        to_book=CallList("to-book", "To book", "calendar", "Every course that may go on is booked.", "Left"),
        to_ask=CallList("to-ask", "To ask", "s-ask", "No booked visit waits for an answer."),
        unconfirmed=CallList(
            "unconfirmed", "Not confirmed", "bell", "Everyone who comes in the next days has confirmed."
        ),
        no_email=CallList("no-e-mail", "No e-mail", "mail", "Everyone who comes this week can be reached by e-mail."),
        rules_changed=CallList(
            "rules-changed",
            "Rules changed: look again",
            "sliders",
            "No booked visit waits for a look since the rules changed.",
        ),
        unsigned=CallList("unsigned", "Not signed", "pen", "Every session is signed.", "Day"),
    )


# ── Sessions without a visit ──────────────────────────────────────────────────


def sessions_to_book(clinic: Clinic) -> QuerySet[PlannedSession]:
    """The next session of every active course, where it has no visit and was not done. One a course."""
    visits = Appointment.objects.filter(planned_session=OuterRef("pk"))
    needlings = TreatmentSession.objects.filter(planned_session=OuterRef("pk"))
    was_done = Q(status__in=["open", "completed"]) | Q(status="stopped", counts=True)
    return (
        PlannedSession.objects.filter(plan__clinic=clinic, plan__status="active", plan__patient__status="active")
        .filter(~Exists(visits.filter(status__in=BLOCKING, session_counts=True)), ~Exists(needlings.filter(was_done)))
        .annotate(fell_out=Subquery(visits.order_by("-id").values("status")[:1]))
        .select_related("plan__patient")
        .only(*PATIENT_OF_SESSION, "ref", "number", "earliest_on", "latest_on", "plan__sessions_planned")
        .order_by("plan_id", "number")
        .distinct("plan_id")
    )


def _add_sessions(lists: CallLists, clinic: Clinic, today: date) -> None:
    waiting = [s for s in sessions_to_book(clinic) if s.earliest_on <= today + timedelta(days=OPENING_DAYS)]
    lists.windows = [(session.earliest_on, session.latest_on) for session in waiting]
    for session in sorted(waiting, key=lambda one: (one.latest_on, one.plan.patient.name_key)):
        days_left = (session.latest_on - today).days
        if days_left < 0:
            lists.overdue.calls.append(_session_call(session, say="window closed", due=_days(-days_left), today=today))
        elif days_left <= CLOSING_DAYS:
            lists.closing.calls.append(
                _session_call(session, say=f"until {_short(session.latest_on)}", due=_days(days_left), today=today)
            )
        else:
            is_open = session.earliest_on <= today
            say = f"until {_short(session.latest_on)}" if is_open else f"opens {_short(session.earliest_on)}"
            lists.to_book.calls.append(_session_call(session, say=say, due=_days(days_left), today=today))


def _session_call(session: PlannedSession, *, say: str, due: str, today: date) -> Call:
    patient = session.plan.patient
    fell_out = {"cancelled": ", cancelled once", "no_show": ", did not come"}.get(session.fell_out or "", "")
    number = f"Session {session.number} of {session.plan.sessions_planned}"
    return Call(
        name=patient.full_name,
        session=number,
        say=f"{number}, {say}{fell_out}",
        why=f"{say}{fell_out}"[:1].upper() + f"{say}{fell_out}"[1:],
        due=due,
        phone=patient.phone,
        leads_to=("book", session.ref),
        patient_ref=patient.ref,
        act="Book",
        hue="stop" if session.latest_on < today else "",
    )


# ── Visits that need a word ───────────────────────────────────────────────────


def _add_visits(lists: CallLists, clinic: Clinic, now: datetime, today: date) -> None:
    for visit in _visits_that_need_a_word(clinic, now, today):
        visit.clinic = clinic
        verdict = verdict_of(visit, today=today)
        if verdict is not None and verdict.state in NOT_PERMITTED:
            lists.before_they_travel.calls.append(_travel_call(visit, verdict, today))
        elif verdict is not None and verdict.state == "ask":
            lists.to_ask.calls.append(_visit_call(visit, "Questions to answer first", today, hue="ask", act="Open"))
        # Nobody is rung up to confirm, or told of, a visit that waits for a clinician's word.
        if verdict is not None and verdict.is_on_hold:
            continue
        if visit.status == "booked" and visit.day <= today + timedelta(days=CONFIRM_DAYS):
            lists.unconfirmed.calls.append(_visit_call(visit, f"With {visit.clinician_name or 'nobody yet'}", today))
        if visit.day <= today + timedelta(days=TELL_DAYS) and (why := _no_email(visit)):
            lists.no_email.calls.append(_visit_call(visit, why, today))


def _visits_that_need_a_word(clinic: Clinic, now: datetime, today: date) -> QuerySet[Appointment]:
    """Coming visits with something to say about them; all others never leave the database. One query."""
    coming = Appointment.objects.filter(
        clinic=clinic,
        status__in=COMING,
        day__gte=today,
        day__lte=today + timedelta(days=TRAVEL_DAYS),
        during__endswith__gt=now,
    )
    # A rule that is lifted today may stand again by the day of the visit.
    lifted = ScreeningFinding.objects.filter(record=OuterRef("pk"), cleared_until__isnull=False)
    may_refuse = newest_screening().annotate(may_refuse=Q(outcome__in=[*NOT_PERMITTED, "ask"]) | Q(Exists(lifted)))
    unreachable = Q(patient__email="") | Q(patient__mail_allowed=False) | Q(patient__email_bounced_at__isnull=False)
    soon = Q(status="booked", day__lte=today + timedelta(days=CONFIRM_DAYS))
    noticed = (
        Q(to_ask=True)
        | Q(kind="treatment", may_refuse=True)
        | (Q(kind="treatment") & ~Q(planned_session__plan__status="active"))
        | soon
        | (unreachable & Q(day__lte=today + timedelta(days=TELL_DAYS)))
    )
    found = coming.annotate(may_refuse=Subquery(may_refuse.values("may_refuse")[:1])).filter(noticed)
    found = found.select_related("patient").annotate(
        number=F("planned_session__number"),
        of_sessions=F("planned_session__plan__sessions_planned"),
        clinician_name=F("clinician__user__full_name"),
    )
    found = found.only(*SHOWN_OF_VISIT, *(f"patient__{name}" for name in SHOWN_OF_PATIENT))
    return with_screening(found).order_by("during", "id")


def _travel_call(visit: Appointment, verdict: Verdict, today: date) -> Call:
    if verdict.is_on_hold:
        return _visit_call(visit, f"{verdict.label}: ask a clinician", today, hue="stop", act="Open")
    if verdict.earliest_on:
        return _visit_call(
            visit, f"Not before {day_words(verdict.earliest_on)}: move", today, hue="stop", act="Move", move=True
        )
    return _visit_call(visit, "Ask a clinician before this visit", today, hue="stop", act="Open")


def _visit_call(
    visit: Appointment, say: str, today: date, *, hue: str = "", act: str = "Open", move: bool = False
) -> Call:
    patient = visit.patient
    return Call(
        name=patient.full_name,
        session=_number(visit),
        say=say,
        why=say,
        due=_when(visit, today),
        phone=patient.phone,
        leads_to=("move_visit" if move else "visit", visit.ref),
        patient_ref=patient.ref,
        act=act,
        hue=hue,
    )


def _no_email(visit: Appointment) -> str:
    patient = visit.patient
    if not patient.email:
        return "No e-mail address: tell by telephone"
    if patient.email_bounced_at:
        return "The last mail came back: ask for the address"
    return "" if patient.mail_allowed else "Wants no e-mail: tell by telephone"


# ── Sessions without a signature ──────────────────────────────────────────────


def unsigned_sessions(clinic: Clinic) -> QuerySet[TreatmentSession]:
    return (
        TreatmentSession.objects.filter(clinic=clinic, status="open")
        .select_related("patient", "operator__user")
        .order_by("opened_at")
    )


def _unsigned_call(session: TreatmentSession) -> Call:
    return Call(
        name=session.patient.full_name,
        say=f"With {session.operator}, begun {clock(session.opened_at)}",
        why=f"With {session.operator}, begun {clock(session.opened_at)}",
        due=day_words(session.on),
        phone=session.patient.phone,
        leads_to=("chart", session.patient.ref),
        patient_ref=session.patient.ref,
        act="Chart",
        hue="ask",
    )


# ── Visits that changed rules judge in another way ────────────────────────────


def changed_visits(clinic: Clinic, today: date) -> list[Appointment]:
    """What nobody has looked at yet, in order of the visits, each with `lines`: the unseen changes, oldest first. One query.

    A visit that was moved, cancelled or is over needs no look; nor does one that a second change has brought back to what
    it was.
    """
    unseen = clinic.outcome_changes.filter(seen_at=None)
    told = JSONObject(ref="ref", before="before", after="after", not_before="not_before")
    of_this_place = unseen.filter(visit_ref=OuterRef("ref"), visit_version=OuterRef("schedule_version"))
    found = (
        clinic.appointments.filter(ref__in=unseen.values("visit_ref"), status__in=COMING + PRESENT, day__gte=today)
        .select_related("patient")
        .annotate(
            number=F("planned_session__number"),
            of_sessions=F("planned_session__plan__sessions_planned"),
            lines=ArraySubquery(of_this_place.order_by("id").values(told=told)),
        )
        .order_by("during", "id")
    )
    return [visit for visit in found if visit.lines and not _is_back(visit.lines)]


def _is_back(lines: list[dict]) -> bool:
    """Whether the last change has brought a visit back to what it was. What waits for a date may wait for another one."""
    return lines[0]["before"] == lines[-1]["after"] and lines[-1]["not_before"] is None


def _changed_call(visit: Appointment, today: date) -> Call:
    """Verdict only: which rule was changed is for clinicians, on the page of the rules."""
    was, now = visit.lines[0], visit.lines[-1]
    not_before = date.fromisoformat(now["not_before"]) if now["not_before"] else None
    now_words = verdict_words(now["after"], not_before, near=visit.day)
    say = f"{now_words}; was: {verdict_words(was['before'], None, near=visit.day).lower()}"
    call = _visit_call(visit, say, today, hue="stop" if now["after"] in NOT_PERMITTED else "ask")
    return replace(call, seen_ref=UUID(now["ref"]))


def _number(visit: Appointment) -> str:
    return f"Session {visit.number} of {visit.of_sessions}" if visit.number else visit.get_kind_display()


def _when(visit: Appointment, today: date) -> str:
    if visit.day == today:
        return f"today {visit.starts_at:%H:%M}"
    return f"{visit.day:%a} {visit.day.day}" if (visit.day - today).days < TELL_DAYS else day_words(visit.day)


def _days(count: int) -> str:
    return "today" if count == 0 else "1 day" if count == 1 else f"{count} days"


def _short(on: date) -> str:
    return f"{on.day} {on:%b}"
