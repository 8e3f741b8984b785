"""What she is told to leave out before a visit: each thing once, two days before it begins to hold, with the day that the
screening of the visit will ask for, and nothing that a doctor has prescribed."""

import re
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from django.core import mail

from clinic import clock
from patients.models import MedicationStatement, Message
from patients.outbox import dispatch, kinds, rendering
from patients.outbox.limits import Limits
from tests import factories
from tests.factories import LONDON
from tests.treatments.messages.reading import of_kind, states, waiting
from tests.treatments.messages.test_texts import reading_grade
from treatments import facts
from treatments.appointments import services as appointments
from treatments.appointments.visit_mails import PARTS
from treatments.demo import builder
from treatments.protocol import precare
from treatments.protocol.catalogue import load
from treatments.protocol.facts import Answer
from treatments.protocol.screening import screen
from treatments.rules import policy

DAY = date(2027, 4, 20)
PRECARE = ["precare_14d", "precare_7d"]
RULES = {
    line.text.split(" after ")[0]: line.rule for step in load().steps for line in step.lines if line.kind == "stop"
}
LINE = re.compile(r"^- (?P<what>No .+?) (?:after (?P<day>\w+day \d+ \w+)|from now on)\.(?: .*)?$", re.MULTILINE)


@pytest.fixture
def visit(active_plan):
    """The first session, booked six weeks ahead."""
    return factories.book(active_plan.planned_sessions.get(number=1), day=DAY)


def fresh(message: Message) -> Message:
    return Message.objects.select_related("patient", "clinic").get(pk=message.pk)


def text_of(patient, kind: str) -> str:
    return rendering.write(fresh(of_kind(patient, kind))).text


def stops_in(text: str) -> dict[str, date | None]:
    """Rule to the last day that a mail names; None for "from now on"."""
    today = clock.now().astimezone(LONDON).date()
    days = {precare.day_words(today + timedelta(days=n)): today + timedelta(days=n) for n in range(-200, 200)}
    return {RULES[found["what"]]: days[found["day"]] if found["day"] else None for found in LINE.finditer(text)}


def at_ten(days_before: int, day: date = DAY) -> datetime:
    return datetime.combine(day - timedelta(days=days_before), time(10), tzinfo=LONDON)


def prescribe(patient, kind: str, name: str, **details) -> MedicationStatement:
    by = factories.a_clinician(patient.clinic).user
    return MedicationStatement.objects.create(patient=patient, kind=kind, name=name, recorded_by=by, **details)


# ── When ──────────────────────────────────────────────────────────────────────


def test_a_treatment_owes_two_mails_before_its_reminders(visit, patient):
    assert waiting(patient) == {
        "booking_confirmed": "Tue 09 Mar 10:43",
        "precare_14d": "Sun 04 Apr 10:00",
        "precare_7d": "Sun 11 Apr 10:00",
        "visit_reminder_3d": "Sat 17 Apr 10:00",
        "visit_reminder_1d": "Mon 19 Apr 10:00",
    }


def test_each_is_of_use_until_the_next_one_takes_over(visit, patient):
    assert of_kind(patient, "precare_14d").expires_at == of_kind(patient, "precare_7d").send_at
    assert of_kind(patient, "precare_7d").expires_at == of_kind(patient, "visit_reminder_1d").send_at


def test_every_line_is_said_once_and_two_days_before_it_begins_to_hold(visit, patient, clinic_time):
    """Read as they leave, each at its own time."""
    told: dict[str, list[tuple[date, date | None]]] = defaultdict(list)
    for kind in ("booking_confirmed", *PRECARE):
        message = of_kind(patient, kind)
        clinic_time(message.send_at)
        for rule, last_on in stops_in(text_of(patient, kind).partition("This still holds")[0]).items():
            told[rule].append((message.send_at.astimezone(LONDON).date(), last_on))
    assert set(told) == set(RULES.values())
    assert {rule: len(times) for rule, times in told.items() if len(times) != 1} == {}
    for rule, [(said_on, last_on)] in told.items():
        if last_on is None:
            assert rule in ("peel_deep_dermabrasion", "laser_ipl"), "90 days before the visit lie before the booking"
        else:
            assert (last_on - said_on).days >= 2, rule


