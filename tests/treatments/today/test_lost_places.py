"""A visit that cannot be as it stands says so where the day is looked at, and nobody is asked to confirm it."""

from datetime import time, timedelta

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse

from clinic.resources import services as resources
from clinic.resources.touched import TouchesVisits
from tests import factories
from tests.factories import TODAY
from tests.treatments.appointments.test_displaced import DAY, WAYS, tried
from treatments.appointments import services
from treatments.appointments.models import Appointment

pytestmark = pytest.mark.django_db
SOON = TODAY + timedelta(days=2)


@pytest.fixture
def by(manager_member):
    return manager_member.user


def booked(plan, day) -> Appointment:
    return factories.book(plan.planned_sessions.get(number=1), day=day)


def done(change, **how) -> None:
    """The first press shows the visits, the second does it."""
    with pytest.raises(TouchesVisits) as shown, transaction.atomic():
        change(**how)
    change(**how, seen=shown.value.seen)


def look(desk, day) -> tuple[HttpResponse, dict, list]:
    """The page of a day, its one visit as it is drawn, and who is on its list of those to move."""
    page = desk.get("/today/", {"day": day.isoformat()})
    (visit,) = page.context["events"]["visits"]
    first = page.context["shown_calls"][0]
    assert first["list"].code == "not-possible"
    return page, visit, first["first"]


def test_the_day_says_what_the_list_of_all_lists_says(desk, active_plan, by):
    visit = booked(active_plan, DAY)
    page, drawn, to_move = look(desk, DAY)
    assert (drawn["shape"], drawn["words"], to_move) == ("unconfirmed", "1/4 · not confirmed", [])
    assert "Not possible" not in page.content.decode()
    for way, why in WAYS.items():
        with tried():
            done(way, visit=Appointment.objects.get(pk=visit.pk), by=by)
            assert_not_possible(desk, visit, why)


def assert_not_possible(desk, visit: Appointment, why: str) -> None:
    page, drawn, (call,) = look(desk, DAY)
    assert (drawn["shape"], drawn["words"], drawn["hue"]) == ("held", "1/4 · not possible", "stop")
    assert why in drawn["spoken"]
    said = page.content.decode()
    assert f"Not possible: {why}" in said
    assert "1 to move" in said and "Nobody to call" not in said
    (row,) = (one.row for one in page.context["day"].visits)
    assert row.why_not == why
    drawer = desk.get("/today/", {"day": DAY.isoformat(), "visit": str(visit.ref)})
    assert f"Not possible as it stands: {why}." in drawer.content.decode()
    assert [act.to for act in drawer.context["card"].acts] == []
    # The same line on the page of all lists.
    (listed,) = desk.get("/worklists/").context["lists"].of_visits.not_possible.calls
    assert (call.say, call.due, call.url, call.about) == (listed.say, listed.due, listed.url, listed.about)


def test_who_has_come_or_gone_is_not_to_be_moved(desk, clinic, visit_today, by):
    services.step(visit=visit_today, to="arrived", by=by)
    clinic.rooms.update(in_service=False, out_reason="Painted")
    assert look(desk, TODAY)[2] == []


def unconfirmed(desk) -> list[int]:
    """On Today, which knows the day that is drawn and the next ones, and on the page of all lists."""
    pages = (desk.get("/today/").context["calls"], desk.get("/worklists/").context["lists"])
    return [len(one.of_visits.unconfirmed.calls) for one in pages]


def test_nobody_confirms_a_visit_that_somebody_has_to_move(desk, clinic, active_plan):
    visit = booked(active_plan, SOON)
    assert unconfirmed(desk) == [1, 1]
    clinic.rooms.filter(pk=visit.room_id).update(in_service=False, out_reason="Painted")
    assert unconfirmed(desk) == [0, 0]
    clinic.rooms.update(in_service=True, out_reason="")
    by = factories.a_manager(clinic).user
    done(resources.set_day_hours, membership=visit.clinician, on=SOON, stretches=[(time(13), time(17))], by=by)
    assert unconfirmed(desk) == [0, 0]


def test_nobody_confirms_a_visit_on_a_day_that_is_not_allowed(desk, active_plan):
    booked(active_plan, SOON)
    assert unconfirmed(desk) == [1, 1]
    factories.answer(active_plan.patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=170))
    factories.screen_today(active_plan.patient, purpose="booking")
    assert unconfirmed(desk) == [0, 0]
    assert "Before they travel" in desk.get(reverse("treatments:worklists")).content.decode()
