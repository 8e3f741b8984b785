"""A healing check-in: kept, and where it is red the rules are run at once, so that booked visits know before anybody asks."""

from uuid import UUID

from django.db import transaction

from clinic.errors import explained
from clinic.models import User
from patients.models import PatientLink
from patients.services.photos import Kept
from treatments.protocol.triage import Answers
from treatments.screenings import services as screenings
from treatments.sessions.healing import services as healing
from treatments.sessions.healing.services import Told
from treatments.sessions.models import TreatmentSession


@transaction.atomic
def tell(
    *,
    session: TreatmentSession,
    once: UUID,
    said: Answers,
    note: str = "",
    photo: Kept | None = None,
    link: PatientLink | None = None,
    asked_by: User | None = None,
) -> Told:
    """Keep what she said of her skin. A red answer opens a reaction, which holds every session until a clinician closes it.

    One press is one check-in, however often it arrives. Raises DomainError, and then nothing was kept.
    """
    with explained():
        told = healing.record(
            session=session, once=once, said=said, note=note, photo=photo, link=link, asked_by=asked_by
        )
        if told.opened is not None:
            screenings.perform_again(patient=session.patient, by=asked_by)
    return told
