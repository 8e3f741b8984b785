"""She answers and signs herself: what is missing is refused on the server, half a form is kept for its day, a second press does
nothing, and what looks ticked through is said in plain words."""

import re
from datetime import date, timedelta

import pgtrigger
import pytest

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent, Handover
from patients.models import Consent, HistoryAnswer
from tests import factories
from tests.treatments.tablet.held import (
    ANEW,
    BACK,
    HERE,
    LOCK,
    SAVE,
    all_no,
    codes,
    errors,
    given,
    handed,
    the_handover,
)
from treatments.flows import tablet
from treatments.protocol.catalogue import load
from treatments.screenings.by_patient import judging
from treatments.screenings.by_patient import services as own
from treatments.screenings.by_patient.models import PatientForm

pytestmark = pytest.mark.django_db
# As a chosen radio or box stands in a page.
CHECKED = re.compile(r"<input[^>]* checked")
UNANSWERED = "Answer this one: yes, no or not sure."
SIGNATURE = "M10 100L60 40L90 150L140 60L180 140L230 50L280 130L330 70L380 120"


@pytest.fixture
def new_patient(clinic):
    return factories.make_patient(clinic, given_name="Ana", family_name="Silva")


@pytest.fixture
def held(clinician, new_patient):
    return handed(clinician, new_patient, "full")


# ── What is asked ─────────────────────────────────────────────────────────────


def test_all_health_questions_are_those_that_are_hers_and_no_other(new_patient):
    hers = {rule.code for rule in load().rules if rule.form in ("full", "day") and "patient" in rule.answered_by}
    assert set(codes(new_patient, "full")) == hers
    assert "unrealistic_bdd" not in hers
    assert set(codes(new_patient, "day")) == {rule.code for rule in load().rules_for_form("day")}


def test_nothing_is_chosen_for_her(held, new_patient):
    page = held.get(HERE)
    assert page.status_code == 200
    assert not CHECKED.search(page.content.decode())
    assert "Nothing has changed here" not in page.content.decode()


# ── What is missing ───────────────────────────────────────────────────────────


def test_an_empty_form_is_refused_with_a_sentence_at_every_question_that_must_be_answered(held, new_patient):
    answer = held.post(HERE, {"form": "full"})
    assert answer.status_code == 422
    must = set(codes(new_patient, "full")) - {"bbv_or_systemic_infection"}
    assert errors(answer) == dict.fromkeys(must, UNANSWERED) | {"could-read": "Answer this one too: yes or no."}
    assert not HistoryAnswer.objects.filter(patient=new_patient).exists()
    assert not PatientForm.objects.exists()


def test_one_open_question_is_refused_and_nothing_typed_is_lost(held, new_patient):
    said = all_no(new_patient, "full", filler="yes", **{"filler-on": "2027-02-01", "filler-note": "Lips only"})
    del said["pregnant"]
    answer = held.post(HERE, said)
    assert answer.status_code == 422
    assert errors(answer) == {"pregnant": UNANSWERED}
    page = answer.content.decode()
    assert 'value="2027-02-01"' in page
    assert 'value="Lips only"' in page
    assert len(CHECKED.findall(page)) == len(said) - len(("form", "filler-on", "filler-note"))


def test_a_yes_that_needs_its_day_is_refused_without_it(held, new_patient):
    answer = held.post(HERE, all_no(new_patient, "full", filler="yes"))
    assert errors(answer) == {"filler-on": "Enter the day. If nobody knows it, choose not sure instead."}


def test_what_no_form_of_ours_sends_is_refused_or_left_out(held, new_patient):
    answer = held.post(HERE, all_no(new_patient, "full", pregnant="maybe", **{"filler-note": "\0"}))
    assert answer.status_code == 422
    assert errors(answer)["pregnant"] == "Choose yes, no or not sure."


# ── Given ─────────────────────────────────────────────────────────────────────


