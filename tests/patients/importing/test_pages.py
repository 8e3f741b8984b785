"""Importing by its pages: what is guessed, asked, refused, shown, taken along as a file, and who may."""

import csv
import io
import uuid
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.importing import reading, services
from patients.importing.models import ImportRun
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/patients/import/"
HEAD = "Number,First name,Surname,DOB,E-mail\n"
ANA, BO = "7,Ana,Silva,13/02/1990,ana@post.example\n", "8,Bo,Lee,05/03/1991,\n"


def upload(client, content: bytes | str, *, kind: str = "patients", name: str = "old patients.csv", **more):
    content = content.encode() if isinstance(content, str) else content
    data = {"kind": kind, "file": SimpleUploadedFile(name, content), "submit_token": str(uuid.uuid4())}
    return client.post(URL, data | more)


def columns_url(run) -> str:
    return reverse("patients:import_columns", args=[run.ref])


def run_url(run) -> str:
    return reverse("patients:import_run", args=[run.ref])


def errors(response) -> dict:
    return {field: found[0] for field, found in response.context["form"].errors.items()}


def text(response) -> str:
    return unescape(response.content.decode())


def guessed(client, run) -> dict:
    form = client.get(columns_url(run)).context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def looked_at(client, content: str, **differing) -> ImportRun:
    assert upload(client, content).status_code == 302
    run = ImportRun.objects.latest("pk")
    response = client.post(columns_url(run), guessed(client, run) | differing)
    assert response.status_code == 302, errors(response)
    run.refresh_from_db()
    return run


def press(client, run, **said):
    page = client.get(run_url(run))
    data = {"seen": page.context["form"].initial["seen"], "submit_token": str(uuid.uuid4()), "all_alike": "skip"}
    return client.post(run_url(run), data | said)


def test_from_the_file_to_the_patients_and_back(manager, clinic):
    run = looked_at(manager, HEAD + ANA + BO)
    shown = text(manager.get(run_url(run)))
    assert "Import: patients" in shown
    response = press(manager, run)
    assert response.status_code == 302
    assert sorted(patient.full_name for patient in clinic.patients.all()) == ["Ana Silva", "Bo Lee"]
    assert [str(patient.born_on) for patient in clinic.patients.order_by("given_name")] == ["1990-02-13", "1991-03-05"]
    assert "Undo this import" in text(manager.get(run_url(run)))
    undo = reverse("patients:import_undo", args=[run.ref])
    assert "Take back 2 rows?" in text(manager.get(undo))
    assert manager.post(undo, {"submit_token": str(uuid.uuid4())}).status_code == 302
    assert not clinic.patients.exists()
    assert "Undone" in text(manager.get(run_url(run)))


def test_a_double_click_imports_once_and_lands_in_the_same_place(manager, clinic):
    run = looked_at(manager, HEAD + ANA)
    page = manager.get(run_url(run))
    data = {"seen": page.context["form"].initial["seen"], "submit_token": str(uuid.uuid4())}
    first, second = manager.post(run_url(run), data), manager.post(run_url(run), data)
    assert first.status_code == second.status_code == 302
    assert first.headers["Location"] == second.headers["Location"]
    assert clinic.patients.count() == 1


@pytest.mark.parametrize(
    ("content", "more", "field", "words"),
    [
        (b"", {}, "file", "This file is empty"),
        (b"Only one column\nAna\n", {}, "file", "No columns were found"),
        (b"a,b\n" + b"x" * reading.MOST_BYTES, {}, "file", "larger than 5 MB"),
        (HEAD.encode() + ANA.encode(), {"kind": "spells"}, "kind", "Choose what the file is about."),
        (HEAD.encode() + ANA.encode(), {"file": ""}, "file", "Choose the file."),
    ],
)
def test_what_is_no_table_is_refused_at_its_field(manager, content, more, field, words):
    response = upload(manager, content, **more)
    assert response.status_code == 422
    assert words in errors(response)[field]
    assert not ImportRun.objects.exists()


