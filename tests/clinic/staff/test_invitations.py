"""A manager asks somebody to work here: one mail, one link, one use, 72 hours."""

import re
import smtplib
import uuid
from datetime import timedelta
from html import unescape

import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinic import services as clinic_services
from clinic.errors import DomainError
from clinic.models import AuditEvent, Invitation, Membership, StaffMail, User
from clinic.resources import services as resources
from clinic.roles import Role
from clinic.safekeeping import freezing
from clinic.staff import mailing, services
from tests import factories

pytestmark = pytest.mark.django_db
PASSWORD = "nine-quiet-lanterns-7"
ASKED = {
    "full_name": "Joan Fisk",
    "email": "joan@alder.example",
    "roles": ["front_desk"],
    "title": "Front desk",
    "licence": "",
}


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def press(client, name: str, *args, **typed):
    return client.post(reverse(f"clinic:{name}", args=args), {"submit_token": str(uuid.uuid4())} | typed)


@pytest.fixture
def by(clinic) -> User:
    return factories.a_manager(clinic).user


@pytest.fixture
def invited(clinic, by):
    def invite(**differing) -> Invitation:
        details = {"email": "joan@alder.example", "full_name": "Joan Fisk", "roles": ["front_desk"]} | differing
        return services.invite(clinic=clinic, by=by, **details)

    return invite


def the_link() -> str:
    """The address in the newest mail."""
    return re.search(r"https?://[^/\s]+(/invitation/\S+)", mail.outbox[-1].body).group(1)


def opened(link: str) -> tuple[Client, object]:
    """A browser that has followed the link, and the page it came to."""
    browser = Client()
    return browser, browser.get(link, follow=True)


