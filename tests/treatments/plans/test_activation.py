"""Submit and activate follow the outcome table, whatever was true when the button was drawn."""

import uuid
from datetime import date
from html import unescape

import pytest
from django.urls import reverse

from clinic.models import Clinic
from tests import factories
from treatments.appointments.models import Appointment
from treatments.flows import visits
from treatments.plans import services
from treatments.rules import services as rules
from treatments.rules.models import ProtocolVersion
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db
# outcome -> the answer that brings it about (the answers of the full form alone decide about a plan)
RAISED_BY = {
    "block": ("keloid_personal", {}),
    "defer": ("isotretinoin_past", {"on": date(2026, 9, 15)}),
    "needs_clinician": ("hsv_history", {}),
    "caution": ("smoking", {}),
}


def step(client, plan, name: str, **data):
    url = reverse("treatments:plan_step", args=[plan.ref, name])
    return client.post(url, {"submit_token": str(uuid.uuid4())} | data)


@pytest.fixture
def draft(patient):
    factories.answer_all(patient)
    return factories.make_draft(patient)


@pytest.fixture
def submitted(draft, clinician_member):
    services.submit(plan=draft, by=clinician_member.user)
    factories.sign_consent(draft)
    draft.refresh_from_db()
    return draft


def bring_about(outcome: str, patient) -> None:
    if outcome in RAISED_BY:
        code, details = RAISED_BY[outcome]
        factories.answer(patient, code, "yes", **details)


@pytest.mark.parametrize(
    ("outcome", "allowed"),
    [("block", False), ("defer", True), ("needs_clinician", True), ("caution", True), ("clear", True)],
)
def test_submitting_follows_the_table(clinician, draft, outcome, allowed):
    bring_about(outcome, draft.patient)
    response = step(clinician, draft, "submit")
    draft.refresh_from_db()
    assert (response.status_code, draft.status) == ((302, "submitted") if allowed else (422, "draft"))


def test_an_open_question_does_not_stop_submitting(clinician, patient):
    plan = factories.make_draft(patient)
    assert step(clinician, plan, "submit").status_code == 302


@pytest.mark.parametrize("outcome", ["caution", "clear"])
def test_activating_is_allowed_where_nothing_forbids(clinician, submitted, outcome):
    bring_about(outcome, submitted.patient)
    assert step(clinician, submitted, "activate").status_code == 302
    submitted.refresh_from_db()
    assert submitted.status == "active"
    assert submitted.patient.screenings.get().outcome == outcome


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ("block", "This plan cannot be activated: a finding blocks treatment."),
        ("needs_clinician", "This plan cannot be activated: a finding waits for a clinician's decision."),
    ],
)
def test_activating_is_refused_in_words_with_a_way_on(clinician, submitted, outcome, sentence):
    bring_about(outcome, submitted.patient)
    response = step(clinician, submitted, "activate")
    assert response.status_code == 422
    assert sentence in unescape(response.content.decode())
    assert reverse("treatments:screening", args=[submitted.patient.ref]) in response.content.decode()
    submitted.refresh_from_db()
    assert submitted.status == "submitted"
    assert not submitted.patient.screenings.exists(), "a refused activation leaves nothing behind"


def test_activating_with_questions_run_out_of_date_is_refused(clinician, submitted, later):
    later(factories.in_days(200))
    factories.sign_consent(submitted)
    later(factories.in_days(200))
    factories.sign_consent(submitted)
    response = step(clinician, submitted, "activate")
    assert "some questions are not answered. Ask them first." in response.content.decode()


def test_a_deferred_plan_becomes_active_with_its_first_day_moved(clinician, submitted):
    before = [(s.earliest_on, s.target_on, s.latest_on) for s in submitted.planned_sessions.all()]
    bring_about("defer", submitted.patient)
    assert step(clinician, submitted, "activate").status_code == 302
    after = [(s.earliest_on, s.target_on, s.latest_on) for s in submitted.planned_sessions.all()]
    assert after[0][0] == date(2027, 3, 14) > before[0][0]
    assert [b[0] - a[0] for a, b in zip(before, after, strict=True)] == [factories.in_days(5)] * 4


