"""An undo takes back the act it was offered for, once, and nothing else; a form that is pressed twice does its work once."""

from dataclasses import replace
from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from patients.models import Message
from tests import factories
from tests.treatments.courses.test_booking import best, booked, first_set, read, url
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.courses.undoing import Act, undo_url
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.flows import course_booking as flow
from treatments.flows import moving

pytestmark = pytest.mark.django_db
CLOCKS_BACK = date(2027, 10, 31)


@pytest.fixture
def by(desk_member):
    return desk_member.user


@pytest.fixture
def visits(booked_course, later):
    """Four visits, 42 days apart, of which the patient was told an hour ago."""
    all_sent()
    later(timedelta(hours=1))
    return booked_course


def all_sent() -> None:
    now = clock.now()
    Message.objects.filter(kind="course_booked").update(state="sent", sent_at=now, closed_at=now)


def on(visit: Appointment, days: int):
    place = diary.place_of(visit)
    return replace(place, day=place.day + timedelta(days=days), device=None)


def days_of(plan) -> list:
    return [visit.day for visit in booked(plan)]


def rearranged(plan, visit: Appointment, days: int, by) -> list[Appointment]:
    found = rearrangement(plan, {visit: on(visit, days)}, now=clock.now())
    return services.move_together(plan=plan, places=found.places(found.found.fewest), by=by)


