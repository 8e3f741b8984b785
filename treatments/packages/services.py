"""Selling a package, and what becomes of its sessions: used, burned by a missed visit, given back, extended, refunded.

A session is never held up by any of this: what no package covers is shown as not covered, and the desk says how it was settled.
Lock order: session or visit, then the package, alone and last. Whoever has the package waits for nobody.
"""

from collections.abc import Collection
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from clinic import audit, clock, currencies
from clinic.errors import DomainError, explained
from clinic.models import Clinic, User
from clinic.templatetags.clinic_ui import date_year
from patients.models import Patient
from treatments.appointments.models import Appointment
from treatments.packages.models import (
    MOST_SESSIONS,
    Package,
    PackageEntry,
    PackageOffer,
    PackagePolicy,
    PaidOtherwise,
)
from treatments.sessions.models import TreatmentSession

What = PackageEntry.What
LONGEST_REASON = 200
MISSED = ("no_show", "cancelled")
NO_CURRENCY = "The clinic has no currency yet. A manager chooses one in Settings, Clinic."


def policy_of(clinic: Clinic) -> PackagePolicy:
    """What a missed visit costs here; nothing, until the clinic has said so. One query."""
    return PackagePolicy.objects.filter(clinic=clinic).first() or PackagePolicy(clinic=clinic)


# ── The sale ──────────────────────────────────────────────────────────────────


@transaction.atomic
def sell(
    *,
    patient: Patient,
    offer: PackageOffer,
    reference: str,
    by: User,
    from_on: date | None = None,
    until_on: date | None = None,
    sessions: int | None = None,
    amount: Decimal | None = None,
) -> Package:
    """Write down that a patient has bought a package, with the terms of today. What is not said is as the offer says.

    `sessions`: fewer than the offer where some were used before the clinic kept records here.
    """
    patient = Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=patient.pk)
    clinic = patient.clinic
    _refuse_closed(patient)
    _refuse_not_for_sale(offer, clinic)
    from_on = from_on or clock.today(clinic)
    if until_on is None and offer.valid_months is not None:
        until_on = last_day(from_on, offer.valid_months)
    if until_on is not None and until_on < from_on:
        raise DomainError("A package ends on the day it begins or later.", field="until_on")
    sessions = offer.sessions if sessions is None else sessions
    if not 1 <= sessions <= MOST_SESSIONS:
        raise DomainError(f"A package has 1 to {MOST_SESSIONS} sessions.", field="sessions")
    policy = policy_of(clinic)
    package = Package(
        clinic=clinic, patient=patient, offer=offer, name=offer.name, technique=offer.technique,
        sessions=sessions, sessions_left=sessions, from_on=from_on, until_on=until_on,
        amount=offer.amount if amount is None else amount, currency=offer.currency,
        reference=_said(reference, field="reference", sentence="Write the number of the receipt or the invoice."),
        miss_burns=policy.miss_burns, late_hours=policy.late_hours, sold_by=by,
    )  # fmt: skip
    with explained():
        package.save()
    audit.record("package.sold", package, by=by, sessions=sessions)
    return package


def last_day(from_on: date, months: int) -> date:
    """The last day of a package that counts for so many months: sold on 31 August for six, it is 28 February."""
    year, month = divmod(from_on.month - 1 + months, 12)
    year, month = from_on.year + year, month + 1
    days_of_month = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(from_on.day, days_of_month))


def _refuse_closed(patient: Patient) -> None:
    if patient.status != Patient.Status.ACTIVE:
        raise DomainError("This record is closed. Open it again before anything is sold or taken.")


def _refuse_not_for_sale(offer: PackageOffer, clinic: Clinic) -> None:
    if offer.clinic_id != clinic.pk or not offer.in_sale:
        raise DomainError("This package is not sold any more. Choose another one.", field="offer")
    if not clinic.currency:
        raise DomainError(NO_CURRENCY, field="offer")
    if offer.currency != clinic.currency:
        raise DomainError(
            f"Its amount is still in {offer.currency}. A manager enters it in {clinic.currency} first.", field="offer"
        )


# ── Used by a session, as it is signed ────────────────────────────────────────


def use_for(session: TreatmentSession, by: User) -> PackageEntry | None:
    """One session of the oldest package that covers it; None where none does, or where the session does not count.

    It runs in the transaction of a signature and never stands in its way: what is refused here leaves the session not covered.
    """
    with suppress(DomainError), transaction.atomic(), explained():
        if not session.counts or _covering(session).exists():
            return None
        package = _oldest(session.patient_id, on=session.on, techniques=session.plan.techniques)
        return None if package is None else _enter(package, What.USED, change=-1, session=session, by=by)
    return None