def test_a_deferred_draft_is_submitted_with_its_dates_moved(clinician, draft):
    before = [(s.earliest_on, s.latest_on) for s in draft.planned_sessions.all()]
    bring_about("defer", draft.patient)
    assert step(clinician, draft, "submit").status_code == 302
    after = [(s.earliest_on, s.latest_on) for s in draft.planned_sessions.all()]
    assert after[0][0] == date(2027, 3, 14)
    assert [(b[0] - a[0], b[1] - a[1]) for a, b in zip(before, after, strict=True)] == [(factories.in_days(5),) * 2] * 4


def test_a_deferral_with_something_else_behind_it_is_not_activated(clinician, submitted):
    bring_about("defer", submitted.patient)
    bring_about("needs_clinician", submitted.patient)
    response = step(clinician, submitted, "activate")
    assert "waits for a clinician" in unescape(response.content.decode())
    assert submitted.planned_sessions.first().earliest_on == factories.TODAY


def test_without_a_consent_nothing_becomes_active(clinician, draft, clinician_member):
    services.submit(plan=draft, by=clinician_member.user)
    response = step(clinician, draft, "activate")
    assert response.status_code == 422
    assert "Ask for the consent first: this technique and depth are not signed for." in response.content.decode()


def test_a_real_clinic_needs_the_protocol_signed_and_its_numbers_set(clinician, prescriber, submitted):
    real = Clinic.objects.filter(pk=submitted.clinic_id)
    real.update(is_demo=False, urgent_phone="")
    assert "urgent and emergency numbers" in unescape(step(clinician, submitted, "activate").content.decode())
    real.update(urgent_phone="020 7946 0142")
    refused = step(clinician, submitted, "activate")
    assert f"A prescriber must sign protocol {rules.shipped().version}" in unescape(refused.content.decode())
    assert reverse("treatments:protocol") in refused.content.decode()
    assert prescriber.post(reverse("treatments:protocol"), {"submit_token": str(uuid.uuid4())}).status_code == 302
    assert step(clinician, submitted, "activate").status_code == 302


def test_the_protocol_in_force_is_the_one_to_sign_whatever_the_draft_was_made_under(
    clinician, prescriber_member, submitted
):
    older = ProtocolVersion.objects.create(version="2025.9", sha256="0" * 64, toml="")
    type(submitted).objects.filter(pk=submitted.pk).update(protocol=older)
    Clinic.objects.filter(pk=submitted.clinic_id).update(is_demo=False)
    refused = unescape(step(clinician, submitted, "activate").content.decode())
    assert f"A prescriber must sign protocol {rules.shipped().version}" in refused
    rules.sign_off(clinic=submitted.clinic, by=prescriber_member)
    page = clinician.get(reverse("treatments:course", args=[submitted.ref]))
    assert page.context["sign_off"] == ""
    assert step(clinician, submitted, "activate").status_code == 302


def test_the_status_table_decides_which_step_may_follow(clinician, draft):
    response = step(clinician, draft, "activate")
    assert response.status_code == 422
    assert "This plan is draft; it cannot become active from there." in response.content.decode()
    assert step(clinician, draft, "dance").status_code == 404


def test_a_course_is_held_and_goes_on_with_its_windows(clinician, active_plan):
    windows = list(active_plan.planned_sessions.values_list("earliest_on", "latest_on"))
    services.hold(plan=active_plan, by=active_plan.drafted_by)
    bring_about("defer", active_plan.patient)
    go_on = reverse("treatments:course_resume", args=[active_plan.ref])
    assert clinician.post(go_on, {"submit_token": str(uuid.uuid4()), "note": ""}).status_code == 302
    active_plan.refresh_from_db()
    assert active_plan.status == "active"
    assert list(active_plan.planned_sessions.values_list("earliest_on", "latest_on")) == windows


def test_a_course_is_completed(clinician, active_plan):
    assert step(clinician, active_plan, "complete").status_code == 302
    active_plan.refresh_from_db()
    assert active_plan.status == "completed"


