"""The page of one value: the default, what the clinic has set, what it rests on, which way a new value lies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet
from django.urls import reverse

from clinic import clock
from clinic.models import Clinic, Membership
from clinic.roles import Role
from treatments.pages.protocol import why
from treatments.pages.protocol.page import entry_url, said_by
from treatments.protocol.policy import Parameter, Value, direction, parameters
from treatments.rules import policy
from treatments.rules.forms import as_typed
from treatments.rules.models import PolicyValue
from treatments.rules.policy import RuleSet
from treatments.rules.services import catalogue_of, in_force
from treatments.rules.words import bounds_words, short_label, standing_words, value_words


@dataclass(frozen=True)
class Parameters:
    """One value as it was published (`shipped`) and as it counts in the clinic (`ours`)."""

    shipped: Parameter
    ours: Parameter


@dataclass(frozen=True)
class Past:
    """A value the clinic has or had. `state` and `standing` are a chip's; `ended` says how it ended, empty while it counts."""

    row: PolicyValue
    value: str
    state: str
    standing: str
    ended: str

    @property
    def counts(self) -> bool:
        return not self.ended


def parameters_at(clinic: Clinic, path: str) -> Parameters | None:
    """None where the protocol in force has no such value."""
    shipped = parameters(catalogue_of(in_force(clinic))).get(path)
    ours = parameters(policy.catalogue_for(clinic)).get(path)
    return Parameters(shipped, ours) if shipped and ours else None


def value_page(clinic: Clinic, found: Parameters, *, membership: Membership) -> dict:
    """Context of the page, the form aside. One query for the history."""
    catalogue, today = policy.catalogue_for(clinic), clock.today(clinic)
    shipped, ours = found.shipped, found.ours
    way = direction(shipped, ours.default)
    rows = clinic.policy_values.filter(path=shipped.path)
    history = [_past(row, shipped, today) for row in _newest_first(rows)]
    until = next((past.row.expires_on for past in history if past.counts and past.row.expires_on), None)
    return {
        "protocol": in_force(clinic),
        "title": shipped.label,
        "short": short_label(shipped),
        "now": value_words(ours, ours.default),
        "default": value_words(shipped, shipped.default),
        "bounds": bounds_words(shipped),
        "standing": "" if way == "same" else standing_words(way, until),
        "standing_state": "ask" if way == "looser" else "clear",
        "careful": _careful(shipped),
        "sources": why.source_words(shipped.sources, catalogue),
        "grade": why.grades_of(shipped.sources, catalogue),
        "says": said_by(shipped.evidence, catalogue),
        "disagree": said_by(shipped.dissent, catalogue),
        "history": history,
        "back": entry_url(shipped.path),
        "may_set": may_set(membership),
        "may_loosen": may_loosen(membership),
        "licence": membership.licence,
    }


def value_url(clinic: Clinic, path: str) -> str:
    """The page of a value; the rules, where the version in force has none of that name any more."""
    if parameters_at(clinic, path) is None:
        return reverse("treatments:protocol")
    return reverse("treatments:policy_value", args=[path])


def way_of(clinic: Clinic, found: Parameters, value: Value | None) -> str:
    """Which way a typed value lies: "stricter" than the default and than what counts now, "looser" than the default,
    "same", "kept" where a stricter value of the clinic would go on winning, or "default" where it is the default and
    something looser counts: that one is ended. Empty where none was typed."""
    if value is None:
        return ""
    published, now = direction(found.shipped, value), direction(found.ours, value)
    if published == "looser":
        return "kept" if policy.wins_over(clinic, found.shipped, value) else "looser"
    if now == "stricter":
        return "stricter" if published == "stricter" else "default"
    return "same" if now == "same" else "kept"


