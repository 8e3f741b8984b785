"""A course that somebody else holds for long: whoever wants it is told so in a sentence, whatever she wanted."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connections, transaction

from clinic import locks
from clinic.errors import Busy
from clinic.models import Clinic
from tests import factories
from treatments.appointments import services as diary
from treatments.appointments.calls.models import CallOutcome
from treatments.appointments.courses import services as courses
from treatments.appointments.courses.undoing import Act
from treatments.flows import course_booking, gaps, outcomes
from treatments.flows import courses as whole
from treatments.flows import visits as flow
from treatments.outcomes.models import CourseReview
from treatments.plans import services as plans


@pytest.fixture
def shorter_wait(monkeypatch) -> None:
    assert locks.LONGEST_WAIT == "3s"
    monkeypatch.setattr(locks, "LONGEST_WAIT", "300ms")


@pytest.mark.django_db(transaction=True)
def test_after_three_seconds_everybody_is_told_to_try_again(active_plan, desk_member, shorter_wait):
    """All of them wait at once, so that it takes one wait and not as many as they are."""
    by, places = desk_member.user, factories.best_places(active_plan)
    visits = courses.book_all(plan=active_plan, places=places, by=by)
    act = Act.of(visits)
    wants: dict[str, Callable[[], object]] = {
        "unbook": lambda: course_booking.unbook(plan=active_plan, act=act, by=by),
        "put back": lambda: course_booking.put_back(plan=active_plan, act=act, by=by),
        "book": lambda: courses.book_all(plan=active_plan, places=places, by=by),
        "hold": lambda: courses.hold(plan=active_plan, places=places, by=by),
        "move": lambda: diary.move(visit=visits[0], place=diary.place_of(visits[0]), by=by),
        "cancel": lambda: flow.cancel(visit=visits[0], reason="Has a cold", by=by),
        "undo": lambda: flow.undo_step(visit=visits[0], by=by),
        "stop": lambda: whole.stop_course(plan=active_plan, reason="Moved away", by=by),
        "complete": lambda: whole.complete_course(plan=active_plan, by=by),
    }

    assert told(wants, lambda: plans.locked(active_plan)) == dict.fromkeys(wants, Busy)


@pytest.mark.django_db(transaction=True)
def test_so_is_whoever_waits_for_the_rules_of_the_clinic_while_they_are_changed(active_plan, desk_member, shorter_wait):
    by, clinic = desk_member.user, active_plan.clinic
    (visit, *_) = courses.book_all(plan=active_plan, places=factories.best_places(active_plan), by=by)
    review, call = CourseReview(plan=active_plan), CallOutcome(clinic=clinic)
    taken = {"planned_session": None, "waiting": None, "visit_ref": visit.ref, "value": "", "hole": ()}
    wants: dict[str, Callable[[], object]] = {
        "undo": lambda: flow.undo_step(visit=visit, by=by),
        "review": lambda: outcomes.review(review=review, note="Sun at the weekend.", decision="go_on", by=by),
        "take a free time": lambda: gaps.take(clinic=clinic, by=by, **taken),
        "give it back": lambda: gaps.give_back(outcome=call, visit=visit, version=1, by=by),
    }
    said = told(wants, lambda: Clinic.objects.select_for_update().get(pk=clinic.pk))
    assert said == dict.fromkeys(wants, Busy)


def told(wants: dict[str, Callable[[], object]], lock: Callable[[], object]) -> dict[str, type[Exception]]:
    """What each is refused with who wants something at once while we hold a lock."""
    said: dict[str, type[Exception]] = {}

    def try_to(name: str) -> None:
        try:
            wants[name]()
        except Exception as refusal:  # whatever it is: the test compares it
            said[name] = type(refusal)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_to, args=[name]) for name in wants]
    with transaction.atomic():
        lock()
        for thread in threads:
            thread.start()
        patience = time.monotonic() + 60
        for thread in threads:
            thread.join(timeout=max(0, patience - time.monotonic()))
        return dict(said)
