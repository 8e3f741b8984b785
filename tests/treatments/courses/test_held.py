"""What is held keeps its promise against everybody, also against whoever does not ask: two connections, raw rows, and controls."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError

from clinic import clock
from clinic.errors import explain
from tests import factories
from tests.treatments.courses.test_booking import best
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.courses.models import CourseHold, HeldVisit
from treatments.appointments.models import Appointment


@pytest.fixture
def held(active_plan, desk_member):
    return services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)


@pytest.fixture
def elsewhere(clinic):
    """A visit of another patient on another day."""
    by = factories.a_manager(clinic).user
    place = factories.a_place(clinic, factories.TODAY + timedelta(days=1), kind="consultation")
    patient = factories.make_patient(clinic, given_name="Ada")
    visit = diary.book(patient=patient, kind="consultation", place=place, by=by)
    diary.cancel(visit=visit, reason="Cannot come", by=by)
    return Appointment.objects.get(pk=visit.pk)


def put_on(visit: Appointment, held: HeldVisit) -> None:
    """Raw SQL that nobody's form or service has seen."""
    Appointment.objects.filter(pk=visit.pk).update(
        status="booked", closed_at=None, room=held.room, clinician=held.clinician, device=None,
        during=held.during, room_during=held.room_during, clinician_during=held.clinician_during,
    )  # fmt: skip


@pytest.mark.django_db
def test_no_row_is_written_over_what_is_held(held, elsewhere):
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        put_on(elsewhere, held.visits.first())
    assert explain(caught.value).code == "appointment_not_held"


@pytest.mark.django_db
def test_the_control_without_the_trigger_it_would_be(held, elsewhere):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE treatments_appointment DISABLE TRIGGER USER")
    put_on(elsewhere, held.visits.first())
    assert Appointment.objects.get(pk=elsewhere.pk).status == "booked"


@pytest.mark.django_db
def test_once_it_is_over_the_row_is_written(held, elsewhere, later):
    later(services.HELD_FOR)
    put_on(elsewhere, held.visits.first())


@pytest.mark.django_db
def test_nothing_is_held_over_a_booked_visit(held, elsewhere, later):
    row = held.visits.first()
    later(services.HELD_FOR)
    put_on(elsewhere, row)
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        row.save()
    assert explain(caught.value).code == "held_visit_is_free"


@pytest.mark.django_db
def test_two_holds_never_share_a_room_a_clinician_or_a_device(held, clinic):
    plan = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))
    now = clock.now()
    other = CourseHold.objects.create(
        clinic=clinic, plan=plan, held_by=held.held_by, held_at=now, expires_at=now + services.HELD_FOR
    )
    row = held.visits.first()
    copy = replace_row(row, hold=other, planned_session=plan.planned_sessions.first())
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        copy.save()
    assert explain(caught.value).code in {"held_room_free", "held_clinician_free", "held_device_free"}


def replace_row(row: HeldVisit, **differing) -> HeldVisit:
    kept = {field.name: getattr(row, field.name) for field in HeldVisit._meta.fields if field.name != "id"}
    return HeldVisit(**kept | differing)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_hold_the_same_times_at_once_one_gets_them(clinic, desk_member, active_plan):
    other = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))
    mine, hers = best(active_plan), best(other)
    assert list(mine.values()) == list(hers.values())
    said, start = [], threading.Barrier(2)

    def try_to(plan, places) -> None:
        try:
            start.wait(timeout=30)
            services.hold(plan=plan, places=places, by=desk_member.user)
            said.append("held")
        except diary.SlotTaken:
            said.append("taken")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_to, args=pair) for pair in ((active_plan, mine), (other, hers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(said) == ["held", "taken"]
    assert HeldVisit.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_courses_that_meet_in_two_places_book_one_after_the_other_and_none_by_half(
    clinic, desk_member, active_plan
):
    """The second begins with what the first ends with, so that each would wait for the other."""
    other = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))
    mine = best(active_plan)
    hers = {
        planned: replace(place, device=None)
        for planned, place in zip(other.planned_sessions.order_by("number"), mine.values(), strict=True)
    }
    said, start = [], threading.Barrier(2)

    def book(plan, places) -> None:
        try:
            start.wait(timeout=30)
            services.book_all(plan=plan, places=places, by=desk_member.user)
            said.append("booked")
        except diary.SlotTaken:
            said.append("taken")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=book, args=pair) for pair in ((active_plan, mine), (other, hers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(said) == ["booked", "taken"]
    assert Appointment.objects.filter(status="booked").count() == 4


def test_a_hold_that_is_let_go_while_it_is_read_books_nothing(active_plan, desk_member):
    held = services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)
    # What is read of it after its row: nothing, if it went meanwhile.
    held.visits.all().delete()
    with pytest.raises(services.LetGo, match="no longer held"):
        services.book_held(plan=active_plan, by=desk_member.user)
    assert not Appointment.objects.exists()
