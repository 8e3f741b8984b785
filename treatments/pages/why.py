"""Why a number is what it is: the value in use, the sources that agree, those that disagree, and how good each is."""

from collections.abc import Iterable

from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import ConcernPolicy, Evidence, Rule

GRADES = {
    "A": "regulator, review or trial",
    "B": "single study, case series or label",
    "C": "clinic page, consent form, trade article",
    "GK": "general knowledge, not traced",
    "PD": "decided for this product",
}
# A value longer than this does not fit beside its sources; then the sources lead and the value is the sentence.
SHORT_VALUE = 16


def of_rule(rule: Rule, catalogue: Catalogue) -> dict:
    """The popover of a screening rule."""
    wait = washout_words(rule)
    title = f"{rule.label}: {_days(rule.washout.days)}" if rule.washout and rule.washout.days else rule.label
    return _why(title=title, value=wait, entry=rule, catalogue=catalogue)


def of_interval(catalogue: Catalogue, *, floor_days: int) -> dict:
    """The popover of the shortest time between two sessions."""
    return _why(
        title=f"Never sooner than {floor_days} days",
        value=f"{floor_days} days",
        entry=catalogue.interval,
        catalogue=catalogue,
    )


def of_concern(concern: ConcernPolicy, catalogue: Catalogue, *, title: str, value: str) -> dict:
    """The popover of a number that the concern decides: how many sessions, how far apart, maintenance."""
    return _why(title=title, value=value, entry=concern, catalogue=catalogue)


def of_depth(sources: Iterable[str], catalogue: Catalogue, *, title: str, value: str) -> dict:
    """The popover of a depth: the sources of its zone and concern, and what the depth policy rests on."""
    why = _why(title=title, value=value, entry=catalogue.depth, catalogue=catalogue)
    why["agree"] = [_line(value, tuple(sources), catalogue), *why["agree"]]
    return why


def washout_words(rule: Rule) -> str:
    """The wait of a rule in words, empty where it has none."""
    wait = rule.washout
    if wait is None or wait.days == 0:
        return ""
    if wait.interval_floor:
        return "the shortest interval"
    longer = [
        f"{_days(days)} for {whom}"
        for days, whom in ((wait.skin_types_4_to_6, "skin type IV to VI"), (wait.pigment_concern, "a pigment concern"))
        if days
    ]
    by_word = [
        f"{_days(word.days)} for: {word.label}"
        for word in rule.details.values()
        if word.days and word.days != wait.days
    ]
    return ", ".join([_days(wait.days), *longer, *by_word])


def source_words(ids: Iterable[str], catalogue: Catalogue) -> str:
    """The title of a single source, the short names of several."""
    known = [catalogue.source(id) for id in ids]
    if len(known) == 1:
        return known[0].title if known[0].id == known[0].grade else f"{known[0].title}, {known[0].id}"
    return ", ".join(source.id for source in known)


def grades_of(ids: Iterable[str], catalogue: Catalogue) -> str:
    return " ".join(sorted({catalogue.source(id).grade for id in ids}, key=list(GRADES).index))


def _why(*, title: str, value: str, entry, catalogue: Catalogue) -> dict:
    agree = _lines(entry.evidence, catalogue) or [_line(value or "asked for", entry.sources, catalogue)]
    against = _lines(entry.dissent, catalogue)
    shown = {grade for line in (*agree, *against) for grade in line["grade"].split()}
    in_use = f"In use: {value} ({source_words(entry.sources, catalogue)}). " if value else ""
    return {
        "title": title[:1].upper() + title[1:],
        "meta": f"{in_use}Protocol {catalogue.version}.",
        "agree": agree,
        "disagree": against,
        "use": getattr(entry, "advice", "") or getattr(entry, "note", ""),
        "key": [{"grade": grade, "text": words} for grade, words in GRADES.items() if grade in shown],
    }


def _lines(evidence: Iterable[Evidence], catalogue: Catalogue) -> list[dict]:
    return [_line(said.value, said.sources, catalogue) for said in evidence]


def _line(value: str, sources: tuple[str, ...], catalogue: Catalogue) -> dict:
    grade = grades_of(sources, catalogue)
    if len(value) <= SHORT_VALUE:
        return {"term": value, "text": source_words(sources, catalogue), "grade": grade}
    return {"term": ", ".join(sources), "text": value, "grade": grade}


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
