"""A stored screening is told as it was judged, also where the rules have changed since."""

import hashlib
import json

import pytest
from django.db import connection

from tests import factories
from tests.treatments.sessions.browsing import page
from treatments.protocol.catalogue import load
from treatments.rules.models import ProtocolVersion
from treatments.screenings.models import ScreeningRecord
from treatments.sessions.models import TreatmentSession


def judged_by(record: ScreeningRecord, toml: str) -> None:
    """The record as an earlier version of the rules has left it."""
    earlier = ProtocolVersion.objects.create(
        version="2026.1", sha256=hashlib.sha256(toml.encode()).hexdigest(), toml=toml
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE treatments_screeningrecord SET protocol_id = %s, facts = %s, result = %s WHERE id = %s",
            [earlier.pk, json.dumps(record.facts), json.dumps(record.result), record.pk],
        )
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


@pytest.fixture
def judged_earlier(patient) -> TreatmentSession:
    """Open, behind a screening that raised a caution."""
    factories.make_visit_today(patient)
    factories.answer(patient, "smoking", "yes")
    return factories.open_session(patient.appointments.get())


def test_a_stored_screening_is_told_in_the_words_of_its_own_protocol(clinician, judged_earlier):
    record, label = judged_earlier.screening, load().rule("smoking").label
    record.facts["answers"]["renamed_since"] = record.facts["answers"].pop("smoking")
    judged_by(record, load().text.replace('"smoking"', '"renamed_since"').replace(label, "Tobacco of any kind"))
    shown = page(clinician, judged_earlier, "check")
    assert "Tobacco of any kind" in shown
    assert label not in shown


@pytest.mark.parametrize(
    "toml", ["version = 1", load().text], ids=["a_protocol_no_longer_read", "a_code_that_nothing_knows"]
)
def test_what_no_protocol_can_word_any_more_is_shown_as_it_was_stored(clinician, judged_earlier, toml):
    record = judged_earlier.screening
    record.facts["answers"]["renamed_since"] = record.facts["answers"].pop("smoking")
    record.result["findings"][0]["code"] = "renamed_since"
    judged_by(record, toml + "\n# an earlier one\n")
    shown = page(clinician, judged_earlier, "check")
    assert "Renamed since" in shown
    assert record.result["findings"][0]["advice"] in shown
