"""The main job: one patient from registration to the aftercare e-mail, by three people at three browsers."""

import re

import pytest
from playwright.sync_api import Locator, Page

from clinic import clock
from patients.models import Message, Patient
from patients.outbox.models import State
from tests import factories
from tests.fixtures.browser import Visitor, wait_until
from treatments.appointments.models import Appointment
from treatments.protocol.catalogue import load

pytestmark = [pytest.mark.browser, pytest.mark.journey, pytest.mark.django_db(transaction=True)]


# Drawn whole in any case, the fullest page of the desk and of the chair: one that cannot be drawn fails the journey.
DRAWN = {"today-arrived", "chair-treat"}


def choose(within: Page | Locator, name: str, value: str) -> None:
    """Press the big button of a choice: the label is what a finger meets, the radio inside is for the keyboard."""
    within.locator(f"label:has(input[name='{name}'][value='{value}'])").first.click()


class Journey:
    """The steps, one method each, named as the clinic would say them."""

    def __init__(self, desk: Visitor, clinician: Visitor, manager: Visitor) -> None:
        self.desk, self.clinician, self.manager = desk, clinician, manager
        self.step = 0
        self.violations: list[str] = []

    def look(self, who: Visitor, name: str) -> None:
        """Every page of the journey is checked for accessibility, and photographed where a folder is named for it."""
        self.step += 1
        who.shoot(f"{self.step:02d}-{name}")
        if name in DRAWN:
            assert who.page.screenshot(full_page=True)
        self.violations += [f"{name}: {violation}" for violation in who.axe()]

    def register(self) -> Patient:
        page = self.desk.open("/patients/")
        self.look(self.desk, "patients-empty")
        page.goto(f"{self.desk.base_url}/patients/new/")
        page.fill("[name=given_name]", "Zoë")
        page.fill("[name=family_name]", "Sørensen")
        page.fill("[name=born_on]", "1992-06-09")
        page.fill("[name=email]", "zoe@post.example")
        page.fill("[name=phone]", "07700 900777")
        for question in ("mail_allowed", "reminders_allowed"):
            page.locator(f"[name={question}][value=yes]").check()
        self.look(self.desk, "register")
        page.get_by_role("button", name="Register").click()
        page.wait_for_url(re.compile(r"/patients/[0-9a-f-]{36}/"))
        self.look(self.desk, "chart-new")
        return Patient.objects.get()

    def find(self) -> None:
        page = self.desk.open("/patients/")
        page.locator("main input[type=search]").first.press_sequentially("soren zoe")
        page.get_by_role("link", name=re.compile("Zoë Sørensen")).first.wait_for()
        self.look(self.desk, "search")

    def assess(self, patient: Patient) -> None:
        page = self.clinician.open(f"/patients/{patient.ref}/assess/")
        choose(page, "skin_type", "3")
        choose(page, "pih_history", "no")
        page.locator("details summary", has_text=load().concern("acne_scar_face").label).click()
        group = page.locator("details[open]").first
        group.locator("label:has([value=moderate])").click()
        for zone in ("cheek", "chin"):
            group.locator(f"[type=checkbox][value={zone}]").check()
        self.look(self.clinician, "assess")
        page.get_by_role("button", name="Record the assessment").click()
        page.wait_for_load_state()

    def ask(self, patient: Patient, form: str) -> None:
        page = self.clinician.open(f"/patients/{patient.ref}/{form}/")
        for code, rule in load().rules_by_code.items():
            if page.locator(f"[name='{code}']").count():
                choose(page, code, "yes" if rule.raised_by == "no" else "no")
        self.look(self.clinician, form)
        page.get_by_role("button", name="Keep the answers and screen").click()
        page.wait_for_url("**/screening/**")
        self.look(self.clinician, f"screening-after-{form}")

    def plan(self, patient: Patient) -> str:
        page = self.clinician.open(f"/patients/{patient.ref}/plans/new/")
        self.look(self.clinician, "proposal")
        page.get_by_role("button", name="Keep as a draft").click()
        page.wait_for_url(re.compile(r"/plans/[0-9a-f-]{36}/$"))
        course = page.url
        page.get_by_role("button", name=re.compile("Submit")).click()
        page.get_by_role("link", name="Ask for the consent").click()
        self.look(self.clinician, "consent")
        page.fill("[name=typed_name]", "Zoë Sørensen")
        page.get_by_role("button", name="Sign and keep").click()
        page.goto(course)
        page.get_by_role("button", name=re.compile("Activate")).click()
        page.get_by_text("Active", exact=True).first.wait_for()
        self.look(self.clinician, "course-active")
        return course

    def book(self, course: str, number: int, *, shot: str) -> Appointment:
        page = self.desk.page
        page.goto(course)
        page.get_by_role("link", name=f"Book session {number}").click()
        page.locator("label.slot").first.click()
        self.look(self.desk, shot)
        page.locator("form[method=post] button[type=submit].btn-primary").last.click()
        page.wait_for_url(lambda url: "/book/" not in url)
        return Appointment.objects.get(planned_session__number=number, status="booked")

    def arrive(self, visit: Appointment) -> None:
        page = self.desk.open(f"/today/?visit={visit.ref}")
        self.look(self.desk, "today")
        page.get_by_role("button", name=re.compile("Arrived")).first.click()
        page.wait_for_load_state()
        self.look(self.desk, "today-arrived")

    def treat(self, visit: Appointment) -> None:
        page = self.clinician.open(f"/visits/{visit.ref}/session/")
        self.look(self.clinician, "before-the-session")
        for change in page.locator("form input[type=checkbox]").all():
            change.check()
        page.get_by_role("button", name="Open the session").click()
        page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/"))
        self.look(self.clinician, "chair-check")
        session = page.url.partition("?")[0]
        for zone in ("cheek", "chin"):
            page.goto(f"{session}?step=treat&zone={zone}")
            page.locator("label:has([name=depth]:not([value=other]):not([disabled]))").first.click()
            choose(page, "passes", "4")
            choose(page, "endpoint", "erythema")
            page.locator("button[form=zone-form]").click()
            page.wait_for_load_state()
        page.goto(f"{session}?step=treat")
        self.look(self.clinician, "chair-treat")
        cartridge = page.locator("#cartridge")
        cartridge.locator("[name=lot]").select_option(index=1)
        cartridge.get_by_role("button", name="Keep cartridge").click()
        page.goto(f"{session}?step=note")
        page.fill("#note-form textarea", "Even redness after four passes. Tolerated well.")
        page.locator("button[form=note-form]").click()
        page.wait_for_url("**step=finish**")
        self.look(self.clinician, "chair-finish")
        for tick in page.locator("#finish-form input[type=checkbox]").all():
            tick.check()
        page.get_by_role("button", name="Complete and sign").click()
        page.wait_for_url(session)
        self.look(self.clinician, "session-signed")

    def read_the_mail(self) -> None:
        page = self.manager.open("/mailbox/")
        self.look(self.manager, "mailbox")
        for link in page.locator("main a[href^='/mailbox/']").all():
            page.goto(self.manager.base_url + link.get_attribute("href"))
            if "999" in page.content():
                self.look(self.manager, "aftercare-mail")
                return
            page.goto(f"{self.manager.base_url}/mailbox/")
        raise AssertionError("the aftercare mail is not in the mailbox")


