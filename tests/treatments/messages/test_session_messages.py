"""What a signed session leaves in the ledger: when each mail goes, and which no longer do."""

from datetime import datetime, time, timedelta

import pytest

from clinic import clock
from patients.models import Message
from patients.outbox import kinds, rendering
from tests import factories
from tests.factories import LONDON
from tests.treatments.messages.reading import of_kind, states, waiting
from treatments.plans.models import TreatmentPlan
from treatments.sessions import messages
from treatments.sessions import services as sessions

AFTERCARE = [
    "aftercare_now",
    "aftercare_4h",
    "aftercare_24h",
    "aftercare_48h",
    "aftercare_72h",
    "aftercare_7d",
    "aftercare_14d",
    "aftercare_28d",
]


@pytest.fixture
def sign_at(open_session, clinic_time):
    """Signs the open session at a moment of the same day."""

    def sign(moment: datetime):
        factories.chart(open_session)
        clinic_time(moment)
        return sessions.complete(session=open_session, by=open_session.operator)

    return sign


def after_session(patient) -> dict[str, str]:
    return {kind: at for kind, at in waiting(patient).items() if kind.startswith(("aftercare", "rebook"))}


def test_a_signed_session_owes_eight_mails_and_the_wish_to_book(done_session):
    assert after_session(done_session.patient) == {
        "aftercare_now": "Tue 09 Mar 10:42",
        "aftercare_4h": "Tue 09 Mar 14:42",
        "aftercare_24h": "Wed 10 Mar 10:42",
        "aftercare_48h": "Thu 11 Mar 10:42",
        "aftercare_72h": "Fri 12 Mar 10:42",
        "aftercare_7d": "Tue 16 Mar 10:00",
        "aftercare_14d": "Tue 23 Mar 10:00",
        "aftercare_28d": "Tue 06 Apr 10:00",
        "rebook_due": "Tue 13 Apr 10:00",
    }


@pytest.mark.parametrize(("hour", "minute", "folds"), [(15, 59, False), (16, 0, True), (18, 30, True)])
def test_what_would_come_at_night_four_hours_later_is_said_as_she_leaves(sign_at, hour, minute, folds):
    """Quiet hours begin at 20:00."""
    session = sign_at(datetime(2027, 3, 9, hour, minute, tzinfo=LONDON))
    assert ("aftercare_4h" not in waiting(session.patient)) == folds
    letter = rendering.write(of_kind(session.patient, "aftercare_now"))
    assert ("sunburn" in letter.text) == folds


def test_the_leaving_mail_goes_at_once_also_at_night(sign_at):
    session = sign_at(datetime(2027, 3, 9, 20, 30, tzinfo=LONDON))
    assert waiting(session.patient)["aftercare_now"] == "Tue 09 Mar 20:30"


def test_quiet_hours_put_a_mail_off_and_never_bring_it_forward(sign_at):
    """Sunscreen is allowed after 24 hours: the mail that says so may come later, never sooner."""
    session = sign_at(datetime(2027, 3, 9, 20, 30, tzinfo=LONDON))
    assert waiting(session.patient)["aftercare_24h"] == "Thu 11 Mar 08:00"


def test_hours_run_as_they_pass_and_days_on_the_wall_across_a_clock_change(clinic, clinic_time):
    """Clocks go forward on Sunday 28 March 2027."""
    clinic_time(datetime(2027, 3, 27, 10, 42, tzinfo=LONDON))
    session = factories.make_done_session(factories.make_visit_today(factories.make_patient(clinic), at=time(11)))
    going = after_session(session.patient)
    assert going["aftercare_24h"] == "Sun 28 Mar 11:42"
    assert going["aftercare_7d"] == "Sat 03 Apr 10:00"


def test_hours_run_as_they_pass_when_the_clocks_go_back(clinic, clinic_time):
    clinic_time(datetime(2027, 10, 30, 10, 42, tzinfo=LONDON))
    session = factories.make_done_session(factories.make_visit_today(factories.make_patient(clinic), at=time(11)))
    going = after_session(session.patient)
    assert going["aftercare_24h"] == "Sun 31 Oct 09:42"
    assert going["aftercare_14d"] == "Sat 13 Nov 10:00"


def test_a_stopped_session_owes_the_same_aftercare(open_session):
    factories.chart(open_session)
    sessions.stop(session=open_session, reason="Felt faint", counts=False, by=open_session.operator)
    assert set(after_session(open_session.patient)) == {*AFTERCARE, "rebook_due"}


def test_the_last_session_of_a_course_asks_nobody_to_book(open_session):
    factories.chart(open_session)
    open_session.plan.planned_sessions.filter(number__gt=1).delete()
    sessions.complete(session=open_session, by=open_session.operator)
    assert set(after_session(open_session.patient)) == set(AFTERCARE)


