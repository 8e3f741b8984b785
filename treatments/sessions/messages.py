"""What a patient is owed after a session: aftercare step by step for four weeks, in the fifth the wish to book the next visit;
after the last one the reviews of the course (`reviews.py`).

Written when the session is signed, in the same transaction. What each mail may say is worked out as it leaves: a
session that was booked in between changes what may be allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

from clinic import clock
from clinic.models import User
from patients.links.purposes import Wanted
from patients.models import Message, Patient
from patients.outbox import kinds, services, timing
from patients.outbox.services import Draft
from treatments.plans.models import TreatmentPlan
from treatments.plans.services import AFTER_A_COURSE
from treatments.protocol.precare import PRESCRIBED
from treatments.rules.policy import catalogue_for
from treatments.sessions import aftercare, reviews
from treatments.sessions.models import TreatmentSession

DAY_MAILS_AT = time(10)
NOW, FOUR_HOURS, REBOOK = "aftercare_now", "aftercare_4h", "rebook_due"
REBOOK_DAYS = 35
REBOOK_LASTS_DAYS = 21


@dataclass(frozen=True)
class AftercareStep:
    """One mail of the aftercare. `hours` run as they pass, `days` are days of the calendar at ten o'clock;
    `lasts`: until the next mail says what then holds."""

    kind: str
    step: str
    label: str
    title: str
    lasts: timedelta
    hours: int | None = None
    days: int | None = None

    @property
    def after(self) -> timedelta:
        return timedelta(hours=self.hours or 0, days=self.days or 0)


STEPS = (
    AftercareStep(NOW, "leaving", "After your visit", "After your visit today", timedelta(hours=24), hours=0),
    AftercareStep(
        FOUR_HOURS, "after_4_hours", "After your visit, this evening", "This evening", timedelta(hours=20), hours=4
    ),
    AftercareStep(
        "aftercare_24h",
        "after_24_hours",
        "After your visit, day 1",
        "Day 1 after your visit",
        timedelta(days=1),
        hours=24,
    ),
    AftercareStep(
        "aftercare_48h",
        "after_48_hours",
        "After your visit, day 2",
        "Day 2 after your visit",
        timedelta(days=1),
        hours=48,
    ),
    AftercareStep(
        "aftercare_72h",
        "after_72_hours",
        "After your visit, day 3",
        "Day 3 after your visit",
        timedelta(days=3),
        hours=72,
    ),
    AftercareStep(
        "aftercare_7d",
        "after_7_days",
        "After your visit, week 1",
        "One week after your visit",
        timedelta(days=7),
        days=7,
    ),
    AftercareStep(
        "aftercare_14d",
        "after_14_days",
        "After your visit, week 2",
        "Two weeks after your visit",
        timedelta(days=14),
        days=14,
    ),
    AftercareStep(
        "aftercare_28d",
        "after_28_days",
        "After your visit, week 4",
        "Four weeks after your visit",
        timedelta(days=7),
        days=28,
    ),
)
# A mail's page stands as long as what it says is of use, and this long after the session at least.
PAGE_STANDS = timedelta(days=16)


def owe_after_session(session: TreatmentSession, *, by: User | None) -> list[Message]:
    """Everything that follows a signed session. What would come at night four hours later is said as the patient leaves."""
    began = aftercare.needled_at(session)
    folds = _falls_in_quiet_hours(session, timing.hours_after(began, 4))
    drafts = [_draft(session, step, began, folds=folds) for step in STEPS if not (folds and step.kind == FOUR_HOURS)]
    if aftercare.to_come(session.plan) is not None:
        drafts.append(_rebook_draft(session))
        return services.queue_many(drafts, by=by)
    owed = services.queue_many(drafts, by=by)
    return owed + reviews.follow(session.plan, by=by)


def withdraw(session: TreatmentSession, *, by: User | None) -> list[Message]:
    """Cancel what waits for a session that was entered in error. Returns what has already been handed over."""
    gone = services.cancel_about(about=session.ref, reason="The session was entered in error.", by=by)
    reviews.follow(session.plan, by=by)
    return gone


def draft_again(message: Message) -> Draft | None:
    """A mail on a day after a session, or after a course, as it would be written now. None for any other."""
    if message.kind in AFTER_A_COURSE:
        return reviews.draft_again(message)
    session = _session(message)
    if session is None:
        return None
    if message.kind == REBOOK:
        return _rebook_draft(session)
    of_days = (step for step in STEPS if step.kind == message.kind and step.days is not None)
    return next((_draft(session, step, aftercare.needled_at(session), folds=False) for step in of_days), None)


def _draft(session: TreatmentSession, step: AftercareStep, began: datetime, *, folds: bool) -> Draft:
    if step.days is None:
        send_at, rule = timing.hours_after(began, step.hours), f"{step.hours} hours after"
    else:
        send_at = timing.days_after_at(session.on, step.days, DAY_MAILS_AT, session.clinic.tz)
        rule = f"{step.days} days after at {DAY_MAILS_AT:%H:%M}"
    return Draft(
        kind=step.kind,
        patient=session.patient,
        about=session.ref,
        send_at=send_at,
        expires_at=send_at + step.lasts,
        dedupe_key=f"{step.kind}:{session.ref}",
        context={"note": _note(session), "with_four_hours": folds and step.kind == NOW},
        local_rule=rule,
    )


def _rebook_draft(session: TreatmentSession) -> Draft:
    send_at = timing.days_after_at(session.on, REBOOK_DAYS, DAY_MAILS_AT, session.clinic.tz)
    return Draft(
        kind=REBOOK,
        patient=session.patient,
        about=session.ref,
        send_at=send_at,
        expires_at=send_at + timedelta(days=REBOOK_LASTS_DAYS),
        dedupe_key=f"{REBOOK}:{session.ref}",
        context={"note": _note(session)},
        local_rule=f"{REBOOK_DAYS} days after at {DAY_MAILS_AT:%H:%M}",
    )


def _note(session: TreatmentSession) -> str:
    """The desk's line in the ledger: that a visit was done, never what was done."""
    return f"Visit done {clock.local(session.signed_at, session.clinic):%H:%M}"


