"""What she answered counts once a clinician has looked: until then the database opens no session on it."""

from datetime import timedelta

import pgtrigger
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import DomainError
from clinic.models import AuditEvent
from tests import factories
from tests.factories import TODAY
from tests.treatments.tablet.held import BACK, HERE, LOCK, all_no, given, hand_over_url, handed
from treatments.flows import clearances, reactions, tablet
from treatments.screenings import services as screenings
from treatments.screenings.by_patient.models import PatientForm
from treatments.screenings.models import ScreeningRecord
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db
WAITS = "What the patient told us waits for a clinician. Look at it first, then screen."
CANARY = "quetzalcanary"


@pytest.fixture
def arrived(visit_today, later):
    visit = factories.arrive(visit_today)
    later(timedelta(minutes=1))
    return visit


@pytest.fixture
def form(arrived, clinician_member) -> PatientForm:
    return given(
        arrived.patient,
        clinician_member,
        new_medicine={"value": "yes", "note": CANARY},
        botulinum={"value": "not_sure"},
    )


def page_of(form: PatientForm) -> str:
    return reverse("treatments:given_form", args=[form.ref])


def lines(who) -> list[tuple[str, str]]:
    shown = who.get("/worklists/").context["shown"]
    return [(call.why, call.due) for one in shown if one["list"].code == "given" for call in one["list"].calls]


# ── The gate ──────────────────────────────────────────────────────────────────


def test_until_a_clinician_has_looked_no_screening_for_a_session_is_made(form, clinician_member):
    with pytest.raises(DomainError, match=WAITS):
        factories.screen_today(form.patient)
    assert factories.screen_today(form.patient, purpose="booking").outcome


def test_the_guard_of_the_database_is_what_holds_it(form):
    """The negative control: with the trigger off the same run is made."""
    with pgtrigger.ignore("treatments.ScreeningRecord:screening_after_a_look"):
        assert factories.screen_today(form.patient).purpose == "session"


def test_a_session_does_not_open_on_what_she_answered(arrived, clinician_member, later):
    record = factories.screen_today(arrived.patient)
    assert record.outcome == "clear"
    later(timedelta(minutes=1))
    given(arrived.patient, clinician_member)
    arrived.refresh_from_db()
    with pytest.raises(DomainError):
        sessions.open_session(visit=arrived, by=clinician_member, acknowledged=[])


def test_confirmed_it_counts_and_the_run_is_the_clinicians(clinician, form, clinician_member):
    answer = clinician.post(page_of(form), {"note": "Asked about the medicine"})
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(f"?on={TODAY.isoformat()}&for=session")
    form.refresh_from_db()
    assert (form.seen_by, form.seen_note) == (clinician_member.user, "Asked about the medicine")
    record = ScreeningRecord.objects.first()
    assert (record.purpose, record.made_by, record.on) == ("session", clinician_member.user, TODAY)
    assert record.outcome == "defer"
    assert AuditEvent.objects.get(action="answers.confirmed").by == clinician_member.user


def test_a_quiet_form_confirmed_lets_the_session_open(arrived, clinician_member):
    form = given(arrived.patient, clinician_member)
    tablet.confirm(form=form, note="", by=clinician_member)
    arrived.refresh_from_db()
    assert sessions.open_session(visit=arrived, by=clinician_member, acknowledged=[]).is_open


def test_a_colleague_who_was_faster_is_named_and_nothing_is_screened_twice(clinician, form, prescriber_member):
    tablet.confirm(form=form, note="", by=prescriber_member)
    before = ScreeningRecord.objects.count()
    answer = clinician.post(page_of(form), {"note": ""})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "A colleague has looked at these answers already." in page
    assert "Dr Ines Halloran" in page
    assert ScreeningRecord.objects.count() == before


def test_earlier_forms_are_seen_with_a_later_one(arrived, clinician_member, later):
    first = given(arrived.patient, clinician_member)
    later(timedelta(minutes=5))
    second = given(arrived.patient, clinician_member, smoking="yes", kind="full")
    tablet.confirm(form=second, note="", by=clinician_member)
    first.refresh_from_db()
    assert first.seen_at is not None


