"""Two records of one person become one: everything that is hers goes over, nothing is loosened, and it can be taken back."""

from datetime import date, time, timedelta

import pgtrigger
import pytest
from django.apps import apps
from django.db import IntegrityError, InternalError, connection, transaction
from pghistory.models import Event

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from patients.links import services as links
from patients.links.purposes import CONTACT, Wanted
from patients.models import HistoryAnswer, Message, MovedRow, Patient, RecordMerge
from patients.outbox import services as outbox
from patients.services import closing as records
from patients.services import consents, finding, history, people
from patients.services.merging import ChangedMeanwhile
from tests import factories
from tests.access import world
from tests.factories import TODAY
from tests.treatments.merging.two_records import (
    differences,
    merge,
    rows_of_every_table,
    second_record,
    undo,
    with_one_of_everything,
)
from tests.treatments.packages import made as packages
from tests.treatments.sessions.gate_world import a_record, insert_session, promise_broken
from treatments.appointments import services as diary
from treatments.appointments.calls import services as calls
from treatments.appointments.models import Appointment
from treatments.assessments.past import services as past_sessions
from treatments.flows import merging
from treatments.flows.closing import Why
from treatments.flows.merging import MODELS, STAY
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession
from treatments.screenings import services as screenings
from treatments.sessions.models import TreatmentSession

WAITING = ("due", "held", "sending")


@pytest.fixture
def by(clinic):
    return factories.a_manager(clinic).user


@pytest.fixture
def gone(patient) -> Patient:
    return second_record(patient)


def outcome_of(patient, *, purpose="booking") -> set[str]:
    on = clock.today(patient.clinic)
    return {finding.code for finding in screenings.look(Patient.objects.get(pk=patient.pk), on=on, purpose=purpose).findings}  # fmt: skip


def consultation(patient, *, days=7, at=time(11)):
    place = factories.a_place(patient.clinic, TODAY + timedelta(days=days), at, kind="consultation")
    return diary.book(patient=patient, kind="consultation", place=place, by=factories.a_manager(patient.clinic).user)


# ── Nobody forgets a table ────────────────────────────────────────────────────


def names_a_patient():
    for model in apps.get_models():
        fields = [field for field in model._meta.get_fields() if field.is_relation and field.concrete]
        if any(field.related_model is Patient for field in fields) and not issubclass(model, Event):
            yield model


def test_of_every_kind_of_row_that_names_a_patient_it_is_decided_whether_it_goes_over():
    """A new table that points to a patient fails here until somebody has thought about it: put it into MOVES of
    `treatments/flows/merging.py` (and give its triggers `StaysAsWritten` and `NOT_OF_A_MERGED_RECORD`), or into STAY."""
    decided = {*MODELS, *STAY}
    assert set(names_a_patient()) == decided
    assert not {*MODELS} & {*STAY}


def test_a_table_that_nobody_has_decided_about_is_noticed(monkeypatch):
    """The negative control."""
    forgotten = set(names_a_patient()) - set(MODELS[1:]) - set(STAY)
    assert forgotten == {MODELS[0]}


def test_whatever_goes_over_takes_nothing_more_once_its_record_is_merged():
    """Mails are the exception: one that is written to a merged record is kept from leaving, with the reason."""
    guarded = {model for model, trigger in pgtrigger.registered() if trigger.name == "not_of_a_merged_record"}
    assert guarded == set(MODELS) - {Message}


def test_who_is_named_by_ref_alone_was_thought_of_too():
    """An import names people by ref because it must outlive them; a changed outcome is found by its visit."""
    found = {
        model.__name__
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.concrete and field.name == "patient_ref"
    }
    assert found == {"ImportedPatient", "OutcomeChange"}


# ── Everything goes over, and returns ─────────────────────────────────────────