def test_one_patient_from_registration_to_aftercare(
    visitors, worker, clinic, desk_member, clinician_member, manager_member
):
    journey = Journey(
        desk=visitors().sign_in_by_form(desk_member),
        clinician=visitors("tablet").sign_in(clinician_member),
        manager=visitors(dark=True).sign_in(manager_member),
    )
    patient = journey.register()
    journey.find()
    journey.assess(patient)
    journey.ask(patient, "full-form")
    course = journey.plan(patient)

    first = journey.book(course, 1, shot="book-first")
    assert first.day == factories.TODAY
    journey.arrive(first)
    journey.ask(patient, "day-form")
    journey.treat(first)

    first.refresh_from_db()
    assert first.status == "done"
    aftercare = Message.objects.get(kind="aftercare_now")
    wait_until(lambda: Message.objects.get(pk=aftercare.pk).state == State.SENT, what="aftercare mail sent")
    journey.read_the_mail()

    second = journey.book(course, 2, shot="book-second")
    reminders = Message.objects.filter(about=second.ref, kind__startswith="visit_reminder")
    assert set(reminders.values_list("state", flat=True)) == {State.DUE}
    assert reminders.count() == 2
    journey.desk.open(f"/messages/?on={clock.local(reminders.first().send_at, clinic).date()}")
    journey.look(journey.desk, "messages")

    page = journey.desk.open(f"/visits/{second.ref}/cancel/")
    page.fill("[name=reason]", "Patient asked to")
    journey.look(journey.desk, "cancel")
    page.locator(
        "form[method=post] button[type=submit].btn-primary, form[method=post] button[type=submit].btn-danger"
    ).last.click()
    page.wait_for_url(lambda url: "/cancel/" not in url)
    assert set(reminders.values_list("state", flat=True)) == {State.CANCELLED}
    journey.desk.open("/worklists/")
    journey.look(journey.desk, "worklists")

    assert journey.violations == []
