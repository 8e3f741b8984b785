"""Changing the rules of a clinic, and saying before and after whose visits that touches.

A change is written in the rules' room; what it means for booked visits is worked out here by running both rule sets over
each of them. Visits whose outcome changes become lines of a worklist, and their patients are screened again at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
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
from treatments.plans.models import NOT_ENDED, TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.changes import floor_days
from treatments.protocol.facts import PatientFacts, from_json
from treatments.protocol.jsonreading import BadFacts
from treatments.protocol.policy import Setting, Value, parameters
from treatments.protocol.screening import Outcome, Screening, screen
from treatments.rules import policy, services
from treatments.rules.models import OutcomeChange, PolicyValue, ProtocolAdoption, ProtocolSignOff, ProtocolVersion
from treatments.rules.policy import RuleSet
from treatments.rules.words import verdict_words
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord

# Patients whose rows are read together: six queries for so many.
PATIENTS_AT_ONCE = 500


@dataclass(frozen=True)
class Judged:
    """What a rule set says of a visit's day; `not_before` where a date decides."""

    on: date
    outcome: Outcome
    not_before: date | None = None

    @property
    def words(self) -> str:
        return verdict_words(self.outcome, self.not_before, near=self.on)


@dataclass(frozen=True)
class Change:
    """A booked visit that the rules would judge in another way: another outcome, or another first day."""

    visit: Appointment
    patient: Patient
    before: Judged
    after: Judged


def compare(clinic: Clinic, after: RuleSet, *, before: RuleSet | None = None) -> list[Change]:
    """Visits that are booked and not over, each judged by the rules of its own day, under `before` (else what is in
    force) and under `after`.

    By what is known today, as a booking is: the questions of the day are asked on the day. In order of the visits' days.
    Six queries for each 500 patients, and one for the visits.
    """
    today = clock.today(clinic)
    before = before or policy.rules_of(clinic)
    device = clinic.devices.filter(in_service=True).order_by("id").first()
    booked = [list(visits) for _, visits in groupby(_booked_visits(clinic, today), key=lambda one: one.patient_id)]
    changes: list[Change] = []
    for at_once in _at_once(booked):
        known = facts.rows_of([visits[0].patient for visits in at_once], device=device)
        for visits in at_once:
            rows = known[visits[0].patient_id]
            # Days of a patient are days of this clinic; asking each row for it would be a query each.
            rows.patient.clinic = clinic
            changes += _changes(visits, _Judge(before, rows, today), _Judge(after, rows, today))
    return sorted(changes, key=lambda change: (change.visit.during, change.visit.pk))


def _at_once(many: list[Any]) -> Iterator[list[Any]]:
    return (many[start : start + PATIENTS_AT_ONCE] for start in range(0, len(many), PATIENTS_AT_ONCE))


def _booked_visits(clinic: Clinic, today: date) -> Iterable[Appointment]:
    coming = clinic.appointments.filter(kind=Appointment.Kind.TREATMENT, status__in=COMING + PRESENT, day__gte=today)
    return coming.select_related("patient", "planned_session__plan").order_by("patient_id", "during")


def _changes(visits: list[Appointment], was: "_Judge", will: "_Judge") -> Iterator[Change]:
    previous_on: date | None = None
    for visit in visits:
        judged, judged_anew = was.of(visit.day, previous_on), will.of(visit.day, previous_on)
        if judged != judged_anew:
            yield Change(visit, visit.patient, judged, judged_anew)
        previous_on = visit.day


@dataclass
class _Judge:
    """One rule set over the rows of one patient, asked about one visit after another."""

    rules: RuleSet
    rows: facts.Rows
    today: date
    # Facts as the rules of a day read them: days without a change between them share their rules.
    read: dict[int, tuple[Catalogue, PatientFacts | None]] = field(default_factory=dict)

    def of(self, on: date, previous_on: date | None) -> Judged:
        """The verdict for a visit, `previous_on` being the day booked for the one before it."""
        rules, known = self._known(self.rules.on(on))
        if known is None:
            # Rules that no longer know what a patient is treated for judge nothing: a person has to.
            return Judged(on, "needs_clinician")
        screening = screen(known, on=on, purpose="booking", catalogue=rules, ahead=self.rules.ahead(on))
        return _with_gap(screening, rules, previous_on)

    def _known(self, rules: Catalogue) -> tuple[Catalogue, PatientFacts | None]:
        if id(rules) not in self.read:
            self.read[id(rules)] = rules, _facts(self.rows, self.today, rules)
        return self.read[id(rules)]


