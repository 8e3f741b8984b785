"""A second factor: offered to all, asked of all where a manager says so, given back where a telephone is lost."""

import re
import time
import uuid
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic import services as clinic_services
from clinic.errors import DomainError
from clinic.library_access import LIBRARY_ACCESS
from clinic.models import AuditEvent, Clinic, FactorRemoval, Membership
from clinic.roles import Role
from clinic.second_factor import OPEN_WITHOUT
from clinic.staff import mailing, services
from tests import factories
from tests.access.table import TABLE
from tests.access.test_access import named_urls

pytestmark = pytest.mark.django_db
HOME, ACCOUNT = "/today/", "/accounts/2fa/"


def press(client, url: str, **typed):
    return client.post(url, {"submit_token": str(uuid.uuid4())} | typed)


def give(user) -> None:
    """A second factor, as a row; how it is set up by a person is shown below."""
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "none"})


def works_too(user, clinic, *roles: Role) -> Membership:
    return clinic_services.join(clinic=clinic, user=user, roles=list(roles or [Role.FRONT_DESK]), by=user)


def ask_everybody(clinic, *, days: int = 0) -> None:
    today = timezone.now().astimezone(clinic.tz).date()
    Clinic.objects.filter(pk=clinic.pk).update(second_factor_from=today + timedelta(days=days))


def code_for(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def set_up(client: Client) -> str:
    """By the pages, as a person does. Returns the secret that she saw."""
    client.post(reverse("account_reauthenticate"), {"password": factories.PASSWORD})
    shown = client.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r'id="authenticator_secret" value="([A-Z2-7]+)"', shown).group(1)
    assert client.post(reverse("mfa_activate_totp"), {"code": code_for(secret)}).status_code == 302
    return secret


