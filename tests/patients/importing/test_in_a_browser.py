"""In a browser: a file from the disk to the records, and pages that keep the rules of accessibility at every size."""

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.patients.importing import messy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
EMPTY = "/patients/import/"


def test_a_manager_brings_a_file_and_takes_it_back(visitors, clinic, manager_member, tmp_path):
    known = factories.make_patient(clinic, given_name="Zoë", family_name="Ødegård", born_on=factories.date(1988, 5, 17))
    file = tmp_path / "patients.csv"
    file.write_bytes(messy.patients([known], rows=60, seed=5).content)
    who = visitors().sign_in(manager_member)
    page = who.open(EMPTY)
    wrong = wrong_in_every_view(who, "import-empty")
    page.get_by_label("Patients: Names").check()
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Read the file").click()
    expect(page.get_by_role("heading", name="What is what")).to_be_visible()
    wrong += wrong_in_every_view(who, "import-columns")
    page.get_by_role("button", name="Look at every row").click()
    expect(page.get_by_role("heading", name="Rows that are wrong")).to_be_visible()
    wrong += wrong_in_every_view(who, "import-run")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("cannot be taken")
    wrong += wrong_in_every_view(who, "import-refused")
    page.get_by_label("wrong row").check()
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("link", name="Undo this import").click()
    wrong += wrong_in_every_view(who, "import-undo")
    page.get_by_role("button", name="Undo the import").click()
    expect(page.get_by_role("heading", name="What came of it")).to_be_visible()
    assert clinic.patients.count() == 1
    who.open(EMPTY)
    wrong += wrong_in_every_view(who, "import-list")
    assert wrong == []
