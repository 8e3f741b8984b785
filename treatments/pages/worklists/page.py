"""Every list of people to call, on one page."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic import clock
from clinic.models import Clinic
from clinic.roles import Role, member
from patients.models import ConsentText
from patients.services.consent_texts import somebody_else
from treatments.appointments.calls.models import WaitingEntry
from treatments.pages.scores import open_reviews, reviews_list, reviews_shown
from treatments.pages.worklists import check_in_lists, clinicians_lists, package_lists, told_calls
from treatments.pages.worklists.call_lists import CLOSING_DAYS, CallList, call_lists
from treatments.pages.worklists.call_rows import Sorter
from treatments.pages.worklists.waiting import waiting_shown
from treatments.rules.credentials import services as credentials
from treatments.rules.credentials.services import Standing
from treatments.rules.policy import catalogue_for
from treatments.sessions.healing.models import CheckIn

FURTHEST_CLOSING_DAYS = 90
# A list of thousands is shown whole where somebody asks for it.
SHOWN_AT_ONCE = 50


@member()
def worklists(request: HttpRequest) -> HttpResponse:
    """`?closing=`: within how many days a window that ends is closing (1 to 90, else 14). `?all=`: the code of a list that is
    shown to its end."""
    now = clock.now()
    closing_days = _closing(request.GET.get("closing", ""))
    clinical = request.membership.may_see_clinical
    today = now.astimezone(request.clinic.tz).date()
    known = _known(request.clinic, clinical=clinical, today=today)
    sorter = Sorter(today=today, zone=request.clinic.tz)
    told = told_calls.told_lists(known, request.clinic, sorter=sorter)
    lists = call_lists(
        request.clinic, now=now, whole=True, closing_days=closing_days, waiting=known["waiting"], sorter=sorter
    )
    mine = _clinicians(request.clinic, known, today=today) if clinical else []
    bought = package_lists.lists(known, today=today)
    check_ins = _check_ins(known["check_ins"], request.clinic, clinical=clinical, now=now)
    context = {
        "lists": lists,
        "check_ins": check_ins,
        "shown": [_begun(one, request.GET.get("all", "")) for one in (check_ins, *told, *mine, *lists, *bought)],
        "ending": _ending(request, now),
        "texts": _texts_to_approve(request),
        "now": now,
        "closing_days": closing_days,
        "furthest": FURTHEST_CLOSING_DAYS,
        "here": request.get_full_path() if request.GET else request.path,
    }
    return render(request, "treatments/pages/worklists.html", context)


def _ending(request: HttpRequest, now: datetime) -> list[Standing]:
    """Credentials that end, for who treats and who manages; the desk is not asked about them."""
    if request.membership.is_desk_only:
        return []
    return credentials.ending(request.clinic, today=now.astimezone(request.clinic.tz).date())


def _texts_to_approve(request: HttpRequest) -> list[ConsentText]:
    """Versions of the consent text that wait for this prescriber: none is signed before. Her own is not hers to approve where
    there is somebody else."""
    if not request.membership.has(Role.PRESCRIBER):
        return []
    texts = request.clinic.consent_texts.waiting().select_related("made_by").defer("body")
    waiting = list(texts.order_by("published_at", "pk"))
    others = [text for text in waiting if text.made_by_id != request.user.pk]
    return others if len(others) < len(waiting) and somebody_else(request.membership) else waiting


def _clinicians(clinic: Clinic, known: dict[str, Any], *, today: date) -> list[CallList]:
    """Why a course is on hold or what a decision is about is for clinicians; the desk reads on the course that it waits."""
    rows = reviews_shown(open_reviews().filter(clinic=clinic))
    others = clinicians_lists.lists(known, clinic, catalogue=catalogue_for(clinic, today), today=today)
    return [reviews_list(rows), *others]


def _known(clinic: Clinic, *, clinical: bool, today: date) -> dict[str, Any]:
    """In one query: who waits for a place, what patients told us of visits ahead, their check-ins, what waits
    about packages and deposits, and for clinicians what else waits for one."""
    check_ins = CheckIn.objects.filter(patient__clinic=OuterRef("pk"))
    return told_calls.told_now(
        clinic,
        waiting=ArraySubquery(waiting_shown(WaitingEntry.objects.filter(clinic=OuterRef("pk")))),
        check_ins=ArraySubquery(check_in_lists.shown(check_ins, clinical=clinical, with_notes=True)),
        **package_lists.asked(today),
        **(clinicians_lists.asked(today) if clinical else {}),
    )


def _check_ins(rows: Iterable[dict], clinic: Clinic, *, clinical: bool, now: datetime) -> CallList:
    """What waits for a clinician, also those of which all is normal but for a note; for the desk, whom one must call now."""
    return check_in_lists.list_of(rows, clinical=clinical, today=now.astimezone(clinic.tz).date(), zone=clinic.tz)


def _begun(calls: CallList, whole: str) -> dict:
    """The first lines of a list, or all of them, and how many more there are."""
    first = calls.calls if calls.code == whole else calls.calls[:SHOWN_AT_ONCE]
    return {"list": calls, "first": first, "more": len(calls.calls) - len(first)}


def _closing(said: str) -> int:
    """What makes no sense in the address is as if it had not been said."""
    is_number = said.isascii() and said.isdigit() and len(said) <= 2
    return int(said) if is_number and 1 <= int(said) <= FURTHEST_CLOSING_DAYS else CLOSING_DAYS
