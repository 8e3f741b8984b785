"""Products for needled skin: listed by a manager, approved or taken back by a prescriber."""

from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic.resources.pressing import add_page, change_page, form_page, posted, use_or_not
from clinic.roles import Role, allow
from treatments.rules.products import services
from treatments.rules.products.forms import ApprovalForm, DecisionForm, ProductForm
from treatments.rules.products.models import SkinProduct

FORM = ["GET", "POST"]


@allow(Role.CLINICIAN, Role.MANAGER)
def products(request: HttpRequest) -> HttpResponse:
    """Every product, with who lets it on needled skin and since when, or what speaks against it."""
    context = {
        "products": request.clinic.skin_products.select_related("approved_by").order_by("-in_use", "name", "id"),
        "is_manager": request.membership.has(Role.MANAGER),
        "is_prescriber": request.membership.has(Role.PRESCRIBER),
        "is_clinician": request.membership.has(Role.CLINICIAN),
    }
    return render(request, "treatments/rules/products.html", context)


@allow(Role.MANAGER, methods=FORM)
def product_new(request: HttpRequest) -> HttpResponse:
    form = ProductForm(posted(request))

    def add() -> SkinProduct:
        return services.list_product(clinic=request.clinic, by=request.user, **form.cleaned_data)

    then = "is listed. A prescriber has to approve it before it is put on needled skin."
    return add_page(request, form, add, what="product", then=then, back=_back())


@allow(Role.MANAGER, methods=FORM)
def product_change(request: HttpRequest, ref: UUID) -> HttpResponse:
    product = _product(request, ref)
    form = ProductForm.of(product, posted(request))

    def change() -> SkinProduct:
        return services.change_product(product=product, by=request.user, **form.cleaned_data)

    lead = "Approved for what it is now: any change here ends the approval." if product.is_approved else ""
    return change_page(request, product, form, change, what="product", back=_back(), lead=lead)


@allow(Role.PRESCRIBER, methods=FORM)
def product_approve(request: HttpRequest, ref: UUID) -> HttpResponse:
    product = _product(request, ref)
    form = ApprovalForm(posted(request), product=product)

    def approve() -> str:
        services.approve(product=product, by=request.membership, **form.cleaned_data)
        return f"{product} may be put on needled skin."

    doubts = " ".join(product.doubts) or "Nothing that is known of it speaks against it."
    lead = f"{product.described}. {doubts} You answer for it in this clinic."
    title, act = f"Approve {product} for needled skin", "Approve it"
    return form_page(request, form, approve, title=title, act=act, back=_back(), lead=lead, danger=bool(product.doubts))


@allow(Role.PRESCRIBER, methods=FORM)
def product_take_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    product = _product(request, ref)
    form = DecisionForm(posted(request))

    def take_back() -> str:
        services.take_back(product=product, by=request.membership, **form.cleaned_data)
        return f"{product} is no longer put on needled skin."

    lead = "No session can record it from now on. What was recorded stays."
    return form_page(
        request, form, take_back, title=f"Take {product} back", act="Take the approval back", back=_back(), lead=lead
    )


@allow(Role.MANAGER, methods=["POST"])
def product_use(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The clinic has it, or not any more."""
    product = _product(request, ref)
    return use_or_not(request, product, partial(services.use_product, product=product), back=_back())


def _product(request: HttpRequest, ref: UUID) -> SkinProduct:
    return get_object_or_404(request.clinic.skin_products.select_related("clinic"), ref=ref)


def _back() -> str:
    return reverse("treatments:products")
