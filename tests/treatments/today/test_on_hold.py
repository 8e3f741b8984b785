"""A course on hold while a visit of it is booked: who is told, before the patient travels."""

from datetime import timedelta

import pytest
from django.urls import reverse

from tests import factories
from tests.factories import TODAY
from tests.treatments.outcomes.measuring import mmasi
from treatments.plans import services as plans

pytestmark = pytest.mark.django_db
ON_HOLD = "Course on hold"


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def lists_of(client) -> dict:
    return {one.code: one.calls for one in client.get(reverse("treatments:worklists")).context["lists"]}


@pytest.fixture
def visit(active_plan, clinician_member):
    """Booked in two days, not confirmed, without an address; then the course is put on hold."""
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=2))
    type(active_plan.patient).objects.filter(pk=active_plan.patient_id).update(
        email="", mail_allowed=False, reminders_allowed=False
    )
    plans.hold(plan=active_plan, by=clinician_member.user)
    return visit


def test_the_desk_is_told_before_she_travels_and_rings_nobody_to_confirm(desk, visit):
    found = lists_of(desk)
    assert [(call.say, call.due, call.act) for call in found["before-they-travel"]] == [
        ("Course on hold: ask a clinician", "Thu 11", "Open")
    ]
    assert not found["unconfirmed"]
    assert not found["no-e-mail"]
    assert "Course on hold: ask a clinician" in text(desk.get("/today/"))


def test_when_the_course_goes_on_the_visit_is_an_ordinary_one_again(desk, visit, active_plan, clinician_member):
    """The negative control: it is the hold that moves it."""
    plans.activate(plan=active_plan, by=clinician_member.user)
    found = lists_of(desk)
    assert not found["before-they-travel"]
    assert len(found["unconfirmed"]) == len(found["no-e-mail"]) == 1


def test_a_visit_further_away_than_four_weeks_waits_for_its_turn(desk, active_plan, clinician_member, later):
    factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=29))
    plans.hold(plan=active_plan, by=clinician_member.user)
    assert not lists_of(desk)["before-they-travel"]
    later(timedelta(days=1))
    assert len(lists_of(desk)["before-they-travel"]) == 1


@pytest.mark.parametrize("persona", ["desk", "clinician"])
def test_the_visit_says_so_and_offers_nothing_that_would_be_refused(request, visit, persona):
    page = text(request.getfixturevalue(persona).get(reverse("treatments:visit", args=[visit.ref])))
    assert ON_HOLD in page
    assert reverse("treatments:move_visit", args=[visit.ref]) not in page
    assert 'value="confirmed"' not in page
    assert reverse("treatments:cancel_visit", args=[visit.ref]) in page
    assert ("Ask before you confirm or move it." in page) == (persona == "desk")
    course = reverse("treatments:course", args=[visit.planned_session.plan.ref])
    assert (f'<a href="{course}">Open the course</a>' in page) == (persona == "clinician")


def test_a_visit_of_an_active_course_says_nothing_of_it(desk, visit, active_plan, clinician_member):
    plans.activate(plan=active_plan, by=clinician_member.user)
    page = text(desk.get(reverse("treatments:visit", args=[visit.ref])))
    assert ON_HOLD not in page
    assert reverse("treatments:move_visit", args=[visit.ref]) in page
    assert 'value="confirmed"' in page


def test_on_the_day_the_drawer_and_the_list_say_so_also_when_she_is_here(desk, active_plan, clinician_member):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY)
    plans.hold(plan=active_plan, by=clinician_member.user)
    for _ in range(2):
        drawer = text(desk.get(f"/today/?visit={visit.ref}"))
        assert "a clinician decides about this visit" in drawer
        listed = desk.get("/today/?view=list").context["day"].visits
        assert [one.verdict.label for one in listed] == [ON_HOLD]
        if visit.status == "booked":
            assert 'value="arrived"' in drawer
            visit = factories.arrive(visit)


def test_a_visit_without_a_course_is_never_on_hold(desk, clinic):
    patient = factories.make_patient(clinic)
    from treatments.appointments import services

    place = factories.a_place(clinic, TODAY + timedelta(days=2), kind="consultation")
    services.book(patient=patient, kind="consultation", place=place, by=factories.a_manager(clinic).user)
    assert not lists_of(desk)["before-they-travel"]
    assert len(lists_of(desk)["unconfirmed"]) == 1


def test_clinicians_find_the_courses_to_review_on_today_the_desk_does_not(clinician, desk, manager, active_plan, later):
    mmasi(active_plan.patient, 2, 2, on=TODAY - timedelta(days=1))
    later(timedelta(days=1))
    mmasi(active_plan.patient, 3, 2, on=TODAY + timedelta(days=1))
    review = active_plan.reviews.get()
    page = text(clinician.get("/today/"))
    assert "Courses to review" in page
    assert reverse("treatments:course_review", args=[review.ref]) in page
    for client in (desk, manager):
        page = text(client.get("/today/"))
        assert "elasma" not in page
        assert "Courses to review" not in page


def test_today_asks_a_clinician_at_most_twelve_questions_too(clinician, visit_today, django_assert_max_num_queries):
    url = f"/today/?visit={visit_today.ref}"
    clinician.get(url)
    with django_assert_max_num_queries(12):
        clinician.get(url)
