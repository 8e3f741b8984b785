"""What a clinic sets for itself: who may, what counts from when, and that nobody treats by rules that have gone."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from clinic.errors import CONSTRAINT_SENTENCES, DomainError, constraint_name
from clinic.models import AuditEvent, Clinic
from tests import factories
from tests.factories import TODAY
from tests.treatments.sessions.gate_world import gate_off, insert_session
from treatments.plans import services as plans
from treatments.protocol.catalogue import load
from treatments.rules import policy
from treatments.rules import services as rules
from treatments.rules.models import PolicyValue, ProtocolAdoption, ProtocolVersion
from treatments.screenings import services as screenings
from treatments.sessions import services as sessions

pytestmark = pytest.mark.django_db
WAIT = "rule.isotretinoin_past.washout_days"
TOMORROW = TODAY + timedelta(days=1)


def fresh(clinic: Clinic) -> Clinic:
    return Clinic.objects.get(pk=clinic.pk)


def wait_of(clinic: Clinic, on=None) -> int:
    return policy.catalogue_for(fresh(clinic), on).rule("isotretinoin_past").washout.days


def tighten(clinic: Clinic, by, path: str = WAIT, value: object = 210) -> PolicyValue:
    return policy.tighten(clinic=clinic, path=path, value=value, by=by)


def loosen(clinic: Clinic, by, path: str = WAIT, value: object = 90, **differing) -> PolicyValue:
    details = {"reason": "Superficial depths only", "expires_on": TOMORROW} | differing
    return policy.loosen(clinic=clinic, path=path, value=value, by=by, **details)


# ── In force ──────────────────────────────────────────────────────────────────


def test_a_clinic_that_has_set_nothing_works_by_the_shipped_catalogue_without_a_query(
    clinic, django_assert_num_queries
):
    with django_assert_num_queries(0):
        assert policy.catalogue_for(clinic, TODAY) is load()
        assert policy.in_force_settings(clinic, TODAY) == []


def test_a_tightening_counts_at_once_and_only_here(clinic, other_clinic, manager_member):
    tighten(clinic, manager_member)
    assert wait_of(clinic) == 210
    assert wait_of(other_clinic) == 180
    assert [setting.value for setting in policy.in_force_settings(fresh(clinic))] == [210]


def test_rules_are_read_once_after_a_change(clinic, manager_member, django_assert_num_queries):
    tighten(clinic, manager_member)
    clinic = fresh(clinic)
    policy.catalogue_for(clinic, TODAY)
    with django_assert_num_queries(0):
        assert policy.catalogue_for(clinic, TODAY) is policy.catalogue_for(clinic, TODAY)


def test_a_loosening_counts_on_its_last_day_and_not_the_day_after(clinic, prescriber_member):
    loosen(clinic, prescriber_member)
    assert wait_of(clinic, TOMORROW) == 90
    assert wait_of(clinic, TOMORROW + timedelta(days=1)) == 180


def test_a_day_later_an_expired_loosening_is_gone_by_itself(clinic, prescriber_member, later):
    loosen(clinic, prescriber_member, expires_on=TODAY)
    assert wait_of(clinic) == 90
    later(timedelta(days=1))
    assert wait_of(clinic) == 180


def test_the_stricter_wins_over_a_loosening(clinic, manager_member, prescriber_member):
    loosen(clinic, prescriber_member)
    kept = tighten(clinic, manager_member)
    assert wait_of(clinic) == 210
    policy.end(policy_value=kept, by=prescriber_member, reason="Too long")
    assert wait_of(clinic) == 90


def test_a_change_that_came_to_nothing_leaves_no_rules_behind(clinic, manager_member):
    with transaction.atomic():
        tighten(clinic, manager_member)
        assert wait_of(clinic) == 210
        undone = fresh(clinic).rules_version
        transaction.set_rollback(True)
    assert wait_of(clinic) == 180
    tighten(clinic, manager_member, value=240)
    assert fresh(clinic).rules_version > undone
    assert wait_of(clinic) == 240


@pytest.mark.parametrize("act", ["tighten", "loosen", "end", "adopt"])
def test_every_change_raises_the_version_of_the_rules(clinic, prescriber_member, act):
    kept = tighten(clinic, prescriber_member, path="interval.floor_days", value=35)
    before = fresh(clinic).rules_version
    acts = {
        "tighten": lambda: tighten(clinic, prescriber_member),
        "loosen": lambda: loosen(clinic, prescriber_member),
        "end": lambda: policy.end(policy_value=kept, by=prescriber_member, reason="Back to 28 days"),
        "adopt": lambda: rules.adopt(clinic=clinic, protocol=rules.shipped(), by=prescriber_member),
    }
    acts[act]()
    assert fresh(clinic).rules_version > before > 1


def test_where_a_loosening_is_in_force_the_day_still_costs_no_query(
    clinic, prescriber_member, django_assert_num_queries
):
    loosen(clinic, prescriber_member)
    clinic = fresh(clinic)
    policy.catalogue_for(clinic, TODAY)
    with django_assert_num_queries(0):
        policy.catalogue_for(clinic, TODAY)
    with django_assert_num_queries(1):
        policy.catalogue_for(clinic)


# ── Who may, and what is refused ──────────────────────────────────────────────


def test_tightening_is_for_managers_and_prescribers(
    clinic, clinician_member, desk_member, manager_member, prescriber_member
):
    for nobody in (clinician_member, desk_member):
        with pytest.raises(DomainError, match="Only a manager or a prescriber"):
            tighten(clinic, nobody)
    tighten(clinic, manager_member)
    tighten(clinic, prescriber_member, value=240)
    assert wait_of(clinic) == 240


def test_loosening_is_for_prescribers_with_a_licence_a_reason_and_a_last_day(clinic, manager_member, prescriber_member):
    with pytest.raises(DomainError, match="Only a prescriber"):
        loosen(clinic, manager_member)
    for differing, field in (
        ({"reason": "  "}, "reason"),
        ({"expires_on": None}, "expires_on"),
        ({"expires_on": TODAY - timedelta(days=1)}, "expires_on"),
        ({"expires_on": TODAY + timedelta(days=367)}, "expires_on"),
    ):
        with pytest.raises(DomainError) as refused:
            loosen(clinic, prescriber_member, **differing)
        assert refused.value.field == field
    prescriber_member.licence = ""
    with pytest.raises(DomainError, match="licence"):
        loosen(clinic, prescriber_member)
    made = loosen(clinic, prescriber_member, licence="GMC 1", expires_on=TODAY + timedelta(days=366))
    assert (made.direction, made.licence, made.reason) == ("looser", "GMC 1", "Superficial depths only")


def test_a_second_loosening_takes_the_place_of_the_first(clinic, prescriber_member):
    first = loosen(clinic, prescriber_member)
    assert wait_of(clinic) == 90
    loosen(clinic, prescriber_member, value=60)
    assert wait_of(clinic) == 60
    first.refresh_from_db()
    assert first.ended_by == prescriber_member.user and first.ended_reason
    loosen(clinic, prescriber_member, value=120)
    assert wait_of(clinic) == 120
    assert PolicyValue.objects.standing().count() == 1


def test_a_loosening_that_is_over_is_left_as_it_was(clinic, prescriber_member, later):
    first = loosen(clinic, prescriber_member)
    later(timedelta(days=2))
    loosen(clinic, prescriber_member, expires_on=TODAY + timedelta(days=9))
    first.refresh_from_db()
    assert first.ended_at is None


def test_the_same_looser_value_can_be_prolonged_and_not_set_twice(clinic, prescriber_member):
    loosen(clinic, prescriber_member)
    with pytest.raises(DomainError, match="This counts already"):
        loosen(clinic, prescriber_member)
    loosen(clinic, prescriber_member, expires_on=TOMORROW + timedelta(days=9))
    assert wait_of(clinic, TOMORROW + timedelta(days=9)) == 90


@pytest.mark.parametrize("value", [120, 180])
def test_stricter_than_a_loosening_alone_is_no_tightening(clinic, manager_member, prescriber_member, value):
    loosen(clinic, prescriber_member)
    with pytest.raises(DomainError, match="180 days is the default, and this is not stricter"):
        tighten(clinic, manager_member, value=value)
    tighten(clinic, manager_member, value=181)
    assert wait_of(clinic) == 181


def test_a_looser_value_that_a_stricter_one_of_the_clinic_would_overrule_is_refused(
    clinic, manager_member, prescriber_member
):
    kept = tighten(clinic, manager_member)
    with pytest.raises(DomainError, match="End that one first"):
        loosen(clinic, prescriber_member)
    policy.end(policy_value=kept, by=prescriber_member, reason="The letter came")
    loosen(clinic, prescriber_member)
    assert wait_of(clinic) == 90


def test_what_is_not_looser_than_the_default_is_no_loosening(clinic, prescriber_member):
    with pytest.raises(DomainError, match="180 days is the default, and this is not looser"):
        loosen(clinic, prescriber_member, value=200)


def test_ending_a_tightening_is_a_loosening(clinic, manager_member, prescriber_member):
    kept = tighten(clinic, manager_member)
    with pytest.raises(DomainError, match="Only a prescriber"):
        policy.end(policy_value=kept, by=manager_member, reason="Too long")
    with pytest.raises(DomainError, match="Give the reason"):
        policy.end(policy_value=kept, by=prescriber_member)
    ended = policy.end(policy_value=kept, by=prescriber_member, reason="Too long")
    assert (ended.ended_by, ended.ended_licence) == (prescriber_member.user, prescriber_member.licence)
    assert wait_of(clinic) == 180
    assert policy.end(policy_value=ended, by=prescriber_member, reason="Again").ended_reason == "Too long"


def test_a_manager_may_end_a_loosening(clinic, manager_member, prescriber_member, clinician_member):
    made = loosen(clinic, prescriber_member)
    with pytest.raises(DomainError, match="Only a manager or a prescriber"):
        policy.end(policy_value=made, by=clinician_member)
    policy.end(policy_value=made, by=manager_member)
    assert wait_of(clinic) == 180


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (WAIT, 150, "180 days is in force, and this is not stricter"),
        (WAIT, 180, "not stricter"),
        (WAIT, "long", "a whole number"),
        (WAIT, 4000, "0 to 3650 days"),
        ("rule.nobody_knows.washout_days", 3, "cannot be changed"),
        ("concern.cellulite.offered", True, "no evidence"),
    ],
)
def test_what_is_no_tightening_is_refused_with_a_sentence(clinic, manager_member, path, value, says):
    with pytest.raises(DomainError, match=says):
        tighten(clinic, manager_member, path=path, value=value)


def test_less_strict_than_the_clinics_own_value_is_no_tightening(clinic, manager_member):
    tighten(clinic, manager_member)
    with pytest.raises(DomainError, match="210 days is in force"):
        tighten(clinic, manager_member, value=200)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("interval.floor_days", 27),
        ("zone.cheek.hard_cap_mm", "2.0"),
        ("age.minimum_years", 17),
        ("rule.adverse_event.washout_days", 7),
        (WAIT, 200),
    ],
)
def test_beyond_the_bounds_no_signature_loosens(clinic, prescriber_member, path, value):
    with pytest.raises(DomainError):
        loosen(clinic, prescriber_member, path=path, value=value)
    assert not PolicyValue.objects.exists()


def test_another_clinics_people_change_nothing_here(clinic, other_clinic, prescriber_member):
    with pytest.raises(DomainError, match="You do not work in this clinic"):
        tighten(other_clinic, prescriber_member)


def test_the_audit_trail_names_the_value_and_the_person(clinic, manager_member):
    made = tighten(clinic, manager_member)
    event = AuditEvent.objects.get(target_ref=made.ref)
    assert (event.action, event.by, event.facts) == ("policy.set_stricter", manager_member.user, {"path": WAIT})


# ── What the database refuses ─────────────────────────────────────────────────

ROW = {
    "path": WAIT,
    "value": 90,
    "direction": "looser",
    "reason": "Because",
    "licence": "GMC 1",
    "expires_on": TOMORROW,
}


@pytest.mark.parametrize(
    ("differing", "promise"),
    [
        ({"expires_on": None}, "policy_stricter_or_looser"),
        ({"direction": "stricter"}, "policy_stricter_or_looser"),
        ({"direction": "sideways"}, "policy_stricter_or_looser"),
        ({"reason": ""}, "policy_looser_says_who_and_why"),
        ({"licence": ""}, "policy_looser_says_who_and_why"),
    ],
)
def test_a_looser_value_without_who_why_and_until_is_refused(clinic, manager_member, differing, promise):
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        PolicyValue.objects.create(clinic=clinic, set_by=manager_member.user, **ROW | differing)
    assert constraint_name(refused.value) == promise
    assert promise in CONSTRAINT_SENTENCES
    PolicyValue.objects.create(clinic=clinic, set_by=manager_member.user, **ROW)


@pytest.mark.parametrize("change", ["value = '10'", "expires_on = expires_on + 30", "licence = 'x'", "ended_at = NULL"])
def test_a_value_stays_as_it_was_set(clinic, manager_member, prescriber_member, change):
    made = loosen(clinic, prescriber_member)
    policy.end(policy_value=made, by=manager_member)
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE treatments_policyvalue SET {change} WHERE id = %s", [made.pk])
    assert constraint_name(refused.value) == "policy_value_is_fixed"
    with pytest.raises(IntegrityError), transaction.atomic():
        made.delete()


def test_a_tightening_does_not_end_without_who_and_why(clinic, manager_member):
    made = tighten(clinic, manager_member)
    for wrong in ({}, {"ended_by": manager_member.user}, {"ended_by": manager_member.user, "ended_reason": "x"}):
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            PolicyValue.objects.filter(pk=made.pk).update(ended_at=made.set_at, **wrong)
        assert constraint_name(refused.value) == "policy_end_says_who_and_why"


# ── Versions ──────────────────────────────────────────────────────────────────


def an_older_version(wait: int) -> ProtocolVersion:
    toml = load().text.replace("washout = { days = 180 }", f"washout = {{ days = {wait} }}")
    return ProtocolVersion.objects.create(version="2025.9", sha256=f"{wait:064d}", toml=toml)


def test_a_shipped_version_is_not_in_force_until_it_is_adopted(clinic, prescriber_member):
    older = an_older_version(170)
    rules.adopt(clinic=clinic, protocol=older, by=prescriber_member)
    assert rules.in_force(clinic) == older
    assert wait_of(clinic) == 170
    rules.adopt(clinic=clinic, protocol=rules.shipped(), by=prescriber_member)
    assert wait_of(clinic) == 180


def test_a_clinics_own_values_stand_on_top_of_the_version_it_adopts(clinic, prescriber_member):
    tighten(clinic, prescriber_member, value=200)
    rules.adopt(clinic=clinic, protocol=an_older_version(170), by=prescriber_member)
    assert wait_of(clinic) == 200
    rules.adopt(clinic=clinic, protocol=an_older_version(300), by=prescriber_member)
    assert wait_of(clinic) == 300


def test_only_a_prescriber_adopts_and_signs_anew(clinic, manager_member, prescriber_member):
    older = an_older_version(170)
    with pytest.raises(DomainError, match="Only a prescriber"):
        rules.adopt(clinic=clinic, protocol=older, by=manager_member)
    Clinic.objects.filter(pk=clinic.pk).update(is_demo=False)
    real = fresh(clinic)
    rules.sign_off(clinic=real, by=prescriber_member)
    rules.require_sign_off(real)
    rules.adopt(clinic=real, protocol=older, by=prescriber_member)
    with pytest.raises(rules.NotSignedOff, match=r"2025\.9"):
        rules.require_sign_off(real)


def test_the_first_signature_adopts_what_it_signs_and_the_next_one_does_not(clinic, prescriber_member):
    rules.sign_off(clinic=clinic, by=prescriber_member)
    rules.sign_off(clinic=clinic, by=prescriber_member)
    assert [adopted.protocol for adopted in clinic.protocol_adoptions.all()] == [rules.shipped()]
    assert clinic.rules_version == fresh(clinic).rules_version > 1


def test_an_adoption_stays(clinic, prescriber_member):
    adopted = rules.adopt(clinic=clinic, protocol=rules.shipped(), by=prescriber_member)
    with pytest.raises(Exception, match="Cannot update or delete"), transaction.atomic():
        ProtocolAdoption.objects.filter(pk=adopted.pk).delete()


# ── Screenings, plans and sessions follow ─────────────────────────────────────


def test_a_screening_keeps_what_the_clinic_had_set(patient, manager_member):
    factories.answer_all(patient)
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=190))
    assert screenings.look(patient, on=TODAY, purpose="session").outcome != "defer"
    tighten(patient.clinic, manager_member)
    record = screenings.perform(patient=patient, on=TODAY, purpose="session", by=manager_member.user)
    assert (record.outcome, record.binding) == ("defer", "isotretinoin_past")
    assert record.earliest_on == TODAY + timedelta(days=20)
    assert record.policy == [{"path": WAIT, "value": 210, "expires_on": None}]
    assert record.rules_version == fresh(patient.clinic).rules_version


def test_rules_that_changed_after_the_screening_close_the_door_until_she_is_screened_again(
    visit_today, prescriber_member
):
    record = factories.screen_today(visit_today.patient)
    tighten(visit_today.clinic, prescriber_member)
    parameters = [change["parameter"] for change in record.changes]
    with pytest.raises(DomainError) as refused:
        sessions.open_session(visit=arrived(visit_today), by=visit_today.clinician, acknowledged=parameters)
    assert refused.value.sentence == "The clinic's rules changed since this screening: screen again."
    factories.screen_today(visit_today.patient)
    assert sessions.open_session(visit=visit_today, by=visit_today.clinician, acknowledged=parameters).is_open


def arrived(visit):
    factories.arrive(visit)
    return visit


def test_with_the_gate_off_the_old_screening_would_have_opened_it(visit_today, prescriber_member):
    record = factories.screen_today(visit_today.patient)
    tighten(visit_today.clinic, prescriber_member)
    with gate_off():
        assert insert_session(visit_today, screening_id=record.pk)


def test_a_plan_keeps_the_numbers_it_was_made_with(active_plan, manager_member):
    tighten(active_plan.clinic, manager_member, path="interval.floor_days", value=56)
    made = plans.propose(type(active_plan.patient).objects.get(pk=active_plan.patient_id), starts_on=TODAY)
    active_plan.refresh_from_db()
    assert made.floor_days == 56
    assert active_plan.floor_days < 56


def test_a_clearance_that_the_rules_no_longer_ask_for_disturbs_nobody(patient, clinician_member, prescriber_member):
    factories.answer_all(patient, smoking="yes")
    kept = tighten(patient.clinic, prescriber_member, path="rule.smoking.category", value="REL")
    patient = type(patient).objects.get(pk=patient.pk)
    assert "smoking" in {
        f.code for f in screenings.look(patient, on=TODAY, purpose="booking").findings if f.category == "REL"
    }
    screenings.give_clearance(
        patient=patient, code="smoking", reason="Cut down", expires_on=TOMORROW, by=clinician_member
    )
    policy.end(policy_value=kept, by=prescriber_member, reason="Back to advice")
    patient = type(patient).objects.get(pk=patient.pk)
    found = {f.code: f for f in screenings.look(patient, on=TODAY, purpose="booking").findings}
    assert (found["smoking"].category, found["smoking"].cleared_until) == ("CAU", None)
