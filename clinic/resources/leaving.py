"""What ends with somebody's work at a clinic, at once and in the same transaction.

What she has open (a calendar under a secret address) lies further along the path: whoever keeps it registers how it ends.
"""

from collections.abc import Callable

from clinic.models import Membership, User

Ending = Callable[[Membership, User], None]
_endings: list[Ending] = []


def register(ending: Ending) -> None:
    """`ending(membership, by)` is called inside the transaction in which she leaves or sees no patients any more."""
    if ending not in _endings:
        _endings.append(ending)


def end_all(membership: Membership, *, by: User) -> None:
    for ending in _endings:
        ending(membership, by)
