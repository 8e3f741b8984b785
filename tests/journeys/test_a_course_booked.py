"""Four visits in three presses, the second one moved on the ruler, and the mails about it read as the patient reads them."""

import re
import time
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from patients.models import Message
from patients.outbox.bell import bell
from tests.fixtures.browser import wait_until
from treatments.appointments.models import Appointment

pytestmark = [pytest.mark.browser, pytest.mark.journey, pytest.mark.django_db(transaction=True)]
MOST_PRESSES, MOST_SECONDS = 3, 20
PRESSES = """
addEventListener("click", (event) => {
    if (event.isTrusted && event.detail) sessionStorage.setItem("presses", Number(sessionStorage.getItem("presses")) + 1);
}, true);
"""


def test_four_visits_in_three_presses_the_second_moved_and_the_one_mail_read(
    visitors, desk_member, active_plan, worker, later
):
    visitor = visitors().sign_in(desk_member)
    visitor.page.add_init_script(PRESSES)
    page = visitor.open(reverse("treatments:course", args=[active_plan.ref]))

    begun = time.monotonic()
    page.get_by_role("link", name="Book them all").click()
    page.get_by_role("button", name=re.compile("^Hold this")).first.click()
    page.get_by_role("button", name="Book all four").click()
    expect(page.locator("#toasts")).to_contain_text("All four visits are booked")
    took = time.monotonic() - begun
    assert int(page.evaluate("sessionStorage.getItem('presses')")) <= MOST_PRESSES
    assert took < MOST_SECONDS, f"{took:.1f} s"
    visits = list(Appointment.objects.filter(planned_session__plan=active_plan, status="booked").order_by("during"))
    assert len(visits) == 4

    # Within the minute the second one is moved on the ruler: the mail that waits tells of it, and no other is written.
    page.get_by_role("slider", name="Session 2").focus()
    page.keyboard.press("PageUp")
    expect(page.get_by_role("button", name="Move session 2")).to_be_visible()
    toast, tray = (page.locator(part).bounding_box() for part in ("#toasts", "#tray"))
    assert toast["y"] + toast["height"] <= tray["y"]
    page.get_by_role("button", name="Move session 2").click()
    expect(page.locator("#toasts")).to_contain_text("One visit is moved")
    later(timedelta(seconds=61))
    assert bell.ring()
    wait_until(lambda: Message.objects.filter(kind="course_booked", state="sent").exists(), what="the mail sent")
    told = Message.objects.filter(kind__in=["course_booked", "course_changed", "booking_changed", "booking_confirmed"])
    assert list(told.exclude(state="cancelled").values_list("kind", flat=True)) == ["course_booked"]

    page.goto(f"{visitor.base_url}{reverse('clinic:mailbox')}")
    letters = page.locator("main a[href^='/mailbox/']")
    expect(letters).to_have_count(1)
    letters.click()
    text = page.get_by_role("region", name="Text")
    for visit in Appointment.objects.filter(planned_session__plan=active_plan, status="booked"):
        expect(text).to_contain_text(f"{visit.day:%A} {visit.day.day} {visit.day:%B}")
    moved = Appointment.objects.get(pk=visits[1].pk)
    assert moved.day == visits[1].day + timedelta(days=7)
    expect(text).not_to_contain_text(f"{visits[1].day.day} {visits[1].day:%B}")
