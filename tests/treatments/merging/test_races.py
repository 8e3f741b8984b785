"""Two desks at once, each on a connection of its own: one books on the record that is being merged, or merges it the other way
round. Each race once more with its guards taken off, to see that they are what keeps it."""

import threading
import time as real_time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time, timedelta

import pgtrigger
import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from clinic.errors import DomainError
from patients.models import HistoryAnswer, Patient, RecordMerge
from patients.services import history
from tests import factories
from tests.factories import TODAY
from tests.treatments.merging.two_records import merge, second_record, undo
from treatments.appointments import gates, taking
from treatments.appointments import services as diary
from treatments.appointments.models import Appointment
from treatments.plans.models import PlannedSession, TreatmentPlan

pytestmark = pytest.mark.django_db(transaction=True)


class OtherDesk(threading.Thread):
    """Does `act` on a connection of its own; `said` is the sentence it was refused with, if it was."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.act, self.said = act, ""

    def run(self) -> None:
        try:
            self.act()
        except DomainError as refusal:
            self.said = refusal.sentence
        finally:
            connection.close()


def waits_or_is_done(other: OtherDesk) -> None:
    """Until the other desk waits for a row of ours, or has come through."""
    until = real_time.monotonic() + 10
    while other.is_alive() and real_time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        real_time.sleep(0.01)


@contextmanager
def without(trigger: str) -> Iterator[None]:
    """The guard off, for everybody."""
    pgtrigger.disable(trigger)
    try:
        yield
    finally:
        pgtrigger.enable(trigger)


def while_merging(stays: Patient, gone: Patient, other: OtherDesk) -> None:
    """Merge, and let the other desk begin before it is saved."""
    with transaction.atomic():
        merge(stays, gone)
        other.start()
        waits_or_is_done(other)
    other.join(15)
    assert not other.is_alive()


@pytest.fixture
def gone(patient) -> Patient:
    return second_record(patient)


def book_on(patient: Patient) -> Callable[[], object]:
    by = factories.a_manager(patient.clinic).user
    place = factories.a_place(patient.clinic, TODAY + timedelta(days=7), time(11), kind="consultation")
    return lambda: diary.book(patient=patient, kind="consultation", place=place, by=by)


def test_who_books_on_the_record_that_is_going_waits_and_is_refused(patient, gone):
    other = OtherDesk(book_on(gone))
    while_merging(patient, gone, other)
    assert "part of another one now" in other.said
    assert not Appointment.objects.exists()


def test_who_booked_before_has_her_visit_on_the_record_that_stays(patient, gone):
    other = OtherDesk(lambda: merge(patient, gone))
    with transaction.atomic():
        visit = book_on(gone)()
        other.start()
        waits_or_is_done(other)
    other.join(15)
    assert other.said == ""
    assert Appointment.objects.get(pk=visit.pk).patient_id == patient.pk


def test_control_without_the_gate_and_the_trigger_the_visit_is_lost_on_it(patient, gone, monkeypatch):
    for module in (gates, taking):
        monkeypatch.setattr(module, "refuse_closed", lambda *_, **__: None)
    other = OtherDesk(book_on(gone))
    with without("treatments.Appointment:not_of_a_merged_record"):
        while_merging(patient, gone, other)
    assert other.said == ""
    assert Appointment.objects.get().patient_id == gone.pk


def answers(patient: Patient) -> Callable[[], object]:
    by = factories.a_clinician(patient.clinic).user
    told = [{"code": "keloid_personal", "value": "yes"}]
    return lambda: history.record_answers(patient=patient, answers=told, answered_on=TODAY, via="clinician", by=by)


def test_what_she_tells_meanwhile_is_refused_in_words(patient, gone):
    other = OtherDesk(answers(gone))
    while_merging(patient, gone, other)
    assert "what you wrote belongs there" in other.said
    assert not HistoryAnswer.objects.filter(patient=gone).exists()


def test_control_without_the_trigger_it_is_lost_where_nobody_looks(patient, gone):
    other = OtherDesk(answers(gone))
    with without("patients.HistoryAnswer:not_of_a_merged_record"):
        while_merging(patient, gone, other)
    assert other.said == ""
    assert HistoryAnswer.objects.filter(patient=gone, code="keloid_personal").exists()


def while_taking_back(made: RecordMerge, other: OtherDesk) -> None:
    with transaction.atomic():
        undo(made)
        other.start()
        waits_or_is_done(other)
    other.join(15)
    assert not other.is_alive()


def book_session_of(plan: TreatmentPlan, made: RecordMerge) -> OtherDesk:
    """As the page of the merged record has it, opened a moment ago."""
    planned = PlannedSession.objects.select_related("plan__patient__clinic", "plan__clinic").get(plan=plan, number=1)
    assert planned.plan.patient_id == made.stays_id
    return OtherDesk(lambda: factories.book(planned))


def test_a_course_that_returns_to_its_record_is_not_booked_on_the_other(active_plan):
    made = merge(second_record(active_plan.patient), active_plan.patient)
    other = book_session_of(active_plan, made)
    while_taking_back(made, other)
    assert "somebody else's course" in other.said
    assert not Appointment.objects.exists()


def test_control_not_asked_again_under_the_lock_it_is_booked_for_the_wrong_one(active_plan, monkeypatch):
    made = merge(second_record(active_plan.patient), active_plan.patient)
    other = book_session_of(active_plan, made)
    monkeypatch.setattr(diary, "refuse_somebody_elses", lambda *_: None)
    while_taking_back(made, other)
    assert other.said == ""
    assert Appointment.objects.get().patient_id != TreatmentPlan.objects.get(pk=active_plan.pk).patient_id


def test_booked_before_it_is_taken_back_it_cannot_be_any_more(patient, gone):
    made = merge(patient, gone)
    other = OtherDesk(lambda: undo(made))
    with transaction.atomic():
        book_on(patient)()
        other.start()
        waits_or_is_done(other)
    other.join(15)
    assert "a visit was booked" in other.said
    assert statuses(patient, gone) == ["active", "merged"]


def statuses(*patients: Patient) -> list[str]:
    return [Patient.objects.get(pk=one.pk).status for one in patients]


def test_merged_in_both_directions_at_once_one_stays(patient, gone):
    other = OtherDesk(lambda: merge(gone, patient))
    while_merging(patient, gone, other)
    assert "part of another one already" in other.said
    assert statuses(patient, gone) == ["active", "merged"]
    assert RecordMerge.objects.count() == 1


def test_control_without_locks_and_trigger_each_is_part_of_the_other(patient, gone, monkeypatch):
    """Both desks look before one of them has written."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, *args, **kwargs: self)
    other = OtherDesk(lambda: merge(gone, patient))
    with without("patients.RecordMerge:merge_of_two_open_records"):
        while_merging(patient, gone, other)
    standing = RecordMerge.objects.standing().values_list("gone", "stays")
    assert set(standing) == {(gone.pk, patient.pk), (patient.pk, gone.pk)}
