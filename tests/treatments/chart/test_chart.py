"""The chart: what to do now and the whole story for clinicians; visits, mails and contact for the desk, and not a word more."""

import re
from datetime import date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from patients.models import MedicationStatement
from patients.services import consents, history
from tests import factories
from tests.treatments.patient_pages import telling
from tests.treatments.patient_pages.test_move import asks
from treatments.appointments import services as appointments
from treatments.flows import changes as flow
from treatments.flows import move_requests
from treatments.screenings import services as screenings
from treatments.screenings.models import Clearance
from treatments.sessions import aftercare
from treatments.sessions import services as sessions

CANARIES = {
    "note": "canary-note-quetzal",
    "addendum": "canary-addendum-ibis",
    "event": "canary-event-heron",
    "assessment": "canary-assessment-wren",
    "medicine": "canary-medicine-finch",
    "clearance": "canary-clearance-stork",
    "reason": "canary-reason-egret",
}
CLINICAL = (
    "Acne scars",
    "Skin type",
    "1.00 mm",
    "MP36-2611B",
    "Screened for",
    "Consent signed",
    "Even redness",
    "grade 2",
)


def url(patient, **query) -> str:
    return reverse("treatments:chart", args=[patient.ref], query=query or None)


def words(answer) -> str:
    """What a page says, without its tags."""
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def read(client, patient, **query) -> str:
    return words(client.get(url(patient, **query)))


@pytest.fixture
def told(open_session):
    """A patient with every kind of clinical word on record, each of them marked."""
    patient, by = open_session.patient, open_session.operator
    charted = factories.chart(open_session)
    sessions.save_details(session=charted, version=charted.version, by=by, note=CANARIES["note"])
    charted.refresh_from_db()
    done_session = sessions.complete(session=charted, by=by)
    sessions.add_addendum(session=done_session, text=CANARIES["addendum"], reason=CANARIES["reason"], by=by.user)
    sessions.report_adverse_event(session=done_session, code="pih", grade=2, note=CANARIES["event"], by=by.user)
    mild = {"code": "acne_scar_face", "zones": ["cheek"], "severity": "mild"}
    factories.assess(patient, concerns=[mild], note=CANARIES["assessment"])
    history.record_medication(
        patient=patient, kind=MedicationStatement.Kind.OTHER, name=CANARIES["medicine"], prescribed=True, by=by.user
    )
    Clearance.objects.create(
        patient=patient,
        code="hsv_history",
        given_by=by.user,
        licence="NMC 12A",
        reason=CANARIES["clearance"],
        given_on=clock.today(patient.clinic),
        expires_on=clock.today(patient.clinic),
    )
    return patient


@pytest.fixture
def second_visit(done_session):
    planned = done_session.plan.planned_sessions.get(number=2)
    return factories.book(planned, day=planned.target_on)


# ── Who reads what ────────────────────────────────────────────────────────────


KINDS = ("", "visits", "messages", "sessions", "screenings", "assessments", "medicines")


def test_the_desk_and_the_manager_read_nothing_clinical(desk, manager, told):
    for client in (desk, manager):
        for show in KINDS:
            page = client.get(url(told, show=show))
            shown = page.content.decode() + words(page)
            assert [word for word in (*CANARIES.values(), *CLINICAL) if word in shown] == [], show
            assert "Treatment, session 1" in shown or show == "messages"


def test_a_clinician_reads_each_of_these_words(clinician, told):
    """The negative control. What was written about a session stands on its own page, where the chart leads."""
    shown = read(clinician, told)
    session = reverse("treatments:session", args=[told.sessions.get().ref])
    assert session in clinician.get(url(told)).content.decode()
    shown += words(clinician.get(session))
    assert [word for word in (*CANARIES.values(), *CLINICAL) if word not in shown] == []


def test_the_reason_of_a_cancelled_visit_stays_with_clinicians(desk, done_session, second_visit, later):
    later(timedelta(minutes=5))
    appointments.cancel(
        visit=second_visit, reason="Course stopped: canary-reason-egret", by=second_visit.clinician.user
    )
    assert "egret" not in read(desk, done_session.patient)


