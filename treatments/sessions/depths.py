"""How deep a session may go in a zone, and how deep the last one went."""

from dataclasses import replace
from decimal import Decimal

from clinic.errors import DomainError
from clinic.models import Membership
from clinic.roles import Role
from treatments.protocol.depth import DepthLimits, NotOffered, limits
from treatments.protocol.facts import Device as DeviceFact
from treatments.rules.models import Device
from treatments.rules.policy import catalogue_for
from treatments.screenings.models import ScreeningRecord
from treatments.sessions.models import SessionZone, TreatmentSession


def zone_limits(session: TreatmentSession, zone: str, *, by: Membership) -> DepthLimits:
    """Start, soft maximum and hard cap of a zone for the concerns of this course. Raises DomainError where it is not offered."""
    return limits_after(previous_session(session), session, zone, by=by)


def limits_after(
    previous: TreatmentSession | None, session: TreatmentSession, zone: str, *, by: Membership
) -> DepthLimits:
    """`zone_limits` where the session before this one (None: there is none) has been read already."""
    codes = [concern["code"] for concern in session.plan.concerns if zone in concern["zones"]]
    if not codes:
        raise DomainError("This zone is not part of the course. Assess it and plan again first.", field="zone")
    read, catalogue = session.screening.facts, catalogue_for(session.clinic, session.on)
    try:
        allowed = limits(
            zone,
            codes,
            skin_type=read["skin_type"],
            pih_history=read["pih_history"],
            device=_device_fact(session.device),
            first_session=previous is None,
            prescriber=by.has(Role.PRESCRIBER),
            after_long_gap=previous is not None
            and (session.on - previous.on).days > catalogue.interval.late_after_days,
            catalogue=catalogue,
        )
    except NotOffered as refusal:
        raise DomainError("This zone is not treated for these concerns. Leave it out.", field="zone") from refusal
    return allowed if read["pih_history"] else _shallower(allowed, session.screening, catalogue.depth.lowest_mm)


def _shallower(allowed: DepthLimits, record: ScreeningRecord, lowest_mm: Decimal) -> DepthLimits:
    """The step that today's screening asks for (a prescribed blood thinner). Pigment trouble is in the limits already."""
    step_mm = next((change["value"] for change in record.changes if change["parameter"] == "soft_max_step_mm"), None)
    if step_mm is None:
        return allowed
    soft_max_mm = max(allowed.soft_max_mm + Decimal(str(step_mm)), min(allowed.soft_max_mm, lowest_mm))
    return replace(allowed, soft_max_mm=soft_max_mm, start_mm=min(allowed.start_mm, soft_max_mm))


def previous_session(session: TreatmentSession) -> TreatmentSession | None:
    """The last signed session of this course: what "last time" shows in grey."""
    signed = (
        session.plan.sessions.filter(signed_at__isnull=False).exclude(status="entered_in_error").exclude(pk=session.pk)
    )
    return signed.prefetch_related("zones").order_by("-on", "-id").first()


def last_in_zones(session: TreatmentSession) -> dict[str, SessionZone]:
    """Zone to its row of the last signed session that went into it: the session before may have left the zone out.

    What a step up is measured from, in the form, in the service and by the database alike.
    """
    rows = SessionZone.objects.filter(session__patient=session.patient_id, session__signed_at__isnull=False)
    rows = rows.exclude(session__status=TreatmentSession.Status.ENTERED_IN_ERROR).exclude(session=session)
    rows = rows.order_by("zone", "-session__on", "-session_id").distinct("zone")
    return {row.zone: row for row in rows}


def _device_fact(device: Device | None) -> DeviceFact | None:
    if device is None:
        return None
    caps = {key: Decimal(str(value)) for key, value in device.max_depth_mm.items()}
    return DeviceFact(name=device.name, max_depth_mm=caps, filler_washout_days=device.filler_washout_days)
