"""Changing the rules: which booked visits it touches, said before, written after, and off the list once somebody has looked."""

import hashlib
from datetime import time, timedelta

import pytest
from django.db import InternalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import DomainError
from patients.models import MedicationStatement
from patients.services import history
from tests import factories
from tests.factories import TODAY
from treatments.appointments import services as appointments
from treatments.appointments.models import Appointment
from treatments.flows import courses, publishing
from treatments.protocol.catalogue import load
from treatments.protocol.policy import Setting
from treatments.rules.models import OutcomeChange, PolicyValue, ProtocolVersion
from treatments.rules.policy import RuleSet
from treatments.rules.services import catalogue_of
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord

pytestmark = pytest.mark.django_db
PATH = "rule.isotretinoin_past.washout_days"


def in_days(days: int):
    return TODAY + timedelta(days=days)


@pytest.fixture
def visit(patient, active_plan):
    """Session 1 on day 27, for somebody who took her last capsule 160 days before today: allowed from day 20."""
    factories.answer(patient, "isotretinoin_past", "yes", on=in_days(-160))
    factories.screen_today(patient, purpose="booking")
    return factories.book(active_plan.planned_sessions.get(number=1), day=in_days(27))


@pytest.fixture
def stricter(clinic, manager_member, visit):
    """Seven months instead of six: the visit is no longer allowed."""
    return publishing.tighten(clinic=clinic, path=PATH, value=210, by=manager_member)


def an_edition(version: str, **replaced: tuple[str, str]) -> ProtocolVersion:
    """Another published version: the shipped text with other values in it."""
    text = load().text.replace(f'version = "{load().version}"', f'version = "{version}"')
    assert f'version = "{version}"' in text
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return ProtocolVersion.objects.create(version=version, sha256=sha256, toml=text)


def calls(client) -> list:
    lists = client.get(reverse("treatments:worklists")).context["lists"]
    return next(one.calls for one in lists if one.code == "rules-changed")


# ── Comparing ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("wait", "outcome"), [(187, None), (188, "defer")])
def test_a_visit_is_judged_for_its_own_day(clinic, visit, wait, outcome):
    after = publishing.rules_with(clinic, Setting(PATH, wait))
    changes = publishing.compare(clinic, after)
    assert [change.after.outcome for change in changes] == ([outcome] if outcome else [])
    if outcome:
        assert changes[0].before.outcome in ("clear", "caution", "ask")
        assert changes[0].after.not_before == in_days(28)
        assert (changes[0].visit, changes[0].patient) == (visit, visit.patient)


def test_comparing_writes_nothing(clinic, visit):
    before = ScreeningRecord.objects.count()
    publishing.compare(clinic, publishing.rules_with(clinic, Setting(PATH, 210)))
    assert (ScreeningRecord.objects.count(), OutcomeChange.objects.count()) == (before, 0)


def test_the_rules_in_force_change_nothing_beside_themselves(clinic, visit):
    assert publishing.compare(clinic, RuleSet(load().sha256)) == []


def judged_in_another_way(clinic) -> list[Appointment]:
    return [change.visit for change in publishing.compare(clinic, publishing.rules_with(clinic, Setting(PATH, 210)))]


def test_visits_that_are_over_cancelled_or_no_treatment_are_not_judged(clinic, visit, manager_member, clinic_time):
    by = manager_member.user
    consultation = factories.a_place(clinic, visit.day, time(14), kind="consultation")
    appointments.book(patient=visit.patient, kind="consultation", place=consultation, by=by)
    assert judged_in_another_way(clinic) == [visit]
    with transaction.atomic():
        appointments.cancel(visit=visit, reason="She called", by=by)
        assert judged_in_another_way(clinic) == []
        transaction.set_rollback(True)
    clinic_time(visit.during.lower + timedelta(days=1))
    assert judged_in_another_way(clinic) == [], "the day is over"
    clinic_time(visit.during.lower)
    visit = Appointment.objects.get(pk=visit.pk)
    for to, judged in (("arrived", [visit]), ("in_room", [visit]), ("done", [])):
        visit = appointments.step(visit=visit, to=to, by=by)
        assert judged_in_another_way(clinic) == judged, to