@transaction.atomic
def give_back_struck(session: TreatmentSession, by: User) -> PackageEntry | None:
    """A session that was entered in error has used nothing."""
    entry = _covering(session).first()
    if entry is None:
        return None
    return _give_back(_locked(entry.package), entry, reason="The session was entered in error", by=by)


@transaction.atomic
def cover(*, session: TreatmentSession, package: Package, by: User) -> PackageEntry:
    """Take a session that is done already from a package, by hand: of one that was sold afterwards, for one."""
    session = _locked_session(session)
    _refuse_uncoverable(session)
    package = _locked(package)
    if package.patient_id != session.patient_id:
        raise DomainError("That package is another patient's.", field="settled_by")
    if package.technique and package.technique not in session.plan.techniques:
        raise DomainError("That package is for another treatment.", field="settled_by")
    if package.until_on is not None and package.until_on < session.on:
        raise DomainError(
            f"That package ended on {date_year(package.until_on)}, before the session. Extend it first, with a reason.",
            field="settled_by",
        )
    _refuse_none_left(package, field="settled_by")
    return _enter(package, What.USED, change=-1, session=session, by=by)


@transaction.atomic
def settle_otherwise(*, session: TreatmentSession, reason: str, by: User) -> PaidOtherwise:
    """Say how a session was settled that no package covers, so that it leaves the list."""
    session = _locked_session(session)
    _refuse_uncoverable(session)
    said = _said(reason, sentence="Say how it was settled, for example: paid singly, receipt 1204.")
    with explained():
        settled = PaidOtherwise.objects.create(session=session, reason=said, by=by)
    audit.record("session.paid_otherwise", session, by=by)
    return settled


def _refuse_uncoverable(session: TreatmentSession) -> None:
    if session.signed_at is None or session.status == TreatmentSession.Status.ENTERED_IN_ERROR or not session.counts:
        raise DomainError("Only a session that is signed and counts is covered by a package.")
    if _covering(session).exists():
        raise DomainError("This session is covered by a package already.")
    if PaidOtherwise.objects.filter(session=session).exists():
        raise DomainError("Somebody has said already how this session was settled.")


# ── Burned by a missed visit ──────────────────────────────────────────────────


def burn_missed(visit: Appointment, by: User) -> PackageEntry | None:
    """She did not come: one session is used where the terms of her package say so. What is refused here costs her nothing."""
    with suppress(DomainError), transaction.atomic(), explained():
        package = _oldest_for(visit)
        if package is None or not package.miss_burns or _burned_by(visit).exists():
            return None
        return _enter(package, What.BURNED, change=-1, visit=visit, reason="Did not come", by=by)
    return None


@transaction.atomic
def burn_late(*, visit: Appointment, by: User) -> PackageEntry | None:
    """She cancelled so late that it counts as missed, and whoever cancelled has said that it does."""
    package = _oldest_for(visit)
    if package is None or not is_late(package, visit, at=visit.closed_at) or _burned_by(visit).exists():
        return None
    return _enter(package, What.BURNED, change=-1, visit=visit, reason="Cancelled late", by=by)


def is_late(terms: Package | PackagePolicy, visit: Appointment, *, at: datetime) -> bool:
    """Whether to cancel a visit at that moment counts as missing it."""
    if not terms.late_hours or (isinstance(terms, Package) and not terms.miss_burns):
        return False
    return visit.during.lower - at < timedelta(hours=terms.late_hours)


def burned_if_cancelled(visit: Appointment, *, now: datetime) -> Package | None:
    """The package that would lose a session if this visit were cancelled now and counted as missed. One query at most."""
    if visit.planned_session is None:
        return None
    packages = _covering_packages(visit.patient_id, on=visit.day, techniques=visit.planned_session.plan.techniques)
    package = packages.first()
    return package if package is not None and is_late(package, visit, at=now) else None


@transaction.atomic
def burn(*, visit: Appointment, package: Package, reason: str, by: User) -> PackageEntry:
    """Use a session for a missed visit by hand, whatever the policy says, with a reason."""
    said = _said(reason)
    visit = Appointment.objects.select_for_update(of=("self",), no_key=True).get(pk=visit.pk)
    if visit.status not in MISSED:
        raise DomainError("Only a visit that was missed or cancelled uses a session this way.", field="package")
    package = _locked(package)
    if package.patient_id != visit.patient_id:
        raise DomainError("That package is another patient's.", field="package")
    if _burned_by(visit).exists():
        raise DomainError("This visit has used a session of a package already.", field="package")
    _refuse_none_left(package, field="package")
    return _enter(package, What.BURNED, change=-1, visit=visit, reason=said, by=by)


@transaction.atomic
def give_back_missed(visit: Appointment, by: User) -> PackageEntry | None:
    """The visit stands again: it was no miss."""
    entry = _burned_by(visit).first()
    if entry is None:
        return None
    return _give_back(_locked(entry.package), entry, reason="The visit stands again", by=by)


