"""What comes of a call: who leaves which list, until when, and how it is taken back."""

from datetime import timedelta

import pytest
from django.db import InternalError, transaction
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from tests import factories
from tests.factories import TODAY
from tests.treatments.today.test_today import queries
from treatments.appointments import services as diary
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import CallOutcome
from treatments.plans import services as plans

pytestmark = pytest.mark.django_db
WORKLISTS = "/worklists/"


@pytest.fixture
def first(active_plan):
    return active_plan.planned_sessions.get(number=1)


def lists_of(client, query: str = "") -> dict:
    return {one.code: one.calls for one in client.get(WORKLISTS + query).context["lists"]}


def call_url(first, code: str = "to-book") -> str:
    return reverse("treatments:call", args=[code, first.ref])


def press(client, first, outcome: str, code: str = "to-book", **said):
    return client.post(call_url(first, code), {"outcome": outcome, **said})


def on_list(client, code: str = "to-book") -> bool:
    return bool(lists_of(client)[code])


# ── Leaving a list and coming back ────────────────────────────────────────────


@pytest.mark.parametrize(
    ("outcome", "said", "away_days"),
    [
        ("booked", {}, 1),
        ("message", {}, 2),
        ("call_back", {"call_back_on": (TODAY + timedelta(days=5)).isoformat()}, 5),
        ("call_back", {"call_back_on": TODAY.isoformat()}, 0),
        ("no_answer", {}, 0),
    ],
)
def test_who_was_reached_leaves_the_list_and_comes_back_on_the_day(desk, first, later, outcome, said, away_days):
    assert on_list(desk)
    assert press(desk, first, outcome, **said).status_code == 302
    if away_days == 0:
        assert on_list(desk)
        return
    assert not on_list(desk)
    assert [call.back_on for call in desk.get(WORKLISTS).context["lists"].reached] == [
        TODAY + timedelta(days=away_days)
    ]
    later(timedelta(days=away_days - 1))
    assert not on_list(desk)
    later(timedelta(days=1))
    assert on_list(desk)


def test_who_is_booked_meanwhile_is_on_no_list_and_not_called_as_before_when_it_falls_out(desk, first, later):
    press(desk, first, "stop", note="Moves abroad")
    later(timedelta(minutes=5))
    visit = factories.book(first, day=TODAY + timedelta(days=7))
    assert not on_list(desk)
    later(timedelta(minutes=5))
    diary.cancel(visit=visit, reason="Has a cold", by=desk.membership.user)
    # A booking and its end are another story: what was said before is not about it.
    assert [call.told for call in lists_of(desk)["to-book"]] == [[]]


def test_never_after_stop_unless_somebody_takes_it_back(desk, first, later):
    press(desk, first, "stop", note="Moves abroad")
    later(timedelta(days=80))
    lists = desk.get(WORKLISTS).context["lists"]
    sessions = lists.of_sessions
    assert not any(one.calls for one in (sessions.to_book, sessions.closing, sessions.overdue))
    assert "Moves abroad" in desk.get(WORKLISTS).content.decode()
    (stopped,) = lists.stopped
    desk.post(stopped.again_url)
    assert on_list(desk, "window-closing")


def test_an_outcome_is_undone_by_its_toast_once(desk, first):
    press(desk, first, "message")
    (undo,) = [message.extra_tags for message in desk.get(WORKLISTS).context["messages"]]
    url = undo.removeprefix("undo:")
    assert "back on the list" in desk.post(url, follow=True).content.decode()
    assert on_list(desk)
    assert "This was taken back already." in desk.post(url, follow=True).content.decode()


def test_a_call_about_a_session_counts_on_whichever_list_its_window_puts_it(desk, first, later):
    press(desk, first, "call_back", call_back_on=(TODAY + timedelta(days=75)).isoformat())
    later(timedelta(days=74))
    assert not on_list(desk, "window-closing")
    later(timedelta(days=1))
    assert on_list(desk, "window-closing")


def test_a_call_about_one_thing_says_nothing_of_another(desk, active_plan):
    """The negative control: the same visit is on two lists, and only the one that was called from is done."""
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=2))
    type(active_plan.patient).objects.update(email="", mail_allowed=False, reminders_allowed=False)
    assert on_list(desk, "unconfirmed")
    assert on_list(desk, "no-e-mail")
    press(desk, visit, "told", "no-e-mail")
    assert not on_list(desk, "no-e-mail")
    assert on_list(desk, "unconfirmed")
    # Told is told: she is neither called again nor among those whom nobody calls.
    assert not desk.get(WORKLISTS).context["lists"].stopped


def test_a_moved_visit_is_another_matter(desk, active_plan, later):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=2))
    press(desk, visit, "message", "unconfirmed")
    assert not on_list(desk, "unconfirmed")
    place = factories.a_place(visit.clinic, TODAY + timedelta(days=3))
    diary.move(visit=visit, place=place, by=desk.membership.user)
    assert on_list(desk, "unconfirmed")


