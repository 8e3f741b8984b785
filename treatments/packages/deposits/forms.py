"""What the desk types about a deposit."""

from django import forms

from clinic.forms import page_form_helper
from patients.forms import Line
from treatments.packages.deposits.models import Deposit, State
from treatments.packages.forms import Amount, reason_field

MEANS = {
    State.RETURNED: "Returned, or set off against the bill",
    State.KEPT: "Kept: cancelled late, or missed",
    State.TAKEN: "Back to taken: that was a mistake",
}


class TakeForm(forms.Form):
    reference = Line(
        label="Reference", max_length=60, help_text="The number of the receipt.",
        error_messages={"required": "Write the number of the receipt."},
    )  # fmt: skip

    def __init__(self, *args, currency: str, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = Amount(currency=currency)
        self.order_fields(["amount", "reference"])
        self.helper = page_form_helper()


class SettleForm(forms.Form):
    """What becomes of a deposit; what the policy suggests is chosen already."""

    became = forms.ChoiceField(
        label="What becomes of it", widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose what becomes of the deposit."),
    )  # fmt: skip
    reason = reason_field()

    def __init__(self, *args, deposit: Deposit, suggestion: tuple[str, str], **kwargs) -> None:
        became, why = suggestion
        offered = [(state, words) for state, words in MEANS.items() if state != deposit.state]
        initial = {"became": became, "reason": why} if became in dict(offered) else {}
        super().__init__(*args, initial=initial, **kwargs)
        self.fields["became"].choices = offered
        self.helper = page_form_helper()
