"""The days after a session as she meets them on a telephone, in a hand and at a desk, by day and by night."""

from datetime import datetime, time, timedelta

import pytest
from playwright.sync_api import Page, expect

from clinic import clock
from tests import factories
from tests.factories import LONDON
from tests.fixtures.browser import WIDTHS, Visitor, overflow, show_in, wrong_in_every_view
from tests.patients.links.made import a_token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def next_visit(done_session):
    planned = done_session.plan.planned_sessions.get(number=2)
    return factories.book(planned, day=planned.target_on)


def on_day(number: int, at: time = time(14)) -> None:
    clock.move_to(datetime.combine(factories.TODAY + timedelta(days=number), at, tzinfo=LONDON))


def opened(her: Visitor, session) -> Page:
    """From the address in her mail, past her date of birth, by keyboard."""
    page = her.open(f"/my/{a_token(session.patient, 'aftercare', about=session.ref)}/")
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    for label, figures in (("Day", "9"), ("Month", "6"), ("Year", "1992")):
        page.get_by_label(label, exact=True).fill(figures)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="what is normal today")).to_be_visible()
    assert page.url == f"{her.base_url}/my/aftercare/"
    return page


def dark_on_the_others(her: Visitor, name: str) -> list[str]:
    """The pairs of width and theme that the round of every test leaves out."""
    wrong = []
    for width, dark in (("phone", True), ("tablet", False), ("desk", True)):
        show_in(her.page, WIDTHS[width], dark=dark)
        her.shoot(f"{name}-{width}-{'dark' if dark else 'light'}")
        wrong += her.axe()
        if overflow(her.page) > 0:
            wrong.append(f"{name}: wider than its window at {width}")
    return wrong


def test_day_2_looks_as_it_was_drawn(visitors, done_session, next_visit):
    on_day(2)
    her = visitors("phone")
    page = opened(her, done_session)
    expect(page.get_by_role("heading", name="Call us today if you see")).to_be_visible()
    expect(page.get_by_role("link", name="Call 020 7946 0142")).to_be_visible()
    assert wrong_in_every_view(her, "aftercare-day-2", axe_on_phone=True) == []
    assert dark_on_the_others(her, "aftercare-day-2") == []
    show_in(page, WIDTHS["phone"], dark=False)
    # Every day of the strip is as large as a finger.
    boxes = [page.locator(".week a").nth(number).bounding_box() for number in range(6)]
    assert all(box["width"] >= 44 and box["height"] >= 44 for box in boxes)


def test_she_looks_at_another_day_comes_back_and_says_that_she_comes(visitors, done_session, next_visit):
    on_day(2)
    her = visitors("phone")
    page = opened(her, done_session)
    page.locator(".week a", has_text="5").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Normal on day 5")).to_be_visible()
    assert page.url.endswith("/my/aftercare/?day=5")
    assert wrong_in_every_view(her, "aftercare-day-5-ahead", axe_on_phone=True) == []
    page.get_by_role("link", name="Back to today").click()
    page.get_by_role("button", name="I will come").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("You said you will come. Thank you.")).to_be_visible()
    assert wrong_in_every_view(her, "aftercare-confirmed", axe_on_phone=True) == []
    next_visit.refresh_from_db()
    assert next_visit.status == "confirmed"


@pytest.mark.parametrize("number", [0, 1])
def test_the_first_days(visitors, done_session, next_visit, number):
    on_day(number)
    her = visitors("phone")
    page = opened(her, done_session)
    if number:
        page.get_by_text("How is your skin today? Tell us").click()
        expect(page.get_by_role("heading", name="How is your skin today?")).to_be_visible()
    assert wrong_in_every_view(her, f"aftercare-day-{number}", axe_on_phone=True) == []


def test_the_second_week_without_a_visit_and_what_is_over(visitors, done_session):
    on_day(10)
    her = visitors("phone")
    page = her.open(f"/my/{a_token(done_session.patient, 'aftercare', about=done_session.ref)}/")
    for label, figures in (("Day", "9"), ("Month", "6"), ("Year", "1992")):
        page.get_by_label(label, exact=True).fill(figures)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="what is normal now")).to_be_visible()
    expect(page.get_by_text("No visit is booked")).to_be_visible()
    assert wrong_in_every_view(her, "aftercare-week-2", axe_on_phone=True) == []
    type(done_session).objects.filter(pk=done_session.pk).update(
        status="entered_in_error", error_reason="Wrong patient"
    )
    page.reload()
    expect(page.get_by_role("heading", name="There is nothing to show here")).to_be_visible()
    assert wrong_in_every_view(her, "aftercare-over", axe_on_phone=True) == []
