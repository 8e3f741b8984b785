"""How deep a session may go in a zone, and how deep the last one went."""

from dataclasses import replace
from decimal import Decimal

from clinic.errors import DomainError
from clinic.models import Membership
from clinic.roles import Role
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.depth import DepthLimits, NotOffered, limits, needs_sign_off, within_device_mm
from treatments.protocol.facts import Device as DeviceFact
from treatments.protocol.written import written
from treatments.rules.models import Device
from treatments.rules.policy import catalogue_for
from treatments.screenings.models import ScreeningRecord
from treatments.sessions.models import SessionZone, TreatmentSession

SIGN_OFF = (
    "The neck in skin type V or VI is off label: a prescriber has to sign for it. "
    "Ask one to chart this zone; the order then stands for this course."
)


def zone_limits(
    session: TreatmentSession, zone: str, *, by: Membership, previous: TreatmentSession | None
) -> DepthLimits:
    """Start, soft maximum and hard cap of a zone for the concerns of this course. `previous`: `last_of_course(session)`.

    Raises DomainError where the zone is not offered, or where a prescriber has to sign for it first.
    """
    codes = [concern["code"] for concern in session.plan.concerns if zone in concern["zones"]]
    if not codes:
        raise DomainError("This zone is not part of the course. Assess it and plan again first.", field="zone")
    order = standing_order(session, zone, by=by)
    if asks_sign_off(session, zone) and order is None and not by.has(Role.PRESCRIBER):
        raise DomainError(SIGN_OFF, field="zone")
    allowed = _limits(session, zone, codes, previous, prescriber=by.has(Role.PRESCRIBER))
    if order is not None and order.session_id == session.pk:
        # What a prescriber has charted in this session goes on in other hands, and no deeper.
        ordered = _limits(session, zone, codes, previous, prescriber=True)
        allowed = replace(allowed, hard_cap_mm=min(ordered.hard_cap_mm, max(allowed.hard_cap_mm, order.depth_mm)))
    return _within_own(allowed, own_limit(session, by=by))


def own_limit(session: TreatmentSession, *, by: Membership) -> Membership | None:
    """Whose own limit holds for what is charted now, None where nobody has one: that of whoever charts, and that of the
    session's clinician unless a prescriber takes the zone over. No order lifts it."""
    charting = [by] if by.has(Role.PRESCRIBER) or by.pk == session.operator_id else [by, session.operator]
    return min((who for who in charting if who.max_depth_mm is not None), key=_own_mm, default=None)


def beyond_own_limit(session: TreatmentSession, depth_mm: Decimal, *, by: Membership) -> str:
    """Why this depth is not hers to chart, in a sentence; empty where it is."""
    who = own_limit(session, by=by)
    if who is None or depth_mm <= _own_mm(who):
        return ""
    return (
        f"{who} goes {written(_own_mm(who))} mm deep at most. "
        "Stay within it, or ask a prescriber who goes deeper to chart this zone."
    )


def _own_mm(who: Membership) -> Decimal:
    return who.max_depth_mm


def _within_own(allowed: DepthLimits, who: Membership | None) -> DepthLimits:
    if who is None or _own_mm(who) >= allowed.hard_cap_mm:
        return allowed
    own_mm = _own_mm(who)
    return replace(
        allowed,
        start_mm=min(allowed.start_mm, own_mm),
        soft_max_mm=min(allowed.soft_max_mm, own_mm),
        hard_cap_mm=own_mm,
    )


def asks_sign_off(session: TreatmentSession, zone: str) -> bool:
    """Whether the zone is needled only where a prescriber signs for it: the neck in skin type V and VI."""
    entry = catalogue_for(session.clinic, session.on).zone(zone)
    return needs_sign_off(entry, session.screening.facts["skin_type"])


def asks_order(session: TreatmentSession, zone: str, depth_mm: Decimal) -> bool:
    """Whether a prescriber stands behind this depth, or behind needling this zone at all."""
    entry, own_mm = catalogue_for(session.clinic, session.on).zone(zone), session.operator.max_depth_mm
    if asks_sign_off(session, zone) or (own_mm is not None and depth_mm > own_mm):
        return True
    return entry.hard_cap_needs_prescriber and depth_mm > entry.hard_cap_mm


def standing_order(session: TreatmentSession, zone: str, *, by: Membership) -> SessionZone | None:
    """The charted zone that carries a prescriber's order on: of this session, or of this course where she signed for the
    zone itself. A prescriber needs none."""
    if by.has(Role.PRESCRIBER):
        return None
    here = next((row for row in session.zones.all() if row.zone == zone and row.ordered_by_id), None)
    if here is not None or not asks_sign_off(session, zone):
        return here
    signed = SessionZone.objects.filter(zone=zone, session__plan=session.plan_id, ordered_by__isnull=False)
    signed = signed.exclude(session__status=TreatmentSession.Status.ENTERED_IN_ERROR)
    return signed.order_by("-session__on", "-session_id").first()


