"""Ten clinicians, four full weeks, three hundred sessions to book: what the day, the lists and a free time cost then.

Counted in calls of functions and in rows, which are the same on a busy machine.
"""

import cProfile
import json
import pstats
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import TODAY
from tests.treatments.calls.at_size import fill_diary
from treatments.pages.today.fillers import booked_later
from treatments.pages.today.gap_page import SHOWN_AT_ONCE
from treatments.pages.worklists.session_calls import OPENING_DAYS, next_sessions, sessions_to_book

pytestmark = pytest.mark.django_db
TOMORROW = TODAY + timedelta(days=1)
UNBOOKED, LATE_EVERY = 300, 3
# Asking every free time about everybody took 1,650,000 for the day; without its free times it is 250,000.
MOST_CALLS = {"day": 500_000, "lists": 700_000, "gap": 350_000}


def cost(desk, url: str) -> tuple[object, int, int]:
    """The answer, how many functions were called for it, and how many queries asked."""
    desk.get(url)
    profile = cProfile.Profile()
    with CaptureQueriesContext(connection) as captured:
        answer = profile.runcall(desk.get, url)
    return answer, pstats.Stats(profile).total_calls, len(captured)


def times_read(found, table: str) -> int:
    """How often a statement looks something up in a table for one of its rows."""
    (plan,) = json.loads(found.explain(analyze=True, format="json"))
    nodes, loops = [plan["Plan"]], 0
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") == table:
            loops = max(loops, node["Actual Loops"])
    return loops


def test_a_clinic_of_ten_clinicians(clinic, active_plan, desk):
    visits = fill_diary(clinic, active_plan, weeks=4, unbooked=UNBOOKED, late_every=LATE_EVERY)
    assert visits == 2304

    answer, called, asked = cost(desk, f"/today/?day={TOMORROW}")
    gaps = answer.context["day"].gaps
    # Two a clinician between the visits; of four of them one more, before the first visit or after the last one.
    assert len(gaps) == 24
    assert asked <= 12
    assert called < MOST_CALLS["day"]

    # Only who would gain is brought: a third of the visits is late, and of those the windows decide.
    later = booked_later(clinic, on=TOMORROW, waiting=[])
    assert 0 < len(later) < visits / LATE_EVERY
    assert all(one.day - one.target_on > abs(TOMORROW - one.target_on) for one in later)

    # The seed and those without a visit; what was said and screened is looked up for them alone.
    assert len(sessions_to_book(clinic, today=TODAY, on=TOMORROW)) == UNBOOKED + 1
    to_book = next_sessions(clinic, TODAY + timedelta(days=OPENING_DAYS), on=TOMORROW)
    assert len(to_book) == UNBOOKED + 1
    for table in ("treatments_calloutcome", "treatments_screeningrecord"):
        assert 0 < times_read(to_book, table) <= UNBOOKED + 1, table

    (first, *_, last) = gaps
    assert first.can_fill == last.can_fill > 300
    answer, called, asked = cost(desk, first.url)
    assert asked <= 12
    assert called < MOST_CALLS["gap"]
    seen_by_pages(desk, answer, first.can_fill)

    answer, called, asked = cost(desk, "/worklists/")
    assert asked <= 14
    assert called < MOST_CALLS["lists"]
    (begun,) = [one for one in answer.context["shown"] if one["list"].code == "to-book"]
    count = len(begun["list"].calls)
    assert len(begun["first"]) == 50
    assert begun["more"] == count - 50 > 50
    assert f"The first 50 of {count}." in answer.content.decode()
    assert len(answer.content) < 300_000
    whole = desk.get("/worklists/?all=to-book").content.decode()
    assert whole.count('data-label="Patient"') == answer.content.decode().count('data-label="Patient"') + begun["more"]


def seen_by_pages(desk, answer, count: int) -> None:
    """A page of some; the words say how many there are, and the way leads to the last of them."""
    names = [filler.who.key for filler in answer.context["found"].fillers]
    assert len(names) == count
    assert len(answer.content) < 100_000
    text = answer.content.decode()
    assert f"1 to {SHOWN_AT_ONCE} of {count}, the first to call first" in text
    assert f"{count - SHOWN_AT_ONCE} more could come after these." in text
    second = desk.get(answer.context["after_url"])
    last = desk.get(answer.context["after_url"].replace(f"from={SHOWN_AT_ONCE + 1}", f"from={count}"))
    assert [line.number for line in second.context["lines"]] == list(range(SHOWN_AT_ONCE + 1, 2 * SHOWN_AT_ONCE + 1))
    assert [line.who.key for line in second.context["lines"]] == names[SHOWN_AT_ONCE : 2 * SHOWN_AT_ONCE]
    assert "from=" not in second.context["before_url"]
    assert [line.who.key for line in last.context["lines"]] == names[-1:]
    assert "These are the last." in last.content.decode()
    # Further than there are is the beginning again, and so is nonsense.
    for said in (str(count + 1), "0", "x", "9" * 30):
        beyond = desk.get(answer.context["after_url"].replace(f"from={SHOWN_AT_ONCE + 1}", f"from={said}"))
        assert beyond.context["shown"].start == 1