def test_another_clinics_visits_are_not_ours(other_clinic, visit):
    assert publishing.compare(other_clinic, publishing.rules_with(other_clinic, Setting(PATH, 210))) == []


def test_two_rule_sets_are_compared_either_way_round(clinic, visit):
    later = publishing.rules_with(clinic, Setting(PATH, 188))
    looser = publishing.rules_with(clinic, Setting(PATH, 100, in_days(60)))
    assert publishing.compare(clinic, looser, before=later)[0].after.outcome in ("clear", "caution", "ask")


def test_comparing_asks_as_often_for_many_patients_as_for_one(clinic, visit):
    after = publishing.rules_with(clinic, Setting(PATH, 210))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            publishing.compare(clinic, after)
        return len(captured)

    few = queries()
    for number, hour in enumerate((9, 13, 15)):
        patient = factories.make_patient(clinic, given_name=f"P{number}")
        plan = factories.make_active_plan(patient)
        factories.answer(patient, "isotretinoin_past", "yes", on=in_days(-160))
        factories.screen_today(patient, purpose="booking")
        factories.book(plan.planned_sessions.get(number=1), day=in_days(27), at=time(hour))
    assert len(publishing.compare(clinic, after)) == 4
    assert queries() == few <= 12


# ── Changing ──────────────────────────────────────────────────────────────────


def test_a_stricter_value_writes_a_line_for_each_visit_and_screens_again(clinic, visit, stricter):
    line = OutcomeChange.objects.get()
    assert (line.visit_ref, line.patient_ref, line.after, line.not_before) == (
        visit.ref, visit.patient.ref, "defer", in_days(50)
    )  # fmt: skip
    assert "Isotretinoin" in line.because
    newest = visit.patient.screenings.first()
    clinic.refresh_from_db()
    assert newest.rules_version == clinic.rules_version
    assert [turn["on"] for turn in newest.result["outlook"]][1] == in_days(50).isoformat()


def test_the_first_day_that_is_allowed_again_needs_no_line(clinic, active_plan, patient, manager_member):
    factories.answer(patient, "isotretinoin_past", "yes", on=in_days(-160))
    factories.screen_today(patient, purpose="booking")
    factories.book(active_plan.planned_sessions.get(number=1), day=in_days(27))
    publishing.tighten(clinic=clinic, path=PATH, value=187, by=manager_member)
    assert not OutcomeChange.objects.exists()


def test_who_was_screened_today_is_screened_again_whatever_changes(clinic, visit_today, manager_member):
    factories.arrive(visit_today)
    factories.screen_today(visit_today.patient)
    publishing.tighten(clinic=clinic, path="concern.melasma.sessions_maximum", value=3, by=manager_member)
    clinic.refresh_from_db()
    newest = visit_today.patient.screenings.first()
    assert (newest.rules_version, newest.purpose) == (clinic.rules_version, "session")


def test_what_is_refused_changes_nothing(clinic, visit, clinician_member, manager_member):
    with pytest.raises(DomainError, match="manager or a prescriber"):
        publishing.tighten(clinic=clinic, path=PATH, value=210, by=clinician_member)
    with pytest.raises(DomainError, match="prescriber"):
        publishing.loosen(
            clinic=clinic, path=PATH, value=90, reason="Low risk", expires_on=in_days(30), by=manager_member
        )
    assert not PolicyValue.objects.exists() and not OutcomeChange.objects.exists()


def test_ending_a_stricter_value_takes_a_prescriber_and_brings_the_visit_back(
    clinic, visit, stricter, manager_member, prescriber_member, desk
):
    with pytest.raises(DomainError):
        publishing.end(policy_value=stricter, by=manager_member, reason="Too strict")
    assert len(calls(desk)) == 1
    publishing.end(policy_value=stricter, by=prescriber_member, reason="The letter came")
    assert [line.after == line.before for line in OutcomeChange.objects.all()] == [False, False]
    assert calls(desk) == [], "what came back to where it was needs no look"


