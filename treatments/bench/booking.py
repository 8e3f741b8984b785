"""How long it takes to book a whole course, beside the same statements as raw SQL, and beside nothing but the writing of its rows."""

from collections.abc import Iterator
from statistics import median

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.models import Clinic
from treatments.appointments.courses.problems import Wishes, course_times, sessions_to_place
from treatments.appointments.courses.services import book_all
from treatments.bench.data import Bench
from treatments.bench.figures import Figure, against, once
from treatments.bench.free_time import TIMES_RAW
from treatments.faults.world import active_course, registered
from treatments.plans.models import TreatmentPlan
from treatments.scheduling.finding import cheapest_set

RUNS = 30
WRITES = ("INSERT", "UPDATE", "DELETE")
ITS_OWN_TRANSACTION = ("BEGIN", "ROLLBACK")
SEQUENCES = """
SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
FROM pg_sequences
"""


def figures(bench: Bench) -> Iterator[Figure]:
    """Goals: design, 6. Every booking is taken back, so that each finds the same diary."""
    bench.use(bench.large)
    course = Course()
    booked, said, written = [], [], []
    acts = (booked, course.book), (said, course.say), (written, course.write)
    for turn in range(RUNS + 1):
        for times, act in acts:
            course.prepare()
            took = once(act)
            if turn:
                times.append(took)
    times_rows = median(booked) / median(written)
    yield against(
        "booking a course of 4, 500k, one client, beside its statements",
        booked,
        said,
        TIMES_RAW,
        note=f"its {len(course.statements)} statements as raw SQL in one transaction; beside its {len(course.writes)} writes alone, "
        f"{median(written):.1f} ms, without a lock and without a question, it is {times_rows:.1f} x",
    )


class Course:
    """A course that is ready to be booked, the best places there are for it, and what booking it writes."""

    def __init__(self) -> None:
        clinic = Clinic.objects.get()
        self._by = clinic.memberships.get(roles__contains=["manager"]).user
        patient = registered(clinic, self._by, "Bench")
        active_course(patient, clinic.memberships.filter(sees_patients=True).first().user)
        self._course = TreatmentPlan.objects.get(patient=patient)
        with connection.cursor() as cursor:
            cursor.execute(SEQUENCES)
            self._sequences = cursor.fetchall()
        self.prepare()
        with CaptureQueriesContext(connection) as queries:
            self.book()
        said = [query["sql"].lstrip() for query in queries.captured_queries]
        self.statements = [statement for statement in said if not statement.startswith(ITS_OWN_TRANSACTION)]
        self.writes = [statement for statement in self.statements if statement.startswith(WRITES)]

    def prepare(self) -> None:
        """Everything as the booking finds it. A number that was given out is not taken back with the rows, so that is done here."""
        with connection.cursor() as cursor:
            for sequence in self._sequences:
                cursor.execute("SELECT setval(%s, %s, %s)", sequence)
        self._plan = TreatmentPlan.objects.select_related("clinic", "patient").get(pk=self._course.pk)
        planned = sessions_to_place(self._plan)
        times = course_times(self._plan, planned, Wishes(), now=clock.now())
        best = cheapest_set(times.problem, times.free)
        self._places = {one: times.place(visit) for one, visit in zip(planned, best.visits, strict=True)}

    @transaction.atomic
    def book(self) -> None:
        book_all(plan=self._plan, places=self._places, by=self._by)
        transaction.set_rollback(True)

    def say(self) -> None:
        """All statements that booking says, and nothing of what it makes of the answers."""
        self._run(self.statements)

    def write(self) -> None:
        self._run(self.writes)

    @transaction.atomic
    def _run(self, statements: list[str]) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                if cursor.description:
                    cursor.fetchall()
        transaction.set_rollback(True)
