"""The days after a session as its patient reads them: behind her date of birth, by day, with her next visit; reading changes nothing."""

import re
from datetime import date, datetime, time, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.models import AuditEvent
from patients.models import PatientLink
from patients.outbox import kinds
from tests import factories
from tests.access.world import fingerprint
from tests.factories import LONDON
from tests.patients.links.made import a_token, opened, row_of
from tests.treatments.messages.reading import of_kind
from tests.treatments.patient_pages.proven import BORN, PAGE, in_hand, page_of, unproven
from treatments.appointments import services as appointments
from treatments.appointments.by_patient.models import MoveRequest
from treatments.appointments.models import Appointment
from treatments.assessments.past import services as past_sessions
from treatments.flows import reactions
from treatments.plans.models import TreatmentPlan
from treatments.sessions import services as sessions
from treatments.sessions.models import AdverseEvent, SessionZone, TreatmentSession

pytestmark = pytest.mark.django_db
CONFIRM, MOVE = f"{PAGE}confirm/", f"{PAGE}move/"
TAGS = re.compile(r"<[^>]+>")


@pytest.fixture
def hers(done_session) -> Client:
    return in_hand(done_session)


@pytest.fixture
def next_visit(done_session) -> Appointment:
    """Session 2, booked for Tuesday 20 April at eleven."""
    planned = done_session.plan.planned_sessions.get(number=2)
    return factories.book(planned, day=planned.target_on)


def words(page: str) -> str:
    """What is read, without tags and line ends."""
    return re.sub(r"\s+", " ", TAGS.sub(" ", page[page.index("<main") :])).replace(" .", ".")


def on_day(number: int, at: time = time(14)) -> None:
    clock.move_to(datetime.combine(factories.TODAY + timedelta(days=number), at, tzinfo=LONDON))


def pressed(visit: Appointment, /, **differing) -> dict:
    return {"visit": str(visit.ref), "version": visit.schedule_version} | differing


def status(visit: Appointment) -> str:
    visit.refresh_from_db()
    return visit.status


# ── Who may read it ───────────────────────────────────────────────────────────


def test_before_anything_clinical_she_says_when_she_was_born(done_session):
    browser = unproven(done_session)
    asked = browser.get(PAGE).content.decode()
    assert "Is it you?" in asked
    for clinical in ("Normal", "Pink", "sunscreen", "session", "Noor"):
        assert clinical not in words(asked)
    wrong = browser.post("/my/birth/", BORN | {"year": "1991"})
    assert (wrong.status_code, "4 tries are left" in wrong.content.decode()) == (422, True)
    assert "Is it you?" in browser.get(PAGE).content.decode()
    for _ in range(4):
        browser.post("/my/birth/", BORN | {"year": "1991"})
    assert browser.get(PAGE).status_code == 404
    assert browser.post("/my/birth/", BORN).status_code == 404


@pytest.mark.parametrize("path", [CONFIRM, MOVE])
def test_without_her_date_of_birth_nothing_is_done(done_session, next_visit, path):
    answer = unproven(done_session).post(path, pressed(next_visit))
    assert "Is it you?" in answer.content.decode()
    assert status(next_visit) == "booked"


def test_without_a_link_there_is_nothing(done_session, next_visit):
    assert [Client().get(path).status_code for path in (PAGE, MOVE)] == [404, 404]
    assert Client().post(CONFIRM, pressed(next_visit)).status_code == 404


def test_a_link_to_a_visit_opens_no_aftercare(done_session):
    browser = opened(a_token(done_session.patient, "visit", about=done_session.ref))
    assert browser.get(PAGE).status_code == 404


def test_the_session_of_another_patient_is_not_shown(clinic, done_session):
    other = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman")
    browser = opened(a_token(other, "aftercare", about=done_session.ref))
    browser.post("/my/birth/", BORN)
    assert "There is nothing to show here" in page_of(browser)


# ── Day by day ────────────────────────────────────────────────────────────────


