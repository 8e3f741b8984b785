"""What no row brings along for itself: a silent label, a zone of no course, a prescriber's order, a label that was lowered."""

from decimal import Decimal

import pytest
from django.db import connection, transaction

from clinic.errors import DomainError
from tests import factories
from tests.treatments.sessions.browsing import page, post, url
from tests.treatments.sessions.test_depth_guard import SESSION, ZONE, insert_zone, refused, without_guard
from treatments.plans.models import TreatmentPlan
from treatments.rules import services as rules
from treatments.rules.models import Device
from treatments.sessions import services as sessions
from treatments.sessions.depths import last_of_course, zone_limits
from treatments.sessions.models import SessionZone, TreatmentSession

DEEP = {"face": 2.0, "neck": 2.5}
NECK = [{"code": "neck_wrinkles", "zones": ["neck"], "severity": "moderate"}]


def label(session: TreatmentSession, **depths: float) -> TreatmentSession:
    Device.objects.filter(pk=session.device_id).update(max_depth_mm=depths)
    return TreatmentSession.objects.select_related("device", "plan", "screening", "clinic").get(pk=session.pk)


def treats(session: TreatmentSession, *concerns: tuple[str, list[str]]) -> None:
    named = [{"code": code, "zones": zones, "severity": "moderate"} for code, zones in concerns]
    TreatmentPlan.objects.filter(pk=session.plan_id).update(concerns=named)


def chart(session: TreatmentSession, zone: str, depth: str, *, by, **more) -> SessionZone:
    return sessions.set_zone(session=session, zone=zone, depth_mm=Decimal(depth), passes=4, by=by, **more)


def refusal(act) -> DomainError:
    with pytest.raises(DomainError) as caught:
        act()
    return caught.value


# ── By SQL ────────────────────────────────────────────────────────────────────

SILENT = [("neck", "1.5", True), ("neck", "1.51", False), ("cheek", "1.5", True), ("cheek", "1.51", False)]


@pytest.mark.parametrize(("zone", "depth", "kept"), SILENT)
@pytest.mark.parametrize("device", ["silent", "none"])
def test_while_the_label_says_nothing_the_plain_cap_holds(open_session, prescriber_member, zone, depth, kept, device):
    treats(open_session, ("acne_scar_face", ["cheek", "neck"]))
    label(open_session)
    if device == "none":
        TreatmentSession.objects.filter(pk=open_session.pk).update(device=None)
    row = {"zone": zone, "depth_mm": depth, "soft_max_mm": "2.0", "hard_cap_mm": "2.0"}
    row["ordered_by_id"] = prescriber_member.user_id
    if kept:
        insert_zone(open_session, **row)
        return
    assert refused(lambda: insert_zone(open_session, **row)) == "zone_deeper_only_by_label"
    with without_guard(ZONE, "zone_depth_guard"):
        insert_zone(open_session, **row)


def test_a_cheek_over_the_plain_cap_names_the_prescriber_who_ordered_it(open_session, prescriber_member):
    treats(open_session, ("glow_dullness", ["cheek"]))
    label(open_session, **DEEP)
    row = {"depth_mm": "2.0", "soft_max_mm": "2.0", "hard_cap_mm": "2.0"}
    nurse = open_session.operator.user_id
    assert refused(lambda: insert_zone(open_session, **row)) == "zone_deeper_only_by_order"
    assert refused(lambda: insert_zone(open_session, **row, ordered_by_id=nurse)) == "zone_deeper_only_by_order"
    insert_zone(open_session, **row, ordered_by_id=prescriber_member.user_id)


def test_a_prescriber_of_another_clinic_orders_nothing_here(open_session, other_clinic):
    label(open_session, **DEEP)
    elsewhere = factories.make_member(other_clinic, "prescriber")
    row = {"depth_mm": "2.0", "soft_max_mm": "2.0", "hard_cap_mm": "2.0", "ordered_by_id": elsewhere.user_id}
    assert refused(lambda: insert_zone(open_session, **row)) == "zone_deeper_only_by_order"


def test_a_zone_of_no_concern_of_the_course_is_not_charted(open_session):
    row = {"zone": "back", "depth_mm": "0.5"}
    assert refused(lambda: insert_zone(open_session, **row)) == "zone_of_its_course"
    with without_guard(ZONE, "zone_depth_guard"):
        insert_zone(open_session, **row)


