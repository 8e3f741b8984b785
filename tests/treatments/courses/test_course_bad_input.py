"""What changes between looking and pressing, and wishes nobody could meet: a sentence where its cause stands, and nothing is lost."""

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse

from clinic.models import Clinic, Membership, Room, WorkingHours
from clinic.resources import services as resources
from clinic.resources.touched import TouchesVisits
from tests import factories
from tests.factories import TODAY
from tests.treatments.courses.test_booking import best, read, url
from treatments.appointments.courses import services
from treatments.appointments.courses.models import CourseHold
from treatments.appointments.displaced import displaced_visits
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.flows import courses as ending

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(clinic):
    return factories.a_manager(clinic).user


# ── While the desk speaks with the patient ────────────────────────────────────


def room_out(plan, by) -> str:
    room = CourseHold.objects.get().visits.first().room
    resources.take_room_out(room=room, reason="Water damage", by=by)
    return f"{room} is out of service. Choose another room."


def clinician_left(plan, by) -> str:
    who = factories.a_clinician(plan.clinic)
    Membership.objects.filter(pk=who.pk).update(is_active=False)
    return f"{who} has left. Choose another clinician."


def clinic_closed(plan, by) -> str:
    day = CourseHold.objects.get().visits.order_by("day").last().day
    resources.add_time_off(clinic=plan.clinic, membership=None, first_day=day, last_day=day, reason="Holiday", by=by)
    return "The clinic is closed then. Choose another day or time."


def hours_changed(plan, by) -> str:
    day = CourseHold.objects.get().visits.order_by("day").last().day
    resources.set_day_hours(membership=factories.a_clinician(plan.clinic), on=day, stretches=[], by=by)
    return "Noor Adeyemi works not at all that day. Choose another time or clinician."


def course_stopped(plan, by) -> str:
    ending.stop_course(plan=plan, reason="Moves away", by=by)
    return "This course is not active"


def test_what_changed_while_it_was_held_is_said_and_nothing_is_booked(desk, desk_member, active_plan, by):
    services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)
    for change in (room_out, clinician_left, clinic_closed, hours_changed, course_stopped):
        with transaction.atomic():
            said = change(active_plan, by)
            answer = desk.post(url(active_plan), {"act": "book", "submit_token": str(uuid.uuid4()), "sessions": "4"})
            assert answer.status_code == 422, change
            assert said in read(answer)
            assert not Appointment.objects.exists()
            # The wishes are still there, and the hold with them: who looks again sees why.
            assert answer.context["form"]["sessions"].value() == "4"
            assert CourseHold.objects.count() == 1
            transaction.set_rollback(True)


def test_a_room_out_of_service_with_a_course_in_it_is_work_to_do_and_no_silence(booked_course, by):
    visits = booked_course
    with pytest.raises(TouchesVisits) as first_look, transaction.atomic():
        resources.take_room_out(room=visits[0].room, reason="Water damage", by=by)
    assert [shown.ref for shown in first_look.value.visits] == [visit.ref for visit in visits]
    resources.take_room_out(room=visits[0].room, reason="Water damage", by=by, seen=first_look.value.seen)
    listed = displaced_visits(Clinic.objects.get(), now=factories.NOW)
    assert [found.visit for found in listed] == visits
    assert all(found.why == f"{visits[0].room} is out of service" for found in listed)
    assert Appointment.objects.filter(status="booked").count() == 4


# ── Moving to where nobody can be ─────────────────────────────────────────────


def no_such_room(clinic: Clinic, by) -> str:
    Room.objects.filter(pk=clinic.rooms.first().pk).update(in_service=False, out_reason="Flooded")
    return "Room 1 is out of service. Choose another room."


def nobody_there(clinic: Clinic, by) -> str:
    WorkingHours.objects.all().delete()
    return "Noor Adeyemi works not at all that day."


def test_a_move_to_where_nobody_can_be_is_refused_and_the_visits_stay(desk, booked_course, clinic, by):
    value = value_of(factories.a_place(clinic, booked_course[1].day + timedelta(days=2)))
    for change in (no_such_room, nobody_there):
        with transaction.atomic():
            said = change(clinic, by)
            answer = desk.post(reverse("treatments:move_visit", args=[booked_course[1].ref]), {"slot": value})
            assert answer.status_code == 422
            assert said in answer.context["form"].errors["slot"][0]
            booked_course[1].refresh_from_db()
            assert booked_course[1].schedule_version == 1
            transaction.set_rollback(True)


