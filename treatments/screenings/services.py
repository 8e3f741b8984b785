"""Running the rules on record, and lifting what a named clinician may lift."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from patients.models import Patient
from treatments import facts
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.facts import PatientFacts, from_json
from treatments.protocol.screening import Screening, outlook, screen
from treatments.rules.models import Device, ProtocolVersion
from treatments.rules.policy import RuleSet, catalogue_for, rules_of
from treatments.rules.services import version_of
from treatments.screenings.models import Clearance, ScreeningFinding, ScreeningRecord

LONGEST_CLEARANCE_DAYS = 366


class NotPermitted(DomainError):
    """The outcome of a screening does not allow the act. `outcome` and `earliest_on` say what does."""

    def __init__(self, sentence: str, *, screening: Screening | ScreeningRecord, field: str | None = None) -> None:
        super().__init__(sentence, field=field)
        self.screening = screening
        self.outcome = screening.outcome
        self.earliest_on = screening.earliest_on


def look(patient: Patient, *, on: date, purpose: str) -> Screening:
    """What the rules say, without writing it down."""
    return look_on(patient, [on], purpose=purpose, today=clock.today(patient.clinic))[on]


def look_on(
    patient: Patient, days: Collection[date], *, purpose: str, today: date, device: Device | None = None
) -> dict[date, Screening]:
    """The same for several days. Eight queries at most, however many days. `device`: the clinic's default one, where that has
    been read."""
    rules = rules_of(patient.clinic)
    rows = facts.rows_of([patient], device=device or facts.default_device(patient))[patient.pk]
    known: dict[tuple[date, Catalogue], PatientFacts] = {}
    found = {}
    for on in days:
        catalogue = rules.on(on)
        # What is known today decides about a later day; a past day is judged by what was known then. Days that know as much
        # and live by the same rules share their facts.
        same = (min(on, today), catalogue)
        if same not in known:
            known[same] = from_json(facts.facts_from(rows, on=same[0], catalogue=catalogue), catalogue)
        found[on] = screen(known[same], on=on, purpose=purpose, catalogue=catalogue, ahead=rules.ahead(on))
    return found


@transaction.atomic
def perform(*, patient: Patient, on: date, purpose: str, by: User | None) -> ScreeningRecord:
    """Run the rules and keep the run: facts, findings, protocol, the clinic's own values and the version of each.

    Raises DomainError for a session while something that the patient told us herself waits for a clinician.
    """
    # Locked, so that no answer slips in between reading the facts and noting their version.
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    rules = rules_of(patient.clinic)
    read = facts.facts_json(patient, on=_facts_day(patient, on), catalogue=rules.on(on))
    (record,) = _keep([_run(patient, read, rules, version_of(rules.sha256), on=on, purpose=purpose, by=by)])
    return record


@dataclass(frozen=True)
class _Run:
    """A run of the rules, not written yet."""

    record: ScreeningRecord
    screening: Screening


def _run(
    patient: Patient, read: dict, rules: RuleSet, protocol: ProtocolVersion, *, on: date, purpose: str, by: User | None
) -> _Run:
    catalogue, ahead = rules.on(on), rules.ahead(on)
    known = from_json(read, catalogue)
    screening = screen(known, on=on, purpose=purpose, catalogue=catalogue, ahead=ahead)
    turns = outlook(screening, known, catalogue, ahead)
    record = ScreeningRecord(
        patient=patient,
        protocol=protocol,
        policy=[setting.to_json() for setting in rules.settings if setting.in_date(on)],
        rules_version=patient.clinic.rules_version,
        on=on,
        purpose=purpose,
        outcome=screening.outcome,
        earliest_on=screening.earliest_on,
        binding=screening.binding or "",
        # Beside the answer itself what it means for later days: lists of booked visits read that and run no rule.
        result=screening.to_json() | {"outlook": [turn.to_json() for turn in turns]},
        facts=read,
        facts_version=patient.facts_version,
        made_by=by,
    )
    return _Run(record, screening)


def _keep(runs: list[_Run]) -> list[ScreeningRecord]:
    with explained():
        records = ScreeningRecord.objects.bulk_create(run.record for run in runs)
    ScreeningFinding.objects.bulk_create(
        ScreeningFinding(
            record=run.record,
            code=finding.code,
            category=finding.category,
            earliest_on=finding.earliest_on,
            cleared_until=finding.cleared_until,
        )
        for run in runs
        for finding in run.screening.findings
    )
    for record in records:
        audit.record(
            "screening.performed",
            record,
            by=record.made_by,
            clinic=record.patient.clinic,
            system=record.made_by is None,
            on=record.on.isoformat(),
            purpose=record.purpose,
        )
    return records


def perform_again(*, patient: Patient, by: User | None) -> ScreeningRecord:
    """Something became known or was lifted: screen for today, so that booked visits are judged by it at once.

    For a session where today's questions are asked already and nothing of hers waits for a look, else for a booking.
    """
    today = clock.today(patient.clinic)
    asked_today = patient.screenings.filter(on=today, purpose=ScreeningRecord.Purpose.SESSION).exists()
    asked_today = asked_today and not facts.to_look_at([patient], on=today)
    purpose = ScreeningRecord.Purpose.SESSION if asked_today else ScreeningRecord.Purpose.BOOKING
    return perform(patient=patient, on=today, purpose=purpose.value, by=by)


@transaction.atomic
def perform_again_for_all(*, clinic: Clinic, patients: Collection[int], by: User) -> list[ScreeningRecord]:
    """`perform_again` for many patients of a clinic (their keys): their rows are read together, their runs written together.

    Each is locked first, in the order of the keys, so that no answer slips in between.
    """
    today, device = clock.today(clinic), clinic.devices.filter(in_service=True).order_by("id").first()
    rules = rules_of(clinic)
    protocol, catalogue = version_of(rules.sha256), rules.on(today)
    locked = list(clinic.patients.select_for_update().filter(pk__in=patients).order_by("pk"))
    asked = ScreeningRecord.objects.filter(patient__in=locked, on=today, purpose=ScreeningRecord.Purpose.SESSION)
    asked_today = set(asked.values_list("patient", flat=True)) - facts.to_look_at(locked, on=today)
    known, runs = facts.rows_of(locked, device=device), []
    for patient in locked:
        patient.clinic = clinic
        purpose = ScreeningRecord.Purpose.SESSION if patient.pk in asked_today else ScreeningRecord.Purpose.BOOKING
        read = facts.facts_from(known[patient.pk], on=today, catalogue=catalogue)
        runs.append(_run(patient, read, rules, protocol, on=today, purpose=purpose.value, by=by))
    return _keep(runs)


@transaction.atomic
def give_clearance(
    *, patient: Patient, code: str, reason: str, expires_on: date, by: Membership, evidence: str = "", licence: str = ""
) -> Clearance:
    """Lift a raised rule until `expires_on` (the last day it counts). Raises DomainError where nobody, or not she, may."""
    rule = catalogue_for(patient.clinic).rules_by_code.get(code)
    if rule is None or not rule.takes_clearance:
        raise DomainError("Nobody can lift this rule. It ends with a new answer or a date.")
    if not by.has(Role.PRESCRIBER if rule.lifted_by == "prescriber" else Role.CLINICIAN):
        raise DomainError("Only a prescriber can lift this rule.")
    today = clock.today(patient.clinic)
    if not reason.strip():
        raise DomainError("Give the reason: it is printed in the chart.", field="reason")
    if not (licence or by.licence).strip():
        raise DomainError("Enter your licence number.", field="licence")
    if expires_on < today:
        raise DomainError("Choose a last day that is not in the past.", field="expires_on")
    if expires_on > today + timedelta(days=LONGEST_CLEARANCE_DAYS):
        raise DomainError("A clearance lasts a year at most. Choose an earlier day.", field="expires_on")
    with explained():
        clearance = Clearance.objects.create(
            patient=patient,
            code=code,
            given_by=by.user,
            licence=(licence or by.licence).strip(),
            reason=reason.strip(),
            evidence=evidence.strip(),
            given_on=today,
            expires_on=expires_on,
        )
    audit.record("clearance.given", clearance, by=by.user, clinic=patient.clinic, expires_on=expires_on.isoformat())
    return clearance


@transaction.atomic
def revoke_clearance(*, clearance: Clearance, by: User) -> Clearance:
    clearance = Clearance.objects.select_for_update().get(pk=clearance.pk)
    if clearance.revoked_at is None:
        clearance.revoked_at, clearance.revoked_by = clock.now(), by
        clearance.save(update_fields=["revoked_at", "revoked_by"])
        audit.record("clearance.revoked", clearance, by=by, clinic=clearance.patient.clinic)
    return clearance


def _facts_day(patient: Patient, on: date) -> date:
    """What is known today decides about a later day; a past day is judged by what was known then."""
    return min(on, clock.today(patient.clinic))
