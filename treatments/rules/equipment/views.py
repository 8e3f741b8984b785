"""What the clinic treats with: devices with the limits of their label, numbing products, cartridge lots."""

from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.resources.pressing import add_page, back_in_service, change_page, out_page, posted, use_or_not
from clinic.roles import Role, allow
from treatments.protocol.catalogue import Catalogue
from treatments.rules import services as rules
from treatments.rules.equipment import services
from treatments.rules.equipment.forms import AnaestheticForm, DeviceForm
from treatments.rules.models import Anaesthetic, Device

FORM = ["GET", "POST"]


@allow(Role.CLINICIAN, Role.MANAGER)
def equipment(request: HttpRequest) -> HttpResponse:
    """Devices with their limits, numbing products, cartridge lots: what a session may name."""
    concerns = _catalogue(request).concerns
    context = {
        "devices": [
            {
                "row": device,
                "meant_for": [concerns[code].label.lower() for code in device.indications if code in concerns],
            }
            for device in request.clinic.devices.all()
        ],
        "anaesthetics": request.clinic.anaesthetics.all(),
        "approved": request.clinic.skin_products.filter(in_use=True, approved_at__isnull=False),
        "lots": request.clinic.cartridge_lots.all(),
        "today": clock.today(request.clinic),
        "is_manager": request.membership.has(Role.MANAGER),
    }
    return render(request, "treatments/rules/equipment.html", context)


@allow(Role.MANAGER, methods=FORM)
def device_new(request: HttpRequest) -> HttpResponse:
    form = DeviceForm(posted(request), catalogue=_catalogue(request))

    def add() -> Device:
        return rules.add_device(clinic=request.clinic, by=request.user, **form.wanted())

    return add_page(request, form, add, what="device", then="is in service.", back=_back())


@allow(Role.MANAGER, methods=FORM)
def device_change(request: HttpRequest, ref: UUID) -> HttpResponse:
    device = _device(request, ref)
    form = DeviceForm.of(device, posted(request), _catalogue(request))

    def change() -> Device:
        return services.change_device(device=device, by=request.user, **form.wanted())

    return change_page(request, device, form, change, what="device", back=_back())


@allow(Role.MANAGER, methods=FORM)
def device_out(request: HttpRequest, ref: UUID) -> HttpResponse:
    device = _device(request, ref)
    lead = "No visit takes it any more. Visits that hold it stay booked, and you see which ones first."
    return out_page(request, device, partial(services.take_device_out, device=device), lead=lead, back=_back())


@allow(Role.MANAGER, methods=["POST"])
def device_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    device = _device(request, ref)
    return back_in_service(request, device, partial(services.put_device_back, device=device), back=_back())


@allow(Role.MANAGER, methods=FORM)
def anaesthetic_new(request: HttpRequest) -> HttpResponse:
    form = AnaestheticForm(posted(request))

    def add() -> Anaesthetic:
        return rules.add_anaesthetic(clinic=request.clinic, by=request.user, **form.cleaned_data)

    return add_page(request, form, add, what="numbing product", then="is in use.", back=_back())


@allow(Role.MANAGER, methods=FORM)
def anaesthetic_change(request: HttpRequest, ref: UUID) -> HttpResponse:
    product = _anaesthetic(request, ref)
    form = AnaestheticForm.of(product, posted(request))

    def change() -> Anaesthetic:
        return rules.change_anaesthetic(anaesthetic=product, by=request.user, **form.cleaned_data)

    lead = "Sessions that are open are asked by the new label. What is signed keeps the label it was signed with."
    return change_page(request, product, form, change, what="product", back=_back(), lead=lead)


@allow(Role.MANAGER, methods=["POST"])
def anaesthetic_use(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Offered at the chair, or not any more."""
    product = _anaesthetic(request, ref)
    return use_or_not(request, product, partial(rules.use_anaesthetic, anaesthetic=product), back=_back())


def _anaesthetic(request: HttpRequest, ref: UUID) -> Anaesthetic:
    return get_object_or_404(request.clinic.anaesthetics.select_related("clinic"), ref=ref)


def _device(request: HttpRequest, ref: UUID) -> Device:
    return get_object_or_404(request.clinic.devices.select_related("clinic"), ref=ref)


def _catalogue(request: HttpRequest) -> Catalogue:
    return rules.catalogue_of(rules.in_force(request.clinic))


def _back() -> str:
    return reverse("treatments:equipment")
