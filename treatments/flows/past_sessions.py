"""A session entered afterwards, corrected or taken back; what it means for booked visits is known in the same breath."""

from django.db import transaction

from clinic.models import User
from patients.models import Patient
from treatments.assessments.past import services as past_sessions
from treatments.assessments.past.models import PastSession
from treatments.screenings import services as screenings


@transaction.atomic
def record(*, patient: Patient, by: User, **details) -> PastSession:
    """Enter one, as the room's service takes it (`details`). The floor runs from it, and its reaction may hold the next session."""
    past = past_sessions.record(patient=patient, by=by, **details)
    screenings.perform_again(patient=patient, by=by)
    return past


@transaction.atomic
def correct(*, past: PastSession, reason: str, by: User, **details) -> PastSession:
    """The right one in place of a wrong one."""
    right = past_sessions.correct(past=past, reason=reason, by=by, **details)
    screenings.perform_again(patient=right.patient, by=by)
    return right


@transaction.atomic
def mark_entered_in_error(*, past: PastSession, reason: str, by: User) -> PastSession:
    """It holds nobody any more."""
    marked = past_sessions.mark_entered_in_error(past=past, reason=reason, by=by)
    screenings.perform_again(patient=marked.patient, by=by)
    return marked
