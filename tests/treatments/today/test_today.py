"""Today and the worklists: what they show, in how many queries, and at what cost."""

import uuid
from datetime import date, time, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic.models import Membership, Room, TimeOff
from patients.models import Patient
from patients.outbox import services as outbox
from tests import factories
from tests.factories import TODAY
from tests.treatments.calls.test_gaps_at_size import cost
from treatments.appointments import services
from treatments.appointments.models import Appointment
from treatments.pages.worklists.call_lists import call_lists
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.screenings.models import ScreeningRecord

TODAY_URL = "/today/"


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def drawn(response) -> dict[str, object]:
    """Each drawn visit by the patient's full name."""
    return {visit.row.patient.full_name: visit for visit in response.context["day"].visits}


def consult(clinic, at: time, *, day: date = TODAY, name: str = "Ben Carver", **differing) -> Appointment:
    given, _, family = name.partition(" ")
    patient = factories.make_patient(clinic, given_name=given, family_name=family)
    place = factories.a_place(clinic, day, at, kind="consultation", **differing)
    return services.book(patient=patient, kind="consultation", place=place, by=factories.a_manager(clinic).user)


# ── The day ───────────────────────────────────────────────────────────────────


def test_home_is_today(desk):
    assert desk.get("/")["Location"] == "/today/"


def test_the_day_is_named_and_the_days_beside_it_are_a_key_away(desk):
    page = text(desk.get(TODAY_URL))
    assert "<h1>Tuesday 9 March</h1>" in page
    assert 'href="/today/?day=2027-03-08" data-key="["' in page
    assert 'href="/today/?day=2027-03-10" data-key="]"' in page


@pytest.mark.parametrize(
    "query",
    [
        "day=soon",
        "day=0001-01-01",
        "day=9999-12-31",
        "by=stars",
        "view=%00",
        "visit=x",
        "visit=%00",
        "day=" + "9" * 5000,
        "visit=00000000-0000-0000-0000-000000000000",
    ],
)
def test_what_makes_no_sense_in_the_address_is_as_if_not_said(desk, query):
    assert "<h1>Tuesday 9 March</h1>" in text(desk.get(f"{TODAY_URL}?{query}"))


def picture(response) -> dict[str, dict]:
    """What the calendar draws, by the patient's full name: the page carries it along."""
    text(response)
    return {visit["name"]: visit for visit in response.context["events"]["visits"]}


def test_a_two_phase_visit_is_drawn_with_its_room_and_its_time(desk, visit_today):
    page = desk.get(TODAY_URL)
    visit = picture(page)["Leila Haddad"]
    assert (visit["start"], visit["end"]) == ("2027-03-09T11:00:00", "2027-03-09T12:00:00")
    assert (visit["prep"], visit["minutes"], visit["tag"]) == (30, 60, "R1")
    assert (visit["shape"], visit["words"], visit["moves"]) == ("unconfirmed", "1/4 · not confirmed", True)
    assert visit["url"] == f"/today/?visit={visit_today.ref}"
    assert 'id="day-events" type="application/json"' in text(page)


def test_two_at_a_time_have_words_for_half_a_column(desk, clinic, visit_today):
    consult(clinic, time(11), room=clinic.rooms.last())
    shown = picture(desk.get(TODAY_URL))
    assert {visit["lane"] for visit in shown.values()} == {str(visit_today.clinician.ref)}
    assert [(visit["short_name"], visit["short_words"]) for visit in shown.values()] == [
        ("L. Haddad", "1/4"),
        ("B. Carver", "Consult"),
    ]
    by_room = picture(desk.get(f"{TODAY_URL}?by=rooms"))
    assert len({visit["lane"] for visit in by_room.values()}) == 2
    assert by_room["Leila Haddad"]["tag"] == "NA"