def test_another_clinics_patient_is_not_there(stranger, patient):
    assert stranger.get(url(patient)).status_code == 404


def test_the_desk_books_and_corrects_details(desk, patient):
    shown = desk.get(url(patient)).content.decode()
    assert reverse("treatments:book_visit", args=[patient.ref]) in shown
    assert reverse("patients:edit", args=[patient.ref]) in shown
    assert patient.phone in shown


# ── The story ─────────────────────────────────────────────────────────────────


def test_newest_first_and_what_is_to_come_apart(clinician, done_session, second_visit):
    shown = read(clinician, done_session.patient)
    coming, past = shown.split("Coming", 1)[1].split("Until now", 1)
    assert "Treatment, session 2" in coming
    assert past.index("Session 1, Noor Adeyemi") < past.index("Assessed")


# ── What she told us from a mail ──────────────────────────────────────────────

SAID, WORDS = "canary-answer-plover", "canary-wish-lapwing"


@pytest.fixture
def visit_ahead(active_plan, later):
    """On Monday 15 March. What she says about it comes after the booking."""
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=6))
    later(timedelta(minutes=5))
    return visit


def entry(client, patient, title: str, show: str = ""):
    (found,) = [one for one in client.get(url(patient, show=show)).context["story"].past if one.title == title]
    return found


def test_her_answers_before_a_visit_are_in_the_story_what_changed_for_clinicians_alone(
    desk, manager, clinician, visit_ahead
):
    report = telling.told(visit_ahead, telling.says("new_medicine", note=SAID))
    page = reverse("treatments:change_report", args=[report.ref])
    for client in (desk, manager, clinician):
        found = entry(client, visit_ahead.patient, "Answers changed", show="answers")
        assert (found.url, found.chip) == (page, ("ask", "To look at"))
        assert found.lines[0] == "About session 1 on 15 March 2027"
    assert found.lines[1:] == ["New medicine"]
    for client in (desk, manager):
        assert entry(client, visit_ahead.patient, "Answers changed").lines[1:] == []
        shown = read(client, visit_ahead.patient)
        assert "medicine" not in shown.lower() and SAID not in shown
    flow.mark_seen(report=report, note="canary-seen-curlew", by=clinician.membership)
    assert entry(desk, visit_ahead.patient, "Answers changed").lines[1:] == ["Looked at by Noor Adeyemi"]
    found = entry(clinician, visit_ahead.patient, "Answers changed")
    assert (found.lines[-1], found.chip) == ("Looked at by Noor Adeyemi: canary-seen-curlew", ("plain", "Looked at"))
    assert "curlew" not in read(desk, visit_ahead.patient)


def test_nothing_changed_is_told_as_well(desk, visit_ahead):
    telling.told(visit_ahead)
    found = entry(desk, visit_ahead.patient, "Answered again, nothing changed")
    assert (found.kind, found.chip) == ("Before a visit", None)


def test_nobody_has_to_look_any_more_once_the_visit_is_over(clinician, visit_ahead, later):
    telling.told(visit_ahead, telling.says("new_medicine"))
    later(timedelta(days=8))
    assert entry(clinician, visit_ahead.patient, "Answers changed").chip is None


def test_a_wish_for_another_time_is_in_the_story_with_what_became_of_it(desk, clinician, visit_ahead):
    asked = asks(visit_ahead, weekdays=(1, 4), from_time=time(14), note=WORDS)
    for client, said in ((desk, []), (clinician, [WORDS])):
        found = entry(client, visit_ahead.patient, "Asked for another time", show="wishes")
        assert (found.url, found.chip) == (
            reverse("treatments:move_request", args=[asked.ref]),
            ("ask", "Waits for a call"),
        )
        assert found.lines == [
            "About session 1 on 15 March 2027",
            "Would suit: Mondays or Thursdays, from 14:00",
            *said,
        ]
    assert WORDS not in read(desk, visit_ahead.patient)
    move_requests.keep(request=asked, by=desk.membership.user)
    found = entry(desk, visit_ahead.patient, "Asked for another time")
    assert (found.lines[-1], found.chip, found.void) == (
        "Stays as it is 9 March 2027, Tess Moran",
        ("note", "Stays as it is"),
        False,
    )


