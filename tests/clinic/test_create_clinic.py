"""The first clinic from the command line: what the page would refuse is refused here too."""

import io

import pytest
from django.core.management import CommandError, call_command

from clinic.models import Clinic
from tests.factories import PASSWORD

GIVEN = {
    "name": "Alder Lane",
    "zone": "Europe/London",
    "manager_email": "mara@alder.example",
    "manager_name": "Mara Quist",
}


@pytest.fixture
def create(db, monkeypatch):
    def run(password: str = PASSWORD, **differing):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        call_command("create_clinic", password_stdin=True, stdout=io.StringIO(), **GIVEN | differing)

    return run


def test_a_clinic_begins_with_its_manager(create):
    create()
    assert Clinic.objects.get().memberships.get().user.email == "mara@alder.example"


@pytest.mark.parametrize(
    ("differing", "sentence"),
    [
        ({"password": "12345"}, "too short"),
        ({"password": "password12"}, "too common"),
        ({"manager_email": "mara"}, "valid email"),
        ({"zone": "Mars/Olympus"}, "Choose a time zone"),
        ({"zone": "UTC"}, "Choose a time zone"),
    ],
)
def test_what_the_page_would_refuse_is_refused_in_words(create, differing, sentence):
    with pytest.raises(CommandError, match=f"(?i){sentence}"):
        create(**differing)
    assert not Clinic.objects.exists()
