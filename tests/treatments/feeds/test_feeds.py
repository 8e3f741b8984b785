"""A clinician's calendar under its secret address: what it says, who may read it, and when it no longer opens."""

import logging
import re
from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from clinic import clock
from clinic.errors import DomainError, constraint_name
from clinic.models import AuditEvent, FormSubmission
from clinic.resources import services as resources
from clinic.roles import Role
from clinic.settings.logs import ReticentFormatter
from tests import factories
from tests.factories import TODAY
from tests.treatments.feeds.raw import components, lines_of, moment_of
from treatments.appointments import services as appointments
from treatments.appointments.feeds import limits, reading, services
from treatments.appointments.feeds.models import CalendarFeed
from treatments.appointments.models import Appointment

PAGE = "treatments:feeds"


@pytest.fixture
def noor(clinician_member):
    return clinician_member


@pytest.fixture
def token(noor) -> str:
    return services.make_address(membership=noor, by=noor.user)


@pytest.fixture
def program():
    """A calendar program: no cookies, no session. `program(token, etag=...)`."""

    def read(token: str, **headers) -> object:
        return Client().get(reverse("treatments:feed", args=[token]), headers=headers)

    return read


def consultation(patient, day: date, at: time = time(11), **differing) -> Appointment:
    place = factories.a_place(patient.clinic, day, at, kind="consultation", **differing)
    return appointments.book(
        patient=patient, kind="consultation", place=place, by=factories.a_manager(patient.clinic).user
    )


def on_day(visit: Appointment, day: date, **differing) -> Appointment:
    """A copy of a visit on another day, past days included, as an import would write it."""
    by = timedelta(days=(day - visit.day).days)
    values = {
        field.attname: getattr(visit, field.attname) for field in visit._meta.concrete_fields if not field.primary_key
    }
    shifted = {
        name: (getattr(visit, name).lower + by, getattr(visit, name).upper + by)
        for name in ("during", "room_during", "clinician_during")
    }
    return Appointment(**values | shifted | {"ref": uuid4(), "day": day} | differing)


def events_in(answer) -> list[dict[str, str]]:
    lines = lines_of(answer.content)
    return [{name: line.value for name, line in event.items()} for event in components(lines, "VEVENT")]


# ── What it says ──────────────────────────────────────────────────────────────


def test_the_times_and_rooms_of_her_visits_with_a_link_and_nothing_else(token, program, patient, active_plan):
    seen = consultation(patient, TODAY + timedelta(days=3))
    planned = active_plan.planned_sessions.get(number=1)
    treated = factories.book(planned, day=planned.target_on)
    answer = program(token)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    first, second = sorted(events_in(answer), key=lambda event: event["SUMMARY"])
    assert (first["SUMMARY"], second["SUMMARY"]) == (r"Consultation\, R1", r"Visit\, R1")
    assert first["UID"] == f"{seen.ref}@stratum"
    assert first["DESCRIPTION"] == f"http://localhost:8000/visits/{seen.ref}/"
    assert set(first) == {
        "UID", "DTSTAMP", "SEQUENCE", "STATUS", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "CLASS", "TRANSP",
    }  # fmt: skip
    # The clinician is needed for the treatment, not for the numbing before it.
    lines = lines_of(answer.content)
    starts = {e["UID"].value: moment_of(lines, e["DTSTART"]) for e in components(lines, "VEVENT")}
    assert starts[f"{treated.ref}@stratum"] == treated.clinician_during.lower > treated.during.lower
    parsed = Calendar.from_ical(answer.content)
    assert {event.start for event in parsed.events} == {treated.clinician_during.lower, seen.clinician_during.lower}
    text = answer.content.decode().replace("\r\n ", "")
    for word in ("Leila", "Haddad", "Noor", "Adeyemi", "needl", "Treatment", "session", "Skin", patient.phone):
        assert word not in text, word


