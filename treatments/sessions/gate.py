"""The gate in the database: whatever a form, a service or a script says, a session begins only when it is safe.

Each refusal carries the name of the promise it keeps; `treatments.sentences` says it to people.
"""

import pgtrigger

from patients.models.fixed import GOES_WITH_A_MERGE
from treatments.plans.models import HARD_FLOOR_DAYS


def refusal(promise: str) -> str:
    """SQL that refuses a row by the name of the promise it would break."""
    return f"RAISE EXCEPTION '{promise}' USING ERRCODE = 'check_violation', CONSTRAINT = '{promise}';"


# One SELECT ... FOR UPDATE of the patient first: an answer that is being written raises her facts_version through the
# same row, so it is either seen here or waits until the session is there.
OPENS_ONLY_WHEN_SAFE = pgtrigger.Trigger(
    name="session_opens_only_when_safe",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[
        ("who", "patients_patient%ROWTYPE"),
        ("record", "treatments_screeningrecord%ROWTYPE"),
        ("course", "treatments_treatmentplan%ROWTYPE"),
        ("today", "date"),
        ("last_on", "date"),
        ("floor_days", "integer"),
        ("rules", "bigint"),
    ],
    func=f"""
        SELECT * INTO who FROM patients_patient WHERE id = NEW.patient_id FOR UPDATE;
        SELECT (clinic_now() AT TIME ZONE zone)::date, rules_version INTO today, rules
            FROM clinic_clinic WHERE id = who.clinic_id;
        SELECT * INTO course FROM treatments_treatmentplan WHERE id = NEW.plan_id;
        IF course.patient_id IS DISTINCT FROM NEW.patient_id OR course.status IS DISTINCT FROM 'active' THEN
            {refusal("session_plan_active")}
        END IF;
        IF NOT EXISTS (
            SELECT 1 FROM treatments_plannedsession WHERE id = NEW.planned_session_id AND plan_id = NEW.plan_id
        ) OR (NEW.appointment_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM treatments_appointment WHERE id = NEW.appointment_id AND patient_id = NEW.patient_id
                AND planned_session_id = NEW.planned_session_id
        )) THEN {refusal("session_of_its_own_visit")} END IF;
        IF NEW.screening_id IS NULL THEN {refusal("session_needs_screening")} END IF;
        SELECT * INTO record FROM treatments_screeningrecord WHERE id = NEW.screening_id;
        IF record.patient_id IS DISTINCT FROM NEW.patient_id THEN {refusal("session_screening_same_patient")} END IF;
        IF record.purpose <> 'session' THEN {refusal("session_needs_screening")} END IF;
        IF record."on" <> today OR NEW."on" <> today
            OR (record.made_at AT TIME ZONE (SELECT zone FROM clinic_clinic WHERE id = who.clinic_id))::date <> today THEN
            {refusal("session_screening_is_todays")}
        END IF;
        IF record.outcome NOT IN ('clear', 'caution') THEN {refusal("session_outcome_permits")} END IF;
        IF record.facts_version <> who.facts_version THEN {refusal("session_facts_current")} END IF;
        IF record.rules_version <> rules THEN {refusal("session_under_rules_in_force")} END IF;
        IF NOT EXISTS (
            SELECT 1 FROM patients_consent consent JOIN patients_consenttext body ON body.id = consent.text_id
            WHERE consent.patient_id = NEW.patient_id AND consent.withdrawn_at IS NULL AND NOT body.ask_again
                AND consent.techniques @> course.techniques AND consent.depth_class >= course.depth_class
                AND consent.signed_at > clinic_now() - interval '12 months' AND consent.signed_at <= clinic_now()
        ) THEN {refusal("session_needs_consent")} END IF;
        SELECT GREATEST(
            (SELECT max("on") FROM treatments_treatmentsession
                WHERE patient_id = NEW.patient_id AND status <> 'entered_in_error'),
            (SELECT max("on") FROM treatments_pastsession WHERE patient_id = NEW.patient_id AND NOT entered_in_error)
        ) INTO last_on;
        floor_days := GREATEST({HARD_FLOOR_DAYS}, CASE WHEN EXISTS (
            SELECT 1 FROM treatments_clearance lifted WHERE lifted.patient_id = NEW.patient_id
                AND lifted.code = 'interval_floor' AND lifted.revoked_at IS NULL
                AND today BETWEEN lifted.given_on AND lifted.expires_on
        ) THEN {HARD_FLOOR_DAYS} ELSE course.floor_days END);
        IF last_on IS NOT NULL AND NEW."on" < last_on + floor_days THEN {refusal("session_floor_kept")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

# Marking a signed session as entered in error is the one change it still takes.
SIGNED_IS_FIXED = pgtrigger.Trigger(
    name="session_signed_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=f"""
        IF TG_OP = 'DELETE' THEN {refusal("session_never_deleted")} END IF;
        IF {GOES_WITH_A_MERGE} THEN RETURN NEW; END IF;
        IF NEW.patient_id <> OLD.patient_id OR NEW.plan_id <> OLD.plan_id OR NEW."on" <> OLD."on"
            OR NEW.planned_session_id <> OLD.planned_session_id
            OR NEW.appointment_id IS DISTINCT FROM OLD.appointment_id
            OR NEW.screening_id IS DISTINCT FROM OLD.screening_id
            OR (OLD.status = 'entered_in_error' AND NEW.status <> OLD.status) THEN
            {refusal("session_identity_is_fixed")}
        END IF;
        IF OLD.signed_at IS NOT NULL AND (
            (to_jsonb(NEW) - ARRAY['status', 'error_reason']) IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['status', 'error_reason'])
            OR (NEW.status <> OLD.status AND NEW.status <> 'entered_in_error')
        ) THEN {refusal("session_signed_is_fixed")} END IF;
        RETURN NEW;
    """,
)

ZONE_OF_SIGNED_IS_FIXED = pgtrigger.Trigger(
    name="zone_of_signed_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    func=f"""
        IF EXISTS (
            SELECT 1 FROM treatments_treatmentsession
            WHERE id IN (COALESCE(NEW.session_id, OLD.session_id), COALESCE(OLD.session_id, NEW.session_id)) AND signed_at IS NOT NULL
        ) THEN {refusal("session_signed_is_fixed")} END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