@pytest.mark.parametrize(
    ("outcomes", "tag"),
    [
        (["no_answer"], "called once"),
        (["no_answer", "no_answer"], "called twice"),
        (["message"], "left a message"),
        (["call_back"], "call after 15:00"),
    ],
)
def test_what_was_said_before_stands_beside_the_name(desk, first, later, outcomes, tag):
    for outcome in outcomes:
        press(
            desk,
            first,
            outcome,
            **({"call_back_on": "2027-03-11", "call_back_at": "15:00"} if outcome == "call_back" else {}),
        )
    later(timedelta(days=2))
    (call,) = lists_of(desk)["to-book"]
    assert call.tag == tag
    later(timedelta(days=72))
    assert f"Session 1 of 4, {tag}" in desk.get("/today/").content.decode()


def test_today_counts_the_calls_that_are_done(desk, first, later):
    press(desk, first, "no_answer")
    press(desk, first, "message")
    assert "nobody, 2 done" in desk.get("/today/").content.decode()
    later(timedelta(days=1))
    assert "nobody, " not in desk.get("/today/").content.decode()


def test_a_visit_whose_room_is_gone_is_on_its_list_with_the_reason(desk, first):
    visit = factories.book(first, day=TODAY + timedelta(days=7))
    assert not on_list(desk, "not-possible")
    type(visit.room).objects.filter(pk=visit.room_id).update(in_service=False, out_reason="Painted")
    (call,) = lists_of(desk)["not-possible"]
    assert (call.why, call.session, call.act) == ("Room 1 is out of service", "Session 1 of 4", "Move")
    press(desk, visit, "told", "not-possible")
    assert not on_list(desk, "not-possible")  # until tomorrow: telling does not move it
    assert [one.from_list for one in desk.get(WORKLISTS).context["lists"].reached] == ["Not possible any more"]


def test_called_three_times_without_a_place_a_course_stands_still(desk, first):
    for _ in range(2):
        press(desk, first, "no_answer")
    assert not on_list(desk, "stalled")
    press(desk, first, "no_answer")
    assert [(call.say, call.about) for call in lists_of(desk)["stalled"]] == [
        ("Nothing booked, called 3 times", ("to-book", first.ref))
    ]


def test_a_course_on_hold_or_submitted_stands_still_after_two_weeks(desk, active_plan, clinician_member, later):
    plans.hold(plan=active_plan, by=clinician_member.user)
    later(timedelta(days=14))
    assert not on_list(desk, "stalled")
    later(timedelta(minutes=1))
    (call,) = lists_of(desk)["stalled"]
    assert (call.say, call.due) == ("On hold: ask a clinician", "14 days")
    # What the list says of itself holds for the first of its rows.
    assert "Submitted or on hold for 14 days or more," in desk.get(WORKLISTS).content.decode()
    press(desk, active_plan, "message", "stalled")
    assert not on_list(desk, "stalled")


def test_the_page_says_within_how_many_days_a_window_is_closing(desk, first, later):
    later(timedelta(days=64))  # 20 days left
    for query, code in (("", "to-book"), ("?closing=20", "window-closing"), ("?closing=19", "to-book")):
        assert lists_of(desk, query)[code], query
    for nonsense in ("?closing=0", "?closing=91", "?closing=x", "?closing=-3", "?closing=²", "?closing=" + "9" * 4000):
        assert lists_of(desk, nonsense)["to-book"]


# ── What is refused, and where it stands ──────────────────────────────────────


REFUSED = [
    ({}, "Choose what came of the call."),
    ({"outcome": "told"}, "Choose what came of the call."),
    ({"outcome": "declined"}, "Choose what came of the call."),
    ({"outcome": "call_back"}, "Choose the day to call back."),
    ({"outcome": "call_back", "call_back_on": "2027-03-08"}, "This day has passed."),
    ({"outcome": "call_back", "call_back_on": "2028-03-10"}, "Choose a day within the next year."),
    ({"outcome": "call_back", "call_back_on": "soon"}, "Enter a day, for example 20/04/2027."),
    ({"outcome": "call_back", "call_back_on": "2027-03-10", "call_back_at": "25:00"}, "Enter a time from 00:00"),
    ({"outcome": "stop", "note": ""}, "Say why nobody calls any more."),
    ({"outcome": "stop", "note": "   "}, "Say why nobody calls any more."),
    ({"outcome": "message", "note": "x" * 201}, "Keep it to 200 letters"),
    ({"outcome": "message", "note": "a\x00b"}, "a character in this that cannot be kept"),
]


