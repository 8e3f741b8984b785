"""After a restore: nothing is claimed, marked or called too late; the page says what is due, and a manager's word releases it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from clinic import clock, services
from clinic.models import AuditEvent, Restoration, User
from clinic.roles import Role
from clinic.safekeeping import freezing
from patients.models import Message
from patients.outbox import dispatch, frozen, health, ledger, selectors, travel
from patients.outbox import services as outbox
from patients.outbox.models import State
from tests.fixtures.browser import wrong_in_every_view
from tests.outbox import cast

pytestmark = pytest.mark.django_db
PAGE = "/messages/frozen/"
BANNER = "These are the data of Mon 8 Mar 2027, 12:00"


def freeze(clinic) -> Restoration:
    freezing.freeze(data_of=cast.NOON - timedelta(days=1))
    clinic.refresh_from_db()
    return clinic.restoration


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def colleague(clinic, role: Role, boss: User) -> User:
    user = User.objects.create_user(f"{role}@clinic.example", None, full_name="Tess Moran")
    services.join(clinic=clinic, user=user, roles=[role], by=boss)
    return user


def press(client: Client, word: str = "release", token: str = ""):
    return client.post(PAGE, {"word": word, "submit_token": token or str(uuid4())}, follow=True)


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


# ── What stays ────────────────────────────────────────────────────────────────


def test_no_message_is_claimed_while_its_clinic_is_frozen_and_anothers_is(patient, limits):
    other = cast.a_patient(cast.a_clinic())
    mine, others = cast.owe(patient), cast.owe(other)
    freeze(patient.clinic)
    frozen.release(clinic=other.clinic, by=cast.boss(other.clinic))
    Message.objects.filter(pk=others.pk).update(state=State.DUE, reason="", error_class="")
    assert [message.pk for message in ledger.claim("w", limits)] == [others.pk]
    assert state_of(mine) == State.DUE


def test_what_was_claimed_as_the_clinic_froze_is_not_marked(patient, limits, smtp):
    message = cast.owe(patient)
    batch = dispatch.Batch(smtp, limits, smtp.breaker, dispatch.Counter(), 1e12)
    assert batch.claim()
    letters = batch.write()
    freeze(patient.clinic)
    assert ledger.mark(letters, batch.worker, limits) == set()
    assert state_of(message) == State.SENDING


def test_nothing_is_called_too_late_that_may_have_gone(patient, at):
    message = cast.owe(patient)
    freeze(patient.clinic)
    at(cast.NOON + timedelta(days=3))
    assert ledger.expire() == 0
    assert state_of(message) == State.DUE


def test_a_travelling_clock_does_not_stop_for_frozen_mail(patient):
    message = cast.owe(patient, send_at=cast.NOON + timedelta(hours=1))
    assert travel._next_due(cast.NOON) == message.next_attempt_at
    freeze(patient.clinic)
    assert travel._next_due(cast.NOON) is None
    assert not travel._is_due(cast.NOON + timedelta(hours=2))


def test_whoever_sends_mail_of_its_own_accord_can_ask(clinic):
    assert (freezing.nothing_leaves(), freezing.nothing_leaves(clinic)) == (False, False)
    freeze(clinic)
    assert (freezing.nothing_leaves(), freezing.nothing_leaves(clinic)) == (True, True)
    assert freezing.nothing_leaves(cast.a_clinic()) is False


def test_it_is_frozen_whether_or_not_the_clinic_has_paused_its_mail(patient, boss, limits):
    clinic = outbox.pause(clinic=patient.clinic, reason="a move", by=boss)
    freeze(clinic)
    outbox.resume(clinic=clinic, by=boss)
    cast.owe(patient)
    assert ledger.claim("w", limits) == []
    outbox.pause(clinic=clinic, reason="a move", by=boss)
    frozen.release(clinic=clinic, by=boss)
    assert ledger.claim("w", limits) == []


# ── Health ────────────────────────────────────────────────────────────────────


def test_a_machine_that_asks_is_told_that_it_is_frozen_and_not_that_it_is_late(patient, boss, at):
    health.note_worker()
    cast.owe(patient)
    freeze(patient.clinic)
    at(cast.NOON + timedelta(hours=2))
    answer = Client().get("/healthz/messages")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "wrong": "frozen"})
    assert health.unwell(patient.clinic) is None
    frozen.release(clinic=patient.clinic, by=boss)
    assert Client().get("/healthz/messages").status_code == 200


def test_a_worker_that_fell_silent_is_still_told_first(clinic):
    freeze(clinic)
    assert Client().get("/healthz/messages").json()["wrong"] == "worker"


# ── Release ───────────────────────────────────────────────────────────────────


def put(patient, state: State = State.DUE, **fields) -> Message:
    message = cast.owe(patient)
    Message.objects.filter(pk=message.pk).update(state=state, **fields)
    return message


def test_what_fell_due_before_now_becomes_a_persons_and_the_rest_leaves_at_its_time(patient, boss, at, limits):
    soon = timedelta(hours=3)
    before, later = (
        cast.owe(patient),
        cast.owe(patient, send_at=cast.NOON + timedelta(days=2), expires_at=cast.NOON + timedelta(days=3)),
    )
    in_hand = put(patient, State.SENDING, worker="w", lease_until=cast.NOON, handed_off_at=cast.NOON)
    in_doubt = put(patient, State.UNKNOWN, handed_off_at=cast.NOON, error_class="no_answer")
    held = put(patient, State.HELD, reason="because")
    gone = put(patient, State.SENT, sent_at=cast.NOON)
    at(cast.NOON + timedelta(minutes=1))
    freeze(patient.clinic)
    at(cast.NOON + soon)
    since = cast.owe(patient)
    at(cast.NOON + soon + timedelta(minutes=1))
    assert frozen.release(clinic=patient.clinic, by=boss) == 3
    assert [state_of(one) for one in (before, in_hand, in_doubt)] == [State.NEEDS_PERSON] * 3
    assert [state_of(one) for one in (later, held, gone, since)] == [State.DUE, State.HELD, State.SENT, State.DUE]
    assert before.reason == frozen.REASON
    assert [message.pk for message in ledger.claim("w", limits)] == [since.pk]
    assert before.events.latest("pk").what == "restored"


def test_the_day_balances_with_what_was_left_to_a_person(patient, boss, at):
    cast.owe(patient)
    at(cast.NOON + timedelta(minutes=1))
    freeze(patient.clinic)
    frozen.release(clinic=patient.clinic, by=boss)
    page = selectors.day_page(clinic=patient.clinic, day=cast.NOON.date(), now=clock.now())
    assert (page.balance.due, page.balance.unknown, page.balance.adds_up) == (1, 1, True)
    assert [group.name for group in page.groups] == ["person"]
    assert page.groups[0].rows[0].can_send_again


def test_a_release_is_on_record_and_closes_every_return_that_nobody_released(clinic, boss):
    freeze(clinic)
    freeze(clinic)
    frozen.release(clinic=clinic, by=boss)
    assert [(one.released_by, one.released_at is not None) for one in clinic.restorations.all()] == [(boss, True)] * 2
    (event,) = AuditEvent.objects.filter(action="clinic.released")
    assert (event.by, event.clinic, event.facts) == (boss, clinic, {"to_a_person": 0})
    with pytest.raises(outbox.NotPossible, match="released it already"):
        frozen.release(clinic=clinic, by=boss)


# ── The page and the banner ───────────────────────────────────────────────────


def test_everybody_reads_on_every_page_of_which_moment_the_data_are(clinic, boss):
    desk, manager = signed_in(colleague(clinic, Role.FRONT_DESK, boss)), signed_in(boss)
    for client in (desk, manager):
        assert "These are the data of" not in client.get("/settings/").content.decode()
    freeze(clinic)
    for url in ("/settings/", reverse("patients:messages"), reverse("patients:list")):
        assert BANNER in desk.get(url).content.decode(), url
        assert BANNER in manager.get(url).content.decode(), url
    assert "no mail leaves until a manager releases it" in desk.get("/settings/").content.decode()
    assert f'<a href="{PAGE}">See what is due</a>' in manager.get("/settings/").content.decode()
    assert PAGE not in desk.get("/settings/").content.decode()
    assert BANNER not in Client().get("/accounts/login/").content.decode()
    frozen.release(clinic=clinic, by=boss)
    assert "These are the data of" not in desk.get("/settings/").content.decode()


def test_the_banner_costs_one_query_and_none_where_nothing_is_frozen(clinic, boss, django_assert_max_num_queries):
    client, counted = signed_in(boss), []
    client.get("/settings/")  # the first page of a session writes the session
    for frozen_now in (False, True):
        if frozen_now:
            freeze(clinic)
        with django_assert_max_num_queries(30) as queries:
            client.get("/settings/")
        counted.append(len(queries))
    assert counted[1] == counted[0] + 1


def test_the_page_says_by_kind_what_fell_due_and_what_will_go(patient, boss, at):
    cast.owe_many(patient, 3)
    cast.owe(patient, "test_reminder", send_at=cast.NOON + timedelta(hours=4))
    cast.owe(patient, "test_reminder", send_at=cast.NOON + timedelta(days=4), expires_at=cast.NOON + timedelta(days=5))
    at(cast.NOON + timedelta(minutes=1))
    restoration = freeze(patient.clinic)
    at(cast.NOON + timedelta(minutes=2))
    cast.owe(patient)
    found = frozen.waiting(clinic=patient.clinic, restoration=restoration, now=clock.now())
    assert found == [frozen.Waiting("A notice", 3, 0, 0, 1), frozen.Waiting("A reminder", 0, 1, 1, 0)]
    assert frozen.sum_of(found) == frozen.Waiting("All", 3, 1, 1, 1)
    page = signed_in(boss).get(PAGE).content.decode()
    assert "A notice" in page
    assert "Fell due before now" in page


def test_the_page_asks_as_much_for_one_message_as_for_a_hundred(patient, boss, at, django_assert_max_num_queries):
    client, counted = signed_in(boss), []
    freeze(patient.clinic)
    client.get(PAGE)
    for copies in (1, 100):
        cast.owe_many(patient, copies)
        with django_assert_max_num_queries(20) as queries:
            client.get(PAGE)
        counted.append(len(queries))
    assert counted[0] == counted[1] <= 9, counted


@pytest.mark.parametrize("word", ["", "yes", "releas"])
def test_another_word_releases_nothing_and_is_said_at_its_field(clinic, boss, word):
    freeze(clinic)
    answer = signed_in(boss).post(PAGE, {"word": word, "submit_token": str(uuid4())})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Write the word release, if mail shall leave again." in page
    assert f'value="{word}"' in page or not word
    clinic.refresh_from_db()
    assert clinic.is_frozen


def test_one_press_releases_and_a_second_one_of_the_same_form_finds_it_done(patient, boss, at):
    cast.owe(patient)
    at(cast.NOON + timedelta(minutes=1))
    freeze(patient.clinic)
    client, token = signed_in(boss), str(uuid4())
    said = "Mail leaves again. 1 that fell due before now waits for a person."
    for first in (True, False):
        answer = press(client, " Release ", token)
        assert answer.redirect_chain == [(reverse("patients:messages"), 302)]
        assert (said in answer.content.decode()) is first
    assert Restoration.objects.get().released_by == boss
    again = client.post(PAGE, {"word": "release", "submit_token": str(uuid4())})
    assert again.status_code == 409
    assert "somebody has released it already" in again.content.decode()


def test_where_nothing_is_frozen_the_page_says_so_and_leads_on(clinic, boss):
    page = signed_in(boss).get(PAGE).content.decode()
    assert "Mail is not frozen" in page
    assert "Open Messages" in page


def test_nobody_but_a_manager_releases(clinic, boss):
    freeze(clinic)
    for role in (Role.FRONT_DESK, Role.CLINICIAN, Role.PRESCRIBER):
        assert press(signed_in(colleague(clinic, role, boss))).status_code == 403
    assert press(signed_in(cast.boss(cast.a_clinic()))).status_code == 409
    clinic.refresh_from_db()
    assert clinic.is_frozen


def test_no_button_promises_that_frozen_mail_leaves(patient, boss):
    message = cast.owe(patient)
    freeze(patient.clinic)
    client = signed_in(boss)
    page = client.post(
        reverse("patients:message_send_now", args=[message.ref]), {"submit_token": str(uuid4())}, follow=True
    )
    assert "It leaves first, once mail is sent again." in page.content.decode()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_manager_releases_in_a_browser(visitors, clinic, at):
    patient = cast.a_patient(clinic)
    cast.owe_many(patient, 3)
    cast.owe(patient, "test_reminder", send_at=cast.NOON + timedelta(hours=4))
    at(cast.NOON + timedelta(minutes=1))
    freeze(clinic)
    who = visitors().sign_in(clinic.memberships.get())
    page = who.open("/settings/")
    page.get_by_text("These are the data of").wait_for()
    page.get_by_role("link", name="See what is due").click()
    page.get_by_role("heading", name="What is due").wait_for()
    assert wrong_in_every_view(who, "mail-frozen", axe_on_phone=True) == []
    page.get_by_role("button", name="Release mail").click()
    page.get_by_text("Write the word release, if mail shall leave again.", exact=True).wait_for()
    assert wrong_in_every_view(who, "mail-frozen-refused", axe_on_phone=True) == []
    page.get_by_label("Write release to confirm").fill("release")
    page.get_by_role("button", name="Release mail").click()
    page.locator("#toasts").get_by_text("Mail leaves again. 3 that fell due before now wait for a person.").wait_for()
    page = who.open(PAGE)
    page.get_by_text("Mail is not frozen").wait_for()
    assert wrong_in_every_view(who, "mail-not-frozen", axe_on_phone=True) == []
