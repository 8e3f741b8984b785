"""Healing check-ins: what she said, how soon somebody must look, and the reaction that a red answer opens.

The level is worked out here and never taken from a form. A red one is written together with a reaction of grade 3, so
nothing is needled before a clinician has closed it.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from patients.models import Patient, PatientLink
from patients.services import photos
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import RedFlag
from treatments.protocol.triage import LEVELS, Answers, Triage, triage
from treatments.rules.policy import catalogue_for
from treatments.sessions import reactions_list
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent, TreatmentSession

GREEN, RED = LEVELS[0], LEVELS[-1]
# Severe (CTCAE): from here on every clinic's rules hold the next session.
GRADE_OF_RED = 3
# "A clinician within three days" (clinical sheet 6.1); the same day needs no number.
WITHIN_DAYS = 3
# The catalogue's name for what a sign points to; the others have none of their own.
POINTS_TO = {"blue_skin": "numbing_toxicity", "fever_confused": "infection"}


@dataclass(frozen=True)
class Told:
    """A check-in as it stands. `is_new`: this press wrote it. `opened`: the reaction that it opened."""

    check_in: CheckIn
    is_new: bool
    opened: AdverseEvent | None = None


def asked_signs(catalogue: Catalogue) -> list[RedFlag]:
    """The signs to tick, the most urgent first; what is normal is nothing to tick."""
    asked = [flag for flag in catalogue.red_flags if flag.level != GREEN]
    return sorted(asked, key=lambda flag: -LEVELS.index(flag.level))


def check_ins(clinic: Clinic) -> QuerySet[CheckIn]:
    return CheckIn.objects.filter(patient__clinic=clinic)


def to_look_at(rows: QuerySet[CheckIn], *, with_notes: bool = False) -> QuerySet[CheckIn]:
    """Those that wait for a clinician; `with_notes`: also those of which all is normal and to which she wrote something."""
    waits = ~Q(level=GREEN) | ~Q(note="") if with_notes else ~Q(level=GREEN)
    return rows.filter(waits, seen_at=None)


def day_of(session: TreatmentSession) -> int:
    """Days since the session, by the clinic's calendar."""
    return max(0, (clock.today(session.clinic) - session.on).days)


def judged(session: TreatmentSession, said: Answers) -> Triage:
    """How soon somebody must look at these answers today, against what she said before."""
    return triage(
        said,
        day=day_of(session),
        signs=catalogue_for(session.clinic).red_flags,
        before=last_said(session.check_ins.all()),
    )


def judged_then(check_in: CheckIn) -> Triage:
    """Why a check-in has its level: by the answers and rules of its day."""
    earlier = check_in.session.check_ins.filter(pk__lt=check_in.pk)
    signs = catalogue_for(check_in.session.clinic, _answered_on(check_in)).red_flags
    return triage(answers_of(check_in), day=check_in.day, signs=signs, before=last_said(earlier))


def look_by(check_in: CheckIn) -> date:
    """The last day on which a clinician looks at it: the day itself, or for what is less urgent three days on."""
    is_today = check_in.level in LEVELS[2:]
    return _answered_on(check_in) + timedelta(days=0 if is_today else WITHIN_DAYS)


def answers_of(check_in: CheckIn) -> Answers:
    return Answers(check_in.redness, check_in.swelling, check_in.pain, frozenset(check_in.flags))


def last_said(rows: QuerySet[CheckIn]) -> Answers:
    """Of each scale what was answered last. One query."""
    last: dict[str, int | None] = {"redness": None, "swelling": None, "pain": None}
    for row in rows.order_by("pk").values(*last):
        last |= {name: value for name, value in row.items() if value is not None}
    return Answers(**last)


