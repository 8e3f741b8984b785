"""A wish for another time at the clinic: the list, the press that opens the mover, and how the wish ends by itself."""

from datetime import time, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from tests import factories
from tests.patients.links.made import a_token, opened
from tests.treatments.patient_pages.telling import VISIT, none_of, words_of
from tests.treatments.patient_pages.test_move import asks, shown
from treatments.appointments import services as appointments
from treatments.appointments.by_patient.models import MoveRequest
from treatments.appointments.courses import services as courses
from treatments.appointments.models import Appointment
from treatments.flows import move_requests, moving
from treatments.flows import visits as visit_flow

pytestmark = pytest.mark.django_db


@pytest.fixture
def visit(active_plan) -> Appointment:
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=10))


@pytest.fixture
def asked(visit) -> MoveRequest:
    return asks(visit, starts=shown(visit)[:2], weekdays=(1,), from_time=time(14), note="By train")


def page_of(request: MoveRequest) -> str:
    return reverse("treatments:move_request", args=[request.ref])


def kept(request: MoveRequest) -> str:
    return reverse("treatments:move_request_keep", args=[request.ref])


def now_is(request: MoveRequest) -> str:
    request.refresh_from_db()
    return request.ended_because or "stands"


def lists(client: Client) -> str:
    return words_of(client.get("/today/")) + words_of(client.get("/worklists/"))


def test_everybody_finds_the_wish_in_words_on_today_and_on_the_lists(desk, clinician, manager, asked):
    for client in (desk, clinician, manager):
        for path in ("/today/", "/worklists/"):
            page = words_of(client.get(path))
            assert page_of(asked) in page
            assert "Asked Tue 9 Mar: " in page
        page = words_of(client.get(page_of(asked)))
        assert "else Mondays, from 14:00" in page
        assert "By train" in page
        assert asked.patient.phone in page


def test_one_press_opens_the_mover_with_her_time_and_moving_ends_the_wish(desk, visit, asked):
    page = words_of(desk.get(page_of(asked)))
    mover = page.split(reverse("treatments:rearrange", args=[visit.ref]))[1].split('"')[0]
    url = reverse("treatments:rearrange", args=[visit.ref]) + mover.replace("&amp;", "&")
    tray = words_of(desk.get(url))
    way = tray.split('name="way" value="')[1].split('"')[0]
    assert now_is(asked) == "stands"
    assert desk.post(url, {"way": way}).status_code == 302
    visit.refresh_from_db()
    assert visit.during.lower == asked.wished_starts[0]
    assert now_is(asked) == "moved"
    assert asked.ended_by == desk.membership.user
    assert page_of(asked) not in lists(desk)
    hers = opened(a_token(visit.patient, "visit", about=visit.ref))
    assert "Will you come?" in words_of(hers.get(VISIT))


def test_a_time_that_is_gone_is_said_to_be(desk, visit, asked, clinic):
    local = asked.wished_starts[0].astimezone(clinic.tz)
    clock.move_to(factories.NOW)
    from clinic.resources import services as resources

    resources.add_time_off(
        clinic=clinic,
        membership=None,
        first_day=local.date(),
        last_day=local.date(),
        by=factories.a_manager(clinic).user,
    )
    page = words_of(desk.get(page_of(asked)))
    assert "Nothing is free then any more" in page
    assert page.count("Move there") == 1


def test_a_visit_without_a_course_opens_the_mover_on_that_day(desk, patient):
    by = factories.a_manager(patient.clinic).user
    place = factories.a_place(patient.clinic, factories.TODAY + timedelta(days=10), kind="consultation")
    visit = appointments.book(patient=patient, kind="consultation", place=place, by=by)
    asked = asks(visit, starts=shown(visit)[:1])
    day = asked.wished_starts[0].astimezone(patient.clinic.tz).date()
    page = words_of(desk.get(page_of(asked)))
    assert f"{reverse('treatments:move_visit', args=[visit.ref])}?first_day={day.isoformat()}" in page


def test_stays_as_it_is_ends_the_wish_and_nothing_moves(desk, visit, asked):
    before = list(Appointment.objects.filter(pk=visit.pk).values_list())
    assert [desk.post(kept(asked)).status_code for _ in range(2)] == [302, 302]
    assert now_is(asked) == "kept"
    assert asked.ended_by == desk.membership.user
    assert list(Appointment.objects.filter(pk=visit.pk).values_list()) == before
    assert AuditEvent.objects.filter(action="move_request.kept").count() == 1
    assert "Stays as it is" in words_of(desk.get(page_of(asked)))