def test_a_wish_that_was_replaced_is_struck_and_the_new_one_stands(desk, visit_ahead, later):
    asks(visit_ahead, weekdays=(1,))
    later(timedelta(minutes=5))
    asks(visit_ahead, weekdays=(2,))
    wishes = desk.get(url(visit_ahead.patient, show="wishes")).context["story"].past
    assert [(one.lines[1], one.void) for one in wishes] == [
        ("Would suit: Tuesdays", False),
        ("Would suit: Mondays", True),
    ]


def test_what_she_tells_us_costs_no_query_more(desk, clinician, visit_ahead, later):
    def asked() -> list[int]:
        counts = []
        for client in (desk, clinician):
            client.get(url(visit_ahead.patient))
            with CaptureQueriesContext(connection) as queries:
                client.get(url(visit_ahead.patient))
            counts.append(len(queries))
        return counts

    before = asked()
    for weekday in (1, 2, 3):
        asks(visit_ahead, weekdays=(weekday,))
        telling.told(visit_ahead, telling.says("new_medicine", note=f"{weekday}"))
        later(timedelta(minutes=5))
    assert asked() == before


def test_a_cancelled_visit_stays_struck(clinician, done_session, second_visit, later):
    later(timedelta(minutes=5))
    appointments.cancel(visit=second_visit, reason="Ill", by=second_visit.clinician.user)
    page = clinician.get(url(done_session.patient)).content.decode()
    assert re.search(r'<li class="void">(?:(?!</li>).)*Treatment, session 2(?:(?!</li>).)*Cancelled', page, re.DOTALL)


@pytest.mark.parametrize(
    ("show", "there", "gone"),
    [
        ("sessions", "Session 1, Noor Adeyemi", "Assessed"),
        ("assessments", "Assessed", "Session 1, Noor Adeyemi"),
        ("messages", "After your visit, day 1", "Session 1, Noor Adeyemi"),
    ],
)
def test_the_story_is_narrowed_by_kind(clinician, done_session, show, there, gone):
    shown = read(clinician, done_session.patient, show=show)
    assert there in shown
    assert gone not in shown


def test_a_kind_that_is_none_is_the_whole_story(clinician, done_session):
    shown = read(clinician, done_session.patient, show="nonsense")
    assert shown == read(clinician, done_session.patient)
    assert "Session 1, Noor Adeyemi" in shown and "Assessed" in shown and "After your visit, day 1" in shown


def medicines(client, patient, query: str = "?show=medicines") -> tuple[list[str], str]:
    """The names on a page of the story, and where the next page is."""
    page = client.get(reverse("treatments:chart", args=[patient.ref]) + query).content.decode()
    older = re.search(r'href="(\?[^"]*before=[^"]*)"', page)
    return re.findall(r"Medicine \d\d", page), older[1].replace("&amp;", "&") if older else ""


def test_a_long_story_turns_pages_and_leaves_nothing_out(clinician, patient, clinician_member, later):
    for number in range(50):
        history.record_medication(
            patient=patient, kind="other", name=f"Medicine {number:02}", prescribed=False, by=clinician_member.user
        )
        later(timedelta(minutes=1))
    first, older = medicines(clinician, patient)
    second, end = medicines(clinician, patient, older)
    assert (len(first), len(second), end) == (40, 10, "")
    assert first + second == [f"Medicine {number:02}" for number in reversed(range(50))]


