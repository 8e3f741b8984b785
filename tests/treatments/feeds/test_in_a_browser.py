"""The calendar's page as people meet it: the address appears once, works, and is given up."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from clinic.roles import Role
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from treatments.appointments.feeds import services

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/calendar/feeds/"


def address_on(page) -> str:
    """The path of the address that is shown; what stands before it is the clinic's own name in the network."""
    shown = page.locator("#address")
    expect(shown).to_be_visible()
    return shown.inner_text().removeprefix("http://localhost:8000")


@pytest.mark.browser
def test_an_address_is_made_read_replaced_and_given_up(visitors, clinic, patient, clinician_member):
    """A manager who treats sees her own calendar and everybody's."""
    factories.make_visit_today(patient)
    services.make_address(membership=clinician_member, by=clinician_member.user)
    boss = factories.make_member(clinic, Role.MANAGER, Role.CLINICIAN, name="Mara Quist")
    visitor = visitors().sign_in(boss)
    page = visitor.open(PAGE)
    page.get_by_role("button", name="Make an address").click()
    first = address_on(page)
    assert wrong_in_every_view(visitor, "made") == []
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("heading", name="Everybody else’s")).to_be_visible()
    assert wrong_in_every_view(visitor, "page") == []
    page.get_by_role("button", name="Make a new address").click()
    page.get_by_role("button", name="Make it").click()
    second = address_on(page)
    page.get_by_role("link", name="I have copied it").click()
    assert [page.request.get(visitor.base_url + path).status for path in (first, second)] == [404, 200]
    page.get_by_role("button", name="Give up the address of Noor Adeyemi").click()
    expect(page.locator("#toasts")).to_contain_text(
        "The calendar of Noor Adeyemi can no longer be read at its address."
    )
    visitor.shoot("given-up")


@pytest.mark.browser
def test_the_address_is_copied_by_key_and_that_is_said(visitors, clinician_member):
    visitor = visitors().sign_in(clinician_member)
    page = visitor.open(PAGE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Make an address").click()
    copy = page.get_by_role("button", name="Copy the address")
    said = page.get_by_role("status").filter(has_text="Copied")
    expect(said).to_have_count(0)
    copy.focus()
    page.keyboard.press("Enter")
    expect(said).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#address").inner_text()
    # Where the browser keeps its clipboard to itself, the address is marked to be copied by hand.
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not here')); }")
    page.keyboard.press("Enter")
    expect(page.locator("#copied")).to_have_text("Not copied. It is marked now: copy it by hand.")
    assert page.evaluate("getSelection().toString().trim()") == page.locator("#address").inner_text()


def test_without_scripts_there_is_no_button_that_does_nothing(clinician):
    page = clinician.post(reverse("treatments:feed_make")).content.decode()
    assert 'data-copies="address" data-says="copied" hidden' in page
    assert 'class="form-control user-select-all' in page
