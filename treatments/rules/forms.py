"""What a manager or prescriber types to set a value of the clinic."""

from crispy_forms.layout import Field, Layout
from django import forms

from clinic.errors import DomainError
from clinic.forms import page_form_helper
from treatments.protocol.policy import BadPolicy, Parameter, Value, checked
from treatments.rules.words import CATEGORIES, bounds_words, short_label

ASKED_AGAIN_MS = 250


def value_field(parameter: Parameter) -> forms.Field:
    """A field that offers what the parameter takes. What lies outside its bounds is refused by `clean_value`."""
    if parameter.choices:
        offered = [(code, CATEGORIES[code][1] if code in CATEGORIES else code) for code in parameter.choices]
        return forms.ChoiceField(choices=offered, error_messages={"invalid_choice": "Choose one of the list."})
    if isinstance(parameter.default, bool):
        return forms.TypedChoiceField(
            choices=[("yes", "Offered"), ("no", "Not offered")], coerce=lambda said: said == "yes"
        )
    return forms.CharField(
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "short"}),
        error_messages={"required": "Enter a value.", "max_length": "Enter a shorter number."},
    )


class ValueForm(forms.Form):
    """A value of the clinic; reason and last day where it is looser than the default."""

    value = forms.CharField()
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept with the value and shown to everyone who reads the rules.",
        error_messages={"max_length": "Shorten the reason to 2,000 characters."},
    )
    expires_on = forms.DateField(
        label="Last day it counts",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="After it the default counts again by itself.",
        error_messages={"invalid": "Enter a day that exists, for example 2027-06-07."},
    )

    def __init__(self, *args, shipped: Parameter, ours: Parameter, ask_url: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.shipped = shipped
        field = value_field(shipped)
        field.label = short_label(shipped).capitalize()
        field.help_text = f"{bounds_words(shipped)}. Nobody goes beyond." if bounds_words(shipped) else ""
        field.initial = as_typed(ours.default)
        # As one types, the server says which way the value lies; without script the answer comes with the next page.
        field.widget.attrs |= {
            "hx-get": ask_url,
            "hx-target": "#direction",
            "hx-trigger": f"input changed delay:{ASKED_AGAIN_MS}ms",
            "hx-include": "closest form",
        }
        self.fields["value"] = field
        self.helper = page_form_helper()
        self.helper.layout = Layout(Field("value"))

    def clean_value(self) -> Value:
        try:
            return checked(self.shipped, self.cleaned_data["value"])
        except BadPolicy as refusal:
            raise forms.ValidationError(str(refusal)) from None

    def refuse_way(self, way: str) -> None:
        """Raise DomainError for what goes nowhere, and for a looser value without what it needs."""
        if way == "same":
            raise DomainError("This counts already. Enter another value.", field="value")
        if way == "default":
            raise DomainError("This is the default. End the looser value below, and it counts at once.", field="value")
        if way == "kept":
            raise DomainError(
                "The clinic’s own stricter value goes on winning. End that one first, below.", field="value"
            )
        if way == "looser" and not self.cleaned_data["reason"].strip():
            raise DomainError("This is looser than the default: say why.", field="reason")
        if way == "looser" and not self.cleaned_data["expires_on"]:
            raise DomainError("This is looser than the default: choose the last day it counts.", field="expires_on")


class EndForm(forms.Form):
    """Why a value of the clinic ends before its day."""

    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"max_length": "Shorten the reason to 2,000 characters."},
    )

    def __init__(self, *args, required: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = required
        self.fields["reason"].error_messages["required"] = "Ending a stricter value makes the rule looser: say why."
        self.helper = page_form_helper()


def as_typed(value: Value) -> str:
    """A value as the form's field shows and takes it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