def test_one_of_everything_goes_over(patient, done_session):
    full = with_one_of_everything(done_session)
    stays = second_record(full)
    kept = {model: set(model.objects.filter(patient=full).values_list("pk", flat=True)) for model in MODELS}
    assert [model.__name__ for model, keys in kept.items() if not keys] == []
    made = merge(stays, full)
    for model, keys in kept.items():
        assert keys <= set(model.objects.filter(patient=stays).values_list("pk", flat=True)), model
        assert not model.objects.filter(patient=full).exists(), model
    full.refresh_from_db()
    assert full.status == "merged"
    assert made.moved.filter(went=True).count() == sum(map(len, kept.values()))


@pytest.mark.parametrize("which_stays", ["the full one", "the bare one"])
def test_taken_back_every_table_is_as_it_was(done_session, which_stays):
    full = with_one_of_everything(done_session)
    bare = second_record(full, email="second@post.example")
    factories.a_past_session(bare, on=TODAY - timedelta(days=90))
    factories.answer(bare, "isotretinoin_past", "yes", on=TODAY - timedelta(days=30))
    factories.assess(bare, skin_type=5)
    links.issue([links.Order(bare, Wanted(CONTACT.code))])
    stays, gone = (full, bare) if which_stays == "the full one" else (bare, full)
    before = rows_of_every_table()
    made = merge(stays, gone, take=["family_name", "email", "phone", "contact"])
    assert differences(before, rows_of_every_table())
    undo(made)
    assert differences(before, rows_of_every_table()) == {}
    stays.refresh_from_db()
    gone.refresh_from_db()
    assert (stays.status, gone.status) == ("active", "active")
    assert finding.find(clinic=gone.clinic, text=gone.phone).patients == [gone]


def test_negative_control_a_row_that_does_not_return_is_seen(done_session, monkeypatch):
    full = with_one_of_everything(done_session)
    before = rows_of_every_table()
    made = merge(second_record(full), full)
    back = merging.records.move_back
    monkeypatch.setattr(
        merging.records, "move_back", lambda *, merge, model: None if model is HistoryAnswer else back(merge=merge, model=model)
    )  # fmt: skip
    undo(made)
    assert set(differences(before, rows_of_every_table())) >= {"patients_historyanswer"}


def test_what_is_signed_keeps_who_it_was_signed_for(done_session):
    full = done_session.patient
    consent = full.consents.get()
    merge(second_record(full, given_name="Lea"), full)
    consent.refresh_from_db()
    assert consent.signed_name == "Leila Haddad"
    assert "Leila Haddad" in consent.shown_text


def test_courses_are_numbered_in_the_order_they_were_planned_and_again_as_before(patient, gone, later):
    first = factories.make_draft(gone)
    later(timedelta(days=1))
    second = factories.make_draft(patient)
    later(timedelta(days=1))
    third = factories.make_draft(gone)
    made = merge(patient, gone)
    numbers = dict(patient.plans.values_list("pk", "number"))
    assert numbers == {first.pk: 1, second.pk: 2, third.pk: 3}
    undo(made)
    assert dict(patient.plans.values_list("pk", "number")) == {second.pk: 1}
    assert dict(gone.plans.values_list("pk", "number")) == {first.pk: 1, third.pk: 2}


def test_what_a_person_decided_is_kept_and_both_are_on_record(patient, gone):
    made = merge(patient, gone, take=["family_name", "phone"], reason="She has married")
    patient.refresh_from_db()
    assert (patient.family_name, patient.phone) == ("Hadad", gone.phone)
    assert made.was == {"family_name": "Haddad", "phone": made.was["phone"]}
    done = set(AuditEvent.objects.filter(target_ref__in=[patient.ref, gone.ref]).values_list("action", flat=True))
    assert {"patient.merged", "patient.merged_into"} <= done


# ── Nothing is loosened ───────────────────────────────────────────────────────


