"""What waits for a clinician, on the page of all lists: it is there, says why, leads to where it is settled, and leaves."""

from datetime import time, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.services import history
from tests import factories
from tests.factories import TODAY
from treatments.appointments.models import Appointment
from treatments.assessments.past import services as past_sessions
from treatments.flows import clearances, reactions
from treatments.plans import services as plans
from treatments.screenings import services as screenings
from treatments.screenings.models import Clearance

WORKLISTS = reverse("treatments:worklists")
MINE = {"decisions", "cold-sores", "reactions", "differing", "medicines", "ending-clearances"}


def lists(who) -> dict[str, list]:
    return {begun["list"].code: begun["list"].calls for begun in who.get(WORKLISTS).context["shown"]}


def lines(who, code: str) -> list[tuple[str, str]]:
    """Why and until when, of the lines of a list."""
    return [(call.why, call.due) for call in lists(who)[code]]


def say(patient, code: str, value: str, *, via: str) -> None:
    by = None if via == "patient" else factories.a_clinician(patient.clinic).user
    history.record_answers(patient=patient, answers=[{"code": code, "value": value}], answered_on=TODAY, via=via, by=by)


def waiting_for_a_decision(clinic, code: str, **more):
    """A patient with a plan, whose newest screening waits for a clinician because of this rule."""
    patient = factories.make_patient(clinic, **more)
    factories.answer_all(patient)
    factories.make_draft(patient)
    factories.answer(patient, code, "yes")
    screenings.perform(patient=patient, on=TODAY, purpose="booking", by=factories.a_clinician(clinic).user)
    return patient


def test_a_manager_and_the_desk_have_none_of_them(desk, manager, clinician):
    assert lists(clinician).keys() >= MINE
    assert not MINE & lists(desk).keys()
    assert not MINE & lists(manager).keys()


def test_a_cold_sore_history_waits_on_a_list_of_its_own_until_it_is_decided(clinician, clinic, prescriber_member):
    patient = waiting_for_a_decision(clinic, "hsv_history")
    assert lines(clinician, "cold-sores") == [("Cold sores in the past", "none booked")]
    assert lists(clinician)["decisions"] == []
    [call] = lists(clinician)["cold-sores"]
    assert call.url == reverse("treatments:clearance", args=[patient.ref])
    clearances.give(
        patient=patient, code="hsv_history", reason="Prophylaxis given", expires_on=TODAY + timedelta(days=60),
        by=prescriber_member,
    )  # fmt: skip
    assert lists(clinician)["cold-sores"] == []


def test_another_decision_waits_on_the_other_list(clinician, clinic):
    waiting_for_a_decision(clinic, "anticoagulant_rx")
    assert lists(clinician)["cold-sores"] == []
    assert lines(clinician, "decisions") == [("Prescribed blood thinner", "none booked")]


def test_who_has_no_plan_or_a_closed_record_waits_for_nobody(clinician, clinic):
    waiting = waiting_for_a_decision(clinic, "hsv_history")
    plans.revoke(plan=waiting.plans.get(), reason="Changed her mind", by=factories.a_clinician(clinic).user)
    closed = waiting_for_a_decision(clinic, "hsv_history", given_name="Ben")
    type(closed).objects.filter(pk=closed.pk).update(status="moved_away")
    assert lists(clinician)["cold-sores"] == []


def test_a_reaction_is_there_until_it_is_closed(clinician, done_session, prescriber_member):
    event = reactions.report(
        session=done_session, code="infection", grade=2, note="", by=factories.a_clinician(done_session.clinic).user
    )
    [(why, due)] = lines(clinician, "reactions")
    assert why.endswith("grade 2: holds the next session")
    assert due == "Tue 9 Mar"
    assert lists(clinician)["reactions"][0].url == reverse("treatments:session", args=[done_session.ref])
    reactions.close(event=event, resolved_on=TODAY, over_72h=False, by=prescriber_member)
    assert lists(clinician)["reactions"] == []


def test_a_reaction_of_a_session_entered_afterwards_is_there_until_it_has_settled(clinician, done_session):
    reactions.report(
        session=done_session, code="infection", grade=2, note="", by=factories.a_clinician(done_session.clinic).user
    )
    past = factories.a_past_session(done_session.patient, on=TODAY - timedelta(days=60), reaction_grade=3)
    factories.a_past_session(done_session.patient, on=TODAY - timedelta(days=90))
    first, second = lines(clinician, "reactions")
    assert first == ("After a session entered afterwards, grade 3: holds the next session", "Fri 8 Jan")
    assert second[1] == "Tue 9 Mar"
    assert lists(clinician)["reactions"][0].url == reverse("treatments:past_sessions", args=[past.patient.ref])
    past_sessions.correct(
        past=past, reason="It has settled", by=past.entered_by, on=past.on, where=past.where, counts=True,
        reaction_grade=3, reaction_resolved_on=TODAY,
    )  # fmt: skip
    assert [why for why, _ in lines(clinician, "reactions")] == [second[0]]


