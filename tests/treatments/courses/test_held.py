"""What is held keeps its promise against everybody, also against whoever does not ask: two connections, raw rows, and controls."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.utils import DatabaseError

from clinic import clock, locks
from clinic.errors import Busy, DomainError, explain
from clinic.models import Clinic, Membership, Room, User
from clinic.roles import Role
from clinic.statements import Statement
from tests import factories
from tests.treatments.appointments.test_races import meanwhile, unguarded, wait_until_somebody_waits
from treatments.appointments import services as diary
from treatments.appointments.courses import locked, services
from treatments.appointments.courses.models import CourseHold, HeldVisit
from treatments.appointments.courses.services import Places
from treatments.appointments.models import Appointment
from treatments.plans.models import TreatmentPlan
from treatments.rules import services as rules
from treatments.rules.models import Device


@pytest.fixture
def held(active_plan, desk_member):
    return services.hold(plan=active_plan, places=factories.best_places(active_plan), by=desk_member.user)


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
@pytest.mark.parametrize("shared", ["room", "clinician", "device"])
def test_two_holds_never_share_a_room_a_clinician_or_a_device(held, clinic, shared):
    plan = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))
    now = clock.now()
    other = CourseHold.objects.create(
        clinic=clinic, plan=plan, held_by=held.held_by, held_at=now, expires_at=now + services.HELD_FOR
    )
    row = held.visits.first()
    elsewhere = {
        "room": clinic.rooms.exclude(pk=row.room_id).get(),
        "clinician": factories.make_member(clinic, Role.CLINICIAN, name="Jonas Feld"),
        "device": a_second_device(clinic),
    }
    kept = replace_row(row, hold=other, planned_session=plan.planned_sessions.first(), **elsewhere)
    with transaction.atomic():
        kept.save()
        transaction.set_rollback(True)
    kept.pk = None
    setattr(kept, shared, getattr(row, shared))
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        kept.save(force_insert=True)
    assert explain(caught.value).code == f"held_{shared}_free"


def replace_row(row: HeldVisit, **differing) -> HeldVisit:
    kept = {field.name: getattr(row, field.name) for field in HeldVisit._meta.fields if field.name != "id"}
    return HeldVisit(**kept | differing)


def a_second_device(clinic: Clinic) -> Device:
    depths = {"face": 1.5, "neck": 1.5, "body": 2.0}
    return rules.add_device(clinic=clinic, by=factories.a_manager(clinic).user, name="NP-3 pen", max_depth_mm=depths)


# ── Two courses at once ───────────────────────────────────────────────────────


@pytest.fixture
def no_hurry(monkeypatch) -> None:
    """Whoever waits in a race waits for its end, on a busy machine too."""
    monkeypatch.setattr(locks, "LONGEST_WAIT", "60s")


@pytest.fixture
def adas_plan(active_plan) -> TreatmentPlan:
    return factories.make_active_plan(factories.make_patient(active_plan.clinic, given_name="Ada"))


def hold_while_the_other_is_held(plan: TreatmentPlan, other: TreatmentPlan, by: User) -> DomainError | None:
    """What the other is told who wants the same times."""
    mine, hers = factories.best_places(plan), factories.best_places(other)
    assert list(mine.values()) == list(hers.values())
    with transaction.atomic():
        services.hold(plan=plan, places=mine, by=by)
        thread, outcome = meanwhile(lambda: services.hold(plan=other, places=hers, by=by))
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    return outcome[0]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_hold_the_same_times_at_once_one_gets_them(active_plan, adas_plan, desk_member, no_hurry):
    told = hold_while_the_other_is_held(active_plan, adas_plan, desk_member.user)
    assert isinstance(told, diary.SlotTaken)
    assert {row.hold.plan for row in HeldVisit.objects.all()} == {active_plan}
    assert HeldVisit.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_without_locks_and_constraints_both_would_hold_them(active_plan, adas_plan, desk_member, no_hurry, monkeypatch):
    """Negative control: the race is real, and it is the guards that win it."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, *args, **options: rows.all())
    locked._locking.cache_clear()
    try:
        with unguarded("treatments_heldvisit", "held_room_free", "held_clinician_free", "held_device_free"):
            assert hold_while_the_other_is_held(active_plan, adas_plan, desk_member.user) is None
            assert HeldVisit.objects.count() == 8
    finally:
        locked._locking.cache_clear()


MEETINGS = ["people", "rooms", "devices"]


@pytest.fixture
def crossing(clinic, active_plan, adas_plan) -> Callable[[str], tuple[Places, Places]]:
    """Two visits of each course at the same two times, side by side. In what they meet in, the one begins with what the other
    ends with; devices are taken as they are free."""
    people = [factories.a_clinician(clinic), factories.make_member(clinic, Role.CLINICIAN, name="Jonas Feld")]
    rooms = list(clinic.rooms.order_by("pk"))
    a_second_device(clinic)
    early, late = [replace(place, device=None) for place in factories.best_places(active_plan).values()][:2]

    def places(plan: TreatmentPlan, *where: tuple[int, int]) -> Places:
        return {
            planned: replace(place, clinician=people[who], room=rooms[room])
            for planned, place, (who, room) in zip(
                plan.planned_sessions.filter(number__lte=2), (early, late), where, strict=True
            )
        }

    def meeting_in(what: str) -> tuple[Places, Places]:
        mine, hers = {
            "people": ([(0, 0), (1, 1)], [(1, 1), (0, 0)]),
            "rooms": ([(0, 0), (0, 1)], [(1, 1), (1, 0)]),
            "devices": ([(0, 0), (0, 0)], [(1, 1), (1, 1)]),
        }[what]
        return places(active_plan, *mine), places(adas_plan, *hers)

    return meeting_in


