from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from clinic import clock
from clinic.clock import AmbiguousTime, NonexistentTime
from clinic.errors import DomainError
from tests.factories import LONDON, NOW

SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


def test_the_clock_stands_where_it_was_put(clinic_time):
    assert abs(clock.now() - NOW) < timedelta(seconds=5)


def test_today_is_the_day_in_the_clinics_zone(clinic, clinic_time):
    clinic_time(datetime(2027, 7, 1, 23, 30, tzinfo=UTC))  # already 2 July in London

    assert clock.today(clinic) == date(2027, 7, 2)


def test_the_database_ignores_the_offset_where_the_connection_does_not_ask_for_it(clinic_time):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL stratum.movable_clock = 'off'")
        cursor.execute("SELECT clinic_now() = now()")
        assert cursor.fetchone() == (True,)
        cursor.execute("SET LOCAL stratum.movable_clock = 'on'")
        cursor.execute("SELECT clinic_now() = now()")
        assert cursor.fetchone() == (False,)


def test_a_real_clock_does_not_move(db, settings):
    settings.CLOCK_MOVABLE = False

    with pytest.raises(DomainError, match="does not move"):
        clock.shift(timedelta(days=1))


def test_an_ordinary_wall_time_has_one_moment():
    assert clock.resolve(date(2027, 4, 20), time(9, 30), LONDON) == datetime(2027, 4, 20, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("wall", [time(1, 0), time(1, 30), time(1, 59)])
def test_a_wall_time_that_does_not_exist_is_named(wall):
    with pytest.raises(NonexistentTime, match="does not exist on 28 March"):
        clock.resolve(SPRING, wall, LONDON, field="starts_at")


@pytest.mark.parametrize("wall", [time(0, 59), time(2, 0)])
def test_the_edges_of_the_gap_exist(wall):
    assert clock.resolve(SPRING, wall, LONDON).astimezone(LONDON).time() == wall


def test_a_wall_time_that_happens_twice_is_named_until_one_is_chosen():
    with pytest.raises(AmbiguousTime, match="happens twice on 31 October"):
        clock.resolve(AUTUMN, time(1, 30), LONDON)
    first = clock.resolve(AUTUMN, time(1, 30), LONDON, fold=0)
    second = clock.resolve(AUTUMN, time(1, 30), LONDON, fold=1)
    assert second - first == timedelta(hours=1)


def test_a_half_hour_change_is_a_change_too():
    with pytest.raises(NonexistentTime):
        clock.resolve(date(2027, 10, 3), time(2, 15), LORD_HOWE)
    assert clock.resolve(date(2027, 10, 3), time(2, 30), LORD_HOWE)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2027, 6, 1), 24)])
def test_a_day_has_as_many_hours_as_it_has(day, hours):
    begin, end = clock.day_bounds(day, LONDON)

    assert end - begin == timedelta(hours=hours)