def test_what_is_refused_is_said_at_its_field_and_nothing_typed_is_lost(desk, first):
    for said, sentence in REFUSED:
        answer = desk.post(call_url(first), {"note": "Rang twice", **said})
        assert answer.status_code == 422, said
        assert sentence in answer.content.decode(), said
        assert answer.context["form"]["note"].value() == said.get("note", "Rang twice")
    assert not CallOutcome.objects.exists()


def test_a_form_sent_twice_is_one_call(desk, first):
    page = desk.get(call_url(first)).content.decode()
    token = page.split('name="submit_token" value="')[1].split('"')[0]
    for _ in range(2):
        assert press(desk, first, "message", submit_token=token).status_code == 302
    assert CallOutcome.objects.count() == 1


def test_what_is_no_list_of_a_session_is_not_there(desk, first):
    for code in ("unsigned", "nothing", "unconfirmed", "waiting", "stalled"):
        assert desk.get(call_url(first, code)).status_code == 404, code


def test_a_service_refuses_a_call_from_another_list(first, desk):
    with pytest.raises(DomainError, match="another list"):
        calls.record(about=first, list_code="unconfirmed", outcome="message", by=desk.membership.user)


def test_nobody_goes_back_to_another_house(desk, first):
    for url in ("https://elsewhere.example/", "//elsewhere.example/", "/\nx"):
        assert press(desk, first, "no_answer", next=url)["Location"] == WORKLISTS
    assert press(desk, first, "no_answer", next="/today/")["Location"] == "/today/"


def test_rows_of_calls_are_kept_as_they_were_said(desk, first):
    press(desk, first, "message")
    for change in ({"note": "Another"}, {"outcome": "stop"}):
        with pytest.raises(InternalError), transaction.atomic():
            CallOutcome.objects.update(**change)
    with pytest.raises(InternalError), transaction.atomic():
        CallOutcome.objects.all().delete()


# ── The story, the trail, the cost ────────────────────────────────────────────


def test_the_desk_reads_calls_in_the_story_and_the_trail_keeps_no_words(desk, clinician, first):
    press(desk, first, "call_back", call_back_on="2027-03-12", call_back_at="15:00", note="Prefers Fridays")
    for client in (desk, clinician):
        page = client.get(reverse("treatments:chart", args=[first.plan.patient.ref]) + "?show=calls").content.decode()
        for fact in ("Called: call back", "To book, session 1, by Tess Moran", "after 15:00", "Prefers Fridays"):
            assert fact in page
    facts = [event.facts for event in AuditEvent.objects.filter(action__startswith="call.")]
    assert facts == [{"outcome": "call_back", "list": "to-book"}]


def test_the_page_of_a_call_shows_number_window_and_earlier_calls_and_nothing_clinical(desk, first):
    press(desk, first, "no_answer")
    page = desk.get(call_url(first)).content.decode()
    for fact in (first.plan.patient.phone, "Session 1 of 4", "Book session 1", "No answer", "Tess Moran"):
        assert fact in page
    assert "acne" not in page.lower()
    # More of the course waits: it is booked while she is on the telephone, this session alone where she wants that.
    course, alone = (
        reverse("treatments:book_course", args=[first.plan.ref]),
        reverse("treatments:book", args=[first.ref]),
    )
    assert f'href="{course}">Book 1 to 4 together<' in page and f'href="{alone}">Book session 1 alone<' in page


def test_another_clinic_finds_nothing_here(stranger, first, desk):
    press(desk, first, "message")
    made = CallOutcome.objects.get()
    assert stranger.get(call_url(first)).status_code == 404
    assert stranger.post(reverse("treatments:take_back_call", args=[made.ref])).status_code == 404
    assert CallOutcome.objects.get().taken_back_at is None


def test_the_lists_ask_a_fixed_number_of_questions_whatever_was_said(desk, clinic, first, clinician_member):
    visit = factories.book(
        factories.make_active_plan(factories.make_patient(clinic)).planned_sessions.get(number=1),
        day=TODAY + timedelta(days=1),
    )

    def more() -> None:
        for _ in range(6):
            press(desk, first, "no_answer")
            press(desk, visit, "no_answer", "unconfirmed")

    more()
    few = [queries(desk, WORKLISTS), queries(desk, "/today/"), queries(desk, call_url(first))]
    more()
    for number in range(3):
        plan = factories.make_active_plan(factories.make_patient(clinic, given_name=f"N{number}"))
        calls.wait(
            patient=plan.patient,
            kind="treatment",
            planned_session=plan.planned_sessions.get(number=1),
            by=desk.membership.user,
        )
        held = factories.make_active_plan(factories.make_patient(clinic, given_name=f"H{number}"))
        plans.hold(plan=held, by=clinician_member.user)
    clock.shift(timedelta(days=15))
    many = [queries(desk, WORKLISTS), queries(desk, "/today/"), queries(desk, call_url(first))]
    assert many == few
    assert few[0] <= 14
    assert [len(lists_of(desk)[code]) for code in ("waiting", "stalled")] == [3, 4]