def _falls_in_quiet_hours(session: TreatmentSession, moment: datetime) -> bool:
    clinic = session.clinic
    return timing.QuietHours(clinic.quiet_from, clinic.quiet_until, clinic.tz).cover(moment)


def _session(message: Message) -> TreatmentSession | None:
    found = TreatmentSession.objects.select_related("clinic", "patient__clinic", "plan", "device")
    return found.filter(ref=message.about).first()


def _stands(message: Message) -> str | None:
    session = _session(message)
    if session is None or session.status == TreatmentSession.Status.ENTERED_IN_ERROR:
        return "The session was entered in error."
    return None if message.patient.status == Patient.Status.ACTIVE else "The record is closed."


def _of_use(message: Message) -> str | None:
    """The last step may be due when the next session has begun: its own aftercare holds then."""
    gone = _stands(message)
    if gone:
        return gone
    return "There was another visit since." if aftercare.has_newer(_session(message)) else None


def _rebook_wanted(message: Message) -> str | None:
    gone = _stands(message)
    if gone:
        return gone
    plan = _session(message).plan
    if plan.status != TreatmentPlan.Status.ACTIVE:
        return "The course is not under way any more."
    planned = aftercare.to_come(plan)
    if planned is None:
        return "The course is finished."
    return "The next visit is booked." if aftercare.booked_visit(planned) else None


def _aftercare_words(step: AftercareStep) -> Callable[[Message], dict]:
    def words(message: Message) -> dict:
        session = _session(message)
        catalogue = catalogue_for(session.clinic)
        if step.kind == NOW:
            said = aftercare.leaving_lines(catalogue, with_four_hours=bool(message.context.get("with_four_hours")))
        else:
            said = aftercare.lines(session, step.step, today=clock.today(session.clinic))
        return {"title": step.title, "lines": [*said, PRESCRIBED], "signs": aftercare.signs(catalogue)}

    return words


def _link_to_page(step: AftercareStep, message: Message, words: dict) -> dict[str, Wanted]:
    """Her own page about the days after the session, worked out from the row: nobody is asked for the session again."""
    needled_at = message.expires_at - step.lasts - step.after
    return {
        "aftercare": Wanted("aftercare", about=message.about, until=max(message.expires_at, needled_at + PAGE_STANDS))
    }


def _rebook_words(message: Message) -> dict:
    session = _session(message)
    planned = aftercare.to_come(session.plan)
    return {
        "lines": [line.text for line in aftercare.step("after_35_days", catalogue_for(session.clinic)).lines],
        "first_on": planned.target_on if planned else None,
        "last_on": planned.latest_on if planned else None,
    }


KINDS = tuple(
    kinds.Kind(
        code=step.kind,
        label=step.label,
        essential=True,
        unknown_policy="resend_once",
        still_wanted=_of_use if step is STEPS[-1] else _stands,
        context=_aftercare_words(step),
        links=partial(_link_to_page, step),
        text="aftercare",
        priority=3,
        # She is told as she leaves, whatever the hour: the leaving mail carries the signs and the numbers.
        immediate=step.kind == NOW,
    )
    for step in STEPS
) + (
    kinds.Kind(
        code=REBOOK,
        label="Book your next visit",
        essential=False,
        unknown_policy="resend_if_hours_left",
        still_wanted=_rebook_wanted,
        context=_rebook_words,
        text="rebook_due",
        priority=7,
    ),
    *reviews.KINDS,
)
