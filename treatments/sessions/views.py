"""The chairside: opened behind the gate, charted step by step, signed, and from then on only added to."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from clinic.templatetags.clinic_ui import mm
from treatments.appointments.models import Appointment
from treatments.flows import reactions
from treatments.pages.header import patient_header
from treatments.plans.models import TreatmentPlan
from treatments.rules.credentials import services as credentials
from treatments.rules.policy import catalogue_for
from treatments.screenings.services import NotPermitted
from treatments.sessions import chairside, dose, forms, services, skin_products
from treatments.sessions.depths import goes_on_from, last_in_zones, last_of_course
from treatments.sessions.models import SessionZone, TreatmentSession

# Where a refusal of the database belongs.
FIELDS_OF_PROMISES = {
    "cartridge_one_patient": "serial",
    "session_cartridge_in_date": "lot",
    "session_cartridge_not_withdrawn": "lot",
    "session_cartridge_of_its_clinic": "lot",
    "cartridge_lot_once": "new_lot",
    "session_product_is_approved": "product",
    "session_product_in_date": "product_expires_on",
    "session_product_once": "product_lot",
    "session_product_names_its_lot": "product_lot",
    "session_product_ml_can_be": "ml",
    "session_numbing_off_after_on": "off_at",
    "zone_over_soft_max_has_a_reason": "reason",
    "zone_step_up_has_a_reason": "reason",
    "zone_depth_within_device_label": "depth",
    "zone_cap_of_its_zone": "depth",
    "zone_deeper_only_by_label": "depth",
    "zone_deeper_only_by_order": "depth",
    "zone_within_cap_of_its_concern": "depth",
    "zone_on_hold_has_a_reason": "reason",
    "session_weight_20_to_400": "weight_kg",
}
# A step that cannot be taken yet, and where it is taken: shown beside the refusal.
WAYS_OUT = {
    "session_needs_screening": "day_form",
    "session_screening_is_todays": "day_form",
    "session_outcome_permits": "screening",
    "session_facts_current": "day_form",
    "session_under_rules_in_force": "screening",
    "session_floor_kept": "screening",
}
# The same, where it is a step of the course and not of the patient.
WAYS_OUT_OF_THE_COURSE = {"session_plan_active": "course", "session_needs_consent": "consent"}

# Forms that the page of a signed session still draws.
GO_ON_AFTER_SIGNING = {"addendum", "error", "event", "close"}


def _session(request: HttpRequest, ref: UUID) -> TreatmentSession:
    found = request.clinic.sessions.select_related(
        "patient", "clinic", "plan", "planned_session__plan", "appointment", "screening", "device", "cartridge_lot", "anaesthetic",
        "operator__user", "signed_by",
    ).prefetch_related("zones")  # fmt: skip
    return get_object_or_404(found, ref=ref)


# ── Opening ───────────────────────────────────────────────────────────────────


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def open_session(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What today's screening said, the changes to tick, and the door. Refusals say what to do instead."""
    visits = request.clinic.appointments.select_related(
        "patient__clinic", "planned_session__plan", "clinician__user", "clinic"
    )
    visit = get_object_or_404(visits, ref=ref)
    if visit.planned_session is None:
        raise Http404
    begun = visit.sessions.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR).order_by("-id").first()
    if begun is not None:
        return redirect("treatments:session", begun.ref)
    record = services.latest_screening(visit)
    form = forms.OpenForm(
        request.POST if request.method == "POST" else None,
        changes=record.changes if record else [],
        catalogue=catalogue_for(request.clinic),
    )
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            return once(request, lambda: _opened(request, visit, form))
        except DomainError as refused:
            refusal = refused
            refuse(form, refused)
    return _opening_page(request, visit, record, form, refusal)


def _opened(request: HttpRequest, visit: Appointment, form: forms.OpenForm) -> str:
    opened = services.open_session(visit=visit, by=request.membership, acknowledged=form.cleaned_data["acknowledged"])
    return chairside.step_url(opened, "check")


