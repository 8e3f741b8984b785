"""Whatever the database can refuse has a sentence for the person who meets it."""

import re

import pgtrigger
from django.apps import apps

from clinic.errors import CONSTRAINT_SENTENCES

OURS = ("clinic", "patients", "treatments")
# Refusals that only a fault of ours can meet: no form leads there.
NEVER_MET = {
    "audit_append_only",
    "clock_shift_is_one_row",
    "handover_ends_after_it_began",
    "handover_unlocked_says_who",
    "invitation_accepted_names_who",
    "invitation_ends_once",
    "invitation_has_a_role",
    "invitation_token_has_an_end",
    "membership_has_a_role",
    "membership_one_per_clinic",
    "restoration_released_by_somebody",
    "staff_mail_has_one_reader",
    "working_hours_weekday_iso",
}


def named_promises() -> set[str]:
    constraints = {
        constraint.name
        for label in OURS
        for model in apps.get_app_config(label).get_models()
        for constraint in model._meta.constraints
    }
    raised = {
        name
        for model, trigger in pgtrigger.registered()
        if model._meta.app_label in OURS and isinstance(trigger.func, str)
        for name in re.findall(r"CONSTRAINT = '(\w+)'", trigger.func)
    }
    return constraints | raised


def test_every_promise_of_the_database_has_a_sentence():
    assert named_promises() - set(CONSTRAINT_SENTENCES) - NEVER_MET == set()


def test_no_sentence_is_left_without_its_promise():
    assert set(CONSTRAINT_SENTENCES) - named_promises() == set()


def test_sentences_say_what_to_do_or_why():
    for name, sentence in CONSTRAINT_SENTENCES.items():
        assert sentence[0].isupper(), name
        assert sentence.endswith("."), name
        assert name not in sentence
