"""What is offered can be had: no page offers a day on which the gates then refuse the press."""

from datetime import date, time, timedelta

import pytest
from django.urls import reverse

from clinic import clock
from tests import factories
from tests.treatments.appointments.test_displaced import tried
from tests.treatments.courses.test_booking import booked, read
from treatments.appointments import services as diary
from treatments.appointments.leeway import leeway
from treatments.flows import visits as flow

pytestmark = pytest.mark.django_db


@pytest.fixture
def visits(booked_course):
    """Four visits, 42 days apart."""
    return booked_course


def cancel(visit, by) -> None:
    flow.cancel(visit=visit, reason="Cannot come", by=by)


def narrowed(visits, desk, days: int = 0):
    """Session 3 fell out, and session 4 leaves `days` days beside the floor: its address on the booking page."""
    cancel(visits[2], desk.membership.user)
    floor_days = visits[0].planned_session.plan.floor_days
    day = visits[1].day + timedelta(days=2 * floor_days + days)
    type(visits[3]).objects.filter(pk=visits[3].pk).update(day=day)
    return reverse("treatments:book", args=[visits[2].planned_session.ref])


def offered_days(page) -> list[date]:
    return [day for day, _ in page.context["picker"].days]


@pytest.mark.parametrize("left", [0, 2])
def test_every_time_on_the_booking_page_can_be_booked(desk, visits, active_plan, left):
    url = narrowed(visits, desk, left)
    first = visits[1].day + timedelta(days=active_plan.floor_days)
    page = desk.get(url, {"show": "96", "first_day": first.isoformat()})
    assert set(offered_days(page)) == {first + timedelta(days=n) for n in range(left + 1)}
    offers = [offer for _, offers in page.context["picker"].days for offer in offers]
    assert len(offers) > left
    for offer in offers:
        with tried():
            assert desk.post(url, {"slot": offer.value}).status_code == 302, offer
            assert booked(active_plan).filter(planned_session__number=3, during__startswith=offer.starts_at).exists()


def test_the_booking_page_says_which_session_ends_its_days(desk, visits):
    said = read(desk.get(narrowed(visits, desk)))
    fourth = booked(visits[0].planned_session.plan).get(planned_session__number=4)
    assert f"only. Session 4 is booked for {fourth.day.day} {fourth.day:%b}." in said


def test_where_no_day_is_left_the_page_says_which_session_to_move(desk, visits):
    url = narrowed(visits, desk, -1)
    assert not offered_days(desk.get(url))
    assert "no day is left before it. Move session 4 first." in read(desk.get(url))
    card = desk.get(reverse("treatments:visit", args=[visits[2].ref])).context["card"]
    assert not card.next_session.offered and "Move session 4 first." in card.next_session.why_none


def test_the_drawer_and_the_page_of_the_visit_offer_those_days_alone(desk, visits, active_plan):
    url = narrowed(visits, desk)
    first = visits[1].day + timedelta(days=active_plan.floor_days)
    pages = [
        desk.get(reverse("treatments:visit", args=[visits[2].ref])),
        desk.get(reverse("treatments:today"), {"day": visits[2].day.isoformat(), "visit": visits[2].ref}),
    ]
    for page in pages:
        offers = page.context["card"].next_session.offered
        assert offers and {offer.starts_at.date() for offer in offers} == {first}
    assert desk.post(url, {"slot": offers[0].value}).status_code == 302


def test_without_a_later_session_the_whole_window_is_offered(desk, visits, active_plan):
    """The negative control: what bounds the days is the session that is booked after it."""
    url = narrowed(visits, desk)
    cancel(booked(active_plan).get(planned_session__number=4), desk.membership.user)
    days = offered_days(desk.get(url, {"show": "96"}))
    assert max(days) > visits[1].day + timedelta(days=active_plan.floor_days + 7)
    assert "is booked for" not in read(desk.get(url)).split("When it may be")[1]


def test_a_longer_interval_that_the_rules_ask_for_counts_on_both_sides(desk, visits, active_plan):
    """Planned at 28 days; since then her skin was found to need 42, before this session and before the next."""
    url = narrowed(visits, desk, 29)
    asked = {"show": "96", "first_day": (visits[1].day + timedelta(days=28)).isoformat()}
    before = offered_days(desk.get(url, asked))
    factories.assess(active_plan.patient, skin_type=5)
    days = offered_days(desk.get(url, asked))
    assert [(day - visits[1].day).days for day in (before[0], days[0], days[-1])] == [28, 42, 43]
    for offer in (desk.get(url, asked).context["picker"].days[at][1][0] for at in (0, -1)):
        assert desk.post(url, {"slot": offer.value}).status_code == 302
        cancel(booked(active_plan).get(planned_session__number=3), desk.membership.user)