def _opening_page(request, visit, record, form, refusal: DomainError | None) -> HttpResponse:
    checked = chairside.checked(record) if record else None
    current = record is not None and record.facts_version == visit.patient.facts_version
    plan = visit.planned_session.plan
    lapsed = credentials.lapsed_on(request.membership, on=clock.today(request.clinic))
    context = {
        "visit": visit,
        "lapsed": lapsed,
        "header": patient_header(visit.patient, membership=request.membership),
        "record": record,
        "checked": checked,
        "current": current,
        "plan": plan,
        "active": plan.status == TreatmentPlan.Status.ACTIVE,
        "may_open": current
        and record.outcome in ("clear", "caution")
        and plan.status == TreatmentPlan.Status.ACTIVE
        and not lapsed,
        "here": visit.status in ("arrived", "numbing", "in_room"),
        "consent": chairside.consent_of(visit),
        "form": form,
        "way_out": _way_out(visit, refusal),
    }
    return render(request, "treatments/sessions/open.html", context, status=422 if form.errors else 200)


def _way_out(visit: Appointment, refusal: DomainError | None) -> str:
    if refusal is None:
        return ""
    if of_course := WAYS_OUT_OF_THE_COURSE.get(refusal.code):
        return reverse(f"treatments:{of_course}", args=[visit.planned_session.plan.ref])
    name = "screening" if isinstance(refusal, NotPermitted) else WAYS_OUT.get(refusal.code, "")
    return reverse(f"treatments:{name}", args=[visit.patient.ref]) if name else ""


# ── The session ───────────────────────────────────────────────────────────────


