"""What the desk sees of a patient's links and does with them: close one, close all, call her after wrong dates of birth."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import AuditEvent
from patients.links import purposes, services, shown
from patients.models import Message, PatientLink
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from tests.patients.links.made import CLINICAL, a_token, ended, opened, row_of

pytestmark = pytest.mark.django_db
WRONG = date(1970, 1, 1)


@pytest.fixture(autouse=True)
def _clinical() -> Iterator[None]:
    purposes.register(CLINICAL)
    yield
    purposes.forget(CLINICAL.code)


def url_of(patient) -> str:
    return reverse("patients:patient_messages", args=[patient.ref])


def read(client, patient) -> str:
    answer = client.get(url_of(patient))
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def press(client, name: str, *refs, **typed):
    return client.post(reverse(f"patients:{name}", args=refs), {"submit_token": str(uuid4())} | typed)


def guess(token: str) -> PatientLink:
    """Five wrong dates of birth."""
    for _ in range(services.BIRTH_TRIES):
        services.prove_birth(link=row_of(token), born_on=WRONG)
    return row_of(token)


def states(patient) -> list[str]:
    return [row.state for row in shown.links_of(patient).rows]


def test_a_link_stands_there_with_its_purpose_its_mail_and_how_often_it_was_opened(desk, visit_today):
    patient = visit_today.patient
    message = Message.objects.get(patient=patient, kind="booking_confirmed")
    token = a_token(patient, message=message)
    assert "never" in read(desk, patient)
    opened(token), opened(token)
    page = read(desk, patient)
    assert "How we make contact" in page
    assert (
        f'with <a href="{reverse("patients:message", args=[message.ref])}?next={quote(url_of(patient), safe="")}">Visit booked</a>'
        in page
    )
    assert "2 times, last" in page
    until = row_of(token).expires_at.astimezone(patient.clinic.tz)
    assert f"Open until {until:%a} {until.day} {until:%b %Y}" in page
    assert token not in page


def test_one_without_a_mail_is_of_the_desk_and_an_unknown_purpose_is_still_shown(desk, patient):
    a_token(patient)
    row = row_of(a_token(patient))
    assert "at the desk" in read(desk, patient)
    assert purposes.label("of_another_release") == "Of another release"
    assert purposes.label(row.purpose) == "How we make contact"
    assert purposes.label(CLINICAL.code) == "Test clinical"


def test_those_that_stand_come_before_those_that_are_over(desk, patient, desk_member):
    ended(patient)
    closed = row_of(a_token(patient))
    services.close(link=closed, because="Wrong address", by=desk_member.user)
    a_token(patient)
    assert states(patient) == ["open", "closed", "ended"]
    page = read(desk, patient)
    assert "by Tess Moran: Wrong address" in page
    assert "1 open" in page
    assert "Ended" in page


def test_one_is_closed_with_its_reason_and_opens_nothing_any_more(desk, patient):
    mine, other = a_token(patient), a_token(patient)
    answer = press(desk, "link_close", patient.ref, row_of(mine).ref, because="Sent to her mother")
    assert (answer.status_code, answer["Location"]) == (302, url_of(patient))
    assert services.open_link(token=mine) is None
    assert services.open_link(token=other) is not None
    event = AuditEvent.objects.get(action="link.closed")
    assert (event.by, event.facts["because"]) == (desk.membership.user, "Sent to her mother")


def test_a_page_that_is_open_in_other_hands_is_lost_at_once(desk, patient):
    token = a_token(patient)
    browser = opened(token)
    assert browser.get(reverse("patients:my_contact")).status_code == 200
    press(desk, "link_close", patient.ref, row_of(token).ref, because="Sent to her mother")
    assert browser.get(reverse("patients:my_contact")).status_code == 404


def test_all_are_closed_at_once_and_nobody_elses(desk, patient):
    other = factories.make_patient(patient.clinic, given_name="Mina")
    hers, foreign = [a_token(patient) for _ in range(3)], a_token(other)
    assert press(desk, "links_close", patient.ref, because="The mailbox is her husband's").status_code == 302
    assert [services.open_link(token=token) for token in hers] == [None] * 3
    assert services.open_link(token=foreign) is not None
    assert "3 links are closed." in read(desk, patient)
    assert AuditEvent.objects.filter(action="link.closed", by=desk.membership.user).count() == 3


@pytest.mark.parametrize("typed", ["", "   ", "\0"])
@pytest.mark.parametrize("which", ["link_close", "links_close"])
def test_without_a_reason_nothing_is_closed_and_the_page_says_what_is_missing(desk, patient, typed, which):
    link = row_of(a_token(patient))
    refs = [patient.ref, link.ref] if which == "link_close" else [patient.ref]
    refused = press(desk, which, *refs, because=typed)
    assert refused.status_code == 422
    assert "Write why the link is closed." in refused.content.decode()
    link.refresh_from_db()
    assert link.closed_at is None


def test_a_long_reason_is_cut_and_not_a_fault(desk, patient):
    link = row_of(a_token(patient))
    assert press(desk, "link_close", patient.ref, link.ref, because="x" * 5000).status_code == 302
    link.refresh_from_db()
    assert link.closed_because == "x" * 120


def test_pressed_twice_it_is_closed_once(desk, patient):
    link, token = row_of(a_token(patient)), str(uuid4())
    for _ in range(2):
        press(desk, "link_close", patient.ref, link.ref, because="Wrong address", submit_token=token)
    press(desk, "link_close", patient.ref, link.ref, because="Another reason")
    link.refresh_from_db()
    assert link.closed_because == "Wrong address"
    assert AuditEvent.objects.filter(action="link.closed").count() == 1


def test_a_link_of_another_patient_or_another_clinic_is_not_found(desk, stranger, patient):
    other = factories.make_patient(patient.clinic, given_name="Mina")
    foreign = row_of(a_token(other))
    for who, refs in ((desk, [patient.ref, foreign.ref]), (stranger, [other.ref, foreign.ref])):
        for name in ("link_close", "link_called"):
            assert press(who, name, *refs, because="x").status_code == 404
    assert press(stranger, "links_close", other.ref, because="x").status_code == 404
    foreign.refresh_from_db()
    assert foreign.closed_at is None


def test_what_has_ended_by_itself_is_not_closed_as_well(desk, patient):
    ended(patient)
    a_token(patient)
    press(desk, "links_close", patient.ref, because="The mailbox is her husband's")
    assert states(patient) == ["closed", "ended"]


# ── Wrong dates of birth ──────────────────────────────────────────────────────


def test_wrong_dates_of_birth_are_told_while_it_stands(desk, patient):
    token = a_token(patient, CLINICAL.code)
    services.prove_birth(link=row_of(token), born_on=WRONG)
    assert "one wrong date of birth" in read(desk, patient)
    services.prove_birth(link=row_of(token), born_on=WRONG)
    assert "2 wrong dates of birth" in read(desk, patient)


@pytest.mark.parametrize("name", ["links_close", "link_close", "link_called", "contact_asked"])
def test_whoever_loads_the_address_of_a_refused_press_anew_finds_the_messages(desk, patient, name):
    link = row_of(a_token(patient))
    refs = (patient.ref, link.ref) if name in ("link_close", "link_called") else (patient.ref,)
    assert desk.get(reverse(f"patients:{name}", args=refs)).headers["Location"] == url_of(patient)
    assert states(patient) == ["open"]


def test_of_a_man_too_the_pages_say_nothing_that_is_not_so(desk, patient, visit_today):
    """Half of the records are his: whose links they are and who is to call says no "her"."""
    other = factories.make_patient(patient.clinic, given_name="Owen", email=patient.email)
    guess(a_token(patient, CLINICAL.code))
    message = patient.messages.first()
    for code in ("contact", "letter", "visit", "changes", "aftercare"):
        a_token(patient, code, message=message)
    pages = [read(desk, patient), desk.get(reverse("patients:message", args=[message.ref])).content.decode()]
    assert other.email in pages[0] and "Shared address" in pages[1]
    for page in pages:
        shown = re.sub(r"<[^>]+>|\[her private link: \w+\]", " ", page[page.index("<main") :])
        assert re.findall(r"(?i)[^.]*\b(?:she|hers?)\b[^.]*", shown) == []


def test_five_of_them_close_it_and_say_call_until_somebody_has(desk, patient):
    link = guess(a_token(patient, CLINICAL.code))
    assert states(patient) == ["guessed"]
    assert "Closed after five wrong dates of birth: call." in read(desk, patient)
    assert press(desk, "link_called", patient.ref, link.ref).status_code == 302
    page = read(desk, patient)
    assert "of birth: call." not in page
    assert "Closed after five wrong dates of birth; Tess Moran called" in page
    link.refresh_from_db()
    assert (link.closed_because, link.closed_by) == (services.GUESSED, desk.membership.user)
    assert AuditEvent.objects.filter(action="link.settled", by=desk.membership.user).count() == 1


def test_who_called_first_stays_on_record(desk, patient, manager_member):
    link = guess(a_token(patient, CLINICAL.code))
    press(desk, "link_called", patient.ref, link.ref)
    services.settle_guessed(link=link, by=manager_member.user)
    link.refresh_from_db()
    assert link.closed_by == desk.membership.user


def test_one_that_was_not_closed_so_cannot_be_settled(desk, patient, desk_member):
    standing, closed = row_of(a_token(patient)), row_of(a_token(patient))
    # Somebody typed the very words.
    services.close(link=closed, because=services.GUESSED, by=desk_member.user)
    refused = press(desk, "link_called", patient.ref, standing.ref)
    assert refused.status_code == 422
    assert "not closed after wrong dates of birth" in refused.content.decode()
    assert states(patient) == ["open", "closed"]


def test_it_waits_first_of_all(desk, patient):
    guess(a_token(patient, CLINICAL.code))
    a_token(patient), a_token(patient)
    assert states(patient) == ["guessed", "open", "open"]


# ── However many ──────────────────────────────────────────────────────────────


def queries(client, patient) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url_of(patient)).status_code == 200
    return len(captured)


def test_the_page_asks_as_much_for_one_link_as_for_many(desk, visit_today):
    patient = visit_today.patient
    message = patient.messages.first()
    a_token(patient, message=message)
    desk.get(url_of(patient))
    few = queries(desk, patient)
    for _ in range(40):
        a_token(patient, message=message)
    assert queries(desk, patient) == few


def test_of_those_that_are_over_the_newest_are_shown_and_the_rest_is_said_to_exist(desk, patient, monkeypatch):
    monkeypatch.setattr(shown, "OVER_SHOWN", 2)
    for _ in range(2):
        a_token(patient)
    services.close_all(patient=patient, because="Moved", by=desk.membership.user)
    assert "Older ones" not in read(desk, patient)
    a_token(patient)
    services.close_all(patient=patient, because="Moved", by=desk.membership.user)
    assert "Older ones" in read(desk, patient)
    assert len(shown.links_of(patient).rows) == 2


def test_a_patient_without_links_is_told_when_they_come(desk, patient):
    page = read(desk, patient)
    assert "No link yet" in page
    assert "Why are links closed?" not in page


@pytest.mark.browser
def test_the_links_at_every_width_and_theme(visitors, desk_member, visit_today):
    patient = visit_today.patient
    message = patient.messages.first()
    guess(a_token(patient, CLINICAL.code, message=message))
    closed = row_of(a_token(patient, message=message))
    services.close(link=closed, because="Mother" * 20, by=desk_member.user)
    ended(patient)
    token = a_token(patient, message=message)
    PatientLink.objects.filter(pk=row_of(token).pk).update(
        opened=3, last_opened_at=datetime.now(UTC) - timedelta(hours=2)
    )
    a_token(patient)
    who = visitors().sign_in(desk_member)
    page = who.open(url_of(patient))
    assert wrong_in_every_view(who, "patient-links") == []
    page.get_by_role("button", name="Called").click()
    page.locator("#toasts").get_by_text("Noted as called.").wait_for()
    page.get_by_label("Why are links closed?").fill("Mailbox in other hands")
    page.get_by_role("button", name="Close How we make contact").first.click()
    page.locator("#toasts").get_by_text("The link is closed.").wait_for()
    page.get_by_label("Why are links closed?").fill("Mailbox in other hands")
    page.get_by_role("button", name="Close all 1").click()
    page.locator("#toasts").get_by_text("One link is closed.").wait_for()
    page.get_by_text("none open").wait_for()
