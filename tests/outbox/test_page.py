"""The Messages page: the balance, the groups, the words of each row, and what each button does."""

from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from clinic import clock, services
from clinic.models import User
from clinic.roles import Role
from patients.models import Message, Patient
from patients.outbox import selectors, wording
from patients.outbox import services as outbox
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db
STATES = {
    State.SENT: {"sent_at": cast.NOON, "provider_ref": "4F1c"},
    State.DELIVERED: {"sent_at": cast.NOON},
    State.SENDING: {"worker": "w", "lease_until": cast.NOON},
    State.UNKNOWN: {"handed_off_at": cast.NOON, "error_class": "worker_stopped"},
    State.NEEDS_PERSON: {"handed_off_at": cast.NOON},
    State.CANCELLED: {"closed_at": cast.NOON, "reason": "Visit was cancelled."},
}


@pytest.fixture
def member(clinic) -> User:
    user = User.objects.create_user("tess@clinic.example", None, full_name="Tess Moran")
    services.join(clinic=clinic, user=user, roles=[Role.FRONT_DESK], by=user)
    return user


@pytest.fixture
def desk(member) -> Client:
    client = Client()
    client.force_login(member)
    return client


def fields_of(state: State) -> dict:
    return {"state": state, "reason": "because"} | STATES.get(state, {})


def put(patient, state: State) -> Message:
    message = cast.owe(patient)
    Message.objects.filter(pk=message.pk).update(**fields_of(state))
    message.refresh_from_db()
    return message


def a_full_day(clinic, copies: int = 1) -> None:
    """`copies` messages in every state, each of another patient."""
    patients = [cast.a_patient(clinic, given_name="Ana", family_name=f"Number{number}") for number in range(copies)]
    for state in State:
        rows = [row.pk for patient in patients for row in cast.owe_many(patient, 1)]
        Message.objects.filter(pk__in=rows).update(**fields_of(state))


def test_the_day_balances_and_shows_a_row_in_every_state(clinic, desk):
    a_full_day(clinic)
    page = desk.get(reverse("patients:messages")).content.decode()
    assert "The day balances" in page
    for words in (
        "Will go",
        "Held",
        "Went 12:00:00",
        "Unknown",
        "Needs a person",
        "Cancelled",
        "Bounced",
        "Too late",
        "Not sent",
    ):
        assert words in page
    balance = selectors.day_page(clinic=clinic, day=clock.today(clinic), now=clock.now()).balance
    assert (balance.due, balance.went, balance.will_go, balance.did_not_go, balance.unknown) == (13, 2, 3, 6, 2)


def test_a_row_past_its_time_that_nobody_settled_turns_the_balance_red(clinic, patient, desk, at):
    cast.owe(patient, expires_at=clock.now() + timedelta(minutes=5))
    at(cast.NOON + timedelta(hours=1))
    page = desk.get(reverse("patients:messages")).content.decode()
    assert "The day does not balance" in page
    assert "1 of 1 is past its time" in page
    assert "Call instead" in page


def test_a_late_row_is_said_to_be_late(clinic, patient, desk, at):
    cast.owe(patient)
    at(cast.NOON + timedelta(minutes=16))
    assert "Some are late" in desk.get(reverse("patients:messages")).content.decode()


@pytest.mark.parametrize("path", ["", "?show=will", "?show=went", "?show=not", "?show=unknown"])
def test_the_page_asks_the_same_few_questions_of_a_full_day(clinic, desk, path, django_assert_max_num_queries):
    desk.get(reverse("patients:messages"))  # the first page of a session writes the session
    counted = []
    for copies in (1, 12):
        a_full_day(clinic, copies)
        with django_assert_max_num_queries(12) as queries:
            assert desk.get(reverse("patients:messages") + path).status_code == 200
        counted.append(len(queries))
    assert counted[0] == counted[1]


def groups_of(clinic, **asked) -> dict[str, selectors.Group]:
    page = selectors.day_page(clinic=clinic, day=clock.today(clinic), now=clock.now(), **asked)
    return {group.name: group for group in page.groups}


def test_what_needs_a_person_is_shown_whole_and_the_rest_says_what_is_left_out(clinic):
    a_full_day(clinic, 25)
    groups = groups_of(clinic)
    assert [len(groups[name].rows) for name in ("person", "will", "not", "went")] == [125, 20, 20, 20]
    assert [groups[name].note for name in ("person", "will", "not", "went")] == [
        "never sent again by itself",
        "the next 20 of 75; each is checked again as it leaves",
        "the first 20 of 75, 75 more above",
        "the last 20 of 50",
    ]


