"""Each refusal of the chair, at its field and in words; and what is recorded when nothing is refused."""

from datetime import date, time, timedelta
from decimal import Decimal

import pytest

from clinic import clock
from clinic.errors import DomainError
from patients.models import DepthClass
from patients.services import consents
from tests import factories
from treatments.plans.models import TreatmentPlan
from treatments.rules import services as rules
from treatments.screenings.services import NotPermitted
from treatments.sessions import services as sessions
from treatments.sessions.depths import zone_limits
from treatments.sessions.models import CartridgeLot, TreatmentSession


def refusal(act) -> DomainError:
    with pytest.raises(DomainError) as caught:
        act()
    return caught.value


def set_zone(session, depth, *, zone="cheek", passes=4, **more):
    return sessions.set_zone(
        session=session, zone=zone, depth_mm=Decimal(depth), passes=passes, by=session.operator, **more
    )


def fresh(session: TreatmentSession) -> TreatmentSession:
    session.refresh_from_db()
    return session


# ── Opening ───────────────────────────────────────────────────────────────────


def test_only_a_clinician_opens_a_session(visit_today, desk_member):
    visit = factories.arrive(visit_today)
    factories.screen_today(visit.patient)
    said = refusal(lambda: sessions.open_session(visit=visit, by=desk_member, acknowledged=[]))
    assert "Only a clinician" in said.sentence


def test_a_patient_who_has_not_arrived_is_not_treated(visit_today):
    factories.screen_today(visit_today.patient)
    said = refusal(lambda: sessions.open_session(visit=visit_today, by=visit_today.clinician, acknowledged=[]))
    assert "arrived first" in said.sentence


def test_without_a_screening_the_questions_come_first(visit_today):
    visit = factories.arrive(visit_today)
    said = refusal(lambda: sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[]))
    assert "Ask the questions of the day first" in said.sentence


def test_a_consultation_is_no_session(patient, clinician_member):
    from treatments.appointments import services as appointments

    visit = appointments.book(
        patient=patient,
        kind="consultation",
        place=factories.a_place(patient.clinic, clock.today(patient.clinic), time(15), kind="consultation"),
        by=clinician_member.user,
    )
    said = refusal(lambda: sessions.open_session(visit=visit, by=clinician_member, acknowledged=[]))
    assert "not a session of a course" in said.sentence


def test_an_outcome_that_forbids_is_said_without_its_reason(visit_today):
    visit = factories.arrive(visit_today)
    factories.answer(visit.patient, "hsv_active", "yes")
    factories.screen_today(visit.patient)
    with pytest.raises(NotPermitted) as caught:
        sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[])
    assert caught.value.outcome in ("block", "defer")
    assert caught.value.sentence == "No session today: ask a clinician."


def test_changes_of_todays_screening_have_to_be_ticked_first(patient):
    visit = factories.arrive(factories.make_visit_today(patient, skin_type=5))
    record = factories.screen_today(patient)
    assert record.changes
    said = refusal(lambda: sessions.open_session(visit=visit, by=visit.clinician, acknowledged=["endpoint"]))
    assert said.field == "acknowledged"
    opened = sessions.open_session(
        visit=visit, by=visit.clinician, acknowledged=[c["parameter"] for c in record.changes]
    )
    assert opened.changes_acknowledged == record.changes


def test_a_session_is_opened_once(open_session):
    visit = open_session.appointment
    factories.screen_today(visit.patient)
    # The session of today is itself a needling: a second one would break the floor as well.
    said = refusal(lambda: sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[]))
    assert said.code in ("session_floor_kept", "session_once_per_planned")


# ── Depth ─────────────────────────────────────────────────────────────────────


def test_nobody_passes_the_hard_cap_not_even_with_a_reason(open_session):
    said = refusal(lambda: set_zone(open_session, "1.55", reason="Deep scars"))
    assert (said.field, said.sentence) == ("depth", "1.55 mm: the limit is 1.5 mm.")
    assert set_zone(open_session, "1.50", reason="Deep scars").depth_mm == Decimal("1.50")


