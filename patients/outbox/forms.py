"""What a person is asked for when mail is held back, the reason, and before frozen mail is released: a word."""

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


class ReleaseForm(forms.Form):
    """A word that nobody types by mistake."""

    WORD = "release"
    word = forms.CharField(
        label=f"Write {WORD} to confirm",
        max_length=20,
        strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        error_messages={"required": f"Write the word {WORD}, if mail shall leave again."},
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()

    def clean_word(self) -> str:
        word = self.cleaned_data["word"]
        if word.casefold() != self.WORD:
            raise forms.ValidationError(f"Write the word {self.WORD}, if mail shall leave again.")
        return word
