"""What booking, moving and cancelling leave in the ledger, and what still leaves when its time has come."""

from datetime import date, datetime, time, timedelta

import pytest

from clinic import clock
from patients.models import Message
from patients.outbox import kinds, rendering
from tests import factories
from tests.factories import LONDON
from tests.treatments.messages.reading import of_kind, states, waiting
from treatments.appointments import messages
from treatments.appointments import services as appointments
from treatments.plans.models import TreatmentPlan


@pytest.fixture
def consult(patient, clinician_member):
    """Books a consultation: `consult(day, at)`."""

    def book(day: date, at: time = time(11)):
        place = factories.a_place(patient.clinic, day, at, kind="consultation")
        return appointments.book(patient=patient, kind="consultation", place=place, by=clinician_member.user)

    return book


def moved(visit, day: date, at: time = time(11)):
    visit.refresh_from_db()
    place = factories.a_place(visit.clinic, day, at, kind="consultation")
    return appointments.move(visit=visit, place=place, by=visit.clinician.user)


def test_a_booking_owes_a_confirmation_after_a_minute_and_two_reminders_at_ten(consult, patient):
    consult(date(2027, 4, 20))
    assert waiting(patient) == {
        "booking_confirmed": "Tue 09 Mar 10:43",
        "visit_reminder_3d": "Sat 17 Apr 10:00",
        "visit_reminder_1d": "Mon 19 Apr 10:00",
    }


@pytest.mark.parametrize(
    ("now", "day", "utc"),
    [
        # Clocks forward on Sunday 28 March, back on Sunday 31 October 2027: ten o'clock stays ten o'clock.
        (
            datetime(2027, 3, 9, 10, 42, tzinfo=LONDON),
            date(2027, 3, 29),
            {"visit_reminder_3d": "26 10:00", "visit_reminder_1d": "28 09:00"},
        ),
        (
            datetime(2027, 10, 5, 10, 42, tzinfo=LONDON),
            date(2027, 11, 1),
            {"visit_reminder_3d": "29 09:00", "visit_reminder_1d": "31 10:00"},
        ),
    ],
)
def test_reminders_keep_their_hour_across_a_clock_change(consult, patient, clinic_time, now, day, utc):
    clinic_time(now)
    consult(day)
    sent = {kind: f"{of_kind(patient, kind).send_at:%d %H:%M}" for kind in utc}
    assert sent == utc


@pytest.mark.parametrize(
    ("day", "at", "folded", "left"),
    [
        (date(2027, 3, 13), time(11), [], {"visit_reminder_3d", "visit_reminder_1d"}),
        # 10:42 on the third day before: ten o'clock has passed.
        (date(2027, 3, 12), time(11), ["visit_reminder_3d"], {"visit_reminder_1d"}),
        (date(2027, 3, 11), time(11), ["visit_reminder_3d"], {"visit_reminder_1d"}),
        (date(2027, 3, 10), time(11), ["visit_reminder_3d", "visit_reminder_1d"], set()),
        (date(2027, 3, 9), time(11), ["visit_reminder_3d", "visit_reminder_1d"], set()),
    ],
)
def test_what_a_late_booking_comes_too_late_for_is_part_of_the_confirmation(consult, patient, day, at, folded, left):
    consult(day, at)
    assert of_kind(patient, "booking_confirmed").context["folded"] == folded
    assert set(waiting(patient)) == {"booking_confirmed"} | left


def test_ten_oclock_sharp_is_too_late_and_a_minute_and_a_second_before_is_not(consult, patient, clinic_time):
    clinic_time(datetime(2027, 3, 10, 9, 58, 30, tzinfo=LONDON))
    consult(date(2027, 3, 13))
    assert "visit_reminder_3d" in waiting(patient)
    clinic_time(datetime(2027, 3, 10, 10, 0, tzinfo=LONDON))
    consult(date(2027, 3, 13), time(14))
    assert of_kind(patient, "booking_confirmed").context["folded"] == ["visit_reminder_3d"]


def test_a_move_cancels_what_waits_and_writes_for_the_new_time(consult, patient):
    visit = consult(date(2027, 4, 20))
    moved(visit, date(2027, 4, 27))
    assert waiting(patient) == {
        "booking_changed": "Tue 09 Mar 10:43",
        "visit_reminder_3d": "Sat 24 Apr 10:00",
        "visit_reminder_1d": "Mon 26 Apr 10:00",
    }
    assert states(patient)["booking_confirmed"] == ["cancelled"]
    assert states(patient)["visit_reminder_3d"] == ["cancelled", "due"]
    assert Message.objects.get(kind="booking_confirmed").reason == "The visit was moved."


