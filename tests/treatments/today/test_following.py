"""A day that is asked for again and again: the same answer costs next to nothing, another one is never missed, and asking keeps nobody signed in."""

import time as stopwatch
from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.models import Room, User
from tests import factories
from tests.factories import TODAY
from treatments.appointments import services

pytestmark = pytest.mark.django_db
URL = f"/today/visits.json?day={TODAY}&by=clinicians"
WEEK = "/calendar/visits.json?from=2027-03-08&to=2027-03-14"


def ask(client, url: str = URL, tag: str = ""):
    return client.get(url, headers={"X-Background": "1"} | ({"If-None-Match": tag} if tag else {}))


# Whether anything was written is asked of the database's transactions: here every change has to be one of its own.
committed = pytest.mark.django_db(transaction=True)


@committed
def test_what_is_known_already_is_not_sent_again(desk, visit_today):
    tags = {}
    for url in (URL, WEEK):
        first = ask(desk, url)
        assert first.status_code == 200
        assert str(visit_today.ref) in first.content.decode()
        again = ask(desk, url, first["ETag"])
        assert (again.status_code, again.content) == (304, b"")
        tags[url] = again["ETag"]
    # The negative control: a step on another desk, and it is sent.
    services.step(visit=visit_today, to="arrived", by=factories.a_manager(visit_today.clinic).user)
    assert [ask(desk, url, tag).status_code for url, tag in tags.items()] == [200, 200]


def test_the_page_and_the_answer_are_the_same_picture(desk, visit_today):
    page = desk.get("/today/")
    assert ask(desk, tag=f'W/"{page.context["events_tag"]}."').status_code == 304
    assert ask(desk).json() == page.context["events"]
    week = desk.get("/calendar/")
    assert ask(desk, WEEK, f'W/"{week.context["events_tag"]}."').status_code == 304


@committed
def test_as_long_as_nothing_was_written_asking_costs_one_question(desk, visit_today):
    ask(desk)  # the first request of a session writes when it began
    tags = {url: ask(desk, url)["ETag"] for url in (URL, WEEK)}

    def own() -> list[tuple[int, int]]:
        found = []
        for url, tag in tags.items():
            with CaptureQueriesContext(connection) as captured:
                answer = ask(desk, url, tag)
            # Session and user are asked for by every request.
            found.append((answer.status_code, len(captured) - 2))
        return found

    assert own() == [(304, 1), (304, 1)]
    # The negative control: something else was written, so it is looked at, found the same, and not sent.
    factories.make_patient(factories.make_clinic("Elm Road Clinic"))
    looked = own()
    assert [status for status, _ in looked] == [304, 304]
    assert all(queries > 1 for _, queries in looked)


@committed
def test_a_day_is_drawn_once_for_all_desks_until_anything_is_written_or_a_minute_is_over(desk, visit_today, later):
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            page = desk.get("/today/")
        shown.append([visit["words"] for visit in page.context["events"]["visits"]])
        return len(captured)

    shown: list[list[str]] = []
    desk.get("/today/")
    desk.get("/today/")
    kept = asked()
    services.step(visit=visit_today, to="confirmed", by=desk.membership.user)
    drawn_anew = asked()
    assert asked() == kept < drawn_anew
    assert shown == [["1/4 · not confirmed"], ["1/4 · confirmed"], ["1/4 · confirmed"]]
    later(timedelta(minutes=1))
    assert asked() == drawn_anew


@committed
def test_nothing_that_is_drawn_changes_unseen(desk, visit_today):
    visit, patient = visit_today, visit_today.patient
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=170))
    changes = [
        lambda: Room.objects.filter(pk=visit.room_id).update(short_name="R9"),
        lambda: type(patient).objects.filter(pk=patient.pk).update(family_name="Hadid"),
        lambda: visit.clinician.working_hours.update(ends=time(16)),
        lambda: factories.screen_today(patient, purpose="booking"),
        lambda: User.objects.update(full_name="Somebody Else"),
        lambda: services.step(visit=visit, to="confirmed", by=desk.membership.user),
    ]
    tag = ask(desk)["ETag"]
    for number, change in enumerate(changes):
        change()
        answer = ask(desk, tag=tag)
        assert answer.status_code == 200, number
        tag = answer["ETag"]


def test_asking_in_the_background_keeps_nobody_signed_in_and_a_press_does(desk, visit_today):
    def seen_after(**headers) -> float:
        session = desk.session
        session["seen_at"] = began = stopwatch.time() - 300
        session.save()
        desk.get(URL, headers=headers)
        return desk.session["seen_at"] - began

    assert seen_after(**{"X-Background": "1"}) == 0
    assert seen_after() > 200


def test_who_is_signed_out_is_told_so_and_not_sent_to_a_form(client, desk, visit_today):
    assert ask(client).status_code == 401
    session = desk.session
    session["seen_at"] = stopwatch.time() - 3600
    session.save()
    assert ask(desk).status_code == 401


def test_what_stands_around_the_picture_comes_without_taking_messages(desk, visit_today):
    desk.post(f"/visits/{visit_today.ref}/step/", {"to": "arrived"})
    parts = desk.get("/today/", headers={"X-Background": "1"})
    assert 'id="counts"' in parts.content.decode()
    assert "data-calendar" not in parts.content.decode()
    assert [str(message) for message in desk.get("/today/").context["messages"]] == ["Leila Haddad arrived 10:42."]


def test_another_clinic_sees_nothing_of_it(stranger, visit_today):
    assert ask(stranger).json()["visits"] == []
    assert ask(stranger, WEEK).json()["visits"] == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "Say from which day"),
        ("from=2027-03-08&to=soon", "Say from which day"),
        ("from=2027-03-08&to=2027-03-01", "The last day comes before the first."),
        ("from=2027-03-08&to=2027-04-19", "Ask for 42 days at most"),
        ("from=0001-01-01&to=0001-01-02", "between 2000 and 2199"),
        ("from=9999-12-30&to=9999-12-31", "between 2000 and 2199"),
        ("from=2027-03-08&to=2027-03-14&who=x", "Nobody here is called so"),
        ("from=2027-03-08&to=2027-03-14&room=%00", "Nobody here is called so"),
    ],
)
def test_days_that_make_no_sense_are_answered_with_a_sentence(desk, query, sentence):
    answer = desk.get(f"/calendar/visits.json?{query}")
    assert answer.status_code == 422
    assert sentence in answer.json()["sentence"]


def test_six_weeks_are_not_too_many(desk, visit_today):
    assert desk.get("/calendar/visits.json?from=2027-03-08&to=2027-04-18").status_code == 200


@pytest.mark.parametrize("query", ["week=2027-W99", "week=soon", "week=0001-W01", "week=9999-W52", "who=x", "who=%00"])
def test_a_week_that_makes_no_sense_is_this_one(desk, query):
    page = desk.get(f"/calendar/?{query}")
    assert page.status_code == 200
    assert "Mon 8 Mar to Sun 14 Mar" in page.content.decode()


def test_a_closed_day_and_time_off_stand_in_the_week(desk, clinic, clinician_member):
    week = ask(desk, WEEK).json()
    assert [day["note"] for day in week["days"]] == [""] * 6 + ["closed"]
    one = ask(desk, f"{WEEK}&who={clinician_member.ref}").json()
    assert one["days"][6]["note"] == "not in"
    assert {"start": "2027-03-14T09:00:00", "end": "2027-03-14T17:00:00", "words": "", "lane": ""} in one["off"]
