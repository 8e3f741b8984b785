"""A course that somebody else holds for long: whoever wants it is told so in a sentence, whatever she wanted."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections, transaction

from clinic.errors import Busy
from tests.treatments.courses.test_booking import best
from treatments.appointments import services as diary
from treatments.appointments.courses import services as courses
from treatments.appointments.courses.undoing import Act
from treatments.flows import course_booking
from treatments.flows import courses as whole
from treatments.flows import visits as flow
from treatments.plans import services as plans


@pytest.mark.django_db(transaction=True)
def test_after_three_seconds_everybody_is_told_to_try_again(active_plan, desk_member):
    """All of them wait at once, so that it takes three seconds and not as many times three."""
    by, places = desk_member.user, best(active_plan)
    visits = courses.book_all(plan=active_plan, places=places, by=by)
    act, said = Act.of(visits), {}
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

    def try_to(name: str) -> None:
        try:
            wants[name]()
        except Exception as refusal:  # whatever it is: the test compares it
            said[name] = type(refusal)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_to, args=[name]) for name in wants]
    with transaction.atomic():
        plans.locked(active_plan)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    assert said == dict.fromkeys(wants, Busy)
