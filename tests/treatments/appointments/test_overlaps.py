"""A time that is taken is booked all the same: by who may, with a reason, over nobody's own visit and past no gate."""

import re
from dataclasses import replace
from datetime import time, timedelta
from html import unescape

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError, explain
from clinic.models import AuditEvent
from tests import factories
from tests.treatments.courses.test_booking import best
from treatments.appointments import services as diary
from treatments.appointments.courses import services as courses
from treatments.appointments.models import Appointment
from treatments.appointments.offers import value_of
from treatments.appointments.services import OutsideWindow, SlotTaken
from treatments.appointments.taken.checking import differences

pytestmark = pytest.mark.django_db
REASON = "Her daughter comes at the same time"


def read(answer) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


@pytest.fixture
def day(clinic):
    return clock.today(clinic) + timedelta(days=7)


@pytest.fixture
def taken(clinic, day, clinician_member):
    """Maja Ek has a consultation with Noor in Room 1 at eleven."""
    return diary.book(
        patient=factories.make_patient(clinic, given_name="Maja", family_name="Ek"), kind="consultation",
        place=factories.a_place(clinic, day, time(11), kind="consultation", clinician=clinician_member),
        by=factories.a_manager(clinic).user,
    )  # fmt: skip


@pytest.fixture
def place(taken):
    return replace(diary.place_of(taken), device=None)


def book(patient, place, by, reason: str = REASON, **more) -> Appointment:
    return diary.book(patient=patient, kind="consultation", place=place, by=by, overlap_reason=reason, **more)


def test_it_takes_two_presses_and_a_reason_and_is_shown_everywhere(clinician, desk, taken, place, patient):
    form = {"slot": value_of(place)}
    page = clinician.post(reverse("treatments:book_visit", args=[patient.ref]), form)
    assert page.status_code == 409
    assert "Just taken" in read(page) and "Book it anyway, with a reason" in read(page)
    url = page.context["taken"]["beside_url"]

    page = clinician.get(url)
    said = read(page)
    assert "In the way at that time: 11:00 to 11:30 Maja Ek , consultation: Noor Adeyemi and Room 1" in said
    assert clinician.post(url, {"reason": "  "}).status_code == 422
    assert clinician.post(url, {"reason": "x" * 201}).status_code == 422
    assert patient.appointments.count() == 0

    assert clinician.post(url, {"reason": REASON}).status_code == 302
    visit = patient.appointments.get()
    assert (visit.overlap_reason, visit.during) == (REASON, taken.during)
    allowed = AuditEvent.objects.get(action="visit.overlap_allowed")
    assert allowed.target_ref == visit.ref and allowed.facts == {"beside": [str(taken.ref)]}
    assert REASON in read(desk.get(reverse("treatments:visit", args=[visit.ref])))
    assert REASON in read(desk.get(f"{reverse('treatments:today')}?day={visit.day.isoformat()}&view=list"))
    today = f"{reverse('treatments:today')}?day={visit.day.isoformat()}&visit="
    assert f"Beside another, on purpose: {REASON}" in _drawer(desk.get(f"{today}{visit.ref}"))
    assert "Beside another" not in _drawer(desk.get(f"{today}{taken.ref}"))
    drawn = desk.get(reverse("treatments:visits_json"), {"day": visit.day.isoformat()}).json()["visits"]
    assert {one["id"]: one["beside"] for one in drawn} == {str(visit.ref): REASON, str(taken.ref): ""}
    assert differences() == []


def _drawer(page) -> str:
    return page.content.decode().partition('id="drawer"')[2].partition("</footer>")[0]


def test_the_desk_is_offered_other_times_only_and_refused_by_address_and_service(desk, taken, place, patient):
    page = desk.post(reverse("treatments:book_visit", args=[patient.ref]), {"slot": value_of(place)})
    assert page.status_code == 409 and page.context["taken"]["offers"]
    assert "Book it anyway" not in read(page)
    url = f"{reverse('treatments:book_visit_beside', args=[patient.ref])}?at={value_of(place)}"
    assert desk.get(url).status_code == desk.post(url, {"reason": REASON}).status_code == 403
    with pytest.raises(DomainError, match="Only a clinician or a manager"):
        book(patient, place, desk.membership.user)
    assert patient.appointments.count() == 0


@pytest.mark.parametrize("who", ["clinician", "manager", "prescriber"])
def test_who_may(request, who, taken, place, patient):
    client = request.getfixturevalue(who)
    url = f"{reverse('treatments:book_visit_beside', args=[patient.ref])}?at={value_of(place)}"
    assert client.post(url, {"reason": REASON}).status_code == 302
    assert patient.appointments.get().overlap_reason == REASON


def test_never_over_her_own_visit(manager, taken, place):
    url = f"{reverse('treatments:book_visit_beside', args=[taken.patient.ref])}?at={value_of(place)}"
    page = manager.get(url)
    assert "Nobody is in two visits at once" in read(page) and "Book it anyway" not in read(page)
    assert manager.post(url, {"reason": REASON}).status_code == 409
    with pytest.raises(SlotTaken, match="already has a visit"):
        book(taken.patient, place, manager.membership.user)


