"""How long free time takes, out of a clinic's database: a month of free visits as a request, and a whole course.

Each figure is taken in turns with what it is compared to, so that a busy machine slows both.
"""

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from functools import partial

from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.models import Clinic
from treatments.appointments.displaced import displaced_visits
from treatments.appointments.places import LENGTHS
from treatments.appointments.taken.fitting import KeptTime
from treatments.appointments.taken.reading import free_time
from treatments.appointments.working_time import hours_and_house
from treatments.bench.at_rest import a_python_loop, each_at_rest
from treatments.bench.data import Bench
from treatments.bench.figures import Figure, against, at_rest_within, counted, once
from treatments.scheduling.finding import find_sets
from treatments.scheduling.problems import Preferences, Problem
from treatments.scheduling.sets import Found

RUNS = 60
COURSE_RUNS = 10
DISPLACED_RUNS = 40
TIMES_RAW = 2
TIMES_SMALL = 1.25
COURSE_MS = 5
SLOT_QUERIES, COURSE_QUERIES = 3, 5
SEARCHED_DAYS = 180
Act = Callable[[], object]


def figures(bench: Bench) -> Iterator[Figure]:
    """Goals: design, 6."""
    yield from _month(bench)
    yield from _courses(bench)
    yield from _displaced(bench)


def _month(bench: Bench) -> Iterator[Figure]:
    with override_settings(ROOT_URLCONF="treatments.bench.requests", ALLOWED_HOSTS=["testserver"]):
        pages = clients(bench)
        month, small = (got(pages[database], "/month") for database in (bench.large, bench.small))
        kept, raw = in_turns(bench, RUNS, (bench.large, month), (bench.large, got(pages[bench.large], "/raw")))
        yield against("month of free visits, 500k, beside bare view + raw query", kept, raw, TIMES_RAW)
        large, small = in_turns(bench, RUNS, (bench.large, month), (bench.small, small))
        yield against("month of free visits, 500k beside 50k", large, small, TIMES_SMALL)
        bench.use(bench.large)
        bare = queries_of(got(pages[bench.large], "/nothing"))
        yield counted("queries of a month of free visits", goal=SLOT_QUERIES, taken=queries_of(month) - bare)


def _courses(bench: Bench) -> Iterator[Figure]:
    for sessions in (3, 4, 5, 6):
        acts = []
        for database in (bench.large, bench.small):
            bench.use(database)
            acts.append((database, Course(sessions).find))
        measure = partial(_alone_and_in_turns, bench, *acts)
        alone, large, small = each_at_rest(measure, loops=(a_python_loop, a_server_loop))
        yield at_rest_within(COURSE_MS, f"course of {sessions} from the database, 500k, three sets", alone)
        name = f"course of {sessions} from the database, 500k beside 50k"
        yield against(name, large.whenever, small.whenever, TIMES_SMALL)
    bench.use(bench.large)
    yield counted("queries of a whole course", goal=COURSE_QUERIES, taken=queries_of(Course(4).find))


def _alone_and_in_turns(bench: Bench, large: tuple[object, Act], small: tuple[object, Act]) -> list[list[float]]:
    """Milliseconds of the large database by itself, as a clinic has it, and of both in turns: each time one server puts the other's
    memory out of the processor's caches, which a comparison bears and a goal in milliseconds does not."""
    return [*in_turns(bench, COURSE_RUNS, large), *in_turns(bench, COURSE_RUNS, large, small)]


def _displaced(bench: Bench) -> Iterator[Figure]:
    acts = []
    for database in (bench.large, bench.small):
        bench.use(database)
        acts.append((database, partial(displaced_visits, Clinic.objects.get(), now=clock.now())))
    large, small = in_turns(bench, DISPLACED_RUNS, *acts)
    yield against("visits without a place, 500k beside 50k", large, small, TIMES_SMALL)


def a_server_loop() -> None:
    """As long as a course takes PostgreSQL: whether its process has rest too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(n) FROM generate_series(1, 10000) n")


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
        """Everything about the clinic's time read anew, two queries, and the three sets."""
        clinic = self.clinic
        hours, house = hours_and_house(clinic, self.first_day, self.last_day)
        free = free_time(
            clinic=clinic,
            patient=self.patient,
            first_day=self.first_day,
            last_day=self.last_day,
            clinicians=hours,
            rooms=house.rooms,
            devices=house.devices,
            hours=hours,
            away=house.away,
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
            took = once(act)
            if turn:
                times.append(took)
    return taken


def clients(bench: Bench) -> dict[DatabaseWrapper, Client]:
    """Somebody who sees patients, signed in to each of the two databases."""
    found = {}
    for database in (bench.small, bench.large):
        bench.use(database)
        found[database] = Client()
        found[database].force_login(Clinic.objects.get().memberships.filter(sees_patients=True).first().user)
    return found


def queries_of(act: Act) -> int:
    act()
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)


def got(client: Client, address: str) -> Act:
    def get() -> None:
        response = client.get(address)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")

    return get
