"""The calendar's page as people meet it: the address appears once, works, and is given up."""

import pytest
from playwright.sync_api import expect

from clinic.roles import Role
from tests import factories
from tests.fixtures.browser import VIEWS
from treatments.appointments.feeds import services

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/calendar/feeds/"


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_address_is_made_read_replaced_and_given_up(visitors, clinic, patient, clinician_member):
    """A manager who treats sees her own calendar and everybody's."""
    factories.make_visit_today(patient)
    services.make_address(membership=clinician_member, by=clinician_member.user)
    boss = factories.make_member(clinic, Role.MANAGER, Role.CLINICIAN, name="Mara Quist")
    addresses = []
    for width, dark in VIEWS:
        visitor = visitors(width, dark=dark).sign_in(boss)
        page = visitor.open(PAGE)
        if addresses:
            page.get_by_role("button", name="Make a new address").click()
            page.get_by_role("button", name="Make it").click()
        else:
            page.get_by_role("button", name="Make an address").click()
        field = page.locator("#address")
        expect(field).to_be_visible()
        assert visitor.axe() == []
        assert fits(page)
        visitor.shoot(f"made-{width}")
        addresses.append(field.inner_text().replace("http://localhost:8000", visitor.base_url))
        page.get_by_role("link", name="I have copied it").click()
        expect(page.get_by_role("heading", name="Everybody else’s")).to_be_visible()
        assert fits(page)
        visitor.shoot(f"page-{width}")
    assert visitor.axe() == []
    assert [page.request.get(address).status for address in addresses] == [404, 404, 200]
    page.get_by_role("button", name="Give up the address of Noor Adeyemi").click()
    expect(page.locator("#toasts")).to_contain_text(
        "The calendar of Noor Adeyemi can no longer be read at its address."
    )
    visitor.shoot("given-up")