def test_what_she_answered_yesterday_is_confirmed_for_a_booking_alone(clinician, form, later):
    later(timedelta(days=1))
    assert clinician.post(page_of(form), {}).headers["Location"].endswith("&for=booking")


def test_who_asks_the_same_questions_anew_has_looked(clinician, form, clinician_member):
    page = clinician.get(reverse("treatments:day_form", args=[form.patient.ref]))
    assert "The patient has answered: questions of the day" in page.content.decode()
    said = {code: value for code, value in all_no(form.patient).items() if code not in ("form", "could-read")}
    answer = clinician.post(reverse("treatments:day_form", args=[form.patient.ref]), said)
    assert answer.status_code == 302
    form.refresh_from_db()
    assert (form.seen_by, form.seen_note) == (clinician_member.user, "Asked all of it anew.")
    assert ScreeningRecord.objects.first().purpose == "session"


def test_who_asks_a_part_of_it_is_told_to_look_first_and_keeps_what_was_typed(clinician, arrived, clinician_member):
    form = given(arrived.patient, clinician_member, kind="full")
    said = all_no(arrived.patient) | {"new_medicine": "yes", "new_medicine-note": "Zinc"}
    answer = clinician.post(reverse("treatments:day_form", args=[arrived.patient.ref]), said)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert WAITS in page
    assert page_of(form) in page
    assert 'value="Zinc"' in page


def test_keeping_a_run_on_record_is_refused_with_the_way_on(clinician, form):
    url = reverse("treatments:screening_record", args=[form.patient.ref])
    answer = clinician.post(url, {"on": TODAY.isoformat(), "for": "session"}, follow=True)
    page = answer.content.decode()
    assert WAITS in page
    assert page_of(form) in page


def test_what_screens_again_by_itself_makes_a_run_for_a_booking_meanwhile(
    arrived, clinician_member, prescriber_member, later
):
    factories.screen_today(arrived.patient)
    factories.answer(arrived.patient, "hsv_history", "yes")
    later(timedelta(minutes=1))
    given(arrived.patient, clinician_member)
    clearances.give(
        patient=arrived.patient, code="hsv_history", reason="Prophylaxis", expires_on=TODAY + timedelta(days=60),
        by=prescriber_member,
    )  # fmt: skip
    assert arrived.patient.screenings.first().purpose == "booking"
    found = screenings.perform_again_for_all(
        clinic=arrived.clinic, patients=[arrived.patient.pk], by=clinician_member.user
    )
    assert [record.purpose for record in found] == ["booking"]


def test_a_reaction_is_noted_while_her_answers_wait(done_session, clinician_member):
    given(done_session.patient, clinician_member)
    event = reactions.report(session=done_session, code="infection", grade=2, note="", by=clinician_member.user)
    assert event.pk


def test_the_desk_and_a_manager_confirm_nothing(desk, manager, form, desk_member):
    for who in (desk, manager):
        assert who.get(page_of(form)).status_code == 403
        assert who.post(page_of(form), {}).status_code == 403
    with pytest.raises(DomainError, match="A clinician looks at this."):
        tablet.confirm(form=form, note="", by=desk_member)


def test_a_note_that_is_too_long_is_refused_at_its_field(clinician, form):
    answer = clinician.post(page_of(form), {"note": "x" * 201})
    assert answer.status_code == 422
    assert "Shorten this to 200 characters." in answer.content.decode()


# ── What the clinician reads ──────────────────────────────────────────────────


def test_what_differs_is_marked_with_the_answer_before(clinician, form):
    page = clinician.get(page_of(form))
    differing = [(one.now, one.was, one.note) for one in page.context["differing"]]
    assert differing == [("Not sure", "No (9 March 2027)", ""), ("Yes", "No (9 March 2027)", CANARY)]
    assert page.context["raising"] == []
    assert len(page.context["others"]) == form.asked - 2
    assert CANARY in page.content.decode()


def test_a_first_form_has_nothing_to_differ_from_and_shows_what_it_raises(clinician, clinic, clinician_member):
    ana = factories.make_patient(clinic, given_name="Ana")
    form = given(ana, clinician_member, smoking="yes", kind="full")
    page = clinician.get(page_of(form))
    assert "These are the first answers on record." in page.content.decode()
    assert [one.question for one in page.context["raising"]] == ["Do you smoke or vape?"]


