"""She asks for another time on a telephone, and the desk moves the visit there."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.patients.links.made import a_token
from treatments.appointments.by_patient.models import MoveRequest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def visit(active_plan):
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=10))


def test_she_asks_changes_her_mind_and_the_desk_moves_it(visitors, visit, desk_member):
    her = visitors("phone")
    page = her.open(f"/my/{a_token(visit.patient, 'visit', about=visit.ref)}/")
    page.get_by_role("link", name="Ask for another time").click()
    expect(page.get_by_role("heading", name="Another time?")).to_be_visible()
    assert wrong_in_every_view(her, "move", axe_on_phone=True) == []
    page.get_by_role("button", name="Ask for another time").click()
    expect(page.get_by_text("Choose a time, or tell us when it would suit you.").first).to_be_visible()
    assert wrong_in_every_view(her, "move-refused", axe_on_phone=True) == []
    times = page.locator("input[name=starts]")
    expect(times).to_have_count(6)
    times.first.focus()
    page.keyboard.press("Space")
    page.get_by_text("Monday", exact=True).click()
    page.get_by_role("button", name="Ask for another time").click()
    expect(page.get_by_role("heading", name="You asked for another time")).to_be_visible()
    assert wrong_in_every_view(her, "move-asked", axe_on_phone=True) == []
    page.get_by_role("link", name="Back to your visit").click()
    expect(page.get_by_text("We call you. Until then your visit stays as it is.")).to_be_visible()
    assert wrong_in_every_view(her, "visit-asked", axe_on_phone=True) == []

    desk = visitors().sign_in(desk_member)
    theirs = desk.open("/today/")
    theirs.locator("#calls").get_by_text("Asked for another time").first.wait_for()
    theirs.locator("#calls").get_by_role("link", name="Leila Haddad").first.click()
    expect(theirs.get_by_role("heading", name="Asked for another time")).to_be_visible()
    assert wrong_in_every_view(desk, "move-request", axe_on_phone=True) == []
    theirs.get_by_role("link", name="Move there").first.click()
    theirs.get_by_role("button", name="Move session 1").first.click()
    theirs.wait_for_load_state()
    request = MoveRequest.objects.get()
    assert request.ended_because == "moved"
    visit.refresh_from_db()
    assert visit.during.lower == request.wished_starts[0]
    page.reload()
    expect(page.get_by_role("heading", name="Will you come?")).to_be_visible()


def test_who_asks_too_late_is_asked_to_call(visitors, visit, later):
    later(visit.during.lower - factories.NOW - timedelta(hours=20))
    her = visitors("phone")
    page = her.open(f"/my/{a_token(visit.patient, 'visit', about=visit.ref)}/")
    expect(page.get_by_role("link", name="Ask for another time")).to_have_count(0)
    her.open("/my/visit/move/")
    expect(page.get_by_role("heading", name="Please call us")).to_be_visible()
    assert wrong_in_every_view(her, "move-call", axe_on_phone=True) == []
