"""What last time was, and what of it is taken over: never a reason, never past today's usual maximum, no old course's depth."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.roles import Role
from tests import factories
from tests.treatments.sessions.browsing import page, post, url
from tests.treatments.sessions.test_depth_guard import ZONE, without_guard
from treatments.flows import courses
from treatments.rules import policy
from treatments.sessions import services as sessions
from treatments.sessions.depths import goes_on_from, last_in_zones, last_of_course
from treatments.sessions.models import SessionZone, TreatmentSession


def chosen(shown: str) -> str:
    """The depth that is chosen when the page opens."""
    (value,) = re.findall(r'name="depth" value="([^"]*)" checked', shown)
    return value


def pill(shown: str, depth: str) -> str:
    return re.search(rf'<label class="pill[^"]*"><input[^>]*name="depth" value="{depth}"[^>]*>.*?</label>', shown)[0]


def again(patient, later, *, days: int, number: int | None, concerns: list[dict] | None = None) -> TreatmentSession:
    """Open after so many days: the next session of the course, or the first of a new one (`number` None)."""
    plan = patient.plans.first()
    later(timedelta(days=days))
    if number is None:
        courses.stop_course(plan=plan, reason="Enough", by=plan.drafted_by)
        factories.assess(patient, skin_type=5 if concerns else 3, concerns=concerns, pih_history=False)
        first = factories.make_active_plan(patient).planned_sessions.first()
        visit = factories.book(first, day=clock.today(patient.clinic), at=factories.time(14))
    else:
        factories.answer_all(patient)
        visit = factories.book(
            plan.planned_sessions.get(number=number), day=clock.today(patient.clinic), at=factories.time(14)
        )
    return factories.open_session(visit)


def test_same_as_last_time_never_brings_the_old_reason_along(clinician, patient, later):
    factories.make_done_session(factories.make_visit_today(patient))
    set_last(patient, "1.5", reason="Deep scars, no dark marks")
    session = again(patient, later, days=42, number=2)
    assert post(clinician, "set_zone", session.ref, "cheek", same="1").status_code == 302
    assert session.zones.get().reason == ""


def test_over_todays_usual_maximum_same_as_last_time_asks_for_todays_reason(clinician, patient, later):
    factories.make_done_session(factories.make_visit_today(patient))
    set_last(patient, "1.5")
    session = again(patient, later, days=42, number=2, concerns=None)
    limit_to(session, "0.75")
    answer = post(clinician, "set_zone", session.ref, "cheek", same="1")
    assert answer.status_code == 422
    assert "is above the usual" in answer.content.decode()
    assert not session.zones.exists()
    assert post(clinician, "set_zone", session.ref, "cheek", same="1", reason="Still deep").status_code == 302
    assert session.zones.get().reason == "Still deep"


def test_what_is_chosen_first_stays_within_todays_usual_maximum(clinician, patient, later):
    factories.make_done_session(factories.make_visit_today(patient))
    set_last(patient, "1.5")
    session = again(patient, later, days=42, number=2)
    assert chosen(page(clinician, session, zone="cheek")) == "1.50"
    limit_to(session, "0.75")
    shown = page(clinician, session, zone="cheek")
    assert chosen(shown) == "0.75"
    assert "needs a reason" in pill(shown, "1.50")


def test_after_a_long_gap_one_begins_at_the_start(clinician, patient, later):
    factories.make_done_session(factories.make_visit_today(patient))
    session = again(patient, later, days=85, number=2)
    assert not goes_on_from(last_in_zones(session)["cheek"], session)
    shown = page(clinician, session, zone="cheek")
    assert chosen(shown) == "0.75"
    assert 'name="same"' not in shown


@pytest.mark.parametrize(("days", "goes_on"), [(84, True), (85, False)])
def test_up_to_the_longest_gap_last_time_goes_on(clinician, patient, later, days, goes_on):
    factories.make_done_session(factories.make_visit_today(patient))
    session = again(patient, later, days=days, number=2)
    assert goes_on_from(last_in_zones(session)["cheek"], session) is goes_on


def test_in_a_new_course_one_begins_at_its_start(clinician, patient, later):
    """Skin type V and melasma after a course of scars at 1 mm: the start is 0.25 mm and not what the scars had."""
    factories.make_done_session(factories.make_visit_today(patient))
    melasma = [{"code": "melasma", "zones": ["cheek"], "severity": "moderate"}]
    session = again(patient, later, days=200, number=None, concerns=melasma)
    assert last_of_course(session) is None
    shown = page(clinician, session, zone="cheek")
    assert chosen(shown) == "0.25"
    assert 'name="same"' not in shown
    assert "earlier course, 9 March 2027: 1.00 mm, 4 passes" in shown
    assert "first time in this zone" not in shown
    assert post(clinician, "set_zone", session.ref, "cheek", same="1").status_code == 422
    assert not session.zones.exists()


def test_a_zone_that_was_never_treated_says_so(clinician, open_session):
    assert "first time in this zone" in page(clinician, open_session, zone="chin")


def test_a_start_that_is_a_large_step_from_an_earlier_course_is_not_chosen_first(clinician, patient, later):
    """Scars begin at 1 mm; her cheek had 0.25 mm for its glow before: one step further, and the start asks for a reason."""
    factories.make_done_session(factories.make_visit_today(patient))
    set_last(patient, "0.25")
    session = again(patient, later, days=60, number=None)
    shown = page(clinician, session, zone="cheek")
    assert chosen(shown) == "0.50"
    assert "needs a reason" in pill(shown, "1.00")


def test_the_panel_of_last_time_is_of_this_course(clinician, patient, later):
    factories.make_done_session(factories.make_visit_today(patient))
    session = again(patient, later, days=42, number=2)
    assert "Last session of this course" in page(clinician, session)


def test_the_signed_page_asks_as_much_of_one_zone_as_of_many_while_a_loosening_stands(clinician, patient):
    """A loosening has a last day, so the rules of "today" cost a query each time they are asked for."""
    prescriber = factories.make_member(patient.clinic, Role.PRESCRIBER, licence="GMC 7")
    policy.loosen(
        clinic=patient.clinic,
        path="rule.isotretinoin_past.washout_days",
        value=150,
        reason="Superficial needling only",
        licence="GMC 7",
        expires_on=clock.today(patient.clinic) + timedelta(days=60),
        by=prescriber,
    )
    few = signed_page_queries(clinician, patient, "cheek")
    many = signed_page_queries(clinician, factories.make_patient(patient.clinic), "cheek", "chin", "jawline", "nose")
    assert few == many


def signed_page_queries(client, patient, *zones: str) -> int:
    concerns = [{"code": "acne_scar_face", "zones": list(zones), "severity": "moderate"}]
    at = factories.time(11 + 3 * patient.clinic.appointments.count())
    session = factories.open_session(factories.make_visit_today(patient, at=at, concerns=concerns))
    factories.chart(session, **dict.fromkeys(zones, ("0.5", 3)))
    done = sessions.complete(session=session, by=session.operator)
    client.get(url("session", done.ref))
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url("session", done.ref)).status_code == 200
    return len(asked)


def set_last(patient, depth: str, reason: str = "") -> None:
    """As if the last session had gone so deep: past the guard of what is signed."""
    with without_guard(ZONE, "zone_of_signed_is_fixed"), without_guard(ZONE, "zone_depth_guard"):
        SessionZone.objects.filter(session__patient=patient).update(
            depth_mm=Decimal(depth), soft_max_mm="1.5", hard_cap_mm="1.5", reason=reason
        )


def limit_to(session: TreatmentSession, soft_max: str) -> None:
    """The clinic makes its usual maximum of the cheek stricter."""
    policy.tighten(
        clinic=session.clinic, path="zone.cheek.soft_max_mm", value=soft_max, by=factories.a_manager(session.clinic)
    )
