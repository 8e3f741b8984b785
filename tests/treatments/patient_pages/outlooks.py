"""A day after a session as values: no rows, no clock."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.factories import LONDON
from treatments.pages.patient.aftercare_days import Shown
from treatments.protocol.catalogue import Catalogue, load
from treatments.protocol.facts import Answer, PatientFacts
from treatments.protocol.policy import Setting, apply
from treatments.protocol.screening import screen
from treatments.sessions.aftercare import Outlook

SESSION_ON = date(2027, 3, 9)
AT = time(11, 30)


def rules_on(on: date, loosened: list[Setting]) -> Catalogue:
    return apply(load(), loosened, on)


def a_day(
    number: int,
    *,
    today: int | None = None,
    at: time = time(14),
    next_day: int | None = 42,
    skin_type: int | None = 2,
    reaction_open: bool = False,
    loosened: list[Setting] | None = None,
    session_on: date = SESSION_ON,
    needled: time = AT,
    zone: ZoneInfo = LONDON,
    **known,
) -> Shown:
    """Day `number` after a session at half past eleven, looked at on day `today` (the same by default), with the next one
    on day `next_day`."""
    today = number if today is None else today
    asked_on = session_on + timedelta(days=max(number, today))
    next_on = None if next_day is None else session_on + timedelta(days=next_day)
    facts = PatientFacts(born_on=date(1992, 6, 9), skin_type=skin_type, **known)
    ahead = Outlook(
        today=asked_on,
        session_on=session_on,
        known=facts,
        next_on=next_on,
        reaction_open=reaction_open,
        catalogue=rules_on(asked_on, loosened or []),
        then=rules_on(next_on or asked_on, loosened or []),
    )
    return Shown(
        ahead=ahead,
        on=session_on + timedelta(days=number),
        needled_at=datetime.combine(session_on, needled, tzinfo=zone),
        now=datetime.combine(session_on + timedelta(days=today), at, tzinfo=zone),
    )


def rows(shown: Shown) -> dict[str, str]:
    """Glyph to words."""
    return {row.icon: row.text for row in shown.rows}


def again(shown: Shown) -> list[str]:
    return [one.text for one in shown.again]


def rules_of_again(catalogue: Catalogue) -> list[str]:
    """The rules that stand behind the list of what she may do again, in its order."""
    steps = (step for step in catalogue.steps if step.anchor == "session")
    return [line.rule for step in steps for line in step.lines if line.kind == "allow" and line.rule]


def stands(rule: str, outlook: Outlook, done_on: date) -> bool:
    """Whether a screening on the day of the next session would put it off for this rule, or advise against the day."""
    facts = PatientFacts(
        born_on=outlook.known.born_on,
        skin_type=outlook.known.skin_type,
        concerns=outlook.known.concerns,
        device=outlook.known.device,
        answers={rule: Answer("yes", on=done_on, answered_on=done_on)},
    )
    found = screen(facts, on=outlook.next_on, purpose="session", catalogue=outlook.then).findings
    return any(
        one.code == rule and (one.category != "CAU" or (one.earliest_on and one.earliest_on > outlook.next_on))
        for one in found
    )
