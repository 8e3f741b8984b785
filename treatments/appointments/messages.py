"""What a patient is owed about a visit: that it is booked, moved or cancelled, and two reminders.

Everything is written in the transaction of the booking. A visit's `schedule_version` stands in every key, so that a
mail for a time that no longer holds can neither be written twice nor leave.
"""

from datetime import datetime, time, timedelta
from functools import partial

from clinic import clock
from clinic.models import Clinic, User
from patients.models import Message, Patient
from patients.outbox import kinds, services, timing
from patients.outbox.models import DID_NOT_GO, State
from patients.outbox.services import Draft
from treatments.appointments.models import COMING, Appointment
from treatments.plans.models import TreatmentPlan
from treatments.rules.policy import catalogue_for

# Room for undo, and one mail for a visit that is moved twice in a minute.
SECOND_THOUGHTS = timedelta(seconds=60)
REMINDERS_AT = time(10)
# A notice keeps its use this long even when the visit is nearer or past.
NOTICE_LASTS = timedelta(days=1)
CONFIRMATION_LASTS = timedelta(minutes=15)

CONFIRMED, CHANGED, CANCELLED = "booking_confirmed", "booking_changed", "booking_cancelled"
THREE_DAYS, ONE_DAY = "visit_reminder_3d", "visit_reminder_1d"
REMINDERS = {THREE_DAYS: 3, ONE_DAY: 1}
NO_LONGER_COMING = {
    Appointment.Status.ARRIVED: "The patient is already here.",
    Appointment.Status.NUMBING: "The patient is already here.",
    Appointment.Status.IN_ROOM: "The patient is already here.",
    Appointment.Status.DONE: "The visit is done.",
    Appointment.Status.NO_SHOW: "The patient did not come.",
    Appointment.Status.CANCELLED: "The visit was cancelled.",
}


def owe_for_booking(visit: Appointment, *, by: User | None) -> list[Message]:
    """Confirmation and reminders of a new visit. A reminder whose time has passed becomes part of the confirmation."""
    return _write(visit, CONFIRMED, by=by)


def owe_for_move(visit: Appointment, *, by: User | None) -> list[Message]:
    """Cancel what waits for the old time and write for the new one.

    Silent where she knows the time already: another room or clinician is no news, nor is a move that is taken back.
    Returns mails for the old time that have already been handed over: the page says so, the change notice follows.
    """
    gone = services.cancel_about(about=visit.ref, reason="The visit was moved.", by=by)
    _write(visit, None if _knows_its_time(visit) else CHANGED, by=by)
    return gone


def owe_for_closing(visit: Appointment, *, by: User | None) -> list[Message]:
    """Cancel what waits for a visit that was cancelled or missed; a cancelled one is taken back in words.

    Silent where no notice had left yet: nobody was told of this visit; and where she stands at the desk.
    Returns what is already on its way.
    """
    missed = visit.status == Appointment.Status.NO_SHOW
    told = _told(visit)
    reason = "The patient did not come." if missed else "The visit was cancelled."
    gone = services.cancel_about(about=visit.ref, reason=reason, by=by)
    if told and not missed and visit.arrived_at is None:
        send_at = clock.now() + SECOND_THOUGHTS
        services.queue(
            kind=CANCELLED,
            patient=visit.patient,
            about=visit.ref,
            send_at=send_at,
            expires_at=max(visit.during.lower, send_at + NOTICE_LASTS),
            dedupe_key=_key(CANCELLED, visit),
            by=by,
            # It takes back the time she was told: a later one may never have reached her.
            context=_stored(visit) | {"starts_at": told.context.get("starts_at", visit.during.lower.isoformat())},
        )
    return gone


def owe_for_restoring(visit: Appointment, *, by: User | None) -> list[Message]:
    """A cancelled or missed visit stands again: its reminders are written anew.

    Silent where the last the patient heard of this visit is its present time; else a confirmation goes out.
    """
    gone = services.cancel_about(about=visit.ref, reason="The visit stands again.", by=by)
    _write(visit, None if _knows_its_time(visit) else CONFIRMED, by=by)
    return gone


def _write(visit: Appointment, notice: str | None, *, by: User | None) -> list[Message]:
    now = clock.now()
    reminders = {kind: _reminder_at(visit, days) for kind, days in REMINDERS.items()}
    passed = [kind for kind, send_at in reminders.items() if send_at <= now + SECOND_THOUGHTS]
    drafts = [_notice(visit, notice, send_at=now + SECOND_THOUGHTS, folded=passed)] if notice else []
    drafts += [_reminder(visit, kind, send_at) for kind, send_at in reminders.items() if kind not in passed]
    return services.queue_many(drafts, by=by)


def _notice(visit: Appointment, kind: str, *, send_at: datetime, folded: list[str]) -> Draft:
    return Draft(
        kind=kind,
        patient=visit.patient,
        about=visit.ref,
        send_at=send_at,
        expires_at=max(visit.during.lower, send_at + CONFIRMATION_LASTS),
        dedupe_key=_key(kind, visit),
        context=_stored(visit) | {"folded": folded},
    )


def _reminder(visit: Appointment, kind: str, send_at: datetime) -> Draft:
    days = REMINDERS[kind]
    # The earlier reminder gives way to the later one, the last to the visit itself.
    expires_at = _reminder_at(visit, 1) if days > 1 else visit.during.lower
    return Draft(
        kind=kind,
        patient=visit.patient,
        about=visit.ref,
        send_at=send_at,
        expires_at=expires_at,
        dedupe_key=_key(kind, visit),
        context=_stored(visit),
        local_rule=f"{days} days before at {REMINDERS_AT:%H:%M}" if days > 1 else f"day before at {REMINDERS_AT:%H:%M}",
    )