def told(way: str, membership: Membership) -> dict:
    """The direction in words, and whether this person may go there."""
    state, words = {
        "": ("plain", "Type a value to see which way it lies."),
        "same": ("plain", "This counts already."),
        "stricter": ("clear", "Stricter: counts at once, without a last day."),
        "looser": ("ask", "Looser: needs a prescriber with a licence, a reason and a last day."),
        "kept": ("ask", "Looser than the clinic’s own stricter value, which goes on winning."),
        "default": ("plain", "This is the default: end the looser value below, and it counts at once."),
    }[way]
    return {
        "way": way,
        "state": state,
        "words": words,
        "refused": way == "looser" and not may_loosen(membership),
    }


def may_loosen(membership: Membership) -> bool:
    return membership.has(Role.PRESCRIBER) and bool(membership.licence.strip())


def may_set(membership: Membership) -> bool:
    return membership.has(Role.MANAGER) or membership.has(Role.PRESCRIBER)


def _newest_first(rows: QuerySet[PolicyValue]) -> QuerySet[PolicyValue]:
    return rows.select_related("set_by", "ended_by").order_by("-id")


def _past(row: PolicyValue, shipped: Parameter, today: date) -> Past:
    if row.ended_at is not None:
        ended = "ended"
    elif row.expires_on and row.expires_on < today:
        ended = "over"
    else:
        ended = ""
    return Past(
        row=row,
        value=value_words(shipped, row.value),
        state="plain" if ended else "ask" if row.direction == "looser" else "clear",
        standing="Stricter" if row.direction == "stricter" else "Looser",
        ended=ended,
    )


def _careful(parameter: Parameter) -> str:
    return {
        "more": "More is stricter.",
        "less": "Less is stricter.",
        "heavier": "Further down the list is stricter.",
        "off": "Not to offer it is stricter.",
    }[parameter.stricter]


def preview(found: Parameters, said: dict, way: str) -> dict:
    """What a press would put in force. `said`: the form's cleaned data."""
    looser = way == "looser"
    return {
        "value": value_words(found.shipped, said["value"]),
        "standing": standing_words(way, said["expires_on"] if looser else None),
        "state": "ask" if looser else "clear",
        "reason": said["reason"].strip() if looser else "",
        "expires_on": said["expires_on"] if looser else None,
        "typed": {
            "value": as_typed(said["value"]),
            "reason": said["reason"] if looser else "",
            "expires_on": said["expires_on"].isoformat() if looser else "",
        },
    }


def ending(value: PolicyValue, after: RuleSet) -> dict:
    """What ending a value of the clinic would leave today: the words of the page, the visits aside."""
    ours, then = _now_and_then(value.clinic, after)
    shown = ours.get(value.path)
    if shown is None:  # a value of an older version that this one has no longer
        return {"title": value.path, "ended": str(value.value), "now": "nothing", "then": "nothing"}
    return {
        "title": shown.label,
        "ended": value_words(shown, value.value),
        "now": value_words(shown, shown.default),
        "then": value_words(shown, then[value.path].default),
    }


def values_that_change(clinic: Clinic, after: RuleSet) -> list[dict]:
    """Values that would count differently under other rules today, with which way they would go."""
    ours, then = _now_and_then(clinic, after)
    return [
        _turn(ours.get(path), then.get(path)) for path in {**ours, **then} if _differ(ours.get(path), then.get(path))
    ]


def _now_and_then(clinic: Clinic, after: RuleSet) -> tuple[Mapping[str, Parameter], Mapping[str, Parameter]]:
    today = clock.today(clinic)
    return parameters(policy.catalogue_for(clinic, today)), parameters(after.on(today))


def _differ(before: Parameter | None, after: Parameter | None) -> bool:
    return before is None or after is None or before.default != after.default


def _turn(before: Parameter | None, after: Parameter | None) -> dict:
    if before is None or after is None:
        way, state = ("new", "plain") if before is None else ("gone", "plain")
    else:
        way = direction(before, after.default)
        state = "ask" if way == "looser" else "clear"
    shown = after or before
    return {
        "label": shown.label,
        "before": value_words(before, before.default) if before else "none",
        "after": value_words(after, after.default) if after else "none",
        "way": way.capitalize(),
        "state": state,
    }
