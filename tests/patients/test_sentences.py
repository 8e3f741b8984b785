"""Every promise the database keeps for this app has a sentence for the person who runs into it."""

from django.apps import apps

from clinic.errors import CONSTRAINT_SENTENCES


def promises() -> set[str]:
    return {
        constraint.name
        for model in apps.get_app_config("patients").get_models()
        if "Event" not in model.__name__ and "History" not in model.__name__.removeprefix("HistoryAnswer")
        for constraint in model._meta.constraints
    }


def test_each_constraint_has_a_sentence():
    assert promises() - CONSTRAINT_SENTENCES.keys() == set()


def test_each_sentence_is_one():
    for name in promises():
        sentence = CONSTRAINT_SENTENCES[name]
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_the_search_for_promises_finds_some():
    assert {"patient_has_a_name", "consent_is_signed", "message_state_known"} <= promises()
