"""One press, one effect: seen through a form of the product."""

import uuid

from django.urls import reverse

from patients.models import Patient


def registration(token: uuid.UUID, **differing) -> dict:
    return {
        "submit_token": str(token),
        "given_name": "Anna",
        "family_name": "Kowal",
        "born_on": "1997-05-22",
        "email": "anna@post.example",
        "phone": "07700 900321",
        "language": "en",
        "speaks": "Polish",
        "mail_allowed": "yes",
        "reminders_allowed": "yes",
    } | differing


def test_a_second_press_finds_the_result_of_the_first(desk, clinic):
    token = uuid.uuid4()
    first = desk.post(reverse("patients:register"), registration(token))
    second = desk.post(reverse("patients:register"), registration(token))

    assert (first.status_code, second.status_code) == (302, 302)
    assert second.url == first.url
    assert Patient.objects.filter(clinic=clinic, family_name="Kowal").count() == 1


def test_without_its_token_the_same_form_would_have_worked_twice(desk, clinic):
    """The negative control: what is refused above is the token, not the content."""
    first = desk.post(reverse("patients:register"), registration(uuid.uuid4()))
    already = Patient.objects.get(family_name="Kowal").ref
    second = desk.post(
        reverse("patients:register"), registration(uuid.uuid4(), different_person="on", seen=str(already))
    )

    assert (first.status_code, second.status_code) == (302, 302)
    assert Patient.objects.filter(clinic=clinic, family_name="Kowal").count() == 2


def test_the_same_token_with_other_content_is_refused(desk, clinic):
    token = uuid.uuid4()
    desk.post(reverse("patients:register"), registration(token))
    answer = desk.post(reverse("patients:register"), registration(token, given_name="Someone", family_name="Else"))

    assert answer.status_code == 409
    assert not Patient.objects.filter(family_name="Else").exists()


def test_a_refused_form_may_be_sent_again_with_its_token(desk, clinic):
    token = uuid.uuid4()
    refused = desk.post(reverse("patients:register"), registration(token, born_on="tomorrow-ish"))
    accepted = desk.post(reverse("patients:register"), registration(token))

    assert (refused.status_code, accepted.status_code) == (422, 302)
