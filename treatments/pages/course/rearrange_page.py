"""What follows when a visit of a course moves: each way to go on as lines that a person can read before anything is saved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clinic.errors import DomainError
from patients.models import Patient
from treatments.appointments.courses.forms import SEPARATOR
from treatments.appointments.courses.rearranging import Rearrangement
from treatments.appointments.courses.trying import judge
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.appointments.places import Place, place_of
from treatments.plans.models import PlannedSession
from treatments.scheduling.problems import Problem
from treatments.scheduling.replanning import Replan
from treatments.scheduling.sets import CourseSet

WAYS = {"fewest": "Move only what has to move", "shift_all": "Shift all that follow"}


@dataclass(frozen=True)
class Line:
    """One session of the course: where its visit is, where it goes, and what that means beside its neighbours."""

    number: int
    before: str
    after: str
    moves: bool
    same: str
    note: str
    # A clinician looks again before this one.
    asked: bool = False


@dataclass(frozen=True)
class Step:
    """A session on one way: the place it has (or had, or None), and the place it gets, None where it stays."""

    number: int
    old: Place | None
    new: Place | None
    asked: bool = False


@dataclass(frozen=True)
class Way:
    """One way to go on. `value` names every place that changes, for the press that does it; `made` is what the search found."""

    code: str
    title: str
    lines: list[Line]
    moved: int
    act: str
    value: str
    mail_words: str
    made: CourseSet


def ways_of(found: Rearrangement) -> list[Way]:
    """The way that moves the fewest visits first, then shifting all that follow, where that is another one. What the gates
    of moving would refuse is no way, nor is what moves nothing."""
    ways = [_way(code, found, made) for code, made in both_ways(found.found)]
    return [way for way in ways if way is not None]


def both_ways(found: Replan) -> list[tuple[str, CourseSet]]:
    """The ways there are, by their codes."""
    made = (("fewest", found.fewest), ("shift_all", found.shift_all))
    return [(code, one) for code, one in made if one is not None]


def _way(code: str, found: Rearrangement, made: CourseSet) -> Way | None:
    try:
        asked = judge(found, made)
    except DomainError:
        return None
    places = found.places(made)
    if not places:
        return None
    moved = [visit.planned_session.number for visit in found.visits if visit in places]
    steps = [
        Step(one.planned_session.number, place_of(one), places.get(one), asked.get(one.planned_session.number, False))
        for one in found.visits
    ]
    return Way(
        code=code,
        title=WAYS[code],
        lines=lines_of(found.times.problem, steps),
        moved=len(moved),
        act=f"Move session {moved[0]}" if len(moved) == 1 else f"Move sessions {listed(moved)}",
        value=value_of_all(places),
        mail_words=mail_words(found.times.plan.patient, len(moved)),
        made=made,
    )


def value_of_all(places: Mapping[Appointment | PlannedSession, Place]) -> str:
    """Every place that changes, as a form sends it back."""
    return SEPARATOR.join(f"{row.ref}={value_of(place)}" for row, place in places.items())


def lines_of(problem: Problem, steps: Iterable[Step]) -> list[Line]:
    """The sessions of a problem in order, each beside the one before."""
    lines, before = [], problem.previous_on
    for step in steps:
        there = step.new or step.old
        gap_days = (there.day - before).days if before else None
        lines.append(
            Line(
                number=step.number,
                before=step.old.words() if step.old else "no visit",
                after=there.words(),
                moves=step.new is not None,
                same=same_words(step.old, step.new) if step.old and step.new else "",
                note=gap_words(gap_days, problem.floor_days, problem.target_days),
                asked=step.asked,
            )
        )
        before = there.day
    return lines


def same_words(old: Place, new: Place) -> str:
    """ "same time and clinician": what she need not be told anew; else with whom and where."""
    same = [
        word
        for word, is_so in (
            ("time", old.starts_at == new.starts_at),
            ("room", old.room == new.room),
            ("clinician", old.clinician == new.clinician),
        )
        if is_so
    ]
    other = [] if old.clinician == new.clinician else [f"with {new.clinician}"]
    other += [] if old.room == new.room else [f"in {new.room.short_name}"]
    return ", ".join([*([f"same {listed(same)}"] if same else []), *other])


def gap_words(gap_days: int | None, floor_days: int, target_days: int) -> str:
    if gap_days is None:
        return ""
    if gap_days == floor_days:
        return f"exactly on the shortest interval of {floor_days} days"
    return f"{gap_days} days after the one before" + (", as planned" if gap_days == target_days else "")


def mail_words(patient: Patient, visits: int = 1) -> str:
    """What the patient is told of a change, and how."""
    if not patient.email or not patient.mail_allowed:
        return f"{patient.given_name} gets no e-mail: tell by telephone."
    return "One mail leaves in a minute." if visits == 1 else "One mail with all the dates leaves in a minute."


def listed(parts: list) -> str:
    *first, last = [str(part) for part in parts]
    return f"{', '.join(first)} and {last}" if first else last
