"""The line of wishes under a finger and under the keys, and the tray where there is little room."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.fixtures.browser import WIDTHS, overflow, show_in
from tests.treatments.courses.test_booking import best, url
from treatments.appointments.courses import services
from treatments.appointments.courses.models import CourseHold

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FINGER_PX = 48
# Height of each summary, select and button of the line; those of a desk are smaller on purpose.
HEIGHTS = """() => [...document.querySelectorAll(".ask-line :is(summary, select, .btn)")].map(one => one.closest(".pick") ?? one)
    .map(one => Math.round(one.getBoundingClientRect().height))"""
MIDDLES = """() => [...document.querySelectorAll(".ask-line :is(.pick)")].map(pick => {
    const own = pick.querySelector("summary, select").getBoundingClientRect(), box = pick.getBoundingClientRect();
    return Math.abs(own.top + own.height / 2 - box.top - box.height / 2);
})"""


def test_escape_closes_a_wish_before_it_lets_go_of_what_is_held(visitors, desk_member, active_plan):
    services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)
    page = visitors().sign_in(desk_member).open(url(active_plan))
    wishes = page.locator("details.pick[open]")

    page.get_by_text("any time").click()
    page.get_by_text("the first day").click()
    expect(wishes).to_have_count(1)  # one at a time
    page.keyboard.press("Escape")
    expect(wishes).to_have_count(0)
    expect(page.locator("summary", has_text="the first day")).to_be_focused()

    page.get_by_text("any time").click()
    page.get_by_label("Not before").focus()
    page.keyboard.press("Escape")
    expect(wishes).to_have_count(0)
    expect(page.get_by_role("timer")).to_be_visible()
    assert CourseHold.objects.exists()

    page.keyboard.press("Escape")
    expect(page.locator("#toasts")).to_contain_text("The times are free again")
    assert not CourseHold.objects.exists()


def test_every_wish_opens_within_the_window_and_is_large_enough_for_a_finger(visitors, desk_member, active_plan):
    visitor = visitors().sign_in(desk_member)
    page = visitor.open(url(active_plan))
    for width, dark in (("desk", False), ("tablet", True), ("phone", False)):
        show_in(page, WIDTHS[width], dark=dark)
        visitor.shoot(f"wishes-{width}")
        if width != "desk":
            assert min(page.evaluate(HEIGHTS)) >= FINGER_PX, (width, page.evaluate(HEIGHTS))
            assert max(page.evaluate(MIDDLES)) <= 2, (width, page.evaluate(MIDDLES))
        for number, summary in enumerate(page.locator("details.pick > summary").all()):
            summary.click()
            box = page.locator("details.pick[open] > div")
            expect(box).to_have_count(1)
            expect(box).to_be_in_viewport(ratio=1)
            assert overflow(page) <= 0, (width, summary.inner_text())
            visitor.shoot(f"wish-{number}-{width}")
            typed = box.locator("input:not([type=checkbox])")
            edges = typed.evaluate_all("all => all.map(one => getComputedStyle(one).borderTopWidth)")
            assert set(edges) <= {"1px"}
            page.locator(".ask-line").click(position={"x": 3, "y": 3})  # a tap beside it
            expect(page.locator("details.pick[open]")).to_have_count(0)


def test_the_tray_leaves_the_course_to_be_seen_and_nothing_in_it_lies_on_anything(
    visitors, prescriber_member, active_plan, booked_course
):
    visitor = visitors("tablet", dark=True).sign_in(prescriber_member)
    page = visitor.open(reverse("treatments:course", args=[active_plan.ref]))
    page.get_by_role("slider", name="Session 2").focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    tray = page.get_by_role("region", name="Proposed change")
    expect(tray).to_contain_text("Session 4")
    # A third way to go on, as where more than one session has to move.
    page.evaluate("""() => {
        const other = document.querySelector("#tray .acts > a").cloneNode(true);
        other.textContent = "Shift all that follow";
        document.querySelector("#tray .acts > a").after(other);
    }""")
    for size in (820, 1180), (1100, 800), (390, 844):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        visitor.shoot(f"tray-{size[0]}")
        box, words, acts = (tray.locator(part).bounding_box() for part in (":scope > div:first-child", "dl", ".acts"))
        assert box["y"] + box["height"] <= words["y"]
        assert words["y"] + words["height"] <= acts["y"]
        assert tray.bounding_box()["height"] <= 0.7 * size[1] + 1
        assert tray.locator("dd").first.bounding_box()["width"] >= 0.5 * size[0]


def test_no_half_of_a_date_stands_out_under_the_block_that_covers_it(
    visitors, prescriber_member, active_plan, booked_course
):
    page = visitors().sign_in(prescriber_member).open(reverse("treatments:course", args=[active_plan.ref]))
    tray = page.get_by_role("region", name="Proposed change")
    former = page.locator("[data-ruler] text.old")
    page.get_by_role("slider", name="Session 4").focus()
    page.keyboard.press("ArrowRight")
    expect(tray).to_contain_text("Session 4")
    expect(former).to_have_count(1)
    expect(former).to_be_hidden()
    # The control: far enough away the date it had is read.
    for _ in range(4):
        page.keyboard.press("PageUp")
    expect(former).to_be_visible()


def test_a_room_keeps_its_name_in_one_line_and_everything_pressed_on_a_tablet_is_for_a_finger(visitors, desk_member):
    visitor = visitors("tablet", dark=True).sign_in(desk_member)
    for path in ("/settings/", "/worklists/", "/calendar/", "/today/"):
        page = visitor.open(path)
        visitor.shoot(f"touch{re.sub('/', '-', path)}tablet")
        small = page.evaluate(
            """px => [...document.querySelectorAll("main :is(.btn, .form-control, .form-select, .seg a, .field)")]
                .filter(one => one.checkVisibility() && one.getBoundingClientRect().height < px)
                .map(one => `${one.textContent.trim() || one.name} ${one.getBoundingClientRect().height}`)""",
            FINGER_PX,
        )
        assert small == [], path
        assert overflow(page) <= 0
    # On Today the print button stands in the line of the title.
    title, button = (page.locator(part).bounding_box() for part in ("h1", ".topbar .btn-icon >> nth=-1"))
    assert button["y"] < title["y"] + title["height"]


def test_the_steps_of_a_visit_stand_apart_from_the_line_above(visitors, desk_member, booked_course):
    page = visitors().sign_in(desk_member).open(reverse("treatments:visit", args=[booked_course[0].ref]))
    steps = page.locator(".steps-mini")
    above = page.evaluate("document.querySelector('.steps-mini').previousElementSibling.getBoundingClientRect().bottom")
    assert steps.bounding_box()["y"] - above >= 8
