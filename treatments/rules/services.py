"""Which protocol is in force, who answers for it, and what the clinic treats with."""

from collections.abc import Mapping
from functools import lru_cache

from django.db import transaction

from clinic import audit
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from treatments.protocol.catalogue import Catalogue, completed, load, parse
from treatments.rules import labels
from treatments.rules.models import Anaesthetic, Device, ProtocolAdoption, ProtocolSignOff, ProtocolVersion


class NotSignedOff(DomainError):
    """The shipped defaults are no advice until a prescriber of this clinic has answered for them."""


def shipped() -> ProtocolVersion:
    """The published row of the catalogue this software brings; published at its first use."""
    catalogue = load()
    protocol, _ = ProtocolVersion.objects.get_or_create(
        sha256=catalogue.sha256, defaults={"version": catalogue.version, "toml": catalogue.text}
    )
    return protocol


def version_of(sha256: str) -> ProtocolVersion:
    """The published row with this hash of its text."""
    return shipped() if sha256 == load().sha256 else ProtocolVersion.objects.get(sha256=sha256)


def in_force(clinic: Clinic) -> ProtocolVersion:
    """The version a clinic works by: the one it adopted last. Until it has adopted one it is the shipped one."""
    adopted = clinic.protocol_adoptions.select_related("protocol").first()
    return adopted.protocol if adopted else shipped()


def catalogue_of(protocol: ProtocolVersion) -> Catalogue:
    """The rules as they were published: what was decided under them is told in their words. Raises `BadCatalogue` where
    this software no longer reads a version that old."""
    return published(protocol.sha256)


def published(sha256: str) -> Catalogue:
    """The same, by the hash of the text."""
    catalogue = load()
    return catalogue if sha256 == catalogue.sha256 else _read(sha256)


@lru_cache(maxsize=8)
def _read(sha256: str) -> Catalogue:
    # Published rows never change, so a catalogue read once stays right. One from before unwanted effects were listed
    # takes them from the shipped one: a reaction can be written down whatever version a clinic has signed.
    return completed(parse(ProtocolVersion.objects.get(sha256=sha256).toml.encode()), load())


@transaction.atomic
def adopt(*, clinic: Clinic, protocol: ProtocolVersion, by: Membership) -> ProtocolAdoption:
    """Work by this version from now on, with the clinic's own values on top. Raises DomainError for anyone but a
    prescriber: a new version may be looser than the one before it. It still has to be signed."""
    if not by.has(Role.PRESCRIBER):
        raise DomainError("Only a prescriber can adopt a protocol version.")
    return _adopt(clinic, protocol, by)


def _adopt(clinic: Clinic, protocol: ProtocolVersion, by: Membership) -> ProtocolAdoption:
    adopted = ProtocolAdoption.objects.create(clinic=clinic, protocol=protocol, adopted_by=by.user)
    clinic.refresh_from_db(fields=["rules_version"])
    audit.record("protocol.adopted", adopted, by=by.user, clinic=clinic, version=protocol.version)
    return adopted


@transaction.atomic
def sign_off(*, clinic: Clinic, by: Membership) -> ProtocolSignOff:
    """A prescriber answers for the protocol in force. Raises DomainError for anyone else.

    The first signature also adopts it: what a clinic has signed stays in force, whatever a new release brings.
    """
    if not by.has(Role.PRESCRIBER):
        raise DomainError("Only a prescriber can sign the protocol.")
    protocol = in_force(clinic)
    signed, is_new = ProtocolSignOff.objects.get_or_create(
        clinic=clinic, protocol=protocol, defaults={"signed_by": by.user}
    )
    if is_new:
        audit.record("protocol.signed_off", signed, by=by.user, clinic=clinic, version=signed.protocol.version)
    if not clinic.protocol_adoptions.exists():
        _adopt(clinic, protocol, by)
    return signed


