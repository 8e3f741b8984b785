"""A looser rule that is over before the wait is: no date and no verdict of today counts on it."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from tests import factories
from tests.factories import TODAY
from treatments.pages.today.verdicts import outcome_on
from treatments.rules import policy
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord
from treatments.sessions.chairside import checked

pytestmark = pytest.mark.django_db
WAIT = "rule.isotretinoin_past.washout_days"


def loosened(patient, by, *, until: date) -> None:
    reason = "Superficial only"
    policy.loosen(clinic=patient.clinic, path=WAIT, value=90, reason=reason, expires_on=until, by=by)
    patient.clinic.refresh_from_db()


@pytest.fixture
def waiting(patient, prescriber_member):
    """75 days after the last capsule, 90 days instead of 180 until 14 March: 90 days are over on 24 March, 180 on 22 June."""
    factories.assess(patient)
    factories.answer_all(patient)
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=75))
    loosened(patient, prescriber_member, until=date(2027, 3, 14))
    return patient


@pytest.mark.parametrize("asked_for", [TODAY, date(2027, 3, 14), date(2027, 3, 15), date(2027, 3, 24)])
def test_whatever_day_is_asked_for_the_date_is_the_same(waiting, asked_for):
    found = screenings.look(waiting, on=asked_for, purpose="booking")
    assert (found.outcome, found.earliest_on) == ("defer", date(2027, 6, 22))
    kept = screenings.perform(patient=waiting, on=asked_for, purpose="booking", by=None)
    assert kept.earliest_on == date(2027, 6, 22)


@pytest.mark.parametrize("who", ["clinician", "desk"])
def test_the_page_says_the_date_that_will_hold(waiting, request, who):
    page = request.getfixturevalue(who).get(reverse("treatments:screening", args=[waiting.ref])).content.decode()
    assert "22 June" in page
    assert "24 March" not in page


def test_the_control_a_looser_rule_that_lasts_gives_its_own_date(waiting, prescriber_member):
    loosened(waiting, prescriber_member, until=date(2027, 3, 24))
    assert screenings.look(waiting, on=TODAY, purpose="booking").earliest_on == date(2027, 3, 24)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2027, 3, 14), ("clear", None)),
        (date(2027, 3, 15), ("defer", date(2027, 5, 28))),
        (date(2027, 5, 27), ("defer", date(2027, 5, 28))),
        (date(2027, 5, 28), ("clear", None)),
    ],
)
def test_a_visit_beyond_the_last_day_of_a_looser_rule_is_judged_without_it(patient, prescriber_member, day, said):
    """100 days after the last capsule: clear today, and not on a later day by which the rule is over."""
    factories.assess(patient)
    factories.answer_all(patient)
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=100))
    loosened(patient, prescriber_member, until=date(2027, 3, 14))
    kept = factories.screen_today(patient, purpose="booking")
    assert kept.outcome == "clear"
    assert outcome_on(kept.result, day) == said


def test_a_stored_screening_is_told_with_the_date_that_it_found(waiting):
    kept = screenings.perform(patient=waiting, on=TODAY, purpose="session", by=None)
    told = checked(ScreeningRecord.objects.get(pk=kept.pk))
    assert told["binding"] == "Earliest 22 June: isotretinoin stopped 24 December + 180 days"