def test_above_the_soft_maximum_a_reason_is_asked_for(patient):
    session = factories.open_session(factories.make_visit_today(patient, skin_type=5))
    allowed = zone_limits(session, "cheek", by=session.operator, previous=None)
    assert (allowed.soft_max_mm, allowed.hard_cap_mm) == (Decimal("1.25"), Decimal("1.5"))
    assert refusal(lambda: set_zone(session, "1.30")).field == "reason"
    assert set_zone(session, "1.30", reason="Deep scars").reason == "Deep scars"
    assert set_zone(session, "1.25").reason == ""


def test_a_step_of_more_than_a_quarter_millimetre_asks_for_a_reason(done_session, later):
    session = next_session(done_session, later)
    assert refusal(lambda: set_zone(session, "1.30")).field == "reason"
    assert set_zone(session, "1.25").depth_mm == Decimal("1.25")


def test_a_zone_outside_the_course_is_not_treated(open_session):
    assert refusal(lambda: set_zone(open_session, "0.5", zone="nose")).field == "zone"


@pytest.mark.parametrize(("passes", "kept"), [(1, True), (20, True), (0, False), (21, False)])
def test_passes_are_1_to_20(open_session, passes, kept):
    if kept:
        assert set_zone(open_session, "1.0", passes=passes).passes == passes
    else:
        assert "1 to 20" in refusal(lambda: set_zone(open_session, "1.0", passes=passes)).sentence


def test_a_prescribed_blood_thinner_takes_one_step_off_the_usual_maximum(patient):
    visit = factories.make_visit_today(patient)
    plain = zone_limits(factories.open_session(visit), "cheek", by=visit.clinician, previous=None)
    other = factories.make_patient(patient.clinic, given_name="Ana")
    visit = factories.make_visit_today(other, at=time(14))
    from treatments.screenings import services as screenings

    factories.answer(other, "anticoagulant_rx", "yes")
    screenings.give_clearance(
        patient=other,
        code="anticoagulant_rx",
        reason="INR stable",
        expires_on=clock.today(other.clinic) + timedelta(days=30),
        by=visit.clinician,
    )
    thinned = zone_limits(factories.open_session(visit), "cheek", by=visit.clinician, previous=None)
    assert plain.soft_max_mm - thinned.soft_max_mm == Decimal("0.25")


@pytest.fixture
def shallow_session(patient) -> TreatmentSession:
    """Open, in a course whose patient signed for 0.5 mm at most."""
    plan = factories.make_active_plan(patient)
    consents.withdraw(consent=patient.consents.get(), reason="By telephone", by=factories.a_clinician(plan.clinic).user)
    TreatmentPlan.objects.filter(pk=plan.pk).update(depth_class=DepthClass.SUPERFICIAL)
    plan.refresh_from_db()
    factories.sign_consent(plan)
    return factories.open_session(factories.book(plan.planned_sessions.get(number=1), day=factories.TODAY))


def test_nobody_goes_deeper_than_the_patient_signed_for_not_even_with_a_reason(shallow_session):
    assert set_zone(shallow_session, "0.50").depth_mm == Decimal("0.50")
    said = refusal(lambda: set_zone(shallow_session, "0.55", reason="Deep scars"))
    assert (said.field, said.sentence) == (
        "depth",
        "0.55 mm is deeper than the patient signed for (up to 0.5 mm). Stay within that.",
    )


def test_a_deeper_signature_than_the_course_asked_for_covers_a_deeper_zone(shallow_session):
    plan = shallow_session.plan
    plan.depth_class = DepthClass.DERMAL
    factories.sign_consent(plan)
    assert set_zone(shallow_session, "0.75", reason="Deep scars").depth_mm == Decimal("0.75")


