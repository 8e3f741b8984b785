"""Links that ended more than a year ago are forgotten; what she said through one keeps it, and so does nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from clinic.models import AuditEvent
from patients import tasks
from patients.links import services
from patients.models import PatientLink
from tests import factories
from tests.patients.links.made import a_token, row_of
from treatments.appointments.by_patient.models import ChangeReport, MoveRequest
from treatments.sessions.healing.models import CheckIn

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)
MINUTE = timedelta(minutes=1)


def ended_ago(patient, ago: timedelta, *, message=None, made: timedelta = timedelta(days=60)) -> PatientLink:
    """The end of a link cannot be moved, so it is written so."""
    now = datetime.now(UTC)
    return PatientLink.objects.create(
        clinic=patient.clinic, patient=patient, purpose="contact", message=message, made_at=now - ago - made,
        expires_at=now - ago, token_sha256=services.hash_of(f"{ago}{made}{PatientLink.objects.count()}"),
    )  # fmt: skip


def left() -> set[int]:
    return set(PatientLink.objects.values_list("pk", flat=True))


def test_a_year_after_its_end_and_not_a_minute_before(patient):
    young, old = ended_ago(patient, YEAR - MINUTE), ended_ago(patient, YEAR + MINUTE)
    standing = row_of(a_token(patient))
    assert services.forget_ended() == 1
    assert left() == {young.pk, standing.pk}
    assert old.pk not in left()


def test_its_end_counts_and_not_the_day_on_which_it_was_made_or_closed(patient, desk_member):
    made_long_ago = ended_ago(patient, timedelta(days=1), made=2 * YEAR)
    services.close(link=made_long_ago, because="Moved", by=desk_member.user)
    assert services.forget_ended() == 0


def test_it_is_audited_as_a_count_for_each_clinic_and_nothing_is_written_where_nothing_went(patient, other_clinic):
    services.forget_ended()
    assert not AuditEvent.objects.filter(action="links.forgotten").exists()
    theirs = factories.make_patient(other_clinic)
    for ago in (YEAR + MINUTE, 2 * YEAR):
        ended_ago(patient, ago)
    ended_ago(theirs, 2 * YEAR)
    tasks.forget_ended_links()
    told = AuditEvent.objects.filter(action="links.forgotten")
    assert {event.clinic_id: event.facts for event in told} == {
        patient.clinic_id: {"links": 2},
        other_clinic.pk: {"links": 1},
    }
    assert {event.by for event in told} == {None}


def test_the_mail_it_went_with_and_its_history_stay(desk, visit_today):
    patient = visit_today.patient
    message = patient.messages.get(kind="booking_confirmed")
    ended_ago(patient, 2 * YEAR, message=message)
    assert services.forget_ended() == 1
    for name, ref in (("patient_messages", patient.ref), ("message", message.ref)):
        answer = desk.get(reverse(f"patients:{name}", args=[ref]))
        assert answer.status_code == 200
        assert "Visit booked" in answer.content.decode()


@pytest.mark.parametrize("telling", [ChangeReport, MoveRequest, CheckIn])
def test_whatever_names_a_link_is_among_what_keeps_it(telling):
    assert telling in {rows.model for rows in services._telling()}


def test_what_she_said_through_a_link_keeps_it(patient, visit_today):
    mine, other = ended_ago(patient, 2 * YEAR), ended_ago(patient, 2 * YEAR)
    MoveRequest.objects.create(patient=patient, visit=visit_today, visit_version=1, link=mine, note="Mornings")
    assert services.forget_ended() == 1
    assert left() == {mine.pk}
    assert other.pk not in left()
