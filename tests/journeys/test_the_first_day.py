"""From an empty database to a clinic with a manager, a desk and a clinician, each at her own browser; mails by a real worker."""

import re

import pytest

from clinic.mailbox import MailStore
from clinic.models import Clinic, Membership
from tests.fixtures.browser import Visitor, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.journey, pytest.mark.django_db(transaction=True)]
PASSWORDS = {
    "mara": "quiet-bone-and-fig",
    "tess": "seven-lamps-on-a-quay",
    "noor": "slow-heron-and-slate",
}


@pytest.fixture
def mailbox(settings, worker) -> MailStore:
    """What the local sink has received. Empty to begin with: the folder is the run's."""
    store = MailStore(settings.MAILBOX_DIR)
    before = {mail.key for mail in store.latest(limit=1000)}
    store.new = lambda: [mail for mail in store.latest(limit=1000) if mail.key not in before]
    return store


class Day:
    """The steps, one method each."""

    def __init__(self, mailbox: MailStore, base_url: str) -> None:
        self.mailbox, self.base_url = mailbox, base_url
        self.violations: list[str] = []

    def look(self, who: Visitor, name: str) -> None:
        who.shoot(f"first-day-{name}")
        self.violations += [f"{name}: {violation}" for violation in who.axe()]

    def set_up(self, mara: Visitor) -> None:
        page = mara.open("/")
        for name, value in {
            "name": "Elm Road Clinic",
            "reply_to": "desk@elmroad.example",
            "phone": "020 7946 0100",
            "urgent_phone": "020 7946 0142",
            "emergency_number": "999",
            "weekday_6": "09:00 to 12:00",
            "manager_name": "Mara Quist",
            "manager_email": "mara@elmroad.example",
        }.items():
            page.fill(f"[name={name}]", value)
        page.fill("[name=password]", "mara")
        page.get_by_role("button", name="Set up the clinic").click()
        page.get_by_text("too short").first.wait_for()
        assert page.input_value("[name=weekday_6]") == "09:00 to 12:00"
        page.fill("[name=password]", PASSWORDS["mara"])
        page.get_by_role("button", name="Set up the clinic").click()
        self.sign_in(mara, "mara@elmroad.example", PASSWORDS["mara"])
        page.wait_for_url("**/settings/getting-started/")
        self.look(mara, "getting-started")

    def invite(self, mara: Visitor, name: str, email: str, role: str, *, sees_patients: bool = False) -> None:
        page = mara.open("/settings/people/invite/")
        page.fill("[name=full_name]", name)
        page.fill("[name=email]", email)
        page.locator(f"[name=roles][value={role}]").check()
        if sees_patients:
            page.locator("[name=sees_patients]").check()
        page.get_by_role("button", name="Send the invitation").click()
        page.wait_for_url("**/settings/people/invitations/")

    def accept(self, who: Visitor, email: str, password: str) -> None:
        page = who.open(self.link_for(email))
        assert page.url.endswith("/invitation/")
        self.look(who, f"accept-{email.partition('@')[0]}")
        page.fill("[name=password]", password)
        page.get_by_role("button", name="Begin").click()
        page.wait_for_url("**/accounts/login/")
        self.sign_in(who, email, password)
        page.wait_for_url("**/today/**")
        page.get_by_role("heading", level=1).wait_for()
        self.look(who, f"today-{email.partition('@')[0]}")

    def sign_in(self, who: Visitor, email: str, password: str) -> None:
        who.page.fill("[name=login]", email)
        who.page.fill("[name=password]", password)
        who.page.get_by_role("button", name="Sign in", exact=True).click()

    def link_for(self, email: str) -> str:
        """From the mail that arrived: the path alone, as the tests' server has another address than the mail names."""
        wait_until(lambda: self.mails_for(email), what=f"a mail for {email}")
        (mail,) = self.mails_for(email)
        return re.search(r"https?://[^/\s]+(/invitation/\S+)", mail.text).group(1)

    def mails_for(self, email: str) -> list:
        return [mail for mail in self.mailbox.new() if email in mail.recipients]


def test_an_empty_stratum_becomes_a_clinic_with_three_people(visitors, mailbox, db, live_server):
    day = Day(mailbox, live_server.url)
    mara, tess, noor = visitors(), visitors(dark=True), visitors("tablet")
    day.set_up(mara)
    day.invite(mara, "Tess Moran", "tess@elmroad.example", "front_desk")
    day.invite(mara, "Noor Adeyemi", "noor@elmroad.example", "clinician", sees_patients=True)
    day.accept(tess, "tess@elmroad.example", PASSWORDS["tess"])
    day.accept(noor, "noor@elmroad.example", PASSWORDS["noor"])

    clinic = Clinic.objects.get()
    roles = dict(Membership.objects.values_list("user__full_name", "roles"))
    assert roles == {"Mara Quist": ["manager"], "Tess Moran": ["front_desk"], "Noor Adeyemi": ["clinician"]}
    assert clinic.memberships.get(user__full_name="Noor Adeyemi").working_hours.count() == 6
    assert len(day.mailbox.new()) == 2  # one each, however often a bell rang

    page = mara.open("/settings/people/invitations/")
    assert page.get_by_text("Accepted").count() == 2
    day.look(mara, "invitations-accepted")
    page = mara.open("/settings/getting-started/")
    assert page.locator("#staff").get_by_text("Done").count() == 1
    assert page.locator("#numbers").get_by_text("Done").count() == 1
    assert page.locator("#mail").get_by_text("Done").count() == 1
    assert day.violations == []
