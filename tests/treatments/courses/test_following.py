"""A visit is cancelled, missed, ended early or moved far: what follows is shown at once, and one press goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from patients.models import Message
from tests import factories
from tests.treatments.courses.test_booking import booked, read
from treatments.appointments import services as diary
from treatments.appointments.courses.following import breaks, following
from treatments.appointments.courses.undoing import Act, undo_url
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.flows import course_booking
from treatments.flows import visits as flow
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db


def url(plan) -> str:
    return reverse("treatments:course_follows", args=[plan.ref])


def cancel(visit, by) -> None:
    flow.cancel(visit=visit, reason="Cannot come", by=by)


def numbered(plan) -> dict:
    return dict(booked(plan).values_list("planned_session__number", "day"))


def test_cancelling_shows_at_once_what_follows(desk, visits, active_plan):
    answer = desk.post(reverse("treatments:cancel_visit", args=[visits[1].ref]), {"reason": "On holiday"})
    assert answer.url.startswith(url(active_plan))
    page = desk.get(answer.url)
    said = read(page)
    assert "Session 2 of Tue 20 Apr was cancelled. Nothing else is saved yet." in said
    assert "Session 3 stays Tue 1 Jun" in said and "Session 4 stays Tue 13 Jul" in said
    assert [way.act for way in page.context["ways"]][0] == "Book session 2"
    assert len(page.context["again"]["offers"]) == 3
    # Not the day she has just given up.
    assert "Tue 20 Apr" not in " ".join(offer["words"] for offer in page.context["again"]["offers"])
    assert numbered(active_plan).keys() == {1, 3, 4}


def test_all_cancelled_while_it_is_looked_at_leaves_nothing_to_go_on_with(
    visits, active_plan, desk_member, monkeypatch
):
    cancel(visits[1], desk_member.user)

    def and_another_desk_cancels(plan) -> list[int]:
        found = breaks(plan)
        for visit in booked(plan):
            cancel(visit, desk_member.user)
        return found

    monkeypatch.setattr("treatments.appointments.courses.following.breaks", and_another_desk_cancels)
    assert following(active_plan, now=clock.now()) is None


def test_one_press_books_it_again_and_undo_takes_that_back(desk, visits, active_plan):
    before = numbered(active_plan)
    cancel(visits[1], desk.membership.user)
    way = desk.get(url(active_plan)).context["ways"][0]
    answer = desk.post(url(active_plan), {"way": way.value})
    assert answer.url == reverse("treatments:course", args=[active_plan.ref])
    after = numbered(active_plan)
    assert {n: after[n] for n in (1, 3, 4)} == {n: before[n] for n in (1, 3, 4)}
    assert (after[2] - after[1]).days >= 28 and (after[3] - after[2]).days >= 28
    page = desk.get(answer.url)
    assert "One visit is booked." in read(page)
    assert breaks(active_plan) == []
    again = booked(active_plan).get(planned_session__number=2)
    assert desk.post(reverse("treatments:unbook_visit", args=[again.ref])).status_code == 302
    assert numbered(active_plan).keys() == {1, 3, 4}


def test_a_missed_visit_moves_only_what_breaks_and_shifting_all_is_the_second_choice(
    desk, visits, active_plan, later, desk_member
):
    """Missed on day 42, seen on day 61: the next one, on day 84, would come after 23 days at most, so it has to move."""
    factories.make_done_session(visits[0])
    later(timedelta(days=61))
    factories.answer_all(active_plan.patient)
    answer = desk.post(reverse("treatments:miss_visit", args=[visits[1].ref]))
    assert answer.url.startswith(url(active_plan))
    page = desk.get(answer.url)
    fewest, shift_all = page.context["ways"]
    assert fewest.act == "Book session 2, move session 3"
    assert "Session 4 stays" in read(page)
    assert shift_all.act == "Book session 2, move sessions 3 and 4"
    shifted = {line.number: line for line in shift_all.lines}
    assert desk.post(answer.url, {"way": shift_all.value}).status_code == 302
    after, was = numbered(active_plan), {visit.planned_session.number: visit.day for visit in visits}
    by_days = (after[2] - was[2]).days
    assert shifted[2].before.startswith("Tue 20 Apr")
    # By as many days, or to the next free one: Sunday is none.
    assert all(by_days <= (after[n] - was[n]).days <= by_days + 1 for n in (3, 4))
    due = Message.objects.filter(state="due", kind__in=["course_changed", "booking_changed", "booking_confirmed"])
    assert [one.kind for one in due] == ["course_changed"]
    assert len(due[0].context["visits"]) == 3
    act = Act.of(booked(active_plan).exclude(planned_session__number=1))
    assert len(course_booking.put_back(plan=active_plan, act=act, by=desk_member.user)) == 3
    assert numbered(active_plan) == {3: was[3], 4: was[4]}


def test_undo_may_lose_and_then_nothing_is_half_done(desk, visits, active_plan, later, clinic, desk_member):
    later(timedelta(days=61))
    factories.answer_all(active_plan.patient)
    diary.mark_no_show(visit=visits[1], by=desk_member.user)
    old = diary.place_of(visits[2])
    page = desk.get(url(active_plan))
    desk.post(url(active_plan), {"way": page.context["ways"][0].value})
    after = numbered(active_plan)
    diary.book(patient=factories.make_patient(clinic), kind="consultation", place=old, by=desk_member.user)
    answer = desk.post(undo_url("put_back", active_plan, booked(active_plan).exclude(planned_session__number=1)))
    assert "Just taken" in read(desk.get(answer.url))
    assert numbered(active_plan) == after


def test_a_place_that_is_taken_meanwhile_saves_nothing(desk, visits, active_plan, clinic, desk_member):
    cancel(visits[1], desk_member.user)
    way = desk.get(url(active_plan)).context["ways"][0]
    place = next(iter(following(active_plan, now=clock.now()).booked(way.made).values()))
    for room in clinic.rooms.all():
        diary.book(
            patient=factories.make_patient(clinic), kind="consultation", by=factories.a_manager(clinic).user, overlap_reason="A test",
            place=factories.a_place(clinic, place.day, place.starts_at, kind="consultation", room=room),
        )  # fmt: skip
    page = desk.post(url(active_plan), {"way": way.value})
    assert page.status_code == 409
    assert "nothing was saved" in read(page)
    assert numbered(active_plan).keys() == {1, 3, 4}


def test_a_visit_that_comes_nearer_leaves_the_next_too_far_behind(desk, visits, active_plan, desk_member):
    """The last one is moved to 84 days after its neighbour, and then the neighbour a week to the front."""
    last = diary.place_of(visits[3])
    diary.move(
        visit=visits[3], place=replace(last, day=last.day + timedelta(days=42), device=None), by=desk_member.user
    )
    third = replace(diary.place_of(visits[2]), day=visits[2].day - timedelta(days=7), device=None)
    # The page of the visit shows it before it is saved; by another way it may be so all the same.
    answer = desk.post(reverse("treatments:move_visit", args=[visits[2].ref]), {"slot": value_of(third)})
    assert answer.url.startswith(reverse("treatments:rearrange", args=[visits[2].ref]))
    way = desk.get(answer.url).context["ways"][0]
    assert way.act == "Move sessions 3 and 4"
    assert desk.post(answer.url, {"way": way.value}).status_code == 302
    assert breaks(active_plan) == []


def test_a_gap_that_has_grown_too_long_is_found_later_on_too(desk, visits, active_plan):
    Appointment.objects.filter(pk=visits[3].pk).update(day=visits[2].day + timedelta(days=90))
    page = desk.get(url(active_plan))
    assert "Session 4 is further from the one before than this course allows." in read(page)
    (way,) = page.context["ways"]
    assert way.act == "Move session 4"
    assert desk.post(url(active_plan), {"way": way.value}).status_code == 302
    assert breaks(active_plan) == []


def test_what_a_clinician_looks_at_again_anyway_breaks_nothing(visits, active_plan, desk_member):
    """Booked late on purpose, once its window had closed: the visit is marked, and no page asks about it for ever."""
    last = visits[3].day + timedelta(days=50)
    Appointment.objects.filter(pk=visits[3].pk).update(day=last)
    assert breaks(active_plan) == [4]
    Appointment.objects.filter(pk=visits[3].pk).update(to_ask=True)
    assert breaks(active_plan) == [] and following(active_plan, now=clock.now()) is None


def test_the_last_visit_of_a_course_leaves_nothing_behind_it(desk, visits, active_plan):
    answer = desk.post(reverse("treatments:cancel_visit", args=[visits[3].ref]), {"reason": "On holiday"})
    assert answer.url.startswith(reverse("treatments:today"))
    assert "Nothing has to move" in read(desk.get(url(active_plan)))


def test_a_session_that_ended_early_is_to_book_again_before_the_others(visits, active_plan, desk_member, later):
    factories.make_done_session(visits[0])
    later(timedelta(days=42))
    factories.answer_all(active_plan.patient)
    second = factories.arrive(visits[1])
    begun = factories.open_session(second)
    sessions.stop(session=begun, reason="Patient felt faint", counts=False, by=begun.operator)
    found = following(active_plan, now=clock.now())
    assert found.gone[2].pk == second.pk
    # Its own needling counts for the floor, so nothing of it is before 28 days later.
    assert min(place.day for place in found.booked(found.found.fewest).values()) >= second.day + timedelta(days=28)


def test_later_on_the_course_the_visit_and_the_booking_page_lead_there(desk, visits, active_plan):
    cancel(visits[1], desk.membership.user)
    link = f'href="{url(active_plan)}'
    for page in (
        reverse("treatments:course", args=[active_plan.ref]),
        reverse("treatments:visit", args=[visits[2].ref]),
        reverse("treatments:book", args=[visits[1].planned_session.ref]),
    ):
        assert link in desk.get(page).content.decode(), page


def test_after_two_missed_in_a_row_somebody_calls_first(desk, visits, active_plan, later, desk_member):
    later(timedelta(days=43))
    for visit in visits[:2]:
        diary.mark_no_show(visit=visit, by=desk_member.user)
    assert "2 visits in a row were missed" in read(desk.get(url(active_plan)))


def test_who_may_not_be_booked_reads_the_verdict_alone(desk, visits, active_plan):
    cancel(visits[1], desk.membership.user)
    factories.answer(active_plan.patient, "isotretinoin_now", "yes")
    page = desk.get(url(active_plan))
    assert not page.context["ways"] and page.context["refusal"]
    assert "isotretinoin" not in read(page).lower()


def test_a_course_on_hold_and_a_made_up_way_are_refused(desk, stranger, visits, active_plan):
    cancel(visits[1], desk.membership.user)
    assert desk.post(url(active_plan), {"way": "made up"}).status_code == 409
    assert stranger.get(url(active_plan)).status_code == 404
    active_plan.status = "on_hold"
    active_plan.save()
    assert breaks(active_plan) == []
    assert "Nothing has to move" in read(desk.get(url(active_plan)))


def test_nobody_is_sent_out_of_the_house(desk, visits, active_plan):
    cancel(visits[1], desk.membership.user)
    page = desk.get(url(active_plan), {"next": "//elsewhere.example/"})
    assert page.context["back"] == reverse("treatments:course", args=[active_plan.ref])


def test_the_page_costs_the_same_whatever_the_history(desk, visits, active_plan, clinic):
    cancel(visits[1], desk.membership.user)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(url(active_plan)).context["ways"]
        return len(captured)

    queries()
    few = queries()
    for n in range(3):
        other = factories.make_active_plan(factories.make_patient(clinic))
        factories.book(other.planned_sessions.first(), day=visits[1].day + timedelta(days=n))
    assert queries() == few