def test_an_older_yes_of_the_one_is_not_silenced_by_a_newer_no_of_the_other(patient, gone, later):
    factories.answer_all(gone, acne_inflamed="yes")
    later(timedelta(days=1))
    factories.answer_all(patient)
    for one in (patient, gone):
        factories.assess(one)
    assert "acne_inflamed" in outcome_of(gone)
    assert "acne_inflamed" not in outcome_of(patient)
    merge(patient, gone)
    assert "acne_inflamed" in outcome_of(patient)
    # Asked again she says no: that is about both.
    factories.answer(patient, "acne_inflamed", "no")
    assert "acne_inflamed" not in outcome_of(patient)


def test_negative_control_as_one_history_it_would_be_silenced(patient, gone, later):
    factories.answer_all(gone, acne_inflamed="yes")
    later(timedelta(days=1))
    factories.answer_all(patient)
    merge(patient, gone)
    Patient.objects.filter(pk=patient.pk).update(took_in=0)
    assert "acne_inflamed" not in outcome_of(patient)


def test_a_medicine_of_either_counts_for_both(patient, gone):
    factories.answer_all(patient)
    noor = factories.a_clinician(patient.clinic).user
    history.record_medication(patient=gone, kind="isotretinoin", name="Isotretinoin 20 mg", prescribed=True, by=noor)
    merge(patient, gone)
    assert "isotretinoin_now" in outcome_of(patient)


def test_the_floor_runs_from_the_needlings_of_both(patient, gone):
    factories.answer_all(patient)
    factories.assess(patient)
    factories.a_past_session(gone, on=TODAY - timedelta(days=5))
    assert "interval_floor" not in outcome_of(patient)
    merge(patient, gone)
    assert "interval_floor" in outcome_of(patient)


def test_and_at_the_gate_itself(visit_today, gone):
    """The trigger before a session reads the needlings of the record alone: they are there now."""
    patient = visit_today.patient
    factories.a_past_session(gone, on=TODAY - timedelta(days=5))
    merge(patient, gone)
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        insert_session(visit_today, screening_id=a_record(Patient.objects.get(pk=patient.pk)).pk)
    assert promise_broken(caught) == "session_floor_kept"


@pytest.mark.parametrize("chance", [True, False])
def test_a_screening_of_the_other_record_opens_no_session(visit_today, gone, chance):
    """It came along, made today with a favourable outcome, and could meet the number of her facts by chance."""
    patient = visit_today.patient
    factories.screen_today(gone)
    Patient.objects.filter(pk=gone.pk).update(facts_version=500)
    favourable = a_record(Patient.objects.get(pk=gone.pk))
    merge(patient, gone)
    assert Patient.objects.get(pk=patient.pk).facts_version > 500
    if chance:
        # The negative control: with the number left to itself the gate would take it.
        Patient.objects.filter(pk=patient.pk).update(facts_version=500)
        assert insert_session(visit_today, screening_id=favourable.pk)
        return
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        insert_session(visit_today, screening_id=favourable.pk)
    assert promise_broken(caught) == "session_facts_current"


def test_a_clearance_does_not_lift_what_its_giver_did_not_know_of(patient, gone):
    for one in (patient, gone):
        factories.answer_all(one, hsv_history="yes")
        factories.assess(one)
    cleared = world._clearance(patient)
    shown = merging.preview(stays=patient, gone=gone)
    assert shown.ending == [cleared]
    made = merge(patient, gone)
    cleared.refresh_from_db()
    assert cleared.revoked_at is not None
    assert screenings.look(Patient.objects.get(pk=patient.pk), on=TODAY, purpose="booking").outcome == "needs_clinician"
    undo(made)
    cleared.refresh_from_db()
    assert (cleared.revoked_at, cleared.revoked_by) == (None, None)


def test_one_that_lifts_nothing_of_the_other_record_stays(patient, gone):
    factories.answer_all(patient, hsv_history="yes")
    cleared = world._clearance(patient)
    assert merging.preview(stays=patient, gone=gone).ending == []
    merge(patient, gone)
    cleared.refresh_from_db()
    assert cleared.revoked_at is None


