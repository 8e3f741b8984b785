"""What is typed and tapped at the chair. Every refusal is a sentence at its field."""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from crispy_forms.layout import Div, Layout
from django import forms
from django.http import QueryDict

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import page_form_helper
from patients.forms import Day, Line, Text, scrubbed
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.wording import change_sentence
from treatments.sessions import reactions_list, skin_products
from treatments.sessions.lots import stock
from treatments.sessions.models import CartridgeLot, Endpoint, TreatmentSession

NOTE_LENGTH = 20_000
MAX_VERSION = 2**31 - 1
DEPTH_WORD = re.compile(r"\d(\.\d{1,2})?")
OTHER = "other"


class ChairForm(forms.Form):
    """One form of the chairside. `rows`: names of fields that stand side by side."""

    rows: tuple[tuple[str, ...], ...] = ()

    def __init__(self, data: QueryDict | dict | None = None, **options) -> None:
        super().__init__(scrubbed(data) if isinstance(data, QueryDict) else data, **options)
        self.helper = page_form_helper()
        self.helper.layout = Layout(*(Div(*names, css_class="form-row") for names in self.rows))

    def clean(self) -> dict:
        """A hidden field has no place of its own for its sentence."""
        cleaned = super().clean()
        for sentence in self.errors.pop("version", []):
            self.add_error(None, sentence)
        return cleaned


class RefChoice(forms.ModelChoiceField):
    """A row chosen by its ref. What is no ref at all is no choice either."""

    def __init__(self, **options) -> None:
        super().__init__(queryset=None, to_field_name="ref", **options)

    def to_python(self, value):
        try:
            return super().to_python(value)
        except forms.ValidationError:
            raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from None


def _version() -> forms.IntegerField:
    return forms.IntegerField(
        min_value=1,
        max_value=MAX_VERSION,
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            "This form is incomplete. Open the page again and repeat the change.",
        ),
    )


class ZoneForm(ChairForm):
    """Depth and passes of one zone. `depth` and `passes` hold the pill that was tapped, or "other"."""

    depth = forms.CharField(max_length=10, error_messages={"required": "Choose the depth."})
    depth_other = forms.CharField(max_length=10, required=False)
    passes = forms.CharField(max_length=10, error_messages={"required": "Choose the passes."})
    passes_other = forms.CharField(max_length=10, required=False)
    endpoint = forms.ChoiceField(
        choices=[("", "Not yet"), *Endpoint.choices],
        required=False,
        error_messages={"invalid_choice": "Choose one of the endpoints."},
    )
    reason = Line(max_length=200, required=False)

    def clean(self) -> dict:
        cleaned = super().clean()
        cleaned["depth_mm"] = self._depth(cleaned)
        cleaned["passes_count"] = self._passes(cleaned)
        return cleaned

    def _tapped_or_typed(self, cleaned: dict, name: str) -> tuple[str, str]:
        tapped = cleaned.get(name, "")
        field = f"{name}_other" if tapped == OTHER else name
        return (cleaned.get(field, "") or "").strip(), field

    def _depth(self, cleaned: dict) -> Decimal | None:
        text, field = self._tapped_or_typed(cleaned, "depth")
        if {"depth", field} & set(self.errors):
            return None
        try:
            if DEPTH_WORD.fullmatch(text.replace(",", ".")):
                return Decimal(text.replace(",", "."))
        except InvalidOperation:
            pass
        self.add_error(field, "Enter the depth in millimetres, for example 1.25.")
        return None

    def _passes(self, cleaned: dict) -> int | None:
        text, field = self._tapped_or_typed(cleaned, "passes")
        if {"passes", field} & set(self.errors):
            return None
        if re.fullmatch(r"[0-9]{1,2}", text) and 1 <= int(text) <= 20:
            return int(text)
        self.add_error(field, "Enter 1 to 20 passes.")
        return None