def shown(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def offered(answer) -> str:
    """Where the toast of a finished act says that it can be undone."""
    (message,) = answer.context["messages"]
    return message.extra_tags.removeprefix("undo:")


# ── Booked ────────────────────────────────────────────────────────────────────


def test_undo_pressed_twice_leaves_what_was_booked_before(desk, active_plan, by, later):
    places = list(best(active_plan).items())
    services.book_all(plan=active_plan, places=dict(places[:2]), by=by)
    all_sent()
    later(timedelta(minutes=30))
    second = services.book_all(plan=active_plan, places=dict(places[2:]), by=by)
    undo = undo_url("unbook_course", active_plan, second)
    assert shown(desk.post(undo, follow=True)) == ["Not booked after all: two visits."]
    assert shown(desk.post(undo, follow=True)) == ["These visits were taken back already."]
    assert booked(active_plan).count() == 2
    assert not Message.objects.filter(kind__in=["booking_cancelled", "course_cancelled"])


def test_the_toast_of_a_booked_course_undoes_that_course(desk, active_plan):
    desk.post(url(active_plan), {"act": "hold", "set": first_set(desk.get(url(active_plan)))})
    held = desk.get(url(active_plan)).context["held"]["ref"]
    page = desk.post(url(active_plan), {"act": "book", "held": held}, follow=True)
    assert booked(active_plan).count() == 4
    assert desk.post(offered(page)).status_code == 302
    assert booked(active_plan).count() == 0


def test_weeks_later_it_is_one_mail_for_all_of_them(desk, active_plan, by, later, clinic_time):
    start = factories.TODAY + timedelta(days=30)
    made = services.book_all(plan=active_plan, places=best(active_plan, first_day=start), by=by)
    all_sent()
    later(timedelta(days=20))
    assert desk.post(undo_url("unbook_course", active_plan, made)).status_code == 302
    due = Message.objects.filter(state="due", kind__in=["booking_cancelled", "course_cancelled"])
    assert [(one.kind, len(one.context["visits"])) for one in due] == [("course_cancelled", 4)]


def test_what_was_changed_since_is_not_taken_back_with_the_others(desk, visits, active_plan, by):
    undo = undo_url("unbook_course", active_plan, visits)
    diary.move(visit=visits[2], place=on(visits[2], 1), by=by)
    answer = desk.post(undo)
    assert answer.status_code == 409
    assert "One of these visits was changed meanwhile. Cancel them one by one." in read(answer)
    assert booked(active_plan).count() == 4


@pytest.mark.parametrize("act", ["", "made up", "W10:1uGZ9W:abc"])
def test_an_undo_that_names_nothing_takes_nothing_back(desk, visits, active_plan, act):
    address = reverse("treatments:unbook_course", args=[active_plan.ref])
    answer = desk.post(f"{address}?act={act}")
    assert answer.status_code == 409
    assert "does not say what it takes back" in read(answer)
    assert booked(active_plan).count() == 4


def test_an_undo_of_one_course_is_none_of_another(visits, clinic, by):
    other = factories.make_active_plan(factories.make_patient(clinic, given_name="Ada"))
    for undo in (flow.unbook, flow.put_back):
        with pytest.raises(DomainError, match="another course"):
            undo(plan=other, act=Act.of(visits), by=by)


# ── Moved together ────────────────────────────────────────────────────────────


def test_put_back_twice_is_put_back_once(desk, visits, active_plan, by):
    before = days_of(active_plan)
    undo = undo_url("put_back", active_plan, rearranged(active_plan, visits[1], 20, by))
    assert shown(desk.post(undo, follow=True)) == ["Back as before: two visits."]
    assert shown(desk.post(undo, follow=True)) == ["That was undone already."]
    assert days_of(active_plan) == before


def test_the_move_of_a_colleague_stays_and_mine_is_undone(visits, active_plan, by, clinic):
    before = days_of(active_plan)
    act = Act.of(rearranged(active_plan, visits[1], 20, by))
    last = Appointment.objects.select_related(*services.OF_A_VISIT).get(pk=visits[3].pk)
    diary.move(visit=last, place=on(last, 7), by=factories.a_manager(clinic).user)
    assert len(flow.put_back(plan=active_plan, act=act, by=by)) == 2
    assert days_of(active_plan) == [*before[:3], before[3] + timedelta(days=7)]


def test_where_she_moved_one_of_mine_nothing_is_undone(desk, visits, active_plan, by, clinic):
    moved = rearranged(active_plan, visits[1], 20, by)
    undo = undo_url("put_back", active_plan, moved)
    diary.move(visit=moved[1], place=on(moved[1], 7), by=factories.a_manager(clinic).user)
    after = days_of(active_plan)
    said = shown(desk.post(undo, follow=True))
    assert said == ["Session 3 was changed since. Move the visits one by one. Nothing was moved back."]
    assert days_of(active_plan) == after


# ── One visit ─────────────────────────────────────────────────────────────────


def test_a_move_is_taken_back_once_and_only_that_move(visits, by):
    moved = diary.move(visit=visits[1], place=on(visits[1], 7), by=by)
    version = moved.schedule_version
    for _ in range(2):
        assert moving.move_back(visit=moved, version=version, by=by).day == visits[1].day
    again = diary.move(visit=moved, place=on(moved, 1), by=by)
    with pytest.raises(DomainError, match="changed since"):
        moving.move_back(visit=again, version=version, by=by)


def test_a_step_is_taken_back_once(desk, visit_today):
    for step in ("confirmed", "arrived"):
        desk.post(reverse("treatments:step_visit", args=[visit_today.ref]), {"to": step})
    undo = f"{reverse('treatments:undo_visit', args=[visit_today.ref])}?step=arrived"
    assert undo in desk.get(reverse("treatments:visit", args=[visit_today.ref])).content.decode()
    for _ in range(2):
        assert desk.post(undo).status_code == 302
        visit_today.refresh_from_db()
        assert visit_today.status == "confirmed"
    desk.post(reverse("treatments:step_visit", args=[visit_today.ref]), {"to": "arrived"})
    desk.post(reverse("treatments:step_visit", args=[visit_today.ref]), {"to": "numbing"})
    answer = desk.post(undo)
    assert answer.status_code == 409
    assert "This visit is numbing by now" in read(answer)


# ── Pressed twice, and what is no way ─────────────────────────────────────────


def to(visit: Appointment, place) -> str:
    return f"{reverse('treatments:rearrange', args=[visit.ref])}?to={value_of(place)}"


def test_a_second_press_on_a_way_is_answered_as_the_first(desk, visits, active_plan):
    address = to(visits[1], on(visits[1], 20))
    form = {"way": desk.get(address).context["ways"][0].value, "submit_token": uuid4()}
    first, second = desk.post(address, form), desk.post(address, form)
    assert (first.status_code, second.status_code) == (302, 302)
    assert first.url == second.url
    assert visits[1].day + timedelta(days=20) in days_of(active_plan)


def test_a_second_press_on_what_follows_is_answered_as_the_first(desk, visits, active_plan, by):
    diary.cancel(visit=visits[1], reason="Ill", by=by)
    address = reverse("treatments:course_follows", args=[active_plan.ref])
    form = {"way": desk.get(address).context["ways"][0].value, "submit_token": uuid4()}
    first, second = desk.post(address, form), desk.post(address, form)
    assert (first.status_code, second.status_code) == (302, 302)
    assert first.url == second.url


def test_a_visit_that_fell_out_is_moved_nowhere(desk, visits, by):
    place = on(visits[1], 20)
    diary.cancel(visit=visits[1], reason="Ill", by=by)
    for is_booked_again in (False, True):
        if is_booked_again:
            factories.book(visits[1].planned_session, day=visits[1].day)
        page = desk.get(to(visits[1], place))
        assert page.status_code == 200
        assert "This visit is cancelled and can no longer be moved." in read(page)
        assert page.context["back"] == reverse("treatments:visit", args=[visits[1].ref])
        assert desk.post(to(visits[1], place), {"way": "any"}).status_code == 409


def test_where_the_visit_is_already_it_moves_nothing(desk, visits):
    page = desk.get(to(visits[1], on(visits[1], 0)))
    assert "The visit is there already: nothing would change." in read(page)
    assert page.context["ways"] == []


# ── Earlier, so that the next is left behind ──────────────────────────────────


def test_a_visit_that_comes_nearer_shows_what_it_leaves_behind_before_it_is_saved(desk, active_plan):
    planned = {one.number: one for one in active_plan.planned_sessions.all()}
    start = factories.TODAY + timedelta(days=1)
    factories.book(planned[1], day=start)
    second = factories.book(planned[2], day=start + timedelta(days=49))
    factories.book(planned[3], day=second.day + timedelta(days=84))
    before = days_of(active_plan)
    answer = desk.post(reverse("treatments:move_visit", args=[second.ref]), {"slot": value_of(on(second, -14))})
    assert reverse("treatments:rearrange", args=[second.ref]) in answer.url
    assert days_of(active_plan) == before
    (way, *_) = desk.get(answer.url).context["ways"]
    assert [line.number for line in way.lines if line.moves] == [2, 3]
    assert desk.post(answer.url, {"way": way.value}).status_code == 302
    after = days_of(active_plan)
    assert (after[2] - after[1]).days <= active_plan.latest_days


def test_a_visit_that_comes_nearer_and_leaves_nothing_behind_moves_at_once(desk, visits, active_plan):
    answer = desk.post(reverse("treatments:move_visit", args=[visits[1].ref]), {"slot": value_of(on(visits[1], -7))})
    assert "rearrange" not in answer.url
    assert days_of(active_plan)[1] == visits[1].day - timedelta(days=7)


# ── Held ──────────────────────────────────────────────────────────────────────


def test_a_page_that_shows_other_times_than_are_held_books_nothing(desk, active_plan):
    page = desk.get(url(active_plan))
    shown_set = first_set(page)
    other = page.context["sets"][1].value
    desk.post(url(active_plan), {"act": "hold", "set": shown_set})
    old_tab = desk.get(url(active_plan)).context["held"]
    desk.post(url(active_plan), {"act": "hold", "set": other})
    answer = desk.post(url(active_plan), {"act": "book", "held": old_tab["ref"]})
    assert answer.status_code == 409
    assert "Other times are held for this course by now" in read(answer)
    assert booked(active_plan).count() == 0
    now = desk.get(url(active_plan))
    assert f'name="held" value="{now.context["held"]["ref"]}"' in now.content.decode()
    assert desk.post(url(active_plan), {"act": "book", "held": now.context["held"]["ref"]}).status_code == 302


def test_three_that_are_held_are_called_three_whatever_the_address_says(desk, active_plan):
    value = first_set(desk.get(url(active_plan), {"sessions": "3"}))
    desk.post(url(active_plan), {"act": "hold", "set": value, "sessions": "3"})
    page = desk.get(url(active_plan))
    said = read(page)
    assert "All three times are held" in said
    assert "Book all three" in said
    assert page.context["sets"][0].is_chosen and page.context["chosen_is_held"]


def test_a_later_session_in_the_way_is_named_and_no_wish_is_blamed(desk, active_plan, booked_course, by, later):
    for visit in booked_course[:2]:
        diary.cancel(visit=visit, reason="Ill", by=by)
    later(timedelta(days=60))
    factories.answer_all(active_plan.patient)
    page = desk.get(url(active_plan))
    assert not page.context["form"].errors
    assert "Session 3 is booked for" in page.context["why_none"]
    assert "Move session 3 first." in page.context["why_none"]


def test_a_later_session_that_leaves_too_few_days_is_named_and_a_wish_is_not(
    desk, active_plan, booked_course, by, later
):
    for visit in booked_course[1:3]:
        diary.cancel(visit=visit, reason="Ill", by=by)
    later(timedelta(days=80))
    factories.answer_all(active_plan.patient)
    last = booked_course[3].day
    said = desk.get(url(active_plan)).context["why_none"]
    assert said.startswith("Only 1 of 2 fits by ")
    assert f"Session 4 is booked for {last:%a} {last.day} {last:%b}" in said and "Move session 4 first." in said
    # With a day of her own it is the wish that leaves too few, and no session.
    wished = desk.get(url(active_plan), {"done_by": clock.today(active_plan.clinic) + timedelta(days=7)})
    assert wished.context["why_none"].startswith("Only 1 of 2 fits by ")
    assert "is booked" not in wished.context["why_none"]


def test_the_second_pass_of_an_hour_stays_the_second(active_plan, by):
    """Of what is held the moment is kept, and it says which of two equal wall times was meant."""
    services.hold(plan=active_plan, places=best(active_plan), by=by)
    row = active_plan.course_hold.visits.select_related("clinician__clinic", "room").first()
    zone = active_plan.clinic.tz
    row.day, row.starts_at = CLOCKS_BACK, time(1, 30)
    second = clock.resolve(row.day, row.starts_at, zone, fold=1)
    row.during = type(row.during)(second, second + timedelta(hours=1))
    assert services.place_of(row).start(active_plan.clinic) == second
