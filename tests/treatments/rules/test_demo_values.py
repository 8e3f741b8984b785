"""The demo shows a clinic that has set values of its own: one stricter, one looser until a day, one ended again."""

import pytest

from clinic import clock
from treatments.demo import builder
from treatments.demo.own_rules import OWN_VALUES
from treatments.pages.protocol.page import readable
from treatments.rules.policy import catalogue_for

pytestmark = pytest.mark.django_db


def test_the_rules_page_of_the_demo_shows_values_of_the_clinic(clinic_time):
    clinic = builder.build(patients=0)
    clinic.refresh_from_db()
    page = readable(clinic, show="different")
    entries = [entry for group in page["groups"] for entry in group.entries]
    shown = {entry.id: next(one for one in entry.parameters if one.standing) for entry in entries}
    assert shown.keys() == {"rule-filler", "rule-hair_removal"}
    assert (shown["rule-filler"].value, shown["rule-filler"].standing) == ("180 days", "Stricter here")
    assert shown["rule-hair_removal"].standing.startswith("Looser until")
    loosened = clinic.policy_values.get(path="rule.hair_removal.washout_days")
    assert loosened.licence and loosened.reason and loosened.expires_on > clock.today(clinic)
    (ended,) = clinic.policy_values.exclude(ended_at=None)
    assert ended.path == "rule.vaccine_recent.washout_days" and ended.ended_reason
    assert len(OWN_VALUES) == clinic.policy_values.count() == 3
    # It goes back to the default by itself.
    until = loosened.expires_on
    assert catalogue_for(clinic, until).rule("hair_removal").washout.days == 3
    assert catalogue_for(clinic, until.replace(year=until.year + 1)).rule("hair_removal").washout.days == 7
