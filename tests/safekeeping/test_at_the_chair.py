"""The banner stands at the chair too, and takes nothing away from it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from clinic import clock
from clinic.safekeeping import freezing
from tests.fixtures.browser import wrong_in_every_view


@pytest.mark.django_db
def test_who_treats_reads_of_which_moment_the_data_are(open_session, clinician):
    page = reverse("treatments:session", args=[open_session.ref])
    assert "These are the data of" not in clinician.get(page).content.decode()
    freezing.freeze(data_of=clock.now() - timedelta(hours=2))
    assert "These are the data of" in clinician.get(page).content.decode()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_chair_can_be_read_and_used_below_it(visitors, open_session, clinician_member):
    freezing.freeze(data_of=clock.now() - timedelta(hours=2))
    who = visitors().sign_in(clinician_member)
    page = who.open(reverse("treatments:session", args=[open_session.ref]))
    page.get_by_text("These are the data of").wait_for()
    assert wrong_in_every_view(who, "chair-frozen") == []
