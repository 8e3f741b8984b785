"""A change of the rules while somebody books: one of the two finds the other."""

import pytest
from django.db import transaction

from tests import factories
from tests.factories import TODAY, in_days
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits
from treatments.appointments import services as appointments
from treatments.flows import publishing
from treatments.plans import services as plans
from treatments.rules import policy
from treatments.rules.models import OutcomeChange
from treatments.screenings.services import NotPermitted

pytestmark = pytest.mark.django_db(transaction=True)
WAIT = "rule.isotretinoin_past.washout_days"
VISIT_ON = TODAY + in_days(27)


@pytest.fixture
def planned(transactional_db, clinic, patient):
    """Session 1 of somebody whose wait is over on day 20, and would be on day 50 under the stricter value."""
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - in_days(160))
    plan = factories.make_active_plan(patient)
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - in_days(160))
    return plan.planned_sessions.get(number=1)


def tighten(clinic, by) -> None:
    publishing.tighten(clinic=type(clinic).objects.get(pk=clinic.pk), path=WAIT, value=210, by=by)


def change_while_she_books(planned, clinic, by, waits: bool) -> list:
    """The visit is in the diary, but its transaction is still open, when the rules are changed."""
    with transaction.atomic():
        factories.book(planned, day=VISIT_ON)
        thread, outcome = meanwhile(lambda: tighten(clinic, by))
        if waits:
            wait_until_somebody_waits()
        else:
            thread.join(timeout=30)
    thread.join(timeout=30)
    return outcome


def test_a_change_waits_for_a_booking_and_finds_its_visit(planned, clinic, manager_member):
    assert change_while_she_books(planned, clinic, manager_member, waits=True) == [None]
    line = OutcomeChange.objects.get()
    assert (line.after, line.not_before) == ("defer", TODAY + in_days(50))


def test_without_holding_the_rules_the_visit_would_stand_without_a_line(planned, clinic, manager_member, monkeypatch):
    """Negative control: the same race with nobody holding the rules."""
    monkeypatch.setattr(appointments, "hold_rules", lambda clinic: clinic)
    assert change_while_she_books(planned, clinic, manager_member, waits=False) == [None]
    assert not OutcomeChange.objects.exists()


def change_first(act, clinic, by) -> list:
    """The rules are changed, but not yet committed, when somebody acts by a clinic that was read before."""
    with transaction.atomic():
        tighten(clinic, by)
        thread, outcome = meanwhile(act)
        wait_until_somebody_waits()
    thread.join(timeout=30)
    return outcome


def test_a_booking_waits_for_a_change_and_is_judged_by_it(planned, clinic, manager_member):
    assert planned.plan.clinic.rules_version == clinic.rules_version
    (refusal,) = change_first(lambda: factories.book(planned, day=VISIT_ON), clinic, manager_member)
    assert isinstance(refusal, NotPermitted) and refusal.outcome == "defer"


def test_a_move_waits_for_a_change_and_is_judged_by_it(planned, clinic, manager_member):
    visit = factories.book(planned, day=TODAY + in_days(41))
    place = factories.a_place(clinic, VISIT_ON)
    act = lambda: appointments.move(visit=visit, place=place, by=manager_member.user)  # noqa: E731
    (refusal,) = change_first(act, clinic, manager_member)
    assert isinstance(refusal, NotPermitted) and refusal.outcome == "defer"


def test_a_submitted_plan_waits_for_a_change(planned, clinic, manager_member):
    plan = factories.make_draft(planned.plan.patient)
    act = lambda: plans.submit(plan=plan, by=manager_member.user)  # noqa: E731
    change = {"clinic": clinic, "path": "interval.floor_days", "value": 43, "by": manager_member}
    with transaction.atomic():
        publishing.tighten(**change)
        thread, outcome = meanwhile(act)
        wait_until_somebody_waits()
    thread.join(timeout=30)
    assert isinstance(outcome[0], plans.Outdated)


def test_two_bookings_hold_the_rules_side_by_side(planned, clinic):
    with transaction.atomic():
        policy.hold_rules(clinic)
        thread, outcome = meanwhile(lambda: factories.book(planned, day=VISIT_ON))
        thread.join(timeout=30)
        assert outcome == [None]