def test_from_two_weeks_back_to_half_a_year_ahead_and_only_hers_that_stand(token, program, patient, noor):
    visit = consultation(patient, TODAY + timedelta(days=1))
    other = factories.make_member(noor.clinic, Role.CLINICIAN, name="Ola Berg")
    days = {"too old": -15, "oldest": -14, "newest": 180, "too far": 181}
    copies = {name: on_day(visit, TODAY + timedelta(days=days)) for name, days in days.items()}
    copies["missed"] = on_day(visit, TODAY - timedelta(days=2), status="no_show", closed_at=visit.booked_at)
    copies["cancelled"] = on_day(visit, TODAY + timedelta(days=2), status="cancelled", closed_at=visit.booked_at)
    copies["done"] = on_day(visit, TODAY - timedelta(days=1), status="done", done_at=visit.booked_at)
    copies["of another"] = on_day(visit, TODAY + timedelta(days=4), clinician_id=other.pk)
    Appointment.objects.bulk_create(copies.values())
    names = {f"{copy.ref}@stratum": name for name, copy in copies.items()} | {f"{visit.ref}@stratum": "booked"}
    assert [names[event["UID"]] for event in events_in(program(token))] == ["oldest", "done", "booked", "newest"]


def test_a_program_that_has_it_already_is_told_so_until_a_visit_gets_another_place(token, program, patient):
    visit = consultation(patient, TODAY)
    first = program(token)
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = program(token, if_none_match=etag)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert again.headers["Cache-Control"] == "private, no-cache"
    # Her steps on the day are no news to a calendar, and nor is tomorrow.
    factories.arrive(visit)
    assert program(token, if_none_match=etag).status_code == 304
    moved = consultation(patient, TODAY + timedelta(days=2))
    second = program(token, if_none_match=etag)
    assert second.status_code == 200
    place = factories.a_place(patient.clinic, moved.day, time(15), kind="consultation")
    appointments.move(visit=moved, place=place, by=moved.clinician.user)
    third = program(token, if_none_match=second.headers["ETag"])
    before, after = events_in(second)[1], events_in(third)[1]
    assert before["UID"] == after["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == ("1", "2")
    assert before["DTSTAMP"] <= after["DTSTAMP"]
    assert after["DTSTART"].endswith("T150000")
    appointments.cancel(visit=Appointment.objects.get(pk=moved.pk), reason="Ill", by=moved.clinician.user)
    assert len(events_in(program(token))) == 1


def test_reading_costs_the_same_whatever_the_calendar_holds(token, program, patient):
    visit = consultation(patient, TODAY + timedelta(days=1))
    program(token)  # the first reading of an hour is noted

    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program(token).status_code == 200
        return len(asked)

    few = questions()
    Appointment.objects.bulk_create(on_day(visit, TODAY + timedelta(days=2 + number)) for number in range(120))
    assert questions() == few == 4  # whose it is, the clock, whether anything changed, the visits
    assert len(events_in(program(token))) == 121


def test_nothing_is_asked_or_kept_of_the_reader(token, program):
    answer = program(token)
    assert not answer.cookies
    with CaptureQueriesContext(connection) as asked:
        program(token)
    assert not [query for query in asked if "django_session" in query["sql"]]


# ── Who may read it, and who no longer ────────────────────────────────────────


def test_an_address_is_kept_as_a_hash_and_found_nowhere(token, noor):
    (feed,) = CalendarFeed.objects.all()
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert feed.token_sha256 != token
    assert feed.token_sha256 == reading.hash_of(token)
    with connection.cursor() as cursor:
        for model in (CalendarFeed, AuditEvent, FormSubmission):
            cursor.execute(f'SELECT count(*) FROM "{model._meta.db_table}" t WHERE t::text LIKE %s', [f"%{token}%"])  # noqa: S608
            assert cursor.fetchone() == (0,)


def same_answer(program, one: str, other: str) -> bool:
    """Nothing tells a given-up address from one that never was."""
    answers = [program(token) for token in (one, other)]
    assert [answer.status_code for answer in answers] == [404, 404]
    return answers[0].content == answers[1].content and dict(answers[0].headers) == dict(answers[1].headers)


def test_an_address_that_was_given_up_is_like_one_that_never_was(token, program, noor):
    assert program(token).status_code == 200
    services.give_up_address(membership=noor, by=noor.user)
    assert same_answer(program, token, "0" * 64)
    assert same_answer(program, token, "nonsense-_x")


def test_a_new_address_closes_the_old_one_at_once(token, program, noor):
    newer = services.make_address(membership=noor, by=noor.user)
    assert (program(token).status_code, program(newer).status_code) == (404, 200)
    assert CalendarFeed.objects.filter(membership=noor, revoked_at=None).count() == 1
    assert [event.action for event in AuditEvent.objects.filter(action__startswith="calendar").order_by("pk")] == [
        "calendar.address_made", "calendar.address_given_up", "calendar.address_made",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "taken"),
    [
        ("membership", {"is_active": False}),
        ("membership", {"sees_patients": False}),
        ("membership", {"roles": ["front_desk", "manager"]}),
        ("user", {"is_active": False}),
    ],
)
def test_nobody_reads_a_diary_who_does_not_work_here_as_a_clinician(token, program, noor, row, taken):
    """Whoever writes it: an account that is closed, a role that is taken away, a correction in the database."""
    kept = noor if row == "membership" else noor.user
    type(kept).objects.filter(pk=kept.pk).update(**taken)
    assert same_answer(program, token, "0" * 64)


