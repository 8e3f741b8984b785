"""How many cartridges of a lot are left, and what is to be said about it. Read by the chair and by the manager's page."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Q, QuerySet

from clinic.models import Clinic
from treatments.sessions.models import CartridgeLot, TreatmentSession

FEW_LEFT = 5
SOON = timedelta(days=30)
USED = Q(sessions__isnull=False) & ~Q(sessions__status=TreatmentSession.Status.ENTERED_IN_ERROR)


@dataclass(frozen=True)
class Stock:
    """One lot as the manager reads it. `left` is None where nobody has counted what came."""

    lot: CartridgeLot
    used: int
    left: int | None
    today: date

    @property
    def is_expired(self) -> bool:
        return self.lot.expires_on < self.today

    @property
    def expires_soon(self) -> bool:
        return not self.is_expired and self.lot.expires_on <= self.today + SOON

    @property
    def expiry_words(self) -> str:
        days = (self.lot.expires_on - self.today).days
        return "Expires today" if days == 0 else "Expires tomorrow" if days == 1 else f"Expires in {days} days"

    @property
    def is_used_up(self) -> bool:
        return self.left is not None and self.left <= 0

    @property
    def is_low(self) -> bool:
        return self.left is not None and 0 < self.left <= FEW_LEFT

    @property
    def is_offered(self) -> bool:
        return self.lot.in_use and not self.is_expired and not self.is_used_up


def counted(clinic: Clinic) -> QuerySet[CartridgeLot]:
    """The clinic's lots with `used`: the sessions that name them, those entered in error left out."""
    return CartridgeLot.objects.filter(clinic=clinic).annotate(used=Count("sessions", filter=USED))


def stock_of(clinic: Clinic, *, today: date) -> list[Stock]:
    """Every lot with its count: those in use first, the next to expire on top. One query."""
    rows = counted(clinic).select_related("out_by").order_by("-in_use", "expires_on", "id")
    return [Stock(row, row.used, left_of(row, row.used), today) for row in rows]


def left_of(lot: CartridgeLot, used: int) -> int | None:
    return None if lot.received is None else lot.received - used


def used_by_others(lot: CartridgeLot, session: TreatmentSession | None = None) -> int:
    """Sessions that name the lot, without this one."""
    named = lot.sessions.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR)
    return (named if session is None else named.exclude(pk=session.pk)).count()


def offered_to(session: TreatmentSession) -> list[CartridgeLot]:
    """What the chair may choose from: in use, in date on the session's day, and one left for this session."""
    rows = counted(session.clinic).filter(in_use=True, expires_on__gte=session.on)
    return [
        row for row in rows if row.received is None or row.used - (row.pk == session.cartridge_lot_id) < row.received
    ]
