"""How long a day of two hundred visits and a week of the clinic take, each as a full request.

A week as JSON stands beside the least that could be done with it: the same rows from the database and a view that says how many.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from time import perf_counter

from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.template import autoreload
from django.test import Client, override_settings
from django.urls import include, path

from clinic import clock
from clinic.models import Clinic
from clinic.roles import member
from treatments.bench.at_rest import at_rest, each_at_rest
from treatments.bench.data import Bench
from treatments.bench.figures import Figure, against, at_rest_within
from treatments.bench.free_time import RUNS, TIMES_RAW, TIMES_SMALL, clients, got, in_turns
from treatments.pages.calendar.week import Asked, visits_between

COLD_MS, WARM_MS = 200, 50
COLD_RUNS, WARM_RUNS = 3, 10


def figures(bench: Bench) -> Iterator[Figure]:
    """Goals: design, 6."""
    with override_settings(ROOT_URLCONF="treatments.bench.day", ALLOWED_HOSTS=["testserver"]):
        pages = clients(bench)
        yield from _week(bench, pages)
        yield from _day(bench, pages)


def _week(bench: Bench, pages: dict) -> Iterator[Figure]:
    monday = _monday()
    span = f"from={monday}&to={monday + timedelta(days=6)}"
    ours, small = (got(pages[database], f"/calendar/visits.json?{span}") for database in (bench.large, bench.small))
    taken, raw = in_turns(bench, RUNS, (bench.large, ours), (bench.large, got(pages[bench.large], f"/raw-week?{span}")))
    yield against("clinic week as JSON, 500k, beside bare view + raw query", taken, raw, TIMES_RAW)
    taken, less = in_turns(bench, RUNS, (bench.large, ours), (bench.small, small))
    yield against("clinic week as JSON, 500k beside 50k", taken, less, TIMES_SMALL)


def _day(bench: Bench, pages: dict[object, Client]) -> Iterator[Figure]:
    url = f"/today/?day={_monday()}"
    ours, small = (got(pages[database], url) for database in (bench.large, bench.small))
    bench.use(bench.large)
    ours()
    cold = at_rest(lambda: [_cold(ours) for _ in range(COLD_RUNS)])
    yield at_rest_within(COLD_MS, "day page of 200 visits, 500k, cold", cold)
    anew = at_rest(lambda: [_anew(ours) for _ in range(WARM_RUNS)])
    yield at_rest_within(COLD_MS, "day page of 200 visits, 500k, after every write", anew)
    warm, less = each_at_rest(lambda: in_turns(bench, WARM_RUNS, (bench.large, ours), (bench.small, small)))
    yield at_rest_within(WARM_MS, "day page of 200 visits, 500k, warm", warm)
    yield against("day page of 200 visits, 500k beside 50k", warm.whenever, less.whenever, TIMES_SMALL)


def _cold(act) -> float:
    """Templates to be read and a connection to be opened again, and something was written since the last look."""
    _write()
    connection.close()
    autoreload.reset_loaders()
    return _taken(act)


def _anew(act) -> float:
    _write()
    return _taken(act)


def _taken(act) -> float:
    began = perf_counter()
    act()
    return (perf_counter() - began) * 1000


def _write() -> None:
    """Something, anything: what was drawn before is drawn anew."""
    Clinic.objects.update(name=Concat("name", Value("")))


def _monday() -> date:
    """Of the next week: a full one, and no day of it is half over."""
    today = clock.today(Clinic.objects.get())
    return today + timedelta(days=8 - today.isoweekday())


@member(methods=["GET"])
def raw_week(request: HttpRequest) -> HttpResponse:
    """The visits of a week as the database gives them."""
    first, last = (date.fromisoformat(request.GET[name]) for name in ("from", "to"))
    statement, values = visits_between(request.clinic, Asked(first, last)).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return HttpResponse(str(len(cursor.fetchall())))


urlpatterns = [path("raw-week", raw_week), path("", include("clinic.urls"))]
