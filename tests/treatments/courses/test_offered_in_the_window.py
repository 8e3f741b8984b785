"""What the tray offers lies in the window of the session, and a set says all it costs, in words with their units."""

from datetime import date, timedelta

import pytest

from clinic import clock
from clinic.models import TimeOff
from tests.treatments.courses.test_booking import read, url
from tests.treatments.courses.test_moving import ask
from treatments.flows import visits as flow
from treatments.pages.course.booking_page import away_words

pytestmark = pytest.mark.django_db


def words(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def test_a_day_behind_the_window_is_too_late_before_it_is_full(desk, visits, active_plan):
    """A Sunday behind it: nobody works, and that is not the reason. What is offered can be had."""
    last_on = visits[2].day + timedelta(days=active_plan.latest_days)
    sunday = last_on + timedelta(days=7 - last_on.isoweekday() or 7)
    page = ask(desk, active_plan, visits[3], on=sunday)
    assert f"Not after {words(last_on)}: the window of this session ends then." in read(page)
    assert "No time is free" not in read(page)
    offers = page.context["tray"]["instead"]
    assert offers
    for offer in offers:
        assert desk.get(offer["url"], headers={"HX-Request": "true"}).context["tray"]["places"], offer["words"]


def test_around_a_full_day_nothing_behind_the_window_is_offered(desk, visits, active_plan, clinic):
    """Nobody works on the last day of the window; the days before it are offered, and not the day after."""
    last_on = visits[2].day + timedelta(days=active_plan.latest_days)
    TimeOff.objects.create(clinic=clinic, membership=None, during=clock.day_bounds(last_on, clinic.tz))
    page = ask(desk, active_plan, visits[3], on=last_on)
    assert f"No time is free on {words(last_on)}." in read(page)
    offered = {offer["words"].split(",")[0] for offer in page.context["tray"]["instead"]}
    assert words(last_on - timedelta(days=1)) in offered
    assert not offered & {words(last_on + timedelta(days=n)) for n in range(1, 15)}


def test_a_set_says_how_far_its_first_visit_is_from_the_one_before(desk, active_plan, booked_course, desk_member):
    for visit in booked_course[1:]:
        flow.cancel(visit=visit, reason="Cannot come", by=desk_member.user)
    on_target = desk.get(url(active_plan)).context["sets"][0].explained
    assert "42 days apart to the day" in on_target and "the first" not in on_target
    first_day = booked_course[0].day + timedelta(days=70)
    late = desk.get(url(active_plan), {"first_day": first_day.isoformat()}).context["sets"][0].explained
    assert "42 days apart to the day, the first 70 days after session 1" in late
    alone = desk.get(url(active_plan), {"sessions": "1"}).context["sets"][0].explained
    assert "42 days after session 1." in alone


def test_half_hours_outside_the_times_wished_for_have_their_unit(desk, active_plan):
    page = desk.get(url(active_plan), {"since": "06:00", "until": "07:00"})
    counts = [count for what, count, _ in page.context["sets"][0].terms if what == "outside the hours"]
    assert counts and counts[0].endswith(" half hours")


def test_days_away_name_their_year():
    first, last = date(2027, 12, 30), date(2028, 1, 4)
    assert away_words(frozenset({first})) == "30 December 2027"
    assert away_words(frozenset({first, last})) == "30 December 2027 to 4 January 2028"
    assert away_words(frozenset({last, last + timedelta(days=2)})) == "4 January to 6 January 2028"


def test_a_page_headed_nothing_fits_says_why_and_not_that_again(desk, active_plan, clinic):
    clinic.rooms.update(in_service=False, out_reason="Being painted")
    why = desk.get(url(active_plan)).context["why_none"]
    assert why.startswith("No room is free for session 1")
    assert read(desk.get(url(active_plan))).count("Nothing fits") == 1
