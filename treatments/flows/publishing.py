"""Changing the rules of a clinic, and saying before and after whose visits that touches.

A change is written in the rules' room; what it means for booked visits is worked out here by running both rule sets over
each of them. Visits whose outcome changes become lines of a worklist, and their patients are screened again at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from clinic import audit, clock
from clinic.errors import DomainError
from clinic.models import Clinic, Membership, User
from patients.models import Patient
from treatments import facts
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.facts import PatientFacts, from_json
from treatments.protocol.jsonreading import BadFacts
from treatments.protocol.policy import Setting, Value, parameters
from treatments.protocol.screening import Outcome, screen
from treatments.rules import policy, services
from treatments.rules.models import OutcomeChange, PolicyValue, ProtocolAdoption, ProtocolSignOff, ProtocolVersion
from treatments.rules.services import in_force
from treatments.rules.words import verdict_words
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord

# Patients whose rows are read together: eight queries for so many.
PATIENTS_AT_ONCE = 500


@dataclass(frozen=True)
class Judged:
    """What a rule set says of a visit's day; `not_before` where a date decides."""

    outcome: Outcome
    not_before: date | None = None

    @property
    def words(self) -> str:
        return verdict_words(self.outcome, self.not_before)


# Rules that no longer know what a patient is treated for judge nothing: a person has to.
NOT_COVERED = Judged("needs_clinician")


@dataclass(frozen=True)
class Change:
    """A booked visit that the rules would judge in another way."""

    visit: Appointment
    patient: Patient
    before: Judged
    after: Judged


def compare(clinic: Clinic, after: Catalogue, *, before: Catalogue | None = None) -> list[Change]:
    """Visits that are booked and not over, each judged for its day under `before` (else what is in force) and `after`.

    By what is known today, as a booking is: the questions of the day are asked on the day. In order of the visits' days.
    Eight queries for each 500 patients, and one for the visits.
    """
    today = clock.today(clinic)
    before = before or policy.catalogue_for(clinic)
    device = clinic.devices.filter(in_service=True).order_by("id").first()
    booked = [list(visits) for _, visits in groupby(_booked_visits(clinic, today), key=lambda one: one.patient_id)]
    changes: list[Change] = []
    for at_once in _at_once(booked):
        known = facts.rows_of([visits[0].patient for visits in at_once], device=device)
        for visits in at_once:
            rows = known[visits[0].patient_id]
            # Days of a patient are days of this clinic; asking each row for it would be a query each.
            rows.patient.clinic = clinic
            changes += _changes(visits, rows, today, before, after)
    return sorted(changes, key=lambda change: (change.visit.during, change.visit.pk))


def _at_once(many: list[Any]) -> Iterator[list[Any]]:
    return (many[start : start + PATIENTS_AT_ONCE] for start in range(0, len(many), PATIENTS_AT_ONCE))


def _booked_visits(clinic: Clinic, today: date) -> Iterable[Appointment]:
    coming = clinic.appointments.filter(kind=Appointment.Kind.TREATMENT, status__in=COMING + PRESENT, day__gte=today)
    return coming.select_related("patient", "planned_session__plan").order_by("patient_id", "during")


def _changes(
    visits: list[Appointment], rows: facts.Rows, today: date, before: Catalogue, after: Catalogue
) -> Iterator[Change]:
    was, will = (_known(rows, today, rules) for rules in (before, after))
    for visit in visits:
        judged, judged_anew = _judged(was, visit.day, before), _judged(will, visit.day, after)
        if judged.outcome != judged_anew.outcome:
            yield Change(visit, visit.patient, judged, judged_anew)


def _known(rows: facts.Rows, today: date, rules: Catalogue) -> PatientFacts | None:
    try:
        return from_json(facts.facts_from(rows, on=today, catalogue=rules), rules)
    except BadFacts:
        return None


def _judged(known: PatientFacts | None, on: date, rules: Catalogue) -> Judged:
    if known is None:
        return NOT_COVERED
    screening = screen(known, on=on, purpose="booking", catalogue=rules)
    return Judged(screening.outcome, screening.earliest_on if screening.binding else None)


# ── What would change, before anything is written ─────────────────────────────


def catalogue_with(clinic: Clinic, setting: Setting) -> Catalogue:
    """The rules of a clinic as they would be with one more setting."""
    return _applied(clinic, in_force(clinic), [*_settings(clinic), setting])


def catalogue_without(value: PolicyValue) -> Catalogue:
    """The rules of a clinic as they would be with one of its values ended."""
    left = list(_settings(value.clinic))
    ended = Setting(value.path, value.value, value.expires_on)
    if ended in left:
        left.remove(ended)
    return _applied(value.clinic, in_force(value.clinic), left)


def catalogue_under(clinic: Clinic, protocol: ProtocolVersion) -> Catalogue:
    """The rules of a clinic as they would be under another published version, with its own values on top."""
    return _applied(clinic, protocol, _settings(clinic))


def _applied(clinic: Clinic, protocol: ProtocolVersion, settings: Iterable[Setting]) -> Catalogue:
    return policy.catalogue_with(protocol, settings, clock.today(clinic))


def _settings(clinic: Clinic) -> Iterable[Setting]:
    return policy.in_force_settings(clinic)


# ── The change itself, with what it means for booked visits ───────────────────