def _reminder_at(visit: Appointment, days: int) -> datetime:
    """Wall time of the clinic: 10:00 stays 10:00 when the clocks change in between."""
    return timing.days_before_at(visit.day, days, REMINDERS_AT, visit.clinic.tz)


def _told(visit: Appointment) -> Message | None:
    """The last the patient was told of this visit, if that was when it is; None where she knows of none.

    A notice counts once its minute has passed, unless it was withdrawn or can never reach her.
    """
    notices = Message.objects.filter(about=visit.ref, kind__in=[CONFIRMED, CHANGED, CANCELLED])
    last = (
        notices.exclude(state__in=[State.HELD, *DID_NOT_GO])
        .exclude(state=State.DUE, send_at__gt=clock.now())
        .order_by("-send_at", "-pk")
        .first()
    )
    return last if last is not None and last.kind != CANCELLED else None


def _knows_its_time(visit: Appointment) -> bool:
    """Asked after `cancel_about`: what is left of the notices has gone out."""
    told = _told(visit)
    return told is not None and told.context.get("starts_at") == visit.during.lower.isoformat()


def _key(kind: str, visit: Appointment) -> str:
    return f"{kind}:{visit.ref}:v{visit.schedule_version}"


def _stored(visit: Appointment) -> dict:
    """`version` is compared as the message leaves, `starts_at` is the time it tells; `note` is the desk's line in the ledger."""
    note = f"{visit.day:%a} {visit.day.day} {visit.day:%b}, {visit.starts_at:%H:%M}"
    return {
        "version": visit.schedule_version,
        "starts_at": visit.during.lower.isoformat(),
        "note": f"{note}, {visit.clinician}" if visit.clinician else note,
    }


def _visit(message: Message) -> Appointment | None:
    return Appointment.objects.select_related("planned_session__plan").filter(ref=message.about).first()


def _coming_as_written(message: Message) -> str | None:
    """None while the visit stands as it did when the message was written; else why it must not go."""
    visit = _visit(message)
    if visit is None:
        return "The visit no longer exists."
    if message.patient.status != Patient.Status.ACTIVE:
        return "The record is closed."
    if visit.status not in COMING:
        return NO_LONGER_COMING[visit.status]
    if visit.schedule_version != message.context.get("version"):
        return "The visit was moved."
    if visit.planned_session and visit.planned_session.plan.status != TreatmentPlan.Status.ACTIVE:
        return "The course is not under way."
    return "The visit has begun." if visit.during.lower <= clock.now() else None


def _still_cancelled(message: Message) -> str | None:
    visit = _visit(message)
    if visit is None or visit.status != Appointment.Status.CANCELLED:
        return "The visit is no longer cancelled."
    return None


def _when(message: Message) -> dict:
    """What every mail about a visit may say: its moment, as it is now."""
    visit = _visit(message)
    return {"starts_at": visit.during.lower, "is_treatment": visit.kind == Appointment.Kind.TREATMENT}


def _cancelled_words(message: Message) -> dict:
    """The time that is taken back: the one she was told."""
    words = _when(message)
    told_at = message.context.get("starts_at")
    return words | ({"starts_at": datetime.fromisoformat(told_at)} if told_at else {})


def _notice_words(message: Message) -> dict:
    """With what the reminders would have said, where the visit was booked too late for them."""
    folded = message.context.get("folded", [])
    words = _when(message)
    words["tell_us"] = _tell_us(words, message.clinic) if THREE_DAYS in folded else []
    words["prepare"] = _prepare(words, message.clinic) if ONE_DAY in folded else []
    return words


def _three_days_words(message: Message) -> dict:
    words = _when(message)
    return words | {"tell_us": _tell_us(words, message.clinic)}


def _one_day_words(message: Message) -> dict:
    words = _when(message)
    return words | {"prepare": _prepare(words, message.clinic)}


def _tell_us(words: dict, clinic: Clinic) -> list[str]:
    if not words["is_treatment"]:
        return []
    return [line.text for line in _step("before_14_days", clinic).lines if line.kind == "ask"]


def _prepare(words: dict, clinic: Clinic) -> list[str]:
    if not words["is_treatment"]:
        return []
    return [
        "Please drink no alcohol before your visit.",
        # Also part of a confirmation on the day itself, so it names no day.
        *(line.text.replace(" tomorrow", "") for line in _step("before_1_day", clinic).lines if line.kind == "info"),
    ]


def _step(code: str, clinic: Clinic):
    return next(step for step in catalogue_for(clinic).steps if step.code == code)


_notice_kind = partial(kinds.Kind, essential=True, priority=1, immediate=True)
_visit_kind = partial(_notice_kind, still_wanted=_coming_as_written, context=_notice_words)
_reminder_kind = partial(
    kinds.Kind, essential=False, unknown_policy="resend_if_hours_left", still_wanted=_coming_as_written
)
KINDS = (
    _visit_kind(CONFIRMED, "Visit booked", unknown_policy="resend_if_hours_left"),
    _visit_kind(CHANGED, "Visit moved", unknown_policy="resend_once"),
    _notice_kind(
        CANCELLED,
        "Visit cancelled",
        unknown_policy="resend_once",
        still_wanted=_still_cancelled,
        context=_cancelled_words,
    ),
    _reminder_kind(THREE_DAYS, "Visit in three days", context=_three_days_words),
    _reminder_kind(ONE_DAY, "Visit tomorrow", context=_one_day_words),
)
