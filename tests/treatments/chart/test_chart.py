"""The chart: what to do now and the whole story for clinicians; visits, mails and contact for the desk, and not a word more."""

import re
from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from patients.services import history
from tests import factories
from treatments.appointments import services as appointments
from treatments.sessions import services as sessions

CANARIES = {
    "note": "canary-note-quetzal",
    "addendum": "canary-addendum-ibis",
    "event": "canary-event-heron",
    "assessment": "canary-assessment-wren",
    "medicine": "canary-medicine-finch",
    "clearance": "canary-clearance-stork",
    "reason": "canary-reason-egret",
}
CLINICAL = ("Acne scars", "Skin type", "1.00 mm", "MP36-2611B", "Screened for", "Consent signed", "pinpoint", "grade 2")


def url(patient, **query) -> str:
    return reverse("treatments:chart", args=[patient.ref], query=query or None)


def read(client, patient, **query) -> str:
    answer = client.get(url(patient, **query))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def told(done_session):
    """A patient with every kind of clinical word on record, each of them marked."""
    patient, by = done_session.patient, done_session.operator
    from patients.models import MedicationStatement
    from treatments.assessments import services as assessments
    from treatments.screenings.models import Clearance

    sessions.add_addendum(session=done_session, text=CANARIES["addendum"], reason=CANARIES["reason"], by=by.user)
    sessions.report_adverse_event(session=done_session, code="pih", grade=2, note=CANARIES["event"], by=by.user)
    assessments.record(
        patient=patient,
        assessed_on=clock.today(patient.clinic),
        skin_type=3,
        pih_history=False,
        concerns=[{"code": "acne_scar_face", "zones": ["cheek"], "severity": "mild"}],
        note=CANARIES["assessment"],
        by=by.user,
    )
    history.record_medication(
        patient=patient, kind=MedicationStatement.Kind.OTHER, name=CANARIES["medicine"], prescribed=True, by=by.user
    )
    Clearance.objects.create(
        patient=patient,
        code="hsv_history",
        given_by=by.user,
        licence="NMC 12A",
        reason=CANARIES["clearance"],
        given_on=clock.today(patient.clinic),
        expires_on=clock.today(patient.clinic),
    )
    return patient


@pytest.fixture
def second_visit(done_session):
    planned = done_session.plan.planned_sessions.get(number=2)
    return factories.book(planned, day=planned.target_on)


# ── Who reads what ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("persona", ["desk", "manager"])
@pytest.mark.parametrize("show", ["", "visits", "messages", "sessions", "screenings", "medicines"])
def test_the_desk_and_the_manager_read_nothing_clinical(request, told, persona, show):
    shown = request.getfixturevalue(persona).get(url(told, show=show)).content.decode()
    for word in (*CANARIES.values(), *CLINICAL):
        assert word not in shown
    assert "Treatment, session 1" in shown or show == "messages"


def test_the_canaries_are_there_for_a_clinician(clinician, told):
    shown = read(clinician, told)
    for name in ("event", "assessment", "medicine", "clearance"):
        assert CANARIES[name] in shown
    for word in ("Acne scars", "Skin type", "1.00 mm", "MP36-2611B", "Screened for", "Consent signed", "grade 2"):
        assert word in shown


def test_the_reason_of_a_cancelled_visit_stays_with_clinicians(desk, done_session, second_visit, later):
    later(timedelta(minutes=5))
    appointments.cancel(
        visit=second_visit, reason="Course stopped: canary-reason-egret", by=second_visit.clinician.user
    )
    assert "egret" not in read(desk, done_session.patient)


def test_another_clinics_patient_is_not_there(stranger, patient):
    assert stranger.get(url(patient)).status_code == 404


def test_the_desk_books_and_corrects_details(desk, patient):
    shown = desk.get(url(patient)).content.decode()
    assert reverse("treatments:book_visit", args=[patient.ref]) in shown
    assert reverse("patients:edit", args=[patient.ref]) in shown
    assert patient.phone in shown


# ── The story ─────────────────────────────────────────────────────────────────


def test_newest_first_and_what_is_to_come_apart(clinician, done_session, second_visit):
    shown = read(clinician, done_session.patient)
    coming, past = shown.split("Coming", 1)[1].split("Until now", 1)
    assert "Treatment, session 2" in coming
    assert past.index("Session 1, Noor Adeyemi") < past.index("Assessed")


