"""Free visits, against every minute of the day tried one by one."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from treatments.scheduling.free_time import Stretch, merged
from treatments.scheduling.offers import Wish, best, cost, nearest
from treatments.scheduling.slots import Slot, VisitLength, slots

LONDON = ZoneInfo("Europe/London")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
DAY = date(2027, 3, 9)
TREATMENT = VisitLength(prep_minutes=30, treat_minutes=30, turnover_minutes=10)


def at(clock: str, day: date = DAY, zone: ZoneInfo = LONDON, fold: int = 0) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=zone).replace(fold=fold).astimezone(UTC)


def span(start: str, end: str, day: date = DAY, zone: ZoneInfo = LONDON) -> Stretch:
    return Stretch(at(start, day, zone), at(end, day, zone))


def found(
    *, clinicians, rooms, length=TREATMENT, patient_busy=(), zone=LONDON, not_before=None, devices=None, grid_minutes=15
):
    return list(
        slots(
            length=length,
            clinicians=clinicians,
            rooms=rooms,
            patient_busy=list(patient_busy),
            zone=zone,
            not_before=not_before or datetime(2000, 1, 1, tzinfo=UTC),
            devices=devices,
            grid_minutes=grid_minutes,
        )
    )


def walls(some: list[Slot], zone: ZoneInfo = LONDON) -> list[str]:
    return [f"{slot.start.astimezone(zone):%H:%M}" for slot in some]


def by_brute_force(
    *, clinicians, rooms, devices, length, patient_busy, zone, not_before, grid_minutes, first, last
) -> list[Slot]:
    """Every minute between two moments tried for everybody."""
    result = []
    for who, free in clinicians.items():
        moment = first
        while moment <= last:
            wall = moment.astimezone(zone)
            held = length.stretches(moment)
            fits = (
                (wall.hour * 60 + wall.minute) % grid_minutes == 0
                and wall.second == 0
                and moment >= not_before
                and any(one.start <= held.clinician.start and held.clinician.end <= one.end for one in free)
                and (
                    not devices
                    or any(
                        one.start <= held.clinician.start and held.clinician.end <= one.end
                        for open_time in devices.values()
                        for one in open_time
                    )
                )
                and not any(one.start < held.patient.end and held.patient.start < one.end for one in patient_busy)
            )
            if fits:
                for room, open_time in rooms.items():
                    if any(one.start <= held.room.start and held.room.end <= one.end for one in open_time):
                        result.append(Slot(moment, who, room))
                        break
            moment += timedelta(minutes=1)
    return result


# Around the two nights of 2027 on which London's clocks change, Lord Howe's half hour, and a day like any other.
NIGHTS = [
    (LONDON, datetime(2027, 3, 9, 0, tzinfo=UTC)),
    (LONDON, datetime(2027, 3, 28, 0, tzinfo=UTC)),
    (LONDON, datetime(2027, 10, 31, 0, tzinfo=UTC)),
    (LORD_HOWE, datetime(2027, 4, 3, 13, tzinfo=UTC)),
    (LORD_HOWE, datetime(2027, 10, 2, 14, tzinfo=UTC)),
]
HOURS = 4


@st.composite
def problems(draw):
    zone, first = draw(st.sampled_from(NIGHTS))

    def stretches(most: int):
        ends = st.tuples(st.integers(0, HOURS * 60), st.integers(0, HOURS * 60))
        return st.lists(ends, max_size=most).map(
            lambda some: merged(
                Stretch(first + timedelta(minutes=min(e)), first + timedelta(minutes=max(e))) for e in some
            )
        )

    return {
        "length": VisitLength(draw(st.integers(0, 40)), draw(st.integers(5, 40)), draw(st.integers(0, 20))),
        "clinicians": {key: draw(stretches(3)) for key in range(draw(st.integers(1, 2)))},
        "rooms": {key: draw(stretches(3)) for key in range(10, 10 + draw(st.integers(1, 2)))},
        "devices": {key: draw(stretches(3)) for key in range(20, 20 + draw(st.integers(0, 2)))},
        "patient_busy": draw(stretches(2)),
        "zone": zone,
        "not_before": first + timedelta(minutes=draw(st.integers(0, 60))),
        "grid_minutes": draw(st.sampled_from([5, 10, 15, 30])),
        "first": first,
    }


@settings(max_examples=60, deadline=None)
@given(problems())
def test_slots_are_those_that_trying_every_minute_finds(problem):
    first = problem.pop("first")
    expected = by_brute_force(**problem, first=first - timedelta(hours=1), last=first + timedelta(hours=HOURS))
    assert list(slots(**problem)) == expected


@settings(max_examples=60, deadline=None)
@given(problems())
def test_no_slot_leaves_the_hours_or_overlaps_what_is_taken(problem):
    problem.pop("first")
    for slot in slots(**problem):
        held = problem["length"].stretches(slot.start)
        assert slot.start >= problem["not_before"]
        assert any(
            s.start <= held.clinician.start and held.clinician.end <= s.end
            for s in problem["clinicians"][slot.clinician]
        )
        assert any(s.start <= held.room.start and held.room.end <= s.end for s in problem["rooms"][slot.room])
        assert not any(s.start < held.patient.end and held.patient.start < s.end for s in problem["patient_busy"])


def test_numbing_needs_the_room_and_nobody():
    some = found(clinicians={1: [span("09:30", "10:00")]}, rooms={10: [span("09:00", "10:10")]})
    assert walls(some) == ["09:00"]


@pytest.mark.parametrize(
    ("clinician", "room", "expected"),
    [
        (("09:30", "10:00"), ("09:00", "10:10"), ["09:00"]),
        (("09:31", "10:00"), ("09:00", "10:10"), []),
        (("09:30", "09:59"), ("09:00", "10:10"), []),
        (("09:30", "10:00"), ("09:01", "10:10"), []),
        (("09:30", "10:00"), ("09:00", "10:09"), []),
    ],
)
def test_the_last_minute_of_each_resource_counts(clinician, room, expected):
    assert walls(found(clinicians={1: [span(*clinician)]}, rooms={10: [span(*room)]})) == expected


@pytest.mark.parametrize(
    ("device", "expected"),
    [(("09:30", "10:00"), ["09:00"]), (("09:31", "10:00"), []), (("09:30", "09:59"), [])],
)
def test_one_device_is_free_for_the_treatment_where_there_are_any(device, expected):
    needed = {"clinicians": {1: [span("09:30", "10:00")]}, "rooms": {10: [span("09:00", "10:10")]}}
    assert walls(found(**needed, devices={20: [span(*device)]})) == expected
    assert walls(found(**needed, devices={20: [span(*device)], 21: [span("09:00", "17:00")]})) == ["09:00"]
    assert walls(found(**needed, devices={20: []})) == []
    assert walls(found(**needed, devices={})) == ["09:00"]


def test_the_first_free_room_is_named():
    rooms = {10: [span("08:00", "09:40")], 11: [span("08:00", "18:00")]}
    some = found(clinicians={1: [span("09:00", "11:00")]}, rooms=rooms)
    assert [(wall, slot.room) for wall, slot in zip(walls(some), some, strict=True)] == [
        ("08:30", 10), ("08:45", 11), ("09:00", 11), ("09:15", 11), ("09:30", 11), ("09:45", 11), ("10:00", 11),
    ]  # fmt: skip


def test_a_patient_is_in_one_place_at_a_time():
    busy = [span("10:00", "10:30")]
    some = found(clinicians={1: [span("09:00", "12:00")]}, rooms={10: [span("08:00", "18:00")]}, patient_busy=busy)
    assert walls(some) == ["08:30", "08:45", "09:00", "10:30", "10:45", "11:00"]


@pytest.mark.parametrize(
    ("zone", "day", "hours", "expected"),
    [
        # 01:00 to 02:00 does not exist in London; half an hour from 02:00 is missing on Lord Howe.
        (LONDON, date(2027, 3, 28), ("00:30", "02:30"), ["00:30", "00:45", "02:00"]),
        (LORD_HOWE, date(2027, 10, 3), ("01:30", "03:00"), ["01:30", "01:45", "02:30"]),
        # 01:00 to 02:00 comes twice in London; half an hour to 02:00 comes twice on Lord Howe.
        (
            LONDON,
            date(2027, 10, 31),
            ("00:30", "02:00"),
            ["00:30", "00:45", *["01:00", "01:15", "01:30", "01:45"] * 2][:-1],
        ),
        (LORD_HOWE, date(2027, 4, 4), ("01:00", "02:00"), ["01:00", "01:15", "01:30", "01:45", "01:30"]),
    ],
)
def test_across_a_clock_change_no_time_is_offered_that_does_not_exist(zone, day, hours, expected):
    length = VisitLength(prep_minutes=0, treat_minutes=30, turnover_minutes=0)
    house = [Stretch(at(hours[0], day, zone), at(hours[1], day, zone))]
    some = found(clinicians={1: house}, rooms={10: house}, length=length, zone=zone)
    assert walls(some, zone) == expected
    assert len({slot.start for slot in some}) == len(some)


def slot(clock: str, *, days: int = 0, who: int = 1) -> Slot:
    return Slot(at(clock, DAY + timedelta(days=days)), who, 10)


def test_the_best_offers_meet_day_then_time_and_clinician():
    wish = Wish(on=DAY, at=time(9, 30), clinician=1)
    some = [slot("09:30"), slot("09:30", days=2), slot("09:00", days=7), slot("09:30", who=2), slot("14:00")]
    assert best(some, wish, LONDON) == [slot("09:30"), slot("09:30", days=2), slot("09:00", days=7)]
    assert cost(slot("09:30"), wish, LONDON) == 0
    assert cost(slot("09:45"), wish, LONDON) == 1
    assert cost(slot("10:01"), wish, LONDON) == 2
    assert cost(slot("09:30", days=-2), wish, LONDON) == 4
    assert cost(slot("09:30", who=2), wish, LONDON) == 3


def test_one_free_day_still_gives_three_offers():
    wish = Wish(on=DAY, at=time(9, 30))
    assert best([slot("09:00"), slot("09:30"), slot("11:00"), slot("11:00", who=2)], wish, LONDON) == [
        slot("09:30"), slot("09:00"), slot("11:00"),
    ]  # fmt: skip
    assert best([], wish, LONDON) == []


def test_the_nearest_free_times_are_in_order_and_name_no_moment_twice():
    some = [slot("09:00"), slot("11:00"), slot("11:00", who=2), slot("10:15"), slot("16:00")]
    assert nearest(some, at("10:30")) == [slot("09:00"), slot("10:15"), slot("11:00")]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(slot, st.sampled_from(["09:00", "09:30", "14:00"]), days=st.integers(0, 9), who=st.integers(1, 3))
    )
)
@example([])
def test_offers_are_distinct_moments_out_of_what_is_free(some):
    wish = Wish(on=DAY + timedelta(days=4), at=time(9), clinician=2)
    offered = best(some, wish, LONDON)
    assert set(offered) <= set(some)
    assert len({one.start for one in offered}) == len(offered) == min(3, len({one.start for one in some}))
    if some:
        assert cost(offered[0], wish, LONDON) == min(cost(one, wish, LONDON) for one in some)
