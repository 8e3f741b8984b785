"""Two records turn out to be of one person, or two people after all: all that belongs to her goes over, and returns.

Nothing is loosened by it. What either record holds against a session holds for both: needlings, reactions and medicines stand
side by side; of answers and assessments each record is heard by itself (`treatments.facts`, `protocol/strictest.py`); a
clearance that would lift what its giver did not know of ends; and no screening made before opens a session.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Min, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from clinic import clock
from clinic.errors import DomainError, explained
from clinic.locks import not_for_long
from clinic.models import User
from clinic.templatetags.clinic_ui import date_year
from patients.importing.models import PatientNumber
from patients.links.services import closed_by_guessing
from patients.models import (
    Allergy,
    Consent,
    HistoryAnswer,
    MedicationStatement,
    Message,
    Patient,
    PatientLink,
    Photo,
    RecordClosing,
    RecordMerge,
)
from patients.services import merging as records
from treatments import facts
from treatments.appointments.by_patient.models import ChangeReport, MoveRequest
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.models import BLOCKING, Appointment
from treatments.assessments.models import Assessment
from treatments.assessments.past.models import PastSession
from treatments.outcomes.models import OutcomeScore
from treatments.packages.deposits.models import Deposit
from treatments.packages.models import Package, PackageEntry
from treatments.plans.models import UNDER_WAY, CourseChange, TreatmentPlan
from treatments.protocol.facts import ClearanceFact, from_json
from treatments.protocol.strictest import reaches_too_far
from treatments.rules.policy import catalogue_for
from treatments.screenings import services as screenings
from treatments.screenings.by_patient.models import PatientForm
from treatments.screenings.models import Clearance, ScreeningRecord
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent, TreatmentSession

MORE_THAN_ANYBODY_HAS = 10_000
NUMBING_OR_NEEDLED = ("numbing", "in_room")


@dataclass(frozen=True)
class Kind:
    """A kind of row that goes over. `one` and `many`: its name beside a number. `since`: what was done where such a row was
    written after the merge; nobody can say for which of the two then. Empty: it says so itself, or the software wrote it."""

    model: type[Model]
    one: str
    many: str
    since: str = ""
    clinical: bool = True


MOVES = (
    Kind(Appointment, "visit", "visits", "a visit was booked", clinical=False),
    Kind(TreatmentPlan, "course", "courses", "a course was planned", clinical=False),
    Kind(CourseChange, "change of a course", "changes of courses", "a course was changed", clinical=False),
    Kind(TreatmentSession, "session", "sessions", "a session was begun"),
    Kind(PastSession, "past session", "past sessions", "a past session was entered"),
    Kind(ScreeningRecord, "screening", "screenings"),
    Kind(Clearance, "clearance", "clearances", "a clearance was given"),
    Kind(Consent, "consent", "consents", "a consent was signed", clinical=False),
    Kind(PatientForm, "form of her own", "forms of her own", "she answered questions herself"),
    Kind(HistoryAnswer, "answer", "answers", "questions were answered"),
    Kind(MedicationStatement, "medicine", "medicines", "a medicine was noted"),
    Kind(Allergy, "allergy", "allergies", "an allergy was noted"),
    Kind(Assessment, "assessment", "assessments", "the skin was assessed"),
    Kind(AdverseEvent, "reaction", "reactions", "a reaction was noted"),
    Kind(OutcomeScore, "score", "scores", "a score was taken"),
    Kind(CheckIn, "check-in", "check-ins", "a check-in was answered"),
    Kind(Photo, "photo", "photos", "a photo was added"),
    Kind(ChangeReport, "answer before a visit", "answers before visits", "a visit was answered for", clinical=False),
    Kind(MoveRequest, "wish for another time", "wishes for another time", "another time was wished", clinical=False),
    Kind(WaitingEntry, "place on the waiting list", "places on the waiting list", "a place was waited for", clinical=False),
    Kind(CallOutcome, "call", "calls", clinical=False),
    Kind(Package, "package", "packages", "a package was sold", clinical=False),
    Kind(Deposit, "deposit", "deposits", "a deposit was taken", clinical=False),
    Kind(Message, "mail", "mails", clinical=False),
    Kind(PatientNumber, "own number", "own numbers", "an own number was given", clinical=False),
)  # fmt: skip
# What stays with the record it is about: how it was closed and merged itself, and links. An address that was given out must
# never come to mean another page: those of the record that goes end with it.
STAY = (PatientLink, RecordClosing, RecordMerge)
MODELS = tuple(kind.model for kind in MOVES)


@dataclass(frozen=True)
class Obstacle:
    """What stands against a merge, and where it is put right: of each page its label, its route and the ref that it takes."""

    sentence: str
    ways: tuple[tuple[str, str, UUID], ...]


@dataclass(frozen=True)
class Preview:
    """What a merge would do. `moves`: how many rows of each kind go over. `ending`: clearances that would end."""

    stays: Patient
    gone: Patient
    differing: list[str]
    moves: list[tuple[Kind, int]]
    ending: list[Clearance]
    refusal: str = ""
    obstacles: list[Obstacle] = field(default_factory=list)

    @property
    def is_possible(self) -> bool:
        return not self.refusal and not self.obstacles

    @property
    def births_differ(self) -> bool:
        return "born_on" in self.differing


def preview(*, stays: Patient, gone: Patient) -> Preview:
    """Nothing is written."""
    try:
        records.refuse(stays, gone)
    except DomainError as refusal:
        return Preview(stays, gone, [], [], [], refusal=refusal.sentence)
    return Preview(
        stays,
        gone,
        differing=records.differing(stays, gone),
        moves=_counts(gone),
        ending=_reaching_too_far(stays, gone),
        obstacles=list(_obstacles(stays, gone)),
    )


@transaction.atomic
def merge(
    *,
    stays: Patient,
    gone: Patient,
    by: User,
    take: Iterable[str] = (),
    reason: str = "",
    seen: tuple[int, int] | None = None,
) -> RecordMerge:
    """Make `gone` part of `stays`. `take`: which details (of `records.CHOICES`) come from `gone`. `seen`: the versions of both
    that a person has looked at.

    Raises DomainError where something stands against it, where either was changed since it was looked at
    (`ChangedMeanwhile`), and where the dates of birth differ without a reason.
    """
    take = tuple(take)
    _hold_courses(stays, gone)
    stays, gone = records.locked(stays, gone)
    if seen is not None and seen != (stays.version, gone.version):
        raise records.ChangedMeanwhile("One of the two records was changed meanwhile. Look at both again, then merge.")
    records.refuse(stays, gone)
    for obstacle in _obstacles(stays, gone):
        raise DomainError(obstacle.sentence)
    _refuse_born_after(stays, gone, take)
    ending = _reaching_too_far(stays, gone)
    was_screened = _was_screened(stays, gone)
    newest = records.newest_keys([*MODELS, PatientLink], [stays, gone])
    made = records.begin(stays=stays, gone=gone, take=take, reason=reason, newest=newest, by=by)
    changed = {Clearance: _end_clearances(made, ending, by=by), TreatmentPlan: _numbered_anew(stays, gone)}
    for model in MODELS:
        was = changed.get(model, {})
        records.note(merge=made, rows=model.objects.filter(patient=stays, pk__in=was), was=was)
        records.move(merge=made, rows=model.objects.all(), was=was)
    _number(_in_order(stays))
    records.finish(merge=made, by=by)
    if was_screened:
        screenings.perform_again(patient=stays, by=by)
    return made


@transaction.atomic
def undo(*, merge: RecordMerge, reason: str, by: User) -> RecordMerge:
    """Two records again: every row that came with the merge returns, and what was written since about one of those goes with it.
    Raises DomainError where they cannot be told apart any more, or no reason is given."""
    _hold_courses(merge.stays, merge.gone)
    stays, gone = records.locked(merge.stays, merge.gone)
    merge = RecordMerge.objects.select_for_update().get(pk=merge.pk)
    merge.stays, merge.gone = stays, gone
    if refusal := why_not_undone(merge):
        raise DomainError(refusal)
    records.begin_undoing(merge=merge, reason=reason)
    followers = list(_followers(merge))
    for model in reversed(MODELS):
        records.move_back(merge=merge, model=model)
    for rows in followers:
        records.bring_over(merge=merge, rows=rows)
    _put_right(merge)
    records.finish_undoing(merge=merge, reason=reason, by=by)
    for patient in (stays, gone):
        if _was_screened(patient):
            screenings.perform_again(patient=patient, by=by)
    return merge


def why_not_undone(merge: RecordMerge) -> str:
    """Why it cannot be taken back, in a sentence; empty where it can. One query more than there are kinds."""
    try:
        records.refuse_undoing(merge)
    except DomainError as refusal:
        return refusal.sentence
    done = [kind.since for kind in MOVES if kind.since and _since(merge, kind.model).exists()]
    if _used_across(merge):
        done.append("a session of one was counted off a package of the other")
    if not done:
        return ""
    on = date_year(clock.local(merge.merged_at, merge.stays.clinic).date())
    said = done[0] if len(done) == 1 else f"{', '.join(done[:-1])} and {done[-1]}"
    return (
        f"It cannot be taken back any more: since the merge on {on} {said}, and nobody can say for which of the two records."
        " What is wrong on this one is put right there, each entry by itself."
    )


# ── What stands against it ────────────────────────────────────────────────────


def _obstacles(stays: Patient, gone: Patient) -> Iterator[Obstacle]:
    yield from chain(
        _under_way_twice(stays, gone),
        _in_the_building(stays, gone),
        _in_two_places(stays, gone),
        _waiting_twice(stays, gone),
        _needled_twice(stays, gone),
        _guessed(gone),
    )


def _under_way_twice(stays: Patient, gone: Patient) -> Iterator[Obstacle]:
    courses = dict(
        TreatmentPlan.objects.filter(patient__in=[stays, gone], status__in=UNDER_WAY).values_list("patient", "ref")
    )
    if len(courses) > 1:
        yield Obstacle(
            "Both records have a course under way, and a patient has one at a time. Complete or stop one of the two first.",
            (
                ("The course of the record that stays", "treatments:course", courses[stays.pk]),
                ("The course of the record that goes", "treatments:course", courses[gone.pk]),
            ),
        )


def _in_the_building(stays: Patient, gone: Patient) -> Iterator[Obstacle]:
    here = Appointment.objects.filter(patient__in=[stays, gone], status__in=NUMBING_OR_NEEDLED).first()
    if here is not None:
        yield Obstacle(
            "A visit is under way. Finish it first: nothing about a patient moves while she is being treated.",
            (("Open the visit", "treatments:visit", here.ref),),
        )
    begun = TreatmentSession.objects.filter(patient__in=[stays, gone], status=TreatmentSession.Status.OPEN).first()
    if begun is not None:
        yield Obstacle(
            "A session has begun. Finish or stop it at the chair first.",
            (("Open the session", "treatments:session", begun.ref),),
        )


def _in_two_places(stays: Patient, gone: Patient) -> Iterator[Obstacle]:
    """Visits with a reason for an overlap among them: the constraint leaves those out, and a patient is in one place all the
    same."""
    of_the_other = Appointment.objects.filter(patient=stays, status__in=BLOCKING, during__overlap=OuterRef("during"))
    visits = Appointment.objects.filter(patient=gone, status__in=BLOCKING).annotate(
        beside=Subquery(of_the_other.values("ref")[:1])
    )
    for visit in visits.exclude(beside=None).order_by("during"):
        when = f"{date_year(visit.day)}, {visit.starts_at:%H:%M}"
        if visit.status == Appointment.Status.DONE:
            said = f"Both records have a visit at the same time, {when}, and it is over: these may be two people."
        else:
            said = f"Both records have a visit at the same time, {when}. Move or cancel one of the two first."
        yield Obstacle(
            said,
            (
                ("The visit of the record that stays", "treatments:visit", visit.beside),
                ("The visit of the record that goes", "treatments:visit", visit.ref),
            ),
        )


def _waiting_twice(stays: Patient, gone: Patient) -> Iterator[Obstacle]:
    kinds = set(stays.waiting_entries.filter(ended_at=None, planned_session=None).values_list("kind", flat=True))
    for entry in gone.waiting_entries.filter(ended_at=None, planned_session=None, kind__in=kinds):
        yield Obstacle(
            f"Both records wait for a place: {entry.get_kind_display().lower()}. End one of the two first.",
            (
                ("Where the record that stays waits", "treatments:wait_for_visit", stays.ref),
                ("Where the record that goes waits", "treatments:wait_for_visit", gone.ref),
            ),
        )


def _needled_twice(stays: Patient, gone: Patient) -> Iterator[Obstacle]:
    """One needling entered afterwards on both, or charted on one and entered on the other, would count twice."""
    for one, other in ((stays, gone), (gone, stays)):
        charted = one.sessions.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR).values("on")
        entered = one.past_sessions.filter(entered_in_error=False).values("on")
        same_day = Q(on__in=charted) | (Q(on__in=entered) if one is stays else Q())
        past = other.past_sessions.filter(entered_in_error=False).filter(same_day)
        for session in past.order_by("on"):
            yield Obstacle(
                f"Both records have a session on {date_year(session.on)}. Mark the one that was entered afterwards as an error"
                f" on the record of {other.full_name} first.",
                (("Open the past sessions", "treatments:past_sessions", other.ref),),
            )


def _guessed(gone: Patient) -> Iterator[Obstacle]:
    """Its links end with it, and with them the desk's line to call her."""
    if gone.links.filter(closed_by_guessing()).exists():
        yield Obstacle(
            "Somebody tried five wrong dates of birth on a link of the record that goes, and nobody has spoken to the patient"
            " about it. Call her first.",
            (("Messages of the record that goes", "patients:patient_messages", gone.ref),),
        )


