"""The course page: ruler and list say the same; the desk sees days and books, clinicians see the rest."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factories
from treatments.flows import publishing
from treatments.protocol.catalogue import load
from treatments.rules.models import ProtocolVersion

pytestmark = pytest.mark.django_db
MOST_QUERIES = 12


def url(plan) -> str:
    return reverse("treatments:course", args=[plan.ref])


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.fixture
def under_way(done_session, later):
    """Session 1 done six weeks ago, 2 booked, 3 and 4 open."""
    later(factories.in_days(42))
    factories.answer_all(done_session.patient)
    plan = done_session.plan
    second = plan.planned_sessions.get(number=2)
    factories.book(second, day=second.target_on + factories.in_days(1))
    plan.refresh_from_db()
    return plan


def test_ruler_and_list_say_the_same(clinician, under_way):
    context = clinician.get(url(under_way)).context
    assert [(s["number"], s["state"]) for s in context["sessions"]] == [
        (1, "done"),
        (2, "booked"),
        (3, "open"),
        (4, "open"),
    ]
    rows = context["ruler"]["rows"]
    assert [[block["state"] for block in row["blocks"]] for row in rows] == [["done"], ["booked"], [], []]
    assert rows[1]["blocks"][0]["text"] in context["sessions"][1]["when"]
    assert "43 days after session 1" in context["sessions"][1]["who"]


def test_a_window_is_as_wide_as_its_days_and_begins_on_its_first(clinician, under_way):
    ruler = clinician.get(url(under_way)).context["ruler"]
    third = under_way.planned_sessions.get(number=3)
    band = ruler["rows"][2]["band"]
    assert band["width"] == pytest.approx((third.latest_on - third.earliest_on).days * ruler["day_px"], abs=0.3)
    assert ruler["rows"][2]["target_x"] - band["x"] == pytest.approx(
        (third.target_on - third.earliest_on).days * ruler["day_px"], abs=0.3
    )
    assert all(0 <= block["x"] <= ruler["width"] - block["width"] for row in ruler["rows"] for block in row["blocks"])


def test_every_status_shows_the_steps_its_table_allows(clinician, patient, clinician_member):
    factories.answer_all(patient)
    plan = factories.make_draft(patient)
    offered = {}
    for status in ("draft", "submitted", "active", "on_hold", "completed", "revoked"):
        fields = {"status": status}
        if status == "active":
            fields |= {"activated_at": plan.drafted_at, "activated_by": clinician_member.user}
        if status == "revoked":
            fields |= {"ended_at": plan.drafted_at, "ended_by": clinician_member.user, "ended_reason": "Moved away"}
        type(plan).objects.filter(pk=plan.pk).update(**fields)
        offered[status] = [act["step"] for act in clinician.get(url(plan)).context["acts"]]
    assert offered == {
        "draft": ["submit"],
        "submitted": ["activate"],
        "active": ["complete"],
        "on_hold": ["complete"],
        "completed": [],
        "revoked": [],
    }


def test_a_stored_wait_is_hatched_in_front_of_the_next_session(clinician, desk, under_way):
    factories.answer(
        under_way.patient, "botulinum", "yes", on=under_way.patient.sessions.get().on + factories.in_days(40)
    )
    factories.screen_today(under_way.patient)
    rows = clinician.get(url(under_way)).context["ruler"]["rows"]
    assert [bool(row["washes"]) for row in rows] == [False, True, False, False]
    assert "botulinum" not in desk.get(url(under_way)).content.decode().lower()


def test_nobody_but_clinicians_reads_what_is_treated_or_where(desk, manager, clinician, under_way):
    type(under_way).objects.filter(pk=under_way.pk).update(note="Canary note of a clinician")

    def given_away(client) -> set[str]:
        html = unescape(client.get(url(under_way)).content.decode())
        catalogue = load()
        found = {c.label for c in catalogue.concerns.values() if c.label in html or c.code in html}
        found |= {z.label for z in catalogue.zones.values() if re.search(rf"\b{z.label}\b", html)}
        found |= {rule.label for rule in catalogue.rules if rule.label in html}
        return found | {words for words in ("Canary", "Skin type", " mm", "why ") if words in html}

    assert given_away(desk) == given_away(manager) == set()
    # The negative control.
    assert given_away(clinician) >= {"Acne scars, face", "Cheek", "Canary", "Skin type", " mm"}


def test_the_desk_reads_days_windows_and_dots(desk, under_way):
    page = text(desk.get(url(under_way)))
    assert "Session 2 of 4" in page
    assert "booked" in page and "to book" in page
    assert "Signed" in page


def test_a_missed_visit_stays_visible_and_its_session_is_open_again(clinician, active_plan, later):
    first = active_plan.planned_sessions.get(number=1)
    visit = factories.book(first, day=factories.TODAY)
    later(factories.in_days(1))
    from treatments.appointments import services as appointments

    appointments.mark_no_show(visit=visit, by=active_plan.drafted_by)
    entry = clinician.get(url(active_plan)).context["sessions"][0]
    assert (entry["state"], entry["missed_on"]) == ("missed", "Tue 9 Mar")


def test_another_clinics_plan_is_not_found(stranger, under_way):
    assert stranger.get(url(under_way)).status_code == 404


def test_a_plan_of_an_older_protocol_with_words_that_are_gone_is_still_shown(clinician, desk, active_plan):
    older = ProtocolVersion.objects.create(version="2025.9", sha256="0" * 64, toml="")
    type(active_plan).objects.filter(pk=active_plan.pk).update(
        protocol=older, concerns=[{"code": "gone_by_now", "zones": ["elbow"], "severity": "mild"}]
    )
    assert clinician.get(url(active_plan)).status_code == 200
    assert desk.get(url(active_plan)).status_code == 200


def test_the_page_costs_at_most_twelve_queries_whatever_the_history(clinician, desk, patient, under_way):
    def queries() -> list[int]:
        counts = []
        for client in (clinician, desk):
            client.get(url(under_way))
            with CaptureQueriesContext(connection) as captured:
                assert client.get(url(under_way)).status_code == 200
            counts.append(len(captured))
        return counts

    few = queries()
    for number in (3, 4):
        planned = under_way.planned_sessions.get(number=number)
        factories.book(planned, day=planned.target_on)
    for _ in range(5):
        factories.screen_today(patient)
        factories.sign_consent(under_way)
    assert queries() == few
    assert max(few) <= MOST_QUERIES


@pytest.mark.parametrize(
    ("skin_type", "clinics_floor", "value", "note"),
    [
        (3, None, "28 days", "Nothing goes below"),
        (5, None, "42 days", "Never below 28, whoever signs"),
        (5, 35, "42 days", "Never below 35, whoever signs"),
        (3, 35, "35 days", "Nothing goes below"),
    ],
)
def test_the_shortest_interval_is_the_one_a_booking_is_judged_by(
    clinic, patient, clinician, manager_member, skin_type, clinics_floor, value, note
):
    plan = factories.make_active_plan(patient, skin_type=skin_type)
    if clinics_floor:
        publishing.tighten(clinic=clinic, path="interval.floor_days", value=clinics_floor, by=manager_member)
    strip = clinician.get(reverse("treatments:course", args=[plan.ref])).context["strip"]
    floor = next(number for number in strip if number["key"] == "floor")
    assert (floor["value"], floor["note"]) == (value, note)
