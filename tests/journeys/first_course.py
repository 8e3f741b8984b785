"""The steps of one patient's way from her first visit to the mail after her first session, each at the page that offers it."""

import re
from datetime import date

from playwright.sync_api import Page

from tests.fixtures.browser import Visitor
from tests.journeys.walking import Eyes, choose, fill, go, press, what_next
from treatments.protocol.catalogue import load

ZOE = "Zoë Sørensen"
ZONES = ("cheek", "chin")


class FirstCourse:
    def __init__(self, eyes: Eyes, *, desk: Visitor, clinician: Visitor, manager: Visitor) -> None:
        self.eyes = eyes
        self.desk, self.clinician, self.manager = desk, clinician, manager

    # ── The desk ──────────────────────────────────────────────────────────────

    def register(self) -> None:
        page = self.desk.open("/patients/")
        self.eyes.look(self.desk, "patients-empty")
        self.desk.open("/today/").locator("#calls").get_by_role("link", name="Register a patient").click()
        fill(
            page,
            given_name="Zoë",
            family_name="Sørensen",
            born_on="1992-06-09",
            email="zoe@post.example",
            phone="07700 900777",
        )
        for question in ("mail_allowed", "reminders_allowed"):
            page.locator(f"[name={question}][value=yes]").check()
        self.eyes.look(self.desk, "register")
        press(page, "Register")
        self.eyes.look(self.desk, "chart-new")

    def find(self) -> Page:
        page = self.desk.open("/patients/")
        page.locator("main input[type=search]").first.press_sequentially("soren zoe")
        found = page.get_by_role("link", name=re.compile(ZOE)).first
        found.wait_for()
        self.eyes.look(self.desk, "search")
        found.click()
        page.get_by_role("region", name="What next").wait_for()
        return page

    def book_the_consultation(self) -> None:
        """From the chart of whom she has just registered: the first free time."""
        page = self.desk.page
        what_next(page, "Book a consultation")
        page.locator("label.slot").first.click()
        self.eyes.look(self.desk, "book-consultation")
        press(page, "Book it")
        page.get_by_role("heading", name=ZOE).wait_for()

    def arrive(self) -> None:
        page = self.of_today(self.desk)
        self.eyes.look(self.desk, "today")
        page.get_by_role("button", name=re.compile("^Arrived")).click()
        page.get_by_role("button", name=re.compile("^In room")).wait_for()
        self.eyes.look(self.desk, "today-arrived")

    def begin_numbing(self) -> None:
        page = self.of_today(self.desk)
        page.get_by_role("button", name=re.compile("^Numbing begins")).click()
        page.get_by_text("Numbing, 0 of 30 min").first.wait_for()

    def of_today(self, who: Visitor) -> Page:
        """Her latest visit in the drawer of Today, found in the list of the day."""
        page = who.open("/today/?view=list")
        page.locator("#day-list").get_by_role("link", name=ZOE).last.click()
        page.locator("#drawer").get_by_role("heading", name=ZOE).wait_for()
        return page

    def book_the_course(self) -> None:
        page = self.find()
        go(page, page.get_by_role("region", name="What next").locator(".btn-primary"))
        self.eyes.look(self.desk, "sets-of-times")
        page.get_by_role("button", name=re.compile("^Hold this")).first.click()
        page.get_by_role("button", name=re.compile("^Book all")).click()
        page.locator("#toasts").get_by_text("visits are booked").wait_for()
        self.eyes.look(self.desk, "course-booked")

    def cancel(self, number: int) -> None:
        page = self.find()
        page.get_by_role("link", name="Course", exact=True).click()
        page.locator("#course-sessions > li").nth(number - 1).get_by_role("link", name="Move or cancel").click()
        page.get_by_role("link", name="Cancel", exact=True).click()
        fill(page, reason="Patient asked to")
        self.eyes.look(self.desk, "cancel")
        press(page, "Cancel")
        self.desk.open("/worklists/")
        self.eyes.look(self.desk, "worklists")

    # ── The clinician, at the consultation ────────────────────────────────────

    def receive(self) -> Page:
        """Into the room, and to her chart."""
        page = self.of_today(self.clinician)
        page.get_by_role("button", name=re.compile("^In room")).click()
        page.get_by_role("button", name=re.compile("^Done")).wait_for()
        return self.to_the_chart()

    def to_the_chart(self) -> Page:
        page = self.of_today(self.clinician)
        page.locator("#drawer").get_by_role("link", name="Chart", exact=True).click()
        page.get_by_role("region", name="What next").wait_for()
        return page

    def assess(self) -> None:
        page = self.clinician.page
        what_next(page, "Assess the skin")
        choose(page, "skin_type", "3")
        choose(page, "pih_history", "no")
        page.locator("details summary", has_text=load().concern("acne_scar_face").label).click()
        group = page.locator("details[open]").first
        group.locator("label:has([value=moderate])").click()
        for zone in ZONES:
            group.locator(f"[type=checkbox][value={zone}]").check()
        self.eyes.look(self.clinician, "assess")
        press(page, "Record the assessment")

    def ask(self, act: str) -> None:
        """Every question, each with the answer that raises nothing."""
        page = self.clinician.page
        what_next(page, act)
        for code, rule in load().rules_by_code.items():
            if page.locator(f"[name='{code}']").count():
                choose(page, code, "yes" if rule.raised_by == "no" else "no")
        self.eyes.look(self.clinician, "questions")
        press(page, "Keep the answers and screen")
        self.eyes.look(self.clinician, "screening")

    def plan(self, *, first_from: date) -> None:
        """Proposed, kept, submitted, signed for, active: each step where the one before it ends."""
        page = self.clinician.page
        go(page, page.get_by_role("link", name="Plan a course"))
        self.eyes.look(self.clinician, "proposal")
        fill(page, starts_on=first_from.isoformat())
        press(page, "Keep as a draft")
        go(page, page.get_by_role("button", name="Submit the plan"))
        go(page, page.get_by_role("link", name="Ask for the consent"))
        self.eyes.look(self.clinician, "consent")
        fill(page, typed_name=ZOE)
        press(page, "Sign and keep")
        go(page, page.get_by_role("button", name="Activate"))
        page.get_by_text("Active", exact=True).first.wait_for()
        self.eyes.look(self.clinician, "course-active")

    def let_go(self) -> None:
        page = self.of_today(self.clinician)
        page.get_by_role("button", name=re.compile("^Done")).click()
        page.get_by_role("button", name="Undo Done").wait_for()

    # ── The clinician, at the chair ───────────────────────────────────────────

    def open_the_session(self) -> str:
        page = self.clinician.page
        go(page, page.get_by_role("link", name="Go to the session"))
        self.eyes.look(self.clinician, "before-the-session")
        for change in page.locator("form input[type=checkbox]").all():
            change.check()
        press(page, "Open the session")
        self.eyes.look(self.clinician, "chair-check")
        return page.url.partition("?")[0]

    def chart_the_numbing(self, session: str) -> None:
        """The cream has been on since the desk said so, and comes off now."""
        page = self.clinician.page
        page.goto(f"{session}?step=treat")
        form = page.locator("#numbing")
        form.locator("[name=product]").select_option(label="Lidocaine 4 %")
        form.locator("[name=grams]").fill("3")
        form.locator("[name=area_cm2]").fill("60")
        go(page, form.get_by_role("button", name="Keep numbing"))
        go(page, form.get_by_role("button", name="Off now"))
        assert form.get_by_role("button", name="Off now").count() == 0

    def treat(self, session: str) -> None:
        page = self.clinician.page
        for zone in ZONES:
            page.goto(f"{session}?step=treat&zone={zone}")
            page.locator("label:has([name=depth]:not([value=other]):not([disabled]))").first.click()
            choose(page, "passes", "4")
            choose(page, "endpoint", "erythema")
            go(page, page.locator("button[form=zone-form]"))
        page.goto(f"{session}?step=treat")
        self.eyes.look(self.clinician, "chair-treat")
        cartridge = page.locator("#cartridge")
        cartridge.locator("[name=lot]").select_option(index=1)
        go(page, cartridge.get_by_role("button", name="Keep cartridge"))
        products = page.locator("#products")
        products.locator("[name=product]").select_option(label="Hyaluronic gel")
        products.locator("[name=product_lot]").fill("HG-77")
        products.locator("[name=product_expires_on]").fill("2028-01-31")
        go(page, products.get_by_role("button", name="Keep product"))
        products.get_by_role("button", name="Written by mistake").wait_for()

    def sign(self, session: str) -> None:
        page = self.clinician.page
        page.goto(f"{session}?step=note")
        page.fill("#note-form textarea", "Even redness after four passes. Tolerated well.")
        page.locator("button[form=note-form]").click()
        page.wait_for_url("**step=finish**")
        self.eyes.look(self.clinician, "chair-finish")
        for tick in page.locator("#finish-form input[type=checkbox]").all():
            tick.check()
        page.get_by_role("button", name="Complete and sign").click()
        page.wait_for_url(session)
        self.eyes.look(self.clinician, "session-signed")

    # ── The manager ───────────────────────────────────────────────────────────

    def read_the_aftercare(self) -> None:
        page = self.manager.open("/mailbox/")
        self.eyes.look(self.manager, "mailbox")
        for link in page.locator("main a[href^='/mailbox/']").all():
            page.goto(self.manager.base_url + link.get_attribute("href"))
            if "999" in page.content():
                self.eyes.look(self.manager, "aftercare-mail")
                return
            page.goto(f"{self.manager.base_url}/mailbox/")
        raise AssertionError("the aftercare mail is not in the mailbox")
