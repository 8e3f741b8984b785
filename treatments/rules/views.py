"""The protocol as people can read it, its sign-off, and what the clinic treats with."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.roles import Role, allow
from clinic.submissions import once
from treatments.pages import protocol_page
from treatments.rules import services


@allow(Role.CLINICIAN, Role.MANAGER, methods=["GET", "POST"])
def protocol(request: HttpRequest) -> HttpResponse:
    """Every rule with its value, sources and dissent; a prescriber signs the version in force."""
    refusal = ""
    if request.method == "POST":

        def sign() -> str:
            services.sign_off(clinic=request.clinic, by=request.membership)
            messages.success(request, "Protocol signed for this clinic.")
            return reverse("treatments:protocol")

        try:
            return once(request, sign)
        except DomainError as error:
            refusal = error.sentence
    in_force = services.in_force()
    context = protocol_page.readable() | {
        "protocol": in_force,
        "signed": request.clinic.protocol_sign_offs.filter(protocol=in_force).select_related("signed_by").first(),
        "earlier": request.clinic.protocol_sign_offs.exclude(protocol=in_force).select_related("protocol", "signed_by"),
        "may_sign": request.membership.has(Role.PRESCRIBER),
        "refusal": refusal,
    }
    return render(request, "treatments/rules/protocol.html", context, status=422 if refusal else 200)


@allow(Role.CLINICIAN, Role.MANAGER)
def equipment(request: HttpRequest) -> HttpResponse:
    """Devices with their limits, numbing products, cartridge lots: what a session may name."""
    context = {
        "devices": request.clinic.devices.all(),
        "anaesthetics": request.clinic.anaesthetics.all(),
        "lots": request.clinic.cartridge_lots.all(),
        "today": clock.today(request.clinic),
    }
    return render(request, "treatments/rules/equipment.html", context)
