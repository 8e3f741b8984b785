"""A clinic that sells ahead: its currency, an offer, what a missed visit costs, and packages that were sold."""

from datetime import timedelta
from decimal import Decimal

from clinic.models import Clinic
from patients.models import Patient
from tests import factories
from treatments.appointments import services as appointments
from treatments.appointments.models import Appointment
from treatments.packages import services
from treatments.packages.deposits import services as deposits
from treatments.packages.deposits.models import Deposit
from treatments.packages.models import Package, PackageOffer
from treatments.packages.offers import services as offers

TODAY = factories.TODAY
A_HALF_HOUR = timedelta(minutes=30)


def manager_of(clinic: Clinic):
    return factories.a_manager(clinic).user


def in_pounds(clinic: Clinic) -> Clinic:
    if not clinic.currency:
        clinic.currency = "GBP"
        clinic.save(update_fields=["currency"])
    return clinic


def an_offer(clinic: Clinic, **differing) -> PackageOffer:
    details = {"name": "Course of four", "sessions": 4, "amount": Decimal(480)} | differing
    there = clinic.package_offers.filter(name=details["name"]).first()
    return there or offers.add_offer(clinic=in_pounds(clinic), by=manager_of(clinic), **details)


def a_policy(clinic: Clinic, *, burns: bool = True, late_hours: int | None = 24, keeps: bool = True) -> None:
    offers.set_policy(
        clinic=clinic, miss_burns=burns, late_hours=late_hours, miss_keeps_deposit=keeps, by=manager_of(clinic)
    )


def a_package(patient: Patient, *, offer: PackageOffer | None = None, **differing) -> Package:
    details = {"reference": "INV-1"} | differing
    clinic = patient.clinic
    clinic.refresh_from_db(fields=["currency"])
    return services.sell(patient=patient, offer=offer or an_offer(clinic), by=manager_of(clinic), **details)


def a_deposit(visit: Appointment, **differing) -> Deposit:
    in_pounds(visit.clinic)
    details = {"amount": Decimal(50), "reference": "R-1"} | differing
    return deposits.take(visit=visit, by=manager_of(visit.clinic), **details)


def missed(visit: Appointment, later) -> Appointment:
    """She did not come, and half an hour after it began somebody says so."""
    later(A_HALF_HOUR)
    return appointments.mark_no_show(visit=visit, by=manager_of(visit.clinic))


def left(package: Package) -> int:
    package.refresh_from_db()
    return package.sessions_left
