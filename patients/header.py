"""The header of a patient's pages. Courses and visits lie to the right of this app: the settings name who draws it."""

from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string

from clinic.models import Membership
from patients.models import Patient


def header_for(patient: Patient, *, membership: Membership, tab: str) -> dict:
    """What `_components/patient_header.html` draws, with `tab` ("history", "messages" or "details") open."""
    header = import_string(settings.PATIENT_HEADER)(patient, membership=membership, tab=tab)
    details = {"label": "Details", "url": reverse("patients:edit", args=[patient.ref]), "current": tab == "details"}
    others = [shown for shown in header["tabs"] if shown["url"] != details["url"]]
    return header | {"tabs": [*others, details]}
