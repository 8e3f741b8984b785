"""How deep a clinician may go herself, as the diary asks: nobody is booked for a session that begins deeper."""

from collections.abc import Iterable
from decimal import Decimal

from clinic.models import Membership
from treatments.plans.models import PlannedSession


def deepest_start_mm(zones: Iterable[dict]) -> Decimal | None:
    """The deepest start of a planned session's zones; None where there are none."""
    return max((Decimal(str(zone["start_mm"])) for zone in zones), default=None)


def begins_at_mm(planned: PlannedSession | None) -> Decimal | None:
    """The same of a planned session; None where it is no session of a course."""
    return deepest_start_mm(planned.zones if planned else ())


def goes_as_deep(clinician: Membership, begins_mm: Decimal | None) -> bool:
    """Whether her own limit, where she has one, reaches the depth a session begins with."""
    return clinician.max_depth_mm is None or begins_mm is None or begins_mm <= clinician.max_depth_mm


def may_take(clinician: Membership, planned: PlannedSession | None) -> bool:
    return goes_as_deep(clinician, begins_at_mm(planned))


def who_may_take(clinicians: Iterable[Membership], planned: PlannedSession | None) -> list[Membership]:
    return [clinician for clinician in clinicians if may_take(clinician, planned)]
