"""The demo's measurements tell a story: melasma fades and twice darkens, scars get fewer."""

import pytest

from treatments.demo import measured
from treatments.demo.stories import stories
from treatments.protocol.instruments import Score, has_risen_too_far, load, score

TOLD = [story for story in stories(120) if story.sessions]


def results(story, found) -> dict[str, Score]:
    return {code: score(load()[code], items) for code, items, _ in found}


@pytest.mark.parametrize("code", ["mmasi", "goodman_baron_quantitative"])
def test_what_is_treated_gets_better_from_session_to_session(code):
    course = [
        [results(story, measured.before(story))] + [results(story, measured.after(story, n)) for n in (1, 2, 3, 4)]
        for story in TOLD
    ]
    totals = [[looks[code].total for looks in one] for one in course if code in one[0]]
    assert len(totals) > 5
    for one in totals:
        assert one == sorted(one, reverse=True)
        assert one[-1] < one[0]


def test_some_courses_are_put_on_hold_by_a_rise():
    darker = [story for story in TOLD if story.darker is not None]
    assert darker
    for story in darker:
        before = results(story, measured.before(story))["mmasi"]
        now = results(story, measured.darker(story))["mmasi"]
        assert has_risen_too_far(load()["mmasi"], before, now)
