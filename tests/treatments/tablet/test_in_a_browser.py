"""The tablet as the desk, the patient and the clinician meet it: handed over, half filled, resumed, signed, locked, unlocked."""

from datetime import time, timedelta

import pytest
from playwright.sync_api import expect

from clinic import clock
from tests import factories
from tests.access.table import TABLE
from tests.access.test_access import refs, url_of  # noqa: F401  (refs is a fixture)
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.tablet.held import given, hand_over_url, the_handover
from treatments.appointments import services as appointments
from treatments.screenings.by_patient.models import PatientForm

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def here(clinic, patient):
    """She is here for a talk about a course that is not signed yet, and was asked everything a month ago."""
    factories.answer_all(patient)
    clock.shift(timedelta(days=30))
    factories.answer_all(patient, forms=("full",))
    factories.make_draft(patient)
    visit = appointments.book(
        patient=patient,
        kind="consultation",
        place=factories.a_place(clinic, clock.today(clinic), time(15), kind="consultation"),
        by=factories.a_manager(clinic).user,
    )
    return factories.arrive(visit)


def unlock(page, password: str = factories.PASSWORD, *, login: str = "") -> None:
    page.get_by_label("Password of").fill(password)
    if login:
        page.get_by_label("E-mail, if somebody else unlocks it").fill(login)
    page.get_by_role("button", name="Unlock", exact=True).click()


def test_from_the_desks_hand_to_hers_and_back_to_the_clinicians(visitors, here, desk_member, clinician_member):
    who = visitors("tablet").sign_in(desk_member)
    page = who.open(here.patient.get_absolute_url())
    page.get_by_role("link", name="Hand the tablet over").click()
    expect(page.get_by_role("heading", name="Hand the tablet over")).to_be_visible()
    assert wrong_in_every_view(who, "hand-over", axe_on_phone=True) == []
    page.get_by_role("button", name="Hand the tablet over").click()

    # Half of it, then back.
    expect(page.get_by_role("heading", name="Questions of the day")).to_be_visible()
    expect(page.get_by_text("For Leila Haddad.")).to_be_visible()
    assert page.get_by_role("navigation").count() == 0
    assert wrong_in_every_view(who, "tablet-questions", axe_on_phone=True) == []
    page.locator("#q-pregnant").get_by_text("No", exact=True).click()
    page.locator("#q-new_medicine").get_by_text("Yes", exact=True).click()
    page.locator("#q-new_medicine").get_by_label("In a few words").fill("Cetirizine")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.get_by_role("button", name="Give it back, and keep what I have answered").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert wrong_in_every_view(who, "tablet-lock", axe_on_phone=True) == []

    # The desk unlocks it, and hands it over once more.
    unlock(page, "not-the-password")
    expect(page.get_by_role("button", name="Unlock", exact=True)).to_be_visible()
    assert wrong_in_every_view(who, "tablet-lock-refused", axe_on_phone=True) == []
    unlock(page)
    expect(page.get_by_text("Half filled")).to_be_visible()
    assert wrong_in_every_view(who, "tablet-what-came-of-it", axe_on_phone=True) == []
    page.get_by_role("link", name="Hand it over again").click()
    expect(page.get_by_text("handed over by Tess Moran: goes on there today")).to_be_visible()
    page.get_by_role("button", name="Hand the tablet over").click()

    # She goes on where she stopped.
    expect(page.get_by_role("heading", name="You began at")).to_be_visible()
    expect(page.locator("#q-new_medicine").get_by_label("In a few words")).to_have_value("Cetirizine")
    page.get_by_role("button", name="Send my answers").click()
    expect(page.get_by_text("need another look")).to_be_visible()
    assert wrong_in_every_view(who, "tablet-refused", axe_on_phone=True) == []
    for box in page.get_by_role("checkbox", name="Nothing has changed here").all():
        box.check()
    page.locator("#q-could-read").get_by_text("Yes", exact=True).click()
    page.get_by_role("button", name="Send my answers").click()

    # She reads and signs.
    expect(page.get_by_role("heading", name="Consent to microneedling")).to_be_visible()
    assert wrong_in_every_view(who, "tablet-consent", axe_on_phone=True) == []
    page.get_by_role("button", name="Sign and keep").click()
    expect(page.get_by_text("Sign in the box, or type the full name instead.").first).to_be_visible()
    page.get_by_label("Or type your full name instead").fill("Leila Haddad")
    page.get_by_role("button", name="Sign and keep").click()
    expect(page.get_by_text("That is all. Your clinician reads it before your treatment.")).to_be_visible()
    assert wrong_in_every_view(who, "tablet-done", axe_on_phone=True) == []
    page.get_by_role("button", name="Give it back").click()

    # The clinician takes it and sees what differs.
    unlock(page, login=clinician_member.user.email)
    expect(page.get_by_text("1 answer differs from last time")).to_be_visible()
    page.get_by_role("link", name="Look at the answers").click()
    differing = page.get_by_role("region", name="Different from last time")
    expect(differing).to_contain_text("Cetirizine")
    expect(differing).to_contain_text("before: No")
    assert wrong_in_every_view(who, "given-form", axe_on_phone=True) == []
    page.get_by_role("button", name="Confirm and screen").click()
    page.wait_for_url("**/screening/**")
    assert PatientForm.objects.get().seen_by == clinician_member.user


