"""Is what the database keeps the same as what its rows say? Worked out here a second time, from the visits alone."""

import math
from collections import defaultdict
from dataclasses import dataclass

from django.db import connection, transaction

from treatments.appointments.models import BLOCKING
from treatments.appointments.taken.models import BLOCK_TICKS, TICK_SECONDS

# Both in one statement: they are of the same moment, whoever books meanwhile.
KEPT_AND_ROWS = """
SELECT clinic_id, block::bigint, kind, key, bits, NULL::numeric, NULL::numeric FROM treatments_taken
UNION ALL
SELECT visit.clinic_id, NULL, held.kind, held.key, NULL, extract(epoch FROM lower(held.during)), extract(epoch FROM upper(held.during))
FROM treatments_appointment visit, LATERAL (VALUES
    ('clinician', visit.clinician_id, visit.clinician_during),
    ('room', visit.room_id, visit.room_during),
    ('device', visit.device_id, visit.clinician_during)
) held (kind, key, during)
WHERE visit.status = ANY(%s) AND held.key IS NOT NULL
"""
Where = tuple[int, str, int, int]  # clinic, kind, key, block


@dataclass(frozen=True)
class Difference:
    """One clinician, room or device in one block of days: ticks that are kept as taken and are not, and the reverse."""

    kind: str
    key: int
    block: int
    too_many: int
    missing: int

    def __str__(self) -> str:
        return f"{self.kind} {self.key}, block {self.block}: {self.too_many} ticks too many, {self.missing} missing"


def differences() -> list[Difference]:
    """Where kept and recomputed differ, in order; empty where all is well."""
    kept: dict[Where, int] = {}
    recomputed: dict[Where, int] = defaultdict(int)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(KEPT_AND_ROWS, [list(BLOCKING)])
        for clinic, block, kind, key, bits, begins, ends in cursor:
            if block is not None:
                kept[clinic, kind, key, block] = int.from_bytes(bits, "little")
                continue
            first, last = math.floor(begins / TICK_SECONDS), math.ceil(ends / TICK_SECONDS) - 1
            for touched in range(first // BLOCK_TICKS, last // BLOCK_TICKS + 1):
                start = touched * BLOCK_TICKS
                end_bit = min(last - start, BLOCK_TICKS - 1) + 1
                recomputed[clinic, kind, key, touched] |= (1 << end_bit) - (1 << max(first - start, 0))
    found = []
    for where in sorted({*kept, *recomputed}):
        is_kept, should_be = kept.get(where, 0), recomputed.get(where, 0)
        if is_kept != should_be:
            _, kind, key, block = where
            found.append(
                Difference(kind, key, block, (is_kept & ~should_be).bit_count(), (should_be & ~is_kept).bit_count())
            )
    return found


def rebuild() -> None:
    """Everything kept is worked out anew. Bookings wait meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT treatments_rebuild_taken()")