def test_skin_types_that_differ_are_asked_again(patient, gone):
    factories.answer_all(patient)
    factories.assess(patient, skin_type=2)
    factories.assess(gone, skin_type=5, pih_history=True)
    merge(patient, gone)
    merged = Patient.objects.get(pk=patient.pk)
    look = screenings.look(merged, on=TODAY, purpose="booking")
    assert "skin_type" in look.missing
    assert "pih_history" in {finding.code for finding in look.findings}
    factories.assess(merged, skin_type=2)
    look = screenings.look(merged, on=TODAY, purpose="booking")
    assert "skin_type" not in look.missing
    assert "pih_history" not in {finding.code for finding in look.findings}


def test_booked_visits_are_judged_by_both_at_once(booked_course, gone):
    patient = booked_course[0].patient
    factories.screen_today(patient, purpose="booking")
    before = patient.screenings.count()
    factories.answer(gone, "keloid_personal", "yes")
    merge(patient, gone)
    assert patient.screenings.count() == before + 1
    assert patient.screenings.first().outcome in ("block", "needs_clinician")


# ── What stands against it ────────────────────────────────────────────────────


def test_two_courses_under_way(active_plan, gone):
    factories.make_active_plan(gone)
    with pytest.raises(DomainError, match="Both records have a course under way"):
        merge(active_plan.patient, gone)
    [obstacle] = merging.preview(stays=active_plan.patient, gone=gone).obstacles
    assert [ref for *_, ref in obstacle.ways] == [active_plan.ref, gone.plans.get().ref]
    plans.hold(plan=gone.plans.get(), by=factories.a_manager(gone.clinic).user)
    with pytest.raises(DomainError, match="Both records have a course under way"):
        merge(active_plan.patient, gone)
    plans.revoke(plan=gone.plans.get(), reason="One record too many", by=factories.a_manager(gone.clinic).user)
    merge(active_plan.patient, gone)


def test_visits_of_both_at_the_same_moment(patient, gone):
    colleague = factories.make_member(patient.clinic, "clinician", name="Jonas Feld")
    consultation(patient)
    place = factories.a_place(
        patient.clinic, TODAY + timedelta(days=7), time(11), kind="consultation", clinician=colleague,
        room=patient.clinic.rooms.last(),
    )  # fmt: skip
    beside = diary.book(patient=gone, kind="consultation", place=place, by=colleague.user)
    with pytest.raises(DomainError, match="a visit at the same time, 16 March 2027, 11:00. Move or cancel"):
        merge(patient, gone)
    diary.cancel(visit=beside, reason="The same person", by=colleague.user)
    merge(patient, gone)


def test_also_where_one_of_them_overlaps_on_purpose(patient, gone):
    """The constraint leaves such a row out."""
    visit = consultation(patient)
    other = consultation(gone, days=8)
    Appointment.objects.filter(pk=other.pk).update(
        overlap_reason="Twins", day=visit.day, during=visit.during, room_during=visit.room_during,
        clinician_during=visit.clinician_during,
    )  # fmt: skip
    with pytest.raises(DomainError, match="a visit at the same time"):
        merge(patient, gone)


def test_a_session_that_has_begun_on_either(open_session, gone):
    for stays, goes in ((open_session.patient, gone), (gone, open_session.patient)):
        with pytest.raises(DomainError, match="(A session has begun|A visit is under way)"):
            merge(stays, goes)
    Appointment.objects.filter(pk=open_session.appointment_id).update(status="arrived")
    with pytest.raises(DomainError, match="A session has begun"):
        merge(gone, open_session.patient)


def test_who_stands_at_the_desk_can_be_merged(visit_today, gone):
    factories.arrive(visit_today)
    merge(visit_today.patient, gone)


def test_one_needling_on_both(patient, gone):
    for one in (patient, gone):
        factories.a_past_session(one)
    with pytest.raises(DomainError, match="Both records have a session on 10 September 2026"):
        merge(patient, gone)
    past_sessions.mark_entered_in_error(
        past=gone.past_sessions.get(), reason="On both records", by=factories.a_clinician(gone.clinic).user
    )
    merge(patient, gone)


