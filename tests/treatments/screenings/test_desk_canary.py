"""A word that only clinicians may read is put wherever they write: the front desk meets it nowhere, in no page, JSON or search."""

from datetime import date

import pytest
from django.urls import reverse

from clinic import clock
from patients.models import MedicationStatement
from patients.services import history
from tests.access.table import TABLE
from tests.access.test_access import url_of
from tests.access.world import everything
from treatments.screenings import services as screenings
from treatments.sessions import services as sessions
from treatments.sessions.models import TreatmentSession

WORD = "Quetzalcanary"


@pytest.fixture
def told(request, prescriber_member) -> dict[str, object]:
    """One of everything, with the word in each text that a clinician writes about a patient."""
    refs = everything(request)
    session = TreatmentSession.objects.get(ref=refs["session"])
    patient, by = session.patient, prescriber_member
    history.record_answers(
        patient=patient,
        answers=[{"code": "hsv_history", "value": "yes", "on": None, "detail": "", "note": WORD}],
        answered_on=clock.today(patient.clinic),
        via="clinician",
        by=by.user,
    )
    history.record_medication(
        patient=patient, kind=MedicationStatement.Kind.ISOTRETINOIN, name=WORD, prescribed=True, by=by.user
    )
    screenings.give_clearance(
        patient=patient, code="hsv_history", reason=WORD, evidence=f"{WORD}.pdf", expires_on=date(2027, 6, 1),
        licence=WORD, by=by,
    )  # fmt: skip
    sessions.report_adverse_event(session=session, code="pih", grade=2, note=WORD, by=by.user)
    session.refresh_from_db()
    sessions.save_details(session=session, version=session.version, by=by, note=WORD)
    screenings.perform(patient=patient, on=clock.today(patient.clinic), purpose="session", by=by.user)
    return refs


READ_BY_THE_DESK = [name for name, row in TABLE.items() if "GET" in row.methods and "desk" in row.people]
READ_BY_CLINICIANS = [name for name, row in TABLE.items() if "GET" in row.methods and "clinician" in row.people]


def holding(client, names: list[str], refs: dict[str, object]) -> list[str]:
    """The pages and feeds in which the word stands; `?show=` and `?all=` open whatever is folded away."""
    found = []
    for name in names:
        for query in ("", "?all=1", "?start=2027-03-01&end=2027-06-30"):
            body = client.get(url_of(name, refs) + query).content.decode(errors="replace")
            if WORD.lower() in body.lower():
                found.append(name)
    return found


def test_the_desk_meets_it_nowhere(desk, told):
    assert len(READ_BY_THE_DESK) > 15
    assert holding(desk, READ_BY_THE_DESK, told) == []


def test_the_manager_meets_it_nowhere(manager, told):
    names = [name for name, row in TABLE.items() if "GET" in row.methods and "manager" in row.people]
    assert holding(manager, names, told) == []


@pytest.mark.parametrize("name", ["patients:search", "patients:find"])
@pytest.mark.parametrize("looked_for", [WORD, WORD[:6], "isotretinoin", "melasma", "Acne scars"])
def test_search_neither_finds_by_it_nor_shows_it(desk, told, name, looked_for):
    by_name = desk.post(reverse(name), {"q": "Haddad"}).content.decode()
    assert "Haddad" in by_name and WORD not in by_name
    found = desk.post(reverse(name), {"q": looked_for}).content.decode()
    assert "Haddad" not in found.replace(f'value="{looked_for}"', "")


def test_the_word_is_there_for_a_clinician(clinician, told):
    """The same walk finds it on the pages that hold what was written."""
    assert {"treatments:screening", "patients:chart", "patients:history"} & set(
        holding(clinician, READ_BY_CLINICIANS, told)
    )
