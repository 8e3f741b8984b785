"""The pages of "Change the course": what they ask, what they show before anybody presses, and whom they let."""

import uuid
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factories
from tests.factories import TODAY, in_days
from tests.treatments.plans.test_life_events import fresh, pause, review_of, visits, with_three_done
from treatments.appointments.models import Appointment
from treatments.plans import reasons
from treatments.plans import services as plans

pytestmark = pytest.mark.django_db
PAGES = ("course_pause", "course_shorten", "course_extend", "course_replace", "plan_stop")


def url(plan, name: str) -> str:
    return reverse(f"treatments:{name}", args=[plan.ref])


def words(response) -> str:
    return " ".join(unescape(response.content.decode()).split())


def press(client, plan, name: str, *, look: bool = False, **said):
    """As a browser does: with what of the visits is on the screen."""
    page = client.get(url(plan, name))
    form = {"submit_token": str(uuid.uuid4()), "seen": page.context.get("seen") or "", "note": ""}
    return client.post(url(plan, name) + ("?look" if look else ""), form | said)


def test_the_course_page_offers_what_may_happen_to_it(clinician, desk, manager, active_plan):
    def offered(client) -> list[str]:
        return [way["label"] for way in client.get(url(active_plan, "course")).context["ways"]]

    assert offered(clinician) == [
        "Pause the course",
        "Make it shorter",
        "Make it longer",
        "Replace it",
        "Stop the course",
    ]
    assert (offered(desk), offered(manager)) == (["Pause the course"], [])
    plans.hold(plan=active_plan, by=active_plan.drafted_by)
    assert offered(clinician)[0] == "Go on with the course"
    plans.revoke(plan=active_plan, reason="Enough", by=active_plan.drafted_by)
    assert offered(clinician) == []


def test_what_a_pause_does_is_shown_before_it_is_pressed(clinician, active_plan, booked_course):
    page = words(clinician.get(url(active_plan, "course_pause")))
    assert page.count("Move it first") == 4
    assert (
        "One mail tells that the 4 visits are cancelled, as far as the patient was told of them. It gives no reason."
        in page
    )
    until = booked_course[0].day
    looked = press(clinician, active_plan, "course_pause", look=True, until=until.isoformat())
    assert looked.status_code == 200
    assert "Choose a reason." not in words(looked)
    assert "Sessions 2, 3 and 4 are after the pause and stay, with their reminders." in words(looked)
    assert visits(active_plan) == dict.fromkeys((1, 2, 3, 4), "booked")


def test_what_was_not_shown_is_shown_first(clinician, active_plan, booked_course):
    until = booked_course[0].day.isoformat()
    first = press(clinician, active_plan, "course_pause", until=until, reason="sun")
    assert first.status_code == 422
    assert "This is what it does now. Look at it, then press again." in words(first)
    seen = first.context["seen"]
    done = press(clinician, active_plan, "course_pause", until=until, reason="sun", seen=seen)
    assert done.status_code == 302
    assert visits(active_plan) == {1: "cancelled", 2: "booked", 3: "booked", 4: "booked"}
    page = words(clinician.get(url(active_plan, "course")))
    assert f"Paused until {booked_course[0].day:%a} {booked_course[0].day.day}" in page
    assert "Sunburn or a fresh tan" in page


def test_a_visit_that_is_ticked_stays(clinician, active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + in_days(7))
    until = (TODAY + in_days(30)).isoformat()
    looked = press(clinician, active_plan, "course_pause", look=True, until=until)
    said = {"until": until, "reason": "illness", "keep": str(visit.ref), "seen": looked.context["seen"]}
    assert press(clinician, active_plan, "course_pause", **said).status_code == 302
    assert visits(active_plan) == {1: "booked"}
    listed = clinician.get(reverse("treatments:worklists")).context["lists"].of_visits.before_they_travel.calls
    assert [call.act for call in listed] == ["Move"]
    assert "Paused until" in listed[0].say


def test_a_mistake_is_said_at_its_field_and_nothing_typed_is_lost(clinician, active_plan):
    said = {"until": "2020-01-01", "reason": "other", "note": ""}
    refused = press(clinician, active_plan, "course_pause", **said)
    assert refused.status_code == 422
    assert refused.context["form"].errors["note"] == ["Say which, in a few words."]
    refused = press(clinician, active_plan, "course_pause", **said | {"note": "Her wedding"})
    assert refused.context["form"].errors["until"] == ["A pause ends today or later."]
    assert 'value="Her wedding"' in refused.content.decode()
    assert press(clinician, active_plan, "course_pause", reason="nonsense").status_code == 422
    assert press(clinician, active_plan, "course_pause", reason="sun", keep=str(uuid.uuid4())).status_code == 422


