"""What the day is drawn from, read once for the page and for those who only ask whether something changed."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import DateTimeRangeField
from django.db import connection
from django.db.models import Count, F, IntegerField, OuterRef, Q, Subquery, UUIDField
from django.db.models.functions import Coalesce, JSONObject, TruncDate
from psycopg2.extras import DateTimeTZRange

from clinic import clock
from clinic.models import Clinic, ClinicNow, Room
from clinic.statements import Given, Statement
from patients.outbox.models import Message, State
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.models import Appointment
from treatments.appointments.working_time import Away, Hours, people, weekly_hours
from treatments.pages import bought
from treatments.pages.calendar.absent import absent, absent_shown, away_of
from treatments.pages.scores import open_reviews, reviews_shown
from treatments.pages.today.day import Day, day_of
from treatments.pages.today.day_visits import visits_of
from treatments.pages.today.gap_page import count_fillers
from treatments.pages.today.gaps import DayHoles
from treatments.pages.today.visit_card import sessions_of
from treatments.pages.worklists import check_in_lists, told_calls
from treatments.pages.worklists.call_lists import CallLists, call_lists
from treatments.pages.worklists.waiting import waiters, waiting_shown
from treatments.plans.models import PlannedSession
from treatments.rules.models import Device
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.healing.services import to_look_at
from treatments.sessions.models import TreatmentSession

STEP_SECONDS = 300
MOST_KEPT = 16
SHOWN_OF_ROOM = ("id", "ref", "name", "short_name", "in_service", "position")


@dataclass(frozen=True)
class Standing:
    """The present moment and what the database has committed by then: where `snapshot` is the same twice, nothing was written
    meanwhile by anybody. `is_writing`: the present transaction has, and sees what no other does."""

    now: datetime
    snapshot: str
    is_writing: bool

    def tag(self, clinic: Clinic) -> str:
        """For a browser: the same as long as nothing was written and no five minutes have begun. Free times begin anew with
        them, and midnight is one of those."""
        said = f"{clinic.pk} {self.snapshot} {int(self.now.timestamp()) // STEP_SECONDS}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Picture:
    """A day with all that it was made of. `known`: what stands around it, from `_known`."""

    known: dict[str, Any]
    day: Day
    calls: CallLists
    chosen: Appointment | None
    sessions: list[PlannedSession]
    hours: Hours
    rooms: list[Room]
    away: Away


_kept: dict[tuple, Picture] = {}
STANDING = """
SELECT clinic_now(), concat(current_database(), ' ', pg_current_snapshot()::text), pg_current_xact_id_if_assigned() IS NOT NULL
"""


def standing() -> Standing:
    """One query, however large the clinic."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING)
        return Standing(*cursor.fetchone())


