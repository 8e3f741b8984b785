"""Who may treat: the credentials of everybody, and of one person."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.models import Membership
from clinic.resources.pressing import form_page, posted
from clinic.roles import Role, allow
from treatments.rules.credentials import services
from treatments.rules.credentials.forms import CredentialForm, WithdrawForm
from treatments.rules.credentials.models import BLOCKING, Credential

FORM = ["GET", "POST"]


@allow(Role.CLINICIAN, Role.MANAGER)
def credentials(request: HttpRequest) -> HttpResponse:
    """Everybody who sees patients, with what counts for her and what ends soon."""
    today = clock.today(request.clinic)
    people = request.clinic.memberships.filter(is_active=True).select_related("user").prefetch_related("credentials")
    ending = services.ending(request.clinic, today=today)
    context = {
        "people": [
            {
                "person": person,
                "rows": [row for row in person.credentials.all() if row.withdrawn_at is None],
                "ending": [one for one in ending if one.membership.pk == person.pk],
            }
            for person in people
            if person.sees_patients or person.credentials.all()
        ],
    }
    return render(request, "treatments/rules/credentials.html", context)


@allow(Role.CLINICIAN, Role.MANAGER)
def credentials_of(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One person: what counts, what was before, and what she may not treat without."""
    person = _person(request, ref)
    rows = list(person.credentials.select_related("added_by", "withdrawn_by"))
    today = clock.today(request.clinic)
    context = {
        "person": person,
        "counting": [row for row in rows if row.withdrawn_at is None],
        "withdrawn": [row for row in rows if row.withdrawn_at is not None],
        "lapsed": services.lapsed_on(person, on=today),
        "not_kept": [
            kind.label.lower()
            for kind in BLOCKING
            if not any(row.kind == kind and not row.entered_in_error for row in rows)
        ],
        "today": today,
        "soon": today + services.SOON,
        "is_manager": request.membership.has(Role.MANAGER),
    }
    return render(request, "treatments/rules/credentials_of.html", context)


@allow(Role.MANAGER, methods=FORM)
def credential_new(request: HttpRequest, ref: UUID) -> HttpResponse:
    person = _person(request, ref)
    form = CredentialForm(posted(request))

    def keep() -> str:
        return f"{services.add(membership=person, by=request.user, **form.cleaned_data)} of {person} is kept."

    lead = "From the first one of its kind on, a licence and a training certificate have to be valid on the day of a session."
    title = f"Add a credential of {person}"
    return form_page(request, form, keep, title=title, act="Add it", back=_page_of(person), lead=lead)


@allow(Role.MANAGER, methods=FORM)
def credential_change(request: HttpRequest, ref: UUID) -> HttpResponse:
    credential = _credential(request, ref)
    form = CredentialForm.of(credential, posted(request))

    def change() -> str:
        return f"{services.change(credential=credential, by=request.user, **form.cleaned_data)} saved."

    back, lead = _page_of(credential.membership), "To put right what was typed. A renewal is added beside it."
    return form_page(request, form, change, title=f"{credential}", act="Save it", back=back, lead=lead)


@allow(Role.MANAGER, methods=FORM)
def credential_withdraw(request: HttpRequest, ref: UUID) -> HttpResponse:
    credential = _credential(request, ref)
    form = WithdrawForm(posted(request))

    def withdraw() -> str:
        typed = form.cleaned_data
        in_error = typed["what"] == "error"
        services.withdraw(credential=credential, in_error=in_error, reason=typed["reason"], by=request.user)
        return f"{credential} of {credential.membership} no longer counts."

    lead = "It stays on record and counts for no session."
    title, back = f"{credential} of {credential.membership}", _page_of(credential.membership)
    return form_page(request, form, withdraw, title=title, act="Withdraw it", back=back, lead=lead, danger=True)


def _person(request: HttpRequest, ref: UUID) -> Membership:
    return get_object_or_404(request.clinic.memberships.select_related("user", "clinic"), ref=ref)


def _credential(request: HttpRequest, ref: UUID) -> Credential:
    """Of this clinic."""
    person = get_object_or_404(request.clinic.memberships.filter(credentials__ref=ref).select_related("user", "clinic"))
    return get_object_or_404(person.credentials.select_related("membership__user", "membership__clinic"), ref=ref)


def _page_of(person: Membership) -> str:
    return reverse("treatments:credentials_of", args=[person.ref])