def test_a_medicine_that_is_listed_and_denied_is_there_until_one_of_the_two_is_put_right(clinician, active_plan):
    patient, by = active_plan.patient, factories.a_clinician(active_plan.clinic).user
    assert lists(clinician)["medicines"] == []
    history.record_medication(patient=patient, kind="anticoagulant", name="Apixaban", prescribed=True, by=by)
    [(why, due)] = lines(clinician, "medicines")
    assert why.startswith("Takes Apixaban; ")
    assert "was answered no on Tue 9 Mar" in why
    assert due == "none booked"
    factories.answer(patient, "anticoagulant_rx", "yes")
    assert lists(clinician)["medicines"] == []


def test_answers_that_differ_are_there_before_a_treatment_until_a_clinician_asks(clinician, visit_today, later):
    patient = visit_today.patient
    assert lists(clinician)["differing"] == []
    later(timedelta(minutes=5))
    say(patient, "hsv_history", "yes", via="patient")
    [(why, due)] = lines(clinician, "differing")
    assert why.endswith(": no on Tue 9 Mar, then yes on Tue 9 Mar")
    assert due == "Tue 9 Mar"
    later(timedelta(minutes=5))
    say(patient, "hsv_history", "yes", via="clinician")
    assert lists(clinician)["differing"] == []


def test_of_who_comes_later_than_in_a_week_answers_are_not_compared(clinician, active_plan):
    factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=8))
    say(active_plan.patient, "hsv_history", "yes", via="patient")
    assert lists(clinician)["differing"] == []
    Appointment.objects.update(day=TODAY + timedelta(days=7))
    assert len(lists(clinician)["differing"]) == 1


def test_a_clearance_that_ends_before_a_visit_is_there_until_a_longer_one_is_given(
    clinician, active_plan, prescriber_member
):
    patient, planned = active_plan.patient, active_plan.planned_sessions.get(number=1)
    visit = factories.book(planned, day=TODAY + timedelta(days=20))
    last = {
        "patient": patient,
        "code": "hsv_history",
        "given_by": prescriber_member.user,
        "licence": "GMC 1",
        "reason": "x",
    }
    Clearance.objects.create(**last, given_on=TODAY, expires_on=TODAY + timedelta(days=19))
    [(why, due)] = lines(clinician, "ending-clearances")
    assert why.endswith("cleared until Sun 28 Mar")
    assert due == "Mon 29 Mar"
    longer = Clearance.objects.create(**last, given_on=TODAY, expires_on=visit.day)
    assert lists(clinician)["ending-clearances"] == []
    Clearance.objects.filter(pk=longer.pk).update(expires_on=TODAY + timedelta(days=18))
    assert len(lists(clinician)["ending-clearances"]) == 2


def test_a_clearance_of_somebody_without_a_later_visit_is_no_work(clinician, active_plan, prescriber_member):
    Clearance.objects.create(
        patient=active_plan.patient, code="hsv_history", given_by=prescriber_member.user, licence="GMC 1", reason="x",
        given_on=TODAY, expires_on=TODAY,
    )  # fmt: skip
    assert lists(clinician)["ending-clearances"] == []


def test_another_clinics_work_is_not_ours(clinician, other_clinic):
    waiting_for_a_decision(other_clinic, "hsv_history")
    assert lists(clinician)["cold-sores"] == []


def test_the_page_costs_a_clinician_the_same_however_much_waits(clinician, clinic, visit_today):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            clinician.get(WORKLISTS)
        return len(queries)

    waiting_for_a_decision(clinic, "hsv_history", given_name="First")
    asked()
    few = asked()
    for number, at in enumerate((time(13), time(14, 15), time(15, 30))):
        patient = waiting_for_a_decision(clinic, "hsv_history", given_name=f"Nr{number}")
        history.record_medication(
            patient=patient, kind="anticoagulant", name="Apixaban", prescribed=True, by=clinician.membership.user
        )
        visit = factories.make_visit_today(factories.make_patient(clinic, given_name=f"Vi{number}"), at=at)
        say(visit.patient, "hsv_history", "yes", via="patient")
    assert asked() == few <= 18
    assert {code: len(found) for code, found in lists(clinician).items() if code in MINE} == {
        "decisions": 3, "cold-sores": 4, "reactions": 0, "differing": 3, "medicines": 3, "ending-clearances": 0,
    }  # fmt: skip


def test_what_is_lifted_already_is_not_asked_again(clinician, clinic, prescriber_member):
    patient = waiting_for_a_decision(clinic, "hsv_history")
    factories.answer(patient, "anticoagulant_rx", "yes")
    screenings.perform(patient=patient, on=TODAY, purpose="booking", by=prescriber_member.user)
    assert len(lists(clinician)["cold-sores"]) == len(lists(clinician)["decisions"]) == 1
    clearances.give(
        patient=patient, code="hsv_history", reason="Prophylaxis given", expires_on=TODAY + timedelta(days=60),
        by=prescriber_member,
    )  # fmt: skip
    assert lists(clinician)["cold-sores"] == []
    assert len(lists(clinician)["decisions"]) == 1
