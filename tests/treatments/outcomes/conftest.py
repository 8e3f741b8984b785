"""A course with time behind it, and one that waits for a review."""

from datetime import timedelta

import pytest

from tests.treatments.outcomes.measuring import NOW, YESTERDAY, mmasi


@pytest.fixture
def older_plan(active_plan, later):
    """A course that was planned ten days ago."""
    later(timedelta(days=10))
    return active_plan


@pytest.fixture
def held(older_plan):
    """A course on hold: melasma went from 4 to 6."""
    mmasi(older_plan.patient, 2, 2, on=YESTERDAY)
    mmasi(older_plan.patient, 3, 2, on=NOW)
    older_plan.refresh_from_db()
    return older_plan
