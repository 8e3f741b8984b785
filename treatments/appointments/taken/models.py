"""Which five minutes of a clinician, a room or a device are taken: kept beside the diary, by the database itself.

Free time for months ahead would else cost reading every visit of those months. A tick is five minutes of absolute time,
so no clock change moves one; a visit that begins or ends inside a tick takes all of it.

Lock order: who writes a visit locks the rows of what it took and takes, after everything the diary's services lock.
One statement locks them by clinic, block, kind and key; who writes several visits in one transaction writes them in
order of time, and two of them never wait for each other.
"""

import pgtrigger
from django.db import models

from clinic.models import Clinic
from treatments.appointments.models import BLOCKING_IN_SQL, Appointment

TICK_MINUTES = 5
TICK_SECONDS = TICK_MINUTES * 60
TICKS_A_DAY = 24 * 60 // TICK_MINUTES
# Four weeks: a kilobyte, which PostgreSQL still keeps in the row, and half a year of a clinic is some hundred rows. Two
# sessions of one course are never nearer than this, so a course touches a row once.
BLOCK_TICKS = 28 * TICKS_A_DAY


class Taken(models.Model):
    """The taken ticks of one clinician, room or device in one block of days.

    Bit 0 is the lowest bit of the first byte: tick `block * BLOCK_TICKS`, counted from 1970 in UTC. Only triggers write
    here; a missing row means that nothing is taken.
    """

    class Kind(models.TextChoices):
        CLINICIAN = "clinician", "Clinician"
        ROOM = "room", "Room"
        DEVICE = "device", "Device"

    pk = models.CompositePrimaryKey("clinic_id", "block", "kind", "key")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+", db_index=False)
    block = models.IntegerField()
    kind = models.CharField(max_length=9, choices=Kind.choices)
    key = models.BigIntegerField()
    bits = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.kind} {self.key}, block {self.block}"


def _spans(rows: str) -> str:
    """SQL: what the visits of a transition table take, a row each of clinic, kind, key and stretch."""
    return f"""
        SELECT visit.clinic_id, held.kind, held.key, held.during FROM {rows} visit, LATERAL (VALUES
            ('clinician', visit.clinician_id, visit.clinician_during),
            ('room', visit.room_id, visit.room_during),
            ('device', visit.device_id, visit.clinician_during)
        ) held (kind, key, during) WHERE visit.status IN ({BLOCKING_IN_SQL}) AND held.key IS NOT NULL
    """  # noqa: S608  constants of ours only


def _array(spans: str) -> str:
    return f"ARRAY(SELECT (span.clinic_id, span.kind, span.key, span.during)::treatments_span FROM ({spans}) span)"  # noqa: S608


_BEFORE, _AFTER = _spans("before"), _spans("after")
# Most changes of a visit leave its place alone; they are to cost next to nothing.
_PLACE = ("clinic_id", "clinician_id", "room_id", "device_id", "clinician_during", "room_during")
_SAME = " AND ".join(
    [
        "was.id = visit.id",
        *(f"was.{column} IS NOT DISTINCT FROM visit.{column}" for column in _PLACE),
        f"(was.status IN ({BLOCKING_IN_SQL})) = (visit.status IN ({BLOCKING_IN_SQL}))",
    ]
)

# A statement each, however many visits it writes: that is what lets it lock in a fixed order.
KEPT = (
    pgtrigger.Trigger(
        name="takes_when_made",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="after"),
        func=f"PERFORM treatments_retake('{{}}', {_array(_AFTER)}); RETURN NULL;",
    ),
    pgtrigger.Trigger(
        name="takes_when_changed",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        referencing=pgtrigger.Referencing(old="before", new="after"),
        declare=[("freed", "treatments_span[]"), ("taken", "treatments_span[]")],
        func=f"""
            IF NOT EXISTS (SELECT FROM after visit WHERE NOT EXISTS (SELECT FROM before was WHERE {_SAME})) THEN
                RETURN NULL;
            END IF;
            freed := {_array(f"{_BEFORE} EXCEPT {_AFTER}")};
            taken := {_array(f"{_AFTER} EXCEPT {_BEFORE}")};
            IF freed <> '{{}}' OR taken <> '{{}}' THEN PERFORM treatments_retake(freed, taken); END IF;
            RETURN NULL;
        """,  # noqa: S608  constants of ours only
    ),
    pgtrigger.Trigger(
        name="frees_when_deleted",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Delete,
        referencing=pgtrigger.Referencing(old="before"),
        func=f"PERFORM treatments_retake({_array(_BEFORE)}, '{{}}'); RETURN NULL;",
    ),
)
pgtrigger.register(*KEPT)(Appointment)
