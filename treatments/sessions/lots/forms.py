"""What a manager types about a cartridge lot."""

from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic.forms import page_form_helper
from patients.forms import Day, Line
from treatments.sessions.models import CartridgeLot

MOST_PIECES = 10_000
MOST_NEEDLES = 200


class LotForm(forms.Form):
    """As it stands on the pack, and how many came."""

    lot = Line(label="Lot, as printed on the pack", max_length=60, error_messages={"required": "Enter the lot."})
    expires_on = Day(label="Expires on", error_messages={"required": "Enter the expiry that stands on the pack."})
    needles = forms.IntegerField(
        label="Needles in one cartridge",
        required=False,
        min_value=1,
        max_value=MOST_NEEDLES,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "short"}),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), f"Enter a whole number of needles, 1 to {MOST_NEEDLES}."
        ),
    )
    received = forms.IntegerField(
        label="Cartridges that came",
        required=False,
        min_value=0,
        max_value=MOST_PIECES,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "short"}),
        help_text="Empty: not counted, and nobody is warned when few are left.",
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), f"Enter a whole number of cartridges, {MOST_PIECES:,} at most."
        ),
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            Div(Field("lot"), Field("expires_on"), css_class="form-row"),
            Div(Field("needles"), Field("received"), css_class="form-row"),
        )

    @classmethod
    def of(cls, lot: CartridgeLot, data=None) -> "LotForm":
        return cls(data, initial={name: getattr(lot, name) for name in cls.base_fields})


class LotOutForm(forms.Form):
    reason = forms.ChoiceField(
        label="Why is it withdrawn?",
        choices=CartridgeLot.OutReason.choices,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose why the lot is withdrawn."),
    )
    note = Line(
        label="What the maker or you found",
        required=False,
        max_length=200,
        help_text="For example the number of the recall.",
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