@pytest.mark.parametrize(("depth", "kept"), [("1.5", True), ("1.51", False)])
def test_melasma_is_never_needled_deeper_than_its_cap(open_session, prescriber_member, depth, kept):
    treats(open_session, ("melasma", ["cheek"]), ("acne_scar_face", ["cheek"]))
    label(open_session, **DEEP)
    row = {"depth_mm": depth, "soft_max_mm": "2.0", "hard_cap_mm": "2.0", "ordered_by_id": prescriber_member.user_id}
    if kept:
        insert_zone(open_session, **row)
    else:
        assert refused(lambda: insert_zone(open_session, **row)) == "zone_within_cap_of_its_concern"


# ── The neck in skin type V and VI ────────────────────────────────────────────


def a_neck(patient, skin_type: int) -> TreatmentSession:
    return factories.open_session(factories.make_visit_today(patient, skin_type=skin_type, concerns=NECK))


@pytest.mark.parametrize(("skin_type", "asks"), [(1, False), (4, False), (5, True), (6, True)])
def test_the_neck_in_skin_type_v_and_vi_is_signed_for_by_a_prescriber(patient, prescriber_member, skin_type, asks):
    session = a_neck(patient, skin_type)
    row = {"zone": "neck", "depth_mm": "0.25"}
    if not asks:
        assert chart(session, "neck", "0.25", by=session.operator).ordered_by is None
        return
    said = refusal(lambda: chart(session, "neck", "0.25", by=session.operator))
    assert said.field == "zone"
    assert "a prescriber has to sign for it" in said.sentence
    assert refused(lambda: insert_zone(session, **row)) == "zone_signed_off_for_skin_type"
    with without_guard(ZONE, "zone_depth_guard"):
        insert_zone(session, **row)
        SessionZone.objects.all().delete()
    assert chart(session, "neck", "0.25", by=prescriber_member).ordered_by == prescriber_member.user


def test_once_signed_for_the_neck_is_the_nurses_for_this_course(patient, prescriber_member, later):
    session = a_neck(patient, 5)
    chart(session, "neck", "0.25", by=prescriber_member)
    kept = chart(session, "neck", "0.5", by=session.operator)
    assert kept.ordered_by == prescriber_member.user
    sign(session)
    later(factories.in_days(42))
    factories.answer_all(patient, forms=("day",))
    second = factories.open_session(factories.book(session.plan.planned_sessions.get(number=2), at=factories.time(14)))
    assert chart(second, "neck", "0.5", by=second.operator).ordered_by == prescriber_member.user


def test_a_signature_in_a_session_entered_in_error_is_none(patient, prescriber_member):
    session = a_neck(patient, 5)
    chart(session, "neck", "0.25", by=prescriber_member)
    sessions.mark_entered_in_error(session=session, reason="Wrong visit", by=session.operator)
    again = factories.open_session(session.appointment)
    assert refusal(lambda: chart(again, "neck", "0.25", by=again.operator)).field == "zone"


def test_the_page_says_who_signs_and_that_charting_is_signing(clinician, prescriber, patient, prescriber_member):
    session = a_neck(patient, 6)
    for_the_nurse = page(clinician, session, zone="neck")
    assert "a prescriber has to sign for it" in for_the_nurse
    assert 'id="zone-form"' not in for_the_nurse
    assert "By charting it you sign for it" in page(prescriber, session, zone="neck")
    chart(session, "neck", "0.25", by=prescriber_member)
    for_the_nurse = page(clinician, session, zone="neck")
    assert f"Ordered by {prescriber_member.user}." in for_the_nurse
    assert 'id="zone-form"' in for_the_nurse


# ── What a prescriber has charted, in other hands ─────────────────────────────


@pytest.fixture
def deep_cheek(patient, prescriber_member) -> TreatmentSession:
    """The cheek at 1.75 mm, ordered by a prescriber, in a nurse's session with a label of 2.0 mm."""
    Device.objects.filter(clinic=patient.clinic).update(max_depth_mm=DEEP)
    session = factories.open_session(factories.make_visit_today(patient))
    chart(session, "cheek", "1.75", by=prescriber_member, reason="Deep scars")
    return session


def test_an_order_goes_on_in_other_hands_and_no_deeper(deep_cheek, prescriber_member):
    kept = chart(deep_cheek, "cheek", "1.75", by=deep_cheek.operator, endpoint="erythema", reason="Deep scars")
    assert (kept.endpoint, kept.ordered_by) == ("erythema", prescriber_member.user)
    said = refusal(lambda: chart(deep_cheek, "cheek", "1.80", by=deep_cheek.operator, reason="Deep scars"))
    assert (said.field, said.sentence) == ("depth", "1.8 mm: the limit is 1.75 mm.")
    assert chart(deep_cheek, "cheek", "1.5", by=deep_cheek.operator).ordered_by is None


