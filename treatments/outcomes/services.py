"""Recording what was measured, finding the score it is compared with, and the review of a course."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import User
from clinic.templatetags.clinic_ui import date_words
from patients.models import Patient
from treatments.outcomes.models import CourseReview, OutcomeScore
from treatments.plans.models import TreatmentPlan
from treatments.protocol.instruments import BadItems, Instrument, Score, better_of, has_risen_too_far, load, score
from treatments.protocol.written import written
from treatments.rules.policy import catalogue_for
from treatments.sessions.models import TreatmentSession

# A score older than this says nothing of the skin with which a course begins: the first one since is its baseline.
# The same half year after which an interrupted course begins anew (clinical sheet, section 8).
BASELINE_DAYS = 180


def instrument_of(code: str) -> Instrument:
    """The instrument of a form. Raises DomainError for a code that is not in the table."""
    try:
        return load()[code]
    except KeyError as unknown:
        raise DomainError("Choose an instrument from the list.", field="instrument") from unknown


def work_out(code: str, items: Mapping[str, object]) -> Score:
    """The total of a set of answers. Raises DomainError at `item-<code>` for an answer that cannot be."""
    try:
        return score(instrument_of(code), items)
    except BadItems as refusal:
        raise DomainError(refusal.sentence, field=f"item-{refusal.item}") from refusal


@transaction.atomic
def record(
    *,
    patient: Patient,
    code: str,
    items: Mapping[str, object],
    assessed_on: date,
    by: User,
    zone: str = "",
    note: str = "",
    licence_note: str = "",
    plan: TreatmentPlan | None = None,
) -> OutcomeScore:
    """Keep one measurement; the total is worked out here, whatever a form has shown. It belongs to the session of that day.

    `licence_note`: of a questionnaire that has to be named, under which licence it was used. Raises DomainError for
    impossible answers, a zone that is not asked for, a day ahead or before birth, and for a named questionnaire that is
    known with the other direction.
    """
    instrument, result = instrument_of(code), work_out(code, items)
    _refuse_day(patient, assessed_on)
    if licence_note.strip() and not instrument.asks_name:
        raise DomainError("A licence is noted for questionnaires that are named.", field="licence_note")
    if zone and (instrument.zone != "asked" or zone not in catalogue_for(patient.clinic).zones):
        raise DomainError("Choose a zone from the list.", field="zone")
    result = _in_its_line(patient, instrument, result, items)
    with explained():
        kept = OutcomeScore.objects.create(
            clinic=patient.clinic,
            patient=patient,
            plan=plan,
            session=_session_of_the_day(patient, assessed_on),
            instrument=result.instrument,
            variant=result.variant,
            table_version=load().version,
            zone=zone,
            assessed_on=assessed_on,
            assessor=by,
            items={name: _plain(value) for name, value in items.items()},
            total=result.total,
            band=result.band or "",
            licence_note=licence_note.strip(),
            note=note.strip(),
        )
    # Not which instrument: one that measures melasma names a diagnosis.
    audit.record("outcome.recorded", kept, by=by, clinic=patient.clinic)
    return kept


@transaction.atomic
def mark_entered_in_error(*, kept: OutcomeScore, reason: str, by: User) -> OutcomeScore:
    kept = OutcomeScore.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=kept.pk)
    if not reason.strip():
        raise DomainError("Say why this score was entered in error.", field="reason")
    if kept.entered_in_error:
        raise DomainError("This score was already marked as an error. It stays as it is.")
    kept.entered_in_error, kept.error_reason = True, reason.strip()
    with explained():
        kept.save(update_fields=["entered_in_error", "error_reason"])
    audit.record("outcome.entered_in_error", kept, by=by)
    return kept


def answered_questions(kept: OutcomeScore) -> bool:
    """Whether a score has answered screening questions with yes. Those answers are the history's: they outlive the score."""
    instrument = load().find(kept.instrument, kept.variant)
    if instrument is None:
        return False
    try:
        return bool(score(instrument, kept.items).raises)
    except BadItems:  # the table has changed since
        return False


# ── Against the baseline ──────────────────────────────────────────────────────


def as_score(kept: OutcomeScore) -> Score:
    return Score(kept.instrument, kept.variant, kept.total, kept.band or None)


def baseline_of(plan: TreatmentPlan, in_order: list[OutcomeScore]) -> OutcomeScore | None:
    """The score that a course began with, of scores of one kind in the order of their days.

    The last one before the course was drafted, if it is recent enough, else the first since. Of the day on which it was
    drafted those are later that were recorded later, or while it was under way.
    """
    drafted_on = clock.local(plan.drafted_at, plan.clinic).date()
    oldest_on = drafted_on - timedelta(days=BASELINE_DAYS)

    def is_later(one: OutcomeScore) -> bool:
        later_that_day = one.plan_id == plan.pk or one.recorded_at > plan.drafted_at
        return (one.assessed_on, later_that_day) >= (drafted_on, True)

    since = [one for one in in_order if is_later(one)]
    before = [one for one in in_order if oldest_on <= one.assessed_on and one not in since]
    return next(iter(before[-1:] or since[:1]), None)


