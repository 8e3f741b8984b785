"""What a provider says afterwards: late, twice, in any order, and the end is the same."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations
from uuid import uuid4

import pytest
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from hypothesis import given
from hypothesis import strategies as st

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from patients.models import Message, MessageEvent, Patient
from patients.outbox import dispatch, events, ledger, preview, reconcile, services
from patients.outbox.events import EventRecord, Told
from patients.outbox.models import State
from patients.services import people
from tests.outbox import cast

pytestmark = pytest.mark.django_db
WORKER = "worker:1"


def told(message: Message, what: str, *, key: str = "", hard: bool | None = None, **differing) -> Told:
    return Told(
        **{
            "what": what,
            "key": key or uuid4().hex,
            "message_id": "provider-4F1c",
            "ref": message.ref,
            "recipient": message.to_address,
            "code": "",
            "is_hard": what == "bounced" if hard is None else hard,
        }
        | differing
    )


def say(message: Message, what: str, **differing) -> str:
    return events.settle(told=told(message, what, **differing))


def handed_over(patient: Patient, **details) -> Message:
    """The text has left, and the mail server's answer is not written yet."""
    message = cast.owe(patient, **details)
    Message.objects.filter(pk=message.pk).update(
        state=State.SENDING, worker=WORKER, handed_off_at=clock.now(), attempts=1,
        lease_until=datetime.now(UTC) + timedelta(minutes=2),
    )  # fmt: skip
    return message


def went(patient: Patient, **details) -> Message:
    message = handed_over(patient, **details)
    ledger.sent([(message.pk, "4F1c")], WORKER)
    return message


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def flagged(patient: Patient) -> bool:
    patient.refresh_from_db()
    return patient.email_bounced_at is not None


# ── In any order ──────────────────────────────────────────────────────────────

WORDS = ("taken", "deferred", "rejected", "delivered", "soft_bounced", "bounced", "complained", "our own 250")


def ends_of(clinic, words: tuple[str, ...]) -> set[tuple]:
    """How a message, its patient and what waits for her end, for every order in which the words can arrive."""
    ends = set()
    for order in permutations(words):
        patient = cast.a_patient(clinic)
        message, waiting = handed_over(patient), cast.owe(patient, "test_reminder")
        for word in order:
            if word == "our own 250":
                ledger.sent([(message.pk, "4F1c")], WORKER)
            else:
                say(message, word)
        message.refresh_from_db()
        waiting.refresh_from_db()
        patient.refresh_from_db()
        ends.add(
            (
                message.state, message.reason, message.error_class, message.handed_off_at is None, waiting.state,
                patient.email_bounced_at is None, patient.reminders_allowed,
            )
        )  # fmt: skip
    return ends


@pytest.mark.parametrize("words", list(combinations(WORDS, 2)), ids=" and ".join)
def test_whichever_of_two_words_comes_first_the_end_is_the_same(clinic, words):
    assert len(ends_of(clinic, words)) == 1


def test_every_order_of_a_long_story_ends_the_same(clinic):
    (end,) = ends_of(clinic, ("our own 250", "deferred", "delivered", "soft_bounced"))
    assert end[0] == State.BOUNCED


def test_control_where_the_last_word_decides_the_order_shows(clinic, monkeypatch):
    monkeypatch.setattr(events, "WEIGHT", dict.fromkeys(events.WEIGHT, 9))
    assert len(ends_of(clinic, ("delivered", "complained", "our own 250"))) > 1


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("taken", State.SENT),
        ("deferred", State.SENT),
        ("delivered", State.DELIVERED),
        ("rejected", State.FAILED),
        ("soft_bounced", State.BOUNCED),
        ("bounced", State.BOUNCED),
        ("complained", State.COMPLAINED),
        ("unsubscribed", State.SENT),
    ],
)
def test_one_word_about_a_message_that_went(patient, word, state):
    message = went(patient)
    assert say(message, word) == word
    assert state_of(message) == state
    assert [entry.what for entry in message.events.order_by("pk")] == ["sent", word]


# ── Twice, and not ours ───────────────────────────────────────────────────────


def test_a_word_is_heard_once(patient):
    message = went(patient)
    assert [say(message, "delivered", key="e1") for _ in range(3)] == ["delivered", "repeated", "repeated"]
    assert message.events.filter(what="delivered").count() == 1


