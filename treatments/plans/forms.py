"""Planning a course, ending one, and signing for it."""

from datetime import date, timedelta

from django import forms

from clinic.forms import page_form_helper

# A proposal further ahead would rest on answers that are long out of date by then.
FURTHEST_START_DAYS = 366
NOTE_LENGTH = 4000
SIGNATURE_LENGTH = 20_000


def _day(label: str, example: str, **kwargs) -> forms.DateField:
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Choose a day.", "invalid": f"Enter a day that exists, for example {example}."},
        **kwargs,
    )


class ProposalForm(forms.Form):
    """How many sessions, from when on. The range comes from the catalogue."""

    starts_on = _day("First session from", "2027-03-09")
    count = forms.TypedChoiceField(
        label="Sessions",
        coerce=int,
        error_messages={
            "required": "Choose a number of sessions.",
            "invalid_choice": "Choose a number of sessions from the list.",
        },
    )
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": "Shorten the note to 4,000 characters."},
    )

    def __init__(self, *args, today: date, minimum: int = 1, maximum: int = 8, **kwargs):
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["count"].choices = [(number, str(number)) for number in range(minimum, maximum + 1)]

    def clean_starts_on(self) -> date:
        starts_on = self.cleaned_data["starts_on"]
        if starts_on < self.today:
            raise forms.ValidationError("A course starts today or later.")
        if starts_on > self.today + timedelta(days=FURTHEST_START_DAYS):
            raise forms.ValidationError("Choose a day within a year.")
        return starts_on


class ReasonForm(forms.Form):
    """Why a course is stopped, or a consent withdrawn."""

    reason = forms.CharField(
        label="Reason",
        max_length=200,
        error_messages={
            "required": "Give the reason in a few words.",
            "max_length": "Shorten the reason to 200 characters.",
        },
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


class SignatureForm(forms.Form):
    """A drawn signature, or the full name typed; and the hash of the words that were on the screen."""

    signature = forms.CharField(
        required=False,
        max_length=SIGNATURE_LENGTH,
        error_messages={"max_length": "The signature did not arrive whole. Clear it and sign again."},
    )
    typed_name = forms.CharField(
        label="Full name",
        required=False,
        max_length=160,
        error_messages={"max_length": "Shorten the name to 160 characters."},
    )
    shown_sha256 = forms.RegexField(
        r"\A[0-9a-f]{64}\Z",
        error_messages={
            "required": "Open this page again and sign there.",
            "invalid": "Open this page again and sign there.",
        },
    )

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.errors and not cleaned.get("signature") and not cleaned.get("typed_name"):
            self.add_error("signature", "Sign in the box, or type the full name instead.")
        return cleaned

    def pad_errors(self) -> list[str]:
        return [*self.errors.get("signature", []), *self.errors.get("typed_name", [])]
