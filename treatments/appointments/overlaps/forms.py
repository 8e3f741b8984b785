from django import forms

from clinic.forms import page_form_helper
from treatments.appointments.overlaps.rules import REASON_LENGTH


class OverlapForm(forms.Form):
    reason = forms.CharField(
        label="Why", max_length=REASON_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Say why this visit may stand beside another.",
            "max_length": "Keep it to %(limit_value)d letters; it has %(show_value)d now.",
            "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
        },
        help_text="Seen by everybody at the desk, on the visit and in the day's list: no medical reason here.",
    )  # fmt: skip

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.helper = page_form_helper()
