"""Rests of free time beside a treatment, told for all starts of a day at once, are those that a minute by minute look finds."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from treatments.appointments.taken.fitting import ShortRests
from treatments.appointments.taken.models import TICK_MINUTES, TICKS_A_DAY

FREE = st.lists(st.tuples(st.integers(0, TICKS_A_DAY - 1), st.integers(1, 60)), min_size=1, max_size=4)


def _bits(pieces):
    bits = 0
    for first, ticks in pieces:
        bits |= (1 << min(first + ticks, TICKS_A_DAY)) - (1 << first)
    return bits


def _by_hand(free, start, prep, treat):
    """Minutes free right before and right after the treatment; None where the treatment is not in free time."""
    minutes = [bool(free >> minute // TICK_MINUTES & 1) for minute in range(TICKS_A_DAY * TICK_MINUTES)]
    begins = start * TICK_MINUTES + prep
    ends = begins + treat
    if ends > len(minutes) or not all(minutes[begins:ends]):
        return None
    before = next((n for n in range(begins + 1) if n == begins or not minutes[begins - n - 1]), begins)
    after = next(n for n in range(len(minutes) - ends + 1) if ends + n == len(minutes) or not minutes[ends + n])
    return before, after


@settings(deadline=None)
@given(pieces=FREE, prep=st.integers(0, 45), treat=st.integers(1, 90))
@example(pieces=[(240, 60)], prep=0, treat=27)  # until the last minute of the day
@example(pieces=[(0, 40)], prep=3, treat=2)  # shorter than a tick
def test_short_rests_are_those_found_minute_by_minute(pieces, prep, treat):
    free = _bits(pieces)
    before, after = ShortRests(prep, treat).around(free)
    for start in range(TICKS_A_DAY):
        found = _by_hand(free, start, prep, treat)
        if found is not None:
            assert (before >> start & 1, after >> start & 1) == tuple(int(0 < rest < treat) for rest in found), start


@pytest.mark.parametrize(("rest_ticks", "is_short"), [(0, False), (1, True), (5, True), (6, False)])
def test_a_rest_is_short_where_it_is_there_and_no_treatment_fits_into_it(rest_ticks, is_short):
    free = _bits([(120, rest_ticks + 6 + 10)])
    before, _ = ShortRests(0, 30).around(free)
    assert bool(before >> 120 + rest_ticks & 1) is is_short
