"""Who told us something and asked to be called back: off the lists until that day, and there again at once with a new word."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse

from clinic.errors import DomainError
from clinic.models import AuditEvent
from tests import factories
from tests.factories import TODAY
from tests.treatments.patient_pages.telling import none_of, says, told, words_of
from tests.treatments.patient_pages.test_move import asks
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import CallOutcome
from treatments.appointments.models import Appointment

pytestmark = pytest.mark.django_db
CANARY = "quetzalcanary"
VISIT_ON = TODAY + timedelta(days=6)


@pytest.fixture
def visit(active_plan) -> Appointment:
    return factories.book(active_plan.planned_sessions.get(number=1), day=VISIT_ON)


def answers_changed(visit: Appointment) -> str:
    report = told(visit, says("new_medicine", note=CANARY))
    return reverse("treatments:change_report", args=[report.ref])


def asked_to_move(visit: Appointment) -> str:
    """With other wishes each time: the same ones asked again are the same wish."""
    other = (1 + visit.move_requests.count(),)
    return reverse("treatments:move_request", args=[asks(visit, weekdays=other).ref])


# The list, and how a patient comes onto it: returns the page of what she said.
BOTH = pytest.mark.parametrize(
    ("code", "tells"), [("answers-changed", answers_changed), ("asked-to-move", asked_to_move)]
)
Tells = Callable[[Appointment], str]


def call_url(visit: Appointment, code: str) -> str:
    return reverse("treatments:call", args=[code, visit.ref])


def press(client, visit: Appointment, code: str, outcome: str = "call_back", **said):
    return client.post(call_url(visit, code), {"outcome": outcome, **said})


def in_days(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


def lines(client, code: str) -> list:
    """Of the list, as Today and the page of all lists have it; they say the same."""
    found = [
        [call for begun in client.get(path).context[name] if begun["list"].code == code for call in begun["first"]]
        for path, name in (("/today/", "shown_calls"), ("/worklists/", "shown"))
    ]
    assert [call.name for call in found[0]] == [call.name for call in found[1]]
    return found[1]


def reached(client) -> list:
    return client.get("/worklists/").context["lists"].reached


@BOTH
def test_who_asked_to_be_called_back_leaves_the_list_and_comes_back_on_the_day(desk, visit, later, code, tells: Tells):
    page = tells(visit)
    later(timedelta(minutes=5))
    answer = press(desk, visit, code, call_back_on=in_days(2), call_back_at="16:00", note="Works until four")
    assert answer.status_code == 302
    assert lines(desk, code) == []
    (call,) = reached(desk)
    assert (call.back_on, call.call_url) == (TODAY + timedelta(days=2), call_url(visit, code))
    assert "Works until four" in words_of(desk.get("/worklists/"))
    later(timedelta(days=1))
    assert lines(desk, code) == []
    later(timedelta(days=1))
    (call,) = lines(desk, code)
    assert (call.url, call.tag) == (page, "call after 16:00")
    assert reached(desk) == []


@BOTH
def test_who_called_and_when_to_call_back_stands_in_her_story(desk, visit, code, tells: Tells):
    tells(visit)
    press(desk, visit, code, call_back_on=in_days(2))
    made = CallOutcome.objects.get()
    assert (made.by, made.visit, made.visit_version) == (desk.membership.user, visit, visit.schedule_version)
    assert AuditEvent.objects.get(action="call.recorded").by == desk.membership.user
    story = words_of(desk.get(visit.patient.get_absolute_url()))
    assert "Called: call back" in story and f"by {desk.membership.user.full_name}" in story


@BOTH
@pytest.mark.parametrize(("outcome", "tag"), [("message", "left a message"), ("no_answer", "called once")])
def test_who_was_not_reached_stays_on_the_list(desk, visit, later, code, tells: Tells, outcome, tag):
    """Two days, as elsewhere after a message, may be past the visit."""
    tells(visit)
    later(timedelta(minutes=5))
    answer = desk.post(call_url(visit, code), {"outcome": outcome}, follow=True)
    assert [call.tag for call in lines(desk, code)] == [tag]
    if outcome == "message":
        assert "left a message. Stays on the list." in words_of(answer)


@BOTH
def test_what_she_says_anew_puts_her_back_at_once(desk, visit, later, code, tells: Tells):
    tells(visit)
    later(timedelta(minutes=5))
    press(desk, visit, code, call_back_on=in_days(4))
    assert lines(desk, code) == []
    later(timedelta(minutes=5))
    again = tells(visit)
    assert [(call.url, call.tag) for call in lines(desk, code)] == [(again, "")]


@BOTH
def test_a_call_back_is_taken_back(desk, visit, later, code, tells: Tells):
    tells(visit)
    later(timedelta(minutes=5))
    press(desk, visit, code, call_back_on=in_days(4))
    (call,) = reached(desk)
    desk.post(call.again_url)
    assert len(lines(desk, code)) == 1 and reached(desk) == []


@BOTH
def test_nobody_is_called_back_after_the_visit(desk, visit, later, code, tells: Tells):
    tells(visit)
    late = (VISIT_ON + timedelta(days=1)).isoformat()
    page = words_of(press(desk, visit, code, call_back_on=late, note="Says later"), status=422)
    assert "The visit is on Mon 15 Mar. Call back by then." in page
    assert f'value="{late}"' in page and 'value="Says later"' in page
    later(timedelta(minutes=5))
    assert press(desk, visit, code, call_back_on=VISIT_ON.isoformat()).status_code == 302
    assert lines(desk, code) == []
    later(VISIT_ON - TODAY)
    assert len(lines(desk, code)) == 1


@BOTH
@pytest.mark.parametrize("outcome", ["told", "booked", "stop"])
def test_a_call_alone_ends_nothing_that_she_told_us(desk, visit, code, tells: Tells, outcome):
    tells(visit)
    words_of(press(desk, visit, code, outcome, note="Never mind"), status=422)
    with pytest.raises(DomainError, match="A call does not end this"):
        calls.record(about=visit, list_code=code, outcome=outcome, by=desk.membership.user, note="Never mind")
    assert len(lines(desk, code)) == 1 and not CallOutcome.objects.exists()


@BOTH
def test_the_page_of_the_call_has_her_number_and_leads_to_what_she_said(desk, visit, code, tells: Tells):
    said = tells(visit)
    page = words_of(desk.get(call_url(visit, code)))
    assert f"{visit.patient.phone}</a>" in page and f'href="{said}"' in page
    assert none_of(("Stop calling", "No more calls", ">Told<", ">Booked<", CANARY, "medicine"), page) == []
    assert f'href="{call_url(visit, code)}"' in words_of(desk.get(said))
    # On Today the line opens what she said; on the page of all lists both presses stand beside it.
    assert f'href="{said}"' in words_of(desk.get("/today/"))
    assert call_url(visit, code) not in words_of(desk.get("/today/"))
    both = words_of(desk.get("/worklists/"))
    assert f'href="{said}"' in both and call_url(visit, code) in both


@BOTH
def test_once_it_is_settled_the_call_leads_to_the_visit(desk, visit, code, tells: Tells):
    said = tells(visit)
    ChangeReport.objects.update(needs_a_look=True, seen_at=factories.NOW, seen_by=desk.membership.user)
    visit.move_requests.update(ended_at=factories.NOW, ended_because="taken_back")
    page = words_of(desk.get(call_url(visit, code)))
    assert said not in page and f'href="{reverse("treatments:visit", args=[visit.ref])}"' in page


@BOTH
def test_another_clinic_calls_nobody_here(stranger, visit, code, tells: Tells):
    tells(visit)
    assert press(stranger, visit, code, call_back_on=in_days(2)).status_code == 404
    assert not CallOutcome.objects.exists()


def test_putting_off_one_thing_puts_off_no_other(desk, visit, later):
    answers_changed(visit), asked_to_move(visit)
    later(timedelta(minutes=5))
    press(desk, visit, "asked-to-move", call_back_on=in_days(3))
    assert lines(desk, "asked-to-move") == []
    assert len(lines(desk, "answers-changed")) == 1


@BOTH
def test_a_page_that_is_open_elsewhere_hears_of_the_call(desk, clinician, visit, later, code, tells: Tells):
    tells(visit)
    later(timedelta(minutes=5))
    seen = clinician.get("/today/").context["events_tag"]
    assert clinician.get("/today/").context["events_tag"] == seen
    press(desk, visit, code, call_back_on=in_days(3))
    assert clinician.get("/today/").context["events_tag"] != seen
