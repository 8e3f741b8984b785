"""The two messages about a whole course, as the desk meets them: in the day's ledger, before and after they went, and in the
patient's own story."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse

from patients.outbox import dispatch
from patients.outbox.limits import Limits
from tests import factories
from tests.treatments.messages.reading import of_kind, states
from treatments.appointments import services as appointments
from treatments.appointments.courses import services as courses


def read(answer) -> str:
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def balance(desk) -> dict[str, int]:
    """The day's sum, as the page writes it."""
    words = read(desk.get(reverse("patients:messages")))
    found = re.search(r"(\d+) due = (\d+) went \+ (\d+) will go \+ (\d+) did not go \+ (\d+) unknown", words)
    assert "The day balances" in words
    return dict(zip(("due", "went", "will go", "did not go", "unknown"), map(int, found.groups()), strict=True))


def preview(desk, patient, kind: str) -> str:
    return read(desk.get(reverse("patients:message", args=[of_kind(patient, kind).ref])))


@pytest.fixture
def booked(active_plan, desk):
    """All four sessions booked in one step."""
    planned = active_plan.planned_sessions.all()
    places = {one: factories.a_place(active_plan.clinic, one.target_on) for one in planned}
    return courses.book_all(plan=active_plan, places=places, by=desk.membership.user)


def send(later) -> None:
    later(timedelta(minutes=2))
    dispatch.run(limits=Limits(grace_seconds=0))


def test_one_message_for_a_whole_course_from_preview_to_the_text_that_was_sent(desk, patient, booked, later):
    days = [f"{visit.day:%A} {visit.day.day} {visit.day:%B}" for visit in booked]
    assert balance(desk) == {"due": 1, "went": 0, "will go": 1, "did not go": 0, "unknown": 0}
    before = preview(desk, patient, "course_booked")
    assert "As it would be sent now" in before
    assert [day for day in days if day not in before] == []
    assert ".ics" in before
    send(later)
    after = preview(desk, patient, "course_booked")
    assert "As it was sent" in after
    (sent,) = mail.outbox
    assert [day for day in days if day not in sent.body or day not in after] == []
    assert balance(desk)["went"] == 1


def test_a_change_of_two_visits_is_one_message_and_both_stand_in_her_story(desk, patient, booked, later, active_plan):
    send(later)
    moved = {visit: replace(appointments.place_of(visit), day=visit.day + timedelta(days=1)) for visit in booked[2:]}
    courses.move_together(plan=active_plan, places=moved, by=desk.membership.user)
    assert states(patient)["course_changed"] == ["due"]
    words = preview(desk, patient, "course_changed")
    for visit in booked[2:]:
        new = visit.day + timedelta(days=1)
        assert f"{new:%A} {new.day} {new:%B}" in words
    assert balance(desk) == {"due": 2, "went": 1, "will go": 1, "did not go": 0, "unknown": 0}
    send(later)
    assert [len(mail.outbox), balance(desk)["went"]] == [2, 2]
    story = read(desk.get(patient.get_absolute_url()))
    assert "Visits booked" in story
    assert "Visits moved" in story


def test_held_back_it_does_not_go_and_the_day_says_so(desk, patient, booked, later):
    message = of_kind(patient, "course_booked")
    url = reverse("patients:message_hold", args=[message.ref])
    assert desk.post(url, {"reason": "She asked for a call instead"}).status_code == 302
    send(later)
    assert mail.outbox == []
    assert "She asked for a call instead" in preview(desk, patient, "course_booked")