def _refuse_born_after(stays: Patient, gone: Patient, take: Iterable[str]) -> None:
    born_on: date = gone.born_on if "born_on" in take else stays.born_on
    firsts = [
        model.objects.filter(patient__in=[stays, gone]).aggregate(first=Min("on"))["first"]
        for model in (PastSession, TreatmentSession)
    ]
    if any(first is not None and first < born_on for first in firsts):
        raise DomainError("A session on record is before this date of birth. Choose the other date.", field="born_on")


# ── What goes over ────────────────────────────────────────────────────────────


def _hold_courses(*patients: Patient) -> None:
    """Courses before patients, as everybody locks; so no visit of one is booked or moved meanwhile."""
    with not_for_long():
        list(TreatmentPlan.objects.filter(patient__in=patients).order_by("pk").select_for_update().values_list("pk"))


def _counts(gone: Patient) -> list[tuple[Kind, int]]:
    """How many rows of each kind there are; kinds of which there are none are left out. One query."""
    numbers = Patient.objects.filter(pk=gone.pk).values(
        **{f"kind_{at}": Coalesce(_count(kind.model), 0) for at, kind in enumerate(MOVES)}
    )[0]
    counted = [(kind, numbers[f"kind_{at}"]) for at, kind in enumerate(MOVES)]
    return [(kind, count) for kind, count in counted if count]


