"""A course on its way: paused, resumed, shortened, extended, replaced, stopped, and what each does to visits and messages."""

from datetime import date, time, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from clinic import clock
from clinic.errors import ConstraintRefused, DomainError
from patients.models import Consent, Message
from patients.outbox import kinds
from tests import factories
from tests.factories import TODAY, in_days
from tests.treatments.messages.test_mails_about_several_visits import sent
from treatments.appointments import services as diary
from treatments.appointments.calls import services as calls
from treatments.appointments.courses import following
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.models import Appointment
from treatments.flows import closing, life_events, outcomes
from treatments.outcomes.models import OutcomeScore
from treatments.pages.worklists.course_calls import courses_that_wait
from treatments.pages.worklists.session_calls import sessions_to_book
from treatments.plans import life, reasons
from treatments.plans import services as plans
from treatments.plans.models import CourseChange, PlannedSession, TreatmentPlan
from treatments.protocol.catalogue import load

pytestmark = pytest.mark.django_db
SINCE_THE_LAST = TODAY + in_days(42)


def refused(act) -> str:
    with pytest.raises(DomainError) as refusal, transaction.atomic():
        act()
    return refusal.value.sentence


def fresh(plan: TreatmentPlan) -> TreatmentPlan:
    return TreatmentPlan.objects.select_related("patient__clinic", "clinic").get(pk=plan.pk)


def pause(plan, by, *, until=None, reason="reaction", cancel=None, **more) -> CourseChange:
    ahead = life_events.ahead_of_pause(fresh(plan), until)
    refs = [visit.ref for visit in ahead.goes] if cancel is None else cancel
    return life_events.pause(plan=fresh(plan), until=until, reason=reason, cancel=refs, by=by, **more)


def visits(plan: TreatmentPlan) -> dict[int, str]:
    rows = Appointment.objects.filter(planned_session__plan=plan).order_by("pk")
    return dict(rows.values_list("planned_session__number", "status"))


def mails(plan: TreatmentPlan, *kinds: str) -> list[Message]:
    return list(Message.objects.filter(patient=plan.patient, kind__in=kinds, state="due").order_by("pk"))


def waiting(plan: TreatmentPlan, days: int) -> list[TreatmentPlan]:
    now = factories.NOW + in_days(days)
    return courses_that_wait(plan.clinic, now=now, today=now.date())


# ── Pause ─────────────────────────────────────────────────────────────────────


def test_a_pause_cancels_what_lies_inside_and_one_mail_tells_of_it(active_plan, booked_course, clinician_member, later):
    later(timedelta(minutes=5))
    sent("course_booked")
    until = booked_course[1].day
    change = pause(active_plan, clinician_member, until=until)
    plan = fresh(active_plan)
    assert (plan.status, plan.paused_until, plan.is_paused) == ("on_hold", until, True)
    assert visits(plan) == {1: "cancelled", 2: "cancelled", 3: "booked", 4: "booked"}
    (mail,) = mails(plan, "course_cancelled", "booking_cancelled")
    assert mail.kind == "course_cancelled"
    assert len(mail.context["visits"]) == 2
    assert set(change.facts["visits"]) == {str(visit.ref) for visit in booked_course[:2]}
    gone = [visit.ref for visit in booked_course[:2]]
    assert not Message.objects.filter(about__in=gone, kind__startswith="visit_reminder", state="due").exists()


def test_reminders_of_what_is_after_the_pause_still_go_and_of_what_is_inside_do_not(
    active_plan, booked_course, clinician_member
):
    inside, last = booked_course[1], booked_course[-1]
    pause(active_plan, clinician_member, until=inside.day, cancel=[])
    said = {}
    for visit in (inside, last):
        reminder = Message.objects.filter(about=visit.ref, kind="visit_reminder_1d").get()
        said[visit.ref] = kinds.get(reminder.kind).still_wanted(reminder)
    assert said == {inside.ref: "The course is not under way.", last.ref: None}


def test_a_paused_course_has_nothing_to_book_and_stands_nowhere_as_late(active_plan, clinician_member, later):
    clinic = active_plan.clinic
    assert [one.plan_id for one in sessions_to_book(clinic, today=TODAY)] == [active_plan.pk]
    pause(active_plan, clinician_member, until=TODAY + in_days(30))
    assert sessions_to_book(clinic, today=TODAY) == []
    planned = active_plan.planned_sessions.get(number=1)
    assert "paused until" in refused(lambda: factories.book(planned, day=TODAY + in_days(7)))
    later(in_days(25))
    assert [plan.is_paused for plan in waiting(active_plan, 25)] == [True]
    # Neither does it stand still, nor does its pause end yet.
    assert waiting(active_plan, 20) == []