@pytest.mark.parametrize(
    ("asked", "notes"),
    [
        ({"show": "unknown"}, ["the first 3 of 8, never sent again by itself"]),
        ({"show": "not"}, ["the first 3 of 12, never sent again by itself", "the first 3 of 12, 12 more above"]),
        ({"show": "went"}, ["the last 3 of 8"]),
        ({"find": "ana"}, ["the first 3 of 20, never sent again by itself", "the next 3 of 12 found",
                           "the first 3 of 12 found", "the last 3 of 8 found"]),
    ],
)  # fmt: skip
def test_a_list_that_is_cut_says_so_on_every_tab_and_in_a_search(clinic, monkeypatch, asked, notes):
    a_full_day(clinic, 4)
    monkeypatch.setattr(selectors, "SHOWN_ALONE", 3)
    assert [group.note for group in groups_of(clinic, **asked).values()] == notes


def test_each_tab_shows_its_own(clinic, desk):
    a_full_day(clinic)

    def chips(show: str) -> int:
        return desk.get(reverse("patients:messages"), {"show": show}).content.decode().count('data-label="State"')

    assert [chips(show) for show in ("", "will", "went", "not", "unknown", "nonsense")] == [13, 3, 2, 6, 2, 13]


def test_the_day_can_be_paged_and_odd_days_are_today(clinic, patient, desk):
    tomorrow = clock.now() + timedelta(days=1)
    cast.owe(patient, send_at=tomorrow, expires_at=tomorrow + timedelta(days=1))
    assert "Wednesday 10 March" in desk.get(reverse("patients:messages"), {"on": "2027-03-10"}).content.decode()
    for odd in ("yesterday", "0001-01-01", "9999-12-31", "2027-02-30", "\0"):
        response = desk.get(reverse("patients:messages"), {"on": odd})
        assert response.status_code == 200
        assert "Tuesday 9 March" in response.content.decode()


def test_a_message_belongs_to_the_clinics_day_not_to_the_servers(clinic, patient, at):
    summer = datetime(2027, 6, 1, 23, 30, tzinfo=cast.LONDON)
    at(summer - timedelta(hours=1))
    cast.owe(patient, send_at=summer, expires_at=summer + timedelta(hours=5))
    page = selectors.day_page(clinic=clinic, day=summer.date(), now=clock.now())
    assert page.balance.due == 1


@pytest.mark.parametrize(
    ("typed", "found"), [("zielinski", 1), ("MAREK", 1), ("notice", 2), ("nobody", 0), ("\0", 2), ("a@b", 0)]
)
def test_search_finds_patient_or_step_and_leaves_no_trace_in_the_address(clinic, patient, desk, typed, found):
    cast.owe(patient)
    cast.owe(cast.a_patient(clinic, given_name="Marek", family_name="Zieliński"))
    response = desk.post(reverse("patients:messages"), {"find": typed})
    assert response.status_code == 200
    assert response.content.decode().count('data-label="State"') == found


def test_another_clinics_messages_do_not_exist(desk):
    foreign = cast.owe(cast.a_patient(cast.a_clinic(), family_name="Fremd"))
    assert "Fremd" not in desk.get(reverse("patients:messages")).content.decode()
    assert desk.get(reverse("patients:message", args=[foreign.ref])).status_code == 404
    for act in ("hold", "release", "send_now", "send_again", "arrived"):
        assert desk.post(reverse(f"patients:message_{act}", args=[foreign.ref]), {"reason": "x"}).status_code == 404
    assert desk.get(reverse("patients:message", args=[uuid4()])).status_code == 404


def press(client: Client, name: str, message: Message | None = None, **data):
    data.setdefault("submit_token", str(uuid4()))
    return client.post(reverse(f"patients:{name}", args=[message.ref] if message else []), data)


def test_the_desk_holds_releases_and_sends(patient, desk, member):
    message = cast.owe(patient)
    response = press(desk, "message_hold", message, reason="date is moving")
    assert (response.status_code, response["Location"]) == (302, "/messages/?on=2027-03-09")
    assert "Held by Tess Moran: date is moving" in desk.get(response["Location"]).content.decode()
    press(desk, "message_release", message)
    press(desk, "message_send_now", message)
    message.refresh_from_db()
    assert (message.state, message.priority, message.quiet_hours_apply) == (State.DUE, 0, False)