def _count(model: type[Model]) -> Subquery:
    hers = model.objects.filter(patient=OuterRef("pk")).order_by().values("patient")
    return Subquery(hers.annotate(count=Count("pk")).values("count"))


def _numbered_anew(*patients: Patient) -> dict[int, dict]:
    """The courses of both become one row, in the order in which they were planned: a mail about the end of one asks whether a
    course with a higher number has begun. Returns key to the number it had of those that change theirs, which is free now."""
    had = {plan.pk: {"number": plan.number} for number, plan in _in_order(*patients).items() if plan.number != number}
    _make_room(had)
    return had


def _in_order(*patients: Patient) -> dict[int, TreatmentPlan]:
    plans = TreatmentPlan.objects.filter(patient__in=patients).order_by("drafted_at", "pk")
    return dict(enumerate(plans, start=1))


def _make_room(keys: Iterable[int]) -> None:
    """A number is there once for a patient, also for the moment in between."""
    for number, key in enumerate(keys, start=MORE_THAN_ANYBODY_HAS):
        TreatmentPlan.objects.filter(pk=key).update(number=number)


def _number(plans: dict[int, TreatmentPlan]) -> None:
    for number, plan in plans.items():
        TreatmentPlan.objects.filter(pk=plan.pk).exclude(number=number).update(number=number)