def test_what_was_written_in_one_moment_stays_on_one_page(clinician, patient, clinician_member, later):
    def write(numbers: range):
        for number in numbers:
            history.record_medication(
                patient=patient, kind="other", name=f"Medicine {number:02}", prescribed=False, by=clinician_member.user
            )
        later(timedelta(minutes=1))

    write(range(5))
    write(range(5, 25))
    write(range(25, 50))
    first, older = medicines(clinician, patient)
    assert (len(first), sorted(first)[0]) == (45, "Medicine 05")
    assert sorted(medicines(clinician, patient, older)[0]) == [f"Medicine {number:02}" for number in range(5)]


def test_more_of_one_moment_than_a_page_holds_are_all_shown(clinician, patient, clinician_member):
    for number in range(50):
        history.record_medication(
            patient=patient, kind="other", name=f"Medicine {number:02}", prescribed=False, by=clinician_member.user
        )
    names, older = medicines(clinician, patient)
    assert (len(names), older) == (50, "")


def test_days_are_the_clinics_and_months_keep_their_capital(clinician, active_plan, clinic_time):
    patient, by = active_plan.patient, factories.a_clinician(active_plan.clinic).user
    clinic_time(datetime(2027, 6, 9, 0, 30, tzinfo=factories.LONDON))  # still 8 June by the clock of the database
    history.record_medication(
        patient=patient, kind="other", name="Zinc", prescribed=False, started_on=date(2027, 5, 3), by=by
    )
    consents.withdraw(consent=patient.consents.get(), reason="Changed her mind", by=by)
    cleared = screenings.give_clearance(
        patient=patient, code="hsv_history", reason="Antiviral", expires_on=date(2027, 7, 1),
        by=factories.a_clinician(active_plan.clinic),
    )  # fmt: skip
    screenings.revoke_clearance(clearance=cleared, by=by)
    shown = read(clinician, patient)
    assert "Started 3 May 2027, still taken" in shown
    assert "Withdrawn 9 June 2027: Changed her mind" in shown
    assert "Taken back 9 June 2027" in shown


@pytest.mark.parametrize("before", ["yesterday", "2027-03-09", "", "9999-99-99T00:00:00+00:00"])
def test_a_made_up_page_is_the_first_one(clinician, patient, before):
    assert clinician.get(url(patient, before=before)).status_code == 200


def test_twelve_queries_whatever_she_has_been_through(clinician, desk, told, clinician_member):
    counts = {client: [] for client in (clinician, desk)}
    for client in counts:
        client.get(url(told))  # the first request of a session also writes it
    for more in (0, 30):
        for number in range(more):
            history.record_medication(
                patient=told, kind="other", name=f"M {number}", prescribed=False, by=clinician_member.user
            )
            factories.answer(told, "hsv_history", "no")
            if number % 10 == 0:
                factories.screen_today(told)
        for client, asked in counts.items():
            with CaptureQueriesContext(connection) as queries:
                client.get(url(told))
            asked.append(len(queries))
    for before, after in counts.values():
        assert before == after <= 12


# ── What next ─────────────────────────────────────────────────────────────────


def next_act(client, patient) -> str:
    """Words of the one primary button of the page's content."""
    page = client.get(url(patient)).content.decode()
    acts = re.findall(r'class="btn btn-primary" href="[^"]*">([^<]*)<', page)
    assert len(acts) <= 1
    return acts[0] if acts else ""


def test_the_next_step_follows_the_path(clinician, patient):
    assert next_act(clinician, patient) == "Assess the skin"
    factories.assess(patient)
    assert next_act(clinician, patient) == "Ask all questions"
    factories.answer_all(patient)
    assert next_act(clinician, patient) == "Plan a course"
    plan = factories.make_active_plan(patient)
    assert next_act(clinician, patient) == "Book 1 to 4 together"
    visit = factories.book(plan.planned_sessions.get(number=1), day=clock.today(patient.clinic))
    assert next_act(clinician, patient) == "Open the visit"
    factories.arrive(visit)
    assert next_act(clinician, patient) == "Ask the questions of the day"
    factories.screen_today(patient)
    assert next_act(clinician, patient) == "Begin the session"
    factories.answer(patient, "hsv_history", "no")
    assert next_act(clinician, patient) == "Screen again"
    session = factories.open_session(appointments.Appointment.objects.get(pk=visit.pk))
    assert next_act(clinician, patient) == "Go on with the session"
    factories.chart(session)
    sessions.complete(session=session, by=session.operator)
    assert next_act(clinician, patient) == "Book 2 to 4 together"


