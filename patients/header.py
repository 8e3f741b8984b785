"""The header of a patient's pages. What she has booked lies to the right of this app: whoever knows it draws it."""

from collections.abc import Callable

from django.shortcuts import resolve_url
from django.urls import reverse

from clinic import clock
from clinic.models import Membership
from clinic.templatetags.clinic_ui import age_words, date_year
from patients.models import Patient

Builder = Callable[..., dict]

_builders: list[Builder] = []


def register(builder: Builder) -> None:
    """`builder(patient, *, membership, tab) -> dict` with the inputs of `_components/patient_header.html`. The last wins."""
    _builders.append(builder)


def header_for(patient: Patient, *, membership: Membership, tab: str) -> dict:
    """The header with its tabs, `tab` ("history" or "details") the one that is open."""
    build = _builders[-1] if _builders else _plain
    header = build(patient, membership=membership, tab=tab)
    details = {"label": "Details", "url": reverse("patients:edit", args=[patient.ref]), "current": tab == "details"}
    others = [shown for shown in header.get("tabs", []) if shown["url"] != details["url"]]
    return header | {"tabs": [*others, details]}


def _plain(patient: Patient, *, membership: Membership, tab: str) -> dict:
    said = f"{age_words(patient.born_on, clock.today(membership.clinic))}, born {date_year(patient.born_on)}"
    tabs = [{"label": "Chart", "url": resolve_url(patient), "current": False}]
    if membership.may_see_clinical:
        url = reverse("patients:history", args=[patient.ref])
        tabs.append({"label": "History", "url": url, "current": tab == "history"})
    return {
        "name": patient.full_name,
        "url": resolve_url(patient),
        "sub": f"{said} · speaks {patient.speaks}" if patient.speaks else said,
        "hide_next": True,
        "tabs": tabs,
    }