def test_the_desk_chooses_and_reads_no_reason_of_medicine(desk, clinician, active_plan, clinician_member):
    page = desk.get(url(active_plan, "course_pause"))
    assert [code for code, _ in page.context["form"].fields["reason"].choices] == ["away", "asked"]
    assert press(desk, active_plan, "course_pause", reason="isotretinoin").status_code == 422
    pause(active_plan, clinician_member, reason="isotretinoin", note="Canary of a clinician")
    for route in (url(active_plan, "course"), active_plan.patient.get_absolute_url()):
        assert "Isotretinoin" not in words(desk.get(route))
        assert "Canary" not in words(desk.get(route))
        assert "Isotretinoin has begun" in words(clinician.get(route))
    assert "Course paused" in words(desk.get(active_plan.patient.get_absolute_url()))


def test_words_of_a_clinician_beside_an_open_reason_are_not_for_the_desk(desk, active_plan, clinician_member):
    pause(active_plan, clinician_member, reason="asked", note="Canary of a clinician")
    for route in (url(active_plan, "course"), active_plan.patient.get_absolute_url()):
        assert "The patient asked for it" in words(desk.get(route))
        assert "Canary" not in words(desk.get(route))


def test_going_on_shows_what_is_asked_again(clinician, active_plan, clinician_member, later):
    pause(active_plan, clinician_member)
    page = words(clinician.get(url(active_plan, "course_resume")))
    assert "Clear for today, by what is on record." in page
    assert "Signed, and still valid." in page
    later(in_days(370))
    page = words(clinician.get(url(active_plan, "course_resume")))
    assert "too old or missing" in page
    assert "Ask again" in page
    assert "Not valid any more, or not signed." in page
    assert press(clinician, active_plan, "course_resume").status_code == 422
    factories.answer_all(active_plan.patient)
    factories.sign_consent(active_plan)
    assert press(clinician, active_plan, "course_resume").status_code == 302
    assert fresh(active_plan).status == "active"


@pytest.mark.parametrize("reason", ["isotretinoin", "pregnancy", "active_acne", "keloid", "sun", "illness"])
def test_the_way_to_ask_again_leads_to_a_page_that_asks(clinician, active_plan, clinician_member, reason):
    pause(active_plan, clinician_member, reason=reason)
    (line,) = [
        line
        for line in clinician.get(url(active_plan, "course_resume")).context["effect"].lines
        if line.term == "Paused"
    ]
    asked = clinician.get(line.way[1]).context["form"].fields
    assert any(name.startswith(code) for code in reasons.find("paused", reason).asks for name in asked)


def test_what_it_was_paused_for_stands_on_the_page(clinician, active_plan, clinician_member):
    pause(active_plan, clinician_member, reason="pregnancy")
    page = words(clinician.get(url(active_plan, "course_resume")))
    assert "Because: pregnant or breastfeeding. Nothing that was answered since speaks of it." in page
    refused = press(clinician, active_plan, "course_resume")
    assert refused.status_code == 422
    assert "Ask about that again before it goes on." in words(refused)


def test_a_course_that_waits_for_a_review_leads_there(clinician, active_plan, clinician_member):
    pause(active_plan, clinician_member)
    review_of(active_plan, clinician_member)
    page = clinician.get(url(active_plan, "course_resume"))
    assert page.context["way"][0] == "Review the course"
    assert press(clinician, active_plan, "course_resume").status_code == 422


def test_shorter_than_the_protocol_asks_for_says_so(clinician, active_plan):
    looked = press(clinician, active_plan, "course_shorten", look=True, count="2")
    assert "at least 3 sessions for acne scars, face. Say in words why it is shorter." in words(looked)
    refused = press(clinician, active_plan, "course_shorten", count="2", reason="asked")
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["note"])
    assert press(clinician, active_plan, "course_shorten", count="2", reason="asked", note="Enough").status_code == 302
    assert fresh(active_plan).sessions_planned == 2


def test_where_nothing_can_be_added_the_page_says_why_and_where_to_go(clinician, active_plan):
    page = clinician.get(url(active_plan, "course_extend"))
    assert "a review after session 3 before a course gets longer" in words(page)
    assert page.context["way"] is None
    assert press(clinician, active_plan, "course_extend", count="5", reason="asked").status_code == 422


def test_a_review_that_can_be_done_now_is_one_press_away(clinician, active_plan):
    with_three_done(active_plan)
    page = clinician.get(url(active_plan, "course_extend"))
    assert "record a score first" in words(page)
    assert page.context["way"] == ("Record a score", reverse("treatments:scores", args=[active_plan.patient.ref]))


