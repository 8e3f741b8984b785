"""What every page of a signed-in member shows around its content."""

from django.conf import settings
from django.http import HttpRequest

from clinic.middleware import idle_minutes, idle_seconds


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
    }
