"""When a message goes. Pure: the moment, the zone and the clinic's hours are arguments.

"The day before at 10:00" is wall time in the clinic's zone, "4 hours after" is elapsed time: across a clock change the
two differ by an hour (30 minutes on Lord Howe), so each has its own function. Everything returned is aware UTC.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# A reminder that would come later than this before the visit goes on the evening before instead.
LAST_USEFUL = timedelta(hours=4)
# A message that fell due just before quiet hours may still leave: the next tick, a greylisted first try.
LATE_TICK = timedelta(minutes=10)
BACKOFF_MINUTES = (1, 5, 15, 30, 60, 120, 240)
# "Too busy just now": these replies pass quickly. Any other temporary refusal starts one step later.
QUICK_CODES = frozenset({421, 432, 451, 452})


def day_at(day: date, wall_time: time, zone: ZoneInfo) -> datetime:
    """The moment at which the clinic's clock shows `wall_time` on `day`.

    A time that the clocks jump over is taken as long after the jump as it lay after its beginning; of a time that
    happens twice the first is meant. Nobody is asked: these are times of mails, not of visits.
    """
    return datetime.combine(day, wall_time, tzinfo=zone).replace(fold=0).astimezone(UTC)


def days_before_at(day: date, days: int, wall_time: time, zone: ZoneInfo) -> datetime:
    return days_after_at(day, -days, wall_time, zone)


def days_after_at(day: date, days: int, wall_time: time, zone: ZoneInfo) -> datetime:
    return day_at(day + timedelta(days=days), wall_time, zone)


def hours_after(moment: datetime, hours: float) -> datetime:
    # Adding to a local time would count hours on the wall, not hours that pass.
    return moment.astimezone(UTC) + timedelta(hours=hours)


@dataclass(frozen=True)
class QuietHours:
    """Wall times between which the clinic sends nothing that can wait. Equal times: no quiet hours."""

    begin: time
    end: time
    zone: ZoneInfo

    def cover(self, moment: datetime) -> bool:
        wall = moment.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= wall < self.end
        return wall >= self.begin or wall < self.end

    def end_after(self, moment: datetime) -> datetime:
        """The first end of quiet hours after `moment`."""
        return min(end for end in self._around(moment, self.end, last=True) if end > moment.astimezone(UTC))

    def begin_before(self, moment: datetime) -> datetime:
        """The last beginning of quiet hours at or before `moment`."""
        return max(begin for begin in self._around(moment, self.begin, last=False) if begin <= moment.astimezone(UTC))

    def _around(self, moment: datetime, wall_time: time, *, last: bool) -> list[datetime]:
        """`wall_time` on the days around `moment`. Where it happens twice or never, the edge that keeps more quiet."""
        today = moment.astimezone(self.zone).date()
        edges = []
        for days in (-1, 0, 1):
            wall = datetime.combine(today + timedelta(days=days), wall_time, tzinfo=self.zone)
            both = [wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
            edges.append(max(both) if last else min(both))
        return edges


def outside_quiet_hours(send_at: datetime, *, expires_at: datetime, quiet: QuietHours) -> datetime:
    """`send_at`, moved out of the quiet hours: to their end, or to just before their beginning when their end would
    be less than 4 hours before the message loses its use."""
    if not quiet.cover(send_at):
        return send_at.astimezone(UTC)
    morning = quiet.end_after(send_at)
    if expires_at - morning >= LAST_USEFUL:
        return morning
    return quiet.begin_before(send_at) - timedelta(minutes=1)


def waits_until(now: datetime, *, send_at: datetime, quiet: QuietHours) -> datetime | None:
    """The end of the quiet hours that a message about to leave has to wait for, or None."""
    if not quiet.cover(now):
        return None
    if now - send_at <= LATE_TICK and not quiet.cover(send_at):
        return None
    return quiet.end_after(now)


def backoff(attempt: int, *, smtp_code: int = 451, spread: float = 0.5) -> timedelta:
    """How long to wait after the `attempt`-th try (1 is the first) was turned away.

    `spread` in [0, 1) scatters the wait over 50 to 150 % of the step, so that a backlog does not return as one.
    """
    step = attempt - 1 + (0 if smtp_code in QUICK_CODES else 1)
    return timedelta(minutes=BACKOFF_MINUTES[min(max(step, 0), len(BACKOFF_MINUTES) - 1)]) * (0.5 + spread)
