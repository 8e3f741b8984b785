"""The chair and the screening page in a real browser: the dose while it is typed, the four numbers, and no violation."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from clinic import clock
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from treatments.appointments.models import Appointment
from treatments.plans import services as plans
from treatments.screenings import services as screenings
from treatments.sessions import services as sessions
from treatments.sessions.models import TreatmentSession

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def second_session(done_session, later) -> TreatmentSession:
    later(timedelta(days=42))
    factories.answer_all(done_session.patient, forms=("day",))
    planned = done_session.plan.planned_sessions.get(number=2)
    session = factories.open_session(
        factories.book(planned, day=clock.today(done_session.clinic), at=factories.time(14))
    )
    cream = session.clinic.anaesthetics.first()
    sessions.set_numbing(
        session=session,
        version=session.version,
        product=cream,
        grams=Decimal(3),
        on_at=clock.now(),
        by=session.operator,
    )
    return session


def test_the_dose_is_worked_out_while_it_is_typed(visitors, second_session):
    page = visitors("tablet").sign_in(second_session.operator).open(chair(second_session))
    dose = page.locator("#dose")
    expect(dose).to_contain_text("120 mg")
    page.get_by_label("Grams").fill("10")
    expect(dose).to_contain_text("400 mg of lidocaine on the skin is above 225 mg.")
    page.get_by_label("Weight, kg").fill("60")
    expect(dose).to_contain_text("above 270 mg.")
    page.get_by_label("Covered with film").check()
    expect(dose).to_contain_text("do not cover it")
    assert TreatmentSession.objects.get(pk=second_session.pk).anaesthetic_grams == 3


def test_each_number_of_the_guard_opens_its_sources(visitors, second_session):
    page = visitors("tablet").sign_in(second_session.operator).open(chair(second_session))
    for name, said in (
        ("start", "median 1.5 mm"),
        ("soft", "median 1.5 mm"),
        ("cap", "Nobody passes it"),
        ("step", "asks for a reason"),
    ):
        page.locator(f'[popovertarget="why-{name}"]').first.click()
        expect(page.locator(f"#why-{name}")).to_be_visible()
        expect(page.locator(f"#why-{name}")).to_contain_text(said)
        page.keyboard.press("Escape")


def test_chair_and_screening_hold_at_every_width(visitors, second_session):
    patient = second_session.patient
    visitor = visitors().sign_in(second_session.operator)
    visitor.open(chair(second_session))
    assert wrong_in_every_view(visitor, "chair") == []
    conflicting(patient, second_session.operator)
    page = visitor.open(
        reverse("treatments:screening", args=[patient.ref]) + f"?on={clock.today(patient.clinic) + timedelta(days=3)}"
    )
    expect(page.get_by_text("Beside it:").first).to_be_visible()
    # On a phone the table of findings becomes a list.
    assert wrong_in_every_view(visitor, "screening", axe_on_phone=True) == []


def test_a_course_put_on_hold_while_she_sits_there_is_said_at_every_width(visitors, second_session):
    plans.hold(plan=second_session.plan, by=second_session.operator.user)
    visitor = visitors().sign_in(second_session.operator)
    page = visitor.open(chair(second_session))
    expect(page.get_by_text("This course is on hold.")).to_be_visible()
    expect(page.get_by_label("Reason, where a depth asks for one")).to_be_visible()
    assert wrong_in_every_view(visitor, "held") == []
    page.get_by_role("link", name="Stop early").click()
    expect(page.get_by_label("Why it was stopped")).to_be_visible()
    assert wrong_in_every_view(visitor, "held-finish") == []


def test_a_neck_that_a_prescriber_signs_for_and_the_door_of_a_held_course(visitors, patient):
    neck = [{"code": "neck_wrinkles", "zones": ["neck"], "severity": "moderate"}]
    visit = factories.make_visit_today(patient, skin_type=5, concerns=neck)
    visitor = visitors().sign_in(visit.clinician)
    plan = visit.planned_session.plan
    factories.arrive(visit)
    factories.screen_today(patient)
    plans.hold(plan=plan, by=visit.clinician.user)
    page = visitor.open(reverse("treatments:open_session", args=[visit.ref]))
    expect(page.get_by_text("This course is on hold")).to_be_visible()
    assert wrong_in_every_view(visitor, "door") == []
    plans.activate(plan=plan, by=visit.clinician.user)
    session = factories.open_session(Appointment.objects.get(pk=visit.pk))
    page = visitor.open(reverse("treatments:session", args=[session.ref]) + "?step=treat&zone=neck")
    expect(page.get_by_text("a prescriber has to sign for it")).to_be_visible()
    assert wrong_in_every_view(visitor, "neck") == []


def test_a_signed_session_reads_at_every_width(visitors, done_session):
    visitor = visitors().sign_in(done_session.operator)
    page = visitor.open(reverse("treatments:session", args=[done_session.ref]))
    expect(page.get_by_text("first time")).to_be_visible()
    assert wrong_in_every_view(visitor, "signed") == []


def test_the_time_over_the_label_is_said_while_it_is_typed(visitors, second_session):
    page = visitors("tablet").sign_in(second_session.operator).open(chair(second_session))
    dose = page.locator("#dose")
    expect(dose).not_to_contain_text("the label allows")
    page.get_by_label("On at").fill("08:00")
    expect(dose).to_contain_text("the label allows 60. Take it off now.")
    page.get_by_label("Off at").fill("10:00")
    expect(dose).to_contain_text("120 minutes on the skin: the label allows 60. Say why")


def conflicting(patient, by) -> None:
    """Findings of every weight, answers that differ, and a clearance."""
    factories.answer(patient, "isotretinoin_past", "yes", on=clock.today(patient.clinic) - timedelta(days=170))
    factories.answer(patient, "hsv_history", "yes")
    factories.answer(patient, "hsv_history", "no")
    factories.answer(patient, "topical_retinoid", "yes", on=clock.today(patient.clinic) - timedelta(days=1))
    factories.answer(patient, "smoking", "yes")
    factories.answer(patient, "autoimmune", "yes")
    screenings.give_clearance(
        patient=patient, code="autoimmune", reason="Thyroid only, stable for years", evidence="Letter of 8 March",
        expires_on=clock.today(patient.clinic) + timedelta(days=90), licence="NMC 12A3456E", by=by,
    )  # fmt: skip


def chair(session: TreatmentSession) -> str:
    return reverse("treatments:session", args=[session.ref]) + "?step=treat&zone=cheek"