def test_a_pause_without_an_end_is_asked_about_after_eight_weeks(active_plan, clinician_member):
    pause(active_plan, clinician_member)
    assert [len(waiting(active_plan, days)) for days in (55, 57)] == [0, 1]


def test_a_visit_that_was_kept_moves_behind_the_pause_and_nowhere_else(active_plan, clinician_member, desk_member):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + in_days(7))
    pause(active_plan, clinician_member, until=TODAY + in_days(20), cancel=[])
    inside = factories.a_place(active_plan.clinic, TODAY + in_days(14))
    assert "paused until" in refused(lambda: diary.move(visit=visit, place=inside, by=desk_member.user))
    behind = factories.a_place(active_plan.clinic, TODAY + in_days(21))
    assert diary.move(visit=visit, place=behind, by=desk_member.user).day == TODAY + in_days(21)


@pytest.mark.parametrize("reason", ["isotretinoin", "other"])
def test_the_desk_gives_no_reason_of_medicine(active_plan, desk_member, reason):
    act = lambda: pause(active_plan, desk_member, reason=reason, note="Words")  # noqa: E731
    assert refused(act) == "A clinician decides about that. Ask one."
    assert pause(active_plan, desk_member, reason="away").reason == "away"


def test_what_a_pause_is_refused_for(active_plan, clinician_member, open_session):
    assert "has begun" in refused(lambda: pause(active_plan, clinician_member))


def test_a_pause_says_why_and_ends_on_a_day_that_can_be(active_plan, clinician_member):
    by = clinician_member
    assert refused(lambda: pause(active_plan, by, reason="nonsense")) == "Choose a reason from the list."
    assert refused(lambda: pause(active_plan, by, reason="other", note=" ")) == "Say which, in a few words."
    assert "today or later" in refused(lambda: pause(active_plan, by, until=TODAY - in_days(1)))
    assert "two years" in refused(lambda: pause(active_plan, by, until=TODAY + in_days(800)))
    plans.revoke(plan=active_plan, reason="Enough", by=by.user)
    assert refused(lambda: pause(active_plan, by)) == "This plan is stopped; it cannot be paused."


def test_visits_that_were_not_shown_are_never_cancelled(active_plan, clinician_member):
    seen = life_events.ahead_of_pause(active_plan, None).seen
    factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + in_days(7))
    assert refused(lambda: pause(active_plan, clinician_member, seen=seen)) == life_events.CHANGED_MEANWHILE
    assert visits(active_plan) == {1: "booked"}


def test_the_places_on_the_waiting_list_end_with_a_pause(active_plan, clinician_member, desk_member):
    planned = active_plan.planned_sessions.get(number=1)
    entry = calls.wait(
        patient=active_plan.patient, kind="treatment", planned_session=planned, by=desk_member.user
    )  # fmt: skip
    change = pause(active_plan, clinician_member)
    entry.refresh_from_db()
    assert (entry.ended_reason, change.facts["waiting"]) == ("Course paused", [str(entry.ref)])
    # What has been lost there does not come back, so nothing promises it.
    assert "can no longer be undone" in refused(lambda: life_events.undo(change=change, by=clinician_member))


def test_a_pause_gets_another_end_and_the_undo_knows_the_one_before(active_plan, clinician_member):
    pause(active_plan, clinician_member, until=TODAY + in_days(10))
    change = pause(active_plan, clinician_member, until=TODAY + in_days(30), reason="reaction")
    assert fresh(active_plan).paused_until == TODAY + in_days(30)
    life_events.undo(change=change, by=clinician_member)
    assert fresh(active_plan).paused_until == TODAY + in_days(10)


# ── Resume ────────────────────────────────────────────────────────────────────


def windows(plan: TreatmentPlan) -> dict[int, tuple[date, date, date]]:
    rows = plan.planned_sessions.values_list("number", "earliest_on", "target_on", "latest_on")
    return {number: tuple(days) for number, *days in rows}


