"""Her answers before a visit at the clinic: the desk is warned before she travels and reads nothing clinical; a clinician looks."""

from datetime import time, timedelta

import pytest
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import AuditEvent
from patients.models import PatientLink
from patients.outbox import dispatch, kinds
from tests import factories
from tests.treatments.messages.reading import of_kind
from tests.treatments.patient_pages.telling import CHANGES, TELL, none_of, pressed, proven, says, told, words_of
from treatments.appointments import services as appointments
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import Appointment
from treatments.flows import changes as flow

pytestmark = pytest.mark.django_db
WARNING = "Answers changed: a clinician must look before the visit"
CANARY = "quetzalcanary"


@pytest.fixture
def visit(active_plan) -> Appointment:
    return factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=3))


@pytest.fixture
def report(visit) -> ChangeReport:
    return told(visit, says("new_medicine", note=CANARY))


def page_of(report: ChangeReport) -> str:
    return reverse("treatments:change_report", args=[report.ref])


def seen_at(report: ChangeReport) -> str:
    return reverse("treatments:change_report_seen", args=[report.ref])


def lists(client) -> str:
    return words_of(client.get("/today/")) + words_of(client.get("/worklists/"))


def test_the_desk_reads_whom_to_hold_back_on_today_and_on_the_lists_and_nothing_clinical(desk, manager, report):
    for client in (desk, manager):
        for path in ("/today/", "/worklists/"):
            page = words_of(client.get(path))
            assert WARNING in page
            assert page_of(report) in page
            assert none_of((CANARY, "medicine"), page) == []
        page = words_of(client.get(page_of(report)))
        assert report.patient.phone in page
        assert "A clinician must look before the visit." in page
        assert none_of((CANARY, "new medicine", "What changed", seen_at(report)), page) == []
        assert client.post(seen_at(report), {"note": "Fine"}).status_code == 403
    report.refresh_from_db()
    assert report.seen_at is None


def test_a_clinician_reads_what_changed_and_finds_the_screening_of_that_day(clinician, report, visit):
    page = words_of(clinician.get(page_of(report)))
    assert "Have you started any new medicine since your last visit?" in page
    assert CANARY in page
    assert "before: No" in page
    screening = f"{reverse('treatments:screening', args=[visit.patient.ref])}?on={visit.day.isoformat()}"
    assert screening in page.replace("&amp;", "&")
    assert clinician.get(screening).status_code == 200


def test_what_she_answered_afterwards_is_no_part_of_an_older_report(clinician, visit, report, later):
    later(timedelta(minutes=5))
    told(visit, says("new_medicine", "not_sure", note="later-canary"))
    assert "later-canary" not in words_of(clinician.get(page_of(report)))


def test_the_line_leaves_when_a_clinician_has_looked_and_says_what_was_decided(clinician, desk, report):
    assert "Write what you decided" in words_of(clinician.post(seen_at(report), {"note": " "}), status=422)
    assert WARNING in lists(desk)
    answer = clinician.post(seen_at(report), {"note": "An antihistamine: may come"})
    assert answer.status_code == 302
    assert WARNING not in lists(desk)
    report.refresh_from_db()
    assert (report.seen_note, report.seen_by) == ("An antihistamine: may come", clinician.membership.user)
    assert AuditEvent.objects.filter(action="changes.seen").count() == 1
    # Pressed again, it stays as it was.
    clinician.post(seen_at(report), {"note": "Other words"})
    report.refresh_from_db()
    assert report.seen_note == "An antihistamine: may come"
    assert AuditEvent.objects.filter(action="changes.seen").count() == 1
    assert "antihistamine" not in words_of(desk.get(page_of(report)))


def test_what_she_told_since_is_not_seen_with_it(clinician, desk, visit, report, later):
    later(timedelta(minutes=5))
    newer = told(visit, says("new_allergy"))
    assert lists(desk).count(page_of(report)) == 0  # of several the newest
    clinician.post(seen_at(report), {"note": "Fine"})
    assert page_of(newer) in lists(desk)
    clinician.post(seen_at(newer), {"note": "Fine too"})
    assert WARNING not in lists(desk)


def test_looking_at_the_newest_looks_at_the_older_ones(clinician, visit, report, later):
    later(timedelta(minutes=5))
    newer = told(visit, says("new_allergy"))
    clinician.post(seen_at(newer), {"note": "Fine"})
    assert not ChangeReport.objects.filter(seen_at=None).exists()


def test_the_service_itself_takes_no_word_of_the_desk(report, desk_member):
    with pytest.raises(DomainError, match="A clinician looks at this"):
        flow.mark_seen(report=report, note="Fine", by=desk_member)


@pytest.mark.parametrize("act", ["move", "cancel", "arrive", "begin"])
def test_the_line_leaves_with_a_visit_that_no_longer_stands_so(desk, visit, report, act, manager_member):
    assert WARNING in lists(desk)
    by = manager_member.user
    if act == "move":
        place = factories.a_place(visit.clinic, visit.day + timedelta(days=40))
        from treatments.screenings import services as screenings

        screenings.give_clearance(
            patient=visit.patient, code="new_medicine", reason="Harmless", expires_on=place.day,
            by=factories.a_clinician(visit.clinic), licence="NMC 1",
        )  # fmt: skip
        appointments.move(visit=visit, place=place, by=by)
    elif act == "cancel":
        appointments.cancel(visit=visit, reason="Away", by=by)
    elif act == "arrive":
        clock.move_to(visit.during.lower - timedelta(minutes=5))
        factories.arrive(visit)
    else:
        clock.move_to(visit.during.upper)
    assert WARNING not in lists(desk)
    assert "was moved, cancelled or has begun since" in words_of(desk.get(page_of(report)))


