"""Needlings that were not charted here: entered afterwards, counted for the floor, numbered before the course."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from clinic import clock
from clinic.errors import DomainError, constraint_name
from clinic.models import AuditEvent
from patients.models import Patient
from tests import factories
from tests.treatments.sessions.gate_world import a_record, insert_session
from treatments import facts
from treatments.assessments.past import services
from treatments.assessments.past.models import PastSession
from treatments.plans import services as plans
from treatments.protocol.catalogue import load
from treatments.screenings import services as screenings

pytestmark = pytest.mark.django_db
TODAY = factories.TODAY


@contextmanager
def promise_broken(promise: str) -> Iterator[None]:
    with pytest.raises((InternalError, IntegrityError)) as caught, transaction.atomic():
        yield
    assert constraint_name(caught.value) == promise


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def version(patient: Patient) -> int:
    return Patient.objects.get(pk=patient.pk).facts_version


def looked_at(patient: Patient, *, on: date = TODAY):
    return screenings.look(Patient.objects.get(pk=patient.pk), on=on, purpose="booking")


def test_it_says_who_entered_it_and_when_and_raises_the_facts(patient, clinician_member):
    before = version(patient)
    past = factories.a_past_session(patient, by=clinician_member.user, deepest_mm=Decimal("1.25"))
    assert (past.entered_by, past.entered_at) == (clinician_member.user, clock.now())
    assert version(patient) == before + 1
    assert AuditEvent.objects.filter(action="past_session.entered", target_ref=past.ref).exists()


REFUSED = [
    ({"on": TODAY + timedelta(days=1)}, "on", "That day has not come yet. Enter a session that has been."),
    ({"on": date(1992, 6, 8)}, "on", "That is before the patient was born, 9 June 1992. Check the day."),
    ({"deepest_mm": Decimal("3.01")}, "deepest_mm", "Nothing is needled deeper than 3 mm. Write the depth in millimetres, for example 1.25."),
    ({"deepest_mm": Decimal(0)}, "deepest_mm", "Nothing is needled deeper than 3 mm. Write the depth in millimetres, for example 1.25."),
    ({"reaction_grade": 6}, "reaction_grade", "Choose a grade from 1 to 5."),
    ({"reaction_over_72h": True}, "reaction_grade", "Choose the grade of the reaction as well."),
    ({"reaction_grade": 2, "reaction_resolved_on": ago(181)}, "reaction_resolved_on", "A reaction settles on the day of the session or later."),
    ({"reaction_grade": 2, "reaction_resolved_on": TODAY + timedelta(days=1)}, "reaction_resolved_on", "That day has not come yet. Leave it empty while it lasts."),
]  # fmt: skip


@pytest.mark.parametrize(("differing", "field", "sentence"), REFUSED)
def test_what_cannot_have_been_is_refused_with_a_sentence(patient, differing, field, sentence):
    with pytest.raises(DomainError) as refused:
        factories.a_past_session(patient, **differing)
    assert (refused.value.field, refused.value.sentence) == (field, sentence)
    assert not patient.past_sessions.exists()


def test_a_day_is_entered_once(patient):
    factories.a_past_session(patient, on=ago(90))
    with pytest.raises(DomainError, match="entered already"):
        factories.a_past_session(patient, on=ago(90), where="here")


def test_a_day_that_was_charted_here_needs_no_second_entry(done_session):
    with pytest.raises(DomainError, match="charted here already"):
        factories.a_past_session(done_session.patient, on=done_session.on)


RAW = [
    ({"on": TODAY + timedelta(days=1)}, "past_session_has_been"),
    ({"on": date(1990, 1, 1)}, "past_session_after_birth"),
    ({"deepest_mm": 4}, "past_session_depth_within_cap"),
    ({"reaction_grade": 9}, "past_session_grade_1_to_5"),
    ({"reaction_over_72h": True}, "past_session_reaction_has_a_grade"),
    ({"reaction_grade": 1, "reaction_resolved_on": ago(200)}, "past_session_settled_after_it"),
    ({"entered_in_error": True}, "past_session_in_error_says_who_and_why"),
]


@pytest.mark.parametrize(("differing", "promise"), RAW)
def test_the_database_refuses_it_whoever_writes(patient, clinician_member, differing, promise):
    row = {"patient": patient, "on": ago(100), "where": "here", "counts": True, "entered_by": clinician_member.user}
    with promise_broken(promise):
        PastSession.objects.create(**row | differing)


def test_the_database_keeps_one_a_day(patient, clinician_member):
    past = factories.a_past_session(patient)
    with promise_broken("past_session_once_a_day"):
        PastSession.objects.create(
            patient=patient, on=past.on, where="here", counts=True, entered_by=clinician_member.user
        )


@pytest.mark.parametrize("change", [{"on": ago(3)}, {"counts": False}, {"deepest_mm": 1}])
def test_it_is_never_changed(patient, change):
    past = factories.a_past_session(patient)
    with promise_broken("past_session_is_fixed"):
        PastSession.objects.filter(pk=past.pk).update(**change)


def test_it_is_never_deleted(patient):
    past = factories.a_past_session(patient)
    with promise_broken("past_session_is_fixed"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM treatments_pastsession WHERE id = %s", [past.pk])


def test_an_error_needs_a_reason_is_said_once_and_stays(patient, clinician_member):
    past = factories.a_past_session(patient)
    with pytest.raises(DomainError, match="Say what was wrong"):
        services.mark_entered_in_error(past=past, reason="  ", by=clinician_member.user)
    services.mark_entered_in_error(past=past, reason="Another patient's", by=clinician_member.user)
    with pytest.raises(DomainError, match="already marked"):
        services.mark_entered_in_error(past=past, reason="Again", by=clinician_member.user)
    assert [row.entered_in_error for row in patient.past_sessions.all()] == [True]
    factories.a_past_session(patient, on=past.on)  # the right one of that day has its place again


def test_a_correction_is_both_or_neither(patient, clinician_member):
    past = factories.a_past_session(patient, reaction_grade=2)
    details = {"on": past.on, "where": "elsewhere", "counts": True, "reaction_grade": 2}
    with pytest.raises(DomainError):
        services.correct(past=past, reason="Settled", by=clinician_member.user, **details, reaction_resolved_on=ago(-1))
    past.refresh_from_db()
    assert not past.entered_in_error
    services.correct(past=past, reason="Settled", by=clinician_member.user, **details, reaction_resolved_on=ago(100))
    assert sorted(patient.past_sessions.values_list("entered_in_error", "reaction_resolved_on")) == [
        (False, ago(100)),
        (True, None),
    ]


# ── The floor ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize(("days", "outcome"), [(27, "defer"), (28, "clear")])
def test_the_floor_runs_from_it_whether_it_counts_or_not(patient, counts, days, outcome):
    factories.answer_all(patient)
    factories.assess(patient)
    factories.a_past_session(patient, on=ago(days), counts=counts)
    found = looked_at(patient)
    assert found.outcome == outcome
    assert found.binding == ("interval_floor" if outcome == "defer" else None)


@pytest.mark.parametrize(
    ("differing", "days"),
    [
        ({"deepest_mm": Decimal("1.5")}, 28),
        ({"deepest_mm": Decimal("1.51")}, 42),
        ({"deepest_mm": None}, 28),
        ({"reaction_grade": 1, "reaction_over_72h": True, "reaction_resolved_on": ago(5)}, 42),
    ],
)
def test_a_deep_one_or_a_long_reaction_raises_the_floor(patient, differing, days):
    factories.answer_all(patient)
    factories.assess(patient)
    factories.a_past_session(patient, on=ago(10), **differing)
    assert looked_at(patient).earliest_on == ago(10) + timedelta(days=days)


def test_a_reaction_that_has_not_settled_blocks_and_a_settled_one_dates(patient):
    factories.answer_all(patient)
    factories.assess(patient)
    past = factories.a_past_session(patient, reaction_grade=2)
    assert (looked_at(patient).outcome, looked_at(patient).findings[0].code) == ("block", "adverse_event_open")
    services.correct(
        past=past, reason="It has settled", by=past.entered_by,
        on=past.on, where="elsewhere", counts=True, reaction_grade=2, reaction_resolved_on=ago(4),
    )  # fmt: skip
    assert (looked_at(patient).outcome, looked_at(patient).earliest_on) == ("defer", TODAY + timedelta(days=10))


@pytest.mark.parametrize(("days", "refused"), [(27, True), (28, False)])
def test_the_gate_in_the_database_counts_it(visit_today, days, refused):
    factories.screen_today(visit_today.patient)
    factories.a_past_session(visit_today.patient, on=ago(days))
    row = {"screening_id": a_record(visit_today.patient).pk}
    if refused:
        with promise_broken("session_floor_kept"):
            insert_session(visit_today, **row)
    else:
        insert_session(visit_today, **row)


def test_one_in_error_holds_nobody_at_the_gate(visit_today, clinician_member):
    factories.screen_today(visit_today.patient)
    past = factories.a_past_session(visit_today.patient, on=ago(3))
    services.mark_entered_in_error(past=past, reason="It never was", by=clinician_member.user)
    insert_session(visit_today, screening_id=a_record(visit_today.patient).pk)


def test_a_screening_from_before_it_opens_nothing(visit_today):
    factories.screen_today(visit_today.patient)
    record = a_record(visit_today.patient)
    factories.a_past_session(visit_today.patient, on=ago(200))
    with promise_broken("session_facts_current"):
        insert_session(visit_today, screening_id=record.pk)


# ── The number of the course ──────────────────────────────────────────────────


def read(patient: Patient) -> list[dict]:
    return facts.facts_json(Patient.objects.get(pk=patient.pk), on=clock.today(patient.clinic), catalogue=load())[
        "sessions"
    ]


def test_a_plan_goes_on_after_those_that_count(patient):
    first = factories.a_past_session(patient, on=ago(120))
    factories.a_past_session(patient, on=ago(90), counts=False)
    third = factories.a_past_session(patient, on=ago(60))
    plan = factories.make_draft(patient)
    assert list(plan.planned_sessions.values_list("number", flat=True)) == [3, 4]
    assert list(plan.taken_over.values_list("number", "past")) == [(1, first.pk), (2, third.pk)]
    assert plan.sessions_planned == 4


def test_a_plan_that_nothing_is_left_of_is_refused(patient):
    for days in (160, 120, 80, 40):
        factories.a_past_session(patient, on=ago(days))
    with pytest.raises(DomainError, match="Sessions done already: 4"):
        factories.make_draft(patient)


def test_a_past_session_after_the_draft_asks_to_plan_again(patient, clinician_member):
    factories.answer_all(patient)
    plan = factories.make_draft(patient)
    past = factories.a_past_session(patient, on=ago(100))
    with pytest.raises(plans.Outdated, match="Past sessions were entered or corrected"):
        plans.submit(plan=plan, by=clinician_member.user)
    again = factories.make_draft(patient)
    services.mark_entered_in_error(past=past, reason="It never was", by=clinician_member.user)
    with pytest.raises(plans.Outdated, match="Past sessions"):
        plans.submit(plan=again, by=clinician_member.user)


def test_a_finished_course_gives_no_number_of_its_past_sessions_to_the_next(patient, clinician_member):
    factories.a_past_session(patient, on=ago(100))
    plan = factories.make_active_plan(patient)
    assert [row["counts"] for row in read(patient)] == [True]
    factories.a_past_session(patient, on=ago(50))  # while the course is under way: of that course too
    clock.shift(timedelta(days=30))
    plans.complete(plan=plan, by=clinician_member.user)
    assert [row["counts"] for row in read(patient)] == [False, False]
    since = factories.a_past_session(patient, on=clock.today(patient.clinic) - timedelta(days=1))
    assert [row["counts"] for row in read(patient)] == [False, False, False]
    clock.shift(timedelta(days=40))
    services.mark_entered_in_error(past=since, reason="Later", by=clinician_member.user)
    factories.a_past_session(patient, on=clock.today(patient.clinic) - timedelta(days=1))
    assert [row["counts"] for row in read(patient)] == [False, False, True]


@pytest.mark.parametrize(("zone", "hour"), [("America/Los_Angeles", 20), ("Pacific/Auckland", 8)])
def test_the_end_of_a_course_is_a_day_of_the_clinics_calendar(patient, clinician_member, zone, hour):
    """In the evening of California it is the next day in Greenwich; in the morning of Auckland the day before."""
    clinic = patient.clinic
    clinic.zone = zone
    clinic.save(update_fields=["zone"])
    plan = factories.make_active_plan(patient)
    clock.shift(timedelta(days=30))
    clock.move_to(clock.local(clock.now(), clinic).replace(hour=hour, minute=0))
    plans.complete(plan=plan, by=clinician_member.user)
    factories.a_past_session(patient, on=clock.today(clinic))
    assert [row["counts"] for row in read(patient)] == [False]
    clock.shift(timedelta(days=40))
    factories.a_past_session(patient, on=plan_ended(plan, clinic) + timedelta(days=1))
    assert [row["counts"] for row in read(patient)] == [False, True]


def plan_ended(plan, clinic):
    plan.refresh_from_db()
    return clock.local(plan.ended_at, clinic).date()


def test_what_a_plan_starts_with_is_fixed(patient):
    factories.a_past_session(patient)
    plan = factories.make_draft(patient)
    with pytest.raises(InternalError), transaction.atomic():
        plan.taken_over.update(number=3)
