"""A block of the ruler is moved: the server says what that would do, or why it cannot be, and saves nothing."""

from datetime import date, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import TimeOff
from patients.models import Message
from tests import factories
from tests.treatments.courses.test_booking import booked, read
from treatments.appointments import services as diary
from treatments.appointments.courses.undoing import undo_url
from treatments.plans.models import TreatmentPlan

pytestmark = pytest.mark.django_db


def ask(client, plan, visit=None, **query):
    query = ({"session": visit.planned_session.ref} if visit else {}) | query
    return client.get(
        reverse("treatments:preview_move", args=[plan.ref]), query, headers={"HX-Request": "true"}
    )  # fmt: skip


def days_of(plan) -> list[date]:
    return [visit.day for visit in booked(plan)]


def test_the_tray_says_what_moves_what_stays_and_how_many_mails(desk, visits, active_plan):
    """S3 a week later, S4 unchanged, one mail."""
    on = visits[2].day + timedelta(days=7)
    page = ask(desk, active_plan, visits[2], on=on)
    said = read(page)
    assert "Move session 3? Nothing is saved yet." in said
    assert "to Tue 8 Jun, 09:" in said and "49 days after the one before" in said
    assert "Session 4 stays Tue 13 Jul" in said
    assert "One mail leaves in a minute." in said
    assert days_of(active_plan) == [visit.day for visit in visits]


def test_the_knock_on_bands_are_drawn_and_the_list_says_the_same(desk, visits, active_plan):
    on = visits[1].day + timedelta(days=20)
    context = ask(desk, active_plan, visits[1], on=on).context
    first, second, third, fourth = context["ruler"]["rows"]
    assert [block["state"] for block in second["blocks"]] == ["former", "moving"]
    assert [block["state"] for block in third["blocks"]] == ["former", "moving"]
    assert [block["state"] for block in fourth["blocks"]] == ["booked"]
    assert second["move"] and third["old_band"] and "old_band" not in second
    moved_by = (third["band"]["x"] - third["old_band"]["x"]) / context["ruler"]["day_px"]
    assert moved_by == pytest.approx(20, abs=0.2)
    assert first["note"] == "booked" and second["note"] == "moving"
    assert context["tray"]["way"].act == "Move sessions 2 and 3"
    listed = context["sessions"]
    assert [bool(entry["was"]) for entry in listed] == [False, True, True, False]
    assert listed[1]["was"] == "20 Apr" and listed[1]["when"].startswith("Mon 10 May")


def test_shift_all_is_the_second_choice_and_drawn_too(desk, visits, active_plan):
    page = ask(desk, active_plan, visits[1], on=visits[1].day + timedelta(days=15))
    other = page.context["tray"]["other"]
    assert other["title"] == "Shift all that follow"
    shifted = desk.get(other["url"], headers={"HX-Request": "true"}).context
    assert [bool(entry["was"]) for entry in shifted["sessions"]] == [False, True, True, True]
    assert shifted["tray"]["way"].act == "Move sessions 2, 3 and 4"
    assert "Move sessions 2, 3 and 4? Nothing is saved yet." in read(
        desk.get(other["url"], headers={"HX-Request": "true"})
    )


def test_the_press_ends_in_the_rearrangement_that_was_shown(desk, visits, active_plan, desk_member):
    tray = ask(desk, active_plan, visits[1], on=visits[1].day + timedelta(days=15)).context["tray"]
    assert desk.post(tray["act_url"], {"way": tray["way"].value}).status_code == 302
    moved = {place.day for place in tray["places"].values()}
    assert moved < set(days_of(active_plan))
    moved = [visit for visit in booked(active_plan) if visit.schedule_version > 1]
    undo = desk.post(undo_url("put_back", active_plan, moved))
    assert undo.status_code == 302
    assert days_of(active_plan) == [visit.day for visit in visits]


def test_below_the_floor_it_says_why_and_offers_the_earliest_day(desk, visits, active_plan):
    page = ask(desk, active_plan, visits[1], on=visits[0].day + timedelta(days=27))
    said = read(page)
    assert "Session 1 is on Tue 9 Mar: at least 28 days lie between two sessions." in said
    assert "Earliest: Tue 6 Apr" in said
    assert "data-accept" not in page.content.decode()
    offered = desk.get(page.context["tray"]["instead"][0]["url"], headers={"HX-Request": "true"})
    assert offered.context["tray"]["places"][2].day == visits[0].day + timedelta(days=28)


def test_a_day_without_a_free_time_offers_the_nearest(desk, visits, active_plan):
    sunday = visits[1].day + timedelta(days=5)
    assert sunday.weekday() == 6
    page = ask(desk, active_plan, visits[1], on=sunday)
    assert "No time is free on Sun 25 Apr." in read(page)
    days = [offer["words"].split(",")[0] for offer in page.context["tray"]["instead"]]
    assert set(days) >= {"Sat 24 Apr", "Mon 26 Apr"} and len(days) == 3