class TestAsking:
    def test_the_manager_invites_and_the_mail_leaves_by_the_worker(self, manager, clinic):
        assert press(manager, "invite", **ASKED, sees_patients="").status_code == 302
        assert mail.outbox == []
        assert mailing.send_waiting() == 1
        (letter,) = mail.outbox
        assert letter.to == ["joan@alder.example"]
        assert letter.subject == "Alder Lane: your invitation to Stratum"
        assert letter.reply_to == [manager.membership.user.email]
        assert letter.alternatives[0].mimetype == "text/html"
        assert the_link() in letter.alternatives[0].content
        kept = Invitation.objects.get()
        assert the_link().strip("/").rpartition("/")[2] not in (kept.token_sha256, str(kept.ref))

    def test_the_mail_says_no_clinical_word(self, invited):
        invited()
        mailing.send_waiting()
        whole = mail.outbox[0].subject + mail.outbox[0].body + mail.outbox[0].alternatives[0].content
        assert not re.search(r"(?i)needl|skin(?! clinic)|patient|treat|session|plan\b", whole)

    @pytest.mark.parametrize(
        ("field", "typed"),
        [
            ("full_name", ""),
            ("email", "joan"),
            ("email", ""),
            ("roles", []),
            ("roles", ["owner"]),
            ("max_depth_mm", "9"),
            ("title", "x" * 61),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field_and_the_rest_stays(self, manager, field, typed):
        answer = press(manager, "invite", **(ASKED | {field: typed}))
        assert answer.status_code == 422
        assert answer.context["form"].errors[field]
        assert "Joan Fisk" in answer.content.decode() or field == "full_name"
        assert not Invitation.objects.exists()

    def test_who_sees_patients_is_a_clinician(self, manager):
        answer = press(manager, "invite", **ASKED, sees_patients="on")
        assert "is a clinician or a prescriber" in answer.context["form"].errors["roles"][0]

    def test_who_works_here_is_not_invited(self, manager, desk_member):
        answer = press(manager, "invite", **(ASKED | {"email": desk_member.user.email.upper()}))
        assert "works here already" in answer.context["form"].errors["email"][0]

    def test_an_address_is_invited_once_whatever_its_case(self, manager, invited):
        invited()
        answer = press(manager, "invite", **(ASKED | {"email": "Joan@Alder.example"}))
        assert "is invited already" in answer.context["form"].errors["email"][0]
        assert Invitation.objects.count() == 1

    def test_two_presses_are_one_invitation_and_one_mail(self, manager):
        token = str(uuid.uuid4())
        for _ in range(2):
            assert manager.post(reverse("clinic:invite"), ASKED | {"submit_token": token}).status_code == 302
        assert (Invitation.objects.count(), StaffMail.objects.count()) == (1, 1)

    def test_it_is_audited_without_a_name(self, invited, by):
        invited()
        event = AuditEvent.objects.get(action="invitation.made")
        assert event.by == by
        assert event.facts == {"roles": ["front_desk"]}

    def test_a_line_break_in_the_sender_begins_no_header(self, clinic, invited):
        type(clinic).objects.filter(pk=clinic.pk).update(sender_name="Alder\r\nBcc: x@y.example")
        invited()
        mailing.send_waiting()
        assert mail.outbox[0].subject == "Alder Bcc: x@y.example: your invitation to Stratum"
        assert mail.outbox[0].recipients() == ["joan@alder.example"]


class TestAccepting:
    def test_she_chooses_a_password_and_signs_in(self, invited, clinic, signed_in):
        invited(roles=["front_desk", "manager"], title="Desk", licence="L1")
        mailing.send_waiting()
        browser, page = opened(the_link())
        assert page.request["PATH_INFO"] == reverse("clinic:invitation")
        assert "front desk, manager" in text(page)

        begun = browser.post(reverse("clinic:invitation"), {"full_name": "Joan A. Fisk", "password": PASSWORD})
        assert begun.url == reverse("account_login")
        hers = clinic.memberships.get(user__email="joan@alder.example")
        assert (hers.user.full_name, hers.roles, hers.title, hers.licence) == (
            "Joan A. Fisk",
            ["front_desk", "manager"],
            "Desk",
            "L1",
        )
        browser.post(reverse("account_login"), {"login": "joan@alder.example", "password": PASSWORD})
        assert browser.get("/today/").status_code == 200

    def test_looking_changes_nothing_and_the_token_leaves_the_address(self, invited):
        invited()
        mailing.send_waiting()
        before = Invitation.objects.values().get()
        browser = Client()
        swapped = browser.get(the_link())
        assert swapped.url == reverse("clinic:invitation")
        browser.get(swapped.url)
        assert Invitation.objects.values().get() == before
        assert not User.objects.filter(email="joan@alder.example").exists()
        assert the_link() not in browser.get(swapped.url).content.decode()

    def test_a_scanner_that_only_knocks_opens_nothing(self, invited):
        invited()
        mailing.send_waiting()
        browser = Client()
        assert browser.head(the_link()).content == b""
        assert browser.get(reverse("clinic:invitation")).status_code == 404

    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({"password": "short"}, "password"),
            ({"password": "joan@alder.example"}, "password"),
            ({"password": ""}, "password"),
            ({"full_name": ""}, "full_name"),
        ],
    )
    def test_a_refusal_stands_at_its_field_and_what_was_typed_stays(self, invited, typed, field):
        invited()
        mailing.send_waiting()
        browser, _ = opened(the_link())
        answer = browser.post(reverse("clinic:invitation"), {"full_name": "Joan Fisk", "password": PASSWORD, **typed})
        assert answer.status_code == 422
        assert answer.context["form"].errors[field]
        assert not User.objects.filter(email="joan@alder.example").exists()

    def test_who_sees_patients_has_the_opening_hours_and_is_not_without_any(self, clinic, invited):
        type(clinic).objects.filter(pk=clinic.pk).update(opening_hours={"1": "09:00 to 12:00, 13:00 to 17:00"})
        invited(roles=["clinician"], sees_patients=True)
        mailing.send_waiting()
        browser, _ = opened(the_link())
        browser.post(reverse("clinic:invitation"), {"full_name": "Joan Fisk", "password": PASSWORD})
        assert clinic.memberships.get(user__email="joan@alder.example").working_hours.count() == 2

    def test_a_second_press_finds_it_used_and_makes_nobody_twice(self, invited, clinic):
        invited()
        mailing.send_waiting()
        browser, _ = opened(the_link())
        typed = {"full_name": "Joan Fisk", "password": PASSWORD}
        browser.post(reverse("clinic:invitation"), typed)
        again = browser.post(reverse("clinic:invitation"), typed)
        assert again.status_code == 404
        assert "This invitation was used" in text(again)
        assert clinic.memberships.filter(user__email="joan@alder.example").count() == 1

    def test_of_two_who_read_it_open_only_the_first_gets_in(self, invited):
        """Each has read the row before the other wrote: the lock and the second look decide."""
        invited()
        mailing.send_waiting()
        first, second = Invitation.objects.get(), Invitation.objects.get()
        services.accept_as_new(invitation=first, full_name="Joan Fisk", password=PASSWORD)
        with pytest.raises(DomainError) as refusal:
            services.accept_as_new(invitation=second, full_name="Joan Fisk", password=PASSWORD)
        assert refusal.value.code == services.OVER


