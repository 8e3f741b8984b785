"""Time that is left, against a list of minutes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from treatments.scheduling.free_time import Stretch, holds, meets, merged, without

DAWN = datetime(2027, 3, 9, 6, tzinfo=UTC)
HORIZON = 60


def stretch(start: int, end: int) -> Stretch:
    return Stretch(DAWN + timedelta(minutes=start), DAWN + timedelta(minutes=end))


def minutes(stretches: list[Stretch]) -> set[int]:
    return {
        minute
        for one in stretches
        for minute in range(HORIZON)
        if one.start <= DAWN + timedelta(minutes=minute) < one.end
    }


stretches = st.lists(
    st.tuples(st.integers(0, HORIZON), st.integers(0, HORIZON)).map(lambda ends: stretch(*ends)), max_size=8
)


@given(stretches)
def test_merging_keeps_every_minute_and_leaves_gaps_between(some):
    joined = merged(some)
    assert minutes(joined) == minutes(some)
    assert joined == sorted(joined)
    assert all(one.end < other.start for one, other in zip(joined, joined[1:], strict=False))


@given(stretches, stretches)
def test_what_is_left_is_every_open_minute_that_is_not_taken(open_time, taken):
    left = without(open_time, taken)
    assert minutes(left) == minutes(open_time) - minutes(taken)
    assert all(one.start < one.end for one in left)
    assert all(one.end < other.start for one, other in zip(left, left[1:], strict=False))


@given(stretches, st.integers(0, HORIZON), st.integers(1, HORIZON))
def test_a_stretch_is_held_when_every_minute_of_it_is_free(some, start, length):
    wanted = stretch(start, start + length)
    free = merged(some)
    assert holds(free, wanted) == any(one.start <= wanted.start and wanted.end <= one.end for one in free)


@given(stretches, st.integers(0, HORIZON), st.integers(1, HORIZON))
def test_a_stretch_meets_what_shares_a_minute_with_it(some, start, length):
    wanted = stretch(start, start + length)
    taken = merged(some)
    assert meets(taken, wanted) == any(one.start < wanted.end and wanted.start < one.end for one in taken)


def test_stretches_that_only_touch_neither_meet_nor_overlap():
    assert without([stretch(0, 30)], [stretch(30, 60)]) == [stretch(0, 30)]
    assert not meets([stretch(0, 30)], stretch(30, 45))
    assert meets([stretch(0, 31)], stretch(30, 45))
    assert holds([stretch(0, 30)], stretch(0, 30))
    assert not holds([stretch(0, 30)], stretch(0, 31))
