"""Rules of later days: a visit is judged by the rules of its own day, a floor that was changed reaches booked and planned
visits, and another first day is a change too."""

from datetime import timedelta

import pytest
from django.urls import reverse

from tests import factories
from tests.factories import TODAY
from tests.treatments.appointments.test_displaced import tried
from tests.treatments.rules.test_publishing import calls
from tests.treatments.rules.test_rule_pages import press
from treatments.appointments import services
from treatments.appointments.gates import OutsideWindow
from treatments.appointments.models import Appointment
from treatments.flows import publishing
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.protocol.policy import Setting
from treatments.rules.models import OutcomeChange
from treatments.screenings import services as screenings

pytestmark = pytest.mark.django_db
WAIT = "rule.isotretinoin_past.washout_days"
FLOOR = "interval.floor_days"


def in_days(days: int):
    return TODAY + timedelta(days=days)


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def session(plan: TreatmentPlan, number: int):
    return plan.planned_sessions.get(number=number)


def lines() -> list[tuple]:
    return [(line.before, line.after, line.not_before) for line in OutcomeChange.objects.all()]


# ── A loosening that is over by the day of the visit ──────────────────────────


@pytest.fixture
def deferred(patient, active_plan) -> Appointment:
    """A visit on day 27 that was booked while allowed; then it came out that isotretinoin ended 100 days ago."""
    factories.screen_today(patient, purpose="booking")
    visit = factories.book(session(active_plan, 1), day=in_days(27))
    factories.answer(patient, "isotretinoin_past", "yes", on=in_days(-100))
    factories.screen_today(patient, purpose="booking")
    return visit


@pytest.mark.parametrize(("until", "changes"), [(26, 0), (27, 1)])
def test_a_loosening_changes_the_visits_on_its_days_and_no_later_one(
    clinic, deferred, prescriber_member, until, changes
):
    publishing.loosen(clinic=clinic, path=WAIT, value=90, reason="x", expires_on=in_days(until), by=prescriber_member)
    assert OutcomeChange.objects.count() == changes
    permitted = screenings.look(fresh(deferred.patient), on=deferred.day, purpose="booking").permits.book
    assert permitted == bool(changes)


def test_what_is_not_allowed_before_the_loosening_is_over_is_not_called_allowed_after_it(clinic, deferred):
    """The first free day is worked out by the rules of that day."""
    loosened = Setting(WAIT, 120, in_days(21))
    assert publishing.compare(clinic, publishing.rules_with(clinic, loosened)) == []


@pytest.mark.parametrize(("until", "first_day"), [(30, 20), (10, 80)])
def test_a_course_is_proposed_by_the_rules_of_the_day_it_starts_on(
    clinic, patient, prescriber_member, until, first_day
):
    """100 days after isotretinoin: 90 are enough while the looser value counts, and 180 afterwards."""
    factories.assess(patient)
    factories.answer(patient, "isotretinoin_past", "yes", on=in_days(-100))
    publishing.loosen(
        clinic=clinic, path=WAIT, value=90, reason="Low dose", expires_on=in_days(until), by=prescriber_member
    )
    course = plans.propose(fresh(patient), starts_on=in_days(20))
    assert course.sessions[0].earliest_on == in_days(first_day)


# ── Another first day ─────────────────────────────────────────────────────────


def test_a_visit_that_stays_not_allowed_until_a_later_day_is_a_change(clinic, deferred, manager_member, desk):
    publishing.tighten(clinic=clinic, path=WAIT, value=240, by=manager_member)
    assert lines() == [("defer", "defer", in_days(140))]
    (call,) = calls(desk)
    assert call.say == "Not before 27 Jul; was: not yet"


# ── A floor that was changed ──────────────────────────────────────────────────


@pytest.fixture
def two_booked(patient, active_plan) -> tuple[Appointment, Appointment]:
    """Sessions 1 and 2, as close as the published floor allows."""
    factories.screen_today(patient, purpose="booking")
    first = factories.book(session(active_plan, 1), day=TODAY)
    return first, factories.book(session(active_plan, 2), day=in_days(28))


@pytest.mark.parametrize(("floor_days", "told"), [(28, []), (29, [("clear", "defer", in_days(29))])])
def test_a_longer_floor_is_measured_from_the_visit_booked_before(clinic, two_booked, floor_days, told):
    changes = publishing.compare(clinic, publishing.rules_with(clinic, Setting(FLOOR, floor_days)))
    assert [(c.before.outcome, c.after.outcome, c.after.not_before) for c in changes] == told


