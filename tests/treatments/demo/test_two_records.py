"""Somebody of the demo was put down twice: found from either record, and one person again after a press."""

import pytest

from patients.models import Patient
from patients.services import finding
from tests import factories
from treatments.demo import builder, desk
from treatments.flows import merging
from treatments.screenings import services as screenings

pytestmark = pytest.mark.django_db


def test_somebody_was_put_down_twice(clinic_time):
    [twice] = desk.TWICE
    clinic = builder.build(patients=24, only={twice.story})
    first, again = Patient.objects.filter(clinic=clinic).order_by("pk")
    alike = finding.possible_duplicates(
        clinic=clinic, given_name=again.given_name, family_name=again.family_name, born_on=again.born_on, phone=again.phone,
        but_not=again,
    )  # fmt: skip
    assert [one.patient for one in alike] == [first]
    assert alike[0].because == ["same birth date, similar name", "same telephone number"]
    shown = merging.preview(stays=first, gone=again)
    assert shown.is_possible
    merging.merge(stays=first, gone=again, by=factories.a_manager(clinic).user)
    first.refresh_from_db()
    found = screenings.look(first, on=builder.demo_today(builder.clock.now()), purpose="session").findings
    assert "topical_retinoid" in {finding.code for finding in found}
