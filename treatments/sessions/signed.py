"""What follows when a session is signed, and when a signed one turns out to be an error, in the same transaction.

What she has bought lies further along the path: whoever keeps it registers what a session uses. Nothing that follows may stand in
the way of a signature.
"""

from collections.abc import Callable

from clinic.models import User
from treatments.sessions.models import TreatmentSession

Following = Callable[[TreatmentSession, User], None]
_after_a_signature: list[Following] = []
_after_an_error: list[Following] = []


def register(*, signed: Following, struck: Following) -> None:
    """`signed(session, by)`: completed or stopped early. `struck(session, by)`: entered in error, signed or not."""
    if signed not in _after_a_signature:
        _after_a_signature.append(signed)
    if struck not in _after_an_error:
        _after_an_error.append(struck)


def is_signed(session: TreatmentSession, *, by: User) -> None:
    for following in _after_a_signature:
        following(session, by)


def is_struck(session: TreatmentSession, *, by: User) -> None:
    for following in _after_an_error:
        following(session, by)
