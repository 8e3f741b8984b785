"""What happens to a course on its way, with its visits and messages: paused, resumed, shortened, extended, replaced, stopped.

Each of them is one transaction under the lock of the course, which whoever books takes too: so of two at once the second sees
the first. `seen` is what the page showed (`Ahead.seen`): where the visits ahead are others by now nothing is done.
She is told of all cancelled visits in one mail, and of nothing else: no medicine is ever named.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from clinic import audit, clock
from clinic.errors import DomainError
from clinic.locks import not_for_long
from clinic.models import Membership, User
from clinic.templatetags.clinic_ui import day
from patients.models import Consent
from patients.services import consents
from treatments.appointments import messages
from treatments.appointments import services as diary
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import WaitingEntry
from treatments.appointments.models import BLOCKING, COMING, Appointment
from treatments.assessments import services as assessments
from treatments.flows import courses
from treatments.outcomes.models import OutcomeScore
from treatments.plans import life, reasons
from treatments.plans import services as plans
from treatments.plans.models import CourseChange, PlannedSession, TreatmentPlan
from treatments.protocol.screening import Screening
from treatments.rules.policy import catalogue_for, hold_rules
from treatments.screenings import services as screenings
from treatments.sessions import reviews
from treatments.sessions.models import TreatmentSession

What = CourseChange.What
UNDOABLE = (What.PAUSED, What.SHORTENED, What.EXTENDED)
# What the desk reads on a visit; the reason itself is for clinicians.
SAID = {
    What.PAUSED: "Course paused",
    What.SHORTENED: "Course shortened",
    What.REPLACED: "Course replaced",
    What.STOPPED: courses.STOPPED,
}
CHANGED_MEANWHILE = "The visits of this course have changed meanwhile. Look at what happens to them, then press again."


@dataclass(frozen=True)
class Ahead:
    """What a change does to what lies ahead: `goes` (visits that are cancelled, or offered for it), `stays`, and how many
    places on the waiting list end."""

    goes: list[Appointment]
    stays: list[Appointment]
    waiting: int

    @property
    def seen(self) -> str:
        """What this is, in a few letters: another visit, or one that moved, gives others."""
        said = [
            f"{name}{visit.ref}v{visit.schedule_version}"
            for name, visits in (("-", self.goes), ("+", self.stays))
            for visit in visits
        ]
        return sha256(" ".join([*said, str(self.waiting)]).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class AskedAgain:
    """What stands before a course that goes on: its screening for the first day, whether the consent still holds, how long the
    last session is ago and what the protocol makes of that (`gap`), whether it asks for a new assessment first, and `paused_for`:
    why it was paused, where nothing that was answered since speaks of it."""

    screening: Screening
    has_consent: bool
    last_on: date | None
    days_ago: int | None
    gap: str
    assess_first: bool
    paused_for: reasons.Reason | None


# ── Pause and resume ──────────────────────────────────────────────────────────


def ahead_of_pause(plan: TreatmentPlan, until: date | None) -> Ahead:
    """What a pause that ends with `until` does: visits up to that day go. Three queries at most."""
    coming = _coming(plan)
    inside = [visit for visit in coming if until is None or visit.day <= until]
    return Ahead(inside, [visit for visit in coming if visit not in inside], _waiting(plan).count())


@transaction.atomic
def pause(
    *,
    plan: TreatmentPlan,
    until: date | None,
    reason: str,
    note: str = "",
    cancel: Collection[UUID] = (),
    seen: str = "",
    by: Membership,
) -> CourseChange:
    """Nothing is booked, and nobody is asked to book, until the course goes on. `cancel`: refs of the visits inside the pause
    that go; the others stay booked, on the list of those that somebody moves. The pause of a paused course gets another end.

    Raises WrongStatus, and DomainError: a visit is under way, a reason that is not theirs, a day that cannot be, or other
    visits than `seen`.
    """
    plan = plans.locked(plan)
    life.refuse_unless(plan, What.PAUSED)
    life.refuse_reason_of_medicine(What.PAUSED, reason, by)
    courses.refuse_open_session(plan)
    ahead = ahead_of_pause(plan, until)
    _refuse_unseen(ahead, seen)
    was_paused, before = plan.is_paused, plan.paused_until
    if set(cancel) - {visit.ref for visit in ahead.goes}:
        raise DomainError(CHANGED_MEANWHILE)
    gone = _cancel([visit for visit in ahead.goes if visit.ref in set(cancel)], What.PAUSED, by.user)
    did = _visits_of(gone) | {"waiting": _end_waiting(_waiting(plan), What.PAUSED, by.user)}
    did |= {"until": until.isoformat() if until else None}
    if was_paused:
        did |= {"until_before": before.isoformat() if before else None}
    life.pause(plan=plan, until=until, by=by.user)
    return life.note(plan=plan, what=What.PAUSED, reason=reason, words=note, did=did, by=by.user)


def asked_again(plan: TreatmentPlan) -> AskedAgain:
    """What a course that is on hold has to bring along before it goes on."""
    today = clock.today(plan.clinic)
    last_on = last_done_on(plan)
    gap = life.gap_since(plan, last_on, today)
    return AskedAgain(
        screening=screenings.look(plan.patient, on=today, purpose="booking"),
        has_consent=_has_consent(plan),
        last_on=last_on,
        days_ago=None if last_on is None else (today - last_on).days,
        gap=gap,
        assess_first=gap == "new_baseline" and not _assessed_since(plan, last_on),
        paused_for=_not_asked_since(plan),
    )


def _not_asked_since(plan: TreatmentPlan) -> reasons.Reason | None:
    """The reason of the pause, where no answer since that day is about it. An old "no" would else let a course go on
    that was paused because it is no longer true."""
    pause = plan.changes.filter(what=What.PAUSED, undone_at=None).first() if plan.is_paused else None
    reason = reasons.find(What.PAUSED, pause.reason) if pause else None
    if pause is None or reason is None or not reason.asks:
        return None
    since = clock.local(pause.made_at, plan.clinic).date()
    answered = plan.patient.answers.filter(code__in=reason.asks, answered_on__gte=since)
    # Of the day itself: what was written down after the pause.
    return None if answered.filter(recorded_at__gt=pause.made_at).exists() else reason


@transaction.atomic
def resume(*, plan: TreatmentPlan, note: str = "", by: Membership) -> CourseChange:
    """Let a course go on: screened anew, its consent asked for, and every window to come hung on the last session and on
    today. After the longest gap the skin is assessed again first; after a long one the next session begins less deep.

    Raises what `plans.activate` raises, and DomainError.
    """
    with not_for_long():
        hold_rules(plan.clinic)  # the clinic before the plan, for going on activates it
    plan = plans.locked(plan)
    life.refuse_unless(plan, What.RESUMED)
    asked = asked_again(plan)
    if asked.assess_first:
        raise DomainError(
            f"The last session is {asked.days_ago} days ago: the protocol asks for a new assessment before the course goes on."
        )
    if asked.paused_for:
        said = asked.paused_for.label.lower()
        raise DomainError(f"It was paused because: {said}. Ask about that again before it goes on.")
    plan = plans.activate(plan=plan, by=by.user)
    hang_anew(plan)
    following = next_to_come(plan)
    lower = following is not None and asked.gap != "on_time" and life.begin_less_deep(plan=plan, session=following)
    did = {"less_deep": True} if lower else {}
    return life.note(plan=plan, what=What.RESUMED, words=note, did=did, by=by.user)


def hang_anew(plan: TreatmentPlan) -> None:
    """The windows of a course from what is done or booked in it."""
    plans.reanchor(plan=plan, fixed=diary.fixed_days(plan))


def windows_if_resumed(plan: TreatmentPlan) -> list[tuple[PlannedSession, bool]]:
    """The sessions to come with the windows they would have if the course went on today, each with whether its visit lies
    outside of it. Nothing is written."""
    days = diary.fixed_days(plan)
    was, plan.resumed_on = plan.resumed_on, clock.today(plan.clinic)
    sessions = list(plan.planned_sessions.order_by("number"))
    windows = plans.windows_of(plan, sessions, days)
    plan.resumed_on = was
    begun, found = begun_number(plan), []
    for session in sessions:
        window = windows[session.number]
        session.earliest_on, session.target_on, session.latest_on = (
            window.earliest_on,
            window.target_on,
            window.latest_on,
        )
        on = days.get(session.number)
        outside = on is not None and not window.earliest_on <= on <= window.latest_on
        if session.number > begun:
            found.append((session, outside))
    return found


# ── Fewer and more sessions ───────────────────────────────────────────────────


def fewest(plan: TreatmentPlan) -> int:
    """A course is never shorter than what is done or has begun, nor without a session of its own."""
    first = plan.planned_sessions.order_by("number").values_list("number", flat=True).first() or 1
    return max(begun_number(plan), first)


def ahead_of_shortening(plan: TreatmentPlan, to: int) -> Ahead:
    coming = _coming(plan)
    beyond = [visit for visit in coming if visit.planned_session.number > to]
    waiting = _waiting(plan).filter(planned_session__number__gt=to).count()
    return Ahead(beyond, [visit for visit in coming if visit not in beyond], waiting)


@transaction.atomic
def shorten(
    *, plan: TreatmentPlan, to: int, reason: str, note: str = "", seen: str = "", by: Membership
) -> CourseChange:
    """Fewer sessions than planned, never fewer than are done: the visits of those that are left out are cancelled. Below what
    the protocol asks for somebody says in words why.

    Raises WrongStatus and DomainError.
    """
    plan = plans.locked(plan)
    life.refuse_unless(plan, What.SHORTENED)
    least, before = fewest(plan), plan.sessions_planned
    if not least <= to < before:
        raise DomainError(_which_number(least, before - 1, "shorter"), field="count")
    if (said := life.below_minimum(life.asked_of(plan), to)) and not note.strip():
        raise DomainError(f"{said} Say in words why it is shorter.", field="note")
    ahead = ahead_of_shortening(plan, to)
    _refuse_unseen(ahead, seen)
    gone = _cancel(ahead.goes, What.SHORTENED, by.user)
    did = _visits_of(gone) | {"count_before": before, "count": to}
    beyond = _waiting(plan).filter(planned_session__number__gt=to)
    did |= {"waiting": _end_waiting(beyond, What.SHORTENED, by.user)}
    life.shorten(plan=plan, to=to)
    hang_anew(plan)
    reviews.follow(plan, by=by.user)
    return life.note(plan=plan, what=What.SHORTENED, reason=reason, words=note, did=did, by=by.user)


@dataclass(frozen=True)
class Missing:
    """What the protocol asks for first, in a sentence; `is_due`: it can be done now."""

    said: str
    is_due: bool


def before_it_grows(plan: TreatmentPlan) -> Missing | None:
    """The review of results that the protocol asks for before a course gets longer, where it is still missing.

    Source: conflict register C-25, "plan the lowest credible course, review, extend", and the reviews of the concerns.
    """
    asked = life.asked_of(plan).review_after
    if not asked:
        return None
    begun = {session.number: session for session in plan.planned_sessions.filter(number__lte=begun_number(plan))}
    reached = max((number for number in asked if number in begun), default=None)
    if reached is None:
        first = min(asked)
        said = f"The protocol asks for a review after session {first} before a course gets longer: that one is not done yet."
        return Missing(said, is_due=False)
    since = diary.fixed_days(plan).get(reached)
    scores = OutcomeScore.objects.filter(patient=plan.patient, entered_in_error=False)
    if since is not None and scores.filter(assessed_on__gte=since).exists():
        return None
    said = f"The protocol asks for a review of the results after session {reached}: record a score first."
    return Missing(said, is_due=True)


def consents_that_name_fewer(plan: TreatmentPlan, to: int) -> list[Consent]:
    """Signatures that name fewer sessions than the course would have: they are asked for again."""
    own = life.sessions_of_its_own(plan) + to - plan.sessions_planned
    signed = Consent.objects.filter(patient=plan.patient, withdrawn_at=None).order_by("id")
    return [one for one in signed if (named := life.named_sessions(one.shown_text)) is not None and named < own]


@transaction.atomic
def extend(*, plan: TreatmentPlan, to: int, reason: str, note: str = "", by: Membership) -> CourseChange:
    """More sessions, up to what the protocol permits. Where it asks for a review of the results first, that one comes first;
    and a consent that named fewer sessions ends, so that it is asked for again before the next one begins.

    Raises WrongStatus and DomainError.
    """
    plan = plans.locked(plan)
    life.refuse_unless(plan, What.EXTENDED)
    before, most = plan.sessions_planned, life.asked_of(plan).most
    if most <= before:
        raise DomainError(f"The protocol permits {most} sessions at most. Complete this course and plan another one.")
    if not before < to <= most:
        raise DomainError(_which_number(before + 1, most, "longer"), field="count")
    if missing := before_it_grows(plan):
        raise DomainError(missing.said)
    ended = consents_that_name_fewer(plan, to)
    for signed in ended:
        consents.withdraw(consent=signed, reason=f"The course has {to} sessions now: asked for again.", by=by.user)
    life.extend(plan=plan, to=to)
    hang_anew(plan)
    reviews.follow(plan, by=by.user)
    did = {"count_before": before, "count": to, "consents": [str(one.ref) for one in ended]}
    return life.note(plan=plan, what=What.EXTENDED, reason=reason, words=note, did=did, by=by.user)


# ── Another one in its place, or none ─────────────────────────────────────────


def ahead_of_the_end(plan: TreatmentPlan) -> Ahead:
    return Ahead(_coming(plan), [], _waiting(plan).count())


@transaction.atomic
def stop(*, plan: TreatmentPlan, reason: str, note: str = "", seen: str = "", by: Membership) -> CourseChange:
    """End a course for good, with its coming visits and their messages. Raises WrongStatus and DomainError."""
    plan = plans.locked(plan)
    life.refuse_unless(plan, What.STOPPED)
    _refuse_unseen(ahead_of_the_end(plan), seen)
    did = _visits_of(_coming(plan)) | {"waiting": _end_waiting(_waiting(plan), What.STOPPED, by.user)}
    change = life.note(plan=plan, what=What.STOPPED, reason=reason, words=note, did=did, by=by.user)
    courses.stop_course(plan=plan, reason=reasons.words(What.STOPPED, reason, note.strip()), by=by.user)
    return change


def concerns_of_today(plan: TreatmentPlan) -> list[dict] | None:
    """What the newest assessment names, where that is something else than this plan is for."""
    newest = assessments.latest(plan.patient)
    if newest is None:
        return None
    named = [{name: getattr(one, name) for name in ("code", "zones", "severity")} for one in newest.concerns.all()]
    return named if named != plan.concerns else None


@transaction.atomic
def replace(
    *,
    plan: TreatmentPlan,
    starts_on: date,
    reason: str,
    note: str = "",
    count: int | None = None,
    as_assessed: bool = False,
    seen: str = "",
    by: Membership,
) -> TreatmentPlan:
    """End a course and open a draft that takes over what it is for, its technique and its depths: to be submitted, signed for
    and activated like any other. What was done counts on: for the floor, and for the number of sessions. `as_assessed`: for
    what the newest assessment names instead.

    Raises WrongStatus, and DomainError as drafting does; then the old one goes on as it was.
    """
    plan = plans.locked(plan)
    life.refuse_unless(plan, What.REPLACED)
    _refuse_unseen(ahead_of_the_end(plan), seen)
    did = _visits_of(_coming(plan)) | {"waiting": _end_waiting(_waiting(plan), What.REPLACED, by.user)}
    ended = reasons.words(What.REPLACED, reason, note.strip()) or "Replaced"
    courses.end_course(plan=plan, reason=ended, said=SAID[What.REPLACED], by=by.user)
    concerns = concerns_of_today(plan) if as_assessed else None
    new = plans.draft(
        patient=plan.patient,
        starts_on=starts_on,
        count=count or None,
        by=by.user,
        in_place_of=plan,
        concerns=concerns or plan.concerns,
    )
    did |= {"plan": new.number, "plan_ref": str(new.ref)}
    life.note(plan=plan, what=What.REPLACED, reason=reason, words=note, did=did, by=by.user)
    return new


# ── Taken back ────────────────────────────────────────────────────────────────


def may_be_undone(change: CourseChange, plan: TreatmentPlan, *, by: Membership, today: date) -> bool:
    """Whether taking back this change, the newest of its course, leaves nothing behind today: what a consent or a place on the
    waiting list has lost does not come back, and what is over has begun anew. No query."""
    if change.undone_at is not None or change.what not in UNDOABLE:
        return False
    if clock.local(change.made_at, plan.clinic).date() != today:
        return False
    if change.facts.get("waiting") or change.facts.get("consents"):
        return False
    return by.may_see_clinical or (
        change.what == What.PAUSED and reasons.may_be_read_by_desk(change.what, change.reason)
    )


@transaction.atomic
def undo(*, change: CourseChange, by: Membership) -> CourseChange:
    """The course as it was, and its visits where they were. It may lose: raises SlotTaken where somebody has one of the places,
    and DomainError where something else has happened since. Done already, it is done once."""
    diary.under_its_rules(change.plan.clinic)
    plan = plans.locked(change.plan)
    change = CourseChange.objects.get(pk=change.pk)
    if change.undone_at is not None:
        return change
    newest = plan.changes.first()
    if (
        newest is None
        or newest.pk != change.pk
        or not may_be_undone(change, plan, by=by, today=clock.today(plan.clinic))
    ):
        raise DomainError("Something else has happened to this course since. It can no longer be undone.")
    life.refuse_reason_of_medicine(change.what, change.reason, by)
    _TAKE_BACK[What(change.what)](plan, change, by.user)
    _restore(change, by.user)
    hang_anew(plan)
    reviews.follow(plan, by=by.user)
    change.undone_at, change.undone_by = clock.now(), by.user
    change.save(update_fields=["undone_at", "undone_by"])
    audit.record(f"course.{change.what}_undone", plan, by=by.user)
    return change


def _take_back_pause(plan: TreatmentPlan, change: CourseChange, by: User) -> None:
    if "until_before" in change.facts:
        before = change.facts["until_before"]
        plan.paused_until = date.fromisoformat(before) if before else None
        plan.save(update_fields=["paused_until"])
    else:
        life.take_back_pause(plan=plan, by=by)


def _take_back_shortening(plan: TreatmentPlan, change: CourseChange, by: User) -> None:
    life.stand_again(plan=plan, to=change.facts["count_before"])


def _take_back_extension(plan: TreatmentPlan, change: CourseChange, by: User) -> None:
    life.shorten(plan=plan, to=change.facts["count_before"])


_TAKE_BACK = {
    What.PAUSED: _take_back_pause,
    What.SHORTENED: _take_back_shortening,
    What.EXTENDED: _take_back_extension,
}


def _restore(change: CourseChange, by: User) -> None:
    versions = change.facts.get("visits", {})
    rows = Appointment.objects.filter(ref__in=list(versions)).order_by("during")
    for visit in rows:
        if visit.status != Appointment.Status.CANCELLED or visit.schedule_version != versions[str(visit.ref)]:
            raise DomainError("One of its visits was changed since. It can no longer be undone.")
        diary.undo_step(visit=visit, by=by)


# ── What they share ───────────────────────────────────────────────────────────


def begun_number(plan: TreatmentPlan) -> int:
    """The number of the last session that is done or has begun; 0 where none has."""
    visited = Appointment.objects.filter(
        planned_session__plan=plan, status__in=set(BLOCKING) - set(COMING), session_counts=True
    ).values_list("planned_session__number", flat=True)
    return max([*visited, *_needled(plan).values_list("planned_session__number", flat=True)], default=0)


def last_done_on(plan: TreatmentPlan) -> date | None:
    """The day of the last needling, of whichever course, or entered afterwards."""
    known, _ = life.known_of(plan)
    return max((session.on for session in known.sessions), default=None)


def next_to_come(plan: TreatmentPlan) -> PlannedSession | None:
    return plan.planned_sessions.filter(number__gt=begun_number(plan)).order_by("number").first()


def _needled(plan: TreatmentPlan) -> QuerySet[TreatmentSession]:
    needled = plan.sessions.exclude(status=TreatmentSession.Status.ENTERED_IN_ERROR)
    return needled.exclude(status=TreatmentSession.Status.STOPPED, counts=False)


def _coming(plan: TreatmentPlan) -> list[Appointment]:
    rows = Appointment.objects.filter(planned_session__plan=plan, status__in=COMING)
    return list(rows.select_related("planned_session", "clinician__user", "room").order_by("during"))


def _waiting(plan: TreatmentPlan) -> QuerySet[WaitingEntry]:
    return WaitingEntry.objects.filter(planned_session__plan=plan, ended_at=None).order_by("id")


def _refuse_unseen(ahead: Ahead, seen: str) -> None:
    if seen and seen != ahead.seen:
        raise DomainError(CHANGED_MEANWHILE, code="changed_meanwhile")


def _cancel(visits: Iterable[Appointment], what: str, by: User) -> list[Appointment]:
    """Each with its messages; what she is told of them is told in one mail."""
    gone = [diary.cancel(visit=visit, reason=SAID[What(what)], by=by) for visit in visits]
    messages.owe_for_closing_together(gone, by=by)
    return gone


def _end_waiting(entries: QuerySet[WaitingEntry], what: str, by: User) -> list[str]:
    return [str(calls.stop_waiting(entry=entry, reason=SAID[What(what)], by=by).ref) for entry in list(entries)]


def _visits_of(gone: Iterable[Appointment]) -> dict[str, object]:
    return {"visits": {str(visit.ref): visit.schedule_version for visit in gone}}


def _has_consent(plan: TreatmentPlan) -> bool:
    signed = consents.valid_consent(
        patient=plan.patient, techniques=plan.techniques, depth_class=plan.depth_class, at=clock.now()
    )
    return signed is not None


def _assessed_since(plan: TreatmentPlan, last_on: date | None) -> bool:
    """Whether the skin was looked at again since the gap became a long one."""
    newest = assessments.latest(plan.patient)
    if newest is None or last_on is None:
        return newest is not None
    late_after = catalogue_for(plan.clinic).interval.late_after_days
    return newest.assessed_on > last_on + timedelta(days=late_after)


def _which_number(least: int, most: int, kind: str) -> str:
    if most < least:
        return f"This course cannot be made {kind}."
    span = f"{least}" if most == least else f"{least} to {most}"
    return f"Choose {span} sessions: fewer are done already, or the protocol permits no more."


def until_words(until: date | None) -> str:
    """ "until Mon 1 Mar", or that nobody knows."""
    return f"until {day(until)}" if until else "without an end yet"
