"""What the desk's lists say of packages and deposits: those that end with sessions left, sessions that none covers, visits that
none will cover, deposits that nobody has settled. Read from stored rows; only where a clinic sells or takes something."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from clinic import currencies
from clinic.templatetags.clinic_ui import day as day_words
from patients.models import Patient
from treatments.appointments.models import COMING, Appointment
from treatments.packages.deposits.models import Deposit, State
from treatments.packages.models import Package, PackageOffer
from treatments.packages.page import uncovered
from treatments.packages.reading import not_covered, of_rows, shown
from treatments.pages.worklists.call_rows import Call, CallList
from treatments.sessions.models import TreatmentSession

ENDING_DAYS = 30
OF_PATIENT = {name: f"patient__{name}" for name in ("given_name", "family_name", "phone")} | {
    "patient_ref": "patient__ref"
}
OF_HERSELF = {name: name for name in ("given_name", "family_name", "phone")} | {"patient_ref": "ref"}


def asked(today: date) -> dict[str, Any]:
    """For a query of clinics: what the lists are made of, each as an array of JSON objects."""
    rows = {
        "packages_ending": _ending(today),
        "not_covered": _not_covered(),
        "covered_no_more": _with_visits(today),
        "deposits_open": _open_deposits(),
    }
    sells = Exists(PackageOffer.objects.filter(clinic=OuterRef("pk")))
    takes = Exists(Deposit.objects.filter(clinic=OuterRef("pk")))
    return {
        **{name: ArraySubquery(each.values_list("shown", flat=True)) for name, each in rows.items()},
        "sells": sells,
        "takes": takes,
    }


def lists(known: Mapping[str, Any], *, today: date) -> list[CallList]:
    """From what `asked` found. No query."""
    of_packages = [
        _ending_list(known["packages_ending"], today),
        _uncovered_list(known["not_covered"]),
        _no_more_list(known["covered_no_more"]),
    ]
    return (of_packages if known["sells"] else []) + ([_deposit_list(known["deposits_open"])] if known["takes"] else [])


# ── Rows ──────────────────────────────────────────────────────────────────────


def _ending(today: date) -> QuerySet:
    """Packages that end soon with sessions left, the next to end first."""
    soon = Package.objects.filter(
        clinic=OuterRef("pk"), patient__status=Patient.Status.ACTIVE, sessions_left__gt=0,
        until_on__gte=today, until_on__lte=today + timedelta(days=ENDING_DAYS),
    )  # fmt: skip
    said = JSONObject(**OF_PATIENT, name="name", left="sessions_left", sessions="sessions", until=F("until_on"))
    return soon.order_by("until_on", "pk").annotate(shown=said)


def _not_covered() -> QuerySet:
    """Sessions that were held without a package, of patients who buy ahead, the oldest first."""
    held = uncovered(TreatmentSession.objects.filter(clinic=OuterRef("pk"), patient__status=Patient.Status.ACTIVE))
    said = JSONObject(**OF_PATIENT, session="ref", number="planned_session__number", on=F("on"))
    return held.order_by("on", "pk").annotate(shown=said)


def _with_visits(today: date) -> QuerySet:
    """Who has bought a package and has sessions booked: both, so that it can be seen which visit none will cover."""
    ahead = Appointment.objects.filter(
        patient=OuterRef("pk"), status__in=COMING, planned_session__isnull=False, day__gte=today
    )
    visit = JSONObject(
        ref="ref", day="day", number="planned_session__number", techniques="planned_session__plan__techniques"
    )
    bought = Package.objects.filter(patient=OuterRef("pk"))
    said = JSONObject(
        **OF_HERSELF,
        visits=ArraySubquery(ahead.order_by("during").values(shown=visit)),
        bought=ArraySubquery(shown(bought)),
    )
    both = Patient.objects.filter(Exists(bought), Exists(ahead), clinic=OuterRef("pk"), status=Patient.Status.ACTIVE)
    return both.order_by("name_key", "pk").annotate(shown=said)


def _open_deposits() -> QuerySet:
    """Deposits of visits that are over or fell out, and of which nobody has said what becomes of them."""
    over = Q(visit__status__in=["done", "no_show", "cancelled"])
    held = Deposit.objects.filter(over, clinic=OuterRef("pk"), state=State.TAKEN)
    said = JSONObject(
        **OF_PATIENT, deposit="ref", amount="amount", currency="currency", day="visit__day", status="visit__status"
    )
    return held.order_by("visit__day", "pk").annotate(shown=said)


# ── Lists ─────────────────────────────────────────────────────────────────────


def _ending_list(rows: Iterable[dict], today: date) -> CallList:
    found = CallList(
        "packages-ending", "Packages that end", "clock", "No package ends soon with sessions left.", "Ends",
        means=f"Within {ENDING_DAYS} days, and sessions are left.",
    )  # fmt: skip
    for row in rows:
        until = date.fromisoformat(row["until"])
        why = f"{row['name']}: {row['left']} left of {row['sessions']}"
        hue = "ask" if until <= today + timedelta(days=7) else ""
        found.calls.append(_line(row, why, day_words(until), hue=hue))
    return found


def _uncovered_list(rows: Iterable[dict]) -> CallList:
    found = CallList(
        "not-covered", "Held without a package", "box", "Every session of a patient who buys ahead is covered.", "Held",
        means="These patients buy ahead, and no package covered the session. Sell one, or say how it was settled.",
    )  # fmt: skip
    for row in rows:
        on, to = date.fromisoformat(row["on"]), ("session_settle", UUID(row["session"]))
        why = f"Session {row['number']} is not covered"
        found.calls.append(_line(row, why, day_words(on), act="Settle", to=to, hue="ask"))
    return found


def _no_more_list(rows: Iterable[dict]) -> CallList:
    found = CallList(
        "covered-no-more", "Booked, and none left", "box", "Every booked session of a patient who buys ahead is covered.",
        means="The package is used up, or over, before this visit.",
    )  # fmt: skip
    for row in rows:
        visits = [(date.fromisoformat(visit["day"]), visit["techniques"]) for visit in row["visits"]]
        on = not_covered(visits, of_rows(row["bought"]))
        if on is None:
            continue
        number = next(visit["number"] for visit in row["visits"] if visit["day"] == on.isoformat())
        to = ("package_sell", UUID(row["patient_ref"]))
        found.calls.append(_line(row, f"Session {number} is not covered", day_words(on), act="Sell", to=to))
    return found


def _deposit_list(rows: Iterable[dict]) -> CallList:
    words = {"done": "held", "no_show": "missed", "cancelled": "cancelled"}
    found = CallList("deposits", "Deposits to settle", "box", "Every deposit of a visit that is over is settled.")
    for row in rows:
        amount = currencies.written(Decimal(str(row["amount"])), row["currency"])
        why = f"{amount} taken, and the visit was {words[row['status']]}"
        to = ("deposit_settle", UUID(row["deposit"]))
        found.calls.append(_line(row, why, day_words(date.fromisoformat(row["day"])), act="Settle", to=to))
    return found


def _line(
    row: Mapping[str, Any], why: str, due: str, *, act: str = "Open", to: tuple[str, UUID] | None = None, hue: str = ""
) -> Call:
    ref = UUID(row["patient_ref"])
    return Call(
        name=f"{row['given_name']} {row['family_name']}",
        say=why,
        why=why,
        due=due,
        phone=row["phone"],
        leads_to=to or ("patient_packages", ref),
        patient_ref=ref,
        act=act,
        hue=hue,
    )
