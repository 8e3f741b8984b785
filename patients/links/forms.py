"""What a patient is asked for: her date of birth, and how we may write to her."""

from datetime import date

from django import forms

from patients.models import Patient

NOT_A_DAY = "Enter the day, the month and the four figures of the year, for example 9 6 1992."


def _figures(label: str, figures: int, autocomplete: str) -> forms.CharField:
    attrs = {"inputmode": "numeric", "autocomplete": autocomplete, "maxlength": figures, "size": figures}
    return forms.CharField(label=label, required=False, widget=forms.TextInput(attrs=attrs))


class BirthForm(forms.Form):
    """Three short fields: a calendar is a slow way to a day thirty years ago."""

    day = _figures("Day", 2, "bday-day")
    month = _figures("Month", 2, "bday-month")
    year = _figures("Year", 4, "bday-year")

    def clean(self) -> dict:
        """`born_on`: the day they make up. One sentence for all three, above them."""
        typed = super().clean()
        try:
            typed["born_on"] = date(*(int(typed.get(name, "")) for name in ("year", "month", "day")))
        except (ValueError, OverflowError):
            self.add_error(None, NOT_A_DAY)
        return typed


class ContactForm(forms.Form):
    """How we may write to her: three answers that cannot contradict each other."""

    ALL, NEEDED, NONE = "all", "needed", "none"
    SAYS = {ALL: (True, True), NEEDED: (True, False), NONE: (False, False)}

    mail = forms.ChoiceField(
        choices=[(code, code) for code in SAYS],
        error_messages={"required": "Choose one of the three.", "invalid_choice": "Choose one of the three."},
    )

    @classmethod
    def of(cls, patient: Patient) -> str:
        """Her answer as it stands."""
        return next(
            code for code, said in cls.SAYS.items() if said == (patient.mail_allowed, patient.reminders_allowed)
        )

    @property
    def answer(self) -> dict[str, bool]:
        mail_allowed, reminders_allowed = self.SAYS[self.cleaned_data["mail"]]
        return {"mail_allowed": mail_allowed, "reminders_allowed": reminders_allowed}
