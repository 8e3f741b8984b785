"""Four zones and a fifth whose clocks change at midnight, both hemispheres: the days on which they change in 2027."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Change:
    """`leapt`: a wall time that does not exist on `forward`. `twice`: one that comes twice on `back`."""

    zone: str
    forward: date
    leapt: time
    back: date
    twice: time

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self.tz).replace(tzinfo=None, fold=0)

    def __str__(self) -> str:
        return self.zone


CHANGES = [
    Change("Europe/London", date(2027, 3, 28), time(1, 30), date(2027, 10, 31), time(1, 30)),
    Change("America/New_York", date(2027, 3, 14), time(2, 30), date(2027, 11, 7), time(1, 30)),
    Change("Australia/Sydney", date(2027, 10, 3), time(2, 30), date(2027, 4, 4), time(2, 30)),
    Change("Pacific/Auckland", date(2027, 9, 26), time(2, 30), date(2027, 4, 4), time(2, 30)),
    # Midnight itself does not exist, and the last hour of a Saturday comes twice.
    Change("America/Santiago", date(2027, 9, 5), time(0, 30), date(2027, 4, 3), time(23, 15)),
]