def test_a_struck_one_gives_way_where_two_stand_already(desk, clinic, visit_today):
    """Numbing leaves the clinician free, so another visit may begin; what was cancelled covers neither of them."""
    struck = consult(clinic, time(11), room=clinic.rooms.last())
    services.cancel(visit=struck, reason="Has a cold", by=desk.membership.user)
    assert set(picture(desk.get(TODAY_URL))) == {"Leila Haddad", "Ben Carver"}
    consult(clinic, time(11), room=clinic.rooms.last(), name="Mina Holt")
    page = desk.get(TODAY_URL)
    assert set(picture(page)) == {"Leila Haddad", "Mina Holt"}
    day = page.context["day"]
    assert struck.pk in {visit.row.pk for visit in day.visits}
    assert day.lanes[0].sub.endswith("2 visits, 1 cancelled")


def test_the_states_of_a_visit_are_shapes_and_words(desk, clinic, visit_today, later):
    def shape():
        visit = drawn(desk.get(TODAY_URL))["Leila Haddad"]
        return visit.shape, visit.words

    by = desk.membership.user
    services.step(visit=visit_today, to="confirmed", by=by)
    assert drawn(desk.get(TODAY_URL))["Leila Haddad"].words == "1/4 · confirmed"
    services.step(visit=visit_today, to="arrived", by=by)
    assert shape() == ("here", "1/4 · arrived, to ask")
    factories.screen_today(visit_today.patient)
    assert shape() == ("here", "1/4 · arrived 10:42")
    services.step(visit=visit_today, to="numbing", by=by)
    later(timedelta(minutes=12))
    assert shape() == ("live", "1/4 · numbing 12 of 30 min")
    services.step(visit=visit_today, to="in_room", by=by)
    assert shape() == ("inroom", "In room since 10:54")
    services.step(visit=visit_today, to="done", by=by)
    assert shape() == ("done", "1/4 · done 10:54")


def test_a_visit_on_a_day_no_longer_allowed_is_drawn_as_held(desk, patient, visit_today):
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=170))
    factories.screen_today(patient, purpose="booking")
    page = desk.get(TODAY_URL)
    assert drawn(page)["Leila Haddad"].shape == "held"
    assert drawn(page)["Leila Haddad"].words == "1/4 · not before 19 Mar"
    assert page.context["day"].not_before == 1


def test_struck_visits_stay_in_the_day(desk, clinic, visit_today, later):
    services.cancel(visit=visit_today, reason="Has a cold", by=desk.membership.user)
    missed = consult(clinic, time(11))
    later(timedelta(hours=1))
    services.mark_no_show(visit=missed, by=desk.membership.user)
    page = desk.get(TODAY_URL)
    assert {name: (visit["shape"], visit["short_words"]) for name, visit in picture(page).items()} == {
        "Leila Haddad": ("gone", "cancelled"),
        "Ben Carver": ("gone", "missed"),
    }
    # Where two share a lane, who listens hears all of it, and the list says it.
    assert "cancelled, 10:42" in picture(page)["Leila Haddad"]["spoken"]
    assert not any(visit["moves"] for visit in picture(page).values())
    assert text(page).count("<s>") == 2


def test_time_off_is_grey_with_its_reason_in_words(desk, clinic, clinician_member):
    hours = [(time(10, 30), time(12)), (time(13), time(17))]
    clinician_member.working_hours.all().delete()
    factories.clinic_services.set_weekly_hours(membership=clinician_member, hours={2: hours}, by=desk.membership.user)
    factories.make_member(clinic, "clinician", name="Dr Ines Halloran")
    lane = next(lane for lane in desk.get(TODAY_URL).context["day"].lanes if lane.title == "Noor Adeyemi")
    assert [(block.starts, block.minutes, block.words) for block in lane.off] == [
        (time(9), 90, "Starts 10:30"),
        (time(12), 60, "Lunch"),
    ]


def test_who_is_away_all_day_is_not_a_lane_unless_somebody_is_booked(desk, clinic, clinician_member, prescriber_member):
    visit = consult(clinic, time(15), clinician=clinician_member)
    bounds = clock.day_bounds(TODAY, clinic.tz)
    for who in (clinician_member, prescriber_member):
        TimeOff.objects.create(clinic=clinic, membership=who, during=bounds, reason="Course")
    lanes = desk.get(TODAY_URL).context["day"].lanes
    assert [lane.title for lane in lanes] == [str(visit.clinician)]
    assert lanes[0].off[0].words == "Away"