def picture_of(
    clinic: Clinic, stands: Standing, *, on: date, by: str, chosen_ref: UUID | None = None, clinical: bool = False
) -> Picture:
    """The day `on` with its free times counted. Nine queries at most, and none where nothing at all was written since this
    process made the same picture within the same minute: several desks look at one day. `clinical`: for somebody who may see
    why a course waits."""
    asked = {"on": on, "by": by, "chosen_ref": chosen_ref, "clinical": clinical}
    if stands.is_writing:
        return _drawn(clinic, stands.now, **asked)
    key = (clinic.pk, *asked.values(), stands.snapshot, int(stands.now.timestamp()) // 60)
    found = _kept.get(key)
    if found is None:
        found = _drawn(clinic, stands.now, **asked)
        for old in list(_kept)[: max(0, len(_kept) - MOST_KEPT + 1)]:
            _kept.pop(old, None)
        _kept[key] = found
    return found


def _drawn(clinic: Clinic, now: datetime, *, on: date, by: str, chosen_ref: UUID | None, clinical: bool) -> Picture:
    known = _known(clinic, chosen_ref, on=on, clinical=clinical)
    this_day = now.astimezone(clinic.tz).date()
    rows = visits_of(clinic, on)
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
    calls = call_lists(
        clinic, now=now, screened_on=on if day.gaps else None, why_lost=day.roster.why_not, lost_on_day=day.lost
    )
    count_fillers(day.gaps, holes, today=this_day, sessions=calls.sessions, waiting=waiters(known["waiting"]))
    return Picture(known, day, calls, chosen, sessions, hours, rooms, away)


def _known(clinic: Clinic, chosen_ref: UUID | None, *, on: date, clinical: bool) -> dict[str, Any]:
    """In one query: who is away on the day `on` or from today on; the rooms, the devices in service (keys); who waits for a
    place; the counts of the top bar; the next mail of the chosen patient, what she has bought; the check-ins that wait for a clinician, what
    patients told us of their visits, and for clinicians, the courses to review."""
    drawn = DateTimeTZRange(*clock.day_bounds(on, clinic.tz))
    (known,) = _around(clinic.tz, clinical).rows(clinic=clinic.pk, drawn=drawn, chosen=chosen_ref)
    return known


@lru_cache
def _around(zone: ZoneInfo, clinical: bool) -> Statement:
    rooms = Room.objects.filter(clinic=OuterRef("pk")).annotate(
        shown=JSONObject(**{name: name for name in SHOWN_OF_ROOM})
    )
    devices = Device.objects.filter(clinic=OuterRef("pk"), in_service=True)
    unsigned = TreatmentSession.objects.filter(clinic=OuterRef("pk"), status="open")
    called = CallOutcome.objects.filter(
        clinic=OuterRef("pk"), taken_back_at=None, said_at__gt=ClinicNow() - timedelta(days=1)
    ).annotate(on=TruncDate("said_at", tzinfo=zone))
    # The first bound lets the index of days serve; the second is the clinic's midnight.
    waiting = (
        Message.objects.filter(clinic=OuterRef("pk"), state=State.DUE, send_at__lt=ClinicNow() + timedelta(days=1))
        .annotate(on=TruncDate("send_at", tzinfo=zone))
        .filter(on__lte=TruncDate(ClinicNow(), tzinfo=zone))
    )
    chosen = Given("chosen", UUIDField())
    hers = bought.asked(Q(patient__appointments__ref=chosen), Q(ref=chosen), OuterRef("pk"))
    of_chosen = Message.objects.filter(patient__appointments__ref=chosen, state=State.DUE).order_by("send_at", "pk")
    check_ins = CheckIn.objects.filter(patient__clinic=OuterRef("pk"))
    for_clinicians = (
        {"reviews": ArraySubquery(reviews_shown(open_reviews().filter(clinic=OuterRef("pk"))))} if clinical else {}
    )
    return Statement(
        Clinic.objects.filter(pk=Given("clinic", IntegerField()))
        .values("pk")
        .annotate(
            away=absent_shown(absent().filter(_matters())),
            rooms=ArraySubquery(rooms.order_by("position", "id").values("shown")),
            waiting=ArraySubquery(waiting_shown(WaitingEntry.objects.filter(clinic=OuterRef("pk")))),
            devices=ArraySubquery(devices.order_by("pk").values("pk")),
            unsigned=_count(unsigned),
            called=_count(called.filter(on=TruncDate(ClinicNow(), tzinfo=zone))),
            will_go=_count(waiting),
            next_mail_at=Subquery(of_chosen.values("send_at")[:1]),
            check_ins=ArraySubquery(check_in_lists.shown(check_ins, clinical=clinical)),
            # Of everybody's list, so that a page that is open already learns of a new one.
            told=ArraySubquery(to_look_at(check_ins).order_by("pk").values("ref")),
            money_in=F("currency"),
            **hers,
            **told_calls.told_of_clinic(),
            **for_clinicians,
        )
    )


def _matters() -> Q:
    """Time off on the day that is drawn, or in the days searched for a next session: those lie ahead."""
    ahead = Q(during__upper_inf=True) | Q(during__endswith__gt=ClinicNow() - timedelta(days=1))
    return ahead | Q(during__overlap=Given("drawn", DateTimeRangeField()))


def _count(rows):
    counted = rows.order_by().values("clinic").annotate(many=Count("pk")).values("many")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
