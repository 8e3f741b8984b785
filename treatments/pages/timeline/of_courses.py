"""What happened to her courses on their way. The desk reads that it did, and the reasons that it may give itself."""

from datetime import datetime

from django.db.models import Case, Value, When
from django.urls import reverse

from treatments.pages.timeline.entries import Entry, Kind, day, same, shortened
from treatments.plans import reasons
from treatments.plans.models import CourseChange
from treatments.protocol.catalogue import Catalogue


def _course_change(row: dict, at: datetime, catalogue: Catalogue) -> Entry:
    """The desk reads no words beside the reason: they may be of medicine whatever it is."""
    what = CourseChange.What(row["what"])
    why = shortened(reasons.words(what, row["reason"], row.get("note", "")))
    lines = [_what_it_did(what, row["facts"], clinical="note" in row), why, f"By {row['who']}"]
    return Entry(
        at=at,
        kind="Course",
        title=f"Course {what.label.lower()}",
        lines=[line for line in lines if line],
        url=reverse("treatments:course", args=[row["plan"]]),
        chip=("note", "Undone") if row["undone_at"] else None,
        void=bool(row["undone_at"]),
    )


def _what_it_did(what: CourseChange.What, did: dict, *, clinical: bool) -> str:
    gone = len(did.get("visits", ()))
    said = {
        CourseChange.What.PAUSED: f"Until {day(did['until'])}" if did.get("until") else "Without an end yet",
        CourseChange.What.RESUMED: "The next session begins less deep" if clinical and did.get("less_deep") else "",
    }
    counts = f"{did['count_before']} to {did['count']} sessions" if "count" in did else ""
    instead = f"Plan {did['plan']} takes its place" if "plan" in did else ""
    asked = "The consent is asked for again" if did.get("consents") else ""
    cancelled = f"{gone} visit{'' if gone == 1 else 's'} cancelled" if gone else ""
    return ". ".join(filter(None, [said.get(what, ""), counts, instead, asked, cancelled]))


_FOR_THE_DESK = Case(When(reason__in=reasons.BY_DESK, then="reason"), default=Value(""))
KINDS = (
    Kind(
        "course_changes", "Course changes", CourseChange, "made_at",
        same("what", "facts", "undone_at") | {"who": "made_by__full_name", "plan": "plan__ref", "reason": _FOR_THE_DESK},
        _course_change, clinical=False, for_clinicians=same("reason", "note"),
    ),
)  # fmt: skip
