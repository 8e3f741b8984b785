"""Where a mail provider reports what became of a message: `/mail-events/<provider>/tracking/`.

The views are anymail's own: they check the provider's signature or the agreed name and password, and make one kind of
event of all their formats. They stand only for the provider that ANYMAIL has a key of, and only where it also has
something to check a report by; with nothing agreed there is no address that anybody could write to.
"""

from collections.abc import Mapping

from anymail import urls as offered
from anymail.exceptions import AnymailConfigurationError
from anymail.signals import tracking
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.views import View

from clinic.roles import public
from patients.outbox import events

SHARED_SECRET = "WEBHOOK_SECRET"  # noqa: S105  a setting's name
# Providers that sign their reports: the setting without which their view stands open. All others need the shared secret.
SIGNED_BY = {
    "mailersend": "MAILERSEND_SIGNING_SECRET",
    "mailgun": "MAILGUN_WEBHOOK_SIGNING_KEY",
    "mandrill": "MANDRILL_WEBHOOK_KEY",
    "postal": "POSTAL_WEBHOOK_KEY",
    "resend": "RESEND_SIGNING_SECRET",
    "sendgrid": "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",
}
MISREAD = (AnymailConfigurationError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def report_urls(anymail: Mapping[str, object], backend: str) -> list[URLPattern]:
    """The one or few addresses that these settings call for; `backend` is EMAIL_BACKEND."""
    found = []
    for entry in offered.urlpatterns:
        provider, _, rest = str(entry.pattern).partition("/")
        if rest != "tracking/" or not _is_ours(provider, anymail, backend) or not _is_checked(provider, anymail):
            continue
        found.append(path(str(entry.pattern), _door(entry.callback.view_class), name=f"mail_events_{provider}"))
    return found


def _is_ours(provider: str, anymail: Mapping[str, object], backend: str) -> bool:
    return f".{provider}." in backend or any(name.startswith(f"{provider.upper()}_") for name in anymail)


def _is_checked(provider: str, anymail: Mapping[str, object]) -> bool:
    return bool(anymail.get(SHARED_SECRET) or anymail.get(SIGNED_BY.get(provider, "")))


def _door(view: type[View]):
    """Open to strangers, as far as the house is concerned: the view itself asks for the signature. HEAD is how some
    providers try an address."""

    class Report(view):  # type: ignore[misc, valid-type]
        def parse_events(self, request: HttpRequest) -> list:
            try:
                return super().parse_events(request)
            except MISREAD as exc:
                # The report itself may hold an address: only the kind of fault is said.
                raise SuspiciousOperation(f"A mail event could not be read: {type(exc).__name__}") from None

    return public(methods=["POST", "HEAD"])(Report.as_view())


tracking.connect(events.hear, dispatch_uid="patients.outbox.events.hear")
urlpatterns = report_urls(settings.ANYMAIL, settings.EMAIL_BACKEND)
