"""A screening on record, done again from what the record keeps: facts, published protocol, the clinic's own values."""

from treatments.protocol.catalogue import Catalogue
from treatments.protocol.facts import from_json
from treatments.protocol.policy import setting_from_json
from treatments.protocol.screening import Screening, screen
from treatments.rules.policy import RuleSet
from treatments.screenings.models import ScreeningRecord


def rules_of(record: ScreeningRecord) -> Catalogue:
    """The rules as they were in force for a record. Raises `BadCatalogue` where this software no longer reads a version
    that old."""
    return _rule_set(record).on(record.on)


def replay(record: ScreeningRecord) -> Screening:
    """The same findings, whatever the rules of today say. Raises `BadCatalogue` or `BadFacts`."""
    rules = _rule_set(record)
    catalogue = rules.on(record.on)
    return screen(
        from_json(record.facts, catalogue),
        on=record.on,
        purpose=record.purpose,
        catalogue=catalogue,
        ahead=rules.ahead(record.on),
    )


def _rule_set(record: ScreeningRecord) -> RuleSet:
    return RuleSet(record.protocol.sha256, tuple(setting_from_json(kept) for kept in record.policy))
