"""A patient has died, moved away, or was entered in error: what hangs on the record ends with it, and may begin again."""

from datetime import date, time, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from patients.links import services as links
from patients.links.purposes import CONTACT, Wanted
from patients.models import Message, PatientLink, RecordClosing
from patients.services import closing as records
from tests import factories
from tests.factories import TODAY
from treatments.appointments import services as diary
from treatments.appointments.calls import services as calls
from treatments.appointments.courses import services as courses
from treatments.appointments.models import Appointment
from treatments.flows import closing, visits
from treatments.flows.closing import Why
from treatments.plans.models import TreatmentPlan

WAITING = ("due", "held", "sending")


@pytest.fixture
def by(clinic):
    return factories.a_manager(clinic).user


def close(patient, why=Why.DECEASED, **more) -> RecordClosing:
    by = factories.a_manager(patient.clinic).user
    return closing.close_record(**{"patient": patient, "why": why, "reason": "Her son telephoned", "by": by} | more)


def page_of(name: str, patient) -> str:
    return reverse(f"treatments:{name}", args=[patient.ref])


def form(page, **differing) -> dict:
    """The page filled in as a person would, every visit ticked."""
    shown = page.context["form"]
    ticked = {"cancel": list(shown.visits)} if shown.visits else {}
    return ticked | {"why": "moved_away", "on": "", "reason": "Goes to Leeds"} | differing


# ── What ends ─────────────────────────────────────────────────────────────────


def test_with_a_death_visits_course_links_waiting_and_mail_end_together(booked_course, by):
    patient, plan = booked_course[0].patient, booked_course[0].planned_session.plan
    [token] = links.issue([links.Order(patient, Wanted(CONTACT.code))])
    calls.wait(patient=patient, kind="review", by=by)
    assert Message.objects.filter(patient=patient, state__in=WAITING).exists()
    close(patient, on=TODAY)
    patient.refresh_from_db()
    assert patient.status == "deceased"
    assert set(patient.appointments.values_list("status", flat=True)) == {"cancelled"}
    assert TreatmentPlan.objects.get(pk=plan.pk).status == "revoked"
    assert not patient.waiting_entries.filter(ended_at=None).exists()
    assert not Message.objects.filter(patient=patient, state__in=WAITING).exists()
    assert links.look_up(token=token, purpose=CONTACT.code) is None
    assert AuditEvent.objects.filter(target_ref=patient.ref, action="patient.closed").count() == 1


def test_negative_control_without_the_closing_they_stand(booked_course):
    patient = booked_course[0].patient
    assert set(patient.appointments.values_list("status", flat=True)) == {"booked"}
    assert Message.objects.filter(patient=patient, state__in=WAITING).exists()


def test_nobody_is_written_to_of_the_visits_that_end(booked_course):
    patient = booked_course[0].patient
    Message.objects.filter(patient=patient, kind="course_booked").update(state="sent", sent_at=clock.now())
    close(patient)
    told = Message.objects.filter(patient=patient, kind__in=["booking_cancelled", "course_cancelled"])
    assert told.exists()
    assert set(told.values_list("state", flat=True)) <= {"suppressed", "cancelled"}


def test_who_moved_away_may_come_for_a_visit_that_stays(booked_course, by):
    first, *later = booked_course
    close(first.patient, Why.MOVED_AWAY, keep=[first.ref])
    first.refresh_from_db()
    assert first.status == "booked"
    assert {Appointment.objects.get(pk=one.pk).status for one in later} == {"cancelled"}
    assert first.planned_session.plan.status == "active"
    moved = diary.move(visit=first, place=factories.a_place(first.clinic, first.day, time(14)), by=by)
    assert moved.starts_at == time(14)


def test_of_the_dead_no_visit_stays(booked_course):
    first = booked_course[0]
    close(first.patient, Why.DECEASED, keep=[first.ref])
    first.refresh_from_db()
    assert first.status == "cancelled"


# ── What is refused ───────────────────────────────────────────────────────────


