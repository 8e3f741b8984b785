"""Guards switched off, in a database that is thrown away: the checks have to find what the guards prevent.

Each control has a name, what is done to the database, and what is done in each racer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from treatments.appointments import services as diary
from treatments.appointments.courses import together
from treatments.appointments.courses.together import LockedCourse

UNGUARDED = """
ALTER TABLE treatments_appointment DROP CONSTRAINT appointment_room_free, DROP CONSTRAINT appointment_clinician_free,
    DROP CONSTRAINT appointment_device_free, DROP CONSTRAINT appointment_patient_free
"""


@dataclass(frozen=True)
class Control:
    """`finds`: the check that has to speak. `acts`: what the racers try, so that few tries are enough."""

    name: str
    finds: str
    acts: tuple[str, ...]
    to_the_database: Callable[[], None]
    to_each_racer: Callable[[], None]


def drop_the_constraints() -> None:
    with connection.cursor() as cursor:
        cursor.execute(UNGUARDED)


def lock_nothing() -> None:
    QuerySet.select_for_update = lambda rows, *args, **options: rows.all()


def break_the_transaction() -> None:
    """Each visit of a course is kept as soon as it is written, as without a transaction around all of them."""

    def put_down_one_by_one(course: LockedCourse, places, *, by) -> list:
        patient, visits = course.plan.patient, []
        for planned, place in sorted(places.items(), key=lambda item: item[0].number):
            visits.append(
                diary.put_down(patient=patient, kind="treatment", place=place, planned_session=planned, by=by)
            )
            # Not while a hold is only being tried: nothing of that stays anyhow.
            if connection.in_atomic_block and not connection.savepoint_ids:
                connection.connection.commit()
        return visits

    together.put_down = put_down_one_by_one


CONTROLS = (
    Control(
        "without exclusion constraints and locks", "overlaps", ("book_alone", "book_session", "raw_visit", "cancel"),
        drop_the_constraints, lock_nothing,
    ),
    Control(
        "without locks", "changes that were told twice", ("book_session", "book_alone", "move", "cancel"),
        lambda: None, lock_nothing,
    ),
    Control(
        "without the transaction around a course", "half-booked", ("book_course", "hold_and_confirm", "cancel", "raw_visit"),
        lambda: None, break_the_transaction,
    ),
)  # fmt: skip
