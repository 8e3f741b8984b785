"""A whole course in one step: three sets, held for five minutes, booked all or none, told in one mail."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic.models import TimeOff, WorkingHours
from patients.models import Message
from tests import factories
from tests.factories import best_places as best
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.courses.models import CourseHold
from treatments.appointments.courses.undoing import undo_url
from treatments.appointments.models import Appointment
from treatments.pages.course import booking_page

pytestmark = pytest.mark.django_db


def read(answer) -> str:
    """The words of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def url(plan) -> str:
    return reverse("treatments:book_course", args=[plan.ref])


def first_set(page) -> str:
    return page.context["sets"][0].value


def booked(plan):
    return Appointment.objects.filter(planned_session__plan=plan, status="booked").order_by("during")


def test_the_page_offers_sets_that_keep_every_window(desk, active_plan):
    page = desk.get(url(active_plan))
    assert page.status_code == 200
    sets = page.context["sets"]
    assert 1 <= len(sets) <= 3
    assert sets[0].title == "On target throughout"
    assert [len(one.visits) for one in sets] == [active_plan.sessions_planned] * len(sets)
    first = active_plan.planned_sessions.get(number=1)
    for one in sets:
        days = [visit.on for visit in one.visits]
        assert first.earliest_on <= days[0] <= first.latest_on
        gaps = [(after - before).days for before, after in pairwise(days)]
        assert active_plan.floor_days <= min(gaps) and max(gaps) <= active_plan.latest_days
    assert "Noor each time" in read(page)


def test_held_then_booked_all_of_them_with_one_mail(desk, desk_member, active_plan):
    value = first_set(desk.get(url(active_plan)))
    assert desk.post(url(active_plan), {"act": "hold", "set": value}).status_code == 302
    page = desk.get(url(active_plan))
    assert page.context["held"]["mine"]
    assert re.search(r"[45]:[0-5]\d", read(page))
    assert booked(active_plan).count() == 0

    assert desk.post(url(active_plan), {"act": "book"}).status_code == 302
    visits = list(booked(active_plan))
    assert [visit.planned_session.number for visit in visits] == [1, 2, 3, 4]
    assert CourseHold.objects.count() == 0
    notices = Message.objects.filter(kind__in=["course_booked", "booking_confirmed"])
    assert [notice.kind for notice in notices] == ["course_booked"]
    assert [told["ref"] for told in notices[0].context["visits"]] == [str(visit.ref) for visit in visits]
    assert "All four visits are booked" in read(desk.get(reverse("treatments:course", args=[active_plan.ref])))


def test_what_is_held_is_offered_to_nobody_else(desk, desk_member, active_plan, clinic):
    places = best(active_plan)
    services.hold(plan=active_plan, places=places, by=desk_member.user)
    other = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))
    assert not set(best(other).values()) & set(places.values())
    first = next(iter(places.values()))
    with pytest.raises(diary.SlotTaken, match="Every device is in use"):
        diary.book(
            patient=other.patient, kind="treatment", place=first, by=desk_member.user,
            planned_session=other.planned_sessions.first(),
        )  # fmt: skip


def test_after_five_minutes_a_hold_holds_nothing_and_its_owner_may_still_book(desk_member, active_plan, clinic, later):
    places = best(active_plan)
    services.hold(plan=active_plan, places=places, by=desk_member.user)
    later(services.HELD_FOR)
    other = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))
    assert set(best(other).values()) & set(places.values())
    assert len(services.book_held(plan=active_plan, by=desk_member.user)) == 4


def test_who_comes_too_late_is_told_and_nothing_is_half_booked(desk, desk_member, active_plan, clinic, later):
    places = best(active_plan)
    services.hold(plan=active_plan, places=places, by=desk_member.user)
    later(services.HELD_FOR)
    third = list(places.values())[2]
    diary.book(patient=factories.make_patient(clinic), kind="consultation", place=third, by=desk_member.user)
    page = desk.post(url(active_plan), {"act": "book"})
    assert page.status_code == 409
    assert "Nothing was booked" in read(page)
    assert booked(active_plan).count() == 0