class TestOneOfHerOwn:
    @pytest.mark.parametrize("persona", ["desk", "clinician", "prescriber", "manager"])
    def test_everybody_reaches_the_pages_from_her_menu(self, request, persona):
        client = request.getfixturevalue(persona)
        assert f'href="{ACCOUNT}"' in client.get(HOME).content.decode()
        shown = client.get(ACCOUNT).content.decode()
        for words in ("Authenticator app", "Passkeys", "Recovery codes"):
            assert words in shown

    def test_nothing_in_the_rows_is_what_she_saw(self, desk, desk_member):
        """The secret, the seed of the recovery codes and the codes themselves, looked for as the database keeps them."""
        secret = set_up(desk)
        codes = re.findall(r"<li>(\d+)</li>", desk.get(reverse("mfa_view_recovery_codes")).content.decode())
        assert len(codes) == 10
        with connection.cursor() as cursor:
            cursor.execute("SELECT type, data::text FROM mfa_authenticator WHERE user_id = %s", [desk_member.user_id])
            rows = dict(cursor.fetchall())
        assert set(rows) == {"totp", "recovery_codes"}
        assert not [one for one in (secret, *codes) if one in "".join(rows.values())]
        for row, key in (("totp", "secret"), ("recovery_codes", "seed")):
            kept = re.search(rf'"{key}": "([^"]+)"', rows[row]).group(1)
            assert kept.startswith("gAAAA")  # a Fernet token, version 128

    def test_the_code_is_asked_at_the_next_sign_in_and_opens_once(self, desk, desk_member):
        secret = set_up(desk)
        Authenticator.objects.filter(type="totp").update(last_used_at=None)
        browser = Client()
        asked = browser.post(
            reverse("account_login"), {"login": desk_member.user.email, "password": factories.PASSWORD}
        )
        assert asked.url == reverse("mfa_authenticate")
        assert browser.get(HOME).status_code == 302
        assert browser.post(asked.url, {"code": "000000"}).status_code == 200
        assert browser.get(HOME).status_code == 302
        # The code of the next half minute: the one of now was used to set it up, and no code opens twice.
        following = format_hotp_value(hotp_value(secret, int(time.time()) // 30 + 1))
        assert browser.post(asked.url, {"code": following}).status_code == 302
        assert browser.get(HOME).status_code == 200


class TestAskedOfEverybody:
    def test_whoever_has_none_is_led_to_set_one_up_first(self, clinic, desk, desk_member):
        ask_everybody(clinic)
        assert desk.get(HOME).url == reverse("mfa_index")
        assert "Set up a second factor first" in desk.get(ACCOUNT).content.decode()
        set_up(desk)
        assert desk.get(HOME).status_code == 200
        assert "Set up a second factor first" not in desk.get(ACCOUNT).content.decode()

    def test_no_address_leads_round_it(self, request, clinic, manager):
        """Every URL of ours, by every method its row names, for the person who may open most."""
        from tests.access.world import everything

        refs = everything(request)
        ask_everybody(clinic)
        open_to_her = []
        for name, row in TABLE.items():
            if row.public or name in OPEN_WITHOUT:
                continue
            url = reverse(name, kwargs={parameter: refs[kind] for parameter, kind in row.parameters.items()})
            for method in ("GET", "POST", "PUT", "DELETE"):
                answer = manager.generic(method, url)
                if (answer.status_code, answer.headers.get("Location")) != (302, reverse("mfa_index")):
                    open_to_her.append(f"{method} {name}: {answer.status_code}")
        assert open_to_her == []

    def test_what_stays_open_is_her_own_account_and_what_belongs_to_nobody(self):
        assert set(OPEN_WITHOUT) <= set(TABLE)
        assert not [name for name in LIBRARY_ACCESS if name in named_urls()]

    def test_a_fragment_and_a_poll_are_not_answered_with_another_page(self, clinic, desk):
        ask_everybody(clinic)
        fragment = desk.get(HOME, headers={"HX-Request": "true"})
        assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (204, reverse("mfa_index"))
        assert desk.get(HOME, headers={"X-Background": "1"}).status_code == 403

    def test_recovery_codes_alone_are_none(self, clinic, desk, desk_member):
        Authenticator.objects.create(user=desk_member.user, type="recovery_codes", data={"seed": "x", "used_mask": 0})
        ask_everybody(clinic)
        assert desk.get(HOME).status_code == 302

    def test_who_gives_hers_up_is_led_there_again(self, clinic, desk):
        ask_everybody(clinic)
        set_up(desk)
        assert desk.get(HOME).status_code == 200
        desk.post(reverse("mfa_deactivate_totp"))
        assert desk.get(HOME).url == reverse("mfa_index")

    def test_before_its_day_nobody_is_kept_out_and_the_demos_clock_brings_it_no_nearer(self, clinic, desk, later):
        ask_everybody(clinic, days=1)
        later(timedelta(days=300))
        assert desk.get(HOME).status_code == 200

    def test_another_clinic_asks_nobody_here(self, clinic, other_clinic, desk):
        ask_everybody(other_clinic)
        assert desk.get(HOME).status_code == 200

    def test_a_patients_link_needs_none(self, clinic, desk):
        ask_everybody(clinic)
        assert desk.get(reverse("patients:my_link_over")).status_code == 404


class TestAsking:
    URL = "/settings/second-factor/"

    def today(self, clinic) -> str:
        return timezone.now().astimezone(clinic.tz).date().isoformat()

    def test_a_manager_asks_it_once_she_has_one_herself(self, manager, clinic, desk):
        refused = press(manager, self.URL, what="from", from_day=self.today(clinic))
        assert "your own second factor first" in refused.context["form"].errors["from_day"][0]
        assert refused.status_code == 422
        give(manager.membership.user)
        assert press(manager, self.URL, what="from", from_day=self.today(clinic)).status_code == 302
        assert desk.get(HOME).status_code == 302
        assert manager.get(HOME).status_code == 200
        assert AuditEvent.objects.get(action="clinic.second_factor_required").by == manager.membership.user

    def test_it_is_left_to_everybody_again(self, manager, clinic, desk):
        give(manager.membership.user)
        ask_everybody(clinic)
        assert press(manager, self.URL, what="left").status_code == 302
        assert desk.get(HOME).status_code == 200

    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({"what": "from", "from_day": ""}, "from_day"),
            ({"what": "from", "from_day": "2020-01-01"}, "from_day"),
            ({"what": "from", "from_day": "soon"}, "from_day"),
            ({}, "what"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(self, manager, clinic, typed, field):
        give(manager.membership.user)
        answer = press(manager, self.URL, **typed)
        assert answer.status_code == 422
        assert answer.context["form"].errors[field]
        clinic.refresh_from_db()
        assert clinic.second_factor_from is None

    def test_the_page_says_who_has_none_yet(self, manager, desk_member, clinician_member):
        give(desk_member.user)
        shown = manager.get(self.URL).content.decode()
        assert "Noor Adeyemi" in shown
        assert "None yet: Mara Quist, Noor Adeyemi." in shown


class TestLost:
    @pytest.fixture
    def url(self, desk_member) -> str:
        return reverse("clinic:person_second_factor", args=[desk_member.ref])

    def test_a_manager_takes_it_away_with_a_reason_and_a_mail_says_so(self, manager, desk, desk_member, url):
        set_up(desk)
        mail.outbox.clear()
        assert press(manager, url, reason="Telephone lost").status_code == 302
        assert not Authenticator.objects.filter(user=desk_member.user).exists()
        assert reverse("account_login") in desk.get(HOME).url  # whoever holds the telephone is out as well
        event = AuditEvent.objects.get(action="second_factor.reset")
        assert (event.target_ref, set(event.facts)) == (desk_member.ref, {"removed"})  # free text could name a patient
        assert FactorRemoval.objects.get().reason == "Telephone lost"
        assert mailing.send_waiting() == 1
        (letter,) = mail.outbox
        assert letter.to == [desk_member.user.email]
        assert "Mara Quist has removed the second factor" in letter.body
        assert "Telephone lost" not in letter.body

    def test_without_a_reason_without_one_and_her_own_are_refused(self, manager, desk_member, url):
        assert press(manager, url, reason=" ").context["form"].errors["reason"]
        none = press(manager, url, reason="Lost")
        assert "has no second factor" in none.content.decode()
        assert none.status_code == 422
        give(manager.membership.user)
        with pytest.raises(DomainError, match="your own"):
            services.reset_second_factor(membership=manager.membership, reason="Lost", by=manager.membership.user)

    def test_who_works_in_two_clinics_keeps_it_until_a_manager_of_each_has_said_so(self, manager, desk_member, other_clinic, url):  # fmt: skip
        """It guards the other clinic's patients too: a manager here alone does not open them."""
        elsewhere = works_too(desk_member.user, other_clinic)
        give(desk_member.user)
        sessions_ended = desk_member.user.sessions_ended
        answer = manager.post(url, {"submit_token": str(uuid.uuid4()), "reason": "Telephone lost"}, follow=True)
        assert "A manager there has to press the same within 72 hours" in answer.content.decode()
        assert other_clinic.name not in answer.content.decode()
        desk_member.user.refresh_from_db()
        assert Authenticator.objects.filter(user=desk_member.user).exists()
        assert (desk_member.user.sessions_ended, mailing.send_waiting()) == (sessions_ended, 0)
        assert not AuditEvent.objects.filter(action="second_factor.reset").exists()
        theirs = factories.a_manager(other_clinic).user
        assert services.reset_second_factor(membership=elsewhere, reason="She rang us", by=theirs)
        assert not Authenticator.objects.filter(user=desk_member.user).exists()
        assert not FactorRemoval.objects.filter(done_at=None).exists()

    @pytest.mark.parametrize("what", ["is old", "was about another second factor"])
    def test_what_the_other_clinic_said_counts_for_three_days_and_for_this_one(self, manager, desk_member, other_clinic, what):  # fmt: skip
        elsewhere = works_too(desk_member.user, other_clinic)
        give(desk_member.user)
        theirs = factories.a_manager(other_clinic).user
        assert not services.reset_second_factor(membership=elsewhere, reason="She rang us", by=theirs)
        if what == "is old":
            FactorRemoval.objects.update(at=F("at") - timedelta(hours=72, minutes=1))
        else:
            Authenticator.objects.all().delete()
            give(desk_member.user)
        assert not services.reset_second_factor(membership=desk_member, reason="Lost", by=manager.membership.user)
        assert Authenticator.objects.filter(user=desk_member.user).exists()

    @pytest.mark.parametrize("where", ["has left the other clinic", "is managed by the same person there"])
    def test_one_press_is_enough_where_nobody_else_has_a_say(self, manager, desk_member, other_clinic, where):
        elsewhere = works_too(desk_member.user, other_clinic)
        give(desk_member.user)
        if where == "has left the other clinic":
            Membership.objects.filter(pk=elsewhere.pk).update(is_active=False)
        else:
            works_too(manager.membership.user, other_clinic, Role.MANAGER)
        assert services.reset_second_factor(membership=desk_member, reason="Lost", by=manager.membership.user)

    def test_her_page_offers_it_only_where_there_is_one(self, manager, desk_member, url):
        hers = reverse("clinic:person", args=[desk_member.ref])
        assert url not in manager.get(hers).content.decode()
        give(desk_member.user)
        assert url in manager.get(hers).content.decode()
