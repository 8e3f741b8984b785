"""Service mail advertises nothing; what only looks like advertising passes."""

import pytest

from patients.outbox.texts.promotion import selling_words
from patients.outbox.texts.shipped import library

SELLS = (
    "This month 20% off all peels.", "A discount for our patients.", "Our summer offer ends soon.", "We offer you a free peel.",
    "Book now and save.", "Save up to £50 today.", "A gift for you.", "Bring a voucher.", "A great deal for two!", "Deals on serums.",
    "Sale ends on Monday.", "Come for a free skin check.", "A free LED treatment.", "The first visit is free of charge.",
    "You get it for free.", "Half-price facials.", "Buy one, take two.", "Last chance!", "Treat yourself.", "Bring a friend.",
)  # fmt: skip
NEUTRAL = (
    "Please feel free to call.", "Come with skin that is free of make-up.", "Keep the area free from cream.", "Use an oil-free cream.",
    "We deal with that together.", "It helps a great deal of the time.", "We can offer you another time.", "Save this message.",
    "Save our number.", "Are you free on Tuesday?", "We have free times in May.", "It is a great deal better by then.",
    "Use fragrance-free soap.", "We offer other days too.", "Please wear SPF 50 every day.",
)  # fmt: skip


@pytest.mark.parametrize("text", SELLS)
def test_what_sells_is_found(text):
    assert selling_words(text, "en")


@pytest.mark.parametrize("text", NEUTRAL)
def test_what_only_looks_like_it_passes(text):
    assert selling_words(text, "en") == []


def test_each_look_alike_hides_nothing_beside_it():
    """Negative control: a neutral sentence before one that sells does not carry it through."""
    for neutral in NEUTRAL:
        assert selling_words(f"{neutral} Now with 20% off.", "en") == ["20% off"]


def test_german_words_are_known_and_english_ones_in_german_texts_too():
    assert selling_words("Unser Angebot: 20 % Rabatt.", "de") == ["Angebot", "20 % Rabatt"]
    assert selling_words("Jetzt mit discount.", "de") == ["discount"]
    assert selling_words("Bitte kommen Sie frei von Schminke.", "de") == []


def test_no_shipped_text_sells():
    for (_, language), text in library().texts.items():
        assert selling_words(text.source, language) == []
