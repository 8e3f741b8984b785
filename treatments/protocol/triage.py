"""How soon somebody must look at what a patient reports after a session: values in, a level and its reasons out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from treatments.protocol.entries import RedFlag

# From what can wait to what cannot.
LEVELS = ("green", "amber_2", "amber_1", "red")
# A sign that is on no list any more: she ticked it on a page that stood open, so it is not let go.
UNKNOWN_SIGN = "amber_1"


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an answer stops being what the first week brings. Days are the clinic's, counted from the session's day (0);
    the scales are the form's. All of them take the careful end of what the sources say."""

    # Swelling, pain or redness that gets worse "after 48 hours" (M1, P20, P29).
    worse_from_day: int = 2
    # "Redness over 72 hours" (L17, L13): clear redness (2) from here on; mere pink (1) is normal for a week (M1, L13, P43).
    red_from_day: int = 3
    clear_redness: int = 2
    pink_until_day: int = 7
    # Swelling passes in one to two days (S2, P3); only a mild one is normal (M1, P43).
    swollen_from_day: int = 3
    clear_swelling: int = 2
    strong_swelling: int = 3
    # "7 of 10 or more" (L8, L13, P20).
    strong_pain: int = 7


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Answers:
    """What she said: redness and swelling 0 to 3, pain 0 to 10, None where not answered; `signs`: codes of red flags."""

    redness: int | None = None
    swelling: int | None = None
    pain: int | None = None
    signs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that counts. `code`: the sign's, or what was compared."""

    level: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Triage:
    """`reasons`: the most urgent first; none where all is as expected."""

    level: str
    reasons: tuple[Reason, ...] = ()


def triage(
    said: Answers, *, day: int, signs: Iterable[RedFlag], before: Answers = Answers(), limits: Limits = LIMITS
) -> Triage:
    """The level of `said` on a day after the session. `signs`: the red flags that were asked; `before`: what she said last of
    each scale. More redness, swelling, pain or signs never lead to a lower level."""
    found = [*_signs(said, signs), *_redness(said, before, day, limits)]
    found += [*_swelling(said, before, day, limits), *_pain(said, before, day, limits)]
    reasons = sorted(found, key=lambda reason: -LEVELS.index(reason.level))
    return Triage(worst(reason.level for reason in reasons), tuple(reasons))


def worst(levels: Iterable[str]) -> str:
    """The most urgent of some levels; green of none."""
    return max(levels, key=LEVELS.index, default=LEVELS[0])


def _signs(said: Answers, asked: Iterable[RedFlag]) -> Iterator[Reason]:
    known = {sign.code: sign for sign in asked}
    for code, sign in known.items():
        if code in said.signs and sign.level != LEVELS[0]:
            yield Reason(sign.level, code, sign.text)
    for code in sorted(said.signs - known.keys()):
        yield Reason(UNKNOWN_SIGN, code, "A sign that is no longer on the list")


def _redness(said: Answers, before: Answers, day: int, limits: Limits) -> Iterator[Reason]:
    if said.redness is None:
        return
    told = f"Redness {said.redness} of 3 on day {day}"
    is_clear = said.redness >= limits.clear_redness
    if day >= limits.worse_from_day and is_clear and _is_worse(said.redness, before.redness):
        yield Reason("amber_1", "redness_worse", f"{told}, {before.redness} before")
    if day >= limits.red_from_day and is_clear:
        yield Reason("amber_2", "redness_lasts", f"{told}, over 72 hours")
    elif day > limits.pink_until_day and said.redness:
        yield Reason("amber_2", "redness_lasts", f"{told}, over a week")


def _swelling(said: Answers, before: Answers, day: int, limits: Limits) -> Iterator[Reason]:
    if said.swelling is None:
        return
    told = f"Swelling {said.swelling} of 3 on day {day}"
    if day >= limits.worse_from_day and _is_worse(said.swelling, before.swelling):
        yield Reason("amber_1", "swelling_worse", f"{told}, {before.swelling} before")
    if said.swelling >= limits.strong_swelling:
        yield Reason("amber_2", "swelling_strong", f"{told}, more than mild")
    elif day >= limits.swollen_from_day and said.swelling >= limits.clear_swelling:
        yield Reason("amber_2", "swelling_lasts", f"{told}, longer than two days")


def _pain(said: Answers, before: Answers, day: int, limits: Limits) -> Iterator[Reason]:
    if said.pain is None:
        return
    told = f"Pain {said.pain} of 10 on day {day}"
    if said.pain >= limits.strong_pain:
        yield Reason("amber_1", "pain_strong", f"{told}, {limits.strong_pain} or more")
    if day >= limits.worse_from_day and _is_worse(said.pain, before.pain):
        yield Reason("amber_1", "pain_worse", f"{told}, {before.pain} before")


def _is_worse(now: int, before: int | None) -> bool:
    return before is not None and now > before
