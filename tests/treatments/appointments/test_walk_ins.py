"""Somebody stands at the desk without a visit: found, put down for the next free time of today, and here already."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent, TimeOff
from patients.models import Message, Patient
from tests import factories
from tests.factories import TODAY
from tests.patients.typed import ANSWERED, typed
from treatments.appointments import services
from treatments.appointments.gates import OutsideWindow
from treatments.appointments.models import Appointment
from treatments.flows import visits as flow


def walk_in_url(patient, **query) -> str:
    return reverse("treatments:walk_in", args=[patient.ref], query=query)


def offered(page) -> list[str]:
    return [f"{one.starts_at:%H:%M} {one.clinician}" for _, some in page.context["picker"].days for one in some]


def first_value(page) -> str:
    return page.context["picker"].days[0][1][0].value


def walk_in(patient, at: time = time(11), *, day=TODAY, kind: str = "consultation", **more) -> Appointment:
    place = factories.a_place(patient.clinic, day, at, kind=kind)
    by = factories.a_manager(patient.clinic).user
    return services.walk_in(patient=patient, kind=kind, place=place, by=by, **more)


# ── The service ───────────────────────────────────────────────────────────────


def test_she_is_put_down_and_has_arrived_and_no_mail_tells_her(patient):
    visit = walk_in(patient)
    assert (visit.status, visit.walked_in, visit.arrived_at is not None) == ("arrived", True, True)
    assert not Message.objects.filter(about=visit.ref).exists()
    assert set(AuditEvent.objects.filter(target_ref=visit.ref).values_list("action", flat=True)) == {
        "visit.booked", "visit.arrived",
    }  # fmt: skip


def test_a_booked_visit_is_no_walk_in_and_its_mails_are_written(patient):
    place = factories.a_place(patient.clinic, TODAY, kind="consultation")
    by = factories.a_manager(patient.clinic).user
    visit = services.book(patient=patient, kind="consultation", place=place, by=by)
    assert not visit.walked_in
    assert Message.objects.filter(about=visit.ref).exists()


def test_only_today(patient):
    with pytest.raises(DomainError, match="seen today"):
        walk_in(patient, day=TODAY + timedelta(days=1))
    assert not Appointment.objects.exists()


def test_a_time_that_is_taken_is_nobodys(patient):
    walk_in(patient)
    with pytest.raises(services.SlotTaken):
        walk_in(factories.make_patient(patient.clinic, given_name="Ben"))
    assert Appointment.objects.count() == 1


def test_a_session_passes_the_gates_of_its_window(active_plan):
    """Session 2 is not before its floor, whoever stands there."""
    second = active_plan.planned_sessions.get(number=2)
    with pytest.raises(OutsideWindow):
        walk_in(active_plan.patient, kind="treatment", planned_session=second)
    first = active_plan.planned_sessions.get(number=1)
    visit = walk_in(active_plan.patient, kind="treatment", planned_session=first)
    assert (visit.status, visit.planned_session) == ("arrived", first)


def test_it_is_taken_back_without_a_word_to_her(patient):
    visit = walk_in(patient)
    flow.unbook(visit=visit, version=visit.schedule_version, by=factories.a_manager(patient.clinic).user)
    visit.refresh_from_db()
    assert visit.status == "cancelled"
    assert not Message.objects.exists()


# ── The page ──────────────────────────────────────────────────────────────────


def test_the_page_offers_the_first_free_time_of_each_clinician_today(desk, patient):
    page = desk.get(walk_in_url(patient))
    assert page.status_code == 200
    [day] = [day for day, _ in page.context["picker"].days]
    assert day == TODAY
    assert offered(page) == sorted(offered(page))
    assert len({who.split(" ", 1)[1] for who in offered(page)}) == len(offered(page))


def test_one_press_puts_her_down_as_arrived_and_opens_her_visit(desk, patient):
    page = desk.get(walk_in_url(patient))
    answer = desk.post(walk_in_url(patient), {"slot": first_value(page)})
    visit = Appointment.objects.get()
    assert (visit.status, visit.kind) == ("arrived", "consultation")
    assert answer["Location"] == f"{reverse('treatments:today')}?day={TODAY.isoformat()}&visit={visit.ref}"
    drawer = desk.get(answer["Location"])
    assert "<b>Walk-in</b>" in drawer.content.decode()
    [toast] = [str(message) for message in drawer.context["messages"]]
    assert toast.startswith(f"{patient.full_name} is here, consultation ")


def test_the_soonest_time_is_ticked_so_that_enter_is_enough(desk, patient):
    page = desk.get(walk_in_url(patient))
    assert page.context["chosen"] == first_value(page)
    assert f'value="{first_value(page)}" checked' in page.content.decode()


def test_a_review_as_well(desk, patient):
    page = desk.get(walk_in_url(patient, what="review"))
    desk.post(walk_in_url(patient, what="review"), {"slot": first_value(page)})
    assert Appointment.objects.get().kind == "review"


def test_the_session_that_is_due_comes_first(desk, active_plan):
    page = desk.get(walk_in_url(active_plan.patient))
    assert [reason.label for reason in page.context["came"].reasons] == ["Session 1", "Consultation", "Review"]
    assert page.context["choice"].planned.number == 1


def test_a_session_that_may_not_be_today_says_from_when(desk, done_session):
    page = desk.get(walk_in_url(done_session.patient))
    assert page.context["choice"].planned.number == 2
    assert "This visit may not be today: it may be from " in page.content.decode()
    assert page.context["picker"].days == []


def test_a_visit_she_has_already_is_named(desk, visit_today):
    words = desk.get(walk_in_url(visit_today.patient)).content.decode()
    assert "Booked already: treatment on " in words
    assert "Open it and mark as arrived" in words


def test_when_nobody_is_free_any_more_the_page_says_what_to_do(desk, clinic, patient):
    begin, end = clock.day_bounds(TODAY, clinic.tz)
    TimeOff.objects.create(clinic=clinic, during=(begin, end), reason="Training")
    words = desk.get(walk_in_url(patient)).content.decode()
    assert "Nobody is free any more today." in words
    assert "Put on the waiting list" in words


def test_nothing_typed_is_lost_where_the_time_is_refused(desk, clinic, patient):
    entry = {
        "slot": "own",
        "day": (TODAY + timedelta(days=1)).isoformat(),
        "starts_at": "11:00",
        "clinician": str(factories.a_clinician(clinic).ref),
        "room": str(clinic.rooms.first().ref),
    }
    page = desk.post(walk_in_url(patient), entry)
    assert page.status_code == 422
    assert "Whoever is here now is seen today." in page.content.decode()
    assert 'value="11:00"' in page.content.decode()
    assert not Appointment.objects.exists()


def test_what_nobody_can_come_for_is_not_there(desk, patient, active_plan):
    assert desk.get(walk_in_url(patient, what="treatment")).status_code == 404


def test_a_page_costs_the_same_with_many_visits_ahead(desk, patient):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.get(walk_in_url(patient))
        return len(queries)

    asked()
    few = asked()
    for days in range(7, 42, 7):
        place = factories.a_place(patient.clinic, TODAY + timedelta(days=days), kind="consultation")
        services.book(patient=patient, kind="consultation", place=place, by=desk.membership.user)
    assert asked() == few


# ── Finding her ───────────────────────────────────────────────────────────────


def test_today_leads_to_the_search_and_the_search_to_the_walk_in(desk, patient):
    listed = f"{reverse('patients:list')}?for=walk-in"
    assert f'href="{listed}"' in desk.get(reverse("treatments:today")).content.decode()
    assert "Who is here?" in desk.get(listed).content.decode()
    found = desk.post(reverse("patients:search"), {"q": patient.family_name, "for": "walk-in"}).content.decode()
    assert walk_in_url(patient) in found
    assert f"{reverse('patients:register')}?for=walk-in" in found


def test_whoever_is_new_is_registered_and_goes_on_to_the_walk_in(desk, clinic):
    answer = desk.post(reverse("patients:register"), typed(ANSWERED) | {"for": "walk-in"})
    assert answer["Location"] == walk_in_url(Patient.objects.get(family_name="O'Brien"))


def test_an_errand_nobody_knows_leads_to_the_record(desk, patient):
    found = desk.post(reverse("patients:search"), {"q": patient.family_name, "for": "elsewhere"}).content.decode()
    assert patient.get_absolute_url() in found
    assert walk_in_url(patient) not in found
