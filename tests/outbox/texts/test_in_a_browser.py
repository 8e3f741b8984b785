"""The texts in a browser: looked at, changed, refused, saved; and a message that waits says the new words. Three widths."""

import re

import pytest

from clinic.roles import Role
from patients.models import Message
from tests.fixtures.browser import wrong_in_every_view
from tests.outbox import cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CODE = "booking_cancelled"


@pytest.fixture
def manager(clinic):
    membership = clinic.memberships.get()
    assert membership.has(Role.MANAGER)
    return membership


def test_a_text_is_changed_refused_saved_and_a_message_that_waits_says_the_new_words(
    visitors, clinic, patient, manager, cancelled
):
    waits = cast.owe(patient, cancelled, send_at=cast.NOON.replace(hour=18))
    who = visitors().sign_in(manager)
    page = who.open("/messages/")
    page.get_by_role("link", name="Texts").click()
    page.get_by_role("link", name=re.compile("Shipped ?: Visit cancelled, English")).click()
    page.get_by_role("heading", name="As Ana Example would get it").wait_for()
    page.get_by_text("1 A visit is off").wait_for()
    page.get_by_role("link", name="Change the text").click()
    source = page.get_by_role("textbox", name="Text")
    shipped = source.input_value()

    source.fill(shipped + "\nThis month 20% off.\n")
    page.get_by_role("button", name="Preview, save nothing").click()
    page.get_by_text("It cannot be saved like this").wait_for()
    page.locator(".mail-sheet").first.get_by_text("This month 20% off.").wait_for()
    page.get_by_label("Why?").fill("Shorter")
    page.get_by_role("button", name="Save for all letters to come").click()
    page.locator(".form-errors").get_by_text("advertises").wait_for()
    assert "20% off" in page.get_by_role("textbox", name="Text").input_value()
    assert page.get_by_label("Why?").input_value() == "Shorter"

    page.get_by_role("textbox", name="Text").fill(shipped.replace("please tell us.", "please ring us."))
    page.get_by_role("button", name="Preview, save nothing").click()
    page.locator("#tried .mail-sheet").first.get_by_text("please ring us.").wait_for()
    page.get_by_role("button", name="Save for all letters to come").click()
    page.get_by_role("heading", name="As Ana Example would get it").wait_for()
    page.get_by_text("Version 1001", exact=True).wait_for()

    page = who.open(f"/messages/{waits.ref}/")
    page.locator(".mailbody").get_by_text("please ring us.").wait_for()
    assert Message.objects.get().template_version != 1001
    assert who.faults == []


@pytest.mark.parametrize("path", ["", f"{CODE}/en/", "aftercare/en/", "frame/de/", "aftercare/en/edit/"])
def test_the_pages_look_right_in_every_view(visitors, clinic, manager, cancelled, path):
    who = visitors().sign_in(manager)
    who.open(f"/messages/texts/{path}")
    assert wrong_in_every_view(who, f"texts-{path.strip('/').replace('/', '-') or 'list'}", axe_on_phone=True) == []


def test_the_day_and_one_message_look_right_in_every_view(visitors, clinic, patient, manager, cancelled):
    gone = cast.owe(patient, cancelled)
    cast.owe(patient, "test_notice")
    Message.objects.filter(pk=gone.pk).update(
        state="sent", sent_at=cast.NOON, handed_off_at=cast.NOON, body_text="Words"
    )
    who = visitors().sign_in(manager)
    page = who.open("/messages/")
    page.get_by_text("By kind", exact=True).click()
    assert wrong_in_every_view(who, "messages-by-kind", axe_on_phone=True) == []
    page = who.open(f"/messages/{gone.ref}/")
    page.get_by_role("button", name="Send once more").wait_for()
    assert wrong_in_every_view(who, "message-once-more", axe_on_phone=True) == []
