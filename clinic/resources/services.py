"""Writes of what a clinic works with: its rooms, and who is in when.

Each change locks the row whose visits it may touch (clinic, person or room), as a booking does before it takes a place:
so a booking finds the change, or the change finds the booking. Where booked visits are touched, the first call raises
TouchesVisits and nothing is written; the second one, with `seen`, goes through and the visits stay booked.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Coalesce

from clinic import audit, clock
from clinic.errors import ConstraintRefused, DomainError, explained
from clinic.models import Clinic, Membership, Room, TimeOff, User, WorkingHours
from clinic.resources import last_manager, leaving, out_of_service
from clinic.resources import stretches as stretches_of_a_day
from clinic.resources.touched import read_first

LONGEST = timedelta(days=366)
AHEAD_DAYS = 731
FIELD_OF_CONSTRAINT = {"room_name_once": "name", "room_short_name_once": "short_name"}

# ── Rooms ─────────────────────────────────────────────────────────────────────


@transaction.atomic
def add_room(*, clinic: Clinic, name: str, short_name: str, by: User, position: int | None = None) -> Room:
    """A room of the clinic, after the others unless `position` says where. Raises DomainError for a name used already."""
    if position is None:
        position = clinic.rooms.aggregate(next=Coalesce(Max("position") + 1, 0))["next"]
    room = Room(clinic=clinic, name=_tidy(name), short_name=_tidy(short_name), position=position)
    _save_named(room)
    audit.record("room.created", room, by=by)
    return room


@transaction.atomic
def rename_room(*, room: Room, name: str, short_name: str, by: User) -> Room:
    room = out_of_service.locked(room)
    room.name, room.short_name = _tidy(name), _tidy(short_name)
    _save_named(room)
    audit.record("room.renamed", room, by=by)
    return room


@transaction.atomic
def shift_room(*, room: Room, up: bool, by: User) -> None:
    """One place up or down in the order in which rooms are shown and offered."""
    # Rooms are locked by id, as everywhere; their order is another.
    locked = Room.objects.select_for_update(no_key=True).filter(clinic=room.clinic_id).order_by("id")
    rooms = sorted(locked, key=lambda one: (one.position, one.pk))
    here = next(number for number, one in enumerate(rooms) if one.pk == room.pk)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(rooms):
        return
    rooms[here], rooms[there] = rooms[there], rooms[here]
    for position, one in enumerate(rooms):
        one.position = position
    Room.objects.bulk_update(rooms, ["position"])
    audit.record("room.shifted", room, by=by, up=up)


def take_room_out(*, room: Room, reason: str, by: User, seen: str = "") -> Room:
    """Nothing new is booked into it. Raises TouchesVisits for the visits that are."""
    return out_of_service.take_out(room, reason=reason, by=by, seen=seen)


def put_room_back(*, room: Room, by: User) -> Room:
    return out_of_service.put_back(room, by=by)


def _save_named(room: Room) -> None:
    for field in ("name", "short_name"):
        if not getattr(room, field):
            raise DomainError("Enter a name.", field=field)
    try:
        with explained(), transaction.atomic():
            room.save()
    except ConstraintRefused as refusal:
        raise DomainError(refusal.sentence, field=FIELD_OF_CONSTRAINT.get(refusal.code), code=refusal.code) from refusal


def _tidy(name: str) -> str:
    return " ".join(name.split())


# ── People ────────────────────────────────────────────────────────────────────


@transaction.atomic
def change_person(
    *, membership: Membership, sees_patients: bool, max_depth_mm: Decimal | None, by: User, seen: str = ""
) -> Membership:
    """Whether she sees patients, and how deep she needles herself (None: as deep as the protocol allows)."""
    membership = _locked(membership)
    before = (membership.sees_patients, membership.max_depth_mm)
    with read_first(membership.clinic, seen), explained():
        membership.sees_patients, membership.max_depth_mm = sees_patients, max_depth_mm
        membership.save(update_fields=["sees_patients", "max_depth_mm"])
        if not sees_patients:
            leaving.end_all(membership, by=by)
    pairs = zip(("sees_patients", "max_depth_mm"), before, (sees_patients, max_depth_mm), strict=True)
    audit.record("membership.changed", membership, by=by, fields=[name for name, was, now in pairs if was != now])
    return membership


@transaction.atomic
def mark_left(*, membership: Membership, by: User, seen: str = "") -> Membership:
    """She works here no more: no sign-in to this clinic, no new visit. What she has done and signed stays hers."""
    # Two managers who mark each other as gone at the same moment: the second finds that she is the only one left.
    Clinic.objects.select_for_update(no_key=True).get(pk=membership.clinic_id)
    membership = _locked(membership)
    if membership.user_id == by.pk:
        raise DomainError("You cannot mark yourself as gone. Ask another manager.")
    last_manager.refuse(membership)
    with read_first(membership.clinic, seen):
        membership.is_active = False
        membership.save(update_fields=["is_active"])
        leaving.end_all(membership, by=by)
    # On every device, at the next request. Who works elsewhere too signs in there again.
    User.objects.filter(pk=membership.user_id).update(sessions_ended=F("sessions_ended") + 1)
    audit.record("membership.left", membership, by=by)
    return membership


@transaction.atomic
def mark_back(*, membership: Membership, by: User) -> Membership:
    membership = _locked(membership)
    membership.is_active = True
    membership.save(update_fields=["is_active"])
    audit.record("membership.back", membership, by=by)
    return membership


def _locked(membership: Membership) -> Membership:
    people = Membership.objects.select_for_update(of=("self",), no_key=True).select_related("clinic", "user")
    return people.get(pk=membership.pk)


# ── Hours ─────────────────────────────────────────────────────────────────────


@transaction.atomic
def set_weekly_hours(
    *,
    membership: Membership,
    hours: Mapping[int, Iterable[tuple[time, time]]],
    by: User,
    valid_from: date | None = None,
    valid_until: date | None = None,
    seen: str = "",
) -> None:
    """Hours week after week, ISO weekday to stretches of wall time, in place of those that counted on these days.

    Without `valid_from` they count always; after `valid_until` the hours of before count again. Earlier rows are ended
    or withdrawn, none is deleted. Raises DomainError at `valid_from`, `valid_until` or `weekday_1` to `weekday_7`.
    """
    kept = {day: stretches_of_a_day.checked(found, field=f"weekday_{day}") for day, found in hours.items()}
    membership = _locked(membership)
    _refuse_odd_span(membership.clinic, valid_from, valid_until)
    with read_first(membership.clinic, seen), explained():
        for row in membership.working_hours.filter(on=None, withdrawn_at=None):
            _cut_out(row, valid_from, valid_until)
        WorkingHours.objects.bulk_create(
            WorkingHours(
                membership=membership,
                weekday=weekday,
                starts=starts,
                ends=ends,
                valid_from=valid_from,
                valid_until=valid_until,
            )
            for weekday, found in kept.items()
            for starts, ends in found
        )
    audit.record(
        "membership.hours_changed",
        membership,
        by=by,
        weekdays={str(day): stretches_of_a_day.words(found) for day, found in sorted(kept.items())},
        valid_from=_iso(valid_from),
        valid_until=_iso(valid_until),
    )


@transaction.atomic
def set_day_hours(
    *,
    membership: Membership,
    on: date,
    stretches: Iterable[tuple[time, time]],
    by: User,
    reason: str = "",
    seen: str = "",
) -> None:
    """Hours of one day in place of its weekly ones; no stretch at all means not in.

    Raises DomainError at `on` or `hours`, also for a time that a clock change leaps over on that day.
    """
    kept = stretches_of_a_day.checked(stretches, field="hours")
    membership = _locked(membership)
    _refuse_odd_day(membership.clinic, on)
    for moment in (wall for stretch in kept for wall in stretch):
        clock.resolve(on, moment, membership.clinic.tz, fold=0, field="hours")
    with read_first(membership.clinic, seen), explained():
        _withdraw_day(membership, on)
        WorkingHours.objects.bulk_create(
            WorkingHours(membership=membership, on=on, starts=starts, ends=ends, reason=reason.strip())
            for starts, ends in kept or [(None, None)]
        )
    audit.record("membership.day_hours_set", membership, by=by, on=on.isoformat(), hours=stretches_of_a_day.words(kept))


@transaction.atomic
def forget_day_hours(*, membership: Membership, on: date, by: User, seen: str = "") -> None:
    """The weekly hours count again on this day."""
    membership = _locked(membership)
    _refuse_odd_day(membership.clinic, on)
    with read_first(membership.clinic, seen):
        _withdraw_day(membership, on)
    audit.record("membership.day_hours_withdrawn", membership, by=by, on=on.isoformat())


def _withdraw_day(membership: Membership, on: date) -> None:
    membership.working_hours.filter(on=on, withdrawn_at=None).update(withdrawn_at=clock.now())


def _cut_out(row: WorkingHours, first: date | None, last: date | None) -> None:
    """Take the days from `first` to `last` out of a row's validity: what lies before ends, what lies after begins anew."""
    if last is not None and row.valid_from is not None and row.valid_from > last:
        return
    if first is not None and row.valid_until is not None and row.valid_until < first:
        return
    until = row.valid_until
    if first is not None and (row.valid_from is None or row.valid_from < first):
        row.valid_until = first - timedelta(days=1)
    else:
        row.withdrawn_at = clock.now()
    row.save(update_fields=["valid_until", "withdrawn_at"])
    if last is not None and (until is None or until > last):
        WorkingHours.objects.create(
            membership_id=row.membership_id,
            weekday=row.weekday,
            starts=row.starts,
            ends=row.ends,
            valid_from=last + timedelta(days=1),
            valid_until=until,
        )


