"""Rooms, hours, time off and closed days: what services refuse in words, and what the database keeps whoever writes."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction

from clinic import clock
from clinic.errors import DomainError, explained
from clinic.models import AuditEvent, Membership, TimeOff, WorkingHours
from clinic.resources import reading, services, stretches
from tests import factories
from treatments.appointments.working_time import (
    duty,
    hours_and_house,
    hours_of_day,
    house_between,
    opening,
    time_off,
    weekly_hours,
)

pytestmark = pytest.mark.django_db
TODAY = factories.TODAY
TUESDAY = TODAY + timedelta(days=7)
NINE_TO_FIVE = (time(9), time(17))


@pytest.fixture
def by(manager_member):
    return manager_member.user


@pytest.fixture
def noor(clinician_member) -> Membership:
    return clinician_member


def wall(stretch, zone=factories.LONDON) -> str:
    return " to ".join(f"{moment.astimezone(zone):%H:%M}" for moment in stretch)


def works(who: Membership, on: date) -> list[str]:
    return [wall(stretch) for stretch in duty(who.clinic, [who], [on]).working(who, on)]


def refused(act, *args, **kwargs) -> tuple[str | None, str]:
    """The field and the sentence of a refusal, which leaves nothing behind."""
    with pytest.raises(DomainError) as refusal, transaction.atomic():
        act(*args, **kwargs)
    return refusal.value.field, refusal.value.sentence


# ── Hours as they are written ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", []),
        ("09:00 to 17:00", [NINE_TO_FIVE]),
        ("9-17", [NINE_TO_FIVE]),
        ("14.00 – 18.30; 9:00 until 13:00", [(time(9), time(13)), (time(14), time(18, 30))]),  # noqa: RUF001
        ("9 to 13 and 13 to 17", [(time(9), time(13)), (time(13), time(17))]),
    ],
)
def test_hours_are_read_as_people_write_them(written, read):
    assert stretches.read(written) == read


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("22:00 to 06:00", "22:00 to 06:00 crosses midnight"),
        ("09:00 to 09:00", "09:00 to 09:00 is no time at all"),
        ("09:00 to 13:00, 12:59 to 17:00", "09:00 to 13:00 and 12:59 to 17:00 overlap"),
        ("09:00 to 25:00", "25:00 is no time"),
        ("17:00 to 24:00", "ends at 23:59 at the latest"),
        ("all day", "“all day” is no working time"),
        ("1-2,3-4,5-6,7-8,9-10,11-12,13-14", "at most 6 stretches"),
    ],
)
def test_hours_that_cannot_be_are_refused_in_words(written, said):
    field, sentence = refused(stretches.read, written, field="weekday_2")
    assert (field, said in sentence) == ("weekday_2", True)


# ── Weekly hours ──────────────────────────────────────────────────────────────


def test_new_hours_end_the_old_ones_and_the_past_stays(noor, by):
    services.set_weekly_hours(membership=noor, hours={2: [(time(12), time(20))]}, valid_from=TUESDAY, by=by)
    assert works(noor, TODAY) == ["09:00 to 17:00"]
    assert works(noor, TUESDAY) == ["12:00 to 20:00"]
    assert works(noor, TUESDAY + timedelta(days=1)) == []
    assert noor.working_hours.filter(valid_until=TUESDAY - timedelta(days=1)).count() == 6
    event = AuditEvent.objects.filter(action="membership.hours_changed").latest("id")
    assert event.facts["weekdays"] == {"2": "12:00 to 20:00"} and event.by == by


def test_hours_with_a_last_day_give_way_to_those_before(noor, by):
    last = TUESDAY + timedelta(days=13)
    services.set_weekly_hours(
        membership=noor, hours={2: [(time(12), time(20))]}, valid_from=TUESDAY, valid_until=last, by=by
    )
    assert [works(noor, TUESDAY + timedelta(days=7 * week)) for week in range(3)] == [
        ["12:00 to 20:00"], ["12:00 to 20:00"], ["09:00 to 17:00"],
    ]  # fmt: skip
    assert works(noor, last + timedelta(days=1)) == works(noor, last + timedelta(days=1, weeks=5)) == ["09:00 to 17:00"]
    spans = [(period.first_day, period.last_day) for period in reading.periods(noor, today=TODAY)]
    day = timedelta(days=1)
    assert spans == [(None, TUESDAY - day), (TUESDAY, last), (last + day, None)]


def test_hours_that_never_began_are_withdrawn_and_not_deleted(noor, by):
    for hour in (10, 11):
        hours = {2: [(time(hour), time(15))]}
        services.set_weekly_hours(membership=noor, hours=hours, valid_from=TUESDAY, by=by)
    assert works(noor, TUESDAY) == ["11:00 to 15:00"]
    (withdrawn,) = noor.working_hours.exclude(withdrawn_at=None)
    assert (withdrawn.starts, withdrawn.valid_from) == (time(10), TUESDAY)


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        (TODAY - timedelta(days=1), None, "valid_from"),
        (TUESDAY, TUESDAY - timedelta(days=1), "valid_until"),
        (date(9999, 12, 31), None, "valid_from"),
        (TODAY, date(9999, 12, 31), "valid_until"),
    ],
)
def test_hours_from_or_until_an_odd_day_are_refused_at_that_day(noor, by, first, last, field):
    said = refused(services.set_weekly_hours, membership=noor, hours={}, valid_from=first, valid_until=last, by=by)
    assert said[0] == field


def test_the_database_refuses_hours_that_overlap_whoever_writes_them(noor):
    def add(weekday=None, on=None, starts=None, ends=None, **more):
        with explained(), transaction.atomic():
            return WorkingHours.objects.create(
                membership=noor, weekday=weekday, on=on, starts=starts, ends=ends, **more
            )

    assert "overlap" in refused(add, 2, None, time(16), time(18))[1]
    add(2, None, time(17), time(18))
    # Half a row, a night, or no day at all.
    for bad in ((2, None, None, None), (2, None, time(22), time(6)), (None, TUESDAY, time(9), None), (2, TUESDAY, time(9), time(10))):  # fmt: skip
        with pytest.raises((DomainError, IntegrityError)), transaction.atomic():
            add(*bad)
    add(None, TUESDAY, time(9), time(12))
    assert "overlap" in refused(add, None, TUESDAY, time(11), time(13))[1]
    assert "overlap" in refused(add, None, TUESDAY)[1], "not in fills its day"
    add(None, TUESDAY, time(9), time(12), withdrawn_at=factories.NOW)


# ── A single day ──────────────────────────────────────────────────────────────


def test_hours_of_a_day_replace_the_weekly_ones_on_that_day_only(noor, by):
    services.set_day_hours(membership=noor, on=TUESDAY, stretches=[(time(14), time(18)), (time(9), time(12))], by=by)
    assert works(noor, TUESDAY) == ["09:00 to 12:00", "14:00 to 18:00"]
    assert works(noor, TUESDAY + timedelta(days=7)) == ["09:00 to 17:00"]
    services.set_day_hours(membership=noor, on=TUESDAY, stretches=[], reason="Course", by=by)
    assert works(noor, TUESDAY) == []
    assert [(day.on, day.words, day.reason) for day in reading.days_ahead(noor, today=TODAY)] == [
        (TUESDAY, "not in", "Course")
    ]
    services.forget_day_hours(membership=noor, on=TUESDAY, by=by)
    assert works(noor, TUESDAY) == ["09:00 to 17:00"]
    assert noor.working_hours.filter(on=TUESDAY).count() == 3, "withdrawn, not deleted"


def test_a_day_of_her_own_opens_the_house_on_a_sunday(clinic, noor, by):
    sunday = TODAY + timedelta(days=5)
    bounds = clock.day_bounds(sunday, clinic.tz)
    assert opening(weekly_hours(clinic), time_off(clinic, *bounds), sunday, sunday, clinic.tz) == []
    services.set_day_hours(membership=noor, on=sunday, stretches=[(time(10), time(14))], by=by)
    (open_time,) = opening(weekly_hours(clinic), time_off(clinic, *bounds), sunday, sunday, clinic.tz)
    assert wall(open_time) == "10:00 to 14:00"


@pytest.mark.parametrize("somebody_works", [True, False])
def test_hours_and_house_asked_at_once_are_what_they_are_asked_apart(
    clinic, noor, by, django_assert_num_queries, somebody_works
):
    services.set_day_hours(membership=noor, on=TUESDAY, stretches=[(time(10), time(14))], by=by)
    noon = datetime.combine(TUESDAY, time(12), tzinfo=clinic.tz)
    for who in (None, noor):
        TimeOff.objects.create(clinic=clinic, membership=who, during=(noon, noon + timedelta(hours=1)))
    TimeOff.objects.create(clinic=clinic, membership=noor, during=(noon + timedelta(days=20), None))
    if not somebody_works:
        Membership.objects.update(sees_patients=False)
    days = (TUESDAY, TUESDAY + timedelta(days=30))
    with django_assert_num_queries(1 if somebody_works else 2):
        hours, house = hours_and_house(clinic, *days)
    assert (hours, house) == (weekly_hours(clinic, *days), house_between(clinic, *days))
    assert bool(hours) is somebody_works
    assert house.rooms and len(house.away[None]) == 1 and len(house.away[noor.pk]) == 2


def test_a_day_that_is_over_or_far_away_is_refused(noor, by):
    for on in (TODAY - timedelta(days=1), TODAY + timedelta(days=services.AHEAD_DAYS + 1), date.max):
        assert refused(services.set_day_hours, membership=noor, on=on, stretches=[], by=by)[0] == "on"
        assert refused(services.forget_day_hours, membership=noor, on=on, by=by)[0] == "on"
    services.set_day_hours(membership=noor, on=TODAY + timedelta(days=services.AHEAD_DAYS), stretches=[], by=by)


@pytest.mark.parametrize(
    ("zone", "forward", "leapt", "back"),
    [
        ("Europe/London", date(2027, 3, 28), (time(1, 30), time(9)), date(2027, 10, 31)),
        ("Europe/Lisbon", date(2027, 3, 28), (time(0, 30), time(1, 30)), date(2027, 10, 31)),
        ("Pacific/Auckland", date(2027, 9, 26), (time(2, 30), time(9)), date(2027, 4, 4)),
        ("America/Santiago", date(2027, 9, 5), (time(0), time(9)), date(2027, 4, 4)),
    ],
)
def test_a_time_that_the_clocks_leap_over_is_refused_and_the_long_day_loses_nothing(noor, by, clinic, zone, forward, leapt, back):  # fmt: skip
    type(clinic).objects.update(zone=zone)
    noor = Membership.objects.select_related("clinic").get(pk=noor.pk)
    field, said = refused(services.set_day_hours, membership=noor, on=forward, stretches=[leapt], by=by)
    assert field == "hours" and "does not exist" in said
    services.set_day_hours(membership=noor, on=back, stretches=[(time(0), time(23, 59))], by=by)
    (worked,) = duty(noor.clinic, [noor], [back]).working(noor, back)
    # In Santiago the repeated hour is the last one of the day before.
    hours = 23 if zone == "America/Santiago" else 24
    assert worked.end - worked.start == timedelta(hours=hours, minutes=59)
    services.set_day_hours(membership=noor, on=back, stretches=[(time(9), time(17))], by=by)
    assert [wall(stretch, ZoneInfo(zone)) for stretch in duty(noor.clinic, [noor], [back]).working(noor, back)] == [
        "09:00 to 17:00"
    ]


def test_hours_that_end_inside_the_repeated_hour_are_worked_twice(noor, by):
    back = date(2027, 10, 31)
    services.set_day_hours(membership=noor, on=back, stretches=[(time(0), time(1, 30))], by=by)
    (worked,) = duty(noor.clinic, [noor], [back]).working(noor, back)
    assert worked.end - worked.start == timedelta(hours=2, minutes=30)


def test_what_counts_on_a_day_is_a_choice_between_rows(noor):
    weekly = WorkingHours(weekday=2, starts=time(9), ends=time(17))
    own = WorkingHours(on=TUESDAY, starts=time(10), ends=time(11))
    not_in = WorkingHours(on=TUESDAY)
    assert hours_of_day([weekly, own], TUESDAY) == [own]
    assert hours_of_day([weekly, not_in], TUESDAY) == []
    assert hours_of_day([weekly, own], TUESDAY + timedelta(days=7)) == [weekly]


# ── Away and closed ───────────────────────────────────────────────────────────


def test_time_off_is_whole_days_or_hours_and_can_be_taken_back(clinic, noor, by):
    away = services.add_time_off(
        clinic=clinic,
        membership=noor,
        first_day=TUESDAY,
        last_day=TUESDAY,
        from_time=time(13),
        until_time=time(15),
        by=by,
    )
    assert works(noor, TUESDAY) == ["09:00 to 13:00", "15:00 to 17:00"]
    assert reading.span_words(away, clinic) == "Tue 16 Mar 2027, 13:00 to 15:00"
    services.end_time_off(time_off=away, by=by)
    assert works(noor, TUESDAY) == ["09:00 to 17:00"]
    assert TimeOff.objects.get().withdrawn_at is not None
    services.end_time_off(time_off=away, by=by)
    assert AuditEvent.objects.filter(action="time_off.ended").count() == 1, "a second press does nothing"


def test_time_off_that_has_begun_ends_now_and_what_is_over_stays(clinic, noor, by, later):
    away = services.add_time_off(clinic=clinic, membership=noor, first_day=TODAY, last_day=TODAY, by=by)
    services.end_time_off(time_off=away, by=by)
    away.refresh_from_db()
    assert (away.withdrawn_at, f"{away.during.upper.astimezone(clinic.tz):%H:%M}") == (None, "10:42")
    later(timedelta(hours=1))
    assert "stays as it was" in refused(services.end_time_off, time_off=away, by=by)[1]


@pytest.mark.parametrize(
    ("span", "field", "said"),
    [
        ({"first_day": TUESDAY, "last_day": TODAY}, "last_day", "before the first"),
        ({"first_day": TODAY, "last_day": TODAY + timedelta(days=366)}, "last_day", "longer than a year"),
        ({"first_day": TODAY, "last_day": TODAY, "from_time": time(9), "until_time": time(9)}, "until_time", "before the beginning"),
        ({"first_day": TODAY - timedelta(days=367), "last_day": TODAY - timedelta(days=360)}, "first_day", "a year back"),
        ({"first_day": date(9999, 12, 31), "last_day": date(9999, 12, 31)}, "first_day", "two years"),
        ({"first_day": date(2027, 3, 28), "last_day": date(2027, 3, 28), "from_time": time(1, 30)}, "from_time", "does not exist"),
        ({"first_day": TODAY, "last_day": date(2027, 3, 28), "until_time": time(1, 30)}, "until_time", "does not exist"),
    ],
)  # fmt: skip
def test_time_off_that_cannot_be_is_refused_at_its_field(clinic, noor, by, span, field, said):
    for who in (noor, None):
        found, sentence = refused(services.add_time_off, clinic=clinic, membership=who, by=by, **span)
        assert (found, said in sentence) == (field, True), sentence


def test_a_year_is_long_enough(clinic, noor, by):
    last = TODAY + timedelta(days=365)
    services.add_time_off(clinic=clinic, membership=noor, first_day=TODAY, last_day=last, by=by)


def test_a_closed_day_is_closed_for_everybody(clinic, noor, by):
    services.add_time_off(clinic=clinic, membership=None, first_day=TUESDAY, last_day=TUESDAY, reason="Holiday", by=by)
    assert works(noor, TUESDAY) == []
    assert [(row.span, row.reason) for row in reading.away_ahead(clinic, None)] == [("Tue 16 Mar 2027", "Holiday")]
    assert reading.away_ahead(clinic, noor) == []


def test_a_span_of_days_in_words(clinic, noor, by):
    away = services.add_time_off(
        clinic=clinic, membership=noor, first_day=TODAY, last_day=date(2027, 4, 2), from_time=time(13), by=by
    )
    assert reading.span_words(away, clinic) == "Tue 9 Mar 2027, 13:00 to Fri 2 Apr 2027, the end of the day"
    away.during = (datetime(2027, 3, 27, tzinfo=clinic.tz), datetime(2027, 3, 29, tzinfo=clinic.tz))
    away.save()
    away.refresh_from_db()
    assert reading.span_words(away, clinic) == "Sat 27 Mar 2027 to Sun 28 Mar 2027"


# ── Rooms and people ──────────────────────────────────────────────────────────


def test_a_room_name_counts_once_however_it_is_written(clinic, by):
    room = services.add_room(clinic=clinic, name="  Room   3 ", short_name="R3", by=by)
    assert (room.name, room.position) == ("Room 3", 2)
    assert refused(services.add_room, clinic=clinic, name="rOOM 3", short_name="R9", by=by)[0] == "name"
    assert refused(services.add_room, clinic=clinic, name="Room 4", short_name="r3", by=by)[0] == "short_name"
    assert refused(services.rename_room, room=room, name="Room 1", short_name="R3", by=by)[0] == "name"
    assert refused(services.rename_room, room=room, name=" ", short_name="R3", by=by)[0] == "name"
    services.rename_room(room=room, name="Laser room", short_name="LR", by=by)


def test_rooms_move_up_and_down_and_stop_at_the_ends(clinic, by):
    third = services.add_room(clinic=clinic, name="Room 3", short_name="R3", by=by)

    def order() -> list[str]:
        return list(clinic.rooms.values_list("short_name", flat=True))

    services.shift_room(room=third, up=True, by=by)
    assert order() == ["R1", "R3", "R2"]
    for _ in range(3):
        services.shift_room(room=third, up=True, by=by)
    assert order() == ["R3", "R1", "R2"]
    services.shift_room(room=third, up=False, by=by)
    assert order() == ["R1", "R3", "R2"]


def test_a_room_goes_out_of_service_with_a_reason_and_comes_back(clinic, by):
    room = clinic.rooms.first()
    assert refused(services.take_room_out, room=room, reason=" ", by=by)[0] == "reason"
    services.take_room_out(room=room, reason="Flooded", by=by)
    assert clinic.rooms.get(pk=room.pk).out_reason == "Flooded"
    back = services.put_room_back(room=room, by=by)
    assert (back.in_service, back.out_reason) == (True, "")
    with pytest.raises(DomainError, match="Say why the room"), explained(), transaction.atomic():
        clinic.rooms.filter(pk=room.pk).update(in_service=False)


def test_the_last_manager_stays_and_nobody_marks_herself_as_gone(clinic, manager_member, noor, by):
    assert "yourself" in refused(services.mark_left, membership=manager_member, by=by)[1]
    assert "only manager" in refused(services.mark_left, membership=manager_member, by=noor.user)[1]
    second = factories.make_member(clinic, "manager")
    services.mark_left(membership=manager_member, by=second.user)
    services.mark_back(membership=manager_member, by=second.user)
    assert clinic.memberships.filter(is_active=True).count() == 3


@pytest.mark.parametrize("depth", ["0", "-1", "3.01"])
def test_an_own_limit_that_no_needle_has_is_refused_by_the_database(noor, by, depth):
    said = refused(services.change_person, membership=noor, sees_patients=True, max_depth_mm=depth, by=by)
    assert "up to 3 mm" in said[1]
