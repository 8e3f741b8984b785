"""The form of an instrument, made from its table; and what is written when a score was wrong or a course is reviewed."""

from collections.abc import Iterable, Mapping
from datetime import date

from django import forms

from clinic.errors import DomainError
from clinic.forms import page_form_helper
from patients.forms import Day, Line, Paragraph
from treatments.outcomes.models import CourseReview
from treatments.outcomes.services import work_out
from treatments.plans.models import TreatmentPlan
from treatments.protocol.entries import Zone
from treatments.protocol.instruments import HIGHEST, NAME_LENGTH, Instrument, Score
from treatments.protocol.instruments_entries import Item

NOTE_LENGTH = 2000
DIRECTIONS = (("lower", "Lower is better"), ("higher", "Higher is better"))


class ScoreForm(forms.Form):
    """Fields of item `x`: `item-x`. `result` is what valid answers come to, worked out by the protocol."""

    zone = forms.ChoiceField(
        label="Zone", required=False, error_messages={"invalid_choice": "Choose a zone from the list."}
    )
    assessed_on = Day(label="Day")
    note = Paragraph(label="Note", required=False, max_length=NOTE_LENGTH)

    def __init__(
        self, data: Mapping | None = None, *, instrument: Instrument, zones: Iterable[Zone], today: date
    ) -> None:
        super().__init__(data)
        self.instrument = instrument
        self.result: Score | None = None
        self.fields["assessed_on"].initial = today
        self.fields["assessed_on"].widget.attrs["max"] = today.isoformat()
        if instrument.zone == "asked":
            offered = [(zone.code, zone.label) for zone in zones if not zone.prohibited]
            self.fields["zone"].choices = [("", "No single zone"), *offered]
        else:
            del self.fields["zone"]
        for item in instrument.items:
            self.fields[f"item-{item.code}"] = _choice(item)
        if instrument.formula == "typed":
            self.fields |= _typed(instrument)
        if instrument.asks_name:
            self.fields["licence_note"] = Line(
                label="Licence",
                required=False,
                max_length=200,
                help_text="Under which licence you use it: its number, or who permitted it and when.",
            )
        self.helper = page_form_helper()

    def clean(self) -> dict:
        cleaned = super().clean()
        for item in self.instrument.items:
            field = f"item-{item.code}"
            if field not in self.errors and not cleaned.get(field):
                self.add_error(field, "Choose an answer.")
        if not any(field.startswith("item-") for field in self.errors):
            try:
                self.result = work_out(self.instrument.code, self.items())
            except DomainError as refusal:
                self.add_error(refusal.field, refusal.sentence)
        return cleaned

    def items(self) -> dict[str, object]:
        """The answers as the protocol takes them: whole numbers of choices, the words of what was typed."""
        given = {
            name.removeprefix("item-"): self.cleaned_data[name] for name in self.fields if name.startswith("item-")
        }
        if self.instrument.formula == "typed":
            return given
        return {code: int(value) for code, value in given.items()}

    def groups(self) -> list[dict]:
        """The questions as they are drawn, each with its choices and what they are worth."""
        return [
            {
                "label": group.label,
                "note": group.note,
                "weight": group.weight,
                "items_drawn": [self._drawn(item) for item in group.items],
            }
            for group in self.instrument.groups
        ]

    def _drawn(self, item: Item) -> dict:
        bound = self[f"item-{item.code}"]
        return {
            "field": bound,
            "label": item.label,
            "raises": bool(item.raises),
            # Long words stand below each other, short ones side by side.
            "tall": any(option.note for option in item.options),
            "options": [
                {
                    "value": option.value,
                    "label": option.label,
                    "note": option.note,
                    "points": option.points,
                    "on": str(option.value) == str(bound.value()),
                }
                for option in item.options
            ],
        }

    def typed_fields(self) -> list[forms.BoundField]:
        """What is typed of a total that was worked out elsewhere; none of an instrument with questions."""
        if self.instrument.items:
            return []
        return [self[name] for name in self.fields if name.startswith("item-") or name == "licence_note"]


def _choice(item: Item) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=item.label,
        required=False,
        choices=[(str(option.value), option.label) for option in item.options],
        error_messages={"invalid_choice": "Choose one of the answers offered."},
    )


def _typed(instrument: Instrument) -> dict[str, forms.Field]:
    fields: dict[str, forms.Field] = {}
    if instrument.asks_name:
        fields["item-name"] = Line(label=instrument.asks_name, required=False, max_length=NAME_LENGTH)
    if instrument.asks_range:
        fields["item-least"] = _number("Lowest possible score")
        fields["item-most"] = _number("Highest possible score", help_text=f"{HIGHEST} at most.")
    if instrument.better == "asked":
        fields["item-better"] = forms.ChoiceField(
            label="Which way is better",
            required=False,
            choices=[("", "Choose"), *DIRECTIONS],
            error_messages={"invalid_choice": "Say whether a lower or a higher score is better."},
        )
    said = "" if instrument.asks_range else f"From {instrument.least} to {instrument.most}."
    fields["item-value"] = _number("Score", help_text=said)
    return fields


def _number(label: str, help_text: str = "") -> forms.CharField:
    attributes = {"inputmode": "decimal", "autocomplete": "off", "class": "short"}
    return Line(
        label=label, required=False, max_length=12, help_text=help_text, widget=forms.TextInput(attrs=attributes)
    )


class ErrorReasonForm(forms.Form):
    reason = Line(
        label="What was wrong",
        max_length=200,
        error_messages={"required": "Say why this score was entered in error."},
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


class ReviewForm(forms.Form):
    decision = forms.ChoiceField(
        label="What happens to the course",
        choices=[(choice.value, choice.label) for choice in (CourseReview.Decision.GO_ON, CourseReview.Decision.STAY)],
        error_messages={
            "required": "Choose whether the course goes on.",
            "invalid_choice": "Choose whether the course goes on.",
        },
    )
    note = Paragraph(
        label="What you saw, and why you decide so",
        max_length=NOTE_LENGTH,
        error_messages={"required": "Write what you saw and why you decide so."},
    )

    def __init__(self, *args, plan: TreatmentPlan, **kwargs) -> None:
        """Of a course that has ended nothing is decided any more: what was seen is written down."""
        super().__init__(*args, **kwargs)
        self.is_under_way = plan.is_under_way
        if plan.has_ended:
            del self.fields["decision"]

    def decisions(self) -> list[dict]:
        if self.is_under_way:
            notes = {"go_on": "screened again as it goes on", "stay": "on hold; nothing can be booked meanwhile"}
        else:
            notes = {"go_on": "the plan may be activated", "stay": "it stays a plan: change or withdraw it"}
        return [
            {"value": value, "label": label, "note": notes[value]} for value, label in self.fields["decision"].choices
        ]