def test_two_sessions_before_the_next_booked_one_need_the_floor_each(active_plan):
    planned = active_plan.planned_sessions.get(number=2)
    booked_on = planned.earliest_on + timedelta(days=70)
    window = leeway(planned, {4: booked_on}, floor_days=28)
    assert (window.latest_on, window.ended_by) == (booked_on - timedelta(days=56), (4, booked_on))
    # A later one that leaves the whole window ends nothing.
    far = planned.latest_on + timedelta(days=60)
    assert leeway(planned, {4: far}, floor_days=28).latest_on == planned.latest_on
    assert leeway(planned, {4: far}, floor_days=28).ended_by is None


def test_a_visit_that_moves_may_take_the_later_ones_along(desk, visits, active_plan):
    """On the page of a move the later sessions bound nothing: what moves with it is shown before anything is saved."""
    page = desk.get(reverse("treatments:move_visit", args=[visits[1].ref]), {"show": "96"})
    assert max(offered_days(page)) > visits[2].day - timedelta(days=active_plan.floor_days)


# ── The page of a move ────────────────────────────────────────────────────────


def test_only_the_last_visit_of_a_course_is_said_to_move_alone(desk, visits):
    words = [read(desk.get(reverse("treatments:move_visit", args=[visit.ref]))) for visit in (visits[1], visits[3])]
    assert "Only this visit moves." not in words[0]
    assert "Where later visits have to move with it, you see which before anything is saved." in words[0]
    assert "Only this visit moves." in words[1]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("2031-01-01", "1 January 2031 is too late for this visit. It may be until "),
        ("1990-01-01", "1 January 1990 is too early for this visit. It may be from "),
    ],
)
def test_a_first_day_that_cannot_be_is_said_to_be_none(desk, visits, asked, sentence):
    url = reverse("treatments:move_visit", args=[visits[3].ref])
    assert sentence in read(desk.get(url, {"first_day": asked}))
    plain = read(desk.get(url, {"first_day": visits[3].day.isoformat()}))
    assert "for this visit. It may be" not in plain + read(desk.get(url))


def test_a_visit_without_a_window_says_how_far_ahead_is_looked(desk, clinic):
    patient = factories.make_patient(clinic)
    url = reverse("treatments:book_visit", args=[patient.ref])
    far = clock.today(clinic) + timedelta(days=90)
    assert "Free times are looked for until " in read(desk.get(url, {"first_day": far.isoformat()}))
    assert "Free times are looked for" not in read(desk.get(url))


# ── Which times of a day ──────────────────────────────────────────────────────


def first_day(page):
    return page.context["picker"].days[0][1]


def test_the_times_of_a_day_reach_into_the_afternoon(desk, active_plan):
    page = desk.get(reverse("treatments:book", args=[active_plan.planned_sessions.get(number=2).ref]))
    hours = [offer.starts_at.hour for offer in first_day(page)]
    assert len(hours) == 4 and hours == sorted(hours)
    assert hours[0] < 12 <= hours[-2]


def test_a_visit_that_moves_keeps_its_clinician_where_she_is_free(desk, clinic, visits):
    """Of somebody else's times only what hers leave over; a wish for somebody else is still met."""
    other = factories.make_member(clinic, "clinician", name="Aaron First")
    type(visits[1]).objects.filter(pk=visits[1].pk).update(clinician=other)
    url = reverse("treatments:move_visit", args=[visits[1].ref])
    assert {offer.clinician for offer in first_day(desk.get(url))} == {"Aaron First"}
    noor = factories.a_clinician(clinic)
    assert {offer.clinician for offer in first_day(desk.get(url, {"clinician": noor.ref}))} == {str(noor)}


def test_whose_time_was_taken_is_offered_first(desk, clinic, active_plan):
    """Of the nearest that fit some are hers, though somebody else is free at the very same hour."""
    factories.make_member(clinic, "clinician", name="Otto Brandt")
    planned, noor = active_plan.planned_sessions.get(number=1), factories.a_clinician(clinic)
    day = planned.earliest_on + timedelta(days=7)
    other = factories.make_patient(clinic, given_name="Ben")
    taken = factories.a_place(clinic, day, time(11, 30), kind="consultation")
    diary.book(patient=other, kind="consultation", place=taken, by=factories.a_manager(clinic).user)
    said = {"slot": "own", "day": day, "starts_at": "11:00", "clinician": noor.ref, "room": taken.room.ref}
    page = desk.post(reverse("treatments:book", args=[planned.ref]), said)
    assert page.status_code == 409
    names = [offer.clinician for offer in page.context["taken"]["offers"]]
    assert len(names) == 3 and names.count(str(noor)) >= 2
