"""A visit dropped somewhere else: what it would change is said, nothing is saved before the press, and the press does just that."""

from datetime import date, time, timedelta

import pytest
from django.urls import reverse

from patients.models import Message
from tests import factories
from tests.factories import TODAY
from tests.treatments.courses.test_booking import booked
from treatments.appointments import services
from treatments.appointments.models import Appointment

pytestmark = pytest.mark.django_db


def url(visit) -> str:
    return reverse("treatments:drop_visit", args=[visit.ref])


def drop(client, visit, *, day: date | None = None, at: str = "14:00", by: str = "clinicians", lane: str = ""):
    return client.get(
        url(visit), {"day": (day or visit.day).isoformat(), "at": at, "by": by, "lane": lane, "next": "/today/"}
    )


def press(client, tray, visit, way: str = "", **differing):
    shown = tray.context["tray"]
    said = {"to": shown.value, "way": way or shown.proposals[0].code, "next": "/today/"}
    return client.post(url(visit), said | differing)


def place(visit) -> tuple:
    visit.refresh_from_db()
    return visit.day, visit.starts_at, str(visit.clinician), visit.room.short_name


@pytest.fixture
def visits(booked_course):
    return booked_course


def test_a_drop_says_what_would_change_and_saves_nothing(desk, visit_today):
    was, mails = place(visit_today), Message.objects.count()
    tray = drop(desk, visit_today)
    words = tray.content.decode()
    assert "Move Leila Haddad?" in words
    assert "11:00 to <b>14:00</b>, Noor Adeyemi and R1 stay" in words
    assert "one to Leila, leaves a minute after you accept" in words
    assert place(visit_today) == was
    assert visit_today.schedule_version == 1
    assert Message.objects.count() == mails


def test_the_press_does_what_the_page_of_the_visit_does(desk, visit_today):
    """The same by key: M in the drawer leads to that page."""
    answer = press(desk, drop(desk, visit_today), visit_today)
    assert answer["Location"] == "/today/"
    assert place(visit_today)[:2] == (TODAY, time(14))
    page = desk.get("/today/").content.decode()
    assert "Moved to Tue 9 Mar, 14:00 with Noor Adeyemi. Mail: one to Leila" in page
    assert reverse("treatments:move_visit_back", args=[visit_today.ref]) in page
    moved = {row.kind: row.state for row in Message.objects.filter(patient=visit_today.patient)}
    services.move_back(visit=visit_today, by=desk.membership.user)
    move = reverse("treatments:move_visit", args=[visit_today.ref])
    room = visit_today.room
    desk.post(move, {"slot": "own", "day": TODAY, "starts_at": "14:00", "clinician": visit_today.clinician.ref, "room": room.ref})  # fmt: skip
    assert place(visit_today)[:2] == (TODAY, time(14))
    assert {row.kind: row.state for row in Message.objects.filter(patient=visit_today.patient)} == moved


def test_in_the_lane_of_a_clinician_a_free_room_is_chosen_and_said(desk, clinic, visit_today, prescriber_member):
    other = factories.make_patient(clinic, given_name="Ben", family_name="Carver")
    there = factories.a_place(clinic, TODAY, time(14, 30), kind="consultation", room=visit_today.room)
    services.book(patient=other, kind="consultation", place=there, by=desk.membership.user)
    tray = drop(desk, visit_today, lane=str(prescriber_member.ref))
    assert "with Dr Ines Halloran, in R2. R1 is taken then: R2 is free." in tray.content.decode()
    press(desk, tray, visit_today)
    assert place(visit_today) == (TODAY, time(14), "Dr Ines Halloran", "R2")


def test_in_the_lane_of_a_room_the_clinician_stays_and_no_other_room_is_chosen(desk, clinic, visit_today):
    second = clinic.rooms.last()
    tray = drop(desk, visit_today, by="rooms", lane=str(second.ref), at="11:00")
    assert "Noor Adeyemi stays, in R2" in tray.content.decode()
    press(desk, tray, visit_today)
    assert place(visit_today) == (TODAY, time(11), "Noor Adeyemi", "R2")


def test_what_has_to_move_with_it_is_shown_in_both_ways_and_moves_together(desk, visits, active_plan):
    later = visits[1].day + timedelta(days=20)
    tray = drop(desk, visits[1], day=later, at=f"{visits[1].starts_at:%H:%M}")
    assert [(way.code, len(way.places)) for way in tray.context["tray"].proposals] == [("fewest", 2), ("shift_all", 3)]
    words = tray.content.decode()
    assert "Move sessions 2 and 3" in words
    assert "<dt>Session 4</dt><dd>stays" in words
    before = [visit.day for visit in booked(active_plan)]
    press(desk, tray, visits[1], way="shift_all")
    assert [visit.day for visit in booked(active_plan)][1] == later
    assert sum(a != b for a, b in zip(before, [v.day for v in booked(active_plan)], strict=True)) == 3
    assert reverse("treatments:put_back", args=[active_plan.ref]) in desk.get("/today/").content.decode()


