"""What a manager types about people, and what somebody types who was invited."""

from datetime import date

from crispy_forms.layout import Div, Layout
from django import forms
from django.contrib.auth.password_validation import validate_password

from clinic.forms import address_field, words_field
from clinic.models import Invitation, Membership, User
from clinic.resources.forms import PageForm, PersonForm, day_field
from clinic.roles import Role

# What each role opens, as a manager would say it.
MEANS = {
    Role.FRONT_DESK: "Front desk: registers, books, calls; sees verdict and date, no clinical word",
    Role.CLINICIAN: "Clinician: assesses, screens, treats, reads and writes the notes",
    Role.PRESCRIBER: "Prescriber: a clinician who also decides what a rule leaves to her, and signs the protocol",
    Role.MANAGER: "Manager: people, rooms, hours, equipment and settings; reads no notes by this role",
}


def _roles_field(**more) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label="Roles",
        choices=[(str(role), words) for role, words in MEANS.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="One person may have several.",
        error_messages={"required": "Choose at least one role.", "invalid_choice": "Choose from these roles."},
        **more,
    )


class RolesForm(PageForm):
    roles = _roles_field()
    title = words_field("Title", "", 60, required=False, help_text="For example Dr, or Nurse.")
    licence = words_field("Licence or registration number", "", 60, required=False)

    @classmethod
    def of(cls, person: Membership, data=None) -> "RolesForm":
        return cls(data, initial={"roles": person.roles, "title": person.title, "licence": person.licence})


class InviteForm(PersonForm):
    """Everything that a person is here, so that she can begin the moment she accepts."""

    full_name = words_field("Name", "Enter a name.", 120)
    email = address_field("E-mail", "Enter the address the invitation goes to.", help_text="She signs in with it.")
    roles = _roles_field()
    title = words_field("Title", "", 60, required=False, help_text="For example Dr, or Nurse.")
    licence = words_field("Licence or registration number", "", 60, required=False)
    field_order = ["full_name", "email", "roles", "title", "licence", "sees_patients", "max_depth_mm"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["sees_patients"].help_text = "Her hours are the opening hours until you change them."
        self.helper.layout = Layout(
            Div("full_name", "email", css_class="form-row"), "roles", Div("title", "licence", css_class="form-row"),
            "sees_patients", "max_depth_mm",
        )  # fmt: skip


class AcceptForm(PageForm):
    """Her name as the clinic will read it, and the password she signs in with."""

    full_name = words_field("Your name", "Enter your name.", 120)
    password = forms.CharField(
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=True),
        strip=False,
        help_text="Twelve characters or more. Three or four words that only you would put together are good.",
        error_messages={"required": "Choose a password."},
    )

    def __init__(self, *args, invitation: Invitation, **kwargs):
        super().__init__(*args, initial={"full_name": invitation.full_name}, **kwargs)
        self.invitation = invitation

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        name = self.cleaned_data.get("full_name", "")
        validate_password(password, User(email=self.invitation.email, full_name=name))
        return password


class SecondFactorForm(PageForm):
    """Whether everybody needs a second factor, and from which day on."""

    LEFT, FROM = "left", "from"
    what = forms.ChoiceField(
        label="Second factor",
        choices=[(LEFT, "Left to everybody"), (FROM, "Everybody needs one")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of the two.", "invalid_choice": "Choose one of the two."},
    )
    from_day = day_field(
        "From this day on", required=False, help_text="Whoever has none then is led to set one up before anything else."
    )

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("what") == self.LEFT:
            cleaned["from_day"] = None
        elif cleaned.get("from_day") is None and "from_day" not in self.errors:
            self.add_error("from_day", "Choose the day from which it holds.")
        return cleaned

    @classmethod
    def of(cls, from_day: date | None, data=None) -> "SecondFactorForm":
        return cls(data, initial={"what": cls.FROM if from_day else cls.LEFT, "from_day": from_day})


class ResetForm(PageForm):
    reason = words_field(
        "Why?", "Say why: it is kept.", 120, help_text="For example: her telephone is lost. It is kept."
    )
