"""A passkey from adding it to signing in with it, with the browser's own virtual authenticator, under the strict policy."""

import re

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def finger_of(page: Page) -> CDPSession:
    """A sensor that knows its owner. It lives as long as this session of the developer tools."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    sensor = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": sensor})
    return tools


def test_a_passkey_is_added_and_opens_the_clinic_and_no_page_breaks_the_policy(visitors, desk_member):
    """`visitors` fails on every violation of the policy, every script error and every 500."""
    who = visitors().sign_in_by_form(desk_member)
    page = who.page
    tools = finger_of(page)
    who.open("/accounts/2fa/webauthn/add/")
    # What guards the account is changed only by who knows the password.
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/webauthn/add/**")
    page.get_by_label("Name").fill("Front desk tablet")
    if (passwordless := page.get_by_label(re.compile("passwordless", re.I))).count():
        passwordless.check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: "/add/" not in url)
    who.open("/accounts/2fa/webauthn/")
    page.get_by_role("row", name="Front desk tablet Passkey").wait_for()
    assert who.axe() == []

    page.context.clear_cookies()
    who.open("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/today/**")

    # The same key as the second factor after the password, and again before what guards the account is changed.
    page.context.clear_cookies()
    who.open("/accounts/login/")
    page.fill("input[name=login]", desk_member.user.email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    assert who.axe() == []
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.wait_for_url("**/today/**")
    who.open("/accounts/2fa/webauthn/reauthenticate/?next=/accounts/2fa/webauthn/")
    assert who.axe() == []
    page.get_by_role("button", name="Use a passkey or security key").click()
    expect(page.get_by_role("row", name="Front desk tablet Passkey")).to_be_visible()
    tools.detach()
