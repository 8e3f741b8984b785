"""Deposits: taken on a visit, settled after it, and the sum of a day to compare with the till."""

from datetime import date, timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.resources.pressing import posted
from clinic.roles import Role, allow, member
from treatments.packages.deposits import services
from treatments.packages.deposits.forms import SettleForm, TakeForm
from treatments.packages.pressing import press
from treatments.packages.services import NO_CURRENCY, policy_of

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
FORM = ["GET", "POST"]
# A day further away than this is a slip of the keyboard.
FURTHEST = timedelta(days=3660)


@allow(*DESK, methods=FORM)
def deposit_take(request: HttpRequest, ref: UUID) -> HttpResponse:
    visit = get_object_or_404(request.clinic.appointments.select_related("clinic", "patient__clinic"), ref=ref)
    form = TakeForm(posted(request), currency=request.clinic.currency)

    def take() -> str:
        deposit = services.take(visit=visit, by=request.user, **form.cleaned_data)
        return f"{deposit.amount_words} taken."

    over = visit.status in ("cancelled", "no_show", "done")
    nothing = "" if request.clinic.currency else NO_CURRENCY
    if over:
        nothing = f"This visit is {visit.get_status_display().lower()}. A deposit is taken before it."
    lead = f"{visit.get_kind_display()}, {visit.day:%a} {visit.day.day} {visit.day:%b}, {visit.starts_at:%H:%M}"
    return press(
        request, visit.patient, form, take, title="Take a deposit", act="Write it down", lead=lead, nothing=nothing,
        way=("Choose the currency", reverse("clinic:details")) if nothing == NO_CURRENCY and request.membership.has(Role.MANAGER) else None,
    )  # fmt: skip


@allow(*DESK, methods=FORM)
def deposit_settle(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What becomes of it: the policy suggests, the desk decides. Also to put right what was a mistake."""
    deposit = get_object_or_404(_deposits(request), ref=ref)
    suggestion = services.suggested(deposit.visit, policy_of(request.clinic))
    form = SettleForm(posted(request), deposit=deposit, suggestion=suggestion)

    def settle() -> str:
        step = services.settle(deposit=deposit, by=request.user, **form.cleaned_data)
        return f"{deposit.amount_words}: {step.get_became_display().lower()}."

    visit = deposit.visit
    on = f"{visit.day:%a} {visit.day.day} {visit.day:%b}"
    lead = f"{deposit.get_state_display()}, reference {deposit.reference}. The visit of {on} is {visit.get_status_display().lower()}."
    return press(request, deposit.patient, form, settle, title=f"{deposit}", act="Write it down", lead=lead)


@member()
def till(request: HttpRequest) -> HttpResponse:
    """`?day=`: what was taken and given on one day, today where nothing that makes sense is said."""
    today = clock.today(request.clinic)
    on = _day(request.GET.get("day", ""), today)
    moved = services.movements(request.clinic, on)
    context = {
        "on": on,
        "moved": moved,
        "totals": services.totals(moved),
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1) if on < today else None,
        "now": clock.now(),
    }
    return render(request, "treatments/packages/till.html", context)


def _day(said: str, today: date) -> date:
    try:
        on = date.fromisoformat(said)
    except ValueError:
        return today
    return on if abs(on - today) <= FURTHEST else today


def _deposits(request: HttpRequest):
    return request.clinic.deposits.select_related("clinic", "patient__clinic", "visit__clinic")