def test_windows_begin_anew_where_the_pause_has_eaten_them(done_session, clinician_member, later):
    plan = done_session.plan
    pause(plan, clinician_member, until=TODAY + in_days(100))
    later(in_days(101))
    factories.answer_all(plan.patient)
    life_events.resume(plan=fresh(plan), by=clinician_member)
    today = TODAY + in_days(101)
    assert fresh(plan).status == "active"
    # 84 days after the last session were over: from today on, for as long as a window is.
    assert windows(plan)[2] == (today, today, today + in_days(84))
    assert windows(plan)[3][0] == today + in_days(28)
    # And they stay so when the diary hangs them again.
    factories.book(plan.planned_sessions.get(number=2), day=today + in_days(7))
    assert windows(plan)[2] == (today, today, today + in_days(84))
    assert windows(plan)[3][0] == today + in_days(35)


def test_the_rest_is_booked_at_once_after_a_long_pause_and_nothing_has_to_follow(done_session, clinician_member, later):
    plan = done_session.plan
    pause(plan, clinician_member)
    later(in_days(100))
    factories.answer_all(plan.patient)
    life_events.resume(plan=fresh(plan), by=clinician_member)
    booked = factories.book_course(fresh(plan))
    assert [visit.planned_session.number for visit in booked] == [2, 3, 4]
    # More than the longest interval lies between the first two: a pause did.
    assert following.breaks(fresh(plan)) == []
    place = factories.a_place(plan.clinic, booked[0].day + in_days(1), time(15))
    found = rearrangement(fresh(plan), {Appointment.objects.get(pk=booked[0].pk): place}, now=clock.now())
    assert found.found.fewest is not None


def test_a_short_pause_never_goes_below_the_floor(done_session, clinician_member, later):
    plan = done_session.plan
    pause(plan, clinician_member)
    later(in_days(10))
    life_events.resume(plan=fresh(plan), by=clinician_member)
    assert windows(plan)[2] == (TODAY + in_days(28), TODAY + in_days(42), TODAY + in_days(84))


def test_what_is_left_of_a_window_is_kept(done_session, clinician_member, later):
    plan = done_session.plan
    pause(plan, clinician_member)
    later(in_days(50))
    factories.answer_all(plan.patient, forms=("day",))
    life_events.resume(plan=fresh(plan), by=clinician_member)
    assert windows(plan)[2] == (TODAY + in_days(50), TODAY + in_days(50), TODAY + in_days(84))


def test_after_a_long_gap_the_next_session_begins_less_deep(done_session, clinician_member, later):
    plan = done_session.plan

    def starts(number: int) -> list[float]:
        return [zone["start_mm"] for zone in plan.planned_sessions.get(number=number).zones]

    before = starts(2)
    pause(plan, clinician_member)
    later(in_days(100))
    factories.answer_all(plan.patient)
    change = life_events.resume(plan=fresh(plan), by=clinician_member)
    assert change.facts == {"less_deep": True}
    assert all(now < was for now, was in zip(starts(2), before, strict=True))
    assert starts(3) == before


def test_after_the_longest_gap_the_skin_is_assessed_again_first(done_session, clinician_member, later):
    plan = done_session.plan
    pause(plan, clinician_member)
    later(in_days(200))
    factories.answer_all(plan.patient)
    factories.sign_consent(plan)
    resume = lambda: life_events.resume(plan=fresh(plan), by=clinician_member)  # noqa: E731
    assert "200 days ago: the protocol asks for a new assessment" in refused(resume)
    factories.assess(plan.patient)
    resume()
    assert fresh(plan).status == "active"


def test_going_on_is_screened_for_and_signed_for(active_plan, clinician_member, later):
    pause(active_plan, clinician_member)
    factories.answer(active_plan.patient, "keloid_personal", "yes")
    resume = lambda: life_events.resume(plan=fresh(active_plan), by=clinician_member)  # noqa: E731
    assert "a finding blocks treatment" in refused(resume)
    factories.answer(active_plan.patient, "keloid_personal", "no")
    later(in_days(370))
    factories.answer_all(active_plan.patient)
    assert "Ask for the consent first" in refused(resume)
    assert fresh(active_plan).is_paused