class NumbingForm(ChairForm):
    """The cream, how much, where, and its two times on the wall clock of the session's day."""

    product = RefChoice(
        label="Cream",
        required=False,
        empty_label="No numbing cream",
        error_messages={"invalid_choice": "Choose a cream from the list."},
    )
    grams = forms.DecimalField(
        required=False,
        min_value=Decimal("0.1"),
        max_value=60,
        max_digits=5,
        decimal_places=1,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.5"}),
        error_messages={
            "invalid": "Enter the grams as a number, for example 3.",
            "min_value": "Enter at least 0.1 g.",
            "max_value": "Enter 60 g at most.",
            "max_digits": "Enter the grams with one decimal, for example 2.5.",
            "max_decimal_places": "Enter the grams with one decimal, for example 2.5.",
            "max_whole_digits": "Enter 60 g at most.",
        },
    )
    area_cm2 = forms.IntegerField(
        label="Area, cm²",
        required=False,
        min_value=1,
        max_value=2000,
        error_messages={
            "invalid": "Enter the area as a whole number of cm².",
            "min_value": "Enter at least 1 cm².",
            "max_value": "Enter 2,000 cm² at most.",
        },
    )
    weight_kg = forms.DecimalField(
        label="Weight, kg",
        required=False,
        min_value=20,
        max_value=400,
        max_digits=4,
        decimal_places=1,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.5"}),
        error_messages={
            "invalid": "Enter the weight as a number, for example 62.5.",
            "min_value": "Enter at least 20 kg.",
            "max_value": "Enter 400 kg at most.",
            "max_digits": "Enter the weight with one decimal, for example 62.5.",
            "max_decimal_places": "Enter the weight with one decimal, for example 62.5.",
            "max_whole_digits": "Enter 400 kg at most.",
        },
    )
    occluded = forms.BooleanField(label="Covered with film", required=False)
    on_at = forms.TimeField(
        label="On at",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Enter a time, for example 10:30."},
    )
    off_at = forms.TimeField(
        label="Off at",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Enter a time, for example 11:05."},
    )
    why_longer = Line(label="Why longer than the label allows", max_length=200, required=False)
    version = _version()

    rows = (("product", "grams", "area_cm2", "weight_kg"), ("on_at", "off_at", "why_longer"), ("occluded",))

    def __init__(self, data: QueryDict | None = None, *, session: TreatmentSession) -> None:
        zone = session.clinic.tz
        self.session = session
        super().__init__(
            data,
            initial={
                "product": session.anaesthetic.ref if session.anaesthetic else None,
                "grams": session.anaesthetic_grams,
                "area_cm2": session.anaesthetic_area_cm2,
                "weight_kg": session.weight_kg,
                "occluded": session.anaesthetic_occluded,
                "on_at": _wall(session.anaesthetic_on_at, zone),
                "off_at": _wall(session.anaesthetic_off_at, zone),
                "version": session.version,
            },
        )
        self.fields["product"].queryset = session.clinic.anaesthetics.filter(in_use=True)

    def clean(self) -> dict:
        """Wall times to moments of the session's day; a button says "now" instead of a time."""
        cleaned = super().clean()
        now = self.data.get("now")
        for field in ("on_at", "off_at"):
            if now == field:
                cleaned[field] = clock.now().replace(second=0, microsecond=0)
            elif cleaned.get(field) is not None:
                try:
                    cleaned[field] = clock.resolve(
                        self.session.on, cleaned[field], self.session.clinic.tz, fold=self._fold(field)
                    )
                except DomainError as refusal:
                    self.add_error(field, refusal.sentence)
        return cleaned

    def _fold(self, field: str) -> int | None:
        """A time that stands already keeps which of two equal wall times it is."""
        kept = getattr(self.session, f"anaesthetic_{field}")
        return kept.astimezone(self.session.clinic.tz).fold if kept and field not in self.changed_data else None


class CartridgeForm(ChairForm):
    """Device and cartridge: a lot that is listed, or a new one with its expiry."""

    device = RefChoice(
        empty_label=None,
        error_messages={"required": "Choose the device.", "invalid_choice": "Choose a device that is in service."},
    )
    lot = RefChoice(
        required=False,
        empty_label="New lot, entered below",
        error_messages={"invalid_choice": "This lot is expired, withdrawn or used up. Take one that is in date."},
    )
    serial = Line(
        label="Serial of the cartridge",
        max_length=60,
        required=False,
        help_text="A cartridge is used once: the serial finds out.",
    )
    new_lot = Line(max_length=60, required=False)
    expires_on = Day(label="Expires on", required=False)
    version = _version()

    rows = (("lot", "serial"), ("new_lot", "expires_on"), ("device",))

    def __init__(self, data: QueryDict | None = None, *, session: TreatmentSession) -> None:
        super().__init__(
            data,
            initial={
                "device": session.device.ref if session.device else None,
                "lot": session.cartridge_lot.ref if session.cartridge_lot else None,
                "serial": session.cartridge_serial,
                "version": session.version,
            },
        )
        self.fields["device"].queryset = session.clinic.devices.filter(in_service=True)
        offered = stock.offered_to(session)
        self.fields["lot"].queryset = CartridgeLot.objects.filter(pk__in=[lot.pk for lot in offered])
        self.fields["lot"].label_from_instance = _lot_words

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("new_lot"):
            if not cleaned.get("expires_on") and "expires_on" not in self.errors:
                self.add_error("expires_on", "Enter the expiry that stands on the pack.")
        elif not cleaned.get("lot") and not {"lot", "new_lot"} & set(self.errors):
            self.add_error("lot", "Choose the lot, or enter a new one with its expiry.")
        return cleaned


