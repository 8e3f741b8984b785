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
from clinic.staff import mailing, services
from patients.services import consents
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from treatments.pages import setup
from treatments.rules import services as rules
from treatments.rules.credentials.models import Credential
from treatments.rules.products import services as products
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


def line(clinic: Clinic, code: str, **looks) -> setup.Line:
    return next(one for one in setup.lines_of(clinic, **looks) if one.code == code)


def invite(clinic: Clinic, *roles: Role, **details) -> None:
    by = clinic.memberships.first().user
    asked = {"email": "ines@elmroad.example", "full_name": "Ines Halloran", "roles": roles, "by": by} | details
    services.invite(clinic=clinic, **asked)


@pytest.mark.django_db
class TestWhoseTurnItIs:
    """What a line says while it is open, and where it leads then."""

    def test_whoever_is_invited_is_waited_for(self, empty):
        assert (line(empty, "staff").url, line(empty, "staff").now) == (reverse("clinic:invite"), "")
        invite(empty, Role.PRESCRIBER, sees_patients=True)
        for code in ("staff", "prescriber"):
            waits = line(empty, code)
            assert (waits.is_done, waits.url) == (False, reverse("clinic:invitations"))
            assert waits.now == "Ines Halloran is invited and has not begun yet"

    def test_an_invitation_that_was_taken_back_is_waited_for_no_longer(self, empty):
        invite(empty, Role.PRESCRIBER, sees_patients=True)
        services.take_back(invitation=empty.invitations.get(), by=empty.memberships.get().user)
        assert line(empty, "staff").now == line(empty, "prescriber").now == ""

    def test_whoever_treats_without_hours_is_named_and_her_hours_are_one_press_away(self, empty):
        by = empty.memberships.get().user
        noor = factories.make_member(empty, Role.CLINICIAN, name="Noor Adeyemi")
        resources.set_weekly_hours(membership=noor, hours={}, by=by)
        idle = line(empty, "staff")
        assert (idle.url, idle.now) == (reverse("clinic:person_hours", args=[noor.ref]), "Noor Adeyemi has none")

    def test_whoever_may_treat_and_has_no_column_is_named_as_long_as_nobody_has(self, empty):
        noor = factories.make_member(empty, Role.CLINICIAN, name="Noor Adeyemi")
        Membership.objects.filter(pk=noor.pk).update(sees_patients=False)
        idle = line(empty, "staff")
        assert idle.url == reverse("clinic:person_change", args=[noor.ref])
        assert idle.now == "Noor Adeyemi may treat, and is not said to see patients"
        factories.make_member(empty, Role.CLINICIAN)
        assert line(empty, "staff").is_done and line(empty, "staff").now == ""

    def test_a_mail_of_any_kind_shows_that_mails_leave(self, empty, mara):
        by = empty.memberships.get().user
        assert line(empty, "mail").now == "Not tried"
        assert "Not tried" in mara.get(PAGE).content.decode()
        invite(empty, Role.FRONT_DESK)
        mailing.send_waiting()
        assert (line(empty, "mail").is_done, line(empty, "mail").now) == (True, "")
        assert "Not tried" not in mara.get(PAGE).content.decode()
        assert not empty.staff_mails.filter(kind="test", user=by).exists()

    def test_a_prescriber_without_a_licence_is_named(self, empty):
        ines = factories.make_member(empty, Role.PRESCRIBER, name="Ines Halloran")
        unlicensed = line(empty, "prescriber")
        assert unlicensed.url == reverse("clinic:person_roles", args=[ines.ref])
        assert unlicensed.now == "Ines Halloran prescribes, and no licence is on record"

    def test_a_manager_who_does_not_prescribe_reads_who_signs(self, empty):
        assert line(empty, "protocol").now == "Whoever prescribes here signs it, and nobody does yet"
        ines = factories.make_member(empty, Role.PRESCRIBER, name="Ines Halloran", licence="GMC 7654321")
        unsigned = line(empty, "protocol")
        assert (unsigned.act, unsigned.now) == ("Read it", "To be signed by Ines Halloran: Today leads there")
        herself = line(empty, "protocol", may_sign=True)
        assert (herself.act, herself.now) == ("Read and sign", "")
        rules.sign_off(clinic=empty, by=ines)
        assert line(empty, "protocol").now == ""

    def test_a_product_that_is_listed_waits_for_a_prescriber(self, empty):
        by = empty.memberships.get().user
        gel = products.list_product(clinic=empty, name="Hyaluronic gel", by=by)
        assert line(empty, "products").now == "Listed: a prescriber approves it"
        ines = factories.make_member(empty, Role.PRESCRIBER, licence="GMC 7654321")
        products.approve(product=gel, reason="", by=ines)
        assert (line(empty, "products").is_done, line(empty, "products").now) == (True, "")

    def test_a_numbing_product_and_a_credential_are_lines_that_may_wait(self, empty):
        by = empty.memberships.get().user
        assert {one.code for one in setup.lines_of(empty) if one.may_wait} == {
            "consent", "numbing", "products", "credentials",
        }  # fmt: skip
        rules.add_anaesthetic(
            clinic=empty,
            by=by,
            name="Lidocaine 4 %",
            actives={"lidocaine": 4},
            contact_minutes=30,
            max_contact_minutes=60,
        )
        Credential.objects.create(
            membership=empty.memberships.get(), kind="licence", issuer="GMC", valid_from=factories.TODAY, added_by=by
        )
        assert {"numbing", "credentials"} <= done(empty)
        assert setup.left(empty) == 8


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

    def test_today_leads_a_prescriber_to_her_signature_and_nobody_else(self, empty, signed_in):
        ines = factories.make_member(empty, Role.PRESCRIBER, licence="GMC 7654321")
        hers, noors = signed_in(ines), signed_in(factories.make_member(empty, Role.CLINICIAN))
        words = "Read and sign the protocol"
        assert words in hers.get("/today/").content.decode()
        assert words not in noors.get("/today/").content.decode()
        rules.sign_off(clinic=empty, by=ines)
        assert words not in hers.get("/today/").content.decode()

    def test_a_prescriber_who_manages_the_clinic_is_told_once(self, empty, signed_in):
        page = signed_in(factories.make_member(empty, Role.PRESCRIBER, Role.MANAGER)).get("/today/").content.decode()
        assert "left before the first patient" in page
        assert "Read and sign the protocol" not in page

    def test_a_day_without_anybody_who_treats_says_so_instead_of_an_empty_picture(self, mara, empty):
        page = mara.get("/today/").content.decode()
        assert "Nobody sees patients yet" in page and 'data-calendar="' not in page
        assert "No room yet" in mara.get("/today/?by=rooms").content.decode()
        factories.make_member(empty, Role.CLINICIAN)
        page = mara.get("/today/").content.decode()
        assert "Nobody sees patients yet" not in page and 'data-calendar="' in page

    def test_the_protocol_says_who_can_sign_it(self, mara, empty, signed_in):
        page = reverse("treatments:protocol")
        assert "Nobody who works here prescribes." in mara.get(page).content.decode()
        ines = factories.make_member(empty, Role.PRESCRIBER, name="Ines Halloran")
        gone = factories.make_member(empty, Role.PRESCRIBER, name="Vera Sand")
        resources.mark_left(membership=gone, by=empty.memberships.first().user)
        assert "Ines Halloran can sign it, on this page." in mara.get(page).content.decode()
        assert "can sign it" not in signed_in(ines).get(page).content.decode()
        rules.sign_off(clinic=empty, by=ines)
        assert "can sign it" not in mara.get(page).content.decode()

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
