"""Two chairs and one cartridge: real commits on two connections."""

from datetime import time, timedelta

import pytest
from django.db import transaction
from django.db.models import QuerySet

from clinic.errors import DomainError
from tests import factories
from tests.factories import TODAY
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits
from tests.treatments.lots.test_lots import put_in
from treatments.sessions.models import CartridgeLot, TreatmentSession

pytestmark = pytest.mark.django_db(transaction=True)


def both_take_the_last_one(session: TreatmentSession) -> tuple[DomainError | None, int]:
    """What the second chair is told, which begins before the first is done; and how many sessions name the lot."""
    other = factories.open_session(factories.make_visit_today(factories.make_patient(session.clinic), at=time(14)))
    lot = CartridgeLot.objects.create(
        clinic=session.clinic, lot="LAST-1", expires_on=TODAY + timedelta(days=90), received=1
    )
    with transaction.atomic():
        put_in(session, lot, "A")
        thread, told = meanwhile(lambda: put_in(other, lot, "B"))
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    return told[0], lot.sessions.count()


def test_two_chairs_take_the_last_cartridge_once(open_session):
    told, used = both_take_the_last_one(open_session)
    assert "No cartridge of Lot LAST-1 is left." in str(told)
    assert used == 1


def test_without_the_lock_of_the_lot_both_would_have_it(open_session, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, *args, **options: rows.all())
    assert both_take_the_last_one(open_session) == (None, 2)