def of_one_kind(patient_id: int, *, instrument: str, variant: str, zone: str) -> list[OutcomeScore]:
    """What counts of an instrument in one variant and zone, in the order of its days: what may be compared."""
    known = OutcomeScore.objects.filter(
        patient_id=patient_id, instrument=instrument, variant=variant, zone=zone, entered_in_error=False
    )
    return list(known.order_by("assessed_on", "id"))


def rise_that_pauses(plan: TreatmentPlan, like: OutcomeScore) -> tuple[OutcomeScore, OutcomeScore] | None:
    """Baseline and newest score where the stop rule of the instrument holds between them, else None.

    A rise that a clinician has looked at already, from this very score to that one, is none any more.
    """
    instrument = load().find(like.instrument, like.variant)
    if instrument is None or instrument.stop_rule is None:
        return None
    in_order = of_one_kind(plan.patient_id, instrument=like.instrument, variant=like.variant, zone=like.zone)
    baseline = baseline_of(plan, in_order)
    if baseline is None or not has_risen_too_far(instrument, as_score(baseline), as_score(in_order[-1])):
        return None
    newest = in_order[-1]
    looked_at = CourseReview.objects.filter(baseline=baseline, score=newest, reviewed_at__isnull=False)
    return None if looked_at.exists() else (baseline, newest)


# ── The review of a course ────────────────────────────────────────────────────


@transaction.atomic
def ask_for_review(
    *, plan: TreatmentPlan, baseline: OutcomeScore, newest: OutcomeScore, by: User
) -> CourseReview | None:
    """Put a course on the clinicians' list, with what rose by how much. A patient who waits there already stays as she is."""
    if CourseReview.objects.filter(plan__patient=plan.patient_id, reviewed_at__isnull=True).exists():
        return None
    instrument = load().find(newest.instrument, newest.variant)
    label = instrument.label if instrument else newest.instrument
    reason = (
        f"{label} rose from {written(baseline.total)} ({date_words(baseline.assessed_on)}) "
        f"to {written(newest.total)} ({date_words(newest.assessed_on)})"
    )
    with explained():
        review = CourseReview.objects.create(
            clinic=plan.clinic, plan=plan, score=newest, baseline=baseline, reason=reason, raised_by=by
        )
    audit.record("course.review_asked", review, by=by, plan=str(plan.ref))
    return review


@transaction.atomic
def close_review(*, review: CourseReview, note: str, by: User, decision: str = "") -> CourseReview:
    """Write down what a clinician decided, and why. From then on a course of this patient may begin or go on.

    Of a course that has ended nothing is left to decide: there `decision` is empty and only the note is kept.
    """
    review = CourseReview.objects.select_for_update(of=("self",)).select_related("clinic", "plan").get(pk=review.pk)
    if review.reviewed_at is not None:
        raise DomainError("Somebody has reviewed this course already. Open its page to see what was decided.")
    if review.plan.has_ended:
        if decision not in ("", CourseReview.Decision.ENDED):
            raise DomainError("This course has ended meanwhile. Write what you saw: nothing else is left to decide.")
        decision = CourseReview.Decision.ENDED
    elif decision not in (CourseReview.Decision.GO_ON, CourseReview.Decision.STAY):
        raise DomainError("Choose whether the course goes on.", field="decision")
    if not note.strip():
        raise DomainError("Write what you saw and why you decide so.", field="note")
    review.reviewed_at, review.reviewed_by = clock.now(), by
    review.decision, review.note = decision, note.strip()
    with explained():
        review.save(update_fields=["reviewed_at", "reviewed_by", "decision", "note"])
    audit.record("course.reviewed", review, by=by, decision=decision)
    return review


def _in_its_line(patient: Patient, instrument: Instrument, result: Score, items: Mapping[str, object]) -> Score:
    """A score under a typed name, spelled as the patient's earlier ones of that name and range, whatever the capitals.

    One line has one direction: raises DomainError where the earlier ones were kept with the other.
    """
    if not instrument.asks_name:
        return result
    for earlier in patient.outcome_scores.filter(instrument=result.instrument, entered_in_error=False):
        if earlier.variant.casefold() == result.variant.casefold():
            known = better_of(instrument, earlier.items)
            if known != better_of(instrument, items):
                raise DomainError(
                    f"Scores of this name and range are kept as “{known} is better”. Choose that, or mark those scores as "
                    "entered in error first.",
                    field="item-better",
                )
            return replace(result, variant=earlier.variant)
    return result


def _refuse_day(patient: Patient, assessed_on: date) -> None:
    if assessed_on > clock.today(patient.clinic):
        raise DomainError("Choose today or an earlier day.", field="assessed_on")
    if assessed_on < patient.born_on:
        raise DomainError("This day lies before the date of birth.", field="assessed_on")


def _session_of_the_day(patient: Patient, day: date) -> TreatmentSession | None:
    return TreatmentSession.objects.filter(patient=patient, on=day).exclude(status="entered_in_error").first()


def _plain(value: object) -> object:
    """What JSON can hold: whole numbers as they are, everything else as it was typed."""
    return value if isinstance(value, int) else str(value)
