"""The day of 25 hours loses nothing and the day of 23 offers nothing that is not there, from midnight to midnight."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import icalendar
import pytest
from django.urls import reverse

from clinic import clock
from clinic.models import Clinic, Membership, WorkingHours
from clinic.resources import services as resources
from tests import factories
from tests.treatments.clock_changes.zones import CHANGES, Change
from treatments.appointments import services as diary
from treatments.appointments.calendar_files import calendar_feed
from treatments.appointments.feeds.reading import entries_of
from treatments.appointments.free_slots import free_slots
from treatments.appointments.models import Appointment
from treatments.appointments.working_time import duty
from treatments.scheduling.slots import VisitLength

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)
LAST = time(23, 59)


LONDON, NEW_YORK, SYDNEY, AUCKLAND, SANTIAGO = CHANGES
# Pages are drawn for these; what they draw is worked out for all of them.
DRAWN = pytest.mark.parametrize("change", [NEW_YORK, SYDNEY, SANTIAGO], indirect=True, ids=str)


@pytest.fixture(params=CHANGES, ids=str)
def change(request, clinic, clinic_time) -> Change:
    """A clinic of that zone whose one clinician is there from midnight to midnight, every day."""
    Clinic.objects.update(zone=request.param.zone)
    who = factories.a_clinician(Clinic.objects.get())
    WorkingHours.objects.filter(membership=who).update(starts=time(0), ends=LAST)
    WorkingHours.objects.create(membership=who, weekday=7, starts=time(0), ends=LAST)
    return request.param


@pytest.fixture
def house(change) -> Clinic:
    return Clinic.objects.get()


@pytest.fixture
def who(change) -> Membership:
    return Membership.objects.select_related("clinic", "user").filter(sees_patients=True).get()


def quarters(change: Change, day: date) -> list[datetime]:
    """Every quarter of an hour of a day by the world's clock, in order."""
    begin, end = clock.day_bounds(day, change.tz)
    return [begin + number * QUARTER for number in range((end - begin) // QUARTER)]


def offered(clinic: Clinic, day: date, length: VisitLength, clinicians) -> list[datetime]:
    asked = {"clinic": clinic, "patient": factories.make_patient(clinic), "length": length, "clinicians": clinicians}
    return [slot.start for slot in free_slots(first_day=day, last_day=day, now=clock.now(), **asked)]


def stand_before(change: Change, day: date, clinic_time) -> None:
    clinic_time(datetime.combine(day - timedelta(days=7), time(10, 42), tzinfo=change.tz))


@pytest.mark.parametrize(("which", "hours"), [("back", 25), ("forward", 23)])
def test_every_quarter_of_the_day_is_offered_once_and_none_that_is_not_there(
    change, house, who, clinic_time, which, hours
):
    day = getattr(change, which)
    stand_before(change, day, clinic_time)
    there = quarters(change, day)
    assert len(there) == hours * 4
    found = offered(house, day, VisitLength(0, 10, 0), [who])
    # The house closes at 23:59 by the wall: a visit of ten minutes at 23:45 still fits.
    assert found == there
    walls = Counter(change.wall(start).time() for start in found)
    assert walls[change.leapt if which == "forward" else change.twice] == (0 if which == "forward" else 2)
    # A visit of an hour begins wherever an hour of the day is left, whatever the wall shows meanwhile.
    last = [start for start in there if start + timedelta(hours=1) <= there[-1] + timedelta(minutes=14)]
    assert offered(house, day, VisitLength(0, 60, 0), [who]) == last


@DRAWN
def test_a_visit_in_each_hour_of_the_long_day_is_on_every_list(change, house, who, clinic_time, signed_in):
    """Around the change every hour, both passes; two at the other end of the day."""
    stand_before(change, change.back, clinic_time)
    hours = quarters(change, change.back)[::4]
    around = datetime.combine(change.back, change.twice, tzinfo=change.tz).astimezone(UTC)
    chosen = [hour for hour in hours if abs(hour - around) <= timedelta(hours=2)] + hours[-2:] + hours[:1]
    chosen = sorted(set(chosen))
    by = who.user
    for hour in chosen:
        local = hour.astimezone(change.tz)
        place = factories.a_place(
            house, change.back, local.time().replace(fold=0), kind="review", clinician=who, fold=local.fold
        )
        diary.book(patient=factories.make_patient(house), kind="review", place=place, by=by)
    booked = list(Appointment.objects.order_by("during"))
    assert [visit.during.lower for visit in booked] == chosen
    assert {visit.day for visit in booked} == {change.back}
    assert max(Counter((visit.day, visit.starts_at) for visit in booked).values()) == 2
    assert all(visit.during.upper - visit.during.lower == timedelta(minutes=20) for visit in booked)

    client = signed_in(who)
    shown = {f"/visits/{visit.ref}/" for visit in booked}
    day_list = client.get(f"{reverse('treatments:today')}?day={change.back}&view=list").content.decode()
    assert {ref for ref in shown if ref.split("/")[2] in day_list} == shown
    day = client.get(f"{reverse('treatments:visits_json')}?day={change.back}").json()
    assert len(day["visits"]) == len(booked)
    week = client.get(f"{reverse('treatments:calendar_json')}?from={change.back}&to={change.back}").json()
    assert len(week["visits"]) == len(booked)
    assert {str(ref) for ref in (visit.ref for visit in booked)} == {row[0] for row in week["visits"]}

    feed = calendar_feed(entries_of(who, now=clock.now()), zone=change.tz, name="Visits", at=clock.now())
    begins = [event["DTSTART"].dt.astimezone(UTC) for event in icalendar.Calendar.from_ical(feed).walk("VEVENT")]
    assert sorted(begins) == chosen


@DRAWN
def test_a_time_that_comes_twice_is_asked_about_at_its_field_and_both_can_be_booked(
    change, house, who, clinic_time, signed_in
):
    stand_before(change, change.back, clinic_time)
    answer, typed, desk = typed_in(signed_in(who), house, who, change.back, change.twice)
    assert answer.status_code == 422
    assert "happens twice" in answer.context["form"].errors["starts_at"][0]
    assert typed.items() <= answer.context["form"].data.dict().items()
    url = reverse("treatments:book_visit", args=[factories.make_patient(house).ref])
    assert desk.post(url, typed | {"fold": "1"}).status_code == 302
    url = reverse("treatments:book_visit", args=[factories.make_patient(house).ref])
    assert desk.post(url, typed | {"fold": "0"}).status_code == 302
    first, second = Appointment.objects.order_by("during")
    assert second.during.lower - first.during.lower == timedelta(hours=1)
    assert (first.fold, second.fold) == (0, 1)


def test_a_time_that_is_not_there_is_refused_at_its_field_and_nothing_typed_is_lost(
    change, house, who, clinic_time, signed_in
):
    stand_before(change, change.forward, clinic_time)
    answer, typed, _ = typed_in(signed_in(who), house, who, change.forward, change.leapt)
    assert answer.status_code == 422
    [said] = answer.context["form"].errors["starts_at"]
    assert f"{change.leapt:%H:%M} does not exist on {change.forward.day} {change.forward:%B}" in said
    assert typed.items() <= answer.context["form"].data.dict().items()
    assert not Appointment.objects.exists()


def typed_in(desk, clinic: Clinic, who: Membership, day: date, at: time):
    typed = {
        "slot": "own", "day": day.isoformat(), "starts_at": f"{at:%H:%M}", "clinician": str(who.ref),
        "room": str(clinic.rooms.first().ref),
    }  # fmt: skip
    return desk.post(reverse("treatments:book_visit", args=[factories.make_patient(clinic).ref]), typed), typed, desk


def test_hours_across_the_change_are_as_long_as_they_are(change, house, who):
    """From two hours before the repeated or missing time to three hours after, by the wall."""
    by = who.user
    for day, middle, more in ((change.forward, change.leapt, -1), (change.back, change.twice, 1)):
        clock.move_to(datetime.combine(day - timedelta(days=7), time(10, 42), tzinfo=change.tz))
        starts = (
            (datetime.combine(day, middle) - timedelta(hours=2, minutes=30)).time() if middle.hour >= 3 else time(0)
        )
        # Where midnight is left out the day begins at one.
        starts = time(1) if change.zone == "America/Santiago" and more < 0 else starts
        ends = min((datetime.combine(day, middle) + timedelta(hours=3, minutes=30)), datetime.combine(day, LAST)).time()
        ends = LAST if ends < middle else ends
        resources.set_day_hours(membership=who, on=day, stretches=[(starts, ends)], by=by)
        [worked] = duty(who.clinic, [who], [day]).working(who, day)
        wall_length = datetime.combine(day, ends) - datetime.combine(day, starts)
        begins_late = change.zone == "America/Santiago" and more < 0
        assert worked.end - worked.start == wall_length + timedelta(hours=0 if begins_late else more)
        found = offered(house, day, VisitLength(0, 15, 0), [who])
        assert found == [
            quarter for quarter in quarters(change, day) if worked.start <= quarter and quarter + QUARTER <= worked.end
        ]


def test_hours_that_begin_or_end_at_a_time_that_is_not_there_are_refused_at_their_field(change, who, signed_in):
    clock.move_to(datetime.combine(change.forward - timedelta(days=7), time(10, 42), tzinfo=change.tz))
    for stretch in ((change.leapt, time(9)), (time(0) if change.leapt.hour else time(0, 15), change.leapt)):
        with pytest.raises(resources.DomainError, match="does not exist") as refused:
            resources.set_day_hours(membership=who, on=change.forward, stretches=[stretch], by=who.user)
        assert refused.value.field == "hours"
