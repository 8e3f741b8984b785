"""How deep a clinician may go herself, as the diary asks: nobody is booked for a session that begins deeper."""

from collections.abc import Iterable
from decimal import Decimal

from clinic.models import Membership
from treatments.plans.models import PlannedSession


def begins_at_mm(planned: PlannedSession | None) -> Decimal | None:
    """The deepest start of a planned session's zones; None where it is no session of a course."""
    starts = [Decimal(str(zone["start_mm"])) for zone in (planned.zones if planned else ())]
    return max(starts, default=None)


def may_take(clinician: Membership, planned: PlannedSession | None) -> bool:
    """Whether her own limit, where she has one, reaches the depth the session begins with."""
    begins_mm = begins_at_mm(planned)
    return clinician.max_depth_mm is None or begins_mm is None or begins_mm <= clinician.max_depth_mm


def who_may_take(clinicians: Iterable[Membership], planned: PlannedSession | None) -> list[Membership]:
    return [clinician for clinician in clinicians if may_take(clinician, planned)]
