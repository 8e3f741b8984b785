"""Entering needlings afterwards, and taking back what was entered wrongly."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import User
from clinic.templatetags.clinic_ui import date_year
from patients.importing.models import ImportRun
from patients.models import Patient
from treatments.assessments.past.models import PastSession
from treatments.protocol.catalogue import Catalogue
from treatments.rules.policy import catalogue_for

LONGEST_REASON = 200
# Rows of one statement, where a file brings many.
BATCH = 500


@transaction.atomic
def record(
    *,
    patient: Patient,
    on: date,
    where: str,
    counts: bool,
    by: User,
    deepest_mm: Decimal | None = None,
    reaction_grade: int | None = None,
    reaction_over_72h: bool = False,
    reaction_resolved_on: date | None = None,
) -> PastSession:
    """One needling that was not charted here. Raises DomainError for a day, depth or reaction that cannot be."""
    patient = Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=patient.pk)
    past = PastSession(
        patient=patient,
        on=on,
        where=where,
        counts=counts,
        deepest_mm=deepest_mm,
        reaction_grade=reaction_grade,
        reaction_over_72h=reaction_over_72h,
        reaction_resolved_on=reaction_resolved_on,
        entered_by=by,
    )
    refuse_what_cannot_be(
        past, born_on=patient.born_on, today=clock.today(patient.clinic), catalogue=catalogue_for(patient.clinic)
    )
    if patient.past_sessions.filter(on=on, entered_in_error=False).exists():
        raise DomainError(f"A session of {date_year(on)} is entered already. Correct that one instead.", field="on")
    with explained():
        past.save()
    audit.record("past_session.entered", past, by=by, on=on.isoformat())
    return past


def record_all(*, run: ImportRun, sessions: Sequence[PastSession], by: User) -> None:
    """Those that a file brought, looked at already. The caller holds the transaction."""
    for past in sessions:
        past.entered_by, past.imported_in = by, run
    with explained():
        PastSession.objects.bulk_create(sessions, batch_size=BATCH)
    for start in range(0, len(sessions), BATCH):
        some = sessions[start : start + BATCH]
        facts_of = {past: {"on": past.on.isoformat(), "import": str(run.ref)} for past in some}
        audit.record_each("past_session.entered", facts_of, by=by)


@transaction.atomic
def mark_entered_in_error(*, past: PastSession, reason: str, by: User) -> PastSession:
    """It stays to be seen, struck, and counts for nothing."""
    reason = reason.strip()
    if not reason:
        raise DomainError("Say what was wrong, in a few words.", field="reason")
    # Her row first, as everybody who writes about her takes it: the undoing of an import holds it and waits for this one.
    Patient.objects.select_for_update().only("pk").get(pk=past.patient_id)
    past = PastSession.objects.select_for_update(of=("self",)).select_related("patient__clinic").get(pk=past.pk)
    if past.entered_in_error:
        raise DomainError("This session was already marked as an error. It stays as it is.")
    past.entered_in_error, past.error_reason = True, reason[:LONGEST_REASON]
    past.error_by, past.error_at = by, clock.now()
    with explained():
        past.save(update_fields=["entered_in_error", "error_reason", "error_by", "error_at"])
    audit.record("past_session.entered_in_error", past, by=by)
    return past


@transaction.atomic
def correct(*, past: PastSession, reason: str, by: User, **details) -> PastSession:
    """The right one in place of a wrong one: both or neither. `details` as `record` takes them."""
    wrong = mark_entered_in_error(past=past, reason=reason, by=by)
    return record(patient=wrong.patient, by=by, **details)


def refuse_what_cannot_be(past: PastSession, *, born_on: date, today: date, catalogue: Catalogue) -> None:
    """Raises DomainError at the field that is wrong. Asks nothing of the database."""
    if past.on > today:
        raise DomainError("That day has not come yet. Enter a session that has been.", field="on")
    if past.on < born_on:
        raise DomainError(f"That is before the patient was born, {date_year(born_on)}. Check the day.", field="on")
    cap = catalogue.depth.absolute_mm
    if past.deepest_mm is not None and not 0 < past.deepest_mm <= cap:
        raise DomainError(
            f"Nothing is needled deeper than {cap.normalize():f} mm. Write the depth in millimetres, for example 1.25.",
            field="deepest_mm",
        )
    _refuse_reaction(past, today)


def _refuse_reaction(past: PastSession, today: date) -> None:
    if past.reaction_grade is None:
        if past.reaction_over_72h or past.reaction_resolved_on:
            raise DomainError("Choose the grade of the reaction as well.", field="reaction_grade")
        return
    if not 1 <= past.reaction_grade <= 5:
        raise DomainError("Choose a grade from 1 to 5.", field="reaction_grade")
    settled = past.reaction_resolved_on
    if settled and settled < past.on:
        raise DomainError("A reaction settles on the day of the session or later.", field="reaction_resolved_on")
    if settled and settled > today:
        raise DomainError("That day has not come yet. Leave it empty while it lasts.", field="reaction_resolved_on")
