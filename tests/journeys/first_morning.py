"""The steps of a clinic's first morning: a manager sets it up through its pages, and whoever she has invited begins."""

import re

from playwright.sync_api import Page

from clinic.mailbox import MailStore
from tests.fixtures.browser import Visitor, wait_until
from tests.journeys.walking import Eyes, fill, go, press

PASSWORDS = {
    "mara@elmroad.example": "quiet-bone-and-fig",
    "tess@elmroad.example": "seven-lamps-on-a-quay",
    "ines@elmroad.example": "slow-heron-and-slate",
}


class FirstMorning:
    def __init__(self, eyes: Eyes, mailbox: MailStore) -> None:
        self.eyes, self.mailbox = eyes, mailbox

    # ── A manager alone ───────────────────────────────────────────────────────

    def open_the_clinic(self, mara: Visitor, email: str) -> None:
        page = mara.open("/")
        fill(
            page,
            name="Elm Road Clinic",
            reply_to="desk@elmroad.example",
            phone="020 7946 0100",
            urgent_phone="020 7946 0142",
            emergency_number="999",
            weekday_6="09:00 to 12:00",
            manager_name="Mara Quist",
            manager_email=email,
            password="mara",  # too short
        )
        page.get_by_role("button", name="Set up the clinic").click()
        page.get_by_text("too short").first.wait_for()
        assert page.input_value("[name=weekday_6]") == "09:00 to 12:00"
        fill(page, password=PASSWORDS[email])
        press(page, "Set up the clinic")
        self.sign_in(mara, email)
        page.wait_for_url("**/settings/getting-started/")
        self.eyes.look(mara, "getting-started")

    def list_what_is_used(self, mara: Visitor) -> None:
        """A second room, a device by its label, a cartridge lot, a numbing cream, a gel: each from the line that asks for it."""
        page = self.line(mara, "rooms")
        page.get_by_role("link", name="Add a room").click()
        fill(page, name="Room 2", short_name="R2")
        press(page, "Add the room")
        page = self.line(mara, "device")
        page.get_by_role("link", name="Add a device").click()
        fill(page, name="NP-2 pen", face="1.5", neck="1.5", body="2.0")
        page.locator("[name=indications][value=acne_scar_face]").check()
        press(page, "Add the device")
        page = self.line(mara, "lot")
        page.get_by_role("link", name="Add a lot").first.click()
        fill(page, lot="MP36-2611B", expires_on="2029-11-30", needles="12", received="20")
        press(page, "Add the lot")
        page = self.line(mara, "numbing")
        page.get_by_role("region", name="Numbing products").get_by_role("link", name="Add a product").click()
        fill(page, name="Lidocaine 4 %", actives="lidocaine 4", contact_minutes="30", max_contact_minutes="60")
        press(page, "Add the numbing product")
        page = self.line(mara, "products")
        page.get_by_role("link", name="Add a product").first.click()
        fill(page, name="Hyaluronic gel", maker="Plainwater")
        press(page, "Add the product")
        page = self.line(mara, "consent")
        self.eyes.look(mara, "consent-texts")

    def line(self, mara: Visitor, code: str) -> Page:
        """The page to which a line of Getting started leads."""
        page = mara.open("/settings/getting-started/")
        go(page, page.locator(f"#{code}").get_by_role("link"))
        return page

    def invite(self, mara: Visitor, name: str, email: str, role: str, **details: str) -> None:
        """`details`: title and licence of somebody who sees patients; nobody else has them here."""
        page = mara.open("/settings/people/invitations/")
        page.get_by_role("link", name="Invite somebody").first.click()
        fill(page, full_name=name, email=email, **details)
        page.locator(f"[name=roles][value={role}]").check()
        if details:
            page.locator("[name=sees_patients]").check()
        press(page, "Send the invitation")

    def send_a_test_mail(self, mara: Visitor, email: str) -> None:
        page = mara.open("/settings/getting-started/")
        page.get_by_role("button", name="Send a test mail").click()
        wait_until(lambda: self.mails_for(email), what="the test mail")

    def set_hours(self, mara: Visitor, name: str) -> None:
        page = mara.open("/settings/")
        page.get_by_role("link", name=name).click()
        page.get_by_role("region", name="Weekly hours").get_by_role("link", name="Change").click()
        fill(page, weekday_6="")
        press(page, "Save the hours")
        assert page.get_by_role("region", name="Weekly hours").get_by_text("not in").count() == 2

    # ── Whoever was invited ───────────────────────────────────────────────────

    def accept(self, who: Visitor, email: str) -> None:
        page = who.open(self.link_for(email))
        assert page.url.endswith("/invitation/")
        self.eyes.look(who, "accept")
        fill(page, password=PASSWORDS[email])
        press(page, "Begin")
        self.sign_in(who, email)
        page.wait_for_url("**/today/**")
        page.get_by_role("heading", level=1).wait_for()
        self.eyes.look(who, f"today-{email.partition('@')[0]}")

    def sign_in(self, who: Visitor, email: str) -> None:
        who.page.fill("[name=login]", email)
        who.page.fill("[name=password]", PASSWORDS[email])
        who.page.get_by_role("button", name="Sign in", exact=True).click()

    def answer_for_it(self, ines: Visitor) -> None:
        """The prescriber signs the protocol, led there by Today, and lets the gel on needled skin."""
        page = ines.open("/today/")
        page.get_by_role("link", name="Read and sign the protocol").click()
        page.get_by_role("button", name=re.compile("^Sign protocol")).click()
        page.get_by_role("button", name="Sign it").click()
        page.locator("#toasts").get_by_text("Protocol signed for this clinic.").wait_for()
        self.eyes.look(ines, "protocol-signed")
        page = ines.open("/settings/equipment/products/")
        page.get_by_role("link", name=re.compile("^Approve")).click()
        press(page, "Approve it")

    def link_for(self, email: str) -> str:
        """From the mail that arrived: the path alone, as the tests' server has another address than the mail names."""
        wait_until(lambda: self.mails_for(email), what=f"a mail for {email}")
        (mail,) = self.mails_for(email)
        return re.search(r"https?://[^/\s]+(/invitation/\S+)", mail.text).group(1)

    def mails_for(self, email: str) -> list:
        return [mail for mail in self.mailbox.new() if email in mail.recipients]
