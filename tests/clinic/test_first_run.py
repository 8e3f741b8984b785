"""An empty Stratum is set up on its first visit, once."""

import pytest
from django.urls import reverse

from clinic.models import Clinic
from clinic.roles import Role

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Elm Road Clinic",
    "zone": "Europe/London",
    "urgent_phone": "020 7946 0142",
    "emergency_number": "999",
    "reply_to": "desk@elmroad.example",
    "manager_name": "Mara Quist",
    "manager_email": "mara@elmroad.example",
    "password": "nine-quiet-lanterns-7",
}


def test_the_first_visitor_of_an_empty_stratum_is_asked_to_set_it_up(client):
    answer = client.get("/", follow=True)

    assert answer.request["PATH_INFO"] == reverse("clinic:first_run")
    assert "Set up the clinic" in answer.content.decode()


def test_setting_up_makes_a_real_clinic_with_a_manager_who_can_sign_in(client):
    client.post(reverse("clinic:first_run"), FORM)
    clinic = Clinic.objects.get()

    assert not clinic.is_demo
    assert clinic.memberships.get().roles == [Role.MANAGER]
    signed_in = client.post(reverse("account_login"), {"login": FORM["manager_email"], "password": FORM["password"]})
    assert signed_in.status_code == 302


def test_a_long_name_is_cut_only_where_it_signs_mails(client, db):
    name = "The Alder Lane Clinic for Skin and Everything that Anybody has ever Wished to Ask about it"
    assert client.post(reverse("clinic:first_run"), FORM | {"name": name}).status_code == 302
    clinic = Clinic.objects.get()
    assert (clinic.name, clinic.sender_name) == (name, name[:80])
    assert len(name) > len(clinic.sender_name)


def test_once_there_is_a_clinic_the_page_is_gone(client, clinic):
    assert client.get(reverse("clinic:first_run")).status_code == 404
    assert client.post(reverse("clinic:first_run"), FORM).status_code == 404
    assert Clinic.objects.count() == 1


def test_it_is_never_offered_where_strangers_could_be_first(client, settings):
    settings.FIRST_RUN_PAGE = False

    assert client.get(reverse("clinic:first_run")).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"), [("zone", "Mars/Olympus"), ("manager_email", "mara"), ("password", "12345"), ("name", "")]
)
def test_bad_input_gets_a_sentence_at_its_field_and_keeps_the_rest(client, field, value):
    answer = client.post(reverse("clinic:first_run"), FORM | {field: value})

    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert FORM["reply_to"] in answer.content.decode()
    assert not Clinic.objects.exists()