def test_no_address_no_way_back_and_no_second_tab_leads_out_of_it(refs, visitors, clinician_member, patient):  # noqa: F811
    who = visitors("tablet").sign_in(clinician_member)
    page = who.open("/worklists/")
    second = page.context.new_page()
    second.goto(who.base_url + patient.get_absolute_url())
    page.goto(who.base_url + hand_over_url(patient))
    page.get_by_label("Questions of the day").check()
    page.get_by_role("button", name="Hand the tablet over").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_visible()
    # The tab beside it lets go of what it showed.
    second.wait_for_url("**/handed-over/")
    expect(second.get_by_text("So far")).to_have_count(0)
    for _ in range(2):
        page.go_back()
        expect(page.get_by_text(f"For {patient.full_name}.")).to_be_visible()
    walked = 0
    for name, row in TABLE.items():
        if "GET" in row.methods and not name.startswith("treatments:handed_over"):
            page.goto(who.base_url + url_of(name, refs))
            assert page.url == f"{who.base_url}/handed-over/", name
            walked += 1
    assert walked > 80
    page.goto(who.base_url + "/accounts/login/")
    assert page.url == f"{who.base_url}/handed-over/"
    second.close()


def test_when_its_time_is_over_the_page_goes_to_the_lock_by_itself(visitors, clinician_member, patient):
    who = visitors("tablet", own_clock=True).sign_in(clinician_member)
    page = who.open(hand_over_url(patient))
    page.clock.install()
    page.get_by_label("Questions of the day").check()
    page.get_by_role("button", name="Hand the tablet over").click()
    expect(page.get_by_text(f"For {patient.full_name}.")).to_be_visible()
    from tests.treatments.tablet.test_confined import over

    over(the_handover())
    page.clock.fast_forward("31:00")
    page.wait_for_url("**/handed-over/lock/")
    expect(page.get_by_role("heading", name="This tablet is locked")).to_be_visible()
    assert wrong_in_every_view(who, "tablet-time-over", axe_on_phone=True) == []


def test_the_desk_notes_what_was_said_by_telephone_and_the_clinician_reads_it(
    visitors, active_plan, desk_member, clinician_member
):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=3))
    desk = visitors().sign_in(desk_member)
    page = desk.open(f"/visits/{visit.ref}/")
    page.get_by_role("link", name="Something changed").click()
    expect(page.get_by_role("heading", name="Something changed, by telephone")).to_be_visible()
    page.get_by_role("button", name="Tell a clinician").click()
    expect(page.get_by_text("Write what the patient said.").first).to_be_visible()
    assert wrong_in_every_view(desk, "heard-refused", axe_on_phone=True) == []
    page.get_by_label("What the patient said").fill("Started an antibiotic on Monday")
    page.get_by_role("button", name="Tell a clinician").click()
    expect(page.locator("[data-toast]")).to_contain_text("A clinician looks before the visit.")
    desk.open("/today/")
    expect(page.locator("#calls").get_by_text("Something changed, by telephone").first).to_be_visible()
    clinician = visitors().sign_in(clinician_member)
    page = clinician.open("/today/")
    page.locator("#calls").get_by_text("Something changed, by telephone").first.click()
    expect(page.get_by_text("Started an antibiotic on Monday")).to_be_visible()
    assert wrong_in_every_view(clinician, "heard-report", axe_on_phone=True) == []


def test_what_waits_stands_above_the_questions_on_the_list_and_on_the_chart(visitors, visit_today, clinician_member):
    factories.arrive(visit_today)
    clock.shift(timedelta(minutes=1))
    given(visit_today.patient, clinician_member, new_medicine="yes", could_read="no")
    who = visitors().sign_in(clinician_member)
    for path, name in (
        (f"/patients/{visit_today.patient.ref}/day-form/", "own-words-above-questions"),
        (f"/patients/{visit_today.patient.ref}/screening/", "own-words-above-screening"),
        (visit_today.patient.get_absolute_url(), "own-words-on-the-chart"),
        ("/worklists/", "own-words-on-the-list"),
        (f"/today/?visit={visit_today.ref}", "own-words-drawer"),
    ):
        who.open(path)
        assert wrong_in_every_view(who, name, axe_on_phone=True) == []
