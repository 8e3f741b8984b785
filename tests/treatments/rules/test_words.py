"""The clinic's values and verdicts in words."""

from datetime import date, timedelta

import pytest

from treatments.protocol.wording import DAYS_WITHOUT_YEAR
from treatments.rules.words import verdict_words

VISIT_ON = date(2027, 3, 9)


@pytest.mark.parametrize(
    ("outcome", "not_before", "words"),
    [
        ("defer", date(2027, 3, 14), "Not before 14 Mar"),
        ("block", date(2027, 3, 14), "Not before 14 Mar"),
        ("defer", date(2029, 3, 4), "Not before 4 Mar 2029"),
        ("defer", VISIT_ON + timedelta(days=DAYS_WITHOUT_YEAR), "Not before 3 Jan"),
        ("defer", VISIT_ON + timedelta(days=DAYS_WITHOUT_YEAR + 1), "Not before 4 Jan 2028"),
        ("defer", None, "Not yet"),
        ("block", None, "Ask a clinician"),
        ("caution", None, "Clear, with care"),
    ],
)
def test_a_verdict_names_a_day_and_the_year_where_it_is_far(outcome, not_before, words):
    assert verdict_words(outcome, not_before, near=VISIT_ON) == words
