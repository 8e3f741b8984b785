"""Messages that do not leave are noticed: by the machine that asks, and by the manager on whatever page she is."""

from datetime import timedelta

import pytest
from celery.signals import worker_ready
from django.db import OperationalError
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from clinic import clock, services
from clinic.models import User
from clinic.roles import Role
from patients.models import Message, WorkerSeen
from patients.outbox import health, tasks
from patients.outbox import services as outbox
from patients.outbox.models import State
from tests.fixtures.browser import wrong_in_every_view
from tests.outbox import cast

pytestmark = pytest.mark.django_db
LATE = timedelta(minutes=16)


@pytest.fixture
def looked_after() -> None:
    health.note_worker()


@pytest.fixture
def warns(settings) -> None:
    settings.WARNS_MANAGERS = True


def answer(client: Client | None = None) -> tuple[int, dict]:
    response = (client or Client()).get("/healthz/messages")
    return response.status_code, response.json()


def silent_for(**ago: float) -> None:
    WorkerSeen.objects.update(at=Now() - timedelta(**ago))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


WELL = (200, {"status": "ok"})


def unwell(wrong: str) -> tuple[int, dict]:
    return 503, {"status": "unavailable", "wrong": wrong}


def test_all_is_well_while_a_worker_looks_and_nothing_is_late(patient, looked_after, at):
    message = cast.owe(patient)
    assert answer() == WELL
    at(cast.NOON + timedelta(minutes=14, seconds=59))
    assert answer() == WELL
    at(cast.NOON + timedelta(minutes=15, seconds=1))
    assert answer() == unwell("late")
    Message.objects.filter(pk=message.pk).update(state=State.SENT, sent_at=cast.NOON)
    assert answer() == WELL


def test_a_worker_that_fell_silent_is_noticed_after_two_minutes_also_when_nothing_is_due(clinic, looked_after):
    silent_for(seconds=110)
    assert answer() == WELL
    silent_for(seconds=130)
    assert answer() == unwell("worker")


def test_no_worker_at_all_is_noticed_and_one_machine_of_two_is_enough(clinic):
    assert answer() == unwell("worker")
    WorkerSeen.objects.create(name="gone", at=Now() - timedelta(hours=1))
    assert answer() == unwell("worker")
    health.note_worker()
    assert answer() == WELL


def test_moving_the_clinics_clock_makes_no_worker_silent(clinic, looked_after, at):
    at(cast.NOON + timedelta(days=42))
    assert answer() == WELL


def test_a_clinic_that_paused_its_mail_is_not_unwell_but_another_beside_it_is(patient, boss, looked_after, at):
    cast.owe(patient)
    outbox.pause(clinic=patient.clinic, reason="wrong times", by=boss)
    at(cast.NOON + LATE)
    assert answer() == WELL
    other = cast.a_patient(cast.a_clinic())
    cast.owe(other, send_at=cast.NOON)
    assert answer() == unwell("late")
    assert health.unwell(patient.clinic) is None
    assert health.unwell(other.clinic).since == cast.NOON


@pytest.mark.parametrize("state", [State.HELD, State.CANCELLED, State.UNKNOWN, State.FAILED])
def test_what_waits_for_a_person_or_is_over_is_not_late(patient, looked_after, at, state):
    message = cast.owe(patient)
    Message.objects.filter(pk=message.pk).update(state=state, reason="because")
    at(cast.NOON + LATE)
    assert answer() == WELL


def test_a_mail_server_that_is_down_is_noticed_although_each_try_is_put_off(patient, looked_after, at):
    """The next try is always in the future: looked at by that alone, an outage of hours would never be late."""
    message = cast.owe(patient)
    at(cast.NOON + LATE)
    soon = clock.now() + timedelta(seconds=80)
    put_off = {"error_class": "relay_unreachable", "next_attempt_at": soon}
    Message.objects.filter(pk=message.pk).update(**put_off | {"error_class": "turned_away"})
    assert answer() == WELL, "a busy server's refusal is waited out"
    Message.objects.filter(pk=message.pk).update(**put_off)
    assert answer() == unwell("relay")
    assert health.unwell().since == cast.NOON


def test_a_database_that_does_not_answer_is_said_and_nothing_else(monkeypatch):
    def no_answer(clinic):
        raise OperationalError("could not connect to leila@post.example")

    monkeypatch.setattr(health, "unwell", no_answer)
    assert answer() == unwell("database")


def test_the_answer_names_nobody_and_asks_nobody_to_sign_in(patient, looked_after, at, django_assert_num_queries):
    cast.owe(patient)
    at(cast.NOON + LATE)
    with django_assert_num_queries(1):
        body = Client().get("/healthz/messages").content.decode()
    for said in (patient.clinic.name, patient.family_name, patient.email, "1 "):
        assert said not in body
    assert Client().post("/healthz/messages").status_code == 405