def test_after_a_longer_floor_nothing_is_booked_closer(clinic, active_plan, two_booked, manager_member):
    publishing.tighten(clinic=clinic, path=FLOOR, value=35, by=manager_member)
    plan = fresh(active_plan)
    with pytest.raises(OutsideWindow, match="at least 35 days lie between two"):
        factories.book(session(plan, 3), day=in_days(28 + 34))
    assert factories.book(session(plan, 3), day=in_days(28 + 35)).status == "booked"


def test_a_visit_before_a_booked_one_keeps_the_floor_of_that_ones_day(clinic, patient, active_plan, prescriber_member):
    """The loosened floor is over by the day of the second visit, so the first one may not come closer to it."""
    factories.assess(patient, skin_type=5)
    publishing.loosen(
        clinic=clinic, path="interval.raised_floor_days", value=28, reason="x", expires_on=in_days(20),
        by=prescriber_member,
    )  # fmt: skip
    plan = fresh(active_plan)
    factories.screen_today(patient, purpose="booking")
    first = factories.book(session(plan, 1), day=TODAY)
    factories.book(session(plan, 2), day=in_days(42))
    with pytest.raises(OutsideWindow, match="at least 42 days lie between two. Move that one first"):
        services.move(visit=first, place=factories.a_place(clinic, in_days(2)), by=first.booked_by)


def test_a_plan_made_under_a_loosened_floor_keeps_the_floor_of_each_day(clinic, patient, prescriber_member):
    publishing.loosen(
        clinic=clinic, path="interval.raised_floor_days", value=28, reason="x", expires_on=in_days(10),
        by=prescriber_member,
    )  # fmt: skip
    plan = factories.make_active_plan(fresh(patient), skin_type=5)
    assert plan.floor_days == 28
    factories.book(session(plan, 1), day=TODAY)
    with pytest.raises(OutsideWindow, match="at least 42 days"):
        factories.book(session(plan, 2), day=in_days(28))
    assert factories.book(session(plan, 2), day=in_days(42)).status == "booked"


# ── Plans that have not begun ─────────────────────────────────────────────────

STRICTER = {
    "a longer floor": (FLOOR, 43),
    "fewer sessions": ("concern.acne_scar_face.sessions_maximum", 2),
    "a concern that is no longer offered": ("concern.acne_scar_face.offered", False),
    "a lower limit": ("zone.cheek.hard_cap_mm", "1.25"),
    "a longer best interval": ("concern.acne_scar_face.target_days", 49),
}


@pytest.mark.parametrize("submitted", [False, True], ids=["draft", "submitted"])
def test_a_plan_made_under_looser_rules_has_to_be_planned_again(
    clinic, patient, manager_member, clinician_member, submitted
):
    factories.answer_all(patient)
    plan, by = factories.make_draft(patient), clinician_member.user
    if submitted:
        plans.submit(plan=plan, by=by)
        factories.sign_consent(plan)
    step = plans.activate if submitted else plans.submit
    for what, (path, value) in STRICTER.items():
        with tried():
            publishing.tighten(clinic=fresh(clinic), path=path, value=value, by=manager_member)
            with pytest.raises(plans.Outdated, match="Plan again"):
                step(plan=fresh(plan), by=by)
            assert fresh(plan).status == ("submitted" if submitted else "draft"), what
            if path != "concern.acne_scar_face.offered":
                again = factories.make_draft(fresh(patient))
                plans.submit(plan=again, by=by)
                factories.sign_consent(again)
                assert plans.activate(plan=again, by=by).status == "active", what
    # The negative control: nothing was changed.
    assert step(plan=fresh(plan), by=by).status == ("active" if submitted else "submitted")


def test_a_looser_rule_asks_for_no_new_plan(clinic, patient, prescriber_member):
    factories.answer_all(patient)
    plan = factories.make_draft(patient)
    path = "concern.acne_scar_face.target_days"
    publishing.loosen(clinic=clinic, path=path, value=28, reason="x", expires_on=in_days(9), by=prescriber_member)
    assert plans.submit(plan=fresh(plan), by=prescriber_member.user).status == "submitted"


def test_a_course_that_has_begun_goes_on_with_its_own_numbers(clinic, active_plan, manager_member):
    by = manager_member.user
    plans.hold(plan=active_plan, by=by)
    publishing.tighten(clinic=clinic, path="concern.acne_scar_face.sessions_maximum", value=2, by=manager_member)
    assert plans.activate(plan=fresh(active_plan), by=by).status == "active"


def test_the_course_page_leads_to_planning_again(clinic, patient, manager_member, clinician):
    factories.answer_all(patient)
    plan = factories.make_draft(patient)
    publishing.tighten(clinic=clinic, path=FLOOR, value=43, by=manager_member)
    page = press(clinician, reverse("treatments:plan_step", args=[plan.ref, "submit"]))
    assert page.status_code == 422
    assert reverse("treatments:plan_new", args=[patient.ref]) in page.content.decode()
