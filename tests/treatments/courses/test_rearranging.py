"""A visit of a course moves: what else has to move is shown first, moves with it or not at all, and comes back together."""

import re
from collections import Counter
from dataclasses import replace
from datetime import time, timedelta

import pytest
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.roles import Role
from patients.models import Message
from tests import factories
from tests.treatments.courses.test_booking import best, booked, read
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.courses.undoing import Act
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.appointments.services import OutsideWindow, SlotTaken
from treatments.flows import course_booking as flow

pytestmark = pytest.mark.django_db


def later(visit: Appointment, days: int):
    place = diary.place_of(visit)
    return replace(place, day=place.day + timedelta(days=days), device=None)


def days_of(plan) -> list:
    return [visit.day for visit in booked(plan)]


def gaps(days) -> list[int]:
    return [(b - a).days for a, b in zip(days, days[1:], strict=False)]


def test_what_still_fits_stays(visits, active_plan):
    """Two weeks later the next visit is exactly on the floor: 42 - 14 = 28 days."""
    found = rearrangement(active_plan, {visits[1]: later(visits[1], 14)}, now=clock.now())
    assert list(found.places(found.found.fewest)) == [visits[1]]


def test_a_day_more_and_the_next_one_moves_and_no_other(visits, active_plan):
    found = rearrangement(active_plan, {visits[1]: later(visits[1], 15)}, now=clock.now())
    places = found.places(found.found.fewest)
    assert [visit.planned_session.number for visit in places] == [2, 3]
    shifted = found.places(found.found.shift_all)
    assert [visit.planned_session.number for visit in shifted] == [2, 3, 4]


def test_a_visit_that_fell_out_while_it_was_looked_at_is_told_in_a_sentence(visits, active_plan, desk_member):
    """Another desk cancelled it after this one had read it as booked."""
    decided = {visits[1]: later(visits[1], 7)}
    diary.cancel(visit=Appointment.objects.get(pk=visits[1].pk), reason="Ill", by=desk_member.user)
    with pytest.raises(DomainError, match="changed meanwhile"):
        rearrangement(active_plan, decided, now=clock.now())


def test_room_is_left_for_a_session_that_has_no_visit(visits, active_plan, desk_member):
    """Session 3 is cancelled: 84 days from the second to the fourth leave the second 28 days, with two floors after it."""
    diary.cancel(visit=visits[2], reason="Ill", by=desk_member.user)
    for days, fits in ((28, True), (29, False)):
        found = rearrangement(active_plan, {visits[1]: later(visits[1], days)}, now=clock.now())
        assert (found.found.fewest is not None) is fits
    with pytest.raises(OutsideWindow):
        services.move_together(plan=active_plan, places={visits[1]: later(visits[1], 29)}, by=desk_member.user)
    services.move_together(plan=active_plan, places={visits[1]: later(visits[1], 28)}, by=desk_member.user)


def test_what_has_to_move_keeps_clinician_weekday_and_time(active_plan, desk_member):
    """Booked at three in the afternoon with the second of the clinicians: not the first that is free at nine."""
    other = factories.make_member(active_plan.clinic, Role.CLINICIAN, name="Ada Lind", licence="NMC 34B", title="Nurse")
    at_three = best(active_plan, clinician=other, between=(time(15), time(15)))
    visits = services.book_all(plan=active_plan, places=at_three, by=desk_member.user)
    assert {(visit.starts_at, visit.clinician) for visit in visits} == {(time(15), other)}
    found = rearrangement(active_plan, {visits[1]: later(visits[1], 15)}, now=clock.now())
    [moved] = [place for visit, place in found.places(found.found.fewest).items() if visit != visits[1]]
    assert (moved.starts_at, moved.clinician, moved.day.weekday()) == (time(15), other, visits[2].day.weekday())


def test_all_move_together_with_one_mail_and_never_below_the_floor(visits, active_plan, desk_member):
    found = rearrangement(active_plan, {visits[1]: later(visits[1], 20)}, now=clock.now())
    services.move_together(plan=active_plan, places=found.places(found.found.fewest), by=desk_member.user)
    days = days_of(active_plan)
    assert len(days) == 4
    assert min(gaps(days)) >= active_plan.floor_days
    assert days[1] == visits[1].day + timedelta(days=20)
    due = Message.objects.filter(state="due", kind__in=["course_changed", "booking_changed", "course_booked"])
    assert [one.kind for one in due] == ["course_changed"]
    assert len(due[0].context["visits"]) == 2


def test_two_visits_may_swap_their_places(visits, active_plan, desk_member):
    """Row by row each would be refused: the place is still taken by the other."""
    first, second = (diary.place_of(visit) for visit in visits[2:])
    swap = {visits[2]: replace(second, device=None), visits[3]: replace(first, device=None)}
    with pytest.raises(OutsideWindow):
        services.move_together(plan=active_plan, places=swap, by=desk_member.user)
    again = {visit: later(visit, 42) for visit in visits[1:]}
    services.move_together(plan=active_plan, places=again, by=desk_member.user)
    assert gaps(days_of(active_plan)) == [84, 42, 42]


