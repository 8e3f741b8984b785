"""A visit that cannot be on its day is seen in the week before anybody opens it."""

from datetime import time

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import WIDTHS, show_in
from tests.treatments.today.test_week_refusals import TOMORROW, stopped_in_the_autumn

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FINGER_PX = 48


def test_a_refused_visit_has_its_shape_its_glyph_and_its_words(visitors, desk_member, active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TOMORROW, at=time(11))
    stopped_in_the_autumn(active_plan.patient)
    page = visitors().sign_in(desk_member).open("/calendar/")
    card = page.locator(f"#visit-{visit.ref}")
    expect(card).to_contain_class("held")
    expect(card.locator("svg.stop")).to_be_visible()
    assert "1/4 · not before 19 Mar" in card.get_attribute("aria-label")
    # Where there is little room her name has a line of its own and is not cut.
    show_in(page, WIDTHS["tablet"], dark=True)
    assert card.locator("b").evaluate("name => name.scrollWidth <= name.clientWidth")
    assert card.bounding_box()["height"] >= FINGER_PX
