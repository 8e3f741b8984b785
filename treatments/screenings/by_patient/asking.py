"""Which questions a patient answers herself, and what of her last answers still counts if nothing has changed.

The list stands in the catalogue and nowhere else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from clinic.templatetags.clinic_ui import date_year
from patients.models import HistoryAnswer, Patient
from treatments import facts
from treatments.protocol.entries import Rule
from treatments.rules.policy import catalogue_for
from treatments.screenings.by_patient.models import PatientForm

VALUES = dict(HistoryAnswer.Value.choices)
# Whoever is asked everything is asked what may have changed since yesterday, too.
FORMS_OF = {PatientForm.Kind.DAY: ("day",), PatientForm.Kind.FULL: ("full", "day")}


@dataclass(frozen=True)
class Asked:
    """A question with her newest answer, whoever wrote it down; its remark is left out, for it may be a clinician's."""

    rule: Rule
    last: HistoryAnswer | None
    # The day of her last visit that took place.
    last_visit_on: date | None = None

    @property
    def is_open(self) -> bool:
        """Her last answer does not hold today only because nothing has changed: the question has to be asked."""
        last, rule = self.last, self.rule
        if last is None or last.value == HistoryAnswer.Value.NOT_SURE:
            return True
        if last.detail and last.detail not in rule.details:
            return True
        if last.value != HistoryAnswer.Value.YES:
            return False
        # A wait that nobody has dated would begin anew with every press.
        return self._is_of_another_visit or (rule.dated and not rule.soft and last.on is None)

    @property
    def _is_of_another_visit(self) -> bool:
        """ "Since your last visit" was said of another one than she thinks of now."""
        if self.rule.later_no != "next_visit" or self.last_visit_on is None:
            return False
        return self.last.answered_on <= self.last_visit_on

    @property
    def words(self) -> str:
        """Her last answer: "No", "Yes, 2 March 2027", "Yes, still so"."""
        last = self.last
        if last is None:
            return "Not asked yet"
        said = [VALUES[last.value]]
        if last.detail in self.rule.details:
            said.append(self.rule.details[last.detail].label)
        if last.on:
            said.append(f"over since {date_year(last.on)}" if self.rule.runs_until_ended else date_year(last.on))
        elif last.value == HistoryAnswer.Value.YES and self.rule.runs_until_ended:
            said.append("still so")
        return ", ".join(said)

    def carried(self) -> dict:
        """The last answer once more, as `record_answers` takes it."""
        return {"code": self.rule.code, "value": self.last.value, "on": self.last.on, "detail": self.last.detail}

    def differs(self, given: dict) -> bool:
        """Whether what she says now is not what she said last."""
        if self.last is None:
            return False
        before = (self.last.value, self.last.on, self.last.detail)
        return before != (given["value"], given.get("on"), given.get("detail") or "")


def asked_of_her(patient: Patient, kind: str, *, today: date, last_visit_on: date | None) -> list[Asked]:
    """The questions of a form that are hers to answer. One query."""
    history = facts.answer_history(patient)
    catalogue = catalogue_for(patient.clinic, today)
    rules = [rule for form in FORMS_OF[PatientForm.Kind(kind)] for rule in catalogue.rules_for_form(form)]
    return [
        Asked(rule, _newest(history.get(rule.code, [])), last_visit_on)
        for rule in rules
        if "patient" in rule.answered_by
    ]


def _newest(given: Iterable[HistoryAnswer]) -> HistoryAnswer | None:
    newest = next(iter(given), None)
    if newest is not None:
        newest.note = ""
    return newest
