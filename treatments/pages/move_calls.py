"""One wish for another time, at the desk: what suits her, which of it is still free, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Membership, Room
from clinic.roles import Role, allow
from clinic.submissions import go_to
from treatments.appointments.by_patient.models import MoveRequest
from treatments.appointments.by_patient.times import free_for
from treatments.appointments.by_patient.wishes import Wishes
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.offers import Offer, offers
from treatments.flows import move_requests
from treatments.pages.header import patient_header
from treatments.scheduling.slots import Slot

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
OF_A_REQUEST = (
    "patient__clinic", "visit__clinic", "visit__patient__clinic", "visit__planned_session__plan__clinic",
    "visit__clinician__user", "visit__room", "ended_by",
)  # fmt: skip


@dataclass(frozen=True)
class WishedTime:
    """One start that she would like. `url` opens the mover with that place chosen; empty where nothing is free then."""

    starts_at: datetime
    url: str
    with_whom: str


@allow(*DESK)
def move_request(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Her number, her wishes in words, and a press for each time that is still free."""
    return _page(request, _request(request, ref))


@allow(*DESK, methods=["POST"])
def move_request_keep(request: HttpRequest, ref: UUID) -> HttpResponse:
    """She was rung, and the visit stays as it is."""
    asked = _request(request, ref)
    try:
        move_requests.keep(request=asked, by=request.user)
    except DomainError as refusal:
        return _page(request, _request(request, ref), refusal=refusal.sentence, status=409)
    messages.success(request, f"{asked.patient.full_name}: the visit stays as it is.")
    return go_to(request, f"{reverse('treatments:worklists')}#asked-to-move")


def _request(request: HttpRequest, ref: UUID) -> MoveRequest:
    mine = MoveRequest.objects.filter(patient__clinic=request.clinic).select_related(*OF_A_REQUEST)
    return get_object_or_404(mine, ref=ref)


def _page(request: HttpRequest, asked: MoveRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    visit, now = asked.visit, clock.now()
    may_move = asked.ended_at is None and visit.status in COMING
    planned = visit.planned_session
    context = {
        "asked": asked,
        "visit": visit,
        "patient": asked.patient,
        "wishes": Wishes.of(asked).words(visit.clinic.tz),
        "times": _times(request, asked, now) if may_move else [],
        "may_move": may_move,
        "other_url": _other_times_url(asked),
        "refusal": refusal,
        "header": patient_header(asked.patient, membership=request.membership, plan=planned.plan if planned else None),
    }
    return render(request, "treatments/pages/move_request.html", context, status=status)


def _times(request: HttpRequest, asked: MoveRequest, now: datetime) -> list[WishedTime]:
    """In the order of her wishes. Free means free now: the mover asks every gate again."""
    visit, zone = asked.visit, asked.visit.clinic.tz
    wanted = {start: start.astimezone(zone).date() for start in asked.wished_starts if start > now}
    if not wanted:
        return [WishedTime(start.astimezone(zone), "", "") for start in asked.wished_starts]
    found = free_for(visit, min(wanted.values()), max(wanted.values()), now=now)
    people = list(request.clinic.memberships.filter(sees_patients=True).select_related("user", "clinic"))
    rooms = list(request.clinic.rooms.all())
    return [_wished(visit, start, _at(visit, start, found), people, rooms) for start in asked.wished_starts]


def _at(visit: Appointment, start: datetime, found: list[Slot]) -> list[Slot]:
    """Free places at that moment, of the visit's own clinician before others."""
    there = [slot for slot in found if slot.start == start]
    return sorted(there, key=lambda slot: (slot.clinician != visit.clinician_id, slot))[:1]


def _wished(
    visit: Appointment, start: datetime, there: list[Slot], people: list[Membership], rooms: list[Room]
) -> WishedTime:
    for offer in offers(there, clinic=visit.clinic, clinicians=people, rooms=rooms):
        return WishedTime(offer.starts_at, _mover(visit, offer), f"{offer.clinician}, {offer.room}")
    return WishedTime(start.astimezone(visit.clinic.tz), "", "")


def _mover(visit: Appointment, offer: Offer) -> str:
    """A visit of a course opens with the place chosen and what has to move with it; any other with the times of that day."""
    if visit.planned_session is not None:
        return f"{reverse('treatments:rearrange', args=[visit.ref])}?{urlencode({'to': offer.value})}"
    day = offer.starts_at.date().isoformat()
    return f"{reverse('treatments:move_visit', args=[visit.ref])}?{urlencode({'first_day': day})}"


def _other_times_url(asked: MoveRequest) -> str:
    """The mover as it opens by itself, from the part of the day that suits her."""
    url = reverse("treatments:move_visit", args=[asked.visit.ref])
    if asked.until_time and asked.until_time.hour <= 12:
        return f"{url}?part=morning"
    return f"{url}?part=afternoon" if asked.from_time and 12 <= asked.from_time.hour < 17 else url