def test_nothing_is_booked_on_a_closed_record(patient, by):
    close(patient)
    place = factories.a_place(patient.clinic, TODAY + timedelta(days=7), kind="consultation")
    with pytest.raises(DomainError, match="This record is closed: deceased"):
        diary.book(patient=patient, kind="consultation", place=place, by=by)


def test_nor_a_course_nor_a_hold_of_one(active_plan, by):
    places = factories.best_places(active_plan)
    records.close(patient=active_plan.patient, why=Why.MOVED_AWAY, reason="Leeds", by=by)
    for act in (courses.book_all, courses.hold):
        with pytest.raises(DomainError, match="This record is closed: moved away"):
            act(plan=active_plan, places=places, by=by)
    assert not Appointment.objects.exists()


def test_a_cancelled_visit_of_the_dead_does_not_come_back(booked_course, by):
    visit = booked_course[0]
    close(visit.patient)
    with pytest.raises(DomainError, match="This record is closed"):
        visits.undo_step(visit=visit, by=by)


def test_not_while_she_is_in_the_building(visit_today):
    factories.arrive(visit_today)
    with pytest.raises(DomainError, match="A visit of today is under way"):
        close(visit_today.patient)


def test_not_while_a_session_is_open(open_session):
    Appointment.objects.filter(pk=open_session.appointment_id).update(status="done")
    with pytest.raises(DomainError, match="A session has begun"):
        close(open_session.patient)


def test_a_record_that_was_used_is_no_error(done_session):
    with pytest.raises(DomainError, match="Somebody was treated or has signed"):
        close(done_session.patient, Why.ENTERED_IN_ERROR)
    close(done_session.patient, Why.MOVED_AWAY)


def test_nothing_of_it_is_done_where_one_part_is_refused(booked_course):
    with pytest.raises(DomainError, match="not come yet"):
        close(booked_course[0].patient, on=TODAY + timedelta(days=1))
    assert set(Appointment.objects.values_list("status", flat=True)) == {"booked"}


@pytest.mark.parametrize(
    ("differing", "said"),
    [
        ({"reason": "  "}, "Write how we know"),
        ({"on": date(1900, 1, 1)}, "before the date of birth"),
        ({"on": TODAY + timedelta(days=1)}, "not come yet"),
    ],
)
def test_a_closing_says_how_we_know_and_when_it_can_have_been(patient, differing, said):
    with pytest.raises(DomainError, match=said):
        close(patient, **differing)


def test_a_record_is_closed_once(patient):
    close(patient)
    with pytest.raises(DomainError, match="closed already: deceased"):
        close(patient, Why.MOVED_AWAY)


def test_a_visit_booked_between_the_look_and_the_lock_is_not_overlooked(patient, by, monkeypatch):
    """The list of visits is read before the patient is locked: what another desk wrote meanwhile is seen after it."""
    place = factories.a_place(patient.clinic, TODAY + timedelta(days=7), kind="consultation")
    ended = closing._end_visits

    def booked_after(*args, **more):
        ended(*args, **more)
        diary.book(patient=patient, kind="consultation", place=place, by=by)

    monkeypatch.setattr(closing, "_end_visits", booked_after)
    with pytest.raises(DomainError, match="booked meanwhile"):
        close(patient)
    patient.refresh_from_db()
    assert patient.status == "active"