def test_what_it_was_paused_for_is_asked_about_again(active_plan, clinician_member, later):
    """Whatever the older answers say: on the day of the pause they knew nothing of it."""
    pause(active_plan, clinician_member, reason="isotretinoin")
    later(in_days(3))
    resume = lambda: life_events.resume(plan=fresh(active_plan), by=clinician_member)  # noqa: E731
    assert "paused because: isotretinoin has begun. Ask about that again" in refused(resume)
    factories.answer(active_plan.patient, "smoking", "no")
    assert "Ask about that again" in refused(resume)
    factories.answer(active_plan.patient, "isotretinoin_past", "yes", on=TODAY)
    resume()
    # It goes on, and the washout says from when on it is booked.
    planned = active_plan.planned_sessions.get(number=1)
    assert "Not before" in refused(lambda: factories.book(planned, day=TODAY + in_days(10)))


def test_every_question_that_a_pause_asks_again_is_one_of_the_protocol():
    known = {rule.code for rule in load().rules}
    asked = {code for one in reasons.PAUSE for code in one.asks}
    assert asked
    assert asked <= known


def test_a_course_whose_first_session_never_was_begins_today(active_plan, clinician_member, later):
    pause(active_plan, clinician_member)
    later(in_days(120))
    factories.answer_all(active_plan.patient)
    life_events.resume(plan=fresh(active_plan), by=clinician_member)
    today = TODAY + in_days(120)
    assert windows(active_plan)[1] == (today, today, today + in_days(84))


def test_a_course_that_a_score_holds_does_not_pass_its_review(active_plan, clinician_member):
    by = clinician_member
    pause(active_plan, by)
    review_of(active_plan, by)
    assert "A score rose too far" in refused(lambda: life_events.resume(plan=fresh(active_plan), by=by))
    change = active_plan.changes.get()
    assert "A score rose too far" in refused(lambda: life_events.undo(change=change, by=by))


def review_of(plan, by) -> None:
    from treatments.outcomes.services import ask_for_review

    scores = [
        OutcomeScore.objects.create(
            clinic=plan.clinic, patient=plan.patient, plan=plan, instrument="mmasi", variant="24", table_version="1",
            assessed_on=TODAY, assessor=by.user, items={}, total=total,
        )
        for total in (Decimal(4), Decimal(8))
    ]  # fmt: skip
    ask_for_review(plan=plan, baseline=scores[0], newest=scores[1], by=by.user)


# ── Shorter and longer ────────────────────────────────────────────────────────


def shorten(plan, by, to, **more) -> CourseChange:
    return life_events.shorten(plan=fresh(plan), to=to, by=by, **({"reason": "good_result"} | more))


def extend(plan, by, to, **more) -> CourseChange:
    return life_events.extend(plan=fresh(plan), to=to, by=by, **({"reason": "more_to_gain"} | more))


def numbers(plan: TreatmentPlan) -> list[int]:
    return list(plan.planned_sessions.order_by("number").values_list("number", flat=True))


def test_a_shorter_course_leaves_its_last_sessions_and_their_visits_out(active_plan, booked_course, clinician_member):
    shorten(active_plan, clinician_member, 3)
    assert (numbers(active_plan), fresh(active_plan).sessions_planned) == ([1, 2, 3], 3)
    assert visits(active_plan) == {1: "booked", 2: "booked", 3: "booked", 4: "cancelled"}
    left = booked_course[3].planned_session
    assert "no longer part of this course" in refused(lambda: factories.book(left, day=booked_course[3].day))
    undo = lambda: diary.undo_step(visit=booked_course[3], by=clinician_member.user)  # noqa: E731
    assert "no longer part of this course" in refused(undo)


def test_a_course_is_never_shorter_than_what_is_done(done_session, clinician_member):
    plan = done_session.plan
    for to in (0, 4, 7):
        assert "Choose 1 to 3 sessions" in refused(lambda to=to: shorten(plan, clinician_member, to, note="Why"))
    shorten(plan, clinician_member, 1, note="She is happy with it")
    assert numbers(plan) == [1]
    # Nothing is to come: what is owed after a course is owed now.
    assert Message.objects.filter(about=plan.ref, kind="review_30d", state="due").exists()


def test_below_the_minimum_of_the_protocol_somebody_says_why(active_plan, clinician_member):
    said = refused(lambda: shorten(active_plan, clinician_member, 2))
    assert said.startswith("The protocol asks for at least 3 sessions for acne scars, face.")
    assert shorten(active_plan, clinician_member, 2, note="She moves away in May").note == "She moves away in May"