def test_what_she_gives_is_kept_as_hers_and_screened_for_a_booking(held, new_patient, clinician_member):
    answer = held.post(HERE, all_no(new_patient, "full", smoking="yes"))
    assert (answer.status_code, answer.headers["Location"]) == (302, HERE)
    assert "Thank you" in held.get(HERE).content.decode()
    kept = HistoryAnswer.objects.filter(patient=new_patient)
    assert {(one.via, one.recorded_by) for one in kept} == {("patient", None)}
    assert set(kept.filter(value="yes").values_list("code", flat=True)) == {"smoking"}
    form = PatientForm.objects.get()
    assert (form.kind, form.said, form.seen_at, form.asked) == ("full", {}, None, len(codes(new_patient, "full")))
    assert (form.record.purpose, form.record.made_by) == ("booking", None)
    event = AuditEvent.objects.get(action="answers.given")
    assert event.by is None
    assert event.facts["handover"] == str(the_handover().ref)


def test_a_second_press_does_nothing(held, new_patient):
    said = all_no(new_patient, "full")
    for _ in range(2):
        assert held.post(HERE, said).headers["Location"] == HERE
    assert PatientForm.objects.count() == 1
    assert HistoryAnswer.objects.filter(patient=new_patient, code="pregnant").count() == 1


def test_the_rules_are_told_apart_from_what_a_clinician_asks(clinician_member, active_plan, later):
    """A patient's no ends an infection on its day; only a clinician's lifts it."""
    patient = active_plan.patient
    factories.answer(patient, "skin_infection_area", "yes")
    later(timedelta(minutes=1))
    form = given(patient, clinician_member)
    assert "skin_infection_area" in {finding["code"] for finding in form.record.result["findings"]}


def test_once_its_time_is_over_nothing_is_given(clinician_member, new_patient):
    handover = tablet.hand_over(patient=new_patient, forms=["day"], by=clinician_member)
    from clinic.handover import services as handovers

    handovers.give_back(handover=handover)
    with pytest.raises(DomainError, match="The time of this tablet is over"):
        tablet.give(handover=handover, kind="day", answers=[], could_read="yes")
    with pytest.raises(DomainError, match="The time of this tablet is over"):
        tablet.save_half(handover=handover, kind="day", said={"pregnant": "no"})


def test_a_question_that_came_meanwhile_is_asked_too(clinician_member, new_patient):
    handover = tablet.hand_over(patient=new_patient, forms=["day"], by=clinician_member)
    with pytest.raises(DomainError, match="Our questions have changed meanwhile"):
        tablet.give(handover=handover, kind="day", answers=[{"code": "pregnant", "value": "no"}], could_read="yes")


def test_a_form_she_was_not_given_is_not_taken(held, new_patient):
    assert held.post(HERE, all_no(new_patient, "day")).headers["Location"] == HERE
    held.post(SAVE, {"form": "day", "pregnant": "no"})
    assert not PatientForm.objects.exists()


# ── Half a form ───────────────────────────────────────────────────────────────


def test_half_a_form_is_kept_as_it_is_typed_and_shown_again(held, new_patient):
    answer = held.post(
        SAVE, {"form": "full", "pregnant": "no", "filler": "yes", "filler-note": "Lips"}, HTTP_X_BACKGROUND="1"
    )
    assert answer.json() == {"saved_at": "10:42"}
    form = PatientForm.objects.get()
    assert form.said == {"pregnant": "no", "filler": "yes", "filler-note": "Lips"}
    page = held.get(HERE).content.decode()
    assert "You began at 10:42" in page
    assert len(CHECKED.findall(page)) == 2
    assert 'value="Lips"' in page
    assert not HistoryAnswer.objects.filter(patient=new_patient).exists()


def test_it_is_offered_again_after_the_lock_with_who_and_when(held, clinician, new_patient, later):
    held.post(BACK, {"form": "full", "pregnant": "no"})
    held.post(LOCK, {"password": factories.PASSWORD})
    later(timedelta(minutes=20))
    offer = clinician.get(f"/patients/{new_patient.ref}/hand-over/").content.decode()
    assert "Begun, saved 10:42, handed over by Noor Adeyemi: goes on there today." in offer
    page = handed(clinician, new_patient, "full").get(HERE).content.decode()
    assert "You began at 10:42" in page
    assert len(CHECKED.findall(page)) == 1
    answer = clinician.post(HERE, all_no(new_patient, "full"))
    assert answer.status_code == 302
    form = PatientForm.objects.get()
    assert (form.handover, form.said) == (the_handover(), {})