def test_never_past_a_gate(manager, active_plan, clinic, day):
    """The floor, the window, working hours, the past: each holds for a visit with a reason as for every other."""
    by, (first, second, *_) = manager.membership.user, active_plan.planned_sessions.order_by("number")
    factories.book(first, day=day)
    near = factories.a_place(clinic, day + timedelta(days=27))
    with pytest.raises(OutsideWindow):
        diary.book(
            patient=active_plan.patient,
            kind="treatment",
            place=near,
            planned_session=second,
            by=by,
            overlap_reason=REASON,
        )
    other = factories.make_patient(clinic)
    for place, said in (
        (factories.a_place(clinic, day, time(20), kind="consultation"), "works"),
        (factories.a_place(clinic, clock.today(clinic) - timedelta(days=1), kind="consultation"), "has passed"),
    ):
        with pytest.raises(DomainError, match=said):
            book(other, place, by)
    factories.answer(active_plan.patient, "isotretinoin_now", "yes")
    free = factories.a_place(clinic, day + timedelta(days=40))
    with pytest.raises(DomainError):
        diary.book(
            patient=active_plan.patient,
            kind="treatment",
            place=free,
            planned_session=second,
            by=by,
            overlap_reason=REASON,
        )


def test_a_reason_that_meets_nobody_is_not_kept(manager, taken, place, patient):
    """It would take the visit out of the constraints for nothing."""
    alone = replace(place, starts_at=time(14))
    assert book(patient, alone, manager.membership.user).overlap_reason == ""
    assert not AuditEvent.objects.filter(action="visit.overlap_allowed").exists()


def test_a_move_gives_the_reason_up_and_its_undo_takes_it_back(manager, taken, place, patient):
    by = manager.membership.user
    visit = book(patient, place, by)
    moved = diary.move(visit=visit, place=replace(place, starts_at=time(14)), by=by)
    assert moved.overlap_reason == ""
    back = diary.move_back(visit=moved, by=by)
    assert (back.overlap_reason, back.starts_at) == (REASON, time(11))


def test_moved_onto_another_taken_time_it_needs_a_reason_of_its_own(manager, desk, taken, place, patient, clinic):
    by = manager.membership.user
    visit = book(patient, place, by)
    later = replace(place, starts_at=time(15))
    diary.book(patient=factories.make_patient(clinic), kind="consultation", place=later, by=by)
    page = manager.post(reverse("treatments:move_visit", args=[visit.ref]), {"slot": value_of(later)})
    assert page.status_code == 409
    assert manager.post(page.context["taken"]["beside_url"], {"reason": "Asked for it"}).status_code == 302
    visit.refresh_from_db()
    assert (visit.overlap_reason, visit.starts_at) == ("Asked for it", time(15))
    url = f"{reverse('treatments:move_beside', args=[visit.ref])}?at={value_of(place)}"
    assert desk.post(url, {"reason": REASON}).status_code == 403
    assert manager.get(url.split("?")[0]).status_code == 404


def test_nobody_lands_beside_an_overlap_without_a_reason(manager, taken, place, patient, clinic):
    """The first of the two is cancelled, and the second has a reason and so is outside the constraints."""
    by = manager.membership.user
    book(patient, place, by)
    diary.cancel(visit=taken, reason="Has a cold", by=by)
    with pytest.raises(SlotTaken) as caught:
        diary.book(patient=factories.make_patient(clinic), kind="consultation", place=place, by=by)
    assert caught.value.code == "appointment_beside_an_overlap"


def test_the_database_says_so_too_and_without_its_trigger_nobody_would(manager, taken, place, patient, clinic):
    by = manager.membership.user
    there = book(patient, place, by)
    Appointment.objects.filter(pk=taken.pk).update(status="cancelled", closed_at=clock.now())
    other = factories.make_patient(clinic)

    def insert() -> None:
        copied = {
            field.name: getattr(there, field.name)
            for field in Appointment._meta.concrete_fields
            if field.name not in ("id", "ref")
        }
        with transaction.atomic():
            Appointment.objects.create(**copied | {"patient": other, "overlap_reason": ""})

    with pytest.raises(DatabaseError) as caught:
        insert()
    assert explain(caught.value).code == "appointment_beside_an_overlap"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            insert()
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")
    assert other.appointments.count() == 1


def test_who_was_there_first_comes_after_all(manager, taken, place, patient, later):
    """Missed, then at the desk: the visit booked over hers on purpose is no reason to send her away."""
    book(patient, place, manager.membership.user)
    later(timedelta(days=7, minutes=30))
    missed = diary.mark_no_show(visit=taken, by=manager.membership.user)
    assert diary.step(visit=missed, to="arrived", by=manager.membership.user).status == "arrived"


def test_a_place_held_for_a_course_is_named_without_its_patient(manager, active_plan, desk_member, clinic):
    places = best(active_plan)
    courses.hold(plan=active_plan, places=places, by=desk_member.user)
    held = list(places.values())[1]
    other = factories.make_patient(clinic, given_name="Ada", family_name="Byron")
    place = replace(held, length=diary.LENGTHS["consultation"])
    url = f"{reverse('treatments:book_visit_beside', args=[other.ref])}?at={value_of(place)}"
    said = read(manager.get(url))
    assert "A colleague holds this time" in said and "Haddad" not in said
    assert manager.post(url, {"reason": REASON}).status_code == 302
    assert other.appointments.get().overlap_reason == REASON


def test_another_clinic_sees_nothing_of_it(stranger, taken, place, patient):
    for name, ref in (("book_visit_beside", patient.ref), ("move_beside", taken.ref)):
        assert stranger.get(f"{reverse(f'treatments:{name}', args=[ref])}?at={value_of(place)}").status_code == 404
