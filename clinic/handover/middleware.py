"""A browser in a patient's hands ends at her form, whatever address it asks for: typed, gone back to, or in a second tab."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, ResolverMatch, resolve, reverse

from clinic.handover import admission

LOCK = "clinic:handed_over_lock"
# To sign in on a locked browser; the library's own two steps after the password, or in its place.
OPEN_WHILE_LOCKED = {LOCK, "mfa_authenticate", "mfa_login_webauthn"}


class HandedOverMiddleware:
    """Sets `request.handover`. Stands before whatever decides who may do what: here it is decided by the browser alone."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.handover = admission.held_by(request)
        if request.handover is not None and not self._may_pass(request):
            return self._led_back(request)
        return self.get_response(request)

    def _may_pass(self, request: HttpRequest) -> bool:
        match = _match(request)
        if match is None:
            return False
        if request.handover.is_open:
            return getattr(match.func, "is_handed_over", False)
        return match.view_name in OPEN_WHILE_LOCKED

    def _led_back(self, request: HttpRequest) -> HttpResponse:
        where = reverse(settings.HANDED_OVER_PAGE if request.handover.is_open else LOCK)
        if request.headers.get("HX-Request"):
            answer = HttpResponse(status=204, headers={"HX-Redirect": where})
        elif request.headers.get("X-Background"):
            answer = HttpResponse(status=401)  # a page that saves or polls must not take the form for its answer
        else:
            answer = redirect(where)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None
