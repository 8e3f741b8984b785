"""Entering a needling afterwards, and correcting one."""

from decimal import Decimal

from crispy_forms.bootstrap import InlineRadios
from crispy_forms.layout import Div, Layout
from django import forms

from clinic.forms import page_form_helper
from patients.forms import Day
from treatments.assessments.past.models import PastSession
from treatments.protocol.catalogue import Catalogue

YES_NO = [("yes", "Yes"), ("no", "No")]
CHOOSE = "Choose one of the two."


def _either(label: str, choices: list[tuple[str, str]], **options) -> forms.ChoiceField:
    wrong = {"required": CHOOSE, "invalid_choice": CHOOSE}
    return forms.ChoiceField(label=label, choices=choices, widget=forms.RadioSelect, error_messages=wrong, **options)


class PastSessionForm(forms.Form):
    """One needling that was not charted here. `details()` is what the service takes."""

    on = Day(label="Day of the session")
    where = _either("Where", list(PastSession.Where.choices))
    counts = _either(
        "Counts for the course",
        YES_NO,
        help_text="The numbers of a plan go on after it. The interval counts either way.",
    )
    deepest_mm = forms.DecimalField(
        label="Deepest, in mm",
        required=False,
        max_digits=3,
        decimal_places=2,
        help_text="Empty: nobody knows.",
        error_messages={
            "invalid": "Write the depth in millimetres, for example 1.25.",
            "max_decimal_places": "Two decimals at most, for example 1.25.",
            "max_digits": "Write the depth in millimetres, for example 1.25.",
            "max_whole_digits": "Write the depth in millimetres, for example 1.25.",
        },
    )
    reaction_grade = forms.ChoiceField(
        label="Reaction", required=False, error_messages={"invalid_choice": "Choose a grade from the list."}
    )
    reaction_over_72h = _either("Lasted over 72 hours", YES_NO, required=False, initial="no")
    reaction_resolved_on = Day(label="Had settled on", required=False, help_text="Empty: it has not.")

    def __init__(self, *args, catalogue: Catalogue, past: PastSession | None = None, **kwargs) -> None:
        super().__init__(*args, initial=_as_entered(past) if past else None, **kwargs)
        grades = [(grade.code, f"{grade.code}: {grade.label}") for grade in catalogue.event_grades.values()]
        self.fields["reaction_grade"].choices = [("", "None that we know of"), *grades]
        self.helper = page_form_helper()
        self.helper.layout = Layout(*self.rows())

    def rows(self) -> list[Div]:
        return [
            Div("on", InlineRadios("where"), InlineRadios("counts"), css_class="form-row"),
            Div("deepest_mm", css_class="form-row"),
            Div("reaction_grade", InlineRadios("reaction_over_72h"), "reaction_resolved_on", css_class="form-row"),
        ]

    def details(self) -> dict:
        said = self.cleaned_data
        grade = said["reaction_grade"]
        return {
            "on": said["on"],
            "where": said["where"],
            "counts": said["counts"] == "yes",
            "deepest_mm": said["deepest_mm"],
            "reaction_grade": int(grade) if grade else None,
            "reaction_over_72h": said["reaction_over_72h"] == "yes",
            "reaction_resolved_on": said["reaction_resolved_on"],
        }


class WhatWasWrongForm(forms.Form):
    reason = forms.CharField(
        label="What was wrong",
        max_length=200,
        error_messages={
            "required": "Say what was wrong, in a few words.",
            "max_length": "Shorten the reason to 200 characters.",
        },
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


class CorrectionForm(PastSessionForm):
    """The same filled with what stands there, and why it was wrong."""

    reason = forms.CharField(
        label="Why it changes",
        max_length=200,
        error_messages={
            "required": "Say what was wrong, in a few words.",
            "max_length": "Shorten the reason to 200 characters.",
        },
    )

    def rows(self) -> list[Div]:
        return [*super().rows(), Div("reason", css_class="form-row")]


def _as_entered(past: PastSession) -> dict:
    return {
        "on": past.on,
        "where": past.where,
        "counts": "yes" if past.counts else "no",
        "deepest_mm": None if past.deepest_mm is None else _plain(past.deepest_mm),
        "reaction_grade": str(past.reaction_grade or ""),
        "reaction_over_72h": "yes" if past.reaction_over_72h else "no",
        "reaction_resolved_on": past.reaction_resolved_on,
    }


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
