"""The booking page offers a press only where the press can succeed, and says a word for each that did."""

import pytest

from tests.treatments.courses.test_booking import best, first_set, read, url
from treatments.appointments.courses import services
from treatments.appointments.courses.models import CourseHold

pytestmark = pytest.mark.django_db
HOLD = 'value="hold"'
ALL_BOOKED = "Every session has its visit"


def test_while_somebody_else_holds_there_is_nothing_to_press(desk, active_plan, clinician_member):
    services.hold(plan=active_plan, places=best(active_plan), by=clinician_member.user)

    page = desk.get(url(active_plan))

    assert "holds times for this course until" in read(page)
    assert page.context["sets"]
    assert HOLD not in page.content.decode()


def test_a_hold_that_lost_against_another_promises_no_set(desk, active_plan, clinician_member):
    offered = first_set(desk.get(url(active_plan)))
    services.hold(plan=active_plan, places=best(active_plan), by=clinician_member.user)

    late = desk.post(url(active_plan), {"act": "hold", "set": offered})

    assert late.status_code == 409
    assert "These sets fit now" not in read(late)
    assert HOLD not in late.content.decode()


def test_the_control_without_another_hold_every_set_can_be_held(desk, active_plan):
    page = desk.get(url(active_plan))
    assert page.content.decode().count(HOLD) == len(page.context["sets"])


@pytest.mark.parametrize(
    "query",
    ["since=12:00&until=09:00", "away_from=2027-06-01&away_until=2027-05-01", "first_day=1990-01-01", "done_by=soon"],
)
def test_a_wish_that_was_refused_is_put_right_before_anything_is_offered(desk, active_plan, query):
    page = desk.get(f"{url(active_plan)}?{query}")
    said = read(page)
    assert "No times are offered yet" in said
    assert HOLD not in page.content.decode()
    assert "Every wish met" not in said
    # Half of a refused wish is not said as if it were one.
    assert "between any time" in said
    assert "not on any day" in said


def test_what_is_held_can_still_be_booked_while_a_wish_is_wrong(desk, desk_member, active_plan):
    services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)
    page = desk.get(url(active_plan), {"since": "12:00", "until": "09:00"})
    assert [one.is_chosen for one in page.context["sets"]] == [True]
    assert "No times are offered yet" in read(page)
    assert HOLD not in page.content.decode()
    assert "Book all four" in read(page)


def test_a_list_that_has_changed_since_is_not_held_against_her(desk, active_plan):
    """Nine sessions, a clinician who is not there any more: as before, whatever fits is shown."""
    page = desk.get(url(active_plan), {"sessions": "9", "clinician": "gone"})
    assert HOLD in page.content.decode()


def test_a_course_that_is_booked_says_so_whatever_is_wished(desk, active_plan, booked_course):
    page = desk.get(url(active_plan), {"since": "12:00", "until": "09:00"})
    assert ALL_BOOKED in read(page)
    assert "<summary></summary>" not in page.content.decode().replace("\n", "")
    assert "ask-line" not in page.content.decode()


def test_letting_go_is_answered_with_a_word(desk, desk_member, active_plan):
    services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)
    page = desk.post(url(active_plan), {"act": "let_go"}, follow=True)
    assert not CourseHold.objects.exists()
    assert "The times are free again. Nothing was booked." in read(page)
