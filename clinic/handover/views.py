"""The page on which a browser that was handed to a patient waits for one of us."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from clinic.handover.signing_in import UnlockView
from clinic.roles import public


@public(methods=("GET", "POST"))
def lock(request: HttpRequest) -> HttpResponse:
    """Where no browser is held, as after unlocking it and going back, there is nothing to unlock."""
    return redirect("/") if request.handover is None else UnlockView.as_view()(request)
