"""Sessions without a visit: overdue, with a window that closes soon, to book. One query, whatever the number of courses."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from django.db.models import DateField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest, JSONObject

from clinic.models import Clinic
from clinic.statements import Given, Statement
from treatments.appointments.calls.heard import fruitless, heard, heard_about
from treatments.appointments.models import BLOCKING, Appointment
from treatments.pages.worklists.call_rows import SHOWN_OF_PATIENT, Call, CallList, Sorter, days, sentence, short_day
from treatments.plans.models import PlannedSession
from treatments.screenings.models import ScreeningRecord
from treatments.sessions.models import TreatmentSession

PATIENT_OF_SESSION = [f"plan__patient__{name}" for name in SHOWN_OF_PATIENT]
SHOWN_OF_SESSION = (
    *PATIENT_OF_SESSION, "ref", "number", "earliest_on", "target_on", "latest_on",
    "plan__ref", "plan__sessions_planned", "plan__floor_days", "plan__latest_days",
)  # fmt: skip
# A window that opens within this many days is worth a call now; one that ends within it is closing, if nobody says otherwise.
OPENING_DAYS = 14
CLOSING_DAYS = 14


@dataclass
class SessionLists:
    closing: CallList = field(
        default_factory=lambda: CallList(
            "window-closing", "Window closing", "clock", "Everyone whose window closes soon is booked.", "Left"
        )
    )
    overdue: CallList = field(
        default_factory=lambda: CallList(
            "overdue", "Overdue", "phone", "Nobody's window has closed without a visit.", "Late by"
        )
    )
    to_book: CallList = field(
        default_factory=lambda: CallList(
            "to-book", "To book", "calendar", "Every course that may go on is booked.", "Left"
        )
    )
    # Called again and again, and nothing booked: these courses stand still.
    called_in_vain: list[Call] = field(default_factory=list)


def sessions_to_book(clinic: Clinic, *, today: date, on: date | None = None) -> list[PlannedSession]:
    """The next session of every active course, where it has no visit and was not done and its window opens soon. One a course.

    With `fell_out` (how its newest visit ended), `last_change` (when that was booked or ended), `more_wait` (whether the next one
    has no visit either) and what came of calls.
    `on`: a day by which windows may open too; also what the newest screening says of it, and `booked_next`, the day and
    the number of the next session of the course that is booked or done.
    """
    opens_by = max(today + timedelta(days=OPENING_DAYS), on or today)
    return _of_a_clinic(on is not None).rows(clinic=clinic.pk, opens_by=opens_by, on=on)


@lru_cache
def _of_a_clinic(for_a_day: bool) -> Statement:
    clinic, opens_by = Given("clinic", IntegerField()), Given("opens_by", DateField())
    return Statement(next_sessions(clinic, opens_by, on=Given("on", DateField()) if for_a_day else None))


def next_sessions(
    clinic: Clinic | Given, opens_by: date | Given, *, on: date | Given | None
) -> QuerySet[PlannedSession]:
    """What `sessions_to_book` asks."""
    newest = Appointment.objects.filter(planned_session=OuterRef("pk")).order_by("-id")
    of_clinic = PlannedSession.objects.filter(
        plan__clinic=clinic, plan__status="active", plan__patient__status="active", earliest_on__lte=opens_by
    )
    of_plan = PlannedSession.objects.filter(plan=OuterRef("plan"))
    before, after = of_plan.filter(number__lt=OuterRef("number")), of_plan.filter(number=OuterRef("number") + 1)
    # No DISTINCT: what is read along would be read for every session of every course first.
    found = (
        _without_visit(of_clinic)
        .filter(~Exists(_without_visit(before)))
        .annotate(
            fell_out=Subquery(newest.values("status")[:1]),
            # GREATEST leaves out what is not known.
            last_change=Subquery(newest.values(latest=Greatest("booked_at", "done_at", "closed_at"))[:1]),
            more_wait=Exists(_without_visit(after)),
            calls=heard_about("planned_session"),
        )
        .select_related("plan__patient")
        .only(*SHOWN_OF_SESSION)
        .order_by("plan_id")
    )
    if on is None:
        return found
    # The depths it begins with say which clinician may take it.
    return found.only(*SHOWN_OF_SESSION, "zones").annotate(screened=_screened_for(on), booked_next=_booked_next())


def _without_visit(sessions: QuerySet[PlannedSession]) -> QuerySet[PlannedSession]:
    """Those that have no visit and were not done."""
    visits = Appointment.objects.filter(planned_session=OuterRef("pk"), status__in=BLOCKING, session_counts=True)
    was_done = Q(status__in=["open", "completed"]) | Q(status="stopped", counts=True)
    needlings = TreatmentSession.objects.filter(was_done, planned_session=OuterRef("pk"))
    return sessions.filter(~Exists(visits), ~Exists(needlings))


def _screened_for(on: date | Given) -> Subquery:
    shown = JSONObject(on=F("on"), purpose="purpose", made_at="made_at", outlook="result__outlook")
    newest = ScreeningRecord.objects.filter(patient=OuterRef("plan__patient"), on__lte=on).order_by("-id")
    return Subquery(newest.annotate(shown=shown).values("shown")[:1])


def _booked_next() -> Subquery:
    later = Appointment.objects.filter(
        planned_session__plan=OuterRef("plan"),
        planned_session__number__gt=OuterRef("number"),
        status__in=BLOCKING,
        session_counts=True,
    )
    shown = JSONObject(on="day", number="planned_session__number")
    return Subquery(later.annotate(shown=shown).order_by("day").values("shown")[:1])


def sort_sessions(sessions: list[PlannedSession], sorter: Sorter, *, closing_days: int = CLOSING_DAYS) -> SessionLists:
    """Each session of `sessions_to_book` on the list of its window: closed, closing within `closing_days`, open or opening."""
    lists, today = SessionLists(), sorter.today
    # Those whose window opens later were asked for because of a later day.
    near = [session for session in sessions if session.earliest_on <= today + timedelta(days=OPENING_DAYS)]
    for session in sorted(near, key=lambda one: (one.latest_on, one.plan.patient.name_key)):
        left = (session.latest_on - today).days
        if left < 0:
            into, say, due = lists.overdue, "window closed", days(-left)
        elif left <= closing_days:
            into, say, due = lists.closing, f"until {short_day(session.latest_on)}", days(left)
        else:
            is_open = session.earliest_on <= today
            say = f"until {short_day(session.latest_on)}" if is_open else f"opens {short_day(session.earliest_on)}"
            into, due = lists.to_book, days(left)
        call = _session_call(session, say=say, due=due, today=today)
        sorter.add(into, call, session.calls, about=session.ref, since=session.last_change)
        if fruitless(call.told) and not call.from_list:
            lists.called_in_vain.append(call)
    return lists


def told_of(session: PlannedSession) -> list:
    """What came of the calls about a session from `sessions_to_book`, since it was last booked or fell out."""
    return heard(session.calls, "to-book", since=session.last_change)


def _session_call(session: PlannedSession, *, say: str, due: str, today: date) -> Call:
    patient = session.plan.patient
    fell_out = {"cancelled": ", cancelled once", "no_show": ", did not come"}.get(session.fell_out or "", "")
    number = f"Session {session.number} of {session.plan.sessions_planned}"
    return Call(
        name=patient.full_name,
        session=number,
        say=f"{number}, {say}{fell_out}",
        why=sentence(f"{say}{fell_out}"),
        due=due,
        phone=patient.phone,
        # Who is on the telephone is booked for the whole course, where more of it waits.
        leads_to=("book_course", session.plan.ref) if session.more_wait else ("book", session.ref),
        alone=("book", session.ref) if session.more_wait else None,
        patient_ref=patient.ref,
        act="Book",
        hue="stop" if session.latest_on < today else "",
    )
