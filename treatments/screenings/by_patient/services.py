"""Half a form is kept and offered again; a whole one is given once, and a clinician looks at it once."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Handover, Membership
from patients.models import Patient
from treatments.screenings.by_patient.models import PatientForm
from treatments.screenings.models import ScreeningRecord

# A half form is of no use after its day; the clinics' days end at different moments.
HALF_KEPT = timedelta(days=1)


def half_of(patient: Patient, kind: str, *, on: date) -> PatientForm | None:
    """What she has begun on that day and not given."""
    found = PatientForm.objects.filter(patient=patient, kind=kind, on=on, given_at=None)
    return found.select_related("handover__by").first()


def forms_of(handover: Handover) -> dict[str, PatientForm]:
    """What was given or begun on a tablet, by kind; where both, what was given. One query."""
    rows = PatientForm.objects.filter(handover=handover).select_related("seen_by")
    return {form.kind: form for form in sorted(rows, key=lambda form: form.given_at is not None)}


@transaction.atomic
def save_half(*, patient: Patient, kind: str, said: Mapping[str, str], handover: Handover, on: date) -> PatientForm:
    """Keep what stands in the fields. Whoever holds the patient's lock calls; raises DomainError where the form is given."""
    form = locked(patient, kind, on=on)
    if form is None:
        form = PatientForm(patient=patient, kind=kind, on=on, handover=handover)
    form.seconds, form.handover = seconds_before(form, handover), handover
    form.said, form.saved_at = dict(said), clock.now()
    with explained():
        form.save()
    return form


def locked(patient: Patient, kind: str, *, on: date) -> PatientForm | None:
    """The half form of that day, for the rest of the transaction."""
    mine = PatientForm.objects.select_for_update(of=("self",)).filter(patient=patient, kind=kind, on=on, given_at=None)
    return mine.select_related("handover").first()


def seconds_before(half: PatientForm | None, handover: Handover) -> int:
    """How long she had the form before her in hand-overs before this one, in real seconds."""
    if half is None:
        return 0
    if half.handover_id == handover.pk:
        return half.seconds
    earlier = half.handover
    return half.seconds + round(((earlier.given_back_at or earlier.ends_at) - earlier.began_at).total_seconds())


@transaction.atomic
def begin_again(*, patient: Patient, kind: str, on: date) -> None:
    """She would rather start with an empty form."""
    PatientForm.objects.filter(patient=patient, kind=kind, on=on, given_at=None).delete()


def give(
    *,
    half: PatientForm | None,
    patient: Patient,
    kind: str,
    handover: Handover,
    on: date,
    record: ScreeningRecord,
    **judged: Any,
) -> PatientForm:
    """The form is hers and whole. `judged`: `asked`, `changed`, `flags` and `seconds`. The answers are recorded by whoever
    calls, in the same transaction and of the same moment."""
    form = half or PatientForm(patient=patient, kind=kind, on=on)
    form.handover, form.said, form.record, form.given_at = handover, {}, record, clock.now()
    form.saved_at = form.given_at
    for name, value in judged.items():
        setattr(form, name, value)
    with explained():
        form.save()
    audit.record(
        "answers.given", form, by=None, clinic=patient.clinic, system=True, said_by="patient", handover=str(handover.ref),
        kind=form.kind, changed=len(form.changed), flags=form.flags,
    )  # fmt: skip
    return form


@transaction.atomic
def look_at(*, forms: Sequence[PatientForm], by: Membership, note: str = "") -> list[PatientForm]:
    """A clinician has read what was given and says that it may count. Those that were looked at before stay as they are."""
    if not by.may_see_clinical:
        raise DomainError("A clinician looks at this. Ask one of them.")
    unseen = PatientForm.objects.select_for_update(of=("self",)).filter(
        pk__in=[form.pk for form in forms], given_at__isnull=False, seen_at=None
    )
    looked = list(unseen.order_by("pk"))
    for form in looked:
        form.seen_at, form.seen_by, form.seen_note = clock.now(), by.user, note.strip()
        with explained():
            form.save(update_fields=["seen_at", "seen_by", "seen_note"])
        audit.record("answers.confirmed", form, by=by.user, clinic=by.clinic, kind=form.kind)
    return looked


def waiting(patient: Patient) -> list[PatientForm]:
    """Given, and not looked at, the newest first. One query."""
    return list(patient.own_forms.filter(given_at__isnull=False, seen_at=None))


def forget_half_forms() -> int:
    """Delete what was begun and never given, once its day is over everywhere. Returns how many."""
    over = clock.now().date() - HALF_KEPT
    return PatientForm.objects.filter(given_at=None, on__lt=over).delete()[0]
