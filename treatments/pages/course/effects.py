"""What a change of a course does, in words: to its visits, to what is still to book, and to what she is told."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

from django.urls import reverse

from clinic.models import Membership
from clinic.templatetags.clinic_ui import day
from treatments.appointments import services as diary
from treatments.appointments.models import Appointment
from treatments.flows import life_events
from treatments.flows.life_events import Ahead, AskedAgain
from treatments.pages.header import open_url
from treatments.plans import life
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.protocol.planning import window_after
from treatments.protocol.screening import PERMITS
from treatments.protocol.wording import OUTCOMES
from treatments.rules.policy import catalogue_for


@dataclass(frozen=True)
class Offered:
    """A visit inside a pause: cancelled, unless it is kept for now. `move_url`: where it moves first."""

    ref: str
    words: str
    is_kept: bool
    move_url: str


@dataclass(frozen=True)
class Line:
    """One thing that it does: a term, sentences, and a way on (label and address) where something has to be done first."""

    term: str
    said: list[str]
    way: tuple[str, str] | None = None
    stops: bool = False


@dataclass(frozen=True)
class Effect:
    lines: list[Line] = field(default_factory=list)
    offered: list[Offered] = field(default_factory=list)
    # Somebody says in words why.
    warning: str = ""


def stop_label(plan: TreatmentPlan) -> str:
    return "Stop the course" if plan.is_under_way else "Withdraw the plan"


def of_pause(
    plan: TreatmentPlan, ahead: Ahead, until: date | None, *, kept: Collection[str], membership: Membership
) -> Effect:
    goes = [visit for visit in ahead.goes if str(visit.ref) not in kept]
    stays = [visit for visit in ahead.goes if str(visit.ref) in kept]
    said = ["No visit lies inside the pause."] if not ahead.goes else []
    if stays:
        numbers, stay = _numbers(stays), _form(stays, "stays", "stay")
        said.append(f"{numbers} {stay} booked inside the pause, on the list of visits that somebody moves.")
    if ahead.stays:
        after, its = ahead.stays, _form(ahead.stays, "and stays, with its", "and stay, with their")
        said.append(f"{_numbers(after)} {_is(after)} after the pause {its} reminders.")
    lines = [Line("Visits", said)] if said else []
    over = f"From {day(until)} on a clinician is asked to let it go on." if until else ""
    to_book = "Nothing is to book, and the course counts neither as overdue nor as standing still."
    lines += [Line("To book", [to_book, over or "After eight weeks a clinician is asked whether it still waits."])]
    lines += _waiting_line(ahead) + [_mails(plan, goes)]
    return Effect(lines, [_offered(visit, kept, membership) for visit in ahead.goes])


def of_resuming(plan: TreatmentPlan, membership: Membership) -> Effect:
    asked = life_events.asked_again(plan)
    lines = [_reason_line(plan, asked), _screening_line(plan, asked), _consent_line(plan, asked)]
    lines = [line for line in lines if line is not None]
    if asked.days_ago is not None:
        lines.append(_gap_line(plan, asked, membership))
    windows, outside = [], []
    for session, is_outside in life_events.windows_if_resumed(plan):
        windows.append(
            f"Session {session.number}: {day(session.earliest_on)} to {day(session.latest_on)}, best {day(session.target_on)}."
        )
        if is_outside:
            outside.append(session.number)
    lines.append(Line("Windows", windows or ["Every session is done or has begun."]))
    if outside:
        said = f"{_sessions(outside)} {_is(outside)} booked outside of the window: move {_form(outside, 'it', 'them')} then."
        lines.append(Line("Visits", [said]))
    lines.append(Line("Messages", ["No mail leaves. Reminders of what is booked go out as before."]))
    return Effect(lines)


def of_shortening(plan: TreatmentPlan, ahead: Ahead, to: int) -> Effect:
    left_out = list(range(to + 1, plan.sessions_planned + 1))
    lines = [Line("Sessions", [f"{_sessions(left_out)} {_is(left_out)} left out; the course has {to}."])]
    if to <= life_events.begun_number(plan):
        lines[0].said.append("Nothing is to come then: the mails after a course follow, and a clinician completes it.")
    lines += [_visits_line(ahead), *_waiting_line(ahead), _mails(plan, ahead.goes)]
    below = life.below_minimum(life.asked_of(plan), to)
    return Effect(lines, warning=f"{below} Say in words why it is shorter." if below else "")


def of_extending(plan: TreatmentPlan, to: int) -> Effect:
    """Windows of new sessions count from the day of the last one that is done or booked, else from its best day."""
    days, added = diary.fixed_days(plan), []
    last = plan.planned_sessions.order_by("-number").first()
    anchor = days.get(last.number, last.target_on)
    for number in range(plan.sessions_planned + 1, to + 1):
        window = window_after(
            anchor, floor_days=plan.floor_days, target_days=plan.target_days, latest_days=plan.latest_days
        )
        window = plans.since_it_went_on(plan, window, None)
        added.append(f"Session {number}: {day(window.earliest_on)} to {day(window.latest_on)}, to book.")
        anchor = window.target_on
    lines = [Line("Sessions", added)]
    ended = life_events.consents_that_name_fewer(plan, to)
    if ended:
        said = "The consent names fewer sessions: it ends, and is asked for again before the next session."
        lines.append(Line("Consent", [said]))
    else:
        lines.append(Line("Consent", ["It names no number of sessions, or enough of them: it stays."]))
    lines.append(Line("Messages", ["No mail leaves before something is booked."]))
    return Effect(lines)


def of_the_end(plan: TreatmentPlan, ahead: Ahead) -> Effect:
    return Effect([_visits_line(ahead), *_waiting_line(ahead), _mails(plan, ahead.goes)])


def kinds_of_course(plan: TreatmentPlan) -> list[tuple[str, str]]:
    """What a new plan may be for: as this one, and as assessed last where that is something else."""
    found = [("no", f"As this course: {_concern_words(plan, plan.concerns)}")]
    if newest := life_events.concerns_of_today(plan):
        found.append(("yes", f"As assessed last: {_concern_words(plan, newest)}"))
    return found


def _concern_words(plan: TreatmentPlan, concerns: Iterable[dict]) -> str:
    catalogue = catalogue_for(plan.clinic)
    known = [one for one in concerns if one["code"] in catalogue.concerns]
    return "; ".join(
        f"{catalogue.concerns[one['code']].label.lower()} ({', '.join(_zone(zone, catalogue) for zone in one['zones'])})"
        for one in known
    )


def _zone(code: str, catalogue) -> str:
    return catalogue.zones[code].label.lower() if code in catalogue.zones else code


def _screening_line(plan: TreatmentPlan, asked: AskedAgain) -> Line:
    screening, permits = asked.screening, PERMITS[asked.screening.outcome]
    if permits.activate:
        return Line("Screening", [f"{OUTCOMES[screening.outcome]} for today, by what is on record."])
    if screening.outcome == "ask":
        url = reverse("treatments:full_form", args=[plan.patient.ref])
        said = f"{len(screening.missing)} answer{'s are' if len(screening.missing) != 1 else ' is'} too old or missing."
        return Line("Screening", [said], ("Ask again", url), stops=True)
    url = f"{reverse('treatments:screening', args=[plan.patient.ref])}?for=booking"
    said = OUTCOMES[screening.outcome]
    if screening.outcome == "defer" and screening.earliest_on:
        said = f"Not before {day(screening.earliest_on)}; it can go on, and is booked from then."
        return Line("Screening", [said], ("Open the screening", url))
    return Line("Screening", [f"{said}: it cannot go on as things stand."], ("Open the screening", url), stops=True)


def _reason_line(plan: TreatmentPlan, asked: AskedAgain) -> Line | None:
    if not asked.paused_for:
        return None
    catalogue = catalogue_for(plan.clinic)
    of_the_day = {rule.code for rule in catalogue.rules_for_form("day")}
    which = "day_form" if of_the_day.issuperset(asked.paused_for.asks) else "full_form"
    url = reverse(f"treatments:{which}", args=[plan.patient.ref])
    said = f"Because: {asked.paused_for.label.lower()}. Nothing that was answered since speaks of it."
    return Line("Paused", [said], ("Ask again", url), stops=True)


def _consent_line(plan: TreatmentPlan, asked: AskedAgain) -> Line:
    if asked.has_consent:
        return Line("Consent", ["Signed, and still valid."])
    url = reverse("treatments:consent", args=[plan.ref])
    return Line("Consent", ["Not valid any more, or not signed."], ("Ask for it", url), stops=True)


def _gap_line(plan: TreatmentPlan, asked: AskedAgain, membership: Membership) -> Line:
    ago = f"The last session was {asked.days_ago} day{'' if asked.days_ago == 1 else 's'} ago."
    assess = open_url("treatments:assess", [plan.patient.ref], membership)
    if asked.assess_first:
        said = "The protocol asks for a new assessment before the course goes on."
        return Line("Last session", [ago, said], ("Assess the skin", assess), stops=True)
    if asked.gap == "on_time":
        return Line("Last session", [ago])
    said = "Take new photos and a score. The next session begins one step less deep."
    return Line("Last session", [ago, said])


def _offered(visit: Appointment, kept: Collection[str], membership: Membership) -> Offered:
    move_url = open_url("treatments:move_visit", [visit.ref], membership)
    return Offered(str(visit.ref), _visit_words(visit), str(visit.ref) in kept, move_url)


def _visits_line(ahead: Ahead) -> Line:
    said = [f"{_visit_words(visit)}: cancelled." for visit in ahead.goes]
    said += [f"{_visit_words(visit)}: stays." for visit in ahead.stays]
    return Line("Visits", said or ["No coming visit is booked."])


def _waiting_line(ahead: Ahead) -> list[Line]:
    if not ahead.waiting:
        return []
    return [Line("Waiting list", [f"{ahead.waiting} place{'s' if ahead.waiting > 1 else ''} on the waiting list end."])]


def _mails(plan: TreatmentPlan, goes: list[Appointment]) -> Line:
    """She is told of visits, never of the reason, and never to stop or begin a medicine."""
    if not goes:
        return Line("Messages", ["No mail leaves."])
    patient = plan.patient
    them = "visit" if len(goes) == 1 else f"{len(goes)} visits"
    stop = "Reminders and preparation mails of what is cancelled stop."
    if not (patient.email and patient.mail_allowed) or patient.email_bounced_at:
        return Line("Messages", [f"No mail reaches this patient: tell of the cancelled {them} by telephone.", stop])
    said = f"One mail tells that the {them} {_is(goes)} cancelled, as far as the patient was told of {_form(goes, 'it', 'them')}."
    return Line("Messages", [f"{said} It gives no reason.", stop])


def _visit_words(visit: Appointment) -> str:
    who = f", {visit.clinician}" if visit.clinician else ""
    return f"Session {visit.planned_session.number}, {day(visit.day)}, {visit.starts_at:%H:%M}{who}"


def _numbers(visits: list[Appointment]) -> str:
    return _sessions([visit.planned_session.number for visit in visits])


def _listed(numbers: list[int]) -> str:
    said = [str(number) for number in numbers]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _sessions(numbers: list[int]) -> str:
    return f"{_form(numbers, 'Session', 'Sessions')} {_listed(numbers)}"


def _is(many: list) -> str:
    return _form(many, "is", "are")


def _form(many: list, one: str, several: str) -> str:
    return one if len(many) == 1 else several
