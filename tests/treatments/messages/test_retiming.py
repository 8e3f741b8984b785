"""A message that waits for ten o'clock on the clinic's wall goes at ten o'clock, also after the zone or its rules have changed."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from clinic import clock
from patients.models import Message
from patients.outbox import services
from tests import factories
from tests.treatments.messages.reading import of_kind
from treatments import tasks
from treatments.sessions import retiming
from treatments.sessions import services as sessions

DAY = date(2027, 4, 20)
BEFORE = ["precare_14d", "precare_7d", "visit_reminder_3d", "visit_reminder_1d"]
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def visit(active_plan):
    return factories.book(active_plan.planned_sessions.get(number=1), day=DAY)


def wall(patient, kinds: list[str], zone: ZoneInfo) -> dict[str, str]:
    return {kind: f"{of_kind(patient, kind).send_at.astimezone(zone):%d %b %H:%M}" for kind in kinds}


def to_new_york(clinic) -> None:
    type(clinic).objects.filter(pk=clinic.pk).update(zone="America/New_York")


def test_what_is_right_stays_and_nobody_is_asked(visit, patient, django_assert_num_queries):
    before = list(Message.objects.order_by("pk").values_list("pk", "send_at", "expires_at"))
    with django_assert_num_queries(2):  # the clock, and the rows
        assert retiming.run() == 0
    assert list(Message.objects.order_by("pk").values_list("pk", "send_at", "expires_at")) == before


def test_after_a_change_of_zone_ten_oclock_is_ten_oclock_there(visit, patient):
    to_new_york(patient.clinic)
    assert set(wall(patient, BEFORE, NEW_YORK).values()) == {
        "04 Apr 05:00",
        "11 Apr 05:00",
        "17 Apr 05:00",
        "19 Apr 05:00",
    }
    tasks.retime_messages()
    assert wall(patient, BEFORE, NEW_YORK) == {
        "precare_14d": "04 Apr 10:00",
        "precare_7d": "11 Apr 10:00",
        "visit_reminder_3d": "17 Apr 10:00",
        "visit_reminder_1d": "19 Apr 10:00",
    }
    moved = of_kind(patient, "precare_14d")
    assert (moved.next_attempt_at, moved.zone) == (moved.send_at, "America/New_York")
    assert moved.expires_at == of_kind(patient, "precare_7d").send_at
    assert list(moved.events.values_list("what", flat=True)) == ["retimed"]
    assert retiming.run() == 0


def test_an_hour_that_the_zone_database_has_changed_is_put_right(visit, patient):
    """As if another rule for the clocks had been in force when they were written."""
    meant = wall(patient, BEFORE, patient.clinic.tz)
    for message in Message.objects.filter(kind__in=BEFORE):
        late = message.send_at + timedelta(hours=1)
        Message.objects.filter(pk=message.pk).update(send_at=late, next_attempt_at=late)
    assert wall(patient, BEFORE, patient.clinic.tz) != meant
    assert retiming.run() == len(BEFORE)
    assert wall(patient, BEFORE, patient.clinic.tz) == meant


def test_days_after_a_session_and_a_course_too_and_hours_never(open_session, patient):
    factories.chart(open_session)
    open_session.plan.planned_sessions.filter(number__gt=1).delete()
    sessions.complete(session=open_session, by=open_session.operator)
    hours = ["aftercare_4h", "aftercare_24h", "aftercare_48h", "aftercare_72h"]
    before = {kind: of_kind(patient, kind).send_at for kind in hours}
    to_new_york(patient.clinic)
    retiming.run()
    assert {kind: of_kind(patient, kind).send_at for kind in hours} == before
    of_days = ["aftercare_7d", "aftercare_14d", "aftercare_28d", "review_30d", "review_90d", "review_180d"]
    assert {at[-5:] for at in wall(patient, of_days, NEW_YORK).values()} == {"10:00"}


def test_the_wish_to_book_too(done_session, patient):
    to_new_york(patient.clinic)
    retiming.run()
    assert wall(patient, ["rebook_due"], NEW_YORK) == {"rebook_due": "13 Apr 10:00"}


def test_what_quiet_hours_have_moved_stays_moved(clinic, patient, clinician_member):
    type(clinic).objects.filter(pk=clinic.pk).update(quiet_from="08:00", quiet_until="12:00")
    fresh = type(patient).objects.select_related("clinic").get(pk=patient.pk)
    place = factories.a_place(fresh.clinic, DAY, kind="consultation")
    factories.appointments.book(patient=fresh, kind="consultation", place=place, by=clinician_member.user)
    assert wall(fresh, ["visit_reminder_3d"], fresh.clinic.tz) == {"visit_reminder_3d": "17 Apr 12:00"}
    assert retiming.run() == 0


@pytest.mark.parametrize(
    "touched", [{"attempts": 1}, {"state": "cancelled", "reason": "x"}, {"resent": True}, {"quiet_hours_apply": False}]
)
def test_what_somebody_has_touched_or_that_is_over_stays_as_it_is(visit, patient, touched):
    Message.objects.filter(kind__in=BEFORE).update(**touched)
    before = wall(patient, BEFORE, NEW_YORK)
    to_new_york(patient.clinic)
    assert retiming.run() == 0
    assert wall(patient, BEFORE, NEW_YORK) == before


def test_what_a_person_holds_back_keeps_its_hour_too(visit, patient, desk_member):
    services.hold(message=of_kind(patient, "visit_reminder_1d"), reason="Ask her first", by=desk_member.user)
    to_new_york(patient.clinic)
    retiming.run()
    held = of_kind(patient, "visit_reminder_1d")
    assert (held.state, wall(patient, ["visit_reminder_1d"], NEW_YORK)) == (
        "held",
        {"visit_reminder_1d": "19 Apr 10:00"},
    )


def test_a_visit_that_has_changed_meanwhile_is_left_to_its_owner(visit, patient):
    type(visit).objects.filter(pk=visit.pk).update(schedule_version=2)
    to_new_york(patient.clinic)
    assert retiming.run() == 0
    assert clock.now() < of_kind(patient, "precare_14d").send_at
