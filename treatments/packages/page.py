"""A patient's packages and deposits as one page shows them: each with its history, and what nobody has settled yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.urls import reverse

from clinic import currencies
from patients.models import Patient
from treatments.appointments.models import COMING, Appointment
from treatments.packages.deposits.models import Deposit, DepositStep, State
from treatments.packages.models import Package, PackageEntry
from treatments.packages.reading import Bought, short
from treatments.sessions.models import TreatmentSession

What = PackageEntry.What
# Of missed visits and of sessions nobody has settled, those of about a year; older ones are over.
SHOWN_DAYS = 400
CHIPS = {
    "valid": ("clear", "Valid"),
    "ahead": ("note", "Begins later"),
    "expired": ("defer", "Expired"),
    "over": ("note", "None left"),
}
GIVE_BACK = {What.USED: "Give back", What.BURNED: "Forgive", What.REFUNDED: "Take the refund back"}


@dataclass(frozen=True)
class Line:
    """One line of a history. `act`: what takes it back, as the words of a link; empty where nothing does."""

    at: datetime | None
    on: date | None
    what: str
    change: str
    reason: str
    by: str
    void: bool = False
    act: str = ""
    act_url: str = ""


@dataclass(frozen=True)
class Shown:
    package: Package
    bought: Bought
    words: str
    chip: tuple[str, str]
    lines: list[Line]
    can_extend: bool
    can_refund: bool


def packages_of(patient: Patient, bought: list[Bought], today: date) -> list[Shown]:
    """What may still be used first, then the newest. `bought`: the same packages, from the header. Two queries."""
    entries = PackageEntry.objects.select_related("by", "session__planned_session", "visit", "undoes")
    rows = patient.packages.select_related("sold_by").prefetch_related(Prefetch("entries", entries))
    known = {one.ref: one for one in bought}
    shown = [_shown(package, known[package.ref], today) for package in rows if package.ref in known]
    order = {"valid": 0, "ahead": 1}
    return sorted(shown, key=lambda one: (order.get(one.bought.state(today), 2), -one.package.pk))


def _shown(package: Package, bought: Bought, today: date) -> Shown:
    return Shown(
        package=package,
        bought=bought,
        words=bought.words(today),
        chip=CHIPS[bought.state(today)],
        lines=list(_history(package, bought, today)),
        can_extend=package.until_on is not None and package.sessions_left > 0,
        can_refund=package.sessions_left > 0,
    )


def _history(package: Package, bought: Bought, today: date) -> Iterator[Line]:
    until = "no end" if package.until_on is None else f"until {short(package.until_on, today)}"
    sold = f"Sold for {package.amount_words}"
    yield Line(
        package.sold_at, None, sold, f"+{package.sessions}", f"Reference {package.reference}", str(package.sold_by)
    )
    for entry in package.entries.all():
        yield _line(entry, today)
    if bought.left and bought.is_expired(today):
        yield Line(None, package.until_on, f"Expired: counted {until}", "", "", "")


def _line(entry: PackageEntry, today: date) -> Line:
    act = "" if entry.undone else GIVE_BACK.get(What(entry.what), "")
    url = reverse("treatments:package_give_back", args=[entry.ref]) if act else ""
    change = f"{entry.change:+d}".replace("-", "−") if entry.change else ""
    return Line(entry.at, None, _words(entry, today), change, entry.reason, str(entry.by), entry.undone, act, url)


def _words(entry: PackageEntry, today: date) -> str:
    if entry.what == What.USED:
        return f"Session {entry.session.planned_session.number}, {short(entry.session.on, today)}"
    if entry.what == What.BURNED:
        return f"Visit of {short(entry.visit.day, today)}, not held"
    if entry.what == What.EXTENDED:
        return "No end any more" if entry.until_on is None else f"Extended until {short(entry.until_on, today)}"
    if entry.what == What.REFUNDED:
        return f"Refunded {currencies.written(entry.amount, entry.package.currency)}"
    return {What.USED: "Session given back", What.BURNED: "Missed visit forgiven"}.get(
        What(entry.undoes.what), "Refund taken back"
    )


# ── What nobody has settled yet ───────────────────────────────────────────────


def uncovered(sessions: QuerySet[TreatmentSession]) -> QuerySet[TreatmentSession]:
    """Sessions that no package covers, of patients who had bought one by then: whoever never buys ahead pays as she comes."""
    used = PackageEntry.objects.filter(session=OuterRef("pk"), what=What.USED, undone=False)
    bought = Package.objects.filter(patient=OuterRef("patient"), sold_at__lte=OuterRef("signed_at"))
    signed = sessions.filter(signed_at__isnull=False, counts=True, paid_otherwise=None).exclude(
        status=TreatmentSession.Status.ENTERED_IN_ERROR
    )
    return signed.filter(Exists(bought), ~Exists(used))


def uncovered_of(patient: Patient, today: date) -> QuerySet[TreatmentSession]:
    since = today - timedelta(days=SHOWN_DAYS)
    return uncovered(patient.sessions.filter(on__gte=since)).select_related("planned_session").order_by("on")


def not_held_of(patient: Patient, today: date) -> QuerySet[Appointment]:
    """Visits of courses that she missed or cancelled after she had bought a package, and that have used none of it."""
    burned = PackageEntry.objects.filter(visit=OuterRef("pk"), what=What.BURNED, undone=False)
    bought = Package.objects.filter(patient=OuterRef("patient"), sold_at__lte=OuterRef("closed_at"))
    closed = Q(status="no_show") | Q(status="cancelled")
    rows = patient.appointments.filter(
        closed, planned_session__isnull=False, day__gte=today - timedelta(days=SHOWN_DAYS)
    )
    return rows.filter(Exists(bought), ~Exists(burned)).select_related("planned_session").order_by("-day")


def deposits_of(patient: Patient) -> list[Deposit]:
    """Those that are open first, then the newest; each with its steps. Two queries."""
    steps = Prefetch("steps", DepositStep.objects.select_related("by"))
    rows = patient.deposits.select_related("visit", "taken_by").prefetch_related(steps)
    return sorted(rows, key=lambda one: (one.state != State.TAKEN, -one.pk))


def coming_of(patient: Patient) -> QuerySet[Appointment]:
    return patient.appointments.filter(status__in=COMING).select_related("planned_session").order_by("during")