@pytest.mark.parametrize(
    ("depth_mm", "depth_class"), [("0.05", 1), ("0.50", 1), ("0.51", 2), ("1.50", 2), ("1.51", 3), ("3.00", 3)]
)
def test_the_upper_end_of_a_depth_class_belongs_to_it(depth_mm, depth_class):
    assert DepthClass.of(Decimal(depth_mm)) == depth_class


# ── Device and cartridge ──────────────────────────────────────────────────────


def put_in(session, lot, serial="A1", device=None):
    return sessions.set_cartridge(
        session=session,
        version=fresh(session).version,
        device=device or session.clinic.devices.first(),
        lot=lot,
        serial=serial,
        by=session.operator,
    )


def test_an_expired_lot_is_refused_and_the_last_day_is_not(open_session):
    today = clock.today(open_session.clinic)
    expired = CartridgeLot.objects.create(clinic=open_session.clinic, lot="OLD", expires_on=today - timedelta(days=1))
    last_day = CartridgeLot.objects.create(clinic=open_session.clinic, lot="LAST", expires_on=today)
    said = refusal(lambda: put_in(open_session, expired))
    assert said.field == "lot"
    assert "expired on 8 March 2027" in said.sentence
    assert put_in(open_session, last_day).cartridge_expires_on == today


def test_a_used_cartridge_is_refused_for_anyone_else(done_session):
    other = factories.open_session(factories.make_visit_today(factories.make_patient(done_session.clinic), at=time(14)))
    lot, serial = done_session.cartridge_lot, done_session.cartridge_serial
    said = refusal(lambda: put_in(other, lot, serial))
    assert said.code == "cartridge_one_patient"
    assert "take a new one" in said.sentence
    assert put_in(other, lot, "another").cartridge_serial == "another"


def test_a_cartridge_of_a_session_entered_in_error_is_free_again(done_session):
    other = factories.open_session(factories.make_visit_today(factories.make_patient(done_session.clinic), at=time(14)))
    sessions.mark_entered_in_error(session=done_session, reason="Wrong patient", by=done_session.operator)
    assert put_in(other, done_session.cartridge_lot, done_session.cartridge_serial).cartridge_lot


def test_a_new_lot_is_listed_once_with_one_expiry(open_session):
    by, day = open_session.operator, date(2028, 1, 31)
    first = sessions.add_lot(session=open_session, lot=" NEW-1 ", expires_on=day, by=by)
    assert sessions.add_lot(session=open_session, lot="NEW-1", expires_on=day, by=by) == first
    assert (
        refusal(lambda: sessions.add_lot(session=open_session, lot="NEW-1", expires_on=date(2028, 2, 1), by=by)).field
        == "expires_on"
    )
    assert (
        refusal(lambda: sessions.add_lot(session=open_session, lot="OLD-1", expires_on=date(2027, 3, 8), by=by)).field
        == "expires_on"
    )


def test_a_device_that_reaches_less_deep_than_what_is_charted_is_refused(open_session):
    set_zone(open_session, "1.0")
    shallow = rules.add_device(
        clinic=open_session.clinic,
        by=open_session.operator.user,
        name="Shallow pen",
        max_depth_mm={"face": 0.5},
        indications=[],
    )
    said = refusal(lambda: put_in(open_session, open_session.clinic.cartridge_lots.first(), device=shallow))
    assert said.field == "device"
    assert "0.5 mm" in said.sentence


# ── Numbing ───────────────────────────────────────────────────────────────────


def numb(session, product, *, on=30, off=None, grams="3", **more):
    now = clock.now()
    return sessions.set_numbing(
        session=session,
        version=fresh(session).version,
        product=product,
        grams=Decimal(grams) if grams else None,
        on_at=None if on is None else now - timedelta(minutes=on),
        off_at=None if off is None else now - timedelta(minutes=off),
        by=more.pop("by", session.operator),
        **more,
    )


def a_cream(session, **details):
    details = {"name": "Cream", "actives": {"lidocaine": 4}, "contact_minutes": 30, "max_contact_minutes": 60} | details
    return rules.add_anaesthetic(clinic=session.clinic, by=session.operator.user, **details)