@allow(Role.CLINICIAN)
def session(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _session(request, ref)
    if not found.is_open:
        return _signed_page(request, found)
    return _page(request, found, request.GET.get("step", ""), zone=request.GET.get("zone", ""))


def _page(
    request: HttpRequest,
    found: TreatmentSession,
    step: str,
    *,
    zone: str = "",
    bound: dict | None = None,
    status: int = 200,
    **more,
) -> HttpResponse:
    """One step of an open session. `bound`: forms that were refused, by name, shown again as they were typed."""
    bound = bound or {}
    step = step if step in dict(chairside.STEPS) else "treat"
    picked, previous = chairside.pick(found, zone), last_of_course(found)
    last_rows = last_in_zones(found)
    zones = chairside.zones(found, last_rows, picked=picked)
    offered = [shown for shown in zones if shown["state"] != "left_out"]
    context = {
        "session": found,
        "step": step,
        "header": chairside.chair_header(patient_header(found.patient, membership=request.membership), found),
        "steps": chairside.steps(found, step, offered),
        "saved_at": f"{clock.local(clock.now(), found.clinic):%H:%M}" if found.version > 1 else "",
        "zones": zones,
        "set_count": sum(shown["state"] == "set" for shown in offered),
        "total": len(offered),
        "last": chairside.last_time(previous),
        "held": chairside.held(found),
        **_step_context(request, found, step, picked, previous, last_rows, bound),
        **more,
    }
    return render(request, f"treatments/sessions/{step}.html", context, status=status)


def _step_context(
    request: HttpRequest,
    found: TreatmentSession,
    step: str,
    picked: str,
    previous: TreatmentSession | None,
    last_rows: dict[str, SessionZone],
    bound: dict,
) -> dict:
    if step == "check":
        allergies = found.patient.allergies.filter(entered_in_error=False)
        return {
            "checked": chairside.checked(found.screening),
            "consent": chairside.consent_of(found),
            "allergies": allergies,
        }
    if step == "treat":
        return {
            "zone_form": bound.get("zone"),
            "settings": chairside.settings_of(
                found, picked, previous, last_rows, by=request.membership, form=bound.get("zone")
            ),
            "numbing": chairside.numbing_state(found),
            "dose": _dose(request, found, bound.get("numbing")),
            "numbing_form": bound.get("numbing") or forms.NumbingForm(session=found),
            "cartridge_form": bound.get("cartridge") or forms.CartridgeForm(session=found),
            "products": list(skin_products.of_session(found)),
            "product_form": bound.get("product") or forms.SkinProductForm(session=found),
        }
    if step == "note":
        return {"form": bound.get("note") or forms.NoteForm(session=found)}
    return {
        "finish_form": bound.get("finish") or forms.FinishForm(session=found),
        "stop_form": bound.get("stop") or forms.StopForm(),
        "error_form": bound.get("error") or forms.InErrorForm(),
        "event_form": bound.get("event") or forms.AdverseEventForm(catalogue=catalogue_for(request.clinic)),
        "events": chairside.events(found, refused=bound.get("close")),
        "open_points": services.open_points(found),
    }


def _dose(request: HttpRequest, found: TreatmentSession, typed: forms.NumbingForm | None) -> dict:
    """Of what was typed, where a form came back; else of what is charted."""
    if typed is None:
        return dose.of_session(found, by=request.membership)
    return dose.worked_out(found, typed.cleaned_data, by=request.membership)


def _signed_page(
    request: HttpRequest, found: TreatmentSession, *, bound: dict | None = None, status: int = 200
) -> HttpResponse:
    """What was done, and the forms that still go on. A refused form that is not among them is answered by one sentence."""
    bound, catalogue = bound or {}, catalogue_for(request.clinic, found.on)
    context = {
        "session": found,
        "header": patient_header(found.patient, membership=request.membership, tab="chart"),
        "refused": services.closed_sentence(found) if set(bound) - GO_ON_AFTER_SIGNING else "",
        "zones": [
            {"label": catalogue.zone_label(row.zone), "row": row} for row in found.zones.select_related("ordered_by")
        ],
        "numbing": chairside.numbing_state(found),
        "products": list(skin_products.of_session(found)),
        "checked": chairside.checked(found.screening),
        "addenda": found.addenda.select_related("by"),
        "events": chairside.events(found, refused=bound.get("close")),
        "addendum_form": bound.get("addendum") or forms.AddendumForm(),
        "error_form": bound.get("error") or forms.InErrorForm(),
        "event_form": bound.get("event") or forms.AdverseEventForm(catalogue=catalogue_for(request.clinic)),
    }
    return render(request, "treatments/sessions/signed.html", context, status=status)


def _act(
    request: HttpRequest, form: forms.ChairForm, effect: Callable[[], str], again: Callable[[int], HttpResponse]
) -> HttpResponse:
    """Validate, do it once, go on; or show the form again with the sentence at its field."""
    if form.is_valid():
        try:
            return once(request, effect)
        except DomainError as refusal:
            refusal.field = refusal.field or FIELDS_OF_PROMISES.get(refusal.code)
            refuse(form, refusal)
            return again(409 if isinstance(refusal, services.Stale) else 422)
    return again(422)


def _again(
    request: HttpRequest, found: TreatmentSession, bound: dict, status: int, *, step: str = "finish", **more
) -> HttpResponse:
    """The page of a refused form, of the session as it stands now: it may have been signed since the form was drawn."""
    found = _session(request, found.ref)
    if not found.is_open:
        return _signed_page(request, found, bound=bound, status=status)
    if status == 409:
        # Told of the other change, she may save over it.
        for form in bound.values():
            form.data["version"] = str(found.version)
    return _page(request, found, step, bound=bound, status=status, **more)


# ── Treat ─────────────────────────────────────────────────────────────────────


@allow(Role.CLINICIAN, methods=["POST"])
def set_zone(request: HttpRequest, ref: UUID, zone: str) -> HttpResponse:
    """Chart one zone, or take it over from last time as it was."""
    found = _session(request, ref)
    if zone not in chairside.zone_codes(found):
        raise Http404
    typed = request.POST
    if typed.get("same"):
        typed = _as_last_time(found, zone, reason=typed.get("reason", ""))
    form = forms.ZoneForm(typed)

    def chart() -> str:
        typed = form.cleaned_data
        services.set_zone(
            session=found,
            zone=zone,
            depth_mm=typed["depth_mm"],
            passes=typed["passes_count"],
            endpoint=typed["endpoint"],
            reason=typed["reason"],
            by=request.membership,
        )
        return chairside.step_url(found, "treat", chairside.next_todo(found, zone) or zone)

    return _act(
        request,
        form,
        chart,
        lambda status: _again(request, found, {"zone": form}, status, step="treat", zone=zone),
    )


def _as_last_time(found: TreatmentSession, zone: str, *, reason: str) -> dict:
    last = last_in_zones(found).get(zone)
    if last is None or not goes_on_from(last, found):
        return {}
    # Never the reason: it was given for that day, and is asked for anew.
    return {"depth": mm(last.depth_mm), "passes": str(last.passes), "endpoint": last.endpoint, "reason": reason}


@allow(Role.CLINICIAN, methods=["POST"])
def remove_zone(request: HttpRequest, ref: UUID, zone: str) -> HttpResponse:
    found = _session(request, ref)
    try:
        services.remove_zone(session=found, zone=zone, by=request.membership)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
    return redirect(chairside.step_url(found, "treat", zone))


@allow(Role.CLINICIAN, methods=["POST"])
def numbing(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _session(request, ref)
    form = forms.NumbingForm(request.POST, session=found)

    def keep() -> str:
        typed = form.cleaned_data
        services.set_numbing(session=found, by=request.membership, **{name: typed[name] for name in form.fields})
        return chairside.step_url(found, "treat", request.POST.get("zone", ""))

    return _act(request, form, keep, lambda status: _again(request, found, {"numbing": form}, status, step="treat"))


@allow(Role.CLINICIAN, methods=["POST"])
def numbing_dose(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The dose of what is being typed, with what the label refuses. Keeps nothing; what makes no sense yet is left out."""
    found = _session(request, ref)
    form = forms.NumbingForm(request.POST, session=found)
    form.is_valid()
    shown = dose.worked_out(found, form.cleaned_data, by=request.membership)
    return render(request, "treatments/sessions/_dose.html", {"dose": shown})


@allow(Role.CLINICIAN, methods=["POST"])
def cartridge(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _session(request, ref)
    form = forms.CartridgeForm(request.POST, session=found)

    def keep() -> str:
        typed = form.cleaned_data
        lot = typed["lot"]
        if typed["new_lot"]:
            lot = services.add_lot(
                session=found, lot=typed["new_lot"], expires_on=typed["expires_on"], by=request.membership
            )
        services.set_cartridge(
            session=found,
            version=typed["version"],
            device=typed["device"],
            lot=lot,
            serial=typed["serial"],
            by=request.membership,
        )
        return chairside.step_url(found, "treat", request.POST.get("zone", ""))

    return _act(request, form, keep, lambda status: _again(request, found, {"cartridge": form}, status, step="treat"))


@allow(Role.CLINICIAN, methods=["POST"])
def put_product_on(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Record what goes on needled skin, with its lot."""
    found = _session(request, ref)
    form = forms.SkinProductForm(request.POST, session=found)

    def keep() -> str:
        typed = form.cleaned_data
        skin_products.put_on(
            session=found,
            product=typed["product"],
            lot=typed["product_lot"],
            expires_on=typed["product_expires_on"],
            ml=typed["ml"],
            by=request.membership,
        )
        return f"{chairside.step_url(found, 'treat', request.POST.get('zone', ''))}#products"

    return _act(request, form, keep, lambda status: _again(request, found, {"product": form}, status, step="treat"))


@allow(Role.CLINICIAN, methods=["POST"])
def take_product_off(request: HttpRequest, ref: UUID) -> HttpResponse:
    """It was written down by mistake."""
    rows = skin_products.of_clinic(request.clinic).select_related("session", "product")
    row = get_object_or_404(rows, ref=ref)
    try:
        skin_products.take_off(row=row, by=request.membership)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
    return redirect(f"{chairside.step_url(row.session, 'treat')}#products")


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def product_trace(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Who had a product, and of which lot. Asked first, shown by a press: the look goes on record."""
    product = get_object_or_404(request.clinic.skin_products, ref=ref)
    rows = skin_products.who_had(product=product, by=request.membership) if request.method == "POST" else None
    patients = len({row.session.patient_id for row in rows or ()})
    context = {"product": product, "rows": rows, "patients": patients}
    return render(request, "treatments/sessions/product_trace.html", context)


# ── Note ──────────────────────────────────────────────────────────────────────


@allow(Role.CLINICIAN, methods=["POST"])
def note(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Saved as it is typed, and by the button. When somebody else saved in between, both texts are shown."""
    found = _session(request, ref)
    form = forms.NoteForm(request.POST, session=found)
    autosave = request.headers.get("X-Autosave") == "1"
    if not form.is_valid():
        return _refused_note(request, found, form, autosave=autosave, status=422)
    try:
        saved = services.save_details(session=found, by=request.membership, **form.cleaned_data)
    except DomainError as refusal:
        refuse(form, refusal)
        return _refused_note(
            request, found, form, autosave=autosave, status=409 if isinstance(refusal, services.Stale) else 422
        )
    if autosave:
        return JsonResponse({"saved_at": f"{clock.local(clock.now(), saved.clinic):%H:%M}", "version": saved.version})
    return redirect(chairside.step_url(found, "finish"))


def _refused_note(
    request, found: TreatmentSession, form: forms.NoteForm, *, autosave: bool, status: int
) -> HttpResponse:
    if autosave:
        return JsonResponse({"sentence": next(iter(form.errors.values()))[0]}, status=status)
    found = _session(request, found.ref)
    if not found.is_open:
        # It was signed meanwhile: what was typed is offered as an addendum, not lost.
        addendum = forms.AddendumForm({"text": form.data.get("note", ""), "reason": ""})
        return _signed_page(request, found, bound={"addendum": addendum}, status=409)
    theirs = found.note if status == 409 else None
    if theirs is not None:
        form.data["version"] = str(found.version)
    return _page(request, found, "note", bound={"note": form}, status=status, theirs=theirs, theirs_pain=found.pain)


# ── Finish, and what goes on after signing ────────────────────────────────────


def _finish_form(
    request: HttpRequest,
    found: TreatmentSession,
    name: str,
    form: forms.ChairForm,
    do: Callable[[], object],
    said: str,
    *,
    typed: object = None,
) -> HttpResponse:
    """One form of Finish, or of the page after it: done, said and shown; or refused under its `name` in `bound`."""

    def effect() -> str:
        do()
        messages.success(request, said)
        found.refresh_from_db(fields=["status"])
        return chairside.page_url(found)

    return _act(request, form, effect, lambda status: _again(request, found, {name: typed or form}, status))


@allow(Role.CLINICIAN, methods=["POST"])
def complete(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _session(request, ref)
    form = forms.FinishForm(request.POST, session=found)

    def sign() -> None:
        services.complete(session=found, by=request.membership, **form.cleaned_data)

    return _finish_form(request, found, "finish", form, sign, "Signed. Aftercare is on its way.")


@allow(Role.CLINICIAN, methods=["POST"])
def stop(request: HttpRequest, ref: UUID) -> HttpResponse:
    found, form = _session(request, ref), forms.StopForm(request.POST)

    def sign() -> None:
        typed = form.cleaned_data
        services.stop(
            session=found, reason=typed["stopped_reason"], counts=typed["counts"] == "yes", by=request.membership
        )

    return _finish_form(request, found, "stop", form, sign, "Signed as stopped early. Aftercare is on its way.")


@allow(Role.CLINICIAN, methods=["POST"])
def report_adverse_event(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _session(request, ref)
    form = forms.AdverseEventForm(request.POST, catalogue=catalogue_for(request.clinic))

    def report() -> None:
        typed = form.cleaned_data
        reactions.report(
            session=found, code=typed["code"], grade=int(typed["grade"]), note=typed["event_note"], by=request.user
        )

    return _finish_form(request, found, "event", form, report, "Adverse event written down.")


@allow(Role.CLINICIAN, methods=["POST"])
def close_adverse_event(request: HttpRequest, ref: UUID) -> HttpResponse:
    events = services.adverse_events(request.clinic).filter(session__isnull=False).select_related("session")
    event = get_object_or_404(events, ref=ref)
    found, form = _session(request, event.session.ref), forms.CloseEventForm(request.POST, auto_id=f"id_{event.pk}_%s")

    def close() -> None:
        reactions.close(event=event, by=request.membership, **form.cleaned_data)

    return _finish_form(request, found, "close", form, close, "Adverse event closed.", typed=(event.pk, form))


@allow(Role.CLINICIAN, methods=["POST"])
def add_addendum(request: HttpRequest, ref: UUID) -> HttpResponse:
    found, form = _session(request, ref), forms.AddendumForm(request.POST)

    def add() -> None:
        services.add_addendum(session=found, by=request.user, **form.cleaned_data)

    return _finish_form(request, found, "addendum", form, add, "Added.")


@allow(Role.CLINICIAN, methods=["POST"])
def entered_in_error(request: HttpRequest, ref: UUID) -> HttpResponse:
    found, form = _session(request, ref), forms.InErrorForm(request.POST)

    def mark() -> None:
        services.mark_entered_in_error(session=found, reason=form.cleaned_data["error_reason"], by=request.membership)

    said = "Marked as entered in error. What it owed the patient is cancelled."
    return _finish_form(request, found, "error", form, mark, said)
