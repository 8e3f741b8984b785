"""Visits written as rows, by a script that knows the tables and asks no service: the reference for the time it takes."""

from collections.abc import Sequence

from django.db import DatabaseError, connection, transaction
from psycopg2 import errors

from clinic.models import Clinic, Membership, Room
from patients.models import Patient
from treatments.appointments.places import Place

INSERT = """
INSERT INTO treatments_appointment
    (ref, clinic_id, patient_id, kind, status, clinician_id, room_id, day, starts_at, zone, fold, prep_minutes, treat_minutes,
     turnover_minutes, during, room_during, clinician_during, overlap_reason, to_ask, session_counts, schedule_version,
     closed_reason)
VALUES (gen_random_uuid(), %s, %s, 'review', 'booked', %s, %s, %s, %s, %s, 0, %s, %s, %s, tstzrange(%s, %s), tstzrange(%s, %s),
    tstzrange(%s, %s), '', false, true, 1, '')
"""
FREE = """
UPDATE treatments_appointment SET status = 'cancelled', closed_at = clinic_now() WHERE id IN (
    SELECT id FROM treatments_appointment WHERE booked_by_id IS NULL AND status = 'booked' ORDER BY id LIMIT 12
    FOR UPDATE SKIP LOCKED)
"""


class Refused(Exception):
    """The database said no, by a constraint of ours or because somebody was in the way."""


class Writer:
    def __init__(
        self, clinic: Clinic, people: Sequence[Membership], rooms: Sequence[Room], patients: Sequence[Patient]
    ) -> None:
        self.clinic = clinic
        self.everything = {
            "clinic_membership": [person.pk for person in people],
            "clinic_room": [room.pk for room in rooms],
            "patients_patient": [patient.pk for patient in patients],
        }

    def book(self, places: Sequence[Place], patient: Patient, *, in_order: bool = True) -> None:
        """All of these places in one transaction; `in_order` locks who and what they need first, as everybody should."""
        places = sorted(places, key=lambda place: place.day)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                if in_order:
                    self._lock(cursor, "clinic_membership", {place.clinician.pk for place in places})
                    self._lock(cursor, "clinic_room", {place.room.pk for place in places})
                    self._lock(cursor, "patients_patient", {patient.pk})
                for place in places:
                    self._insert(cursor, place, patient)
        except DatabaseError as error:
            raise Refused(refusal_of(error)) from error

    def free(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(FREE)
        except DatabaseError as error:
            raise Refused(refusal_of(error)) from error

    def _lock(self, cursor, table: str, keys: set[int]) -> None:
        cursor.execute(
            f"SELECT id FROM {table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608  tables of ours
            [sorted(keys)],
        )

    def _insert(self, cursor, place: Place, patient: Patient) -> None:
        length, held = place.length, place.length.stretches(place.start(self.clinic))
        minutes = (length.prep_minutes, length.treat_minutes, length.turnover_minutes)
        cursor.execute(
            INSERT,
            [
                self.clinic.pk, patient.pk, place.clinician.pk, place.room.pk, place.day, place.starts_at, self.clinic.zone,
                *minutes, *held.patient, *held.room, *held.clinician,
            ],
        )  # fmt: skip


def refusal_of(error: DatabaseError) -> str:
    """In one word what the server said. What is none of these is a fault of ours, and goes on as it is."""
    cause = error.__cause__
    if isinstance(cause, errors.DeadlockDetected):
        return "deadlock"
    if isinstance(cause, errors.LockNotAvailable):
        return "waited"
    if isinstance(cause, errors.ExclusionViolation):
        return "taken"
    raise error