def test_day_2_as_it_was_drawn(done_session, hers, next_visit):
    on_day(2)
    page = page_of(hers)
    said = words(page)
    for told in (
        "Day 2 of 7: what is normal today",
        "Wed 1 Thu 2 Fri 3 Sat 4 Sun 5 Mon 6 Tue 7",
        "Normal on day 2",
        "Pink, tight, a little swollen or dry",
        "No sport, pool or sauna until tomorrow 10:42.",
        "Call us today if you see",
        "Pus, oozing or spreading redness.",
        "Call 020 7946 0142",
        "Call 999 at once for: trouble breathing",
        "Your next visit Tue 20 Apr, 11:00 Noor Adeyemi, session 2 of 4",
        "I will come",
        "Move it",
        "Call us within three days for",
        "Still red after three days",
        "Retinoid cream: not before Tuesday 16 March.",
        "Keep taking every medicine that a doctor has prescribed.",
        "This link is yours alone.",
    ):
        assert told in said, told
    assert 'href="tel:02079460142"' in page
    assert 'href="tel:999"' in page
    assert 'aria-current="date"' in page
    assert 'aria-label="Session 1 done, 2 booked, 3 and 4 not booked"' in page
    assert "Leila" not in page and "Haddad" not in page


def test_each_day_has_its_own_page_and_the_strip_leads_there(done_session, hers):
    on_day(2)
    seen = {}
    for number in range(1, 8):
        seen[number] = words(page_of(hers, number))
        assert f"Day {number} of 7:" in seen[number]
    assert "what was normal" in seen[1] and "what is normal today" in seen[2] and "what will be normal" in seen[3]
    assert len(set(seen.values())) == 7
    assert "Retinoid cream: not before Tuesday 16 March." in seen[6]
    assert "You may use retinol, tretinoin or adapalene again" in seen[7]
    page = page_of(hers)
    assert [int(one) for one in re.findall(r'href="\?day=(\d+)"', page)] == [1, 3, 4, 5, 6, 7, 0, 8]
    assert "Back to today" not in page and "Back to today" in page_of(hers, 4)


def test_the_sessions_own_day(done_session, hers):
    said = words(page_of(hers))
    assert "The day of your visit: what is normal today" in said
    assert "No sport, pool or sauna until Friday 10:42. You can go back to work tomorrow." in said
    on_day(3)
    assert "The day of your visit: what was normal" in words(page_of(hers, 0))


def test_after_the_week_its_page_is_the_second_week(done_session, hers):
    on_day(10)
    said = words(page_of(hers))
    assert "Week 2: what is normal now" in said
    assert "You may use retinol, tretinoin or adapalene again" in said
    on_day(3)
    assert "Week 2: what will be normal" in words(page_of(hers, 8))


@pytest.mark.parametrize("day", ["-1", "99", "two", "", "²", "9" * 500, "3.5", "36"])
def test_a_day_that_is_none_shows_today(done_session, hers, day):
    on_day(2)
    assert "Day 2 of 7: what is normal today" in words(page_of(hers, day))


def test_skin_type_5_reads_her_own_days(patient):
    session = factories.make_done_session(factories.make_visit_today(patient, skin_type=5))
    hers = in_hand(session)
    on_day(7)
    assert "SPF 50, every day for 28 days" in words(page_of(hers))
    assert "Retinoid cream: not before Tuesday 23 March." in words(page_of(hers))
    on_day(14)
    assert "You may use retinol, tretinoin or adapalene again, but not after" in words(page_of(hers))


def test_a_visit_that_comes_sooner_takes_a_permission_back(hers, next_visit):
    on_day(14)
    assert "You may have filler again, but not after Tuesday 23 March." in words(page_of(hers))
    place = factories.a_place(next_visit.clinic, factories.TODAY + timedelta(days=35))
    appointments.move(visit=next_visit, place=place, by=factories.a_manager(next_visit.clinic).user)
    assert "Filler: not until your course is finished." in words(page_of(hers))


def test_the_page_of_a_day_that_is_past_permits_nothing_that_is_over_by_now(hers, next_visit):
    on_day(9)
    assert "You may use retinol, tretinoin or adapalene again, but not after Thursday 15 April." in words(
        page_of(hers, 7)
    )
    on_day(39)
    assert "Retinoid cream: not until your course is finished." in words(page_of(hers, 7))