def test_days_that_cannot_be_are_refused_in_a_sentence(desk, visits, active_plan):
    assert "That day has passed" in read(ask(desk, active_plan, visits[0], on=factories.TODAY - timedelta(days=1)))
    assert "too far ahead" in read(ask(desk, active_plan, visits[3], on=factories.TODAY + timedelta(days=600)))
    far = read(ask(desk, active_plan, visits[3], on=visits[2].day + timedelta(days=200)))
    assert "the window of this session ends then" in far
    assert "Choose a day" in read(ask(desk, active_plan, visits[1], on="tomorrow"))
    assert "Choose one of the times" in read(ask(desk, active_plan, visits[1], to="x"))


def test_a_session_that_is_late_already_is_marked_for_a_clinician(desk, visits, active_plan, later):
    """Its window closed while nobody treated her: it may go on being moved, and somebody looks again first."""
    factories.make_done_session(visits[0])
    for visit in visits[1:]:
        diary.cancel(visit=visit, reason="Cannot come", by=desk.membership.user)
    later(timedelta(days=100))
    factories.answer_all(active_plan.patient)
    second = active_plan.planned_sessions.get(number=2)
    booked_late = factories.book(second, day=factories.TODAY + timedelta(days=104))
    said = read(ask(desk, active_plan, booked_late, on=factories.TODAY + timedelta(days=105)))
    assert "a clinician looks again first" in said


def test_back_where_it_was_there_is_no_tray(desk, visits, active_plan):
    for page in (ask(desk, active_plan, visits[1], on=visits[1].day), ask(desk, active_plan)):
        assert page.context["tray"] is None
        assert '<div id="tray"></div>' in page.content.decode()
        assert not any(entry["was"] for entry in page.context["sessions"])


def test_without_script_the_same_address_leads_to_the_page_that_does_it(desk, visits, active_plan):
    url = reverse("treatments:preview_move", args=[active_plan.ref])
    query = {"session": visits[1].planned_session.ref, "on": visits[1].day + timedelta(days=20)}
    answer = desk.get(url, query)
    assert answer.url.startswith(reverse("treatments:rearrange", args=[visits[1].ref]))
    assert "Session 4 stays" in read(desk.get(answer.url))


def test_who_may_not_be_booked_now_is_refused_with_the_verdict_alone(desk, visits, active_plan):
    factories.answer(active_plan.patient, "isotretinoin_now", "yes")
    said = read(ask(desk, active_plan, visits[1], on=visits[1].day + timedelta(days=3)))
    assert "Nothing is saved yet" in said and "isotretinoin" not in said.lower()
    assert "Put back" in said and "Mail" not in said


def test_a_course_that_waits_has_no_block_to_take_hold_of(clinician, visits, active_plan, desk_member):
    page = clinician.get(reverse("treatments:course", args=[active_plan.ref]))
    assert page.context["ruler"]["interactive"] and 'role="slider"' in page.content.decode()
    TreatmentPlan.objects.filter(pk=active_plan.pk).update(status="on_hold")
    page = clinician.get(reverse("treatments:course", args=[active_plan.ref]))
    assert not page.context["ruler"]["interactive"] and 'role="slider"' not in page.content.decode()
    assert "not active" in read(ask(clinician, active_plan, visits[1], on=visits[1].day + timedelta(days=1)))


def test_a_visit_that_has_gone_or_of_somebody_else_is_not_found(desk, stranger, visits, active_plan, clinic):
    diary.cancel(visit=visits[1], reason="Cannot come", by=desk.membership.user)
    assert ask(desk, active_plan, visits[1], on="2027-05-04").status_code == 404
    assert ask(desk, active_plan, on="2027-05-04", session="not-a-ref").status_code == 404
    other = factories.make_active_plan(factories.make_patient(clinic))
    assert ask(desk, other, visits[2], on="2027-06-04").status_code == 404
    assert ask(stranger, active_plan, visits[2], on="2027-06-04").status_code == 404


def test_the_preview_costs_the_same_whatever_the_diary_holds(desk, visits, active_plan, clinic):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ask(desk, active_plan, visits[1], on=visits[1].day + timedelta(days=3)).context["tray"]["places"]
        return len(captured)

    queries()
    few = queries()
    for n in range(4):
        diary.book(
            patient=factories.make_patient(clinic), kind="consultation", by=desk.membership.user,
            place=factories.a_place(clinic, visits[1].day + timedelta(days=3), time(10 + n), kind="consultation"),
        )  # fmt: skip
        TimeOff.objects.create(
            clinic=clinic, during=(factories.NOW + timedelta(days=300 + n), factories.NOW + timedelta(days=301 + n))
        )
    assert queries() == few


def test_nothing_is_told_by_looking(desk, visits, active_plan):
    before = set(Message.objects.values_list("pk", "state"))
    ask(desk, active_plan, visits[1], on=visits[1].day + timedelta(days=20))
    assert set(Message.objects.values_list("pk", "state")) == before
