"""The pages of the texts: everybody reads, a manager changes, nothing typed is lost, and no real patient stands on them."""

import pytest
from django.test import Client
from django.urls import reverse

from clinic import services as people
from clinic.models import User
from clinic.roles import Role
from patients.outbox.texts import services
from patients.outbox.texts.models import MessageText
from patients.outbox.texts.shipped import library
from tests.outbox import cast

pytestmark = pytest.mark.django_db
CODE = "booking_cancelled"
SHIPPED = library().english(CODE).source
OURS = SHIPPED.replace("please tell us.", "please ring us.")


def url(name: str, *args) -> str:
    return reverse(f"patients:{name}", args=args)


PAGE, EDIT, PREVIEW, RESTORE = (
    url(name, CODE, "en")
    for name in ("message_text", "message_text_edit", "message_text_preview", "message_text_restore")
)


@pytest.fixture
def desk(clinic, boss) -> Client:
    user = User.objects.create_user("tess@clinic.example", None, full_name="Tess Moran")
    people.join(clinic=clinic, user=user, roles=[Role.FRONT_DESK], by=user)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def manager(boss) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def typed(source: str = OURS, *, why: str = "Our words", seen: int | None = None, **more) -> dict:
    return {"source": source, "why": why, "seen": library().english(CODE).version if seen is None else seen} | more


def test_the_list_has_every_text_that_is_sent_in_every_language(desk):
    page = desk.get(url("message_texts")).content.decode()
    for code in ("frame", "booking_confirmed", "aftercare", "rebook_due", "review_due", "precare"):
        assert library().english(code).title in page
        assert url("message_text", code, "en") in page
    assert "Deutsch" in page and ">Draft<" in page and "The frame alone" not in page


def test_a_text_is_read_as_the_letter_to_somebody_made_up(desk, patient):
    page = desk.get(url("message_text", "aftercare", "en")).content.decode()
    assert "Ana Example, who does not exist" in page and "Dear Ana," in page
    assert "Trouble breathing" in page and 'class="mail-call"' in page
    assert patient.given_name not in page and "<iframe" not in page and 'style="' not in page


def test_a_draft_says_so_and_cannot_be_changed(desk, manager):
    page = desk.get(url("message_text", "booking_confirmed", "de")).content.decode()
    assert "Draft, never sent" in page and "Ihr Termin ist gebucht:" in page and "Guten Tag Ana," in page
    assert manager.get(url("message_text_edit", "booking_confirmed", "de")).status_code == 302


@pytest.mark.parametrize("made_up", [("nothing", "en"), ("base", "en"), (CODE, "xx"), ("aftercare", "de")])
def test_what_there_is_not_is_not_found(manager, made_up):
    assert manager.get(url("message_text", *made_up)).status_code == 404
    assert manager.post(url("message_text_edit", *made_up), typed()).status_code == 404


def test_only_a_manager_changes(desk, manager):
    assert "Change the text" not in desk.get(PAGE).content.decode()
    assert [
        desk.get(EDIT).status_code,
        *(desk.post(path, typed()).status_code for path in (EDIT, PREVIEW, RESTORE)),
    ] == [403] * 4
    assert "Change the text" in manager.get(PAGE).content.decode()
    assert not MessageText.objects.exists()


def test_the_editor_names_the_fields_and_what_a_save_would_do(manager, patient):
    page = manager.get(EDIT).content.decode()
    assert "{starts_at}" in page and "must be said" in page and "No message waits for this text now." in page
    cast.owe_many(patient, 3)
    frame = manager.get(url("message_text_edit", "frame", "en")).content.decode()
    assert "<b>3</b> A notice" in frame and "Those that were sent keep theirs." in frame


def test_a_preview_saves_nothing(manager):
    tried = manager.post(PREVIEW, typed()).content.decode()
    assert "please ring us." in tried and "<html" not in tried
    without_script = manager.post(EDIT, typed(preview="yes")).content.decode()
    assert (
        "please ring us.</p>" in without_script
        and "please ring us." in without_script
        and 'value="Our words"' in without_script
    )
    assert not MessageText.objects.exists()