def test_both_plans_say_so_to_each_other(clinician, active_plan):
    page = press(clinician, active_plan, "course_replace", starts_on=TODAY.isoformat(), count="4", reason="other_depth")
    new = fresh(active_plan).replaced_by
    assert (page.status_code, page.url) == (302, url(new, "course"))
    old_page, new_page = (clinician.get(url(plan, "course")) for plan in (active_plan, new))
    assert "This course was replaced" in words(old_page)
    assert url(new, "course") in words(old_page)
    assert old_page.context["ways"] == old_page.context["acts"] == []
    assert "Takes the place of an earlier course" in words(new_page)
    assert url(active_plan, "course") in words(new_page)


def test_what_is_over_says_so_on_every_page(clinician, active_plan, clinician_member):
    plans.revoke(plan=active_plan, reason="Enough", by=clinician_member.user)
    for name in (*PAGES, "course_resume"):
        page = clinician.get(url(active_plan, name))
        assert "This plan is stopped already." in words(page)
        assert "Back to the course" in words(page)


def test_pressing_twice_is_one_change_and_undo_takes_it_back(clinician, active_plan):
    form = {"submit_token": str(uuid.uuid4()), "seen": "", "reason": "sun", "note": "", "until": ""}
    answers = [clinician.post(url(active_plan, "course_pause"), form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    change = active_plan.changes.get()
    assert reverse("treatments:course_undo", args=[change.ref]) in words(clinician.get(url(active_plan, "course")))
    undo = reverse("treatments:course_undo", args=[change.ref])
    assert clinician.post(undo, {"submit_token": str(uuid.uuid4())}).status_code == 302
    assert fresh(active_plan).status == "active"
    pause(active_plan, clinician.membership)
    late = clinician.post(undo, {"submit_token": str(uuid.uuid4())})
    assert late.status_code == 302  # done already: it is done once
    assert fresh(active_plan).is_paused


def test_a_second_press_of_what_the_first_has_changed_is_answered_as_that_one_was(clinician, active_plan):
    form = {"submit_token": str(uuid.uuid4()), "seen": "", "reason": "asked", "note": "", "count": "3"}
    answers = [clinician.post(url(active_plan, "course_shorten"), form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert active_plan.changes.count() == 1


def test_an_undo_that_is_refused_says_so_with_a_way_back(clinician, active_plan, clinician_member, later):
    change = pause(active_plan, clinician_member)
    later(in_days(1))
    refused = clinician.post(reverse("treatments:course_undo", args=[change.ref]), {"submit_token": str(uuid.uuid4())})
    assert refused.status_code == 422
    assert "can no longer be undone" in words(refused)
    assert url(active_plan, "course") in words(refused)


def test_only_who_may_gets_there(desk, manager, stranger, active_plan):
    for name in (*PAGES[1:], "course_resume"):
        assert [client.get(url(active_plan, name)).status_code for client in (desk, manager, stranger)] == [
            403,
            403,
            404,
        ]
    assert [client.get(url(active_plan, "course_pause")).status_code for client in (desk, manager)] == [200, 403]


def test_a_page_costs_the_same_whatever_the_history(clinician, active_plan, patient):
    def queries() -> dict[str, int]:
        counts = {}
        for name in PAGES:
            clinician.get(url(active_plan, name))
            with CaptureQueriesContext(connection) as captured:
                assert clinician.get(url(active_plan, name)).status_code == 200
            counts[name] = len(captured)
        return counts

    few = queries()
    factories.book_course(active_plan)
    for _ in range(5):
        factories.screen_today(patient)
        factories.sign_consent(active_plan)
    assert queries() == few


def test_the_pause_that_ends_is_on_the_list_and_can_be_called_about(desk, active_plan, clinician_member):
    pause(active_plan, clinician_member, until=TODAY + in_days(5))
    lists = desk.get(reverse("treatments:worklists"))
    (call,) = lists.context["lists"].paused.calls
    assert call.say == f"Paused until {TODAY + in_days(5):%a} {(TODAY + in_days(5)).day} {TODAY + in_days(5):%b}"
    page = desk.get(reverse("treatments:call", args=["paused", active_plan.ref]))
    assert page.status_code == 200
    assert "Isotretinoin" not in words(page)


def test_the_visit_of_a_session_that_was_left_out_can_still_be_read(clinician, desk, active_plan, booked_course):
    looked = press(clinician, active_plan, "course_shorten", look=True, count="3")
    press(clinician, active_plan, "course_shorten", count="3", reason="good_result", seen=looked.context["seen"])
    gone = Appointment.objects.get(pk=booked_course[3].pk)
    assert gone.status == "cancelled"
    assert desk.get(reverse("treatments:visit", args=[gone.ref])).status_code == 200
    assert desk.get(reverse("treatments:book", args=[gone.planned_session.ref])).status_code == 404
