"""What patients told us about visits that are ahead: answers that a clinician has to look at, and wishes for another time.

Nothing here is clinical: the desk reads whom to hold back and whom to ring. Who asked to be called back leaves the lists until
that day, or until she tells us more. One query for both lists.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from clinic.models import Clinic, ClinicNow
from clinic.templatetags.clinic_ui import day as day_words
from treatments.appointments.by_patient.models import ChangeReport, MoveRequest
from treatments.appointments.by_patient.wishes import Wishes
from treatments.appointments.calls.heard import heard_about
from treatments.appointments.models import COMING, Appointment
from treatments.pages.worklists.call_rows import Call, CallList, Sorter, near_day, session_words

SHOWN_OF_VISIT = ("kind", "day", "starts_at")
OF_PATIENT = ("given_name", "family_name", "phone")
OF_WISHES = ("wished_starts", "weekdays", "from_time", "until_time", "note")
AHEAD = Q(visit__status__in=COMING, visit__during__endswith__gt=ClinicNow())
# Of reports: those that need a look and have had none, of visits that stand as she saw them and are ahead. Of wishes: those
# that stand, of visits that are ahead.
WAITS_FOR_A_LOOK = AHEAD & Q(seen_at=None, needs_a_look=True, visit__schedule_version=F("visit_version"))
WAITS_FOR_A_TIME = AHEAD & Q(ended_at=None)


def told_of_clinic() -> dict[str, ArraySubquery]:
    """For a query of clinics: the lines of both lists as JSON objects, `reports` and `wishes`, each in order of the visits."""
    mine = {"visit__clinic": OuterRef("pk")}
    # Of several reports about one visit a line speaks of the newest.
    newest = to_look_at().filter(visit=OuterRef("visit")).order_by("-pk").values("pk")[:1]
    return {
        "reports": ArraySubquery(
            _shown(to_look_at().filter(**mine, pk=Subquery(newest)), "answered_at", "changed", "heard_by")
        ),
        "wishes": ArraySubquery(_shown(waiting_for_a_time().filter(**mine), "asked_at", *OF_WISHES)),
    }


def told_now(clinic: Clinic, **beside: ArraySubquery) -> dict[str, Any]:
    """`told_of_clinic` of one clinic, and what else a page reads of it. One query."""
    return Clinic.objects.filter(pk=clinic.pk).values("pk").annotate(**told_of_clinic(), **beside).get()


def told_lists(told: Mapping[str, Any], clinic: Clinic, *, sorter: Sorter) -> tuple[CallList, CallList]:
    """Answers to look at and wishes for another time, of what `told_of_clinic` found; the sorter keeps those who are called
    back later. No query."""
    return _reports_list(told["reports"], sorter), _wishes_list(told["wishes"], clinic, sorter)


def refs_told(told: Mapping[str, Any]) -> list[str]:
    """Which lines there are and what came of the last call about each, for a page that asks whether anything changed."""
    rows = (*told["reports"], *told["wishes"])
    return [ref for row in rows for ref in (row["ref"], *(call["ref"] for call in row["calls"][:1]))]


def to_look_at() -> QuerySet[ChangeReport]:
    return ChangeReport.objects.filter(WAITS_FOR_A_LOOK)


def waiting_for_a_time() -> QuerySet[MoveRequest]:
    return MoveRequest.objects.filter(WAITS_FOR_A_TIME)


def _shown(rows: QuerySet, *own: str) -> QuerySet:
    shown = JSONObject(
        ref="ref",
        calls=F("calls"),
        visit_ref="visit__ref",
        **{name: name for name in own},
        **{name: f"visit__{name}" for name in SHOWN_OF_VISIT},
        **{name: f"patient__{name}" for name in OF_PATIENT},
        patient_ref="patient__ref",
        number="visit__planned_session__number",
        of_sessions="visit__planned_session__plan__sessions_planned",
    )
    called = heard_about("visit", "visit", version="visit__schedule_version")
    return rows.annotate(calls=called).annotate(shown=shown).order_by("visit__during", "pk").values("shown")


def _reports_list(rows: Iterable[dict], sorter: Sorter) -> CallList:
    found = CallList(
        "answers-changed",
        "Answers changed",
        "s-ask",
        "No answer before a visit waits for a clinician.",
        means="They answered again from a mail or rang, and as they say it the visit may not be possible. A clinician looks first; "
        "then somebody calls.",
    )
    for row in rows:
        what = (
            "Something changed, by telephone"
            if row["heard_by"]
            else "Answers changed"
            if row["changed"]
            else "Answered again"
        )
        say = f"{what}: a clinician must look before the visit"
        call = _call(row, sorter.today, leads_to="change_report", say=say, act="Open", hue="stop")
        _add(sorter, found, call, row, since=row["answered_at"])
    return found


def _wishes_list(rows: Iterable[dict], clinic: Clinic, sorter: Sorter) -> CallList:
    found = CallList(
        "asked-to-move",
        "Asked for another time",
        "swap",
        "Nobody waits for another time.",
        means="They asked from a mail and were told that we call. Nothing was moved, and no time is kept for them.",
    )
    for row in rows:
        say = f"Asked {day_words(datetime.fromisoformat(row['asked_at']).astimezone(clinic.tz))}: {wishes_of(row).words(clinic.tz)}"
        call = _call(row, sorter.today, leads_to="move_request", say=say, act="Look for a time", hue="ask")
        _add(sorter, found, call, row, since=row["asked_at"])
    return found


def _add(sorter: Sorter, into: CallList, call: Call, row: dict, *, since: str) -> None:
    """`since`: when she said it. What she says again is new, whatever came of earlier calls."""
    sorter.add(into, call, row["calls"], about=UUID(row["visit_ref"]), since=datetime.fromisoformat(since))


def _call(row: dict, today: date, *, leads_to: str, say: str, act: str, hue: str) -> Call:
    on = date.fromisoformat(row["day"])
    return Call(
        name=f"{row['given_name']} {row['family_name']}",
        session=session_words(row["number"], row["of_sessions"], Appointment.Kind(row["kind"]).label),
        say=say,
        why=say,
        due=f"today {row['starts_at'][:5]}" if on == today else near_day(on, today),
        phone=row["phone"],
        leads_to=(leads_to, UUID(row["ref"])),
        patient_ref=UUID(row["patient_ref"]),
        act=act,
        hue=hue,
        is_read_first=True,
    )


def wishes_of(row: dict) -> Wishes:
    """Of a row that holds OF_WISHES."""
    return Wishes(
        starts=tuple(datetime.fromisoformat(start) for start in row["wished_starts"]),
        weekdays=tuple(row["weekdays"]),
        from_time=_time(row["from_time"]),
        until_time=_time(row["until_time"]),
        note=row["note"],
    )


def _time(said: str | None) -> time | None:
    return time.fromisoformat(said) if said else None