def test_leave_on_another_day_says_nothing_of_this_one(desk, clinic, clinician_member):
    tomorrow = clock.day_bounds(TODAY + timedelta(days=1), clinic.tz)
    clinician_member.working_hours.all().delete()
    hours = {2: [(time(9), time(12)), (time(15), time(17))]}
    factories.clinic_services.set_weekly_hours(membership=clinician_member, hours=hours, by=desk.membership.user)
    TimeOff.objects.create(clinic=clinic, membership=clinician_member, during=tomorrow, reason="Course")
    (lane,) = desk.get(TODAY_URL).context["day"].lanes
    assert [block.words for block in lane.off] == ["Break"]


def test_minutes_that_pass_are_counted_by_the_page_and_change_nothing(desk, visit_today, later):
    services.step(visit=visit_today, to="arrived", by=desk.membership.user)
    services.step(visit=visit_today, to="numbing", by=desk.membership.user)
    before = desk.get(TODAY_URL)
    later(timedelta(minutes=2))
    after = desk.get(TODAY_URL)
    assert picture(before)["Leila Haddad"]["words"] == "1/4 · numbing # of 30 min"
    assert before.context["events_tag"] == after.context["events_tag"]
    assert drawn(after)["Leila Haddad"].words == "1/4 · numbing 2 of 30 min"


def test_lanes_count_their_visits(desk, clinic, visit_today, later):
    services.cancel(visit=consult(clinic, time(14)), reason="Has a cold", by=desk.membership.user)
    services.step(visit=visit_today, to="arrived", by=desk.membership.user)
    lane = desk.get(TODAY_URL).context["day"].lanes[0]
    assert lane.sub == "Nurse · 1 visit, 1 cancelled"


def test_a_hole_says_how_many_could_fill_it(desk, clinic, active_plan):
    consult(clinic, time(13))
    consult(clinic, time(14, 15), name="Ada Quist")
    lane = desk.get(TODAY_URL).context["day"].lanes[0]
    assert [(gap.starts, gap.minutes, gap.can_fill) for gap in lane.gaps] == [(time(13, 30), 45, 1)]


def test_the_list_holds_every_fact_of_the_picture(desk, clinic, visit_today):
    consult(clinic, time(14))
    page = text(desk.get(f"{TODAY_URL}?view=list"))
    for fact in (
        "11:00",
        "Leila Haddad",
        "Session 1 of 4",
        "Noor Adeyemi",
        "Room 1",
        "Not confirmed",
        "14:00",
        "Ben Carver",
        "Consultation",
    ):
        assert fact in page
    assert "data-calendar" not in page


def test_a_telephone_and_a_page_without_scripts_get_the_list_instead(desk, visit_today):
    page = text(desk.get(TODAY_URL))
    assert 'class="day mh-100 instead" id="day-list"' in page
    assert "data-calendar" in page


# ── The drawer ────────────────────────────────────────────────────────────────


def drawer(client, visit, **query):
    return client.get(TODAY_URL, {"visit": str(visit.ref), **query})


def test_the_drawer_shows_who_when_how_far_and_what_next(desk, visit_today):
    page = text(drawer(desk, visit_today))
    facts = (
        "Leila Haddad",
        "34 years, born 9 June 1992",
        "Clear",
        "Room 1",
        "Session 1, today 11:00",
        "Book session 2",
    )
    assert [fact for fact in facts if fact not in page] == []


def test_the_next_session_is_booked_from_the_drawer_in_one_press(desk, visit_today):
    page = drawer(desk, visit_today)
    offered = page.context["card"].next_session.offered
    assert len(offered) == 3
    assert offered[0].words == "Tue 20 Apr, 11:00"
    assert (offered[0].tag, offered[0].note) == ("42 days", "Noor Adeyemi, same day and time")
    second = page.context["card"].next_session.planned
    answer = desk.post(
        reverse("treatments:book", args=[second.ref]), {"slot": offered[0].value, "next": page.context["next"]}
    )
    assert answer["Location"] == f"/today/?visit={visit_today.ref}"
    assert Appointment.objects.get(planned_session=second).day == date(2027, 4, 20)