def test_the_form_of_a_file_asks_for_its_token(manager_member):
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager_member.user)
    assert upload(client, HEAD + ANA).status_code == 403
    assert not ImportRun.objects.exists()


def test_columns_are_guessed_by_heading_and_remembered(manager):
    content = "Ref;Call her;Surname;DOB\n1;Ana;Silva;1990-02-01\n"
    upload(manager, content)
    run = ImportRun.objects.get()
    assert guessed(manager, run)["given_name"] == ""
    assert (guessed(manager, run)["family_name"], guessed(manager, run)["born_on"]) == ("2", "3")
    refused = manager.post(columns_url(run), guessed(manager, run))
    assert (refused.status_code, refused.context["form"].non_field_errors()[0]) == (
        422,
        "Say which column holds the given name.",
    )
    manager.post(columns_url(run), guessed(manager, run) | {"given_name": "1"})
    services.give_up(run=run, by=run.begun_by)
    upload(manager, content)
    again = ImportRun.objects.first()
    assert guessed(manager, again)["given_name"] == "1"
    assert "As you chose the last time." in text(manager.get(columns_url(again)))


def test_one_column_is_one_thing(manager):
    upload(manager, HEAD + ANA)
    run = ImportRun.objects.get()
    refused = manager.post(columns_url(run), guessed(manager, run) | {"speaks": "1"})
    assert (refused.status_code, errors(refused)) == (
        422,
        {"speaks": "This column is chosen for something else already."},
    )


def test_a_day_that_can_be_read_in_two_ways_is_asked(manager, clinic):
    content = HEAD + "7,Ana,Silva,03/04/1990,\n"
    upload(manager, content)
    run = ImportRun.objects.get()
    refused = manager.post(columns_url(run), guessed(manager, run))
    assert errors(refused) == {"day_order": "03/04/1990 can be read in two ways. Say which is meant."}
    manager.post(columns_url(run), guessed(manager, run) | {"day_order": "mdy"})
    press(manager, run)
    assert str(clinic.patients.get().born_on) == "1990-03-04"


def test_an_order_that_the_file_itself_denies_is_refused(manager):
    """Chosen the last time, of another program's file: 03/04 would be read the wrong way round, and only 25/04 be named."""
    content = HEAD + "7,Ana,Silva,04/25/1990,\n8,Bo,Lee,03/04/1991,\n"
    upload(manager, content)
    run = ImportRun.objects.get()
    refused = manager.post(columns_url(run), guessed(manager, run) | {"day_order": "dmy"})
    assert errors(refused) == {"day_order": "Days of this file have the month first. Choose that."}
    assert manager.post(columns_url(run), guessed(manager, run) | {"day_order": "mdy"}).status_code == 302


def test_a_preview_shows_how_the_letters_were_read(manager):
    upload(manager, "First name\tSurname\tDOB\nZoë\tMüller\t1990-02-01\n".encode("cp1252"))
    shown = text(manager.get(columns_url(ImportRun.objects.get())))
    assert "Windows, western Europe, tab between the columns" in shown
    assert "<bdi>Müller</bdi>" in shown


def test_the_wrong_rows_stand_on_the_page_and_in_a_file_without_formulas(manager, clinic):
    run = looked_at(
        manager,
        HEAD + ANA + '9,Bo,Lee,1990-01-01,"=HYPERLINK(""x"")"\n,,,,\n9,Cy,,1990-01-01,\n9,Di,Po,<b>1990</b>,\n',
    )
    shown = manager.get(run_url(run)).content.decode()
    assert "&lt;b&gt;1990&lt;/b&gt;" in shown
    assert "<b>1990</b>" not in shown
    refused = press(manager, run)
    assert refused.status_code == 422
    assert "3 rows cannot be taken." in errors(refused)["leave_out"]
    response = manager.get(reverse("patients:import_errors", args=[run.ref]))
    assert response.headers["Content-Disposition"] == 'attachment; filename="rows-to-correct.csv"'
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert rows[0] == ["Row", "Column", "What stands there", "What is wrong", "What to do"]
    assert [row[:4] for row in rows[1:]] == [
        ["3", "E-mail", '\'=HYPERLINK("x")', "This is no e-mail address."],
        ["5", "Surname", "", "The family name is missing."],
        ["6", "DOB", "<b>1990</b>", "This is no day that exists."],
    ]
    assert press(manager, run, leave_out="on").status_code == 302
    assert clinic.patients.count() == 1