def test_signed_a_day_late_the_hours_still_count_from_the_visit(open_session, clinic_time):
    factories.chart(open_session)
    clinic_time(datetime(2027, 3, 10, 9, 0, tzinfo=LONDON))
    sessions.complete(session=open_session, by=open_session.operator)
    patient = open_session.patient
    assert of_kind(patient, "aftercare_24h").send_at == open_session.appointment.during.upper + timedelta(hours=24)
    assert of_kind(patient, "aftercare_7d").send_at == datetime(2027, 3, 16, 10, tzinfo=LONDON)


def test_a_session_entered_in_error_withdraws_what_waits(done_session):
    sessions.mark_entered_in_error(session=done_session, reason="Wrong patient", by=done_session.operator)
    assert after_session(done_session.patient) == {}
    assert states(done_session.patient)["aftercare_24h"] == ["cancelled"]
    assert of_kind(done_session.patient, "aftercare_24h").reason == "The session was entered in error."


def test_withdrawing_hands_back_what_has_already_left(done_session):
    Message.objects.filter(kind="aftercare_now").update(
        state="sending", worker="w", lease_until=clock.now() + timedelta(minutes=2), handed_off_at=clock.now()
    )
    assert [m.kind for m in messages.withdraw(done_session, by=done_session.operator.user)] == ["aftercare_now"]


def test_the_same_session_owes_once(done_session):
    before = states(done_session.patient)
    messages.owe_after_session(done_session, by=done_session.operator.user)
    assert states(done_session.patient) == before


def test_nothing_is_owed_when_signing_fails(open_session):
    factories.chart(open_session)
    sessions.remove_zone(session=open_session, zone="cheek", by=open_session.operator)
    with pytest.raises(sessions.DomainError):
        sessions.complete(session=open_session, by=open_session.operator)
    assert after_session(open_session.patient) == {}


# ── As the message leaves ─────────────────────────────────────────────────────


def still_wanted(patient, kind: str) -> str | None:
    return kinds.get(kind).still_wanted(of_kind(patient, kind))


def test_aftercare_of_a_session_that_stands_leaves(done_session):
    assert [still_wanted(done_session.patient, kind) for kind in AFTERCARE] == [None] * 8


def test_aftercare_of_a_session_in_error_does_not_leave_even_where_it_was_not_withdrawn(done_session):
    type(done_session).objects.filter(pk=done_session.pk).update(status="entered_in_error", error_reason="x")
    for kind in [*AFTERCARE, "rebook_due"]:
        assert still_wanted(done_session.patient, kind) == "The session was entered in error."


def test_the_last_step_does_not_leave_when_the_next_session_has_been(done_session, second_session):
    """Its "the sun rule ends" would undo what the newer session asks for."""
    assert still_wanted(done_session.patient, "aftercare_28d") == "There was another visit since."
    assert still_wanted(done_session.patient, "aftercare_14d") is None


def test_after_four_weeks_the_sun_rule_ends_as_far_as_the_next_session_allows(done_session, later):
    later(timedelta(days=28))
    text = rendering.write(of_kind(done_session.patient, "aftercare_28d")).text
    assert "Four weeks after your visit" in text
    assert "Please send us a photo of the area." in text
    # Not booked, so it may be today.
    assert "Strong sun or sunbed: not until your course is finished." in text
    planned = done_session.plan.planned_sessions.get(number=2)
    factories.book(planned, day=factories.TODAY + timedelta(days=56))
    text = rendering.write(of_kind(done_session.patient, "aftercare_28d")).text
    assert "The strict sun rule ends, and begins again after Tuesday 20 April. Keep wearing sunscreen." in text


def test_a_closed_record_hears_nothing(done_session):
    type(done_session.patient).objects.filter(pk=done_session.patient_id).update(status="deceased")
    assert still_wanted(done_session.patient, "aftercare_7d") == "The record is closed."


def test_the_wish_to_book_goes_only_while_the_next_session_is_not_booked(done_session, later):
    patient = done_session.patient
    assert still_wanted(patient, "rebook_due") is None
    planned = done_session.plan.planned_sessions.get(number=2)
    visit = factories.book(planned, day=planned.target_on)
    assert still_wanted(patient, "rebook_due") == "The next visit is booked."
    factories.appointments.cancel(visit=visit, reason="Ill", by=visit.clinician.user)
    assert still_wanted(patient, "rebook_due") is None


@pytest.mark.parametrize("status", ["on_hold", "completed"])
def test_a_course_that_is_not_under_way_asks_nobody_to_book(done_session, status):
    TreatmentPlan.objects.filter(pk=done_session.plan_id).update(status=status)
    assert still_wanted(done_session.patient, "rebook_due") == "The course is not under way any more."