def test_a_screening_that_forbids_sends_her_there(clinician, visit_today):
    factories.arrive(visit_today)
    factories.answer(visit_today.patient, "hsv_active", "yes")
    factories.screen_today(visit_today.patient)
    assert next_act(clinician, visit_today.patient) == "Open the screening"


def test_the_desk_is_only_asked_to_book(desk, patient):
    assert next_act(desk, patient) == "Book a consultation"
    plan = factories.make_active_plan(patient)
    assert next_act(desk, patient) == "Book 1 to 4 together"
    factories.book(plan.planned_sessions.get(number=1), day=clock.today(patient.clinic), at=time(14))
    assert next_act(desk, patient) == "Open the visit"


def test_one_session_is_booked_alone_where_she_wants_that_or_no_other_waits(desk, patient):
    plan = factories.make_active_plan(patient)
    page = desk.get(url(patient)).content.decode()
    alone, together = (f'href="{reverse(f"treatments:{name}", args=[row.ref])}"' for name, row in _ways(plan))
    assert f"{together}>Book 1 to 4 together<" in page and f"{alone}>Book session 1 alone<" in page
    for number, days in ((2, 56), (3, 105), (4, 154)):
        day = clock.today(patient.clinic) + timedelta(days=days)
        factories.book(plan.planned_sessions.get(number=number), day=day)
    assert next_act(desk, patient) == "Book session 1"
    page = desk.get(url(patient)).content.decode()
    assert together not in page


def _ways(plan):
    return ("book", plan.planned_sessions.get(number=1)), ("book_course", plan)


def test_a_closed_record_asks_for_nothing(clinician, patient):
    type(patient).objects.filter(pk=patient.pk).update(status="deceased")
    assert next_act(clinician, patient) == ""


def test_a_screening_kept_for_a_later_day_hides_todays_neither_here_nor_in_the_header(clinician, visit_today):
    patient = visit_today.patient
    factories.arrive(visit_today)
    factories.screen_today(patient)
    screenings.perform(patient=patient, on=clock.today(patient.clinic) + timedelta(days=30), purpose="session", by=None)
    assert next_act(clinician, patient) == "Begin the session"
    assert "Clear today" in read(clinician, patient)


def test_of_yesterday_there_is_no_screening_of_today_whatever_the_servers_day(clinician, visit_today, clinic_time):
    """Half past midnight in June: the clinic's day has changed, the day in UTC has not."""
    clinic_time(datetime(2027, 6, 9, 0, 30, tzinfo=factories.LONDON))
    factories.screen_today(visit_today.patient)
    assert "Screen again" not in read(clinician, visit_today.patient)
    header = clinician.get(url(visit_today.patient)).context["header"]
    assert header["screened"]["facts_version"] > 0
    clinic_time(datetime(2027, 6, 10, 0, 30, tzinfo=factories.LONDON))
    assert clinician.get(url(visit_today.patient)).context["header"]["screened"] is None


@pytest.mark.parametrize("persona", ["clinician", "desk"])
def test_a_visit_that_is_done_counts_although_nobody_charted_it(request, visit_today, persona):
    client, plan = request.getfixturevalue(persona), visit_today.planned_session.plan
    by = visit_today.clinician.user
    for to in ("arrived", "in_room", "done"):
        visit_today = appointments.step(visit=visit_today, to=to, by=by)
    assert next_act(client, plan.patient) == "Book 2 to 4 together"
    assert aftercare.to_come(plan).number == 2
    assert client.get(url(plan.patient)).context["header"]["session"] == "Session 2 of 4"
