"""Who works here: invitations, roles and the second factor, by a manager; and the page on which an invitation is accepted."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.models import Invitation, Membership
from clinic.resources.pressing import form_page, posted
from clinic.roles import Role, allow, public
from clinic.staff import admission, reading, services
from clinic.staff.forms import AcceptForm, InviteForm, ResetForm, RolesForm, SecondFactorForm
from clinic.staff.proof import freshly_proven
from clinic.submissions import once, own_path

FORM = ["GET", "POST"]
# Where else is not said: that is hers to tell.
ALSO_ELSEWHERE = (
    "Kept, and not removed yet: {who} also works in another clinic, which her second factor guards as well. A manager there has "
    "to press the same within 72 hours: ask her to ring them. Until then one of her recovery codes opens her account."
)


# ── Invitations, by a manager ─────────────────────────────────────────────────


@allow(Role.MANAGER)
def invitations(request: HttpRequest) -> HttpResponse:
    found = reading.invitations(request.clinic)
    return render(request, "clinic/staff/invitations.html", {"invitations": found})


@allow(Role.MANAGER, methods=FORM)
@freshly_proven
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(posted(request))

    def ask() -> str:
        asked = services.invite(clinic=request.clinic, by=request.user, **form.cleaned_data)
        return f"{asked} is invited: the mail leaves within half a minute."

    lead = "A mail with a link goes to her. The link works once, for 72 hours; she chooses her own password."
    return form_page(request, form, ask, title="Invite somebody", act="Send the invitation", back=_list(), lead=lead)


@allow(Role.MANAGER, methods=["POST"])
def invitation_again(request: HttpRequest, ref: UUID) -> HttpResponse:
    invitation = _invitation(request, ref)

    def send() -> str:
        services.send_again(invitation=invitation, by=request.user)
        messages.success(
            request, f"{invitation} is sent another mail. The link of the one before opens nothing any more."
        )
        return _list()

    return _pressed(request, send)


@allow(Role.MANAGER, methods=["POST"])
def invitation_take_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    invitation = _invitation(request, ref)

    def take_back() -> str:
        services.take_back(invitation=invitation, by=request.user)
        messages.success(request, f"The invitation of {invitation} is taken back.")
        return _list()

    return _pressed(request, take_back)


def _pressed(request: HttpRequest, effect) -> HttpResponse:
    try:
        return once(request, effect)
    except DomainError as refusal:
        # An old page: it was accepted, taken back or sent before the press.
        context = {"what": refusal.sentence, "back_url": _list()}
        return render(request, "409.html", context, status=409)


def _invitation(request: HttpRequest, ref: UUID) -> Invitation:
    return get_object_or_404(request.clinic.invitations, ref=ref)


def _list() -> str:
    return reverse("clinic:invitations")


# ── Accepting one, by whoever was invited ─────────────────────────────────────


@public()
def invitation_open(request: HttpRequest, token: str) -> HttpResponse:
    """Swap the token for a short cookie and go to the page without it. Nothing is written."""
    if request.method == "HEAD":
        return HttpResponse()  # a scanner that only knocks: it opens nothing, and learns nothing
    if not admission.may_try(request, token):
        return render(request, "429.html", status=429)
    invitation = admission.found(token)
    if invitation is None:
        return _over(request, services.why_over(token_sha256=admission.hash_of(token)))
    return admission.let_in(redirect("clinic:invitation"), invitation)


@public(methods=FORM)
def invitation(request: HttpRequest) -> HttpResponse:
    """Choose a password and begin; or, where that e-mail has an account here already, sign in with it and join."""
    asked = admission.admitted(request)
    if asked is None:
        held = admission.held_by(request)
        return _over(request, services.why_over(token_sha256=held) if held else "unknown")
    account = services.account_of(asked)
    if account is None:
        return _begin(request, asked)
    return _join(request, asked) if request.user == account else _sign_in_first(request, asked)


def _begin(request: HttpRequest, asked: Invitation) -> HttpResponse:
    form = AcceptForm(posted(request), invitation=asked)
    if form.is_bound and form.is_valid():
        try:
            services.accept_as_new(invitation=asked, **form.cleaned_data)
        except DomainError as refusal:
            if refusal.code == services.OVER:
                return _over(request, services.why_over(token_sha256=asked.token_sha256))
            refuse(form, refusal)
        else:
            messages.success(request, f"Welcome to {asked.clinic.name}. Sign in with {asked.email} and your password.")
            return redirect("account_login")
    context = {"invitation": asked, "form": form}
    return render(request, "clinic/staff/accept.html", context, status=form_status(request))


def _join(request: HttpRequest, asked: Invitation) -> HttpResponse:
    refusal = None
    if request.method == "POST":
        try:
            services.accept_as(invitation=asked, user=request.user)
        except DomainError as said:
            if said.code == services.OVER:
                return _over(request, services.why_over(token_sha256=asked.token_sha256))
            refusal = said
        else:
            request.session["clinic_ref"] = str(asked.clinic.ref)
            messages.success(request, f"You work at {asked.clinic.name} now.")
            return redirect("/")
    context = {"invitation": asked, "refusal": refusal}
    return render(request, "clinic/staff/join.html", context, status=422 if refusal else 200)


def _sign_in_first(request: HttpRequest, asked: Invitation) -> HttpResponse:
    sign_in = f"{reverse('account_login')}?{urlencode({'next': reverse('clinic:invitation')})}"
    context = {"invitation": asked, "sign_in_url": sign_in}
    return render(request, "clinic/staff/sign_in_first.html", context, status=form_status(request))


def _over(request: HttpRequest, why: str) -> HttpResponse:
    return render(request, "clinic/staff/invitation_over.html", {"why": why}, status=404)


# ── Roles and the second factor, by a manager ─────────────────────────────────


@allow(Role.MANAGER, methods=FORM)
@freshly_proven
def person_roles(request: HttpRequest, ref: UUID) -> HttpResponse:
    who = _person(request, ref)
    form = RolesForm.of(who, posted(request))

    def change() -> str:
        services.change_roles(membership=who, by=request.user, **form.cleaned_data)
        return f"{who} saved. It counts from the next page on."

    return form_page(request, form, change, title=f"Roles of {who}", act="Save the roles", back=_page_of(who))


@allow(Role.MANAGER, methods=FORM)
@freshly_proven
def person_second_factor(request: HttpRequest, ref: UUID) -> HttpResponse:
    """For a colleague who has lost hers."""
    who = _person(request, ref)
    form = ResetForm(posted(request))

    def reset() -> str:
        if services.reset_second_factor(membership=who, by=request.user, **form.cleaned_data):
            return f"{who} has no second factor any more and is signed out everywhere. A mail says so."
        return ALSO_ELSEWHERE.format(who=who)

    return form_page(
        request,
        form,
        reset,
        title=f"Remove the second factor of {who}?",
        act="Remove it",
        back=_page_of(who),
        danger=True,
        lead="Be sure that it is she who asks: call her. Afterwards her password alone opens the account until she sets up a new one.",
    )


@allow(Role.MANAGER, methods=FORM)
@freshly_proven
def second_factor(request: HttpRequest) -> HttpResponse:
    """Whether everybody needs one, and who has none yet."""
    form = SecondFactorForm.of(request.clinic.second_factor_from, posted(request))

    def save() -> str:
        services.require_second_factor(clinic=request.clinic, from_day=form.cleaned_data["from_day"], by=request.user)
        return "Saved."

    lead = reading.second_factor_words(request.clinic)
    back = reverse("clinic:settings")
    return form_page(request, form, save, title="Second factor for everybody", act="Save", back=back, lead=lead)


@allow(Role.MANAGER, methods=["POST"])
def test_mail(request: HttpRequest) -> HttpResponse:
    def send() -> str:
        services.send_test_mail(clinic=request.clinic, by=request.user)
        messages.success(request, f"A test mail to {request.user.email} leaves within half a minute.")
        return own_path(request.POST.get("next", "")) or reverse("clinic:settings")

    return once(request, send)


def _person(request: HttpRequest, ref: UUID) -> Membership:
    return get_object_or_404(request.clinic.memberships.select_related("user", "clinic"), ref=ref)


def _page_of(who: Membership) -> str:
    return reverse("clinic:person", args=[who.ref])