def test_control_without_its_id_a_repeated_word_is_written_again(patient, monkeypatch):
    monkeypatch.setattr(
        events, "_note", lambda message, told: bool(MessageEvent.objects.create(message=message, what=told.what))
    )
    message = went(patient)
    assert [say(message, "delivered", key="e1") for _ in range(2)] == ["delivered", "delivered"]
    assert message.events.filter(what="delivered").count() == 2


def test_a_word_about_no_message_of_ours_changes_nothing(patient):
    went(patient)
    before = list(Message.objects.values()), MessageEvent.objects.count()
    strange = Told(
        what="bounced", key="x", message_id="<other@elsewhere>", ref=uuid4(), recipient=patient.email, code="",
        is_hard=True,
    )  # fmt: skip
    assert events.settle(told=strange) == "not_ours"
    assert (list(Message.objects.values()), MessageEvent.objects.count()) == before
    assert not flagged(patient)


@pytest.mark.parametrize("by", ["our reference", "Message-ID", "the provider's id"])
def test_a_message_is_found_by_whatever_the_provider_names(patient, by):
    message = went(patient)
    names = {
        "our reference": {"message_id": "nobody knows"},
        "Message-ID": {"ref": None, "message_id": f"<{message.message_id}>"},
        "the provider's id": {"ref": None, "message_id": "4F1c"},
    }
    assert say(message, "delivered", **names[by]) == "delivered"
    assert state_of(message) == State.DELIVERED


# ── Doubt ─────────────────────────────────────────────────────────────────────


def in_doubt(patient: Patient, state: State = State.UNKNOWN) -> Message:
    message = handed_over(patient)
    Message.objects.filter(pk=message.pk).update(state=state, reason="because", lease_until=datetime.now(UTC))
    return message


@pytest.mark.parametrize("state", [State.UNKNOWN, State.NEEDS_PERSON])
@pytest.mark.parametrize(
    ("word", "becomes"), [("taken", State.SENT), ("delivered", State.DELIVERED), ("bounced", State.BOUNCED)]
)
def test_a_word_settles_a_doubt(patient, state, word, becomes):
    message = in_doubt(patient, state)
    say(message, word)
    assert state_of(message) == becomes
    assert message.sent_at == message.handed_off_at
    assert message.provider_ref == "provider-4F1c"


def test_a_message_due_a_second_time_stays_at_home_once_its_first_copy_arrived(patient, limits, breaker, smtp, store):
    message = in_doubt(patient)
    reconcile.run(limits=limits, record=Nothing())
    assert state_of(message) == State.DUE
    say(message, "delivered")
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert (state_of(message), len(store)) == (State.DELIVERED, 0)


def test_control_without_that_word_it_goes_again(patient, limits, breaker, smtp, store):
    message = in_doubt(patient)
    reconcile.run(limits=limits, record=Nothing())
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert (state_of(message), len(store)) == (State.SENT, 1)


class Nothing:
    """A record that says of everything that it never came."""

    def accepted(self, message_id: str) -> None:
        return None


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.SUPPRESSED, State.FAILED])
@pytest.mark.parametrize(("word", "moves"), [("taken", False), ("deferred", False), ("delivered", True)])
def test_what_counts_as_not_sent_is_only_moved_by_a_proof(patient, state, word, moves):
    message = cast.owe(patient)
    Message.objects.filter(pk=message.pk).update(state=state, reason="because")
    say(message, word)
    assert state_of(message) == (State.DELIVERED if moves else state)


# ── Addresses ─────────────────────────────────────────────────────────────────


def test_what_came_back_for_good_flags_the_address_and_stops_what_waits(patient):
    message, waiting, held = went(patient), cast.owe(patient), cast.owe(patient, "test_reminder")
    services.hold(message=held, reason="date is moving", by=cast.boss(patient.clinic))
    say(message, "bounced", code="550")
    assert flagged(patient)
    assert (state_of(message), message.reason, message.error_code) == (State.BOUNCED, events.CAME_BACK, "550")
    for other in (waiting, held):
        assert (state_of(other), other.error_code) == (State.SUPPRESSED, "bounced")
    assert AuditEvent.objects.filter(action="patient.email_flagged", target_ref=patient.ref, by=None).count() == 1