def test_one_charted_here_and_entered_on_the_other(done_session, gone):
    factories.a_past_session(gone, on=TODAY)
    for stays, goes in ((done_session.patient, gone), (gone, done_session.patient)):
        with pytest.raises(DomainError, match="Both records have a session on 9 March 2027"):
            merge(stays, goes)


def test_both_wait_for_the_same(patient, gone, by):
    for one in (patient, gone):
        calls.wait(patient=one, kind="review", by=by)
    with pytest.raises(DomainError, match="Both records wait for a place: review"):
        merge(patient, gone)


def test_a_link_that_somebody_guesses_at_is_spoken_about_first(patient, gone, by):
    links.issue([links.Order(gone, Wanted(CONTACT.code))])
    for _ in range(5):
        links.prove_birth(link=gone.links.get(), born_on=TODAY)
    with pytest.raises(DomainError, match="five wrong dates of birth"):
        merge(patient, gone)
    links.settle_guessed(link=gone.links.get(), by=by)
    merge(patient, gone)


@pytest.mark.parametrize("why", [Why.DECEASED, Why.MOVED_AWAY, Why.ENTERED_IN_ERROR])
def test_a_closed_record_is_opened_first(patient, gone, by, why):
    records.close(patient=gone, why=why, reason="x", by=by)
    for stays, goes in ((patient, gone), (gone, patient)):
        with pytest.raises(DomainError, match="is closed: .*Open it again first"):
            merge(Patient.objects.get(pk=stays.pk), Patient.objects.get(pk=goes.pk))


def test_not_with_itself_nor_with_another_clinics_nor_in_a_chain(patient, gone, other_clinic):
    with pytest.raises(DomainError, match="the same record"):
        merge(patient, patient)
    with pytest.raises(DomainError, match="of two clinics"):
        merge(patient, factories.make_patient(other_clinic))
    merge(patient, gone)
    third = second_record(patient)
    with pytest.raises(DomainError, match="part of another one already"):
        merge(third, gone)
    with pytest.raises(DomainError, match="Another record was merged into"):
        merge(third, patient)
    merge(patient, third)
    assert Patient.objects.get(pk=patient.pk).took_in == 2


def test_dates_of_birth_that_differ_need_a_reason_and_no_session_before(patient):
    gone = second_record(patient, born_on=date(1991, 6, 9))
    with pytest.raises(DomainError, match="dates of birth differ") as refusal:
        merge(patient, gone)
    assert refusal.value.field == "reason"
    factories.a_past_session(gone, on=date(2020, 1, 1))
    merge(patient, gone, reason="Passport seen")
    late = second_record(patient, born_on=date(2021, 1, 1))
    with pytest.raises(DomainError, match="before this date of birth") as refusal:
        merge(patient, late, take=["born_on"], reason="x")
    assert refusal.value.field == "born_on"


def test_what_was_changed_since_it_was_looked_at_is_looked_at_again(patient, gone, by):
    people.correct_details(patient=gone, version=gone.version, by=by, speaks="Arabic")
    with pytest.raises(ChangedMeanwhile):
        merge(patient, gone, seen=(patient.version, gone.version))
    assert not RecordMerge.objects.exists()


# ── The record that went ──────────────────────────────────────────────────────


def test_nothing_more_is_written_on_it(patient, gone, by):
    made = merge(patient, gone)
    gone.refresh_from_db()
    with pytest.raises(DomainError, match="part of another one now. Open that one and book there"):
        consultation(gone)
    with pytest.raises(DomainError, match="part of another one now"):
        people.correct_details(patient=gone, version=gone.version, by=by, phone="07700 900000")
    with pytest.raises(DomainError, match="part of another one now"):
        history.record_allergy(patient=gone, substance="Latex", by=by)
    with pytest.raises(DomainError, match="Take the merge back"):
        records.reopen(patient=gone, reason="x", by=by)
    with pytest.raises(DomainError, match="closed already"):
        records.close(patient=gone, why=Why.DECEASED, reason="x", by=by)
    undo(made)
    consultation(Patient.objects.get(pk=gone.pk))


