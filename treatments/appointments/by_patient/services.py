"""What a patient asks or tells us about a visit, as rows: they are added and come to an end, and are never changed.

Whoever writes here has locked the visit. A request ends in the transaction that moves or closes its visit, so one that stands
is always about the visit as it is.
"""

from datetime import datetime

from django.db.models import OuterRef, QuerySet

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import User
from patients.models import PatientLink
from treatments.appointments.by_patient.models import MoveRequest
from treatments.appointments.by_patient.wishes import Wishes
from treatments.appointments.models import COMING, Appointment

Ended = MoveRequest.Ended


def refuse_gone(visit: Appointment, version: int | None, *, link: PatientLink, now: datetime) -> None:
    """Raises DomainError where a visit is not, or no longer, as the page of this link showed it. `version`: the one shown."""
    if link.patient_id != visit.patient_id:
        raise DomainError("This link is about another visit. Open the newest message from us.")
    if visit.status == Appointment.Status.CANCELLED:
        raise DomainError("This visit was cancelled. Call us if you would like another one.")
    if visit.schedule_version != version:
        raise DomainError("This visit was moved. Look at the time as it is now, then tell us again.")
    if visit.status not in COMING or visit.during.lower <= now:
        raise DomainError("This visit has begun. Please call us.")


# ── Another time ──────────────────────────────────────────────────────────────


def standing(visit: Appointment) -> MoveRequest | None:
    """Her wish for another time, if one waits."""
    return MoveRequest.objects.filter(visit=visit, ended_at=None).first()


def standing_requests() -> QuerySet[MoveRequest]:
    """The same, for a subquery of visits."""
    return MoveRequest.objects.filter(visit=OuterRef("pk"), ended_at=None)


def add(*, visit: Appointment, wishes: Wishes, link: PatientLink) -> MoveRequest:
    """Keep what she wishes; the visit stays where it is."""
    with explained():
        request = MoveRequest.objects.create(
            patient=visit.patient,
            visit=visit,
            visit_version=visit.schedule_version,
            wished_starts=list(wishes.starts),
            weekdays=list(wishes.weekdays),
            from_time=wishes.from_time,
            until_time=wishes.until_time,
            note=wishes.note,
            link=link,
        )
    audit.record(
        "move_request.asked", request, by=None, clinic=visit.clinic, system=True, said_by="patient", link=str(link.ref)
    )
    return request


def end(*, request: MoveRequest, visit: Appointment, because: Ended, by: User | None) -> MoveRequest:
    """`by` is empty only where she did it herself."""
    request.ended_at, request.ended_by, request.ended_because = clock.now(), by, because
    return _saved(request, visit, f"move_request.{because}", by=by)


def after_a_move(visit: Appointment, *, by: User) -> None:
    """A visit has another place: her wish is met. Moved back to where it was when she asked, it waits again."""
    newest = _newest(visit)
    if newest is None:
        return
    if newest.ended_at is None:
        end(request=newest, visit=visit, because=Ended.MOVED, by=by)
    elif newest.ended_because == Ended.MOVED and _is_undone(newest, visit) and _is_where_it_was(newest, visit):
        _wait_again(newest, visit, by=by)


def after_closing(visit: Appointment, *, by: User) -> None:
    """A visit was cancelled or missed: nobody waits for another time of it."""
    newest = _newest(visit)
    if newest is not None and newest.ended_at is None:
        end(request=newest, visit=visit, because=Ended.CANCELLED, by=by)


def after_restoring(visit: Appointment, *, by: User) -> None:
    """A cancelled visit stands again, and with it the wish that ended with it."""
    newest = _newest(visit)
    if newest is not None and newest.ended_because == Ended.CANCELLED and _is_undone(newest, visit):
        _wait_again(newest, visit, by=by)


def _newest(visit: Appointment) -> MoveRequest | None:
    return MoveRequest.objects.filter(visit=visit).order_by("-pk").first()


def _is_undone(request: MoveRequest, visit: Appointment) -> bool:
    """What ended it was the change before this one, so this one takes it back."""
    return visit.schedule_version == request.visit_version + 2


def _is_where_it_was(request: MoveRequest, visit: Appointment) -> bool:
    then = visit.events.filter(schedule_version=request.visit_version).order_by("-pgh_id").first()
    return then is not None and then.during.lower == visit.during.lower


def _wait_again(request: MoveRequest, visit: Appointment, *, by: User) -> MoveRequest:
    request.ended_at, request.ended_by, request.ended_because = None, None, ""
    return _saved(request, visit, "move_request.waits_again", by=by)


def _saved(request: MoveRequest, visit: Appointment, action: str, *, by: User | None) -> MoveRequest:
    with explained():
        request.save(update_fields=["ended_at", "ended_by", "ended_because"])
    audit.record(action, request, by=by, clinic=visit.clinic, system=by is None)
    return request
