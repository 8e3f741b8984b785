"""What the desk and the clinician type about a patient. Every refusal is a sentence at its field."""

import re
import uuid
from datetime import date
from functools import partial

from crispy_forms.bootstrap import InlineRadios
from crispy_forms.layout import HTML, Div, Fieldset, Layout
from django import forms
from django.http import QueryDict

from clinic.forms import page_form_helper
from patients.models import MedicationStatement, Patient
from patients.search import FIRST_YEAR, birth_date, plain
from patients.services.people import CONTACT, DETAILS

# Kept for when the texts exist in that language; today every mail is in English.
LANGUAGES = [
    ("en", "English"), ("ar", "Arabic"), ("bn", "Bengali"), ("de", "German"), ("es", "Spanish"), ("fr", "French"),
    ("gu", "Gujarati"), ("it", "Italian"), ("pa", "Punjabi"), ("pl", "Polish"), ("pt", "Portuguese"), ("ro", "Romanian"),
    ("so", "Somali"), ("tr", "Turkish"), ("uk", "Ukrainian"), ("ur", "Urdu"), ("cy", "Welsh"), ("zh", "Chinese"),
]  # fmt: skip
YES_NO = [("yes", "Yes"), ("no", "No")]
MAX_VERSION = 2**31 - 1
# What a person has to decide stands between the summary of what is wrong and the fields.
FIRST_OF_ALL = (
    '{% if likenesses %}{% include "patients/_likenesses.html" with likenesses=likenesses today=today'
    " ticked=form.different_person.value only %}{% endif %}"
    '{% if differences %}{% include "patients/_differences.html" with differences=differences only %}{% endif %}'
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LINE_BREAKS = str.maketrans("\n\t", "  ")
UUID_WORD = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def scrubbed(data: QueryDict) -> QueryDict:
    """What was posted, without halves of characters: an odd charset can smuggle them in, and no page could show them again."""
    clean = data.copy()
    for name in data:
        clean.setlist(name, [_whole(value) for value in data.getlist(name)])
    return clean


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


class Text(forms.CharField):
    """Words without control characters. One line, its spaces made single, unless `lines`."""

    default_error_messages = {
        "required": "Write this in.",
        "max_length": "Too long: %(show_value)d letters, and there is room for %(limit_value)d.",
        "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
    }

    def __init__(self, *, lines: bool = False, **options) -> None:
        self.lines = lines
        super().__init__(**options)

    def to_python(self, value) -> str:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if self.lines else " ".join(text.split())

    def validate(self, value: str) -> None:
        super().validate(value)
        if CONTROL.search(value.translate(LINE_BREAKS) if self.lines else value):
            raise forms.ValidationError(self.error_messages["null_characters_not_allowed"])


Line = partial(Text, max_length=120)
Paragraph = partial(Text, lines=True, max_length=400, widget=forms.Textarea(attrs={"rows": 2}))


class Name(Text):
    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not plain(value):
            raise forms.ValidationError("Write the name in letters.")


class Telephone(Text):
    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not re.fullmatch(r"\+?[\d\s()./-]+", value):
            raise forms.ValidationError("Write a telephone number: digits and spaces, with a + before the country.")
        if value and sum(char.isdecimal() for char in value) < 5:
            raise forms.ValidationError("This is too short for a telephone number.")


class BirthDate(Text):
    """Written as people say it, day before month; a calendar to leaf back through forty years helps nobody."""

    def __init__(self, **options) -> None:
        super().__init__(
            max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "3 11 1985"}), **options
        )

    def clean(self, value) -> date | None:
        typed = super().clean(value)
        born_on = birth_date(typed)
        if typed and born_on is None:
            raise forms.ValidationError(
                "Write day, month and the whole year, for example 3 11 1985 or 3 November 1985."
            )
        if born_on and born_on.year < FIRST_YEAR:
            raise forms.ValidationError(f"{born_on.year} is too long ago. Check the year.")
        return born_on

    def prepare_value(self, value):
        return f"{value.day} {value:%B %Y}" if isinstance(value, date) else value


