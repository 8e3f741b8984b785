"""Any course to book can be asked as a file that names nobody, and has the same answer there."""

import json
from datetime import time

import pytest
from django.core.management import call_command
from django.urls import reverse

from clinic import clock
from treatments.appointments.courses.problems import Wishes, course_times, sessions_to_place
from treatments.scheduling.finding import find_sets

pytestmark = pytest.mark.django_db


def address(plan, query: str = "") -> str:
    return f"{reverse('treatments:course_problem', args=[plan.ref])}{query}"


def test_the_file_has_the_sets_of_the_page_and_no_name(desk, active_plan, clinic, tmp_path, capsys):
    asked = "?weekdays=2&since=10%3A00"
    page = desk.get(reverse("treatments:book_course", args=[active_plan.ref]) + asked)
    assert address(active_plan, asked).replace("&", "&amp;") in page.content.decode()
    answer = desk.get(address(active_plan, asked))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    wishes = Wishes(weekdays=frozenset({2}), between=(time(10), time(23, 59)))
    times = course_times(active_plan, sessions_to_place(active_plan), wishes, now=clock.now())
    shown = find_sets(times.problem, times.free)
    file = tmp_path / "problem.json"
    file.write_bytes(answer.content)
    call_command("course_slots", str(file))
    told = json.loads(capsys.readouterr().out)
    assert told["sets"]
    assert [(one["label"], one["cost"], [visit["start"] for visit in one["visits"]]) for one in told["sets"]] == [
        (one.label, one.cost, [f"{visit.start:%Y-%m-%dT%H:%M}" for visit in one.visits]) for one in shown.sets
    ]
    people = [active_plan.patient.family_name, *(str(one) for one in clinic.memberships.all())]
    assert not [name for name in people if name in answer.content.decode()]
    assert str(active_plan.ref) not in answer.content.decode()


def test_where_nothing_is_to_book_the_page_says_why(desk, active_plan, booked_course):
    answer = desk.get(address(active_plan), follow=True)
    assert answer.redirect_chain
    assert "Every session has its visit" in answer.content.decode()