# Asked when a cartridge is named, not when its session is signed: a lot recalled while its needle is at work is a fact of
# that session, and refusing to sign would only lose it. The lot's own expiry counts, whatever the session has copied.
CARTRIDGE_MAY_BE_USED = pgtrigger.Trigger(
    name="session_cartridge_may_be_used",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[("chosen", "treatments_cartridgelot%ROWTYPE")],
    func=f"""
        IF NEW.cartridge_lot_id IS NULL
            OR (TG_OP = 'UPDATE' AND NEW.cartridge_lot_id IS NOT DISTINCT FROM OLD.cartridge_lot_id) THEN
            RETURN NEW;
        END IF;
        SELECT * INTO chosen FROM treatments_cartridgelot WHERE id = NEW.cartridge_lot_id FOR SHARE;
        IF chosen.clinic_id IS DISTINCT FROM NEW.clinic_id THEN {refusal("session_cartridge_of_its_clinic")} END IF;
        IF NOT chosen.in_use THEN {refusal("session_cartridge_not_withdrawn")} END IF;
        IF chosen.expires_on < NEW."on" THEN {refusal("session_cartridge_in_date")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

# Granulomas followed products that were rubbed into needled skin (C-17): what no prescriber has approved goes on nobody,
# and nothing that has expired. Once the session is signed its rows stay as they are.
PRODUCT_MAY_GO_ON_NEEDLED_SKIN = pgtrigger.Trigger(
    name="product_may_go_on_needled_skin",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    declare=[("during", "treatments_treatmentsession%ROWTYPE"), ("chosen", "treatments_skinproduct%ROWTYPE")],
    func=f"""
        IF TG_OP <> 'INSERT' THEN
            SELECT * INTO during FROM treatments_treatmentsession WHERE id = OLD.session_id;
            IF during.signed_at IS NOT NULL THEN {refusal("session_signed_is_fixed")} END IF;
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        SELECT * INTO during FROM treatments_treatmentsession WHERE id = NEW.session_id;
        IF during.signed_at IS NOT NULL THEN {refusal("session_signed_is_fixed")} END IF;
        SELECT * INTO chosen FROM treatments_skinproduct WHERE id = NEW.product_id FOR SHARE;
        IF chosen.clinic_id IS DISTINCT FROM during.clinic_id OR chosen.approved_at IS NULL OR NOT chosen.in_use THEN
            {refusal("session_product_is_approved")}
        END IF;
        IF NEW.expires_on < during."on" THEN {refusal("session_product_in_date")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)


def _lapsed(kind: str) -> str:
    """SQL: the clinic keeps credentials of this kind for her, and none is valid on the day of the session."""
    hers = f"membership_id = NEW.operator_id AND kind = '{kind}'"
    return f"""
        EXISTS (SELECT 1 FROM treatments_credential WHERE {hers} AND NOT entered_in_error) AND NOT EXISTS (
            SELECT 1 FROM treatments_credential WHERE {hers} AND withdrawn_at IS NULL AND valid_from <= NEW."on"
                AND (valid_until IS NULL OR valid_until >= NEW."on")
        )"""  # noqa: S608  constants of ours only


# An expired licence or a missing certificate of training opens no session (clinical data sheet, section 9). Of a kind that
# the clinic does not keep for her nothing is known, and nothing is asked.
OPERATOR_MAY_TREAT = pgtrigger.Trigger(
    name="session_operator_may_treat",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        IF {_lapsed("licence")} THEN {refusal("session_licence_in_date")} END IF;
        IF {_lapsed("training")} THEN {refusal("session_training_in_date")} END IF;
        RETURN NEW;
    """,
)
