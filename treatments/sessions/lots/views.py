"""The clinic's cartridge lots, for a manager; and who had a lot, for clinicians."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.resources.pressing import add_page, change_page, form_page, posted
from clinic.roles import Role, allow
from clinic.submissions import once
from treatments.sessions.lots import services, stock
from treatments.sessions.lots.forms import LotForm, LotOutForm
from treatments.sessions.models import CartridgeLot

FORM = ["GET", "POST"]


@allow(Role.CLINICIAN, Role.MANAGER)
def lots(request: HttpRequest) -> HttpResponse:
    """Every lot: what came, what was used, what is left, and what asks for attention."""
    rows = stock.stock_of(request.clinic, today=clock.today(request.clinic))
    context = {
        "in_use": [row for row in rows if row.lot.in_use],
        "withdrawn": [row for row in rows if not row.lot.in_use],
        "is_manager": request.membership.has(Role.MANAGER),
        "is_clinician": request.membership.has(Role.CLINICIAN),
    }
    return render(request, "treatments/sessions/lots/lots.html", context)


@allow(Role.MANAGER, methods=FORM)
def lot_new(request: HttpRequest) -> HttpResponse:
    form = LotForm(posted(request))

    def add() -> CartridgeLot:
        return services.list_lot(clinic=request.clinic, by=request.user, **form.cleaned_data)

    return add_page(request, form, add, what="lot", then="is listed.", back=_back())


@allow(Role.MANAGER, methods=FORM)
def lot_change(request: HttpRequest, ref: UUID) -> HttpResponse:
    lot = _lot(request, ref)
    form = LotForm.of(lot, posted(request))

    def change() -> CartridgeLot:
        typed = dict(form.cleaned_data)
        return services.change_lot(lot=lot, name=typed.pop("lot"), by=request.user, **typed)

    return change_page(request, lot, form, change, what="lot", back=_back())


@allow(Role.MANAGER, methods=FORM)
def lot_out(request: HttpRequest, ref: UUID) -> HttpResponse:
    lot = _lot(request, ref)
    form = LotOutForm(posted(request), initial={"reason": lot.out_reason, "note": lot.out_note})

    def take() -> str:
        services.take_lot_out(lot=lot, by=request.user, **form.cleaned_data)
        return f"{lot} is withdrawn."

    lead = "No session may name it any more. Sessions that do stay as they are, and a clinician can see who had it."
    return form_page(
        request, form, take, title=f"Withdraw {lot}", act="Withdraw the lot", back=_back(), lead=lead, danger=True
    )


@allow(Role.MANAGER, methods=["POST"])
def lot_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    lot = _lot(request, ref)

    def put() -> str:
        services.put_lot_back(lot=lot, by=request.user)
        messages.success(request, f"{lot} is in use again.")
        return _back()

    try:
        return once(request, put)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        return redirect(_back())


@allow(Role.CLINICIAN, methods=FORM)
def lot_trace(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Asked first, shown by a press: names are looked up on purpose, and the look goes on record."""
    lot = _lot(request, ref)
    met = services.who_had(lot=lot, by=request.membership) if request.method == "POST" else None
    context = {
        "lot": lot,
        "met": met,
        "patients": len({one.session.patient_id for one in met or ()}),
        "reactions": sum(len(one.reactions) for one in met or ()),
        "used": stock.used_by_others(lot),
        "today": clock.today(request.clinic),
    }
    return render(request, "treatments/sessions/lots/trace.html", context)


def _lot(request: HttpRequest, ref: UUID) -> CartridgeLot:
    return get_object_or_404(request.clinic.cartridge_lots.select_related("clinic", "out_by"), ref=ref)


def _back() -> str:
    return reverse("treatments:lots")
