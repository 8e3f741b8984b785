"""Staff sign in; nobody signs up; a screen left alone closes."""

import math
import re
import time

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import Membership, User
from tests import factories
from tests.factories import PASSWORD

HOME = "/today/"


def sign_in(client: Client, email: str, password: str = PASSWORD):
    return client.post(reverse("account_login"), {"login": email, "password": password})


def test_a_member_signs_in_with_her_e_mail(client, desk_member):
    answer = sign_in(client, desk_member.user.email)

    assert answer.status_code == 302
    assert client.get(HOME).status_code == 200


def test_a_wrong_password_says_nothing_about_who_exists(client, desk_member):
    known = sign_in(client, desk_member.user.email, "wrong").content.decode()
    unknown = sign_in(client, "nobody@alder.example", "wrong").content.decode()

    def sentence(html: str) -> str:
        return re.sub(r"\s+", " ", re.search(r"(?s)not correct[^<]*", html).group())

    assert sentence(known) == sentence(unknown)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_signs_up(client, db, method):
    answer = getattr(client, method)(
        "/accounts/signup/", {"email": "x@y.example", "password1": PASSWORD, "password2": PASSWORD}
    )

    assert answer.status_code == 404
    assert not User.objects.filter(email="x@y.example").exists()


def test_someone_who_left_is_out_at_the_next_request(desk, desk_member):
    assert desk.get(HOME).status_code == 200
    desk_member.is_active = False
    desk_member.save(update_fields=["is_active"])

    assert desk.get(HOME).status_code == 403


def test_who_asks_is_read_with_all_her_clinics_in_one_query(clinic, desk_member, clinician_member):
    second = factories.make_clinic("Elm Road Clinic")
    user = desk_member.user
    of_elm_road = Membership.objects.create(clinic=second, user=user, roles=["clinician"])
    left = Membership.objects.create(clinic=factories.make_clinic("Oak Lane Clinic"), user=user, roles=["manager"])
    Membership.objects.filter(pk=left.pk).update(is_active=False)

    for member, expected in ((desk_member, [desk_member, of_elm_road]), (clinician_member, [clinician_member])):
        with CaptureQueriesContext(connection) as asked:
            found = Membership.in_force_of(member.user_id)
            assert [(one, one.user, one.clinic.name) for one in found] == [
                (one, member.user, one.clinic.name) for one in expected
            ]
        assert len(asked) == 1


def test_a_disabled_account_is_out_at_the_next_request(desk, desk_member):
    User.objects.filter(pk=desk_member.user.pk).update(is_active=False)

    assert desk.get(HOME).status_code == 302


def left_alone(client: Client, minutes: float, *, since_sign_in: float | None = None) -> None:
    session = client.session
    session["signed_in_at"] = time.time() - (since_sign_in if since_sign_in is not None else minutes) * 60
    session["seen_at"] = time.time() - minutes * 60
    session.save()


@pytest.mark.parametrize(
    ("persona", "minutes", "stays"),
    [("desk", 9.5, True), ("desk", 10.5, False), ("clinician", 14.5, True), ("clinician", 15.5, False)],
)
def test_a_screen_left_alone_closes(request, persona, minutes, stays):
    client = request.getfixturevalue(persona)
    left_alone(client, minutes)

    assert client.get(HOME).status_code == (200 if stays else 302)


def test_ten_hours_are_enough_however_busy(clinician):
    left_alone(clinician, 1, since_sign_in=10 * 60 + 1)

    assert clinician.get(HOME).status_code == 302


def test_polling_does_not_keep_a_session_alive_but_a_tap_does(clinician):
    left_alone(clinician, 5)
    before = clinician.session["seen_at"]
    clinician.get(HOME, headers={"X-Background": "1"})
    assert clinician.session["seen_at"] == before
    clinician.post(reverse("clinic:keep_alive"))
    assert clinician.session["seen_at"] > before


def test_a_tap_is_counted_to_the_second_and_a_page_says_how_much_time_is_used(clinician):
    began = time.time()
    left_alone(clinician, 0.5)
    page = clinician.get(HOME).content.decode()
    passed = time.time() - began
    assert 30 <= int(re.search(r'data-idle-seconds="(\d+)"', page)[1]) <= math.ceil(30 + passed)
    before = time.time()
    clinician.post(reverse("clinic:keep_alive"))
    assert clinician.session["seen_at"] >= before


@pytest.mark.parametrize("persona", ["desk", "clinician", "prescriber", "manager"])
def test_the_page_that_lifts_the_cover_is_open_to_every_member(request, persona):
    """Whatever page is covered: a fresh token and who is signed in come from here."""
    client = request.getfixturevalue(persona)
    unlock = re.search(r'data-unlock-url="([^"]+)"', client.get(HOME).content.decode())[1]
    page = client.get(unlock, headers={"X-Background": "1"})
    assert page.status_code == 200
    assert f'data-user="{client.membership.user.ref}"' in page.content.decode()


def test_five_wrong_passwords_slow_one_account_and_no_other(client, desk_member, clinician_member):
    for _ in range(6):
        slowed = sign_in(client, desk_member.user.email, "wrong")
    assert slowed.status_code == 429 or "too many" in slowed.content.decode().lower()
    assert sign_in(client, desk_member.user.email).status_code != 302

    assert sign_in(client, clinician_member.user.email).status_code == 302


def test_a_password_is_reset_by_e_mail(client, desk_member):
    client.post(reverse("account_reset_password"), {"email": desk_member.user.email})
    link = re.search(r"https?://[^/]+(/\S+)", mail.outbox[0].body).group(1)
    page = client.get(link, follow=True)
    answer = client.post(
        page.request["PATH_INFO"], {"password1": "nine-quiet-lanterns-7", "password2": "nine-quiet-lanterns-7"}
    )

    assert answer.status_code == 302
    assert sign_in(Client(), desk_member.user.email, "nine-quiet-lanterns-7").status_code == 302


def test_a_reset_for_an_unknown_address_looks_the_same(client, desk_member):
    known = client.post(reverse("account_reset_password"), {"email": desk_member.user.email})
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@alder.example"})

    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


def test_signing_out_ends_the_session_and_clears_the_browser(desk):
    key = desk.session.session_key
    answer = desk.post(reverse("account_logout"))

    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert desk.get(HOME).status_code == 302
    assert not Session.objects.filter(session_key=key).exists()


def test_the_second_factors_secret_is_not_kept_in_clear(db):
    from clinic.accounts import MFAAdapter

    adapter = MFAAdapter()
    kept = adapter.encrypt("JBSWY3DPEHPK3PXP")

    assert "JBSWY3DPEHPK3PXP" not in kept
    assert adapter.decrypt(kept) == "JBSWY3DPEHPK3PXP"
