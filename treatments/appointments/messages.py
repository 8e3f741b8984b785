"""What a patient is owed about a visit: that it is booked, moved or cancelled, and two reminders.

Everything is written in the transaction of the booking. A visit's `schedule_version` stands in every key, so that a
mail for a time that no longer holds can neither be written twice nor leave.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from uuid import UUID

from django.db.models import QuerySet

from clinic import clock
from clinic.models import User
from patients.models import Message
from patients.outbox import services, timing
from patients.outbox.models import DID_NOT_GO, State
from patients.outbox.services import Draft
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.visit_mails import (
    CANCELLED,
    CHANGED,
    CONFIRMED,
    COURSE,
    COURSE_CHANGED,
    ONE_DAY,
    THREE_DAYS,
)

# Room for undo, and one mail for a visit that is moved twice in a minute.
SECOND_THOUGHTS = timedelta(seconds=60)
REMINDERS_AT = time(10)
# A notice keeps its use this long even when the visit is nearer or past.
NOTICE_LASTS = timedelta(days=1)
CONFIRMATION_LASTS = timedelta(minutes=15)

# Mails about several visits, and what says the same of one.
ALONE = {COURSE: CONFIRMED, COURSE_CHANGED: CHANGED}
REMINDERS = {THREE_DAYS: 3, ONE_DAY: 1}


def owe_for_booking(visit: Appointment, *, by: User | None) -> list[Message]:
    """Confirmation and reminders of a new visit. A reminder whose time has passed becomes part of the confirmation."""
    return _write(visit, CONFIRMED, by=by)


def owe_for_course(visits: Sequence[Appointment], *, by: User | None) -> list[Message]:
    """One confirmation of several visits of a course, and each one's reminders."""
    if len(visits) == 1:
        return owe_for_booking(visits[0], by=by)
    drafts = [_course_notice(COURSE, visits, folded=_passed(visits[0]))]
    drafts += [
        _reminder(visit, kind, send_at)
        for visit in visits
        for kind, send_at in _reminders(visit).items()
        if kind not in _passed(visit)
    ]
    return services.queue_many(drafts, by=by)


def owe_for_move(visit: Appointment, *, by: User | None) -> list[Message]:
    """Cancel what waits for the old time and write for the new one.

    Silent where she knows the time already: another room or clinician is no news, nor is a move that is taken back.
    Returns mails for the old time that have already been handed over: the page says so, the change notice follows.
    """
    gone = services.cancel_about(about=visit.ref, reason="The visit was moved.", by=by)
    told = visit.ref in _tell_course_again(visit, by=by)
    _write(visit, None if told or _knows_its_time(visit) else CHANGED, by=by)
    return gone


def owe_for_rearranging(visits: Sequence[Appointment], *, by: User | None) -> None:
    """Several visits of a course that moved at once: one mail tells of all whose time she does not know yet."""
    for visit in visits:
        services.cancel_about(about=visit.ref, reason="The visit was moved.", by=by)
        _write(visit, None, by=by)
    waiting = next((visit for visit in visits if _waiting_course_notice(visit)), None)
    told = _tell_course_again(waiting, by=by) if waiting else []
    news = [visit for visit in visits if visit.ref not in told and not _knows_its_time(visit)]
    if len(news) == 1:
        services.queue_many([_notice(news[0], CHANGED, send_at=_soon(), folded=_passed(news[0]))], by=by)
    elif news:
        services.queue_many([_course_notice(COURSE_CHANGED, news, folded=_passed(news[0]))], by=by)


def owe_for_closing(visit: Appointment, *, by: User | None) -> list[Message]:
    """Cancel what waits for a visit that was cancelled or missed; a cancelled one is taken back in words.

    Silent where no notice had left yet: nobody was told of this visit; and where she stands at the desk.
    Returns what is already on its way.
    """
    missed = visit.status == Appointment.Status.NO_SHOW
    told = _told(visit)
    reason = "The patient did not come." if missed else "The visit was cancelled."
    gone = services.cancel_about(about=visit.ref, reason=reason, by=by)
    _tell_course_again(visit, by=by)
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
            context=_stored(visit) | _time_told(told, visit),
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
    passed = _passed(visit)
    drafts = [_notice(visit, notice, send_at=_soon(), folded=passed)] if notice else []
    drafts += [_reminder(visit, kind, send_at) for kind, send_at in _reminders(visit).items() if kind not in passed]
    return services.queue_many(drafts, by=by)


def _soon() -> datetime:
    return clock.now() + SECOND_THOUGHTS


def _reminders(visit: Appointment) -> dict[str, datetime]:
    return {kind: _reminder_at(visit, days) for kind, days in REMINDERS.items()}


