"""How often a calendar may be asked for. Programs ask every few minutes; nobody guesses 256 bits, but a loop can tire us."""

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

from treatments.appointments.feeds.reading import hash_of

WINDOW_SECONDS = 300
# One address on one telephone, one tablet and two desks, each asking every minute.
PER_ADDRESS = 30
# A whole clinic behind one connection, or a large provider's servers that fetch for many.
PER_CALLER = 300


def too_often(request: HttpRequest, token: str) -> bool:
    """Counts this request. The same for addresses that exist and for those that do not."""
    by_address = _count(f"feed:address:{hash_of(token)}")
    by_caller = _count(f"feed:caller:{get_adapter().get_client_ip(request)}")
    return by_address > PER_ADDRESS or by_caller > PER_CALLER


def _count(key: str) -> int:
    """How many in this window, this one included. Two at the same moment may count as one: it only has to be near."""
    if cache.add(key, 1, WINDOW_SECONDS):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # the window ended in between
        return 1
