"""Two managers at once, and a manager beside a booking: real commits on two connections."""

import threading

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from clinic.errors import DomainError
from clinic.models import Room
from clinic.resources import services
from clinic.roles import Role
from tests import factories
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)


def managers_after_each_marks_the_other_as_gone(clinic) -> tuple[DomainError | None, int]:
    """What the second is told, who begins before the first is settled; and how many managers are left."""
    first, second = factories.a_manager(clinic), factories.make_member(clinic, Role.MANAGER, name="Second Manager")
    with transaction.atomic():
        services.mark_left(membership=second, by=first.user)
        thread, told = meanwhile(lambda: services.mark_left(membership=first, by=second.user))
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    return told[0], clinic.memberships.filter(is_active=True, roles__contains=[Role.MANAGER]).count()


def test_two_managers_who_mark_each_other_as_gone_leave_one(clinic):
    told, left = managers_after_each_marks_the_other_as_gone(clinic)
    assert "only manager" in str(told)
    assert left == 1


def test_without_the_lock_of_the_clinic_they_would_leave_none(clinic, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, *args, **options: rows.all())
    assert managers_after_each_marks_the_other_as_gone(clinic) == (None, 0)


def shift_beside_a_booking(clinic) -> list[Exception | None]:
    """What is met by a booking that has locked the first of two rooms by id and will lock the other, and by the shifting of a
    room that begins in between."""
    by = factories.a_manager(clinic).user
    first, second = clinic.rooms.order_by("id")
    services.shift_room(room=second, up=True, by=by)
    met: list[Exception | None] = [None]
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '50ms'")
            Room.objects.select_for_update(no_key=True).get(pk=first.pk)
            thread, other_met = meanwhile(lambda: services.shift_room(room=first, up=True, by=by))
            wait_until_somebody_waits()
            Room.objects.select_for_update(no_key=True).get(pk=second.pk)
    except OperationalError as deadlock:
        met = [deadlock]
    thread.join(timeout=60)
    return met + other_met


def test_rooms_change_places_beside_a_booking_that_locks_them_by_id(clinic):
    """Shown in another order than that of their ids, rooms are still locked by id: neither waits for the other in a circle."""
    assert shift_beside_a_booking(clinic) == [None, None]
    assert [room.position for room in clinic.rooms.order_by("id")] == [0, 1]


def test_locked_as_they_are_shown_one_would_wait_for_the_other_in_a_circle(clinic, monkeypatch):
    """Negative control."""
    ours, in_order = threading.current_thread(), QuerySet.order_by

    def as_shown(rows: QuerySet, *fields: str) -> QuerySet:
        is_other = rows.model is Room and fields == ("id",) and threading.current_thread() is not ours
        return in_order(rows, *(("position",) if is_other else fields))

    monkeypatch.setattr(QuerySet, "order_by", as_shown)
    (ended,) = [one for one in shift_beside_a_booking(clinic) if one is not None]
    assert "deadlock detected" in str(ended)
