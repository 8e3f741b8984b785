"""Who may book over another visit on purpose, and what stands at that time already."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from clinic import audit, clock
from clinic.errors import DomainError
from clinic.models import Clinic, User
from clinic.roles import Role
from treatments.appointments.courses.models import HeldVisit
from treatments.appointments.gates import SlotTaken
from treatments.appointments.models import BLOCKING, Appointment
from treatments.appointments.places import Place
from treatments.scheduling.free_time import Stretch

MAY_OVERLAP = frozenset({Role.CLINICIAN, Role.MANAGER})
OWN_VISIT = "This patient already has a visit at that time."
REASON_LENGTH = 200
DAY = timedelta(days=1)


def allowed_reason(clinic: Clinic, reason: str, *, by: User) -> str:
    """The reason as it is kept. Raises DomainError where this person gives none: the desk finds another time, or asks."""
    reason = reason.strip()
    if not reason:
        return ""
    member = clinic.memberships.filter(user=by, is_active=True).first()
    if member is None or not member.held_roles & MAY_OVERLAP:
        raise DomainError(
            "Only a clinician or a manager books over another visit. Ask one of them, or choose another time."
        )
    if len(reason) > REASON_LENGTH:
        raise DomainError(f"Keep the reason to {REASON_LENGTH} letters.", field="reason")
    return reason


def beside(
    clinic: Clinic, place: Place, start: datetime, *, patient: int, moving: int | None = None
) -> QuerySet[Appointment]:
    """Visits that hold the clinician, the room, the device or the patient (a key) at that time, in order."""
    held = place.length.stretches(start)
    room, treated, hers = map(_range, (held.room, held.clinician, held.patient))
    meets = (
        Q(room=place.room, room_during__overlap=room)
        | Q(clinician=place.clinician, clinician_during__overlap=treated)
        | Q(patient=patient, during__overlap=hers)
    )
    if place.device is not None:
        meets |= Q(device=place.device, clinician_during__overlap=treated)
    rows = Appointment.objects.filter(meets, clinic=clinic, status__in=BLOCKING).exclude(pk=moving)
    # Nothing that meets it begins on a day further off.
    near = rows.filter(day__range=(place.day - DAY, place.day + DAY))
    return near.select_related("patient", "clinician__user", "room").order_by("during", "id")


def stands_beside(visit: Appointment, place: Place, start: datetime) -> list[Appointment]:
    """What a visit with a reason would stand beside, asked under the locks of all it takes. One that meets nothing gives its
    reason up: it would only take the visit out of the constraints. Nobody is in two visits at once, whatever the reason."""
    if not visit.overlap_reason:
        return []
    others = list(beside(visit.clinic, place, start, patient=visit.patient_id, moving=visit.pk))
    if any(other.patient_id == visit.patient_id for other in others):
        raise SlotTaken(f"Just taken: {place.words()}. {OWN_VISIT}", code="appointment_patient_free")
    needs_a_device = visit.kind == Appointment.Kind.TREATMENT and visit.clinic.devices.filter(in_service=True).exists()
    if not others and not (needs_a_device and place.device is None) and not held_beside(visit.clinic, place, start):
        visit.overlap_reason = ""
    return others


def record_overlap(visit: Appointment, others: list[Appointment], *, by: User) -> None:
    if visit.overlap_reason:
        audit.record("visit.overlap_allowed", visit, by=by, beside=[str(other.ref) for other in others])


def held_beside(clinic: Clinic, place: Place, start: datetime) -> bool:
    """Somebody holds a place there for another course, for some minutes."""
    held = place.length.stretches(start)
    meets = Q(room=place.room, room_during__overlap=_range(held.room)) | Q(
        clinician=place.clinician, clinician_during__overlap=_range(held.clinician)
    )
    return HeldVisit.objects.filter(meets, hold__clinic=clinic, hold__expires_at__gt=clock.now()).exists()


def _range(stretch: Stretch) -> tuple[datetime, datetime]:
    return stretch.start, stretch.end
