"""Getting started: what a clinic needs before its first patient, asked of the database line by line. Two queries."""

from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject, TruncDate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from clinic.models import Clinic, ClinicNow, Invitation, Membership, Room, StaffMail, WorkingHours
from clinic.roles import Role, allow
from clinic.staff import reading
from patients.models import ConsentText
from treatments.rules.credentials.models import Credential
from treatments.rules.models import Anaesthetic, Device, ProtocolAdoption, ProtocolSignOff
from treatments.rules.products.models import SkinProduct
from treatments.sessions.models import CartridgeLot


@dataclass(frozen=True)
class Line:
    """One thing. `why`: what does not work without it; `now`: what is under way, or whose turn it is; `may_wait`: the first
    patient can be treated without it."""

    code: str
    title: str
    why: str
    is_done: bool
    url: str
    act: str
    now: str = ""
    may_wait: bool = False


@allow(Role.MANAGER)
def getting_started(request: HttpRequest) -> HttpResponse:
    """What is done, what is left, and the page that does it."""
    lines = lines_of(request.clinic, may_sign=request.membership.has(Role.PRESCRIBER))
    last_test = request.clinic.staff_mails.filter(kind=StaffMail.Kind.TEST).first()
    context = {"lines": lines, "left": _left(lines), "test_mail": last_test and reading.test_mail_state(last_test)}
    return render(request, "treatments/pages/getting_started.html", context)


def left(clinic: Clinic) -> int:
    """How many things stand between this clinic and its first patient. One query."""
    return _left(lines_of(clinic))


def _left(lines: list[Line]) -> int:
    return sum(not (line.is_done or line.may_wait) for line in lines)


def waits_for_signature(clinic: Clinic) -> bool:
    """Whether no plan is activated here before a prescriber has signed the protocol in force. One query; none in a demo."""
    return not clinic.is_demo and not Clinic.objects.filter(Exists(_signed(OuterRef("pk"))), pk=clinic.pk).exists()


def lines_of(clinic: Clinic, *, may_sign: bool = False) -> list[Line]:
    """In the order in which a manager would do them. `may_sign`: whoever looks prescribes herself. One query."""
    found = _asked(clinic)
    details, equipment = reverse("clinic:details"), reverse("treatments:equipment")
    return [
        Line(
            "numbers", "Telephone numbers and reply address",
            "Every aftercare message prints the urgent and the emergency number; without them no plan is activated.",
            bool(clinic.urgent_phone and clinic.emergency_number and clinic.reply_to), details, "Enter them",
        ),
        Line(
            "rooms", "A room", "A visit is booked into a room.",
            found.has_room, _settings("rooms") if found.has_room else reverse("clinic:room_new"), "Add a room",
        ),
        _somebody_who_treats(found),
        _prescriber(found),
        Line(
            "device", "A device", "How deep a session may go comes from the label of the device.",
            found.has_device, equipment, "Enter the device",
        ),
        Line(
            "lot", "A cartridge lot", "Which cartridge was used is written down with every session.",
            found.has_lot, reverse("treatments:lots"), "Enter the lot",
        ),
        _protocol(found, may_sign=may_sign),
        Line(
            "mail", "Mails leave", "Confirmations, aftercare and invitations go by mail. Send one to yourself.",
            found.has_sent, "", "Send a test mail", now="" if found.has_sent else "Not tried",
        ),
        *_what_may_wait(found),
    ]  # fmt: skip


def _somebody_who_treats(found: Clinic) -> Line:
    """Whoever treats and has no hours, or may treat and has no column, is named; whoever is invited is waited for."""
    if found.without_column and not found.has_treating:
        url, act = reverse("clinic:person_change", args=[found.without_column["ref"]]), "Give her a column"
        now = f"{found.without_column['name']} may treat, and is not said to see patients"
    elif found.idle:
        url, act, now = (
            reverse("clinic:person_hours", args=[found.idle["ref"]]), "Enter her hours", f"{found.idle['name']} has none"
        )  # fmt: skip
    elif found.has_treating or not found.invited_to_treat:
        url, act, now = _settings("people") if found.has_treating else reverse("clinic:invite"), "Invite somebody", ""
    else:
        url, act, now = reverse("clinic:invitations"), "Look at the invitation", _not_begun(found.invited_to_treat)
    return Line(
        "staff", "Somebody who sees patients, with hours", "Visits are offered in the hours of somebody who treats.",
        found.has_treating and not found.idle, url, act, now,
    )  # fmt: skip


def _prescriber(found: Clinic) -> Line:
    url, act, now = _settings("people"), "Give the role", ""
    if found.unlicensed and not found.has_prescriber:
        url, act = reverse("clinic:person_roles", args=[found.unlicensed["ref"]]), "Enter the licence"
        now = f"{found.unlicensed['name']} prescribes, and no licence is on record"
    elif found.invited_to_prescribe and not found.has_prescriber:
        url, act, now = reverse("clinic:invitations"), "Look at the invitation", _not_begun(found.invited_to_prescribe)
    return Line(
        "prescriber", "A prescriber with a licence",
        "Only a prescriber signs the protocol and decides what the rules leave to her.", found.has_prescriber, url, act, now,
    )  # fmt: skip