def _refuse_odd_span(clinic: Clinic, first: date | None, last: date | None) -> None:
    today = clock.today(clinic)
    if first is not None:
        if first < today:
            raise DomainError(
                "What was worked on past days stays as it was. Choose today or a later day.", field="valid_from"
            )
        _refuse_too_far(first, today, "valid_from")
    if last is not None:
        if last < (first or today):
            raise DomainError("The last day of these hours lies before the first.", field="valid_until")
        _refuse_too_far(last, today, "valid_until")


def _refuse_odd_day(clinic: Clinic, on: date) -> None:
    today = clock.today(clinic)
    if on < today:
        raise DomainError("This day is over and stays as it was. Choose today or a later day.", field="on")
    _refuse_too_far(on, today, "on")


def _refuse_too_far(day: date, today: date, field: str) -> None:
    if (day - today).days > AHEAD_DAYS:
        raise DomainError("Choose a day within the next two years.", field=field)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


# ── Away and closed ───────────────────────────────────────────────────────────


@transaction.atomic
def add_time_off(
    *,
    clinic: Clinic,
    membership: Membership | None,
    first_day: date,
    last_day: date,
    by: User,
    from_time: time | None = None,
    until_time: time | None = None,
    reason: str = "",
    seen: str = "",
) -> TimeOff:
    """Away from `from_time` of the first day (else its beginning) to `until_time` of the last (else its end).

    Without `membership` the whole clinic is closed. Raises DomainError at `first_day`, `last_day`, `from_time` or
    `until_time`, also for a time that a clock change leaps over.
    """
    clinic = _locked_clinic(clinic) if membership is None else _locked(membership).clinic
    during = _span(clinic, first_day, last_day, from_time, until_time)
    with read_first(clinic, seen), explained():
        away = TimeOff.objects.create(clinic=clinic, membership=membership, during=during, reason=reason.strip())
        away.refresh_from_db(fields=["during"])
    audit.record(
        "clinic.closed" if membership is None else "membership.time_off_added",
        away,
        by=by,
        first_day=first_day.isoformat(),
        last_day=last_day.isoformat(),
        membership=str(membership.ref) if membership else None,
    )
    return away


