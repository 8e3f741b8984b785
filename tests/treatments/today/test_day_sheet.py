"""The day on paper: everybody who may see the day reads the same lines; what is clinical only who may and asks for it."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.roles import Role
from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import wrong_in_every_view
from treatments.appointments import services

SHEET = "/today/sheet/"


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def parts(response) -> dict[str, list[str]]:
    return {part.title: [line.visit.row.patient.full_name for line in part.lines] for part in response.context["parts"]}


def consult(clinic, at: time, *, name: str = "Ben Carver", **differing):
    given, _, family = name.partition(" ")
    patient = factories.make_patient(clinic, given_name=given, family_name=family)
    place = factories.a_place(clinic, TODAY, at, kind="consultation", **differing)
    return services.book(patient=patient, kind="consultation", place=place, by=factories.a_manager(clinic).user)


def test_a_line_says_when_where_who_what_and_what_to_do_first(desk, visit_today, later):
    page = text(desk.get(SHEET))
    for said in (
        "11:00", "treat 11:30", "Room 1", "Leila Haddad", "born 9 June 1992", "Session 1 of 4", visit_today.patient.phone,
        "Noor Adeyemi", "Tuesday 9 March 2027", "Clear", "next booked",
    ):  # fmt: skip
        assert said in page, said
    factories.arrive(visit_today)
    arrived = desk.get(SHEET)
    (line,) = arrived.context["parts"][0].lines
    assert line.is_to_ask
    assert "the questions of the day" in text(arrived)
    numbing = services.step(visit=line.visit.row, to="numbing", by=desk.membership.user)
    later(timedelta(minutes=12))
    assert "Numbing 12 of 30 min" in text(desk.get(SHEET))
    later(timedelta(minutes=numbing.prep_minutes))
    assert "Ready, 42 of 30 min" in text(desk.get(SHEET))


def test_struck_visits_stay_on_it_and_are_not_counted(desk, clinic, visit_today):
    struck = consult(clinic, time(14))
    services.cancel(visit=struck, reason="Has a cold", by=desk.membership.user)
    page = desk.get(SHEET)
    assert parts(page) == {"Noor Adeyemi": ["Leila Haddad", "Ben Carver"]}
    assert page.context["coming"] == 1
    assert "<s>Ben Carver</s>" in text(page)
    assert "Has a cold" not in text(page)


def test_by_clinician_or_room_for_all_or_one(desk, clinic, visit_today):
    ines = factories.make_member(clinic, Role.PRESCRIBER, name="Dr Ines Halloran", licence="GMC 7654321")
    consult(clinic, time(14), clinician=ines, room=clinic.rooms.last())
    assert parts(desk.get(SHEET)) == {"Noor Adeyemi": ["Leila Haddad"], "Dr Ines Halloran": ["Ben Carver"]}
    assert parts(desk.get(f"{SHEET}?by=rooms")) == {"Room 1": ["Leila Haddad"], "Room 2": ["Ben Carver"]}
    assert parts(desk.get(f"{SHEET}?of={ines.ref}")) == {"Dr Ines Halloran": ["Ben Carver"]}
    assert parts(desk.get(f"{SHEET}?by=rooms&of={clinic.rooms.first().ref}")) == {"Room 1": ["Leila Haddad"]}
    # Nothing of hers that day: a sheet that says so, not everybody's.
    idle = factories.make_member(clinic, Role.CLINICIAN, name="Ola Berg")
    assert parts(desk.get(f"{SHEET}?of={idle.ref}")) == {"Ola Berg": []}
    # Who has left keeps her visits until they are moved.
    type(ines).objects.filter(pk=ines.pk).update(is_active=False)
    assert parts(desk.get(SHEET))["Dr Ines Halloran"] == ["Ben Carver"]


@pytest.mark.parametrize(
    "query", ["day=soon", "day=9999-12-31", "by=stars", "of=x", "of=%00", "of=00000000-0000-0000-0000-000000000000"]
)
def test_what_makes_no_sense_in_the_address_is_as_if_not_said(desk, visit_today, query):
    assert parts(desk.get(f"{SHEET}?{query}")) == {"Noor Adeyemi": ["Leila Haddad"]}


def test_nobody_reads_the_day_of_another_clinic(stranger, visit_today):
    assert "Haddad" not in text(stranger.get(SHEET))
    assert parts(stranger.get(f"{SHEET}?of={visit_today.clinician.ref}")) == {}


def test_what_is_clinical_stands_on_it_only_for_who_may_see_it_and_asks(desk, clinician, manager, patient, visit_today):
    factories.answer(patient, "hsv_history", "yes")
    factories.screen_today(patient, purpose="booking")
    concern, finding = "Acne scars", "old sore"
    chair = text(clinician.get(f"{SHEET}?clinical=yes"))
    assert concern in chair
    assert finding in chair
    for page in (text(clinician.get(SHEET)), *(text(who.get(f"{SHEET}?clinical=yes")) for who in (desk, manager))):
        assert concern not in page
        assert finding not in page
        assert "Shred it tonight" in page


def test_the_sheet_costs_the_same_whatever_the_day_holds(desk, clinician, clinic, visit_today):
    def questions(client, query: str = "") -> int:
        client.get(SHEET + query)
        with CaptureQueriesContext(connection) as asked:
            text(client.get(SHEET + query))
        return len(asked)

    few = (questions(desk), questions(clinician, "?clinical=yes"))
    for number in range(8):
        consult(clinic, time(13 + number // 2, number % 2 * 30), name=f"Anna Nr{number}", room=clinic.rooms.last())
    assert (questions(desk), questions(clinician, "?clinical=yes")) == few
    assert max(few) <= 10


@pytest.mark.browser
def test_on_screen_and_on_paper(visitors, desk_member, clinic, visit_today):
    for number in range(8):
        consult(clinic, time(13 + number // 2, number % 2 * 30), name=f"Anna Nr{number}", room=clinic.rooms.last())
    visitor = visitors().sign_in(desk_member)
    page = visitor.open(SHEET)
    assert wrong_in_every_view(visitor, "day-sheet") == []
    page.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 dots an inch
    page.emulate_media(media="print", color_scheme="dark")
    visitor.shoot("day-sheet-paper")
    assert not page.locator(".rail, .sheet-choice, .topbar").filter(visible=True).count()
    assert page.locator(".sheet-head").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ink = page.locator("td b").first.evaluate("e => getComputedStyle(e).color")
    assert ink == "rgb(0, 0, 0)"
