"""Booking a whole course: up to three sets of visits, each explained, every visit of them to be swapped for another."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from clinic import clock
from clinic.models import User
from clinic.templatetags.clinic_ui import date_words, date_year, day
from treatments.appointments.courses.forms import SEPARATOR
from treatments.appointments.courses.models import CourseHold
from treatments.appointments.courses.problems import CourseTimes
from treatments.appointments.courses.trying import course_words
from treatments.appointments.gates import fixed_days
from treatments.appointments.leeway import before_the_next, next_booked
from treatments.appointments.offers import value_of
from treatments.appointments.places import Place
from treatments.plans.models import TreatmentPlan
from treatments.scheduling.finding import find_sets, swaps
from treatments.scheduling.sets import CourseSet, Prices, Visit, WhyNone, course_set

WEEKDAY_PLURALS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
COST_WHY = {
    "title": "How sets are scored",
    "meta": "Lower is better. The set with the lowest cost of all that fit every window, clinician, room and device comes first.",
    "use": "Each missed wish costs: 2 a day off the target gap, 1 a day until the first visit, 6 another weekday, 1 each half "
    "hour outside the hours, 3 another clinician, 4 each change of clinician, 2 each rest of free time too short for a treatment.",
}
# What a missed wish is called, and what it is counted in.
TERMS = {
    "wait": "wait for the first",
    "gap": "gaps off target",
    "day": "other weekday",
    "time": "outside the hours",
    "clinician": "other clinician",
    "switch": "changes of clinician",
    "orphan": "leaves a short hole",
}


@dataclass(frozen=True)
class ShownVisit:
    """One visit of a set as a tile: `gap` are the days since the one before, `off_wish` what is not as wished."""

    number: int
    on: date
    at: str
    where: str
    clinician: str
    gap: int | None
    off_wish: bool
    swap_url: str
    is_new: bool = False


@dataclass(frozen=True)
class ShownSet:
    """A set as people choose it. `value` goes through the form."""

    position: int
    title: str
    explained: str
    visits: list[ShownVisit]
    cost: int
    terms: list[tuple[str, str, int]]
    value: str
    is_chosen: bool = False


@dataclass(frozen=True)
class Swap:
    """Another place for one visit of the chosen set."""

    words: str
    who: str
    cost: str
    url: str


def sets_of(
    times: CourseTimes, *, kept: Mapping[str, object], chosen: Sequence[Place] = ()
) -> tuple[list[ShownSet], str]:
    """The sets to choose among, the chosen one first; and, where nothing fits, why. `kept`: the query of the page."""
    found = find_sets(times.problem, times.free)
    shown = list(found.sets)
    own = _own_set(times, chosen)
    if own is not None:
        same = next((one for one in shown if one.visits == own.visits), None)
        shown = [same or own, *(one for one in shown if one is not same)]
    best = found.sets[0] if found.sets else own
    made = [
        _shown(times, one, best, position, kept=kept, is_chosen=own is not None and position == 1)
        for position, one in enumerate(shown, start=1)
    ]
    return made, _why_none(times, found.why_none) if found.why_none else ""


def _why_none(times: CourseTimes, why: WhyNone) -> str:
    """In words; where a session that is booked leaves no more days before it, which one. One query then."""
    # The page says already that nothing fits.
    text = why.text.removeprefix("nothing fits: ")
    if why.constraint == "finish_by":
        # The last day is one of the days; the file of the question says it in its own fixed words.
        text = text.replace(" before ", " by ", 1)
    said, problem, last = course_words(text, times.planned[0].number), times.problem, times.planned[-1].number
    if why.constraint != "finish_by":
        return said
    taken = fixed_days(times.plan)
    number = next_booked(taken, last)
    if number is None or problem.finish_by != before_the_next(taken, last, problem.floor_days):
        return said  # the day is a wish
    return (
        f"{said} Session {number} is booked for {day(taken[number])}, and at least {problem.floor_days} days lie between "
        f"two sessions. Move session {number} first."
    )


def swaps_of(times: CourseTimes, chosen: Sequence[Place], number: int, *, kept: Mapping[str, object]) -> list[Swap]:
    """The cheapest other places for one visit of a set, the others kept."""
    visits = [_visit(times, place) for place in chosen]
    if any(visit is None for visit in visits):
        return []
    index = number - times.planned[0].number
    own = course_set("swap", times.problem, visits, times.free)
    return [
        Swap(
            words=f"{day(other.visits[index].on)}, {other.visits[index].start:%H:%M}",
            who=_who(times, other.visits[index]),
            cost=_dearer(other.cost - own.cost),
            url=_url(kept, chosen=_value(times, other.visits)),
        )
        for other in swaps(times.problem, visits, index + 1, availability=times.free)
    ]


def hold_of(plan: TreatmentPlan, *, user: User, now: datetime) -> dict | None:
    """Who holds times for this course, and for how long. Without one, or where it is over, None."""
    held = CourseHold.objects.filter(plan=plan, expires_at__gt=now).select_related("held_by").first()
    if held is None:
        return None
    left = int((held.expires_at - now).total_seconds())
    return {
        "ref": held.ref,
        "mine": held.held_by_id == user.pk,
        "by": held.held_by.full_name,
        "until": clock.local(held.expires_at, plan.clinic),
        "now": now,
        "clock": f"{left // 60}:{left % 60:02}",
        "visits": list(held.visits.select_related("clinician__user", "clinician__clinic", "room", "planned_session")),
    }


def count_words(count: int) -> str:
    """ "four": how many visits, as the button says it."""
    return NUMBERS[count]


def all_of_them(count: int) -> str:
    """ "both", "all four": of two or more visits or times."""
    return "both" if count == 2 else f"all {count_words(count)}"


# ── One set in words ──────────────────────────────────────────────────────────


def _shown(
    times: CourseTimes,
    one: CourseSet,
    best: CourseSet | None,
    position: int,
    *,
    kept: Mapping[str, object],
    is_chosen: bool,
) -> ShownSet:
    value = _value(times, one.visits)
    return ShownSet(
        position=position,
        title=_title(times, one, best),
        explained=_explained(times, one),
        visits=_tiles(times, one, value, kept=kept),
        cost=one.cost,
        terms=[
            (TERMS[name], _count_words(times, one, name), cost)
            for name, cost in one.terms.items()
            if _asked(times, name, cost)
        ],
        value=value,
        is_chosen=is_chosen,
    )


def _title(times: CourseTimes, one: CourseSet, best: CourseSet | None) -> str:
    if one.label == "soonest" and best is not None:
        sooner = (best.visits[-1].on - one.visits[-1].on).days
        return f"Finishes {sooner} days sooner" if sooner > 1 else "Finishes a day sooner"
    if one.label == "one_clinician":
        return f"{_first_name(times, one.visits[0])} each time"
    if one.label == "swap":
        return "Your own set"
    wishes = times.problem.prefer
    if not (wishes.clinician or wishes.weekdays or wishes.between):
        return "Closest to target" if one.terms["gap"] else "On target throughout"
    missed = any(one.terms[name] for name in ("day", "time", "clinician"))
    return "Closest to the wishes" if missed else "Every wish met"


def _explained(times: CourseTimes, one: CourseSet) -> str:
    said = [_people_words(times, one), _weekday_words(one), _gap_words(times, one)]
    start = ", ".join(part for part in said if part)
    return f"{start[:1].upper()}{start[1:]}. Finishes {date_words(one.visits[-1].on)}."


def _people_words(times: CourseTimes, one: CourseSet) -> str:
    names = Counter(_first_name(times, visit) for visit in one.visits)
    usual, often = names.most_common(1)[0]
    if often == len(one.visits):
        return f"{usual} each time" if often > 1 else usual
    others = [
        f"session {times.planned[n].number} with {_first_name(times, visit)}"
        for n, visit in enumerate(one.visits)
        if _first_name(times, visit) != usual
    ]
    return f"{usual} but for {', '.join(others)}"


def _weekday_words(one: CourseSet) -> str:
    days = {visit.on.weekday() for visit in one.visits}
    return WEEKDAY_PLURALS[days.pop()] if len(days) == 1 and len(one.visits) > 1 else ""


def _gap_words(times: CourseTimes, one: CourseSet) -> str:
    gaps = {(later.on - earlier.on).days for earlier, later in zip(one.visits, one.visits[1:], strict=False)}
    before, target = times.problem.previous_on, times.problem.target_days
    first = (one.visits[0].on - before).days if before else None
    since = f"{first} days after session {times.planned[0].number - 1}"
    if not gaps:
        return since if first is not None else ""
    low, high = min(gaps), max(gaps)
    said = f"{low} days apart" if low == high else f"{low} to {high} days apart"
    if gaps == {target}:
        said = f"{target} days apart to the day"
    # The gap to what was before is one of those that cost.
    return said if first is None or low <= first <= high else f"{said}, the first {since}"


def _count_words(times: CourseTimes, one: CourseSet, name: str) -> str:
    """How often, or by how much, a wish is missed."""
    cost = one.terms[name]
    if not cost:
        return "none"
    number = cost // max(1, getattr(times.problem.weights, name))
    unit = {"wait": "day", "gap": "day", "time": "half hour"}.get(name, "")
    return f"{number} {unit}{'' if number == 1 else 's'}" if unit else str(number)


def _asked(times: CourseTimes, name: str, cost: int) -> bool:
    """Whether a term says something: a wish that nobody had is missed by nobody."""
    wishes = times.problem.prefer
    asked = {"day": wishes.weekdays, "time": wishes.between, "clinician": wishes.clinician}
    return bool(cost or asked.get(name, name in ("wait", "gap")))


def _tiles(times: CourseTimes, one: CourseSet, value: str, *, kept: Mapping[str, object]) -> list[ShownVisit]:
    prices = Prices(times.problem)
    before = times.problem.previous_on
    tiles = []
    for planned, visit in zip(times.planned, one.visits, strict=True):
        off_wish = prices.clinician(visit.clinician) or prices.weekday(visit.on.toordinal())
        tiles.append(
            ShownVisit(
                number=planned.number,
                on=visit.on,
                at=f"{visit.start:%H:%M}",
                where=times.rooms[visit.room].short_name,
                clinician=str(times.clinicians[visit.clinician]),
                gap=(visit.on - before).days if before else None,
                off_wish=bool(off_wish),
                swap_url=f"{_url(kept, chosen=value, swap=planned.number)}#swap",
            )
        )
        before = visit.on
    return tiles


# ── Between the search and the diary ──────────────────────────────────────────


def _own_set(times: CourseTimes, chosen: Sequence[Place]) -> CourseSet | None:
    """The set somebody has chosen, with what it costs; None where it does not answer this problem."""
    if len(chosen) != len(times.planned):
        return None
    visits = [_visit(times, place) for place in chosen]
    if any(visit is None for visit in visits):
        return None
    return course_set("swap", times.problem, visits, times.free)


def _visit(times: CourseTimes, place: Place) -> Visit | None:
    clinician, room = str(place.clinician.pk), str(place.room.pk)
    if clinician not in times.clinicians or room not in times.rooms:
        return None
    return Visit(datetime.combine(place.day, place.starts_at), clinician, room)


def _value(times: CourseTimes, visits: Sequence[Visit]) -> str:
    return SEPARATOR.join(value_of(times.place(visit)) for visit in visits)


def _url(kept: Mapping[str, object], **more: object) -> str:
    return f"?{urlencode({**kept, **more}, doseq=True)}"


def _first_name(times: CourseTimes, visit: Visit) -> str:
    """How a clinician is called at the desk: "Noor", "Dr Halloran"."""
    name = str(times.clinicians[visit.clinician])
    first, *rest = name.split()
    return f"{first} {rest[-1]}" if first.rstrip(".") == "Dr" and rest else first


def _who(times: CourseTimes, visit: Visit) -> str:
    return f"{times.clinicians[visit.clinician]}, {times.rooms[visit.room].short_name}"


def _dearer(difference: int) -> str:
    if not difference:
        return "as good"
    return f"costs {difference} more" if difference > 0 else f"costs {-difference} less"


def away_words(days: frozenset[date]) -> str:
    if not days:
        return "any day"
    first, last = min(days), max(days)
    if first == last:
        return date_year(first)
    return f"{date_words(first) if first.year == last.year else date_year(first)} to {date_year(last)}"


def week_words(weekdays: frozenset[int]) -> str:
    names = [f"{date(2024, 1, n):%a}" for n in sorted(weekdays)]
    return " or ".join(names) or "any day"


def hours_words(between: tuple | None) -> str:
    return f"{between[0]:%H:%M} and {between[1]:%H:%M}" if between else "any time"