def test_a_hold_without_a_reason_is_asked_for_one_and_nothing_changes(patient, desk):
    message = cast.owe(patient)
    response = press(desk, "message_hold", message, reason="  ")
    assert response.status_code == 422
    assert "Write why, in a few words." in response.content.decode()
    message.refresh_from_db()
    assert message.state == State.DUE


def test_an_act_that_came_too_late_says_so_and_answers_409(patient, desk):
    message = put(patient, State.SENT)
    response = press(desk, "message_hold", message, reason="wait")
    assert response.status_code == 409
    assert "This message is no longer waiting: went." in response.content.decode()


def test_the_same_press_twice_does_it_once(patient, desk):
    message, token = cast.owe(patient), str(uuid4())
    for _ in range(2):
        assert press(desk, "message_hold", message, reason="wait", submit_token=token).status_code == 302
    assert message.events.count() == 1


def test_a_doubt_is_settled_by_a_person(patient, desk):
    arrived, lost = put(patient, State.UNKNOWN), put(patient, State.NEEDS_PERSON)
    press(desk, "message_arrived", arrived)
    press(desk, "message_send_again", lost)
    page = desk.get(reverse("patients:messages")).content.decode()
    assert "Arrived, says Tess Moran" in page
    lost.refresh_from_db()
    assert (lost.state, lost.resent) == (State.DUE, True)


def test_pausing_asks_why_and_tells_everyone(clinic, desk):
    assert desk.get(reverse("patients:messages_pause")).status_code == 200
    assert press(desk, "messages_pause", reason="").status_code == 422
    assert press(desk, "messages_pause", reason="wrong times").status_code == 302
    page = desk.get(reverse("patients:messages")).content.decode()
    assert "All mail is paused since" in page
    assert "Tess Moran: wrong times" in page
    press(desk, "messages_resume")
    assert "All mail is paused" not in desk.get(reverse("patients:messages")).content.decode()


@pytest.mark.parametrize(
    ("act", "state", "said"),
    [
        ("message_send_now", State.DUE, "It leaves first, once mail is sent again."),
        ("message_release", State.HELD, "Released: it goes at its time, once mail is sent again."),
        ("message_send_again", State.NEEDS_PERSON, "It is sent a second time once mail is sent again"),
    ],
)
def test_while_mail_is_paused_no_act_promises_that_something_leaves(clinic, patient, desk, member, act, state, said):
    message = put(patient, state)
    outbox.pause(clinic=clinic, reason="wrong times", by=member)
    response = press(desk, act, message)
    assert said in desk.get(response["Location"]).content.decode()


def test_a_refusal_stands_above_the_form_once(patient, desk):
    for response in (
        press(desk, "message_hold", cast.owe(patient), reason=""),
        press(desk, "messages_pause", reason=""),
    ):
        assert response.status_code == 422
        assert response.content.decode().count("data-first-error") == 1


@pytest.mark.parametrize("state", list(State))
def test_the_chip_speaks_the_ledgers_own_words(patient, state):
    message = put(patient, state)
    words = "Went 12:00:00" if state == State.SENT else state.label
    assert wording.row(message, clock.now()).chip_label == words


def test_a_message_page_shows_what_would_be_sent_and_what_was(patient, desk, smtp, limits, breaker):
    from patients.outbox import dispatch

    message = cast.owe(patient)
    before = desk.get(reverse("patients:message", args=[message.ref])).content.decode()
    assert "As it would be sent now" in before
    assert "Dear Leila," in before
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    patient.given_name = "Renamed"
    patient.save()
    after = desk.get(reverse("patients:message", args=[message.ref])).content.decode()
    assert "As it was sent" in after
    assert "Dear Leila," in after
    assert "Accepted by the mail server" in after


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"unwanted": "The visit was moved."}, "The visit was moved."),
        ({"poison": True}, "It cannot be written as things stand."),
    ],
)
def test_a_preview_says_when_a_message_would_not_go(patient, desk, context, words):
    page = desk.get(reverse("patients:message", args=[cast.owe(patient, context=context).ref])).content.decode()
    assert "It would not go" in page
    assert words in page


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_page_and_words(patient, desk, state):
    message = put(patient, state)
    assert desk.get(reverse("patients:message", args=[message.ref])).status_code == 200
    assert wording.row(message, clock.now()).proof or state in (State.DUE, State.HELD)