def test_what_looks_ticked_through_is_said_in_plain_words(clinician, arrived, clinician_member):
    form = given(arrived.patient, clinician_member, could_read="no")
    page = clinician.get(page_of(form)).content.decode()
    assert "Nobody reads 16 questions in that time: ask again." in page
    assert "They look ticked through: ask again." in page
    assert clinician.post(page_of(form), {}).status_code == 302


def test_it_waits_on_the_clinicians_list_until_it_is_confirmed(clinician, desk, form, clinician_member):
    assert lines(clinician) == [
        ("Questions of the day: 2 answers differ from last time; look at how they were answered", "Tue 9 Mar, 10:43")
    ]
    assert lines(desk) == []
    tablet.confirm(form=form, note="", by=clinician_member)
    assert lines(clinician) == []


def test_her_answers_stand_among_those_that_differ(clinician, form):
    shown = clinician.get("/worklists/").context["shown"]
    differing = next(one["list"] for one in shown if one["list"].code == "differing")
    assert "New medicine: no on Tue 9 Mar, then yes on Tue 9 Mar" in [call.why for call in differing.calls]


def test_the_chart_leads_a_clinician_there(clinician, desk, form):
    page = clinician.get(form.patient.get_absolute_url()).content.decode()
    assert "The patient has answered on the tablet." in page
    assert page_of(form) in page
    page = desk.get(form.patient.get_absolute_url()).content.decode()
    assert page_of(form) not in page
    assert hand_over_url(form.patient) in page


def test_whoever_unlocks_reads_what_was_done_and_the_desk_nothing_clinical(
    clinician, desk, desk_member, manager, arrived
):
    held = handed(desk, arrived.patient, "day")
    held.post(HERE, all_no(arrived.patient, new_medicine="yes", **{"new_medicine-note": CANARY}))
    held.post(BACK)
    answer = held.post(LOCK, {"password": factories.PASSWORD}, follow=True)
    page = answer.content.decode()
    assert "a clinician confirms before they count" in page
    for word in (CANARY, "differ", "medicine"):
        assert word not in page
    url = answer.redirect_chain[-1][0]
    assert "1 answer differs from last time" in clinician.get(url).content.decode()
    assert hand_over_url(arrived.patient) not in manager.get(url).content.decode()


def test_half_a_form_and_a_consent_that_was_not_signed_are_said(clinician, patient):
    factories.answer_all(patient)
    factories.make_draft(patient)
    held = handed(clinician, patient, "day", "consent")
    held.post(BACK, {"form": "day", "pregnant": "no"})
    page = held.post(LOCK, {"password": factories.PASSWORD}, follow=True).content.decode()
    assert "Saved 10:42: goes on today where it stopped" in page
    assert "Not signed" in page


def test_the_pages_cost_the_same_whatever_was_answered_before(clinician, form, later, clinician_member, arrived):
    pages = {
        "given form": page_of(form),
        "hand over": hand_over_url(form.patient),
        "what came of it": reverse("treatments:handover", args=[form.handover.ref]),
    }

    def queries() -> dict[str, int]:
        counted = {}
        for name, url in pages.items():
            with CaptureQueriesContext(
                connection,
            ) as context:
                assert clinician.get(url).status_code == 200
            counted[name] = len(context)
        return counted

    queries()
    few = queries()
    for minutes in range(1, 6):
        later(timedelta(minutes=minutes))
        factories.answer_all(form.patient, forms=("full", "day"))
        given(factories.make_patient(form.patient.clinic, given_name=f"Bo {minutes}"), clinician_member, kind="full")
    assert queries() == few
    assert all(count <= 25 for count in few.values()), few


def test_her_own_page_costs_the_same_whatever_was_answered_before(clinician, arrived, later):
    held = handed(clinician, arrived.patient, "full")

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert held.get(HERE).status_code == 200
        return len(context)

    queries()
    few = queries()
    for minutes in range(1, 6):
        later(timedelta(minutes=minutes))
        factories.answer_all(arrived.patient, forms=("full", "day"))
    assert queries() == few
    assert few <= 12