def test_marked_as_left_or_as_seeing_no_patients_she_has_given_it_up_for_good(noor, program, manager_member):
    """Coming back opens nothing: somebody else may hold her telephone by now."""
    by = manager_member.user

    def leave():
        resources.mark_left(membership=noor, by=by)

    def see_nobody():
        resources.change_person(membership=noor, sees_patients=False, max_depth_mm=None, by=by)

    def still_see_patients():
        resources.change_person(membership=noor, sees_patients=True, max_depth_mm="1.0", by=by)

    for end, begin in ((leave, lambda: resources.mark_back(membership=noor, by=by)), (see_nobody, still_see_patients)):
        noor.refresh_from_db()
        token = services.make_address(membership=noor, by=noor.user)
        still_see_patients()
        assert program(token).status_code == 200
        end()
        given_up = CalendarFeed.objects.get(token_sha256=reading.hash_of(token))
        assert given_up.revoked_by == by
        assert same_answer(program, token, "0" * 64)
        begin()
        assert program(token).status_code == 404


def test_the_last_reading_is_noted_to_the_hour(token, program, later):
    feed = CalendarFeed.objects.get()
    program("0" * 64)
    assert CalendarFeed.objects.get().last_read_at is None
    readings = []
    for minutes in (0, 59, 2):
        later(timedelta(minutes=minutes))
        program(token)
        feed.refresh_from_db()
        readings.append(feed.last_read_at)
    assert readings[0] == readings[1] < readings[2]


def test_a_loop_is_stopped_and_the_neighbour_is_not(token, program, monkeypatch, noor, clinic):
    monkeypatch.setattr(limits, "PER_ADDRESS", 3)
    other = factories.make_member(clinic, Role.CLINICIAN, name="Ola Berg")
    others = services.make_address(membership=other, by=other.user)
    assert [program(token).status_code for _ in range(4)] == [200, 200, 200, 429]
    stopped = program(token)
    assert stopped.headers["Retry-After"] == "300"
    assert program(others).status_code == 200
    # Addresses that do not exist are counted alike, so the limit tells nothing either.
    assert [program("0" * 64).status_code for _ in range(4)] == [404, 404, 404, 429]


def test_one_caller_who_tries_many_addresses_is_stopped(token, program, monkeypatch):
    monkeypatch.setattr(limits, "PER_CALLER", 3)
    assert [program(f"{number:064x}").status_code for number in range(4)] == [404, 404, 404, 429]


def test_no_line_of_the_log_holds_the_address(token, program, noor, caplog):
    services.give_up_address(membership=noor, by=noor.user)
    with caplog.at_level(logging.DEBUG):
        program(token)
    said = [ReticentFormatter("%(message)s").format(record) for record in caplog.records]
    assert [line for line in said if token in line] == []
    # It would have been there: the framework names the path of what was not found.
    assert [record for record in caplog.records if token in record.getMessage()]
    assert [line for line in said if "/calendar/[token].ics" in line]