def test_it_is_hers_alone_and_of_one_form(clinician, held, new_patient, patient):
    held.post(BACK, {"form": "full", "pregnant": "no"})
    held.post(LOCK, {"password": factories.PASSWORD})
    page = handed(clinician, new_patient, "day").get(HERE).content.decode()
    assert "You began" not in page
    clinician.post(BACK)
    clinician.post(LOCK, {"password": factories.PASSWORD})
    page = handed(clinician, patient, "full").get(HERE).content.decode()
    assert "You began" not in page
    assert "Silva" not in page


def test_it_ends_with_the_day_in_the_clinics_zone(held, clinician, new_patient, clinic_time):
    held.post(BACK, {"form": "full", "pregnant": "no"})
    held.post(LOCK, {"password": factories.PASSWORD})
    midnight = clock.day_bounds(factories.TODAY, factories.LONDON)[1]
    clinic_time(midnight - timedelta(minutes=1))
    assert own.half_of(new_patient, "full", on=clock.today(new_patient.clinic)) is not None
    clinic_time(midnight)
    assert own.half_of(new_patient, "full", on=clock.today(new_patient.clinic)) is None
    assert "You began" not in handed(clinician, new_patient, "full").get(HERE).content.decode()


def test_what_was_never_given_is_deleted_once_its_day_is_over_everywhere(held, clinic_time, new_patient):
    held.post(BACK, {"form": "full", "pregnant": "no"})
    assert own.forget_half_forms() == 0
    clinic_time(factories.NOW + timedelta(days=2))
    assert own.forget_half_forms() == 1
    assert not PatientForm.objects.exists()


def test_she_may_begin_again_with_empty_answers(held):
    held.post(SAVE, {"form": "full", "pregnant": "no"})
    held.post(ANEW, {"form": "full"})
    assert not CHECKED.search(held.get(HERE).content.decode())


def test_only_fields_of_the_form_are_kept_and_only_what_can_be_shown_again(held):
    held.post(
        SAVE,
        {"form": "full", "pregnant": "n\0o", "filler-note": "x" * 900, "stranger": "yes", "csrfmiddlewaretoken": "t"},
    )
    said = PatientForm.objects.get().said
    assert said.keys() == {"pregnant", "filler-note"}
    assert (said["pregnant"], len(said["filler-note"])) == ("no", 400)


def test_a_given_form_is_no_longer_saved_over_nor_deleted(clinician_member, new_patient):
    form = given(new_patient, clinician_member)
    assert tablet.save_half(handover=form.handover, kind="day", said={"pregnant": "yes"}) is None
    form.said = {"pregnant": "yes"}
    for change in (form.save, form.delete):
        with pytest.raises(Exception, match="patient_form_"):
            from django.db import transaction

            with transaction.atomic():
                change()


# ── The second time ───────────────────────────────────────────────────────────


@pytest.fixture
def again(clinician, active_plan, later):
    """All of it was answered with no by a clinician; a month has passed."""
    factories.answer(active_plan.patient, "smoking", "yes")
    factories.answer(active_plan.patient, "filler", "yes", on=date(2026, 11, 1))
    later(timedelta(days=30))
    return handed(clinician, active_plan.patient, "full")


def parts(page) -> list[str]:
    return [section["same"].html_name for section in page.context["sections"] if section["same"]]


def test_her_last_answers_are_shown_and_no_press_confirms_the_whole_form(again):
    page = again.get(HERE)
    html = page.content.decode()
    assert "Last time: yes (30 days old)" in html
    assert html.count("Nothing has changed here") == len(page.context["sections"])
    assert not CHECKED.search(html)
    assert 'value="2026-11-01"' in html


def test_a_part_is_confirmed_with_one_press_and_counts_as_answered_today(again, active_plan):
    patient = active_plan.patient
    page = again.get(HERE)
    confirmed = dict.fromkeys(parts(page), "on")
    answer = again.post(HERE, {"form": "full", "could-read": "yes"} | confirmed)
    assert answer.status_code == 302, errors(answer)
    form = PatientForm.objects.get()
    assert form.changed == []
    today = clock.today(patient.clinic)
    newest = {one.code: one for one in patient.answers.filter(answered_on=today)}
    assert newest.keys() == set(codes(patient, "full"))
    assert (newest["smoking"].value, newest["filler"].value, newest["filler"].on) == ("yes", "yes", date(2026, 11, 1))
    assert {one.via for one in newest.values()} == {"patient"}