def test_it_is_found_by_its_old_name_alone_and_says_where_it_went(patient, gone):
    merge(patient, gone)
    assert finding.find(clinic=gone.clinic, text=gone.phone).patients == []
    assert gone not in finding.find(clinic=gone.clinic, text="9 June 1992").patients
    [found] = [one for one in finding.find(clinic=gone.clinic, text="Hadad").patients if one == gone]
    assert found.part_of == patient
    alike = finding.possible_duplicates(
        clinic=gone.clinic, given_name="Leila", family_name="Hadad", born_on=gone.born_on, email=gone.email
    )
    assert [one.patient for one in alike] == [patient]


def test_its_links_end_and_stay_closed(patient, gone):
    [token] = links.issue([links.Order(gone, Wanted(CONTACT.code))])
    [kept] = links.issue([links.Order(patient, Wanted(CONTACT.code))])
    made = merge(patient, gone)
    assert links.look_up(token=token, purpose=CONTACT.code) is None
    assert links.look_up(token=kept, purpose=CONTACT.code) is not None
    assert gone.links.get().closed_because == "The record is part of another one now."
    undo(made)
    assert links.look_up(token=token, purpose=CONTACT.code) is None


# ── Mail ──────────────────────────────────────────────────────────────────────


def test_waiting_mail_goes_over_and_to_the_address_that_is_kept(patient, gone):
    visit = consultation(gone)
    waiting = Message.objects.filter(about=visit.ref, state__in=WAITING)
    count = waiting.count()
    assert count
    merge(patient, gone)
    assert waiting.count() == count
    assert set(waiting.values_list("patient", "to_address")) == {(patient.pk, patient.email)}


def test_mail_of_somebody_who_wants_none_is_kept_back_with_the_reason(patient, gone, by):
    people.correct_details(patient=patient, version=patient.version, by=by, mail_allowed=False, reminders_allowed=False)
    visit = consultation(gone)
    before = dict(Message.objects.filter(about=visit.ref).values_list("pk", "state"))
    made = merge(Patient.objects.get(pk=patient.pk), gone)
    assert set(Message.objects.filter(about=visit.ref).values_list("state", "reason")) == {
        ("suppressed", "Does not want e-mail.")
    }
    undo(made)
    assert dict(Message.objects.filter(about=visit.ref).values_list("pk", "state")) == before


def test_a_letter_that_a_worker_has_written_is_taken_from_it(patient):
    """Also where the address stays: the letter carries links of a record that is no more."""
    gone = second_record(patient, email=patient.email)
    visit = consultation(gone)
    mail = Message.objects.filter(about=visit.ref, state="due").first()
    Message.objects.filter(pk=mail.pk).update(
        state="sending", worker="w1", lease_until=clock.now() + timedelta(minutes=2)
    )
    merge(patient, gone)
    mail.refresh_from_db()
    assert (mail.state, mail.worker) == ("due", "")


def test_what_is_written_to_it_by_mistake_does_not_leave(patient, gone):
    merge(patient, gone)
    gone.refresh_from_db()
    [mail] = outbox.queue_many(
        [
            outbox.Draft(
                kind="booking_confirmed", patient=gone, about=None, send_at=clock.now(),
                expires_at=clock.now() + timedelta(days=1), dedupe_key="stray",
            )
        ],
        by=None,
    )  # fmt: skip
    assert (mail.state, mail.reason) == ("suppressed", "The record was merged into another.")


