"""Words that sell. Mail about visits carries none: she has agreed to hear of her visits, and a service mail that advertises is
advertising by law, with other rules. Pure.

The list names what a seller writes, and lets through what only looks like it: "feel free", "free of make-up", "deal with".
"""

import re
from collections.abc import Mapping

_GOODS = (
    r"(?:treatments?|sessions?|visits?|peels?|facials?|consultations?|samples?|products?|creams?|serums?|checks?|trials?|extras?|"
    r"upgrades?|add-ons?|delivery|minutes)"
)
_TIMES = r"(?:times?|visits?|dates?|days?|slots?|appointments?)"

LOOK_ALIKES: Mapping[str, str] = {
    "en": r"feel free|free (?:of|from)(?! charge| cost)|[a-z]+-free\b|free (?:times?|days?|slots?)\b"
    rf"|offers? (?:you |her |them )?(?:(?:an?|the|some|one) )?(?:(?:other|another|new|next|later|earlier|free) )?{_TIMES}\b"
    r"|deal(?:s|t|ing)? with|a (?:great|good) deal (?:of|more|less|better|easier|longer)"
    r"|save (?:this|the|our|your|it|that|these)\b",
    "de": r"frei von|kostenlos an(?:rufen|zurufen)",
}
SELLING: Mapping[str, str] = {
    "en": r"\boffers?\b|\bdiscount\w*|\d+\s?(?:%|per ?cent)\s?(?:off|less|cheaper|discount)|\bhalf[- ]price\b|\bsales?\b|\bgifts?\b"
    r"|\bvouchers?\b|\bcoupons?\b|\bdeals?\b|\bbargains?\b|\bpromo(?:tion\w*|s)?\b|\bfor free\b|\bfree of (?:charge|cost)\b"
    rf"|\bfree (?:\w+ ){{0,2}}?{_GOODS}\b|\bbook now\b|\b(?:and|to|you) save\b|\bsave (?:up to )?[£$€]?\d|\bsave money\b"
    r"|\bbuy\b|\b(?:special|best|lower|reduced) prices?\b|\bprices? from\b|\blimited (?:time|places)\b|\blast chance\b"
    r"|\bdon['’]t miss\b|\bhurry\b|\brefer a friend\b|\bbring a friend\b|\bloyalty\b|\btreat yourself\b",
    "de": r"\bangebote?\b|\brabatte?\b|\bgutscheine?\b|\bgratis\b|\bkostenlos\w*|\bumsonst\b|\baktions?(?:preis\w*|woche\w*)\b"
    r"|\bsonderpreise?\b|\bschnäppchen\b|\bgeschenke?\b|\bsparen sie\b|\d+\s?%\s?(?:rabatt|auf|weniger|günstiger)"
    r"|\bjetzt buchen\b|\bnur für kurze zeit\b",
}


def selling_words(text: str, language: str) -> list[str]:
    """What in a text advertises, as it stands there. English words are looked for in every language."""
    found = []
    for code in dict.fromkeys(("en", language)):
        if code in SELLING:
            innocent = re.sub(LOOK_ALIKES[code], " ", text, flags=re.IGNORECASE)
            found += [match[0].strip() for match in re.finditer(SELLING[code], innocent, flags=re.IGNORECASE)]
    return list(dict.fromkeys(found))
