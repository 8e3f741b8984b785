"""A word that only clinicians may read is put wherever they write: the front desk meets it nowhere, in no page, JSON or search."""

from datetime import date

import pytest
from django.urls import reverse

from clinic import clock
from patients.models import MedicationStatement
from patients.services import history
from tests import factories
from tests.access.table import TABLE
from tests.access.test_access import url_of
from tests.access.world import everything
from treatments.screenings import services as screenings
from treatments.sessions import services as sessions
from treatments.sessions.models import TreatmentSession

CANARY = "quetzalcanary"
# Each text that a clinician writes about a patient, to the word that stands in it and nowhere else.
WORDS = {
    text: f"{CANARY}-{text}"
    for text in ("answer", "medicine", "clearance", "evidence", "licence", "event", "note", "assessment")
}
# What opens whatever is folded away, and what a feed has to be told.
ASKED = {
    "treatments:screening": ("", "?all=1"),
    "treatments:calendar_json": ("?from=2027-03-08&to=2027-04-18",),
    "treatments:chart": ("", "?show=medicines", "?show=sessions", "?show=screenings", "?show=assessments"),
}


@pytest.fixture
def told(request, prescriber_member) -> dict[str, object]:
    """One of everything, with a word in each text that a clinician writes about a patient."""
    refs = everything(request)
    session = TreatmentSession.objects.get(ref=refs["session"])
    patient, by = session.patient, prescriber_member
    history.record_answers(
        patient=patient,
        answers=[{"code": "hsv_history", "value": "yes", "on": None, "detail": "", "note": WORDS["answer"]}],
        answered_on=clock.today(patient.clinic),
        via="clinician",
        by=by.user,
    )
    history.record_medication(
        patient=patient, kind=MedicationStatement.Kind.ISOTRETINOIN, name=WORDS["medicine"], prescribed=True, by=by.user
    )
    screenings.give_clearance(
        patient=patient, code="hsv_history", reason=WORDS["clearance"], evidence=f"{WORDS['evidence']}.pdf",
        expires_on=date(2027, 6, 1), licence=WORDS["licence"], by=by,
    )  # fmt: skip
    sessions.report_adverse_event(session=session, code="pih", grade=2, note=WORDS["event"], by=by.user)
    session.refresh_from_db()
    sessions.save_details(session=session, version=session.version, by=by, note=WORDS["note"])
    mild = {"code": "acne_scar_face", "zones": ["cheek"], "severity": "mild"}
    factories.assess(patient, concerns=[mild], note=WORDS["assessment"])
    screenings.perform(patient=patient, on=clock.today(patient.clinic), purpose="session", by=by.user)
    return refs


def read_by(persona: str) -> list[str]:
    return [name for name, row in TABLE.items() if "GET" in row.methods and persona in row.people]


def met(client, persona: str, refs: dict[str, object]) -> dict[str, str]:
    """What the words stand in, to a page or feed that shows one of them."""
    found = {}
    for name in read_by(persona):
        for query in ASKED.get(name, ("",)):
            answer = client.get(url_of(name, refs) + query)
            assert answer.status_code == 200 or name not in ASKED, name
            body = answer.content.decode(errors="replace").lower()
            if CANARY in body:
                found |= {text: name for text, word in WORDS.items() if word in body} or {"a part of one": name}
    return found


def test_the_desk_and_the_manager_meet_them_nowhere_and_a_clinician_meets_each(desk, manager, clinician, told):
    assert len(read_by("desk")) > 15
    assert ASKED.keys() <= set(read_by("desk"))
    assert met(desk, "desk", told) == {}
    assert met(manager, "manager", told) == {}
    # The negative control: the same walk.
    assert met(clinician, "clinician", told).keys() == WORDS.keys()


def test_search_neither_finds_by_them_nor_shows_them(desk, told):
    for name in ("patients:search", "patients:find"):
        by_name = desk.post(reverse(name), {"q": "Haddad"}).content.decode()
        assert "Haddad" in by_name and CANARY not in by_name.lower()
        for looked_for in (*WORDS.values(), CANARY, CANARY[:6], "isotretinoin", "melasma", "Acne scars"):
            found = desk.post(reverse(name), {"q": looked_for}).content.decode()
            assert "Haddad" not in found.replace(f'value="{looked_for}"', ""), (name, looked_for)
