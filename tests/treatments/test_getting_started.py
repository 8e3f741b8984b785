"""What a clinic needs before its first patient: each line asked of the database, and gone from Today once all is done."""

import re
import uuid
from datetime import time, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic import services as clinic_services
from clinic.models import Clinic, Membership, StaffMail
from clinic.resources import services as resources
from clinic.roles import Role
from clinic.staff import mailing
from patients.services import consents
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from treatments.pages import setup
from treatments.rules import services as rules
from treatments.sessions.models import CartridgeLot

PAGE = "/settings/getting-started/"


@pytest.fixture
def empty(clinic_time) -> Clinic:
    """A real clinic of a minute ago, with a manager and nothing else."""
    return clinic_services.create_clinic(
        name="Elm Road Clinic",
        zone="Europe/London",
        manager_email="mara@elmroad.example",
        manager_name="Mara Quist",
        password=factories.PASSWORD,
    )


@pytest.fixture
def mara(empty, signed_in):
    return signed_in(empty.memberships.get())


def done(clinic: Clinic) -> set[str]:
    return {line.code for line in setup.lines_of(clinic) if line.is_done}


@pytest.mark.django_db
class TestEachLine:
    def test_nothing_is_done_at_first(self, empty):
        assert done(empty) == set()
        assert setup.left(empty) == 8  # the consent text may wait

    def test_numbers_and_the_reply_address_all_three(self, empty):
        by = empty.memberships.get().user
        for field, value in {"urgent_phone": "1", "emergency_number": "999", "reply_to": "d@elmroad.example"}.items():
            assert "numbers" not in done(empty)
            clinic_services.change_clinic_details(clinic=empty, by=by, **{field: value})
            empty.refresh_from_db()
        assert "numbers" in done(empty)

    def test_a_room_in_service(self, empty):
        by = empty.memberships.get().user
        room = clinic_services.add_room(clinic=empty, name="Room 1", short_name="R1", by=by)
        assert "rooms" in done(empty)
        resources.take_room_out(room=room, reason="Flooded", by=by)
        assert "rooms" not in done(empty)

    def test_somebody_who_treats_with_hours_and_nobody_without(self, empty):
        by = empty.memberships.get().user
        factories.make_member(empty, Role.FRONT_DESK)
        assert "staff" not in done(empty)
        treats = factories.make_member(empty, Role.CLINICIAN)
        assert "staff" in done(empty)
        resources.set_weekly_hours(membership=treats, hours={}, by=by)
        assert "staff" not in done(empty)
        factories.make_member(empty, Role.CLINICIAN)
        assert "staff" not in done(empty)  # one of two still has none
        resources.set_weekly_hours(membership=treats, hours={1: [(time(9), time(17))]}, by=by)
        assert "staff" in done(empty)

    def test_a_prescriber_with_a_licence_who_still_works_here(self, empty):
        by = empty.memberships.get().user
        prescriber = factories.make_member(empty, Role.PRESCRIBER)
        assert "prescriber" not in done(empty)
        Membership.objects.filter(pk=prescriber.pk).update(licence="GMC 7654321")
        assert "prescriber" in done(empty)
        resources.mark_left(membership=prescriber, by=by)
        assert "prescriber" not in done(empty)

    def test_a_device_and_a_lot_that_has_not_expired(self, empty):
        by = empty.memberships.get().user
        rules.add_device(clinic=empty, by=by, name="NP-2 pen", max_depth_mm={"face": 1.5})
        assert "device" in done(empty)
        today = clock.today(empty)
        lot = CartridgeLot.objects.create(clinic=empty, lot="A1", expires_on=today - timedelta(days=1))
        assert "lot" not in done(empty)
        CartridgeLot.objects.filter(pk=lot.pk).update(expires_on=today)
        assert "lot" in done(empty)

    def test_the_consent_text_once_somebody_has_read_it(self, empty):
        consents.current_text(clinic=empty)
        assert "consent" in done(empty)

    def test_the_protocol_under_the_version_in_force(self, empty):
        prescriber = factories.make_member(empty, Role.PRESCRIBER, licence="GMC 7654321")
        rules.sign_off(clinic=empty, by=prescriber)
        assert "protocol" in done(empty)
        newer = rules.ProtocolVersion.objects.create(version="99", sha256="0" * 64, toml="")
        rules.ProtocolAdoption.objects.create(clinic=empty, protocol=newer, adopted_by=prescriber.user)
        assert "protocol" not in done(empty)

    def test_mails_leave_once_one_has_left(self, empty, mara):
        answer = mara.post(reverse("clinic:test_mail"), {"submit_token": str(uuid.uuid4()), "next": PAGE})
        assert answer.url == PAGE
        assert "mail" not in done(empty)
        assert "Waiting" in mara.get(PAGE).content.decode()
        mailing.send_waiting()
        assert "mail" in done(empty)
        (letter,) = mail.outbox
        assert (letter.to, letter.subject) == (["mara@elmroad.example"], "Elm Road Clinic: a test mail")
        assert "look whether it has arrived" in mara.get(PAGE).content.decode()

    def test_of_another_clinic_nothing_counts(self, empty):
        factories.make_clinic("Alder Lane")
        assert done(empty) == set()