def test_numbing_within_its_label_is_kept_with_both_times(open_session):
    saved = numb(open_session, a_cream(open_session), on=40, off=5)
    assert (saved.anaesthetic_off_at - saved.anaesthetic_on_at) == timedelta(minutes=35)


def test_more_than_4_per_cent_needs_a_prescriber(open_session, prescriber_member):
    strong = a_cream(open_session, name="Strong", actives={"lidocaine": 7, "tetracaine": 7})
    said = refusal(lambda: numb(open_session, strong))
    assert "prescriber" in said.sentence
    assert said.field == "product"
    assert numb(open_session, strong, by=prescriber_member, area_cm2=200).anaesthetic == strong


def test_where_the_label_limits_the_area_it_has_to_be_entered(open_session):
    assert numb(open_session, a_cream(open_session)).anaesthetic_area_cm2 is None
    for cream in (
        a_cream(open_session, name="Small", max_area_cm2=100),
        a_cream(open_session, name="Mixture", actives={"lidocaine": 2.5, "prilocaine": 2.5}),
    ):
        said = refusal(lambda cream=cream: numb(open_session, cream))
        assert (said.field, said.sentence) == ("area_cm2", "Enter the area: the label limits it.")


@pytest.mark.parametrize(("grams", "kept"), [("20", True), ("20.1", False)])
def test_the_labels_grams_on_an_area_are_refused_at_the_grams(open_session, grams, kept):
    cream = a_cream(open_session, name="Mixture", actives={"lidocaine": 2.5, "prilocaine": 2.5})
    if kept:
        assert numb(open_session, cream, grams=grams, area_cm2=100).anaesthetic_grams == Decimal(grams)
    else:
        said = refusal(lambda: numb(open_session, cream, grams=grams, area_cm2=100))
        assert (said.field, said.sentence) == ("grams", "20.1 g: the limit is 2 g on 10 cm².")


@pytest.mark.parametrize(("area", "kept"), [(100, True), (101, False)])
def test_the_labels_area_is_a_limit(open_session, area, kept):
    cream = a_cream(open_session, max_area_cm2=100)
    if kept:
        assert numb(open_session, cream, area_cm2=area).anaesthetic_area_cm2 == area
    else:
        assert refusal(lambda: numb(open_session, cream, area_cm2=area)).field == "area_cm2"


@pytest.mark.parametrize(("minutes", "asks"), [(60, False), (61, True)])
def test_a_time_over_the_label_is_kept_with_its_reason_in_the_note(open_session, minutes, asks):
    cream = a_cream(open_session)
    if not asks:
        assert numb(open_session, cream, on=minutes, off=0).note == ""
        return
    assert refusal(lambda: numb(open_session, cream, on=minutes, off=0)).field == "why_longer"
    saved = numb(open_session, cream, on=minutes, off=0, why_longer="Fire alarm")
    assert saved.note == "Numbing on for 61 minutes, label 60: Fire alarm"


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"on": None}, "on_at"),
        ({"on": -5}, "on_at"),
        ({"on": 5, "off": 10}, "off_at"),
        ({"on": 5, "off": -1}, "off_at"),
    ],
)
def test_times_that_cannot_be_are_refused(open_session, times, field):
    assert refusal(lambda: numb(open_session, a_cream(open_session), **times)).field == field


def test_grams_belong_to_a_cream(open_session):
    assert refusal(lambda: numb(open_session, a_cream(open_session), grams=None)).field == "grams"


def test_an_allergy_to_numbing_keeps_the_cream_away(patient):
    visit = factories.make_visit_today(patient)
    factories.answer(patient, "anaesthetic_allergy", "yes")
    factories.arrive(visit)
    record = factories.screen_today(patient)
    if record.outcome not in ("clear", "caution"):
        from treatments.screenings import services as screenings

        screenings.give_clearance(
            patient=patient,
            code="anaesthetic_allergy",
            reason="No cream",
            expires_on=clock.today(patient.clinic),
            by=visit.clinician,
        )
    visit.refresh_from_db()
    session = factories.open_session(visit)
    assert refusal(lambda: numb(session, a_cream(session))).field == "product"


