"""What she has bought, beside a visit: what is left, what this visit has used, what its deposit waits for. Nothing clinical."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils.http import urlencode

from clinic import currencies
from clinic.models import Clinic
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.packages import services as packages
from treatments.packages.deposits import services as deposits
from treatments.packages.deposits.models import Deposit, State
from treatments.packages.models import Package, PackageEntry, PackageOffer, PackagePolicy
from treatments.packages.reading import lines, of_rows, shown

What = PackageEntry.What
GONE = ("no_show", "cancelled")
SUGGESTS = {State.RETURNED: "the policy suggests to return it", State.KEPT: "the policy suggests to keep it"}
OF_POLICY = ("miss_burns", "late_hours", "miss_keeps_deposit")


@dataclass(frozen=True)
class HeldDeposit:
    """One deposit on a visit: what it is, and what to do about it."""

    words: str
    act: str
    url: str


@dataclass(frozen=True)
class AtVisit:
    """`lines`: name and words of each package. `spent`: what this visit has used."""

    patient_url: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    not_covered: bool = False
    spent: str = ""
    forgive_url: str = ""
    burn_url: str = ""
    deposits: list[HeldDeposit] = field(default_factory=list)
    take_url: str = ""

    @property
    def says_something(self) -> bool:
        return bool(self.lines or self.deposits or self.take_url)


def asked(patient: Q, visit: Q, clinic: Combinable) -> dict[str, Combinable]:
    """For a query: her packages, what the visit has used, its deposits, and whether the clinic sells or takes anything.

    `patient`: what a package of hers is like; `visit`: what the visit itself is like; `clinic`: the clinic's key.
    """
    visits = Appointment.objects.filter(visit)
    entries = PackageEntry.objects.filter(
        Q(what=What.USED, session__appointment__in=visits) | Q(what=What.BURNED, visit__in=visits), undone=False
    )
    spent = JSONObject(ref="ref", what="what", name="package__name")
    held = JSONObject(ref="ref", state="state", amount="amount", currency="currency")
    policy = JSONObject(**{name: name for name in OF_POLICY})
    return {
        "bought": ArraySubquery(shown(Package.objects.filter(patient))),
        "spent": ArraySubquery(entries.order_by("id").values(shown=spent)),
        "deposits": ArraySubquery(Deposit.objects.filter(visit__in=visits).order_by("id").values(shown=held)),
        "money_policy": Subquery(PackagePolicy.objects.filter(clinic=clinic).values(shown=policy)[:1]),
        "sells": Exists(PackageOffer.objects.filter(clinic=clinic)),
    }


def at_visit(visit: Appointment, *, today: date) -> AtVisit:
    """One query."""
    of_visit = asked(Q(patient=visit.patient_id), Q(pk=visit.pk), OuterRef("pk"))
    known = Clinic.objects.filter(pk=visit.clinic_id).values("pk", money_in=F("currency")).annotate(**of_visit).get()
    return from_known(known, visit, today=today)


def from_known(known: Mapping[str, Any], visit: Appointment, *, today: date) -> AtVisit:
    """What `asked` found, and `money_in`, the clinic's currency. No query."""
    bought = of_rows(known["bought"])
    is_session = visit.planned_session_id is not None
    spent = next(iter(known["spent"]), None)
    is_over = visit.status in (*GONE, "done")
    # A session of a course that none of her packages covers: said, and nobody is held up for it.
    not_covered = bool(
        is_session
        and bought
        and spent is None
        and visit.status not in GONE
        and not any(one.left and one.counts_on(visit.day) for one in bought)
    )
    policy = PackagePolicy(**(known["money_policy"] or {}))
    return AtVisit(
        patient_url=reverse("treatments:patient_packages", args=[visit.patient.ref]),
        lines=lines(bought, today) if is_session else [],
        not_covered=not_covered,
        spent=_spent_words(spent) if spent else "",
        forgive_url=reverse("treatments:package_give_back", args=[spent["ref"]])
        if spent and spent["what"] == What.BURNED
        else "",
        burn_url=reverse("treatments:package_burn", args=[visit.ref])
        if is_session and visit.status in GONE and spent is None and any(one.left for one in bought)
        else "",
        deposits=[_deposit(row, visit, policy) for row in known["deposits"]],
        take_url=reverse("treatments:deposit_take", args=[visit.ref])
        if known["money_in"] and (known["sells"] or known["money_policy"]) and not is_over and not known["deposits"]
        else "",
    )


def _spent_words(spent: Mapping[str, str]) -> str:
    if spent["what"] == What.BURNED:
        return f"This visit has used one session of {spent['name']}"
    return f"Covered by {spent['name']}"


def _deposit(row: Mapping[str, Any], visit: Appointment, policy: PackagePolicy) -> HeldDeposit:
    said = f"Deposit of {currencies.written(Decimal(str(row['amount'])), row['currency'])}"
    state, _ = deposits.suggested(visit, policy)
    url = reverse("treatments:deposit_settle", args=[row["ref"]])
    if row["state"] != State.TAKEN:
        stands = row["state"] == State.KEPT and visit.status in (*COMING, *PRESENT)
        still = ", although the visit stands" if stands else ""
        return HeldDeposit(
            f"{said}: {State(row['state']).label.lower()}{still}", "Put right" if stands else "Change", url
        )
    if state:
        return HeldDeposit(f"{said}: {SUGGESTS[State(state)]}", "Settle it", url)
    return HeldDeposit(f"{said} taken", "Return it", url)


# ── Cancelling and missing ────────────────────────────────────────────────────


@dataclass(frozen=True)
class Costs:
    """What cancelling now would cost her: a session, in words, and what becomes of her deposits."""

    session: str
    deposits: list[str]


def costs_of_cancelling(visit: Appointment, *, now: datetime) -> Costs:
    """Three queries at most."""
    package = packages.burned_if_cancelled(visit, now=now)
    session = ""
    if package is not None:
        session = f"one of the {package.sessions_left} left of {package} is used" if package.sessions_left > 1 else (
            f"the last one left of {package} is used"
        )  # fmt: skip
    held = list(visit.deposits.filter(state=State.TAKEN))
    if not held:
        return Costs(session, [])
    state, why = deposits.suggested_if_cancelled(visit, packages.policy_of(visit.clinic), at=now)
    suggestion = f"{SUGGESTS[State(state)]} ({why[:1].lower()}{why[1:]}). You are asked about it next."
    return Costs(session, [f"A deposit of {one.amount_words} is held for this visit: {suggestion}" for one in held])


def settle_url(visit: Appointment, *, back: str) -> str:
    """Where a deposit is settled that is held for a visit that fell out; empty where none is. One query."""
    ref: UUID | None = visit.deposits.filter(state=State.TAKEN).values_list("ref", flat=True).first()
    return f"{reverse('treatments:deposit_settle', args=[ref])}?{urlencode({'next': back})}" if ref else ""