def test_the_first_message_carries_every_rule_longer_than_two_weeks_with_its_day(visit, patient):
    assert stops_in(text_of(patient, "booking_confirmed")) == {
        "peel_deep_dermabrasion": None,
        "laser_ipl": None,
        "peel_superficial": date(2027, 3, 21),
        "home_needling": date(2027, 3, 23),
        "filler": date(2027, 3, 23),
    }


def test_the_two_mails_name_the_rest_and_recall_what_holds(visit, patient, clinic_time):
    clinic_time(at_ten(16))
    two_weeks = text_of(patient, "precare_14d")
    assert stops_in(two_weeks.partition("This still holds")[0]) == {
        "sun_tan_exposure": date(2027, 4, 6),
        "botulinum": date(2027, 4, 6),
        "self_tan": date(2027, 4, 6),
    }
    assert (
        "This still holds until your visit:\n- No medium or deep peel.\n- No laser or IPL on the area.\n" in two_weeks
    )
    assert "Tell us about new medicines, illness or a pregnancy." in two_weeks
    clinic_time(at_ten(9))
    one_week = text_of(patient, "precare_7d")
    assert stops_in(one_week.partition("This still holds")[0]) == {
        "hair_removal": date(2027, 4, 13),
        "topical_retinoid": date(2027, 4, 15),
        "topical_acids": date(2027, 4, 15),
        "nsaid_otc": date(2027, 4, 15),
        "alcohol_24h": date(2027, 4, 19),
    }
    assert "If we prescribed an antiviral medicine, pick it up now." in one_week
    assert "- No Botox-type injections in the area.\n" in one_week.partition("This still holds")[2]


def test_a_whole_course_names_the_days_of_its_first_visit_until_the_last(booked_course, patient):
    """The first visit is today, so what waits longer than that holds from now on; each later visit has mails of its own."""
    text = text_of(patient, "course_booked")
    before, heading, lasting = text.partition("until your last visit, or until we write that you may:")
    assert heading and "Please leave these out before your next visit:" in before
    assert set(stops_in(lasting)) == {
        "peel_deep_dermabrasion", "laser_ipl", "peel_superficial", "home_needling", "filler",
    }  # fmt: skip
    assert set(stops_in(text)) == set(RULES.values())
    assert set(stops_in(text).values()) == {None}
    written = Message.objects.filter(patient=patient, kind__in=PRECARE, state="due").order_by("send_at")
    assert [(one.kind, one.about) for one in written] == [
        (kind, visit.ref) for visit in booked_course[1:] for kind in PRECARE
    ]


def test_ten_oclock_stays_ten_oclock_across_a_clock_change(active_plan, patient):
    """Clocks go forward on Sunday 28 March 2027."""
    factories.book(active_plan.planned_sessions.get(number=1), day=date(2027, 4, 6))
    assert waiting(patient)["precare_14d"] == "Sun 21 Mar 10:00"
    assert waiting(patient)["precare_7d"] == "Sun 28 Mar 10:00"
    assert of_kind(patient, "precare_14d").send_at.hour == 10
    assert of_kind(patient, "precare_7d").send_at.hour == 9


def test_it_leaves_at_its_time_and_once(visit, patient, clinic_time):
    def mails_with_days() -> int:
        dispatch.run(limits=Limits(grace_seconds=0))
        return sum("self-tanner or spray tan after" in sent.body for sent in mail.outbox)

    clinic_time(at_ten(16) - timedelta(minutes=1))
    assert mails_with_days() == 0
    clinic_time(at_ten(16) + timedelta(seconds=30))
    assert [mails_with_days(), mails_with_days()] == [1, 1]


