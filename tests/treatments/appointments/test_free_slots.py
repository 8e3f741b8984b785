"""Free visits out of what is kept, against the visits themselves read one by one; and free time as the course search asks for it."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from clinic import clock
from clinic.models import Clinic, TimeOff, WorkingHours
from clinic.roles import Role
from tests import factories
from tests.treatments.appointments.test_taken import raw_visit, unsaved_visit
from treatments.appointments.free_slots import devices_in_service, free_slots
from treatments.appointments.models import BLOCKING, Appointment
from treatments.appointments.taken.fitting import KeptTime
from treatments.appointments.taken.reading import free_time
from treatments.appointments.working_time import at_work, opening, time_off, weekly_hours
from treatments.scheduling.free_time import Stretch, without
from treatments.scheduling.intervals import FreeIntervals
from treatments.scheduling.problems import Interval, Preferences, Problem, problem_from_json, problem_to_json
from treatments.scheduling.slots import Slot, VisitLength, slots

# The day on which the clocks change, for each: forward and back, north and south, by an hour and by half of one.
CHANGES = [
    ("Europe/London", date(2027, 3, 28)),
    ("Europe/London", date(2027, 10, 31)),
    ("America/New_York", date(2027, 3, 14)),
    ("America/New_York", date(2027, 11, 7)),
    ("Australia/Sydney", date(2027, 4, 4)),
    ("Australia/Sydney", date(2027, 10, 3)),
    ("Australia/Lord_Howe", date(2027, 4, 4)),
    ("Australia/Lord_Howe", date(2027, 10, 3)),
    # Midnight itself is left out, or comes twice.
    ("Africa/Cairo", date(2027, 4, 30)),
    ("America/Havana", date(2027, 11, 7)),
    ("Europe/London", date(2027, 6, 9)),
]
BEGINNING = datetime(2027, 1, 1, tzinfo=UTC)
WHOLE_NIGHT = (time(0), time(23, 59))
LENGTHS = [VisitLength(30, 30, 10), VisitLength(0, 20, 0), VisitLength(45, 60, 15), VisitLength(20, 5, 120)]


def slots_by_rows(
    *, clinic, patient, length, first_day, last_day, clinicians, now, ignore=None, devices=()
) -> list[Slot]:
    """Every visit of the horizon read and cut out of the working hours."""
    begin, end = clock.day_bounds(first_day, clinic.tz)[0], clock.day_bounds(last_day, clinic.tz)[1]
    hours, away = weekly_hours(clinic), time_off(clinic, begin, end)
    taken = taken_by_rows(clinic, begin, end, ignore)
    usable = opening(hours, away, first_day, last_day, clinic.tz)
    found = slots(
        length=length,
        clinicians={
            who.pk: without(at_work(who.pk, hours, away, first_day, last_day, clinic), taken["clinician", who.pk])
            for who in clinicians
        },
        rooms={room.pk: without(usable, taken["room", room.pk]) for room in clinic.rooms.all() if room.in_service},
        devices={device: without(usable, taken["device", device]) for device in devices},
        patient_busy=taken["patient", patient.pk],
        zone=clinic.tz,
        not_before=now,
    )
    return sorted(slot for slot in found if begin <= slot.start < end)


def taken_by_rows(clinic: Clinic, begin: datetime, end: datetime, ignore: Appointment | None) -> dict:
    visits = Appointment.objects.filter(clinic=clinic, status__in=BLOCKING, room_during__overlap=(begin, end))
    taken = defaultdict(list)
    for visit in visits.exclude(pk=ignore.pk if ignore else 0):
        treated = Stretch(visit.clinician_during.lower, visit.clinician_during.upper)
        taken["clinician", visit.clinician_id].append(treated)
        taken["device", visit.device_id].append(treated)
        taken["room", visit.room_id].append(Stretch(visit.room_during.lower, visit.room_during.upper))
        taken["patient", visit.patient_id].append(Stretch(visit.during.lower, visit.during.upper))
    return taken


TIMES = st.integers(0, 287).map(lambda tick: time(tick // 12, tick % 12 * 5))
HOURS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 7), TIMES, TIMES), max_size=12)
VISITS = st.lists(
    st.fixed_dictionaries(
        {
            "at": st.integers(-12 * 24, 12 * 72),
            "minutes": st.sampled_from([5, 30, 70, 240]),
            "clinician": st.sampled_from([0, 1, None]),
            "room": st.sampled_from([0, 1, None]),
            "device": st.sampled_from([0, None]),
            "mine": st.booleans(),
            "status": st.sampled_from(["booked", "done", "cancelled"]),
        }
    ),
    max_size=12,
)
A_VISIT = {"minutes": 30, "clinician": 0, "room": 0, "device": 0, "mine": False, "status": "booked"}


def at_once(one: WorkingHours, other: WorkingHours) -> bool:
    is_same = (one.membership, one.weekday) == (other.membership, other.weekday)
    return is_same and one.starts < other.ends and other.starts < one.ends


class World:
    """One clinic whose zone, hours and visits each example sets anew."""

    def __init__(self) -> None:
        clock.move_to(factories.NOW)
        self.clinic = factories.make_clinic()
        self.clinicians = [factories.make_member(self.clinic, Role.CLINICIAN) for _ in range(2)]
        self.rooms, self.device = list(self.clinic.rooms.all()), self.clinic.devices.get()
        self.patient, self.other = factories.make_patient(self.clinic), factories.make_patient(self.clinic)
        self.make_it_empty()

    def make_it_empty(self) -> None:
        WorkingHours.objects.all().delete()
        self.worked: list[WorkingHours] = []

    def open_all_day(self) -> None:
        self.work(*[(who, weekday, *WHOLE_NIGHT) for who in (0, 1) for weekday in range(1, 8)])

    def work(self, *hours) -> None:
        """Hours that would meet others of the same person are left out."""
        before = len(self.worked)
        for who, weekday, starts, ends in hours:
            row = WorkingHours(membership=self.clinicians[who], weekday=weekday, starts=starts, ends=ends)
            if starts < ends and not any(at_once(row, other) for other in self.worked):
                self.worked.append(row)
        WorkingHours.objects.bulk_create(self.worked[before:])

    def visits(self, day: date, *wanted: dict) -> list[Appointment]:
        made = Appointment.objects.bulk_create(self._unsaved(day, **one) for one in wanted)
        kept = Appointment.objects.in_bulk([visit.pk for visit in made])
        return [kept[visit.pk] for visit in made]

    def _unsaved(self, day: date, *, at, minutes, clinician, room, device, mine, status) -> Appointment:
        begins = clock.day_bounds(day, self.clinic.tz)[0] + timedelta(minutes=5 * at)
        return unsaved_visit(
            self.patient if mine else self.other, begins, minutes, status=status, clinician=None if clinician is None else self.clinicians[clinician],
            room=None if room is None else self.rooms[room], device=None if device is None else self.device, day=begins.astimezone(self.clinic.tz).date(),
        )  # fmt: skip

    def asked(self, first_day: date, last_day: date, **differing) -> dict:
        return {
            "clinic": self.clinic, "patient": self.patient, "length": LENGTHS[0], "first_day": first_day, "last_day": last_day,
            "clinicians": self.clinicians, "now": BEGINNING,
        } | differing  # fmt: skip

    def kept(self, problem: Problem, first_day: date, last_day: date, *, now=BEGINNING) -> KeptTime:
        begin, end = clock.day_bounds(first_day, self.clinic.tz)[0], clock.day_bounds(last_day, self.clinic.tz)[1]
        free = free_time(
            clinic=self.clinic, patient=self.patient, first_day=first_day, last_day=last_day, clinicians=[who.pk for who in self.clinicians],
            rooms=[room.pk for room in self.rooms], devices=devices_in_service(self.clinic), hours=weekly_hours(self.clinic), away=time_off(self.clinic, begin, end),
        )  # fmt: skip
        return KeptTime(free, problem, not_before=now)


def a_problem(length: VisitLength = LENGTHS[0], **differing) -> Problem:
    values = {
        "sessions": 2, "earliest_on": date(2027, 3, 1), "floor_days": 28, "target_days": 42, "latest_days": 84, "prep_minutes": length.prep_minutes,
        "treat_minutes": length.treat_minutes, "turnover_minutes": length.turnover_minutes,
    }  # fmt: skip
    return Problem(**values | differing)


class AgainstTheRows(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = World()

    def setUp(self) -> None:
        self.world.clinic.zone = "Europe/London"

    def setup_example(self) -> None:
        """Each example is undone, so the next one begins without hours."""
        super().setup_example()
        self.world.worked = []

    @settings(max_examples=100, deadline=None)
    @given(
        change=st.sampled_from(CHANGES),
        hours=HOURS,
        visits=VISITS,
        length=st.sampled_from(LENGTHS),
        off=st.none() | st.tuples(st.booleans(), st.integers(0, 12 * 48), st.integers(1, 12 * 30)),
        own_day=st.none() | st.tuples(st.integers(-1, 1), st.tuples(TIMES, TIMES)),
        ignored=st.integers(0, 11),
        with_devices=st.booleans(),
        now=st.just(BEGINNING) | st.integers(0, 24 * 60),
    )
    @example(
        change=CHANGES[1],
        hours=[(0, day, *WHOLE_NIGHT) for day in range(1, 8)],
        visits=[],
        length=LENGTHS[0],
        off=None,
        own_day=None,
        ignored=0,
        with_devices=False,
        now=BEGINNING,
    )
    @example(
        change=CHANGES[0],
        hours=[(0, day, *WHOLE_NIGHT) for day in range(1, 8)],
        visits=[],
        length=LENGTHS[1],
        off=None,
        own_day=None,
        ignored=0,
        with_devices=True,
        now=BEGINNING,
    )
    # The visit that moves has the only place there is.
    @example(
        change=CHANGES[-1],
        hours=[(0, 3, time(9), time(9, 30))],
        visits=[A_VISIT | {"at": 108}],
        length=LENGTHS[1],
        off=None,
        own_day=None,
        ignored=0,
        with_devices=True,
        now=BEGINNING,
    )
    # The visit that moves sits in one place with another on purpose.
    @example(
        change=CHANGES[-1],
        hours=[(0, 3, time(9), time(17))],
        visits=[A_VISIT | {"at": 130}, A_VISIT | {"at": 132}, A_VISIT | {"at": 160, "mine": True}],
        length=LENGTHS[1],
        off=None,
        own_day=None,
        ignored=0,
        with_devices=True,
        now=BEGINNING,
    )
    def test_slots_are_those_of_the_rows(self, change, hours, visits, length, off, own_day, ignored, with_devices, now):
        world, (zone, day) = self.world, change
        world.clinic.zone = zone
        world.work(*hours)
        midnight = clock.day_bounds(day, world.clinic.tz)[0]
        if off is not None:
            whole, at, ticks = off
            begins = midnight + timedelta(minutes=5 * at)
            TimeOff.objects.create(
                clinic=world.clinic,
                membership=None if whole else world.clinicians[0],
                during=(begins, begins + timedelta(minutes=5 * ticks)),
            )
        if own_day is not None and (own_day[1][0] < own_day[1][1] or own_day[0] == 0):
            starts, ends = own_day[1] if own_day[1][0] < own_day[1][1] else (None, None)
            WorkingHours.objects.create(
                membership=world.clinicians[0], on=day + timedelta(days=own_day[0]), starts=starts, ends=ends
            )
        made = world.visits(day, *visits)
        asked = world.asked(
            day - timedelta(days=1), day + timedelta(days=1), length=length, ignore=made[ignored % len(made)] if made else None,
            devices=devices_in_service(world.clinic) if with_devices else (), now=now if now == BEGINNING else midnight + timedelta(minutes=now),
        )  # fmt: skip
        self.assertEqual(free_slots(**asked), slots_by_rows(**asked))

    @settings(max_examples=40, deadline=None)
    @given(
        change=st.sampled_from(CHANGES),
        hours=HOURS,
        visits=VISITS,
        length=st.sampled_from([*LENGTHS, VisitLength(7, 33, 4)]),
        grid=st.sampled_from([5, 10, 15, 60]),
        now=st.just(0) | st.integers(0, 24 * 60),
    )
    @example(
        change=CHANGES[1],
        hours=[(0, day, *WHOLE_NIGHT) for day in range(1, 8)],
        visits=[A_VISIT | {"at": 30}],
        length=LENGTHS[0],
        grid=5,
        now=0,
    )
    def test_a_course_finds_in_it_what_the_dumped_intervals_say(self, change, hours, visits, length, grid, now):
        world, (zone, day) = self.world, change
        world.clinic.zone = zone
        world.work(*hours)
        world.visits(day, *visits)
        first_day, last_day = day - timedelta(days=1), day + timedelta(days=2)
        problem = a_problem(
            length,
            earliest_on=first_day,
            grid_minutes=grid,
            prefer=Preferences(avoid=frozenset({day + timedelta(days=1)})),
        )
        kept = world.kept(
            problem, first_day, last_day, now=clock.day_bounds(first_day, world.clinic.tz)[0] + timedelta(minutes=now)
        )
        dumped = kept.dumped()
        self.assertEqual(problem_from_json(problem_to_json(dumped)), dumped)
        if with_intervals := any(dumped.rooms.values()):
            read = FreeIntervals(dumped)
        for n, (clinician, name) in enumerate(zip(kept.clinicians, dumped.clinicians, strict=True)):
            assert name == "AB"[n]
            for offset in range(-1, 5):
                that_day = first_day + timedelta(days=offset)
                starts = kept.starts(clinician, that_day)
                self.assertEqual(starts, read.starts(name, that_day) if with_intervals else 0)
                for start in (s for s in range(starts.bit_length()) if starts >> s & 1):
                    room = kept.room_at(clinician, that_day, start)
                    self.assertEqual(
                        f"R{[str(r.pk) for r in world.rooms].index(room) + 1}", read.room_at(name, that_day, start)
                    )
                    for left, as_read in zip(
                        kept.orphans(clinician, that_day), read.orphans(name, that_day), strict=True
                    ):
                        self.assertEqual(left >> start & 1, as_read >> start & 1)

    def test_both_passes_of_a_repeated_hour_are_offered_and_a_time_that_is_left_out_never(self):
        for (zone, day), hours_a_day, repeated in zip(
            CHANGES[:8], (23, 25, 23, 25, 25, 23, 24.5, 23.5), (0, 1) * 2 + (1, 0, 0.5, 0), strict=True
        ):
            self.world.clinic.zone = zone
            self.world.open_all_day()
            found = free_slots(
                **self.world.asked(day, day, length=VisitLength(0, 15, 0), clinicians=self.world.clinicians[:1])
            )
            walls = [slot.start.astimezone(ZoneInfo(zone)) for slot in found]
            # Hours end at 23:59, so the last quarter of an hour is nobody's.
            self.assertEqual(len(walls), (hours_a_day - 0.25) * 4, zone)
            self.assertEqual(len(walls) - len({wall.time() for wall in walls}), repeated * 4, zone)
            for wall in walls:
                self.assertEqual(wall.astimezone(UTC).astimezone(ZoneInfo(zone)), wall)

    def test_a_course_meets_a_repeated_hour_once_and_lies_across_no_change(self):
        self.world.open_all_day()
        day = date(2027, 10, 31)
        kept = self.world.kept(a_problem(VisitLength(0, 15, 0), grid_minutes=15), day, day)
        # 01:45 is the last start before the clocks go back to 01:00; 02:00 the next that is no repetition.
        self.assertEqual(kept.starts(kept.clinicians[0], day), (1 << 95) - 1)
        longer = self.world.kept(a_problem(VisitLength(0, 30, 0), grid_minutes=15), day, day)
        self.assertEqual(longer.starts(longer.clinicians[0], day), ((1 << 94) - 1) & ~(1 << 7))
        midnight = datetime.combine(day, time())
        two = midnight + timedelta(hours=2)
        self.assertEqual(
            list(kept.dumped().rooms["R1"]),
            [Interval(midnight, two), Interval(two, midnight + timedelta(hours=23, minutes=55))],
        )

    def test_what_stands_in_the_way_can_be_left_out_of_sight(self):
        world, day = self.world, date(2027, 6, 9)
        world.work((0, 3, time(9), time(12)))
        long = A_VISIT | {"at": 9 * 12, "minutes": 180}
        world.visits(day, long | {"clinician": None}, long | {"room": 1, "device": None, "mine": True})
        one_room = self.world.kept(a_problem(prefer=Preferences(avoid=frozenset({day}))), day, day)
        for obstacle in ("avoid", "clinicians", "patient_busy", "rooms"):
            self.assertEqual(one_room.starts(one_room.clinicians[0], day), 0)
            one_room = one_room.ignoring(obstacle)
        self.assertEqual(one_room.starts(one_room.clinicians[0], day), 0)
        freed = one_room.ignoring("devices")
        self.assertGreater(freed.starts(freed.clinicians[0], day), 0)
        self.assertEqual(freed.room_at(freed.clinicians[0], day, 100), "0")
        nobody = replace(kept_free(one_room), clinicians={})
        somebody = KeptTime(nobody, a_problem(), not_before=BEGINNING).ignoring("clinicians")
        self.assertEqual(len(somebody.clinicians), 1)


def kept_free(kept: KeptTime):
    return kept._free


# --- what it costs


@pytest.mark.parametrize("history", [0, 60])
def test_a_search_asks_the_same_few_questions_whatever_the_history(clinic, patient, history):
    who = factories.a_clinician(clinic)
    other = factories.make_patient(clinic)
    for n in range(history):
        raw_visit(
            other,
            datetime(2027, 4, 1, 9, tzinfo=UTC) + timedelta(days=n % 20, minutes=30 * (n // 20)),
            clinician=who,
            room=clinic.rooms.first(),
        )
    asked = {
        "clinic": clinic,
        "patient": patient,
        "length": LENGTHS[0],
        "first_day": date(2027, 4, 1),
        "last_day": date(2027, 4, 30),
        "clinicians": [who],
        "now": BEGINNING,
    }
    rooms, devices = list(clinic.rooms.all()), devices_in_service(clinic)
    with CaptureQueriesContext(connection) as queries:
        assert free_slots(**asked, rooms=rooms, devices=devices)
    assert len(queries) == 3, "hours, time off, and what is taken"


def test_a_grid_that_is_no_multiple_of_five_minutes_is_refused(clinic, patient):
    world_free = free_time(
        clinic=clinic,
        patient=patient,
        first_day=date(2027, 4, 1),
        last_day=date(2027, 4, 2),
        clinicians=[],
        rooms=[],
        devices=[],
        hours={},
        away={},
    )
    with pytest.raises(ValueError, match="multiple of 5"):
        KeptTime(world_free, a_problem(grid_minutes=7), not_before=BEGINNING)
    assert (
        free_slots(
            clinic=clinic,
            patient=patient,
            length=LENGTHS[0],
            first_day=date(2027, 4, 2),
            last_day=date(2027, 4, 1),
            clinicians=[],
            now=BEGINNING,
        )
        == []
    )
