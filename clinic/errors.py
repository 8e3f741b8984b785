"""Refusals in sentences. A service raises a DomainError; the form shows it where it belongs."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, IntegrityError, InternalError, OperationalError

# One sentence a constraint of ours that a person can run into. `tests/test_constraints.py` holds the list complete.
CONSTRAINT_SENTENCES: dict[str, str] = {}


class DomainError(Exception):
    """Something the clinic's rules refuse, in a sentence that says what to do."""

    def __init__(self, sentence: str, *, field: str | None = None, code: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.code = code or type(self).__name__

    def __str__(self) -> str:
        return self.sentence


class ConstraintRefused(DomainError):
    """The database refused what a form or service had let through; `code` is the constraint's name."""


class Busy(DomainError):
    """Somebody else holds the rows we need; trying again is safe."""


def register_sentences(sentences: dict[str, str]) -> None:
    """Owners of constraints say here what each means to a person."""
    CONSTRAINT_SENTENCES.update(sentences)


def constraint_name(exc: DatabaseError) -> str | None:
    return getattr(getattr(exc.__cause__, "diag", None), "constraint_name", None)


def explain(exc: DatabaseError) -> DomainError | None:
    """The refusal a database error stands for, or None where it is a fault of ours."""
    code = getattr(exc.__cause__, "pgcode", None)
    if code in {"40P01", "40001", "55P03"}:
        return Busy("Somebody else was changing the same booking. Nothing was saved: try again.")
    name = constraint_name(exc)
    if name in CONSTRAINT_SENTENCES:
        return ConstraintRefused(CONSTRAINT_SENTENCES[name], code=name)
    return None


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the database refuses into the sentence for it; let faults of ours through as they are."""
    try:
        yield
    except (IntegrityError, InternalError, OperationalError) as exc:
        refusal = explain(exc)
        if refusal is None:
            raise
        raise refusal from exc
