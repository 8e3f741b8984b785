"""In a browser: a free time is filled by keys, and the pages of calls pass the accessibility rules at every size."""

import re
from datetime import time, timedelta

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.calls.test_gaps import World, consult
from treatments.appointments.calls import services as calls
from treatments.appointments.models import Appointment
from treatments.plans.models import PlannedSession

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# There the list stands in the place of the picture of the day, and a row of a table is a block of lines.
OTHER_ON_A_PHONE = {"today", "worklists"}
NAMES = ("Marta Diaz", "Paul Iwu", "Hana Sato", "Gareth Lowe", "Yasmin Aziz", "Bartholomew Featherstonehaugh")


@pytest.fixture
def full(clinic, desk_member, active_plan) -> World:
    """A hole this afternoon, six who could fill it, and lists in every state."""
    by = desk_member.user
    for at in (time(13), time(14, 15)):
        consult(clinic, at, TODAY, by=by)
    world = World(clinic, None, by, active_plan)
    windows = [(-30, -20, 6), (-30, -20, 8), (-40, -30, 11), (-60, -50, -12), (-70, -60, -19), (-5, 20, 60)]
    sessions = []
    for name, (earliest, target, latest) in zip(NAMES, windows, strict=True):
        session = world.course(name.split()[0], earliest=earliest, target=target, latest=latest)
        patient = session.plan.patient
        type(patient).objects.filter(pk=patient.pk).update(family_name=name.split()[1], phone="020 7946 0199")
        sessions.append(PlannedSession.objects.select_related("plan__patient__clinic").get(pk=session.pk))
    say = {"by": by, "list_code": "window-closing"}
    calls.record(about=sessions[2], outcome="no_answer", **say)
    calls.record(about=sessions[3], outcome="call_back", call_back_on=TODAY, call_back_at=time(15), **say)
    calls.record(about=sessions[4], outcome="stop", note="Moves to Leeds", **say)
    calls.record(about=sessions[1], outcome="message", **say)
    calls.wait(
        patient=sessions[5].plan.patient,
        kind="treatment",
        planned_session=sessions[5],
        by=by,
        weekdays=[2, 4],
        from_time=time(12),
        note="Works around the corner",
    )
    return world


def test_a_free_time_is_filled_by_keys_and_given_back(visitors, full, desk_member):
    page = visitors().sign_in(desk_member).open("/today/")
    page.keyboard.press("f")
    expect(page.get_by_role("heading", name="Fill 13:30, 45 min")).to_be_visible()
    first = page.locator(".fillers li").first
    expect(first).to_contain_text("Marta Diaz")
    first.get_by_role("button", name="Takes it").click()
    expect(page.locator("[data-toast]")).to_contain_text("Marta Diaz is booked for Tue 9 Mar, 13:15")
    visit = Appointment.objects.get(patient__given_name="Marta")
    assert (visit.status, visit.day) == ("booked", TODAY)
    page.keyboard.press("u")
    expect(page.locator("[data-toast]")).to_contain_text("As it was before.")
    visit.refresh_from_db()
    assert visit.status == "cancelled"


def test_the_columns_of_all_lists_begin_in_the_same_lines(visitors, full, desk_member):
    page = visitors().sign_in(desk_member).open("/worklists/")
    begins = page.locator(".calls thead tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].slice(0, 5).map(cell => Math.round(cell.getBoundingClientRect().left)))"
    )
    assert len(begins) >= 4
    assert {tuple(columns) for columns in begins} == {tuple(begins[0])}
    # And nothing stands out of its column.
    out = """[...document.querySelectorAll(".worklist-page td")]
        .filter(cell => cell.checkVisibility() && cell.scrollWidth > cell.clientWidth).map(cell => cell.innerText)"""
    assert page.evaluate(out) == []


def test_a_call_is_two_presses_and_works_by_tab(visitors, full, desk_member):
    page = visitors().sign_in(desk_member).open("/worklists/")
    row = page.locator("#window-closing tbody tr").first
    row.get_by_role("link", name=re.compile("^Call")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="020 7946 0199")).to_be_visible()
    page.get_by_role("button", name="Left a message").click()
    expect(page.locator("[data-toast]")).to_contain_text("Marta Diaz: left a message. Back on the list in two days.")
    expect(page.locator("#window-closing")).not_to_contain_text("Marta Diaz")
    page.locator("#reached summary").click()
    expect(page.locator("#reached")).to_contain_text("Marta Diaz")


def test_the_pages_of_calls_pass_the_rules_of_accessibility(visitors, full, desk_member):
    who = visitors().sign_in(desk_member)
    late = PlannedSession.objects.get(plan__patient__given_name="Gareth")
    waits = PlannedSession.objects.get(plan__patient__given_name="Bartholomew")
    gap = f"/gaps/{factories.a_clinician(full.clinic).ref}/?day={TODAY}&at=1330"
    pages = {
        "today": "/today/",
        "today-list": "/today/?view=list",
        "gap": gap,
        "gap-gone": gap.replace("1330", "0900").replace(str(TODAY), str(TODAY + timedelta(days=1))),
        "worklists": "/worklists/",
        "call": f"/calls/overdue/{late.ref}/",
        "wait": f"/plans/sessions/{waits.ref}/wait/",
    }
    for name, url in pages.items():
        page = who.open(url)
        if name == "worklists":
            for folded in page.locator("details.folded-list").all():
                folded.evaluate("one => one.open = true")
        assert wrong_in_every_view(who, name, axe_on_phone=name in OTHER_ON_A_PHONE) == []
    page.get_by_label("Begins from").fill("16:00")
    page.get_by_label("Begins until").fill("15:00")
    page.get_by_role("button", name="Change the wishes").click()
    expect(page.locator("#id_until_time")).to_have_value("15:00")
    expect(page.locator("body")).to_contain_text("lies after the time from which")
    assert wrong_in_every_view(who, "wait-refused") == []
