"""Getting started: what a clinic needs before its first patient, asked of the database line by line. Two queries."""

from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from clinic.models import Clinic, ClinicNow, Membership, Room, StaffMail, WorkingHours
from clinic.roles import Role, allow
from clinic.staff import reading
from patients.models import ConsentText
from treatments.rules.models import Device, ProtocolAdoption, ProtocolSignOff
from treatments.sessions.models import CartridgeLot


@dataclass(frozen=True)
class Line:
    """One thing. `why`: what does not work without it. `url` is empty where no page does it yet. `may_wait`: the software's
    own counts until the clinic has done it."""

    code: str
    title: str
    why: str
    is_done: bool
    url: str
    act: str
    may_wait: bool = False


@allow(Role.MANAGER)
def getting_started(request: HttpRequest) -> HttpResponse:
    """What is done, what is left, and the page that does it."""
    lines = lines_of(request.clinic)
    last_test = request.clinic.staff_mails.filter(kind=StaffMail.Kind.TEST).first()
    context = {"lines": lines, "left": _left(lines), "test_mail": reading.test_mail_state(last_test)}
    return render(request, "treatments/pages/getting_started.html", context)


def left(clinic: Clinic) -> int:
    """How many things stand between this clinic and its first patient. One query."""
    return _left(lines_of(clinic))


def _left(lines: list[Line]) -> int:
    return sum(not (line.is_done or line.may_wait) for line in lines)


def lines_of(clinic: Clinic) -> list[Line]:
    """In the order in which a manager would do them. One query."""
    found = _asked(clinic)
    details, settings, equipment = reverse("clinic:details"), reverse("clinic:settings"), _page("equipment")
    people, rooms = f"{settings}#people", f"{settings}#rooms"
    return [
        Line(
            "numbers", "Telephone numbers and reply address",
            "Every aftercare message prints the urgent and the emergency number; without them no plan is activated.",
            bool(clinic.urgent_phone and clinic.emergency_number and clinic.reply_to), details, "Enter them",
        ),
        Line(
            "rooms", "A room", "A visit is booked into a room.",
            found.has_room, rooms if found.has_room else reverse("clinic:room_new"), "Add a room",
        ),
        Line(
            "staff", "Somebody who sees patients, with hours",
            "Visits are offered in the hours of somebody who treats.",
            found.has_hours and not found.has_idle, reverse("clinic:invitations") if not found.has_treating else people,
            "Enter her hours" if found.has_treating else "Invite somebody",
        ),
        Line(
            "prescriber", "A prescriber with a licence",
            "Only a prescriber signs the protocol and decides what the rules leave to her.",
            found.has_prescriber, people, "Give the role",
        ),
        Line(
            "device", "A device", "How deep a session may go comes from the label of the device.",
            found.has_device, equipment, "Enter the device",
        ),
        Line(
            "lot", "A cartridge lot", "Which cartridge was used is written down with every session.",
            found.has_lot, _page("lots") or equipment, "Enter the lot",
        ),
        Line(
            "consent", "The consent text", "The text that comes with the software counts until you publish your own.",
            found.has_consent_text, _page("consent_texts"), "Read it", may_wait=True,
        ),
        Line(
            "protocol", "The protocol, adopted and signed",
            "A prescriber answers for its defaults here; without the signature no plan is activated.",
            found.has_signed, _page("protocol"), "Read and sign",
        ),
        Line(
            "mail", "Mails leave", "Confirmations, aftercare and invitations go by mail. Send one to yourself.",
            found.has_sent, "", "Send a test mail",
        ),
    ]  # fmt: skip


def _asked(clinic: Clinic) -> Clinic:
    """The clinic with an answer to each question, all in one statement."""
    of_clinic, today = OuterRef("pk"), TruncDate(ClinicNow(), tzinfo=clinic.tz)
    here = Membership.objects.filter(clinic=of_clinic, is_active=True)
    treating = here.filter(sees_patients=True)
    hours = WorkingHours.objects.filter(membership=OuterRef("pk"), withdrawn_at=None, starts__isnull=False)
    licensed = here.filter(roles__contains=[Role.PRESCRIBER]).exclude(licence="")
    return Clinic.objects.annotate(
        has_room=Exists(Room.objects.filter(clinic=of_clinic, in_service=True)),
        has_treating=Exists(treating),
        has_hours=Exists(treating.filter(Exists(hours))),
        has_idle=Exists(treating.exclude(Exists(hours))),
        has_prescriber=Exists(licensed),
        has_device=Exists(Device.objects.filter(clinic=of_clinic, in_service=True)),
        has_lot=Exists(CartridgeLot.objects.filter(clinic=of_clinic, in_use=True, expires_on__gte=today)),
        has_consent_text=Exists(ConsentText.objects.filter(clinic=of_clinic)),
        has_signed=Exists(_signed(of_clinic)),
        has_sent=Exists(StaffMail.objects.filter(clinic=of_clinic, state=StaffMail.State.SENT)),
    ).get(pk=clinic.pk)


def _signed(of_clinic: OuterRef) -> QuerySet[ProtocolSignOff]:
    """Under the version in force, which is the one adopted last."""
    newest = ProtocolAdoption.objects.filter(clinic=OuterRef("clinic")).order_by("-id").values("protocol")[:1]
    return ProtocolSignOff.objects.annotate(in_force=Subquery(newest)).filter(clinic=of_clinic, protocol=F("in_force"))


def _page(name: str) -> str:
    """A page that another release may bring; empty until it is there."""
    try:
        return reverse(f"treatments:{name}")
    except NoReverseMatch:
        return ""
