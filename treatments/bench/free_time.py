"""How long free time takes, out of a clinic's database: a month of free visits as a request, and a whole course.

Each figure is taken in turns with what it is compared to, so that a busy machine slows both.
"""

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from statistics import median
from time import perf_counter

from django.test import Client, override_settings

from clinic import clock
from clinic.models import Clinic
from treatments.appointments.free_slots import devices_in_service
from treatments.appointments.places import LENGTHS
from treatments.appointments.taken.fitting import KeptTime
from treatments.appointments.taken.reading import free_time
from treatments.appointments.working_time import people, time_off, weekly_hours
from treatments.bench.data import Bench, bench_clinic
from treatments.bench.figures import Figure, figure
from treatments.scheduling.finding import find_sets
from treatments.scheduling.problems import Preferences, Problem
from treatments.scheduling.sets import Found

RUNS = 60
COURSE_RUNS = 40
TIMES_RAW = 2
TIMES_SMALL = 1.25
COURSE_MS = 5
SEARCHED_DAYS = 180
Act = Callable[[], object]


def figures() -> Iterator[Figure]:
    """Goals: design, 6. A server is started, filled and taken away."""
    with bench_clinic() as bench:
        yield from _month(bench)
        yield from _courses(bench)


def _month(bench: Bench) -> Iterator[Figure]:
    with override_settings(ROOT_URLCONF="treatments.bench.requests", ALLOWED_HOSTS=["testserver"]):
        pages = {}
        for database in (bench.small, bench.large):
            bench.use(database)
            client = Client()
            client.force_login(Clinic.objects.get().memberships.filter(sees_patients=True).first().user)
            pages[database] = client
        kept, raw = in_turns(
            bench,
            RUNS,
            (bench.large, _got(pages[bench.large], "/month")),
            (bench.large, _got(pages[bench.large], "/raw")),
        )
        yield _against("month of free visits, 500k: 2 x bare view + query", kept, raw, TIMES_RAW)
        large, small = in_turns(
            bench,
            RUNS,
            (bench.large, _got(pages[bench.large], "/month")),
            (bench.small, _got(pages[bench.small], "/month")),
        )
        yield _against("month of free visits, 500k: 1.25 x 50k", large, small, TIMES_SMALL)


def _courses(bench: Bench) -> Iterator[Figure]:
    for sessions in (3, 4, 6):
        acts = []
        for database in (bench.large, bench.small):
            bench.use(database)
            acts.append((database, Course(sessions).find))
        large, small = in_turns(bench, COURSE_RUNS, *acts)
        yield figure(f"course of {sessions} from the database, 500k", goal_ms=COURSE_MS, taken_ms=large)
        if sessions == 4:
            yield _against("course of 4 from the database, 500k: 1.25 x 50k", large, small, TIMES_SMALL)


class Course:
    """Somebody who wants a whole course, and when the search begins."""

    def __init__(self, sessions: int) -> None:
        self.clinic = Clinic.objects.get()
        self.patient = self.clinic.patients.order_by("pk").first()
        self.now = clock.now()
        self.first_day = self.now.astimezone(self.clinic.tz).date() + timedelta(days=1)
        self.last_day = self.first_day + timedelta(days=SEARCHED_DAYS)
        self.sessions = sessions

    def find(self) -> Found:
        """Everything about the clinic's time read anew, five queries, and the three sets."""
        clinic = self.clinic
        hours = weekly_hours(clinic)
        begin, end = clock.day_bounds(self.first_day, clinic.tz)[0], clock.day_bounds(self.last_day, clinic.tz)[1]
        free = free_time(
            clinic=clinic,
            patient=self.patient,
            first_day=self.first_day,
            last_day=self.last_day,
            clinicians=[who.pk for who in people(hours)],
            rooms=[room.pk for room in clinic.rooms.filter(in_service=True)],
            devices=devices_in_service(clinic),
            hours=hours,
            away=time_off(clinic, begin, end),
        )
        problem = self.problem(str(next(iter(free.clinicians))))
        return find_sets(problem, KeptTime(free, problem, not_before=self.now))

    def problem(self, clinician: str) -> Problem:
        length = LENGTHS["treatment"]
        return Problem(
            sessions=self.sessions,
            earliest_on=self.first_day,
            floor_days=28,
            target_days=28 if self.sessions > 4 else 42,
            latest_days=84,
            prep_minutes=length.prep_minutes,
            treat_minutes=length.treat_minutes,
            turnover_minutes=length.turnover_minutes,
            prefer=Preferences(clinician=clinician, weekdays=frozenset({1, 3}), between=(time(9), time(12))),
        )


def in_turns(bench: Bench, runs: int, *acts: tuple[object, Act]) -> list[list[float]]:
    """Milliseconds of each act, each on its database, one after the other again and again; the first round warms up."""
    taken: list[list[float]] = [[] for _ in acts]
    for turn in range(runs + 1):
        for times, (database, act) in zip(taken, acts, strict=True):
            bench.use(database)
            begun = perf_counter()
            act()
            if turn:
                times.append((perf_counter() - begun) * 1000)
    return taken


def _against(name: str, taken: list[float], reference: list[float], times: float) -> Figure:
    return figure(name, goal_ms=round(times * median(reference), 3), taken_ms=taken)


def _got(client: Client, address: str) -> Act:
    def get() -> None:
        response = client.get(address)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")

    return get
