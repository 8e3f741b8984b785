"""A cancelled or missed visit comes back only where it could be booked now, and a missed one counts again when she comes."""

from datetime import time, timedelta

import pytest
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import TimeOff
from tests import factories
from tests.factories import TODAY
from treatments.appointments import services
from treatments.appointments.models import Appointment
from treatments.plans import services as plans
from treatments.screenings.services import NotPermitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def cancelled(active_plan) -> Appointment:
    """Session 1 at 11:00 in a week, taken out of the diary."""
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=7))
    return services.cancel(visit=visit, reason="Has a cold", by=visit.booked_by)


def undo(visit: Appointment) -> Appointment:
    return services.undo_step(visit=visit, by=visit.booked_by)


def hold_the_course(visit: Appointment) -> None:
    plans.hold(plan=visit.planned_session.plan, by=visit.booked_by)


def defer_the_patient(visit: Appointment) -> None:
    factories.answer(visit.patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=100))


def send_the_clinician_away(visit: Appointment) -> None:
    whole_day = clock.day_bounds(visit.day, visit.clinic.tz)
    TimeOff.objects.create(clinic=visit.clinic, membership=visit.clinician, during=whole_day)


def let_its_time_pass(visit: Appointment) -> None:
    clock.shift(timedelta(days=7, hours=1))


def book_the_session_again(visit: Appointment) -> None:
    factories.book(visit.planned_session, day=visit.day + timedelta(days=1))


def book_the_next_one_closer(visit: Appointment) -> None:
    second = visit.planned_session.plan.planned_sessions.get(number=2)
    factories.book(second, day=second.earliest_on)  # 28 days after the target of the first, 21 after this visit


@pytest.mark.parametrize(
    ("meanwhile", "refusal", "sentence"),
    [
        (hold_the_course, DomainError, "This course is not active"),
        (defer_the_patient, NotPermitted, "Not before 28 May"),
        (send_the_clinician_away, DomainError, "works not at all that day"),
        (let_its_time_pass, DomainError, "This time has passed"),
        (book_the_session_again, services.AlreadyBooked, "already booked"),
        (book_the_next_one_closer, services.OutsideWindow, "at least 28 days lie between two"),
    ],
)
def test_a_cancelled_visit_does_not_come_back_past_a_gate_of_booking(cancelled, meanwhile, refusal, sentence):
    meanwhile(cancelled)
    with pytest.raises(refusal, match=sentence):
        undo(cancelled)
    cancelled.refresh_from_db()
    assert cancelled.status == "cancelled"


def test_where_nothing_has_changed_it_comes_back(cancelled):
    assert undo(cancelled).status == "booked"


def test_with_a_question_open_it_comes_back_marked(cancelled):
    assert not cancelled.to_ask
    factories.assess(cancelled.patient, skin_type=None)
    assert undo(cancelled).to_ask


def test_a_consultation_needs_no_course_to_come_back(clinic, patient):
    place = factories.a_place(clinic, TODAY + timedelta(days=7), kind="consultation")
    by = factories.a_manager(clinic).user
    visit = services.book(patient=patient, kind="consultation", place=place, by=by)
    visit = services.cancel(visit=visit, reason="Has a cold", by=by)
    assert undo(visit).status == "booked"


def test_a_missed_visit_is_undone_on_its_day_only(desk, visit_today, later):
    later(timedelta(hours=1))
    services.mark_no_show(visit=visit_today, by=visit_today.booked_by)
    later(timedelta(days=1))
    answer = desk.post(reverse("treatments:undo_visit", args=[visit_today.ref]))
    assert answer.status_code == 409
    assert "The day of this visit is over: it stays missed." in answer.content.decode()


@pytest.mark.parametrize(
    ("meanwhile", "offered"),
    [(None, True), (hold_the_course, False), (let_its_time_pass, False), (book_the_session_again, False)],
)
def test_the_button_is_there_only_while_it_can_work(desk, cancelled, meanwhile, offered):
    if meanwhile:
        meanwhile(cancelled)
    for url in (
        reverse("treatments:visit", args=[cancelled.ref]),
        f"{reverse('treatments:today')}?day={cancelled.day}&visit={cancelled.ref}",
    ):
        assert ("Undo cancelled" in desk.get(url).content.decode()) is offered


def test_the_button_of_a_missed_visit_is_gone_the_next_day(desk, visit_today, later):
    later(timedelta(hours=1))
    services.mark_no_show(visit=visit_today, by=visit_today.booked_by)
    url = reverse("treatments:visit", args=[visit_today.ref])
    assert "Undo no-show" in desk.get(url).content.decode()
    later(timedelta(days=1))
    assert "Undo no-show" not in desk.get(url).content.decode()


def test_she_came_after_all_and_the_next_window_hangs_on_that_day_again(active_plan, later):
    first, second = active_plan.planned_sessions.filter(number__lte=2)
    visit = factories.book(first, day=TODAY + timedelta(days=7))
    later(timedelta(days=7, hours=2))
    services.mark_no_show(visit=visit, by=visit.booked_by)
    second.refresh_from_db()
    assert second.earliest_on == first.target_on + timedelta(days=28)
    services.step(visit=visit, to="arrived", by=visit.booked_by)
    second.refresh_from_db()
    assert second.earliest_on == visit.day + timedelta(days=28)


def test_a_visit_of_a_course_on_hold_keeps_its_place(active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=7))
    hold_the_course(visit)
    with pytest.raises(DomainError, match="none of its sessions can be booked or moved"):
        services.move(visit=visit, place=factories.a_place(visit.clinic, TODAY + timedelta(days=9)), by=visit.booked_by)
    assert services.cancel(visit=visit, reason="On hold", by=visit.booked_by).status == "cancelled"


def test_a_move_of_a_course_under_way_is_the_control(active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=7))
    place = factories.a_place(visit.clinic, TODAY + timedelta(days=9), time(14))
    assert services.move(visit=visit, place=place, by=visit.booked_by).day == place.day
