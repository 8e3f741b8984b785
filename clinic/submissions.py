"""One press, one effect: the token of a rendered form is stored in the transaction that does the work."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from clinic.models import FormSubmission

View = Callable[..., HttpResponse]
LONGEST_PATH = 300
NOT_PART_OF_THE_FORM = {"csrfmiddlewaretoken", "submit_token"}


def once(request: HttpRequest, effect: Callable[[], str]) -> HttpResponse:
    """Run `effect` (which returns the URL to show next) at most once for this rendered form.

    A repeat with the same content is sent to the first one's result; with other content it is answered 409.
    A DomainError from `effect` rolls back the token too, so the corrected form may be sent again.
    """
    with transaction.atomic():
        submission, is_new = FormSubmission.objects.get_or_create(
            token=_token(request),
            defaults={"user": request.user, "path": request.path[:300], "payload_sha256": _fingerprint(request)},
        )
        if is_new:
            submission.result_url = effect()
            submission.save(update_fields=["result_url"])
    return _answer(request, submission)


def answered(request: HttpRequest) -> HttpResponse | None:
    """What this rendered form was answered before; None where nothing came of it yet. One query.

    For a form that is judged by how things stand: after the first press they stand differently, and the second one (a
    double click) is no mistake. Ask before refusing it, and after looking: a first press may be done in between.
    """
    submission = FormSubmission.objects.filter(token=_token(request)).first()
    return None if submission is None else _answer(request, submission)


def forget(*, older_than: timedelta) -> int:
    """Delete tokens of forms sent longer ago, in real time: a demo that moves its clock keeps them. Returns how many."""
    return FormSubmission.objects.filter(at__lt=Now() - older_than).delete()[0]


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Redirect after a POST; htmx is told to load the page instead of swapping it into a fragment."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def or_back_to(page: Callable[[HttpRequest, uuid.UUID], str]) -> Callable[[View], View]:
    """For a press on a page: whoever loads the address of a refused one anew is led to `page`, and nothing is pressed."""

    def wrapped(view: View) -> View:
        @wraps(view)
        def pressed(request: HttpRequest, ref: uuid.UUID, **of: object) -> HttpResponse:
            return view(request, ref, **of) if request.method == "POST" else redirect(page(request, ref))

        return pressed

    return wrapped


def own_path(url: str) -> str:
    """The address if it is a path of this house, else empty: where a form says it came from, and goes back to."""
    own = url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if own and len(url) <= LONGEST_PATH and url.isprintable() else ""


def _answer(request: HttpRequest, submission: FormSubmission) -> HttpResponse:
    if submission.user_id != request.user.pk or submission.payload_sha256 != _fingerprint(request):
        return render(request, "409.html", {"what": "This form was already sent with other content."}, status=409)
    return go_to(request, submission.result_url)


def _token(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("submit_token", ""))
    except ValueError:
        return uuid.uuid4()


def _fingerprint(request: HttpRequest) -> str:
    digest = hashlib.sha256(request.path.encode())
    for name in sorted(set(request.POST) - NOT_PART_OF_THE_FORM):
        for value in request.POST.getlist(name):
            digest.update(f"\0{name}\0{value}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
