"""What the demo shows of packages and deposits: two packages in use, a missed visit that cost a session, and a deposit."""

import pytest

from clinic import clock
from treatments.appointments.models import COMING
from treatments.demo import bought, builder
from treatments.packages.reading import of_rows, shown

pytestmark = pytest.mark.django_db


def test_two_packages_and_a_deposit_are_under_way(clinic_time):
    clinic = builder.build(only={10, 13, 17})
    today = clock.today(clinic)
    four, three = of_rows(shown(clinic.packages.all()))
    assert (four.name, four.used, four.burned, four.left, four.state(today)) == ("Course of four", 2, 0, 2, "valid")
    assert (four.until_on - today).days <= 30
    assert (three.name, three.used, three.burned, three.left) == ("Course of three", 1, 1, 1)
    [deposit] = clinic.deposits.all()
    assert (deposit.state, deposit.reference) == ("taken", bought.DEPOSITS[0].reference)
    assert deposit.visit.status in COMING
    assert clinic.package_offers.filter(in_sale=True).count() == len(bought.OFFERS)
