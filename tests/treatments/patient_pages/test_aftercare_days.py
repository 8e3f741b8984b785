"""What a day after a session says: by skin type, by the next session, to the hour, and never more than the rules allow."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.treatments.patient_pages.outlooks import SESSION_ON, a_day, again, rows, rules_of_again, stands
from treatments.pages.patient import aftercare_days
from treatments.pages.patient.aftercare_days import LAST_DAY, NORMAL
from treatments.protocol.catalogue import load
from treatments.protocol.facts import Concern, Device
from treatments.protocol.policy import Setting
from treatments.sessions import aftercare

LAST_OF = re.compile(r"(?:not after|begins again after) (\w+day \d+ \w+)\.")


def days_called(words: str) -> date:
    return next(day for n in range(400) if aftercare.day_words(day := SESSION_ON + timedelta(days=n)) == words)


# ── Day by day ────────────────────────────────────────────────────────────────


def test_day_2_reads_as_it_was_drawn():
    shown = a_day(2)
    assert (shown.name, shown.asks_what, shown.over_list) == ("Day 2 of 7", "what is normal today", "Normal on day 2")
    assert rows(shown) == {
        "check": "Pink, tight, a little swollen or dry",
        "sun": "Mineral sunscreen: SPF 30 or higher, every day. And a hat.",
        "drop": "You may clean gently and use a plain cream. If the skin is closed, you may use make-up again with clean tools.",
        "run": "No sport, pool or sauna until tomorrow 11:30.",
    }
    assert [(cell.number, f"{cell.on:%a}", cell.tense, cell.is_shown) for cell in shown.strip] == [
        (1, "Wed", "past", False),
        (2, "Thu", "now", True),
        (3, "Fri", "ahead", False),
        (4, "Sat", "ahead", False),
        (5, "Sun", "ahead", False),
        (6, "Mon", "ahead", False),
        (7, "Tue", "ahead", False),
    ]


def test_the_day_of_the_session_says_what_she_took_home_and_until_when():
    shown = a_day(0)
    said = [row.text for row in shown.rows]
    assert (shown.name, shown.over_list) == ("The day of your visit", "Normal on the day of your visit")
    for code in ("leaving", "after_4_hours"):
        assert {line.text for line in aftercare.step(code, load()).lines} <= set(said)
    assert "No sport, pool or sauna until Friday 11:30. You can go back to work tomorrow." in said
    assert aftercare.FOR_PAIN in said
    assert not [cell for cell in shown.strip if cell.is_shown]


def test_day_1_turns_at_the_hour_of_the_session():
    before, after = rows(a_day(1, at=time(9))), rows(a_day(1, at=time(11, 30)))
    assert before["sun"].startswith("Stay in the shade and wear a hat. No sunscreen until 11:30. Then start a mineral")
    assert before["drop"].startswith("Put only the gel we gave you on the skin until 11:30. Then you may clean gently")
    assert after["sun"] == "Start a mineral sunscreen today: SPF 30 or higher, every day."
    assert after["drop"].startswith("You may clean gently and use a plain cream. No make-up until tomorrow 11:30.")
    assert before["run"] == after["run"] == "No sport, pool or sauna until Friday 11:30."


def test_day_3_allows_sport_from_the_hour_and_not_before():
    assert rows(a_day(3, at=time(11, 29)))["run"].startswith(
        "No sport, pool or sauna until 11:30. Then if the skin is calm"
    )
    assert rows(a_day(3, at=time(11, 30)))["run"] == (
        "If the skin is calm, you may do sport, swim and use the sauna again."
    )


def test_a_day_ahead_says_what_will_hold_then():
    ahead, then = a_day(3, today=1), a_day(3, today=3, at=time(6))
    assert (ahead.tense, ahead.asks_what) == ("ahead", "what will be normal")
    assert rows(ahead)["run"] == rows(then)["run"]
    assert rows(a_day(5, today=2)) == rows(a_day(5))
    assert again(a_day(7, today=0)) == again(a_day(7))


def test_a_day_ahead_of_the_hour_names_the_weekday_and_not_tomorrow():
    assert rows(a_day(2, today=0))["run"] == "No sport, pool or sauna until Friday 11:30."


def test_redness_is_normal_for_three_days_and_no_longer():
    assert [number for number, words in NORMAL.items() if re.search(r"pink|swollen|warm", words, re.IGNORECASE)] == [
        1,
        2,
        3,
    ]
    assert "Not red any more" in NORMAL[4]


def test_what_is_called_normal_is_none_of_the_signs():
    signs = aftercare.signs(load())
    alarming = re.compile(r"pus|ooz|blister|fever|sore|pain|bump|patch|rash|mark|spread", re.IGNORECASE)
    assert all(alarming.search(sign) or "red" in sign or "pain" in sign for sign in signs["same_day"])
    assert [words for words in (*NORMAL.values(), aftercare_days.LATER) if alarming.search(words)] == []


def test_after_day_7_the_weeks_follow():
    assert [a_day(number).name for number in (7, 8, 14, 15, 28, 29)] == [
        "Day 7 of 7", "Week 2", "Week 2", "Week 3", "Week 4", "Week 5",
    ]  # fmt: skip
    week_2 = a_day(8)
    assert week_2.asks_what == "what is normal now"
    assert rows(week_2)["check"] == aftercare_days.LATER
    assert "run" not in rows(week_2)
    assert "Are the scabs gone? Do you see brown marks? Please tell us." in rows(week_2).values()
    assert rows(a_day(14))["photo"] == "Please send us a photo. Do you see dark marks or bumps?"
    assert rows(a_day(28))["photo"] == "Please send us a photo of the area."


@pytest.mark.parametrize("skin_type", [None, 2, 5])
def test_every_day_says_something_in_whole_words(skin_type):
    for number in range(LAST_DAY + 1):
        shown = a_day(number, skin_type=skin_type)
        said = [row.text for row in shown.rows] + again(shown)
        assert len(said) >= 7
        assert not [text for text in said if "{" in text or "  " in text]
        assert len([row.icon for row in shown.rows if row.icon == "sun"]) == 1


# ── By skin type ──────────────────────────────────────────────────────────────


def test_skin_type_2_may_begin_again_on_day_7():
    assert again(a_day(6))[0] == "Retinoid cream: not before Tuesday 16 March."
    assert again(a_day(7))[0] == "You may use retinol, tretinoin or adapalene again, but not after Thursday 15 April."


def test_skin_type_5_waits_until_day_14_and_wears_the_stronger_sunscreen():
    assert rows(a_day(1, skin_type=5))["sun"] == ("Start a mineral sunscreen today: SPF 50, every day for 28 days.")
    assert rows(a_day(3, skin_type=5))["sun"] == "Mineral sunscreen: SPF 50, every day for 28 days. And a hat."
    assert again(a_day(7, skin_type=5))[0] == "Retinoid cream: not before Tuesday 23 March."
    assert again(a_day(14, skin_type=5))[0] == (
        "You may use retinol, tretinoin or adapalene again, but not after Tuesday 13 April."
    )
    assert rows(a_day(29, skin_type=5))["sun"] == "Mineral sunscreen: SPF 30 or higher, every day. And a hat."


def test_an_unknown_skin_type_is_read_as_dark_and_a_pigment_concern_too():
    assert "not before Tuesday 23 March" in again(a_day(7, skin_type=None))[0]
    assert "SPF 50" in rows(a_day(2, skin_type=None))["sun"]
    assert "SPF 50" in rows(a_day(2, concerns=(Concern("melasma", ("cheek",)),)))["sun"]


def test_the_strict_sun_rule_ends_after_four_weeks_and_comes_back_before_the_next_session():
    assert again(a_day(20))[-1] == "Strong sun or sunbed: not before Tuesday 6 April."
    assert again(a_day(28, next_day=56))[-1] == (
        "The strict sun rule ends, and begins again after Tuesday 20 April. Keep wearing sunscreen."
    )
    assert again(a_day(28, next_day=None))[-1] == "The strict sun rule ends. Keep wearing sunscreen."
    assert again(a_day(28, skin_type=5))[-1] == "Strong sun or sunbed: not until your course is finished."


# ── By the next session ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("next_day", "line"),
    [
        (None, "You may have filler again."),
        (28, "Filler: not until your course is finished."),
        (41, "Filler: not until your course is finished."),
        (42, "You may have filler again, but not after Tuesday 23 March."),
        (70, "You may have filler again, but not after Tuesday 20 April."),
    ],
)
def test_what_is_near_the_next_session_is_not_allowed(next_day, line):
    assert line in again(a_day(14, next_day=next_day))


def test_a_filler_that_the_device_forbids_for_half_a_year_waits_for_the_end_of_the_course():
    pen = Device(name="Pen", max_depth_mm={"face": Decimal("1.5")}, filler_washout_days=180)
    assert "Filler: not until your course is finished." in again(a_day(14, device=pen))


def test_a_day_that_is_past_permits_nothing_that_is_over_by_now():
    """Day 7, looked at on day 39: what was allowed on day 7 must be left out by now."""
    assert again(a_day(7))[0].startswith("You may use retinol")
    assert again(a_day(7, today=39))[0] == "Retinoid cream: not until your course is finished."


def test_while_a_reaction_is_open_she_asks_first():
    shown = a_day(7, next_day=None, reaction_open=True)
    assert not [one for one in shown.again if one.is_given]
    assert all(one.text.endswith(": please ask us first.") for one in shown.again)
    assert rows(a_day(4, reaction_open=True))["run"] == "Sport, pool and sauna: please ask us first."
    assert "Make-up: please ask us first." in rows(a_day(4, reaction_open=True))["drop"]
    assert "No sport" in rows(a_day(2, reaction_open=True))["run"]


DAYS = st.integers(0, LAST_DAY)


def permitted_too_long(shown) -> list[str]:
    """What the page allows on a day on which it would stand in the way of the next session."""
    too_long = []
    for rule, one in zip(rules_of_again(shown.ahead.catalogue), shown.again, strict=True):
        if not one.is_given:
            continue
        found = LAST_OF.search(one.text)
        if found is None:
            too_long.append(f"{one.text} names no last day")
            continue
        last_on = days_called(found[1])
        if last_on < shown.on or stands(rule, shown.ahead, last_on) or stands(rule, shown.ahead, shown.on):
            too_long.append(one.text)
    return too_long


@given(
    number=DAYS,
    today=DAYS,
    next_day=st.integers(28, 140),
    skin_type=st.sampled_from([None, 1, 2, 3, 4, 5, 6]),
    filler=st.sampled_from([None, 14, 28, 180, 365]),
    pigment=st.booleans(),
    shorter=st.sampled_from([0, 3, 10]),
    counts_until=st.integers(0, 150),
)
@settings(deadline=None, max_examples=60)
def test_no_day_permits_what_the_next_screening_would_defer(
    number, today, next_day, skin_type, filler, pigment, shorter, counts_until
):
    last_day = SESSION_ON + timedelta(days=counts_until)
    shown = a_day(
        number,
        today=today,
        next_day=next_day,
        skin_type=skin_type,
        device=Device(filler_washout_days=filler),
        concerns=(Concern("melasma", ("cheek",)),) if pigment else (),
        loosened=[Setting(f"rule.{rule}.washout_days", shorter, last_day) for rule in ("filler", "topical_retinoid")],
    )
    assert permitted_too_long(shown) == []
    assert not [row for row in shown.rows if re.search(r"[Yy]ou may [^.]*(retin|acid|aspirin|Botox|filler)", row.text)]


def test_the_check_above_finds_a_permission_that_goes_too_far(monkeypatch):
    """Negative control: with the question to the next screening taken out, it speaks."""
    monkeypatch.setattr(aftercare, "last_day_allowed", lambda rule, known, *, next_on, catalogue: next_on)
    assert len(permitted_too_long(a_day(28, skin_type=5))) >= 3


@given(number=DAYS, next_day=st.integers(28, 140), skin_type=st.sampled_from([None, 2, 5]))
@settings(deadline=None, max_examples=40)
def test_a_mail_and_the_page_of_its_day_say_the_same_of_what_is_allowed(number, next_day, skin_type):
    shown = a_day(number, next_day=next_day, skin_type=skin_type)
    due = [
        step for step in load().steps if step.anchor == "session" and aftercare.due_day(step, shown.ahead) == shown.on
    ]
    allowed = {
        line.text.partition(". ")[0].rstrip(".") for step in load().steps for line in step.lines if line.kind == "allow"
    }
    for step in due:
        for sentence in aftercare.said(step, shown.ahead):
            if any(sentence.startswith(text) for text in allowed):
                assert sentence in again(shown)


# ── To the hour ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("session_on", "until", "allowed_at"),
    [
        # Forward in the night to Sunday 28 March 2027, back in the night to Sunday 31 October.
        (date(2027, 3, 26), "Monday 12:30", time(12, 30)),
        (date(2027, 10, 29), "Monday 10:30", time(10, 30)),
        (date(2027, 3, 28), "Wednesday 11:30", time(11, 30)),
        (date(2027, 10, 31), "Wednesday 11:30", time(11, 30)),
    ],
)
def test_hours_run_as_they_pass_across_a_clock_change(session_on, until, allowed_at):
    on_the_way = a_day(1, session_on=session_on)
    assert rows(on_the_way)["run"] == f"No sport, pool or sauna until {until}."
    minute_before = (datetime.combine(session_on, allowed_at) - timedelta(minutes=1)).time()
    assert rows(a_day(3, at=minute_before, session_on=session_on))["run"].startswith("No sport")
    assert rows(a_day(3, at=allowed_at, session_on=session_on))["run"].startswith("If the skin is calm")


@given(
    days=st.integers(0, 40),
    needled=st.times(min_value=time(8), max_value=time(20)).map(lambda at: at.replace(second=0, microsecond=0)),
    zone=st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Tehran", "UTC"]),
    later=st.integers(0, 8 * 24 * 60),
)
@settings(deadline=None, max_examples=150)
def test_sport_is_never_allowed_before_72_hours_have_passed(days, needled, zone, later):
    """Around both clock changes of a year, in zones that change by an hour, by half an hour and never."""
    zone = ZoneInfo(zone)
    session_on = date(2027, 3, 1) + timedelta(days=days if later % 2 else days + 220)
    needled_at = datetime.combine(session_on, needled, tzinfo=zone)
    now = (needled_at.astimezone(UTC) + timedelta(minutes=later)).astimezone(zone)
    number = (now.date() - session_on).days
    shown = replace(a_day(number, session_on=session_on, needled=needled, zone=zone), now=now)
    said = rows(shown).get("run", "")
    if later < 72 * 60:
        assert said.startswith("No sport, pool or sauna until")
    elif number <= 7:
        assert said.startswith("If the skin is calm")


def test_a_line_that_no_topic_knows_is_still_shown():
    """Another version of the rules may say more; the page leaves nothing out."""
    shown = a_day(2)
    steps = []
    for step in shown.ahead.catalogue.steps:
        if step.code == "after_24_hours":
            more = replace(step.lines[0], text="Sleep on a clean pillow case.")
            step = replace(step, lines=(*step.lines, more))
        steps.append(step)
    shown = replace(shown, ahead=replace(shown.ahead, catalogue=replace(shown.ahead.catalogue, steps=tuple(steps))))
    assert rows(shown)["info"] == "Sleep on a clean pillow case."