# ── Making and giving up ──────────────────────────────────────────────────────


def pressed(client, name: str, *args, submit_token: str = ""):
    return client.post(reverse(name, args=args), {"submit_token": submit_token or str(uuid4())})


def test_she_makes_her_address_and_sees_it_once(clinician, program, noor):
    assert "Make an address" in clinician.get(reverse(PAGE)).content.decode()
    once = str(uuid4())
    shown = pressed(clinician, "treatments:feed_make", submit_token=once)
    (address,) = re.findall(r">(http://localhost:8000/calendar/[0-9a-f]{64}\.ics)<", shown.content.decode())
    assert Client().get(address.removeprefix("http://localhost:8000")).status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    page = clinician.get(reverse(PAGE)).content.decode()
    assert "/calendar/" + address.split("/")[-1] not in page
    assert "made" in page
    # The same press again makes no second address and does not close the first.
    again = pressed(clinician, "treatments:feed_make", submit_token=once)
    assert again.status_code == 302
    assert "shown once" in clinician.get(reverse(PAGE)).content.decode()
    assert CalendarFeed.objects.count() == 1
    assert Client().get(address.removeprefix("http://localhost:8000")).status_code == 200


def test_she_gives_it_up_herself(clinician, token, program):
    assert pressed(clinician, "treatments:feed_give_up").status_code == 302
    assert program(token).status_code == 404
    assert pressed(clinician, "treatments:feed_give_up").status_code == 302  # twice is once


def test_a_manager_closes_anybodys_and_opens_nobodys(manager, token, program, noor, stranger):
    page = manager.get(reverse(PAGE)).content.decode()
    assert "Noor Adeyemi" in page
    assert "You see no patients here" in page
    assert pressed(stranger, "treatments:feed_give_up_of", noor.ref).status_code == 404
    assert program(token).status_code == 200
    assert pressed(manager, "treatments:feed_give_up_of", noor.ref).status_code == 302
    assert program(token).status_code == 404
    refused = pressed(manager, "treatments:feed_make")
    assert refused.status_code == 409
    assert "You have no visits of your own here" in refused.content.decode()


def test_colleagues_are_not_listed_to_a_clinician(clinician, clinic):
    factories.make_member(clinic, Role.CLINICIAN, name="Ola Berg")
    assert "Ola Berg" not in clinician.get(reverse(PAGE)).content.decode()


def test_the_service_itself_lets_nobody_else_do_it(noor, token, program, other_clinic):
    colleague = factories.make_member(noor.clinic, Role.CLINICIAN, name="Ola Berg").user
    manager_elsewhere = factories.a_manager(other_clinic).user
    for somebody in (colleague, manager_elsewhere, factories.make_member(noor.clinic, Role.FRONT_DESK).user):
        with pytest.raises(DomainError, match="Only the clinician herself or a manager"):
            services.give_up_address(membership=noor, by=somebody)
        with pytest.raises(DomainError, match="Only the clinician herself can make this address"):
            services.make_address(membership=noor, by=somebody)
    assert program(token).status_code == 200


def test_the_database_keeps_one_open_address_and_opens_none_again(noor, token):
    feed = CalendarFeed.objects.get()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        CalendarFeed.objects.create(membership=noor, token_sha256="x", made_by=noor.user)
    assert constraint_name(refused.value) == "calendar_feed_one_at_a_time"
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        CalendarFeed.objects.filter(pk=feed.pk).update(revoked_at=clock.now())
    assert constraint_name(refused.value) == "calendar_feed_given_up_says_who"
    services.give_up_address(membership=noor, by=noor.user)
    for change in ({"revoked_at": None, "revoked_by": None}, {"token_sha256": "y"}):
        with pytest.raises((IntegrityError, InternalError)) as refused, transaction.atomic():
            CalendarFeed.objects.filter(pk=feed.pk).update(**change)
        assert constraint_name(refused.value) == "calendar_feed_stays_given_up"


def test_what_is_written_down_names_nobody(noor, token):
    facts = AuditEvent.objects.get(action="calendar.address_made").facts
    assert facts == {"of": str(noor.ref)}