def test_a_preview_says_what_stands_against_it_and_still_shows_the_letter(manager):
    tried = manager.post(PREVIEW, typed(OURS + "\nNow 20% off.\n")).content.decode()
    assert "It cannot be saved like this" in tried and "Now 20% off." in tried
    broken = manager.post(PREVIEW, typed("Hello {name")).content.decode()
    assert "curly bracket stands alone" in broken and "mail-sheet" not in broken


def test_what_is_typed_as_html_is_shown_as_typed(manager):
    tried = manager.post(PREVIEW, typed(OURS + "\n<script>alert(1)</script>\n")).content.decode()
    assert "<script>alert" not in tried and "&lt;script&gt;alert(1)" in tried


def test_a_text_is_saved_with_its_reason_and_stands_in_the_history(manager, boss):
    assert manager.post(EDIT, typed())["Location"] == PAGE
    page = manager.get(PAGE).content.decode()
    assert "please ring us." in page and "Version 1001" in page and f"{boss.full_name}: Our words" in page
    assert "<del>" in page and "<ins>" in page
    assert ">Yours<" in manager.get(url("message_texts")).content.decode()


@pytest.mark.parametrize(
    ("source", "why", "says"),
    [
        ("Off.\n", "x", "{starts_at} is missing"),
        (OURS + "\nSee {doctor}.\n", "x", "there is no field {doctor}"),
        (OURS + "\nBook now and save.\n", "x", "advertises"),
        (OURS, "", "Write why the text changes"),
        ("", "x", "Write the text."),
    ],
)
def test_nothing_typed_is_lost_on_a_refusal(manager, source, why, says):
    answer = manager.post(EDIT, typed(source, why=why))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    assert all(line in page for line in source.splitlines()) and (not why or f'value="{why}"' in page)
    assert not MessageText.objects.exists()


def test_whoever_was_slower_sees_the_other_words_and_saves_with_the_next_press(clinic, boss, manager):
    services.publish(
        clinic=clinic,
        code=CODE,
        language="en",
        source=OURS,
        why="Quicker",
        by=boss,
        seen_version=library().english(CODE).version,
    )
    mine = SHIPPED.replace("please tell us.", "please write to us.")
    answer = manager.post(EDIT, typed(mine))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody else has changed this text meanwhile" in page and "please write to us." in page
    assert "What yours changes in theirs" in page and 'name="seen" value="1001"' in page
    assert manager.post(EDIT, typed(mine, seen=1001)).status_code == 302
    assert MessageText.objects.count() == 2


def test_two_presses_of_one_form_make_one_version(manager):
    token = {"submit_token": "5f0c7a52-6f0e-4d0c-9d1b-8d3b9a1f2c11"}
    assert [manager.post(EDIT, typed(**token)).status_code for _ in range(2)] == [302, 302]
    assert MessageText.objects.count() == 1


def test_the_shipped_text_is_put_back_with_a_reason(manager):
    manager.post(EDIT, typed())
    assert manager.post(RESTORE, {"why": "", "seen": 1001}).status_code == 422
    assert manager.post(RESTORE, {"why": "Too curt", "seen": 1001})["Location"] == PAGE
    page = manager.get(PAGE).content.decode()
    assert "please tell us." in page and "Back to the shipped text" in page
    assert manager.post(RESTORE, {"why": "Again", "seen": library().english(CODE).version}).status_code == 409


@pytest.mark.parametrize("wrong", ["\0", "9" * 400, "{" * 500, "![](" * 200])
def test_no_bad_input_breaks_a_page(manager, wrong):
    for path in (EDIT, PREVIEW, RESTORE):
        assert manager.post(path, {"source": wrong, "why": wrong, "seen": wrong}).status_code < 500


def test_the_page_of_messages_leads_here(desk):
    assert url("message_texts") in desk.get(url("messages")).content.decode()
