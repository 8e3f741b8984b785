"""The patient answers, not the desk: a tablet is handed to her, she answers and signs, a clinician looks, and then it counts.

What she gives is kept as hers, and the rules run on it at once: as for a mail's "anything changed?" the run is one for a
booking, so no session opens on it. A session's own run is made by the clinician who has looked.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from clinic import clock
from clinic.errors import DomainError
from clinic.handover import services as handovers
from clinic.locks import not_for_long
from clinic.models import Handover, Membership
from patients.models import Consent, ConsentText, HistoryAnswer, Patient
from patients.services import consents, history
from treatments.appointments.by_patient.asking import last_visit_on
from treatments.appointments.models import PRESENT
from treatments.plans.models import NOT_ENDED, TreatmentPlan
from treatments.screenings import services as screenings
from treatments.screenings.by_patient import judging
from treatments.screenings.by_patient import services as own
from treatments.screenings.by_patient.asking import Asked, asked_of_her
from treatments.screenings.by_patient.models import PatientForm
from treatments.screenings.models import ScreeningRecord

FULL, DAY = PatientForm.Kind.FULL.value, PatientForm.Kind.DAY.value
CONSENT = "consent"
# In the order in which she meets them.
FORMS = (FULL, DAY, CONSENT)
OVER = "The time of this tablet is over. Please hand it back."


class NotHere(DomainError):
    """The desk gives the tablet to somebody who is here."""


@transaction.atomic
def hand_over(*, patient: Patient, forms: Collection[str], by: Membership) -> Handover:
    """A browser for this patient, with these of FORMS. Raises DomainError where there is nothing for her to do on it.

    Her last answers and her consent's text stand on that tablet, and the desk reads neither: it hands one over to a patient who
    has arrived, and nobody else's can be opened that way.
    """
    if patient.status != Patient.Status.ACTIVE:
        raise DomainError("This record is closed: nobody answers for it.")
    if by.is_desk_only and not is_here(patient):
        raise NotHere("The patient is not here yet. Mark the visit as arrived first.")
    wanted = [form for form in FORMS if form in forms and not (form == DAY and FULL in forms)]
    if not wanted:
        raise DomainError("Choose what the patient is to answer.", field="forms")
    if CONSENT in wanted and plan_to_sign(patient) is None:
        raise DomainError("Nothing waits for a signature. Leave the consent out.", field="forms")
    return handovers.begin(clinic=patient.clinic, about=patient.ref, forms=wanted, by=by)


def is_here(patient: Patient) -> bool:
    """She has arrived for a visit of today. One query beside the clock's."""
    return patient.appointments.filter(day=clock.today(patient.clinic), status__in=PRESENT).exists()


def plan_to_sign(patient: Patient) -> TreatmentPlan | None:
    """The course that has no valid consent. Three queries at most."""
    plan = patient.plans.filter(status__in=NOT_ENDED).order_by("-pk").first()
    if plan is None or _is_signed(plan, patient, at=clock.now()):
        return None
    plan.patient, plan.clinic = patient, patient.clinic
    return plan


def _is_signed(plan: TreatmentPlan, patient: Patient, *, at: datetime) -> bool:
    techniques, depth = plan.techniques, plan.depth_class
    return consents.valid_consent(patient=patient, techniques=techniques, depth_class=depth, at=at) is not None


# ── While she has it ──────────────────────────────────────────────────────────


def patient_of(handover: Handover) -> Patient:
    return Patient.objects.select_related("clinic").get(clinic=handover.clinic_id, ref=handover.about)


def still_to_do(handover: Handover, patient: Patient) -> list[str]:
    """Those of her forms that she has not given or signed, in order."""
    given = {kind for kind, form in own.forms_of(handover).items() if form.given_at}
    return [
        form for form in handover.forms if form not in given and (form != CONSENT or plan_to_sign(patient) is not None)
    ]


def asked(patient: Patient, kind: str, *, today: date) -> list[Asked]:
    """Two queries."""
    return asked_of_her(patient, kind, today=today, last_visit_on=last_visit_on(patient))


@transaction.atomic
def save_half(*, handover: Handover, kind: str, said: Mapping[str, str]) -> PatientForm | None:
    """Keep what stands in the fields until she goes on, or until the day is over. None where she has given that form."""
    handover, patient = _held(handover)
    if kind not in still_to_do(handover, patient):
        return None
    today = clock.today(patient.clinic)
    return own.save_half(patient=patient, kind=kind, said=said, handover=handover, on=today)


