"""Consent: the text that was shown, word for word, and the signature under it."""

import hashlib
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from uuid import UUID

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, User
from patients.models import Consent, ConsentText, DepthClass, Patient
from patients.search import plain

SHIPPED = Path(__file__).resolve().parent.parent / "consent_texts"
SHIPPED_TITLE = "Consent to microneedling"
FALLBACK_LANGUAGE = "en"
VALID_MONTHS = 12
NAME_LENGTH = 160

# The pad is 600 by 200; a finger leaves some hundred points. A dot or a dash is no signature.
SIGNATURE_LENGTH = 20_000
LEAST_POINTS, LEAST_WIDTH, LEAST_HEIGHT = 8, 30, 10
PAD_WIDTH, PAD_HEIGHT = 600, 200
COORDINATES = {"M": 2, "L": 2, "Q": 4, "C": 6}
NUMBER = r"-?\d{1,4}(?:\.\d{1,4})?"
PATH = re.compile(rf"M ?{NUMBER}(?:[ ,]+(?:[MLQC] ?)?{NUMBER}|[MLQC] ?{NUMBER})*", re.ASCII)
SEGMENT = re.compile(r"([MLQC])([^MLQC]*)")


class TextChanged(DomainError):
    """Other words are in force than those that were read."""

    def __init__(self) -> None:
        super().__init__("The text has changed since it was read. Nothing was signed: read it again and sign then.")


@dataclass(frozen=True)
class Treatment:
    """What the plan asks consent for, in words for the patient. `notes`: one sentence each about her in particular."""

    concerns: str = "what is written in your treatment plan"
    zones: str = "the areas named in your treatment plan"
    sessions: str = "the sessions of your treatment plan"
    depth_class: int = DepthClass.DERMAL
    anaesthetic: str = "numbing cream, if you want it"
    notes: tuple[str, ...] = ()


def current_text(*, clinic: Clinic, language: str = FALLBACK_LANGUAGE) -> ConsentText:
    """The text in force: the newest that was approved. A clinic that has none of its own gets the one we ship, as its
    version 1."""
    texts = ConsentText.objects.counting().filter(clinic=clinic).select_related("clinic").order_by("-version")
    return (
        texts.filter(language=language).first()
        or texts.filter(language=FALLBACK_LANGUAGE).first()
        or _publish_shipped(clinic)
    )


@transaction.atomic
def _publish_shipped(clinic: Clinic) -> ConsentText:
    body = (SHIPPED / f"{FALLBACK_LANGUAGE}.txt").read_text(encoding="utf-8")
    # Two first readers at once: one of them publishes, both read the same row.
    text, published = ConsentText.objects.get_or_create(
        clinic=clinic,
        language=FALLBACK_LANGUAGE,
        version=1,
        defaults={"title": SHIPPED_TITLE, "body": body, "sha256": sha256(body), "approved_at": clock.now()},
    )
    if published:
        audit.record("consent_text.published", text, by=None, system=True, version=1, sha256=text.sha256)
    return text


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def render_text(text: ConsentText, *, patient: Patient, treatment: Treatment | None = None) -> str:
    """The text as this patient reads it. The same inputs give the same words, to the letter: its hash is compared."""
    clinic, treatment = text.clinic, treatment or Treatment()
    return Template(text.body).substitute(
        patient_name=patient.full_name,
        born_on=f"{patient.born_on.day} {patient.born_on:%B %Y}",
        clinic_name=clinic.name,
        clinic_phone=clinic.urgent_phone or clinic.phone or "the clinic",
        emergency_number=clinic.emergency_number or "the emergency number",
        concerns=treatment.concerns,
        zones=treatment.zones,
        sessions=treatment.sessions,
        depth=DepthClass(treatment.depth_class).label,
        anaesthetic=treatment.anaesthetic,
        notes="\n".join(treatment.notes) or "Nothing beyond what is written above.",
    )


def sections(shown_text: str) -> list[dict]:
    """The text for a page: `{"title": str, "paragraphs": [str]}` for each heading, in order."""
    parts: list[dict] = []
    for line in filter(None, map(str.strip, shown_text.splitlines())):
        if line.startswith("# ") or not parts:
            parts.append({"title": line.removeprefix("# ") if line.startswith("# ") else "", "paragraphs": []})
        if not line.startswith("# "):
            parts[-1]["paragraphs"].append(line)
    return parts


@transaction.atomic
def sign(
    *,
    patient: Patient,
    text: ConsentText,
    shown_text: str,
    techniques: Collection[str],
    depth_class: int,
    about: UUID | None,
    signature_kind: str,
    signature: str,
    signed_name: str,
    witness: User,
    by: User | None,
    shown_sha256: str | None = None,
    handover: UUID | None = None,
) -> Consent:
    """Keep a signature under exactly the words that were read.

    `shown_text` is what the server renders now, `shown_sha256` what the page carried when it was read; None only where
    no page lies between the two. `about` is the ref of the plan. Drawn: `signature` is an SVG path in a box of 600 by
    200. Typed: it repeats the patient's name. `by` is empty only where she signed with nobody signed in, on a tablet that was
    handed to her (`handover`, its ref); the witness is who handed it over.
    """
    if (by is None) == (handover is None):
        raise TypeError("a signature is taken by one of us, or given on a tablet of ours")
    patient = Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=patient.pk)
    digest = sha256(shown_text)
    if shown_sha256 is not None and shown_sha256 != digest:
        raise TextChanged
    _refuse_text_not_in_force(patient, text)
    _refuse_strange_witness(patient, witness)
    if not techniques:
        raise DomainError("This consent names no treatment.")
    if signature_kind == Consent.SignatureKind.DRAWN:
        signature = drawn(signature)
        signed_name = _as_written(signed_name) or patient.full_name
    else:
        signature = signed_name = typed(signature, patient=patient)
    consent = Consent(
        patient=patient,
        about=about,
        text=text,
        shown_text=shown_text,
        shown_sha256=digest,
        techniques=sorted(set(techniques)),
        depth_class=DepthClass(depth_class),
        signature_kind=Consent.SignatureKind(signature_kind),
        signature=signature,
        signed_name=signed_name,
        signed_at=clock.now(),
        witness=witness,
    )
    with explained():
        consent.save()
    audit.record(
        "consent.signed",
        consent,
        by=by,
        clinic=patient.clinic,
        system=by is None,
        handover=str(handover) if handover else None,
        patient=str(patient.ref),
        about=str(about) if about else None,
        text=str(text.ref),
        version=text.version,
        sha256=digest,
    )
    return consent