def test_an_open_reaction_comes_first(done_session, hers):
    on_day(8)
    AdverseEvent.objects.create(
        patient=done_session.patient, session=done_session, code="infection", grade=2,
        onset_on=factories.TODAY + timedelta(days=4), reported_by=done_session.operator.user,
    )  # fmt: skip
    said = words(page_of(hers))
    assert "We look after a reaction with you." in said
    assert "Retinoid cream: please ask us first." in said
    assert "You may" not in said


def test_an_open_reaction_of_a_session_entered_afterwards_comes_first_too(done_session, hers, next_visit):
    """Her permissions and her next visit go by the same rule as the gate."""
    on_day(8)
    assert "Retinoid cream: please ask us first." not in words(page_of(hers))
    past = factories.a_past_session(done_session.patient, reaction_grade=2)
    said = words(page_of(hers))
    assert "Retinoid cream: please ask us first." in said
    assert "We look after a reaction with you." in said
    assert "Your next visit waits until we have spoken. Please call us." in said
    past_sessions.mark_entered_in_error(past=past, reason="Another patient's", by=past.entered_by)
    assert "please ask us first" not in words(page_of(hers))


@pytest.mark.parametrize(
    ("session_at", "until"),
    [
        (datetime(2027, 3, 26, 10, 42, tzinfo=LONDON), "Monday 11:42"),
        (datetime(2027, 10, 29, 10, 42, tzinfo=LONDON), "Monday 09:42"),
    ],
)
def test_hours_run_as_they_pass_where_the_clocks_change(clinic, clinic_time, session_at, until):
    clinic_time(session_at)
    session = factories.make_done_session(factories.make_visit_today(factories.make_patient(clinic), at=time(11)))
    hers = in_hand(session)
    clinic_time(session_at + timedelta(days=1))
    assert f"No sport, pool or sauna until {until}." in words(page_of(hers))


def test_days_turn_at_midnight_of_the_clinic(done_session, hers):
    clock.move_to(datetime(2027, 3, 10, 23, 59, 30, tzinfo=LONDON))
    assert "Day 1 of 7" in page_of(hers)
    clock.move_to(datetime(2027, 3, 11, 0, 0, 1, tzinfo=LONDON))
    assert "Day 2 of 7" in page_of(hers)


# ── What is no longer shown ───────────────────────────────────────────────────


def test_a_session_that_was_entered_in_error_says_so_kindly_and_how_to_call(done_session, hers):
    sessions.mark_entered_in_error(session=done_session, reason="Wrong patient", by=done_session.operator)
    page = page_of(hers)
    assert "There is nothing to show here" in page
    assert 'href="tel:02079460142"' in page
    assert "Wrong patient" not in page and "Normal" not in page


def test_after_the_next_session_it_leads_to_the_newest_mail(done_session, second_session):
    said = words(page_of(in_hand(done_session)))
    assert "This page is about an earlier visit" in said
    assert "Normal on" not in said


def test_a_closed_record_ends_the_link(done_session, hers):
    type(done_session.patient).objects.filter(pk=done_session.patient_id).update(status="deceased")
    answer = hers.get(PAGE)
    assert answer.status_code == 404
    assert "This link has ended" in answer.content.decode()


# ── Her next visit ────────────────────────────────────────────────────────────


def test_i_will_come_confirms_and_the_audit_names_her_link(done_session, hers, next_visit):
    answer = hers.post(CONFIRM, pressed(next_visit), follow=True)
    assert "You said you will come." in answer.content.decode()
    assert "I will come" not in answer.content.decode()
    assert status(next_visit) == "confirmed"
    event = AuditEvent.objects.get(action="visit.confirmed")
    link = PatientLink.objects.get(purpose="aftercare")
    assert (event.by, event.facts["said_by"], event.facts["link"]) == (None, "patient", str(link.ref))


def test_pressed_twice_is_once(hers, next_visit):
    assert [hers.post(CONFIRM, pressed(next_visit)).status_code for _ in range(3)] == [302] * 3
    assert AuditEvent.objects.filter(action="visit.confirmed").count() == 1


