"""Versions of the consent text: written by a manager, counting once a prescriber has approved them, never changed."""

from datetime import date

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership
from clinic.roles import Role
from patients.models import ConsentText, Patient
from patients.services import consent_wording as wording
from patients.services import consents
from patients.services.consents import Treatment


class TextRefused(DomainError):
    """The text must not be signed like this. `sentences` says everything that stands against it, the first is the error's."""

    def __init__(self, sentences: list[str], *, field: str | None = "body") -> None:
        super().__init__(sentences[0], field=field)
        self.sentences = sentences


@transaction.atomic
def write(
    *, clinic: Clinic, language: str, body: str, why: str, asks_again: bool, by: Membership, seen_version: int
) -> ConsentText:
    """Keep a new version that waits for a prescriber. `asks_again`: once it counts, earlier signatures no longer suffice.

    Raises TextRefused for words that must not be signed, DomainError at `why` without a reason, and where another version
    waits or somebody was quicker than `seen_version`, the newest that was read.
    """
    if not by.has(Role.MANAGER):
        raise DomainError("Only a manager writes the consent text.")
    _locked(clinic)
    body, why = wording.tidy(body), " ".join(why.split())
    if against := wording.problems(body, language):
        raise TextRefused(against)
    if not why:
        raise DomainError("Write why the text changes.", field="why")
    newest = newest_version(clinic, language)
    if seen_version != newest:
        raise DomainError("Somebody else has written a version meanwhile. Read theirs first.")
    if waiting_text(clinic, language):
        raise DomainError(
            "A version in this language waits for a prescriber already. Approve it or set it aside first."
        )
    in_force = text_in_force(clinic, language)
    if in_force is not None and in_force.body == body:
        raise TextRefused(["These are the words that count already. Nothing was changed."])
    with explained():
        text = ConsentText.objects.create(
            clinic=clinic,
            language=language,
            version=newest + 1,
            title=wording.languages()[language].title,
            body=body,
            sha256=consents.sha256(body),
            asks_again=asks_again,
            why=why[:200],
            made_by=by.user,
        )
    facts = {"language": language, "version": text.version, "sha256": text.sha256, "asks_again": asks_again}
    audit.record("consent_text.written", text, by=by.user, **facts)
    return text


@transaction.atomic
def approve(*, text: ConsentText, by: Membership) -> ConsentText:
    """From now on patients sign these words. Where its writer decided so, signatures under earlier versions in this language
    end in the same transaction: no session opens on them any more.

    Raises DomainError for anyone but a prescriber, and for the writer herself where somebody else here could do it.
    """
    if not by.has(Role.PRESCRIBER):
        raise DomainError("Only a prescriber approves a consent text.")
    _locked(text.clinic)
    text = ConsentText.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=text.pk)
    if text.approved_at:
        return text
    if text.set_aside_at:
        raise DomainError("This version was set aside. Write a new one.")
    if text.made_by_id == by.user_id and somebody_else(by):
        raise DomainError("You wrote this version, so somebody else approves it: it takes two people.")
    if against := wording.problems(text.body, text.language):
        raise DomainError(against[0])
    earlier = ConsentText.objects.filter(clinic=text.clinic, language=text.language, version__lt=text.version)
    if text.asks_again:
        earlier.counting().update(ask_again=True)
    text.approved_at, text.approved_by = clock.now(), by.user
    with explained():
        text.save(update_fields=["approved_at", "approved_by"])
    facts = {"language": text.language, "version": text.version, "sha256": text.sha256, "asks_again": text.asks_again}
    audit.record("consent_text.approved", text, by=by.user, **facts)
    return text


@transaction.atomic
def set_aside(*, text: ConsentText, by: Membership) -> ConsentText:
    """A version that waits does not come. It stays on record."""
    if not by.has(Role.PRESCRIBER) and not by.has(Role.MANAGER):
        raise DomainError("Only a manager or a prescriber sets a consent text aside.")
    text = ConsentText.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=text.pk)
    if text.approved_at:
        raise DomainError("This version was approved, and patients may have signed it. Write a new one instead.")
    if not text.set_aside_at:
        text.set_aside_at, text.set_aside_by = clock.now(), by.user
        text.save(update_fields=["set_aside_at", "set_aside_by"])
        audit.record("consent_text.set_aside", text, by=by.user, language=text.language, version=text.version)
    return text


def somebody_else(by: Membership) -> bool:
    """Whether a clinic has two people for it: somebody else here who could have written the text, or could approve it."""
    able = {Role.MANAGER.value, Role.PRESCRIBER.value}
    others = by.clinic.memberships.filter(is_active=True, user__is_active=True, roles__overlap=sorted(able))
    return others.exclude(pk=by.pk).exists()


def may_approve(text: ConsentText, by: Membership) -> bool:
    return by.has(Role.PRESCRIBER) and not (text.made_by_id == by.user_id and somebody_else(by))


def text_in_force(clinic: Clinic, language: str) -> ConsentText | None:
    """The newest version in this language that counts; None before there is one."""
    return clinic.consent_texts.counting().filter(language=language).order_by("-version").first()


def waiting_text(clinic: Clinic, language: str) -> ConsentText | None:
    return clinic.consent_texts.waiting().filter(language=language).first()


def newest_version(clinic: Clinic, language: str) -> int:
    """Its number, also of one that waits or was set aside; 0 before there is any."""
    newest = clinic.consent_texts.filter(language=language).order_by("-version").first()
    return newest.version if newest else 0


def source_of(clinic: Clinic, language: str) -> str:
    """The words to begin from: those that count, else the shipped ones."""
    in_force = text_in_force(clinic, language)
    return in_force.body if in_force else wording.languages()[language].shipped


def preview(clinic: Clinic, body: str) -> list[dict]:
    """The text as a patient who does not exist would read it, in sections. It must have no problem of its fields."""
    ana = Patient(clinic=clinic, given_name="Ana", family_name="Example", born_on=date(1990, 1, 31))
    hers = Treatment(
        concerns="acne scars on the face",
        zones="forehead and cheeks",
        sessions="4 sessions, about 42 days apart and never fewer than 28 days apart",
    )
    text = ConsentText(clinic=clinic, body=body)
    return consents.sections(consents.render_text(text, patient=ana, treatment=hers))


def _locked(clinic: Clinic) -> None:
    """One writer of a clinic's texts at a time: version numbers and what is in force are read before they are written."""
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