class TestWhoHasAnAccountHere:
    @pytest.fixture
    def elsewhere(self, other_clinic) -> Membership:
        return factories.make_member(other_clinic, Role.FRONT_DESK, name="Joan Fisk")

    def test_she_signs_in_first_and_joins_with_one_press(self, invited, clinic, elsewhere):
        invited(email=elsewhere.user.email)
        mailing.send_waiting()
        browser, page = opened(the_link())
        assert "has an account here already" in text(page)
        sign_in = re.search(r'href="(/accounts/login/[^"]+)"', page.content.decode()).group(1)
        led_back = browser.post(sign_in, {"login": elsewhere.user.email, "password": factories.PASSWORD})
        assert led_back.url == reverse("clinic:invitation")
        assert browser.get(led_back.url).status_code == 200
        assert browser.post(led_back.url).url == "/"
        assert clinic.memberships.get(user=elsewhere.user).roles == ["front_desk"]
        assert clinic.name in browser.get("/settings/").content.decode()

    def test_nobody_joins_for_her(self, invited, clinic, elsewhere, desk, desk_member):
        invited(email=elsewhere.user.email)
        mailing.send_waiting()
        desk.get(the_link())
        page = desk.get(reverse("clinic:invitation"))
        assert f"signed in as {desk_member.user.full_name}" in text(page)
        assert desk.post(reverse("clinic:invitation")).status_code == 422
        with pytest.raises(DomainError, match="somebody else"):
            services.accept_as(invitation=Invitation.objects.get(), user=desk_member.user)
        assert not clinic.memberships.filter(user=elsewhere.user).exists()

    def test_without_a_sign_in_no_password_is_set_for_an_account_that_exists(self, invited, elsewhere):
        invited(email=elsewhere.user.email)
        mailing.send_waiting()
        browser, _ = opened(the_link())
        browser.post(reverse("clinic:invitation"), {"full_name": "Joan Fisk", "password": PASSWORD})
        elsewhere.user.refresh_from_db()
        assert elsewhere.user.check_password(factories.PASSWORD)
        with pytest.raises(DomainError, match="has an account"):
            services.accept_as_new(invitation=Invitation.objects.get(), full_name="Joan", password=PASSWORD)

    def test_who_left_and_is_asked_again_is_the_same_person(self, invited, clinic, by, desk_member):
        resources.mark_left(membership=desk_member, by=by)
        invited(email=desk_member.user.email, roles=["clinician"], sees_patients=True)
        mailing.send_waiting()
        services.accept_as(invitation=Invitation.objects.get(), user=User.objects.get(pk=desk_member.user_id))
        back = clinic.memberships.get(user=desk_member.user)
        assert (back.pk, back.is_active, back.roles) == (desk_member.pk, True, ["clinician"])

    def test_who_left_signs_in_with_her_invitation_and_only_with_it(self, invited, by, desk_member):
        resources.mark_left(membership=desk_member, by=by)
        invited(email=desk_member.user.email)
        mailing.send_waiting()
        hers = {"login": desk_member.user.email, "password": factories.PASSWORD}
        assert Client().post(reverse("account_login"), hers).url == reverse("account_inactive")
        browser, _ = opened(the_link())
        browser.post(reverse("account_login"), hers)
        assert browser.get("/today/").status_code == 403
        assert browser.post(reverse("clinic:invitation")).url == "/"
        assert browser.get("/today/").status_code == 200

    def test_who_joined_by_another_way_meanwhile_is_told_so(self, invited, clinic, by, elsewhere):
        invited(email=elsewhere.user.email)
        mailing.send_waiting()
        clinic_services.join(clinic=clinic, user=elsewhere.user, roles=[Role.FRONT_DESK], by=by)
        with pytest.raises(DomainError, match="work here already"):
            services.accept_as(invitation=Invitation.objects.get(), user=elsewhere.user)