def test_one_place_that_is_gone_and_none_moves(visits, active_plan, desk_member, clinic):
    found = rearrangement(active_plan, {visits[1]: later(visits[1], 20)}, now=clock.now())
    places = found.places(found.found.fewest)
    last = list(places.values())[-1]
    diary.book(patient=factories.make_patient(clinic), kind="consultation", place=last, by=desk_member.user)
    before = days_of(active_plan)
    with pytest.raises(SlotTaken):
        services.move_together(plan=active_plan, places=places, by=desk_member.user)
    assert days_of(active_plan) == before


def test_below_the_floor_nothing_moves_whatever_a_form_says(visits, active_plan, desk_member):
    with pytest.raises(OutsideWindow, match="at least 28 days"):
        services.move_together(
            plan=active_plan, places={visits[1]: later(visits[1], 20)}, by=desk_member.user
        )  # fmt: skip


def test_undo_puts_all_of_them_back(visits, active_plan, desk_member):
    before = days_of(active_plan)
    found = rearrangement(active_plan, {visits[1]: later(visits[1], 20)}, now=clock.now())
    moved = services.move_together(plan=active_plan, places=found.places(found.found.fewest), by=desk_member.user)
    flow.put_back(plan=active_plan, act=Act.of(moved), by=desk_member.user)
    assert days_of(active_plan) == before
    notices = Message.objects.filter(state="due", kind__in=["course_changed", "booking_changed"])
    assert not notices


def test_undo_may_lose(visits, active_plan, desk_member, clinic):
    found = rearrangement(active_plan, {visits[1]: later(visits[1], 20)}, now=clock.now())
    old = diary.place_of(visits[1])
    act = Act.of(services.move_together(plan=active_plan, places=found.places(found.found.fewest), by=desk_member.user))
    diary.book(patient=factories.make_patient(clinic), kind="consultation", place=old, by=desk_member.user)
    moved = days_of(active_plan)
    with pytest.raises(SlotTaken):
        flow.put_back(plan=active_plan, act=act, by=desk_member.user)
    assert days_of(active_plan) == moved


def test_nothing_that_was_not_moved_is_put_back(visits, active_plan, desk_member):
    with pytest.raises(DomainError, match="not moved together"):
        flow.put_back(plan=active_plan, act=Act.of(visits), by=desk_member.user)


def test_the_desk_reads_what_moves_before_anything_is_saved(desk, visits, active_plan):
    place = later(visits[1], 20)
    before = days_of(active_plan)
    form = {"slot": value_of(place)}
    answer = desk.post(reverse("treatments:move_visit", args=[visits[1].ref]), form)
    assert answer.status_code == 302
    page = desk.get(answer.url)
    said = read(page)
    assert "Nothing is saved yet" in said
    assert "Session 4 stays" in said
    assert days_of(active_plan) == before
    way = page.context["ways"][0]
    assert desk.post(answer.url, {"way": way.value}).status_code == 302
    assert days_of(active_plan)[1] == place.day
    assert "Two visits are moved" in read(desk.get(reverse("treatments:course", args=[active_plan.ref])))


def test_the_question_of_the_page_names_all_that_would_move(desk, visits):
    def asked(visit, days: int) -> str:
        page = desk.get(reverse("treatments:rearrange", args=[visit.ref]), {"to": value_of(later(visit, days))})
        return re.search(r"<h2>(.*?)</h2>", page.content.decode())[1]

    assert asked(visits[1], 20) == "Move session 2, and which others?"  # 2 and 3, or all that follow
    assert asked(visits[2], 20) == "Move sessions 3 and 4?"
    assert asked(visits[3], 7) == "Move session 4?"


def test_each_way_says_how_many_dates_its_mail_tells(desk, visits):
    page = desk.get(reverse("treatments:rearrange", args=[visits[1].ref]), {"to": value_of(later(visits[1], 7))})
    fewest, shift_all = page.content.decode().split('<form method="post" class="panel way"')[1:]
    assert "One mail leaves in a minute." in fewest
    assert "One mail with all the dates leaves in a minute." in shift_all


def test_a_way_that_is_no_longer_one_is_refused(desk, visits, active_plan):
    url = f"{reverse('treatments:rearrange', args=[visits[1].ref])}?to={value_of(later(visits[1], 20))}"
    page = desk.post(url, {"way": "made up"})
    assert page.status_code == 409
    assert "nothing was moved" in read(page).lower()


def test_a_visit_that_can_move_alone_moves_as_before(desk, visits, active_plan):
    answer = desk.post(reverse("treatments:move_visit", args=[visits[1].ref]), {"slot": value_of(later(visits[1], 7))})
    assert "rearrange" not in answer.url
    assert Counter(gaps(days_of(active_plan))) == Counter([49, 35, 42])


def test_where_no_way_is_left_the_sentence_stands_at_the_choice(desk, visits, active_plan):
    answer = desk.post(
        reverse("treatments:move_visit", args=[visits[1].ref]), {"slot": value_of(later(visits[1], -20))}
    )
    assert answer.status_code == 422