@pytest.mark.django_db
class TestThePage:
    def test_each_line_leads_to_the_page_that_does_it(self, mara):
        shown = mara.get(PAGE).content.decode()
        for link in re.findall(r'class="btn btn-outline-secondary btn-sm" href="([^"#]+)', shown):
            assert mara.get(link).status_code == 200, link
        assert shown.count("To do") == 8

    def test_today_and_settings_say_what_is_left_until_all_is_done(self, mara, empty):
        assert "8 things left before the first patient" in mara.get("/today/").content.decode()
        assert "8 things left before the first patient" in mara.get("/settings/").content.decode()
        furnish(empty)
        assert PAGE not in mara.get("/today/").content.decode()
        assert "What a clinic needs before its first patient" in mara.get("/settings/").content.decode()
        assert "Everything is in place" in mara.get(PAGE).content.decode()

    def test_nobody_else_is_told(self, empty, signed_in):
        desk = signed_in(factories.make_member(empty, Role.FRONT_DESK))
        assert "before the first patient" not in desk.get("/today/").content.decode()
        assert desk.get(PAGE).status_code == 403

    def test_a_demo_is_furnished_and_is_not_asked(self, manager):
        assert "before the first patient" not in manager.get("/today/").content.decode()

    def test_a_test_mail_leads_to_no_other_site(self, mara):
        answer = mara.post(
            reverse("clinic:test_mail"), {"submit_token": str(uuid.uuid4()), "next": "https://evil.example/"}
        )
        assert answer.url == reverse("clinic:settings")

    def test_it_costs_the_same_for_an_empty_clinic_and_for_a_full_one(self, mara, empty):
        def queries() -> int:
            with CaptureQueriesContext(connection) as asked:
                assert mara.get(PAGE).status_code == 200
            return len(asked)

        queries()
        few = queries()
        assert few <= 5  # session, membership, what is there, the last test mail, whether mails leave
        furnish(empty)
        for _ in range(10):
            factories.make_member(empty, Role.CLINICIAN)
        assert queries() == few


@pytest.mark.django_db
def test_today_asks_one_question_more_as_long_as_something_is_left_and_stays_within_twelve(mara, empty):
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            assert mara.get("/today/").status_code == 200
        return [one["sql"] for one in asked]

    queries()
    asked = queries()
    assert sum("has_signed" in sql for sql in asked) == 1
    assert len(asked) <= 12


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_is_in_order_in_every_view(visitors, empty):
    who = visitors().sign_in(empty.memberships.get())
    who.open(PAGE)
    wrong = wrong_in_every_view(who, "getting-started")
    who.open("/today/")
    assert wrong + wrong_in_every_view(who, "today-with-things-left") == []


def furnish(clinic: Clinic) -> None:
    by = clinic.memberships.first().user
    clinic_services.change_clinic_details(
        clinic=clinic, by=by, urgent_phone="1", emergency_number="999", reply_to="desk@elmroad.example"
    )
    clinic_services.add_room(clinic=clinic, name="Room 1", short_name="R1", by=by)
    rules.sign_off(clinic=clinic, by=factories.make_member(clinic, Role.PRESCRIBER, licence="GMC 7654321"))
    rules.add_device(clinic=clinic, by=by, name="NP-2 pen", max_depth_mm={"face": 1.5})
    CartridgeLot.objects.create(clinic=clinic, lot="A1", expires_on=clock.today(clinic) + timedelta(days=90))
    StaffMail.objects.create(clinic=clinic, kind="test", user=by, asked_by=by, state="sent")