# ── Taken back, or not any more ───────────────────────────────────────────────


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda patient: consultation(patient), "a visit was booked"),
        (lambda patient: factories.answer(patient, "pregnant", "no"), "questions were answered"),
        (lambda patient: factories.a_past_session(patient), "a past session was entered"),
        (lambda patient: factories.make_draft(patient), "a course was planned"),
        (lambda patient: world._medication(patient), "a medicine was noted"),
        (
            lambda patient: consents.withdraw(
                consent=patient.consents.get(), reason="x", by=factories.a_manager(patient.clinic).user
            ),
            "",
        ),
    ],
)
def test_it_is_said_why_it_cannot_be_taken_back_any_more(done_session, act, said):
    patient = done_session.patient
    made = merge(patient, second_record(patient))
    assert merging.why_not_undone(made) == ""
    act(Patient.objects.get(pk=patient.pk))
    why = merging.why_not_undone(made)
    if said:
        assert f"since the merge on 9 March 2027 {said}" in why
        with pytest.raises(DomainError, match="cannot be taken back any more"):
            undo(made)
    else:
        assert why == ""


def test_nor_once_a_package_of_the_one_has_paid_for_a_visit_of_the_other(patient, gone, later):
    packages.a_policy(patient.clinic)
    sold = packages.a_package(patient)
    visit = consultation(gone, days=0, at=time(12))
    Appointment.objects.filter(pk=visit.pk).update(kind="treatment", planned_session=factories.make_draft(gone).planned_sessions.first())  # fmt: skip
    made = merge(patient, gone)
    assert merging.why_not_undone(made) == ""
    later(timedelta(hours=2))
    entry = sold.entries.create(
        what="burned", change=-1, visit=visit, reason="Did not come", by=factories.a_manager(patient.clinic).user
    )
    assert entry.visit_id == visit.pk
    assert "counted off a package of the other" in merging.why_not_undone(made)


def test_of_several_things_all_are_named(patient, gone):
    made = merge(patient, gone)
    consultation(patient)
    factories.assess(patient)
    assert "a visit was booked and the skin was assessed, and nobody can say" in merging.why_not_undone(made)


def test_what_was_done_since_about_a_thing_that_returns_goes_with_it(active_plan, gone, by):
    goes, stays = active_plan.patient, gone
    visit = factories.book(active_plan.planned_sessions.get(number=1))
    made = merge(stays, goes)
    call = calls.record(
        about=PlannedSession.objects.get(plan=active_plan, number=2), list_code="overdue", outcome="message", by=by
    )
    assert call.patient_id == stays.pk
    visit.refresh_from_db()
    moved = diary.move(visit=visit, place=factories.a_place(visit.clinic, visit.day, time(14)), by=by)
    fresh = set(Message.objects.filter(about=visit.ref).values_list("pk", flat=True))
    undo(made)
    moved.refresh_from_db()
    call.refresh_from_db()
    assert (moved.patient_id, moved.starts_at) == (goes.pk, time(14))
    assert call.patient_id == goes.pk
    assert set(Message.objects.filter(pk__in=fresh).values_list("patient", flat=True)) == {goes.pk}


def test_what_was_corrected_since_stays_corrected(patient, gone, by):
    made = merge(patient, gone, take=["family_name", "phone"])
    patient.refresh_from_db()
    people.correct_details(patient=patient, version=patient.version, by=by, phone="07700 900777")
    undo(made)
    patient.refresh_from_db()
    assert (patient.family_name, patient.phone) == ("Haddad", "07700 900777")


def test_not_once_she_has_said_otherwise_how_we_may_write(patient, gone, by):
    people.correct_details(patient=gone, version=gone.version, by=by, reminders_allowed=False)
    gone.refresh_from_db()
    made = merge(patient, gone, take=["contact"])
    patient.refresh_from_db()
    people.correct_details(patient=patient, version=patient.version, by=by, mail_allowed=False)
    made = RecordMerge.objects.select_related("stays__clinic", "gone").get(pk=made.pk)
    assert "how we may write to this patient was changed since" in merging.why_not_undone(made)


def test_the_later_merge_is_taken_back_first(patient, gone):
    first = merge(patient, gone)
    third = second_record(patient, given_name="Lea")
    second = merge(patient, third)
    with pytest.raises(DomainError, match="Lea Hadad was merged into this one later"):
        undo(first)
    undo(second)
    undo(first)
    assert Patient.objects.get(pk=patient.pk).took_in == 0


