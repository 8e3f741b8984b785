"""How an invitation's link becomes a visit to its page: a short cookie, and the row read again for every request.

The address with the token answers with a redirect, so the page itself stands at an address that gives nothing away: it
comes into no history, no Referer and no screenshot.
"""

import time

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from clinic.models import Invitation
from clinic.staff import services
from clinic.staff.mailing import hash_of

COOKIE_SECONDS = 30 * 60
SALT = "clinic.staff.invitation"
# Tries an hour, of one address and of one token: nobody opens an invitation that often.
MOST_BY_ADDRESS, MOST_BY_TOKEN = 60, 20
AN_HOUR = 3600


def may_try(request: HttpRequest, token: str) -> bool:
    """False for an address that has tried too many links, and for a link that was tried too often. Counted in real hours."""
    address = get_adapter().get_client_ip(request)
    tries = [_tries(f"address:{address}") <= MOST_BY_ADDRESS, _tries(f"token:{hash_of(token)}") <= MOST_BY_TOKEN]
    return all(tries)


def _tries(of: str) -> int:
    name = f"invitation:{hash_of(of)}:{int(time.time() // AN_HOUR)}"
    cache.add(name, 0, AN_HOUR)
    return cache.incr(name)


def found(token: str) -> Invitation | None:
    return services.standing(token_sha256=hash_of(token))


def let_in(response: HttpResponse, invitation: Invitation) -> HttpResponse:
    """Give this browser half an hour with it. Lax and not Strict: the click comes from a mail program's page."""
    held = signing.dumps(invitation.token_sha256, salt=SALT)
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(cookie_name(), held, max_age=COOKIE_SECONDS, secure=secure, httponly=True, samesite="Lax")
    return response


def admitted(request: HttpRequest) -> Invitation | None:
    """The invitation that this browser has opened, if it still stands: a newer mail and taking it back count at once."""
    token_sha256 = held_by(request)
    return services.standing(token_sha256=token_sha256) if token_sha256 else None


def held_by(request: HttpRequest) -> str:
    """The hash of the token that this browser has opened in the last half hour; empty without one."""
    try:
        return signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=COOKIE_SECONDS)
    except signing.BadSignature:
        return ""


def cookie_name() -> str:
    # As the session's own: `__Host-` cookies never come back over the plain http of a demo.
    return "__Host-invitation" if settings.SESSION_COOKIE_SECURE else "stratum_invitation"
