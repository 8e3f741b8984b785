"""She asks for another time: what she is shown, what is kept, and that nothing moves."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from clinic.resources import services as resources
from patients.models import HistoryAnswer
from tests import factories
from tests.access.world import fingerprint
from tests.patients.links.made import a_token, opened
from tests.treatments.patient_pages.telling import MOVE, VISIT, a_link, none_of, wishing, words_of
from treatments.appointments import services as appointments
from treatments.appointments.by_patient.forms import stamp_of
from treatments.appointments.by_patient.models import MoveRequest
from treatments.appointments.by_patient.times import free_for, other_times
from treatments.appointments.by_patient.wishes import Wishes
from treatments.appointments.models import Appointment
from treatments.appointments.places import at_slot, place_of
from treatments.flows import move_requests, moving

pytestmark = pytest.mark.django_db


@pytest.fixture
def visit(active_plan) -> Appointment:
    """Session 1, in ten days at eleven."""
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=10))


@pytest.fixture
def hers(visit) -> Client:
    return opened(a_token(visit.patient, "visit", about=visit.ref))


def shown(visit: Appointment) -> tuple:
    visit = Appointment.objects.select_related(
        "clinic", "patient__clinic", "planned_session__plan__clinic", "clinician__user"
    ).get(pk=visit.pk)
    return other_times(visit, now=clock.now()).shown


def asks(visit: Appointment, **wishes) -> MoveRequest:
    visit.refresh_from_db()
    return move_requests.ask(
        visit=visit,
        version=visit.schedule_version,
        wishes=Wishes(**(wishes or {"weekdays": (1,)})),
        link=a_link(visit, "visit"),
    )


def of_the_visit(visit: Appointment) -> list:
    return list(Appointment.objects.filter(pk=visit.pk).values_list())


# ── What she is shown ─────────────────────────────────────────────────────────


def test_she_is_shown_six_free_times_on_different_days_and_not_a_word_on_what_for(hers, visit):
    page = words_of(hers.get(MOVE))
    assert "Friday 19 March 2027, 11:00" in page
    assert page.count('name="starts"') == 6
    days = {start.astimezone(visit.clinic.tz).date() for start in shown(visit)}
    assert len(days) == 6
    assert visit.during.lower not in shown(visit)
    assert "nobody keeps them for you" in page
    untold = ("Leila", "Haddad", "needling", "scar", "session", "treatment", "course", "Skin", str(visit.clinician))
    assert none_of(untold, page) == []


def test_every_time_shown_could_be_had_as_things_stand(booked_course, manager_member):
    """Sessions before and behind are booked: the mover would refuse none of them, and nothing else has to move."""
    second = booked_course[1]
    times = shown(second)
    assert len(times) == 6
    for start in times:
        [slot, *_] = [one for one in free_for(second, second.day - timedelta(days=60), second.day + timedelta(days=60), now=clock.now()) if one.start == start]  # fmt: skip
        who = second.clinic.memberships.select_related("clinic", "user").get(pk=slot.clinician)
        place = at_slot(place_of(second), start=start, clinician=who, room=second.clinic.rooms.get(pk=slot.room))
        assert moving.refusal(places={second: place}, by=manager_member.user) is None, start


def test_none_is_shown_on_a_day_that_the_window_the_floor_or_the_rules_forbid(booked_course):
    first, second, third, _ = booked_course
    planned, floor = second.planned_session, timedelta(days=second.planned_session.plan.floor_days)
    planned.refresh_from_db()
    days = [start.astimezone(second.clinic.tz).date() for start in other_times(second, now=clock.now()).free]
    assert days
    assert planned.earliest_on <= min(days) and max(days) <= planned.latest_on
    assert first.day + floor <= min(days) and max(days) <= third.day - floor
    # What is known of her forbids some days of the window: those go too, and nobody says why.
    factories.answer(first.patient, "botulinum", "yes", on=second.day - timedelta(days=44))
    factories.answer(first.patient, "isotretinoin_past", "yes", on=second.day - timedelta(days=181))
    days = [start.astimezone(second.clinic.tz).date() for start in other_times(second, now=clock.now()).free]
    assert min(days) >= second.day - timedelta(days=1)


def test_where_the_rules_ask_for_a_longer_distance_than_the_plan_it_is_kept_on_both_sides(booked_course):
    """Her skin type turns out to be another one: six weeks between two sessions, and hers are booked just so."""
    second = booked_course[1]
    factories.assess(second.patient, skin_type=5)
    free = other_times(second, now=clock.now()).free
    assert {start.astimezone(second.clinic.tz).date() for start in free} == {second.day}


def test_where_the_rules_forbid_every_day_she_may_still_say_when_it_would_suit_her(hers, visit):
    factories.answer(visit.patient, "isotretinoin_now", "yes")
    page = words_of(hers.get(MOVE))
    assert 'name="starts"' not in page
    assert "When would suit you?" in page
    assert none_of(("isotretinoin", "not possible", "clinician"), page) == []
    answer = hers.post(f"{MOVE}?visit={visit.ref}", wishing(visit, weekdays=["1", "2"]))
    assert answer.status_code == 302
    assert MoveRequest.objects.get(ended_at=None).weekdays == [1, 2]


def test_nothing_nearer_than_a_day_is_shown(hers, visit):
    clock.move_to(visit.during.lower - timedelta(hours=30))
    assert min(shown(visit)) >= clock.now() + timedelta(hours=24)


def test_a_visit_without_a_course_is_shown_times_too(patient):
    by = factories.a_manager(patient.clinic).user
    place = factories.a_place(patient.clinic, factories.TODAY + timedelta(days=10), kind="consultation")
    visit = appointments.book(patient=patient, kind="consultation", place=place, by=by)
    assert len(shown(visit)) == 6


# ── What is kept ──────────────────────────────────────────────────────────────


def post(hers: Client, visit: Appointment, **differing):
    return hers.post(f"{MOVE}?visit={visit.ref}", wishing(visit, **differing))


def test_up_to_three_times_are_kept_as_a_wish_and_nothing_moves(hers, visit):
    before, wished = of_the_visit(visit), shown(visit)[:3]
    answer = post(hers, visit, starts=[stamp_of(start) for start in reversed(wished)], note=" Not by car ")
    assert answer.status_code == 302
    request = MoveRequest.objects.get()
    assert (tuple(request.wished_starts), request.note) == (wished, "Not by car")
    assert (request.visit_version, request.ended_at) == (visit.schedule_version, None)
    assert of_the_visit(visit) == before
    event = AuditEvent.objects.get(action="move_request.asked")
    assert (event.by, event.facts["said_by"]) == (None, "patient")
    assert "Not by car" not in str(event.facts)
    page = words_of(hers.get(VISIT))
    assert "You asked for another time" in page
    assert "You asked on Tuesday 9 March. We call you. Until then your visit stays as it is." in page
    assert "I will come" not in page
    assert "None of these times is kept for you" in words_of(hers.get(MOVE))


def test_wishes_in_general_are_kept_as_she_said_them(hers, visit):
    said = {"weekdays": ["4", "1"], "from_time": "14:00", "until_time": "16:30", "note": ""}
    assert post(hers, visit, **said).status_code == 302
    request = MoveRequest.objects.get()
    assert (request.weekdays, request.from_time, request.until_time) == ([1, 4], time(14), time(16, 30))
    assert "Mondays or Thursdays, 14:00 to 16:30" in words_of(hers.get(MOVE))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "Choose a time, or tell us when it would suit you."),
        ({"note": "   "}, "Choose a time, or tell us when it would suit you."),
        ({"starts": 4}, "Choose three times at most."),
        ({"starts": ["20270319T110000"]}, "One of these times has just gone. Choose again."),
        ({"starts": ["x' OR 1=1"]}, "One of these times has just gone. Choose again."),
        ({"weekdays": ["7"]}, "Choose days from the list."),  # nobody works on Sundays
        ({"weekdays": ["9"]}, "Choose days from the list."),
        ({"from_time": "16:00", "until_time": "15:00"}, "must be later than the time from which"),
        ({"from_time": "16:00", "until_time": "16:00"}, "must be later than the time from which"),
        ({"from_time": "quarter"}, "Enter a time from 00:00 to 23:59"),
        ({"note": "x" * 201}, "Keep it to 200 letters; it has 201 now."),
        ({"note": "a\0b"}, "a character in this that cannot be kept"),
    ],
)
def test_wishes_that_nobody_could_act_on_get_a_sentence(hers, visit, said, sentence):
    if said.get("starts") == 4:
        said = {"starts": [stamp_of(start) for start in shown(visit)[:4]]}
    before = fingerprint()
    assert sentence in words_of(post(hers, visit, **said), status=422)
    assert fingerprint() == before


def test_a_time_that_is_not_free_cannot_be_wished_for_by_its_name(hers, visit):
    """Its own, one in the night, and one outside the window."""
    for start in (
        visit.during.lower,
        visit.during.lower + timedelta(hours=12),
        visit.during.lower + timedelta(days=200),
    ):
        assert post(hers, visit, starts=[stamp_of(start)]).status_code == 422
    assert not MoveRequest.objects.exists()


def test_a_time_that_was_taken_meanwhile_is_said_and_the_others_stay_chosen(hers, visit, clinic):
    wished = shown(visit)[:2]
    day = wished[0].astimezone(clinic.tz).date()
    resources.add_time_off(
        clinic=clinic, membership=None, first_day=day, last_day=day, by=factories.a_manager(clinic).user
    )
    page = words_of(post(hers, visit, starts=[stamp_of(start) for start in wished]), status=422)
    assert "One of these times has just gone. Choose again." in page
    assert f'value="{stamp_of(wished[0])}"' not in page
    assert f'value="{stamp_of(wished[1])}" checked' in page.replace(' id="id_starts"', "")
    assert not MoveRequest.objects.exists()


def test_asking_again_takes_the_place_of_the_wishes_before_and_the_same_again_is_once(hers, visit):
    assert post(hers, visit, weekdays=["1"]).status_code == 302
    assert post(hers, visit, weekdays=["1"]).status_code == 302
    assert MoveRequest.objects.count() == 1
    assert post(hers, visit, weekdays=["2"]).status_code == 302
    first, second = MoveRequest.objects.order_by("pk")
    assert (first.ended_because, first.ended_by, second.ended_at) == ("replaced", None, None)
    page = words_of(hers.get(MOVE))
    assert 'name="weekdays" value="2" checked' in page
    assert "Ask for this instead" in page


def test_she_takes_it_back_and_may_say_that_she_comes(hers, visit):
    post(hers, visit, weekdays=["1"])
    answer = hers.post(f"{MOVE}?visit={visit.ref}", {"act": "take_back", "visit": str(visit.ref)})
    assert answer.headers["Location"] == VISIT
    assert MoveRequest.objects.get().ended_because == "taken_back"
    page = words_of(hers.get(VISIT))
    assert "Will you come?" in page and "I will come" in page
    # Pressed twice it is done once.
    assert hers.post(f"{MOVE}?visit={visit.ref}", {"act": "take_back", "visit": str(visit.ref)}).status_code == 302
    assert AuditEvent.objects.filter(action="move_request.taken_back").count() == 1


def test_who_asked_may_still_confirm_from_an_older_page_and_the_wish_stands(hers, visit):
    post(hers, visit, weekdays=["1"])
    hers.post("/my/visit/confirm/", {"visit": str(visit.ref), "version": visit.schedule_version})
    visit.refresh_from_db()
    assert visit.status == "confirmed"
    assert MoveRequest.objects.get().ended_at is None


# ── When it is refused ────────────────────────────────────────────────────────


@pytest.mark.parametrize(("left", "may"), [(timedelta(hours=24), True), (timedelta(hours=23, minutes=59), False)])
def test_up_to_a_day_before_she_asks_here_and_then_she_calls(hers, visit, left, may):
    clock.move_to(visit.during.lower - left)
    page = words_of(hers.get(MOVE))
    assert ('name="act" value="ask"' in page) == may
    assert ("Please call us" in page) == (not may)
    assert "020 7946 0100" in page or may
    assert ("Ask for another time" in words_of(hers.get(VISIT))) == may
    assert post(hers, visit, weekdays=["1"]).status_code == (302 if may else 409)
    assert MoveRequest.objects.exists() == may


def test_a_page_that_showed_another_time_asks_nothing(hers, visit, desk_member):
    old = wishing(visit, weekdays=["1"])
    place = factories.a_place(visit.clinic, visit.day + timedelta(days=1), time(14))
    appointments.move(visit=visit, place=place, by=desk_member.user)
    page = words_of(hers.post(f"{MOVE}?visit={visit.ref}", old), status=409)
    assert "This visit was moved." in page
    assert "Saturday 20 March 2027, 14:00" in page
    assert not MoveRequest.objects.exists()


def test_what_was_said_of_one_visit_is_never_taken_for_another(booked_course, desk_member):
    """The link is about the course: the first visit is cancelled while her page of it is open."""
    first, second, *_ = booked_course
    clock.move_to(first.during.upper + timedelta(days=1))
    third = booked_course[2]
    hers = opened(a_token(first.patient, "visit", about=first.planned_session.plan.ref))
    assert "Tuesday 20 April" in words_of(hers.get(MOVE))
    said = wishing(second, weekdays=["1"])
    appointments.cancel(visit=second, reason="Ill", by=desk_member.user)
    assert hers.post(f"{MOVE}?visit={second.ref}", said).headers["Location"] == VISIT
    page = words_of(hers.post(MOVE, said), status=409)
    assert "This page was out of date." in page
    assert "Tuesday 1 June 2027" in page
    assert not MoveRequest.objects.exists()
    assert hers.post(f"{MOVE}?visit={third.ref}", wishing(third, weekdays=["1"])).status_code == 302
    assert MoveRequest.objects.get().visit == third


@pytest.mark.parametrize(
    ("act", "sentence"), [("cancel", "This visit was cancelled"), ("begin", "has begun"), ("move", "was moved")]
)
def test_the_flow_refuses_past_the_page_too(visit, desk_member, act, sentence):
    link, version = a_link(visit, "visit"), visit.schedule_version
    if act == "cancel":
        appointments.cancel(visit=visit, reason="Ill", by=desk_member.user)
    elif act == "begin":
        clock.move_to(visit.during.lower)
    else:
        place = factories.a_place(visit.clinic, visit.day + timedelta(days=1))
        appointments.move(visit=visit, place=place, by=desk_member.user)
    with pytest.raises(DomainError, match=sentence):
        move_requests.ask(visit=visit, version=version, wishes=Wishes(weekdays=(1,)), link=link)


def test_a_wish_that_has_come_too_near_while_she_thought_is_refused(visit):
    start = visit.during.lower - timedelta(days=2)
    clock.move_to(start - timedelta(hours=23))
    with pytest.raises(DomainError, match="too near"):
        asks(visit, starts=(start,))


def test_a_link_asks_for_her_own_visit_and_nobody_elses(clinic, visit):
    other = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman")
    theirs = opened(a_token(other, "visit", about=visit.ref))
    assert theirs.get(MOVE).headers["Location"] == VISIT
    assert theirs.post(f"{MOVE}?visit={visit.ref}", wishing(visit, weekdays=["1"])).headers["Location"] == VISIT
    assert not MoveRequest.objects.exists()


def test_reading_changes_nothing(hers, visit):
    before = fingerprint()
    for path in (MOVE, f"{MOVE}?visit={visit.ref}", f"{MOVE}?visit=nonsense"):
        hers.get(path)
        hers.head(path)
    assert fingerprint() == before


def test_a_forged_press_asks_nothing(visit):
    hers = opened(a_token(visit.patient, "visit", about=visit.ref), enforce_csrf_checks=True)
    assert post(hers, visit, weekdays=["1"]).status_code == 403
    assert not MoveRequest.objects.exists()


# ── What it costs ─────────────────────────────────────────────────────────────


def test_the_page_asks_a_fixed_number_of_questions(hers, visit, clinic):
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            words_of(hers.get(MOVE))
        return len(captured)

    asked()
    few = asked()
    by = factories.a_manager(clinic).user
    for number in range(30):
        other = factories.make_patient(clinic, given_name=f"Patient {number}")
        day = visit.day + timedelta(days=(0, 3, 6, 10)[number // 8])
        place = factories.a_place(clinic, day, time(13 + number % 4, 30 * (number // 4 % 2)), kind="consultation")
        appointments.book(patient=other, kind="consultation", place=place, by=by)
    for days in range(1, 13):
        factories.answer_all(visit.patient, forms=("day",), answered_on=factories.TODAY - timedelta(days=30 * days))
    assert HistoryAnswer.objects.filter(patient=visit.patient).count() > 200
    assert asked() == few