# ── By the desk, with a reason ────────────────────────────────────────────────


@transaction.atomic
def give_back(*, entry: PackageEntry, reason: str, by: User) -> PackageEntry:
    """Forgive a missed visit, take a refund back, or free a session that was taken from the wrong package."""
    said = _said(reason)
    package = _locked(entry.package)
    entry.refresh_from_db(fields=["undone"])
    if entry.undone or entry.change >= 0:
        raise DomainError("This session was given back already.")
    return _give_back(package, entry, reason=said, by=by)


@transaction.atomic
def extend(*, package: Package, until_on: date | None, reason: str, by: User) -> PackageEntry:
    """Another last day, later than the one it has; None: no end any more."""
    said = _said(reason)
    package = _locked(package)
    if package.until_on is None:
        raise DomainError("This package has no end, so there is nothing to extend.", field="until_on")
    if until_on is not None and until_on <= package.until_on:
        raise DomainError(
            f"It counts until {date_year(package.until_on)} now. Choose a later day, or no end.", field="until_on"
        )
    return _enter(package, What.EXTENDED, change=0, until_on=until_on, reason=said, by=by)


@transaction.atomic
def refund(*, package: Package, sessions: int, amount: Decimal, reason: str, by: User) -> PackageEntry:
    """Take sessions back, with the amount that was returned for them; nought where the sale itself was a mistake."""
    said = _said(reason)
    package = _locked(package)
    if not 1 <= sessions <= package.sessions_left:
        raise DomainError(
            f"{package.sessions_left or 'No'} session{'' if package.sessions_left == 1 else 's'} of this package "
            f"{'is' if package.sessions_left == 1 else 'are'} left. Enter a number up to that.",
            field="sessions",
        )
    back = package.entries.filter(what=What.REFUNDED, undone=False).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    if not 0 <= amount <= package.amount - back:
        most = currencies.written(package.amount - back, package.currency)
        raise DomainError(f"At most {most} can be returned for it.", field="amount")
    return _enter(package, What.REFUNDED, change=-sessions, amount=amount, reason=said, by=by)


# ── What they share ───────────────────────────────────────────────────────────


def _enter(package: Package, what: What, *, change: int, by: User, **details) -> PackageEntry:
    entry = PackageEntry(package=package, what=what, change=change, by=by, **details)
    with explained():
        entry.save()
    audit.record(f"package.{what}", package, by=by, change=change)
    return entry


def _give_back(package: Package, entry: PackageEntry, *, reason: str, by: User) -> PackageEntry:
    return _enter(package, What.GIVEN_BACK, change=-entry.change, undoes=entry, reason=reason, by=by)


def _covering(session: TreatmentSession) -> QuerySet[PackageEntry]:
    return PackageEntry.objects.filter(session=session, what=What.USED, undone=False).select_related("package")


def _burned_by(visit: Appointment) -> QuerySet[PackageEntry]:
    return PackageEntry.objects.filter(visit=visit, what=What.BURNED, undone=False).select_related("package")


def _covering_packages(patient: int, *, on: date, techniques: Collection[str]) -> QuerySet[Package]:
    """Those of a patient (key) that cover a session of that day, the oldest first."""
    counting = Package.objects.filter(patient=patient, sessions_left__gt=0, from_on__lte=on)
    counting = counting.filter(Q(until_on=None) | Q(until_on__gte=on))
    return counting.filter(technique__in=["", *techniques]).order_by("from_on", "id")


def _oldest(patient: int, *, on: date, techniques: Collection[str]) -> Package | None:
    """As it is now, and as it stays until we are done. One that somebody has just used up is passed over."""
    packages = _covering_packages(patient, on=on, techniques=techniques)
    return packages.select_for_update(of=("self",), no_key=True).select_related("clinic").first()


def _oldest_for(visit: Appointment) -> Package | None:
    """What a missed visit would use; only sessions of courses are sold ahead."""
    if visit.planned_session is None:
        return None
    return _oldest(visit.patient_id, on=visit.day, techniques=visit.planned_session.plan.techniques)


def _locked(package: Package) -> Package:
    rows = Package.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("clinic").get(pk=package.pk)


def _locked_session(session: TreatmentSession) -> TreatmentSession:
    rows = TreatmentSession.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("clinic", "plan").get(pk=session.pk)


def _refuse_none_left(package: Package, *, field: str) -> None:
    if package.sessions_left <= 0:
        raise DomainError("No session of this package is left. Choose another one, or sell one.", field=field)


def _said(text: str, *, field: str = "reason", sentence: str = "Say why, in a few words.") -> str:
    said = " ".join(text.split())
    if not said:
        raise DomainError(sentence, field=field)
    return said[:LONGEST_REASON]