def test_without_an_order_the_plain_cap_holds_for_a_nurse(deep_cheek):
    previous = last_of_course(deep_cheek)
    assert zone_limits(deep_cheek, "cheek", by=deep_cheek.operator, previous=previous).hard_cap_mm == Decimal("1.75")
    sessions.remove_zone(session=deep_cheek, zone="cheek", by=deep_cheek.operator)
    assert zone_limits(deep_cheek, "cheek", by=deep_cheek.operator, previous=previous).hard_cap_mm == Decimal("1.5")


def test_a_nurse_enters_the_cartridge_after_a_prescriber_charted_deep(deep_cheek):
    assert put_in(deep_cheek).cartridge_lot is not None


@pytest.mark.parametrize(("depths", "said"), [({"face": 1.5}, "may go 1.5 mm deep"), ({}, "may go 1.5 mm deep")])
def test_another_device_has_to_reach_what_is_charted(deep_cheek, depths, said):
    other = rules.add_device(
        clinic=deep_cheek.clinic, by=deep_cheek.operator.user, name="Other pen", max_depth_mm=depths
    )
    refused_with = refusal(lambda: put_in(deep_cheek, device=other))
    assert refused_with.field == "device"
    assert refused_with.sentence == (
        f"Other pen {said} on the cheek, and 1.75 mm is charted. Change that zone first, or take another device."
    )


def test_consent_is_asked_for_what_a_prescriber_may_order(patient):
    Device.objects.filter(clinic=patient.clinic).update(max_depth_mm=DEEP)
    assert factories.make_draft(patient).depth_class == 3


def test_with_a_label_of_the_plain_cap_consent_is_asked_for_that(patient):
    assert factories.make_draft(patient).depth_class == 2


# ── A label that was lowered ──────────────────────────────────────────────────


def test_a_label_that_was_lowered_since_is_met_before_the_signature(open_session):
    factories.chart(open_session, cheek=("1.25", 4))
    label(open_session, face=1.0)
    said = refusal(lambda: sessions.complete(session=open_session, by=open_session.operator))
    assert said.field == "zones"
    assert "1.25 mm is charted on the cheek" in said.sentence
    assert "allows 1 mm now" in said.sentence
    signed = "UPDATE treatments_treatmentsession SET status = 'completed', signed_at = now(), signed_by_id = %s WHERE id = %s"
    assert refused(lambda: run(signed, open_session)) == "zone_depth_within_device_label"
    with without_guard(SESSION, "session_device_reaches_what_is_charted"):
        run(signed, open_session)


def test_what_was_done_is_signed_as_stopped_early(open_session):
    factories.chart(open_session, cheek=("1.25", 4))
    label(open_session, face=1.0)
    kept = sessions.stop(session=open_session, reason="The label was lowered", counts=True, by=open_session.operator)
    assert kept.status == "stopped"


# ── On the page ───────────────────────────────────────────────────────────────


def test_a_refused_depth_stands_at_the_depth_and_once(clinician, open_session):
    typed = {"depth": "other", "depth_other": "1.75", "passes": "4", "endpoint": "", "reason": "Deep"}
    answer = post(clinician, "set_zone", open_session.ref, "cheek", **typed)
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert shown.count("1.75 mm: the limit is 1.5 mm.") == 1
    assert 'id="depth-errors"' in shown


def test_the_signed_page_says_what_last_time_was_and_who_ordered(clinician, deep_cheek, prescriber_member):
    sign(deep_cheek)
    shown = clinician.get(url("session", deep_cheek.ref)).content.decode()
    assert f"Deep scars Ordered by {prescriber_member.user}." in shown
    assert "first time" in shown


def put_in(session: TreatmentSession, device: Device | None = None) -> TreatmentSession:
    session.refresh_from_db()
    return sessions.set_cartridge(
        session=session,
        version=session.version,
        device=device or session.device,
        lot=session.clinic.cartridge_lots.first(),
        serial="",
        by=session.operator,
    )


def sign(session: TreatmentSession) -> None:
    sessions.complete(session=put_in(session), by=session.operator, aftercare_given=True, sharps_disposed=True)


def run(sql: str, session: TreatmentSession) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [session.operator.user_id, session.pk])
