"""Her visit as she sees it from a mail: when and where, "I will come", and what became of it meanwhile."""

from datetime import time, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import Client

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from tests import factories
from tests.access.world import fingerprint
from tests.patients.links.made import a_token, opened, row_of
from treatments.appointments import services as appointments
from treatments.appointments.models import Appointment
from treatments.assessments.past import services as past_sessions
from treatments.flows import reactions
from treatments.flows.confirming import say_she_comes

pytestmark = pytest.mark.django_db
PAGE, CONFIRM, CALENDAR = "/my/visit/", "/my/visit/confirm/", "/my/visit/calendar/"


@pytest.fixture
def visit(active_plan) -> Appointment:
    """Session 1, booked for tomorrow at eleven."""
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=1))


@pytest.fixture
def hers(visit) -> Client:
    return opened(a_token(visit.patient, "visit", about=visit.ref))


def pressed(visit: Appointment, /, **differing) -> dict:
    return {"visit": str(visit.ref), "version": visit.schedule_version} | differing


def status(visit: Appointment) -> str:
    visit.refresh_from_db()
    return visit.status


def page_of(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return answer.content.decode()


def test_she_reads_when_and_where_and_no_word_on_what_for(hers, visit):
    visit.clinic.address = "4 Alder Lane, London"
    visit.clinic.save()
    page = page_of(hers)
    for told in (
        "Wednesday 10 March 2027, 11:00",
        "Alder Lane",
        "4 Alder Lane, London",
        "020 7946 0100",
        "I will come",
    ):
        assert told in page
    for untold in (
        "Leila",
        "Haddad",
        "needling",
        "scar",
        "session",
        "treatment",
        "course",
        "Skin",
        str(visit.clinician),
    ):
        assert untold.casefold() not in page.casefold(), untold


def test_i_will_come_confirms_and_the_audit_says_that_she_said_it(hers, visit):
    answer = hers.post(CONFIRM, pressed(visit), follow=True)
    assert answer.status_code == 200
    assert "You said you will come" in answer.content.decode()
    assert "I will come" not in answer.content.decode()
    assert status(visit) == "confirmed"
    assert visit.confirmed_at == clock.now()
    event = AuditEvent.objects.get(action="visit.confirmed")
    assert (event.by, event.target_ref, event.facts["said_by"]) == (None, visit.ref, "patient")


def test_pressed_twice_is_once(hers, visit):
    assert [hers.post(CONFIRM, pressed(visit)).status_code for _ in range(3)] == [302] * 3
    assert AuditEvent.objects.filter(action="visit.confirmed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_telephones_at_once_confirm_once(visit):
    link, barrier = row_of(a_token(visit.patient, "visit", about=visit.ref)), Barrier(4)

    def press() -> None:
        barrier.wait()
        say_she_comes(visit=visit, version=visit.schedule_version, link=link)
        connection.close()

    threads = [Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert status(visit) == "confirmed"
    assert AuditEvent.objects.filter(action="visit.confirmed").count() == 1


def test_what_the_desk_confirmed_already_is_said(hers, visit, desk_member):
    appointments.step(visit=visit, to="confirmed", by=desk_member.user)
    assert "You said you will come" in page_of(hers)


def test_a_visit_that_was_moved_shows_its_new_time_and_an_old_page_confirms_nothing(hers, visit, desk_member):
    old = pressed(visit)
    place = factories.a_place(visit.clinic, visit.day, time(14))
    visit = appointments.move(visit=visit, place=place, by=desk_member.user)
    answer = hers.post(CONFIRM, old)
    assert answer.status_code == 409
    assert "This visit was moved." in answer.content.decode()
    assert "14:00" in answer.content.decode()
    assert status(visit) == "booked"
    assert hers.post(CONFIRM, pressed(visit)).status_code == 302
    assert status(visit) == "confirmed"


def test_a_page_from_a_mail_that_gave_another_time_says_that_it_was_moved(visit, desk_member):
    message = visit.patient.messages.filter(kind="booking_confirmed").get()
    hers = opened(a_token(visit.patient, "visit", about=visit.ref, message=message))
    assert "Moved since our message" not in page_of(hers)
    appointments.move(visit=visit, place=factories.a_place(visit.clinic, visit.day, time(14)), by=desk_member.user)
    assert "Moved since our message" in page_of(hers)
    assert "14:00" in page_of(hers)


@pytest.fixture
def second(done_session) -> Appointment:
    """Session 2, six weeks after the first."""
    planned = done_session.plan.planned_sessions.get(number=2)
    return factories.book(planned, day=planned.target_on)


def a_reaction(session, *, grade: int = 3):
    return reactions.report(session=session, code="other", grade=grade, note="", by=session.operator.user)


def test_while_a_reaction_is_open_we_speak_first_and_she_confirms_nothing(done_session, second):
    browser = opened(a_token(second.patient, "visit", about=second.ref))
    event = a_reaction(done_session)
    page = page_of(browser)
    assert "We speak first" in page and "This visit waits until we have spoken." in page
    assert "I will come" not in page and "reaction" not in page
    assert "tel:02079460100" in page
    answer = browser.post(CONFIRM, pressed(second))
    assert (answer.status_code, status(second)) == (409, "booked")
    assert "We speak with you before this visit, so please call us." in answer.content.decode()
    reactions.close(event=event, resolved_on=factories.TODAY, over_72h=False, by=done_session.operator)
    assert browser.post(CONFIRM, pressed(second)).status_code == 302
    assert status(second) == "confirmed"


@pytest.mark.parametrize(("grade", "holds"), [(None, False), (1, False), (2, True), (5, True)])
def test_a_reaction_of_a_session_entered_afterwards_is_spoken_about_first_too(done_session, second, grade, holds):
    browser = opened(a_token(second.patient, "visit", about=second.ref))
    past = factories.a_past_session(second.patient, reaction_grade=grade)
    assert ("We speak first" in page_of(browser)) is holds
    assert ("I will come" in page_of(browser)) is not holds
    answer = browser.post(CONFIRM, pressed(second))
    assert (answer.status_code, status(second)) == ((409, "booked") if holds else (302, "confirmed"))
    settled = {"on": past.on, "where": past.where, "counts": True, "reaction_grade": grade} | (
        {"reaction_resolved_on": past.on} if grade else {}
    )
    past_sessions.correct(past=past, reason="It has settled", by=past.entered_by, **settled)
    assert "We speak first" not in page_of(browser)


def test_who_had_confirmed_before_the_reaction_reads_that_we_speak_first(done_session, second, desk_member):
    appointments.step(visit=second, to="confirmed", by=desk_member.user)
    a_reaction(done_session)
    page = page_of(opened(a_token(second.patient, "visit", about=second.ref)))
    assert "We speak first" in page and "There is nothing more to do" not in page


def test_a_mild_reaction_and_a_visit_that_is_no_session_are_confirmed(done_session, second, clinician_member):
    """What the gate lets pass is not held here."""
    a_reaction(done_session, grade=1)
    assert "I will come" in page_of(opened(a_token(second.patient, "visit", about=second.ref)))
    a_reaction(done_session)
    place = factories.a_place(done_session.clinic, factories.TODAY + timedelta(days=3), kind="review")
    look = appointments.book(patient=done_session.patient, kind="review", place=place, by=clinician_member.user)
    browser = opened(a_token(look.patient, "visit", about=look.ref))
    assert "I will come" in page_of(browser)
    assert (browser.post(CONFIRM, pressed(look)).status_code, status(look)) == (302, "confirmed")


def test_a_cancelled_visit_says_so_and_is_not_confirmed(hers, visit, desk_member):
    old = pressed(visit)
    appointments.cancel(visit=visit, reason="Clinician ill", by=desk_member.user)
    page = page_of(hers)
    assert "This visit was cancelled" in page
    assert "Clinician ill" not in page
    assert "I will come" not in page
    answer = hers.post(CONFIRM, old)
    assert (answer.status_code, status(visit)) == (409, "cancelled")
    assert "nothing to confirm" in answer.content.decode()


@pytest.mark.parametrize(
    ("later", "heading"),
    [(timedelta(hours=24, minutes=30), "Your visit has begun"), (timedelta(days=3), "This visit is over")],
)
def test_a_visit_that_has_begun_or_is_over_says_so_and_is_not_confirmed(hers, visit, later, heading):
    clock.shift(later)
    assert heading in page_of(hers)
    assert hers.post(CONFIRM, pressed(visit)).status_code == 409
    assert status(visit) == "booked"


def test_a_link_opens_her_own_visit_and_nobody_elses(clinic, visit, hers):
    other = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman")
    not_hers = opened(a_token(other, "visit", about=visit.ref))
    assert "No visit is booked" in page_of(not_hers)
    assert not_hers.post(CONFIRM, pressed(visit)).status_code == 422
    assert status(visit) == "booked"


def test_another_visit_of_hers_is_not_confirmed_by_this_link(visit, hers):
    second = factories.book(visit.planned_session.plan.planned_sessions.get(number=2))
    assert hers.post(CONFIRM, pressed(second)).status_code == 422
    assert status(second) == "booked"


@pytest.mark.parametrize(
    "typed",
    [
        {"visit": ""},
        {"visit": "nonsense"},
        {"version": ""},
        {"version": "9" * 400},
        {"version": "-1"},
        {"version": "²"},
    ],
)
def test_a_press_that_names_no_visit_as_it_is_gets_a_sentence(hers, visit, typed):
    assert hers.post(CONFIRM, pressed(visit, **typed)).status_code in (409, 422)
    assert status(visit) == "booked"


def test_a_link_to_several_visits_asks_about_the_next_and_lists_the_later(booked_course):
    first, second, *_ = booked_course
    plan = first.planned_session.plan
    hers = opened(a_token(first.patient, "visit", about=plan.ref))
    clock.move_to(first.during.upper + timedelta(days=1))
    page = page_of(hers)
    assert "Tuesday 20 April 2027, 09:00" in page
    assert page.index("Later visits") < page.index("Tuesday 1 June 2027") < page.index("Tuesday 13 July 2027")
    assert hers.post(CONFIRM, pressed(second)).status_code == 302
    assert (status(first), status(second)) == ("booked", "confirmed")


def test_her_calendar_gets_the_visit_under_the_name_that_the_mails_file_has(hers, visit):
    answer = hers.get(CALENDAR)
    assert answer.headers["Content-Type"] == "text/calendar; method=PUBLISH; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="visit.ics"'
    said = answer.content.decode()
    assert f"UID:{visit.ref}@stratum" in said
    assert "SUMMARY:Visit at Alder Lane" in said
    assert "DTSTART;TZID=Europe/London:20270310T110000" in said


def test_where_nothing_is_ahead_there_is_no_file_but_the_page_that_says_why(hers, visit, desk_member):
    appointments.cancel(visit=visit, reason="Clinician ill", by=desk_member.user)
    assert hers.get(CALENDAR).headers["Location"] == PAGE


def test_reading_changes_nothing(hers):
    before = fingerprint()
    for path in (PAGE, CALENDAR):
        hers.get(path)
        hers.head(path)
    assert hers.get(CONFIRM).headers["Location"] == PAGE
    assert fingerprint() == before


def test_a_forged_press_confirms_nothing(visit):
    hers = opened(a_token(visit.patient, "visit", about=visit.ref), enforce_csrf_checks=True)
    assert hers.post(CONFIRM, pressed(visit)).status_code == 403
    assert status(visit) == "booked"


def test_without_a_link_there_is_no_visit(visit):
    assert [Client().get(PAGE).status_code, Client().get(CALENDAR).status_code] == [404, 404]
    assert Client().post(CONFIRM, pressed(visit)).status_code == 404
    assert status(visit) == "booked"


def test_a_page_costs_the_same_however_many_visits_she_has(booked_course, django_assert_num_queries):
    first = booked_course[0]
    alone = opened(a_token(first.patient, "visit", about=first.ref))
    several = opened(a_token(first.patient, "visit", about=first.planned_session.plan.ref))
    for client in (alone, several):
        with django_assert_num_queries(4):  # the link, her visits, the time, an open reaction
            client.get(PAGE)


def test_a_service_called_past_the_page_refuses_too(visit, desk_member):
    link = row_of(a_token(visit.patient, "visit", about=visit.ref))
    appointments.cancel(visit=visit, reason="Clinician ill", by=desk_member.user)
    with pytest.raises(DomainError, match="cancelled"):
        say_she_comes(visit=visit, version=visit.schedule_version, link=link)
