"""How deep a needle may go, as the database keeps it: whatever a form, a service or a script says.

The clinic's own limits stand in each row; here are the bounds that no row may bring along for itself: the deepest cap of
each zone (clinical data sheet, depth by zone), the label of the device, and the depth of the last session.
"""

from decimal import Decimal

import pgtrigger
from django.db.models import Q

from treatments.sessions.gate import refusal

# Millimetres that nothing passes in a zone, with the device and the order that allow most. What is not here is not treated.
DEEPEST_MM = {
    "0.5": ("periorbital",),
    "1.0": ("temple", "nose"),
    "1.5": ("forehead", "upper_lip", "perioral", "chin", "jawline", "decolletage", "hand", "chest"),
    "2.0": ("cheek", "back"),
    "2.5": ("neck", "abdomen", "flank", "thigh", "buttock", "leg", "arm"),
}
# How a device's label names parts of the body where it names no zone.
FACE = ("forehead", "temple", "periorbital", "nose", "cheek", "upper_lip", "perioral", "chin", "jawline")
NECK = ("neck",)
# The widest step from one session to the next that a clinic may set for itself.
LARGEST_STEP_MM = Decimal("0.5")


def within_cap_of_its_zone() -> Q:
    condition = Q()
    for millimetres, zones in DEEPEST_MM.items():
        condition |= Q(zone__in=zones, hard_cap_mm__lte=Decimal(millimetres))
    return condition


def _listed(zones: tuple[str, ...]) -> str:
    return ", ".join(f"'{zone}'" for zone in zones)


def _label_of(device: str, zone: str) -> str:
    """SQL: the limit on a device's label, its own for the zone before that for the part of the body; NULL: it says nothing."""
    part = f"CASE WHEN {zone} IN ({_listed(FACE)}) THEN 'face' WHEN {zone} IN ({_listed(NECK)}) THEN 'neck' ELSE 'body' END"
    return f"COALESCE({device}.max_depth_mm ->> {zone}, {device}.max_depth_mm ->> ({part}))::numeric"


DEPTH_GUARD = pgtrigger.Trigger(
    name="zone_depth_guard",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[("who", "bigint"), ("label_mm", "numeric")],
    func=f"""
        SELECT session.patient_id, {_label_of("device", "NEW.zone")} INTO who, label_mm
            FROM treatments_treatmentsession session LEFT JOIN treatments_device device ON device.id = session.device_id
            WHERE session.id = NEW.session_id;
        IF NEW.depth_mm > label_mm THEN {refusal("zone_depth_within_device_label")} END IF;
        NEW.last_mm := (
            SELECT charted.depth_mm FROM treatments_sessionzone charted
                JOIN treatments_treatmentsession earlier ON earlier.id = charted.session_id
            WHERE earlier.patient_id = who AND charted.zone = NEW.zone AND earlier.id <> NEW.session_id
                AND earlier.signed_at IS NOT NULL AND earlier.status <> 'entered_in_error'
            ORDER BY earlier."on" DESC, earlier.id DESC LIMIT 1
        );
        IF NEW.depth_mm > NEW.last_mm + NEW.step_mm AND btrim(NEW.reason) = '' THEN
            {refusal("zone_step_up_has_a_reason")}
        END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

DEVICE_REACHES_WHAT_IS_CHARTED = pgtrigger.Trigger(
    name="session_device_reaches_what_is_charted",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("device_id"),
    func=f"""
        IF EXISTS (
            SELECT 1 FROM treatments_sessionzone charted JOIN treatments_device device ON device.id = NEW.device_id
            WHERE charted.session_id = NEW.id AND charted.depth_mm > {_label_of("device", "charted.zone")}
        ) THEN {refusal("zone_depth_within_device_label")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)