def _limits(
    session: TreatmentSession, zone: str, codes: list[str], previous: TreatmentSession | None, *, prescriber: bool
) -> DepthLimits:
    read, catalogue = session.screening.facts, catalogue_for(session.clinic, session.on)
    try:
        allowed = limits(
            zone,
            codes,
            skin_type=read["skin_type"],
            pih_history=read["pih_history"],
            device=device_fact(session.device),
            first_session=previous is None,
            prescriber=prescriber,
            after_long_gap=previous is not None and is_long_gap(session, previous, catalogue),
            catalogue=catalogue,
        )
    except NotOffered as refusal:
        raise DomainError("This zone is not treated for these concerns. Leave it out.", field="zone") from refusal
    return allowed if read["pih_history"] else _shallower(allowed, session.screening, catalogue.depth.lowest_mm)


def is_long_gap(session: TreatmentSession, earlier: TreatmentSession, catalogue: Catalogue) -> bool:
    return (session.on - earlier.on).days > catalogue.interval.late_after_days


def _shallower(allowed: DepthLimits, record: ScreeningRecord, lowest_mm: Decimal) -> DepthLimits:
    """The step that today's screening asks for (a prescribed blood thinner). Pigment trouble is in the limits already."""
    step_mm = next((change["value"] for change in record.changes if change["parameter"] == "soft_max_step_mm"), None)
    if step_mm is None:
        return allowed
    soft_max_mm = max(allowed.soft_max_mm + Decimal(str(step_mm)), min(allowed.soft_max_mm, lowest_mm))
    return replace(allowed, soft_max_mm=soft_max_mm, start_mm=min(allowed.start_mm, soft_max_mm))


def last_of_course(session: TreatmentSession) -> TreatmentSession | None:
    """The last signed session of this course: what the page shows in grey."""
    signed = (
        session.plan.sessions.filter(signed_at__isnull=False).exclude(status="entered_in_error").exclude(pk=session.pk)
    )
    return signed.prefetch_related("zones").order_by("-on", "-id").first()


def last_in_zones(session: TreatmentSession) -> dict[str, SessionZone]:
    """Zone to its row of the last signed session of this patient that went into it, in this course or an earlier one.

    What a step up is measured from, in the form, in the service and by the database alike.
    """
    rows = SessionZone.objects.filter(session__patient=session.patient_id, session__signed_at__isnull=False)
    rows = rows.exclude(session__status=TreatmentSession.Status.ENTERED_IN_ERROR).exclude(session=session)
    rows = rows.select_related("session").order_by("zone", "-session__on", "-session_id").distinct("zone")
    return {row.zone: row for row in rows}


def goes_on_from(last: SessionZone | None, session: TreatmentSession) -> bool:
    """Whether today takes up where the last time in this zone left off: the same course, and no long gap since."""
    if last is None or last.session.plan_id != session.plan_id:
        return False
    return not is_long_gap(session, last.session, catalogue_for(session.clinic, session.on))


def proposed_mm(last: SessionZone | None, allowed: DepthLimits, session: TreatmentSession) -> Decimal:
    """The depth to begin with, none that asks for a reason: last time's within today's usual maximum; in a new course or
    after a long gap the start."""
    if last is None:
        return allowed.start_mm
    if goes_on_from(last, session):
        return min(last.depth_mm, allowed.soft_max_mm)
    return min(allowed.start_mm, last.depth_mm + catalogue_for(session.clinic, session.on).depth.step_mm)


def device_fact(device: Device | None) -> DeviceFact | None:
    if device is None:
        return None
    caps = {place: Decimal(str(depth)) for place, depth in device.max_depth_mm.items() if depth is not None}
    return DeviceFact(name=device.name, max_depth_mm=caps, filler_washout_days=device.filler_washout_days)


def beyond_device(session: TreatmentSession, device: Device | None) -> tuple[SessionZone, Decimal] | None:
    """The first charted zone that is deeper than this device may go, and how deep it may; nothing where all are within."""
    catalogue, reach = catalogue_for(session.clinic, session.on), device_fact(device)
    for row in session.zones.all():
        entry = catalogue.zones.get(row.zone)
        if entry is not None and row.depth_mm > within_device_mm(entry, reach):
            return row, within_device_mm(entry, reach)
    return None
