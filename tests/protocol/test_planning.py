"""A course is sessions with windows of their own, hanging on one another."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.people import D, day, described, harmless, harmless_answers
from tests.protocol.test_screening_properties import patients
from treatments.protocol.catalogue import load
from treatments.protocol.entries import Maintenance
from treatments.protocol.facts import Answer, BadFacts, Concern, Device, Needling
from treatments.protocol.planning import (
    Window,
    how_many_fit,
    keeps,
    lateness,
    propose_course,
    window_after,
)

CATALOGUE = load()
SCARS = "concern acne_scar_face cheek"


def course(text: str = SCARS, start_on: date = D, **more):
    return propose_course(described(text), start_on=start_on, catalogue=CATALOGUE, **more)


def windows(found) -> list[tuple[int, int, int, int]]:
    """Number, earliest, target and latest as days after D."""
    return [
        (s.number, (s.earliest_on - D).days, (s.target_on - D).days, (s.latest_on - D).days) for s in found.sessions
    ]


# what is known, windows (number, earliest, target, latest in days after D)
COURSES = [
    (SCARS, [(1, 0, 0, 84), (2, 28, 42, 84), (3, 70, 84, 126), (4, 112, 126, 168)]),
    (f"{SCARS}; skin IV", [(1, 0, 0, 84), (2, 42, 42, 84), (3, 84, 84, 126), (4, 126, 126, 168)]),
    (f"{SCARS}; skin IV; pigment trouble", [(1, 0, 0, 84), (2, 56, 56, 84), (3, 112, 112, 140), (4, 168, 168, 196)]),
    ("concern melasma cheek", [(1, 0, 0, 84), (2, 42, 42, 84), (3, 84, 84, 126)]),
    ("concern glow_dullness cheek", [(1, 0, 0, 84), (2, 28, 42, 84)]),
    (f"{SCARS}; isotretinoin_past yes D-150", [(1, 30, 30, 114), (2, 58, 72, 114), (3, 100, 114, 156), (4, 142, 156, 198)]),
    # done sessions are not repeated, numbering goes on
    (f"{SCARS}; session D-30", [(2, 0, 12, 54), (3, 40, 54, 96), (4, 82, 96, 138)]),
    (f"{SCARS}; session D-10", [(2, 18, 32, 74), (3, 60, 74, 116), (4, 102, 116, 158)]),
    (f"{SCARS}; session D-80", [(2, 0, 0, 4), (3, 28, 42, 84), (4, 70, 84, 126)]),
    (f"{SCARS}; session D-84", [(2, 0, 0, 0), (3, 28, 42, 84), (4, 70, 84, 126)]),
    (f"{SCARS}; session D-85", [(2, 0, 0, 84), (3, 28, 42, 84), (4, 70, 84, 126)]),
    (f"{SCARS}; session D-300; session D-200; session D-100", [(4, 0, 0, 84)]),
    (f"{SCARS}; session D-130; session D-88; session D-44; session D-2", []),
    # an aborted session does not count for the number, but for the floor
    (f"{SCARS}; aborted D-10", [(1, 18, 18, 102), (2, 46, 60, 102), (3, 88, 102, 144), (4, 130, 144, 186)]),
    (f"{SCARS}; session D-40; aborted D-10", [(2, 18, 18, 44), (3, 46, 60, 102), (4, 88, 102, 144)]),
    (f"{SCARS}; session D-60; event 2 closed D-4", [(2, 10, 10, 24), (3, 38, 52, 94), (4, 80, 94, 136)]),
]  # fmt: skip


@pytest.mark.parametrize(("known", "expected"), COURSES)
def test_the_windows_of_a_course(known, expected):
    assert windows(course(known)) == expected


def test_the_worked_dates_of_a_session_on_the_third_of_march():
    window = window_after(date(2025, 3, 3), floor_days=28, target_days=42, latest_days=84)
    assert window == Window(date(2025, 3, 31), date(2025, 4, 14), date(2025, 5, 26))


def test_the_worked_date_of_isotretinoin_that_ended_in_january():
    asked_on = date(2025, 3, 31)
    stopped = Answer("yes", on=date(2025, 1, 15), answered_on=asked_on)
    facts = harmless(
        answers={**harmless_answers(asked_on), "isotretinoin_past": stopped},
        concerns=(Concern("acne_scar_face", ("cheek",)),),
    )
    found = propose_course(facts, start_on=asked_on, catalogue=CATALOGUE)
    assert found.sessions[0].earliest_on == date(2025, 7, 14)


def test_a_booked_visit_moves_the_windows_after_it():
    found = course(booked={1: day("D+10"), 2: day("D+60")})
    assert windows(found)[1:] == [(2, 38, 52, 94), (3, 88, 102, 144), (4, 130, 144, 186)]


def test_a_booked_visit_stays_while_its_gap_is_allowed():
    assert [keeps(D, D + timedelta(days=gap), floor_days=28, latest_days=84) for gap in (27, 28, 84, 85)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_how_many_sessions_fit_before_an_event():
    assert [how_many_fit(D, D + timedelta(days=days), floor_days=28) for days in (-1, 0, 27, 28, 83, 84)] == [
        0, 1, 1, 2, 3, 4,
    ]  # fmt: skip


def test_how_late_is_late():
    assert [lateness(days, CATALOGUE) for days in (0, 84, 85, 180, 181)] == [
        "on_time", "on_time", "late", "late", "new_baseline",
    ]  # fmt: skip


def test_after_a_long_gap_only_the_next_session_starts_one_step_lower():
    found = course(f"{SCARS}; session D-85")
    assert found.lateness == "late"
    assert [session.zones[0].start_mm for session in found.sessions] == [
        Decimal("0.75"),
        Decimal("1.0"),
        Decimal("1.0"),
    ]
    assert course(f"{SCARS}; session D-84").lateness == "on_time"
    assert course(f"{SCARS}; session D-181").lateness == "new_baseline"


def test_only_the_first_session_of_a_darker_skin_is_held_back():
    found = course(f"{SCARS}; skin V")
    assert [session.zones[0].soft_max_mm for session in found.sessions] == [
        Decimal("1.25"), Decimal("1.5"), Decimal("1.5"), Decimal("1.5"),
    ]  # fmt: skip


def test_several_concerns_share_one_course():
    found = course("concern fine_lines cheek forehead; concern striae abdomen; concern melasma cheek")
    assert (found.count, found.minimum, found.maximum) == (4, 3, 6)
    assert (found.floor_days, found.target_days, found.latest_days) == (42, 42, 84)
    assert [(z.zone, str(z.start_mm), str(z.soft_max_mm)) for z in found.sessions[0].zones] == [
        ("cheek", "0.25", "1.0"), ("forehead", "0.25", "0.5"), ("abdomen", "0.75", "1.5"),
    ]  # fmt: skip
    assert found.maintenance == Maintenance(180, 365)


@pytest.mark.parametrize(
    ("severity", "count"), [(None, (4, 3, 6)), ("mild", (4, 3, 6)), ("moderate", (4, 3, 6)), ("severe", (6, 3, 8))]
)
def test_severe_stretch_marks_take_more_sessions(severity, count):
    facts = harmless(concerns=(Concern("striae", ("abdomen",), severity),))
    found = propose_course(facts, start_on=D, catalogue=CATALOGUE)
    assert (found.count, found.minimum, found.maximum) == count


def test_the_number_of_sessions_is_chosen_within_its_range():
    assert len(course(count=6).sessions) == 6
    assert len(course(count=3).sessions) == 3
    for wrong in (2, 7):
        with pytest.raises(BadFacts, match="^count: plan 3 to 6 sessions$"):
            course(count=wrong)


@pytest.mark.parametrize(
    ("concern", "maintenance", "review_after"),
    [
        ("acne_scar_face", None, (3,)),
        ("melasma", None, ()),
        ("glow_dullness", Maintenance(180, 180), ()),
        ("wrinkles", Maintenance(180, 365), ()),
    ],
)
def test_maintenance_and_review(concern, maintenance, review_after):
    found = course(f"concern {concern} cheek")
    assert (found.maintenance, found.review_after) == (maintenance, review_after)


def test_the_earliest_upkeep_counts_and_a_review_on_the_last_session_stays():
    assert course("concern glow_dullness cheek; concern wrinkles cheek").maintenance == Maintenance(180, 180)
    assert course(count=3).review_after == (3,)


@pytest.mark.parametrize(
    ("known", "indications", "on_label"),
    [
        (SCARS, None, None),
        (SCARS, ("acne_scar_face",), True),
        (SCARS, ("wrinkles",), False),
        (SCARS, (), False),
        (f"{SCARS}; concern wrinkles cheek", ("acne_scar_face",), False),
        (f"{SCARS}; born 2004-12-02", ("acne_scar_face",), False),
        (f"{SCARS}; born 2004-12-01", ("acne_scar_face",), True),
        (f"{SCARS}; skin VI", ("acne_scar_face",), True),
        ("concern neck_wrinkles neck; skin I", ("neck_wrinkles",), False),
        ("concern neck_wrinkles neck; skin II", ("neck_wrinkles",), True),
        ("concern neck_wrinkles neck; skin III", ("neck_wrinkles",), True),
        ("concern neck_wrinkles neck; skin IV", ("neck_wrinkles",), True),
        ("concern neck_wrinkles neck; skin V", ("neck_wrinkles",), False),
        ("concern neck_wrinkles neck; skin unknown", ("neck_wrinkles",), False),
    ],
)
def test_on_label_depends_on_device_concern_age_and_skin_type(known, indications, on_label):
    facts = replace(described(known), device=Device(indications=indications))
    assert propose_course(facts, start_on=D, catalogue=CATALOGUE).on_label is on_label


def test_without_a_device_nobody_knows_whether_it_is_on_label():
    assert course().on_label is None


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ("", "concerns: name at least one concern"),
        ("concern melasma", "concerns[0].zones: name at least one zone"),
        (f"{SCARS}; concern melasma", "concerns[1].zones: name at least one zone"),
        ("concern melasma neck", "zones: neck is not offered for melasma"),
        ("concern cellulite thigh", "zones: thigh is not offered for cellulite"),
        (f"{SCARS}; session D+1", "sessions[0].on: 2026-12-02 lies after 2026-12-01, the day asked about"),
    ],
)
def test_what_cannot_be_planned_is_refused(known, sentence):
    with pytest.raises(BadFacts) as refused:
        course(known)
    assert str(refused.value) == sentence


def test_a_block_without_an_end_leaves_the_dates_provisional():
    found = course(f"{SCARS}; pregnant yes; keloid_personal yes")
    assert found.blocked_by == ("pregnant", "keloid_personal")
    assert found.sessions[0].earliest_on == D
    assert course(f"{SCARS}; born 2009-01-01").blocked_by == ()


def test_what_is_missing_for_booking_is_missing_for_the_course():
    assert course(f"{SCARS}; skin unknown; unanswered pregnant; unanswered diabetes").missing == (
        "skin_type",
        "diabetes",
    )


def test_the_json_has_the_contracted_keys():
    found = course().to_json()
    assert list(found) == [
        "protocol_version", "from", "floor_days", "target_days", "latest_days", "sessions", "on_label", "maintenance",
        "review_after", "missing", "why",
    ]  # fmt: skip
    assert found["sessions"][1] == {
        "number": 2, "earliest_on": "2026-12-29", "target_on": "2027-01-12", "latest_on": "2027-02-23",
        "zones": [{"zone": "cheek", "start_mm": 1.0, "soft_max_mm": 1.5, "hard_cap_mm": 1.5,
                   "sources": found["sessions"][1]["zones"][0]["sources"]}],
    }  # fmt: skip
    assert (found["from"], found["maintenance"], found["review_after"]) == ("2026-12-01", None, [3])
    assert "M4" in found["why"]["floor_days"]
    assert "maintenance" not in found["why"]
    upkeep = course("concern wrinkles cheek").to_json()
    assert upkeep["maintenance"] == {"from_days": 180, "to_days": 365}
    assert "P24" in upkeep["why"]["maintenance"]


@given(patients(), st.integers(0, 60))
@settings(deadline=None)
def test_windows_are_never_empty_and_never_closer_than_the_floor(patient, wait):
    (concern,) = patient.concerns
    policy = CATALOGUE.concern(concern.code)
    zone = next(zone for zone in CATALOGUE.matrix if CATALOGUE.cell(zone, policy.code, patient.skin_type))
    facts = replace(patient, concerns=(Concern(policy.code, (zone,)),))
    start_on = D + timedelta(days=wait)
    found = propose_course(facts, start_on=start_on, catalogue=CATALOGUE)
    assert 28 <= found.floor_days <= found.target_days <= found.latest_days
    previous = None
    for session in found.sessions:
        assert start_on <= session.earliest_on <= session.target_on <= session.latest_on
        if previous:
            assert (session.earliest_on - previous.target_on).days == found.floor_days
        previous = session
    if found.sessions and found.screening.earliest_on:
        assert found.sessions[0].earliest_on >= found.screening.earliest_on


@given(st.lists(st.integers(28, 120), min_size=1, max_size=6), st.integers(0, 6), st.integers(-40, 90))
@settings(deadline=None)
def test_replanning_never_shortens_a_gap_below_the_floor(gaps, which, shift):
    """One booked visit moves; what stays keeps the floor, and what does not gets a window that does."""
    days = [D]
    for gap in gaps:
        days.append(days[-1] + timedelta(days=gap))
    moved = min(which, len(days) - 1)
    before = days[moved - 1] if moved else None
    days[moved] += timedelta(days=shift)
    if before and (days[moved] - before).days < 28:
        days[moved] = before + timedelta(days=28)  # nobody may move it closer
    for number in range(moved + 1, len(days)):
        anchor = days[number - 1]
        window = window_after(anchor, floor_days=28, target_days=42, latest_days=84)
        if not keeps(anchor, days[number], floor_days=28, latest_days=84):
            days[number] = window.target_on
        assert window.earliest_on <= window.target_on <= window.latest_on
        assert window.earliest_on - anchor == timedelta(days=28)
        assert (days[number] - anchor).days >= 28


@given(st.lists(st.integers(28, 100), min_size=1, max_size=3))
@settings(deadline=None)
def test_a_late_visit_never_brings_a_later_one_closer(gaps):
    """The course worked out again around booked days keeps the floor between any two of its sessions."""
    booked, on = {}, D
    for number, gap in enumerate(gaps, start=1):
        booked[number] = on
        on += timedelta(days=gap)
    found = course(booked=booked).sessions
    for earlier, later in pairwise(found):
        anchor = booked.get(earlier.number, earlier.target_on)
        assert (later.earliest_on - anchor).days >= 28


def test_a_visit_that_moved_late_pushes_the_next_one_out_and_does_not_squeeze_it():
    assert not keeps(D + timedelta(days=20), D + timedelta(days=42), floor_days=28, latest_days=84)
    pushed = window_after(D + timedelta(days=20), floor_days=28, target_days=42, latest_days=84)
    assert pushed.earliest_on == D + timedelta(days=48)


@given(
    patients(),
    st.lists(st.tuples(st.integers(1, 900), st.booleans()), max_size=6, unique_by=lambda one: one[0]),
)
@settings(max_examples=150)
def test_numbers_go_on_after_what_counts_and_the_floor_runs_from_everything(known, past):
    """Whoever did them and wherever: sessions entered afterwards are sessions like any other."""
    needled = tuple(Needling(D - timedelta(days=days), counts=counts) for days, counts in past)
    known = replace(known, concerns=described(SCARS).concerns, sessions=needled)
    found = propose_course(known, start_on=D, catalogue=CATALOGUE)
    counted = sum(counts for _, counts in past)
    assert [session.number for session in found.sessions] == list(range(counted + 1, found.count + 1))
    # What blocks for good has no date, and so none of the floor's either.
    if found.sessions and needled and not found.blocked_by:
        newest = max(done.on for done in needled)
        assert found.sessions[0].earliest_on >= max(D, newest + timedelta(days=28))
