"""Why a number is what it is: the value in use, the sources that agree, those that disagree, and how good each is."""

from collections.abc import Iterable

from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import ConcernPolicy, Evidence, NumbingPolicy, Rule, Zone

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


def of_usual_depth(
    zone: Zone, concerns: Iterable[ConcernPolicy], catalogue: Catalogue, *, title: str, use: str
) -> dict:
    """The popover of a start or a soft maximum: what sources say of the zone and of the concerns treated there."""
    return _of_several([zone, *concerns], catalogue, title=title, use=use)


def of_limit(zone: Zone, catalogue: Catalogue, *, title: str, use: str) -> dict:
    """The popover of a hard cap: what sources say of the zone, and what the limits of every depth rest on."""
    return _of_several([zone, catalogue.depth], catalogue, title=title, use=use)


def of_step(catalogue: Catalogue, *, title: str, use: str) -> dict:
    """The popover of the step from last time: our own decision."""
    why = _of_several([], catalogue, title=title, use=use)
    return why | {"agree": [_line("asks for a reason", ("PD",), catalogue)], "key": _key(["PD"])}


def of_numbing(policy: NumbingPolicy, catalogue: Catalogue, *, value: str) -> dict:
    """The popover of the dose alert."""
    return {
        "title": "Dose alert of the numbing cream",
        "meta": f"In use: {value}. Protocol {catalogue.version}.",
        "agree": [
            _line("the label of lidocaine 4 %: below 300 mg and never above 4.5 mg/kg", policy.sources, catalogue)
        ],
        "disagree": [],
        "use": "Most of a cream is not absorbed, so the alert only warns. The label's own strength, area, amount and cover are refused; a time over it is kept with its reason.",
        "key": _key(grades_of(policy.sources, catalogue).split()),
    }


def _of_several(entries: list, catalogue: Catalogue, *, title: str, use: str) -> dict:
    agree, against = [], []
    for entry in entries:
        agree += _lines(entry.evidence, catalogue) or [_line("asked for", entry.sources, catalogue)]
        against += _lines(entry.dissent, catalogue)
    depths = [line for line in agree if "mm" in line["term"] or "mm" in line["text"]] or agree
    shown = [grade for line in (*depths, *against) for grade in line["grade"].split()]
    return {
        "title": title,
        "meta": f"Protocol {catalogue.version}.",
        "agree": depths,
        "disagree": [line for line in against if "mm" in line["term"] or "mm" in line["text"]],
        "use": use,
        "key": _key(shown),
    }


def _key(shown: Iterable[str]) -> list[dict]:
    return [{"grade": grade, "text": words} for grade, words in GRADES.items() if grade in set(shown)]


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