def _protocol(found: Clinic, *, may_sign: bool) -> Line:
    """A manager who does not prescribe reads who does: the page has no button for her."""
    act, now = "Read and sign", ""
    if not (may_sign or found.has_signed):
        act = "Read it"
        now = "Whoever prescribes here signs it, and nobody does yet"
        if found.prescribers:
            now = f"To be signed by {' or '.join(found.prescribers)}: Today leads there"
    return Line(
        "protocol", "The protocol, adopted and signed",
        "A prescriber answers for its defaults here; without the signature no plan is activated.",
        found.has_signed, reverse("treatments:protocol"), act, now,
    )  # fmt: skip


def _what_may_wait(found: Clinic) -> list[Line]:
    return [
        Line(
            "consent", "The consent text", "The text that comes with the software counts until you publish your own.",
            found.has_consent_text, reverse("treatments:consent_texts"), "Read it", may_wait=True,
        ),
        Line(
            "numbing", "A numbing product", "Its label says how much, where and how long. None listed: nobody is numbed.",
            found.has_numbing, reverse("treatments:equipment"), "Enter the product", may_wait=True,
        ),
        Line(
            "products", "A product for needled skin", "Nothing but saline goes on it until a prescriber has approved one.",
            found.has_approved, reverse("treatments:products"), "Enter the product", may_wait=True,
            now="Listed: a prescriber approves it" if found.has_product and not found.has_approved else "",
        ),
        Line(
            "credentials", "Licences and training, with their last day",
            "You are told before one runs out, and no session is opened on one that has.",
            found.has_credential, reverse("treatments:credentials"), "Enter them", may_wait=True,
        ),
    ]  # fmt: skip


def _settings(part: str) -> str:
    return f"{reverse('clinic:settings')}#{part}"


def _not_begun(name: str) -> str:
    return f"{name} is invited and has not begun yet"


def _asked(clinic: Clinic) -> Clinic:
    """The clinic with an answer to each question, all in one statement."""
    of_clinic, today = OuterRef("pk"), TruncDate(ClinicNow(), tzinfo=clinic.tz)
    here = Membership.objects.filter(clinic=of_clinic, is_active=True).order_by("position", "id")
    treating = here.filter(sees_patients=True)
    prescribing = here.filter(roles__contains=[Role.PRESCRIBER])
    invited = Invitation.objects.filter(clinic=of_clinic, accepted_at=None, withdrawn_at=None).order_by("id")
    hours = WorkingHours.objects.filter(membership=OuterRef("pk"), withdrawn_at=None, starts__isnull=False)
    credentials = Credential.objects.filter(
        membership__clinic=of_clinic, membership__is_active=True, entered_in_error=False
    )
    products = SkinProduct.objects.filter(clinic=of_clinic, in_use=True)
    return Clinic.objects.annotate(
        has_room=Exists(Room.objects.filter(clinic=of_clinic, in_service=True)),
        has_treating=Exists(treating),
        idle=_first(treating.exclude(Exists(hours))),
        without_column=_first(here.filter(roles__overlap=[Role.CLINICIAN, Role.PRESCRIBER], sees_patients=False)),
        invited_to_treat=Subquery(invited.filter(sees_patients=True).values("full_name")[:1]),
        has_prescriber=Exists(prescribing.exclude(licence="")),
        unlicensed=_first(prescribing.filter(licence="")),
        invited_to_prescribe=Subquery(invited.filter(roles__contains=[Role.PRESCRIBER]).values("full_name")[:1]),
        prescribers=ArraySubquery(prescribing.values("user__full_name")),
        has_device=Exists(Device.objects.filter(clinic=of_clinic, in_service=True)),
        has_lot=Exists(CartridgeLot.objects.filter(clinic=of_clinic, in_use=True, expires_on__gte=today)),
        has_signed=Exists(_signed(of_clinic)),
        has_sent=Exists(StaffMail.objects.filter(clinic=of_clinic, state=StaffMail.State.SENT)),
        has_consent_text=Exists(ConsentText.objects.filter(clinic=of_clinic)),
        has_numbing=Exists(Anaesthetic.objects.filter(clinic=of_clinic, in_use=True)),
        has_product=Exists(products),
        has_approved=Exists(products.filter(approved_at__isnull=False)),
        has_credential=Exists(credentials),
    ).get(pk=clinic.pk)


def _first(people: QuerySet[Membership]) -> Subquery:
    """Ref and name of the first of them, or nothing."""
    return Subquery(people.annotate(shown=JSONObject(ref="ref", name="user__full_name")).values("shown")[:1])


def _signed(of_clinic: OuterRef) -> QuerySet[ProtocolSignOff]:
    """Under the version in force, which is the one adopted last."""
    newest = ProtocolAdoption.objects.filter(clinic=OuterRef("clinic")).order_by("-id").values("protocol")[:1]
    return ProtocolSignOff.objects.annotate(in_force=Subquery(newest)).filter(clinic=of_clinic, protocol=F("in_force"))
