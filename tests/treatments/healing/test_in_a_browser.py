"""The check-in on a telephone and at a desk: taps, a photo, an emergency; and the page of whoever looks at it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from clinic import clock
from tests.fixtures.browser import wrong_in_every_view
from tests.patients.links.made import a_token
from tests.treatments.healing.telling import PAGE, a_picture, tell
from treatments.sessions.healing.models import CheckIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
SMALLEST_TAP = 48


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"


def her_page(visitors, session):
    """Her telephone, with the form before her."""
    her = visitors("phone")
    page = her.open(f"/my/{a_token(session.patient, 'aftercare', about=session.ref)}/")
    for label, figures in (("Day", "9"), ("Month", "6"), ("Year", "1992")):
        page.get_by_label(label, exact=True).fill(figures)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Is it you?")).to_have_count(0)
    her.open(PAGE)
    return her, page


def small_taps(page) -> list[str]:
    """What is to be tapped and is smaller than a thumb."""
    return page.evaluate(
        """least => [...document.querySelectorAll(".pill, .form-check, form .btn, .callus .btn")].filter(one => {
            const box = one.getBoundingClientRect(); return box.height && Math.min(box.height, box.width) < least;
        }).map(one => one.textContent.trim())""",
        SMALLEST_TAP,
    )


def test_a_calm_day_is_eight_taps_and_a_photo(visitors, done_session, tmp_path):
    clock.shift(timedelta(days=1))
    her, page = her_page(visitors, done_session)
    assert wrong_in_every_view(her, "check-in", axe_on_phone=True) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert small_taps(page) == []
    for question, answer in (("How red is it?", "Pink"), ("How swollen is it?", "A little")):
        page.get_by_role("group", name=question).get_by_text(answer).click()
    page.get_by_role("group", name="How much does it hurt?").get_by_text("2", exact=True).click()
    picture = tmp_path / "skin.jpg"
    picture.write_bytes(a_picture(size=(900, 1200)).getvalue())
    page.get_by_label("A photo, if you like").set_input_files(picture)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="As expected")).to_be_visible()
    expect(page.get_by_text("One photo")).to_be_visible()
    assert wrong_in_every_view(her, "check-in-green", axe_on_phone=True) == []
    told = CheckIn.objects.get()
    assert (told.level, told.photo.width_px) == ("green", 900)


def test_an_emergency_with_the_keyboard_alone(visitors, done_session):
    her, page = her_page(visitors, done_session)
    page.get_by_role("checkbox", name="Trouble breathing").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Call 999 now")).to_be_visible()
    expect(page.get_by_role("link", name="Call 999")).to_have_attribute("href", "tel:999")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    assert small_taps(page) == []
    assert wrong_in_every_view(her, "check-in-red", axe_on_phone=True) == []
    assert CheckIn.objects.get().level == "red"


@pytest.mark.parametrize(("sign", "heading"), [("pus", "Call us today"), ("bumps", "We will call you")])
def test_what_is_urgent_in_between(visitors, done_session, sign, heading):
    her, page = her_page(visitors, done_session)
    page.locator(f"#sign-{sign}").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    assert wrong_in_every_view(her, f"check-in-{sign}", axe_on_phone=True) == []


def test_one_answer_is_missing(visitors, done_session):
    her, page = her_page(visitors, done_session)
    page.get_by_role("group", name="How red is it?").get_by_text("Pink").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("2 answers are missing")).to_be_visible()
    assert wrong_in_every_view(her, "check-in-again", axe_on_phone=True) == []


def test_a_clinician_hears_of_it_on_a_page_that_is_open_and_looks(visitors, done_session, clinician_member):
    from patients.services import photos

    who = visitors().sign_in(clinician_member)
    page = who.open("/today/")
    expect(page.get_by_text("Check-ins to look at")).to_have_count(0)
    told = tell(
        done_session, "breathing", "bumps", note="It began an hour ago.", photo=photos.keep(a_picture(size=(900, 700)))
    )
    # By the page's own refresh.
    expect(page.get_by_text("Emergency signs: call now")).to_be_visible(timeout=10_000)
    assert wrong_in_every_view(who, "today-with-check-in") == []
    page.get_by_role("link", name=done_session.patient.full_name).first.click()
    page.wait_for_url(f"**{reverse('treatments:check_in', args=[told.ref])}")
    expect(page.get_by_role("img", name="Photo sent with")).to_be_visible()
    assert page.evaluate("document.querySelector('.check-in-photo').naturalWidth") == 900
    assert wrong_in_every_view(who, "check-in-clinician", axe_on_phone=True) == []
    page.get_by_label("What was done").fill("Called her: in the emergency department.")
    page.get_by_role("button", name="Looked at").click()
    expect(page.get_by_text("Called her: in the emergency department.")).to_be_visible()
    assert wrong_in_every_view(who, "check-in-looked-at") == []
    who.open(reverse("treatments:ask_check_in", args=[done_session.ref]))
    assert wrong_in_every_view(who, "check-in-by-telephone", axe_on_phone=True) == []


def test_the_desk_reads_a_name_and_a_number(visitors, done_session, desk_member):
    tell(done_session, "breathing")
    who = visitors().sign_in(desk_member)
    page = who.open("/worklists/")
    expect(page.get_by_role("heading", name="A clinician must call now")).to_be_visible()
    assert wrong_in_every_view(who, "desk-call-now") == []
