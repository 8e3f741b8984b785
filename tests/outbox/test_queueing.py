"""Writing into the ledger, and taking out again what no longer holds."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic import clock
from clinic.models import AuditEvent
from patients.models import Message, MessageEvent, Patient
from patients.outbox import kinds, services
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db


def test_a_message_is_due_at_its_time_and_named_for_ever(patient, boss):
    message = cast.owe(patient, by=boss)
    assert message.state == State.DUE
    assert message.next_attempt_at == message.send_at >= cast.NOON
    assert message.message_id.startswith(str(message.ref))
    assert (message.to_address, message.zone, message.template_version) == (patient.email, "Europe/London", 0)
    event = AuditEvent.objects.get(action="messages.queued")
    assert (event.by, event.facts) == (boss, {"messages": [str(message.ref)], "kinds": ["test_notice"]})


def test_the_same_fact_is_written_once(patient):
    first = cast.owe(patient, key="visit:1:v1")
    assert cast.owe(patient, key="visit:1:v1", context={"note": "other"}).pk == first.pk
    assert Message.objects.count() == AuditEvent.objects.filter(action="messages.queued").count() == 1


def test_the_database_itself_refuses_a_second_row_for_a_fact(patient):
    first = cast.owe(patient, key="visit:1:v1")
    first.pk, first.ref, first.message_id = None, uuid4(), "another@one"
    with pytest.raises(IntegrityError), transaction.atomic():
        first.save(force_insert=True)


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"email": ""}, "test_notice", "no_address"),
        ({"mail_allowed": False, "reminders_allowed": False}, "test_notice", "not_asked"),
        (
            {"mail_allowed": False, "reminders_allowed": False, "contact_asked_at": cast.NOON},
            "test_notice",
            "mail_not_allowed",
        ),
        ({"reminders_allowed": False}, "test_reminder", "reminders_off"),
        ({"status": Patient.Status.DECEASED}, "test_notice", "record_closed"),
        ({"status": Patient.Status.MERGED}, "test_reminder", "record_closed"),
        ({"email_bounced_at": cast.NOON}, "test_notice", "bounced"),
    ],
)
def test_whoever_must_not_be_written_to_gets_a_row_that_says_why(clinic, boss, change, kind, code):
    if "contact_asked_at" in change:
        change["contact_asked_by"] = boss
    message = cast.owe(cast.a_patient(clinic, **change), kind)
    assert (message.state, message.error_code) == (State.SUPPRESSED, code)
    assert message.reason
    assert message.closed_at is not None


def test_essential_mail_goes_to_a_patient_who_wants_no_reminders(clinic):
    assert cast.owe(cast.a_patient(clinic, reminders_allowed=False), "test_notice").state == State.DUE


def test_a_message_written_too_late_is_kept_as_too_late(patient):
    now = clock.now()
    message = cast.owe(patient, send_at=now - timedelta(days=2), expires_at=now - timedelta(minutes=1))
    assert message.state == State.EXPIRED


def test_a_reminder_for_the_night_is_moved_out_of_it_and_a_notice_is_not(patient):
    night = datetime(2027, 3, 10, 2, 0, tzinfo=cast.LONDON)
    late = {"send_at": night, "expires_at": night + timedelta(days=2)}
    assert timezone.localtime(cast.owe(patient, "test_reminder", **late).send_at, cast.LONDON).hour == 8
    notice = cast.owe(patient, "test_notice", **late)
    assert notice.send_at == night
    assert not notice.quiet_hours_apply


@pytest.mark.parametrize("size", [2, 40])
def test_many_messages_cost_one_insert(patient, django_assert_num_queries, size):
    with django_assert_num_queries(4):  # the moment (the test's and ours), insert, audit
        assert len(cast.owe_many(patient, size)) == size


def test_an_unknown_kind_is_refused_when_it_is_written(patient):
    with pytest.raises(kinds.UnknownKind):
        cast.owe(patient, "no_such_kind")


def test_two_kinds_cannot_share_a_code():
    with pytest.raises(ValueError, match="test_notice"):
        kinds.register(kinds.Kind(**{**vars(cast.NOTICE), "label": "Other"}))


def test_cancelling_takes_what_waits_and_returns_what_has_gone(patient, boss):
    about = uuid4()
    due, held, claimed, handed_over = (cast.owe(patient, about=about) for _ in range(4))
    services.hold(message=held, reason="date is moving", by=boss)
    lease = {"state": State.SENDING, "worker": "w", "lease_until": clock.now() + timedelta(minutes=2)}
    Message.objects.filter(pk__in=[claimed.pk, handed_over.pk]).update(**lease)
    Message.objects.filter(pk=handed_over.pk).update(handed_off_at=clock.now())
    other = cast.owe(patient, about=uuid4())
    gone = services.cancel_about(about=about, reason="The visit was cancelled.", by=boss)
    assert [row.pk for row in gone] == [handed_over.pk]
    states = dict(Message.objects.values_list("pk", "state"))
    assert [states[row.pk] for row in (due, held, claimed, handed_over, other)] == [
        "cancelled", "cancelled", "cancelled", "sending", "due",
    ]  # fmt: skip
    due.refresh_from_db()
    assert (due.reason, due.closed_by) == ("The visit was cancelled.", boss)
    assert MessageEvent.objects.filter(what="cancelled").count() == 3
    assert len(AuditEvent.objects.get(action="messages.cancelled").facts["messages"]) == 3


def test_cancelling_can_be_limited_to_kinds_and_take_several_things(patient):
    one, two = uuid4(), uuid4()
    notice, reminder = cast.owe(patient, about=one), cast.owe(patient, "test_reminder", about=two)
    services.cancel_about(about=[one, two], reason="moved", by=None, kinds=["test_reminder"])
    assert set(Message.objects.values_list("pk", "state")) == {(notice.pk, "due"), (reminder.pk, "cancelled")}


def test_cancelling_twice_changes_nothing_more(patient):
    about = uuid4()
    cast.owe(patient, about=about)
    services.cancel_about(about=about, reason="moved", by=None)
    services.cancel_about(about=about, reason="again", by=None)
    assert Message.objects.get().reason == "moved"


def test_a_new_address_is_taken_over_and_brings_back_what_was_stopped_for_want_of_one(clinic, boss):
    patient = cast.a_patient(clinic, email="")
    stopped = cast.owe(patient)
    patient.email = "new@post.example"
    patient.save()
    waiting = cast.owe(patient)
    assert services.address_changed(patient=patient, by=boss) == 1
    patient.email = "newer@post.example"
    patient.save()
    assert services.address_changed(patient=patient, by=boss) == 2
    assert set(Message.objects.values_list("state", "to_address")) == {("due", "newer@post.example")}
    assert {stopped.pk, waiting.pk} == set(Message.objects.values_list("pk", flat=True))


def test_a_patient_who_withdraws_her_leave_gets_nothing_more_and_the_desk_reads_why(patient, boss):
    message = cast.owe(patient)
    patient.mail_allowed = patient.reminders_allowed = False
    patient.contact_asked_at, patient.contact_asked_by = clock.now(), boss
    patient.save()
    services.address_changed(patient=patient, by=boss)
    message.refresh_from_db()
    assert (message.state, message.reason) == (State.SUPPRESSED, "Does not want e-mail.")


def test_what_came_too_late_stays_so_when_an_address_comes(clinic, at):
    patient = cast.a_patient(clinic, email="")
    message = cast.owe(patient)
    at(cast.NOON + timedelta(days=3))
    patient.email = "new@post.example"
    patient.save()
    assert services.address_changed(patient=patient, by=None) == 0
    message.refresh_from_db()
    assert message.state == State.SUPPRESSED


def claimed(patient, worker: str = "w") -> Message:
    """A worker holds it and is writing; it has not been marked."""
    message = cast.owe(patient)
    lease = {"state": State.SENDING, "worker": worker, "lease_until": clock.now() + timedelta(minutes=2)}
    Message.objects.filter(pk=message.pk).update(attempts=1, **lease)
    return message


def test_a_new_address_takes_a_claimed_message_from_its_worker(patient):
    message, handed_over = claimed(patient), claimed(patient)
    Message.objects.filter(pk=handed_over.pk).update(handed_off_at=clock.now())
    patient.email = "new@post.example"
    patient.save()
    assert services.address_changed(patient=patient, by=None) == 1
    message.refresh_from_db()
    assert (message.state, message.worker, message.to_address) == (State.DUE, "", "new@post.example")
    handed_over.refresh_from_db()
    assert (handed_over.state, handed_over.worker) == (State.SENDING, "w")


def test_leave_that_is_withdrawn_stops_a_claimed_message(patient, boss):
    message = claimed(patient)
    patient.mail_allowed = patient.reminders_allowed = False
    patient.contact_asked_at, patient.contact_asked_by = clock.now(), boss
    patient.save()
    services.address_changed(patient=patient, by=boss)
    message.refresh_from_db()
    assert (message.state, message.worker, message.reason) == (State.SUPPRESSED, "", "Does not want e-mail.")


def test_a_claimed_message_that_is_not_concerned_stays_with_its_worker(patient):
    message = claimed(patient)
    assert services.address_changed(patient=patient, by=None) == 0
    message.refresh_from_db()
    assert (message.state, message.worker) == (State.SENDING, "w")


def test_an_address_is_corrected_though_an_older_release_wrote_a_message_of_its_own(patient):
    strange, known = cast.owe(patient, "test_secret"), cast.owe(patient)
    kinds.forget("test_secret")
    patient.email = "new@post.example"
    patient.save()
    assert services.address_changed(patient=patient, by=None) == 1
    assert dict(Message.objects.values_list("pk", "to_address"))[known.pk] == "new@post.example"
    strange.refresh_from_db()
    assert strange.state == State.DUE


def test_only_a_demo_clinic_has_an_invented_past(patient, clinic):
    past, future = cast.owe(patient), cast.owe(patient, send_at=clock.now() + timedelta(hours=5))
    assert services.settle_history(clinic=clinic, before=clock.now() + timedelta(hours=1)) == 1
    assert set(Message.objects.values_list("pk", "state")) == {(past.pk, "sent"), (future.pk, "due")}
    clinic.is_demo = False
    with pytest.raises(services.DomainError):
        services.settle_history(clinic=clinic, before=clock.now())


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"state": "gone"}, "message_state_known"),
        ({"state": "sending"}, "message_sending_has_a_lease"),
        ({"state": "sent"}, "message_sent_says_when"),
        ({"state": "cancelled"}, "message_not_sent_says_why"),
        ({"expires_at": cast.NOON - timedelta(days=1)}, "message_expires_after_due"),
    ],
)
def test_the_database_refuses_a_row_without_its_proof(patient, fields, constraint):
    message = cast.owe(patient)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(**fields)