# ── Saving, signing, stopping ─────────────────────────────────────────────────


def test_a_save_on_an_older_version_is_refused_and_changes_nothing(open_session):
    version = open_session.version
    sessions.save_details(session=open_session, version=version, by=open_session.operator, note="first")
    with pytest.raises(sessions.Stale):
        sessions.save_details(session=open_session, version=version, by=open_session.operator, note="second")
    assert fresh(open_session).note == "first"


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ({"device": None}, "device"),
        ({"cartridge_lot": None}, "cartridge_lot"),
        ({"aftercare_given": False}, "aftercare_given"),
        ({"sharps_disposed": False}, "sharps_disposed"),
    ],
)
def test_a_session_is_signed_only_when_it_is_whole(open_session, missing, field):
    session = factories.chart(open_session)
    sessions.save_details(session=session, version=session.version, by=session.operator, **missing)
    assert refusal(lambda: sessions.complete(session=session, by=session.operator)).field == field


def test_a_session_without_a_zone_is_not_signed(open_session):
    session = factories.chart(open_session)
    sessions.remove_zone(session=session, zone="cheek", by=session.operator)
    assert refusal(lambda: sessions.complete(session=session, by=session.operator)).field == "zones"


def test_numbing_that_never_came_off_holds_the_signature(open_session):
    session = factories.chart(open_session)
    numb(session, a_cream(session))
    assert refusal(lambda: sessions.complete(session=session, by=session.operator)).field == "anaesthetic_off_at"


def test_stopping_asks_why_and_says_whether_it_counts(open_session):
    assert (
        refusal(lambda: sessions.stop(session=open_session, reason=" ", counts=True, by=open_session.operator)).field
        == "stopped_reason"
    )
    stopped = sessions.stop(session=open_session, reason="Felt faint", counts=False, by=open_session.operator)
    assert (stopped.status, stopped.counts, stopped.signed_by) == ("stopped", False, open_session.operator.user)


def test_an_adverse_event_of_grade_2_stops_the_next_session_until_it_is_closed(done_session, later):
    from treatments.screenings import services as screenings

    event = sessions.report_adverse_event(
        session=done_session, code="pih", grade=2, note="Left cheek", by=done_session.operator.user
    )
    later(timedelta(days=60))
    today = clock.today(done_session.clinic)
    assert screenings.look(done_session.patient, on=today, purpose="booking").outcome == "block"
    sessions.close_adverse_event(
        event=event, resolved_on=today - timedelta(days=14), over_72h=True, by=done_session.operator
    )
    assert screenings.look(done_session.patient, on=today, purpose="booking").outcome != "block"


@pytest.mark.parametrize("grade", [0, 6])
def test_a_grade_is_1_to_5(done_session, grade):
    assert (
        "grade"
        in refusal(
            lambda: sessions.report_adverse_event(
                session=done_session, code="erythema", grade=grade, note="", by=done_session.operator.user
            )
        ).sentence
    )


def test_an_event_settles_between_its_first_day_and_today(done_session, desk_member):
    event = sessions.report_adverse_event(
        session=done_session, code="erythema", grade=1, note="", by=done_session.operator.user
    )
    for days in (-1, 1):
        day = clock.today(done_session.clinic) + timedelta(days=days)
        said = refusal(
            lambda day=day: sessions.close_adverse_event(
                event=event, resolved_on=day, over_72h=False, by=done_session.operator
            )
        )
        assert said.field == "resolved_on"
    said = refusal(
        lambda: sessions.close_adverse_event(
            event=event, resolved_on=clock.today(done_session.clinic), over_72h=False, by=desk_member
        )
    )
    assert "Only a clinician" in said.sentence


