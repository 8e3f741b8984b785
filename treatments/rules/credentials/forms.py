"""What a manager types about a credential."""

from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic.forms import page_form_helper
from patients.forms import Day, Line
from treatments.rules.credentials.models import Credential


class CredentialForm(forms.Form):
    kind = forms.ChoiceField(
        label="What is it?",
        choices=Credential.Kind.choices,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose what it is."),
    )
    name = Line(
        label="Its name", required=False, max_length=80, help_text="Needed for Other, for example Life support course."
    )
    number = Line(label="Number", required=False, max_length=60)
    issuer = Line(label="Given by", max_length=80, error_messages={"required": "Enter who gave it."})
    valid_from = Day(label="Valid from", error_messages={"required": "Enter its first day."})
    valid_until = Day(label="Last day", required=False, help_text="Empty: it has no end.")

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            "kind",
            Div(Field("name"), Field("number"), css_class="form-row"),
            "issuer",
            Div(Field("valid_from"), Field("valid_until"), css_class="form-row"),
        )

    @classmethod
    def of(cls, credential: Credential, data=None) -> "CredentialForm":
        return cls(data, initial={name: getattr(credential, name) for name in cls.base_fields})


class WithdrawForm(forms.Form):
    what = forms.ChoiceField(
        label="What happened?",
        choices=[
            ("taken", "It was taken from her, or is suspended: no session opens without another one"),
            ("error", "It was entered by mistake: as if it had never been here"),
        ],
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose what happened."),
    )
    reason = Line(
        label="Why does it no longer count?",
        max_length=200,
        error_messages={"required": "Write why it no longer counts."},
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