def test_what_was_settled_meanwhile_is_not_settled_otherwise(desk, visit, asked, manager_member):
    appointments.cancel(visit=visit, reason="Away", by=manager_member.user)
    page = words_of(desk.post(kept(asked)), status=409)
    assert "This was settled meanwhile: visit cancelled." in page
    assert now_is(asked) == "cancelled"


@pytest.mark.parametrize("way", ["alone", "flow", "together"])
def test_a_wish_ends_with_the_move_whoever_moves_it_however(visit, asked, manager_member, way):
    place, by = factories.a_place(visit.clinic, visit.day + timedelta(days=3)), manager_member.user
    if way == "alone":
        appointments.move(visit=visit, place=place, by=by)
    elif way == "flow":
        moving.move(places={visit: place}, by=by)
    else:
        courses.move_together(plan=visit.planned_session.plan, places={visit: place}, by=by)
    assert now_is(asked) == "moved"
    assert asked.ended_by == by


def test_a_move_that_is_refused_ends_nothing(visit, asked, manager_member):
    place = factories.a_place(visit.clinic, visit.day, time(20))
    with pytest.raises(DomainError):
        appointments.move(visit=visit, place=place, by=manager_member.user)
    assert moving.refusal(places={visit: factories.a_place(visit.clinic, visit.day, time(14))}, by=manager_member.user) is None  # fmt: skip
    assert now_is(asked) == "stands"


def test_a_wish_ends_with_the_visit_that_is_cancelled_or_missed(visit, asked, manager_member):
    visit_flow.cancel(visit=visit, reason="Away", by=manager_member.user)
    assert now_is(asked) == "cancelled"


def test_a_missed_visit_ends_it_too(visit, asked, manager_member):
    clock.move_to(visit.during.upper)
    appointments.mark_no_show(visit=visit, by=manager_member.user)
    assert now_is(asked) == "cancelled"


def test_a_move_or_a_cancel_that_is_undone_lets_her_wish_wait_again(visit, asked, manager_member):
    by = manager_member.user
    moved = appointments.move(visit=visit, place=factories.a_place(visit.clinic, visit.day, time(14)), by=by)
    assert now_is(asked) == "moved"
    moving.move_back(visit=moved, version=moved.schedule_version, by=by)
    assert now_is(asked) == "stands"
    assert (asked.ended_at, asked.ended_by) == (None, None)


def test_a_cancel_that_is_undone_does_so_too(visit, asked, manager_member):
    by = manager_member.user
    visit_flow.cancel(visit=visit, reason="Mistake", by=by)
    assert now_is(asked) == "cancelled"
    visit_flow.undo_step(visit=visit, by=by)
    assert now_is(asked) == "stands"


def test_a_move_to_a_third_time_lets_nothing_wait_again(visit, asked, manager_member):
    by = manager_member.user
    for at in (time(14), time(15)):
        visit.refresh_from_db()
        appointments.move(visit=visit, place=factories.a_place(visit.clinic, visit.day, at), by=by)
    assert now_is(asked) == "moved"


def test_what_she_took_back_or_the_desk_settled_never_waits_again(visit, asked, manager_member):
    by = manager_member.user
    move_requests.keep(request=asked, by=by)
    moved = appointments.move(visit=visit, place=factories.a_place(visit.clinic, visit.day, time(14)), by=by)
    moving.move_back(visit=moved, version=moved.schedule_version, by=by)
    assert now_is(asked) == "kept"


def test_a_visit_that_has_begun_is_on_no_list(desk, visit, asked):
    assert page_of(asked) in lists(desk)
    clock.move_to(visit.during.upper)
    assert page_of(asked) not in lists(desk)


def test_another_clinic_meets_nothing_of_it(stranger: Client, asked):
    assert stranger.get(page_of(asked)).status_code == 404
    assert stranger.post(kept(asked)).status_code == 404
    assert none_of(("By train", page_of(asked)), lists(stranger)) == []


def test_nothing_clinical_stands_on_the_desks_page(desk, asked):
    page = words_of(desk.get(page_of(asked)))
    assert none_of(("acne", "scar", "isotretinoin", "melasma"), page) == []