@transaction.atomic
def begin_again(*, handover: Handover, kind: str) -> None:
    handover, patient = _held(handover)
    own.begin_again(patient=patient, kind=kind, on=clock.today(patient.clinic))


@transaction.atomic
def give(*, handover: Handover, kind: str, answers: Sequence[Mapping], could_read: str) -> PatientForm | None:
    """The whole form: `answers` as `record_answers` takes them. A second press does nothing (None).

    Raises DomainError once the tablet's time is over, and where a question came or went meanwhile.
    """
    handover, patient = _held(handover)
    if kind not in still_to_do(handover, patient):
        return None
    today = clock.today(patient.clinic)
    questions = {one.rule.code: one for one in asked(patient, kind, today=today)}
    given = {answer["code"]: answer for answer in answers}
    _refuse_others(questions, given)
    history.record_answers(
        patient=patient, answers=list(given.values()), answered_on=today, via=HistoryAnswer.Via.PATIENT, by=None
    )
    record = screenings.perform(patient=patient, on=today, purpose=ScreeningRecord.Purpose.BOOKING, by=None)
    half = own.locked(patient, kind, on=today)
    # She may have read for minutes before her first press, so all the time counts that she had it before her.
    seconds = own.seconds_before(half, handover) + round((timezone.now() - handover.began_at).total_seconds())
    values = [answer["value"] for answer in given.values()]
    rules = [questions[code].rule for code in given]
    return own.give(
        half=half,
        patient=patient,
        kind=kind,
        handover=handover,
        on=today,
        record=record,
        asked=len(given),
        changed=[code for code, answer in given.items() if questions[code].differs(answer)],
        flags=judging.flags_of(values, rules=rules, seconds=seconds, could_read=could_read),
        seconds=seconds,
    )


def _refuse_others(questions: Mapping[str, Asked], given: Mapping[str, Mapping]) -> None:
    open_ones = {code for code, one in questions.items() if not one.rule.never_missing}
    if given.keys() - questions.keys() or open_ones - given.keys():
        raise DomainError("Our questions have changed meanwhile. Look at them again, then send them.")


@transaction.atomic
def sign(
    *, handover: Handover, plan: TreatmentPlan, text: ConsentText, shown_text: str, **signed: str
) -> Consent | None:
    """Her signature under the words of her plan; the witness is who handed the tablet over. A second press does nothing.

    `signed`: `signature_kind`, `signature`, `signed_name` and `shown_sha256`, as `consents.sign` takes them.
    """
    handover, patient = _held(handover)
    if CONSENT not in still_to_do(handover, patient):
        return None
    return consents.sign(
        patient=patient, text=text, shown_text=shown_text, techniques=plan.techniques, depth_class=plan.depth_class,
        about=plan.ref, witness=handover.by, by=None, handover=handover.ref, **signed,
    )  # fmt: skip


def _held(handover: Handover) -> tuple[Handover, Patient]:
    """The tablet and its patient, both locked. Raises DomainError where it is hers no longer."""
    with not_for_long():
        handover = handovers.locked(handover)
        if not handover.is_open:
            raise DomainError(OVER)
        mine = Patient.objects.select_for_update(of=("self",)).select_related("clinic")
        return handover, mine.get(clinic=handover.clinic_id, ref=handover.about)


# ── Afterwards ────────────────────────────────────────────────────────────────


@transaction.atomic
def confirm(*, form: PatientForm, note: str, by: Membership) -> ScreeningRecord:
    """A clinician has read what she answered: from now on it counts, for a session too where it was answered today. Earlier forms
    of hers that nobody has looked at are seen with it.

    Raises DomainError where a colleague was faster.
    """
    with not_for_long():
        patient = Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=form.patient_id)
    waiting = [one for one in own.waiting(patient) if one.pk <= form.pk]
    if not waiting:
        raise DomainError("A colleague has looked at these answers already. Open the screening.")
    own.look_at(forms=waiting, note=note, by=by)
    today = clock.today(patient.clinic)
    # Whoever was asked on another day is asked anew for a session.
    asked_today = form.on == today and not own.waiting(patient)
    purpose = ScreeningRecord.Purpose.SESSION if asked_today else ScreeningRecord.Purpose.BOOKING
    return screenings.perform(patient=patient, on=today, purpose=purpose, by=by.user)