@pytest.mark.parametrize(
    ("fields", "proof"),
    [
        ({"state": State.SENT, **STATES[State.SENT]}, "Accepted by mail server, id 4F1c"),
        ({"state": State.UNKNOWN, **STATES[State.UNKNOWN]}, "Worker stopped after handing over, 12:00:00"),
        ({"state": State.CANCELLED, **STATES[State.CANCELLED]}, "Visit was cancelled 12:00, before sending"),
        (
            {"error_class": "turned_away", "error_code": "451", "next_attempt_at": cast.NOON},
            "The mail server asked to wait (451); next try 12:00",
        ),
        (
            {"error_class": "relay_unreachable", "next_attempt_at": cast.NOON},
            "The mail server cannot be reached; next try 12:00",
        ),
        (
            {"error_class": "relay_unreachable", "error_code": "http 401", "next_attempt_at": cast.NOON},
            "The mail server cannot be reached (http 401); next try 12:00",
        ),
        ({"context": {"note": "Wed 10 Mar, 10:30, Jonas Feld"}}, "Wed 10 Mar, 10:30, Jonas Feld"),
        ({"local_rule": "day before at 10:00"}, "day before at 10:00"),
    ],
)
def test_a_row_gives_its_proof_or_its_reason(patient, fields, proof):
    message = cast.owe(patient)
    Message.objects.filter(pk=message.pk).update(**fields)
    message.refresh_from_db()
    assert wording.row(message, clock.now()).proof == proof


def test_a_notice_that_can_still_be_undone_counts_its_wait(patient):
    message = cast.owe(patient, send_at=clock.now() + timedelta(minutes=6, seconds=30))
    row = wording.row(message, clock.now())
    assert (row.chip_state, row.chip_label) == ("waits", "Waits 7 min")


def test_a_patients_messages_are_listed_newest_first(clinic, patient, django_assert_num_queries):
    cast.owe_many(patient, 3)
    cast.owe(cast.a_patient(clinic))
    with django_assert_num_queries(2):
        rows = selectors.for_patient(patient)
    assert [row.label for row in rows] == ["A notice"] * 3


def test_strangers_are_sent_to_the_sign_in(clinic, patient):
    message = cast.owe(patient)
    for url in (reverse("patients:messages"), reverse("patients:message", args=[message.ref])):
        assert Client().get(url).status_code == 302


def test_the_page_says_in_one_line_how_sending_goes(clinic, patient, desk, at):
    """What counts is what can be acted on now; a doubt of last year and another clinic's bounce are not in it."""
    now = clock.now()
    went = [cast.owe(patient) for _ in range(20)]
    for number, message in enumerate(went, start=1):
        Message.objects.filter(pk=message.pk).update(
            state=State.SENT, send_at=now, sent_at=now + timedelta(seconds=10 * number)
        )
    yesterday = {"sent_at": now - timedelta(days=1), "send_at": now - timedelta(days=1, hours=5)}
    Message.objects.filter(pk=cast.owe(patient).pk).update(state=State.SENT, **yesterday)
    put(patient, State.UNKNOWN), put(patient, State.NEEDS_PERSON), put(patient, State.FAILED)
    long_ago = {"send_at": now - timedelta(days=300), "sent_at": now - timedelta(days=299)}
    for state in (State.UNKNOWN, State.BOUNCED, State.FAILED):
        Message.objects.filter(pk=put(patient, state).pk).update(**long_ago)
    put(cast.a_patient(cast.a_clinic()), State.BOUNCED)
    cast.owe(patient), cast.owe(patient)
    at(cast.NOON + timedelta(minutes=16))
    cast.owe(patient)
    assert selectors.pulse(clinic=clinic, now=clock.now()).sentences == [
        "Now 3 due, 2 late, 2 unknown.",
        "In 24 hours 1 failed, none bounced.",
        "From due to gone today: half within 2 min, 95 of 100 within 4 min.",
    ]
    page = desk.get(reverse("patients:messages")).content.decode()
    assert "<span>Now 3 due, 2 late, 2 unknown.</span>" in page


