"""Two patients of the demo read one mailbox: the mail of each tells the other nothing of the treatment."""

import pytest
from django.test import Client
from django.urls import reverse

from patients.links.purposes import LETTER
from patients.models import Message, Patient, PatientLink
from patients.outbox import rendering, suppression
from tests import factories
from treatments.demo import builder, cast

pytestmark = pytest.mark.django_db
TELLING = ("needl", "peel", "laser", "retino", "filler", "waxing", "sunbed", "acne", "scar")


def told(words: str) -> set[str]:
    return {one for one in TELLING if one in words.lower()}


def test_a_mother_and_her_daughter_share_an_address_and_each_hears_what_is_hers(clinic_time):
    clinic = builder.build(patients=12, only={cast.MOTHER, cast.DAUGHTER})
    mother, daughter = Patient.objects.filter(clinic=clinic).order_by("born_on")
    assert suppression.sharing([mother, daughter]) == {mother.pk, daughter.pk}
    # Still to go: what to leave out before her first visit. In the mailbox it says nothing of it; behind her date of birth it does.
    letter = Message.objects.get(patient=daughter, kind="precare_7d", state="due")
    mail = rendering.write(letter, is_shared=True)
    assert told(mail.text + mail.html) == set() and "Edie" in mail.text and "Vale" not in mail.text
    assert LETTER.code in mail.links
    assert told(rendering.words_for_her(letter)) != set()
    # The one before it has gone, and she has read its words.
    read = PatientLink.objects.get(patient=daughter, purpose=LETTER.code)
    assert (read.message.kind, read.opened) == ("precare_14d", 1)

    desk = Client()
    desk.force_login(factories.make_member(clinic, "front_desk").user)
    for patient in (mother, daughter):
        page = desk.get(reverse("patients:patient_messages", args=[patient.ref])).content.decode()
        assert "Shared address" in page
    assert patient == daughter and "The message, in full" in page