def test_a_new_address_takes_the_flag_away_and_sends_what_was_stopped(patient, boss):
    message, waiting = went(patient), cast.owe(patient)
    say(message, "bounced")
    patient.refresh_from_db()
    people.correct_details(patient=patient, version=patient.version, by=boss, email="leila.new@post.example")
    assert not flagged(patient)
    assert (state_of(waiting), waiting.to_address) == (State.DUE, "leila.new@post.example")


def test_what_came_back_goes_to_the_new_address_while_it_is_of_use(patient, boss, limits, breaker, smtp, store):
    message = went(patient)
    say(message, "bounced")
    patient.refresh_from_db()
    people.correct_details(patient=patient, version=patient.version, by=boss, email="leila.new@post.example")
    assert state_of(message) == State.DUE
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    assert state_of(message) == State.SENT
    (received,) = store.find(message.message_id)
    assert received.recipients == ("leila.new@post.example",)


def test_a_report_that_is_quicker_than_the_answer_costs_no_alarm(patient, caplog):
    message = handed_over(patient)
    say(message, "delivered")
    assert ledger.sent([(message.pk, "4F1c")], WORKER) == 1
    assert (state_of(message), message.provider_ref) == (State.DELIVERED, "4F1c")
    assert "no longer this worker's" not in caplog.text


def test_a_word_about_her_old_address_says_nothing_of_the_new_one(patient, boss):
    message = went(patient)
    people.correct_details(patient=patient, version=patient.version, by=boss, email="leila.new@post.example")
    say(message, "bounced")
    assert state_of(message) == State.BOUNCED
    assert not flagged(patient)


def test_a_message_that_waits_to_go_to_the_new_address_is_not_stopped_by_the_old_one(patient, boss, limits):
    message = in_doubt(patient)
    old = patient.email
    reconcile.run(limits=limits, record=Nothing())
    people.correct_details(patient=patient, version=patient.version, by=boss, email="leila.new@post.example")
    say(message, "bounced", recipient=old)
    assert (state_of(message), message.to_address) == (State.DUE, "leila.new@post.example")
    assert not flagged(patient)


def test_an_address_is_dead_for_everybody_of_the_clinic_who_has_it(clinic, patient):
    daughter = cast.a_patient(clinic, given_name="Mina", email=patient.email.upper())
    elsewhere = cast.a_patient(cast.a_clinic(), email=patient.email)
    hers, theirs = cast.owe(daughter), cast.owe(elsewhere)
    say(went(patient), "bounced")
    assert flagged(daughter)
    assert not flagged(elsewhere)
    assert (state_of(hers), state_of(theirs)) == (State.SUPPRESSED, State.DUE)


def test_the_third_that_came_back_for_now_within_two_weeks_counts_as_dead(patient, at):
    for day, is_dead in ((0, False), (7, False), (13, True)):
        at(cast.NOON + timedelta(days=day))
        say(went(patient), "soft_bounced")
        assert flagged(patient) == is_dead


@pytest.mark.parametrize("days", [(0, 7, 15), (0, 0)])
def test_fewer_or_further_apart_are_a_full_mailbox(patient, at, days):
    for day in days:
        at(cast.NOON + timedelta(days=day))
        say(went(patient), "soft_bounced")
    assert not flagged(patient)


def test_one_message_that_came_back_three_times_is_one_message(patient):
    message = went(patient)
    for _ in range(3):
        say(message, "soft_bounced")
    assert not flagged(patient)


def test_a_server_that_puts_off_again_and_again_says_nothing_of_the_address(patient):
    for message in [went(patient) for _ in range(4)]:
        say(message, "deferred")
        say(message, "deferred")
    assert not flagged(patient)


def test_what_the_provider_refused_may_go_to_a_new_address(patient, boss, limits, breaker, smtp, store):
    message = went(patient)
    say(message, "rejected", hard=True)
    assert (state_of(message), message.error_class) == (State.FAILED, "address")
    assert preview.text_of(message) is None
    patient.refresh_from_db()
    people.correct_details(patient=patient, version=patient.version, by=boss, email="leila.new@post.example")
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    (received,) = store.find(message.message_id)
    assert (state_of(message), received.recipients) == (State.SENT, ("leila.new@post.example",))