def test_the_next_mail_is_read_from_the_drawer_before_it_leaves(desk, stranger, visit_today):
    preview = reverse("treatments:next_mail", args=[visit_today.ref])
    assert f'<a href="{preview}">Preview</a>' in text(drawer(desk, visit_today))
    second = visit_today.planned_session.plan.planned_sessions.get(number=2)
    factories.book(second, day=TODAY + timedelta(days=42))
    waiting = visit_today.patient.messages.filter(state="due").order_by("send_at", "pk")
    assert waiting.count() > 1
    answer = desk.get(preview)
    assert answer["Location"] == reverse("patients:message", args=[waiting[0].ref])
    assert "As it would be sent now" in text(desk.get(answer["Location"]))
    assert stranger.get(preview).status_code == 404


def test_where_no_mail_waits_there_is_nothing_to_read(desk, visit_today):
    preview = reverse("treatments:next_mail", args=[visit_today.ref])
    for message in visit_today.patient.messages.filter(state="due"):
        outbox.hold(message=message, reason="She asked not to be written to", by=desk.membership.user)
    page = text(drawer(desk, visit_today))
    assert "No mail waits" in page and preview not in page
    assert desk.get(preview)["Location"] == reverse("treatments:visit", args=[visit_today.ref])


def test_arriving_is_one_press_and_one_key(desk, visit_today):
    page = text(drawer(desk, visit_today))
    assert 'name="to" value="arrived" data-key="a"' in page
    assert 'data-key="m"' in page
    assert 'data-key="r"' in page


def test_a_clinician_goes_from_the_drawer_to_the_session_of_who_is_here(desk, clinician, visit_today):
    to_the_session = reverse("treatments:open_session", args=[visit_today.ref])
    assert to_the_session not in text(drawer(clinician, visit_today))
    services.step(visit=visit_today, to="arrived", by=desk.membership.user)
    assert to_the_session in text(drawer(clinician, visit_today))
    assert to_the_session not in text(drawer(desk, visit_today))


def test_a_visit_of_another_day_opens_no_drawer(desk, active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=7))
    assert drawer(desk, visit).context["card"] is None
    assert drawer(desk, visit, day=visit.day.isoformat()).context["card"] is not None


def test_a_cancelled_session_is_offered_again(desk, visit_today):
    services.cancel(visit=visit_today, reason="Has a cold", by=desk.membership.user)
    card = drawer(desk, visit_today).context["card"]
    assert card.next_session.planned == visit_today.planned_session
    assert card.undo == "cancelled"


def test_the_next_mail_is_named(desk, visit_today):
    """By its time where it leaves today, else by its day too."""
    assert "The next mail leaves 10:43<" in text(drawer(desk, visit_today))
    a_day = timedelta(days=1)
    visit_today.patient.messages.update(send_at=F("send_at") + a_day, expires_at=F("expires_at") + a_day)
    assert "The next mail leaves Wed 10 Mar, 10:43<" in text(drawer(desk, visit_today))


# ── Whom to call ──────────────────────────────────────────────────────────────


def lists_of(client):
    return {one.code: one.calls for one in client.get(reverse("treatments:worklists")).context["lists"]}


def test_a_course_without_a_visit_is_on_the_list_to_book(desk, active_plan):
    found = lists_of(desk)
    assert [(call.name, call.session, call.due) for call in found["to-book"]] == [
        ("Leila Haddad", "Session 1 of 4", "84 days")
    ]
    assert found["to-book"][0].url == reverse("treatments:book_course", args=[active_plan.ref])
    first = reverse("treatments:book", args=[active_plan.planned_sessions.get(number=1).ref])
    assert found["to-book"][0].alone_url == first
    assert f'href="{first}">Only this one' in desk.get(reverse("treatments:worklists")).content.decode()
    assert not found["overdue"]


def test_where_no_other_session_waits_the_list_leads_to_the_one(desk, active_plan):
    for number, days in ((2, 56), (3, 105), (4, 154)):
        factories.book(active_plan.planned_sessions.get(number=number), day=TODAY + timedelta(days=days))
    (call,) = lists_of(desk)["to-book"]
    assert call.url == reverse("treatments:book", args=[active_plan.planned_sessions.get(number=1).ref])
    assert call.alone_url == ""


