"""How long the protocol thinks: reading the catalogue in a fresh process, one screening, one course."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

from treatments.bench.at_rest import at_rest
from treatments.bench.figures import Figure, at_rest_within, timed
from treatments.protocol.catalogue import load
from treatments.protocol.facts import AdverseEventFact, Answer, ClearanceFact, Concern, Device, Needling, PatientFacts
from treatments.protocol.planning import propose_course
from treatments.protocol.screening import screen

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 12, 1)
RUNS = 50
PROCESSES = 5
# The modules are there already, as they are for every caller; what is measured is the reading of the file.
READ_ONCE = (
    "from time import perf_counter; from treatments.protocol.catalogue import load;"
    " begun = perf_counter(); load(); print((perf_counter() - begun) * 1000)"
)


def figures() -> Iterator[Figure]:
    """Goals: design, 6; the patients are the easiest and the hardest there are."""
    read = at_rest(lambda: [_read() for _ in range(PROCESSES)])
    yield at_rest_within(30, "catalogue load, each in a fresh process", read)
    catalogue = load()
    for who, facts in (("nothing raised", _harmless()), ("every rule raised", _everything())):
        screened = partial(screen, facts, on=DAY, purpose="session", catalogue=catalogue)
        yield at_rest_within(1, f"screen(), {who}", at_rest(partial(timed, screened, runs=RUNS)))
    for who, facts, count in (
        ("4 sessions of one concern", _harmless(), None),
        ("8 sessions, three concerns", _everything(), 8),
    ):
        proposed = partial(_course, facts, count)
        yield at_rest_within(2, f"course proposal, {who}", at_rest(partial(timed, proposed, runs=RUNS)))


def _read() -> float:
    ran = subprocess.run([sys.executable, "-c", READ_ONCE], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return float(ran.stdout)


def _course(facts: PatientFacts, count: int | None) -> None:
    propose_course(facts, start_on=DAY, catalogue=load(), count=count)


def _harmless() -> PatientFacts:
    """Every question answered so that nothing is raised."""
    answers = {
        rule.code: Answer("no" if rule.raised_by == "yes" else "yes", answered_on=DAY)
        for rule in load().rules
        if rule.form != "computed"
    }
    return PatientFacts(
        born_on=date(1990, 4, 2), skin_type=2, answers=answers, concerns=(Concern("acne_scar_face", ("cheek",)),)
    )


def _everything() -> PatientFacts:
    """Every question answered so that it raises its flag, with a past, a device, reactions and a clearance."""
    answers = {
        rule.code: Answer(rule.raised_by, on=DAY - timedelta(days=3) if rule.needs_date else None, answered_on=DAY)
        for rule in load().rules
        if rule.form != "computed"
    }
    return PatientFacts(
        born_on=date(2006, 4, 2),
        skin_type=None,
        pih_history=True,
        answers=answers,
        concerns=(
            Concern("striae", ("abdomen", "flank", "thigh"), "severe"),
            Concern("acne_scar_face", ("cheek", "chin", "jawline", "forehead"), "severe"),
            Concern("wrinkles", ("forehead", "cheek", "chin", "neck")),
        ),
        device=Device("Pen", {"face": Decimal("1.5"), "body": Decimal("2.0")}, filler_washout_days=180),
        sessions=tuple(Needling(DAY - timedelta(days=50 * n), Decimal("1.75")) for n in range(1, 7)),
        adverse_events=(AdverseEventFact(2, DAY - timedelta(days=5), over_72h=True), AdverseEventFact(3)),
        clearances=(ClearanceFact("hsv_history", DAY + timedelta(days=9)),),
    )
