"""A visit that cannot be on its day looks so in the week too, and the week says of it what the day says."""

from datetime import time, timedelta

import pytest

from tests import factories
from tests.factories import TODAY
from tests.treatments.today.test_following import WEEK, ask
from treatments.appointments import services
from treatments.pages.calendar.week import COLUMNS
from treatments.plans import services as plans

pytestmark = pytest.mark.django_db
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def visit(active_plan):
    return factories.book(active_plan.planned_sessions.get(number=1), day=TOMORROW, at=time(11))


def in_the_week(desk) -> dict:
    week = ask(desk, WEEK).json()
    rows = [dict(zip(COLUMNS, values, strict=True)) for values in week["visits"]]
    assert all(not row["refused"] or row["refused"][0] in week["refusals"] for row in rows)
    return {row["id"]: row["refused"] for row in rows}


def in_the_day(desk, visit) -> dict:
    return next(
        one for one in ask(desk, f"/today/visits.json?day={visit.day}").json()["visits"] if one["id"] == str(visit.ref)
    )


def stopped_in_the_autumn(patient) -> None:
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=170))
    factories.screen_today(patient, purpose="booking")


def test_a_visit_before_its_earliest_day_is_refused_with_the_words_of_the_day(desk, visit):
    assert in_the_week(desk) == {str(visit.ref): ""}
    stopped_in_the_autumn(visit.patient)

    state, words = in_the_week(desk)[str(visit.ref)]

    shown = in_the_day(desk, visit)
    assert (state, shown["shape"]) == ("defer", "held")
    assert shown["words"] == f"1/4 · {words}"
    assert words.startswith("not before ")
    assert f"not confirmed, {words}" in desk.get("/calendar/?view=list").content.decode()


def test_who_may_never_come_is_told_apart_from_who_may_come_later(desk, visit):
    factories.answer(visit.patient, "keloid_personal", "yes")
    factories.screen_today(visit.patient, purpose="booking")
    state, words = in_the_week(desk)[str(visit.ref)]
    shown = in_the_day(desk, visit)
    assert (state, shown["shape"]) == ("block", "held")
    assert shown["words"] == f"1/4 · {words}" == "1/4 · ask a clinician"


def test_from_its_earliest_day_on_nothing_is_refused(desk, active_plan):
    """The boundary: 170 days ago and 180 to wait, so ten days from now it may be."""
    patient = active_plan.patient
    stopped_in_the_autumn(patient)
    first = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=10))
    week = ask(desk, f"/calendar/visits.json?from={first.day}&to={first.day}").json()
    assert [values[-1] for values in week["visits"]] == [""]
    assert in_the_day(desk, first)["shape"] != "held"


@pytest.mark.parametrize("becomes", ["cancelled", "course on hold"])
def test_what_is_over_or_waits_for_a_clinician_is_not_refused_by_a_date(desk, visit, clinician_member, becomes):
    stopped_in_the_autumn(visit.patient)
    if becomes == "cancelled":
        services.cancel(visit=visit, reason="Cannot come", by=clinician_member.user)
    else:
        plans.hold(plan=visit.planned_session.plan, by=clinician_member.user)
    assert in_the_week(desk) == {str(visit.ref): ""}
    assert in_the_day(desk, visit)["shape"] != "held"