def test_what_still_fits_stays_and_is_said_to(desk, visits):
    tray = drop(desk, visits[1], day=visits[1].day + timedelta(days=7))
    assert [len(way.places) for way in tray.context["tray"].proposals][0] == 1
    assert "<dt>Session 3</dt><dd>stays" in tray.content.decode()


def test_below_the_floor_it_is_refused_with_a_way_out(desk, visits):
    tray = drop(desk, visits[1], day=visits[0].day + timedelta(days=7))
    shown = tray.context["tray"]
    assert not shown.proposals
    assert "session 2 would be fewer than 28 days" in shown.refusal.sentence
    assert shown.offers
    assert reverse("treatments:move_visit", args=[visits[1].ref]) in tray.content.decode()


def test_who_was_slower_is_told_so_in_the_tray_and_nothing_has_moved(desk, clinic, visit_today):
    tray = drop(desk, visit_today)
    other = factories.make_patient(clinic, given_name="Ben", family_name="Carver")
    there = factories.a_place(clinic, TODAY, time(14, 30), kind="consultation", room=clinic.rooms.last())
    services.book(patient=other, kind="consultation", place=there, by=desk.membership.user)
    answer = press(desk, tray, visit_today)
    assert answer.status_code == 409
    assert "Just taken" in answer.content.decode()
    assert place(visit_today)[1] == time(11)
    # The negative control: without the other one the same press moves it.
    services.cancel(visit=Appointment.objects.get(patient=other), reason="Has a cold", by=desk.membership.user)
    assert press(desk, tray, visit_today).status_code == 302
    assert place(visit_today)[1] == time(14)


def test_on_the_place_of_an_old_visit_nothing_was_just_taken(desk, clinic, visit_today):
    other = factories.make_patient(clinic, given_name="Ben", family_name="Carver")
    there = factories.a_place(clinic, TODAY, time(14, 30), kind="consultation", room=clinic.rooms.last())
    services.book(patient=other, kind="consultation", place=there, by=desk.membership.user)
    tray = drop(desk, visit_today)
    said = tray.context["tray"].refusal.sentence
    assert said.startswith("Taken: Tue 9 Mar, 14:00.")
    # What the tray offers instead was free when it was offered.
    offer = tray.context["tray"].offers[0]
    services.book(
        patient=factories.make_patient(clinic, given_name="Zoe"), kind="consultation", by=desk.membership.user,
        place=factories.a_place(clinic, TODAY, offer.starts_at.time(), kind="consultation"),
    )  # fmt: skip
    later = desk.get(url(visit_today), {"to": offer.value, "next": "/today/"})
    assert later.context["tray"].refusal.sentence.startswith("Just taken: ")


def test_pressed_twice_it_moves_once(desk, visit_today):
    tray = drop(desk, visit_today)
    token = "3f8bd9a2-0a51-4a57-9a1e-4f9a4c8f3c11"
    assert press(desk, tray, visit_today, submit_token=token).status_code == 302
    press(desk, tray, visit_today, submit_token=token)
    visit_today.refresh_from_db()
    assert visit_today.schedule_version == 2


@pytest.mark.parametrize("to", ["arrived", "cancelled"])
def test_what_has_begun_or_is_struck_stays(desk, visit_today, to):
    by = desk.membership.user
    if to == "cancelled":
        services.cancel(visit=visit_today, reason="Has a cold", by=by)
    else:
        services.step(visit=visit_today, to=to, by=by)
    assert "can no longer be moved" in drop(desk, visit_today).content.decode()
    assert desk.post(url(visit_today), {"day": TODAY, "at": "14:00"}).status_code == 422


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, "Drop the visit on a time of the calendar."),
        ({"day": "2027-03-09", "at": "soon"}, "Drop the visit on a time of the calendar."),
        ({"day": "2027-03-08", "at": "14:00"}, "Choose a day from today on"),
        ({"day": "9999-12-31", "at": "14:00"}, "Choose a day from today on"),
        ({"day": "2027-03-09", "at": "14:00", "lane": "nobody"}, "This clinician takes no visits now."),
        ({"day": "2027-03-09", "at": "14:00", "lane": "x", "by": "rooms"}, "This room takes no visits now."),
        ({"to": "x"}, "Choose one of the times offered"),
        ({"day": "2027-03-09", "at": "11:00"}, "The visit is there already"),
        ({"day": "2027-03-09", "at": "10:00"}, ""),
        ({"day": "2027-03-28", "at": "01:30"}, "does not exist"),
    ],
)
def test_what_cannot_be_is_a_sentence_in_the_tray(desk, visit_today, query, sentence):
    answer = desk.get(url(visit_today), query)
    assert answer.status_code == 200
    assert answer.context["tray"].refusal.sentence
    assert sentence in answer.content.decode()
    assert "Put back" in answer.content.decode()


def test_a_drop_leads_back_to_a_calendar_of_this_house_only(desk, visit_today):
    answer = press(desk, drop(desk, visit_today), visit_today, next="https://elsewhere.example/")
    assert answer["Location"].startswith("/today/?day=")


def test_a_visit_of_another_clinic_is_not_there(stranger, visit_today):
    assert drop(stranger, visit_today).status_code == 404
    assert stranger.post(url(visit_today), {"to": "x"}).status_code == 404
