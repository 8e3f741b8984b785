"""Keys by which a patient is found: name parts in any order, without accents, one slip allowed; telephone, e-mail, birth date.

All keys of a patient stand in one array under one GIN index. What is typed becomes groups of keys: one key of every group
must be there. Each key begins with its kind, so that a name never meets a telephone number:

    n: beginnings of a name part     s: a name part with one letter left out     b: birth date
    p: beginnings and ends of the telephone number, without country and trunk zero     e: beginnings of the e-mail
"""

import re
import unicodedata
from datetime import date

Groups = list[list[str]]

# Whoever pastes a page into the search field still gets an answer in time.
TYPED_LENGTH, TYPED_WORDS = 200, 8
BEGINNINGS = range(1, 13)
MAILBOX_BEGINNINGS = range(3, 11)
PART_LENGTH = 40
KEY_LENGTH = 90
# Shorter ones differ from everything by one slip.
SLIP_LENGTH = 3
FIRST_YEAR, LAST_YEAR = 1900, 2099

# Letters that decomposition leaves alone.
FOLDED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ß": "ss"})
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
# ITU E.164: zones 1 and 7 have one digit, these have two, all others three.
TWO_DIGIT_COUNTRIES = frozenset({
    20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59), *range(60, 67), 81, 82, 84, 86, *range(90, 96), 98,
})  # fmt: skip
# Enough digits to be a whole number with its country, though written without a plus.
WITH_COUNTRY = 11

NOT_OF_A_WORD = re.compile(r"[\W_]+")
EMAIL = re.compile(r"[\w.+%&'/=?^{|}~!#$*-]+@[\w.-]*")
WORDED_DATE = re.compile(
    r"\b(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s./-]+(?P<month>[^\W\d_]{3,9})"
    r"|(?P<month2>[^\W\d_]{3,9})\.?[\s]+(?P<day2>\d{1,2})(?:st|nd|rd|th)?)[\s.,/-]+(?P<year>\d{4}|\d{2})\b"
)
# A stretch of digits as dates and telephone numbers are written; not the 84 in rahman84.
NUMBER = re.compile(r"(?<![^\W_])(?:\+|\()?\d[\d\s()./-]*(?![^\W_])")


def plain(text: str) -> str:
    """Lower case, accents off, anything but letters and digits made a space."""
    if not text.isascii():
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold().translate(FOLDED))
        text = "".join(char for char in folded if not unicodedata.combining(char)).casefold()
    return NOT_OF_A_WORD.sub(" ", text.lower()).strip()


def name_key(given_name: str, family_name: str) -> str:
    """What lists sort by: family name first."""
    return f"{plain(family_name)} {plain(given_name)}"[:170]


def name_words(given_name: str, family_name: str) -> list[set[str]]:
    """Each word of the name as the set of ways to type it: O'Brien is o, brien and obrien."""
    words = []
    for word in f"{given_name} {family_name}".split():
        pieces = plain(word).split()
        if pieces:
            words.append({piece[:PART_LENGTH] for piece in (*pieces, "".join(pieces))})
    return words


def name_parts(given_name: str, family_name: str) -> set[str]:
    return set().union(*name_words(given_name, family_name))


