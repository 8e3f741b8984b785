"""Every list of people to call, on one page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic import clock
from clinic.roles import member
from treatments.pages.call_lists import CLOSING_DAYS, CallList, call_lists
from treatments.pages.scores import open_reviews, reviews_list, reviews_shown

FURTHEST_CLOSING_DAYS = 90
# A list of thousands is shown whole where somebody asks for it.
SHOWN_AT_ONCE = 50


@member()
def worklists(request: HttpRequest) -> HttpResponse:
    """`?closing=`: within how many days a window that ends is closing (1 to 90, else 14). `?all=`: the code of a list that is
    shown to its end."""
    now = clock.now()
    closing_days = _closing(request.GET.get("closing", ""))
    lists = call_lists(request.clinic, now=now, whole=True, closing_days=closing_days)
    # Why a course is on hold is for clinicians; the desk reads on the course that it is.
    rows = reviews_shown(open_reviews().filter(clinic=request.clinic))
    reviews = [reviews_list(rows)] if request.membership.may_see_clinical else []
    context = {
        "lists": lists,
        "shown": [_begun(one, request.GET.get("all", "")) for one in (*reviews, *lists)],
        "now": now,
        "closing_days": closing_days,
        "furthest": FURTHEST_CLOSING_DAYS,
        "here": request.get_full_path() if request.GET else request.path,
    }
    return render(request, "treatments/pages/worklists.html", context)


def _begun(calls: CallList, whole: str) -> dict:
    """The first lines of a list, or all of them, and how many more there are."""
    first = calls.calls if calls.code == whole else calls.calls[:SHOWN_AT_ONCE]
    return {"list": calls, "first": first, "more": len(calls.calls) - len(first)}


def _closing(said: str) -> int:
    """What makes no sense in the address is as if it had not been said."""
    is_number = said.isascii() and said.isdigit() and len(said) <= 2
    return int(said) if is_number and 1 <= int(said) <= FURTHEST_CLOSING_DAYS else CLOSING_DAYS