def test_an_old_page_confirms_no_visit_that_was_moved(hers, next_visit):
    old = pressed(next_visit)
    place = factories.a_place(next_visit.clinic, next_visit.day, time(14))
    appointments.move(visit=next_visit, place=place, by=factories.a_manager(next_visit.clinic).user)
    answer = hers.post(CONFIRM, old)
    assert answer.status_code == 409
    assert "This visit was moved." in answer.content.decode() and "14:00" in answer.content.decode()
    assert status(next_visit) == "booked"


@pytest.mark.parametrize("typed", [{"visit": ""}, {"visit": "nonsense"}, {"version": "9" * 400}, {"version": ""}])
def test_a_press_that_names_no_visit_as_it_is_gets_a_sentence(hers, next_visit, typed):
    assert hers.post(CONFIRM, pressed(next_visit, **typed)).status_code in (409, 422)
    assert status(next_visit) == "booked"


def test_another_patients_visit_is_not_confirmed(clinic, hers, next_visit):
    other = factories.make_active_plan(factories.make_patient(clinic, given_name="Aisha", family_name="Rahman"))
    theirs = factories.book(other.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=9))
    assert hers.post(CONFIRM, pressed(theirs)).status_code == 422
    assert status(theirs) == "booked"


def test_a_forged_press_confirms_nothing(done_session, next_visit):
    browser = unproven(done_session, enforce_csrf_checks=True)
    assert browser.post(CONFIRM, pressed(next_visit)).status_code == 403
    assert status(next_visit) == "booked"


def test_while_a_reaction_is_open_her_next_visit_waits_until_we_have_spoken(done_session, hers, next_visit):
    """As she read after her own red answer: no page beside it asks whether she comes."""
    reactions.report(session=done_session, code="infection", grade=3, note="", by=done_session.operator.user)
    said = words(page_of(hers))
    assert "Your next visit waits until we have spoken. Please call us." in said
    assert "I will come" not in said
    answer = hers.post(CONFIRM, pressed(next_visit))
    assert (answer.status_code, status(next_visit)) == (409, "booked")
    assert "We speak with you before this visit, so please call us." in words(answer.content.decode())


def test_no_visit_booked_says_when_one_would_be_right(done_session, hers):
    said = words(page_of(hers))
    planned = done_session.plan.planned_sessions.get(number=2)
    assert "No visit is booked" in said
    assert f"Best between {planned.target_on:%a} {planned.target_on.day} {planned.target_on:%b}" in said
    assert "I will come" not in said


def test_a_finished_course_asks_for_no_visit(done_session, hers):
    TreatmentPlan.objects.filter(pk=done_session.plan_id).update(status="completed")
    said = words(page_of(hers))
    assert "Your course is finished" in said
    assert "Best between" not in said


def test_move_it_leads_to_the_page_that_asks_for_another_time(hers, next_visit):
    assert f'href="{MOVE}"' in page_of(hers)
    assert hers.get(MOVE).status_code == 200


def test_she_asks_for_another_time_with_this_link_and_takes_it_back(hers, next_visit):
    asked = hers.post(MOVE, pressed(next_visit, act="ask", weekdays=["2"]))
    assert asked.status_code == 302, words(asked.content.decode())
    assert asked.headers["Location"] == MOVE
    standing = MoveRequest.objects.get(ended_at=None)
    assert (standing.visit, standing.link.purpose) == (next_visit, "aftercare")
    assert "You asked for another time." in words(page_of(hers))
    assert hers.post(MOVE, pressed(next_visit, act="take_back")).status_code == 302
    assert not MoveRequest.objects.filter(ended_at=None).exists()
    assert "I will come" in words(page_of(hers))


def test_who_has_asked_for_another_time_reads_so(done_session, hers, next_visit):
    link = PatientLink.objects.get(purpose="aftercare")
    MoveRequest.objects.create(
        patient=done_session.patient, visit=next_visit, visit_version=1, weekdays=[2], link=link
    )  # fmt: skip
    said = words(page_of(hers))
    assert "You asked for another time. We call you. Until then your visit stays as it is." in said
    assert "I will come" not in said
    assert "What you asked" in said


