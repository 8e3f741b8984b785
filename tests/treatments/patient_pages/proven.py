"""A browser in the hands of a patient who has opened her aftercare link and said when she was born."""

from django.test import Client

from tests.patients.links.made import a_token, opened
from treatments.sessions.models import TreatmentSession

PAGE = "/my/aftercare/"
BORN = {"purpose": "aftercare", "day": "9", "month": "6", "year": "1992"}


def unproven(session: TreatmentSession, **client) -> Client:
    return opened(a_token(session.patient, "aftercare", about=session.ref), **client)


def in_hand(session: TreatmentSession) -> Client:
    browser = unproven(session)
    answer = browser.post("/my/birth/", BORN)
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    return browser


def page_of(browser: Client, day: int | str | None = None) -> str:
    answer = browser.get(PAGE, {} if day is None else {"day": day})
    assert answer.status_code == 200
    return answer.content.decode()
