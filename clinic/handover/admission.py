"""What a browser may reach that was handed to a patient: her forms, then the lock, then nothing before one of us signs in.

Handing over ends the session of whoever did it, so there is nobody in this browser whom a page could serve. What is left is
a session that names the hand-over; its row is read again with every request.
"""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect
from django.utils import timezone

from clinic.handover import services
from clinic.models import Handover, User

HELD = "handed_over"
View = Callable[..., HttpResponse]


def hand_over(request: HttpRequest, handover: Handover) -> None:
    """Sign out who is signed in, and hold this browser. The session begins anew: no key of before opens it."""
    logout(request)
    request.session[HELD] = str(handover.ref)
    rotate_token(request)


def held_by(request: HttpRequest) -> Handover | None:
    """The hand-over this browser is held by, as it stands now. No query for any other browser."""
    ref = request.session.get(HELD)
    if ref is None:
        return None
    handover = services.standing(ref=UUID(ref))
    if handover is None:
        # A database that came back from a time before it: there is nothing left to hold on to, nor anybody signed in.
        request.session.flush()
    return handover


def refusal(request: HttpRequest, user: User) -> str:
    """Why this person does not sign in on a held browser; empty where she may, and where the browser is held by nobody."""
    handover = held_by(request)
    return "" if handover is None or services.may_unlock(handover, user) else services.refusal(handover)


def let_go(request: HttpRequest, user: User) -> Handover | None:
    """Somebody has just signed in: a held browser is hers from now on, in the clinic it belongs to. None where it was not
    held."""
    handover = held_by(request)
    if handover is None:
        return None
    handover = services.unlock(handover=handover, by=user)
    del request.session[HELD]
    request.session["clinic_ref"] = str(handover.clinic.ref)
    request.handover = None
    return handover


def handed_over_page(view: View) -> View:
    """A page of a held browser; it stands below `@public`, because nobody is signed in there.

    Sets `request.clinic` to the tablet's. `HandedOverMiddleware` lets a browser that is held reach these pages alone, and
    everybody else is led away.
    """

    @wraps(view)
    def shown(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        handover = request.handover
        if handover is None or not handover.is_open:
            return redirect("/")
        request.clinic = handover.clinic
        with timezone.override(handover.clinic.tz):
            return view(request, *args, **kwargs)

    shown.is_handed_over = True
    return shown
