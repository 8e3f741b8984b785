"""What a patient wishes in place of the time she has: free starts that she was shown, or days and hours in general."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import ClassVar
from zoneinfo import ZoneInfo

from clinic.errors import DomainError
from clinic.templatetags.clinic_ui import day_clock
from treatments.appointments.by_patient.models import MoveRequest
from treatments.appointments.calls.wishes import wish_words

MOST_STARTS = 3
NOTE_LENGTH = 200


@dataclass(frozen=True)
class Wishes:
    """`starts`: aware moments, at most three. `weekdays`: ISO (Monday 1). Times are wall times of the clinic; what is not said
    is all the same to her."""

    starts: tuple[datetime, ...] = ()
    weekdays: tuple[int, ...] = ()
    from_time: time | None = None
    until_time: time | None = None
    note: str = ""
    # She is shown no names, so she names nobody; the words of the waiting list ask for one.
    clinician_id: ClassVar[None] = None

    @classmethod
    def of(cls, request: MoveRequest) -> "Wishes":
        return cls(
            starts=tuple(request.wished_starts),
            weekdays=tuple(request.weekdays),
            from_time=request.from_time,
            until_time=request.until_time,
            note=request.note,
        )

    @property
    def says_when(self) -> bool:
        """She named days or hours in general."""
        return bool(self.weekdays or self.from_time or self.until_time)

    def refuse_odd(self) -> None:
        """Raises DomainError, with the field it belongs to, where nobody could act on these."""
        if not (self.starts or self.says_when or self.note):
            raise DomainError("Choose a time, or tell us when it would suit you.", field="starts")
        if len(self.starts) > MOST_STARTS:
            raise DomainError("Choose three times at most.", field="starts")
        if self.from_time and self.until_time and self.until_time <= self.from_time:
            raise DomainError(
                "The time until which suits you must be later than the time from which.", field="until_time"
            )

    def words(self, zone: ZoneInfo) -> str:
        """ "Tue 16 Mar, 14:00 or Thu 18 Mar, 09:00; else Mondays, from 16:00". Without her note."""
        named = " or ".join(day_clock(start.astimezone(zone)) for start in self.starts)
        in_general = wish_words(self) if self.says_when else ""
        return "; else ".join(part for part in (named, in_general) if part) or "see what was written"
