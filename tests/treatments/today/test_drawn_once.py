"""A day that several desks look at is drawn once: as long as nothing was written, and for each only what she may see."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patients.models import Patient
from tests import factories
from tests.factories import TODAY
from tests.treatments.outcomes.measuring import mmasi
from treatments.appointments import services

# Whether anything was written is asked of the database's transactions: here every change has to be one of its own.
pytestmark = pytest.mark.django_db(transaction=True)
OF_EVERY_REQUEST = 2  # session, user with her memberships
WHAT_STANDS = 1


def look(client, url: str = "/today/") -> tuple[str, int]:
    """The page, and how many queries it asked of its own."""
    with CaptureQueriesContext(connection) as captured:
        page = client.get(url).content.decode()
    return page, len(captured) - OF_EVERY_REQUEST


def test_a_day_that_nobody_wrote_to_is_drawn_once_for_everybody(desk, visit_today):
    look(desk)  # the first request of a session writes when it began
    drawn, asked = look(desk)
    assert asked > WHAT_STANDS
    assert look(desk)[1] == WHAT_STANDS
    assert "Arrived" not in drawn.split("<tbody", 1)[1]
    # The negative control: one press on another desk, and it is drawn anew.
    services.step(visit=visit_today, to="arrived", by=factories.a_manager(visit_today.clinic).user)
    drawn, asked = look(desk)
    assert asked > WHAT_STANDS
    assert "Arrived" in drawn.split("<tbody", 1)[1]


def test_what_is_drawn_for_a_clinician_is_not_shown_to_the_desk(desk, clinician, active_plan, later):
    mmasi(active_plan.patient, 2, 2, on=TODAY - timedelta(days=1))
    later(timedelta(days=1))
    mmasi(active_plan.patient, 3, 2, on=TODAY + timedelta(days=1))
    for client in (desk, clinician):
        look(client)
    (shown, _), (seen, _), (shown_again, asked) = look(desk), look(clinician), look(desk)
    assert "Courses to review" in seen
    assert "Courses to review" not in shown + shown_again
    assert asked == WHAT_STANDS


def test_a_name_cannot_end_the_script_that_carries_it(desk, visit_today):
    name = "</script><b>&amp;"
    Patient.objects.filter(pk=visit_today.patient_id).update(given_name=name)
    page = desk.get("/today/")
    body = page.content.decode().split('<script id="day-events" type="application/json">')[1].split("</script>")[0]
    assert not set("<>&") & set(body)
    assert json.loads(body) == json.loads(json.dumps(page.context["events"]))
    assert name in json.loads(body)["visits"][0]["name"]
    # The negative control: the picture that the calendar asks for is no part of a page.
    assert name in desk.get(f"/today/visits.json?day={TODAY}").content.decode()