# ── Booked late ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "folded", "rules"),
    [
        (17, [], 5),
        # Sixteen days before at ten o'clock has passed at 10:42.
        (16, ["precare_14d"], 8),
        (10, ["precare_14d"], 8),
        (9, ["precare_14d", "precare_7d"], 13),
        (2, ["precare_14d", "precare_7d", "visit_reminder_3d"], 13),
        (0, ["precare_14d", "precare_7d", "visit_reminder_3d", "visit_reminder_1d"], 13),
    ],
)
def test_a_late_booking_says_in_its_confirmation_what_is_due_already(active_plan, patient, days, folded, rules):
    factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=days))
    assert of_kind(patient, "booking_confirmed").context["folded"] == folded
    text = text_of(patient, "booking_confirmed")
    said = stops_in(text)
    assert len(said) == rules
    assert [rule for rule, last_on in said.items() if last_on is not None and last_on <= factories.TODAY] == []
    assert set(waiting(patient)) & set(PRECARE) == set(PRECARE) - set(folded)
    assert ("from now on" in text) and ("Have you done one of these of late?" in text)
    # Each sentence once, whatever has been folded in.
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    assert len(lines) == len(set(lines))
    assert text.count("Tell us about new medicines") <= 1
    assert text.lower().count("no alcohol") <= 1


def test_what_holds_already_when_a_late_mail_leaves_is_said_as_from_now_on(visit, patient, clinic_time):
    """No worker for three days: the day it would have named is past."""
    clinic_time(at_ten(13))
    said = stops_in(text_of(patient, "precare_14d").partition("This still holds")[0])
    assert said == {"sun_tan_exposure": None, "botulinum": None, "self_tan": None}


# ── What changes in between ───────────────────────────────────────────────────


def test_a_moved_visit_works_every_day_out_again(visit, patient, clinic_time):
    Message.objects.filter(kind="booking_confirmed").update(state="sent", sent_at=clock.now(), send_at=clock.now())
    place = replace(appointments.place_of(visit), day=DAY + timedelta(days=7))
    appointments.move(visit=visit, place=place, by=visit.clinician.user)
    assert states(patient)["precare_14d"] == ["cancelled", "due"]
    assert waiting(patient)["precare_14d"] == "Sun 11 Apr 10:00"
    assert stops_in(text_of(patient, "booking_changed"))["filler"] == date(2027, 3, 30)
    clinic_time(at_ten(16, DAY + timedelta(days=7)))
    assert stops_in(text_of(patient, "precare_14d"))["botulinum"] == date(2027, 4, 13)


def test_a_cancelled_visit_takes_them_along(visit, patient, later):
    later(timedelta(minutes=5))
    appointments.cancel(visit=visit, reason="Ill", by=visit.clinician.user)
    assert [states(patient)[kind] for kind in PRECARE] == [["cancelled"], ["cancelled"]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"schedule_version": 2}, "The visit was moved."), ({"status": "cancelled"}, "The visit was cancelled.")],
)
def test_a_visit_that_changed_behind_the_ledgers_back_stops_them(visit, patient, change, reason):
    type(visit).objects.filter(pk=visit.pk).update(closed_at=clock.now(), **change)
    for kind in PRECARE:
        assert kinds.get(kind).still_wanted(fresh(of_kind(patient, kind))) == reason


def test_a_skin_type_that_was_found_later_moves_the_days(visit, patient, clinic_time):
    clinic_time(at_ten(9))
    assert stops_in(text_of(patient, "precare_7d"))["topical_retinoid"] == date(2027, 4, 15)
    factories.assess(patient, skin_type=5)
    assert stops_in(text_of(patient, "precare_7d"))["topical_retinoid"] == date(2027, 4, 13)


def test_another_device_with_a_longer_label_is_told_in_the_next_mail(visit, patient, clinic_time):
    visit.device.filler_washout_days = 180
    visit.device.save(update_fields=["filler_washout_days"])
    assert stops_in(text_of(patient, "booking_confirmed"))["filler"] is None
    clinic_time(at_ten(16))
    assert "- No filler in the area.\n" in text_of(patient, "precare_14d").partition("This still holds")[2]