def test_a_failure_leaves_the_line_after_a_day_and_a_bounce_counts_from_when_it_is_known(clinic, patient, at):
    failed, bounced = put(patient, State.FAILED), put(patient, State.BOUNCED)
    Message.objects.filter(pk=failed.pk).update(closed_at=cast.NOON)
    Message.objects.filter(pk=bounced.pk).update(sent_at=cast.NOON, closed_at=cast.NOON + timedelta(hours=5))
    for hours, counted in ((23, (1, 1)), (25, (0, 1)), (30, (0, 0))):
        at(cast.NOON + timedelta(hours=hours))
        pulse = selectors.pulse(clinic=clinic, now=clock.now())
        assert (pulse.failed, pulse.bounced) == counted, hours


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "1 s"), (0.2, "1 s"), (38, "38 s"), (99, "99 s"), (150, "3 min"), (6000, "2 h"), (9000, "3 h")]
)  # fmt: skip
def test_a_wait_is_said_in_the_unit_a_person_would_use(seconds, words):
    assert selectors._span(timedelta(seconds=seconds)) == words


def test_the_line_costs_one_query_and_nothing_has_gone_in_the_morning(clinic, patient, django_assert_num_queries):
    cast.owe(patient)
    now = clock.now()
    with django_assert_num_queries(1):
        pulse = selectors.pulse(clinic=clinic, now=now)
    assert pulse.sentences[-1] == "Nothing has gone yet today."


def test_what_went_is_sent_once_more_for_who_never_got_it(clinic, desk):
    message = put(cast.a_patient(clinic), State.SENT)
    page = reverse("patients:message", args=[message.ref])
    assert "Send once more" in desk.get(page).content.decode()
    assert desk.post(reverse("patients:message_send_once_more", args=[message.ref])).status_code == 302
    copy = Message.objects.exclude(pk=message.pk).get()
    assert (copy.patient, copy.resent, copy.state) == (message.patient, True, State.DUE)
    assert "Send once more" not in desk.get(reverse("patients:message", args=[copy.ref])).content.decode()


def test_who_opened_it_from_a_patients_messages_goes_back_there(clinic, desk):
    message = put(cast.a_patient(clinic), State.SENT)
    hers = reverse("patients:patient_messages", args=[message.patient.ref])
    page, again = (reverse(f"patients:{name}", args=[message.ref]) for name in ("message", "message_send_once_more"))
    opened_from = f"{page}?next={quote(hers, safe='')}"
    assert opened_from in desk.get(hers).content.decode()
    assert f'name="next" value="{hers}"' in desk.get(opened_from).content.decode()
    assert desk.post(again, {"next": hers}).headers["Location"] == hers


@pytest.mark.parametrize("elsewhere", ["", "https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_without_a_page_of_ours_to_go_back_to_it_is_the_day(clinic, desk, elsewhere):
    message = put(cast.a_patient(clinic), State.SENT)
    page = desk.get(reverse("patients:message", args=[message.ref]), {"next": elsewhere}).content.decode()
    assert "Back to the day" in page and "elsewhere.example" not in page
    again = reverse("patients:message_send_once_more", args=[message.ref])
    answer = desk.post(again, {"next": elsewhere})
    assert answer.headers["Location"].startswith(f"{reverse('patients:messages')}?on=")


@pytest.mark.parametrize("act", ["hold", "release", "send_now", "send_again", "send_once_more", "arrived"])
def test_whoever_loads_the_address_of_a_refused_press_anew_finds_the_message(clinic, desk, act):
    message = put(cast.a_patient(clinic), State.CANCELLED)
    before = Message.objects.values().get(pk=message.pk)
    answer = desk.get(reverse(f"patients:message_{act}", args=[message.ref]))
    assert answer.headers["Location"] == reverse("patients:message", args=[message.ref])
    assert Message.objects.values().get(pk=message.pk) == before


def test_a_copy_is_not_offered_to_who_wants_no_mail_and_the_page_says_so(clinic, desk):
    message = put(cast.a_patient(clinic), State.SENT)
    Patient.objects.filter(pk=message.patient_id).update(mail_allowed=False, reminders_allowed=False)
    page = desk.get(reverse("patients:message", args=[message.ref])).content.decode()
    assert "Send once more" not in page
    assert "It cannot be sent once more. Nobody has asked yet whether we may e-mail." in page