def test_a_newer_screening_that_is_clear_takes_no_line_away_for_she_waits_for_our_call(desk, visit, prescriber_member):
    from treatments.flows import clearances

    told(visit, says("new_medicine"))
    clearances.give(
        patient=visit.patient, code="new_medicine", reason="Harmless", expires_on=visit.day, by=prescriber_member
    )
    assert WARNING in lists(desk)


def test_lines_stand_in_the_order_of_the_visits(desk, clinic, visit, report):
    sooner = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman")
    other = factories.book(
        factories.make_active_plan(sooner).planned_sessions.get(number=1),
        day=visit.day - timedelta(days=1),
        at=time(9),
    )
    told(other, says("new_medicine"))
    part = words_of(desk.get("/worklists/")).split('id="answers-changed"')[1].split("</section>")[0]
    assert part.index("Aisha Rahman") < part.index("Leila Haddad")


def test_a_report_that_needs_nobody_is_on_no_list(desk, visit):
    told(visit)
    page = lists(desk)
    assert WARNING not in page
    assert "Answered again" not in page


def test_answers_that_did_not_change_and_still_forbid_the_day_are_on_the_list(desk, visit):
    """She was treated with injections elsewhere, and that was known: the visit is not possible all the same."""
    factories.answer(visit.patient, "botulinum", "yes", on=factories.TODAY)
    told(visit)
    assert "Answered again: a clinician must look before the visit" in lists(desk)


def test_another_clinic_meets_nothing_of_it(stranger, report):
    assert stranger.get(page_of(report)).status_code == 404
    assert stranger.post(seen_at(report), {"note": "x"}).status_code == 404
    assert WARNING not in lists(stranger)


def test_today_and_the_lists_cost_the_same_with_many_of_them(desk, clinic, visit, report, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def asked() -> list[int]:
        found = []
        for path in ("/today/", "/worklists/", page_of(report)):
            desk.get(path)
            with CaptureQueriesContext(connection) as captured:
                desk.get(path)
            found.append(len(captured))
        return found

    few = asked()
    for number in range(4):
        patient = factories.make_patient(clinic, given_name=f"Patient {number}")
        other = factories.book(
            factories.make_active_plan(patient).planned_sessions.get(number=1),
            day=visit.day + timedelta(days=3 + number),
        )
        told(other, says("new_medicine"))
    assert words_of(desk.get("/worklists/")).count(WARNING) == 5
    assert asked() == few
    assert few[0] <= 12


# ── The mails ─────────────────────────────────────────────────────────────────


def links_of(message) -> dict:
    kind = kinds.get(message.kind)
    return dict(kind.links(message, kind.context(message)))


@pytest.mark.parametrize("kind", ["visit_reminder_3d", "visit_reminder_1d"])
def test_both_reminders_of_a_treatment_give_the_link_until_two_hours_after_it_begins(active_plan, kind):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=14))
    wanted = links_of(of_kind(visit.patient, kind))["changes"]
    assert (wanted.purpose, wanted.about, wanted.until) == (
        "changes",
        visit.ref,
        visit.during.lower + timedelta(hours=2),
    )


def test_a_visit_that_is_no_treatment_asks_nothing(patient):
    by = factories.a_manager(patient.clinic).user
    place = factories.a_place(patient.clinic, factories.TODAY + timedelta(days=14), kind="review")
    appointments.book(patient=patient, kind="review", place=place, by=by)
    assert set(links_of(of_kind(patient, "visit_reminder_3d"))) == {"visit"}


def test_the_day_before_asks_only_who_has_not_answered(active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=14))
    reminder = of_kind(visit.patient, "visit_reminder_1d")
    clock.move_to(visit.during.lower - timedelta(days=2))
    assert "changes" in links_of(reminder)
    told(visit)
    assert "changes" not in links_of(reminder)


def test_the_reminder_that_arrives_leads_to_the_question_and_her_answer_warns_the_desk(active_plan, desk):
    from tests.treatments.patient_pages.test_from_the_mail import ADDRESS, sent

    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=14))
    clock.move_to(visit.during.lower - timedelta(days=3))
    message, text = sent("visit_reminder_3d")
    link = PatientLink.objects.get(message=message, purpose="changes")
    assert abs(link.expires_at - link.made_at - timedelta(days=3, hours=2)) < timedelta(minutes=1)
    from django.test import Client

    pages = {}
    for address in ADDRESS.findall(text):
        her = Client()
        pages[her.get(address, follow=True).request["PATH_INFO"]] = her
    her = pages[CHANGES]
    her.post("/my/birth/", {"purpose": "changes", "day": 9, "month": 6, "year": 1992})
    assert her.post(TELL, pressed(visit, new_medicine="yes")).status_code == 302
    assert WARNING in lists(desk)


def test_who_wants_no_reminders_gets_none_and_so_no_question(active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=14))
    visit.patient.reminders_allowed = False
    visit.patient.save()
    clock.move_to(visit.during.lower - timedelta(days=3))
    dispatch.run()
    assert of_kind(visit.patient, "visit_reminder_3d").state == "suppressed"
    assert not PatientLink.objects.filter(purpose="changes").exists()


def test_nobody_is_reminded_of_a_visit_that_her_answers_forbid(active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=14))
    clock.move_to(visit.during.lower - timedelta(days=2))
    reminder = of_kind(visit.patient, "visit_reminder_1d")
    assert kinds.get(reminder.kind).still_wanted(reminder) is None
    told(visit, says("new_medicine"))
    assert kinds.get(reminder.kind).still_wanted(reminder) is None  # a clinician decides yet
    told(visit, says("isotretinoin_now"))
    assert "not possible" in kinds.get(reminder.kind).still_wanted(reminder)
    proven(visit)
