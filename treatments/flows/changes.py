""" "Anything changed?" before a visit: her answers are kept, the rules run on them at once, and the desk is warned before she
travels.

What she says here opens no session: that takes a screening made for one, at the clinic, on the day.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID, uuid4

from django.db import transaction

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.locks import not_for_long
from clinic.models import Membership
from patients.models import HistoryAnswer, Patient, PatientLink
from patients.services import history
from treatments.appointments import services as appointments
from treatments.appointments.by_patient import services as told
from treatments.appointments.by_patient.asking import asked_before_a_visit
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import COMING, Appointment
from treatments.screenings import services as screenings
from treatments.screenings.by_patient.asking import Asked
from treatments.screenings.models import ScreeningRecord

BOOKING = ScreeningRecord.Purpose.BOOKING


@transaction.atomic
def report(
    *, visit: Appointment, version: int | None, answers: Sequence[Mapping], link: PatientLink, once: UUID
) -> ChangeReport:
    """Keep what she says before a visit and screen her by it. `answers`: what she answered now, as `record_answers` takes it;
    every other question has its last answer again, as of today. `version`: of the visit that her page showed; `once`: one
    press, however often it arrives.

    The run is one for a booking, made today, so the lists judge every visit of hers by it and no session opens on it.
    Raises DomainError where the visit was moved or cancelled or has begun, and where a question that has to be asked is not
    answered; and Busy.
    """
    visit, now = appointments.locked(visit), clock.now()
    before = ChangeReport.objects.filter(once=once, visit=visit).first()
    if before is not None:
        return before
    told.refuse_gone(visit, version, link=link, now=now)
    patient, today = _locked(visit.patient), now.astimezone(visit.clinic.tz).date()
    asked = asked_before_a_visit(patient, today=today)
    given = {answer["code"]: answer for answer in answers}
    _refuse_unanswered(asked, given)
    history.record_answers(
        patient=patient, answers=_all_of_today(asked, given), answered_on=today, via=HistoryAnswer.Via.PATIENT, by=None
    )
    record = screenings.perform(patient=patient, on=today, purpose=BOOKING, by=None)
    then = screenings.look(patient, on=visit.day, purpose=BOOKING)
    with explained():
        made = ChangeReport.objects.create(
            patient=patient,
            visit=visit,
            visit_version=visit.schedule_version,
            changed=[one.rule.code for one in asked if one.rule.code in given and one.differs(given[one.rule.code])],
            record=record,
            link=link,
            once=once,
            needs_a_look=not then.permits.book,
        )
    audit.record(
        "changes.told", made, by=None, clinic=visit.clinic, system=True, said_by="patient", link=str(link.ref),
        changed=len(made.changed), needs_a_look=made.needs_a_look,
    )  # fmt: skip
    return made


@transaction.atomic
def note_by_telephone(*, visit: Appointment, said: str, by: Membership) -> ChangeReport:
    """She rang: something has changed. Her words are kept for a clinician, who looks before she travels; nobody at the desk asks
    what only she or a clinician answers.

    Until a clinician has looked, no screening of that day opens a session. Raises DomainError where there are no words, and for
    a visit that is not ahead; and Busy.
    """
    said = " ".join(said.split())
    if not said:
        raise DomainError("Write what the patient said.", field="said")
    visit = appointments.locked(visit)
    if visit.status not in COMING or visit.during.lower <= clock.now():
        raise DomainError("This visit is not ahead any more. Tell a clinician what was said.")
    patient, today = _locked(visit.patient), clock.today(visit.clinic)
    # Her words answer no question, so the run says what was known before; the line on the lists says that more is to be known.
    record = screenings.perform(patient=patient, on=today, purpose=BOOKING, by=None)
    with explained():
        made = ChangeReport.objects.create(
            patient=patient, visit=visit, visit_version=visit.schedule_version, record=record, once=uuid4(),
            heard_by=by.user, said=said, needs_a_look=True,
        )  # fmt: skip
    audit.record("changes.told", made, by=by.user, clinic=visit.clinic, said_by="patient", heard="telephone")
    return made


@transaction.atomic
def mark_seen(*, report: ChangeReport, note: str, by: Membership) -> ChangeReport:
    """A clinician has looked at what she told us, and decided. Earlier reports about the same visit are seen with it; what she
    has told since is not. Done already, it stays as it was.

    No newer screening takes a report off the list: she was asked to wait for our call.
    """
    if not by.may_see_clinical:
        raise DomainError("A clinician looks at this. Ask one of them.")
    if not note.strip():
        raise DomainError("Write what you decided: it is kept with the report.", field="note")
    with not_for_long():
        same_visit = ChangeReport.objects.select_for_update().filter(visit=report.visit_id).order_by("pk")
        unseen = list(same_visit.filter(pk__lte=report.pk, seen_at=None, needs_a_look=True))
    for one in unseen:
        one.seen_at, one.seen_by, one.seen_note = clock.now(), by.user, note.strip()
        with explained():
            one.save(update_fields=["seen_at", "seen_by", "seen_note"])
        audit.record("changes.seen", one, by=by.user, clinic=by.clinic)
    return next((one for one in unseen if one.pk == report.pk), report)


def _locked(patient: Patient) -> Patient:
    """Nobody else answers for her meanwhile: what is carried along is what she said last."""
    with not_for_long():
        return Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=patient.pk)


def _refuse_unanswered(asked: Iterable[Asked], given: Mapping[str, Mapping]) -> None:
    asked = list(asked)
    if given.keys() - {one.rule.code for one in asked}:
        raise DomainError("Our questions have changed meanwhile. Look at them again, then tell us.")
    if any(one.is_open and one.rule.code not in given for one in asked):
        raise DomainError("One question is new since your last visit. Answer it too, then send it again.")


def _all_of_today(asked: Iterable[Asked], given: Mapping[str, Mapping]) -> list[Mapping]:
    return [given.get(one.rule.code) or one.carried() for one in asked]