@transaction.atomic
def record(
    *,
    session: TreatmentSession,
    once: UUID,
    said: Answers,
    note: str = "",
    photo: photos.Kept | None = None,
    link: PatientLink | None = None,
    asked_by: User | None = None,
) -> Told:
    """Write a check-in. The same press (`once` and what it said) writes it once, however often it arrives; other answers
    under the same `once` are another check-in: a page that was gone back to must not swallow a red one.

    `link`: hers; without it `asked_by` asked her by telephone.
    """
    # Her row first, as everywhere: two presses at once are one after the other.
    patient = Patient.objects.select_for_update().select_related("clinic").get(pk=session.patient_id)
    name, there = _named(session, once, said, note, photo)
    if there is not None:
        return Told(there, is_new=False)
    found = judged(session, said)
    check_in = CheckIn(
        ref=uuid4(),
        patient=patient,
        session=session,
        day=day_of(session),
        redness=said.redness,
        swelling=said.swelling,
        pain=said.pain,
        flags=sorted(said.signs),
        note=note,
        level=found.level,
        protocol_sha256=catalogue_for(session.clinic).sha256,
        link=link,
        asked_by=asked_by,
        once=name,
    )
    opened = None
    if found.level == RED:
        check_in.reaction = _open_reaction(session)
        if check_in.reaction is None:
            check_in.reaction = opened = _react(session, check_in, found, by=asked_by)
    if photo is not None:
        check_in.photo = photos.add(patient=patient, kept=photo, about=check_in.ref, by=asked_by)
    with explained():
        check_in.save(force_insert=True)
    _on_record("check_in.told", check_in, link=link, by=asked_by, level=found.level, day=check_in.day)
    return Told(check_in, is_new=True, opened=opened)


@transaction.atomic
def look_at(*, check_in: CheckIn, note: str, by: Membership) -> CheckIn:
    """A clinician has looked, and says what was done. A reaction that it opened stays open until she closes that."""
    if not by.has(Role.CLINICIAN):
        raise DomainError("Only a clinician can answer a check-in.")
    check_in = (
        CheckIn.objects.select_for_update(of=("self",)).select_related("session__clinic", "seen_by").get(pk=check_in.pk)
    )
    if check_in.seen_at is not None:
        raise DomainError(f"{check_in.seen_by} has looked at this check-in before. What was done stands below.")
    if not note.strip():
        raise DomainError("Write what you did about this check-in.", field="note")
    check_in.seen_at, check_in.seen_by, check_in.seen_note = clock.now(), by.user, note.strip()
    with explained():
        check_in.save(update_fields=["seen_at", "seen_by", "seen_note"])
    audit.record("check_in.seen", check_in, by=by.user, clinic=check_in.session.clinic)
    return check_in


def _named(
    session: TreatmentSession, once: UUID, said: Answers, note: str, photo: photos.Kept | None
) -> tuple[UUID, CheckIn | None]:
    """Under which name to write, and the check-in of this very press, if it has arrived before."""
    content = f"{session.ref} {said.redness} {said.swelling} {said.pain} {sorted(said.signs)} {note} {photo is None}"
    for name in (once, uuid5(once, content)):
        there = CheckIn.objects.filter(once=name).select_related("session", "reaction", "photo").first()
        if there is None:
            return name, None
        brings_a_photo = photo is not None and there.photo_id is None
        if there.session_id == session.pk and answers_of(there) == said and there.note == note and not brings_a_photo:
            return name, there
    return uuid4(), None


def _open_reaction(session: TreatmentSession) -> AdverseEvent | None:
    """The reaction that an earlier red answer opened and nobody has closed: it holds already. One that somebody is closing
    at this moment does not count."""
    by_check_in = Exists(CheckIn.objects.filter(reaction=OuterRef("pk")))
    still_open = AdverseEvent.objects.filter(by_check_in, session=session, resolved_on=None, entered_in_error=False)
    return still_open.select_for_update(of=("self",), skip_locked=True).order_by("-pk").first()


def _react(session: TreatmentSession, check_in: CheckIn, found: Triage, *, by: User | None) -> AdverseEvent:
    signs = [reason.text for reason in found.reasons if reason.level == RED]
    with explained():
        event = AdverseEvent.objects.create(
            patient=check_in.patient,
            session=session,
            code=_code_of(found, catalogue_for(session.clinic)),
            grade=GRADE_OF_RED,
            onset_on=clock.today(session.clinic),
            note=f"Healing check-in on day {check_in.day}: {'; '.join(signs)}.",
            reported_by=by,
            by_patient=by is None,
        )
    _on_record("adverse_event.reported", event, link=check_in.link, by=by, grade=event.grade)
    return event


def _code_of(found: Triage, catalogue: Catalogue) -> str:
    listed = [POINTS_TO.get(reason.code, "") for reason in found.reasons if reason.level == RED]
    return next((code for code in listed if code in catalogue.adverse_events), reactions_list.OTHER)


def _on_record(
    action: str, target: CheckIn | AdverseEvent, *, link: PatientLink | None, by: User | None, **facts
) -> None:
    said_by = {"said_by": "patient", "link": str(link.ref)} if link else {}
    audit.record(action, target, by=by, system=by is None, clinic=target.patient.clinic, **said_by, **facts)


def _answered_on(check_in: CheckIn) -> date:
    return clock.local(check_in.answered_at, check_in.session.clinic).date()
