"""Taking a deposit on a visit, and what becomes of it. Nothing here happens by itself: the policy suggests, somebody decides."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from clinic import audit, clock, currencies
from clinic.errors import DomainError, explained
from clinic.models import Clinic, User
from patients.models import Patient
from treatments.appointments.models import Appointment
from treatments.packages.deposits.models import Deposit, DepositStep, State
from treatments.packages.models import Package, PackageEntry, PackagePolicy
from treatments.packages.services import NO_CURRENCY, is_late

LONGEST_REASON = 200


@transaction.atomic
def take(*, visit: Appointment, amount: Decimal, reference: str, by: User) -> Deposit:
    """Write down what was taken for a visit that is still to come or under way."""
    visit = Appointment.objects.select_for_update(of=("self",), no_key=True).select_related("clinic", "patient").get(pk=visit.pk)  # fmt: skip
    if visit.status in ("cancelled", "no_show", "done"):
        raise DomainError(f"This visit is {visit.get_status_display().lower()}. A deposit is taken before it.")
    if visit.patient.status != Patient.Status.ACTIVE:
        raise DomainError("This record is closed. Open it again before anything is sold or taken.")
    if not visit.clinic.currency:
        raise DomainError(NO_CURRENCY, field="amount")
    if amount <= 0:
        raise DomainError("Enter an amount above nought.", field="amount")
    deposit = Deposit(
        clinic=visit.clinic, patient=visit.patient, visit=visit, amount=amount, currency=visit.clinic.currency,
        reference=" ".join(reference.split()), taken_by=by,
    )  # fmt: skip
    if not deposit.reference:
        raise DomainError("Write the number of the receipt.", field="reference")
    with explained():
        deposit.save()
    audit.record("deposit.taken", deposit, by=by)
    return deposit


@transaction.atomic
def settle(*, deposit: Deposit, became: str, reason: str, by: User) -> DepositStep:
    """Returned, kept, or put back to taken where that was a mistake; each with its reason."""
    deposit = Deposit.objects.select_for_update(of=("self",), no_key=True).select_related("clinic").get(pk=deposit.pk)
    if became not in State.values:
        raise DomainError("Choose what becomes of the deposit.", field="became")
    if became == deposit.state:
        raise DomainError(f"The deposit is {State(became).label.lower()} already.", field="became")
    said = " ".join(reason.split())[:LONGEST_REASON]
    if not said:
        raise DomainError("Say why, in a few words.", field="reason")
    step = DepositStep(deposit=deposit, was=deposit.state, became=became, reason=said, by=by)
    with explained():
        step.save()
    audit.record(f"deposit.{became}", deposit, by=by)
    return step


def suggested(visit: Appointment, policy: PackagePolicy) -> tuple[str, str]:
    """What the clinic's policy suggests for a deposit on this visit, and why in words; nothing while the visit is ahead."""
    if visit.status == "no_show":
        if policy.miss_keeps_deposit:
            return State.KEPT, "Did not come"
        return State.RETURNED, "Missed visits cost nothing here"
    if visit.status == "cancelled":
        return suggested_if_cancelled(visit, policy, at=visit.closed_at)
    if visit.status == "done":
        return State.RETURNED, "Came: set off against the bill"
    return "", ""


def suggested_if_cancelled(visit: Appointment, policy: PackagePolicy, *, at: datetime) -> tuple[str, str]:
    if not policy.miss_keeps_deposit:
        return State.RETURNED, "Missed visits cost nothing here"
    if is_late(policy, visit, at=at):
        return State.KEPT, f"Cancelled less than {policy.late_hours} hours before"
    return State.RETURNED, "Cancelled in time"


# ── The day's sum ─────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Movement:
    """One line of the day: what came in (positive) or went out. A deposit that is kept moves nothing: it was taken before."""

    at: datetime
    what: str
    patient: Patient
    reference: str
    reason: str
    amount: Decimal
    currency: str
    by: User

    @property
    def amount_words(self) -> str:
        return currencies.written(self.amount, self.currency)


def movements(clinic: Clinic, on: date) -> list[Movement]:
    """What was taken and given on a day of the clinic, in order. Four queries."""
    since, until = clock.day_bounds(on, clinic.tz)
    return sorted((*_of_deposits(clinic, since, until), *_of_packages(clinic, since, until)), key=lambda one: one.at)


def totals(moved: list[Movement]) -> list[str]:
    """In words, one for each currency."""
    sums: dict[str, Decimal] = {}
    for one in moved:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.amount
    return [currencies.written(amount, currency) for currency, amount in sorted(sums.items())]


def _of_deposits(clinic: Clinic, since: datetime, until: datetime) -> Iterator[Movement]:
    taken = clinic.deposits.filter(taken_at__gte=since, taken_at__lt=until)
    for deposit in taken.select_related("patient", "taken_by"):
        yield Movement(
            deposit.taken_at, "Deposit taken", deposit.patient, deposit.reference, "", deposit.amount, deposit.currency,
            deposit.taken_by,
        )  # fmt: skip
    steps = DepositStep.objects.filter(deposit__clinic=clinic, at__gte=since, at__lt=until)
    for step in steps.select_related("deposit__patient", "by"):
        deposit, sign = step.deposit, _in_the_till(step.became) - _in_the_till(step.was)
        what = "Deposit put back" if step.became == State.TAKEN else f"Deposit {step.get_became_display().lower()}"
        yield Movement(
            step.at, what, deposit.patient, deposit.reference, step.reason, deposit.amount * sign, deposit.currency, step.by
        )  # fmt: skip


def _in_the_till(state: str) -> int:
    return 0 if state == State.RETURNED else 1


def _of_packages(clinic: Clinic, since: datetime, until: datetime) -> Iterator[Movement]:
    sold = Package.objects.filter(clinic=clinic, sold_at__gte=since, sold_at__lt=until)
    for package in sold.select_related("patient", "sold_by"):
        yield Movement(
            package.sold_at, f"Package sold: {package.name}", package.patient, package.reference, "", package.amount,
            package.currency, package.sold_by,
        )  # fmt: skip
    back = PackageEntry.objects.filter(package__clinic=clinic, at__gte=since, at__lt=until)
    refunds = Q(what=PackageEntry.What.REFUNDED) | Q(undoes__what=PackageEntry.What.REFUNDED)
    for entry in back.filter(refunds).select_related("package__patient", "by", "undoes"):
        package = entry.package
        what, amount = ("Refund put back", entry.undoes.amount) if entry.undoes else ("Package refunded", -entry.amount)
        yield Movement(
            entry.at, f"{what}: {package.name}", package.patient, package.reference, entry.reason, amount,
            package.currency, entry.by,
        )  # fmt: skip