def test_two_quick_moves_make_one_mail(consult, patient, later):
    visit = consult(date(2027, 4, 20))
    later(timedelta(minutes=5))
    moved(visit, date(2027, 4, 27))
    later(timedelta(seconds=30))
    moved(visit, date(2027, 4, 28))
    assert states(patient)["booking_changed"] == ["cancelled", "due"]
    assert of_kind(patient, "booking_changed").context["note"].startswith("Wed 28 Apr, 11:00")


def test_booked_moved_and_cancelled_within_a_minute_nobody_hears_a_word(consult, patient, later):
    visit = consult(date(2027, 4, 20))
    later(timedelta(seconds=20))
    moved(visit, date(2027, 4, 27))
    later(timedelta(seconds=20))
    appointments.cancel(visit=visit, reason="Wrong patient", by=visit.clinician.user)
    assert waiting(patient) == {}
    assert "booking_cancelled" not in states(patient)


def left(patient, kind: str) -> None:
    """The mail has gone."""
    Message.objects.filter(patient=patient, kind=kind, state="due").update(
        state="sent", sent_at=clock.now(), handed_off_at=clock.now()
    )


def test_another_room_or_clinician_is_no_news(consult, patient, later):
    visit = consult(date(2027, 4, 20))
    left(patient, "booking_confirmed")
    later(timedelta(minutes=5))
    place = factories.a_place(visit.clinic, visit.day, kind="consultation", room=visit.clinic.rooms.last())
    appointments.move(visit=visit, place=place, by=visit.clinician.user)
    assert set(waiting(patient)) == {"visit_reminder_3d", "visit_reminder_1d"}


def test_another_room_is_news_to_whom_the_time_never_reached(consult, patient, later):
    """Mail stood still: the confirmation was due and had not left."""
    visit = consult(date(2027, 4, 20))
    later(timedelta(minutes=5))
    place = factories.a_place(visit.clinic, visit.day, kind="consultation", room=visit.clinic.rooms.last())
    appointments.move(visit=visit, place=place, by=visit.clinician.user)
    assert "booking_changed" in waiting(patient)


def test_a_new_time_is_told_also_when_the_room_changes_after_it(consult, patient, later):
    visit = consult(date(2027, 4, 20))
    left(patient, "booking_confirmed")
    later(timedelta(minutes=5))
    moved(visit, date(2027, 4, 27))
    later(timedelta(seconds=20))
    place = factories.a_place(visit.clinic, date(2027, 4, 27), kind="consultation", room=visit.clinic.rooms.last())
    appointments.move(visit=visit, place=place, by=visit.clinician.user)
    assert of_kind(patient, "booking_changed").state == "due"


def test_a_move_taken_back_within_its_minute_is_no_news(consult, patient, later):
    visit = consult(date(2027, 4, 20))
    left(patient, "booking_confirmed")
    later(timedelta(minutes=5))
    moved(visit, date(2027, 4, 27))
    later(timedelta(seconds=20))
    appointments.move_back(visit=visit, by=visit.clinician.user)
    assert set(waiting(patient)) == {"visit_reminder_3d", "visit_reminder_1d"}


def test_a_cancellation_takes_back_the_time_she_was_told(consult, patient, later):
    visit = consult(date(2027, 4, 20))
    left(patient, "booking_confirmed")
    later(timedelta(minutes=5))
    moved(visit, date(2027, 4, 27))
    appointments.cancel(visit=visit, reason="Ill", by=visit.clinician.user)
    assert "Tuesday 20 April 2027, 11:00 is cancelled" in rendering.write(of_kind(patient, "booking_cancelled")).text


def test_a_cancelled_visit_is_taken_back_in_words_and_reminds_nobody(consult, patient, later):
    visit = consult(date(2027, 4, 20))
    later(timedelta(minutes=5))
    visit.refresh_from_db()
    appointments.cancel(visit=visit, reason="Ill", by=visit.clinician.user)
    assert set(waiting(patient)) == {"booking_cancelled"}
    assert states(patient)["visit_reminder_1d"] == ["cancelled"]


def test_a_visit_cancelled_before_its_confirmation_left_says_nothing(consult, patient, later):
    visit = consult(date(2027, 4, 20))
    later(timedelta(seconds=59))
    appointments.cancel(visit=visit, reason="Wrong patient", by=visit.clinician.user)
    assert waiting(patient) == {}
    assert "booking_cancelled" not in states(patient)


