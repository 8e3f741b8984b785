"""A course that was put on hold: the chair says so, and nobody goes on needling without a word."""

import re
from decimal import Decimal

import pytest

from clinic.errors import DomainError
from tests import factories
from tests.treatments.sessions.browsing import page, post, url
from tests.treatments.sessions.test_depth_guard import ZONE, insert_zone, refused, without_guard
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.sessions import services as sessions
from treatments.sessions.models import TreatmentSession


def hold(session_or_visit) -> None:
    plan = session_or_visit.planned_session.plan
    plans.hold(plan=TreatmentPlan.objects.get(pk=plan.pk), by=plan.drafted_by)


@pytest.fixture
def held(open_session) -> TreatmentSession:
    factories.chart(open_session)
    hold(open_session)
    return open_session


# ── Before it is opened ───────────────────────────────────────────────────────


def test_the_door_leads_to_the_course_and_offers_no_button(clinician, visit_today):
    visit = factories.arrive(visit_today)
    factories.screen_today(visit.patient)
    assert "Open the session" in clinician.get(url("open_session", visit.ref)).content.decode()
    hold(visit)
    shown = clinician.get(url("open_session", visit.ref)).content.decode()
    assert "This course is on hold" in shown
    assert url("course", visit.planned_session.plan.ref) in shown
    assert "Open the session" not in shown


def test_held_between_looking_and_pressing_the_refusal_leads_to_the_course(clinician, visit_today):
    visit = factories.arrive(visit_today)
    factories.screen_today(visit.patient)
    hold(visit)
    answer = post(clinician, "open_session", visit.ref)
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "This course is not active." in shown
    assert f'<a href="{url("course", visit.planned_session.plan.ref)}">Go there now</a>' in shown


# ── In the chair ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("step", ["check", "treat", "note", "finish"])
def test_every_step_says_that_the_course_is_on_hold(clinician, held, step):
    shown = page(clinician, held, step)
    assert "This course is on hold." in shown
    assert url("course", held.plan.ref) in shown


def test_a_course_under_way_has_no_banner(clinician, open_session):
    shown = page(clinician, open_session)
    assert "on hold" not in shown
    assert 'name="why_on_hold"' not in page(clinician, open_session, "finish")


def test_a_zone_asks_for_a_reason_while_the_course_is_on_hold(clinician, held):
    typed = {"depth": "0.75", "passes": "3", "endpoint": "", "reason": " "}
    answer = post(clinician, "set_zone", held.ref, "chin", **typed)
    assert answer.status_code == 422
    assert "This course is on hold. Say why you needle all the same" in answer.content.decode()
    assert (
        post(clinician, "set_zone", held.ref, "chin", **typed | {"reason": "Was done before the score"}).status_code
        == 302
    )
    assert held.zones.get(zone="chin").reason == "Was done before the score"


def test_every_pill_reveals_the_place_for_the_reason(clinician, held):
    pills = re.findall(r'name="depth" value="[\d.]+"[^>]*>', page(clinician, held, zone="chin"))
    assert pills
    assert all('data-reveals="depth-reason"' in one for one in pills)


@pytest.mark.parametrize("status", ["on_hold", "revoked"])
def test_the_database_asks_for_it_too(held, status):
    TreatmentPlan.objects.filter(pk=held.plan_id).update(
        status=status, ended_at=held.opened_at, ended_by=held.operator.user, ended_reason="x"
    )
    row = {"zone": "chin", "depth_mm": "0.75"}
    assert refused(lambda: insert_zone(held, **row)) == "zone_on_hold_has_a_reason"
    assert refused(lambda: insert_zone(held, **row, reason="\t ")) == "zone_on_hold_has_a_reason"
    with without_guard(ZONE, "zone_depth_guard"):
        insert_zone(held, **row)


def test_completing_asks_for_a_reason_and_the_note_keeps_it(clinician, held):
    ticks = {"aftercare_given": "on", "sharps_disposed": "on"}
    answer = post(clinician, "complete_session", held.ref, **ticks)
    assert answer.status_code == 422
    assert "This course is on hold. Say why you complete the session, or stop it early." in answer.content.decode()
    done = post(clinician, "complete_session", held.ref, **ticks, why_on_hold="Needled before the score was taken")
    assert done.status_code == 302
    held.refresh_from_db()
    assert held.status == "completed"
    assert held.note.endswith("Completed all the same. This course is on hold. Needled before the score was taken")


def test_stopping_early_stays_possible(held):
    kept = sessions.stop(session=held, reason="Melasma is darker", counts=False, by=held.operator)
    assert kept.status == "stopped"


def test_a_stopped_course_is_named_as_such(held):
    plans.revoke(plan=TreatmentPlan.objects.get(pk=held.plan_id), reason="Enough", by=held.operator.user)
    with pytest.raises(DomainError, match="This course is stopped."):
        sessions.set_zone(session=held, zone="chin", depth_mm=Decimal("0.75"), passes=2, by=held.operator)
