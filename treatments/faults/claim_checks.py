"""Is what the racers were told also what stands in the diary, and did each booking happen wholly or not at all?

Compared are the files the racers wrote, also those who were killed, with the rows they left.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from treatments.appointments.models import Appointment
from treatments.faults.diary_checks import rows
from treatments.faults.intents import DONE, LED_ON, Intent

# What was written in one transaction bears its moment.
BOOKED_TOGETHER = """
SELECT extract(epoch FROM visit.booked_at), session.plan_id, CASE WHEN session.plan_id IS NULL THEN visit.patient_id END,
    array_agg(visit.id ORDER BY visit.id), array_agg(visit.planned_session_id ORDER BY visit.planned_session_id)
FROM treatments_appointment visit LEFT JOIN treatments_plannedsession session ON session.id = visit.planned_session_id
WHERE visit.booked_by_id IS NOT NULL GROUP BY visit.booked_at, 2, 3 ORDER BY visit.booked_at
"""


@dataclass(frozen=True)
class Written:
    """Visits that one transaction booked for one course, or for one patient without a course."""

    at: float
    wanted: tuple
    visits: frozenset[int]


def half_booked(intents: Iterable[Intent]) -> list[str]:
    """Bookings of which a part stands: each group of rows is all of what a racer wanted, and was told or was killed over."""
    wanting = [intent for intent in intents if intent.wanted]
    bookings = [intent for intent in wanting if intent.wanted["books"] != "nothing"]
    # A set of sessions that somebody held, or meant to: what a confirmation may find.
    held = {_key(one.wanted) for one in wanting if one.wanted["books"] != "these"}
    named = {_new(one): one for one in bookings if one.outcome == DONE}
    # Of these only the rows can say whether they happened.
    unnamed = [one for one in bookings if one.outcome == LED_ON or one.was_killed]
    found = []
    for group in _written():
        claim = named.pop(group.visits, None)
        if claim is not None:
            if not _is_whole(claim, group, held):
                found.append(f"{sorted(group.visits)} were booked where {claim.wanted} was wanted")
            continue
        fitting = [one for one in unnamed if one.began_at <= group.at and _is_whole(one, group, held)]
        if not fitting:
            found.append(f"{sorted(group.visits)} stand for {group.wanted}: nobody wanted just these and was not told")
            continue
        # Whoever was answered has first claim, and the one who wanted exactly these; of a killed one nothing has to stand.
        unnamed.remove(min(fitting, key=lambda one: (one.was_killed, _key(one.wanted) != group.wanted, -one.began_at)))
    found += [f"told that {sorted(visits)} were booked: they do not stand so" for visits in named]
    found += [f"told that {one.wanted} was booked: it does not stand" for one in unnamed if one.outcome == LED_ON]
    return found


def _new(claim: Intent) -> frozenset[int]:
    """Visits that a racer was told of as booked; others may have moved with them."""
    return frozenset(key for key, version, _ in claim.visits if version == 1)


def _is_whole(claim: Intent, group: Written, held: set[tuple]) -> bool:
    mine = _key(claim.wanted)
    return mine == group.wanted or (
        claim.wanted["books"] == "held" and mine[:2] == group.wanted[:2] and group.wanted in held
    )


def _written() -> list[Written]:
    return [
        Written(
            float(at),
            _key({"plan": plan, "sessions": sessions} if plan else {"patient": patient}),
            frozenset(visits),
        )
        for at, plan, patient, visits, sessions in rows(BOOKED_TOGETHER)
    ]


def lost_changes(intents: Iterable[Intent]) -> list[str]:
    """Changes that a racer was told of and history does not know: each visit, with that version in that status."""
    told = {change for intent in intents if intent.outcome == DONE for change in intent.visits}
    history = Appointment.pgh_event_model.objects.values_list("id", "schedule_version", "status")
    return [
        f"visit {visit} was {status} as version {version}" for visit, version, status in sorted(told - set(history))
    ]


def told_twice(intents: Iterable[Intent]) -> list[str]:
    """Two racers who were told that they had made the same version of a visit: one of the two is lost. A confirmation and what
    undoes a step make no version of their own: of these history knows each one."""
    done = [intent for intent in intents if intent.outcome == DONE]
    versions = Counter(
        (visit, version)
        for intent in done
        if intent.act not in ("confirm", "undo")
        for visit, version, _ in intent.visits
    )
    steps = Counter(change for intent in done if intent.act in ("confirm", "undo") for change in intent.visits)
    known = Counter(Appointment.pgh_event_model.objects.values_list("id", "schedule_version", "status"))
    return [
        f"visit {visit}, version {version}: {count} times" for (visit, version), count in versions.items() if count > 1
    ] + [
        f"visit {visit}, version {version}: {count} times more {status} than it was"
        for (visit, version, status), count in (steps - known).items()
    ]


def _key(wanted: dict) -> tuple:
    return ("plan", wanted["plan"], *wanted["sessions"]) if "plan" in wanted else ("patient", wanted["patient"])
