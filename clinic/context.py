"""What every page of a signed-in member shows around its content."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

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
    }


def _mail_unwell(request: HttpRequest, membership):
    """For managers, who can have it mended. Asked as a whole page is drawn: a fragment shows no banner and costs no query."""
    if not settings.WARNS_MANAGERS or membership is None or not membership.has(Role.MANAGER) or is_background(request):
        return None
    return SimpleLazyObject(lambda: messages_unwell(request.clinic))