def test_a_window_that_closes_soon_comes_first_and_then_is_overdue(desk, active_plan, later):
    later(timedelta(days=74))
    assert [(call.say, call.due) for call in lists_of(desk)["window-closing"]] == [
        ("Session 1 of 4, until 1 Jun", "10 days")
    ]
    later(timedelta(days=14))
    assert [(call.say, call.due) for call in lists_of(desk)["overdue"]] == [("Session 1 of 4, window closed", "4 days")]


def test_who_is_booked_is_on_no_list_to_book(desk, active_plan, later):
    factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=7))
    found = lists_of(desk)
    # The second session's window opens only in five weeks.
    assert not found["to-book"]
    later(timedelta(days=30))
    assert [call.session for call in lists_of(desk)["to-book"]] == ["Session 2 of 4"]


def test_a_cancelled_or_missed_visit_brings_its_session_back(desk, active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=7))
    services.cancel(visit=visit, reason="Has a cold", by=desk.membership.user)
    assert [call.say for call in lists_of(desk)["to-book"]] == ["Session 1 of 4, until 1 Jun, cancelled once"]


def test_before_they_travel_names_the_date_and_never_the_reason(desk, patient, active_plan):
    factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=3))
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=170))
    factories.screen_today(patient, purpose="booking")
    page = desk.get(reverse("treatments:worklists"))
    calls = page.context["lists"].of_visits.before_they_travel.calls
    assert [(call.say, call.due, call.act) for call in calls] == [("Not before Fri 19 Mar: move", "Fri 12", "Move")]
    assert "sotretinoin" not in text(page)


def test_visits_not_confirmed_and_patients_without_e_mail_are_listed(desk, clinic, active_plan):
    factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=2))
    Patient.objects.update(email="", mail_allowed=False, reminders_allowed=False)
    found = lists_of(desk)
    assert [call.due for call in found["unconfirmed"]] == ["Thu 11"]
    assert [call.say for call in found["no-e-mail"]] == ["No e-mail address: tell by telephone"]


def test_a_marked_visit_is_on_the_list_to_ask_until_it_is_screened_again(desk, patient, active_plan, later):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=6))
    Appointment.objects.filter(pk=visit.pk).update(to_ask=True)
    assert [call.say for call in lists_of(desk)["to-ask"]] == ["Questions to answer first"]
    later(timedelta(minutes=5))
    factories.screen_today(patient, purpose="booking")
    assert not lists_of(desk)["to-ask"]


def test_an_open_session_waits_for_a_signature(desk, open_session):
    assert [call.name for call in lists_of(desk)["unsigned"]] == ["Leila Haddad"]
    assert desk.get(TODAY_URL).context["known"]["unsigned"] == 1


def test_another_clinic_has_lists_of_its_own(stranger, active_plan):
    assert not any(lists_of(stranger).values())
    assert not stranger.get(TODAY_URL).context["day"].visits


# ── Queries and time ──────────────────────────────────────────────────────────

MOST_QUERIES = 12


def fill(clinic, count: int) -> list[Appointment]:
    """That many visits today, each with a course of its own and a screening, written in bulk."""
    by = factories.a_manager(clinic).user
    seed = factories.make_active_plan(factories.make_patient(clinic, given_name="Seed", family_name="Many"))
    more = Patient.objects.bulk_create(
        Patient(clinic=clinic, given_name=f"Q{n}", family_name="Many", born_on=date(1990, 1, 1), name_key=f"q{n}")
        for n in range(count)
    )
    record = ScreeningRecord.objects.latest("id")
    ScreeningRecord.objects.bulk_create(_copied(record, patient=patient) for patient in more)
    plans = TreatmentPlan.objects.bulk_create(_copied(seed, patient=patient) for patient in more)
    first = seed.planned_sessions.get(number=1)
    sessions = PlannedSession.objects.bulk_create(
        _copied(session, plan=plan) for plan in plans for session in seed.planned_sessions.all()
    )
    firsts = [session for session in sessions if session.number == first.number]
    visit = factories.book(first, day=TODAY, at=time(14))
    who = Membership.objects.filter(clinic=clinic, sees_patients=True).first()
    made = []
    for number, (patient, planned) in enumerate(zip(more, firsts, strict=True)):
        start = factories.NOW.replace(hour=9, minute=0) + timedelta(minutes=5 * (number % 90))
        during = (start, start + timedelta(minutes=60))
        made.append(
            _copied(
                visit, patient=patient, planned_session=planned, starts_at=start.time(), during=during, room_during=during,
                clinician_during=during, clinician=who, overlap_reason="A crowded day of a test", booked_by=by,
            )
        )  # fmt: skip
    return Appointment.objects.bulk_create(made)


