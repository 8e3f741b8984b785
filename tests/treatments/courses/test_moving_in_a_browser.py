"""The ruler is a thing to take hold of: by hand and by key, with the server's word in the tray before anything is saved."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import VIEWS
from tests.treatments.courses.test_booking import best, booked
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.offers import value_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_a_block_moves_by_keys_and_by_hand_and_is_put_back_or_accepted(
    visitors, desk_member, prescriber_member, active_plan, width, dark
):
    made = services.book_all(plan=active_plan, places=best(active_plan), by=desk_member.user)
    before = [visit.day for visit in made]
    visitor = visitors(width, dark=dark).sign_in(prescriber_member)
    page = visitor.open(reverse("treatments:course", args=[active_plan.ref]))
    name = f"{width}-{'dark' if dark else 'light'}"
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
    visitor.shoot(f"tray-{name}")
    assert visitor.axe() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.keyboard.press("Escape")
    expect(tray).to_have_count(0)
    expect(block).to_be_focused()
    expect(page.locator("#course-sessions .changed")).to_have_count(0)
    assert list(booked(active_plan).values_list("day", flat=True)) == before

    for _ in range(3):
        page.keyboard.press("PageDown")
    expect(tray).to_contain_text("at least 28 days lie between two sessions")
    visitor.shoot(f"below-the-floor-{name}")
    assert visitor.axe() == []
    page.keyboard.press("Escape")
    expect(tray).to_have_count(0)

    block = page.get_by_role("slider", name="Session 3")
    block.scroll_into_view_if_needed()
    box, scale = block.bounding_box(), page.evaluate(DAY_ON_SCREEN)
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 10 + 3 * scale, box["y"] + box["height"] / 2, steps=3)
    page.mouse.move(box["x"] + 10 + 7 * scale, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    expect(tray).to_contain_text("Tue 8 Jun")
    page.get_by_role("button", name="Move session 3").click()
    expect(page.locator("#toasts")).to_contain_text("One visit is moved")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Back as before")
    assert list(booked(active_plan).values_list("day", flat=True)) == before


DAY_ON_SCREEN = """(() => {
    const ruler = document.querySelector("[data-ruler]");
    return Number(ruler.dataset.dayPx) * ruler.getBoundingClientRect().width / ruler.viewBox.baseVal.width;
})()"""


def test_enter_on_the_block_accepts_what_the_tray_says(visitors, desk_member, active_plan):
    made = services.book_all(plan=active_plan, places=best(active_plan), by=desk_member.user)
    page = visitors().sign_in(desk_member).open(reverse("treatments:course", args=[active_plan.ref]))
    page.get_by_role("slider", name="Session 3").focus()
    page.keyboard.press("PageUp")
    expect(page.get_by_role("button", name="Move session 3")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("One visit is moved")
    assert list(booked(active_plan).values_list("day", flat=True))[2] == made[2].day + timedelta(days=7)


@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_what_follows_a_cancelled_visit_and_a_time_taken_on_purpose_are_read_first(
    visitors, desk_member, prescriber_member, active_plan, clinic, width, dark
):
    made = services.book_all(plan=active_plan, places=best(active_plan), by=desk_member.user)
    visitor = visitors(width, dark=dark).sign_in(prescriber_member)
    name = f"{width}-{'dark' if dark else 'light'}"

    def look(what: str) -> None:
        visitor.shoot(f"{what}-{name}")
        assert visitor.axe() == []
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page = visitor.open(reverse("treatments:cancel_visit", args=[made[1].ref]))
    page.get_by_label("Why").fill("On holiday")
    page.get_by_role("button", name="Cancel the visit").click()
    expect(page.get_by_role("heading", name="What follows for the course?")).to_be_visible()
    look("follows")
    page.get_by_role("button", name="Book session 2", exact=False).first.click()
    expect(page.locator("#toasts")).to_contain_text("One visit is booked")

    other = factories.make_patient(clinic, given_name="Maja", family_name="Ek")
    place = diary.place_of(made[2])
    query = urlencode({"at": value_of(place)})
    page = visitor.open(f"{reverse('treatments:book_visit_beside', args=[other.ref])}?{query}")
    expect(page.get_by_text("In the way at that time")).to_be_visible()
    page.get_by_role("button", name="Book it anyway").click()
    expect(page.get_by_text("Say why this visit may stand beside another.", exact=True)).to_be_visible()
    look("beside")
    page.get_by_label("Why").fill("Mother and daughter come together")
    page.get_by_role("button", name="Book it anyway").click()
    expect(page.locator("#toasts")).to_contain_text("over another visit, with the reason")
    page.goto(f"{visitor.base_url}{reverse('treatments:visit', args=[other.appointments.get().ref])}")
    expect(page.get_by_text("On purpose: Mother and daughter come together")).to_be_visible()

    query = urlencode({"done_by": (made[0].day + timedelta(days=60)).isoformat()})
    fresh = factories.make_active_plan(other)
    page = visitor.open(f"{reverse('treatments:book_course', args=[fresh.ref])}?{query}")
    expect(page.get_by_role("link", name="Look without wishes")).to_be_visible()
    look("nothing-fits")