def _with_gap(screening: Screening, rules: Catalogue, previous_on: date | None) -> Judged:
    """A needling that is only booked is no fact yet, but the shortest interval will run from it."""
    not_before = screening.earliest_on if screening.binding else None
    if previous_on is None or screening.outcome == "block":
        return Judged(screening.on, screening.outcome, not_before)
    free_on = previous_on + timedelta(days=floor_days(screening.changes, rules))
    if screening.on >= free_on:
        return Judged(screening.on, screening.outcome, not_before)
    return Judged(screening.on, "defer", max(free_on, not_before or free_on))


def _facts(rows: facts.Rows, today: date, rules: Catalogue) -> PatientFacts | None:
    try:
        return from_json(facts.facts_from(rows, on=today, catalogue=rules), rules)
    except BadFacts:
        return None


# ── What would change, before anything is written ─────────────────────────────


def rules_with(clinic: Clinic, setting: Setting) -> RuleSet:
    """The rules of a clinic as they would be with one more setting."""
    return policy.rules_of(clinic).having(setting)


def rules_without(value: PolicyValue) -> RuleSet:
    """The rules of a clinic as they would be with one of its values ended."""
    return policy.rules_of(value.clinic).without(Setting(value.path, value.value, value.expires_on))


def rules_under(clinic: Clinic, protocol: ProtocolVersion) -> RuleSet:
    """The rules of a clinic as they would be under another published version, with its own values on top."""
    return RuleSet(protocol.sha256, policy.rules_of(clinic).settings)


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


def _held(clinic: Clinic) -> tuple[Clinic, RuleSet]:
    """The clinic under its lock, with the rules as they are: two changes at once are made one after the other, and
    nobody books meanwhile (`policy.hold_rules`)."""
    clinic = Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    return clinic, policy.rules_of(clinic)


def _tell(clinic: Clinic, before: RuleSet, *, because: str, by: User) -> None:
    """Write a line for every visit that is judged anew, and screen again whom the change concerns."""
    # The trigger has raised the version of the rules meanwhile.
    clinic.refresh_from_db(fields=["rules_version"])
    after = policy.rules_of(clinic)
    changes = compare(clinic, after, before=before) if after != before else []
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
    for patients in _at_once(list(_to_screen_again(clinic, changes))):
        screenings.perform_again_for_all(clinic=clinic, patients=patients, by=by)


def _refuse_what_it_cannot_read(clinic: Clinic, protocol: ProtocolVersion) -> None:
    today = clock.today(clinic)
    rules, unknown = rules_under(clinic, protocol).on(today), set()
    for patients in _at_once(list(clinic.patients.order_by("pk"))):
        for rows in facts.rows_of(patients, device=None).values():
            rows.patient.clinic = clinic
            if _facts(rows, today, rules) is None:
                unknown.add(rows.patient.pk)
    # A course that is not over goes on by its plan, so the rules have to know what that plan is about.
    for plan in clinic.plans.filter(status__in=NOT_ENDED).prefetch_related("planned_sessions"):
        if not _reads(plan, rules):
            unknown.add(plan.patient_id)
    if unknown:
        whom = "one patient" if len(unknown) == 1 else f"{len(unknown)} patients"
        raise DomainError(
            f"Protocol {protocol.version} no longer knows a concern, zone or answer that is on record for {whom}. "
            "Assess them again and plan their courses anew first."
        )


def _reads(plan: TreatmentPlan, rules: Catalogue) -> bool:
    """Whether the rules know every concern and zone of a plan. What was needled in a course is among its zones."""
    codes = {concern["code"] for concern in plan.concerns}
    zones = {zone for concern in plan.concerns for zone in concern["zones"]}
    zones |= {zone["zone"] for session in plan.planned_sessions.all() for zone in session.zones}
    return codes <= rules.concerns.keys() and zones <= rules.zones.keys()


def _to_screen_again(clinic: Clinic, changes: Iterable[Change]) -> Iterable[int]:
    """The keys of patients, in order: whose booked visit is judged anew, for lists read the newest screening; and who was
    screened today, for a session opens only under the rules in force."""
    today = clock.today(clinic)
    screened_today = Exists(ScreeningRecord.objects.filter(patient=OuterRef("pk"), on=today))
    concerned = Q(pk__in={change.patient.pk for change in changes}) | screened_today
    return clinic.patients.filter(concerned).order_by("pk").values_list("pk", flat=True)


def _label(rules: RuleSet, path: str) -> str:
    known = parameters(services.published(rules.sha256)).get(path)
    return known.label if known else path


# ── The worklist ──────────────────────────────────────────────────────────────


@transaction.atomic
def mark_seen(*, change: OutcomeChange, by: User) -> None:
    """Somebody has looked at the visit: every line about it up to this one leaves the worklist."""
    waiting = OutcomeChange.objects.filter(clinic_id=change.clinic_id, visit_ref=change.visit_ref, seen_at=None)
    if waiting.filter(pk__lte=change.pk).update(seen_at=clock.now(), seen_by=by):
        audit.record("outcome_change.seen", change, by=by, clinic=change.clinic)
