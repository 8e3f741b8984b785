"""A reaction changes what is known of the patient: booked visits hear of it at once."""

import pytest
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from tests import factories
from tests.factories import TODAY, in_days
from tests.treatments.sessions.browsing import page, post
from treatments.flows import reactions
from treatments.pages.header import patient_header
from treatments.pages.today.verdicts import verdict_of, with_screening
from treatments.pages.worklists.call_lists import call_lists
from treatments.rules import policy
from treatments.sessions import services as sessions
from treatments.sessions.models import AdverseEvent


@pytest.fixture
def next_visit(done_session):
    planned = done_session.plan.planned_sessions.get(number=2)
    return factories.book(planned, day=planned.earliest_on)


def on_the_list(visit) -> list[str]:
    return [call.say for call in call_lists(visit.clinic, now=clock.now()).of_visits.before_they_travel.calls]


def reaction(session, *, grade: int = 3, code: str = "infection") -> dict:
    return {"session": session, "code": code, "grade": grade, "note": "", "by": session.operator.user}


def test_a_reaction_puts_the_booked_visit_before_they_travel_and_closing_it_takes_it_off(done_session, next_visit):
    assert on_the_list(next_visit) == []
    event = reactions.report(**reaction(done_session))
    assert on_the_list(next_visit) == ["Ask a clinician before this visit"]
    reactions.close(event=event, resolved_on=TODAY, over_72h=False, by=done_session.operator)
    assert on_the_list(next_visit) == []


def test_a_mild_one_holds_nobody_back(done_session, next_visit):
    reactions.report(**reaction(done_session, code="erythema", grade=1))
    assert on_the_list(next_visit) == []


def chip(patient, member) -> tuple[str, str]:
    found = patient_header(patient, membership=member)["chips"][0]
    return found["state"], found["label"]


def test_the_header_says_what_an_open_reaction_blocks_on_every_day_until_it_is_closed(
    done_session, next_visit, desk_member, later
):
    """Nobody asks her anything on these days, and still no session could begin."""
    later(in_days(5))
    assert chip(done_session.patient, desk_member) == ("ask", "Ask, on the day")
    event = reactions.report(**reaction(done_session))
    assert chip(done_session.patient, desk_member) == ("block", "Blocked")
    later(in_days(6))
    assert chip(done_session.patient, desk_member) == ("block", "Blocked")
    reactions.close(event=event, resolved_on=clock.today(next_visit.clinic), over_72h=False, by=done_session.operator)
    assert chip(done_session.patient, desk_member)[0] != "block"


def test_the_header_says_so_whatever_was_answered_and_screened_since(done_session, next_visit, desk_member, later):
    later(in_days(5))
    sessions.report_adverse_event(**reaction(done_session))
    factories.answer(done_session.patient, "smoking", "no")
    assert chip(done_session.patient, desk_member) == ("block", "Blocked")


def test_a_mild_one_blocks_nothing_in_the_header(done_session, next_visit, desk_member, later):
    """She waits for the end of the interval, as without it, and is asked on the day."""
    later(in_days(5))
    reactions.report(**reaction(done_session, code="erythema", grade=1))
    assert chip(done_session.patient, desk_member) == ("defer", "Not before 6 Apr")
    later(in_days(30))
    assert chip(done_session.patient, desk_member) == ("ask", "Ask, on the day")


def test_who_arrives_with_an_open_reaction_is_not_just_somebody_to_ask(done_session, next_visit, later):
    """The card, the drawer and the day: the gate refuses her session, whatever she answers."""
    reactions.report(**reaction(done_session))
    later(next_visit.day - TODAY)
    arrived = factories.arrive(next_visit)
    found = verdict_of(
        with_screening(type(arrived).objects.filter(pk=arrived.pk)).get(), today=clock.today(arrived.clinic)
    )
    assert (found.state, found.label, found.note) == ("block", "Ask a clinician", "no session before that")


def test_written_down_without_a_screening_the_list_would_not_know(done_session, next_visit):
    sessions.report_adverse_event(**reaction(done_session))
    assert on_the_list(next_visit) == []


def test_the_pages_at_the_chair_screen_again(clinician, done_session):
    before = done_session.patient.screenings.count()
    post(clinician, "report_adverse_event", done_session.ref, code="infection", grade="3")
    newest = done_session.patient.screenings.first()
    assert (done_session.patient.screenings.count(), newest.outcome, newest.on) == (before + 1, "block", TODAY)
    post(clinician, "close_adverse_event", AdverseEvent.objects.get().ref, resolved_on=TODAY.isoformat())
    assert done_session.patient.screenings.first().outcome == "defer"


def test_a_refused_closing_screens_nobody(done_session):
    event = reactions.report(**reaction(done_session))
    kept = done_session.patient.screenings.count()
    with pytest.raises(DomainError):
        reactions.close(event=event, resolved_on=TODAY + in_days(1), over_72h=False, by=done_session.operator)
    assert done_session.patient.screenings.count() == kept


@pytest.mark.parametrize(
    "code", ["herpes", "infection", "track_marks", "scar", "allergic_granuloma", "needlestick", "pih"]
)
def test_what_always_needs_a_clinician_is_never_graded_so_low_that_the_next_session_goes_on(done_session, code):
    with pytest.raises(DomainError) as caught:
        reactions.report(**reaction(done_session, code=code, grade=1))
    assert caught.value.field == "grade"
    assert "stops the next session" in caught.value.sentence
    assert reactions.report(**reaction(done_session, code=code, grade=2)).grade == 2


def test_the_list_is_the_catalogues_and_says_when_to_pass_it_on(clinician, open_session):
    shown = clinician.get(reverse("treatments:session", args=[open_session.ref]) + "?step=finish").content.decode()
    assert "Widespread sores with fever" in shown
    assert "radio frequency" not in shown
    assert "3: severe, hospital, report it" in shown
    reactions.report(**reaction(open_session, code="herpes", grade=3))
    shown = clinician.get(reverse("treatments:session", args=[open_session.ref]) + "?step=finish").content.decode()
    assert "Pass on: always: a clinician, early." in shown
    assert "Report it to the authority." in shown


def test_the_form_names_the_grade_from_which_the_clinics_rules_stop_sessions(clinician, open_session, manager_member):
    assert "From grade 2 on, no session until a clinician closes it." in page(clinician, open_session, "finish")
    policy.tighten(clinic=open_session.clinic, path="interval.event_grade", value=1, by=manager_member)
    shown = page(clinician, open_session, "finish")
    assert "Whatever the grade, no session until a clinician closes it." in shown
    assert "From grade 2" not in shown