def test_a_longer_course_waits_for_the_review_the_protocol_asks_for(done_session, clinician_member):
    plan = done_session.plan
    assert "a review after session 3 before a course gets longer" in refused(lambda: extend(plan, clinician_member, 5))
    with_three_done(plan)
    assert "after session 3: record a score first" in refused(lambda: extend(plan, clinician_member, 5))
    OutcomeScore.objects.create(
        clinic=plan.clinic, patient=plan.patient, plan=plan, instrument="goodman_baron", variant="qualitative",
        table_version="1", assessed_on=TODAY + in_days(90), assessor=clinician_member.user, items={}, total=2,
    )  # fmt: skip
    extend(plan, clinician_member, 6)
    assert numbers(plan) == [1, 2, 3, 4, 5, 6]
    assert windows(plan)[5][0] == windows(plan)[4][1] + in_days(28)
    assert plan.planned_sessions.get(number=5).zones


def with_three_done(plan: TreatmentPlan) -> None:
    for number, days in ((1, 0), (2, 42), (3, 84)):
        planned = plan.planned_sessions.get(number=number)
        visit = planned.appointments.first() or factories.book(planned, day=TODAY + in_days(days), at=time(15))
        Appointment.objects.filter(pk=visit.pk).update(status="done")


@pytest.fixture
def plain_plan(patient):
    """For wrinkles: the protocol asks for no review on the way."""
    return factories.make_active_plan(
        patient, concerns=[{"code": "wrinkles", "zones": ["forehead"], "severity": "mild"}]
    )


def test_a_course_grows_up_to_what_the_protocol_permits(plain_plan, clinician_member):
    asked = life.asked_of(plain_plan)
    assert (asked.least, asked.most) == (3, 6)
    assert "Choose 5 to 6 sessions" in refused(lambda: extend(plain_plan, clinician_member, 7))
    extend(plain_plan, clinician_member, 6)
    assert "6 sessions at most" in refused(lambda: extend(plain_plan, clinician_member, 7))


def test_a_consent_that_names_fewer_sessions_is_asked_for_again(plain_plan, clinician_member):
    signed = Consent.objects.get(patient=plain_plan.patient)
    # The words of the tests' consent name no number: it stays.
    assert life_events.consents_that_name_fewer(plain_plan, 5) == []
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE patients_consent DISABLE TRIGGER USER")
    Consent.objects.filter(pk=signed.pk).update(shown_text=f"We plan {life.sessions_words(plain_plan)}.")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE patients_consent ENABLE TRIGGER USER")
    change = extend(plain_plan, clinician_member, 5)
    signed.refresh_from_db()
    assert signed.withdrawn_reason == "The course has 5 sessions now: asked for again."
    assert change.facts["consents"] == [str(signed.ref)]
    assert "5 sessions, about" in life.sessions_words(fresh(plain_plan))
    assert "can no longer be undone" in refused(lambda: life_events.undo(change=change, by=clinician_member))


def test_a_session_that_was_left_out_is_the_same_row_again(plain_plan, clinician_member):
    fourth = plain_plan.planned_sessions.get(number=4)
    shorten(plain_plan, clinician_member, 3)
    extend(plain_plan, clinician_member, 4)
    assert plain_plan.planned_sessions.get(number=4).pk == fourth.pk
    assert PlannedSession.everything.filter(plan=plain_plan).count() == 4


# ── The database ──────────────────────────────────────────────────────────────


def constraint_of(act) -> str:
    with pytest.raises((IntegrityError, InternalError)) as refusal, transaction.atomic():
        act()
    return refusal.value.__cause__.diag.constraint_name


def test_the_database_holds_the_number_of_sessions(active_plan, visit_today, clinician_member):
    plan, first = active_plan, active_plan.planned_sessions.get(number=1)
    rows, everything = TreatmentPlan.objects.filter(pk=plan.pk), PlannedSession.everything.filter(plan=plan)
    assert constraint_of(lambda: rows.update(sessions_planned=3)) == "plan_keeps_its_sessions"
    assert constraint_of(lambda: everything.filter(number=4).update(number=5)) == "planned_session_within_the_course"
    leave_out = lambda session: everything.filter(pk=session.pk).update(left_out_at=plan.drafted_at)  # noqa: E731
    assert constraint_of(lambda: leave_out(first)) == "planned_session_left_out_is_free"
    leave_out(plan.planned_sessions.get(number=4))
    visit = lambda: Appointment.objects.filter(pk=visit_today.pk).update(  # noqa: E731
        planned_session=everything.get(number=4)
    )
    assert constraint_of(visit) == "appointment_has_its_session"
    assert constraint_of(lambda: rows.update(paused_at=plan.drafted_at)) == "plan_paused_is_on_hold"