class TestOver:
    @pytest.fixture
    def link(self, invited) -> str:
        invited()
        mailing.send_waiting()
        return the_link()

    def says(self, link: str) -> str:
        answer = Client().get(link)
        assert answer.status_code == 404
        assert f'href="{reverse("account_login")}"' in answer.content.decode()  # a way on
        return text(answer)

    def test_a_wrong_one(self, link):
        assert "This link opens nothing" in self.says(reverse("clinic:invitation_open", args=["x" * 43]))

    def test_one_that_ran_out(self, link):
        Invitation.objects.update(expires_at=F("expires_at") - timedelta(hours=72, seconds=1))
        assert "has run out" in self.says(link)

    def test_one_that_was_taken_back_also_for_whoever_has_it_open(self, link, manager):
        browser, page = opened(link)
        assert page.status_code == 200
        press(manager, "invitation_take_back", Invitation.objects.get().ref)
        assert "was taken back" in self.says(link)
        late = browser.post(reverse("clinic:invitation"), {"full_name": "Joan", "password": PASSWORD})
        assert "was taken back" in text(late)
        assert not User.objects.filter(email="joan@alder.example").exists()

    def test_one_that_was_sent_again(self, link, manager):
        browser, _ = opened(link)
        press(manager, "invitation_again", Invitation.objects.get().ref)
        assert "This link opens nothing" in self.says(link)
        assert browser.get(reverse("clinic:invitation")).status_code == 404
        mailing.send_waiting()
        assert the_link() != link
        assert opened(the_link())[1].status_code == 200

    def test_one_that_was_used(self, link):
        services.accept_as_new(invitation=Invitation.objects.get(), full_name="Joan", password=PASSWORD)
        assert "was used" in self.says(link)

    def test_it_lasts_72_hours_of_real_time_whatever_the_clinics_clock_says(self, link, clinic_time):
        clinic_time(factories.NOW + timedelta(days=30))
        assert opened(link)[1].status_code == 200
        kept = Invitation.objects.get()
        mailed = StaffMail.objects.get()
        assert abs(kept.expires_at - mailed.claimed_at - timedelta(hours=72)) < timedelta(seconds=1)

    def test_a_cookie_of_another_hand_opens_nothing(self, link):
        browser = Client()
        browser.cookies["stratum_invitation"] = Invitation.objects.get().token_sha256
        assert browser.get(reverse("clinic:invitation")).status_code == 404

    def test_too_many_tries_are_slowed(self, link):
        browser = Client()
        answers = [browser.get(link).status_code for _ in range(21)]
        assert answers[-2:] == [302, 429]
        others = [browser.get(reverse("clinic:invitation_open", args=[f"guess{n}"])).status_code for n in range(60)]
        assert others[-1] == 429


class TestSettling:
    def test_taking_back_what_was_accepted_is_refused(self, invited, manager):
        one = invited()
        mailing.send_waiting()
        services.accept_as_new(invitation=Invitation.objects.get(), full_name="Joan", password=PASSWORD)
        assert press(manager, "invitation_take_back", one.ref).status_code == 409
        assert press(manager, "invitation_again", one.ref).status_code == 409

    def test_while_a_mail_is_on_its_way_no_other_is_asked_for(self, invited, manager):
        assert press(manager, "invitation_again", invited().ref).status_code == 409
        assert StaffMail.objects.count() == 1

    def test_what_was_taken_back_before_it_left_is_not_sent(self, invited, by):
        services.take_back(invitation=invited(), by=by)
        assert mailing.send_waiting() == 0
        assert mail.outbox == []
        assert StaffMail.objects.get().error == "over"


class Line:
    """A mail server's manners, one answer a mail."""

    def __init__(self, monkeypatch) -> None:
        self.taken: list = []
        self.answer: Exception | None = None
        self.closed = False
        monkeypatch.setattr(mailing, "get_connection", lambda: self)

    def open(self) -> bool:
        if self.closed:
            raise ConnectionRefusedError
        return True

    def close(self) -> None: ...

    def send_messages(self, letters) -> int:
        if self.answer is not None:
            raise self.answer
        self.taken += letters
        return len(letters)


