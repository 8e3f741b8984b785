"""Planning a course, ending one, and signing for it."""

from collections.abc import Iterable
from datetime import date, timedelta

from crispy_forms.layout import Layout
from django import forms

from clinic.forms import page_form_helper
from treatments.plans import reasons
from treatments.plans.models import TreatmentPlan

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
        return _refuse_start(self.cleaned_data["starts_on"], self.today)


def _refuse_start(starts_on: date, today: date) -> date:
    if starts_on < today:
        raise forms.ValidationError("A course starts today or later.")
    if starts_on > today + timedelta(days=FURTHEST_START_DAYS):
        raise forms.ValidationError("Choose a day within a year.")
    return starts_on


class ReasonForm(forms.Form):
    """Why a consent is withdrawn, or a record opened again."""

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


class ChangeForm(forms.Form):
    """What happens to a course, and why: a reason from the list of such a change, and words beside it. `seen`: what of the
    visits ahead was on the screen."""

    what = ""
    fields_shown: tuple[str, ...] = ()

    reason = forms.ChoiceField(
        label="Reason", widget=forms.RadioSelect,
        error_messages={"required": "Choose a reason.", "invalid_choice": "Choose a reason from the list."},
    )  # fmt: skip
    note = forms.CharField(
        label="In words",
        required=False,
        max_length=reasons.NOTE_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "max_length": "Keep it to %(limit_value)d letters; it has %(show_value)d now.",
            "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
        },
    )
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data=None, *, plan: TreatmentPlan, clinical: bool, **options) -> None:
        super().__init__(data, **options)
        self.plan = plan
        if offered := reasons.offered(self.what, clinical=clinical):
            self.fields["reason"].choices = offered
        else:
            del self.fields["reason"]
        self.helper = page_form_helper()
        self.helper.layout = Layout(*[name for name in (*self.fields_shown, "reason", "note") if name in self.fields])

    def said(self) -> dict:
        """What is filled in so far, right or not yet; where nothing is, what the form begins with."""
        if not self.is_bound:
            return {name: self.get_initial_for_field(field, name) for name, field in self.fields.items()}
        self.full_clean()
        return self.cleaned_data

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("reason") == reasons.OTHER and not cleaned.get("note", "").strip():
            self.add_error("note", "Say which, in a few words.")
        return cleaned


class PauseForm(ChangeForm):
    """`keep`: refs of visits inside the pause that stay booked for now."""

    what = "paused"
    fields_shown = ("until",)

    until = _day("Last day of the pause", "2027-06-01", required=False, help_text="Leave it empty while nobody knows.")
    keep = forms.MultipleChoiceField(required=False)

    def offer_to_keep(self, refs: Iterable[str]) -> None:
        """The visits that lie inside the pause as it is filled in: of any other nothing is to be said here."""
        self.fields["keep"].choices = [(ref, ref) for ref in refs]
        self.fields["keep"].error_messages["invalid_choice"] = "A visit of this list has changed. Look at it again."
        if self.is_bound:
            self.full_clean()

    def kept(self) -> list[str]:
        """Also before the form is right, so that a tick is not lost."""
        return self.data.getlist("keep") if self.is_bound else []


class _CountForm(ChangeForm):
    fields_shown = ("count",)

    count = forms.TypedChoiceField(
        label="Sessions in all",
        coerce=int,
        error_messages={"required": "Choose a number.", "invalid_choice": "Choose a number from the list."},
    )

    def __init__(self, data=None, *, numbers: Iterable[int], **options) -> None:
        super().__init__(data, **options)
        self.fields["count"].choices = [(number, str(number)) for number in numbers]


class ShortenForm(_CountForm):
    what = "shortened"


class ExtendForm(_CountForm):
    what = "extended"


class ReplaceForm(_CountForm):
    """`as_assessed`: for what the newest assessment names, where that is something else."""

    what = "replaced"
    fields_shown = ("as_assessed", "starts_on", "count")

    starts_on = _day("First session from", "2027-03-09")
    as_assessed = forms.TypedChoiceField(
        label="What it is for",
        coerce=lambda said: said == "yes",
        widget=forms.RadioSelect,
        initial="no",
        error_messages={"required": "Choose one.", "invalid_choice": "Choose one of the two."},
    )

    def __init__(self, data=None, *, today: date, kinds: list[tuple[str, str]], **options) -> None:
        """`kinds`: of this course and, where it differs, of the newest assessment, in words; one alone is no choice."""
        super().__init__(data, **options)
        self.today = today
        self.fields["count"].label = "Sessions, with those that are done"
        if len(kinds) > 1:
            self.fields["as_assessed"].choices = kinds
        else:
            del self.fields["as_assessed"]
            self.helper.layout = Layout("starts_on", "count", "reason", "note")

    def clean_starts_on(self) -> date:
        return _refuse_start(self.cleaned_data["starts_on"], self.today)


class ResumeForm(ChangeForm):
    what = "resumed"


class StopForm(ChangeForm):
    what = "stopped"
