"""Who is asking, for which clinic, since when; and the last door for views that declare nothing."""

import math
import time

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone

from clinic import second_factor
from clinic.library_access import LIBRARY_ACCESS
from clinic.models import Membership
from clinic.roles import refuse
from clinic.services import is_set_up

IDLE_MINUTES = 15
DESK_IDLE_MINUTES = 10
ABSOLUTE_HOURS = 10
# Writing the session on every request would cost an UPDATE each. So a session may end up to a minute early, never late;
# the page is told how much of its time is used.
TOUCH_SECONDS = 60


class ClinicMiddleware:
    """Sets `request.clinic`, `request.membership` and `request.memberships` (in every clinic), ends sessions that were left alone, speaks the clinic's time."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.clinic = request.membership = None
        request.memberships = []
        if request.user.is_authenticated:
            request.membership = self._membership(request)
            request.clinic = request.membership.clinic if request.membership else None
            self._end_if_left_alone(request)
        with timezone.override(request.clinic.tz if request.clinic else settings.TIME_ZONE):
            response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
        if request.path == settings.LOGOUT_PATH and request.method == "POST":
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def _membership(self, request) -> Membership | None:
        chosen = request.session.get("clinic_ref")
        memberships = request.memberships = request.user.memberships_in_force
        return next((m for m in memberships if str(m.clinic.ref) == chosen), memberships[0] if memberships else None)

    def _end_if_left_alone(self, request) -> None:
        session, moment = request.session, time.time()
        began = session.setdefault("signed_in_at", moment)
        seen = session.setdefault("seen_at", moment)
        idle = idle_minutes(request.membership)
        if moment - seen > idle * 60 or moment - began > ABSOLUTE_HOURS * 3600:
            reason = f"{idle} minutes without use" if moment - seen > idle * 60 else f"{ABSOLUTE_HOURS} hours"
            logout(request)
            request.clinic = request.membership = None
            request.memberships = []
            messages.info(request, f"You were signed out after {reason}. Nothing that was saved is lost.")
        elif moment - seen > TOUCH_SECONDS and not is_background(request):
            session["seen_at"] = moment


class AccessMiddleware:
    """Refuses any view that does not say who may use it, our own and the libraries' alike."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        name = request.resolver_match.view_name
        if hasattr(view, "access"):
            # Where she may go with it, the decorator on the view decides.
            return None if view.access.public else second_factor.led_to(request, name)
        if name == "account_login" and settings.FIRST_RUN_PAGE and not is_set_up():
            return redirect("clinic:first_run")
        if name in LIBRARY_ACCESS:
            # One's own account: open also to who still has to set up a second factor.
            access = LIBRARY_ACCESS[name]
            return None if access is None else refuse(request, access)
        if getattr(view, "__module__", "").startswith(("allauth.", "django.contrib.staticfiles")):
            raise Http404
        raise PermissionDenied("This view declares no permission.")


def idle_minutes(membership: Membership | None) -> int:
    """A reception screen faces the waiting room, so it closes sooner."""
    return DESK_IDLE_MINUTES if membership and membership.is_desk_only else IDLE_MINUTES


def idle_seconds(request) -> int:
    """How long the session has been left alone already, as the limit counts it."""
    moment = time.time()
    return max(0, math.ceil(moment - request.session.get("seen_at", moment)))


def is_background(request) -> bool:
    """Autosave and polling say so in a header: they must not keep a session alive."""
    return request.headers.get("X-Background") == "1"
