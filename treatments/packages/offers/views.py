"""What the clinic sells ahead: everybody reads it, a manager changes it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic.resources.pressing import form_page, posted
from clinic.roles import Role, allow, member
from clinic.submissions import once
from treatments.packages.models import PackageOffer
from treatments.packages.offers import services
from treatments.packages.offers.forms import OfferForm, PolicyForm
from treatments.packages.services import policy_of

FORM = ["GET", "POST"]


@member()
def packages(request: HttpRequest) -> HttpResponse:
    """What is sold, what is not sold any more, and what a missed visit costs."""
    offers = list(request.clinic.package_offers.all())
    context = {
        "in_sale": [offer for offer in offers if offer.in_sale],
        "not_sold": [offer for offer in offers if not offer.in_sale],
        "policy": policy_of(request.clinic),
        "is_manager": request.membership.has(Role.MANAGER),
    }
    return render(request, "treatments/packages/offers.html", context)


@allow(Role.MANAGER, methods=FORM)
def package_offer_new(request: HttpRequest) -> HttpResponse:
    form = OfferForm(posted(request), currency=request.clinic.currency)

    def add() -> str:
        return f"{services.add_offer(clinic=request.clinic, by=request.user, **form.cleaned_data)} can be sold."

    lead = "" if request.clinic.currency else "The clinic has no currency yet: choose one in Settings, Clinic, first."
    return form_page(request, form, add, title="Add a package", act="Add the package", back=_back(), lead=lead)


@allow(Role.MANAGER, methods=FORM)
def package_offer_change(request: HttpRequest, ref: UUID) -> HttpResponse:
    offer = _offer(request, ref)
    form = OfferForm.of(offer, posted(request), currency=request.clinic.currency or offer.currency)

    def change() -> str:
        return f"{services.change_offer(offer=offer, by=request.user, **form.cleaned_data)} saved."

    lead = "What was sold already stays as it was sold."
    return form_page(request, form, change, title=f"{offer}", act="Save the package", back=_back(), lead=lead)


@allow(Role.MANAGER, methods=["POST"])
def package_offer_use(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Sold (`to`: "sell"), or not any more."""
    offer, in_sale = _offer(request, ref), request.POST.get("to") == "sell"

    def change() -> str:
        services.put_in_sale(offer=offer, in_sale=in_sale, by=request.user)
        messages.success(request, f"{offer} is {'sold again' if in_sale else 'not sold any more'}.")
        return _back()

    return once(request, change)


@allow(Role.MANAGER, methods=FORM)
def package_policy(request: HttpRequest) -> HttpResponse:
    form = PolicyForm.of(policy_of(request.clinic), posted(request))

    def change() -> str:
        services.set_policy(clinic=request.clinic, by=request.user, **form.cleaned_data)
        return "Saved. Packages that were sold keep the terms they were sold with."

    return form_page(request, form, change, title="What a missed visit costs", act="Save", back=_back())


def _offer(request: HttpRequest, ref: UUID) -> PackageOffer:
    return get_object_or_404(request.clinic.package_offers.select_related("clinic"), ref=ref)


def _back() -> str:
    return reverse("treatments:packages")
