"""A day that nobody looks at is today instead, and the page says so."""

from datetime import timedelta

import pytest
from django.urls import reverse

from tests.factories import TODAY
from treatments.pages.calendar.views import TOO_FAR as WEEK_TOO_FAR
from treatments.pages.today import gap_page
from treatments.pages.today import page as today
from treatments.pages.today.day import TOO_FAR

pytestmark = pytest.mark.django_db


def notices(page) -> list[str]:
    assert page.status_code == 200
    said = [str(message) for message in page.context["messages"]]
    assert all(sentence in page.content.decode() for sentence in said)
    return said


@pytest.mark.parametrize("day", ["2099-01-01", "1990-01-01", "0001-01-01", "9999-12-31"])
def test_today_says_that_a_day_is_too_far_away(desk, day):
    page = desk.get("/today/", {"day": day})
    assert "<h1>Tuesday 9 March</h1>" in page.content.decode()
    assert notices(page) == [TOO_FAR]
    # It is said once, and not to the page that asks what has changed.
    assert notices(desk.get("/today/")) == []
    desk.get("/today/", {"day": day}, headers={"X-Background": "1"})
    assert notices(desk.get("/today/")) == []


@pytest.mark.parametrize("day", ["", "soon", TODAY.isoformat(), "20270310"])
def test_today_says_nothing_of_what_is_no_day_or_near(desk, day):
    assert notices(desk.get("/today/", {"day": day})) == []


def test_today_goes_as_far_as_it_says(desk):
    furthest = TODAY + today.FURTHEST
    for day, said in ((furthest, []), (furthest + timedelta(days=1), [TOO_FAR])):
        assert notices(desk.get("/today/", {"day": day.isoformat()})) == said


@pytest.mark.parametrize(("day", "said"), [("2099-01-01", [TOO_FAR]), ("soon", []), (TODAY.isoformat(), [])])
def test_the_day_sheet_of_a_day_too_far_away_is_of_today_and_says_so(desk, day, said):
    page = desk.get(reverse("treatments:day_sheet"), {"day": day})
    assert notices(page) == said
    assert page.context["on"] == TODAY


@pytest.mark.parametrize(
    ("week", "said"),
    [("2099-W01", [WEEK_TOO_FAR]), ("0001-W01", [WEEK_TOO_FAR]), ("2027-W11", []), ("2027-W99", []), ("soon", [])],
)
def test_a_week_too_far_away_is_the_present_one_and_says_so(desk, week, said):
    page = desk.get("/calendar/", {"week": week})
    assert notices(page) == said
    assert ("Mon 8 Mar to Sun 14 Mar" in page.content.decode()) == (week != "2027-W11")
    desk.get("/calendar/", {"week": week}, headers={"X-Background": "1"})
    assert notices(desk.get("/calendar/")) == []


@pytest.mark.parametrize(("days", "said"), [(0, []), (1, [TOO_FAR]), (3000, [TOO_FAR])])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_free_time_too_far_away_is_now_and_says_so(desk, clinician_member, days, said, direction):
    day = TODAY + direction * (gap_page.FURTHEST + timedelta(days=days))
    page = desk.get(reverse("treatments:gap", args=[clinician_member.ref]), {"day": day.isoformat(), "at": "0900"})
    assert notices(page) == said
    assert page.context["on"] == (TODAY if said else day)


def test_a_free_time_that_is_no_time_says_nothing(desk, clinician_member):
    url = reverse("treatments:gap", args=[clinician_member.ref])
    for query in ({}, {"day": "soon", "at": "0900"}, {"day": "2099-01-01", "at": "09:00+01:00"}):
        assert notices(desk.get(url, query)) == []