@transaction.atomic
def tighten(*, clinic: Clinic, path: str, value: Value, by: Membership) -> PolicyValue:
    """A stricter value, in force at once. Raises DomainError for anyone but a manager or a prescriber."""
    clinic, before = _held(clinic)
    made = policy.tighten(clinic=clinic, path=path, value=value, by=by)
    _tell(clinic, before, because=f"{_label(before, path)}: stricter", by=by.user)
    return made


@transaction.atomic
def loosen(*, clinic: Clinic, path: str, value: Value, reason: str, expires_on: date, by: Membership) -> PolicyValue:
    """A looser value until a day, by a prescriber with a licence and a reason. Raises DomainError for anyone else."""
    clinic, before = _held(clinic)
    made = policy.loosen(clinic=clinic, path=path, value=value, reason=reason, expires_on=expires_on, by=by)
    _tell(clinic, before, because=f"{_label(before, path)}: looser", by=by.user)
    return made


@transaction.atomic
def end(*, policy_value: PolicyValue, by: Membership, reason: str = "") -> PolicyValue:
    """End a value of the clinic. Where that makes the rule looser, a prescriber with a reason. Raises DomainError."""
    clinic, before = _held(policy_value.clinic)
    ended = policy.end(policy_value=policy_value, by=by, reason=reason)
    _tell(clinic, before, because=f"{_label(before, ended.path)}: the clinic’s own value ended", by=by.user)
    return ended


@transaction.atomic
def adopt(*, clinic: Clinic, protocol: ProtocolVersion, by: Membership) -> ProtocolAdoption:
    """Bring a published version into force in a clinic. A newer one may be looser, so a prescriber answers for it.

    Refused while it no longer knows something that is on record here: nobody's chart may become unreadable.
    """
    clinic, before = _held(clinic)
    _refuse_what_it_cannot_read(clinic, protocol)
    adoption = services.adopt(clinic=clinic, protocol=protocol, by=by)
    _tell(clinic, before, because=f"Protocol {protocol.version} adopted", by=by.user)
    return adoption


@transaction.atomic
def sign_off(*, clinic: Clinic, by: Membership) -> ProtocolSignOff:
    """A prescriber answers for the version in force; the first signature also adopts it, which changes no rule but its number."""
    clinic, before = _held(clinic)
    number = clinic.rules_version
    signed = services.sign_off(clinic=clinic, by=by)
    clinic.refresh_from_db(fields=["rules_version"])
    if clinic.rules_version != number:
        _tell(clinic, before, because=f"Protocol {signed.protocol.version} signed", by=by.user)
    return signed


def _held(clinic: Clinic) -> tuple[Clinic, Catalogue]:
    """The clinic under its lock, with the rules as they are: two changes at once are made one after the other."""
    clinic = Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    return clinic, policy.catalogue_for(clinic)


def _tell(clinic: Clinic, before: Catalogue, *, because: str, by: User) -> None:
    """Write a line for every visit that is judged anew, and screen again whom the change concerns."""
    # The trigger has raised the version of the rules meanwhile.
    clinic.refresh_from_db(fields=["rules_version"])
    after = policy.catalogue_for(clinic)
    changes = compare(clinic, after, before=before) if after is not before else []
    OutcomeChange.objects.bulk_create(
        OutcomeChange(
            clinic=clinic,
            visit_ref=change.visit.ref,
            visit_version=change.visit.schedule_version,
            patient_ref=change.patient.ref,
            before=change.before.outcome,
            after=change.after.outcome,
            not_before=change.after.not_before,
            because=because,
            changed_by=by,
        )
        for change in changes
    )
    for patient in _to_screen_again(clinic, changes):
        screenings.perform_again(patient=patient, by=by)


def _refuse_what_it_cannot_read(clinic: Clinic, protocol: ProtocolVersion) -> None:
    rules, today, unknown = catalogue_under(clinic, protocol), clock.today(clinic), 0
    for patients in _at_once(list(clinic.patients.order_by("pk"))):
        for rows in facts.rows_of(patients, device=None).values():
            rows.patient.clinic = clinic
            unknown += _known(rows, today, rules) is None
    if unknown:
        whom = "one patient" if unknown == 1 else f"{unknown} patients"
        raise DomainError(
            f"Protocol {protocol.version} no longer knows a concern, zone or answer that is on record for {whom}. "
            "Assess them again first."
        )


def _to_screen_again(clinic: Clinic, changes: Iterable[Change]) -> Iterable[Patient]:
    """Whose booked visit is judged anew, for lists read the newest screening; and who was screened today, for a session
    opens only under the rules in force."""
    today = clock.today(clinic)
    screened_today = Exists(ScreeningRecord.objects.filter(patient=OuterRef("pk"), on=today))
    concerned = Q(pk__in={change.patient.pk for change in changes}) | screened_today
    return clinic.patients.filter(concerned).select_related("clinic").order_by("pk")


def _label(rules: Catalogue, path: str) -> str:
    known = parameters(rules).get(path)
    return known.label if known else path


# ── The worklist ──────────────────────────────────────────────────────────────


@transaction.atomic
def mark_seen(*, change: OutcomeChange, by: User) -> None:
    """Somebody has looked at the visit: every line about it up to this one leaves the worklist."""
    waiting = OutcomeChange.objects.filter(clinic_id=change.clinic_id, visit_ref=change.visit_ref, seen_at=None)
    if waiting.filter(pk__lte=change.pk).update(seen_at=clock.now(), seen_by=by):
        audit.record("outcome_change.seen", change, by=by, clinic=change.clinic)
