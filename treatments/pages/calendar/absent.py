"""Who is away, read along in a query about the clinic."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from clinic.models import TimeOff
from treatments.appointments.working_time import FOREVER, Away
from treatments.scheduling.free_time import Stretch


def absent() -> QuerySet[TimeOff]:
    """Time off of the clinic of the outer query, as far as it stands."""
    return TimeOff.objects.filter(clinic=OuterRef("pk"), withdrawn_at=None)


def absent_shown(rows: QuerySet[TimeOff]) -> ArraySubquery:
    shown = JSONObject(
        who="membership_id", begin=Func("during", function="lower"), end=Func("during", function="upper")
    )
    return ArraySubquery(rows.annotate(shown=shown).order_by("pk").values("shown"))


def away_of(rows: Iterable[dict], begin: datetime) -> Away:
    """Rows of `absent_shown` as `working_time` has them. `begin`: where what has no beginning is taken to begin."""
    away: Away = {}
    for row in rows:
        span = Stretch(_moment(row["begin"]) or begin, _moment(row["end"]) or FOREVER)
        away.setdefault(row["who"], []).append(span)
    return away


def _moment(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None
