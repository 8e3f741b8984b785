"""A form that comes too late: the session was signed, struck or saved by somebody else since it was drawn."""

import re

import pytest

from tests.treatments.sessions.browsing import cartridge, post
from treatments.sessions import services as sessions

LATE = {
    "set_zone": (("cheek",), {"depth": "1.00", "passes": "4"}),
    "session_cartridge": ((), {"device": "", "new_lot": "NEW-7"}),
    "session_numbing": ((), {"product": "", "version": "1"}),
    "complete_session": ((), {"aftercare_given": "on", "sharps_disposed": "on"}),
    "stop_session": ((), {"stopped_reason": "Felt faint", "counts": "no"}),
}


@pytest.mark.parametrize("name", LATE)
def test_a_form_that_comes_after_the_signature_is_answered_by_the_signed_page(clinician, done_session, name):
    args, data = LATE[name]
    answer = post(clinician, name, done_session.ref, *args, **data)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "This session is signed and no longer changes. Write an addendum instead." in shown
    assert 'aria-labelledby="addenda-head"' in shown
    assert "Complete and sign" not in shown


def test_a_form_for_a_session_that_was_struck_says_so(clinician, open_session):
    sessions.mark_entered_in_error(session=open_session, reason="Wrong visit", by=open_session.operator)
    shown = post(clinician, "stop_session", open_session.ref, stopped_reason="x", counts="no").content.decode()
    assert "This session was entered in error and no longer changes." in shown
    assert "This session is signed" not in shown


def test_a_cartridge_saved_over_a_newer_chart_is_refused_once_and_then_taken(clinician, open_session):
    stale = open_session.version
    sessions.save_details(session=open_session, version=stale, by=open_session.operator, note="theirs")
    answer = cartridge(clinician, open_session, version=stale, new_lot="NEW-7", expires_on="2028-01-31")
    assert answer.status_code == 409
    form = answer.content.decode().partition('id="cartridge"')[2].partition("</form>")[0]
    version = re.search(r'name="version" value="(\d+)"', form)[1]
    answer = cartridge(clinician, open_session, version=version, new_lot="NEW-7", expires_on="2028-01-31")
    assert answer.status_code == 302