def test_a_course_with_a_visit_still_to_come_is_not_completed(clinician, active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + factories.in_days(7))
    refused = step(clinician, active_plan, "complete")
    assert refused.status_code == 422
    assert "Session 1 is still booked for Tue 16 Mar. Cancel that visit first" in refused.content.decode()
    active_plan.refresh_from_db()
    assert active_plan.status == "active"
    visits.cancel(visit=visit, reason="Enough", by=active_plan.drafted_by)
    assert step(clinician, active_plan, "complete").status_code == 302


def test_a_course_is_not_ended_while_a_session_is_open(clinician, open_session):
    plan, sentence = open_session.plan, "Session 1 has begun. Finish or stop it at the chair first."
    assert sentence in step(clinician, plan, "complete").content.decode()
    stop = clinician.post(reverse("treatments:plan_stop", args=[plan.ref]), {"reason": "asked"})
    assert (stop.status_code, stop.context["form"].non_field_errors()) == (422, [sentence])
    plan.refresh_from_db()
    assert plan.status == "active"
    factories.chart(open_session)
    sessions.complete(session=open_session, by=open_session.operator)
    assert step(clinician, plan, "complete").status_code == 302


def test_why_a_course_was_stopped_is_for_clinicians_only(clinician, desk, active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + factories.in_days(7))
    stop = reverse("treatments:plan_stop", args=[active_plan.ref])
    reason = {"reason": "other", "note": "Canary: a new isotretinoin course"}
    assert clinician.post(stop, reason | {"seen": clinician.get(stop).context["seen"]}).status_code == 302
    for url in (
        reverse("treatments:visit", args=[visit.ref]),
        f"{reverse('treatments:today')}?day={visit.day}&visit={visit.ref}",
    ):
        page = desk.get(url).content.decode()
        assert "Course stopped" in page
        assert "Canary" not in page
    course = reverse("treatments:course", args=[active_plan.ref])
    assert "Canary" not in desk.get(course).content.decode()
    assert "Canary" in clinician.get(course).content.decode()


def test_pressing_twice_is_one_step(clinician, draft):
    token = str(uuid.uuid4())
    first, second = (step(clinician, draft, "submit", submit_token=token) for _ in range(2))
    assert (first.status_code, second.status_code, second.url) == (302, 302, first.url)


def test_stopping_takes_a_reason_and_cancels_the_coming_visits(clinician, active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + factories.in_days(7))
    stop = reverse("treatments:plan_stop", args=[active_plan.ref])
    shown = clinician.get(stop)
    assert "Session 1, Tue 16 Mar, 11:00, Noor Adeyemi: cancelled." in shown.content.decode()
    seen = {"seen": shown.context["seen"]}
    refused = clinician.post(stop, seen | {"reason": "other", "note": " "})
    assert (refused.status_code, refused.context["form"].errors["note"]) == (422, ["Say which, in a few words."])
    assert clinician.post(stop, seen | {"reason": "other", "note": "x" * 300}).status_code == 422
    assert clinician.post(stop, seen).status_code == 422
    assert clinician.post(stop, seen | {"reason": "other", "note": "Moves to Leeds"}).status_code == 302
    active_plan.refresh_from_db()
    assert (active_plan.status, active_plan.ended_reason) == ("revoked", "Moves to Leeds")
    assert Appointment.objects.get(pk=visit.pk).status == "cancelled"
    again = clinician.post(stop, {"reason": "asked"})
    assert again.status_code == 422
    assert "This plan is stopped" in again.content.decode()


def test_only_clinicians_of_this_clinic_move_a_plan(desk, manager, stranger, draft):
    for name in ("submit", "activate", "complete"):
        assert [step(client, draft, name).status_code for client in (desk, manager, stranger)] == [403, 403, 404]
    stop = reverse("treatments:plan_stop", args=[draft.ref])
    assert [client.post(stop, {"reason": "No"}).status_code for client in (desk, manager, stranger)] == [403, 403, 404]
