"""What an aftercare mail says on a day: the catalogue's lines, each permission checked against the next session first."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from clinic import clock
from treatments import facts
from treatments.appointments.models import BLOCKING, Appointment
from treatments.plans.models import UNDER_WAY, PlannedSession, TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import Step, StepLine
from treatments.protocol.facts import PatientFacts
from treatments.protocol.precare import day_words, last_day_allowed
from treatments.rules.policy import rules_of
from treatments.sessions import reactions_list
from treatments.sessions.models import TreatmentSession

# What the leaving mail says beside the catalogue's lines: exercise after 72 hours, paracetamol rather than ibuprofen
# (the careful end of what the sources say). Nobody is told to stop a prescribed medicine.
BACK_TO_WORK = "You can go back to work tomorrow."
FOR_PAIN = (
    "If it is sore, paracetamol may help. Please take no aspirin or ibuprofen that you bought yourself for seven days."
)
WHEN_LEAVING = (f"No sport, pool or sauna for three days. {BACK_TO_WORK}", FOR_PAIN)


@dataclass(frozen=True)
class Permission:
    """A sentence on something that may be done again. `is_given`: it may be done on the day that was asked about."""

    text: str
    is_given: bool


@dataclass(frozen=True)
class Outlook:
    """What decides about a permission: who the patient is, when she is needled next, whether something is still open.

    `catalogue` holds the words and rules of today, `then` the rules of the next session's day: a looser one of the
    clinic's may be over by then.
    """

    today: date
    session_on: date
    known: PatientFacts
    next_on: date | None
    reaction_open: bool
    catalogue: Catalogue
    then: Catalogue

    @property
    def dark_or_unknown(self) -> bool:
        return self.known.skin_type is None or self.known.skin_type >= 4

    @property
    def high_risk(self) -> bool:
        """Skin type IV to VI or unknown, or a pigment concern: the stronger sunscreen, for longer."""
        return self.dark_or_unknown or any(
            self.catalogue.concern(concern.code).pigment for concern in self.known.concerns
        )


def signs(catalogue: Catalogue) -> dict[str, list[str]]:
    """The red-flag signs by what to do: `emergency` now, `same_day`, `soon` (within three days)."""
    levels = {"emergency": "red", "same_day": "amber_1", "soon": "amber_2"}
    return {name: [flag.text for flag in catalogue.red_flags if flag.level == level] for name, level in levels.items()}


def needled_at(session: TreatmentSession) -> datetime:
    """When the needling ended: the signature, or the end of the visit where it was signed on a later day."""
    if clock.local(session.signed_at, session.clinic).date() == session.on:
        return session.signed_at
    return session.appointment.during.upper if session.appointment else session.opened_at


def has_newer(session: TreatmentSession) -> bool:
    """Whether she has been needled again since: what this session's aftercare says no longer holds then."""
    others = TreatmentSession.objects.filter(patient=session.patient_id, on__gt=session.on)
    return others.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR).exists()


def leaving_lines(catalogue: Catalogue, *, with_four_hours: bool) -> list[str]:
    """What the patient takes home; with the text of four hours later where that would come at night."""
    later = [line.text for line in step("after_4_hours", catalogue).lines] if with_four_hours else []
    return [*(line.text for line in step("leaving", catalogue).lines), *later, *WHEN_LEAVING]


def lines(session: TreatmentSession, code: str, *, today: date) -> list[str]:
    """The sentences of an aftercare step (`after_24_hours` …) as they may be said to this patient today."""
    ahead = outlook(session, today=today)
    return said(step(code, ahead.catalogue), ahead)


def said(of: Step, ahead: Outlook) -> list[str]:
    """A step's sentences. For skin type IV to VI the permissions of an earlier step come when their own time has come."""
    due_on = due_day(of, ahead)
    sentences = [_sentence(line, ahead, due_on) for line in of.lines]
    put_off = [
        earlier
        for earlier in ahead.catalogue.steps
        if ahead.dark_or_unknown and earlier.offset_hours_4_6 == of.offset_hours
    ]
    sentences += [
        _sentence(line, ahead, due_on) for earlier in put_off for line in earlier.lines if line.kind == "allow"
    ]
    return sentences


