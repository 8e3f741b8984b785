"""What happens to whom, as days counted from the demo's today (negative: in the past)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import time

from treatments.demo import cast

CONCERNS = (
    {"code": "acne_scar_face", "zones": ["cheek", "chin", "jawline"], "severity": "moderate"},
    {"code": "fine_lines", "zones": ["forehead", "cheek"], "severity": "mild"},
    {"code": "wrinkles", "zones": ["forehead", "cheek", "upper_lip"], "severity": "moderate"},
    {"code": "pores", "zones": ["nose", "cheek"], "severity": "mild"},
    {"code": "melasma", "zones": ["cheek", "forehead"], "severity": "moderate"},
    {"code": "acne_scar_face", "zones": ["cheek"], "severity": "severe"},
    {"code": "texture", "zones": ["cheek", "forehead"], "severity": "mild"},
)


@dataclass(frozen=True)
class Story:
    """One patient's path. Days are offsets from today; `sessions` are done on these days, `booked` lies ahead or today."""

    number: int
    registered: int
    concern: dict | None = None
    answered: int | None = None
    answers: dict[str, tuple] = field(default_factory=dict)  # code -> (value, offset of the date or None, detail)
    cleared: tuple[str, ...] = ()
    planned: int | None = None
    submitted: bool = False
    activated: bool = False
    sessions: tuple[int, ...] = ()
    booked: tuple[int, ...] = ()
    missed: tuple[int, ...] = ()
    # What becomes of the course a month after its last session: "completed", "stopped", "replaced", "paused" until a few days from
    # now or "paused openly".
    ending: str = ""
    consultation: int | None = None
    # Sessions before the clinic kept records here, entered afterwards when she is assessed.
    past: tuple[int, ...] = ()
    # What she told the clinic after booking: day, code, value, day of the thing itself.
    changed: tuple[int, str, str, int | None] | None = None
    # The day on which melasma is found darker than before the course.
    darker: int | None = None
    # The day on which the whole course is booked in one step, and from which day on it may begin. Day 0 is the minute in
    # which the demo opens; so is the moment in which part of a course is moved.
    together: tuple[int, int] | None = None
    moved: bool = False
    # When the visit of today, or the consultation, begins, where that matters: somebody is in the room as the demo opens.
    at: time | None = None
    # A visit of today that is cancelled in the morning.
    cancelled: bool = False


def stories(count: int) -> Iterator[Story]:
    """Courses in every state. The mix repeats every twelve patients."""
    for number in range(count):
        yield _story(number, number // 12)


# Friday stays as it is: somebody is called away from it.
WEEK = (-1, 1, 2, 4)
HOURS = range(9, 17)
# What the desk does besides goes by the numbers of the stories: these have their own.
FIRST_OF_WEEK = 1000


def this_week(count: int) -> Iterator[Story]:
    """One more for every three patients: people who come for a first look, so that the days around today are worked days too."""
    for turn, number in enumerate(range(FIRST_OF_WEEK, FIRST_OF_WEEK + count // 3)):
        hour = HOURS[turn // len(WEEK) % len(HOURS)]
        yield Story(number, registered=-9, consultation=WEEK[turn % len(WEEK)], at=time(hour, 30 * (turn % 2)))


def one_mailbox(count: int) -> Iterator[Story]:
    """A mother under way and her daughter, who begins in ten days. Nobody where there is no other patient either."""
    if count:
        yield _course(cast.MOTHER, CONCERNS[1], sessions=(-36,), booked=(8,))
        yield Story(
            cast.DAUGHTER, registered=-14, concern=CONCERNS[5], answered=-13, planned=-12, submitted=True, activated=True,
            booked=(10,),
        )  # fmt: skip


def _story(number: int, turn: int) -> Story:
    concern = CONCERNS[number % len(CONCERNS)]
    gap = 42 if concern["code"] == "melasma" or number % 3 else 44
    begin = {"registered": -10 - turn, "concern": concern, "answered": -9 - turn}
    course = begin | {"planned": -8 - turn, "submitted": True, "activated": True}
    match number % 12:
        case 0:  # one session done, the second today
            return _course(number, concern, sessions=(-gap,), booked=(0,), at=time(10) if turn == 3 else None)
        case 1:  # two done, the third booked ahead
            darker = -1 if concern["code"] == "melasma" else None
            return _course(number, concern, sessions=(-gap - 50 - turn, -8 - turn), booked=(gap - 8,), darker=darker)
        case 2:  # first session today, one of these days, or the whole course booked in one step
            sunny = (-1, "sun_tan_exposure", "yes", -2) if turn % 4 == 1 else None
            if turn in (7, 8):
                return Story(number, **course, together=(0, 1) if turn == 7 else (-6, 2), moved=turn == 8)
            return Story(number, **course, booked=(0 if turn < 5 else turn % 5 + 1,), changed=sunny)
        case 3:  # window open, nothing booked: closes soon
            return _course(number, concern, sessions=(-84 + 3 + 2 * turn,), ending="paused" if turn == 5 else "")
        case 4:  # overdue
            ending = {5: "paused openly", 6: "replaced"}.get(turn, "")
            return _course(number, concern, sessions=(-86 - 3 * turn,), ending=ending)
        case 5:  # registered, a consultation ahead or today
            return Story(number, registered=-3, consultation=turn % 5, cancelled=turn == 5)
        case 6:  # waits for a date: isotretinoin, sun
            answers = (
                {"isotretinoin_past": ("yes", -120 - 7 * turn, "")}
                if turn % 2
                else {"sun_tan_exposure": ("yes", -12 - turn, "")}
            )
            return Story(number, **begin, answers=answers, planned=-8 - turn, submitted=True)
        case 7:  # waits for a clinician: cold sores in the history
            return Story(number, **begin, answers={"hsv_history": ("yes", None, "")}, planned=-8 - turn, submitted=True)
        case 8:  # cleared by the prescriber, under way
            return _course(
                number,
                concern,
                sessions=(-30 - turn,),
                booked=(gap - 30 - turn,),
                answers={"hsv_history": ("yes", None, "")},
                cleared=("hsv_history",),
                changed=(-1, "nsaid_otc", "yes", None) if turn % 4 == 2 else None,
            )
        case 9:  # completed, or stopped
            done = tuple(-200 + gap * n for n in range(4))
            return _course(
                number, concern, sessions=done[: 4 if turn % 3 else 2], ending="completed" if turn % 3 else "stopped"
            )
        case 10:  # missed the last one, or blocked
            if turn % 3 == 2:
                return Story(number, **begin, answers={"keloid_personal": ("yes", None, "")})
            return _course(number, concern, sessions=(-70 - turn,), missed=(-20 - turn,))
        case _:  # a draft; some only assessed; two may begin, and nothing of their course is booked
            if turn in (1, 5):
                return Story(number, **course)
            return Story(number, **begin, planned=-7 if turn % 2 else None, past=(-125, -80) if turn == 3 else ())


def _course(number: int, concern: dict, *, sessions: tuple[int, ...], **more) -> Story:
    first = sessions[0]
    return Story(
        number,
        registered=first - 14,
        concern=concern,
        answered=first - 13,
        planned=first - 12,
        submitted=True,
        activated=True,
        sessions=sessions,
        **more,
    )