class SkinProductForm(ChairForm):
    """What is put on needled skin: chosen from what a prescriber has approved, with what stands on the pack."""

    product = RefChoice(
        empty_label="Choose a product",
        error_messages={
            "required": "Choose the product.",
            "invalid_choice": "This product is not approved for needled skin. Choose one from the list.",
        },
    )
    product_lot = Line(
        label="Its lot", max_length=60, error_messages={"required": "Enter the lot that stands on the pack."}
    )
    product_expires_on = Day(
        label="It expires on", error_messages={"required": "Enter the expiry that stands on the pack."}
    )
    ml = forms.DecimalField(
        label="Millilitres",
        required=False,
        max_digits=4,
        decimal_places=1,
        min_value=Decimal("0.1"),
        max_value=100,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.5"}),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_digits", "max_decimal_places", "max_whole_digits"),
            "Enter the millilitres with one decimal, for example 1.5.",
        ),
    )

    rows = (("product", "product_lot"), ("product_expires_on", "ml"))

    def __init__(self, data: QueryDict | None = None, *, session: TreatmentSession) -> None:
        super().__init__(data)
        self.fields["product"].queryset = skin_products.offered(session)


class NoteForm(ChairForm):
    note = Text(
        label="Note",
        lines=True,
        max_length=NOTE_LENGTH,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text="Saved as you type.",
    )
    pain = forms.IntegerField(
        label="Pain, 0 to 10",
        required=False,
        min_value=0,
        max_value=10,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "class": "short"}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), "Enter pain as a number from 0 to 10."),
    )
    version = _version()

    rows = (("note",), ("pain",))

    def __init__(self, data: QueryDict | None = None, *, session: TreatmentSession) -> None:
        super().__init__(data, initial={"note": session.note, "pain": session.pain, "version": session.version})


class FinishForm(ChairForm):
    aftercare_given = forms.BooleanField(
        label="Aftercare and the urgent number were given, on paper or read out", required=False
    )
    sharps_disposed = forms.BooleanField(label="The cartridge is in the sharps bin", required=False)
    why_on_hold = Line(label="Why it is completed although the course is not active", max_length=200, required=False)

    rows = (("aftercare_given",), ("sharps_disposed",))

    def __init__(self, data: QueryDict | None = None, *, session: TreatmentSession) -> None:
        held = session.plan.status != TreatmentPlan.Status.ACTIVE
        if held:
            self.rows = (*self.rows, ("why_on_hold",))
        super().__init__(data)
        if not held:
            del self.fields["why_on_hold"]


class StopForm(ChairForm):
    stopped_reason = Line(
        label="Why it was stopped", max_length=200, error_messages={"required": "Say why the session was stopped."}
    )
    counts = forms.ChoiceField(
        label="Does it count as a session of the course?",
        choices=[("yes", "Yes, it counts"), ("no", "No, it will be repeated")],
        widget=forms.RadioSelect,
        help_text="The shortest interval runs from today in any case.",
        error_messages={"required": "Say whether it counts.", "invalid_choice": "Say whether it counts."},
    )

    rows = (("stopped_reason",), ("counts",))


class AdverseEventForm(ChairForm):
    code = forms.ChoiceField(
        label="What happened",
        error_messages={
            "required": "Choose what happened; Other if nothing fits.",
            "invalid_choice": "Choose from the list.",
        },
    )
    grade = forms.ChoiceField(
        error_messages={"required": "Choose a grade from 1 to 5.", "invalid_choice": "Choose a grade from 1 to 5."},
    )
    event_note = Text(
        label="What was seen and done",
        lines=True,
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    rows = (("code", "grade"), ("event_note",))

    def __init__(self, data: QueryDict | None = None, *, catalogue: Catalogue) -> None:
        super().__init__(data)
        self.fields["code"].choices = [("", "Choose"), *reactions_list.choices(catalogue)]
        self.fields["grade"].choices = [("", "Choose"), *reactions_list.grades(catalogue)]
        self.fields["grade"].help_text = reactions_list.stops_from(catalogue)


class CloseEventForm(ChairForm):
    resolved_on = Day(label="Settled on", error_messages={"required": "Enter the day on which it had settled."})
    over_72h = forms.BooleanField(label="It lasted longer than 72 hours", required=False)

    rows = (("resolved_on", "over_72h"),)


class AddendumForm(ChairForm):
    text = Text(
        label="What is added",
        lines=True,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Write what is to be added."},
    )
    reason = Line(
        label="Why afterwards", max_length=200, error_messages={"required": "Say why it is added afterwards."}
    )

    rows = (("text",), ("reason",))


class InErrorForm(ChairForm):
    error_reason = Line(
        label="What was wrong",
        max_length=200,
        error_messages={"required": "Say why this session was entered in error."},
    )

    rows = (("error_reason",),)


class OpenForm(ChairForm):
    """The changes of today's screening, each ticked as read."""

    acknowledged = forms.MultipleChoiceField(
        label="Read and applied",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Today's screening has changed meanwhile: read the list again."},
    )

    rows = (("acknowledged",),)

    def __init__(self, data: QueryDict | None = None, *, changes: list[dict], catalogue: Catalogue) -> None:
        super().__init__(data)
        self.fields["acknowledged"].choices = [
            (change["parameter"], change_sentence(change, catalogue)) for change in changes
        ]


def _lot_words(lot: CartridgeLot) -> str:
    return f"{lot.lot}, expires {_short_month(lot.expires_on)}"


def _short_month(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _wall(moment: datetime | None, zone):
    return moment.astimezone(zone).time().replace(second=0, microsecond=0) if moment else None
