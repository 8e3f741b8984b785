"""Who may do what is a manager's to say; who leaves is out at once, on every device."""

import time
import uuid

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import AuditEvent, Membership
from clinic.resources import services as resources
from clinic.roles import Role
from clinic.staff import services
from clinic.staff.proof import FRESH_SECONDS
from tests import factories

pytestmark = pytest.mark.django_db
HOME = "/today/"


def page(who: Membership) -> str:
    return reverse("clinic:person_roles", args=[who.ref])


def press(client, url: str, **typed):
    return client.post(url, {"submit_token": str(uuid.uuid4()), "title": "", "licence": ""} | typed)


def signed_in_long_ago(client: Client, seconds: float = FRESH_SECONDS + 1) -> None:
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time() - seconds}]
    session.save()


class TestRoles:
    def test_several_at_once_with_title_and_licence_count_from_the_next_page_on(self, manager, desk, desk_member):
        assert desk.get(reverse("clinic:invitations")).status_code == 403
        said = {"roles": ["prescriber", "manager"], "title": "Dr", "licence": "GMC 7654321"}
        assert press(manager, page(desk_member), **said).status_code == 302
        desk_member.refresh_from_db()
        assert (desk_member.roles, desk_member.title, desk_member.licence) == (
            ["prescriber", "manager"],
            "Dr",
            "GMC 7654321",
        )
        assert desk.get(reverse("clinic:invitations")).status_code == 200

    def test_each_role_is_said_in_words(self, manager, desk_member):
        shown = manager.get(page(desk_member)).content.decode()
        assert "registers, books, calls" in shown
        assert "signs the protocol" in shown

    def test_the_change_is_kept_in_history_and_audit(self, manager, desk_member):
        press(manager, page(desk_member), roles=["clinician"])
        event = AuditEvent.objects.get(action="membership.roles_changed")
        assert (event.facts["was"], event.facts["roles"]) == (["front_desk"], ["clinician"])
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT roles FROM clinic_membershipevent WHERE pgh_obj_id = %s ORDER BY pgh_id DESC", [desk_member.pk]
            )
            assert cursor.fetchone()[0] == ["clinician"]

    @pytest.mark.parametrize("roles", [[], ["owner"], ["front_desk", "owner"]])
    def test_no_role_and_a_made_up_one_are_refused_at_their_field(self, manager, desk_member, roles):
        answer = press(manager, page(desk_member), roles=roles, title="Desk lead")
        assert answer.status_code == 422
        assert answer.context["form"].errors["roles"]
        assert "Desk lead" in answer.content.decode()

    def test_the_last_manager_keeps_the_role(self, manager):
        answer = press(manager, page(manager.membership), roles=["front_desk"])
        assert answer.status_code == 422
        assert "only manager" in answer.context["form"].errors["roles"][0]

    def test_a_manager_who_left_is_none(self, manager, clinic):
        second = factories.make_member(clinic, Role.MANAGER)
        resources.mark_left(membership=second, by=manager.membership.user)
        assert press(manager, page(manager.membership), roles=["front_desk"]).status_code == 422

    def test_with_a_second_manager_the_first_may_go(self, manager, clinic):
        factories.make_member(clinic, Role.MANAGER)
        assert press(manager, page(manager.membership), roles=["front_desk"]).status_code == 302

    def test_who_sees_patients_stays_a_clinician(self, manager, clinician_member):
        answer = press(manager, page(clinician_member), roles=["front_desk"])
        assert "Who sees patients" in answer.context["form"].errors["roles"][0]

    def test_one_person_may_hold_them_all(self, manager):
        every = [str(role) for role in Role]
        assert press(manager, page(manager.membership), roles=every).status_code == 302
        assert Membership.objects.get(pk=manager.membership.pk).held_roles == frozenset(Role)


class TestWhoIsAtTheKeyboard:
    """ASVS 7.5.3."""

    @pytest.mark.parametrize("name", ["invite", "second_factor", "person_roles", "person_second_factor"])
    def test_a_sign_in_of_before_is_confirmed_first(self, manager, desk_member, name):
        args = [desk_member.ref] if name.startswith("person") else []
        signed_in_long_ago(manager)
        for method in (manager.get, manager.post):
            answer = method(reverse(f"clinic:{name}", args=args))
            assert answer.status_code == 302
            assert answer.url.startswith(reverse("account_reauthenticate"))

    def test_after_it_what_was_being_sent_is_sent(self, manager, desk_member):
        signed_in_long_ago(manager)
        asked = press(manager, page(desk_member), roles=["clinician"])
        desk_member.refresh_from_db()
        assert desk_member.roles == ["front_desk"]
        done = manager.post(asked.url, {"password": factories.PASSWORD})
        assert done.url == reverse("clinic:person", args=[desk_member.ref])
        desk_member.refresh_from_db()
        assert desk_member.roles == ["clinician"]

    def test_a_wrong_password_sends_nothing(self, manager, desk_member):
        signed_in_long_ago(manager)
        asked = press(manager, page(desk_member), roles=["clinician"])
        assert manager.post(asked.url, {"password": "wrong"}).status_code == 200
        desk_member.refresh_from_db()
        assert desk_member.roles == ["front_desk"]

    def test_ten_minutes_are_enough_to_set_up_several_people(self, manager, desk_member):
        signed_in_long_ago(manager, FRESH_SECONDS - 5)
        assert manager.get(page(desk_member)).status_code == 200


class TestLeaving:
    def test_she_is_out_on_every_device_at_the_next_request(self, desk_member, manager_member, signed_in):
        devices = [signed_in(desk_member) for _ in range(2)]
        assert [device.get(HOME).status_code for device in devices] == [200, 200]
        resources.mark_left(membership=desk_member, by=manager_member.user)
        for device in devices:
            assert reverse("account_login") in device.get(HOME).url
            assert not device.session.get("_auth_user_id")

    def test_nobody_else_is(self, desk_member, manager, clinician):
        resources.mark_left(membership=desk_member, by=manager.membership.user)
        assert [client.get(HOME).status_code for client in (manager, clinician)] == [200, 200]

    def test_signing_in_again_opens_nothing_and_says_why(self, client, desk_member, manager_member):
        resources.mark_left(membership=desk_member, by=manager_member.user)
        said = client.post(reverse("account_login"), {"login": desk_member.user.email, "password": factories.PASSWORD})
        assert said.url == reverse("account_inactive")
        assert "This account is closed" in client.get(said.url).content.decode()
        assert client.get(HOME).status_code == 302

    def test_who_works_elsewhere_too_signs_in_there(self, client, desk_member, manager_member, other_clinic):
        factories.clinic_services.join(
            clinic=other_clinic, user=desk_member.user, roles=[Role.FRONT_DESK], by=manager_member.user
        )
        resources.mark_left(membership=desk_member, by=manager_member.user)
        client.post(reverse("account_login"), {"login": desk_member.user.email, "password": factories.PASSWORD})
        assert other_clinic.name in client.get("/settings/").content.decode()

    def test_ending_sessions_ends_only_hers(self, desk, desk_member, manager):
        services.end_sessions(desk_member.user)
        assert desk.get(HOME).status_code == 302
        assert manager.get(HOME).status_code == 200


def test_the_page_of_a_person_costs_the_same_for_one_and_for_many(manager, clinic, desk_member):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert manager.get(page(desk_member)).status_code == 200
        return len(asked)

    queries()
    few = queries()
    for _ in range(10):
        factories.make_member(clinic, Role.FRONT_DESK)
    assert queries() == few