def test_a_wait_that_became_longer_than_two_weeks_after_the_booking_is_not_lost(
    visit, patient, manager_member, clinic_time
):
    """Its message has gone: the next one names the day."""
    assert "botulinum" not in stops_in(text_of(patient, "booking_confirmed"))
    policy.tighten(clinic=patient.clinic, path="rule.botulinum.washout_days", value=15, by=manager_member)
    clinic_time(at_ten(16))
    assert stops_in(text_of(patient, "precare_14d"))["botulinum"] == DAY - timedelta(days=15)


def test_the_rules_of_the_day_of_the_visit_decide(visit, patient, prescriber_member, clinic_time):
    """A shorter wait that is over by then permits nothing."""
    details = {"path": "rule.botulinum.washout_days", "value": 3, "reason": "Small dose"}
    policy.loosen(clinic=patient.clinic, by=prescriber_member, expires_on=DAY - timedelta(days=1), **details)
    clinic_time(at_ten(16))
    assert stops_in(text_of(patient, "precare_14d"))["botulinum"] == DAY - timedelta(days=14)


# ── To whom, and what not ─────────────────────────────────────────────────────


def test_who_wants_no_reminders_is_told_all_the_same_what_to_leave_out(active_plan, patient):
    """Care and no reminder: she would come for nothing."""
    type(patient).objects.filter(pk=patient.pk).update(reminders_allowed=False)
    factories.book(type(active_plan).objects.get(pk=active_plan.pk).planned_sessions.get(number=1), day=DAY)
    assert set(waiting(patient)) == {"booking_confirmed", *PRECARE}
    assert states(patient)["visit_reminder_3d"] == ["suppressed"]


def test_a_prescribed_cream_is_asked_about_and_never_forbidden(visit, patient, clinic_time):
    clinic_time(at_ten(9))
    assert "No retinol" in text_of(patient, "precare_7d")
    cream = prescribe(patient, "topical_retinoid", "Tretinoin 0.05 %")
    text = text_of(patient, "precare_7d")
    assert "No retinol" not in text
    assert "Please ask us by Thursday 15 April what to do." in text
    MedicationStatement.objects.filter(pk=cream.pk).update(prescribed=False)
    assert "No retinol" in text_of(patient, "precare_7d")


def test_a_prescribed_aspirin_is_asked_about_whatever_kind_it_is_listed_as(visit, patient, clinic_time):
    clinic_time(at_ten(9))
    prescribe(patient, "anticoagulant", "Aspirin 75 mg")
    text = text_of(patient, "precare_7d")
    assert "aspirin" not in text
    assert "Please ask us" in text


@pytest.mark.parametrize("kind", ["booking_confirmed", *PRECARE])
def test_the_sentence_about_prescribed_medicines_stands_in_each(visit, patient, kind):
    assert precare.PRESCRIBED in text_of(patient, kind)


def test_a_mail_that_has_nothing_to_say_is_not_sent(visit, patient, monkeypatch, clinic_time):
    wanted = kinds.get("precare_14d").still_wanted
    assert wanted(fresh(of_kind(patient, "precare_14d"))) is None
    monkeypatch.setattr(precare, "_before_visits", lambda catalogue: [])
    assert wanted(fresh(of_kind(patient, "precare_14d"))) == "There is nothing to say before this visit."
    clinic_time(at_ten(16) + timedelta(seconds=30))
    dispatch.run(limits=Limits(grace_seconds=0))
    assert states(patient)["precare_14d"] == ["cancelled"]


def test_a_consultation_owes_none(patient, clinician_member):
    place = factories.a_place(patient.clinic, DAY, kind="consultation")
    appointments.book(patient=patient, kind="consultation", place=place, by=clinician_member.user)
    assert not set(waiting(patient)) & set(PRECARE)
    assert "leave these out" not in text_of(patient, "booking_confirmed")


def test_plain_words_and_the_same_in_both_forms(visit, patient):
    for kind in ("booking_confirmed", *PRECARE):
        letter = rendering.write(fresh(of_kind(patient, kind)))
        assert reading_grade(letter.text) <= 8, kind
        for line in LINE.finditer(letter.text):
            assert line[0].removeprefix("- ").partition(" Keep")[0] in letter.html
        assert letter.subject == "A message from Alder Lane"


