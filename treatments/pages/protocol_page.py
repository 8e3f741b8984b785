"""The catalogue as a person reads it: every rule with the value in use, its sources, how good they are, and who disagrees."""

from treatments.pages import why
from treatments.protocol.catalogue import Catalogue, load
from treatments.protocol.entries import Evidence, Rule

CATEGORIES = {
    "ABS": ("block", "Blocks"),
    "TMP": ("defer", "Not before a date"),
    "REL": ("needs_clinician", "Needs a clinician"),
    "CAU": ("caution", "Caution"),
}
FORMS = {
    "day": "Asked on the day",
    "full": "Asked once a year",
    "clinician": "Asked of the clinician",
    "computed": "Worked out, not asked",
}
LIFTED = {
    "clinician": "a clinician’s clearance",
    "prescriber": "a prescriber’s clearance",
    "nobody": "nobody",
    "new_answer": "a new answer",
    "end_date": "an end date",
    "time": "time",
    "closing": "a clinician closing the reaction",
    "not_needed": "nothing to lift",
}


def readable() -> dict:
    """Context of the protocol page: the rules by category, the concerns, the interval and the grades."""
    catalogue = load()
    return {
        "groups": [
            {
                "state": state,
                "label": label,
                "rules": [_rule(rule, catalogue) for rule in catalogue.rules if rule.category == category],
            }
            for category, (state, label) in CATEGORIES.items()
        ],
        "concerns": [
            {
                "concern": concern,
                "sources": why.source_words(concern.sources, catalogue),
                "grade": why.grades_of(concern.sources, catalogue),
                "says": _lines(concern.evidence, catalogue),
                "disagree": _lines(concern.dissent, catalogue),
            }
            for concern in catalogue.offered_concerns()
        ],
        "interval": {
            "policy": catalogue.interval,
            "sources": why.source_words(catalogue.interval.sources, catalogue),
            "says": _lines(catalogue.interval.evidence, catalogue),
            "disagree": _lines(catalogue.interval.dissent, catalogue),
        },
        "grades": why.GRADES.items(),
        "rule_count": len(catalogue.rules),
        "sources": catalogue.sources.values(),
    }


def _rule(rule: Rule, catalogue: Catalogue) -> dict:
    return {
        "code": rule.code,
        "label": rule.label,
        "question": rule.question,
        "value": why.washout_words(rule),
        "asked": FORMS[rule.form],
        "lifted": LIFTED[rule.lifted_by],
        "sources": why.source_words(rule.sources, catalogue),
        "grade": why.grades_of(rule.sources, catalogue),
        "says": _lines(rule.evidence, catalogue),
        "disagree": _lines(rule.dissent, catalogue),
    }


def _lines(evidence: tuple[Evidence, ...], catalogue: Catalogue) -> list[dict]:
    return [
        {
            "value": said.value,
            "sources": ", ".join(said.sources),
            "grade": why.grades_of(said.sources, catalogue),
        }
        for said in evidence
    ]