def test_two_who_share_an_address_each_get_their_own_and_read_no_more_than_a_first_name(
    clinic, patient, limits, breaker, smtp, store
):
    daughter = cast.a_patient(clinic, given_name="Mina", email=patient.email)
    for_both = [cast.owe(patient), cast.owe(daughter)]
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    mother_reads, daughter_reads = (store.find(message.message_id)[0].text for message in for_both)
    assert "Dear Leila" in mother_reads
    assert "Dear Mina" in daughter_reads
    assert not any("Haddad" in words for words in (mother_reads, daughter_reads))


# ── Spam ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("word", ["complained", "unsubscribed"])
def test_whoever_calls_it_spam_gets_no_reminders_and_still_what_she_needs(patient, word):
    message, reminder, essential = went(patient), cast.owe(patient, "test_reminder"), cast.owe(patient)
    say(message, word)
    patient.refresh_from_db()
    assert (patient.mail_allowed, patient.reminders_allowed) == (True, False)
    assert (state_of(reminder), reminder.error_code) == (State.SUPPRESSED, "reminders_off")
    assert state_of(essential) == State.DUE


def unasked() -> list[Patient]:
    return list(Patient.objects.filter(events.unasked_since_spam()))


@pytest.mark.parametrize("answer", ["all", "visits", "none"])
def test_she_stands_on_the_list_until_somebody_has_asked(patient, boss, at, answer):
    say(went(patient), "complained")
    assert unasked() == [patient]
    at(cast.NOON + timedelta(hours=1))
    events.asked(patient=patient, answer=answer, by=boss)
    assert unasked() == []
    patient.refresh_from_db()
    assert (patient.mail_allowed, patient.reminders_allowed) == events.ANSWERS[answer]
    assert (patient.contact_asked_by, patient.version) == (boss, 3)


def test_a_second_complaint_asks_again(patient, boss, at):
    say(went(patient), "complained")
    at(cast.NOON + timedelta(hours=1))
    events.asked(patient=patient, answer="visits", by=boss)
    at(cast.NOON + timedelta(hours=2))
    say(went(patient), "complained")
    assert unasked() == [patient]


def test_who_asked_for_no_reminders_has_called_nothing_spam(clinic):
    cast.a_patient(clinic, reminders_allowed=False)
    assert unasked() == []


def test_an_answer_nobody_can_give_is_refused_in_words(patient, boss):
    with pytest.raises(DomainError, match="Choose what the patient said"):
        events.asked(patient=patient, answer="perhaps", by=boss)


def test_her_answer_moves_what_waits(patient, boss):
    waiting = cast.owe(patient)
    events.asked(patient=patient, answer="none", by=boss)
    assert (state_of(waiting), waiting.reason) == (State.SUPPRESSED, "Does not want e-mail.")
    events.asked(patient=patient, answer="visits", by=boss)
    assert state_of(waiting) == State.DUE


# ── The record made of events ─────────────────────────────────────────────────


def test_the_record_knows_what_a_word_has_named(patient):
    message = went(patient)
    say(message, "taken")
    assert EventRecord().accepted(message.message_id) == message.events.get(what="taken").at


def test_its_silence_counts_once_the_provider_has_spoken_of_others(patient, at):
    message, other = in_doubt(patient), went(patient)
    at(cast.NOON + timedelta(minutes=5))
    with pytest.raises(reconcile.NothingHeard):
        EventRecord().accepted(message.message_id)
    say(other, "delivered")
    assert EventRecord().accepted(message.message_id) is None


def test_nobody_asks_it_before_its_own_grace_is_over(patient, limits):
    message = in_doubt(patient)
    asked = reconcile.run(limits=limits, record=EventRecord())
    assert not asked["not_found"] + asked["repeated"]
    Message.objects.filter(pk=message.pk).update(lease_until=datetime.now(UTC) - timedelta(hours=1, minutes=1))
    assert reconcile.run(limits=limits, record=EventRecord())["repeated"] == 1


# ── What a provider's event means ─────────────────────────────────────────────


def event(kind: str, **details) -> AnymailTrackingEvent:
    usual = {"event_type": kind, "message_id": "4F1c", "event_id": "e1", "recipient": "leila@post.example"}
    return AnymailTrackingEvent(**usual | details)