def _refuse_text_not_in_force(patient: Patient, text: ConsentText) -> None:
    if text.clinic_id != patient.clinic_id or sha256(text.body) != text.sha256:
        raise DomainError("This text is not one the clinic has published. Open the consent page again.")
    if text.ask_again or current_text(clinic=patient.clinic, language=text.language).pk != text.pk:
        raise TextChanged


def _refuse_strange_witness(patient: Patient, witness: User) -> None:
    if not witness.memberships.filter(clinic=patient.clinic_id, is_active=True).exists():
        raise DomainError("The witness must be somebody who works here.", field="witness")


def drawn(path: str) -> str:
    """A drawn signature as it may be stored and shown; refuses what no pen has drawn."""
    path = " ".join(path.split()) if len(path) <= SIGNATURE_LENGTH else ""
    if not path:
        raise DomainError("Sign in the box, or type the full name instead.", field="signature")
    if not PATH.fullmatch(path):
        raise DomainError("The signature did not arrive whole. Clear it and sign again.", field="signature")
    points = [point for command, rest in SEGMENT.findall(path) for point in _points(command, rest)]
    across, down = ({point[axis] for point in points} for axis in (0, 1))
    outside = min(across) < 0 or max(across) > PAD_WIDTH or min(down) < 0 or max(down) > PAD_HEIGHT
    small = max(across) - min(across) < LEAST_WIDTH or max(down) - min(down) < LEAST_HEIGHT
    if outside:
        raise DomainError("The signature did not arrive whole. Clear it and sign again.", field="signature")
    if small or len(set(points)) < LEAST_POINTS:
        raise DomainError("That is too little for a signature. Clear it and sign again.", field="signature")
    return path


def _points(command: str, rest: str) -> list[tuple[float, float]]:
    numbers = [float(number) for number in re.findall(NUMBER, rest)]
    if not numbers or len(numbers) % COORDINATES[command]:
        raise DomainError("The signature did not arrive whole. Clear it and sign again.", field="signature")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def typed(name: str, *, patient: Patient) -> str:
    """A typed signature: the patient's own name, however she writes capitals and accents."""
    name = _as_written(name)
    if plain(name) != plain(patient.full_name):
        raise DomainError(f"Type the full name as it stands above: {patient.full_name}.", field="signature")
    return name


def _as_written(name: str) -> str:
    """Spaces made single; control characters and halves of characters, which no keyboard writes, left out."""
    kept = "".join(char for char in name[:NAME_LENGTH] if unicodedata.category(char) not in ("Cc", "Cs"))
    return " ".join(kept.split())


@transaction.atomic
def withdraw(*, consent: Consent, reason: str, by: User) -> Consent:
    """She has changed her mind. From now on the consent opens nothing; it stays on record."""
    Patient.objects.select_for_update().get(pk=consent.patient_id)
    consent = Consent.objects.select_for_update(of=("self",)).select_related("patient__clinic").get(pk=consent.pk)
    if consent.withdrawn_at:
        raise DomainError("This consent was withdrawn before.")
    if not reason.strip():
        raise DomainError("Write how it was withdrawn: in person, by telephone, in writing.", field="reason")
    consent.withdrawn_at, consent.withdrawn_reason = clock.now(), reason.strip()
    with explained():
        consent.save(update_fields=["withdrawn_at", "withdrawn_reason"])
    audit.record("consent.withdrawn", consent, by=by, clinic=consent.patient.clinic, patient=str(consent.patient.ref))
    return consent


def valid_consent(*, patient: Patient, techniques: Collection[str], depth_class: int, at: datetime) -> Consent | None:
    """The newest consent that covers these techniques at this depth at that moment, or None.

    Says what the database says when a session opens (`session_needs_consent`): within 12 months, not withdrawn, in a
    text not marked "ask again".
    """
    return (
        Consent.objects.filter(
            patient=patient,
            withdrawn_at__isnull=True,
            text__ask_again=False,
            techniques__contains=sorted(set(techniques)),
            depth_class__gte=depth_class,
            signed_at__gt=signed_since(at),
            signed_at__lte=at,
        )
        .select_related("text", "witness")
        .first()
    )


def signed_since(at: datetime) -> datetime:
    """12 months earlier as the database counts them, in UTC: the same day of the year before, 28 for 29 February."""
    at = at.astimezone(UTC)
    try:
        return at.replace(year=at.year - VALID_MONTHS // 12)
    except ValueError:
        return at.replace(year=at.year - VALID_MONTHS // 12, day=28)
