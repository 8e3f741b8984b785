"""What the desk types about packages: the sale, and what becomes of a session, with its reason."""

import re
from datetime import date
from decimal import Decimal

from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic import currencies
from clinic.forms import page_form_helper
from patients.forms import Day, Line
from treatments.packages.models import MOST_SESSIONS, Package, PackageOffer
from treatments.packages.reading import Bought

OTHERWISE = "otherwise"
_AMOUNT = re.compile(r"\d{1,8}([.,]\d{1,3})?")


class Amount(forms.CharField):
    """An amount as people write it, with a point or a comma; as many digits after it as the currency has."""

    def __init__(self, *, currency: str, label: str = "Amount", **options) -> None:
        self.currency = currency
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "short"})
        super().__init__(label=f"{label}, {currency}" if currency else label, max_length=20, widget=widget, **options)
        example = currencies.typed(Decimal(120), currency)
        self.error_messages["required"] = self.error_messages["max_length"] = self.refusal = (
            f"Write an amount, for example {example}."
        )

    def clean(self, value) -> Decimal | None:
        said = super().clean(value).replace(" ", "")
        if not said:
            return None
        if not _AMOUNT.fullmatch(said):
            raise forms.ValidationError(self.refusal)
        amount = Decimal(said.replace(",", "."))
        if -amount.as_tuple().exponent > currencies.digits(self.currency):
            raise forms.ValidationError(self.refusal)
        return amount


def number_field(label: str, least: int, most: int, what: str, **more) -> forms.IntegerField:
    sentence = f"Enter a whole number of {what}, {least} to {most}."
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=most,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "short"}),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), sentence),
        **more,
    )


def reason_field(label: str = "Why", **more) -> Line:
    return Line(label=label, max_length=200, error_messages={"required": "Say why, in a few words."}, **more)


class SellForm(forms.Form):
    """Which offer, and what differs from it."""

    offer = forms.ChoiceField(
        label="Package", widget=forms.RadioSelect,
        error_messages={"required": "Choose the package.", "invalid_choice": "This package is not sold any more. Choose another one."},
    )  # fmt: skip
    reference = Line(
        label="Reference", max_length=60, help_text="The number of the receipt or the invoice.",
        error_messages={"required": "Write the number of the receipt or the invoice."},
    )  # fmt: skip
    from_on = Day(label="Counts from")
    until_on = Day(label="Counts until", required=False, help_text="Empty: as the package says.")
    sessions = number_field(
        "Sessions", 1, MOST_SESSIONS, "sessions", required=False,
        help_text="Empty: as the package says. Fewer where some were used before.",
    )  # fmt: skip

    def __init__(self, *args, offers: list[PackageOffer], currency: str, today: date, **kwargs) -> None:
        super().__init__(*args, initial={"from_on": today}, **kwargs)
        self.offers = {str(offer.ref): offer for offer in offers}
        self.fields["offer"].choices = [(ref, _offer_words(offer)) for ref, offer in self.offers.items()]
        self.fields["amount"] = Amount(currency=currency, required=False, help_text="Empty: as the package says.")
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            "offer",
            "reference",
            Div(Field("from_on"), Field("until_on"), css_class="form-row"),
            Div(Field("sessions"), Field("amount"), css_class="form-row"),
        )

    def sale(self) -> dict:
        said = dict(self.cleaned_data)
        return said | {"offer": self.offers[said["offer"]]}


def _offer_words(offer: PackageOffer) -> str:
    months = offer.valid_months
    end = "no end" if months is None else f"valid {months} month{'' if months == 1 else 's'}"
    sessions = f"{offer.sessions} session{'' if offer.sessions == 1 else 's'}"
    return f"{offer.name}: {sessions}, {end}, {offer.amount_words}"


class ReasonForm(forms.Form):
    reason = reason_field()

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


class ExtendForm(forms.Form):
    """A later day, or no end."""

    until_on = Day(label="Counts until", required=False)
    no_end = forms.BooleanField(label="No end any more", required=False)
    reason = reason_field(help_text="For example: was ill for two months.")

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()

    def clean(self) -> dict:
        said = super().clean()
        if not said.get("no_end") and not said.get("until_on") and "until_on" not in self.errors:
            self.add_error("until_on", "Choose the day, or that it has no end any more.")
        return said

    def details(self) -> dict:
        said = self.cleaned_data
        return {"until_on": None if said["no_end"] else said["until_on"], "reason": said["reason"]}


class RefundForm(forms.Form):
    """How many sessions are taken back, and what was returned for them."""

    reason = reason_field(help_text="For example: moves away. Or: sold by mistake.")

    def __init__(self, *args, package: Package, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        most = max(1, package.sessions_left)
        self.fields["sessions"] = number_field("Sessions taken back", 1, most, "sessions", initial=most)
        self.fields["amount"] = Amount(
            currency=package.currency, label="Returned", help_text="0 where nothing was returned."
        )
        self.order_fields(["sessions", "amount", "reason"])
        self.helper = page_form_helper()


class BurnForm(forms.Form):
    """Which package a missed visit uses."""

    package = forms.ChoiceField(
        label="Package", widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose a package with a session left."),
    )  # fmt: skip
    reason = reason_field()

    def __init__(self, *args, bought: list[Bought], today: date, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["package"].choices = _choices(bought, today)
        if len(bought) == 1:
            self.initial.setdefault("package", str(bought[0].ref))
        self.helper = page_form_helper()


class SettleSessionForm(forms.Form):
    """What covers a session after all: a package, or something else in words."""

    settled_by = forms.ChoiceField(
        label="Settled by", widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose how it is settled."),
    )  # fmt: skip
    reason = Line(
        label="How", max_length=200, required=False, help_text="Where no package is used. For example: paid singly, receipt 1204."
    )  # fmt: skip

    def __init__(self, *args, bought: list[Bought], today: date, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["settled_by"].choices = [*_choices(bought, today), (OTHERWISE, "Something else")]
        self.helper = page_form_helper()

    @property
    def otherwise(self) -> bool:
        return self.cleaned_data["settled_by"] == OTHERWISE


def _choices(bought: list[Bought], today: date) -> list[tuple[str, str]]:
    return [(str(one.ref), f"{one.name}: {one.words(today)}") for one in bought]
