"""The protocol as people can read it, its sign-off, and the clinic's own values."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow, member
from clinic.submissions import go_to, once
from treatments.flows import publishing
from treatments.pages.protocol import page as protocol_page
from treatments.pages.protocol import policy_page
from treatments.pages.protocol.policy_page import Parameters
from treatments.protocol.policy import Setting
from treatments.rules import services
from treatments.rules.forms import EndForm, ValueForm
from treatments.rules.models import PolicyValue


@allow(Role.CLINICIAN, Role.MANAGER, methods=["GET", "POST"])
def protocol(request: HttpRequest) -> HttpResponse:
    """Every rule with its value, sources and dissent; a prescriber signs the version in force.

    `?find=` words, `?show=` one group of rules, or "different": what the clinic has set for itself.
    """
    refusal = ""
    if request.method == "POST":

        def sign() -> str:
            publishing.sign_off(clinic=request.clinic, by=request.membership)
            messages.success(request, "Protocol signed for this clinic.")
            return reverse("treatments:protocol")

        try:
            return once(request, sign)
        except DomainError as error:
            refusal = error.sentence
    find, show = request.GET.get("find", "")[:80].strip(), request.GET.get("show", "")
    context = protocol_page.readable(request.clinic, find=find, show=show) | {
        "may_sign": request.membership.has(Role.PRESCRIBER),
        # Asked for only where the page names them.
        "signers": request.clinic.memberships.filter(is_active=True, roles__contains=[Role.PRESCRIBER]).select_related(
            "user"
        ),
        "refusal": refusal,
    }
    return render(request, "treatments/rules/protocol.html", context, status=422 if refusal else 200)


# ── Values of the clinic ──────────────────────────────────────────────────────


@allow(Role.CLINICIAN, Role.MANAGER, methods=["GET", "POST"])
def policy_value(request: HttpRequest, path: str) -> HttpResponse:
    """One value with its history. A press shows what would change; a second one, on that page, puts it in force."""
    found = _found(request, path)
    form = _value_form(request, found, request.POST or None)
    way, preview, changes = "", None, []
    if request.method == "POST" and form.is_valid():
        way = policy_page.way_of(request.clinic, found, form.cleaned_data["value"])
        try:
            if request.POST.get("confirm"):
                return once(request, lambda: _put_in_force(request, found, form, way))
            form.refuse_way(way)
            preview = policy_page.preview(found, form.cleaned_data, way)
            changes = _changes_with(request, found, form, way)
        except DomainError as refusal:
            refuse(form, refusal)
    context = policy_page.value_page(request.clinic, found, membership=request.membership) | {
        "form": form if policy_page.may_set(request.membership) else None,
        "direction": policy_page.told(way, request.membership),
        "preview": preview,
        "changes": changes,
        "named": request.membership.may_see_clinical,
    }
    status = 200 if preview else form_status(request)
    return render(request, "treatments/rules/value.html", context, status=status)


@allow(Role.CLINICIAN, Role.MANAGER)
def policy_direction(request: HttpRequest, path: str) -> HttpResponse:
    """Which way a typed value lies, as a fragment of the form."""
    found = _found(request, path)
    typed = _value_form(request, found, request.GET)
    typed.is_valid()
    way = policy_page.way_of(request.clinic, found, typed.cleaned_data.get("value"))
    # Nothing was pressed yet: what is still missing is no mistake.
    said = {name: request.GET.get(name, "") for name in ("reason", "expires_on")}
    context = {
        "form": _value_form(request, found, None, **said),
        "direction": policy_page.told(way, request.membership),
        "licence": request.membership.licence,
    }
    return render(request, "treatments/rules/_direction.html", context)


@allow(Role.CLINICIAN, Role.MANAGER, methods=["GET", "POST"])
def policy_end(request: HttpRequest, ref: UUID) -> HttpResponse:
    """End a value of the clinic: what it would change, and the press that does it."""
    value = get_object_or_404(request.clinic.policy_values.select_related("clinic"), ref=ref)
    loosens = value.direction == PolicyValue.Direction.STRICTER
    form = EndForm(request.POST or None, required=loosens)
    back = policy_page.value_url(request.clinic, value.path)
    if value.ended_at is not None:
        # A second press, or an old page: it is done, and the page of the value says so.
        return redirect(back)
    if request.method == "POST" and form.is_valid():

        def end() -> str:
            publishing.end(policy_value=value, by=request.membership, reason=form.cleaned_data["reason"])
            messages.success(request, "Ended. The rules count as shown.")
            return back

        try:
            return once(request, end)
        except DomainError as refusal:
            refuse(form, refusal)
    after = publishing.rules_without(value)
    context = policy_page.ending(value, after) | {
        "form": form,
        "loosens": loosens,
        "back": back,
        "changes": publishing.compare(request.clinic, after),
        "named": request.membership.may_see_clinical,
    }
    return render(request, "treatments/rules/end.html", context, status=form_status(request))


@allow(Role.CLINICIAN, Role.MANAGER, methods=["GET", "POST"])
def protocol_adopt(request: HttpRequest) -> HttpResponse:
    """A published version beside the one in force: which values and which booked visits change. A prescriber adopts it."""
    protocol, newer = services.in_force(request.clinic), services.shipped()
    refusal = ""
    if request.method == "POST":

        def adopt() -> str:
            # Between the look and the press a newer one may have been installed: nobody adopts what she has not seen.
            if request.POST.get("sha256") != newer.sha256 or newer == protocol:
                raise DomainError("This version is not the one that was shown. Look at the comparison again.")
            publishing.adopt(clinic=request.clinic, protocol=newer, by=request.membership)
            messages.success(request, f"Protocol {newer.version} is in force. Sign it next.")
            return reverse("treatments:protocol")

        try:
            return once(request, adopt)
        except DomainError as error:
            refusal = error.sentence
    after = publishing.rules_under(request.clinic, newer)
    context = {
        "protocol": protocol,
        "newer": newer,
        "is_newer": newer != protocol,
        "act": f"Adopt protocol {newer.version}",
        "may_adopt": request.membership.has(Role.PRESCRIBER) and newer != protocol,
        "values": policy_page.values_that_change(request.clinic, after),
        "changes": publishing.compare(request.clinic, after),
        "named": request.membership.may_see_clinical,
        "refusal": refusal,
    }
    return render(request, "treatments/rules/adopt.html", context, status=422 if refusal else 200)


@member(methods=["POST"])
def outcome_seen(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Somebody has looked at a visit that changed rules judge in another way: its line leaves the worklist."""
    change = get_object_or_404(request.clinic.outcome_changes, ref=ref)
    publishing.mark_seen(change=change, by=request.user)
    messages.success(request, "Done. The line is off the list.")
    return go_to(request, f"{reverse('treatments:worklists')}#rules-changed")


