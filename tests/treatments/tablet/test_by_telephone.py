"""By telephone the desk writes down what she said and judges nothing: a clinician is told before she travels, and no session of
that day opens before one has looked."""

from datetime import timedelta

import pytest
from django.urls import reverse

from clinic.errors import DomainError
from clinic.models import AuditEvent
from patients.models import HistoryAnswer
from tests import factories
from tests.factories import TODAY
from tests.treatments.patient_pages.telling import CHANGES, none_of, proven, words_of
from treatments.appointments import services as appointments
from treatments.appointments.by_patient.models import ChangeReport
from treatments.flows import changes
from treatments.screenings.models import ScreeningRecord

pytestmark = pytest.mark.django_db
SAID = "Started an antibiotic on Monday, quetzalcanary"
WARNING = "Something changed, by telephone: a clinician must look before the visit"


@pytest.fixture
def visit(active_plan):
    return factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=3))


@pytest.fixture
def report(visit, desk_member) -> ChangeReport:
    return changes.note_by_telephone(visit=visit, said=SAID, by=desk_member)


def heard_url(visit) -> str:
    return reverse("treatments:heard", args=[visit.ref])


def page_of(report) -> str:
    return reverse("treatments:change_report", args=[report.ref])


def test_the_desk_writes_down_her_words_and_asks_no_question(desk, visit, desk_member):
    page = words_of(desk.get(heard_url(visit)))
    assert none_of(('type="radio"', "pregnan", "Not sure"), page) == []
    answer = desk.post(heard_url(visit), {"said": SAID, "next": "/today/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/today/")
    report = ChangeReport.objects.get()
    assert (report.said, report.heard_by, report.link, report.needs_a_look) == (SAID, desk_member.user, None, True)
    assert not HistoryAnswer.objects.filter(via="desk").exists()
    event = AuditEvent.objects.get(action="changes.told")
    assert event.by == desk_member.user
    assert "quetzalcanary" not in str(event.facts)


def test_the_desk_still_cannot_fill_in_the_questions(desk, patient):
    for name in ("day_form", "full_form"):
        url = reverse(f"treatments:{name}", args=[patient.ref])
        assert desk.get(url).status_code == 403
        assert desk.post(url, {}).status_code == 403


def test_nothing_said_is_refused_at_its_field_and_nothing_typed_is_lost(desk, visit):
    answer = desk.post(heard_url(visit), {"said": "   "})
    assert answer.status_code == 422
    assert "Write what the patient said." in answer.content.decode()
    answer = desk.post(heard_url(visit), {"said": "x" * 401})
    assert answer.status_code == 422
    assert "x" * 401 in answer.content.decode()
    assert not ChangeReport.objects.exists()


def test_pressed_twice_it_is_kept_once(desk, visit):
    page = words_of(desk.get(heard_url(visit)))
    token = page.split('name="submit_token" value="')[1].split('"')[0]
    for _ in range(2):
        assert desk.post(heard_url(visit), {"said": SAID, "submit_token": token}).status_code == 302
    assert ChangeReport.objects.count() == 1


def test_the_desk_is_warned_and_reads_no_word_of_it(desk, manager, report):
    for who in (desk, manager):
        for path in ("/today/", "/worklists/"):
            page = words_of(who.get(path))
            assert WARNING in page
            assert none_of(("quetzalcanary",), page) == []
        page = words_of(who.get(page_of(report)))
        assert "by telephone, heard by Tess Moran" in page
        assert none_of(("quetzalcanary", "antibiotic"), page) == []


def test_a_clinician_reads_her_words_and_decides(clinician, report):
    answer = clinician.get(page_of(report))
    page = words_of(answer)
    assert SAID in page
    assert answer.context["verdict"]["state"] == "ask"
    answer = clinician.post(f"{page_of(report)}seen/", {"note": "Wait a week"})
    assert answer.status_code == 302
    report.refresh_from_db()
    assert report.seen_note == "Wait a week"
    assert WARNING not in words_of(clinician.get("/worklists/"))


def test_her_story_says_that_something_was_said_and_to_clinicians_what(desk, clinician, report):
    page = words_of(desk.get(report.patient.get_absolute_url()))
    assert "Something changed, by telephone" in page
    assert "quetzalcanary" not in page
    assert SAID in words_of(clinician.get(report.patient.get_absolute_url()))


def test_no_session_of_that_day_opens_before_a_clinician_has_looked(report, later, clinician_member):
    later(timedelta(days=3))
    factories.answer_all(report.patient, forms=("day",))
    with pytest.raises(DomainError, match="What the patient told us waits for a clinician."):
        factories.screen_today(report.patient)
    changes.mark_seen(report=report, note="Harmless", by=clinician_member)
    assert factories.screen_today(report.patient).purpose == "session"


def test_a_visit_that_was_moved_or_cancelled_holds_up_no_other(report, visit, clinician_member):
    assert factories.screen_today(report.patient).purpose == "session"


def test_who_asks_the_questions_of_the_day_has_read_what_stands_above_them(clinician, report, later):
    later(timedelta(days=3))
    url = reverse("treatments:day_form", args=[report.patient.ref])
    page = words_of(clinician.get(url))
    assert SAID in page
    asked = page.split('type="radio" name="')[1:]
    said = {one.split('"')[0]: "no" for one in asked}
    assert clinician.post(url, said).status_code == 422, "it stood above no form that was read"
    assert clinician.post(url, said | {"read": str(report.ref)}).status_code == 302
    report.refresh_from_db()
    assert report.seen_note == "Asked all of it anew."
    assert ScreeningRecord.objects.first().purpose == "session"


def test_of_a_visit_that_is_not_ahead_nothing_is_kept(visit, desk, desk_member):
    appointments.cancel(visit=visit, reason="Ill", by=desk_member.user)
    assert "This visit is not ahead any more" in words_of(desk.get(heard_url(visit)))
    answer = desk.post(heard_url(visit), {"said": SAID})
    assert answer.status_code == 422
    assert not ChangeReport.objects.exists()


def test_her_own_page_does_not_say_that_she_answered(report, visit):
    page = words_of(proven(visit).get(CHANGES))
    assert "Has anything changed?" in page


def test_the_visit_offers_it_to_who_answers_the_telephone(desk, manager, visit):
    url = reverse("treatments:visit", args=[visit.ref])
    assert heard_url(visit) in words_of(desk.get(url))
    assert heard_url(visit) not in words_of(manager.get(url))


def test_the_database_knows_how_it_was_heard(report):
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError, match="change_report_says_how_we_know"), transaction.atomic():
        ChangeReport.objects.create(
            patient=report.patient, visit=report.visit, visit_version=1, record=report.record, once=report.ref,
            needs_a_look=True,
        )  # fmt: skip