def test_what_happened_stays_as_it_was_written(active_plan, clinician_member):
    change = pause(active_plan, clinician_member)
    rows = CourseChange.objects.filter(pk=change.pk)
    assert constraint_of(lambda: rows.update(note="Else")) == "course_change_is_fixed"
    assert constraint_of(lambda: rows.delete()) == "course_change_is_fixed"
    life_events.undo(change=change, by=clinician_member)
    assert constraint_of(lambda: rows.update(undone_at=None)) == "course_change_is_fixed"


def test_a_database_refusal_is_a_sentence(active_plan, visit_today):
    with pytest.raises(ConstraintRefused, match="so it stays in the course"), transaction.atomic():
        life.shorten(plan=fresh(active_plan), to=0)


# ── Replace and stop ──────────────────────────────────────────────────────────


def test_another_plan_takes_the_place_of_a_course(done_session, clinician_member, later):
    plan = done_session.plan
    factories.book(plan.planned_sessions.get(number=2), day=TODAY + in_days(42))
    new = life_events.replace(
        plan=fresh(plan), starts_on=TODAY, count=5, reason="other_depth", note="Less deep", by=clinician_member
    )
    old = fresh(plan)
    assert (old.status, old.ended_reason, old.replaced_by) == (
        "revoked",
        "Another depth or another zone: Less deep",
        new,
    )
    assert visits(plan)[2] == "cancelled"
    assert (new.status, new.replaces, new.concerns, new.techniques) == ("draft", old, old.concerns, old.techniques)
    # What was done counts: for the numbers, and for the floor.
    assert (new.sessions_planned, numbers(new)) == (5, [2, 3, 4, 5])
    assert new.planned_sessions.get(number=2).earliest_on == TODAY + in_days(28)
    assert plan.changes.get().facts["plan_ref"] == str(new.ref)
    for act in (
        lambda: pause(plan, clinician_member),
        lambda: shorten(plan, clinician_member, 3),
        lambda: extend(plan, clinician_member, 5),
        lambda: life_events.resume(plan=old, by=clinician_member),
        lambda: life_events.stop(plan=old, reason="asked", by=clinician_member),
        lambda: life_events.replace(plan=old, starts_on=TODAY, reason="new_rules", by=clinician_member),
    ):
        assert refused(act).startswith("This plan is stopped; it cannot")


def test_a_replacement_goes_through_its_normal_approval(active_plan, clinician_member):
    new = life_events.replace(plan=fresh(active_plan), starts_on=TODAY, reason="new_rules", by=clinician_member)
    assert "cannot become active" in refused(lambda: plans.activate(plan=new, by=clinician_member.user))
    plans.submit(plan=new, by=clinician_member.user)
    assert plans.activate(plan=new, by=clinician_member.user).status == "active"


def test_it_begins_no_deeper_than_the_course_before(active_plan, clinician_member):
    for session in active_plan.planned_sessions.all():
        session.zones = [zone | {"start_mm": 0.25} for zone in session.zones]
        session.save(update_fields=["zones"])
    new = life_events.replace(plan=fresh(active_plan), starts_on=TODAY, reason="other_depth", by=clinician_member)
    assert {zone["start_mm"] for one in new.planned_sessions.all() for zone in one.zones} == {0.25}


def test_it_may_be_for_what_was_assessed_last(active_plan, clinician_member):
    assert life_events.concerns_of_today(active_plan) is None
    factories.assess(
        active_plan.patient, concerns=[{"code": "wrinkles", "zones": ["forehead"], "severity": "mild"}]
    )  # fmt: skip
    new = life_events.replace(
        plan=fresh(active_plan), starts_on=TODAY, reason="other_concern", as_assessed=True, by=clinician_member
    )
    assert [one["code"] for one in new.concerns] == ["wrinkles"]