# ── Before and after, together ────────────────────────────────────────────────


@pytest.mark.parametrize("skin_type", [3, 5])
def test_nothing_that_her_mails_leave_open_would_put_the_next_visit_off(done_session, patient, clinic_time, skin_type):
    """From the first session to the second, day by day: what no mail has forbidden by then, or one has allowed again, is
    done, and the screening of the second visit is asked."""
    if skin_type != 3:
        factories.assess(patient, skin_type=skin_type)
    visit = factories.book(done_session.plan.planned_sessions.get(number=2), day=DAY)
    forbidden_from, allowed_until = read_everything(patient, clinic_time)
    assert set(forbidden_from) == set(RULES.values())
    known = facts.patient_facts(patient, on=DAY, device=visit.device, catalogue=load())
    wrong = [
        (rule, day)
        for rule in RULES.values()
        for day in (factories.TODAY + timedelta(days=n) for n in range(15, 42))
        if is_open(rule, day, forbidden_from, allowed_until) and puts_off(rule, known, day)
    ]
    assert wrong == []
    # The control: a week's grace on every day that is named would be found.
    late = {rule: day + timedelta(days=7) for rule, day in forbidden_from.items()}
    assert any(
        puts_off(rule, known, day)
        for rule in RULES.values()
        for day in (factories.TODAY + timedelta(days=n) for n in range(15, 42))
        if is_open(rule, day, late, {})
    )


def read_everything(patient, clinic_time) -> tuple[dict[str, date], dict[str, date]]:
    """Every mail about the days before the second visit, in its order: from when on each thing is forbidden, and until when an
    aftercare mail has allowed it again."""
    forbidden: dict[str, date] = {}
    allowed: dict[str, date] = {}
    permits = {line.text.rstrip("."): line.rule for step in load().steps for line in step.lines if line.kind == "allow"}
    wanted = ["booking_confirmed", *PRECARE, "aftercare_7d", "aftercare_14d"]
    newest = [of_kind(patient, kind) for kind in wanted]
    for message in sorted(newest, key=lambda message: message.send_at):
        clinic_time(message.send_at)
        text, today = text_of(patient, message.kind), message.send_at.astimezone(LONDON).date()
        for rule, last_on in stops_in(text.partition("This still holds")[0]).items():
            forbidden[rule] = today if last_on is None else last_on + timedelta(days=1)
        for words, rule in permits.items():
            found = re.search(re.escape(words) + r", but not after (\w+day \d+ \w+)\.", text)
            if found:
                days = {precare.day_words(today + timedelta(days=n)): today + timedelta(days=n) for n in range(60)}
                allowed[rule] = days[found[1]]
    return forbidden, allowed


def is_open(rule: str, day: date, forbidden_from: dict[str, date], allowed_until: dict[str, date]) -> bool:
    return day < forbidden_from[rule] or day <= allowed_until.get(rule, date.min)


def puts_off(rule: str, known, day: date) -> bool:
    told = {rule: Answer("yes", on=day, answered_on=day)}
    seen = screen(replace(known, answers=told), on=DAY, purpose="session", catalogue=load()).findings
    return any(one.earliest_on and one.earliest_on > DAY for one in seen)


def test_both_kinds_are_registered_as_care():
    assert [kinds.get(code).essential for code in PARTS] == [True, True]


def test_the_demo_shows_them_waiting_and_gone(clinic_time):
    """Two of its patients: a course booked at once in the minute before it opens, and one that is under way."""
    clinic = builder.build(only={28, 65, 98, 101})
    for kind in PARTS:
        assert "due" in clinic.messages.filter(kind=kind).values_list("state", flat=True), kind
    waiting_now = clinic.messages.filter(kind__in=PARTS, state="due").select_related("patient", "clinic")
    assert all(precare.PRESCRIBED in rendering.write(one).text for one in waiting_now[:3])
