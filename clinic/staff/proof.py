"""Acts that decide who may do what ask again who is at the keyboard (ASVS 7.5.3)."""

import time
from collections.abc import Callable
from functools import wraps

from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse

# A sign-in counts as well as a confirmation: who has just proven who she is is not asked twice.
FRESH_SECONDS = 10 * 60

View = Callable[..., HttpResponse]


def freshly_proven(view: View) -> View:
    """Below `@allow`: whoever has not signed in or confirmed it is she within ten minutes does so first, with password, code
    or passkey. What she was sending is sent then."""

    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not is_fresh(request):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return guarded


def is_fresh(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    return any(time.time() - record["at"] < FRESH_SECONDS for record in records)
