"""A whole course in three presses, looked at in every width; what the page says while the times are held."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.courses.test_booking import booked
from treatments.appointments import services as diary
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_four_visits_are_booked_in_three_presses(visitors, desk_member, prescriber_member, active_plan):
    visitor = visitors().sign_in(desk_member)
    page = visitor.open(reverse("treatments:course", args=[active_plan.ref]))

    page.get_by_role("link", name="Book them all").click()
    expect(page.get_by_role("heading", name="On target throughout")).to_be_visible()
    assert wrong_in_every_view(visitor, "sets") == []
    page.get_by_role("button", name=re.compile("^Hold this")).first.click()

    clock = page.get_by_role("timer")
    shown = clock.inner_text()
    expect(clock).not_to_have_text(shown)
    assert wrong_in_every_view(visitor, "held") == []
    page.get_by_role("button", name="Book all four").click()

    expect(page.locator("#toasts")).to_contain_text("All four visits are booked")
    visitor.shoot("booked")
    assert Appointment.objects.filter(planned_session__plan=active_plan, status="booked").count() == 4


def test_one_time_is_swapped_and_the_wishes_stay(visitors, desk_member, prescriber_member, active_plan):
    visitor = visitors().sign_in(desk_member)
    page = visitor.open(reverse("treatments:book_course", args=[active_plan.ref]) + "?weekdays=2&weekdays=4")
    expect(page.get_by_text("Tue or Thu")).to_be_visible()
    page.get_by_role("link", name="Session 2").first.click()
    expect(page.get_by_role("heading", name="Another time for session 2")).to_be_visible()
    visitor.shoot("swap-desk-light")
    assert visitor.axe() == []
    page.locator("#swap a.slot").first.click()
    expect(page.get_by_role("heading", name="Your own set")).to_be_visible()
    expect(page.get_by_text("Tue or Thu")).to_be_visible()
    page.get_by_text("any time").click()
    page.get_by_label("Not before").fill("15:00")
    page.get_by_label("Not after").fill("09:00")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("This is before the time it may begin")).to_be_visible()
    visitor.shoot("refused-desk-light")
    assert visitor.axe() == []


def test_escape_lets_go(visitors, desk_member, active_plan):
    page = visitors().sign_in(desk_member).open(reverse("treatments:book_course", args=[active_plan.ref]))
    page.get_by_role("button", name=re.compile("^Hold this")).first.click()
    expect(page.get_by_role("timer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("timer")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Hold this")).first).to_be_visible()


def test_what_moves_with_a_visit_is_read_and_then_done(visitors, desk_member, active_plan, booked_course):
    place = diary.place_of(booked_course[1])
    later = replace(place, day=place.day + timedelta(days=20), device=None)
    visitor = visitors().sign_in(desk_member)
    page = visitor.open(f"{reverse('treatments:rearrange', args=[booked_course[1].ref])}?to={value_of(later)}")
    expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
    assert wrong_in_every_view(visitor, "rearrange") == []
    page.get_by_role("button", name="Move sessions 2 and 3").click()
    expect(page.locator("#toasts")).to_contain_text("Two visits are moved")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Back as before: two visits")
    assert list(booked(active_plan).values_list("day", flat=True)) == [visit.day for visit in booked_course]