def _end_clearances(made: RecordMerge, ending: list[Clearance], *, by: User) -> dict[int, dict]:
    """Key of each to what it was before."""
    keys = [row.pk for row in ending]
    Clearance.objects.filter(pk__in=keys).update(revoked_at=made.merged_at, revoked_by=by)
    return {key: {"revoked_at": None, "revoked_by_id": None} for key in keys}


def _reaching_too_far(stays: Patient, gone: Patient) -> list[Clearance]:
    """Clearances in force that would lift what stands on the other record. Thirteen queries at most."""
    today, catalogue = clock.today(stays.clinic), catalogue_for(stays.clinic)
    given = list(
        Clearance.objects.filter(patient__in=[stays, gone], revoked_at=None, expires_on__gte=today).order_by("id")
    )
    if not given:
        return []
    rows = facts.rows_of([stays, gone], device=facts.default_device(stays))
    known = {key: from_json(facts.facts_from(mine, on=today, catalogue=catalogue), catalogue) for key, mine in rows.items()}  # fmt: skip
    other = {stays.pk: known[gone.pk], gone.pk: known[stays.pk]}
    return [
        row
        for row in given
        if row.code in catalogue.rules_by_code
        and reaches_too_far(
            ClearanceFact(row.code, row.expires_on), other[row.patient_id], on=today, catalogue=catalogue
        )
    ]