def _copied(row, **differing):
    """The same row again, unsaved, with another ref."""
    values = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in ("id", "ref")
    }
    copy = type(row)(**values, ref=uuid.uuid4())
    for name, value in differing.items():
        setattr(copy, name, value)
    return copy


def queries(client, url: str) -> int:
    client.get(url)  # the first request of a session writes when it began
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_today_asks_at_most_twelve_questions_whatever_the_day_holds(desk, clinic, visit_today):
    urls = [TODAY_URL, f"{TODAY_URL}?by=rooms", f"{TODAY_URL}?view=list", f"{TODAY_URL}?visit={visit_today.ref}"]
    urls += [f"/today/visits.json?day={TODAY}"]
    weeks = [
        "/calendar/visits.json?from=2027-03-08&to=2027-03-14",
        "/calendar/visits.json?from=2027-03-08&to=2027-04-18",
    ]
    few = [queries(desk, url) for url in urls]
    few_of_weeks = [queries(desk, url) for url in weeks]
    fill(clinic, 40)
    many = [queries(desk, url) for url in urls]
    # Three of its own beside session and user.
    assert [queries(desk, url) for url in weeks] == few_of_weeks == [2 + 3, 2 + 3]
    assert queries(desk, "/calendar/") <= MOST_QUERIES
    # Two more where the day has a free time to fill: what is free then, and who is booked later than best.
    assert all(before <= asked <= before + 2 for before, asked in zip(few, many, strict=True))
    assert max(many) <= MOST_QUERIES


def test_the_worklists_ask_a_fixed_number_of_questions(desk, clinic, visit_today):
    url = reverse("treatments:worklists")
    few = queries(desk, url)
    fill(clinic, 40)
    assert queries(desk, url) == few <= 16


def test_a_visit_and_a_booking_page_ask_a_fixed_number_of_questions(desk, clinic, visit_today):
    second = visit_today.planned_session.plan.planned_sessions.get(number=2)
    urls = [reverse("treatments:visit", args=[visit_today.ref]), reverse("treatments:book", args=[second.ref])]
    few = [queries(desk, url) for url in urls]
    fill(clinic, 40)
    assert [queries(desk, url) for url in urls] == few


# It takes 155,000.
MOST_CALLS = 200_000


def test_a_day_of_two_hundred_visits_costs_no_more_calls_than_it_should(desk, clinic, visit_today):
    """Counted in calls of functions, which are the same on a busy machine; `make bench` measures the time."""
    fill(clinic, 200)
    answer, called, _ = cost(desk, f"{TODAY_URL}?visit={visit_today.ref}")
    assert len(answer.context["day"].visits) == 202
    assert called < MOST_CALLS, called


def test_an_empty_clinic_has_words_for_it(desk, clinic):
    page = text(desk.get(TODAY_URL))
    assert "Nobody to call" in page and "Register a patient" in page
    assert "Nobody sees patients yet" in page
    factories.a_clinician(clinic)
    assert "Nothing is booked for this day." in text(desk.get(TODAY_URL))
    lists = desk.get(reverse("treatments:worklists"))
    assert all(one.empty in text(lists).replace("&#x27;", "'") for one in lists.context["lists"])
    assert not Room.objects.exclude(clinic=desk.membership.clinic).exists()
    assert call_lists(desk.membership.clinic, now=factories.NOW).left == 0