def test_where_no_plan_can_take_its_place_the_course_goes_on(active_plan, booked_course, clinician_member):
    act = lambda: life_events.replace(  # noqa: E731
        plan=fresh(active_plan), starts_on=TODAY, count=8, reason="new_rules", by=clinician_member
    )
    assert "plan 3 to 6 sessions" in refused(act).lower()
    assert fresh(active_plan).status == "active"
    assert set(visits(active_plan).values()) == {"booked"}


def test_stopping_tells_of_all_visits_in_one_mail(active_plan, booked_course, clinician_member, later):
    later(timedelta(minutes=5))
    sent("course_booked")
    life_events.stop(plan=fresh(active_plan), reason="other", note="Moves to Leeds", by=clinician_member)
    assert fresh(active_plan).ended_reason == "Moves to Leeds"
    (mail,) = mails(active_plan, "course_cancelled", "booking_cancelled")
    assert len(mail.context["visits"]) == 4


def test_closing_the_record_ends_a_paused_course_too(active_plan, clinician_member):
    pause(active_plan, clinician_member)
    closing.close_record(patient=active_plan.patient, why="deceased", reason="Her son", by=clinician_member.user)
    assert (fresh(active_plan).status, fresh(active_plan).is_paused) == ("revoked", False)


# ── Undo ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", ["pause", "shorten"])
def test_a_slip_is_undone_with_its_visits(active_plan, booked_course, clinician_member, what):
    before = windows(active_plan), visits(active_plan)
    act = {
        "pause": lambda: pause(active_plan, clinician_member),
        "shorten": lambda: shorten(active_plan, clinician_member, 3),
    }
    change = act[what]()
    assert visits(active_plan) != before[1]
    life_events.undo(change=change, by=clinician_member)
    assert (fresh(active_plan).status, fresh(active_plan).sessions_planned) == ("active", 4)
    assert (windows(active_plan), visits(active_plan)) == before
    again = life_events.undo(change=change, by=clinician_member)
    assert again.undone_at is not None


def test_an_extension_is_undone_unless_its_session_is_booked(plain_plan, clinician_member):
    change = extend(plain_plan, clinician_member, 5)
    life_events.undo(change=change, by=clinician_member)
    assert numbers(plain_plan) == [1, 2, 3, 4]
    factories.book_course(plain_plan)
    change = extend(plain_plan, clinician_member, 5)
    factories.book_course(fresh(plain_plan))
    assert "so it stays in the course" in refused(lambda: life_events.undo(change=change, by=clinician_member))


def test_an_undo_may_lose(active_plan, booked_course, clinician_member, later):
    change = pause(active_plan, clinician_member)
    first = booked_course[0]
    neighbour = factories.make_patient(active_plan.clinic)
    diary.book(patient=neighbour, kind="consultation", place=diary.place_of(first), by=clinician_member.user)
    refused(lambda: life_events.undo(change=change, by=clinician_member))
    assert fresh(active_plan).is_paused
    shorten(active_plan, clinician_member, 3)
    assert "Something else has happened" in refused(lambda: life_events.undo(change=change, by=clinician_member))


def test_the_next_day_nothing_is_undone(active_plan, clinician_member, later):
    change = pause(active_plan, clinician_member)
    later(in_days(1))
    assert "can no longer be undone" in refused(lambda: life_events.undo(change=change, by=clinician_member))


def test_the_desk_takes_back_its_own_kind_of_pause_only(active_plan, clinician_member, desk_member):
    change = pause(active_plan, clinician_member)
    assert "can no longer be undone" in refused(lambda: life_events.undo(change=change, by=desk_member))
    life_events.undo(change=change, by=clinician_member)
    change = pause(active_plan, desk_member, reason="away")
    assert life_events.undo(change=change, by=desk_member).undone_by == desk_member.user
    change = shorten(active_plan, clinician_member, 3, reason="asked")
    assert "can no longer be undone" in refused(lambda: life_events.undo(change=change, by=desk_member))


def test_a_review_that_lets_a_course_go_on_hangs_its_windows_too(active_plan, clinician_member, later):
    review_of(active_plan, clinician_member)
    plans.hold(plan=fresh(active_plan), by=clinician_member.user)
    later(in_days(120))
    factories.answer_all(active_plan.patient)
    review = active_plan.reviews.get()
    outcomes.review(review=review, note="Calm again", decision="go_on", by=clinician_member.user)
    assert windows(active_plan)[1][0] == TODAY + in_days(120)