class TestSending:
    @pytest.fixture
    def line(self, monkeypatch) -> Line:
        return Line(monkeypatch)

    def state(self) -> tuple[str, str]:
        row = StaffMail.objects.get()
        return row.state, row.error

    def page(self, manager) -> str:
        return text(manager.get(reverse("clinic:invitations")))

    def let_time_pass(self, **by) -> None:
        StaffMail.objects.update(claimed_at=F("claimed_at") - timedelta(**by))

    def test_a_closed_server_is_tried_again_at_the_next_ring(self, invited, line, manager):
        invited()
        line.closed = True
        assert mailing.send_waiting() == 0
        assert self.state() == ("waiting", "closed")
        assert "cannot be reached" in self.page(manager)
        assert Invitation.objects.get().token_sha256 is None
        assert mailing.send_waiting() == 0  # a bell in between does not hammer at it
        line.closed = False
        self.let_time_pass(seconds=30)
        assert mailing.send_waiting() == 1
        assert self.state() == ("sent", "")

    @pytest.mark.parametrize(
        ("answer", "state", "words"),
        [
            (smtplib.SMTPRecipientsRefused({}), ("failed", "bad_address"), "does not know this address"),
            (smtplib.SMTPDataError(554, b"no"), ("failed", "refused"), "refused it"),
            (smtplib.SMTPDataError(451, b"later"), ("waiting", "refused"), "asks to wait"),
            (TimeoutError(), ("unknown", ""), "Not known whether it left"),
            (smtplib.SMTPServerDisconnected(), ("unknown", ""), "Not known whether it left"),
        ],
    )
    def test_each_answer_is_what_the_manager_reads(self, invited, line, manager, answer, state, words):
        invited()
        line.answer = answer
        assert mailing.send_waiting() == 0
        assert self.state() == state
        assert words in self.page(manager)

    def test_what_is_in_doubt_is_never_sent_by_itself(self, invited, line, manager):
        one = invited()
        line.answer = TimeoutError()
        mailing.send_waiting()
        line.answer = None
        self.let_time_pass(hours=1)
        assert mailing.send_waiting() == 0
        assert line.taken == []
        press(manager, "invitation_again", one.ref)
        assert mailing.send_waiting() == 1

    def test_what_a_killed_worker_held_is_left_to_people(self, invited, line, manager):
        invited()
        mailing._claim()
        assert self.state()[0] == "sending"
        assert "Being sent" in self.page(manager)
        self.let_time_pass(minutes=4)
        assert mailing.send_waiting() == 0
        assert self.state()[0] == "sending"
        self.let_time_pass(minutes=2)
        assert mailing.send_waiting() == 0
        assert self.state()[0] == "unknown"
        assert line.taken == []

    def test_a_worker_that_wakes_up_late_leaves_it_unknown(self, invited, line):
        invited()
        held, _ = mailing._claim()
        self.let_time_pass(minutes=6)
        mailing.send_waiting()
        mailing._settle(held, "sent")
        assert self.state()[0] == "unknown"

    def test_a_worker_that_wakes_up_late_leaves_the_link_of_a_later_mail_alone(self, invited, line, by):
        one = invited()
        late = mailing._claim()
        self.let_time_pass(minutes=6)
        mailing.send_waiting()
        services.send_again(invitation=one, by=by)
        assert mailing.send_waiting() == 1
        token = Invitation.objects.get().token_sha256
        mailing._settle_not_taken(*late, mailing.NotTaken("closed", may_wait=True))
        assert Invitation.objects.get().token_sha256 == token is not None

    def test_what_the_manager_reads_of_one_that_was_sent_ran_out_or_was_accepted(self, invited, line, manager):
        one = invited()
        assert "Waiting" in self.page(manager)
        mailing.send_waiting()
        assert re.search(r"Sent \d\d:\d\d, works until", self.page(manager))
        Invitation.objects.update(expires_at=F("expires_at") - timedelta(hours=73))
        assert "Ran out" in self.page(manager)
        assert "send it again" in self.page(manager)
        Invitation.objects.update(expires_at=F("expires_at") + timedelta(hours=73))
        services.accept_as_new(invitation=Invitation.objects.get(pk=one.pk), full_name="Joan", password=PASSWORD)
        assert "Accepted" in self.page(manager)

    def test_a_bell_without_a_broker_costs_nothing(self, invited, monkeypatch, django_capture_on_commit_callbacks):
        def no_broker(*args, **kwargs):
            raise OSError

        monkeypatch.setattr(mailing.app, "send_task", no_broker)
        with django_capture_on_commit_callbacks(execute=True):
            invited()
        assert mailing.send_waiting() == 1


def test_the_list_costs_the_same_for_two_and_for_twelve(manager, invited):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert manager.get(reverse("clinic:invitations")).status_code == 200
        return len(asked)

    for number in range(2):
        invited(email=f"one{number}@alder.example")
    queries()  # the first page of a session notes when it began
    few = queries()
    for number in range(2, 12):
        invited(email=f"one{number}@alder.example")
    assert queries() == few


def test_after_a_restore_an_invitation_waits_until_mail_is_released(clinic, by, invited):
    invited()
    freezing.freeze(data_of=timezone.now())
    assert mailing.send_waiting() == 0
    assert StaffMail.objects.get().state == "waiting"
    clinic.refresh_from_db()
    freezing.thaw(clinic=clinic, by=by)
    assert mailing.send_waiting() == 1
