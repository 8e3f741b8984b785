"""What goes home on paper: the appointment card for everybody's hand, the days after a session from a clinician's."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factories
from tests.factories import TODAY
from treatments.appointments import services as diary
from treatments.protocol.catalogue import load


def card_of(patient) -> str:
    return reverse("treatments:appointment_card", args=[patient.ref])


def sheet_of(session) -> str:
    return reverse("treatments:aftercare_sheet", args=[session.ref])


def words(who, url: str) -> str:
    answer = who.get(url)
    assert answer.status_code == 200
    return answer.content.decode().split("paper-page", 1)[1]


def test_the_card_says_when_and_where_and_nothing_of_what_is_treated(desk, booked_course):
    patient = booked_course[0].patient
    card = words(desk, card_of(patient))
    for said in (
        "Tuesday 9 March 2027",
        "11:00",
        "Visit 1 of 4",
        "Noor Adeyemi",
        patient.full_name,
        "Alder Lane Skin Clinic",
    ):
        assert said in card, said
    concern = load().concerns[booked_course[0].planned_session.plan.concerns[0]["code"]]
    for secret in (concern.label.lower(), "needl", "scar", "session"):
        assert secret not in card.lower(), secret


def test_a_visit_that_is_cancelled_or_over_is_not_on_it(desk, booked_course):
    first, second, *_ = booked_course
    diary.cancel(visit=second, reason="On holiday", by=desk.membership.user)
    card = words(desk, card_of(first.patient))
    assert "Visit 1 of 4" in card
    assert "Visit 2 of 4" not in card


def test_a_card_without_visits_says_so(desk, patient):
    assert "No visit is booked" in words(desk, card_of(patient))


def test_the_chart_leads_to_the_card_and_the_signed_session_to_the_sheet(clinician, done_session):
    assert card_of(done_session.patient) in clinician.get(done_session.patient.get_absolute_url()).content.decode()
    signed = clinician.get(reverse("treatments:session", args=[done_session.ref])).content.decode()
    assert sheet_of(done_session) in signed


def test_the_sheet_has_every_day_of_the_week_with_the_signs_first(clinician, done_session):
    sheet = words(clinician, sheet_of(done_session))
    days = [f"Day {number} of 7" for number in range(1, 8)]
    places = [
        sheet.index(part) for part in ("at once for", "The day of your visit", *days, "Week 2", "What you may do again")
    ]
    assert places == sorted(places)
    assert done_session.clinic.emergency_number in sheet
    assert done_session.clinic.urgent_phone in sheet
    assert "Never stop" in sheet or "prescribed" in sheet


def test_printed_later_it_begins_with_that_day(clinician, done_session, later):
    later(timedelta(days=3))
    sheet = words(clinician, sheet_of(done_session))
    assert "Day 3 of 7" in sheet
    assert "Day 2 of 7" not in sheet


def test_long_after_it_there_is_one_entry_left(clinician, done_session, later):
    later(timedelta(days=20))
    assert "Week 3" in words(clinician, sheet_of(done_session))


def test_of_an_open_session_or_one_that_another_followed_there_is_no_sheet(clinician, open_session):
    assert clinician.get(sheet_of(open_session)).status_code == 404


def test_what_a_newer_session_has_overtaken_is_not_handed_out(clinician, done_session, second_session):
    assert clinician.get(sheet_of(done_session)).status_code == 404


def test_course_and_consent_can_be_printed(clinician, done_session):
    plan = done_session.plan
    consent = plan.patient.consents.get()
    for url in (
        reverse("treatments:course", args=[plan.ref]),
        reverse("treatments:consent_signed", args=[consent.ref]),
        card_of(plan.patient),
        sheet_of(done_session),
    ):
        assert "data-prints" in clinician.get(url).content.decode(), url


def test_a_card_costs_the_same_with_many_visits(desk, patient):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.get(card_of(patient))
        return len(queries)

    asked()
    few = asked()
    for days in range(7, 70, 7):
        place = factories.a_place(patient.clinic, TODAY + timedelta(days=days), kind="consultation")
        diary.book(patient=patient, kind="consultation", place=place, by=desk.membership.user)
    assert asked() == few <= 12


def test_a_sheet_costs_the_same_early_and_late(clinician, done_session, later):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            clinician.get(sheet_of(done_session))
        return len(queries)

    asked()
    early = asked()
    later(timedelta(days=6))
    assert asked() <= early