def test_when_the_five_minutes_are_over_a_sentence_says_so_and_the_same_times_are_held_again(
    desk, desk_member, active_plan, later
):
    places = best(active_plan)
    services.hold(plan=active_plan, places=places, by=desk_member.user)
    back = desk.get(url(active_plan), {"weekdays": "2"}).context["held"]["url"]
    later(services.HELD_FOR)
    page = desk.get(back)
    assert "The five minutes are over and nothing was booked." in read(page) and "Hold again" in read(page)
    chosen = page.context["sets"][0]
    assert chosen.is_chosen and [visit.on for visit in chosen.visits] == [place.day for place in places.values()]
    assert desk.post(url(active_plan), {"act": "hold", "set": chosen.value}).status_code == 302
    assert "five minutes are over" not in read(desk.get(back))


def test_two_people_hold_no_course_at_once(desk_member, clinician_member, active_plan):
    services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)
    with pytest.raises(diary.SlotTaken, match="Tess Moran holds times"):
        services.hold(plan=active_plan, places=best(active_plan), by=clinician_member.user)


def test_letting_go_frees_the_times(desk, desk_member, active_plan):
    services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)
    assert desk.post(url(active_plan), {"act": "let_go"}).status_code == 302
    assert CourseHold.objects.count() == 0
    assert desk.post(url(active_plan), {"act": "book"}).status_code == 409


def test_one_visit_is_swapped_and_the_others_stay(desk, active_plan):
    value = first_set(desk.get(url(active_plan)))
    page = desk.get(url(active_plan), {"chosen": value, "swap": "2"})
    assert page.context["swaps"]
    swapped = desk.get(url(active_plan) + page.context["swaps"][0].url)
    before, after = (one.context["sets"][0].value.split("~") for one in (page, swapped))
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True]
    assert swapped.context["sets"][0].is_chosen
    assert desk.post(url(active_plan), {"act": "hold", "set": "~".join(after)}).status_code == 302


def test_wishes_are_met_or_it_says_what_they_cost(desk, active_plan):
    page = desk.get(url(active_plan), {"weekdays": ["4"], "since": "14:00", "until": "15:00", "sessions": "3"})
    (one, *_) = page.context["sets"]
    assert one.title == "Every wish met"
    assert {visit.on.isoweekday() for visit in one.visits} == {4}
    assert {visit.at for visit in one.visits} <= {"14:00", "14:15", "14:30", "14:45", "15:00"}
    assert len(one.visits) == 3
    assert ("other weekday", "none", 0) in one.terms


def test_wishes_that_contradict_each_other_are_named_at_their_field(desk, active_plan):
    page = desk.get(url(active_plan), {"since": "15:00", "until": "09:00"})
    assert page.context["form"].errors["until"] == ["This is before the time it may begin. Choose a later one."]
    page = desk.get(url(active_plan), {"done_by": (factories.TODAY - timedelta(days=1)).isoformat()})
    assert "Choose a day from today" in page.context["form"].errors["done_by"][0]


def test_where_nothing_fits_it_says_which_session_and_why(desk, active_plan):
    page = desk.get(url(active_plan), {"done_by": (factories.TODAY + timedelta(days=60)).isoformat()})
    assert "sets" not in page.context or not page.context["sets"]
    assert re.search(r"Only \d of 4 fit by \d+ May\.", read(page))
    assert "Look without wishes" in read(page) and "Put session 1 on the waiting list" in read(page)


def test_a_visit_on_the_very_day_counts_as_done_by_it(desk, active_plan):
    first = next(iter(best(active_plan).values())).day
    page = desk.get(url(active_plan), {"done_by": first.isoformat()})
    assert page.context["why_none"] == f"Only 1 of 4 fits by {first.day} {first:%B}."
    alone = desk.get(url(active_plan), {"done_by": first.isoformat(), "sessions": "1"})
    assert alone.context["sets"][0].visits[0].on == first


