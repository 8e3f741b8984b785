"""The words of one mail behind her date of birth, for whom shares her address with somebody: what the mail itself leaves out."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic.roles import public
from patients.links.access import page_context, patient_page
from patients.links.purposes import LETTER
from patients.models import Message
from patients.outbox import kinds, rendering


@public()
@patient_page(LETTER.code)
def letter(request: HttpRequest) -> HttpResponse:
    """Written from what is true now: days of a visit that has moved since would lead her wrong, so then it says only that
    there is a newer message."""
    message = request.patient.messages.filter(ref=request.link.about).select_related("clinic", "patient").first()
    words = _words(message) if message else ""
    context = page_context(request.link) | {"words": words, "written_at": _left_at(message)}
    return render(request, "patients/links/letter.html", context)


def _words(message: Message) -> str:
    """Empty where it no longer holds, or cannot be written any more."""
    try:
        if kinds.get(message.kind).still_wanted(message) is not None:
            return ""
        return rendering.words_for_her(message)
    except Exception:  # a visit that is gone, a fact that is missing: she calls, and sees no broken page
        return ""


def _left_at(message: Message | None) -> datetime | None:
    return message and (message.sent_at or message.handed_off_at)
