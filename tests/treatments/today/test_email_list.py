"""Whom mail does not reach stands on a list until somebody has put it right."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse

from clinic import clock
from patients.links import services as links
from patients.links.purposes import Wanted
from patients.links.services import Order
from patients.models import Message, Patient, PatientLink
from patients.outbox import events
from patients.outbox.models import State
from patients.services import people
from tests import factories
from tests.factories import TODAY
from treatments.pages.worklists.email_calls import out_of_reach

pytestmark = pytest.mark.django_db


def lists_of(client) -> dict:
    return {one.code: one.calls for one in client.get(reverse("treatments:worklists")).context["lists"]}


def says(client, code: str = "e-mail") -> list[str]:
    return [call.say for call in lists_of(client)[code]]


def changed(patient, **fields) -> None:
    Patient.objects.filter(pk=patient.pk).update(**fields)


def comes_back(patient) -> None:
    changed(patient, email_bounced_at=clock.now())


def called_spam(patient) -> None:
    changed(patient, reminders_allowed=False)
    one = patient.messages.first()
    Message.objects.filter(pk=one.pk).update(state=State.COMPLAINED, reason="Spam.", closed_at=clock.now())


def no_address(patient) -> None:
    changed(patient, email="")


WHY = {
    comes_back: "Mail comes back: ask for another address",
    called_spam: "A mail was called spam: ask whether e-mail is wanted",
    no_address: "No e-mail address: ask for one",
}


@pytest.fixture
def visit(active_plan, later):
    """In five weeks: on no list of this week. Booked a minute ago, after she was asked whether we may e-mail."""
    booked = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=35))
    later(timedelta(minutes=1))
    return booked


@pytest.mark.parametrize("trouble", WHY, ids=lambda trouble: trouble.__name__)
def test_she_stands_there_with_a_reason_and_a_way_to_put_it_right(desk, patient, visit, trouble):
    assert says(desk) == []
    trouble(patient)
    (call,) = lists_of(desk)["e-mail"]
    assert (call.say, call.act, call.patient_ref) == (WHY[trouble], "Put right", patient.ref)
    assert call.url == reverse("patients:patient_messages", args=[patient.ref])
    assert desk.get(call.url).status_code == 200


@pytest.mark.parametrize("trouble", [comes_back, no_address], ids=lambda trouble: trouble.__name__)
def test_a_new_address_takes_her_off_it(desk, patient, visit, trouble):
    trouble(patient)
    patient.refresh_from_db()
    people.correct_details(patient=patient, version=patient.version, by=desk.membership.user, email="new@post.example")
    assert says(desk) == []


@pytest.mark.parametrize("trouble", WHY, ids=lambda trouble: trouble.__name__)
def test_so_does_her_answer_that_she_wants_none(desk, patient, visit, later, trouble):
    trouble(patient)
    later(timedelta(minutes=5))
    desk.post(reverse("patients:contact_asked", args=[patient.ref]), {"answer": "none"})
    assert says(desk) == []


def test_who_called_it_spam_and_was_asked_is_off_it_whatever_she_said(desk, patient, visit, later):
    called_spam(patient)
    later(timedelta(minutes=5))
    events.asked(patient=patient, answer="visits", by=desk.membership.user)
    assert says(desk) == []


def test_who_has_nothing_ahead_is_left_alone(desk, clinic):
    comes_back(factories.make_patient(clinic))
    assert says(desk) == []


def test_a_course_under_way_is_something_ahead(desk, active_plan):
    comes_back(active_plan.patient)
    assert [call.due for call in lists_of(desk)["e-mail"]] == ["none booked"]


def test_another_clinic_does_not_see_her(stranger, patient, visit):
    comes_back(patient)
    assert says(stranger) == []


def test_a_visit_this_week_without_mail_leads_to_where_it_is_put_right(desk, active_plan):
    factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=2))
    comes_back(active_plan.patient)
    (call,) = lists_of(desk)["no-e-mail"]
    assert call.say == "The last mail came back: ask for the address"
    assert call.url == reverse("patients:patient_messages", args=[active_plan.patient.ref])


@pytest.mark.parametrize(
    ("asked", "words"), [(True, "Wants no e-mail: tell by telephone"), (False, "Not asked yet: may we e-mail?")]
)
def test_not_asked_is_not_a_no(desk, active_plan, asked, words):
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=2))
    by = {"contact_asked_at": visit.booked_at, "contact_asked_by": desk.membership.user}
    nobody = {"contact_asked_at": None, "contact_asked_by": None}
    changed(active_plan.patient, mail_allowed=False, reminders_allowed=False, **(by if asked else nobody))
    assert says(desk, "no-e-mail") == [words]


# ── Links that wrong dates of birth have closed ───────────────────────────────

GUESSED = "A link closed after five wrong dates of birth: call"


def guess(patient: Patient, times: int = links.BIRTH_TRIES) -> PatientLink:
    [token] = links.issue([Order(patient, Wanted("letter"))])
    link = PatientLink.objects.get(token_sha256=links.hash_of(token))
    for _ in range(times):
        links.prove_birth(link=link, born_on=TODAY)
    return link


def test_a_link_that_was_guessed_at_is_a_line_until_somebody_has_called_her(desk, patient, visit):
    link = guess(patient)
    (call,) = lists_of(desk)["e-mail"]
    assert (call.say, call.url) == (GUESSED, reverse("patients:patient_messages", args=[patient.ref]))
    desk.post(reverse("patients:link_called", args=[patient.ref, link.ref]))
    assert says(desk) == []


def test_four_wrong_ones_and_a_link_that_the_desk_closed_are_no_line(desk, patient, visit):
    guess(patient, 4)
    closed = guess(patient, 0)
    links.close(link=closed, because=links.GUESSED, by=desk.membership.user)
    assert says(desk) == []


def test_it_is_work_also_where_nothing_is_ahead_and_each_patient_stands_there_once(desk, clinic):
    nothing_ahead = factories.make_patient(clinic)
    guess(nothing_ahead), guess(nothing_ahead)
    assert says(desk) == [GUESSED]
    assert [call.due for call in lists_of(desk)["e-mail"]] == ["none booked"]


def test_the_guess_is_said_before_any_other_trouble_and_the_other_stays(desk, patient, visit):
    comes_back(patient)
    link = guess(patient)
    assert says(desk) == [GUESSED]
    links.settle_guessed(link=link, by=desk.membership.user)
    assert says(desk) == [WHY[comes_back]]


def test_another_clinic_sees_no_guess_either_and_a_closed_record_is_nobodys_work(desk, stranger, patient, visit):
    guess(patient)
    assert says(stranger) == []
    changed(patient, status="moved_away")
    assert says(desk) == []


def test_the_list_says_nothing_clinical(desk, patient, visit):
    comes_back(patient)
    page = desk.get(reverse("treatments:worklists")).content.decode().lower()
    assert not any(word in page for word in ("melasma", "acne", "isotretinoin", "scar"))


LINKS_OF_YEARS = 20_000


def test_the_guessed_links_are_found_without_reading_those_of_years(clinic, patient):
    link = guess(patient)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO patients_patientlink (ref, clinic_id, patient_id, purpose, token_sha256, made_at, expires_at, opened,
                                                 wrong_births, closed_because)
               SELECT gen_random_uuid(), clinic_id, patient_id, purpose, 'old' || n, made_at, expires_at, 1, n %% 5, ''
               FROM patients_patientlink, generate_series(1, %s) AS n WHERE id = %s""",
            [LINKS_OF_YEARS, link.pk],
        )
        cursor.execute("ANALYZE patients_patientlink")
        assert "patient_link_guessed" in how_they_are_found(clinic)
        # The control: without the index all of them are read.
        cursor.execute("DROP INDEX patient_link_guessed")
        assert "Seq Scan on patients_patientlink" in how_they_are_found(clinic)


def how_they_are_found(clinic) -> str:
    return out_of_reach(clinic, today=TODAY).explain()
