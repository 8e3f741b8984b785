"""An unwanted reaction, written down or closed; what it means for booked visits is known in the same breath."""

from datetime import date

from django.db import transaction

from clinic.models import Membership, User
from treatments.screenings import services as screenings
from treatments.sessions import services as sessions
from treatments.sessions.models import AdverseEvent, TreatmentSession


@transaction.atomic
def report(*, session: TreatmentSession, code: str, grade: int, note: str, by: User) -> AdverseEvent:
    """Write a reaction to a session down and screen its patient for today."""
    event = sessions.report_adverse_event(session=session, code=code, grade=grade, note=note, by=by)
    screenings.perform_again(patient=session.patient, by=by)
    return event


@transaction.atomic
def close(*, event: AdverseEvent, resolved_on: date, over_72h: bool, by: Membership) -> AdverseEvent:
    """Close a reaction, the one thing that ends what it forbids, and screen its patient for today."""
    closed = sessions.close_adverse_event(event=event, resolved_on=resolved_on, over_72h=over_72h, by=by)
    screenings.perform_again(patient=closed.patient, by=by.user)
    return closed