def book_while_the_other_is_booked(what: str, mine: Places, hers: Places, by: User) -> list[DomainError | None]:
    """What both are told: the other begins when we have locked the first of what both need, as the one order has it."""
    first = {"people": Membership.objects.filter(sees_patients=True), "rooms": Room.objects, "devices": Device.objects}[
        what
    ]
    told: list[DomainError | None] = [None]
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '50ms'")
            first.select_for_update(no_key=True).order_by("pk").first()
            thread, hers_told = meanwhile(lambda: services.book_all(plan=plan_of(hers), places=hers, by=by))
            wait_until_somebody_waits()
            services.book_all(plan=plan_of(mine), places=mine, by=by)
    except DomainError as refusal:
        told = [refusal]
    thread.join(timeout=60)
    return told + hers_told


def plan_of(places: Places) -> TreatmentPlan:
    return next(iter(places)).plan


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", MEETINGS)
def test_two_courses_that_meet_the_other_way_round_are_booked_one_after_the_other(
    crossing, desk_member, no_hurry, what
):
    assert book_while_the_other_is_booked(what, *crossing(what), desk_member.user) == [None, None]
    assert Appointment.objects.filter(status="booked").count() == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", MEETINGS)
def test_locked_in_another_order_they_would_wait_for_each_other(crossing, desk_member, no_hurry, monkeypatch, what):
    """Negative control: the other locks the last one first. The database ends it, and one of the two is not booked at all."""
    in_order = locked._locking()
    with transaction.atomic():
        upside_down = in_order | {what: Statement(in_order[what]._queryset.order_by("-pk"))}
    ours = threading.current_thread()
    monkeypatch.setattr(locked, "_locking", lambda: in_order if threading.current_thread() is ours else upside_down)
    told = book_while_the_other_is_booked(what, *crossing(what), desk_member.user)
    (refused,) = [one for one in told if one is not None]
    assert (type(refused), refused.__cause__.__cause__.pgcode) == (Busy, "40P01")
    assert Appointment.objects.filter(status="booked").count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_courses_that_meet_at_the_end_one_is_booked_and_none_by_half(
    clinic, active_plan, adas_plan, desk_member, no_hurry
):
    mine, by = factories.best_places(active_plan), desk_member.user
    a_second_device(clinic)
    beside = {"clinician": factories.make_member(clinic, Role.CLINICIAN), "room": clinic.rooms.last(), "device": None}
    *first_three, last = mine.values()
    wanted = [*(replace(place, **beside) for place in first_three), last]
    hers = dict(zip(adas_plan.planned_sessions.order_by("number"), wanted, strict=True))
    with transaction.atomic():
        services.book_all(plan=active_plan, places=mine, by=by)
        thread, told = meanwhile(lambda: services.book_all(plan=adas_plan, places=hers, by=by))
        wait_until_somebody_waits()
    thread.join(timeout=60)
    assert [type(one) for one in told] == [diary.SlotTaken]
    assert [visit.planned_session.plan for visit in Appointment.objects.all()] == [active_plan] * 4
    # Her first three alone would have been booked.
    services.book_all(plan=adas_plan, places=dict(list(hers.items())[:3]), by=by)


def test_a_hold_that_is_let_go_while_it_is_read_books_nothing(active_plan, desk_member):
    held = services.hold(plan=active_plan, places=factories.best_places(active_plan), by=desk_member.user)
    # What is read of it after its row: nothing, if it went meanwhile.
    held.visits.all().delete()
    with pytest.raises(services.LetGo, match="no longer held"):
        services.book_held(plan=active_plan, by=desk_member.user)
    assert not Appointment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_course_does_not_wait_for_long_where_somebody_writes_who_locks_nothing(
    clinic, elsewhere, active_plan, desk_member, monkeypatch
):
    monkeypatch.setattr(locks, "LONGEST_WAIT", "200ms")
    places = factories.best_places(active_plan)
    third = list(places.values())[2]
    stretches = third.length.stretches(third.start(clinic))
    with transaction.atomic():
        Appointment.objects.filter(pk=elsewhere.pk).update(
            status="booked", closed_at=None, room=third.room, clinician=third.clinician, device=None,
            during=stretches.patient, room_during=stretches.room, clinician_during=stretches.clinician,
        )  # fmt: skip
        thread, told = meanwhile(lambda: services.book_all(plan=active_plan, places=places, by=desk_member.user))
        thread.join(timeout=60)
        transaction.set_rollback(True)
    [refused] = told
    assert isinstance(refused, diary.SlotTaken), refused
    assert refused.code == "busy" and "try again" in refused.sentence
    assert not Appointment.objects.filter(planned_session__plan=active_plan).exists()
