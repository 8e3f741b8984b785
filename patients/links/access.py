"""How a link becomes a visit to a page: a short cookie, and a guard that reads the link again for every request.

The address with the token answers with a redirect and nothing else, so no page is ever shown where a token stands: it
comes into no history, no Referer and no screenshot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from clinic.models import Clinic
from patients.links import purposes, services
from patients.links.forms import BirthForm
from patients.models import PatientLink

COOKIE_SECONDS = 30 * 60
SALT = "patients.links"


@dataclass(frozen=True)
class Admission:
    """A link that stands, in the hands of a browser that opened it."""

    link: PatientLink
    birth_is_proven: bool


def let_in(response: HttpResponse, link: PatientLink, *, birth_is_proven: bool = False) -> HttpResponse:
    """Give this browser half an hour with the link. One cookie a purpose, so that two links do not put each other out, and one
    of the link's own: of two tabs with links for the same purpose, each press still counts for the link of its page.

    Lax and not Strict: her click comes from a mail program's page, so from another site, and through a redirect; a
    strict cookie would not be sent there and the page would be over before it began. Lax is never sent with a POST from
    elsewhere.
    """
    held = signing.dumps({"link": str(link.ref), "born": birth_is_proven}, salt=_salt(link.purpose))
    for name in (cookie_name(link.purpose), cookie_name(link.purpose, link.ref)):
        _keep(response, name, held)
    return response


def _keep(response: HttpResponse, name: str, held: str) -> None:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, held, max_age=COOKIE_SECONDS, secure=secure, httponly=True, samesite="Lax")


def admitted(request: HttpRequest, purpose: str) -> Admission | None:
    """What this browser may see for a purpose, read from the row: None once the link is over or closed.

    A form says in `link` whose page it stood on. Mother and daughter read one mailbox: what one of them sends from an older
    tab is never taken for the link that was opened last.
    """
    try:
        meant = UUID(request.POST["link"]) if "link" in request.POST else None
        kept = request.COOKIES.get(cookie_name(purpose, meant), "")
        held = signing.loads(kept, salt=_salt(purpose), max_age=COOKIE_SECONDS)
        ref = UUID(held["link"])
    except (signing.BadSignature, ValueError, KeyError, TypeError):
        return None
    link = services.still_open(ref=ref, purpose=purpose) if meant in (None, ref) else None
    return None if link is None else Admission(link, birth_is_proven=bool(held.get("born")))


def _shown_next(request: HttpRequest, response: HttpResponse, link: PatientLink) -> HttpResponse:
    """The page that follows a press is that of its own link, for no longer than the link was let in for."""
    kept = request.COOKIES.get(cookie_name(link.purpose, link.ref), "")
    if "link" in request.POST and kept:
        _keep(response, cookie_name(link.purpose), kept)
    return response


def cookie_name(purpose: str, ref: UUID | None = None) -> str:
    """Of the link that was opened last for a purpose, or of one link."""
    # As the session's own: `__Host-` cookies never come back over the plain http of a demo.
    whole = f"__Host-my-{purpose}" if settings.SESSION_COOKIE_SECURE else f"stratum_my_{purpose}"
    return whole if ref is None else f"{whole}-{ref.hex}"


def _salt(purpose: str) -> str:
    return f"{SALT}.{purpose}"


def patient_page(purpose: str) -> Callable:
    """A page that a patient opens with a link for `purpose`; it stands below `@public`, because she has no account.

    Sets `request.link` and `request.patient`. Whoever may be signed in on this machine is nobody here: the page knows the
    clinic of the link and no membership. Without a link that stands it answers 404 in kind words, and before anything
    clinical it asks for the date of birth.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def shown(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            found = admitted(request, purpose)
            if found is None:
                return over(request)
            _speak_for(request, found.link)
            with timezone.override(found.link.clinic.tz):
                if purposes.get(purpose).asks_birth_date and not found.birth_is_proven:
                    return ask_birth(request, found.link)
                return kept_quiet(_shown_next(request, view(request, *args, **kwargs), found.link))

        return shown

    return decorate


def _speak_for(request: HttpRequest, link: PatientLink) -> None:
    request.link, request.patient, request.clinic = link, link.patient, link.clinic
    request.membership, request.memberships = None, []


def ask_birth(
    request: HttpRequest, link: PatientLink, *, form: BirthForm | None = None, status: int = 200
) -> HttpResponse:
    """The question before a clinical page, at that page's own address."""
    context = page_context(link) | {"form": form or BirthForm(), "purpose": link.purpose}
    return kept_quiet(render(request, "patients/links/birth.html", context, status=status))


def over(request: HttpRequest, *, is_guessed: bool = False) -> HttpResponse:
    """The answer to a link that is unknown, over, closed or somebody else's: one page for all of them, and a way on. Only
    whoever has just sent the last wrong date of birth (`is_guessed`) reads why."""
    request.membership, request.memberships = None, []
    # Where several clinics share the house, naming one would say whose link it was.
    clinics = list(Clinic.objects.order_by("pk")[:2])
    only = clinics[0] if len(clinics) == 1 else None
    context = {"clinic": only, "clinic_name": only.sender_name if only else "Your clinic", "is_guessed": is_guessed}
    return kept_quiet(render(request, "patients/links/over.html", context, status=404))


def page_context(link: PatientLink) -> dict:
    """What every page of hers says around its content. The sender's name is chosen so that it gives nothing away."""
    left = link.expires_at - datetime.now(UTC)
    return {
        "clinic": link.clinic,
        "clinic_name": link.clinic.sender_name,
        # What a form of hers sends along as `link`. It opens nothing: only a signed cookie does.
        "link_ref": link.ref,
        # In days and not by its date: a link ends in real time, and the clinic's day may be a demo's.
        "days_left": max(1, left.days),
    }


def kept_quiet(response: HttpResponse) -> HttpResponse:
    """Neither kept nor found again. The referrer policy stays "same-origin", which tells other sites nothing: under
    "no-referrer" a browser sends her own form with `Origin: null`, and the check against forged forms refuses it."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