@pytest.mark.parametrize(
    ("details", "hard"),
    [
        ({"reject_reason": RejectReason.BOUNCED}, True),
        ({"reject_reason": RejectReason.INVALID}, True),
        ({"reject_reason": RejectReason.TIMED_OUT}, False),
        ({"reject_reason": RejectReason.OTHER}, False),
        ({}, False),
        ({"mta_response": "smtp;550 5.1.1 The account does not exist"}, True),
        ({"mta_response": "550 no such user"}, True),
        ({"mta_response": "5.1.10 recipient not found"}, True),
        ({"mta_response": "550 5.7.1 blocked", "reject_reason": RejectReason.BOUNCED}, False),
        ({"mta_response": "552 5.2.2 mailbox full", "reject_reason": RejectReason.BOUNCED}, False),
        ({"mta_response": "451 4.7.1 greylisted", "reject_reason": RejectReason.BOUNCED}, False),
        ({"esp_event": {"Type": "SoftBounce"}, "reject_reason": RejectReason.BOUNCED}, False),
        ({"esp_event": {"event": "soft_bounce"}, "reject_reason": RejectReason.BOUNCED}, False),
        ({"esp_event": {"bounce": {"bounceType": "Transient"}}, "reject_reason": RejectReason.BOUNCED}, False),
        ({"esp_event": {"Type": "HardBounce"}, "mta_response": "550 5.7.1 no"}, True),
    ],
)
def test_what_came_back_is_for_good_only_where_somebody_says_so(details, hard):
    heard = events.told_by(event(EventType.BOUNCED, **details), provider="P")
    assert (heard.what, heard.is_hard) == ("bounced" if hard else "soft_bounced", hard)


@pytest.mark.parametrize(
    ("reason", "hard"), [(RejectReason.BOUNCED, True), (RejectReason.SPAM, True), (RejectReason.OTHER, False)]
)
def test_a_provider_that_no_longer_serves_an_address_says_so_of_the_address(reason, hard):
    heard = events.told_by(event(EventType.REJECTED, reject_reason=reason), provider="P")
    assert (heard.what, heard.is_hard) == ("rejected", hard)


@pytest.mark.parametrize("kind", [EventType.OPENED, EventType.CLICKED, EventType.AUTORESPONDED, EventType.UNKNOWN])
def test_what_is_nobodys_business_is_dropped(patient, kind):
    message = went(patient)
    events.hear(None, event(kind, metadata={"clinic_ref": str(message.ref)}), "P")
    assert message.events.filter(event_id__isnull=False).count() == 0


def test_a_word_without_an_id_is_known_by_what_it_says():
    moment = datetime(2027, 3, 9, 12, tzinfo=UTC)
    nameless = {"event_id": None, "timestamp": moment}
    keys = [
        events.told_by(event(EventType.DELIVERED, **nameless | differing), provider="P").key
        for differing in ({}, {}, {"timestamp": moment + timedelta(seconds=1)}, {"message_id": "other"})
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


ODD = st.none() | st.text() | st.integers() | st.lists(st.text(), max_size=2) | st.dictionaries(st.text(), st.text())


@given(metadata=ODD, esp_event=ODD, reply=st.none() | st.text(), message_id=st.none() | st.text(), recipient=st.text())
def test_no_event_is_too_odd_to_be_read(metadata, esp_event, reply, message_id, recipient):
    odd = event(
        EventType.BOUNCED, metadata=metadata, esp_event=esp_event, mta_response=reply, message_id=message_id,
        recipient=recipient,
    )  # fmt: skip
    heard = events.told_by(odd, provider="P")
    assert len(heard.key) <= 120
    assert len(heard.code) <= 20


def test_words_and_addresses_stay_out_of_the_log_and_of_the_events(patient, caplog):
    message = went(patient)
    caplog.set_level("INFO")
    bounce = event(
        EventType.BOUNCED, recipient=patient.email, event_id=patient.email, metadata={"clinic_ref": str(message.ref)},
        mta_response=f"550 5.1.1 <{patient.email}> does not exist",
    )  # fmt: skip
    events.hear(None, bounce, "P")
    assert flagged(patient)
    assert patient.email not in caplog.text
    assert not any(patient.email in str(row) for row in MessageEvent.objects.values())


def test_a_mail_server_that_knows_no_such_address_says_it_for_all_who_have_it(clinic, patient):
    daughter = cast.a_patient(clinic, given_name="Mina", email=patient.email)
    message, hers = cast.owe(patient), cast.owe(daughter)
    events.address_is_dead(message=message, address=patient.email)
    assert flagged(patient)
    assert flagged(daughter)
    assert state_of(hers) == State.SUPPRESSED