def test_why_nothing_fits_is_said_in_the_numbers_of_the_course(desk, active_plan):
    """Two are booked: the second of the search is the fourth of the course."""
    planned = list(active_plan.planned_sessions.order_by("number"))
    factories.book(planned[0], day=planned[0].target_on)
    factories.book(planned[1], day=planned[1].target_on)
    for membership in active_plan.clinic.memberships.filter(sees_patients=True):
        WorkingHours.objects.filter(membership=membership).update(valid_until=planned[2].earliest_on)
    page = desk.get(url(active_plan))
    assert "Only 1 of 2 fits: no clinician is free for session 4" in read(page)


def test_who_may_not_be_booked_is_refused_with_the_verdict_alone(desk, active_plan):
    factories.answer(active_plan.patient, "isotretinoin_now", "yes")
    page = desk.get(url(active_plan))
    assert not page.context.get("sets")
    assert "isotretinoin" not in read(page).lower()


def test_a_second_press_books_nothing_twice(desk, desk_member, active_plan):
    services.hold(plan=active_plan, places=best(active_plan), by=desk_member.user)
    form = {"act": "book", "submit_token": "5b8f1f8c-5d8c-4f2e-9d0e-0d2f6a3b9c11"}
    assert [desk.post(url(active_plan), form).status_code for _ in range(2)] == [302, 302]
    assert booked(active_plan).count() == 4


def test_undo_takes_all_of_them_back_and_nobody_is_told(desk, active_plan, booked_course):
    assert desk.post(undo_url("unbook_course", active_plan, booked_course)).status_code == 302
    assert booked(active_plan).count() == 0
    assert set(Message.objects.values_list("state", flat=True)) == {"cancelled"}


def test_a_visit_moved_before_the_mail_left_is_told_in_it_and_only_there(desk_member, booked_course):
    visits = booked_course
    place = diary.place_of(visits[1])
    diary.move(
        visit=visits[1], place=replace(place, day=place.day + timedelta(days=7), device=None), by=desk_member.user
    )
    waiting = Message.objects.filter(state="due", kind__in=["course_booked", "booking_changed", "booking_confirmed"])
    assert [one.kind for one in waiting] == ["course_booked"]
    assert waiting[0].context["visits"][1]["version"] == 2


def test_a_visit_moved_after_the_mail_left_is_told_alone(desk_member, booked_course, later):
    visits = booked_course
    Message.objects.filter(kind="course_booked").update(state="sent", sent_at=clock.now(), closed_at=clock.now())
    later(timedelta(minutes=2))
    place = diary.place_of(visits[1])
    diary.move(
        visit=visits[1], place=replace(place, day=place.day + timedelta(days=7), device=None), by=desk_member.user
    )
    waiting = Message.objects.filter(state="due", kind__in=["course_booked", "booking_changed", "booking_confirmed"])
    assert [(one.kind, one.about) for one in waiting] == [("booking_changed", visits[1].ref)]


def test_another_clinic_finds_no_course_here(stranger, active_plan):
    assert stranger.get(url(active_plan)).status_code == 404


def test_a_day_off_is_planned_around(desk, active_plan, clinic, clinician_member):
    before = best(active_plan)
    day = next(iter(before.values())).day
    TimeOff.objects.create(clinic=clinic, during=clock.day_bounds(day, clinic.tz))
    assert day not in {place.day for place in best(active_plan).values()}


def test_the_words_for_numbers_reach_to_eight():
    assert [booking_page.count_words(n) for n in (1, 8)] == ["one", "eight"]
    assert [booking_page.all_of_them(n) for n in (2, 3)] == ["both", "all three"]


def test_the_page_asks_for_nothing_twice_and_as_much_for_two_sessions_as_for_four(desk, active_plan):
    desk.get(url(active_plan))
    asked = {}
    for sessions in ("2", "4"):
        with CaptureQueriesContext(connection) as queries:
            desk.get(url(active_plan), {"sessions": sessions})
        asked[sessions] = [one["sql"] for one in queries]
    assert len(asked["2"]) == len(asked["4"]) <= 21
    assert sum("EXECUTE hours_people_and_house" in sql for sql in asked["4"]) == 1
    assert sum('FROM "treatments_plannedsession"' in sql for sql in asked["4"]) == 1
