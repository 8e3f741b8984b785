"""What a line of a patient's story is, what a kind of line is made of, and the words that all kinds share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import JSONObject

from clinic.templatetags.clinic_ui import date_year
from treatments.protocol.catalogue import Catalogue


@dataclass(frozen=True)
class Entry:
    """One line: when, what, a sentence or two, a chip (state and words; `message`: of the ledger's states)."""

    at: datetime
    kind: str
    title: str
    lines: list[str] = field(default_factory=list)
    url: str = ""
    chip: tuple[str, str] | None = None
    message: bool = False
    void: bool = False
    # Done, cancelled or gone: no longer to come, whatever its time.
    over: bool = True
    # Known by its day alone: its time of day is only where it stands in the story.
    by_day: bool = False


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of entry: the rows of a model, what is shown of each (as JSON, for one subquery), and how a row reads.

    `moment`: the column, or what is worked out from columns, by which the story is sorted; "noon": of its day in the clinic. `for_clinicians`: what is shown of
    each beside, and asked for them alone.
    """

    name: str
    label: str
    model: type[Model]
    moment: str
    shown: dict[str, str | Combinable]
    entry: Callable[[dict, datetime, Catalogue], Entry]
    clinical: bool = True
    for_clinicians: dict[str, str | Combinable] = field(default_factory=dict)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def day(text: str) -> str:
    return date_year(date.fromisoformat(text))


def day_of(text: str) -> str:
    """The clinic's day of a moment: the page is drawn in its time."""
    return date_year(moment(text))


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def shortened(text: str) -> str:
    return text if len(text) <= 240 else f"{text[:239].rstrip()}…"


def same(*columns: str) -> dict[str, str]:
    """Columns shown under their own name."""
    return {column: column for column in columns}


def whether(condition: Q) -> ExpressionWrapper:
    return ExpressionWrapper(condition, output_field=BooleanField())


def below(rows: QuerySet, **shown: str) -> ArraySubquery:
    """Rows below a row, in the order they were written."""
    return ArraySubquery(rows.order_by("pk").annotate(shown=JSONObject(**shown)).values("shown"))
