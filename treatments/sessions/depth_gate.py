"""How deep a needle may go, as the database keeps it: whatever a form, a service or a script says.

The clinic's own limits stand in each row; here are the bounds that no row may bring along for itself (clinical data sheet,
depth by zone): the deepest cap of each zone, the plain cap where the device's label says nothing, the cap of a concern, the
label, the depth of the last session, for some depths and zones the prescriber who ordered it, and how deep the clinician
of the session may go herself. The usual maximum of a
zone and what a clinic has tightened are worked out in `treatments.protocol.depth`; the database only asks for their reason.
"""

from decimal import Decimal

import pgtrigger
from django.db.models import Q

from treatments.protocol.depth import SIGN_OFF_FROM_SKIN_TYPE
from treatments.sessions.gate import refusal

# Millimetres that nothing passes in a zone, with the device and the order that allow most. What is not here is not treated.
DEEPEST_MM = {
    "0.5": ("periorbital",),
    "1.0": ("temple", "nose"),
    "1.5": ("forehead", "upper_lip", "perioral", "chin", "jawline", "decolletage", "hand", "chest"),
    "2.0": ("cheek", "back"),
    "2.5": ("neck", "abdomen", "flank", "thigh", "buttock", "leg", "arm"),
}
# Where the label has to name the depth: the cap while it says nothing, or while no device is chosen.
ONLY_BY_LABEL = ("cheek", "neck")
ONLY_BY_LABEL_MM = Decimal("1.5")
# Deeper than that a prescriber orders it, whatever the label says.
ONLY_BY_ORDER = ("cheek",)
# Concerns that are never needled deeper, in any zone.
OF_A_CONCERN_MM = {"melasma": Decimal("1.5")}
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


def _plain_cap_of(zone: str) -> str:
    """SQL: the cap of a zone under a silent label; NULL where the zone's one cap holds in any case."""
    return f"(CASE WHEN {zone} IN ({_listed(ONLY_BY_LABEL)}) THEN {ONLY_BY_LABEL_MM} END)"


def _past_cap_of_a_concern() -> str:
    return " OR ".join(f"('{code}' = ANY(treated) AND NEW.depth_mm > {mm})" for code, mm in OF_A_CONCERN_MM.items())


DEPTH_GUARD = pgtrigger.Trigger(
    name="zone_depth_guard",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[
        ("who", "bigint"),
        ("at_clinic", "bigint"),
        ("course_status", "text"),
        ("skin_type", "integer"),
        ("treated", "text[]"),
        ("label_mm", "numeric"),
        ("own_mm", "numeric"),
        ("is_ordered", "boolean"),
    ],
    func=f"""
        SELECT session.patient_id, session.clinic_id, course.status, (record.facts ->> 'skin_type')::integer,
                ARRAY(SELECT concern ->> 'code' FROM jsonb_array_elements(course.concerns) concern
                    WHERE jsonb_exists(concern -> 'zones', NEW.zone)),
                {_label_of("device", "NEW.zone")}, operator.max_depth_mm
            INTO who, at_clinic, course_status, skin_type, treated, label_mm, own_mm
            FROM treatments_treatmentsession session
            JOIN treatments_treatmentplan course ON course.id = session.plan_id
            JOIN clinic_membership operator ON operator.id = session.operator_id
            LEFT JOIN treatments_screeningrecord record ON record.id = session.screening_id
            LEFT JOIN treatments_device device ON device.id = session.device_id
            WHERE session.id = NEW.session_id;
        IF cardinality(treated) = 0 THEN {refusal("zone_of_its_course")} END IF;
        IF NEW.depth_mm > label_mm THEN {refusal("zone_depth_within_device_label")} END IF;
        IF label_mm IS NULL AND NEW.depth_mm > {_plain_cap_of("NEW.zone")} THEN {refusal("zone_deeper_only_by_label")} END IF;
        IF {_past_cap_of_a_concern()} THEN {refusal("zone_within_cap_of_its_concern")} END IF;
        is_ordered := EXISTS (
            SELECT 1 FROM clinic_membership prescriber WHERE prescriber.user_id = NEW.ordered_by_id
                AND prescriber.clinic_id = at_clinic AND 'prescriber' = ANY(prescriber.roles)
                AND (prescriber.max_depth_mm IS NULL OR NEW.depth_mm <= prescriber.max_depth_mm)
        );
        IF NEW.depth_mm > own_mm AND NOT is_ordered THEN {refusal("zone_within_own_limit")} END IF;
        IF NEW.zone IN ({_listed(ONLY_BY_ORDER)}) AND NEW.depth_mm > {ONLY_BY_LABEL_MM} AND NOT is_ordered THEN
            {refusal("zone_deeper_only_by_order")}
        END IF;
        IF NEW.zone IN ({_listed(NECK)}) AND COALESCE(skin_type, 6) >= {SIGN_OFF_FROM_SKIN_TYPE} AND NOT is_ordered THEN
            {refusal("zone_signed_off_for_skin_type")}
        END IF;
        IF course_status <> 'active' AND NEW.reason !~ '\\S' THEN {refusal("zone_on_hold_has_a_reason")} END IF;
        NEW.last_mm := (
            SELECT charted.depth_mm FROM treatments_sessionzone charted
                JOIN treatments_treatmentsession earlier ON earlier.id = charted.session_id
            WHERE earlier.patient_id = who AND charted.zone = NEW.zone AND earlier.id <> NEW.session_id
                AND earlier.signed_at IS NOT NULL AND earlier.status <> 'entered_in_error'
            ORDER BY earlier."on" DESC, earlier.id DESC LIMIT 1
        );
        IF NEW.depth_mm > NEW.last_mm + NEW.step_mm AND NEW.reason !~ '\\S' THEN
            {refusal("zone_step_up_has_a_reason")}
        END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

# When another device is taken, and when the session is completed: the label of the device may have been lowered meanwhile.
# One that is stopped early may be signed all the same, because it says what was done.
DEVICE_REACHES_WHAT_IS_CHARTED = pgtrigger.Trigger(
    name="session_device_reaches_what_is_charted",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("device_id", "status"),
    func=f"""
        IF (NEW.device_id IS DISTINCT FROM OLD.device_id OR (NEW.status = 'completed' AND OLD.status = 'open')) AND EXISTS (
            SELECT 1 FROM treatments_sessionzone charted LEFT JOIN treatments_device device ON device.id = NEW.device_id
            WHERE charted.session_id = NEW.id
                AND charted.depth_mm > COALESCE({_label_of("device", "charted.zone")}, {_plain_cap_of("charted.zone")})
        ) THEN {refusal("zone_depth_within_device_label")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)
