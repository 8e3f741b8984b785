"""What a manager types about the clinic itself, and what all our forms share."""

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Div, Field, Fieldset, Layout
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest

from clinic import currencies
from clinic.errors import DomainError
from clinic.models import LANGUAGES, ZONES, Clinic, User
from clinic.resources import stretches
from clinic.resources.reading import WEEKDAYS
from clinic.roles import Role

USUAL_HOURS = {str(number): "09:00 to 17:00" for number in range(1, 6)}
HOURS_HELP = "For example 09:00 to 13:00, 14:00 to 18:00. Empty: closed."
URGENT_HELP = "Printed on every aftercare message: somebody must answer it."
REPLY_HELP = "Somebody must read this mailbox: patients reply to it when something is wrong."


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


class OpeningHoursForm(forms.Form):
    """One line a weekday. `opening_hours()`: ISO weekday, as JSON has it, to its hours in words; closed days are left out."""

    def __init__(self, *args, opening_hours: dict[str, str] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        for number, name in enumerate(WEEKDAYS, start=1):
            said = (opening_hours or {}).get(str(number), "")
            self.fields[f"weekday_{number}"] = forms.CharField(
                label=name, required=False, max_length=160, initial=said,
                error_messages={"max_length": "Shorten this to 160 characters."},
            )  # fmt: skip

    def opening_hours_fieldset(self, means: str) -> Fieldset:
        """`means`: what else the hours are good for."""
        days = [Field(f"weekday_{number}") for number in range(1, 8)]
        help_text = HTML(f'<p class="form-text">{HOURS_HELP} {means}</p>')
        return Fieldset("Opening hours", help_text, Div(*days, css_class="form-row"))

    def clean(self) -> dict:
        cleaned = super().clean()
        hours = {}
        for number in range(1, 8):
            field = f"weekday_{number}"
            try:
                found = stretches.read(cleaned.pop(field, ""), field=field)
            except DomainError as refusal:
                refuse(self, refusal)
                continue
            if found:
                hours[str(number)] = stretches.words(found)
        return cleaned | {"opening_hours": hours}


class ClinicForm(OpeningHoursForm, forms.ModelForm):
    class Meta:
        model = Clinic
        fields = [
            "name", "sender_name", "zone", "language", "address", "phone", "urgent_phone", "emergency_number", "reply_to",
            "quiet_from", "quiet_until", "currency",
        ]  # fmt: skip
        labels = {
            "sender_name": "Sender of mails",
            "language": "Language of mails",
            "urgent_phone": "Urgent number",
            "emergency_number": "Emergency number",
            "quiet_from": "No mails from",
            "quiet_until": "until",
        }
        help_texts = {
            "sender_name": "Shown on a lock screen: choose a name that says nothing about a treatment.",
            "urgent_phone": URGENT_HELP,
            "reply_to": REPLY_HELP,
            "currency": "Of packages and deposits. What was sold or taken keeps the currency it was written down in.",
        }
        widgets = {
            "currency": forms.Select(choices=currencies.CHOICES),
            "zone": forms.Select(choices=[(zone, zone) for zone in ZONES]),
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }

    def __init__(self, *args, instance: Clinic, **kwargs):
        super().__init__(*args, instance=instance, opening_hours=instance.opening_hours, **kwargs)
        self.helper = page_form_helper()
        hours = self.opening_hours_fieldset("Whoever begins to see patients here works them until you say otherwise.")
        self.helper.layout = Layout(*self.Meta.fields, hours)
        # A zone of before the list: without its line the browser would send the first one instead.
        if self.instance.zone not in ZONES:
            self.fields["zone"].widget.choices = [
                (self.instance.zone, self.instance.zone),
                *self.fields["zone"].widget.choices,
            ]


def words_field(label: str, missing: str, length: int, **more) -> forms.CharField:
    errors = {"required": missing, "max_length": f"Shorten this to {length} characters."}
    return forms.CharField(label=label, max_length=length, error_messages=errors, **more)


def address_field(label: str, missing: str, **more) -> forms.EmailField:
    errors = {"required": missing, "invalid": "Enter a valid email address, for example desk@clinic.example."}
    return forms.EmailField(label=label, max_length=254, error_messages=errors, **more)


class FirstRunForm(OpeningHoursForm):
    """What an empty Stratum asks first: the clinic, when it is open, and its first manager, who may do everything else too."""

    ALSO = [
        (Role.CLINICIAN, "I treat patients myself: I have a column in the day and can be booked"),
        (Role.PRESCRIBER, "I prescribe, and answer for the protocol"),
        (Role.FRONT_DESK, "I do the front desk"),
    ]
    name = words_field("Name of the clinic", "Enter the name of the clinic.", 120)
    zone = forms.ChoiceField(
        label="Time zone",
        choices=[(zone, zone) for zone in ZONES],
        initial="Europe/London",
        error_messages={"invalid_choice": "Choose a time zone from the list, for example Europe/London."},
    )
    language = forms.ChoiceField(label="Language of mails", choices=LANGUAGES, initial="en")
    reply_to = address_field("Reply address", "Enter the address that patients reply to.", help_text=REPLY_HELP)
    phone = words_field("Telephone", "Enter the clinic’s telephone number.", 40, required=False)
    urgent_phone = words_field(
        "Urgent number", "Enter the number that patients call when something is wrong.", 40, help_text=URGENT_HELP
    )
    emergency_number = words_field(
        "Emergency number",
        "Enter the emergency number, for example 999 or 112.",
        20,
        help_text="For example 999 or 112.",
    )
    room = words_field(
        "First room", "Enter the name of a room: nothing can be booked without one.", 60, initial="Room 1",
        help_text="More can follow in Settings.",
    )  # fmt: skip
    manager_name = words_field("Your name", "Enter your name.", 120)
    manager_email = address_field("Your e-mail, to sign in with", "Enter the e-mail address you sign in with.")
    password = forms.CharField(
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=True),
        strip=False,
        help_text="Twelve characters or more. Three or four words that only you would put together are good.",
        error_messages={"required": "Choose a password."},
    )
    also = forms.MultipleChoiceField(
        label="Besides managing the clinic",
        choices=ALSO,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Whoever works alone ticks all that is true. It can be changed later.",
    )
    title = words_field("Your title", "", 60, required=False, help_text="For example Dr, or Nurse.")
    licence = words_field("Your licence or registration number", "", 60, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, opening_hours=USUAL_HOURS, **kwargs)
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            Fieldset("The clinic", "name", Div("zone", "language", css_class="form-row"), "room"),
            Fieldset("How patients reach you", "reply_to", "phone", Div("urgent_phone", "emergency_number", css_class="form-row")),
            self.opening_hours_fieldset("If you treat patients yourself, they are your own hours to begin with."),
            Fieldset("You, its manager", "manager_name", "manager_email", "password", "also", Div("title", "licence", css_class="form-row")),
        )  # fmt: skip

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        who = User(
            email=self.cleaned_data.get("manager_email", ""), full_name=self.cleaned_data.get("manager_name", "")
        )
        validate_password(password, who)
        return password
