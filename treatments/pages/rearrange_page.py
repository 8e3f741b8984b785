"""What follows when a visit of a course moves: each way to go on as lines that a person can read before anything is saved."""

from collections.abc import Mapping
from dataclasses import dataclass

from clinic.errors import DomainError
from clinic.templatetags.clinic_ui import day
from patients.models import Patient
from treatments.appointments.courses.forms import SEPARATOR
from treatments.appointments.courses.rearranging import Rearrangement
from treatments.appointments.courses.trying import judge
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.appointments.places import Place, place_of
from treatments.scheduling.sets import CourseSet

WAYS = {"fewest": "Move only what has to move", "shift_all": "Shift all that follow"}


@dataclass(frozen=True)
class Line:
    """One visit of the course: where it is, where it goes, and what that means beside its neighbours."""

    number: int
    before: str
    after: str
    moves: bool
    same: str
    note: str
    # A clinician looks again before this one.
    asked: bool = False


@dataclass(frozen=True)
class Way:
    """One way to go on. `value` names every place that changes, for the press that does it."""

    code: str
    title: str
    lines: list[Line]
    moved: int
    act: str
    value: str


def ways_of(found: Rearrangement) -> list[Way]:
    """The way that moves the fewest visits first, then shifting all that follow, where that is another one. What the gates
    of moving would refuse is no way, nor is what moves nothing."""
    made = [("fewest", found.found.fewest), ("shift_all", found.found.shift_all)]
    ways = [_way(code, found, one) for code, one in made if one is not None]
    return [way for way in ways if way is not None]


def _way(code: str, found: Rearrangement, one: CourseSet) -> Way | None:
    try:
        asked = judge(found, one)
    except DomainError:
        return None
    places = found.places(one)
    if not places:
        return None
    moved = [visit.planned_session.number for visit in found.visits if visit in places]
    return Way(
        code=code,
        title=WAYS[code],
        lines=_lines(found, places, asked),
        moved=len(moved),
        act=f"Move session {moved[0]}" if len(moved) == 1 else f"Move sessions {listed(moved)}",
        value=SEPARATOR.join(f"{visit.ref}={value_of(place)}" for visit, place in places.items()),
    )


def _lines(found: Rearrangement, places: Mapping[Appointment, Place], asked: Mapping[int, bool]) -> list[Line]:
    lines, before = [], found.times.problem.previous_on
    floor_days, target_days = found.times.problem.floor_days, found.times.problem.target_days
    for visit in found.visits:
        old, new = place_of(visit), places.get(visit, place_of(visit))
        gap_days = (new.day - before).days if before else None
        lines.append(
            Line(
                number=visit.planned_session.number,
                before=f"{day(old.day)}, {old.starts_at:%H:%M}",
                after=f"{day(new.day)}, {new.starts_at:%H:%M}",
                moves=visit in places,
                same=same_words(old, new) if visit in places else "",
                note=gap_words(gap_days, floor_days, target_days),
                asked=asked.get(visit.planned_session.number, False),
            )
        )
        before = new.day
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
