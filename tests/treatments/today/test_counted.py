"""Of most visits Today says only how many there are, and does not read them: it counts the same as the page of all lists shows."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import TODAY
from tests.treatments.appointments.test_displaced import tried
from tests.treatments.today.test_today import _copied, consult
from treatments.appointments import services
from treatments.appointments.calls import services as calls
from treatments.appointments.models import Appointment
from treatments.pages.worklists.visit_calls import COUNTED
from treatments.plans.models import TreatmentPlan

pytestmark = pytest.mark.django_db
TOMORROW, SOON = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
LISTS = ("unconfirmed", "to_ask", "no_email", "before_they_travel")


@pytest.fixture
def visit(active_plan) -> Appointment:
    return factories.book(active_plan.planned_sessions.get(number=1), day=SOON)


def on_lists(page) -> tuple[int, ...]:
    calls = page.context["calls"] if "calls" in page.context else page.context["lists"]
    return tuple(len(getattr(calls.of_visits, name).calls) for name in LISTS)


def says(visit: Appointment, *turns: tuple) -> None:
    """The newest screening of the patient: from which days on what is so."""
    newest = visit.patient.screenings.first()
    outlook = [{"on": on.isoformat(), "outcome": outcome, "earliest_on": None} for on, outcome in turns]
    outcome = turns[0][1] if turns else "clear"
    _copied(newest, outcome=outcome, result=newest.result | {"outlook": outlook}).save()


def nothing(visit: Appointment) -> None: ...


def no_address(visit: Appointment) -> None:
    type(visit.patient).objects.filter(pk=visit.patient_id).update(email="")


def address_came_back(visit: Appointment) -> None:
    type(visit.patient).objects.filter(pk=visit.patient_id).update(email_bounced_at=visit.booked_at)


def wants_no_mail(visit: Appointment) -> None:
    type(visit.patient).objects.filter(pk=visit.patient_id).update(mail_allowed=False, reminders_allowed=False)


def confirmed_without_address(visit: Appointment) -> None:
    no_address(visit)
    services.step(visit=visit, to="confirmed", by=factories.a_manager(visit.clinic).user)


def marked_to_ask(visit: Appointment) -> None:
    Appointment.objects.filter(pk=visit.pk).update(to_ask=True)


def asked_of_nothing(visit: Appointment) -> None:
    says(visit)


def clear_today_only(visit: Appointment) -> None:
    says(visit, (TODAY, "clear"), (TOMORROW, "defer"))


def clear_again_by_then(visit: Appointment) -> None:
    says(visit, (TODAY, "clear"), (TOMORROW, "defer"), (SOON, "clear"))


def cautious(visit: Appointment) -> None:
    says(visit, (TODAY, "caution"))


def on_hold(visit: Appointment) -> None:
    TreatmentPlan.objects.filter(pk=visit.planned_session.plan_id).update(status="on_hold")


def reached_today(visit: Appointment) -> None:
    calls.record(about=visit, list_code="unconfirmed", outcome="told", by=factories.a_manager(visit.clinic).user)


def rung_in_vain(visit: Appointment) -> None:
    calls.record(about=visit, list_code="unconfirmed", outcome="no_answer", by=factories.a_manager(visit.clinic).user)


def room_shut(visit: Appointment) -> None:
    visit.clinic.rooms.update(in_service=False, out_reason="Painted")


def clinic_closed(visit: Appointment) -> None:
    day = factories.NOW + timedelta(days=2)
    visit.clinic.time_off.create(during=(day - timedelta(hours=8), day + timedelta(hours=8)), reason="Closed")


CASES = {
    nothing: (1, 0, 0, 0),
    no_address: (1, 0, 1, 0),
    address_came_back: (1, 0, 1, 0),
    wants_no_mail: (1, 0, 1, 0),
    confirmed_without_address: (0, 0, 1, 0),
    marked_to_ask: (1, 1, 0, 0),
    asked_of_nothing: (1, 1, 0, 0),
    clear_today_only: (0, 0, 0, 1),
    clear_again_by_then: (1, 0, 0, 0),
    cautious: (1, 0, 0, 0),
    on_hold: (0, 0, 0, 1),
    reached_today: (0, 0, 0, 0),
    rung_in_vain: (1, 0, 0, 0),
    room_shut: (0, 0, 0, 0),
    clinic_closed: (0, 0, 0, 0),
}


def test_today_counts_what_the_page_of_all_lists_shows(desk, visit):
    for change, expected in CASES.items():
        with tried():
            change(Appointment.objects.get(pk=visit.pk))
            assert on_lists(desk.get("/today/")) == on_lists(desk.get("/worklists/")) == expected, change


def test_a_consultation_needs_no_screening(desk, clinic):
    visit = consult(clinic, factories.time(11), day=SOON)
    for change, expected in ((no_address, (1, 0, 1, 0)), (room_shut, (0, 0, 0, 0))):
        with tried():
            change(visit)
            assert on_lists(desk.get("/today/")) == on_lists(desk.get("/worklists/")) == expected, change


def test_who_was_rung_is_named_and_who_was_not_is_a_number(desk, visit):
    """The negative control of what is only counted: a call about it, and it is read."""
    (counted,) = desk.get("/today/").context["calls"].of_visits.unconfirmed.calls
    assert counted is COUNTED
    rung_in_vain(visit)
    (named,) = desk.get("/today/").context["calls"].of_visits.unconfirmed.calls
    assert (named.name, named.tag) == (visit.patient.full_name, "called once")


def test_a_visit_moved_since_the_call_is_only_counted_again(desk, visit):
    rung_in_vain(visit)
    Appointment.objects.filter(pk=visit.pk).update(schedule_version=visit.schedule_version + 1)
    (counted,) = desk.get("/today/").context["calls"].of_visits.unconfirmed.calls
    assert counted is COUNTED
