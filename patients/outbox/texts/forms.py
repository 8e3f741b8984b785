"""What a manager types: the text, and why it changes."""

from django import forms

from clinic.forms import page_form_helper
from patients.outbox.texts.checks import LONGEST_SOURCE

WHY = {"required": "Write why the text changes, in a few words."}


class WhyForm(forms.Form):
    """`seen`: the version that was looked at; another one by now was made by somebody else."""

    why = forms.CharField(
        label="Why?", max_length=200, help_text="Colleagues read it in the history.", error_messages=WHY
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


class TextForm(WhyForm):
    source = forms.CharField(
        label="Text",
        max_length=LONGEST_SOURCE,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "true", "class": "textsource"}),
        error_messages={"required": "Write the text. To have the shipped one again, use the button for it."},
    )
    field_order = ["source", "why", "seen"]
