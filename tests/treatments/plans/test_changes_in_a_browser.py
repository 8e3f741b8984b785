"""In a browser: a course is paused with its visits, goes on, gets shorter and longer and is replaced, at every size."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.factories import TODAY, in_days
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.plans.test_life_events import fresh, pause

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_course_is_paused_with_the_visits_inside_and_taken_back(
    visitors, active_plan, booked_course, clinician_member
):
    who = visitors().sign_in(clinician_member)
    page = who.open(reverse("treatments:course", args=[active_plan.ref]))
    page.get_by_role("link", name="Pause the course").click()
    wrong = wrong_in_every_view(who, "pause-with-visits")
    page.get_by_label("Last day of the pause").fill(booked_course[1].day.isoformat())
    page.get_by_role("button", name="Show what it does").click()
    expect(page.get_by_text("Sessions 3 and 4 are after the pause and stay")).to_be_visible()
    page.get_by_label("Session 2,").check()
    page.get_by_role("button", name="Pause the course").click()
    expect(page.get_by_text("Choose a reason.", exact=True)).to_be_visible()
    expect(page.get_by_label("Session 2,")).to_be_checked()
    wrong += wrong_in_every_view(who, "pause-refused")
    page.get_by_label("A reaction has to settle first").check()
    page.get_by_role("button", name="Pause the course").click()
    expect(page.get_by_role("heading", name="Change the course")).to_be_visible()
    wrong += wrong_in_every_view(who, "course-paused")
    page.get_by_role("link", name="Go on with the course").click()
    wrong += wrong_in_every_view(who, "resume")
    page.go_back()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.").first).to_be_visible()
    assert wrong == []
    assert fresh(active_plan).status == "active"


def test_the_other_pages_keep_the_rules_at_every_size(visitors, active_plan, booked_course, clinician_member):
    who = visitors().sign_in(clinician_member)
    wrong = []
    for name in ("course_shorten", "course_extend", "course_replace", "plan_stop"):
        who.open(reverse(f"treatments:{name}", args=[active_plan.ref]))
        wrong += wrong_in_every_view(who, name)
    page = who.open(reverse("treatments:course_replace", args=[active_plan.ref]))
    page.get_by_label("Another depth or another zone").check()
    page.get_by_role("button", name="Replace it").click()
    expect(page.get_by_text("Takes the place of an earlier course")).to_be_visible()
    wrong += wrong_in_every_view(who, "course-that-replaces")
    page.get_by_role("link", name="Plan 1").click()
    expect(page.get_by_text("This course was replaced")).to_be_visible()
    wrong += wrong_in_every_view(who, "course-replaced")
    page = who.open(reverse("treatments:course_pause", args=[active_plan.ref]))
    wrong += wrong_in_every_view(who, "pause-of-what-is-over")
    page.get_by_role("link", name="Back to the course").click()
    who.open(f"/patients/{active_plan.patient.ref}/")
    wrong += wrong_in_every_view(who, "chart-with-changes")
    assert wrong == []


def test_the_list_of_pauses_and_the_desks_page_keep_the_rules(visitors, active_plan, clinician_member, desk_member):
    pause(active_plan, clinician_member, until=TODAY + in_days(5))
    factories.screen_today(active_plan.patient)
    who = visitors().sign_in(desk_member)
    page = who.open(reverse("treatments:worklists"))
    expect(page.get_by_text("Pauses that end").first).to_be_visible()
    wrong = wrong_in_every_view(who, "worklist-pauses")
    who.open(reverse("treatments:course", args=[active_plan.ref]))
    wrong += wrong_in_every_view(who, "desk-course-paused")
    who.open(reverse("treatments:course_pause", args=[active_plan.ref]))
    wrong += wrong_in_every_view(who, "desk-pause")
    assert wrong == []
