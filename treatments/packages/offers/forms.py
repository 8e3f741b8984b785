"""What a manager types about packages: what is sold, and what a missed visit costs."""

from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic import currencies
from clinic.forms import page_form_helper
from patients.forms import Line
from treatments.packages.forms import Amount, number_field
from treatments.packages.models import (
    MOST_HOURS,
    MOST_MONTHS,
    MOST_SESSIONS,
    PackageOffer,
    PackagePolicy,
    Technique,
)


class OfferForm(forms.Form):
    """A package as it is sold."""

    name = Line(label="Name", max_length=80, error_messages={"required": "Enter the name of the package."})
    technique = forms.ChoiceField(
        label="For", choices=Technique.choices, required=False, initial=Technique.ANY,
        error_messages={"invalid_choice": "Choose a treatment from the list."},
    )  # fmt: skip
    sessions = number_field("Sessions", 1, MOST_SESSIONS, "sessions", initial=4)
    valid_months = number_field(
        "Valid for, in months", 1, MOST_MONTHS, "months", required=False, help_text="Empty: it has no end."
    )

    def __init__(self, *args, currency: str, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = Amount(currency=currency)
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            "name",
            "technique",
            Div(Field("sessions"), Field("valid_months"), css_class="form-row"),
            "amount",
        )

    @classmethod
    def of(cls, offer: PackageOffer, data, *, currency: str) -> "OfferForm":
        initial = {name: getattr(offer, name) for name in cls.base_fields}
        return cls(
            data, currency=currency, initial=initial | {"amount": currencies.typed(offer.amount, offer.currency)}
        )


class PolicyForm(forms.Form):
    """What a visit costs that somebody did not come to."""

    miss_burns = forms.BooleanField(label="A missed visit uses one session of a package", required=False)
    miss_keeps_deposit = forms.BooleanField(
        label="The deposit of a missed visit is kept", required=False,
        help_text="A suggestion to the desk: somebody decides each time.",
    )  # fmt: skip
    late_hours = number_field(
        "Cancelled fewer hours before than this, a visit counts as missed", 1, MOST_HOURS, "hours", required=False,
        help_text="Empty: nobody pays for cancelling, however late.",
    )  # fmt: skip

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()

    @classmethod
    def of(cls, policy: PackagePolicy, data) -> "PolicyForm":
        return cls(data, initial={name: getattr(policy, name) for name in cls.base_fields})
