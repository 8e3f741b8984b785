"""How soon somebody looks at what she reports: the table of signs, the scales at their boundaries, and more is never less."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treatments.protocol.catalogue import load
from treatments.protocol.triage import LEVELS, LIMITS, Answers, triage, worst

SIGNS = load().red_flags
# A busy machine is not a finding.
unhurried = settings(deadline=None)
NOTHING = Answers()
CALM = Answers(redness=0, swelling=0, pain=0)


def level(said: Answers, day: int = 1, before: Answers = NOTHING) -> str:
    return triage(said, day=day, signs=SIGNS, before=before).level


def reasons(said: Answers, day: int = 1, before: Answers = NOTHING) -> list[str]:
    return [reason.code for reason in triage(said, day=day, signs=SIGNS, before=before).reasons]


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: sign.code)
def test_a_sign_has_the_level_of_the_catalogue_on_any_day(sign):
    for day in (0, 1, 3, 7, 28):
        assert level(Answers(signs=frozenset([sign.code])), day) == sign.level


def test_the_catalogue_names_every_emergency_of_the_sheet():
    red = [sign.code for sign in SIGNS if sign.level == "red"]
    assert red == ["breathing", "collapse", "eyes", "blue_skin", "fever_confused"]


def test_nothing_said_is_nothing_to_look_at():
    assert triage(Answers(), day=9, signs=SIGNS).reasons == ()
    assert level(CALM, 9) == "green"


@pytest.mark.parametrize(
    ("redness", "day", "then"),
    [
        (3, 0, "green"),
        (3, 2, "green"),  # within 72 hours
        (2, 2, "green"),
        (2, 3, "amber_2"),  # "over 72 hours"
        (3, 3, "amber_2"),
        (1, 3, "green"),  # pinkness is normal for a week
        (1, 7, "green"),
        (1, 8, "amber_2"),
        (0, 30, "green"),
    ],
)
def test_redness_counts_after_72_hours_and_pink_after_a_week(redness, day, then):
    assert level(Answers(redness=redness), day) == then


@pytest.mark.parametrize(
    ("swelling", "day", "then"),
    [(1, 9, "green"), (2, 2, "green"), (2, 3, "amber_2"), (3, 0, "amber_2"), (3, 3, "amber_2"), (0, 3, "green")],
)
def test_only_mild_swelling_is_normal_and_clear_swelling_for_two_days(swelling, day, then):
    assert level(Answers(swelling=swelling), day) == then


@pytest.mark.parametrize(("pain", "then"), [(0, "green"), (6, "green"), (7, "amber_1"), (10, "amber_1")])
@pytest.mark.parametrize("day", [0, 1, 3, 9])
def test_strong_pain_is_for_the_same_day_whichever_day_it_is(pain, then, day):
    assert level(Answers(pain=pain), day) == then


@pytest.mark.parametrize("scale", ["swelling", "pain"])
@pytest.mark.parametrize(
    ("day", "before", "now", "then"),
    [
        (1, 0, 1, "green"),  # before 48 hours it may still rise
        (2, 0, 1, "amber_1"),
        (2, 1, 1, "green"),
        (2, 2, 1, "green"),
        (9, 1, 2, "amber_1"),
        (9, None, 1, "green"),  # nothing to compare with
    ],
)
def test_what_is_worse_than_last_time_after_48_hours_is_for_the_same_day(scale, day, before, now, then):
    assert level(Answers(**{scale: now}), day, Answers(**{scale: before})) == then


@pytest.mark.parametrize(
    ("before", "now", "then"), [(0, 1, "green"), (1, 2, "amber_1"), (2, 3, "amber_1"), (2, 2, "green")]
)
def test_redness_that_comes_back_after_48_hours_is_for_the_same_day(before, now, then):
    assert level(Answers(redness=now), 2, Answers(redness=before)) == then


def test_the_reasons_stand_in_order_of_urgency_and_say_what_was_compared():
    said = Answers(redness=2, swelling=1, pain=4, signs=frozenset(["dark_marks", "breathing"]))
    found = triage(said, day=4, signs=SIGNS, before=Answers(pain=2))
    assert found.level == "red"
    assert [reason.code for reason in found.reasons] == ["breathing", "pain_worse", "dark_marks", "redness_lasts"]
    assert found.reasons[1].text == "Pain 4 of 10 on day 4, 2 before"


def test_a_sign_of_a_page_that_stood_open_is_not_let_go():
    assert level(Answers(signs=frozenset(["of_another_version"]))) == "amber_1"


def test_what_is_normal_is_no_reason():
    assert reasons(Answers(signs=frozenset(["usual"]))) == []


def test_the_limits_are_given_and_not_written_into_the_rules():
    strict = replace(LIMITS, strong_pain=4, red_from_day=1)
    assert triage(Answers(pain=4), day=1, signs=SIGNS, limits=strict).level == "amber_1"
    assert triage(Answers(redness=2), day=1, signs=SIGNS, limits=strict).level == "amber_2"


def test_the_worst_of_none_is_green():
    assert worst([]) == "green"
    assert worst(["amber_2", "red", "green"]) == "red"


CODES = [sign.code for sign in SIGNS]
scale = st.none() | st.integers(0, 3)
answered = st.builds(
    Answers,
    redness=scale,
    swelling=scale,
    pain=st.none() | st.integers(0, 10),
    signs=st.frozensets(st.sampled_from(CODES)),
)
days = st.integers(0, 40)


def rank(said: Answers, day: int, before: Answers) -> int:
    return LEVELS.index(level(said, day, before))


@unhurried
@given(said=answered, day=days, before=answered, sign=st.sampled_from(CODES))
def test_one_more_sign_never_lowers_the_level(said, day, before, sign):
    assert rank(replace(said, signs=said.signs | {sign}), day, before) >= rank(said, day, before)


@unhurried
@given(
    said=answered,
    day=days,
    before=answered,
    name=st.sampled_from(["redness", "swelling", "pain"]),
    by=st.integers(1, 10),
)
def test_more_redness_swelling_or_pain_never_lowers_the_level(said, day, before, name, by):
    most = 10 if name == "pain" else 3
    more = min(most, (getattr(said, name) or 0) + by)
    assert rank(replace(said, **{name: more}), day, before) >= rank(said, day, before)


@unhurried
@given(said=answered, day=days, before=answered)
def test_the_level_is_the_worst_of_its_reasons_and_never_below_a_ticked_sign(said, day, before):
    found = triage(said, day=day, signs=SIGNS, before=before)
    assert found.level == worst(reason.level for reason in found.reasons)
    ticked = [sign.level for sign in SIGNS if sign.code in said.signs]
    assert LEVELS.index(found.level) >= LEVELS.index(worst(ticked))