@pytest.mark.parametrize(
    "sql", ["DELETE FROM patients_recordclosing", "UPDATE patients_recordclosing SET reason = 'x'"]
)
def test_the_database_keeps_what_was_said(patient, sql):
    close(patient)
    with pytest.raises(Exception, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_database_knows_one_closing_at_a_time(patient, by):
    close(patient)
    with pytest.raises(IntegrityError), transaction.atomic():
        RecordClosing.objects.create(patient=patient, why=Why.MOVED_AWAY, reason="x", closed_by=by)


# ── Open again ────────────────────────────────────────────────────────────────


def test_open_again_she_is_booked_and_written_to(patient, by):
    close(patient)
    records.reopen(patient=patient, reason="It was her sister", by=by)
    patient.refresh_from_db()
    assert patient.status == "active"
    place = factories.a_place(patient.clinic, TODAY + timedelta(days=7), kind="consultation")
    visit = diary.book(patient=patient, kind="consultation", place=place, by=by)
    assert Message.objects.filter(about=visit.ref, state="due").exists()
    close(patient, Why.MOVED_AWAY)
    assert patient.closings.count() == 2


def test_what_was_cancelled_stays_cancelled(booked_course, by):
    patient = booked_course[0].patient
    close(patient)
    records.reopen(patient=patient, reason="It was her sister", by=by)
    assert set(patient.appointments.values_list("status", flat=True)) == {"cancelled"}
    assert not PatientLink.objects.filter(patient=patient, closed_at=None).exists()
    told = Message.objects.filter(patient=patient, state="due")
    assert not told.filter(kind__startswith="visit_reminder").exists()


def test_an_open_record_is_not_opened_and_a_reason_is_given(patient, by):
    with pytest.raises(DomainError, match="This record is open"):
        records.reopen(patient=patient, reason="x", by=by)
    close(patient)
    with pytest.raises(DomainError, match="Write why"):
        records.reopen(patient=patient, reason=" ", by=by)


# ── The pages ─────────────────────────────────────────────────────────────────


def test_the_desk_closes_and_opens_a_record(desk, booked_course):
    patient = booked_course[0].patient
    chart = desk.get(patient.get_absolute_url()).content.decode()
    assert page_of("close_record", patient) in chart
    page = desk.get(page_of("close_record", patient))
    assert "stops, unless a visit of it stays" in page.content.decode()
    answer = desk.post(page_of("close_record", patient), form(page))
    assert answer.status_code == 302
    said = desk.get(answer["Location"]).content.decode()
    assert "This record is closed: moved away" in said
    assert "Goes to Leeds" in said
    assert "Record closed: moved away, or goes elsewhere" in said
    assert "Ask, on the day" not in said
    opened = desk.post(page_of("reopen_record", patient), {"reason": "Came back"})
    assert opened.status_code == 302
    patient.refresh_from_db()
    assert patient.status == "active"
    assert "Opened again 9 Mar" in desk.get(patient.get_absolute_url()).content.decode()


def test_a_visit_without_its_tick_stays(desk, booked_course):
    first = booked_course[0]
    page = desk.get(page_of("close_record", first.patient))
    others = [ref for ref in page.context["form"].visits if ref != str(first.ref)]
    desk.post(page_of("close_record", first.patient), form(page, cancel=others))
    first.refresh_from_db()
    assert first.status == "booked"


def test_nothing_typed_is_lost(desk, booked_course):
    patient = booked_course[0].patient
    page = desk.get(page_of("close_record", patient))
    refused = desk.post(page_of("close_record", patient), form(page, on="2199-01-01"))
    assert refused.status_code == 422
    words = refused.content.decode()
    assert "This day has not come yet." in words
    assert 'value="Goes to Leeds"' in words
    assert desk.post(page_of("close_record", patient), {}).status_code == 422


def test_a_closed_record_has_no_second_closing(desk, patient):
    close(patient)
    page = desk.get(page_of("close_record", patient)).content.decode()
    assert "This record is closed already" in page
    assert desk.get(page_of("reopen_record", patient)).status_code == 200


def test_an_open_record_has_nothing_to_reopen(desk, patient):
    assert desk.get(page_of("reopen_record", patient)).status_code == 404


def test_the_page_costs_the_same_whatever_is_ahead(desk, patient, by):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.get(page_of("close_record", patient))
        return len(queries)

    asked()
    few = asked()
    for days in range(7, 70, 7):
        place = factories.a_place(patient.clinic, TODAY + timedelta(days=days), kind="consultation")
        diary.book(patient=patient, kind="consultation", place=place, by=by)
    assert asked() == few <= 12
