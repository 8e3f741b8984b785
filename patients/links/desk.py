"""What the desk does with a patient's links: close one, close them all, note that she was called. Her page of messages shows
them; everybody who works here may, because a link in the wrong hands does not wait for a manager."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from clinic.errors import DomainError
from clinic.roles import member
from clinic.submissions import once
from patients.links import services
from patients.models import Patient, PatientLink
from patients.outbox import history


@member(methods=["GET", "POST"])
@history.or_back
def close(request: HttpRequest, ref: UUID, link: UUID) -> HttpResponse:
    """End one link at once, with the reason."""
    patient, found = _hers(request, ref, link)

    def effect() -> str:
        services.close(link=found, because=_because(request), by=request.user)
        return "The link is closed. Nobody can open it any more."

    return _act(request, patient, effect)


@member(methods=["GET", "POST"])
@history.or_back
def close_all(request: HttpRequest, ref: UUID) -> HttpResponse:
    """End every link she has: the mailbox is in other hands, the record is closed."""
    patient = _patient(request, ref)

    def effect() -> str:
        count = services.close_all(patient=patient, because=_because(request), by=request.user)
        if not count:
            return "There was no link left to close."
        return "One link is closed." if count == 1 else f"{count} links are closed."

    return _act(request, patient, effect)


@member(methods=["GET", "POST"])
@history.or_back
def called(request: HttpRequest, ref: UUID, link: UUID) -> HttpResponse:
    """She was spoken to about a link that wrong dates of birth have closed."""
    patient, found = _hers(request, ref, link)

    def effect() -> str:
        services.settle_guessed(link=found, by=request.user)
        return "Noted as called. A new link comes with the next message."

    return _act(request, patient, effect)


def _act(request: HttpRequest, patient: Patient, service: Callable[[], str]) -> HttpResponse:
    """Run one service for one press and return to her messages; a refusal is shown there, with what was typed."""

    def effect() -> str:
        notices.success(request, service())
        return reverse("patients:patient_messages", args=[patient.ref])

    try:
        return once(request, effect)
    except DomainError as exc:
        return history.page_of(request, patient.ref, refusal=exc.sentence, status=422)


def _because(request: HttpRequest) -> str:
    return request.POST.get("because", "").replace("\0", "")[:120]


def _patient(request: HttpRequest, ref: UUID) -> Patient:
    return get_object_or_404(request.clinic.patients, ref=ref)


def _hers(request: HttpRequest, ref: UUID, link: UUID) -> tuple[Patient, PatientLink]:
    patient = _patient(request, ref)
    return patient, get_object_or_404(patient.links, ref=link)
