"""Her number in the clinic's own books: typed, brought by a file, shown on her chart, found, taken away."""

import uuid
from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import DomainError, constraint_name
from clinic.models import AuditEvent
from patients.importing.models import PatientNumber
from patients.services import closing, finding, numbers
from tests import factories
from tests.fixtures.browser import wrong_in_every_view


def url(patient) -> str:
    return reverse("patients:numbers", args=[patient.ref])


def press(client, address: str, **typed):
    return client.post(address, {"submit_token": str(uuid.uuid4())} | typed)


def page(client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def names(found: finding.Found) -> list[str]:
    return [patient.given_name for patient in found.patients]


@pytest.fixture
def ana(clinic):
    return factories.make_patient(clinic, given_name="Ana", family_name="Silva")


@pytest.mark.django_db
class TestTyped:
    def test_the_desk_enters_one_and_it_stands_on_the_chart(self, desk, clinician, ana):
        assert "Own number</dt><dd>none" in page(desk, ana.get_absolute_url())
        token = str(uuid.uuid4())
        for _ in range(2):
            answer = desk.post(url(ana), {"number": "  K  1023 ", "submit_token": token})
            assert answer.headers["Location"] == url(ana)
        assert [row.number for row in ana.numbers.all()] == ["K 1023"]
        assert "typed by" in page(desk, url(ana))
        for who in (desk, clinician):
            assert "Own number</dt><dd>K 1023" in page(who, ana.get_absolute_url())
        event = AuditEvent.objects.get(action="patient_number.given")
        assert (event.target_ref, event.facts) == (ana.ref, {})

    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [
            ("", "Write the number as it stands in your books."),
            ("   ", "Write the number as it stands in your books."),
            ("7", "She has this number already."),
            ("8", "This number is Bo Silva's here, born 9 June 1992. If it is not hers, take it away there first."),
            ("x" * 41, "there is room for 40"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(self, desk, clinic, ana, typed, sentence):
        by = factories.a_manager(clinic).user
        numbers.give(patient=ana, number="7", by=by)
        bo = factories.make_patient(clinic, given_name="Bo", family_name="Silva")
        numbers.give(patient=bo, number="8", by=by)
        answer = press(desk, url(ana), number=typed)
        assert answer.status_code == 422
        assert sentence in answer.context["form"].errors["number"][0]
        assert not typed.strip() or f'value="{typed}"' in answer.content.decode()
        assert ana.numbers.count() == 1

    def test_one_that_is_not_hers_is_taken_away_and_given_to_another(self, desk, clinic, ana):
        numbers.give(patient=ana, number="7", by=factories.a_manager(clinic).user)
        away = reverse("patients:number_take_away", args=[ana.ref])
        assert press(desk, away, number="7").headers["Location"] == url(ana)
        assert not ana.numbers.exists()
        answer = desk.post(away, {"submit_token": str(uuid.uuid4()), "number": "7"}, follow=True)
        assert "does not have this number any more" in unescape(answer.content.decode())
        bo = factories.make_patient(clinic, given_name="Bo")
        assert press(desk, url(bo), number="7").status_code == 302

    def test_the_same_number_is_another_one_in_another_clinic(self, desk, stranger, other_clinic, ana):
        assert press(desk, url(ana), number="7").status_code == 302
        theirs = factories.make_patient(other_clinic)
        assert press(stranger, url(theirs), number="7").status_code == 302
        assert stranger.get(url(ana)).status_code == 404
        assert names(finding.find(clinic=other_clinic, text="7")) == [theirs.given_name]

    def test_the_database_keeps_where_it_is_from(self, clinic, ana):
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            PatientNumber.objects.create(clinic=clinic, patient=ana, number="7")
        assert constraint_name(caught.value) == "patient_number_says_where_from"

    def test_two_at_once_are_a_sentence(self, clinic, ana, monkeypatch):
        by, bo = factories.a_manager(clinic).user, factories.make_patient(clinic, given_name="Bo")
        numbers.give(patient=bo, number="7", by=by)
        monkeypatch.setattr(numbers, "_refuse_taken", lambda *_: None)
        with pytest.raises(DomainError, match="belongs to a patient already"):
            numbers.give(patient=ana, number="7", by=by)


@pytest.mark.django_db
class TestFound:
    @pytest.mark.parametrize("typed", ["K-1023", "k-1023", " K-1023 "])
    def test_the_whole_number_finds_her_before_everybody_else(self, clinic, ana, typed):
        factories.make_patient(clinic, given_name="Bo", phone="07700 901023")
        numbers.give(patient=ana, number="K-1023", by=factories.a_manager(clinic).user)
        assert names(finding.find(clinic=clinic, text=typed))[0] == "Ana"

    def test_a_number_that_is_the_end_of_a_telephone_number_finds_both(self, clinic, ana):
        factories.make_patient(clinic, given_name="Bo", phone="07700 901023")
        numbers.give(patient=ana, number="1023", by=factories.a_manager(clinic).user)
        found = finding.find(clinic=clinic, text="1023")
        assert (names(found), found.nearest) == (["Ana", "Bo"], False)

    def test_a_short_one_is_found_though_two_figures_are_no_telephone_number(self, desk, clinic, ana):
        assert not finding.find(clinic=clinic, text="17").asked
        numbers.give(patient=ana, number="17", by=factories.a_manager(clinic).user)
        assert names(finding.find(clinic=clinic, text="17")) == ["Ana"]
        assert "Ana" in desk.post(reverse("patients:search"), {"q": "17"}).content.decode()

    def test_she_is_found_once_who_is_found_both_ways(self, clinic):
        ana = factories.make_patient(clinic, given_name="Ana", phone="07700 901023")
        numbers.give(patient=ana, number="901023", by=factories.a_manager(clinic).user)
        assert names(finding.find(clinic=clinic, text="901023")) == ["Ana"]

    def test_a_closed_record_is_found_by_it_too(self, clinic, ana):
        by = factories.a_manager(clinic).user
        numbers.give(patient=ana, number="17", by=by)
        closing.close(patient=ana, why="moved_away", reason="To Leeds", by=by)
        assert names(finding.find(clinic=clinic, text="17")) == ["Ana"]

    def test_a_name_costs_no_query_more(self, clinic, ana):
        with CaptureQueriesContext(connection) as queries:
            finding.find(clinic=clinic, text="silva")
        assert not [query for query in queries if "patientnumber" in query["sql"]]


@pytest.mark.django_db
def test_the_page_and_the_chart_cost_the_same_with_many(desk, clinic, ana):
    by = factories.a_manager(clinic).user

    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(address).status_code == 200
        return len(captured)

    numbers.give(patient=ana, number="1", by=by)
    pages = [url(ana), ana.get_absolute_url()]
    for address in pages:
        desk.get(address)
    few = [queries(address) for address in pages]
    for number in range(2, 12):
        numbers.give(patient=ana, number=str(number), by=by)
    assert [queries(address) for address in pages] == few


@pytest.mark.django_db
def test_the_settings_of_a_manager_lead_to_an_import(manager, desk):
    address = reverse("patients:import")
    assert f'class="tile" href="{address}"' in page(manager, "/settings/")
    assert address not in page(desk, "/settings/")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_of_numbers_in_every_view(visitors, clinic, ana, desk_member, manager_member):
    numbers.give(patient=ana, number="K-1023", by=factories.a_manager(clinic).user)
    bo = factories.make_patient(clinic, given_name="Bo", family_name="Lee")
    who = visitors().sign_in(desk_member)
    who.open(url(ana))
    wrong = wrong_in_every_view(who, "own-numbers")
    page = who.open(url(bo))
    wrong += wrong_in_every_view(who, "own-numbers-none")
    page.get_by_role("textbox", name="Number").fill("K-1023")
    page.get_by_role("button", name="Enter the number").click()
    page.get_by_text("This number is Ana Silva's here").first.wait_for()
    wrong += wrong_in_every_view(who, "own-numbers-refused")
    who.open(ana.get_absolute_url())
    wrong += wrong_in_every_view(who, "chart-with-own-number")
    boss = visitors().sign_in(manager_member)
    boss.open("/settings/")
    wrong += wrong_in_every_view(boss, "settings-import")
    assert wrong == []