@transaction.atomic
def end_time_off(*, time_off: TimeOff, by: User) -> TimeOff:
    """Take it back: withdrawn where it has not begun, else over from now on. What is over stays as it was."""
    away = TimeOff.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=time_off.pk)
    now = clock.now()
    if away.withdrawn_at is not None:
        return away
    if away.during.upper <= now:
        raise DomainError("This is over and stays as it was.")
    if away.during.lower < now:
        away.during = (away.during.lower, now)
    else:
        away.withdrawn_at = now
    away.save(update_fields=["during", "withdrawn_at"])
    audit.record("time_off.ended", away, by=by)
    return away


def _locked_clinic(clinic: Clinic) -> Clinic:
    # Whoever books holds this row as well, so that nothing is booked onto a day while it is being closed.
    return Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)


def _span(
    clinic: Clinic, first_day: date, last_day: date, from_time: time | None, until_time: time | None
) -> tuple[datetime, datetime]:
    today = clock.today(clinic)
    if last_day < first_day:
        raise DomainError("The last day lies before the first. Choose a later one.", field="last_day")
    if last_day - first_day >= LONGEST:
        raise DomainError("This is longer than a year. Enter at most one year, and the rest later.", field="last_day")
    if (today - first_day).days > LONGEST.days:
        raise DomainError("This lies more than a year back. Choose a later day.", field="first_day")
    _refuse_too_far(first_day, today, "first_day")
    begin, end = clock.day_bounds(first_day, clinic.tz)[0], clock.day_bounds(last_day, clinic.tz)[1]
    if from_time is not None:
        begin = clock.resolve(first_day, from_time, clinic.tz, fold=0, field="from_time")
    if until_time is not None:
        end = clock.resolve(last_day, until_time, clinic.tz, fold=1, field="until_time")
    if end <= begin:
        raise DomainError("The end lies before the beginning. Choose a later time.", field="until_time")
    return begin, end
