"""Finding a patient by whatever was typed, and the people a new record might be about already."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q, QuerySet

from clinic.models import Clinic
from patients import search
from patients.models import Patient
from patients.search import Groups

SHOWN = 20
# Whoever shares a name with thousands is found by typing more; reading and sorting all of them would cost everybody.
READ_AT_MOST = 400
# "an" begins the name of every tenth patient: the sorted list of family names answers at once.
SHORT_BEGINNING = 3
DUPLICATES_SHOWN = 10
LONGEST_NUMBER = 40


@dataclass(frozen=True)
class Found:
    """The first of those who match, by family name. `nearest`: nobody matched as typed, these differ by a slip."""

    patients: list[Patient] = field(default_factory=list)
    asked: bool = True
    nearest: bool = False
    more: bool = False


@dataclass(frozen=True)
class Likeness:
    """Somebody on record who may be the same person, and what the two have in common."""

    patient: Patient
    because: list[str]


def latest(*, clinic: Clinic) -> list[Patient]:
    """Who was registered last: what the list shows before anything is typed."""
    return list(clinic.patients.defer("search_keys").order_by("-pk")[:SHOWN])


def find(*, clinic: Clinic, text: str) -> Found:
    """At most 20 patients of the clinic for names in any order, telephone, e-mail or birth date, alone or together. Whose own
    number in the clinic's books was typed, whole, comes first."""
    groups, numbered = search.keys_for(text), _numbered(clinic, text)
    if not groups:
        return Found(numbered, asked=bool(numbered))
    for attempt in (groups, search.mailbox_keys(text)):
        others = _first(clinic, attempt) if attempt else []
        found = [*numbered, *(patient for patient in others if patient not in numbered)]
        if found:
            return Found(found[:SHOWN], more=len(found) > SHOWN)
    return Found(_nearest(clinic, text), nearest=True)


def _numbered(clinic: Clinic, text: str) -> list[Patient]:
    """By the number as it was written, or all in capitals, or in none. Names cost no query: a number has a figure in it."""
    typed = " ".join(text.split())
    if len(typed) > LONGEST_NUMBER or not any(char.isdigit() for char in typed):
        return []
    hers = clinic.patient_numbers.filter(number__in={typed, typed.upper(), typed.lower()})
    return list(_listed(clinic).filter(pk__in=hers.values("patient")))


def _first(clinic: Clinic, groups: Groups) -> list[Patient]:
    beginning = _short_beginning(groups)
    families = _by_family(clinic, beginning) if beginning else []
    if len(families) > SHOWN:
        return families
    some = _matching(clinic, groups).values("pk")[:READ_AT_MOST]
    return list(_listed(clinic).filter(pk__in=some)[: SHOWN + 1])


def _short_beginning(groups: Groups) -> str:
    kind, _, letters = groups[0][0].partition(":")
    return letters if len(groups) == 1 and kind == "n" and len(letters) <= SHORT_BEGINNING else ""


def _by_family(clinic: Clinic, beginning: str) -> list[Patient]:
    return list(_listed(clinic).filter(name_key__startswith=beginning)[: SHOWN + 1])


def _listed(clinic: Clinic) -> QuerySet[Patient]:
    # The keys are a kilobyte a row and nobody reads them here.
    return clinic.patients.defer("search_keys").order_by("name_key", "pk")


def _matching(clinic: Clinic, groups: Groups) -> QuerySet[Patient]:
    must = [group[0] for group in groups if len(group) == 1]
    patients = clinic.patients.filter(search_keys__contains=must) if must else clinic.patients.all()
    for group in groups:
        if len(group) > 1:
            patients = patients.filter(search_keys__overlap=group)
    return patients


def _nearest(clinic: Clinic, text: str) -> list[Patient]:
    """Those whose name is one slip a part from the words typed; the fewest slips first."""
    groups, words = search.slips_for(text), search.typed_words(text)
    if not groups:
        return []
    candidates = _matching(clinic, groups).values_list("pk", "name_key", "given_name", "family_name")[:READ_AT_MOST]
    ranked = []
    for pk, name_key, *name in candidates:
        slips = _slips(words, search.name_parts(*name))
        if slips is not None:
            ranked.append((slips, name_key, pk))
    best = [pk for *_, pk in sorted(ranked)[:SHOWN]]
    people = _listed(clinic).in_bulk(best)
    return [people[pk] for pk in best]


def _slips(words: list[str], parts: set[str]) -> int | None:
    """How many of the words are misspelt; None where one of them is no part of the name even so."""
    costs = [_slip(word, parts) for word in words]
    return None if None in costs else sum(costs)


def _slip(word: str, parts: Iterable[str]) -> int | None:
    if any(part.startswith(word) for part in parts):
        return 0
    return 1 if any(search.one_slip_apart(word, part) for part in parts) else None


def possible_duplicates(
    *,
    clinic: Clinic,
    given_name: str,
    family_name: str,
    born_on: date,
    email: str = "",
    phone: str = "",
    but_not: Patient | None = None,
) -> list[Likeness]:
    """Records that may be of the same person: born that day with a name a slip away, or the same e-mail or telephone."""
    same = Q(born_on=born_on)
    keys = search.same_person_keys(phone=phone, email=email)
    if keys:
        same |= Q(search_keys__overlap=keys)
    others = _listed(clinic).filter(same)
    if but_not is not None:
        others = others.exclude(pk=but_not.pk)
    likenesses = (
        Likeness(other, _in_common(other, given_name, family_name, born_on, email, phone)) for other in others
    )
    return [likeness for likeness in likenesses if likeness.because][:DUPLICATES_SHOWN]


def _in_common(other: Patient, given_name: str, family_name: str, born_on: date, email: str, phone: str) -> list[str]:
    alike = _names_alike(
        search.name_words(given_name, family_name), search.name_words(other.given_name, other.family_name)
    )
    number = search.national(phone)
    because = {
        "same birth date, similar name": other.born_on == born_on and alike,
        "same e-mail": bool(email) and other.email.casefold() == email.casefold(),
        "same telephone number": len(number) > 5 and search.national(other.phone) == number,
    }
    return [words for words, so in because.items() if so]


def _names_alike(one: list[set[str]], other: list[set[str]]) -> bool:
    """Every word of the shorter name has a partner in the longer: a second name left out is no difference."""
    shorter, longer = sorted((one, other), key=len)
    parts = set().union(*longer)
    return bool(shorter) and all(any(_alike(way, part) for way in word for part in parts) for word in shorter)


def _alike(one: str, other: str) -> bool:
    # A single letter is one slip from every other letter.
    return one == other or (min(len(one), len(other)) > 1 and search.one_slip_apart(one, other))