class Day(forms.DateField):
    # What it asks for has happened already, as all that stands on a record.
    default_error_messages = {"required": "Choose the day.", "invalid": "Write a day, for example 2025-03-09."}

    def __init__(self, **options) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value and value.year < FIRST_YEAR:
            raise forms.ValidationError(f"{value.year} is too long ago. Check the year.")


def _yes_no(label: str, help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        help_text=help_text,
        choices=YES_NO,
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Answer yes or no."},
    )


class PatientForm(forms.Form):
    """Who she is and how she may be reached; for a new record and for an old one. `on` is today in the clinic."""

    given_name = Name(max_length=80, error_messages={"required": "Write the given name."})
    family_name = Name(max_length=80, error_messages={"required": "Write the family name."})
    born_on = BirthDate(
        label="Date of birth",
        help_text="Day, month, year: 3 11 1985 or 3 November 1985.",
        error_messages={"required": "Write the date of birth."},
    )
    speaks = Line(label="Speaks", required=False, help_text="For the desk and the chair: German, English.")
    phone = Telephone(label="Telephone", max_length=40, required=False)
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        required=False,
        error_messages={
            "invalid": "This is no e-mail address. It looks like ana@post.example.",
            "max_length": "Too long for an e-mail address.",
            "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
        },
    )
    language = forms.ChoiceField(
        label="Language of mails",
        choices=LANGUAGES,
        help_text="Mails are written in English today; the choice is kept.",
        error_messages={"required": "Choose a language.", "invalid_choice": "Choose a language from the list."},
    )
    mail_allowed = _yes_no(
        "May we e-mail you about your visits?",
        "Confirmations, changes and what to do after a visit. Not asked yet: leave it open, and nothing is mailed.",
    )
    reminders_allowed = _yes_no("May we also send reminders and ask afterwards how you are?")
    different_person = forms.BooleanField(label="Register anyway: a different person", required=False)
    seen = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)
    version = forms.IntegerField(required=False, min_value=1, max_value=MAX_VERSION, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, on: date, patient: Patient | None = None) -> None:
        super().__init__(scrubbed(data) if data is not None else None, initial=_as_typed(patient) if patient else None)
        self.on = on
        self.patient = patient
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            HTML(FIRST_OF_ALL),
            Fieldset("Who", _row("given_name", "family_name"), _row("born_on", "speaks")),
            Fieldset("How to be reached", _row("phone", "email"), _row("language")),
            Fieldset("Asked and answered", InlineRadios("mail_allowed"), InlineRadios("reminders_allowed")),
        )

    def clean_born_on(self) -> date:
        born_on = self.cleaned_data["born_on"]
        if born_on > self.on:
            raise forms.ValidationError("This day is still to come. Check the year.")
        return born_on

    def clean(self) -> dict:
        typed = super().clean()
        mail, reminders = typed.get("mail_allowed"), typed.get("reminders_allowed")
        if mail == "yes" and not typed.get("email") and "email" not in self.errors:
            self.add_error("email", "Write the address that may be mailed to, or answer No below.")
        if mail == "yes" and reminders == "":
            self.add_error("reminders_allowed", "Ask this one too: yes or no.")
        if mail in ("no", "") and reminders == "yes":
            self.add_error("reminders_allowed", "Reminders go by e-mail: they need a yes to the question above.")
        if self.patient is not None and typed.get("version") is None:
            raise forms.ValidationError("This form is incomplete. Open the record again and repeat the change.")
        return typed

    def details(self) -> dict:
        """What the services take. The contact answers are left out as long as nobody has asked."""
        details = {name: self.cleaned_data[name] for name in DETAILS}
        if self.cleaned_data["mail_allowed"]:
            details |= {name: self.cleaned_data[name] == "yes" for name in CONTACT}
        return details

    def duplicates_seen(self) -> set[uuid.UUID]:
        """Refs of the records she was shown and says are other people's."""
        if not self.cleaned_data["different_person"]:
            return set()
        return {uuid.UUID(word) for word in self.cleaned_data["seen"].split() if UUID_WORD.fullmatch(word)}

    def differences(self, saved: Patient) -> list[dict]:
        """Field by field where the saved record and what was typed differ: `{"label", "saved", "typed"}` in words."""
        stored = {name: getattr(saved, name) for name in (*DETAILS, *CONTACT)}
        return [
            {
                "label": self.fields[name].label or self[name].label,
                "saved": _in_words(name, stored[name]),
                "typed": _in_words(name, typed),
            }
            for name, typed in self.details().items()
            if typed != stored[name]
        ]

    def save_over(self, saved: Patient) -> None:
        """The next press saves what was typed over the record as it stands now."""
        self.data["version"] = str(saved.version)