def _was_screened(*patients: Patient) -> bool:
    """Booked visits and lists live by the newest screening: where there was one, there is a new one."""
    return ScreeningRecord.objects.filter(patient__in=patients).exists()


# ── What returns ──────────────────────────────────────────────────────────────


def _since(merge: RecordMerge, model: type[Model]) -> QuerySet:
    """Rows of the record that stays that were written after the merge."""
    return model.objects.filter(patient=merge.stays_id, pk__gt=merge.newest.get(model._meta.db_table, 0))


def _used_across(merge: RecordMerge) -> bool:
    """Whether a package of one record has paid, since they are one, for a visit or a session of the other."""
    since = PackageEntry.objects.filter(package__patient=merge.stays_id, at__gt=merge.merged_at)
    came = Q(package__in=merge.went(Package))
    theirs = Q(visit__in=merge.went(Appointment)) | Q(session__in=merge.went(TreatmentSession))
    about = Q(visit__isnull=False) | Q(session__isnull=False)
    return since.filter(about).filter((came & ~theirs) | (~came & theirs)).exists()


def _followers(merge: RecordMerge) -> Iterator[QuerySet]:
    """What was written since about something that returns: it names what it is about, so it goes along."""

    plans = Q(plan__in=merge.went(TreatmentPlan)) | Q(planned_session__plan__in=merge.went(TreatmentPlan))
    calls = plans | Q(visit__in=merge.went(Appointment)) | Q(waiting__in=merge.went(WaitingEntry))
    yield CallOutcome.objects.filter(pk__in=list(_since(merge, CallOutcome).filter(calls).values_list("pk", flat=True)))
    about = chain.from_iterable(
        model.objects.filter(pk__in=merge.went(model)).values_list("ref", flat=True)
        for model in (Appointment, TreatmentPlan, TreatmentSession, CheckIn, AdverseEvent, MoveRequest, ChangeReport)
    )
    mails = _since(merge, Message).filter(about__in=list(about))
    yield Message.objects.filter(pk__in=list(mails.values_list("pk", flat=True)))


def _put_right(merge: RecordMerge) -> None:
    """What the merge had changed of rows beside whose they are."""
    changed = merge.moved.exclude(was={})
    with explained():
        courses = list(changed.filter(table=TreatmentPlan._meta.db_table))
        _make_room(row.key for row in courses)
        for row in courses:
            TreatmentPlan.objects.filter(pk=row.key).update(**row.was)
        for row in changed.filter(table=Clearance._meta.db_table):
            # One that somebody has revoked since stays revoked.
            Clearance.objects.filter(pk=row.key, revoked_at=merge.merged_at).update(**row.was)