def test_an_event_is_closed_once_so_that_no_second_day_shortens_the_wait(done_session, later):
    event = sessions.report_adverse_event(
        session=done_session, code="pih", grade=2, note="", by=done_session.operator.user
    )
    later(timedelta(days=10))
    today = clock.today(done_session.clinic)
    sessions.close_adverse_event(event=event, resolved_on=today, over_72h=True, by=done_session.operator)
    for day in (today, today - timedelta(days=9)):
        said = refusal(
            lambda day=day: sessions.close_adverse_event(
                event=event, resolved_on=day, over_72h=False, by=done_session.operator
            )
        )
        assert said.sentence == "This event was closed before: it settled on 19 March 2027."
    event.refresh_from_db()
    assert (event.resolved_on, event.over_72h) == (today, True)


@pytest.mark.parametrize(
    "act",
    [
        lambda session, by: sessions.set_zone(session=session, zone="cheek", depth_mm=Decimal(1), passes=4, by=by),
        lambda session, by: sessions.remove_zone(session=session, zone="cheek", by=by),
        lambda session, by: sessions.save_details(session=session, version=session.version, note="x", by=by),
        lambda session, by: sessions.complete(session=session, by=by),
        lambda session, by: sessions.stop(session=session, reason="x", counts=True, by=by),
        lambda session, by: sessions.mark_entered_in_error(session=session, reason="x", by=by),
    ],
    ids=["set_zone", "remove_zone", "save_details", "complete", "stop", "mark_entered_in_error"],
)
def test_only_a_clinician_charts_signs_or_strikes_a_session(open_session, desk_member, act):
    session = factories.chart(open_session)
    assert "Only a clinician can" in refusal(lambda: act(session, desk_member)).sentence
    assert fresh(session).is_open
    act(session, session.operator)


def next_session(done: TreatmentSession, later) -> TreatmentSession:
    """Session 2 of the same course, six weeks on."""
    later(timedelta(days=42))
    patient = done.patient
    factories.answer_all(patient, forms=("day",))
    planned = done.plan.planned_sessions.get(number=2)
    return factories.open_session(factories.book(planned, day=clock.today(done.clinic), at=time(14)))


def test_a_prescribers_order_goes_on_when_a_colleague_takes_the_cream_off(open_session, prescriber_member):
    strong = a_cream(open_session, name="Lidocaine 7, tetracaine 7", actives={"lidocaine": 7, "tetracaine": 7})
    ordered = numb(open_session, strong, by=prescriber_member, area_cm2=200)
    assert ordered.anaesthetic_ordered_by == prescriber_member.user
    off = numb(open_session, strong, by=open_session.operator, area_cm2=200)
    assert off.anaesthetic_ordered_by == prescriber_member.user


@pytest.mark.parametrize("more", [{"area_cm2": 201}, {"area_cm2": 200, "grams": "3.5"}])
def test_an_order_does_not_stretch(open_session, prescriber_member, more):
    strong = a_cream(open_session, name="Lidocaine 7, tetracaine 7", actives={"lidocaine": 7, "tetracaine": 7})
    numb(open_session, strong, by=prescriber_member, area_cm2=200)
    said = refusal(lambda: numb(open_session, strong, by=open_session.operator, **more))
    assert said.sentence == "Lidocaine 7, tetracaine 7: a prescriber must order it."


def test_a_cream_is_covered_only_where_its_label_says_so(open_session):
    assert refusal(lambda: numb(open_session, a_cream(open_session), occluded=True)).field == "occluded"
    pair = a_cream(open_session, name="Pair", actives={"lidocaine": 2.5, "prilocaine": 2.5})
    assert numb(open_session, pair, area_cm2=100, occluded=True).anaesthetic_occluded


def test_the_weight_is_kept_and_one_that_cannot_be_is_refused(open_session):
    assert numb(open_session, a_cream(open_session), weight_kg=Decimal("62.5")).weight_kg == Decimal("62.5")
    said = refusal(lambda: numb(open_session, a_cream(open_session, name="Other"), weight_kg=Decimal(4)))
    assert said.sentence == "Enter the weight in kilograms, 20 to 400."
