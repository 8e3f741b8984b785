"""A patient who tells us something from a mail, and what is kept of it."""

import re
from collections.abc import Iterable
from uuid import UUID, uuid4

from django.test import Client

from patients.models import PatientLink
from tests.patients.links.made import a_token, opened, row_of
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import Appointment
from treatments.flows import changes

CHANGES, TELL, MOVE, VISIT = "/my/changes/", "/my/changes/tell/", "/my/visit/move/", "/my/visit/"
TOKEN = re.compile(r'name="submit_token" value="([0-9a-f-]{36})"')


def a_link(visit: Appointment, purpose: str = "changes") -> PatientLink:
    return row_of(a_token(visit.patient, purpose, about=visit.ref))


def proven(visit: Appointment, **client) -> Client:
    """Her browser with the link of a reminder open, her date of birth said."""
    hers = opened(a_token(visit.patient, "changes", about=visit.ref), **client)
    born = visit.patient.born_on
    said = {"purpose": "changes", "day": born.day, "month": born.month, "year": born.year}
    assert hers.post("/my/birth/", said).status_code == 302
    return hers


def pressed(visit: Appointment, /, **differing) -> dict:
    """A form of hers as the page sends it."""
    return {"version": visit.schedule_version, "submit_token": str(uuid4())} | differing


def wishing(visit: Appointment, /, **differing) -> dict:
    return {"act": "ask", "visit": str(visit.ref), "version": visit.schedule_version} | differing


def told(visit: Appointment, *answers: dict, link: PatientLink | None = None, once: UUID | None = None) -> ChangeReport:
    """A report through the flow. Answers: dicts with `code` and `value`."""
    visit.refresh_from_db()
    return changes.report(
        visit=visit,
        version=visit.schedule_version,
        answers=list(answers),
        link=link or a_link(visit),
        once=once or uuid4(),
    )


def says(code: str, value: str = "yes", **more) -> dict:
    return {"code": code, "value": value} | more


def words_of(answer, *, status: int = 200) -> str:
    assert answer.status_code == status, answer.status_code
    return answer.content.decode()


def none_of(words: Iterable[str], page: str) -> list[str]:
    """Which of these stand in a page."""
    return [word for word in words if word.casefold() in page.casefold()]
