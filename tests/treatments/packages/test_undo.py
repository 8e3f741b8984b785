"""What a missed or late cancelled visit cost is given back with it, whichever button takes it back."""

from datetime import timedelta

import pytest

from clinic.errors import DomainError
from tests import factories
from tests.treatments.packages.made import A_HALF_HOUR, a_deposit, a_package, a_policy, left, manager_of, missed
from treatments.appointments import services as appointments
from treatments.flows import closing, courses
from treatments.flows import visits as flow
from treatments.packages import services

pytestmark = pytest.mark.django_db


@pytest.fixture
def package(visit_today):
    a_policy(visit_today.clinic)
    return a_package(visit_today.patient)


def press(client, visit, name: str, query: str = "", **data):
    from django.urls import reverse

    return client.post(reverse(f"treatments:{name}", args=[visit.ref]) + query, data)


def test_undoing_a_miss_gives_the_session_back(desk, visit_today, package, later):
    later(A_HALF_HOUR)
    assert press(desk, visit_today, "miss_visit").status_code == 302
    assert left(package) == 3
    assert press(desk, visit_today, "undo_visit", "?step=no_show").status_code == 302
    assert left(package) == 4
    # Pressed twice, it is undone once.
    press(desk, visit_today, "undo_visit", "?step=no_show")
    assert left(package) == 4
    burned, given_back = package.entries.all()
    assert (burned.undone, given_back.reason) == (True, "The visit stands again")


def test_who_came_after_all_has_missed_nothing_and_undoing_her_arrival_burns_nothing(desk, visit_today, package, later):
    later(A_HALF_HOUR)
    press(desk, visit_today, "miss_visit")
    assert press(desk, visit_today, "step_visit", to="arrived").status_code == 302
    assert left(package) == 4
    assert press(desk, visit_today, "undo_visit", "?step=arrived").status_code == 302
    assert left(package) == 4
    press(desk, visit_today, "miss_visit")
    assert left(package) == 3


def test_an_arrival_that_is_undone_uses_nothing(desk, visit_today, package):
    press(desk, visit_today, "step_visit", to="arrived")
    press(desk, visit_today, "undo_visit", "?step=arrived")
    assert left(package) == 4
    assert not package.entries.exists()


def test_what_was_forgiven_before_the_undoing_is_given_back_once(visit_today, package, later):
    visit = missed(visit_today, later)
    services.give_back(entry=package.entries.get(), reason="Train strike", by=manager_of(visit.clinic))
    flow.undo_step(visit=visit, by=manager_of(visit.clinic))
    assert left(package) == 4


def test_what_was_burned_by_hand_is_given_back_too(visit_today, later):
    package = a_package(visit_today.patient)
    visit = missed(visit_today, later)
    by = manager_of(visit.clinic)
    services.burn(visit=visit, package=package, reason="Agreed", by=by)
    flow.undo_step(visit=visit, by=by)
    assert left(package) == 4


def test_a_late_cancellation_counts_where_whoever_cancels_says_so(desk, visit_today, package):
    page = desk.get(f"/visits/{visit_today.ref}/cancel/").content.decode()
    assert "one of the 4 left of Course of four is used" in page
    response = press(desk, visit_today, "cancel_visit", reason="Cannot come")
    assert response.status_code == 422
    assert "Say whether it counts as missed." in response.content.decode()
    assert press(desk, visit_today, "cancel_visit", reason="Cannot come", late="missed").status_code == 302
    assert left(package) == 3
    assert package.entries.get().reason == "Cancelled late"
    press(desk, visit_today, "undo_visit", "?step=cancelled")
    assert left(package) == 4


def test_a_late_cancellation_by_the_clinic_costs_nothing(desk, visit_today, package):
    assert press(desk, visit_today, "cancel_visit", reason="Clinician ill", late="free").status_code == 302
    assert left(package) == 4


def test_who_cancels_in_time_is_asked_nothing(desk, booked_course):
    a_policy(booked_course[1].clinic)
    package = a_package(booked_course[1].patient)
    visit = booked_course[1]
    assert "counts as missed" not in desk.get(f"/visits/{visit.ref}/cancel/").content.decode()
    press(desk, visit, "cancel_visit", reason="Away", late="missed")
    assert left(package) == 4


def test_what_the_house_cancels_costs_nobody_anything(visit_today, package):
    plan = visit_today.planned_session.plan
    courses.stop_course(plan=plan, reason="Pregnant", by=manager_of(plan.clinic))
    assert left(package) == 4


def test_a_record_that_is_closed_burns_nothing(visit_today, package):
    closing.close_record(
        patient=visit_today.patient, why="moved_away", reason="Leeds", by=manager_of(visit_today.clinic)
    )
    assert left(package) == 4


def test_without_what_follows_the_undoing_the_session_would_be_gone(visit_today, package, later, monkeypatch):
    """Negative control."""
    monkeypatch.setattr("treatments.appointments.missed._after_it_stands", [])
    visit = missed(visit_today, later)
    flow.undo_step(visit=visit, by=manager_of(visit.clinic))
    assert left(package) == 3


def test_a_refused_undoing_gives_nothing_back(visit_today, package, later):
    visit = missed(visit_today, later)
    later(timedelta(days=1))
    with pytest.raises(DomainError):
        flow.undo_step(visit=visit, by=manager_of(visit.clinic))
    assert left(package) == 3


def test_a_missed_visit_leads_to_its_deposit_and_undoing_leaves_that_to_the_desk(desk, visit_today, package, later):
    deposit = a_deposit(visit_today)
    later(A_HALF_HOUR)
    response = press(desk, visit_today, "miss_visit")
    assert response.headers["Location"].startswith(f"/deposits/{deposit.ref}/?next=")
    press(desk, visit_today, "undo_visit", "?step=no_show")
    deposit.refresh_from_db()
    assert deposit.state == "taken"


def test_after_a_session_nothing_is_used_twice_by_its_visit(visit_today, package):
    session = factories.make_done_session(visit_today)
    assert left(package) == 3
    visit = appointments.locked(session.appointment)
    with pytest.raises(DomainError):
        flow.undo_step(visit=visit, by=manager_of(visit.clinic))
    assert left(package) == 3