def test_a_newer_version_counts_only_once_a_prescriber_adopts_it(clinic, visit, manager_member, prescriber_member):
    newer = an_edition("2027.1", wait=("washout = { days = 180 }", "washout = { days = 210 }"))
    assert [change.after.outcome for change in publishing.compare(clinic, publishing.rules_under(clinic, newer))] == [
        "defer"
    ]
    with pytest.raises(DomainError, match="Only a prescriber"):
        publishing.adopt(clinic=clinic, protocol=newer, by=manager_member)
    assert not OutcomeChange.objects.exists()
    publishing.adopt(clinic=clinic, protocol=newer, by=prescriber_member)
    assert OutcomeChange.objects.get().because == "Protocol 2027.1 adopted"
    assert visit.patient.screenings.first().protocol == newer
    assert catalogue_of(newer).rule("isotretinoin_past").washout.days == 210


def test_the_clinics_own_stricter_value_wins_over_a_looser_version(clinic, visit, stricter, prescriber_member):
    looser = an_edition("2026.3", wait=("washout = { days = 180 }", "washout = { days = 90 }"))
    OutcomeChange.objects.update(seen_at="2027-03-09T11:00Z", seen_by=prescriber_member.user)
    publishing.adopt(clinic=clinic, protocol=looser, by=prescriber_member)
    assert not OutcomeChange.objects.filter(seen_at=None).exists()


def test_signing_the_protocol_leaves_nobody_screened_today_behind(clinic, visit_today, prescriber_member):
    factories.arrive(visit_today)
    factories.screen_today(visit_today.patient)
    publishing.sign_off(clinic=clinic, by=prescriber_member)
    clinic.refresh_from_db()
    assert visit_today.patient.screenings.first().rules_version == clinic.rules_version
    assert not OutcomeChange.objects.exists()


def test_a_concern_the_clinic_offers_no_more_leaves_courses_under_way_alone(clinic, visit, manager_member, clinician):
    publishing.tighten(clinic=clinic, path="concern.acne_scar_face.offered", value=False, by=manager_member)
    assert not OutcomeChange.objects.exists()
    assert clinician.get(reverse("treatments:screening", args=[visit.patient.ref])).status_code == 200


def test_a_version_that_cannot_read_what_is_on_record_is_shown_and_refused(clinic, visit, prescriber_member):
    chin = next(line for line in load().text.splitlines() if line.startswith("chin "))
    newer = an_edition("2026.4", scars=(chin, chin.replace('"1.0-1.5"', '"x"')))
    assert [change.after for change in publishing.compare(clinic, publishing.rules_under(clinic, newer))] == [
        publishing.Judged(visit.day, "needs_clinician")
    ]
    with pytest.raises(DomainError, match="on record for one patient"):
        publishing.adopt(clinic=clinic, protocol=newer, by=prescriber_member)
    assert not clinic.protocol_adoptions.exists()


def without_entry(kind: str, code: str) -> tuple[str, str]:
    """For `an_edition`: one entry of the catalogue taken out."""
    text = load().text
    begins = text.index(f'[[{kind}]]\ncode = "{code}"')
    return text[begins : text.index(f"[[{kind}]]", begins + 5)], ""


def refused_to_adopt(clinic, newer, by) -> str:
    with pytest.raises(DomainError) as refused:
        publishing.adopt(clinic=clinic, protocol=newer, by=by)
    assert not clinic.protocol_adoptions.exists()
    return refused.value.sentence


def test_a_version_that_has_lost_a_word_of_an_answer_is_refused(clinic, patient, prescriber_member):
    factories.answer(patient, "laser_ipl", "yes", on=in_days(-10), detail="ablative")
    newer = an_edition("2026.9", word=('word = "ablative"', 'word = "surface_removed"'))
    assert "on record for one patient" in refused_to_adopt(clinic, newer, prescriber_member)


