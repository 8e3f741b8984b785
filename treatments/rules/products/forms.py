"""What is typed about a product for needled skin."""

from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic.forms import page_form_helper
from patients.forms import Line
from treatments.rules.products import services
from treatments.rules.products.models import SkinProduct


class ProductForm(forms.Form):
    name = Line(max_length=80, error_messages={"required": "Enter the name of the product."})
    maker = Line(required=False, max_length=80)
    vitamin_c = forms.BooleanField(label="It has vitamin C in it", required=False)
    fragrance = forms.BooleanField(label="It has fragrance in it", required=False)
    tinted = forms.BooleanField(label="It is tinted", required=False)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            Div(Field("name"), Field("maker"), css_class="form-row"), "vitamin_c", "fragrance", "tinted"
        )

    @classmethod
    def of(cls, product: SkinProduct, data=None) -> "ProductForm":
        return cls(data, initial={name: getattr(product, name) for name in cls.base_fields})


class DecisionForm(forms.Form):
    """Why: asked for where something speaks against the product, or where an approval ends."""

    reason = Line(label="Why?", max_length=200, required=False, help_text="Everybody who treats reads it.")

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


class ApprovalForm(DecisionForm):
    """`seen`: what the page described. A page that stood open while the product was changed is shown anew."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data=None, *, product: SkinProduct) -> None:
        super().__init__(data, initial={"seen": product.described})
        self.product = product

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("seen") != self.product.described:
            self.data = self.data.copy()
            self.data["seen"] = self.product.described
            raise forms.ValidationError(services.CHANGED_MEANWHILE)
        return cleaned
