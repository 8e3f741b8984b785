"""What a patient is asked after the last session of a finished course: to come for a look after one, three and six months,
and later whether she wants the result kept up.

Everything hangs on the last session that stands: `follow` makes the ledger fit the course as it is, whatever changed it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from functools import partial

from clinic import clock
from clinic.models import User
from patients.models import Message, Patient
from patients.outbox import kinds, services, timing
from patients.outbox.models import OPEN
from patients.outbox.services import Draft
from treatments.appointments.models import COMING, Appointment
from treatments.plans.models import UNDER_WAY, TreatmentPlan
from treatments.plans.services import AFTER_A_COURSE
from treatments.rules.policy import catalogue_for
from treatments.sessions import aftercare
from treatments.sessions.models import TreatmentSession

DAY_MAILS_AT = time(10)
REVIEW_LASTS_DAYS = 30
# The last review speaks of it; whoever has heard that is asked again in the middle of the months that follow.
UPKEEP_AFTER_REVIEW_DAYS = 90
UPKEEP_LASTS_DAYS = 30
UPKEEP = "maintenance_due"


@dataclass(frozen=True)
class Review:
    """One look after a course: `step` names it in the catalogue, which says how many days after the last session."""

    kind: str
    step: str
    label: str
    since: str


REVIEWS = (
    Review("review_30d", "review_30_days", "Review after a month", "It is a month since your last visit."),
    Review("review_90d", "review_90_days", "Review after three months", "It is three months since your last visit."),
    Review("review_180d", "review_180_days", "Review after six months", "It is six months since your last visit."),
)
UPKEEP_LINES = (
    "Some people come once more at about this time, others need nothing.",
    "If you like, we look at it with you and then decide together. You need not do anything.",
)


def follow(plan: TreatmentPlan, *, by: User | None) -> list[Message]:
    """Make what waits fit the course: cancelled where it is not finished or another session is the last one, written
    where it is finished. Asked twice, it writes once. Returns what stands."""
    last = last_session(plan) if is_finished(plan) else None
    _withdraw_but_for(plan, last, by=by)
    return services.queue_many(_drafts(plan, last), by=by) if last is not None else []


def draft_again(message: Message) -> Draft | None:
    """One of these mails as it would be written now. None where the course has changed since."""
    plan = TreatmentPlan.objects.select_related("clinic", "patient__clinic").filter(ref=message.about).first()
    last = last_session(plan) if plan is not None and is_finished(plan) else None
    if plan is None or last is None or str(last.ref) != message.context.get("session"):
        return None
    return next((draft for draft in _all_drafts(plan, last) if draft.kind == message.kind), None)


def is_finished(plan: TreatmentPlan) -> bool:
    """Completed by a clinician, or every session of it done."""
    if plan.status == TreatmentPlan.Status.COMPLETED:
        return True
    return plan.status == TreatmentPlan.Status.ACTIVE and aftercare.to_come(plan) is None


def last_session(plan: TreatmentPlan) -> TreatmentSession | None:
    """The last signed session of a course."""
    signed = plan.sessions.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR).exclude(signed_at=None)
    return signed.order_by("-on", "-pk").first()


def upkeep_days(plan: TreatmentPlan, review_days: Iterable[int]) -> int | None:
    """Days after the last session on which she is asked about keeping the result up. None: the concern asks for none, or
    the review of that day has said it."""
    window = plan.proposal.get("maintenance")
    if not window:
        return None
    reviewed, days = set(review_days), window["from_days"]
    if days in reviewed:
        days = min(days + UPKEEP_AFTER_REVIEW_DAYS, window["to_days"])
    return None if days in reviewed else days


def _withdraw_but_for(plan: TreatmentPlan, last: TreatmentSession | None, *, by: User | None) -> None:
    waiting = Message.objects.filter(about=plan.ref, kind__in=AFTER_A_COURSE, state__in=[*OPEN, "sending"])
    stale = [one for one in waiting if last is None or one.context.get("session") != str(last.ref)]
    if stale:
        reason = "The course is not finished." if last is None else "Another visit is the last one now."
        services.cancel_about(about=plan.ref, only=stale, reason=reason, by=by)


def _drafts(plan: TreatmentPlan, last: TreatmentSession) -> list[Draft]:
    """What is still of use: a course that is completed late has outlived some of it."""
    now = clock.now()
    return [draft for draft in _all_drafts(plan, last) if draft.expires_at > now]


def _all_drafts(plan: TreatmentPlan, last: TreatmentSession) -> list[Draft]:
    days = _review_days(plan)
    drafts = [_draft(plan, last, review.kind, days[review.step], REVIEW_LASTS_DAYS) for review in REVIEWS]
    upkeep = upkeep_days(plan, days.values())
    if upkeep is not None:
        drafts.append(_draft(plan, last, UPKEEP, upkeep, UPKEEP_LASTS_DAYS))
    return drafts


def _review_days(plan: TreatmentPlan) -> dict[str, int]:
    catalogue = catalogue_for(plan.clinic)
    return {review.step: aftercare.step(review.step, catalogue).offset_hours // 24 for review in REVIEWS}


def _draft(plan: TreatmentPlan, last: TreatmentSession, kind: str, days: int, lasts_days: int) -> Draft:
    send_at = timing.days_after_at(last.on, days, DAY_MAILS_AT, plan.clinic.tz)
    return Draft(
        kind=kind,
        patient=plan.patient,
        about=plan.ref,
        send_at=send_at,
        expires_at=send_at + timedelta(days=lasts_days),
        dedupe_key=f"{kind}:{plan.ref}:{last.ref}",
        context={"session": str(last.ref), "note": f"Last visit {last.on:%a} {last.on.day} {last.on:%b}"},
        local_rule=f"{days} days after at {DAY_MAILS_AT:%H:%M}",
    )


def _wanted(message: Message, *, any_visit: bool) -> str | None:
    """None while the course is over, its last session is the one this counts from, and nothing has begun or is booked."""
    if message.patient.status != Patient.Status.ACTIVE:
        return "The record is closed."
    plan = TreatmentPlan.objects.select_related("clinic", "patient").filter(ref=message.about).first()
    if plan is None or not is_finished(plan):
        return "The course is not finished."
    last = last_session(plan)
    if last is None or str(last.ref) != message.context.get("session"):
        return "Another visit is the last one now."
    if message.patient.plans.filter(status__in=UNDER_WAY, number__gt=plan.number).exists():
        return "A new course has begun."
    coming = Appointment.objects.filter(patient=message.patient, status__in=COMING)
    booked = coming if any_visit else coming.filter(kind=Appointment.Kind.REVIEW)
    return "A visit is booked." if booked.exists() else None


def _review_words(review: Review) -> Callable[[Message], dict]:
    def words(message: Message) -> dict:
        lines = aftercare.step(review.step, catalogue_for(message.clinic)).lines
        return {"since": review.since, "lines": [line.text for line in lines]}

    return words


def _upkeep_words(message: Message) -> dict:
    return {"since": "It is some months since your last visit.", "lines": list(UPKEEP_LINES)}


_kind = partial(
    kinds.Kind,
    essential=False,
    unknown_policy="resend_if_hours_left",
    text="review_due",
    priority=7,
)
KINDS = (
    *(
        _kind(
            review.kind,
            review.label,
            still_wanted=partial(_wanted, any_visit=False),
            context=_review_words(review),
        )
        for review in REVIEWS
    ),
    _kind(UPKEEP, "Upkeep visit", still_wanted=partial(_wanted, any_visit=True), context=_upkeep_words),
)
