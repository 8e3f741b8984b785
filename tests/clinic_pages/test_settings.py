"""Settings as people read them: the clinic, the protocol with its sources, the equipment, the mailbox."""

import re
import uuid
from email.message import EmailMessage
from html import unescape

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import services
from clinic.mailbox import MailSink, MailStore
from clinic.roles import Role
from tests import factories
from treatments.protocol.catalogue import load
from treatments.rules.models import ProtocolSignOff

pytestmark = pytest.mark.django_db
PROTOCOL = "/settings/protocol/"
EQUIPMENT = "/settings/equipment/"


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.mark.parametrize("who", ["desk", "clinician", "prescriber", "manager"])
def test_everybody_reads_the_settings_home_and_finds_only_what_is_open_to_her(request, who):
    client = request.getfixturevalue(who)
    html = client.get("/settings/").content.decode()
    assert (PROTOCOL in html, EQUIPMENT in html) == ((False, False) if who == "desk" else (True, True))
    assert ("/settings/clinic/" in html) == (who == "manager")
    assert client.get(PROTOCOL).status_code == (403 if who == "desk" else 200)
    assert client.get(EQUIPMENT).status_code == (403 if who == "desk" else 200)


def test_a_number_that_is_missing_is_said_to_stand_in_the_way(manager, clinic):
    type(clinic).objects.filter(pk=clinic.pk).update(emergency_number="")
    assert "No plan is activated before" in text(manager.get("/settings/"))


def test_the_manager_changes_the_details_and_a_refusal_keeps_what_was_typed(manager, clinic):
    form = manager.get("/settings/clinic/").context["form"]
    data = {name: form[name].value() or "" for name in form.fields}
    wrong = manager.post("/settings/clinic/", data | {"reply_to": "nobody", "urgent_phone": "020 7946 0999"})
    assert wrong.status_code == 422
    assert 'value="020 7946 0999"' in wrong.content.decode()
    assert manager.post("/settings/clinic/", data | {"urgent_phone": "020 7946 0999"}).status_code == 302
    clinic.refresh_from_db()
    assert clinic.urgent_phone == "020 7946 0999"


def test_a_zone_from_before_the_list_is_not_changed_behind_the_managers_back(manager, clinic):
    type(clinic).objects.filter(pk=clinic.pk).update(zone="UTC")
    page = manager.get("/settings/clinic/")
    assert '<option value="UTC" selected>' in page.content.decode()
    form = page.context["form"]
    data = {name: form[name].value() or "" for name in form.fields}
    assert manager.post("/settings/clinic/", data | {"urgent_phone": "020 7946 0999"}).status_code == 422
    assert manager.post("/settings/clinic/", data | {"zone": "Europe/Dublin"}).status_code == 302
    clinic.refresh_from_db()
    assert clinic.zone == "Europe/Dublin"


def test_a_refusal_stands_above_the_form_once(manager):
    page = manager.post("/settings/clinic/", {"name": ""}).content.decode()
    assert page.count("data-first-error") == 1


def test_who_works_in_two_clinics_changes_between_them_from_her_menu(desk, desk_member, clinic, other_clinic):
    assert "Change to" not in desk.get("/settings/").content.decode()
    services.join(clinic=other_clinic, user=desk_member.user, roles=[Role.FRONT_DESK], by=desk_member.user)
    here = desk.get("/settings/").content.decode()
    assert f"Change to {other_clinic.name}" in here
    assert f"Change to {clinic.name}" not in here
    (ref,) = re.findall(r'name="clinic" value="([^"]+)"', here)

    assert desk.post(reverse("clinic:change_clinic"), {"clinic": ref}).status_code == 302

    there = desk.get("/settings/")
    assert there.context["clinic"] == other_clinic
    assert f"Change to {clinic.name}" in there.content.decode()


def test_every_rule_is_shown_with_its_sources_and_everybody_who_disagrees(clinician):
    page = text(clinician.get(PROTOCOL))
    catalogue = load()
    assert [rule.code for rule in catalogue.rules if rule.label not in page] == []
    said = [line for rule in catalogue.rules for line in (*rule.evidence, *rule.dissent)]
    assert [line.value for line in said if line.value not in page] == []
    assert page.count("Disagrees:") >= sum(len(rule.dissent) for rule in catalogue.rules)


def test_a_prescriber_signs_once_and_others_do_not(clinician, prescriber, manager, prescriber_member):
    def press(client):
        return client.post(PROTOCOL, {"submit_token": str(uuid.uuid4())})

    for client in (clinician, manager):
        assert "Sign protocol" not in client.get(PROTOCOL).content.decode()
        refused = press(client)
        assert refused.status_code == 422
        assert "Only a prescriber can sign the protocol." in text(refused)
    assert not ProtocolSignOff.objects.exists()
    assert [press(prescriber).status_code for _ in range(2)] == [302, 302]
    assert ProtocolSignOff.objects.get().signed_by == prescriber_member.user
    assert "Signed Dr Ines Halloran" in text(clinician.get(PROTOCOL))


def test_one_clinics_signature_does_not_count_for_another(prescriber, stranger):
    prescriber.post(PROTOCOL, {"submit_token": str(uuid.uuid4())})
    assert "Not signed for Elm Road Clinic" in text(stranger.get(PROTOCOL))


def test_equipment_lists_limits_and_an_expired_lot_says_so(clinician, clinic):
    clinic.cartridge_lots.create(lot="OLD-1", expires_on=factories.TODAY - factories.in_days(1))
    clinic.cartridge_lots.create(lot="LAST-DAY", expires_on=factories.TODAY)
    page = text(clinician.get(EQUIPMENT))
    assert "NP-2 pen" in page and "face 1.50 mm" in page and "Lidocaine 4 %" in page
    assert page.count("Expired") == 1


@pytest.mark.parametrize("path", [PROTOCOL, EQUIPMENT, "/settings/"])
def test_the_settings_cost_the_same_with_much_equipment(manager, clinic, path):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert manager.get(path).status_code == 200
        return len(captured)

    manager.get(path)
    few = queries()
    for number in range(20):
        clinic.cartridge_lots.create(lot=f"L{number}", expires_on=factories.TODAY)
        clinic.rooms.create(name=f"Room {number + 10}", short_name=f"S{number}")
        factories.make_member(clinic, "front_desk")
    assert queries() == few


def test_the_mailbox_shows_headers_text_html_as_text_and_the_whole_source(desk):
    store = MailStore(settings.MAILBOX_DIR)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "clinic@test.invalid", "ada@post.example", "A message from Alder Lane"
    mail["Message-ID"] = f"<{uuid.uuid4()}@test.invalid>"
    mail.set_content("See you on Tuesday.")
    mail.add_alternative("<p>See you on <b>Tuesday</b>.</p><script>alert(1)</script>", subtype="html")
    sink = MailSink(store)
    sink.start()
    try:
        import smtplib

        with smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as connection_:
            connection_.send_message(mail)
    finally:
        sink.stop()
    assert "A message from Alder Lane" in text(desk.get(reverse("clinic:mailbox")))
    (received,) = store.find(mail["Message-ID"])
    html = desk.get(reverse("clinic:mailbox_message", args=[received.key])).content.decode()
    assert mail["Message-ID"] in unescape(html)
    assert "See you on Tuesday." in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html and "<script>alert(1)" not in html
    assert "Content-Type: multipart/alternative" in html
    assert desk.get(reverse("clinic:mailbox_message", args=["no-such-key"])).status_code == 404
