"""The check-in as she taps it: the level is ours, the advice comes at once, and nothing urgent is ever lost for something else."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from clinic import clock
from clinic.errors import Busy
from patients.models import Photo
from patients.services import photos
from tests import factories
from tests.access.world import fingerprint
from tests.patients.links.made import a_token, opened
from tests.treatments.healing.telling import PAGE, a_picture, tapped, tell
from tests.treatments.patient_pages.proven import in_hand, unproven
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def hers(done_session) -> Client:
    clock.shift(timedelta(days=1))
    return in_hand(done_session)


def text(response, status: int = 200) -> str:
    assert response.status_code == status
    return response.content.decode()


def heading(page: str) -> str:
    return re.search(r"<h1>(.*?)</h1>", page).group(1)


def files() -> list[str]:
    folder = photos._folder()
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


# ── The form ──────────────────────────────────────────────────────────────────


def test_she_is_asked_by_taps_for_every_sign_that_the_catalogue_names(hers):
    page = text(hers.get(PAGE))
    for name, values in (("redness", 4), ("swelling", 4), ("pain", 11)):
        assert page.count(f'type="radio" name="{name}"') == values
    assert page.count('type="checkbox" name="signs"') == 14
    assert page.index("Trouble breathing") < page.index("Pus, oozing") < page.index("New dark marks")
    assert 'type="file" name="photo"' in page
    assert 'enctype="multipart/form-data"' in page


def test_the_page_of_the_days_after_a_visit_carries_it_too(hers):
    assert "How is your skin today?" in text(hers.get("/my/aftercare/"))


def test_reading_changes_nothing(hers):
    before = fingerprint()
    hers.get(PAGE)
    hers.head(PAGE)
    assert fingerprint() == before


# ── What she reads ────────────────────────────────────────────────────────────


def test_a_calm_answer_is_reassured(hers):
    page = text(hers.post(PAGE, tapped()))
    assert heading(page) == "As expected"
    assert "Pink or tight skin" in page
    assert "Redness 1 of 3, swelling 1 of 3, pain 2 of 10" in page
    assert 'role="alert"' not in page
    assert CheckIn.objects.get().level == "green"


def test_after_the_week_nobody_reads_what_is_normal_for_up_to_a_week(done_session):
    clock.shift(timedelta(days=8))
    page = text(in_hand(done_session).post(PAGE, tapped(redness=0, swelling=0, pain=0)))
    assert heading(page) == "As expected"
    assert "up to a week" not in page


def test_what_can_wait_a_little_names_the_day_by_which_we_call(hers):
    page = text(hers.post(PAGE, tapped("bumps")))
    assert heading(page) == "We will call you"
    assert "by Saturday 13 March" in page


def test_what_cannot_wait_for_tomorrow_names_the_number(hers):
    page = text(hers.post(PAGE, tapped("pus")))
    assert heading(page) == "Call us today"
    assert 'href="tel:02079460142"' in page
    assert "The clinic has been told" in page
    assert 'role="alert"' in page


def test_an_emergency_comes_before_everything_else(hers):
    page = text(hers.post(PAGE, tapped("breathing", "bumps")))
    assert heading(page) == "Call 999 now"
    alert = page[page.index('role="alert"') :]
    assert alert.index('href="tel:999"') < alert.index('href="tel:02079460142"') < alert.index("You told us")
    assert "The clinic has been told" in page
    assert "Your next visit waits until we have spoken." in page
    assert (CheckIn.objects.get().level, AdverseEvent.objects.get().by_patient) == ("red", True)


def test_where_a_clinic_has_no_numbers_the_words_still_stand(hers, done_session):
    done_session.clinic.urgent_phone = done_session.clinic.emergency_number = ""
    done_session.clinic.save()
    page = text(hers.post(PAGE, tapped("breathing")))
    assert heading(page) == "Call the emergency services now"
    assert 'href="tel:02079460100"' in page


def test_a_level_that_is_sent_along_is_not_believed(hers):
    text(hers.post(PAGE, tapped("breathing", level="green", day="0", reaction="")))
    assert CheckIn.objects.get().level == "red"


def test_her_earlier_ones_are_shown_back_without_what_we_wrote_of_them(hers, done_session, clinician_member):
    from treatments.sessions.healing import services as healing

    told = tell(done_session, "pus")
    healing.look_at(check_in=told, note="Anxious; reassured by telephone.", by=clinician_member)
    for page in (text(hers.get(PAGE)), text(hers.post(PAGE, tapped()))):
        assert "What you told us before" in page
        assert "call us the same day" in page
        assert "Anxious" not in page


# ── A press ───────────────────────────────────────────────────────────────────


def test_pressed_twice_is_once(hers):
    press = tapped("breathing")
    pages = [heading(text(hers.post(PAGE, press))) for _ in range(3)]
    assert pages == ["Call 999 now"] * 3
    assert (CheckIn.objects.count(), AdverseEvent.objects.count()) == (1, 1)


def test_back_another_tick_and_pressed_again_is_heard(hers):
    press = tapped()
    text(hers.post(PAGE, press))
    assert heading(text(hers.post(PAGE, press | {"signs": ["breathing"]}))) == "Call 999 now"


@pytest.mark.parametrize("missing", ["redness", "swelling", "pain"])
def test_all_is_well_is_asked_for_in_full_and_what_was_tapped_stays(hers, missing):
    page = text(hers.post(PAGE, tapped(**{missing: ""}, note="It itches")), 422)
    assert "Tap one answer" in page
    assert "One answer is missing" in page
    assert "It itches" in page
    assert page.count("checked") == 2
    assert not CheckIn.objects.exists()


def test_a_photo_that_comes_with_an_answer_missing_has_to_be_chosen_again_and_she_is_told(hers):
    page = text(hers.post(PAGE, tapped(pain="", photo=a_picture())), 422)
    assert "Please choose the photo again." in page
    assert (Photo.objects.count(), files()) == (0, [])


@pytest.mark.parametrize("missing", [{"redness": ""}, {"redness": "", "swelling": "", "pain": ""}, {"pain": "banana"}])
def test_an_urgent_answer_is_taken_as_it_is(hers, missing):
    assert heading(text(hers.post(PAGE, tapped("collapse", **missing)))) == "Call 999 now"
    assert CheckIn.objects.get().level == "red"


@pytest.mark.parametrize(
    "junk",
    [
        {"redness": "9" * 400},
        {"pain": "-1"},
        {"pain": "²"},
        {"swelling": "1.5"},
        {"once": "nonsense"},
        {"signs": ["\x00", "x" * 900, "breathing'; --"]},
        {"note": "x" * 20_000},
        {"note": "half \ud800".encode("utf-8", "replace").decode()},
    ],
)
def test_junk_beside_a_red_sign_never_takes_it_along(hers, junk):
    signs = ["eyes", *junk.pop("signs", [])]
    assert heading(text(hers.post(PAGE, tapped(*signs, **junk)))) == "Call 999 now"
    kept = CheckIn.objects.get()
    assert "eyes" in kept.flags
    assert len(kept.note) <= 400


# ── Her photo ─────────────────────────────────────────────────────────────────


def test_her_photo_is_kept_and_said_back(hers, done_session):
    page = text(hers.post(PAGE, tapped(photo=a_picture())))
    assert "One photo" in page
    assert files() == [Photo.objects.get().name]
    assert CheckIn.objects.get().photo.patient == done_session.patient


@pytest.mark.parametrize(
    ("photo", "sentence"),
    [
        (lambda: b"GIF89a", photos.NO_PHOTO),
        (lambda: b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
        (lambda: b"\xff\xd8\xff" + b"\0" * photos.MOST_BYTES, photos.TOO_BIG),
    ],
)
def test_a_photo_that_fails_takes_no_red_answer_with_it(hers, photo, sentence):
    from django.core.files.uploadedfile import SimpleUploadedFile

    page = text(hers.post(PAGE, tapped("breathing", photo=SimpleUploadedFile("skin.jpg", photo()))))
    assert heading(page) == "Call 999 now"
    assert "Your answers are saved, the photo is not" in page
    assert sentence in page
    kept = CheckIn.objects.get()
    assert (kept.level, kept.photo, files()) == ("red", None, [])


def test_the_disk_may_be_full(hers, monkeypatch):
    monkeypatch.setattr(photos, "_write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    page = text(hers.post(PAGE, tapped("breathing", photo=a_picture())))
    assert "Your answers are saved, the photo is not" in page
    assert CheckIn.objects.get().level == "red"


def test_the_same_photo_pressed_twice_is_kept_once(hers):
    once = str(uuid4())
    for _ in range(2):
        text(hers.post(PAGE, tapped(once=once, photo=a_picture())))
    assert files() == [Photo.objects.get().name]


def test_there_is_an_end_to_the_photos_of_a_session_and_none_to_her_answers(hers, monkeypatch):
    from treatments.pages.patient import check_in

    monkeypatch.setattr(check_in, "MOST_PHOTOS", 1)
    text(hers.post(PAGE, tapped(photo=a_picture())))
    page = text(hers.post(PAGE, tapped("breathing", photo=a_picture())))
    assert "We have enough photos" in page
    assert heading(page) == "Call 999 now"
    assert (Photo.objects.count(), len(files())) == (1, 1)


# ── When it cannot be kept ────────────────────────────────────────────────────


def test_where_nothing_can_be_saved_she_reads_what_to_do_all_the_same(hers, monkeypatch):
    def busy(**_):
        raise Busy("Somebody else was changing the same booking. Nothing was saved: try again.")

    monkeypatch.setattr("treatments.flows.check_in.tell", busy)
    page = text(hers.post(PAGE, tapped("breathing", photo=a_picture())), 409)
    assert heading(page) == "Call 999 now"
    assert "The clinic does not know yet" in page
    assert "Your answers are not saved yet" in page
    assert page.count("checked") == 4
    assert (CheckIn.objects.count(), files()) == (0, [])


def test_a_page_that_stood_open_too_long_still_says_what_to_do(done_session):
    """Her half hour is over: nothing is kept, and the emergency is named before that is."""
    page = text(Client().post(PAGE, tapped("breathing")), 404)
    assert heading(page) == "Call 999 now"
    assert "Your answers did not reach us" in page
    assert not CheckIn.objects.exists()
    assert "This link has ended" in text(Client().post(PAGE, tapped()), 404)


def test_before_her_birth_date_nothing_is_shown_or_kept(done_session):
    browser = unproven(done_session)
    assert "Is it you?" in text(browser.get(PAGE))
    assert "redness" not in text(browser.get(PAGE))
    assert "Is it you?" in text(browser.post(PAGE, tapped()))
    assert heading(text(browser.post(PAGE, tapped("breathing")), 422)) == "Call 999 now"
    assert not CheckIn.objects.exists()


def test_a_forged_press_keeps_nothing(done_session):
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = in_hand(done_session).cookies
    assert browser.post(PAGE, tapped()).status_code == 403
    assert browser.post(PAGE, tapped("breathing")).status_code == 403
    assert not CheckIn.objects.exists()


def test_a_link_of_another_session_or_patient_keeps_nothing_here(clinic, done_session):
    other = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman")
    browser = opened(a_token(other, "aftercare", about=done_session.ref))
    browser.post("/my/birth/", {"purpose": "aftercare", "day": "9", "month": "6", "year": "1992"})
    assert browser.get(PAGE).status_code == 404
    assert browser.post(PAGE, tapped()).status_code == 404
    assert not CheckIn.objects.exists()


def test_an_emergency_told_in_an_older_tab_is_kept_for_her_and_not_for_whoever_opened_a_link_since(clinic, hers):
    [link] = set(re.findall(r'name="link" value="([0-9a-f-]{36})"', text(hers.get(PAGE))))
    other = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman")
    hers.get(f"/my/{a_token(other, 'aftercare')}/")
    assert heading(text(hers.post(PAGE, tapped("breathing", link=link)))) == "Call 999 now"
    assert CheckIn.objects.get().patient.given_name != "Aisha"


def test_a_page_costs_the_same_however_often_she_told_us(hers, done_session, django_assert_num_queries):
    counts = []
    for times in (1, 8):
        for _ in range(times):
            tell(done_session)
        hers.get(PAGE)
        with django_assert_num_queries(counts[0]) if counts else counting() as captured:
            hers.get(PAGE)
        counts.append(len(captured))


def counting():
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    return CaptureQueriesContext(connection)
