"""The pages of staff in every width and theme: no rule of accessibility broken, nothing wider than its window."""

import pytest
from django.core import mail

from clinic.staff import mailing, services
from tests import factories
from tests.fixtures.browser import wrong_in_every_view

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def the_link() -> str:
    return mail.outbox[-1].body.partition("/invitation/")[2].split()[0].strip("/")


def test_a_manager_invites_and_sets_what_people_may(visitors, clinic, manager_member, desk_member):
    by = manager_member.user
    mara = visitors().sign_in(manager_member)
    mara.open("/settings/people/invitations/")
    wrong = wrong_in_every_view(mara, "invitations-empty")
    services.invite(clinic=clinic, email="joan@alder.example", full_name="Joan Fisk", roles=["front_desk"], by=by)
    services.invite(
        clinic=clinic, email="pia@alder.example", full_name="Pia Lund", roles=["prescriber", "manager"], by=by
    )
    mailing.send_waiting()
    services.invite(clinic=clinic, email="ada@alder.example", full_name="Ada Bell", roles=["clinician"], by=by)
    mara.open("/settings/people/invitations/")
    wrong += wrong_in_every_view(mara, "invitations")

    page = mara.open("/settings/people/invite/")
    page.fill("[name=full_name]", "Joan Fisk")
    page.fill("[name=email]", "joan@alder.example")
    page.get_by_role("button", name="Send the invitation").click()
    page.get_by_text("Choose at least one role.").first.wait_for()
    assert page.input_value("[name=full_name]") == "Joan Fisk"
    wrong += wrong_in_every_view(mara, "invite-refused")

    for name, path in (
        ("roles", f"/settings/people/{desk_member.ref}/roles/"),
        ("second-factor-reset", f"/settings/people/{desk_member.ref}/second-factor/"),
        ("second-factor", "/settings/second-factor/"),
        ("settings", "/settings/"),
        ("person", f"/settings/people/{desk_member.ref}/"),
        ("details", "/settings/clinic/"),
        ("account-security", "/accounts/2fa/"),
    ):
        mara.open(path)
        wrong += wrong_in_every_view(mara, name)
    assert wrong == []


def test_who_was_invited_reads_the_page_on_any_device(visitors, clinic, manager_member):
    by = manager_member.user
    services.invite(clinic=clinic, email="joan@alder.example", full_name="Joan Fisk", roles=["front_desk"], by=by)
    mailing.send_waiting()
    joan = visitors()
    page = joan.open(f"/invitation/{the_link()}/")
    assert page.url.endswith("/invitation/")
    wrong = wrong_in_every_view(joan, "accept")
    page.fill("[name=password]", "short")
    page.get_by_role("button", name="Begin").click()
    page.get_by_text("too short").first.wait_for()
    wrong += wrong_in_every_view(joan, "accept-refused")
    page.fill("[name=password]", "nine-quiet-lanterns-7")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/accounts/login/")
    joan.open(f"/invitation/{the_link()}/")
    wrong += wrong_in_every_view(joan, "invitation-used")

    services.invite(
        clinic=clinic, email=factories.make_member(factories.make_clinic("Elm Road"), "clinician").user.email,
        full_name="Pia Lund", roles=["clinician"], by=by,
    )  # fmt: skip
    mailing.send_waiting()
    joan.open(f"/invitation/{the_link()}/")
    wrong += wrong_in_every_view(joan, "sign-in-first")
    assert wrong == []


def test_who_has_no_second_factor_where_everybody_needs_one(visitors, clinic, manager_member, desk_member):
    type(clinic).objects.filter(pk=clinic.pk).update(second_factor_from="2020-01-01")
    tess = visitors().sign_in(desk_member)
    page = tess.open("/today/")
    assert page.url.endswith("/accounts/2fa/")
    wrong = wrong_in_every_view(tess, "second-factor-missing")
    page.get_by_role("link", name="Set up").click()
    page.fill("[name=password]", factories.PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Or type this secret into the app").wait_for()
    assert wrong + wrong_in_every_view(tess, "second-factor-set-up") == []


def test_the_first_page_of_an_empty_stratum(visitors, db):
    mara = visitors()
    page = mara.open("/")
    wrong = wrong_in_every_view(mara, "first-run")
    page.get_by_role("button", name="Set up the clinic").click()
    page.get_by_text("Enter the name of the clinic.").first.wait_for()
    assert wrong + wrong_in_every_view(mara, "first-run-refused") == []
