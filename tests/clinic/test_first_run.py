"""An empty Stratum is set up on its first visit, once."""

import pytest
from django.urls import reverse

from clinic.models import Clinic
from clinic.roles import Role

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Elm Road Clinic",
    "zone": "Europe/London",
    "language": "en",
    "room": "Room 1",
    "phone": "020 7946 0100",
    **{f"weekday_{day}": "09:00 to 17:00" for day in range(1, 6)},
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
    page = answer.content.decode()
    assert all(FORM[kept] in page for kept in {"reply_to", "manager_name", "phone"} - {field})
    assert not Clinic.objects.exists()


def test_opening_hours_are_kept_and_are_the_hours_of_a_manager_who_treats(client):
    client.post(reverse("clinic:first_run"), FORM | {"weekday_6": "9-12, 13:00 to 15:00", "also": ["clinician"]})
    clinic = Clinic.objects.get()
    assert clinic.opening_hours == {str(day): "09:00 to 17:00" for day in range(1, 6)} | {
        "6": "09:00 to 12:00, 13:00 to 15:00"
    }
    hers = clinic.memberships.get()
    assert hers.sees_patients
    assert hers.working_hours.count() == 7


def test_a_manager_who_does_not_treat_has_no_column_and_no_hours(client):
    client.post(reverse("clinic:first_run"), FORM | {"also": ["front_desk"]})
    hers = Clinic.objects.get().memberships.get()
    assert not hers.sees_patients
    assert not hers.working_hours.exists()


def test_one_person_alone_is_manager_desk_clinician_and_prescriber_in_one_room(client):
    everything = {"also": ["clinician", "prescriber", "front_desk"], "title": "Dr", "licence": "GMC 7654321"}
    client.post(reverse("clinic:first_run"), FORM | everything)
    clinic = Clinic.objects.get()
    alone = clinic.memberships.get()
    assert alone.held_roles == frozenset(Role)
    assert (alone.title, alone.licence) == ("Dr", "GMC 7654321")
    assert [room.name for room in clinic.rooms.all()] == ["Room 1"]


def test_after_it_she_is_led_to_sign_in_and_then_to_what_is_left(client):
    answer = client.post(reverse("clinic:first_run"), FORM)
    signed_in = client.post(answer.url, {"login": FORM["manager_email"], "password": FORM["password"]})
    assert signed_in.url == reverse("treatments:getting_started")


def test_the_opening_hours_are_changed_with_the_other_details(client, manager, clinic):
    form = manager.get(reverse("clinic:details")).context["form"]
    data = {name: form[name].value() or "" for name in form.fields}
    wrong = manager.post(reverse("clinic:details"), data | {"weekday_2": "noon"})
    assert wrong.status_code == 422
    assert "is no working time" in wrong.context["form"].errors["weekday_2"][0]
    assert manager.post(reverse("clinic:details"), data | {"weekday_2": "10-16"}).status_code == 302
    clinic.refresh_from_db()
    assert clinic.opening_hours == {"2": "10:00 to 16:00"}
