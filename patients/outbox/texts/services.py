"""What a manager does with a text: put words of the clinic's own in force, or the shipped ones again.

Nothing is overwritten: each version is a row that stays. Letters are written as they leave, so what waits is written by the
new words, and what was sent keeps the words it was sent with.
"""

from django.db import transaction

from clinic import audit
from clinic.errors import DomainError, explained
from clinic.models import Clinic, User
from patients.outbox.texts import checks, chosen
from patients.outbox.texts.chosen import ChosenText
from patients.outbox.texts.models import MessageText
from patients.outbox.texts.shipped import FIRST_OF_A_CLINIC, ShippedText, library


class TextRefused(DomainError):
    """The text must not be sent like this. `sentences` says everything that stands against it, the first is the error's."""

    def __init__(self, sentences: list[str], *, field: str | None = None) -> None:
        super().__init__(sentences[0], field=field)
        self.sentences = sentences


def tidy(source: str) -> str:
    """As it is kept: line ends of one kind, none at the beginning, one at the end."""
    lines = [line.rstrip() for line in source.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")]
    return "\n".join(lines) + "\n" if any(lines) else ""


def publish(
    *, clinic: Clinic, code: str, language: str, source: str, why: str, by: User, seen_version: int
) -> MessageText:
    """Put the clinic's own words in force for every letter that has not left yet. Returns the version that is kept.

    Raises TextRefused for words that must not be sent, a missing reason, a draft language, words that are in force already, and
    where somebody else has changed the text since `seen_version`.
    """
    source = tidy(source)
    now = _editable(clinic, code, language)
    refused = checks.problems(source, code, language)
    if refused:
        raise TextRefused(refused, field="source")
    if source == tidy(now.source):
        raise TextRefused(["These are the words that count already. Nothing was changed."], field="source")
    return _keep(clinic, now, source, why=why, by=by, seen_version=seen_version)


def restore_shipped(*, clinic: Clinic, code: str, language: str, why: str, by: User, seen_version: int) -> MessageText:
    """Put the words that come with the software in force again. Raises TextRefused, as above."""
    now = _editable(clinic, code, language)
    if now.own is None and not chosen.unreadable(clinic, code, language):
        raise TextRefused(["These are the shipped words already. Nothing was changed."])
    return _keep(clinic, now, "", why=why, by=by, seen_version=seen_version)


def _editable(clinic: Clinic, code: str, language: str) -> ChosenText:
    chosen.forget(clinic)
    now = chosen.in_force(clinic, code, language)
    if now is None:
        raise TextRefused(["There is no such text in this language."])
    if now.shipped.is_draft:
        name = library().languages[language].name
        raise TextRefused([f"{name} is a draft: nobody gets it, so it cannot be put in force."])
    return now


def _keep(clinic: Clinic, now: ChosenText, source: str, *, why: str, by: User, seen_version: int) -> MessageText:
    why = " ".join(why.split())
    if not why:
        raise TextRefused(["Write why the text changes."], field="why")
    if seen_version != now.version:
        raise TextRefused(
            [
                "Somebody else has changed this text meanwhile. Read theirs, then save yours again: the next press counts."
            ]
        )
    shipped = now.shipped
    version = _next_version(clinic, shipped)
    # Two who read the same take the same number, and the database lets one of them have it.
    with explained(), transaction.atomic():
        kept = MessageText.objects.create(
            clinic=clinic,
            code=shipped.code,
            language=shipped.language,
            version=version,
            source=source,
            shipped_version=shipped.version,
            why=why[:200],
            made_by=by,
        )
        audit.record(
            "message_text.published" if source else "message_text.restored",
            kept,
            by=by,
            code=kept.code,
            language=kept.language,
            version=kept.version,
        )
    chosen.forget(clinic)
    return kept


def _next_version(clinic: Clinic, shipped: ShippedText) -> int:
    """After the newest that was read together with the words in force: a later look would number past somebody's words."""
    newest = chosen.newest(clinic).get((shipped.code, shipped.language))
    return newest.version + 1 if newest else FIRST_OF_A_CLINIC
