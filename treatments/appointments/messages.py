"""What a patient is owed about a visit: that it is booked, moved or cancelled, and two reminders.

Everything is written in the transaction of the booking. A visit's `schedule_version` stands in every key, so that a
mail for a time that no longer holds can neither be written twice nor leave.
"""

from datetime import datetime, time, timedelta

from clinic import clock
from clinic.models import User
from patients.models import Message, Patient
from patients.outbox import kinds, services, timing
from patients.outbox.models import OPEN
from patients.outbox.services import Draft
from treatments.appointments.models import COMING, Appointment
from treatments.protocol.catalogue import load

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

    Returns mails for the old time that have already been handed over: the page says so, the change notice follows.
    """
    gone = services.cancel_about(about=visit.ref, reason="The visit was moved.", by=by)
    _write(visit, CHANGED, by=by)
    return gone


def owe_for_closing(visit: Appointment, *, by: User | None) -> list[Message]:
    """Cancel what waits for a visit that was cancelled or missed; a cancelled one is taken back in words.

    Silent where the confirmation had not left yet: nobody was told of this visit; and where she stands at the desk.
    Returns what is already on its way.
    """
    missed = visit.status == Appointment.Status.NO_SHOW
    knows_already = visit.arrived_at is not None or _confirmation_still_waits(visit)
    reason = "The patient did not come." if missed else "The visit was cancelled."
    gone = services.cancel_about(about=visit.ref, reason=reason, by=by)
    if not missed and not knows_already:
        send_at = clock.now() + SECOND_THOUGHTS
        services.queue(
            kind=CANCELLED,
            patient=visit.patient,
            about=visit.ref,
            send_at=send_at,
            expires_at=max(visit.during.lower, send_at + NOTICE_LASTS),
            dedupe_key=_key(CANCELLED, visit),
            by=by,
            context=_stored(visit),
        )
    return gone


def owe_for_restoring(visit: Appointment, *, by: User | None) -> list[Message]:
    """A cancelled or missed visit stands again: its reminders are written anew.

    Silent where the last the patient heard of this visit is its present time; else a confirmation goes out.
    """
    gone = services.cancel_about(about=visit.ref, reason="The visit stands again.", by=by)
    _write(visit, None if _knows_of(visit, version=visit.schedule_version - 2) else CONFIRMED, by=by)
    return gone


def register() -> None:
    for kind in KINDS:
        kinds.register(kind)


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


def _confirmation_still_waits(visit: Appointment) -> bool:
    waiting = Message.objects.filter(about=visit.ref, kind=CONFIRMED, state__in=OPEN, send_at__gt=clock.now())
    return waiting.exists()


def _knows_of(visit: Appointment, *, version: int) -> bool:
    """Was the last notice that left about this visit the one of that version? Closing and restoring raise it by one each."""
    left = Message.objects.filter(
        about=visit.ref, kind__in=[CONFIRMED, CHANGED, CANCELLED], handed_off_at__isnull=False
    )
    last = left.order_by("-handed_off_at").first()
    return last is not None and last.kind != CANCELLED and last.context.get("version") == version


def _key(kind: str, visit: Appointment) -> str:
    return f"{kind}:{visit.ref}:v{visit.schedule_version}"


def _stored(visit: Appointment) -> dict:
    """`version` is compared as the message leaves; `note` is the line the desk reads in the ledger."""
    note = f"{visit.day:%a} {visit.day.day} {visit.day:%b}, {visit.starts_at:%H:%M}"
    return {"version": visit.schedule_version, "note": f"{note}, {visit.clinician}" if visit.clinician else note}


def _visit(message: Message) -> Appointment | None:
    return Appointment.objects.filter(ref=message.about).first()


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


def _notice_words(message: Message) -> dict:
    """With what the reminders would have said, where the visit was booked too late for them."""
    folded = message.context.get("folded", [])
    words = _when(message)
    words["tell_us"] = _tell_us(words) if THREE_DAYS in folded else []
    words["prepare"] = _prepare(words) if ONE_DAY in folded else []
    return words


def _three_days_words(message: Message) -> dict:
    words = _when(message)
    return words | {"tell_us": _tell_us(words)}


def _one_day_words(message: Message) -> dict:
    words = _when(message)
    return words | {"prepare": _prepare(words)}


def _tell_us(words: dict) -> list[str]:
    return [line.text for line in _step("before_14_days").lines if line.kind == "ask"] if words["is_treatment"] else []


def _prepare(words: dict) -> list[str]:
    if not words["is_treatment"]:
        return []
    return [
        "Please drink no alcohol before your visit.",
        # Also part of a confirmation on the day itself, so it names no day.
        *(line.text.replace(" tomorrow", "") for line in _step("before_1_day").lines if line.kind == "info"),
    ]


def _step(code: str):
    return next(step for step in load().steps if step.code == code)


KINDS = (
    kinds.Kind(
        code=CONFIRMED,
        label="Visit booked",
        essential=True,
        unknown_policy="resend_if_hours_left",
        still_wanted=_coming_as_written,
        context=_notice_words,
        template="messages/booking_confirmed",
        priority=1,
        immediate=True,
    ),
    kinds.Kind(
        code=CHANGED,
        label="Visit moved",
        essential=True,
        unknown_policy="resend_once",
        still_wanted=_coming_as_written,
        context=_notice_words,
        template="messages/booking_changed",
        priority=1,
        immediate=True,
    ),
    kinds.Kind(
        code=CANCELLED,
        label="Visit cancelled",
        essential=True,
        unknown_policy="resend_once",
        still_wanted=_still_cancelled,
        context=_when,
        template="messages/booking_cancelled",
        priority=1,
        immediate=True,
    ),
    kinds.Kind(
        code=THREE_DAYS,
        label="Visit in three days",
        essential=False,
        unknown_policy="resend_if_hours_left",
        still_wanted=_coming_as_written,
        context=_three_days_words,
        template="messages/visit_reminder_3d",
    ),
    kinds.Kind(
        code=ONE_DAY,
        label="Visit tomorrow",
        essential=False,
        unknown_policy="resend_if_hours_left",
        still_wanted=_coming_as_written,
        context=_one_day_words,
        template="messages/visit_reminder_1d",
    ),
)
