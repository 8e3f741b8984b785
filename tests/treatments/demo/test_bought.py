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
    three, four = of_rows(shown(clinic.packages.all()))
    assert (three.name, three.used, three.burned, three.left, three.state(today)) == (
        "Course of three",
        2,
        0,
        1,
        "valid",
    )
    assert (three.until_on - today).days <= 30
    assert (four.name, four.used, four.burned, four.left) == ("Course of four", 1, 1, 2)
    [deposit] = clinic.deposits.all()
    assert (deposit.state, deposit.reference) == ("taken", bought.DEPOSITS[0].reference)
    assert deposit.visit.status in COMING
    assert clinic.package_offers.filter(in_sale=True).count() == len(bought.OFFERS)
