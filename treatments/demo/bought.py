"""What the demo's patients have bought ahead, and what was taken as a deposit. Days are offsets from the demo's today; patients are
named by the number of their story."""

from dataclasses import dataclass
from decimal import Decimal

from clinic.models import Clinic, User
from patients.models import Patient
from treatments.appointments.models import COMING
from treatments.packages import services
from treatments.packages.deposits import services as deposits
from treatments.packages.models import Technique
from treatments.packages.offers import services as offers

OFFERS = (
    ("Course of four", 4, 12, Decimal(640)),
    ("Course of three", 3, 4, Decimal(510)),
    ("Upkeep, two sessions", 2, None, Decimal(340)),
)


@dataclass(frozen=True)
class Sale:
    """One package, sold the day before the first session of a story."""

    story: int
    on: int
    offer: str
    reference: str


# Two used of three, and the last one ends soon; one of four used, and one burned by a missed visit.
SALES = (Sale(13, -94, "Course of three", "INV-2041"), Sale(10, -71, "Course of four", "INV-2107"))


@dataclass(frozen=True)
class Held:
    """A deposit on the visit that is booked next."""

    story: int
    on: int
    amount: Decimal
    reference: str


DEPOSITS = (Held(17, -1, Decimal(50), "RCPT-0118"),)


def set_up(clinic: Clinic, *, by: User) -> None:
    """What is sold here, and that a missed visit, or one cancelled within a day, costs a session."""
    for name, sessions, months, amount in OFFERS:
        offers.add_offer(
            clinic=clinic, name=name, technique=Technique.MICRONEEDLING, sessions=sessions, valid_months=months,
            amount=amount, by=by,
        )  # fmt: skip
    offers.set_policy(clinic=clinic, miss_burns=True, late_hours=24, miss_keeps_deposit=True, by=by)


def sell(sale: Sale, patient: Patient, *, by: User) -> None:
    offer = patient.clinic.package_offers.get(name=sale.offer)
    services.sell(patient=patient, offer=offer, reference=sale.reference, by=by)


def take(held: Held, patient: Patient, *, by: User) -> None:
    visit = patient.appointments.filter(status__in=COMING).order_by("during").first()
    if visit is not None:
        deposits.take(visit=visit, amount=held.amount, reference=held.reference, by=by)