def _found(request: HttpRequest, path: str) -> Parameters:
    found = policy_page.parameters_at(request.clinic, path)
    if found is None:
        raise Http404("The protocol has no such value.")
    return found


def _value_form(request: HttpRequest, found: Parameters, data, **initial) -> ValueForm:
    ask_url = reverse("treatments:policy_direction", args=[found.shipped.path])
    return ValueForm(data, shipped=found.shipped, ours=found.ours, ask_url=ask_url, initial=initial)


def _put_in_force(request: HttpRequest, found: Parameters, form: ValueForm, way: str) -> str:
    # Only here, so that a second press on the same page meets the value it has set and is sent on to it.
    form.refuse_way(way)
    said, who = form.cleaned_data, {"clinic": request.clinic, "by": request.membership}
    path = found.shipped.path
    if way == "looser":
        publishing.loosen(path=path, value=said["value"], reason=said["reason"], expires_on=said["expires_on"], **who)
    else:
        publishing.tighten(path=path, value=said["value"], **who)
    messages.success(request, f"{found.shipped.label}: in force.")
    return reverse("treatments:policy_value", args=[path])


def _changes_with(request: HttpRequest, found: Parameters, form: ValueForm, way: str) -> list[publishing.Change]:
    until = form.cleaned_data["expires_on"] if way == "looser" else None
    setting = Setting(found.shipped.path, form.cleaned_data["value"], until)
    return publishing.compare(request.clinic, publishing.rules_with(request.clinic, setting))
