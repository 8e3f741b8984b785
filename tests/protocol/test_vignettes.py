"""The table of vignettes, one patient a line, against `screen()`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.protocol.people import D, day, described
from treatments.protocol.catalogue import load
from treatments.protocol.screening import Screening, screen

TABLE = Path(__file__).with_name("vignettes.txt")


@dataclass(frozen=True)
class Vignette:
    facts: str
    purpose: str
    outcome: str
    earliest: str
    binding: str
    findings: str
    missing: str


def vignettes() -> Iterator[Vignette]:
    for line in TABLE.read_text().splitlines():
        if line.strip() and not line.startswith(("#", "==")):
            yield Vignette(*(column.strip() for column in line.split("|")))


def words(finding) -> str:
    return f"{finding.category} {finding.code}{' assumed' if finding.date_assumed else ''}"


def verdict(vignette: Vignette) -> Screening:
    return screen(described(vignette.facts), on=D, purpose=vignette.purpose, catalogue=load())


@pytest.mark.parametrize("vignette", list(vignettes()), ids=lambda vignette: vignette.facts or "nothing in the way")
def test_a_vignette_reads_as_written(vignette):
    found = verdict(vignette)
    assert found.outcome == vignette.outcome
    assert found.earliest_on == (None if vignette.earliest == "none" else day(vignette.earliest))
    assert found.binding == (None if vignette.binding == "-" else vignette.binding)
    assert ", ".join(words(finding) for finding in found.findings) == vignette.findings
    assert ", ".join(found.missing) == vignette.missing


def test_there_are_at_least_eighty_vignettes():
    assert len(list(vignettes())) >= 80


def test_every_question_that_blocks_or_defers_has_a_vignette():
    told = TABLE.read_text()
    hard = [rule.code for rule in load().rules if rule.category in ("ABS", "TMP")]
    untold = [code for code in hard if code not in told]
    assert untold == []
