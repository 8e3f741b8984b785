"""What every page of a signed-in member shows around its content."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

from clinic import second_factor
from clinic.health import messages_unwell
from clinic.middleware import idle_minutes, idle_seconds, is_background
from clinic.roles import Role


def shell(request: HttpRequest) -> dict:
    membership = getattr(request, "membership", None)
    return {
        "clinic": getattr(request, "clinic", None),
        "membership": membership,
        "other_clinics": [other.clinic for other in getattr(request, "memberships", []) if other != membership],
        "product_name": settings.PRODUCT_NAME,
        "mailbox_enabled": bool(settings.MAILBOX_DIR),
        "idle_minutes": idle_minutes(membership),
        "idle_seconds": idle_seconds(request) if membership else 0,
        "mail_unwell": _mail_unwell(request, membership),
        "must_set_up_second_factor": second_factor.is_missing(request),
        "setup_left": _setup_left(request, membership),
    }


def _mail_unwell(request: HttpRequest, membership):
    """For managers, who can have it mended. Asked as a whole page is drawn: a fragment shows no banner and costs no query."""
    if not settings.WARNS_MANAGERS or membership is None or not membership.has(Role.MANAGER) or is_background(request):
        return None
    return SimpleLazyObject(lambda: messages_unwell(request.clinic))


def _setup_left(request: HttpRequest, membership):
    """What a real clinic still lacks, for its managers: how many things. Asked only by the pages that say so; none in a demo,
    which is furnished."""
    if membership is None or not membership.has(Role.MANAGER) or request.clinic.is_demo:
        return None
    # A template calls it, and a number that it names twice is asked for once.
    return cache(lambda: import_string(settings.SETUP_LEFT)(request.clinic))
