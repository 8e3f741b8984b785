"""The clinic's values in words: what a number means, which way it lies of the default, what a verdict reads like."""

from datetime import date
from decimal import Decimal

from clinic.templatetags.clinic_ui import date_year, mm_words
from treatments.protocol.policy import Parameter
from treatments.protocol.wording import DAYS_WITHOUT_YEAR

CATEGORIES = {
    "ABS": ("block", "Blocks"),
    "TMP": ("defer", "Not before a date"),
    "REL": ("needs_clinician", "Needs a clinician"),
    "CAU": ("caution", "Caution"),
}


def value_words(parameter: Parameter, value: object) -> str:
    """ "180 days", "1.50 mm", "needs a clinician", "offered"."""
    if isinstance(value, bool):
        return "offered" if value else "not offered"
    if value in CATEGORIES:
        return CATEGORIES[str(value)][1].lower()
    if parameter.unit == "mm":
        return mm_words(Decimal(str(value)))
    if parameter.unit == "grade":
        return f"grade {value}"
    unit = parameter.unit[:-1] if str(value) == "1" and parameter.unit.endswith("s") else parameter.unit
    return f"{value} {unit}"


def bounds_words(parameter: Parameter) -> str:
    """What nobody goes beyond, empty where the choices say it themselves."""
    if parameter.choices or isinstance(parameter.default, bool):
        return ""
    return f"{parameter.lowest} to {parameter.highest} {parameter.unit}".strip()


def short_label(parameter: Parameter) -> str:
    """The label without the name of what it belongs to: "wait" of "Isotretinoin: wait"."""
    return parameter.label.rpartition(": ")[2]


def standing_words(direction: str, expires_on: date | None) -> str:
    """How a value lies beside the default: "Stricter here", "Looser until 4 May 2027"."""
    if direction == "looser":
        return f"Looser until {date_year(expires_on)}" if expires_on else "Looser here"
    return "Stricter here"


def verdict_words(outcome: str, not_before: date | None, *, near: date) -> str:
    """A verdict as the desk may read it: a state and a day, never a reason. `near`: the day of the visit; a day far from
    it carries its year."""
    if outcome in ("defer", "block") and not_before:
        year = f" {not_before.year}" if abs((not_before - near).days) > DAYS_WITHOUT_YEAR else ""
        return f"Not before {not_before.day} {not_before:%b}{year}"
    return {
        "block": "Ask a clinician",
        "defer": "Not yet",
        "needs_clinician": "Ask a clinician",
        "ask": "Ask",
        "caution": "Clear, with care",
        "clear": "Clear",
    }[outcome]
