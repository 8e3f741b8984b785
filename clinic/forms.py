from crispy_forms.helper import FormHelper
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest

from clinic.errors import DomainError
from clinic.models import ZONES, Clinic


def page_form_helper() -> FormHelper:
    """Fields only: the page brings the form element, its token and its buttons."""
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    return helper


def refuse(form: forms.BaseForm, refusal: DomainError) -> None:
    """Show what a service refused where it belongs: at its field, else above the form."""
    form.add_error(refusal.field if refusal.field in form.fields else None, refusal.sentence)


def form_status(request: HttpRequest) -> int:
    """A form that is shown again after a press was refused: 422. At first sight it is a page like any other."""
    return 422 if request.method == "POST" else 200


class ClinicForm(forms.ModelForm):
    class Meta:
        model = Clinic
        fields = [
            "name", "sender_name", "zone", "address", "phone", "urgent_phone", "emergency_number", "reply_to",
            "quiet_from", "quiet_until",
        ]  # fmt: skip
        labels = {
            "sender_name": "Sender of mails",
            "urgent_phone": "Urgent number",
            "emergency_number": "Emergency number",
            "quiet_from": "No mails from",
            "quiet_until": "until",
        }
        help_texts = {
            "sender_name": "Shown on a lock screen: choose a name that says nothing about a treatment.",
            "urgent_phone": "Printed on every aftercare message.",
            "reply_to": "Somebody must read this mailbox: patients reply to it when something is wrong.",
        }
        widgets = {
            "zone": forms.Select(choices=[(zone, zone) for zone in ZONES]),
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
        # A zone of before the list: without its line the browser would send the first one instead.
        if self.instance.zone not in ZONES:
            self.fields["zone"].widget.choices = [
                (self.instance.zone, self.instance.zone),
                *self.fields["zone"].widget.choices,
            ]


class FirstRunForm(forms.Form):
    """What an empty Stratum asks first: the clinic and its first manager."""

    name = forms.CharField(label="Name of the clinic", max_length=120)
    zone = forms.ChoiceField(label="Time zone", choices=[(zone, zone) for zone in ZONES], initial="Europe/London")
    urgent_phone = forms.CharField(
        label="Urgent number", max_length=40, help_text="Printed on every aftercare message: somebody must answer it."
    )
    emergency_number = forms.CharField(label="Emergency number", max_length=20, help_text="For example 999 or 112.")
    reply_to = forms.EmailField(label="Reply address", help_text="A mailbox that is read: patients reply to it.")
    manager_name = forms.CharField(label="Your name", max_length=120)
    manager_email = forms.EmailField(label="Your e-mail, to sign in with")
    password = forms.CharField(
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=True),
        strip=False,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        validate_password(password)
        return password
