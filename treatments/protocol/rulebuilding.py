"""From a table of the catalogue to a screening rule with all its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from .entries import CATEGORIES, Detail, Evidence, Form, LaterNo, Lifting, Rule, SecondStep, Value, Washout
from .reading import Table

PEOPLE = ("patient", "clinician", "desk")

# What a later "no" does where the entry does not say it.
LATER_NO: Mapping[Lifting, LaterNo] = {
    "time": "never_shortens_wait",
    "clinician": "kept_beside",
    "prescriber": "kept_beside",
    "nobody": "kept_beside",
    "new_answer": "replaces",
    "end_date": "needs_end_date",
    "closing": "replaces",
    "not_needed": "replaces",
}


def build_evidence(table: Table, key: str) -> tuple[Evidence, ...]:
    """Rows of a value and the sources that give it."""
    return tuple(Evidence(value=row[0], sources=row[1:]) for row in table.rows(key, least=2))


def build_rule(table: Table) -> Rule:
    form: Form = table.one_of("form", get_args(Form), "full")
    lifted_by: Lifting = table.one_of("lifted_by", get_args(Lifting))
    return Rule(
        code=table.text("code"),
        category=table.one_of("category", CATEGORIES),
        form=form,
        label=table.text("label"),
        question="" if form == "computed" else table.text("question"),
        raised_by=table.one_of("raised_by", get_args(Value), "yes"),
        unsure_raises=table.flag("unsure_raises", True),
        never_missing=table.flag("never_missing"),
        date_question=table.optional_text("date_question"),
        date_may_be_ahead=table.flag("date_may_be_ahead"),
        dated_as=table.optional_text("dated_as"),
        washout=_washout(table),
        second_step=_second_step(table),
        details=_details(table),
        detail_by=table.one_of("detail_by", PEOPLE) if table.has("detail_by") else None,
        runs_until_ended=table.flag("runs_until_ended"),
        after_end=table.one_of("after_end", CATEGORIES) if table.has("after_end") else None,
        soft=table.flag("soft"),
        later_no=table.one_of("later_no", get_args(LaterNo), LATER_NO[lifted_by]),
        answered_by=_answered_by(table, form),
        lifted_by=lifted_by,
        advice=table.text("advice"),
        sources=table.texts("sources"),
        evidence=build_evidence(table, "evidence"),
        dissent=build_evidence(table, "dissent"),
    )


def _answered_by(table: Table, form: Form) -> tuple[str, ...]:
    if form == "computed":
        return ()
    people = table.optional_texts("answered_by") or ("patient", "clinician")
    for person in people:
        if person not in PEOPLE:
            raise table.fail("answered_by", f"must name only: {', '.join(PEOPLE)}")
    return people


def _washout(table: Table) -> Washout | None:
    inner = table.optional_table("washout")
    if inner is None:
        return None
    washout = inner.read(_wait)
    if (washout.days is None) != washout.interval_floor:
        raise table.fail("washout", "needs days, or interval_floor = true, and not both")
    for longer in (washout.skin_types_4_to_6, washout.pigment_concern):
        if longer is not None and longer < (washout.days or 0):
            raise table.fail("washout", "gets shorter for the higher risk")
    return washout


def _wait(table: Table) -> Washout:
    return Washout(
        days=table.optional_whole("days"),
        skin_types_4_to_6=table.optional_whole("skin_types_4_to_6"),
        pigment_concern=table.optional_whole("pigment_concern"),
        device_says=table.flag("device_says"),
        interval_floor=table.flag("interval_floor"),
    )


def _second_step(table: Table) -> SecondStep | None:
    inner = table.optional_table("second_step")
    return None if inner is None else inner.read(_step)


def _step(table: Table) -> SecondStep:
    return SecondStep(category=table.one_of("category", CATEGORIES), days=table.whole("days", least=1))


def _details(table: Table) -> dict[str, Detail]:
    details: dict[str, Detail] = {}
    for inner in table.tables("details"):
        detail = inner.read(_detail)
        if detail.word in details:
            raise table.fail("details", f"name {detail.word} twice")
        details[detail.word] = detail
    return details


def _detail(table: Table) -> Detail:
    return Detail(
        word=table.text("word"),
        label=table.text("label"),
        category=table.one_of("category", CATEGORIES) if table.has("category") else None,
        days=table.optional_whole("days"),
        raises=table.flag("raises", True),
    )