def test_a_version_without_the_rule_of_a_listed_medicine_can_be_adopted(clinic, patient, prescriber_member):
    kind = MedicationStatement.Kind.PHOTOSENSITISER
    history.record_medication(
        patient=patient, kind=kind, name="Doxycycline", prescribed=True, by=prescriber_member.user
    )
    newer = an_edition("2026.8", rule=without_entry("rule", "photosensitiser"))
    publishing.adopt(clinic=clinic, protocol=newer, by=prescriber_member)
    assert screenings.look(type(patient).objects.get(pk=patient.pk), on=TODAY, purpose="booking")


def without_the_cheek() -> ProtocolVersion:
    row = next(line for line in load().text.splitlines() if line.startswith("cheek "))
    return an_edition("2026.6", zone=without_entry("zone", "cheek"), row=(f"{row}\n", ""))


def test_a_version_without_a_zone_that_a_course_still_needs_is_refused(clinic, active_plan, prescriber_member):
    chin = [{"code": "acne_scar_face", "zones": ["chin"], "severity": "moderate"}]
    factories.assess(active_plan.patient, concerns=chin)
    assert "plan their courses anew" in refused_to_adopt(clinic, without_the_cheek(), prescriber_member)


def test_what_was_done_in_a_zone_that_is_gone_can_still_be_read(clinic, done_session, prescriber_member, clinician):
    """The course is over and the patient is assessed for something else: only the signed session names the zone."""
    patient, by = done_session.patient, prescriber_member.user
    chin = [{"code": "acne_scar_face", "zones": ["chin"], "severity": "moderate"}]
    factories.assess(patient, concerns=chin)
    courses.stop_course(plan=done_session.plan, reason="Moves away", by=by)
    publishing.adopt(clinic=clinic, protocol=without_the_cheek(), by=prescriber_member)
    page = clinician.get(reverse("treatments:session", args=[done_session.ref]))
    assert page.status_code == 200 and "Cheek" in page.content.decode()
    assert clinician.get(reverse("treatments:chart", args=[patient.ref])).status_code == 200


# ── The worklist ──────────────────────────────────────────────────────────────


def test_the_line_says_the_verdict_to_everyone_and_the_reason_to_nobody(desk, clinician, visit, stricter):
    for client in (desk, clinician):
        (call,) = calls(client)
        assert call.say.startswith("Not before 28 Apr; was:")
        page = client.get(reverse("treatments:worklists")).content.decode()
        assert "Rules changed: look again" in page and call.seen_url in page
        assert "sotretinoin" not in page


def test_done_clears_the_line_and_says_who(desk, desk_member, visit, stricter):
    (call,) = calls(desk)
    assert desk.post(call.seen_url).status_code == 302
    assert calls(desk) == []
    assert OutcomeChange.objects.get().seen_by == desk_member.user


def test_a_visit_that_moves_or_is_cancelled_needs_no_look_any_more(desk, manager_member, visit, stricter):
    place = factories.a_place(visit.clinic, in_days(55))
    appointments.move(visit=visit, place=place, by=manager_member.user)
    assert calls(desk) == []


def test_a_cancelled_visit_needs_no_look(desk, manager_member, visit, stricter):
    appointments.cancel(visit=visit, reason="She called", by=manager_member.user)
    assert calls(desk) == []


def test_another_clinic_sees_and_clears_nothing(stranger, desk, visit, stricter):
    (call,) = calls(desk)
    assert calls(stranger) == []
    assert stranger.post(call.seen_url).status_code == 404
    assert len(calls(desk)) == 1


def test_lines_are_kept_and_only_ever_marked_as_seen(visit, stricter):
    for change in (lambda row: row.delete(), lambda row: OutcomeChange.objects.update(after="clear")):
        with pytest.raises(InternalError), transaction.atomic():
            change(OutcomeChange.objects.get())
    assert OutcomeChange.objects.get().after == "defer"
