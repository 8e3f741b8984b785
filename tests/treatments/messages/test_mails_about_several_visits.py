"""Mails that tell of several visits: each visit is told once, whatever happens to the others while the mail waits."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from clinic import clock
from patients.models import Message
from patients.outbox import kinds, rendering
from tests import factories
from tests.treatments.courses.test_booking import best
from treatments.appointments import messages
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.faults.ledger_checks import notices_that_are_wrong, reminders_that_are_wrong

pytestmark = pytest.mark.django_db
NOTICES = (
    "course_booked", "course_changed", "course_cancelled", "booking_confirmed", "booking_changed", "booking_cancelled",
)  # fmt: skip


@pytest.fixture
def by(desk_member):
    return desk_member.user


@pytest.fixture
def places(active_plan) -> list:
    return list(best(active_plan).items())


def book(plan, places, by):
    return services.book_all(plan=plan, places=dict(places), by=by)


def on(visit, days: int):
    place = diary.place_of(visit)
    return replace(place, day=place.day + timedelta(days=days), device=None)


def due() -> list[tuple[str, list[str]]]:
    """What still goes: the kind, and the visits it tells of."""
    rows = Message.objects.filter(state="due", kind__in=NOTICES).order_by("pk")
    return [(row.kind, [one["ref"] for one in row.context.get("visits", [{"ref": str(row.about)}])]) for row in rows]


def refs(*visits) -> list[str]:
    return [str(visit.ref) for visit in visits]


def all_is_told_once() -> None:
    assert notices_that_are_wrong() == []
    assert reminders_that_are_wrong() == []


def sent(*codes: str) -> None:
    now = clock.now()
    rows = Message.objects.filter(kind__in=codes, state="due")
    rows.update(state="sent", sent_at=now, closed_at=now, send_at=now - timedelta(hours=1))


def test_of_two_groups_that_wait_a_move_changes_one_and_the_other_is_told_all_the_same(active_plan, places, by):
    first, second = book(active_plan, places[:2], by), book(active_plan, places[2:], by)
    diary.move(visit=first[1], place=on(first[1], 1), by=by)
    assert sorted(due()) == sorted([("course_booked", refs(*second)), ("course_booked", refs(*first))])
    all_is_told_once()


def test_a_rearrangement_across_two_groups_that_wait_leaves_nobody_untold(active_plan, places, by):
    first, second = book(active_plan, places[:2], by), book(active_plan, places[2:], by)
    services.move_together(plan=active_plan, places={one: on(one, 1) for one in (first[1], second[0])}, by=by)
    assert due() == [("course_booked", refs(*first, *second))]
    all_is_told_once()


def test_what_a_person_holds_back_about_the_others_stays_held(active_plan, places, by):
    first, second = book(active_plan, places[:2], by), book(active_plan, places[2:], by)
    Message.objects.filter(kind="course_booked").update(state="held", reason="She asked", closed_at=clock.now())
    diary.move(visit=second[0], place=on(second[0], 1), by=by)
    held = Message.objects.get(kind="course_booked", state="held")
    assert [one["ref"] for one in held.context["visits"]] == refs(*first)
    assert due() == [("course_booked", refs(*second))]


def test_a_mail_in_the_hands_of_a_worker_that_has_not_handed_it_over_is_told_anew(active_plan, places, by):
    """It would look once more whether it is wanted, and drop what it says of all four."""
    visits = book(active_plan, places, by)
    Message.objects.filter(kind="course_booked").update(
        state="sending", worker="w", lease_until=clock.now() + timedelta(minutes=2)
    )
    diary.move(visit=visits[1], place=on(visits[1], 1), by=by)
    assert due() == [("course_booked", refs(*visits))]


def test_one_that_is_cancelled_and_taken_back_within_the_minute_is_in_the_mail_again(active_plan, places, by):
    visits = book(active_plan, places, by)
    for _ in range(2):
        diary.cancel(visit=visits[2], reason="Wrong row", by=by)
        assert due() == [("course_booked", refs(visits[0], visits[1], visits[3]))]
        diary.undo_step(visit=visits[2], by=by)
        assert due() == [("course_booked", refs(*visits))]
    all_is_told_once()


def test_of_two_the_one_that_is_taken_back_joins_the_other(active_plan, places, by):
    visits = book(active_plan, places[:2], by)
    for _ in range(2):
        diary.cancel(visit=visits[1], reason="Wrong row", by=by)
        assert due() == [("booking_confirmed", refs(visits[0]))]
        diary.undo_step(visit=visits[1], by=by)
        assert due() == [("course_booked", refs(*visits))]
    all_is_told_once()


# ── As it leaves ──────────────────────────────────────────────────────────────


def test_who_stands_at_the_desk_as_the_mail_leaves_is_told_of_the_visits_ahead(active_plan, places, by):
    """Her course is booked from today on, and within the minute she is marked as arrived."""
    visits = book(active_plan, places, by)
    assert visits[0].day == factories.TODAY
    message = Message.objects.get(kind="course_booked")
    whole = rendering.write(message)
    assert words(visits[0]) in whole.text and "Has anything changed?" in whole.text
    diary.step(visit=visits[0], to="arrived", by=by)
    message = Message.objects.select_related("patient", "clinic").get(pk=message.pk)
    assert kinds.get(message.kind).still_wanted(message) is None
    letter = rendering.write(message)
    assert words(visits[0]) not in letter.text
    assert [words(visit) in letter.text for visit in visits[1:]] == [True] * 3
    assert letter.attachment.text.count("BEGIN:VEVENT") == 3
    # What the reminders of the first visit would have said is not about the next one, six weeks later.
    assert "Has anything changed?" not in letter.text


def words(visit) -> str:
    return f"{visit.day:%A} {visit.day.day} {visit.day:%B} {visit.day.year}, {visit.starts_at:%H:%M}"


def test_one_visit_that_is_left_is_told_as_one(active_plan, places, by):
    visits = book(active_plan, places[:2], by)
    diary.step(visit=visits[0], to="arrived", by=by)
    text = rendering.write(Message.objects.get(kind="course_booked")).text
    assert "Your visit is booked:" in text
    assert re.search(r"puts them|one of them", text) is None


def test_where_none_is_ahead_or_one_moved_behind_its_back_it_does_not_go(active_plan, places, by):
    visits = book(active_plan, places, by)
    message = Message.objects.get(kind="course_booked")
    wanted = kinds.get(message.kind).still_wanted
    rows = type(visits[0]).objects
    rows.filter(pk=visits[3].pk).update(schedule_version=2)
    assert wanted(message) == "A visit of the course was changed."
    rows.update(status="arrived", arrived_at=clock.now())
    assert wanted(message) == "None of these visits is ahead."


def test_it_is_of_use_as_long_as_one_visit_is_ahead(active_plan, places, by):
    visits = book(active_plan, places, by)
    assert Message.objects.get(kind="course_booked").expires_at == visits[-1].during.lower


# ── Cancelled together ────────────────────────────────────────────────────────


def cancelled(visits, by) -> None:
    messages.owe_for_closing_together([diary.cancel(visit=one, reason="Ill", by=by) for one in visits], by=by)


def test_visits_cancelled_at_once_are_taken_back_in_one_mail_with_the_times_she_was_told(active_plan, places, by):
    visits = book(active_plan, places, by)
    sent("course_booked")
    diary.move(visit=visits[3], place=on(visits[3], 1), by=by)
    cancelled(visits, by)
    assert due() == [("course_cancelled", refs(*visits))]
    letter = rendering.write(Message.objects.get(kind="course_cancelled"))
    assert [words(visit) in letter.text for visit in visits] == [True] * 4
    assert letter.attachment.text.count("STATUS:CANCELLED") == 4
    all_is_told_once()


def test_one_of_them_that_stands_again_is_no_longer_taken_back(active_plan, places, by):
    visits = book(active_plan, places, by)
    sent("course_booked")
    cancelled(visits, by)
    diary.undo_step(visit=visits[1], by=by)
    assert due() == [("course_cancelled", refs(visits[0], visits[2], visits[3]))]
    all_is_told_once()
    message = Message.objects.get(kind="course_cancelled", state="due")
    type(visits[0]).objects.filter(pk__in=[one.pk for one in visits]).update(status="booked", closed_at=None)
    assert kinds.get(message.kind).still_wanted(message) == "These visits are no longer cancelled."
