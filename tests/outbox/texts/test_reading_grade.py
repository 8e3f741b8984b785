"""The Flesch-Kincaid grade, against passages whose figures are known."""

import pytest

from patients.outbox.texts.reading_grade import reading, syllables


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        # Six words of one syllable in one sentence: 0.39 × 6 + 11.8 × 1 − 15.59.
        ("The cat sat on the mat.", -1.45),
        # The passages of the article on the test; the second is given as 11.3.
        ("This sentence, taken as a reading passage unto itself, is being used to prove a point.", 7.6),
        ("The Australian platypus is seemingly a hybrid of a mammal and reptilian creature.", 11.3),
        ("Keep calm. Drink water.", -0.06),
        ("", 0.0),
        ("020 7946 0142", 0.0),
    ],
)
def test_the_grade_of_known_passages(text, grade):
    assert reading(text).grade == pytest.approx(grade, abs=0.06)


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("the", 1),
        ("sunscreen", 2),
        ("table", 2),
        ("time", 1),
        ("medicine", 3),
        ("idea", 2),
        ("rhythm", 1),
        ("hmm", 1),
        ("Every", 3),
    ],
)
def test_syllables_are_groups_of_vowels_without_a_silent_e(word, count):
    assert syllables(word) == count


def test_harder_words_and_longer_sentences_raise_it():
    easy = reading("Call us today. We help you.").grade
    longer = reading("Call us today and we help you.").grade
    harder = reading("Telephone immediately. Assistance available.").grade
    assert easy < longer < harder


def test_the_longest_sentence_is_named_and_an_item_is_one():
    found = reading("Short one.\n- an item of the list that is the longest of them all\nAnother.")
    assert found.longest == "an item of the list that is the longest of them all"


def test_addresses_are_not_read_aloud():
    with_address = (
        "Open it: https://clinic.example/my/extraordinarily-unreadable/ or write to extraordinary@clinic.example now."
    )
    assert reading(with_address).grade == pytest.approx(reading("Open it: or write to now.").grade)
