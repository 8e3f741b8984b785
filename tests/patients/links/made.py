"""Links as a mail makes them, and a browser that has opened one."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.test import Client

from patients.links import services
from patients.links.purposes import Purpose, Wanted
from patients.models import Message, Patient, PatientLink

# A page that says something clinical, as other owners register them. Its home is any page of the house.
CLINICAL = Purpose("test_clinical", asks_birth_date=True, lasts=timedelta(days=14), home="patients:my_contact")


def a_token(
    patient: Patient, purpose: str = "contact", *, about: UUID | None = None, message: Message | None = None, **wanted
) -> str:
    [token] = services.issue([services.Order(patient, Wanted(purpose, about=about, **wanted), message)])
    return token


def row_of(token: str) -> PatientLink:
    return PatientLink.objects.get(token_sha256=services.hash_of(token))


def ended(patient: Patient) -> str:
    """The token of a link that ended an hour ago: its end cannot be moved, so it is written so."""
    token = "Ended" + "0" * 38
    hour = timedelta(hours=1)
    PatientLink.objects.create(
        clinic=patient.clinic, patient=patient, purpose="contact", token_sha256=services.hash_of(token),
        made_at=datetime.now(UTC) - 9 * hour, expires_at=datetime.now(UTC) - hour,
    )  # fmt: skip
    return token


def opened(token: str, **client) -> Client:
    """The browser of somebody who followed the link."""
    browser = Client(**client)
    assert browser.get(f"/my/{token}/").status_code == 302
    return browser


def words(response) -> str:
    """A page without what differs from one answer to the next."""
    return re.sub(r'(data-csrf|name="csrfmiddlewaretoken" value)="[^"]*"', "", response.content.decode())