def test_a_visit_that_is_near_is_moved_by_telephone(done_session, hers, clinician_member):
    """A look at the result on day 3, seen on the afternoon before: a list may be read too late."""
    place = factories.a_place(done_session.clinic, factories.TODAY + timedelta(days=3), kind="review")
    appointments.book(patient=done_session.patient, kind="review", place=place, by=clinician_member.user)
    on_day(1)
    assert "Move it" in words(page_of(hers))
    on_day(2)
    said = words(page_of(hers))
    assert "Fri 12 Mar, 11:00 Noor Adeyemi, review" in said
    assert "Move it" not in said
    assert "I will come Call 020 7946 0100" in said


def test_without_a_visit_there_is_nothing_to_move(hers):
    assert hers.get(MOVE).headers["Location"] == PAGE


# ── Reading changes nothing, and costs the same ───────────────────────────────


def scanned(browser: Client, start: str) -> list[str]:
    """Every page of ours that a program reaches by following links, each once."""
    seen, ahead = [], [start]
    while ahead:
        path = ahead.pop()
        if path in seen:
            continue
        seen.append(path)
        answer = browser.get(path)
        browser.head(path)
        assert answer.status_code in (200, 302), path
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            found = re.findall(r'href="([^"#]+)"', answer.content.decode())
            ahead += [PAGE + one if one.startswith("?") else one for one in found if one.startswith(("?", "/my/"))]
    return seen


@pytest.mark.parametrize("day", [0, 1, 3, 7, 12])
def test_a_scanner_that_follows_every_link_changes_nothing(hers, next_visit, day):
    on_day(day)
    before = fingerprint()
    seen = scanned(hers, PAGE)
    assert len(seen) >= 9 and MOVE in seen
    assert hers.get(CONFIRM).headers["Location"] == PAGE
    assert fingerprint() == before


def test_the_check_above_sees_a_change(hers, next_visit):
    """Negative control: a press leaves its mark."""
    before = fingerprint()
    hers.post(CONFIRM, pressed(next_visit))
    assert fingerprint() != before


def with_history(done: TreatmentSession, count: int) -> None:
    """So many sessions in the years before. Rows of the past, past the gate that lets only today's begin."""
    zones = list(done.zones.all())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    for number in range(1, count):
        earlier = TreatmentSession.objects.get(pk=done.pk)
        earlier.pk, earlier.ref, earlier.cartridge_serial = None, uuid4(), ""
        earlier.status, earlier.stopped_reason = "stopped", "Felt faint"
        earlier.on = done.on - timedelta(days=42 * number)
        earlier.save(force_insert=True)
        for zone in zones:
            SessionZone.objects.create(
                session=earlier, zone=zone.zone, depth_mm=zone.depth_mm, passes=zone.passes,
                soft_max_mm=zone.soft_max_mm, hard_cap_mm=zone.hard_cap_mm,
            )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def queries(browser: Client) -> int:
    with CaptureQueriesContext(connection) as seen:
        page_of(browser)
    return len(seen)


def test_a_page_costs_the_same_however_long_her_history(done_session, hers, next_visit):
    on_day(2)
    page_of(hers)
    few = queries(hers)
    with_history(done_session, 40)
    assert done_session.patient.sessions.count() == 40
    assert queries(hers) == few
    assert few <= 22, few


def test_the_link_of_a_mail_stands_sixteen_days_and_the_last_one_as_long_as_its_mail(done_session):
    stands = {}
    for kind in (
        "aftercare_now",
        "aftercare_4h",
        "aftercare_24h",
        "aftercare_72h",
        "aftercare_7d",
        "aftercare_14d",
        "aftercare_28d",
    ):
        message = of_kind(done_session.patient, kind)
        wanted = kinds.get(kind).links(message, {})["aftercare"]
        assert (wanted.purpose, wanted.about) == ("aftercare", done_session.ref)
        stands[kind] = (wanted.until.astimezone(LONDON).date() - date(2027, 3, 9)).days
    assert stands == {
        "aftercare_now": 16, "aftercare_4h": 16, "aftercare_24h": 16, "aftercare_72h": 16,
        "aftercare_7d": 16, "aftercare_14d": 28, "aftercare_28d": 35,
    }  # fmt: skip
    assert row_of(a_token(done_session.patient, "aftercare", about=done_session.ref)).purpose == "aftercare"