def one_deletion(word: str) -> set[str]:
    """The word and every form with one letter left out: two words one slip apart share one of them."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def one_slip_apart(one: str, other: str) -> bool:
    """Equal, or one letter wrong, missing or extra, or two neighbours swapped."""
    if one == other:
        return True
    if abs(len(one) - len(other)) > 1:
        return False
    pairs = enumerate(zip(one, other, strict=False))
    same = next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
    left, right = one[same:], other[same:]
    swapped = left[1::-1] == right[:2] and left[2:] == right[2:]
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or swapped


def national(phone: str) -> str:
    """Digits of a telephone number without country code and trunk zero: +44 (0)20 7946 0958 and 020 7946 0958 are one."""
    number = _digits(phone)
    if phone.strip().startswith(("+", "(+")) or number.startswith("00"):
        number = _without_country(number.removeprefix("00"))
    return number.removeprefix("0")


def _digits(phone: str) -> str:
    """Digits of any script as 0 to 9, without a trunk zero in brackets."""
    return "".join(str(unicodedata.digit(char)) for char in phone.replace("(0)", "") if char.isdecimal())


def _without_country(number: str) -> str:
    code = (
        1 if number[:1] in ("1", "7") else 2 if number[:2].isdecimal() and int(number[:2]) in TWO_DIGIT_COUNTRIES else 3
    )
    return number[code:]


def search_keys(*, given_name: str, family_name: str, phone: str, email: str, born_on: date) -> list[str]:
    """Every key the patient can be found by."""
    keys = {f"b:{born_on.isoformat()}"}
    for part in name_parts(given_name, family_name):
        keys |= {f"n:{part[:length]}" for length in BEGINNINGS}
        keys |= {f"s:{form}" for form in one_deletion(part) if len(part) >= SLIP_LENGTH}
    number = national(phone)
    keys |= {f"p:{number[:length]}" for length in range(3, len(number) + 1)}
    keys |= {f"p:{number[-length:]}" for length in range(4, len(number))}
    if email:
        address = email.casefold()
        mailbox = address.partition("@")[0]
        keys |= {f"e:{mailbox[:length]}" for length in MAILBOX_BEGINNINGS if length <= len(mailbox)}
        keys |= {_email_key(f"{mailbox}@"), _email_key(address)}
    return sorted(keys)


def of_a_name(keys: list[str]) -> list[str]:
    """Those of the keys that a name alone gives."""
    return [key for key in keys if key.startswith(("n:", "s:"))]


def _email_key(address: str) -> str:
    return f"e:{address}"[:KEY_LENGTH]


def keys_for(text: str) -> Groups:
    """The groups for what was typed: names, dates, numbers and addresses in any order. Empty: nothing usable yet."""
    words, others = _read(text)
    return [[f"n:{word[: BEGINNINGS[-1]]}"] for word in words] + others


def slips_for(text: str) -> Groups:
    """The same with one letter of each name part wrong, missing or extra. Empty: nothing that could be misspelt."""
    words, others = _read(text)
    if not any(len(word) >= SLIP_LENGTH for word in words):
        return []
    return [_with_slips(word) for word in words] + others


def _with_slips(word: str) -> list[str]:
    slips = sorted(f"s:{form}" for form in one_deletion(word)) if len(word) >= SLIP_LENGTH else []
    return [f"n:{word[: BEGINNINGS[-1]]}", *slips]


def mailbox_keys(text: str) -> Groups:
    """For an e-mail that is still being typed: what stands before the @, whole or only begun."""
    begun = re.fullmatch(r"([\w.+-]{3,64})(@[\w.-]*)?", text.strip())
    if not begun:
        return []
    mailbox = begun[1].casefold()
    return [[_email_key(f"{mailbox}@") if begun[2] else f"e:{mailbox[: MAILBOX_BEGINNINGS[-1]]}"]]


def same_person_keys(*, phone: str, email: str) -> list[str]:
    """Keys that only the same telephone number or the same e-mail has in full."""
    number = national(phone)
    return ([f"p:{number}"] if len(number) > 5 else []) + ([_email_key(email.casefold())] if email else [])


def typed_words(text: str) -> list[str]:
    return _read(text)[0]


def _read(text: str) -> tuple[list[str], Groups]:
    """Name parts, and one group for each date, number and e-mail that stands between them."""
    groups: Groups = []

    def taken(pattern: re.Pattern, understand, rest: str) -> str:
        def swap(found: re.Match) -> str:
            keys = understand(found)
            if keys:
                groups.append(keys)
            return found[0] if keys is None else " "

        return pattern.sub(swap, rest)

    rest = taken(EMAIL, _email_group, text[:TYPED_LENGTH])
    rest = taken(WORDED_DATE, _worded_date_group, rest)
    rest = taken(NUMBER, _number_group, rest)
    return [word[:PART_LENGTH] for word in plain(rest).split()][:TYPED_WORDS], groups[:TYPED_WORDS]


def _email_group(found: re.Match) -> list[str]:
    return [_email_key(found[0].casefold())]


def _worded_date_group(found: re.Match) -> list[str] | None:
    month = _month(found["month"] or found["month2"])
    return _birth_keys(_dates(found["day"] or found["day2"], month, found["year"])) or None


def _number_group(found: re.Match) -> list[str]:
    """A number may be a birth date or a telephone number: both are tried. Too short to be either, it says nothing yet."""
    return [*_birth_keys(typed_dates(found[0])), *_phone_keys(found[0])]


def _birth_keys(dates: list[date]) -> list[str]:
    return [f"b:{day.isoformat()}" for day in dates]


def _phone_keys(typed: str) -> list[str]:
    bare = _digits(typed)
    numbers = {national(typed), bare}
    if len(bare) >= WITH_COUNTRY and not bare.startswith("0"):
        numbers.add(_without_country(bare).removeprefix("0"))
    return [f"p:{number}"[:KEY_LENGTH] for number in sorted(numbers) if len(number) >= 3]


def typed_dates(text: str) -> list[date]:
    """The days a typed birth date can mean: 3/11/1985, 3.11.85, 03 11 1985, 1985-11-03, 03111985.

    Day before month, unless that is no date. A year of two digits may belong to either century.
    """
    parts = re.findall(r"\d+", text)
    if len(parts) == 1 and len(parts[0]) == 8:
        whole = parts[0]
        return _dates(whole[:2], whole[2:4], whole[4:]) or _dates(whole[6:], whole[4:6], whole[:4])
    if [len(part) for part in parts] in ([4, 1, 1], [4, 1, 2], [4, 2, 1], [4, 2, 2]):
        return _dates(parts[2], parts[1], parts[0])
    if len(parts) != 3 or len(parts[0]) > 2 or len(parts[1]) > 2 or len(parts[2]) not in (2, 4):
        return []
    return _dates(*parts) or _dates(parts[1], parts[0], parts[2])


def _dates(day: str, month: str | int, year: str) -> list[date]:
    years = [int(year)] if len(year) == 4 else [1900 + int(year), 2000 + int(year)]
    found = [_day(day, month, str(year)) for year in years if FIRST_YEAR <= year <= LAST_YEAR]
    return [day for day in found if day]


def birth_date(text: str) -> date | None:
    """A birth date written for the record: day before month, the year in full, the month in figures or in words."""
    worded = WORDED_DATE.fullmatch(text.strip())
    if worded:
        return _day(worded["day"] or worded["day2"], _month(worded["month"] or worded["month2"]), worded["year"])
    parts = re.fullmatch(r"(\d{1,4})[\s./-]+(\d{1,2})[\s./-]+(\d{1,4})", text.strip())
    if not parts:
        return None
    return _day(parts[3], parts[2], parts[1]) if len(parts[1]) == 4 else _day(*parts.groups())


def _month(word: str) -> int:
    """1 to 12, also for a month cut short; 0 where the word is none."""
    return next((number for number, name in enumerate(MONTHS, 1) if name.startswith(plain(word))), 0)


def _day(day: str, month: str | int, year: str) -> date | None:
    try:
        return date(int(year), int(month), int(day)) if len(year) == 4 and len(day) <= 2 else None
    except ValueError:
        return None