def test_is_this_the_same_person(manager, clinic):
    factories.make_patient(clinic, given_name="Ána", family_name="Silva", born_on=factories.date(1990, 2, 13))
    run = looked_at(manager, HEAD + ANA + BO)
    shown = text(manager.get(run_url(run)))
    assert "Is this the same person?" in shown
    assert "On record: <bdi>Ána Silva</bdi>" in shown
    assert press(manager, run, **{"alike-2": "nonsense"}).status_code == 422
    assert press(manager, run, **{"alike-2": "take"}).status_code == 302
    assert clinic.patients.count() == 2
    assert {number.number for number in clinic.patient_numbers.all()} == {"7", "8"}


def test_what_changed_since_is_looked_at_again(manager, clinic):
    run = looked_at(manager, HEAD + ANA)
    seen = manager.get(run_url(run)).context["form"].initial["seen"]
    factories.make_patient(clinic, given_name="Ana", family_name="Silva", born_on=factories.date(1990, 2, 13))
    response = manager.post(run_url(run), {"seen": seen, "submit_token": str(uuid.uuid4())})
    assert response.status_code == 422
    assert "changed since you looked at this file. Nothing was imported: look again." in text(response)
    assert "Is this the same person?" in text(response)
    assert clinic.patients.count() == 1


def test_a_second_file_waits_for_the_first(manager):
    upload(manager, HEAD + ANA)
    refused = upload(manager, HEAD + BO)
    assert refused.status_code == 422
    assert "An import is being looked at already." in text(refused)
    run = ImportRun.objects.get()
    assert manager.post(reverse("patients:import_give_up", args=[run.ref])).status_code == 302
    assert upload(manager, HEAD + BO).status_code == 302


def test_pages_of_an_import_that_is_over_lead_to_what_came_of_it(manager):
    run = looked_at(manager, HEAD + ANA)
    press(manager, run)
    assert manager.get(columns_url(run)).headers["Location"] == run_url(run)
    assert manager.get(reverse("patients:import_errors", args=[run.ref])).status_code == 200
    give_up = manager.post(reverse("patients:import_give_up", args=[run.ref]))
    assert give_up.headers["Location"] == run_url(run)


@pytest.mark.parametrize("who", ["desk", "clinician"])
def test_files_are_a_managers(request, who, manager):
    run = looked_at(manager, HEAD + ANA)
    client = request.getfixturevalue(who)
    for name in ("import_run", "import_columns", "import_errors", "import_undo"):
        assert client.get(reverse(f"patients:{name}", args=[run.ref])).status_code == 403
    assert "Import a file" not in text(client.get("/patients/"))
    assert "Import a file" in text(manager.get("/patients/"))


def queries(client, url: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def test_as_many_queries_whatever_the_file_holds(manager, clinic):
    counts = []
    for rows in (3, 300):
        for number in range(rows // 3):
            factories.make_patient(
                clinic, given_name=f"A{rows}b{number}", family_name="Silva", born_on=factories.date(1990, 2, 13)
            )
        lines = [f"{rows}{n},{'' if n % 3 == 1 else f'A{rows}b{n // 3}'},Silva,13/02/1990,\n" for n in range(rows)]
        run = looked_at(manager, HEAD + "".join(lines))
        pages = [URL, columns_url(run), run_url(run)]
        for page in pages:
            manager.get(page)
        counts.append([queries(manager, page) for page in pages])
        services.give_up(run=run, by=run.begun_by)
    assert counts[0] == counts[1]
