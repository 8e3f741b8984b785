"""What a person is asked for when mail is held back: the reason."""

from django import forms

from clinic.forms import page_form_helper


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why?", max_length=200, strip=True, error_messages={"required": "Write why, in a few words."}
    )

    def __init__(self, *args, help_text: str = "", **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = help_text
        self.helper = page_form_helper()


def hold_form(data=None) -> ReasonForm:
    return ReasonForm(data, help_text="Colleagues read it in the list. No diagnosis, please.")


def pause_form(data=None) -> ReasonForm:
    return ReasonForm(data, help_text="Shown to everyone at the top of this page until mail is sent again.")