def test_a_cancelled_visit_stays_struck(clinician, done_session, second_visit, later):
    later(timedelta(minutes=5))
    appointments.cancel(visit=second_visit, reason="Ill", by=second_visit.clinician.user)
    page = clinician.get(url(done_session.patient)).content.decode()
    assert re.search(r'<li class="void">(?:(?!</li>).)*Treatment, session 2(?:(?!</li>).)*Cancelled', page, re.DOTALL)


@pytest.mark.parametrize(
    ("show", "there", "gone"),
    [
        ("sessions", "Session 1, Noor Adeyemi", "Assessed"),
        ("assessments", "Assessed", "Session 1, Noor Adeyemi"),
        ("messages", "After your visit, day 1", "Session 1, Noor Adeyemi"),
        ("nonsense", "Session 1, Noor Adeyemi", "canary"),
    ],
)
def test_the_story_is_narrowed_by_kind(clinician, done_session, show, there, gone):
    shown = read(clinician, done_session.patient, show=show)
    assert there in shown
    assert gone not in shown


def test_a_long_story_turns_pages_and_leaves_nothing_out(clinician, patient, clinician_member):
    for number in range(50):
        history.record_medication(
            patient=patient, kind="other", name=f"Medicine {number:02}", prescribed=False, by=clinician_member.user
        )
    first = clinician.get(url(patient)).content.decode()
    older = re.search(r'href="(\?[^"]*before=[^"]*)"', first)[1].replace("&amp;", "&")
    assert clinician.get(reverse("treatments:chart", args=[patient.ref]) + older).status_code == 200
    assert first.count("Medicine ") == 40


@pytest.mark.parametrize("before", ["yesterday", "2027-03-09", "", "9999-99-99T00:00:00+00:00"])
def test_a_made_up_page_is_the_first_one(clinician, patient, before):
    assert clinician.get(url(patient, before=before)).status_code == 200


@pytest.mark.parametrize("persona", ["clinician", "desk"])
def test_twelve_queries_whatever_she_has_been_through(request, told, persona, clinician_member):
    client = request.getfixturevalue(persona)
    client.get(url(told))  # the first request of a session also writes it
    counts = []
    for more in (0, 30):
        for number in range(more):
            history.record_medication(
                patient=told, kind="other", name=f"M {number}", prescribed=False, by=clinician_member.user
            )
            factories.answer(told, "hsv_history", "no")
            if number % 10 == 0:
                factories.screen_today(told)
        with CaptureQueriesContext(connection) as queries:
            client.get(url(told))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


# ── What next ─────────────────────────────────────────────────────────────────


def next_act(client, patient) -> str:
    """Words of the one primary button of the page's content."""
    page = client.get(url(patient)).content.decode()
    acts = re.findall(r'class="btn btn-primary" href="[^"]*">([^<]*)<', page)
    assert len(acts) <= 1
    return acts[0] if acts else ""


def test_the_next_step_follows_the_path(clinician, patient):
    assert next_act(clinician, patient) == "Assess the skin"
    factories.assess(patient)
    assert next_act(clinician, patient) == "Plan a course"
    plan = factories.make_active_plan(patient)
    assert next_act(clinician, patient) == "Book session 1"
    visit = factories.book(plan.planned_sessions.get(number=1), day=clock.today(patient.clinic))
    assert next_act(clinician, patient) == "Open the visit"
    factories.arrive(visit)
    assert next_act(clinician, patient) == "Ask the questions of the day"
    factories.screen_today(patient)
    assert next_act(clinician, patient) == "Begin the session"
    factories.answer(patient, "hsv_history", "no")
    assert next_act(clinician, patient) == "Screen again"
    session = factories.open_session(appointments.Appointment.objects.get(pk=visit.pk))
    assert next_act(clinician, patient) == "Go on with the session"
    factories.chart(session)
    sessions.complete(session=session, by=session.operator)
    assert next_act(clinician, patient) == "Book session 2"


def test_a_screening_that_forbids_sends_her_there(clinician, visit_today):
    factories.arrive(visit_today)
    factories.answer(visit_today.patient, "hsv_active", "yes")
    factories.screen_today(visit_today.patient)
    assert next_act(clinician, visit_today.patient) == "Open the screening"


def test_the_desk_is_only_asked_to_book(desk, patient):
    assert next_act(desk, patient) == "Book a consultation"
    plan = factories.make_active_plan(patient)
    assert next_act(desk, patient) == "Book session 1"
    factories.book(plan.planned_sessions.get(number=1), day=clock.today(patient.clinic), at=time(14))
    assert next_act(desk, patient) == "Open the visit"


def test_a_closed_record_asks_for_nothing(clinician, patient):
    type(patient).objects.filter(pk=patient.pk).update(status="deceased")
    assert next_act(clinician, patient) == ""
