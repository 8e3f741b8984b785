"""What a patient says on her pages before a visit, and what a clinician notes about it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from django import forms

from clinic.errors import DomainError
from clinic.forms import page_form_helper, refuse
from treatments.appointments.by_patient.times import OtherTimes
from treatments.appointments.by_patient.wishes import MOST_STARTS, NOTE_LENGTH, Wishes
from treatments.appointments.calls.services import WEEKDAYS
from treatments.appointments.offers import STAMP
from treatments.screenings.by_patient.asking import Asked
from treatments.screenings.forms import QuestionForm

SAID_LENGTH = 400
TOO_LONG = "Keep it to %(limit_value)d letters; it has %(show_value)d now."
ODD_CHARACTER = "There is a character in this that cannot be kept. Type it again."
NO_TIME = "Enter a time from 00:00 to 23:59, or leave it empty."


class ChangesForm(QuestionForm):
    """Only what has changed: a question whose last answer still counts may be left as it is."""

    def __init__(
        self, *args, asked: Sequence[Asked], born_on: date, today: date, says_something: bool = False, **kwargs
    ):
        """`says_something`: sent without one answer it is refused."""
        super().__init__(
            *args,
            rules=tuple(one.rule for one in asked),
            born_on=born_on,
            today=today,
            last={one.rule.code: one.last for one in asked if one.last is not None},
            **kwargs,
        )
        self.says_something = says_something
        for one in asked:
            self.fields[one.rule.code].required = one.is_open
            if one.rule.detail_by == "clinician":
                self.fields.pop(f"{one.rule.code}-detail", None)

    def clean(self) -> dict:
        cleaned = super().clean()
        if self.says_something and not self.errors and not any(cleaned.get(rule.code) for rule in self.rules):
            raise forms.ValidationError("Choose what has changed. If nothing has, go back and say so.")
        return cleaned


class MoveForm(forms.Form):
    """Up to three of the times shown, or when it would suit her in general."""

    starts = forms.MultipleChoiceField(
        required=False,
        label="Times that would suit you",
        error_messages={"invalid_choice": "One of these times has just gone. Choose again."},
    )
    weekdays = forms.TypedMultipleChoiceField(
        required=False,
        coerce=int,
        label="Days that suit you",
        error_messages={"invalid_choice": "Choose days from the list."},
    )
    from_time = forms.TimeField(
        required=False,
        label="Not before",
        widget=forms.TimeInput(attrs={"type": "time", "step": 300}, format="%H:%M"),
        error_messages={"invalid": NO_TIME},
    )
    until_time = forms.TimeField(
        required=False,
        label="Not after",
        widget=forms.TimeInput(attrs={"type": "time", "step": 300}, format="%H:%M"),
        error_messages={"invalid": NO_TIME},
    )
    note = forms.CharField(
        required=False,
        label="Anything else about the time",
        max_length=NOTE_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG, "null_characters_not_allowed": ODD_CHARACTER},
    )

    def __init__(self, *args, times: OtherTimes, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.times = times
        self.fields["starts"].choices = [(stamp_of(start), stamp_of(start)) for start in times.free]
        self.fields["weekdays"].choices = [(number, WEEKDAYS[number - 1]) for number in times.weekdays]

    @staticmethod
    def initial_of(wishes: Wishes) -> dict:
        """What she asked for before, to be changed."""
        return {
            "starts": [stamp_of(start) for start in wishes.starts],
            "weekdays": list(wishes.weekdays),
            "from_time": wishes.from_time,
            "until_time": wishes.until_time,
            "note": wishes.note,
        }

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.errors:
            try:
                self.wishes().refuse_odd()
            except DomainError as odd:
                refuse(self, odd)
        return cleaned

    def wishes(self) -> Wishes:
        said = self.cleaned_data
        return Wishes(
            starts=tuple(sorted({_start_of(stamp) for stamp in said["starts"]})),
            weekdays=tuple(sorted(set(said["weekdays"]))),
            from_time=said["from_time"],
            until_time=said["until_time"],
            note=said["note"].strip(),
        )

    @property
    def choices(self) -> list[dict]:
        """The times shown, and those that she has chosen already, in order of time: value, moment and whether it is chosen."""
        chosen = set(self["starts"].value() or [])
        kept = {start for start in self.times.free if stamp_of(start) in chosen}
        starts = sorted(kept | set(self.times.shown))
        return [{"value": stamp_of(one), "starts_at": one, "is_chosen": one in kept} for one in starts]

    @property
    def days(self) -> list[dict]:
        chosen = {str(number) for number in self["weekdays"].value() or []}
        return [
            {"value": number, "label": label, "is_chosen": str(number) in chosen}
            for number, label in self.fields["weekdays"].choices
        ]

    @property
    def most_starts(self) -> int:
        return MOST_STARTS


def stamp_of(start: datetime) -> str:
    """A moment as the form carries it."""
    return f"{start.astimezone(UTC):{STAMP}}"


def _start_of(stamp: str) -> datetime:
    return datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)


class HeardForm(forms.Form):
    """What she said by telephone. No question is asked here: whoever answers the telephone does not judge."""

    said = forms.CharField(
        label="What the patient said",
        max_length=SAID_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text="The patient’s own words: “started an antibiotic on Monday”. A clinician reads it before the visit.",
        error_messages={
            "required": "Write what the patient said.",
            "max_length": TOO_LONG,
            "null_characters_not_allowed": ODD_CHARACTER,
        },
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


class SeenForm(forms.Form):
    """What a clinician has decided about a report."""

    note = forms.CharField(
        label="What you decided",
        max_length=NOTE_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Kept with the report. Only clinicians read it.",
        error_messages={
            "required": "Write what you decided: it is kept with the report.",
            "max_length": TOO_LONG,
            "null_characters_not_allowed": ODD_CHARACTER,
        },
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