def _passed(visit: Appointment) -> list[str]:
    """Reminders whose time has come already: what they would have said is said at once."""
    soon = _soon()
    return [kind for kind, send_at in _reminders(visit).items() if send_at <= soon]


def _course_notice(kind: str, visits: Sequence[Appointment], *, folded: list[str]) -> Draft:
    send_at, first = _soon(), visits[0]
    # Every visit with its version: a set that was told once and is told anew after a change has another key.
    key = ".".join(f"{visit.pk}v{visit.schedule_version}" for visit in visits)
    return Draft(
        kind=kind,
        patient=first.patient,
        about=first.planned_session.plan.ref,
        send_at=send_at,
        expires_at=max(first.during.lower, send_at + CONFIRMATION_LASTS),
        dedupe_key=f"{kind}:{first.planned_session.plan.ref}:{key}",
        context={
            "visits": [_stored(visit) | {"ref": str(visit.ref)} for visit in visits],
            "folded": folded,
            "note": f"{len(visits)} visits, the first {_stored(first)['note']}",
        },
    )


def _tell_course_again(visit: Appointment, *, by: User | None) -> list[UUID]:
    """Where a mail that tells of several visits has not left yet: a new one tells of them as they are now, but not of
    those that are back at a time she knows.

    Returns the visits it tells of: none where it has left, or where there was none.
    """
    waiting = _waiting_course_notice(visit)
    if waiting is None:
        return []
    services.cancel_about(about=waiting.about, kinds=[waiting.kind], reason="A visit of the course was changed.", by=by)
    refs = [told["ref"] for told in waiting.context["visits"]]
    rows = Appointment.objects.filter(ref__in=refs, status__in=COMING).select_related(
        "clinic", "patient", "clinician__user", "planned_session__plan"
    )
    still = [one for one in rows.order_by("during") if not _knows_its_time(one)]
    if len(still) == 1:
        services.queue_many([_notice(still[0], ALONE[waiting.kind], send_at=_soon(), folded=_passed(still[0]))], by=by)
    elif still:
        services.queue_many([_course_notice(waiting.kind, still, folded=_passed(still[0]))], by=by)
    return [one.ref for one in still]


def _waiting_course_notice(visit: Appointment) -> Message | None:
    waiting = _course_notices(visit).filter(state__in=[State.DUE, State.HELD])
    return waiting.order_by("-pk").first() if visit.planned_session else None


def _course_notices(visit: Appointment) -> QuerySet[Message]:
    """Mails about its whole course that tell of this visit."""
    if visit.planned_session is None:
        return Message.objects.none()
    named = {"visits": [{"ref": str(visit.ref)}]}
    return Message.objects.filter(about=visit.planned_session.plan.ref, kind__in=ALONE, context__contains=named)


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
    notices = Message.objects.filter(about=visit.ref, kind__in=[CONFIRMED, CHANGED, CANCELLED]) | _course_notices(visit)
    last = (
        notices.exclude(state__in=[State.HELD, *DID_NOT_GO])
        .exclude(state=State.DUE, send_at__gt=clock.now())
        .order_by("-send_at", "-pk")
        .first()
    )
    return last if last is not None and last.kind != CANCELLED else None


def _time_told(told: Message, visit: Appointment) -> dict:
    """The time a message gave, as it stands in the ledger. Older messages kept no end, the oldest no beginning."""
    of_visit = told.context
    if told.kind in ALONE:
        of_visit = next(one for one in told.context["visits"] if one["ref"] == str(visit.ref))
    starts_at = datetime.fromisoformat(of_visit.get("starts_at", visit.during.lower.isoformat()))
    ends_at = of_visit.get("ends_at") or (starts_at + (visit.during.upper - visit.during.lower)).isoformat()
    return {"starts_at": starts_at.isoformat(), "ends_at": ends_at}


def _knows_its_time(visit: Appointment) -> bool:
    """Asked after `cancel_about`: what is left of the notices has gone out."""
    told = _told(visit)
    return told is not None and _time_told(told, visit)["starts_at"] == visit.during.lower.isoformat()


def _key(kind: str, visit: Appointment) -> str:
    return f"{kind}:{visit.ref}:v{visit.schedule_version}"


def _stored(visit: Appointment) -> dict:
    """`version` is compared as the message leaves, `starts_at` and `ends_at` are the time it tells; `note` is the desk's
    line in the ledger."""
    note = f"{visit.day:%a} {visit.day.day} {visit.day:%b}, {visit.starts_at:%H:%M}"
    return {
        "version": visit.schedule_version,
        "starts_at": visit.during.lower.isoformat(),
        "ends_at": visit.during.upper.isoformat(),
        "note": f"{note}, {visit.clinician}" if visit.clinician else note,
    }