def test_a_part_that_was_not_confirmed_is_answered_question_by_question(again):
    page = again.get(HERE)
    left_open = parts(page)[0]
    confirmed = dict.fromkeys(parts(page)[1:], "on")
    answer = again.post(HERE, {"form": "full", "could-read": "yes"} | confirmed)
    assert answer.status_code == 422
    first = {question["code"] for question in page.context["sections"][0]["questions"]}
    assert left_open.startswith("same-today")
    assert errors(answer) == dict.fromkeys(first, UNANSWERED)


def test_what_she_answers_in_a_confirmed_part_counts_before_the_part(again, active_plan):
    page = again.get(HERE)
    said = {"form": "full", "could-read": "yes"} | dict.fromkeys(parts(page), "on")
    answer = again.post(HERE, said | {"smoking": "no", "pregnant": "yes"})
    assert answer.status_code == 302
    assert sorted(PatientForm.objects.get().changed) == ["pregnant", "smoking"]


def test_a_question_whose_last_answer_does_not_hold_is_asked_all_the_same(clinician, active_plan, later):
    factories.answer(active_plan.patient, "filler", "not_sure")
    later(timedelta(days=30))
    held = handed(clinician, active_plan.patient, "day")
    page = held.get(HERE)
    answer = held.post(HERE, {"form": "day", "could-read": "yes"} | dict.fromkeys(parts(page), "on"))
    assert errors(answer) == {"filler": "“Nothing has changed” does not answer this one. Say yes, no or not sure."}
    assert "1 needs an answer all the same." in page.content.decode()


# ── How they were answered ────────────────────────────────────────────────────


def flags(seconds: int, could_read: str = "yes", values: tuple[str, ...] = ()) -> list[str]:
    rules = load().rules_for_form("day")
    return judging.flags_of(values or ["no"] * len(rules), rules=rules, seconds=seconds, could_read=could_read)


def test_all_the_same_in_a_time_in_which_nobody_reads_is_flagged():
    least = judging.least_seconds(load().rules_for_form("day"))
    assert flags(int(least) - 1) == [judging.ALIKE]
    assert flags(int(least) + 1) == []
    assert flags(1, values=("no", "yes") * 8) == [judging.TOO_FAST]


def test_no_to_everything_is_an_honest_answer_unless_it_goes_on_through_the_control_question():
    assert flags(600) == []
    assert flags(600, could_read="no") == [judging.ALL_NO]
    assert flags(600, could_read="no", values=("no", "yes") * 8) == [judging.NOT_READ]


def test_of_a_few_questions_the_same_answer_says_nothing():
    assert judging.flags_of(["no"] * 3, rules=load().rules_for_form("day")[:3], seconds=0, could_read="yes") == []


def test_every_flag_has_plain_words():
    for flag in (judging.ALIKE, judging.TOO_FAST, judging.ALL_NO, judging.NOT_READ):
        said = judging.words_of(flag, asked=16, seconds=9)
        assert said.endswith((".", "ask again."))
        assert "flag" not in said
    assert "All 16 answers are the same, and they took 9 seconds." in judging.words_of(
        judging.ALIKE, asked=16, seconds=9
    )


def test_a_form_ticked_through_is_taken_and_flagged(held, new_patient):
    assert held.post(HERE, all_no(new_patient, "full", **{"could-read": "no"})).status_code == 302
    assert PatientForm.objects.get().flags == [judging.ALIKE, judging.ALL_NO]


def earlier(handover: Handover, minutes: int) -> None:
    """As if it had been handed over so long ago."""
    began_at = handover.began_at - timedelta(minutes=minutes)
    with pgtrigger.ignore("clinic.Handover:handover_only_ends"):
        Handover.objects.filter(pk=handover.pk).update(began_at=began_at)


