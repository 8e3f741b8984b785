"""What a patient has bought, as pages say it: "2 left of 4, ends 3 Mar". Nothing here writes, and nothing here is clinical."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, JSONObject

from treatments.packages.models import Package, PackageEntry

What = PackageEntry.What
SHOWN = ("ref", "name", "technique", "sessions", "sessions_left", "from_on", "until_on")


@dataclass(frozen=True)
class Bought:
    """One package as it stands. `left` = sold - used - burned - refunded."""

    ref: UUID
    name: str
    technique: str
    sessions: int
    left: int
    from_on: date
    until_on: date | None
    used: int
    burned: int
    refunded: int

    def is_expired(self, on: date) -> bool:
        return self.until_on is not None and self.until_on < on

    def counts_on(self, on: date) -> bool:
        """Whether a session of that day may be taken from it, as far as days go."""
        return self.from_on <= on and not self.is_expired(on)

    def covers(self, on: date, techniques: Collection[str]) -> bool:
        return self.left > 0 and self.counts_on(on) and (not self.technique or self.technique in techniques)

    def words(self, today: date) -> str:
        """ "2 left of 4, ends 3 Mar"; "none left of 4"; "2 left of 4, expired 3 Mar"."""
        said = f"{self.left or 'none'} left of {self.sessions}"
        if self.is_expired(today):
            return f"{said}, expired {short(self.until_on, today)}"
        if self.left and self.from_on > today:
            said = f"{said}, from {short(self.from_on, today)}"
        if self.left and self.until_on is not None:
            return f"{said}, ends {short(self.until_on, today)}"
        return said

    def state(self, today: date) -> str:
        if not self.left:
            return "over"
        if self.is_expired(today):
            return "expired"
        return "valid" if self.from_on <= today else "ahead"


def short(on: date | None, today: date) -> str:
    """ "3 Mar", with its year where that is another one."""
    if on is None:
        return "no end"
    return f"{on.day} {on:%b}" if on.year == today.year else f"{on.day} {on:%b %Y}"


def shown(packages: QuerySet[Package]) -> QuerySet:
    """Packages, the oldest first, as one JSON object each: for a subquery, or a query of its own."""
    live = Q(entries__undone=False)
    counted = packages.order_by("from_on", "id").annotate(
        used=Count("entries", filter=live & Q(entries__what=What.USED)),
        burned=Count("entries", filter=live & Q(entries__what=What.BURNED)),
        refunded=-Coalesce(Sum("entries__change", filter=live & Q(entries__what=What.REFUNDED)), 0),
    )
    fields: dict[str, Any] = {name: F(name) for name in (*SHOWN, "used", "burned", "refunded")}
    return counted.annotate(shown=JSONObject(**fields)).values_list("shown", flat=True)


def of_rows(rows: Iterable[dict]) -> list[Bought]:
    """Rows of `shown`."""
    return [
        Bought(
            ref=UUID(row["ref"]),
            name=row["name"],
            technique=row["technique"],
            sessions=row["sessions"],
            left=row["sessions_left"],
            from_on=date.fromisoformat(row["from_on"]),
            until_on=date.fromisoformat(row["until_on"]) if row["until_on"] else None,
            used=row["used"],
            burned=row["burned"],
            refunded=row["refunded"],
        )
        for row in rows
    ]


def lines(bought: Iterable[Bought], today: date) -> list[tuple[str, str]]:
    """Name and words of each package that may still be used, and of the last one where none may: for a line on a page."""
    bought = list(bought)
    usable = [one for one in bought if one.state(today) in ("valid", "ahead")]
    return [(one.name, one.words(today)) for one in usable or bought[-1:]]


def not_covered(visits: Iterable[tuple[date, Collection[str]]], bought: Iterable[Bought]) -> date | None:
    """The day of the first of these visits (day and techniques, in order) that no package would cover, each taking one session
    of the oldest that covers it; None where all are."""
    packages = list(bought)
    left = {one.ref: one.left for one in packages}
    for on, techniques in visits:
        chosen = next((one for one in packages if left[one.ref] and one.covers(on, techniques)), None)
        if chosen is None:
            return on
        left[chosen.ref] -= 1
    return None