def test_a_link_that_went_to_her_since_ends_with_it(patient, gone):
    [before] = links.issue([links.Order(patient, Wanted(CONTACT.code))])
    made = merge(patient, gone)
    [since] = links.issue([links.Order(patient, Wanted(CONTACT.code))])
    undo(made)
    assert links.look_up(token=before, purpose=CONTACT.code) is not None
    assert links.look_up(token=since, purpose=CONTACT.code) is None


def test_it_is_taken_back_once_and_with_a_reason(patient, gone):
    made = merge(patient, gone)
    with pytest.raises(DomainError, match="Write why"):
        undo(made, reason=" ")
    undo(made)
    with pytest.raises(DomainError, match="taken back already"):
        undo(made)
    assert merge(patient, gone).pk != made.pk


def test_half_of_a_merge_is_none(patient, gone, monkeypatch):
    consultation(gone)
    before = rows_of_every_table()

    def fails(**_):
        raise DomainError("The lights went out.")

    monkeypatch.setattr(merging.records, "finish", fails)
    with pytest.raises(DomainError, match="lights"):
        merge(patient, gone)
    assert differences(before, rows_of_every_table()) == {}
    assert not RecordMerge.objects.exists()


# ── What the database keeps ───────────────────────────────────────────────────

UNTOUCHED = (
    "patients_historyanswer", "patients_consent", "patients_photo", "treatments_screeningrecord", "treatments_pastsession",
    "treatments_treatmentsession", "treatments_checkin", "treatments_outcomescore", "treatments_moverequest",
    "treatments_changereport", "treatments_waitingentry", "treatments_calloutcome",
)  # fmt: skip


def test_without_a_merge_nothing_that_is_written_changes_hands(done_session):
    full = with_one_of_everything(done_session)
    other = second_record(full)
    for table in UNTOUCHED:
        with pytest.raises((IntegrityError, InternalError, Exception), match="."), transaction.atomic():
            _hand_over(table, full, other)


def test_nor_by_a_merge_of_others_nor_by_one_that_is_over_nor_with_anything_else_changed(done_session, gone):
    full, other = done_session.patient, second_record(done_session.patient, given_name="Lea")
    third = second_record(full, given_name="Ada")
    made = merge(other, third)
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        _hand_over("patients_historyanswer", full, other)
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        RecordMerge.objects.filter(pk=made.pk).update(moving_in=1)
        _hand_over("patients_historyanswer", full, other)
    made = merge(gone, full)
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        _hand_over("patients_historyanswer", gone, full)
    with transaction.atomic():
        merging.records._open_the_way(made)
        with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
            _hand_over("patients_historyanswer", gone, full, also=", note = 'x'")
        _hand_over("patients_historyanswer", gone, full)
        transaction.set_rollback(True)


def _hand_over(table: str, one: Patient, other: Patient, *, also: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET patient_id = %s{also} WHERE patient_id = %s", [other.pk, one.pk])  # noqa: S608
        assert cursor.rowcount, table


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM patients_recordmerge",
        "UPDATE patients_recordmerge SET reason = 'x'",
        "DELETE FROM patients_movedrow",
        "UPDATE patients_movedrow SET key = 0",
    ],
)
def test_what_was_merged_is_kept(patient, gone, sql):
    consultation(gone)
    merge(patient, gone)
    with pytest.raises(Exception, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_database_merges_no_merged_record(patient, gone, by):
    made = merge(patient, gone)
    for stays, goes in ((gone, patient), (patient, gone), (second_record(patient), patient)):
        with pytest.raises(IntegrityError, match="merge_of_two_open_records"), transaction.atomic():
            RecordMerge.objects.create(stays=stays, gone=goes, merged_by=by)
    assert MovedRow.objects.filter(merge=made).count() == made.moved.count()
    assert TreatmentSession.objects.filter(patient=gone).count() == 0
