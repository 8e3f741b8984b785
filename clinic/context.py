"""What every page of a signed-in member shows around its content."""

from django.conf import settings
from django.http import HttpRequest

from clinic.middleware import idle_minutes


def shell(request: HttpRequest) -> dict:
    membership = getattr(request, "membership", None)
    return {
        "clinic": getattr(request, "clinic", None),
        "membership": membership,
        "product_name": settings.PRODUCT_NAME,
        "mailbox_enabled": bool(settings.MAILBOX_DIR),
        "idle_minutes": idle_minutes(membership),
    }
