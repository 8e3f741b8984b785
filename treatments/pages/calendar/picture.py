"""What the day is drawn from, read once for the page and for those who only ask whether something changed."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import BooleanField, Count, Func, IntegerField, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, JSONObject, TruncDate

from clinic import clock
from clinic.models import Clinic, ClinicNow, Room
from patients.outbox.models import Message, State
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.models import Appointment
from treatments.appointments.working_time import Away, Hours, people, weekly_hours
from treatments.pages.calendar.absent import absent, absent_shown, away_of
from treatments.pages.call_lists import CallLists, call_lists
from treatments.pages.day import Day, day_of
from treatments.pages.day_visits import visits_of
from treatments.pages.gap_page import count_fillers
from treatments.pages.gaps import DayHoles
from treatments.pages.scores import open_reviews, reviews_shown
from treatments.pages.visit_card import sessions_of
from treatments.pages.waiting import waiters, waiting_shown
from treatments.plans.models import PlannedSession
from treatments.rules.models import Device
from treatments.sessions.models import TreatmentSession

STEP_SECONDS = 300
MOST_KEPT = 16
SHOWN_OF_ROOM = ("id", "ref", "name", "short_name", "in_service", "position")


@dataclass(frozen=True)
class Picture:
    """A day with all that it was made of."""

    day: Day
    calls: CallLists
    chosen: Appointment | None
    sessions: list[PlannedSession]
    hours: Hours
    rooms: list[Room]
    away: Away


_kept: dict[tuple, Picture] = {}


def picture_of(clinic: Clinic, known: dict, *, on: date, by: str, chosen_ref: UUID | None = None) -> Picture:
    """The day `on` with its free times counted. `known`: from `known_now`. Eight queries at most, and none where nothing at
    all was written since this process made the same picture within the same minute: several desks look at one day."""
    if known["is_writing"]:
        return _drawn(clinic, known, on=on, by=by, chosen_ref=chosen_ref)
    key = (clinic.pk, on, by, chosen_ref, known["stands"], int(known["now"].timestamp()) // 60)
    found = _kept.get(key)
    if found is None:
        found = _drawn(clinic, known, on=on, by=by, chosen_ref=chosen_ref)
        for old in list(_kept)[: max(0, len(_kept) - MOST_KEPT + 1)]:
            _kept.pop(old, None)
        _kept[key] = found
    return found


def _drawn(clinic: Clinic, known: dict, *, on: date, by: str, chosen_ref: UUID | None) -> Picture:
    now: datetime = known["now"]
    this_day = now.astimezone(clinic.tz).date()
    rows = list(visits_of(clinic, on))
    chosen = next((row for row in rows if row.ref == chosen_ref), None)
    hours, rooms = weekly_hours(clinic), [Room(clinic=clinic, **shown) for shown in known["rooms"]]
    for person in people(hours):
        person.clinic = clinic
    sessions = sessions_of(chosen) if chosen else []
    away = away_of(known["away"], clock.day_bounds(min(on, this_day), clinic.tz)[0])
    holes = DayHoles(clinic, on, now, rows, hours, away, rooms, known["devices"])
    day = day_of(
        clinic=clinic, on=on, now=now, by=by, rows=rows, hours=hours, away=away, rooms=rooms, chosen=chosen, holes=holes
    )
    calls = call_lists(clinic, now=now, screened_on=on if day.gaps else None)
    count_fillers(day.gaps, holes, today=this_day, sessions=calls.sessions, waiting=waiters(known["waiting"]))
    return Picture(day, calls, chosen, sessions, hours, rooms, away)


def standing(clinic: Clinic) -> tuple[datetime, str]:
    """The present moment, and what everything stood at: what the database has committed, and the time as far as a picture
    hangs on it (free times begin anew every five minutes, and midnight is one of those). Where it is the same twice, nothing
    was written meanwhile by anybody. One query, however large the clinic."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clinic_now(), concat(current_database(), ' ', pg_current_snapshot()::text)")
        now, snapshot = cursor.fetchone()
    said = f"{clinic.pk} {snapshot} {int(now.timestamp()) // STEP_SECONDS}"
    return now, hashlib.sha256(said.encode()).hexdigest()[:16]


def known_now(clinic: Clinic, chosen_ref: UUID | None, *, on: date | None, clinical: bool) -> dict:
    """In one query: the present moment; what the database stands at (`stands`), and whether the present transaction has
    written itself (`is_writing`); who is away on the day `on` or from today on; the rooms, the devices in service (keys); who
    waits for a place; the counts of the top bar; the next mail of the chosen patient; for clinicians, the courses to review."""
    rooms = Room.objects.filter(clinic=OuterRef("pk")).annotate(
        shown=JSONObject(**{name: name for name in SHOWN_OF_ROOM})
    )
    devices = Device.objects.filter(clinic=OuterRef("pk"), in_service=True)
    unsigned = TreatmentSession.objects.filter(clinic=OuterRef("pk"), status="open")
    called = CallOutcome.objects.filter(
        clinic=OuterRef("pk"), taken_back_at=None, said_at__gt=ClinicNow() - timedelta(days=1)
    ).annotate(on=TruncDate("said_at", tzinfo=clinic.tz))
    # The first bound lets the index of days serve; the second is the clinic's midnight.
    waiting = (
        Message.objects.filter(clinic=OuterRef("pk"), state=State.DUE, send_at__lt=ClinicNow() + timedelta(days=1))
        .annotate(on=TruncDate("send_at", tzinfo=clinic.tz))
        .filter(on__lte=TruncDate(ClinicNow(), tzinfo=clinic.tz))
    )
    of_chosen = Message.objects.filter(patient__appointments__ref=chosen_ref, state=State.DUE).order_by("send_at")
    for_clinicians = (
        {"reviews": ArraySubquery(reviews_shown(open_reviews().filter(clinic=OuterRef("pk"))))} if clinical else {}
    )
    return (
        Clinic.objects.filter(pk=clinic.pk)
        .values("pk")
        .annotate(
            now=ClinicNow(),
            stands=Concat(
                Func(function="current_database", output_field=TextField()),
                Value(" "),
                Cast(Func(function="pg_current_snapshot", output_field=TextField()), TextField()),
                output_field=TextField(),
            ),
            is_writing=Func(template="(pg_current_xact_id_if_assigned() IS NOT NULL)", output_field=BooleanField()),
            away=absent_shown(absent().filter(_matters(clinic, on))),
            rooms=ArraySubquery(rooms.order_by("position", "id").values("shown")),
            waiting=ArraySubquery(waiting_shown(WaitingEntry.objects.filter(clinic=OuterRef("pk")))),
            devices=ArraySubquery(devices.order_by("pk").values("pk")),
            unsigned=_count(unsigned),
            called=_count(called.filter(on=TruncDate(ClinicNow(), tzinfo=clinic.tz))),
            will_go=_count(waiting),
            next_mail_at=Subquery(of_chosen.values("send_at")[:1]),
            **for_clinicians,
        )
        .get()
    )


def _matters(clinic: Clinic, on: date | None) -> Q:
    """Time off on the day that is drawn, or in the days searched for a next session: those lie ahead."""
    ahead = Q(during__upper_inf=True) | Q(during__endswith__gt=ClinicNow() - timedelta(days=1))
    return ahead | Q(during__overlap=clock.day_bounds(on, clinic.tz)) if on else ahead


def _count(rows):
    counted = rows.order_by().values("clinic").annotate(many=Count("pk")).values("many")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
