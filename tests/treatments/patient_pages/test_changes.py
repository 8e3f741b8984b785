""" "Anything changed?" before a visit: her last answers, two ways to answer, the rules run at once, and what she reads then."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from patients.models import HistoryAnswer
from tests import factories
from tests.access.world import fingerprint
from tests.patients.links.made import a_token, opened
from tests.treatments.patient_pages.telling import (
    CHANGES,
    TELL,
    TOKEN,
    a_link,
    none_of,
    pressed,
    proven,
    says,
    told,
    words_of,
)
from treatments.appointments import services as appointments
from treatments.appointments.by_patient.asking import asked_before_a_visit
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import Appointment
from treatments.flows import changes as flow
from treatments.protocol.catalogue import load
from treatments.screenings.models import ScreeningRecord
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db
DAY_QUESTIONS = [rule.code for rule in load().rules_for_form("day")]


@pytest.fixture
def visit(active_plan) -> Appointment:
    """Session 1, three days ahead at eleven."""
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=3))


@pytest.fixture
def hers(visit) -> Client:
    return proven(visit)


def newest(visit: Appointment, code: str) -> HistoryAnswer:
    return visit.patient.answers.filter(code=code).latest("pk")


# ── The page ──────────────────────────────────────────────────────────────────


def test_nothing_is_read_before_her_date_of_birth(visit):
    hers = opened(a_token(visit.patient, "changes", about=visit.ref))
    page = words_of(hers.get(CHANGES))
    assert "Is it you?" in page
    assert none_of(("pregnant", "isotretinoin", "11:00"), page) == []
    assert none_of(("pregnant",), words_of(hers.post(CHANGES, pressed(visit)))) == []
    assert not ChangeReport.objects.exists()


def test_she_reads_her_last_answers_to_the_questions_of_the_day_form_and_no_remark_of_a_clinician(hers, visit):
    factories.answer(visit.patient, "botulinum", "yes", on=factories.TODAY - timedelta(days=40))
    visit.patient.answers.filter(code="filler")
    by = factories.a_clinician(visit.clinic).user
    from patients.services import history

    history.record_answers(
        patient=visit.patient,
        answers=[says("filler", "no", note="quetzalcanary")],
        answered_on=factories.TODAY,
        via="clinician",
        by=by,
    )
    page = words_of(hers.get(CHANGES))
    assert "Has anything changed?" in page
    assert "Friday 12 March 2027, 11:00" in page
    for rule in load().rules_for_form("day"):
        assert rule.question.split(",")[0] in page
    assert "Yes, 28 January 2027" in page
    assert "quetzalcanary" not in page + words_of(hers.get(TELL))


def test_the_questions_are_those_of_the_day_form_and_no_second_list(visit):
    asked = asked_before_a_visit(visit.patient, today=factories.TODAY)
    assert [one.rule.code for one in asked] == DAY_QUESTIONS


# ── Nothing has changed ───────────────────────────────────────────────────────


def test_nothing_has_changed_is_one_press_that_gives_her_last_answers_again_as_of_today(hers, visit, later):
    factories.answer(visit.patient, "botulinum", "yes", on=factories.TODAY - timedelta(days=40))
    later(timedelta(days=1))
    page = words_of(hers.post(CHANGES, pressed(visit), follow=True))
    assert "Thank you" in page
    assert "See you on Friday 12 March, 11:00" in page
    report = ChangeReport.objects.get()
    assert (report.changed, report.needs_a_look, report.visit_version) == ([], False, visit.schedule_version)
    again = visit.patient.answers.filter(answered_on=clock.today(visit.clinic))
    assert sorted(again.values_list("code", flat=True)) == sorted(DAY_QUESTIONS)
    assert set(again.values_list("via", "recorded_by")) == {("patient", None)}
    kept = newest(visit, "botulinum")
    assert (kept.value, kept.on) == ("yes", factories.TODAY - timedelta(days=40))


def test_the_rules_run_at_once_for_a_booking_and_the_audit_says_who_spoke(hers, visit):
    hers.post(CHANGES, pressed(visit))
    record = ChangeReport.objects.get().record
    assert (record.purpose, record.on, record.made_by) == ("booking", factories.TODAY, None)
    visit.patient.refresh_from_db()
    assert record.facts_version == visit.patient.facts_version
    event = AuditEvent.objects.get(action="changes.told")
    assert (event.by, event.facts["said_by"], event.facts["needs_a_look"]) == (None, "patient", False)
    assert none_of(DAY_QUESTIONS, str(event.facts)) == []


@pytest.mark.parametrize(
    ("last", "is_open"),
    [
        ({"code": "pregnant", "value": "no"}, False),
        ({"code": "pregnant", "value": "not_sure"}, True),
        ({"code": "fever_unwell_antibiotic", "value": "yes"}, False),  # still so
        ({"code": "botulinum", "value": "yes", "on": factories.TODAY}, False),
        ({"code": "botulinum", "value": "yes"}, True),  # since when? the wait would begin anew with every press
        ({"code": "new_medicine", "value": "no"}, False),
        ({"code": "new_medicine", "value": "yes"}, False),  # no visit has been since she said so
    ],
)
def test_what_does_not_hold_today_only_because_nothing_changed_is_asked_anew(visit, last, is_open):
    factories.answer(visit.patient, last["code"], last["value"], on=last.get("on"))
    asked = {one.rule.code: one for one in asked_before_a_visit(visit.patient, today=factories.TODAY)}
    assert asked[last["code"]].is_open == is_open
    hers = proven(visit)
    page = words_of(hers.get(CHANGES))
    assert (f'name="{last["code"]}"' in page) == is_open
    answer = hers.post(CHANGES, pressed(visit))
    if not is_open:
        assert answer.status_code == 302
        return
    assert "Answer this one: yes, no or not sure." in words_of(answer, status=422)
    assert not ChangeReport.objects.exists()
    assert hers.post(CHANGES, pressed(visit, **{last["code"]: "no"})).status_code == 302
    assert newest(visit, last["code"]).value == "no"


@pytest.mark.parametrize(("days", "is_open"), [(0, True), (1, False)])
def test_since_your_last_visit_is_asked_anew_once_there_was_another_one(done_session, days, is_open):
    """A yes of the visit itself was said of the visit before that one."""
    patient = done_session.patient
    factories.answer(patient, "new_medicine", "yes", answered_on=done_session.on + timedelta(days=days))
    asked = {one.rule.code: one for one in asked_before_a_visit(patient, today=factories.TODAY)}
    assert asked["new_medicine"].last_visit_on == done_session.on
    assert asked["new_medicine"].is_open == is_open


def test_a_question_that_was_never_asked_stands_alone_above_the_press(patient):
    """All of the day form: nobody has asked yet."""
    factories.answer_all(patient, forms=("full", "clinician"))
    assert all(one.is_open for one in asked_before_a_visit(patient, today=factories.TODAY))


# ── Something has changed ─────────────────────────────────────────────────────


def test_only_what_differs_is_called_changed_and_the_rest_stays(hers, visit):
    day = factories.TODAY - timedelta(days=2)
    said = {"botulinum": "yes", "botulinum-on": day.isoformat(), "pregnant": "no"}
    assert hers.post(TELL, pressed(visit, **said)).status_code == 302
    report = ChangeReport.objects.get()
    assert report.changed == ["botulinum"]
    assert (newest(visit, "botulinum").on, newest(visit, "filler").value) == (day, "no")


@pytest.mark.parametrize(
    ("said", "outcome", "reads", "title"),
    [
        (
            {"isotretinoin_now": "yes"},
            "block",
            "We call you about your visit on Friday 12 March",
            "Please do not travel",
        ),
        ({"botulinum": "yes", "botulinum-on": "2027-03-08"}, "defer", "We call you about your visit", "Please do not"),
        ({"new_medicine": "yes"}, "needs_clinician", "We may call you before your visit", "Thank you"),
        ({"pregnant": "not_sure"}, "block", "We call you about your visit", "Please do not travel yet"),
    ],
)
def test_what_forbids_the_day_asks_her_to_wait_and_never_says_why(hers, visit, said, outcome, reads, title):
    page = words_of(hers.post(TELL, pressed(visit, **said), follow=True))
    assert title in page and reads in page
    assert "020 7946 0100" in page
    assert none_of(("isotretinoin", "medicine", "blocked", "botox", "pregnan", "safe to", "diagnos"), page) == []
    report = ChangeReport.objects.get()
    assert report.needs_a_look
    assert outcome in {turn["outcome"] for turn in report.record.result["outlook"]}


def test_a_day_that_does_not_matter_by_then_needs_nobody(hers, visit):
    """Fourteen days after the injections: the visit is on the fifteenth."""
    day = visit.day - timedelta(days=14)
    page = words_of(hers.post(TELL, pressed(visit, botulinum="yes", **{"botulinum-on": day.isoformat()}), follow=True))
    assert "See you on" in page
    assert not ChangeReport.objects.get().needs_a_look
    # The boundary: one day later and it is too early.
    day += timedelta(days=1)
    hers.post(TELL, pressed(visit, botulinum="yes", **{"botulinum-on": day.isoformat()}))
    assert ChangeReport.objects.latest("pk").needs_a_look


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "Choose what has changed"),
        ({"botulinum": "yes"}, "Enter the day. If nobody knows it, choose not sure instead."),
        ({"botulinum": "yes", "botulinum-on": "2027-03-10"}, "This day is still to come"),
        ({"botulinum": "yes", "botulinum-on": "1990-01-01"}, "before the date of birth"),
        ({"botulinum": "yes", "botulinum-on": "soon"}, "Enter a day that exists"),
        ({"pregnant": "perhaps"}, "Choose yes, no or not sure."),
        ({"laser_ipl": "yes", "laser_ipl-on": "2027-01-01", "laser_ipl-detail": "strong"}, "Choose one of the words"),
        ({"new_medicine": "yes", "new_medicine-note": "x" * 401}, "Shorten this to 400 characters."),
    ],
)
def test_what_cannot_be_understood_gets_a_sentence_and_keeps_what_she_said(hers, visit, said, sentence):
    before = fingerprint()
    page = words_of(hers.post(TELL, pressed(visit, new_allergy="yes", **said) if said else pressed(visit)), status=422)
    assert sentence in page
    if said:
        assert 'name="new_allergy" value="yes" checked' in page
    assert fingerprint() == before


def test_a_code_that_nobody_asks_is_refused(visit):
    with pytest.raises(DomainError, match="questions have changed"):
        told(visit, says("hsv_history", "no"))


# ── What it opens, and what it does not ───────────────────────────────────────


def test_her_answers_open_no_session_even_on_the_day(patient):
    visit = factories.make_visit_today(patient)
    told(visit)
    visit = factories.arrive(visit)
    assert not ScreeningRecord.objects.filter(patient=patient, purpose="session").exists()
    with pytest.raises(DomainError, match="no screening for this session"):
        sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[])
    # The negative control: the screening that is made at the clinic.
    factories.screen_today(patient)
    sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[])


def test_a_screening_made_before_she_spoke_opens_no_session_either(patient):
    visit = factories.make_visit_today(patient)
    factories.screen_today(patient)
    told(visit, says("new_allergy"))
    visit = factories.arrive(visit)
    with pytest.raises(DomainError):
        sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[])


def test_what_she_takes_back_later_lifts_nothing_before_a_clinician_has_looked(hers, visit):
    hers.post(TELL, pressed(visit, pregnant="not_sure"))
    page = words_of(hers.post(TELL, pressed(visit, pregnant="no"), follow=True))
    first, second = ChangeReport.objects.order_by("pk")
    # By the rules a clear no settles the doubt; that she need not wait is still ours to say.
    assert (first.needs_a_look, second.needs_a_look) == (True, False)
    assert "Please do not travel yet" in page


# ── Once ──────────────────────────────────────────────────────────────────────


def test_one_press_is_one_report_however_often_it_arrives(hers, visit):
    token = TOKEN.search(words_of(hers.get(TELL))).group(1)
    said = pressed(visit, new_medicine="yes", submit_token=token)
    assert [hers.post(TELL, said).status_code for _ in range(3)] == [302] * 3
    assert ChangeReport.objects.count() == 1
    assert visit.patient.answers.filter(code="new_medicine", via="patient").count() == 1
    # Going back and saying something else on the same page is another press.
    assert hers.post(TELL, said | {"new_medicine": "", "new_allergy": "yes"}).status_code == 302
    assert [one.changed for one in ChangeReport.objects.order_by("pk")] == [["new_medicine"], ["new_allergy"]]


# ── When it is refused ────────────────────────────────────────────────────────


def test_a_page_that_showed_another_time_answers_nothing_and_shows_the_new_one(hers, visit, desk_member):
    old = pressed(visit)
    place = factories.a_place(visit.clinic, visit.day + timedelta(days=3))
    visit = appointments.move(visit=visit, place=place, by=desk_member.user)
    before = fingerprint()
    page = words_of(hers.post(CHANGES, old), status=409)
    assert "This visit was moved." in page
    assert "Monday 15 March 2027, 11:00" in page
    assert fingerprint() == before
    assert hers.post(CHANGES, pressed(visit)).status_code == 302


def test_a_cancelled_visit_asks_nothing(hers, visit, desk_member):
    appointments.cancel(visit=visit, reason="Clinician ill", by=desk_member.user)
    before = fingerprint()
    for answer in (hers.get(CHANGES), hers.get(TELL)):
        page = words_of(answer)
        assert "This visit was cancelled" in page
        assert "Clinician ill" not in page
    assert "This visit was cancelled" in words_of(hers.post(CHANGES, pressed(visit)), status=409)
    assert fingerprint() == before
    with pytest.raises(DomainError, match="cancelled"):
        flow.report(visit=visit, version=visit.schedule_version, answers=[], link=a_link(visit), once=uuid4())


def test_until_it_begins_she_may_answer_and_then_no_more(hers, visit):
    clock.move_to(visit.during.lower - timedelta(minutes=1))
    assert hers.post(CHANGES, pressed(visit)).status_code == 302
    clock.move_to(visit.during.lower)
    assert "Your visit has begun" in words_of(hers.post(CHANGES, pressed(visit)), status=409)
    assert ChangeReport.objects.count() == 1
    with pytest.raises(DomainError, match="has begun"):
        told(visit)


def test_a_link_asks_about_her_own_visit_and_nobody_elses(clinic, visit):
    other = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman")
    hers = opened(a_token(other, "changes", about=visit.ref))
    born = other.born_on
    hers.post("/my/birth/", {"purpose": "changes", "day": born.day, "month": born.month, "year": born.year})
    assert "No visit is booked" in words_of(hers.get(CHANGES))
    assert hers.post(CHANGES, pressed(visit)).status_code == 409
    with pytest.raises(DomainError, match="another visit"):
        flow.report(visit=visit, version=1, answers=[], link=a_link_of(other, visit), once=uuid4())
    assert not ChangeReport.objects.exists()


def a_link_of(patient, visit):
    from tests.patients.links.made import row_of

    return row_of(a_token(patient, "changes", about=visit.ref))


def test_the_link_of_the_visit_page_opens_no_answers(visit):
    hers = opened(a_token(visit.patient, "visit", about=visit.ref))
    assert [hers.get(CHANGES).status_code, hers.post(TELL, pressed(visit)).status_code] == [404, 404]


@pytest.mark.parametrize("typed", [{"version": ""}, {"version": "9" * 400}, {"version": "²"}, {"submit_token": "x"}])
def test_a_press_with_odd_fields_is_never_an_error_of_ours(hers, visit, typed):
    assert hers.post(CHANGES, pressed(visit, **typed)).status_code in (302, 409)


def test_reading_changes_nothing(hers):
    before = fingerprint()
    for path in (CHANGES, TELL):
        hers.get(path)
        hers.head(path)
    assert fingerprint() == before


def test_a_forged_press_tells_us_nothing(visit):
    hers = opened(a_token(visit.patient, "changes", about=visit.ref), enforce_csrf_checks=True)
    assert hers.post(CHANGES, pressed(visit)).status_code == 403
    assert not ChangeReport.objects.exists()


# ── What it costs ─────────────────────────────────────────────────────────────


def test_a_page_and_a_press_cost_the_same_however_much_she_has_told_us(hers, visit):
    def asked() -> list[int]:
        found = []
        for act in (lambda: hers.get(CHANGES), lambda: hers.get(TELL), lambda: hers.post(CHANGES, pressed(visit))):
            with CaptureQueriesContext(connection) as captured:
                assert act().status_code in (200, 302)
            found.append(len(captured))
        return found

    hers.post(CHANGES, pressed(visit))
    few = asked()
    for days in range(1, 13):
        factories.answer_all(visit.patient, forms=("day",), answered_on=factories.TODAY - timedelta(days=30 * days))
    for _ in range(8):
        told(visit)
    assert asked() == few
    assert few[0] <= 6 and few[1] <= 6
