"""What a patient is owed about a visit: that it is booked, moved or cancelled, what to leave out before it, and two reminders.

Everything is written in the transaction of the booking. A visit's `schedule_version` stands in every key, so that a
mail for a time that no longer holds can neither be written twice nor leave.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from hashlib import sha256
from uuid import UUID

from django.db.models import Q, QuerySet

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
    COURSE_CANCELLED,
    COURSE_CHANGED,
    ONE_DAY,
    ONE_WEEK,
    PARTS,
    THREE_DAYS,
    TWO_WEEKS,
)
from treatments.protocol.precare import SENT_DAYS_BEFORE

# Room for undo, and one mail for a visit that is moved twice in a minute.
SECOND_THOUGHTS = timedelta(seconds=60)
REMINDERS_AT = time(10)
# A notice keeps its use this long even when the visit is nearer or past.
NOTICE_LASTS = timedelta(days=1)
CONFIRMATION_LASTS = timedelta(minutes=15)

# Mails about several visits, and what says the same of one.
ALONE = {COURSE: CONFIRMED, COURSE_CHANGED: CHANGED, COURSE_CANCELLED: CANCELLED}
TAKES_BACK = (CANCELLED, COURSE_CANCELLED)
# Waits, or is in the hands of a worker that has not yet marked it as handed over: whoever withdraws it is in time.
WITHDRAWABLE = Q(state__in=[State.DUE, State.HELD]) | Q(state=State.SENDING, handed_off_at=None)
REMINDERS = {THREE_DAYS: 3, ONE_DAY: 1}


@dataclass(frozen=True)
class Before:
    """A mail so many days before a visit. `until_days`: the day on which the next one takes over; 0: the visit itself."""

    kind: str
    days: int
    until_days: int


BEFORE_A_VISIT = (Before(THREE_DAYS, REMINDERS[THREE_DAYS], 1), Before(ONE_DAY, REMINDERS[ONE_DAY], 0))
# Two days before the first thing that such a mail names begins to hold.
BEFORE_A_TREATMENT = (
    Before(TWO_WEEKS, SENT_DAYS_BEFORE[PARTS[TWO_WEEKS]], SENT_DAYS_BEFORE[PARTS[ONE_WEEK]]),
    Before(ONE_WEEK, SENT_DAYS_BEFORE[PARTS[ONE_WEEK]], 1),
    *BEFORE_A_VISIT,
)


def owe_for_booking(visit: Appointment, *, by: User | None) -> list[Message]:
    """Confirmation of a new visit and the mails before it. One whose time has passed becomes part of the confirmation."""
    return _write(visit, CONFIRMED, by=by)


def owe_for_course(visits: Sequence[Appointment], *, by: User | None) -> list[Message]:
    """One confirmation of several visits of a course, and the mails before each of them."""
    if len(visits) == 1:
        return owe_for_booking(visits[0], by=by)
    now = clock.now()
    soon = now + SECOND_THOUGHTS
    drafts = [_course_notice(COURSE, visits, send_at=soon)]
    drafts += [ahead for visit in visits for ahead in _ahead_after(soon, visit)]
    return services.queue_many(drafts, by=by, now=now)


def owe_for_move(visit: Appointment, *, by: User | None) -> list[Message]:
    """Cancel what waits for the old time and write for the new one.

    Silent where she knows the time already: another room or clinician is no news, nor is a move that is taken back.
    Visits of one course that move within a minute are told in one mail. Returns mails for the old time that have already
    been handed over: the page says so, the change notice follows.
    """
    gone = services.cancel_about(about=visit.ref, reason="The visit was moved.", by=by)
    told = _tell_again(_waiting_course_notices([visit]), by=by)
    if visit.ref not in told and not _knows_its_time(visit):
        _tell_of_moves([visit], by=by)
    _write(visit, None, by=by)
    return gone


def owe_for_rearranging(visits: Sequence[Appointment], *, by: User | None) -> None:
    """Several visits of a course that moved at once: one mail tells of all whose time she does not know yet."""
    for visit in visits:
        services.cancel_about(about=visit.ref, reason="The visit was moved.", by=by)
        _write(visit, None, by=by)
    told = _tell_again(_waiting_course_notices(visits), by=by)
    news = [visit for visit in visits if visit.ref not in told and not _knows_its_time(visit)]
    if news:
        _tell_of_moves(news, by=by)


def draft_again(message: Message) -> Draft | None:
    """A mail some days before a visit as it would be written now. None for any other, or where the visit has changed."""
    coming = Appointment.objects.filter(ref=message.about, status__in=COMING)
    visit = coming.select_related("clinic", "patient__clinic", "clinician__user").first()
    if visit is None or visit.schedule_version != message.context.get("version"):
        return None
    return next((_ahead(visit, before) for before in _before(visit) if before.kind == message.kind), None)


def _tell_of_moves(visits: Sequence[Appointment], *, by: User | None) -> None:
    """One mail of all that moved in the course within a minute: what waits to tell of others tells of these too."""
    beside = _waiting_beside(visits[0], COURSE_CHANGED)
    told = _tell_again(beside, also=[visit.ref for visit in visits], by=by) if beside else []
    _tell(COURSE_CHANGED, [visit for visit in visits if visit.ref not in told], by=by)


def owe_for_closing(visit: Appointment, *, by: User | None) -> list[Message]:
    """Cancel what waits for a visit that was cancelled or missed; a cancelled one is taken back in words.

    Silent where no notice had left yet: nobody was told of this visit; and where she stands at the desk.
    Returns what is already on its way.
    """
    missed = visit.status == Appointment.Status.NO_SHOW
    told = _told(visit)
    reason = "The patient did not come." if missed else "The visit was cancelled."
    gone = services.cancel_about(about=visit.ref, reason=reason, by=by)
    _tell_again(_waiting_course_notices([visit]), by=by)
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


def owe_for_closing_together(visits: Sequence[Appointment], *, by: User | None) -> None:
    """Visits of a course that were cancelled at once: what would be said of each of them is said in one mail."""
    alone = Message.objects.filter(about__in=[visit.ref for visit in visits], kind=CANCELLED, state=State.DUE)
    waiting = {message.about: message for message in alone}
    told = [visit for visit in visits if visit.ref in waiting]
    if len(told) < 2:
        return
    services.cancel_about(
        about=list(waiting), only=waiting.values(), reason="One mail tells of all these visits.", by=by
    )
    said = [waiting[visit.ref].context | {"ref": str(visit.ref)} for visit in told]
    services.queue_many([_course_cancelled(told[0], said)], by=by)


def owe_for_restoring(visit: Appointment, *, by: User | None) -> list[Message]:
    """A cancelled or missed visit stands again: its reminders are written anew.

    Silent where the last the patient heard of this visit is its present time. Else it joins what waits to be told of the
    others of its course, or a confirmation of its own goes out.
    """
    gone = services.cancel_about(about=visit.ref, reason="The visit stands again.", by=by)
    _cancelled_but_for(visit, by=by)
    silent = _knows_its_time(visit)
    beside = [] if silent else _waiting_beside(visit, COURSE_CHANGED if _told(visit) else COURSE)
    joined = visit.ref in _tell_again(beside, also=[visit.ref], by=by)
    _write(visit, None if silent or joined else CONFIRMED, by=by)
    return gone


def _cancelled_but_for(visit: Appointment, *, by: User | None) -> None:
    """A mail that takes several visits back and has not left takes back the others only."""
    for waiting in _course_notices([visit]).filter(WITHDRAWABLE, kind=COURSE_CANCELLED):
        gone = services.cancel_about(about=waiting.about, only=[waiting], reason="A visit stands again.", by=by)
        others = [one for one in waiting.context["visits"] if one["ref"] != str(visit.ref)]
        if others and waiting not in gone:
            services.queue_many([_course_cancelled(visit, others)], by=by)


def _write(visit: Appointment, notice: str | None, *, by: User | None) -> list[Message]:
    now = clock.now()
    soon = now + SECOND_THOUGHTS
    drafts = [_notice(visit, notice, send_at=soon)] if notice else []
    return services.queue_many([*drafts, *_ahead_after(soon, visit)], by=by, now=now)


def _soon() -> datetime:
    return clock.now() + SECOND_THOUGHTS


def _before(visit: Appointment) -> tuple[Before, ...]:
    return BEFORE_A_TREATMENT if visit.kind == Appointment.Kind.TREATMENT else BEFORE_A_VISIT


def _ahead_after(soon: datetime, visit: Appointment) -> list[Draft]:
    return [_ahead(visit, before) for before in _before(visit) if _days_before(visit, before.days) > soon]


def _passed(visit: Appointment, soon: datetime) -> list[str]:
    """Mails whose time has come already: what they would have said is said at once."""
    return [before.kind for before in _before(visit) if _days_before(visit, before.days) <= soon]


def _course_notice(kind: str, visits: Sequence[Appointment], *, send_at: datetime, again: bool = False) -> Draft:
    first = visits[0]
    # Every visit with its version: a set that was told once and is told anew after a change has another key.
    key = ".".join(f"{visit.pk}v{visit.schedule_version}" for visit in visits)
    key += _times_told(kind, first.planned_session.plan.ref) if again else ""
    return Draft(
        kind=kind,
        patient=first.patient,
        about=first.planned_session.plan.ref,
        send_at=send_at,
        # Of use as long as one of them is ahead.
        expires_at=max(visits[-1].during.lower, send_at + CONFIRMATION_LASTS),
        dedupe_key=f"{kind}:{first.planned_session.plan.ref}:{key}",
        context={
            "visits": [_stored(visit) | {"ref": str(visit.ref)} for visit in visits],
            "folded": _passed(first, send_at),
            "note": f"{len(visits)} visits, the first {_stored(first)['note']}",
        },
    )


def _course_cancelled(one: Appointment, said: Sequence[dict]) -> Draft:
    """Takes back every visit in `said`, each with the time she was told; `one` is any visit of their course."""
    send_at, plan = clock.now() + SECOND_THOUGHTS, one.planned_session.plan
    key = sha256(".".join(f"{visit['ref']}v{visit['version']}" for visit in said).encode()).hexdigest()[:32]
    last_at = max(datetime.fromisoformat(visit["starts_at"]) for visit in said)
    return Draft(
        kind=COURSE_CANCELLED,
        patient=one.patient,
        about=plan.ref,
        send_at=send_at,
        expires_at=max(last_at, send_at + NOTICE_LASTS),
        dedupe_key=f"{COURSE_CANCELLED}:{plan.ref}:{key}{_times_told(COURSE_CANCELLED, plan.ref)}",
        context={"visits": list(said), "note": f"{len(said)} visits, the first {said[0]['note']}"},
    )


def _tell_again(waiting: Sequence[Message], *, by: User | None, also: Sequence[UUID] = ()) -> list[UUID]:
    """In place of mails that have not left: one of each kind, of what they told as it is now and of the visits in `also`, but
    not of those that are back at a time she knows.

    Returns the visits it tells of; what is being handed over at this moment is told already.
    """
    told: list[UUID] = []
    for kind in (COURSE, COURSE_CHANGED):
        same = [one for one in waiting if one.kind in (kind, ALONE[kind])]
        abouts = {one.about for one in same}
        gone = services.cancel_about(about=abouts, only=same, reason="A visit of the course was changed.", by=by)
        refs = [ref for one in same if one not in gone for ref in _tells_of(one)]
        if not refs:
            continue
        rows = Appointment.objects.filter(ref__in=[*refs, *also], status__in=COMING).select_related(
            "clinic", "patient", "clinician__user", "planned_session__plan"
        )
        still = [one for one in rows.order_by("during") if not _knows_its_time(one)]
        _tell(kind, still, by=by)
        told += [one.ref for one in still]
    return told


def _tells_of(message: Message) -> list[str]:
    return [one["ref"] for one in message.context["visits"]] if message.kind in ALONE else [str(message.about)]


def _tell(kind: str, visits: Sequence[Appointment], *, by: User | None) -> None:
    """One mail about several visits of a course, or the one that says the same of one."""
    if len(visits) == 1:
        services.queue_many([_notice(visits[0], ALONE[kind], send_at=_soon(), again=True)], by=by)
    elif visits:
        services.queue_many([_course_notice(kind, visits, send_at=_soon(), again=True)], by=by)


def _waiting_course_notices(visits: Sequence[Appointment]) -> list[Message]:
    """Mails that tell of several visits, one of these among them, and have not left."""
    return list(_course_notices(visits).filter(WITHDRAWABLE, kind__in=[COURSE, COURSE_CHANGED]).order_by("pk"))


def _waiting_beside(visit: Appointment, kind: str) -> list[Message]:
    """Mails of this kind, or its like about one visit, that wait their minute in the course of this visit. One that a person
    holds back stays as it is."""
    if visit.planned_session is None:
        return []
    plan = visit.planned_session.plan
    of_course = Appointment.objects.filter(planned_session__plan=plan).order_by().values("ref")
    about = Q(about=plan.ref, kind=kind) | Q(about__in=of_course, kind=ALONE[kind])
    return list(Message.objects.filter(about, state=State.DUE, send_at__gt=clock.now()).order_by("pk"))


def _course_notices(visits: Iterable[Appointment]) -> QuerySet[Message]:
    """Mails about a whole course that tell of one of these visits."""
    named = Q(pk__in=[])
    for visit in visits:
        if visit.planned_session is not None:
            one = {"visits": [{"ref": str(visit.ref)}]}
            named |= Q(about=visit.planned_session.plan.ref, context__contains=one)
    return Message.objects.filter(named, kind__in=ALONE)


def _times_told(kind: str, about: UUID) -> str:
    """What a notice adds to its key where one that said the same may have been withdrawn: nothing is written twice by one
    press, but another visit that moves and comes back leaves the same news to tell."""
    return f"#{Message.objects.filter(about=about, kind=kind).count()}"


def _notice(visit: Appointment, kind: str, *, send_at: datetime, again: bool = False) -> Draft:
    return Draft(
        kind=kind,
        patient=visit.patient,
        about=visit.ref,
        send_at=send_at,
        expires_at=max(visit.during.lower, send_at + CONFIRMATION_LASTS),
        dedupe_key=_key(kind, visit) + (_times_told(kind, visit.ref) if again else ""),
        context=_stored(visit) | {"folded": _passed(visit, send_at)},
    )


def _ahead(visit: Appointment, before: Before) -> Draft:
    days = before.days
    return Draft(
        kind=before.kind,
        patient=visit.patient,
        about=visit.ref,
        send_at=_days_before(visit, days),
        # The earlier one gives way to the later one, the last to the visit itself.
        expires_at=_days_before(visit, before.until_days) if before.until_days else visit.during.lower,
        dedupe_key=_key(before.kind, visit),
        context=_stored(visit),
        local_rule=f"{days} days before at {REMINDERS_AT:%H:%M}" if days > 1 else f"day before at {REMINDERS_AT:%H:%M}",
    )


def _days_before(visit: Appointment, days: int) -> datetime:
    """Wall time of the clinic: 10:00 stays 10:00 when the clocks change in between."""
    return timing.days_before_at(visit.day, days, REMINDERS_AT, visit.clinic.tz)


def _told(visit: Appointment) -> Message | None:
    """The last the patient was told of this visit, if that was when it is; None where she knows of none.

    A notice counts once its minute has passed, unless it was withdrawn or can never reach her.
    """
    alone = Message.objects.filter(about=visit.ref, kind__in=[CONFIRMED, CHANGED, CANCELLED])
    notices = alone | _course_notices([visit])
    last = (
        notices.exclude(state__in=[State.HELD, *DID_NOT_GO])
        .exclude(state=State.DUE, send_at__gt=clock.now())
        .order_by("-send_at", "-pk")
        .first()
    )
    return last if last is not None and last.kind not in TAKES_BACK else None


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