def test_whoever_read_before_her_first_press_is_not_taken_for_hasty(held, new_patient):
    earlier(the_handover(), 10)
    held.post(SAVE, {"form": "full", "pregnant": "no"})
    held.post(HERE, all_no(new_patient, "full"))
    form = PatientForm.objects.get()
    assert 600 <= form.seconds <= 620
    assert form.flags == []


def test_the_time_of_earlier_hand_overs_counts_too(held, clinician, new_patient):
    earlier(the_handover(), 10)
    held.post(BACK, {"form": "full", "pregnant": "no"})
    held.post(LOCK, {"password": factories.PASSWORD})
    handed(clinician, new_patient, "full")
    clinician.post(SAVE, {"form": "full", "pregnant": "no"})
    clinician.post(HERE, all_no(new_patient, "full"))
    assert 600 <= PatientForm.objects.get().seconds <= 620


# ── The consent ───────────────────────────────────────────────────────────────


@pytest.fixture
def draft(patient):
    factories.answer_all(patient)
    return factories.make_draft(patient)


@pytest.fixture
def to_sign(clinician, draft):
    return handed(clinician, draft.patient, "consent")


def signing(page, **said) -> dict:
    return {"form": "consent", "shown_sha256": page.context["shown_sha256"]} | said


def test_a_blank_consent_is_refused_at_the_signature(to_sign):
    page = to_sign.get(HERE)
    answer = to_sign.post(HERE, signing(page))
    assert answer.status_code == 422
    assert "Sign in the box, or type the full name instead." in answer.content.decode()
    assert not Consent.objects.exists()


def test_a_name_that_is_not_hers_is_refused_and_stays(to_sign):
    answer = to_sign.post(HERE, signing(to_sign.get(HERE), typed_name="Somebody Else"))
    assert answer.status_code == 422
    assert "Type the full name as it stands above: Leila Haddad." in answer.content.decode()
    assert 'value="Somebody Else"' in answer.content.decode()


def test_words_that_are_not_those_she_read_are_not_signed_and_her_signature_stays(to_sign):
    answer = to_sign.post(HERE, {"form": "consent", "shown_sha256": "0" * 64, "signature": SIGNATURE})
    assert answer.status_code == 422
    assert "Nothing was signed" in answer.content.decode()
    assert SIGNATURE in answer.content.decode()


@pytest.mark.parametrize(
    ("said", "kind"), [({"typed_name": "leila haddad"}, "typed"), ({"signature": SIGNATURE}, "drawn")]
)
def test_she_signs_and_the_witness_is_who_handed_it_over(to_sign, draft, clinician_member, said, kind):
    answer = to_sign.post(HERE, signing(to_sign.get(HERE), **said))
    assert answer.headers["Location"] == HERE
    signed = Consent.objects.get()
    assert (signed.signature_kind, signed.witness, signed.about) == (kind, clinician_member.user, draft.ref)
    event = AuditEvent.objects.get(action="consent.signed")
    assert event.by is None
    assert event.facts["handover"] == str(the_handover().ref)
    assert "Thank you" in to_sign.get(HERE).content.decode()


def test_signed_twice_it_is_signed_once(to_sign):
    said = signing(to_sign.get(HERE), typed_name="Leila Haddad")
    for _ in range(2):
        assert to_sign.post(HERE, said).headers["Location"] == HERE
    assert Consent.objects.count() == 1


def test_first_the_questions_then_the_consent(clinician, draft):
    held = handed(clinician, draft.patient, "day", "consent")
    assert "Form 1 of 2." in held.get(HERE).content.decode()
    held.post(HERE, all_no(draft.patient, "day"))
    page = held.get(HERE)
    assert "Form 2 of 2." in page.content.decode()
    held.post(HERE, signing(page, typed_name="Leila Haddad"))
    assert "Thank you" in held.get(HERE).content.decode()


def test_somebody_signs_with_a_person_or_a_tablet_behind_it(draft):
    from patients.services import consents

    text = consents.current_text(clinic=draft.clinic)
    with pytest.raises(TypeError):
        consents.sign(
            patient=draft.patient, text=text, shown_text="x", techniques=["x"], depth_class=1, about=None,
            signature_kind="typed", signature="x", signed_name="x", witness=factories.a_clinician(draft.clinic).user,
            by=None,
        )  # fmt: skip
