"""Two managers at once, and a manager beside a booking: real commits on two connections."""

import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction

from clinic.errors import DomainError
from clinic.models import Membership, Room
from clinic.resources import services
from clinic.roles import Role
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def together(*acts: Callable[[], object]) -> list[str]:
    """What each said, in no order."""
    said: list[str] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
            said.append("done")
        except DomainError as refusal:
            said.append(refusal.sentence)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return said


def test_two_managers_who_mark_each_other_as_gone_leave_one(clinic, monkeypatch):
    first, second = factories.a_manager(clinic), factories.make_member(clinic, Role.MANAGER, name="Second Manager")
    both_began = threading.Barrier(2)
    looked = services.read_first

    @contextmanager
    def until_the_other_began(*args):
        """Between the look at who is left and the end of it, the other one may begin."""
        with looked(*args):
            yield
        _wait_for_the_other(connection)

    monkeypatch.setattr(services, "read_first", until_the_other_began)

    def leave(whom: Membership, by: Membership) -> None:
        both_began.wait(timeout=30)
        services.mark_left(membership=whom, by=by.user)

    said = together(lambda: leave(first, second), lambda: leave(second, first))
    assert sorted(said)[1:] == ["done"]
    assert "only manager" in min(said)
    assert clinic.memberships.filter(is_active=True, roles__contains=[Role.MANAGER]).count() == 1


def _wait_for_the_other(connection) -> None:
    """Until somebody waits for a lock of ours (that is what is promised), or has gone through at the same time."""
    with connection.cursor() as cursor:
        for _ in range(200):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")


def test_rooms_change_places_beside_a_booking_that_locks_them_by_id(clinic):
    """Shown in another order than that of their ids, rooms are still locked by id: neither waits for the other in a circle."""
    by = factories.a_manager(clinic).user
    first, second = clinic.rooms.order_by("id")
    services.shift_room(room=second, up=True, by=by)
    first_is_held, shifting = threading.Event(), threading.Event()

    def book() -> None:
        with transaction.atomic():
            Room.objects.select_for_update(no_key=True).get(pk=first.pk)
            first_is_held.set()
            shifting.wait(timeout=30)
            _wait_for_the_other(connection)
            Room.objects.select_for_update(no_key=True).get(pk=second.pk)

    def shift() -> None:
        first_is_held.wait(timeout=30)
        shifting.set()
        services.shift_room(room=first, up=True, by=by)

    assert together(book, shift) == ["done", "done"]