def test_whoever_stands_at_the_desk_is_told_there(consult, patient, later):
    visit = consult(date(2027, 3, 9))
    later(timedelta(minutes=5))
    factories.arrive(visit)
    visit.refresh_from_db()
    appointments.cancel(visit=visit, reason="Not today", by=visit.clinician.user)
    assert waiting(patient) == {}


def test_a_missed_visit_cancels_what_waits_without_a_word(consult, patient, later):
    visit = consult(date(2027, 3, 9), time(11))
    later(timedelta(minutes=30))
    appointments.mark_no_show(visit=visit, by=visit.clinician.user)
    assert waiting(patient) == {}
    assert "booking_cancelled" not in states(patient)


def test_mails_that_have_already_left_are_handed_back_to_the_caller(consult, patient):
    visit = consult(date(2027, 4, 20))
    Message.objects.filter(kind="booking_confirmed").update(
        state="sending", worker="w", lease_until=clock.now() + timedelta(minutes=2), handed_off_at=clock.now()
    )
    visit.schedule_version += 1
    gone = messages.owe_for_move(visit, by=visit.clinician.user)
    assert [message.kind for message in gone] == ["booking_confirmed"]
    assert states(patient)["booking_confirmed"] == ["sending"]


def test_the_same_fact_is_written_once(consult, patient):
    visit = consult(date(2027, 4, 20))
    before = states(patient)
    messages.owe_for_booking(visit, by=visit.clinician.user)
    assert states(patient) == before


def test_messages_of_a_booking_that_fails_are_not_written(consult, patient):
    consult(date(2027, 4, 20))
    with pytest.raises(appointments.SlotTaken):
        consult(date(2027, 4, 20), time(11, 10))
    assert states(patient)["booking_confirmed"] == ["due"]


# ── As the message leaves ─────────────────────────────────────────────────────


def still_wanted(patient, kind: str) -> str | None:
    return kinds.get(kind).still_wanted(of_kind(patient, kind))


def test_a_visit_that_stands_is_still_announced(consult, patient):
    consult(date(2027, 4, 20))
    assert still_wanted(patient, "visit_reminder_1d") is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "cancelled", "closed_at": "now"}, "The visit was cancelled."),
        ({"status": "done", "done_at": "now"}, "The visit is done."),
        ({"status": "arrived", "arrived_at": "now"}, "The patient is already here."),
        ({"schedule_version": 2}, "The visit was moved."),
    ],
)
def test_a_visit_that_changed_behind_the_ledgers_back_stops_its_mails(consult, patient, change, reason):
    visit = consult(date(2027, 4, 20))
    moment = clock.now()
    type(visit).objects.filter(pk=visit.pk).update(
        **{name: moment if value == "now" else value for name, value in change.items()}
    )
    for kind in ("booking_confirmed", "visit_reminder_3d", "visit_reminder_1d"):
        assert still_wanted(patient, kind) == reason


@pytest.mark.parametrize("status", ["on_hold", "completed", "submitted"])
def test_a_course_that_is_not_under_way_reminds_nobody(patient, status):
    visit = factories.book(factories.make_active_plan(patient).planned_sessions.get(number=1), day=date(2027, 4, 20))
    assert still_wanted(patient, "visit_reminder_1d") is None
    TreatmentPlan.objects.filter(pk=visit.planned_session.plan_id).update(status=status)
    for kind in ("booking_confirmed", "visit_reminder_3d", "visit_reminder_1d"):
        assert still_wanted(patient, kind) == "The course is not under way."


def test_no_reminder_goes_once_the_visit_has_begun(consult, patient, clinic_time):
    consult(date(2027, 4, 20))
    clinic_time(datetime(2027, 4, 20, 11, 0, tzinfo=LONDON))
    assert still_wanted(patient, "visit_reminder_1d") == "The visit has begun."


def test_a_closed_record_hears_nothing(consult, patient):
    consult(date(2027, 4, 20))
    type(patient).objects.filter(pk=patient.pk).update(status="deceased")
    assert still_wanted(patient, "visit_reminder_1d") == "The record is closed."


def test_a_reminder_is_worth_sending_until_the_next_one_or_the_visit(consult, patient):
    consult(date(2027, 4, 20))
    last = of_kind(patient, "visit_reminder_1d")
    assert of_kind(patient, "visit_reminder_3d").expires_at == last.send_at
    assert last.expires_at == datetime(2027, 4, 20, 11, tzinfo=LONDON)