def require_sign_off(clinic: Clinic) -> None:
    """What must be true of a real clinic before it treats anyone: its numbers, and a signature under the protocol in force.

    Raises NotSignedOff with what to do.
    """
    if clinic.is_demo:
        return
    protocol = in_force(clinic)
    if not clinic.urgent_phone or not clinic.emergency_number:
        raise NotSignedOff(
            "Set the clinic's urgent and emergency numbers in Settings first: every aftercare message prints them."
        )
    if not clinic.protocol_sign_offs.filter(protocol=protocol).exists():
        raise NotSignedOff(
            f"A prescriber must sign protocol {protocol.version} in Settings before a plan is activated."
        )


@transaction.atomic
def add_device(*, clinic: Clinic, by: User, max_depth_mm: Mapping[str, object] | None = None, **details) -> Device:
    """List a device with the depths of its label. Raises DomainError where they cannot be read (`labels.device_depths`)."""
    depths = labels.device_depths(max_depth_mm or {}, catalogue_of(in_force(clinic)))
    device = Device.objects.create(clinic=clinic, max_depth_mm=depths, **details)
    audit.record("device.added", device, by=by)
    return device


@transaction.atomic
def add_anaesthetic(*, clinic: Clinic, by: User, actives: Mapping[str, object], **details) -> Anaesthetic:
    """List a numbing product as its label describes it. Raises DomainError, at its field, where the label cannot be
    (`labels.cream_actives`, `labels.refuse_odd_label`)."""
    anaesthetic = Anaesthetic(clinic=clinic, actives=labels.cream_actives(actives), **details)
    _complete(anaesthetic)
    with explained():
        anaesthetic.save()
    audit.record("anaesthetic.added", anaesthetic, by=by)
    return anaesthetic


@transaction.atomic
def change_anaesthetic(*, anaesthetic: Anaesthetic, by: User, actives: Mapping[str, object], **details) -> Anaesthetic:
    """Write down what the label says now. The chair works with it from the next look on; a session that is signed keeps the
    label it was signed with. Raises DomainError as `add_anaesthetic` does."""
    rows = Anaesthetic.objects.select_for_update(of=("self",), no_key=True).select_related("clinic")
    anaesthetic = rows.get(pk=anaesthetic.pk)
    details["actives"] = labels.cream_actives(actives)
    before = {name: getattr(anaesthetic, name) for name in details}
    for name, value in details.items():
        setattr(anaesthetic, name, value)
    _complete(anaesthetic)
    if changed := sorted(name for name, value in before.items() if getattr(anaesthetic, name) != value):
        with explained():
            anaesthetic.save(update_fields=changed)
        audit.record("anaesthetic.changed", anaesthetic, by=by, fields=changed)
    return anaesthetic


@transaction.atomic
def use_anaesthetic(*, anaesthetic: Anaesthetic, in_use: bool, by: User) -> Anaesthetic:
    """Offered at the chair from now on, or not any more. A session that names it keeps it."""
    anaesthetic = Anaesthetic.objects.select_for_update(of=("self",), no_key=True).get(pk=anaesthetic.pk)
    if anaesthetic.in_use != in_use:
        anaesthetic.in_use = in_use
        anaesthetic.save(update_fields=["in_use"])
        audit.record("anaesthetic.in_use" if in_use else "anaesthetic.out_of_use", anaesthetic, by=by)
    return anaesthetic


def _complete(anaesthetic: Anaesthetic) -> None:
    """Refuse what no label says; a strong product is prescription only, ticked or not."""
    catalogue = catalogue_of(in_force(anaesthetic.clinic))
    labels.refuse_odd_label(
        actives=anaesthetic.actives,
        contact_minutes=anaesthetic.contact_minutes,
        max_contact_minutes=anaesthetic.max_contact_minutes,
        catalogue=catalogue,
    )
    anaesthetic.prescription_only = anaesthetic.prescription_only or labels.is_strong(anaesthetic.actives, catalogue)
    others = anaesthetic.clinic.anaesthetics.filter(name__iexact=anaesthetic.name).exclude(pk=anaesthetic.pk)
    if others.exists():
        raise DomainError("Another product has this name already. Choose another one.", field="name")
