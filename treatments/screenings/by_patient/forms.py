"""The health questions on a tablet: required ones are required, and what has not changed is confirmed a part at a time."""

from collections.abc import Mapping, Sequence
from datetime import date

from django import forms
from django.utils.text import slugify

from clinic.forms import page_form_helper
from treatments.screenings.by_patient.asking import Asked
from treatments.screenings.by_patient.judging import NO, YES
from treatments.screenings.forms import NOTE_LENGTH, QuestionForm

COULD_READ = "could-read"
UNANSWERED = "Answer this one: yes, no or not sure."
ANSWER_ANEW = "“Nothing has changed” does not answer this one. Say yes, no or not sure."


class TabletForm(QuestionForm):
    """Every question answered, or confirmed with its part. There is no press for the whole form at once.

    Beside the fields of `QuestionForm`: `same-<part>` for each part of which a last answer can be confirmed, and `could-read`, the
    question whether she could read the questions.
    """

    def __init__(self, *args, asked: Sequence[Asked], born_on: date, today: date, **kwargs) -> None:
        super().__init__(
            *args,
            rules=tuple(one.rule for one in asked),
            born_on=born_on,
            today=today,
            last={one.rule.code: one.last for one in asked if one.last is not None},
            **kwargs,
        )
        self.asked = {one.rule.code: one for one in asked}
        for one in asked:
            self._fit(one)
        for title, rules in self.parts():
            if any(not self.asked[rule.code].is_open for rule in rules):
                self.fields[_same(title)] = forms.BooleanField(label="Nothing has changed here", required=False)
        self.fields[COULD_READ] = forms.ChoiceField(
            label="Could you read and understand all of these questions?",
            choices=((YES, "Yes"), (NO, "No")),
            error_messages={"required": "Answer this one too: yes or no.", "invalid_choice": "Choose yes or no."},
        )

    def _fit(self, one: Asked) -> None:
        code, last = one.rule.code, one.last
        # Whether it may stay empty is known once her part is: see `clean`.
        self.fields[code].required = False
        if one.rule.detail_by == "clinician":
            self.fields.pop(f"{code}-detail", None)
        if last is not None and last.value == YES:
            # Still so, and since then: the day and the word need not be given a second time.
            for suffix, known in (("on", last.on and last.on.isoformat()), ("detail", last.detail)):
                if known and f"{code}-{suffix}" in self.fields:
                    self.fields[f"{code}-{suffix}"].initial = known

    def clean(self) -> dict:
        cleaned = super().clean()
        self.confirmed: list[Asked] = []
        for title, rules in self.parts():
            is_same = bool(cleaned.get(_same(title)))
            for one in (self.asked[rule.code] for rule in rules):
                if cleaned.get(one.rule.code) or one.rule.code in self.errors:
                    continue
                if is_same and not one.is_open:
                    self.confirmed.append(one)
                elif not one.rule.never_missing:
                    self.add_error(one.rule.code, ANSWER_ANEW if is_same else UNANSWERED)
        return cleaned

    def answers(self) -> list[dict]:
        """What she chose, and what she confirmed, as `record_answers` takes it."""
        return super().answers() + [one.carried() for one in self.confirmed]

    @property
    def could_read(self) -> str:
        return self.cleaned_data[COULD_READ]

    def sections(self) -> list[dict]:
        """As `QuestionForm.sections`, each with `same` (the bound field, where a last answer can be confirmed) and `open` (how many
        of its questions that press does not answer)."""
        drawn = super().sections()
        for part in drawn:
            same = _same(part["title"])
            part["same"] = self[same] if same in self.fields else None
            part["open"] = sum(self.asked[question["code"]].is_open for question in part["questions"])
        return drawn

    @property
    def could_read_field(self) -> forms.BoundField:
        return self[COULD_READ]

    @property
    def could_read_options(self) -> list[dict]:
        return [{"value": value, "label": label} for value, label in self.fields[COULD_READ].choices]

    def to_look_at(self) -> list[dict]:
        found = super().to_look_at()
        if COULD_READ in self.errors:
            field = self[COULD_READ]
            found.append({"code": COULD_READ, "text": field.label, "sentence": field.errors[0]})
        return found

    def half(self, posted: Mapping[str, str]) -> dict[str, str]:
        """What stands in the fields, finished or not, as it may be kept: of this form's own fields, and only what can be shown
        again."""
        typed = {
            name: "".join(filter(str.isprintable, posted[name]))[:NOTE_LENGTH] for name in self.fields if name in posted
        }
        return {name: value for name, value in typed.items() if value}


def _same(title: str) -> str:
    return f"same-{slugify(title)}"


class HandOverForm(forms.Form):
    """Which forms the patient is given; `choices` are those there are for her."""

    forms = forms.MultipleChoiceField(
        label="What the patient answers",
        error_messages={
            "required": "Choose what the patient is to answer.",
            "invalid_choice": "One of these is not due any more. Choose again.",
        },
    )

    def __init__(self, *args, choices: Sequence[tuple[str, str]], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["forms"].choices = choices


class LookForm(forms.Form):
    """What a clinician notes beside answers she has looked at. Nothing has to be said."""

    note = forms.CharField(
        label="A note to these answers",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Kept with them. Only clinicians read it.",
        error_messages={
            "max_length": "Shorten this to 200 characters.",
            "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
        },
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