def due_day(of: Step, ahead: Outlook) -> date:
    """The day on which a step's time has come for this patient."""
    return ahead.session_on + timedelta(hours=offset_hours(of, ahead))


def offset_hours(of: Step, ahead: Outlook) -> int:
    return of.offset_hours_4_6 if of.offset_hours_4_6 and ahead.dark_or_unknown else of.offset_hours


def outlook(session: TreatmentSession, *, today: date) -> Outlook:
    patient, rules = session.patient, rules_of(session.clinic)
    catalogue = rules.on(today)
    plan = patient.plans.filter(status__in=UNDER_WAY).first()
    next_on = _next_on(plan) if plan else None
    return Outlook(
        today=today,
        session_on=session.on,
        known=facts.patient_facts(patient, on=today, device=session.device, catalogue=catalogue),
        next_on=next_on,
        reaction_open=reactions_list.hold_next_session(patient, catalogue),
        catalogue=catalogue,
        then=rules.on(next_on or today),
    )


def to_come(plan: TreatmentPlan) -> PlannedSession | None:
    """The first session of a course that is neither done nor under way; one that was stopped and does not count is to come.

    A visit that is done counts as a session, charted or not.
    """
    charted = plan.sessions.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR)
    charted = charted.exclude(status=TreatmentSession.Status.STOPPED, counts=False)
    visited = Appointment.objects.filter(planned_session__plan=plan, status="done", session_counts=True)
    to_come = plan.planned_sessions.exclude(pk__in=charted.values("planned_session"))
    return to_come.exclude(pk__in=visited.values("planned_session")).order_by("number").first()


def booked_visit(planned: PlannedSession) -> Appointment | None:
    return Appointment.objects.filter(planned_session=planned, status__in=BLOCKING).exclude(status="done").first()


def step(code: str, catalogue: Catalogue) -> Step:
    return next(found for found in catalogue.steps if found.code == code)


def _next_on(plan: TreatmentPlan) -> date | None:
    planned = to_come(plan)
    if planned is None:
        return None
    visit = booked_visit(planned)
    # Not booked yet: it may be on the first day of its window, so that day decides what may be done until then.
    return visit.day if visit else planned.earliest_on


def permission(line: StepLine, ahead: Outlook, due_on: date) -> Permission:
    """Allowed again, until a day; or not before a day; or not until the course is finished. `line` is an `allow` with its
    rule; asked about the day of `ahead`."""
    what = ahead.catalogue.rule(line.rule).label
    if ahead.reaction_open:
        return Permission(f"{what}: please ask us first.", is_given=False)
    last_on = (
        last_day_allowed(line.rule, ahead.known, next_on=ahead.next_on, catalogue=ahead.then) if ahead.next_on else None
    )
    if ahead.next_on and (last_on is None or last_on < max(due_on, ahead.today)):
        return Permission(f"{what}: not until your course is finished.", is_given=False)
    if due_on > ahead.today:
        return Permission(f"{what}: not before {day_words(due_on)}.", is_given=False)
    return Permission(_until(line.text, last_on) if last_on else line.text, is_given=True)


def _until(text: str, last_on: date) -> str:
    """A permission with its last day. What else the line says ("Keep wearing sunscreen.") has none."""
    given, _, more = text.partition(". ")
    given = given.rstrip(".")
    back = "and begins again after" if given.endswith(" ends") else "but not after"
    return " ".join([f"{given}, {back} {day_words(last_on)}.", *([more] if more else [])])


def _sentence(line: StepLine, ahead: Outlook, due_on: date) -> str:
    if line.kind == "allow" and line.rule:
        return permission(line, ahead, due_on).text
    return line.text_4_6 if line.text_4_6 and ahead.high_risk else line.text
