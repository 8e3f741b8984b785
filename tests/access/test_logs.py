"""What the log says about a patient: nothing that names her."""

import logging

import pytest

from tests.access.table import TABLE
from tests.access.test_access import refs, url_of  # noqa: F401  (refs is a fixture)

CANARY = "Zzyzx"


@pytest.mark.django_db
def test_no_name_and_no_address_reaches_the_log_or_an_address_bar(refs, clinician, patient, caplog):  # noqa: F811
    patient.given_name, patient.email = CANARY, f"{CANARY}@post.example"
    patient.save(update_fields=["given_name", "email"])
    clinician.raise_request_exception = False
    shown = 0
    with caplog.at_level(logging.DEBUG):
        for name, row in TABLE.items():
            for method in row.methods:
                response = clinician.generic(method, url_of(name, refs))
                shown += CANARY in response.content.decode(errors="replace")
                assert CANARY not in response.headers.get("Location", ""), name
    assert shown > 5, "the canary was never on a page: this test proves nothing"
    assert CANARY.casefold() not in caplog.text.casefold()