def test_a_place_that_was_never_offered_moves_nothing_and_says_so(desk, booked_course):
    address = reverse("treatments:rearrange", args=[booked_course[0].ref])
    for value in ("", "20270316T1100Z..", "99999999T9999Z.a.b", "\x00", "x" * 10_000):
        assert "Choose one of the times offered" in read(desk.get(address, {"to": value}))
    answer = desk.post(f"{address}?to=x", {"way": "x"})
    assert answer.status_code in (409, 422)
    assert set(Appointment.objects.values_list("schedule_version", flat=True)) == {1}


# ── Wishes ────────────────────────────────────────────────────────────────────


FAR = (TODAY + timedelta(days=541)).isoformat()
UNTIL = "Choose a day from today to 30 August 2028."
NO_CHOICE = "Select a valid choice"
# What is typed together, and what stands at each field.
WISHES = [
    ({"done_by": FAR, "first_day": "9999-12-31", "since": "25:00", "sessions": "99"}, {"done_by": UNTIL, "first_day": UNTIL, "since": "Enter a time from 00:00 to 23:59.", "sessions": NO_CHOICE}),
    ({"first_day": FAR, "since": "15:00", "until": "09:00", "weekdays": "8"}, {"first_day": UNTIL, "until": "This is before the time it may begin.", "weekdays": NO_CHOICE}),
    ({"first_day": "2027-05-01", "done_by": "2027-04-01", "away_from": "2027-04-01", "away_until": "2027-03-20"}, {"done_by": "This is before the day to begin from.", "away_until": "Choose a day after the first one"}),
    ({"first_day": "soon", "away_from": "2027-04-01", "away_until": "2027-08-01", "clinician": str(uuid.uuid4())}, {"first_day": "Enter a day, for example 20/04/2027.", "away_until": "three months later at most", "clinician": NO_CHOICE}),
    ({"first_day": "2027-03-08", "sessions": "-1"}, {"first_day": UNTIL, "sessions": NO_CHOICE}),
    ({"first_day": "2027-12-01"}, {"first_day": "The window of the first session closes on"}),
]  # fmt: skip


def test_wishes_that_nobody_could_meet_are_named_at_their_fields_and_stay_as_they_were_typed(desk, active_plan):
    for wish, said in WISHES:
        form = desk.get(url(active_plan), wish).context["form"]
        assert set(form.errors) == set(said)
        assert all(sentence in form.errors[field][0] for field, sentence in said.items())
        assert all(form[name].value() in (typed, [typed]) for name, typed in wish.items())


def test_a_clinician_who_left_is_no_wish_any_more(desk, active_plan, clinic):
    gone = factories.make_member(clinic, "clinician", name="Jonas Feld")
    Membership.objects.filter(pk=gone.pk).update(is_active=False)
    page = desk.get(url(active_plan), {"clinician": str(gone.ref)})
    assert "clinician" in page.context["form"].errors
    assert "Jonas Feld" not in read(page)


def test_wishes_that_leave_no_day_say_which_session_and_why(desk, active_plan):
    """Away as long as the first window is open: no fault of one field, so it stands where the sets would."""
    away = {"away_from": TODAY.isoformat(), "away_until": (TODAY + timedelta(days=92)).isoformat()}
    page = desk.get(url(active_plan), away)
    assert not page.context.get("sets")
    assert page.context["why_none"]


# ── A booking page that lay open ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "sentence"),
    [("clinician", "Choose a clinician from the list."), ("room", "Choose a room from the list.")],
)
def test_who_left_and_what_is_out_of_service_meanwhile_is_said_at_the_field(desk, clinic, active_plan, field, sentence):
    who, room = factories.a_clinician(clinic), clinic.rooms.first()
    day = TODAY + timedelta(days=7)
    typed = {
        "slot": "own", "day": day.isoformat(), "starts_at": "11:00", "clinician": str(who.ref), "room": str(room.ref)
    }  # fmt: skip
    if field == "clinician":
        Membership.objects.filter(pk=who.pk).update(is_active=False)
    else:
        Room.objects.filter(pk=room.pk).update(in_service=False, out_reason="Flooded")
    session = active_plan.planned_sessions.first()
    answer = desk.post(reverse("treatments:book", args=[session.ref]), typed)
    assert answer.status_code == 422
    assert answer.context["form"].errors[field] == [sentence]
    assert {name: answer.context["form"][name].value() for name in typed} == typed
