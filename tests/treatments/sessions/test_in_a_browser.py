"""The chair and the screening page in a real browser: the dose while it is typed, the four numbers, and no violation."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from clinic import clock
from tests import factories
from tests.fixtures.browser import VIEWS
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


@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_chair_and_screening_hold_at_every_width(visitors, second_session, width, dark):
    patient = second_session.patient
    visitor = visitors(width, dark=dark).sign_in(second_session.operator)
    page = visitor.open(chair(second_session))
    assert visitor.axe() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.shoot(f"chair-{width}-{'dark' if dark else 'light'}")
    conflicting(patient, second_session.operator)
    page = visitor.open(
        reverse("treatments:screening", args=[patient.ref]) + f"?on={clock.today(patient.clinic) + timedelta(days=3)}"
    )
    expect(page.get_by_text("Beside it:").first).to_be_visible()
    assert visitor.axe() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.shoot(f"screening-{width}-{'dark' if dark else 'light'}")


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
