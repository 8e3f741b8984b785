"""Booked visits that a change of hours, rooms or devices leaves without their place: read first, and then it counts.

What a visit is lies further along the path: whoever keeps the diary registers how such visits are found.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.errors import DomainError
from clinic.models import Clinic


@dataclass(frozen=True)
class Touched:
    """One such visit in words. `starts_at` in the clinic's zone."""

    ref: UUID
    starts_at: datetime
    patient: str
    kind: str
    clinician: str
    room: str
    why: str
    url: str


class TouchesVisits(DomainError):
    """Not done yet: these visits have to be read first. `seen` names them; with it the same press goes through."""

    def __init__(self, visits: list[Touched]) -> None:
        super().__init__("Booked visits are touched. Read which ones before you save.")
        self.visits = visits
        self.seen = fingerprint(visit.ref for visit in visits)


Finder = Callable[[Clinic], list[Touched]]
_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """The keeper of the diary names the visits to come that cannot be as they stand."""
    if finder not in _finders:
        _finders.append(finder)


@contextmanager
def read_first(clinic: Clinic, seen: str) -> Iterator[None]:
    """Around a change, inside its transaction: raises TouchesVisits where it touches visits that nobody has read.

    `seen`: what an earlier TouchesVisits said. A visit booked in between makes another list, so it is shown again.
    """
    before = {visit.ref for visit in _touched(clinic)}
    yield
    newly = [visit for visit in _touched(clinic) if visit.ref not in before]
    if newly and fingerprint(visit.ref for visit in newly) != seen:
        raise TouchesVisits(newly)


def fingerprint(refs: Iterable[UUID]) -> str:
    return hashlib.sha256(" ".join(sorted(str(ref) for ref in refs)).encode()).hexdigest()


def _touched(clinic: Clinic) -> list[Touched]:
    return [visit for finder in _finders for visit in finder(clinic)]
