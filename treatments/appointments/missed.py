"""What follows when a visit is missed, and when one that was missed or cancelled stands again, in the same transaction.

What she has bought lies further along the path: whoever keeps it registers what a missed visit does to it.
"""

from collections.abc import Callable

from clinic.models import User
from treatments.appointments.models import Appointment

Following = Callable[[Appointment, User], None]
_after_a_miss: list[Following] = []
_after_it_stands: list[Following] = []


def register(*, missed: Following, stands: Following) -> None:
    """`missed(visit, by)`: she did not come. `stands(visit, by)`: it was undone, or she came after all."""
    if missed not in _after_a_miss:
        _after_a_miss.append(missed)
    if stands not in _after_it_stands:
        _after_it_stands.append(stands)


def is_missed(visit: Appointment, *, by: User) -> None:
    for following in _after_a_miss:
        following(visit, by)


def stands_again(visit: Appointment, *, by: User) -> None:
    for following in _after_it_stands:
        following(visit, by)