# ── The worker's sign of life ─────────────────────────────────────────────────


def test_a_run_notes_that_it_looked_though_nothing_is_due_and_each_machine_has_one_row(
    clinic, django_assert_num_queries
):
    tasks.dispatch()
    silent_for(hours=1)
    tasks.dispatch()
    assert WorkerSeen.objects.count() == 1
    assert answer() == WELL
    with django_assert_num_queries(1):
        health.note_worker()


def test_without_the_note_a_worker_that_works_would_be_taken_for_dead(clinic, monkeypatch):
    """The negative control of the test above."""
    monkeypatch.setattr(health, "note_worker", lambda: None)
    tasks.dispatch()
    assert answer() == unwell("worker")


def test_a_worker_that_begins_is_seen_before_beat_first_rings(clinic):
    assert answer() == unwell("worker")
    worker_ready.send(sender="a worker")
    assert answer() == WELL


def test_machines_that_were_not_seen_for_a_day_are_forgotten(clinic, looked_after):
    WorkerSeen.objects.create(name="yesterday", at=Now() - timedelta(hours=23))
    WorkerSeen.objects.create(name="long-gone", at=Now() - timedelta(hours=25))
    tasks.reconcile()
    assert not WorkerSeen.objects.filter(name="long-gone").exists()
    assert WorkerSeen.objects.filter(name="yesterday").exists()


# ── The manager's banner ──────────────────────────────────────────────────────


def test_a_manager_reads_on_every_page_since_when_nothing_leaves_and_what_to_do(patient, boss, warns, looked_after, at):
    cast.owe(patient)
    manager = signed_in(boss)
    assert "Messages are not leaving" not in manager.get("/settings/").content.decode()
    at(cast.NOON + LATE)
    for url in ("/settings/", reverse("patients:messages"), reverse("patients:list")):
        page = manager.get(url).content.decode()
        assert "Messages are not leaving since 12:00" in page, url
        assert "Nothing is lost: ask whoever looks after the system" in page
        assert f'<a href="{reverse("patients:messages")}">Open Messages</a>' in page


def test_the_banner_names_the_day_where_it_is_another_and_no_time_where_nobody_ever_looked(
    patient, boss, warns, looked_after, at
):
    cast.owe(patient)
    at(cast.NOON + timedelta(hours=20))
    health.note_worker()
    manager = signed_in(boss)
    assert "Messages are not leaving since Tuesday 9 March, 12:00" in manager.get("/settings/").content.decode()
    WorkerSeen.objects.all().delete()
    page = manager.get("/settings/").content.decode()
    assert "<b>Messages are not leaving</b>" in page
    assert "No worker is running." in page


def test_a_silent_worker_is_told_in_the_clinics_time_not_in_the_servers(clinic, boss, warns, looked_after, at):
    at(cast.NOON)
    silent_for(minutes=18)
    assert "Messages are not leaving since 11:42" in signed_in(boss).get("/settings/").content.decode()


def test_only_managers_are_told_and_no_request_in_the_background_asks(clinic, boss, warns):
    desk = User.objects.create_user("tess@clinic.example", None, full_name="Tess Moran")
    services.join(clinic=clinic, user=desk, roles=[Role.FRONT_DESK], by=boss)
    assert "Messages are not leaving" not in signed_in(desk).get("/settings/").content.decode()
    manager = signed_in(boss)
    assert "Messages are not leaving" in manager.get("/settings/").content.decode()
    again = manager.get("/settings/", headers={"X-Background": "1"}).content.decode()
    assert "Messages are not leaving" not in again


def test_the_banner_costs_one_query_a_page(clinic, boss, settings, looked_after, django_assert_max_num_queries):
    manager = signed_in(boss)
    manager.get("/settings/")  # the first page of a session writes the session
    counted = []
    for told in (False, True):
        settings.WARNS_MANAGERS = told
        with django_assert_max_num_queries(20) as queries:
            manager.get("/settings/")
        counted.append(len(queries))
    assert counted[1] == counted[0] + 1


def test_another_clinics_late_mail_is_no_business_of_hers(patient, warns, looked_after, at):
    cast.owe(patient)
    at(cast.NOON + LATE)
    foreign = signed_in(cast.boss(cast.a_clinic()))
    assert "Messages are not leaving" not in foreign.get("/settings/").content.decode()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_banner_can_be_read_by_everybody(visitors, clinic, warns):
    who = visitors().sign_in(clinic.memberships.get())
    page = who.open("/settings/")
    page.get_by_role("alert").get_by_text("Messages are not leaving").wait_for()
    assert wrong_in_every_view(who, "mail-unwell", axe_on_phone=True) == []
    page.get_by_role("link", name="Open Messages").click()
    page.get_by_role("heading", name="Messages", exact=True).wait_for()
