"""Keys and what is typed meet: pure, no database."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients import search

LETTERS = st.characters(categories=["Ll", "Lu"], max_codepoint=0x24F)
NAME = st.text(LETTERS, min_size=1, max_size=20)
# One word also once it is plain: the Catalan middle dot parts a name in two.
WORD = NAME.filter(lambda name: 3 <= len(search.plain(name)) <= 20 and " " not in search.plain(name))
WORDS = st.lists(NAME, min_size=1, max_size=3)


def keys(
    given_name="Aïsha",
    family_name="O'Brien",
    phone="+44 7700 900123",
    email="Aisha.O@Post.example",
    born_on=date(1985, 11, 3),
):
    return set(
        search.search_keys(given_name=given_name, family_name=family_name, phone=phone, email=email, born_on=born_on)
    )


def meets(typed: str, of: set[str]) -> bool:
    groups = search.keys_for(typed)
    return bool(groups) and all(of & set(group) for group in groups)


@given(WORDS, WORDS, st.randoms())
def test_name_parts_find_her_in_any_order(given_names, family_names, chance):
    parts = given_names + family_names
    chance.shuffle(parts)
    assert meets(" ".join(parts), keys(" ".join(given_names), " ".join(family_names)))


def test_name_parts_in_any_order_for_example():
    maria = keys("Ana María", "Da Silva")
    assert meets("silva ana", maria)
    assert meets("MARIA da", maria)
    assert not meets("silva bruno", maria)


@given(WORD, st.data())
def test_every_beginning_of_a_name_finds_her(name, data):
    beginning = search.plain(name)[: data.draw(st.integers(1, len(search.plain(name))))]
    assert meets(beginning, keys(given_name=name))


@given(WORD, st.data())
def test_one_letter_left_out_still_shares_a_key(name, data):
    word = search.plain(name)
    at = data.draw(st.integers(0, len(word) - 1))
    groups = search.slips_for(word[:at] + word[at + 1 :])
    assert not groups or keys(given_name=name) & set(groups[0])


@pytest.mark.parametrize("typed", ["smith", "smiht", "smth", "smithh", "smyth", "msith"])
def test_a_slip_is_one_letter_wrong_missing_or_extra_or_two_swapped(typed):
    assert search.one_slip_apart(typed, "smith")
    assert keys(family_name="Smith") & set(search.slips_for(typed)[0])


@pytest.mark.parametrize("typed", ["smytt", "thmis", "smthi", "sm", "smithson"])
def test_two_slips_are_no_slip(typed):
    assert not search.one_slip_apart(typed, "smith")


@given(st.text(max_size=60), st.text(max_size=60))
def test_one_slip_apart_is_the_same_both_ways(one, other):
    assert search.one_slip_apart(one, other) == search.one_slip_apart(other, one)


@pytest.mark.parametrize("typed", ["aisha", "AÏSHA", "aïs", "obrien", "o'brien", "o brien", "O’BRIEN", "brien aisha"])
def test_accents_capitals_and_apostrophes_do_not_matter(typed):
    assert meets(typed, keys())


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("+44 7700 900123", "07700 900123"),
        ("07700 900123", "+44 (0)7700-900123"),
        ("07700900123", "0044 7700 900 123"),
        ("+44 7700 900123", "447700900123"),
        ("(212) 555-0100", "+1 212 555 0100"),
        ("+1 212 555 0100", "212.555.0100"),
        ("+353 1 496 0123", "01 496 0123"),
        ("07700 900123", "07700 9"),
        ("07700 900123", "900123"),
        ("07700 900123", "٠٧٧٠٠ ٩٠٠١٢٣"),
    ],
)
def test_a_telephone_number_is_found_in_any_notation(stored, typed):
    assert meets(typed, keys(phone=stored))


def test_another_number_is_not_found():
    assert not meets("07700 900124", keys(phone="07700 900123"))


@pytest.mark.parametrize(
    "typed",
    ["3/11/1985", "03.11.1985", "3 11 1985", "3-11-85", "1985-11-03", "03111985", "3 Nov 1985", "3rd November 1985",
     "November 3, 1985", "3/11/1985 obrien", "aisha 1985-11-03", "3 nov 85 aisha"],
)  # fmt: skip
def test_a_birth_date_is_found_in_the_usual_notations(typed):
    assert meets(typed, keys())


@pytest.mark.parametrize("typed", ["4/11/1985", "11/3/1985", "3/11/1985 miller", "31/2/1985"])
def test_another_birth_date_is_not_found(typed):
    assert not meets(typed, keys())


@pytest.mark.parametrize("typed", ["aisha.o@post.example", "AISHA.O@POST.EXAMPLE", "obrien aisha.o@post.example"])
def test_an_email_is_found_whole(typed):
    assert meets(typed, keys())


@pytest.mark.parametrize("typed", ["aisha.o@po", "aisha.o@", "aisha."])
def test_an_email_is_found_while_it_is_typed(typed):
    assert keys() & set(search.mailbox_keys(typed)[0])


@given(st.text(max_size=300))
def test_whatever_is_typed_becomes_keys_the_database_can_take(typed):
    for groups in (search.keys_for(typed), search.slips_for(typed), search.mailbox_keys(typed)):
        for key in (key for group in groups for key in group):
            assert len(key) <= search.KEY_LENGTH
            assert "\0" not in key
            key.encode("utf-8")


@pytest.mark.parametrize("typed", ["", " ", "\0", "\ud800", "12", "!!!", "+", "(0)"])
def test_what_says_nothing_asks_for_nothing(typed):
    assert search.keys_for(typed) == []


@given(st.text(max_size=80), st.text(max_size=80))
def test_keys_fit_their_columns(given_name, family_name):
    assert len(search.name_key(given_name, family_name)) <= 170
    assert all(len(key) <= search.KEY_LENGTH for key in keys(given_name, family_name))


@given(st.text(max_size=40))
def test_plain_is_plain_already(text):
    assert search.plain(search.plain(text)) == search.plain(text)


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_a_written_birth_date_is_read_back(day):
    for written in (f"{day:%Y-%m-%d}", f"{day.day}/{day.month}/{day.year}", f"{day:%d %B %Y}", f"{day:%d.%m.%Y}"):
        assert search.birth_date(written) == day


@pytest.mark.parametrize("written", ["3/11/85", "31/2/1985", "1985", "3 Smarch 1985", "11/25/1985", "3 11 19855", ""])
def test_a_birth_date_that_could_be_two_days_is_none(written):
    assert search.birth_date(written) is None