def _row(*names: str) -> Div:
    return Div(*names, css_class="form-row")


def _as_typed(patient: Patient) -> dict:
    asked = patient.contact_asked_at is not None
    return {
        **{name: getattr(patient, name) for name in DETAILS},
        **{name: ("yes" if getattr(patient, name) else "no") if asked else "" for name in CONTACT},
        "version": patient.version,
    }


def _in_words(name: str, value) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, date):
        return f"{value.day} {value:%B %Y}"
    return dict(LANGUAGES).get(value, value) if name == "language" else value or "nothing"


class HistoryForm(forms.Form):
    """One small form of the history page."""

    rows: tuple[tuple[str, ...], ...] = ()

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(scrubbed(data) if data is not None else None)
        self.helper = page_form_helper()
        self.helper.layout = Layout(*(_row(*names) for names in self.rows))


class MedicationForm(HistoryForm):
    kind = forms.ChoiceField(
        label="Kind",
        choices=[("", "Choose"), *MedicationStatement.Kind.choices],
        error_messages={
            "required": "Choose the kind; Other if none fits.",
            "invalid_choice": "Choose a kind from the list.",
        },
    )
    name = Line(label="Name", help_text="As on the packet, with the strength.")
    prescribed = forms.ChoiceField(
        label="Where from",
        choices=[("yes", "Prescribed"), ("no", "Bought")],
        widget=forms.RadioSelect,
        error_messages={"required": "Prescribed or bought?", "invalid_choice": "Prescribed or bought?"},
    )
    started_on = Day(label="From", required=False)
    stopped_on = Day(label="Last dose", required=False, help_text="Empty: still taken.")
    note = Paragraph(label="Note", required=False)

    rows = (("kind", "name"), ("started_on", "stopped_on", "prescribed"), ("note",))

    def clean_prescribed(self) -> bool:
        return self.cleaned_data["prescribed"] == "yes"


class StopForm(HistoryForm):
    stopped_on = Day(label="Day of the last dose", error_messages={"required": "Choose the day of the last dose."})

    rows = (("stopped_on",),)


class InErrorForm(HistoryForm):
    reason = Line(
        label="What was wrong", max_length=200, error_messages={"required": "Say what was wrong, in a few words."}
    )

    rows = (("reason",),)


class NumberForm(HistoryForm):
    number = Line(
        label="Number",
        max_length=40,
        help_text="As it stands on the old card. She is found by it, and files of past sessions name her by it.",
        error_messages={"required": "Write the number as it stands in your books."},
    )

    rows = (("number",),)


class AllergyForm(HistoryForm):
    substance = Line(label="Allergic to", error_messages={"required": "Write what it is that is not tolerated."})
    reaction = Line(label="What happens", max_length=200, required=False)
    noted_on = Day(label="Told us on", required=False, help_text="Empty: today.")

    rows = (("substance", "reaction", "noted_on"),)
