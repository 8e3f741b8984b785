"""The ruler is a thing to take hold of: by hand and by key, with the server's word in the tray before anything is saved."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import WIDTHS, show_in, wrong_in_every_view
from tests.treatments.courses.test_booking import booked
from treatments.appointments import services as diary
from treatments.appointments.offers import value_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_block_moves_by_keys_and_by_hand_and_is_put_back_or_accepted(
    visitors, desk_member, prescriber_member, active_plan, booked_course
):
    before = [visit.day for visit in booked_course]
    visitor = visitors().sign_in(prescriber_member)
    page = visitor.open(reverse("treatments:course", args=[active_plan.ref]))
    tray = page.get_by_role("region", name="Proposed change")
    block = page.get_by_role("slider", name="Session 2")

    block.focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowRight")
    expect(tray).to_contain_text("Session 4")
    expect(tray).to_contain_text("One mail with all the dates leaves in a minute.")
    # Drawn anew by the server, and still in hand.
    expect(block).to_be_focused()
    expect(block).to_have_attribute("aria-valuetext", "moving to 5 May")
    expect(page.locator("#announcer")).to_contain_text("Session 4 stays")
    expect(page.locator("#course-sessions .changed")).to_have_count(2)
    # Only on a phone the ruler scrolls in a box of its own.
    assert wrong_in_every_view(visitor, "tray", axe_on_phone=True) == []

    page.keyboard.press("Escape")
    expect(tray).to_have_count(0)
    expect(block).to_be_focused()
    expect(page.locator("#course-sessions .changed")).to_have_count(0)
    assert list(booked(active_plan).values_list("day", flat=True)) == before

    for _ in range(3):
        page.keyboard.press("PageDown")
    expect(tray).to_contain_text("at least 28 days lie between two sessions")
    assert wrong_in_every_view(visitor, "below-the-floor") == []
    page.keyboard.press("Escape")
    expect(tray).to_have_count(0)

    drag_by_a_week(page, "Session 3")
    expect(tray).to_contain_text("Tue 8 Jun")
    page.get_by_role("button", name="Move session 3").click()
    expect(page.locator("#toasts")).to_contain_text("One visit is moved")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Back as before")
    assert list(booked(active_plan).values_list("day", flat=True)) == before

    # By hand also where a day is another width on the screen.
    show_in(page, WIDTHS["phone"], dark=False)
    page.reload()
    drag_by_a_week(page, "Session 3")
    expect(tray).to_contain_text("Tue 8 Jun")


DAY_ON_SCREEN = """(() => {
    const ruler = document.querySelector("[data-ruler]");
    return Number(ruler.dataset.dayPx) * ruler.getBoundingClientRect().width / ruler.viewBox.baseVal.width;
})()"""


def drag_by_a_week(page, session: str) -> None:
    block = page.get_by_role("slider", name=session)
    block.scroll_into_view_if_needed()
    box, day = block.bounding_box(), page.evaluate(DAY_ON_SCREEN)
    x, y = box["x"] + 10, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3 * day, y, steps=3)
    page.mouse.move(x + 7 * day, y, steps=3)
    page.mouse.up()


def test_enter_on_the_block_accepts_what_the_tray_says(visitors, desk_member, active_plan, booked_course):
    page = visitors().sign_in(desk_member).open(reverse("treatments:course", args=[active_plan.ref]))
    page.get_by_role("slider", name="Session 3").focus()
    page.keyboard.press("PageUp")
    expect(page.get_by_role("button", name="Move session 3")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("One visit is moved")
    assert list(booked(active_plan).values_list("day", flat=True))[2] == booked_course[2].day + timedelta(days=7)


def test_what_follows_a_cancelled_visit_and_a_time_taken_on_purpose_are_read_first(
    visitors, desk_member, prescriber_member, active_plan, booked_course, clinic
):
    visitor = visitors().sign_in(prescriber_member)
    page = visitor.open(reverse("treatments:cancel_visit", args=[booked_course[1].ref]))
    page.get_by_label("Why").fill("On holiday")
    page.get_by_role("button", name="Cancel the visit").click()
    expect(page.get_by_role("heading", name="What follows for the course?")).to_be_visible()
    assert wrong_in_every_view(visitor, "follows") == []
    page.get_by_role("button", name="Book session 2", exact=False).first.click()
    expect(page.locator("#toasts")).to_contain_text("One visit is booked")

    other = factories.make_patient(clinic, given_name="Maja", family_name="Ek")
    place = diary.place_of(booked_course[2])
    query = urlencode({"at": value_of(place)})
    page = visitor.open(f"{reverse('treatments:book_visit_beside', args=[other.ref])}?{query}")
    expect(page.get_by_text("In the way at that time")).to_be_visible()
    page.get_by_role("button", name="Book it anyway").click()
    expect(page.get_by_text("Say why this visit may stand beside another.", exact=True)).to_be_visible()
    assert wrong_in_every_view(visitor, "beside") == []
    page.get_by_label("Why").fill("Mother and daughter come together")
    page.get_by_role("button", name="Book it anyway").click()
    expect(page.locator("#toasts")).to_contain_text("over another visit, with the reason")
    page.goto(f"{visitor.base_url}{reverse('treatments:visit', args=[other.appointments.get().ref])}")
    expect(page.get_by_text("On purpose: Mother and daughter come together")).to_be_visible()

    query = urlencode({"done_by": (booked_course[0].day + timedelta(days=60)).isoformat()})
    fresh = factories.make_active_plan(other)
    page = visitor.open(f"{reverse('treatments:book_course', args=[fresh.ref])}?{query}")
    expect(page.get_by_role("link", name="Look without wishes")).to_be_visible()
    assert wrong_in_every_view(visitor, "nothing-fits") == []
