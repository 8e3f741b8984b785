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


def test_everything_the_page_asks_can_be_said(create):
    create(
        language="en", reply_to="desk@alder.example", phone="020 7946 0100", urgent_phone="020 7946 0142",
        emergency_number="999", room="Blue room", hours=["mon-fri 09:00 to 17:00", "sat 9-12"],
        also=["clinician", "prescriber"], title="Dr", licence="GMC 7654321",
    )  # fmt: skip
    clinic = Clinic.objects.get()
    assert clinic.opening_hours["6"] == "09:00 to 12:00"
    assert "7" not in clinic.opening_hours
    assert clinic.urgent_phone == "020 7946 0142"
    manager = clinic.memberships.get()
    assert manager.roles == ["manager", "clinician", "prescriber"]
    assert manager.working_hours.count() == 6
    assert clinic.rooms.get().name == "Blue room"


@pytest.mark.parametrize("hours", ["fri-mon 09:00 to 17:00", "someday 09:00 to 17:00", "mon-fri noon", "mon"])
def test_hours_that_cannot_be_read_are_refused_in_words(create, hours):
    with pytest.raises(CommandError, match="--hours"):
        create(hours=[hours])
    assert not Clinic.objects.exists()
