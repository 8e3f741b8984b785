"""The dose box says what was typed, and speaks up about the time on the skin as well."""

from datetime import timedelta

import pytest

from clinic import clock
from tests.treatments.sessions.browsing import page, post
from treatments.sessions import numbing
from treatments.sessions.models import TreatmentSession


def typed(session: TreatmentSession, **data) -> dict:
    fresh = TreatmentSession.objects.get(pk=session.pk)
    cream = session.clinic.anaesthetics.first().ref
    return {"version": fresh.version, "product": cream, "grams": "3", "on_at": "10:30", "off_at": ""} | data


def dose_box(shown: str) -> str:
    return shown[shown.index('id="dose"') :].partition("</form>")[0]


def test_after_a_refusal_the_dose_is_of_what_was_typed(clinician, open_session):
    assert post(clinician, "session_numbing", open_session.ref, **typed(open_session)).status_code == 302
    answer = post(clinician, "session_numbing", open_session.ref, **typed(open_session, grams="10", on_at=""))
    assert answer.status_code == 422
    box = dose_box(answer.content.decode())
    assert "400 mg of lidocaine on the skin is above 225 mg." in box
    assert "120 mg" not in box
    assert "120 mg" in dose_box(page(clinician, open_session))


@pytest.mark.parametrize(
    ("on_at", "off_at", "said"),
    [
        ("07:12", "10:42", "210 minutes on the skin: the label allows 60. Say why, and look for a reaction."),
        ("09:40", "10:40", ""),
        ("09:39", "10:40", "61 minutes on the skin: the label allows 60. Say why, and look for a reaction."),
        ("09:00", "", "minutes on the skin: the label allows 60. Take it off now."),
        ("10:30", "", ""),
        ("", "", ""),
    ],
)
def test_the_dose_speaks_of_a_time_over_the_label_while_it_is_typed(clinician, open_session, on_at, off_at, said):
    answer = post(
        clinician, "numbing_dose", open_session.ref, **typed(open_session, on_at=on_at, off_at=off_at, grams="")
    )
    shown = answer.content.decode()
    if said:
        assert said in shown
    else:
        assert "the label allows" not in shown


def test_the_page_says_what_is_refused_and_what_is_kept_with_a_reason(clinician, open_session):
    shown = post(clinician, "numbing_dose", open_session.ref, **typed(open_session)).content.decode()
    assert "30 to 60 minutes. A longer time is written down as it was, with the reason." in shown


def test_a_charted_cream_that_is_still_on_is_spoken_of_when_the_page_opens(clinician, open_session, later):
    assert post(clinician, "session_numbing", open_session.ref, **typed(open_session)).status_code == 302
    assert "the label allows" not in dose_box(page(clinician, open_session))
    later(timedelta(minutes=70))
    assert "Take it off now." in dose_box(page(clinician, open_session))


def test_a_cream_that_is_to_go_on_later_has_no_minutes_yet(open_session):
    now = clock.now()
    assert numbing.minutes_so_far(now + timedelta(minutes=1), None) is None
    assert numbing.minutes_so_far(now - timedelta(minutes=5), None) == 5
    assert numbing.minutes_so_far(None, None) is None
