"""A whole course booked over a clock change, and everything that life does to it: every visit stays where the wall clock had it."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import icalendar
import pytest

from clinic import clock
from clinic.models import Clinic
from patients.models import Message
from tests import factories
from tests.treatments.clock_changes.zones import CHANGES, Change
from treatments.appointments import services as diary
from treatments.appointments.calendar_files import calendar_feed
from treatments.appointments.courses import services
from treatments.appointments.courses.models import HeldVisit
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.courses.undoing import Act
from treatments.appointments.feeds.reading import entries_of
from treatments.appointments.models import Appointment
from treatments.flows import course_booking
from treatments.flows import visits as flow
from treatments.plans.models import TreatmentPlan

pytestmark = pytest.mark.django_db
AFTERNOON = (time(14, 15), time(15))
MORNING = time(10)


LONDON, NEW_YORK, SYDNEY, AUCKLAND, SANTIAGO = CHANGES
# Forward and back, north and south; the others are booked below.
LIVED = [(LONDON, LONDON.forward), (NEW_YORK, NEW_YORK.back), (SYDNEY, SYDNEY.back), (SANTIAGO, SANTIAGO.forward)]
BOOKED = [(LONDON, LONDON.back), (NEW_YORK, NEW_YORK.forward), (SYDNEY, SYDNEY.forward), (AUCKLAND, AUCKLAND.back), (SANTIAGO, SANTIAGO.back)]  # fmt: skip


@pytest.fixture
def changing(request, clinic, clinic_time) -> tuple[Change, TreatmentPlan]:
    """A course that begins ten days before the clocks change, in a clinic of that zone."""
    change, day = request.param
    Clinic.objects.update(zone=change.zone)
    clinic_time(datetime.combine(day - timedelta(days=10), time(10, 42), tzinfo=change.tz))
    patient = factories.make_patient(Clinic.objects.get())
    return change, factories.make_active_plan(patient)


def coming(plan: TreatmentPlan) -> list[Appointment]:
    rows = Appointment.objects.filter(planned_session__plan=plan, status="booked").select_related(*services.OF_A_VISIT)
    return list(rows.order_by("during"))


def times_of(plan: TreatmentPlan) -> list[datetime]:
    """What the wall clock shows when each visit begins, from the moment it comes to."""
    return [visit.during.lower.astimezone(plan.clinic.tz).replace(tzinfo=None) for visit in coming(plan)]


def check(change: Change, plan: TreatmentPlan) -> None:
    """Intent, moment, reminders and calendar of each visit say the same."""
    visits = coming(plan)
    for visit in visits:
        meant = datetime.combine(visit.day, visit.starts_at)
        assert change.wall(visit.during.lower) == meant
        assert visit.during.upper - visit.during.lower == timedelta(minutes=60)
        assert change.wall(visit.clinician_during.lower) == meant + timedelta(minutes=30)
        assert change.wall(visit.room_during.upper) == meant + timedelta(minutes=70)
        reminders = Message.objects.filter(about=visit.ref, kind__startswith="visit_reminder", state="due")
        for reminder in reminders:
            days = 3 if reminder.kind.endswith("3d") else 1
            assert change.wall(reminder.send_at) == datetime.combine(visit.day - timedelta(days=days), MORNING)
    for who in {visit.clinician for visit in visits}:
        mine = [visit for visit in visits if visit.clinician == who]
        feed = calendar_feed(entries_of(who, now=clock.now()), zone=change.tz, name="Visits", at=clock.now())
        events = {str(event["UID"]): event for event in icalendar.Calendar.from_ical(feed).walk("VEVENT")}
        for visit in mine:
            begins = events[f"{visit.ref}@stratum"]["DTSTART"].dt
            assert begins.replace(tzinfo=None) == datetime.combine(visit.day, visit.starts_at) + timedelta(minutes=30)
            assert begins == visit.clinician_during.lower


def named(param: tuple[Change, date]) -> str:
    return " ".join(map(str, param))


@pytest.mark.parametrize("changing", LIVED, indirect=True, ids=named)
def test_every_visit_keeps_its_wall_time_through_all_that_is_done_to_it(changing, desk_member):
    change, plan = changing
    by = desk_member.user
    places = factories.best_places(plan, between=AFTERNOON)
    meant = [datetime.combine(place.day, place.starts_at) for place in places.values()]
    assert {moment.time() for moment in meant} == {AFTERNOON[0]}

    services.hold(plan=plan, places=places, by=by)
    assert [change.wall(row.during.lower) for row in HeldVisit.objects.order_by("during")] == meant
    services.book_held(plan=plan, by=by)
    assert times_of(plan) == meant
    # The clocks do change in between.
    assert len({visit.during.lower.astimezone(change.tz).utcoffset() for visit in coming(plan)}) == 2
    check(change, plan)

    # Moved alone, and moved back.
    last = coming(plan)[-1]
    diary.move(visit=last, place=replace(diary.place_of(last), day=last.day + timedelta(days=1), device=None), by=by)
    assert times_of(plan) == [*meant[:-1], meant[-1] + timedelta(days=1)]
    diary.move_back(visit=last, by=by)
    assert times_of(plan) == meant

    # Moved with what follows, across the change, and put back.
    first = coming(plan)[0]
    later = replace(diary.place_of(first), day=first.day + timedelta(days=21), device=None)
    found = rearrangement(plan, {first: later}, now=clock.now())
    moved = services.move_together(plan=plan, places=found.places(found.found.shift_all), by=by)
    assert times_of(plan) == [moment + timedelta(days=21) for moment in meant]
    check(change, plan)
    course_booking.put_back(plan=plan, act=Act.of(moved), by=by)
    assert times_of(plan) == meant
    check(change, plan)

    # Struck and taken back.
    visit = coming(plan)[1]
    flow.cancel(visit=visit, reason="Has a cold", by=by)
    flow.undo_step(visit=visit, by=by)
    assert times_of(plan) == meant
    check(change, plan)


@pytest.mark.parametrize("changing", BOOKED, indirect=True, ids=named)
def test_a_course_booked_over_the_change_stays_where_the_wall_has_it_and_by_hours_it_would_not(changing, desk_member):
    """The control: the same visits so many times 24 hours after the first would be an hour off."""
    change, plan = changing
    places = factories.best_places(plan, between=AFTERNOON)
    services.book_all(plan=plan, places=places, by=desk_member.user)
    assert times_of(plan) == [datetime.combine(place.day, AFTERNOON[0]) for place in places.values()]
    check(change, plan)
    visits = coming(plan)
    begins = visits[0].during.lower
    by_hours = [change.wall(begins + timedelta(days=(visit.day - visits[0].day).days)) for visit in visits]
    off = {abs(one - other) for one, other in zip(by_hours, times_of(plan), strict=True)}
    assert off == {timedelta(), timedelta(hours=1)}
