"""Raw rows for the gate: what a script, a form or a mistaken service could try to write."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import connection

from clinic import clock
from clinic.errors import constraint_name
from patients.models import Patient
from treatments.appointments.models import Appointment
from treatments.screenings.models import ScreeningRecord

TABLE = "treatments_treatmentsession"
GATE = "session_opens_only_when_safe"
FIXED = "session_signed_is_fixed"


def a_record(patient: Patient, **differing) -> ScreeningRecord:
    """A screening that passes, but for what differs; made now, of the facts as they stand."""
    patient = Patient.objects.get(pk=patient.pk)
    known = patient.screenings.filter(purpose="session").first() or patient.screenings.first()
    details = {
        "patient": patient,
        "protocol": known.protocol,
        "on": clock.today(patient.clinic),
        "purpose": "session",
        "outcome": "clear",
        "result": known.result | {"changes": []},
        "facts": known.facts,
        "facts_version": patient.facts_version,
        "rules_version": patient.clinic.rules_version,
    }
    return ScreeningRecord.objects.create(**details | differing)


def insert_session(visit: Appointment, **differing) -> int:
    """INSERT INTO the table itself, past every form and service. Returns the new key."""
    row = {
        "ref": uuid.uuid4(),
        "clinic_id": visit.clinic_id,
        "patient_id": visit.patient_id,
        "plan_id": visit.planned_session.plan_id,
        "planned_session_id": visit.planned_session_id,
        "appointment_id": visit.pk,
        "screening_id": None,
        "status": "open",
        '"on"': clock.today(visit.clinic),
        "operator_id": visit.clinician_id,
        "changes_acknowledged": "[]",
        "cartridge_serial": "",
        "note": "",
        "aftercare_given": False,
        "sharps_disposed": False,
        "anaesthetic_occluded": False,
        "counts": True,
        "stopped_reason": "",
        "error_reason": "",
        "version": 1,
    } | differing
    places = ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {TABLE} ({', '.join(row)}) VALUES ({places}) RETURNING id", list(row.values()))
        return cursor.fetchone()[0]


def a_past_session(visit: Appointment, on: date, *, status: str = "completed", number: int = 1) -> int:
    """A signed session of another day, as if it had been opened then."""
    planned = visit.planned_session.plan.planned_sessions.get(number=number)
    with gate_off():
        return insert_session(
            visit,
            **{
                '"on"': on,
                "planned_session_id": planned.pk,
                "appointment_id": None,
                "status": status,
                "screening_id": visit.patient.screenings.first().pk,
                "signed_at": clock.now(),
                "signed_by_id": visit.clinician.user_id,
                "device_id": visit.clinic.devices.first().pk,
                "cartridge_lot_id": visit.clinic.cartridge_lots.first().pk,
            },
        )


@contextmanager
def gate_off(trigger: str = GATE) -> Iterator[None]:
    """The negative control: the table without one of its triggers."""
    with connection.cursor() as cursor:
        # Deferred foreign keys of rows just written would forbid ALTER TABLE.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgname LIKE %s",
            [TABLE, f"%{trigger}%"],
        )
        (name,) = cursor.fetchone()
        cursor.execute(f'ALTER TABLE {TABLE} DISABLE TRIGGER "{name}"')
        try:
            yield
        finally:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f'ALTER TABLE {TABLE} ENABLE TRIGGER "{name}"')
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def promise_broken(caught) -> str | None:
    return constraint_name(caught.value)
