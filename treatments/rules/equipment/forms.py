"""A device and a numbing product as their labels describe them."""

import re

from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic.errors import DomainError
from clinic.forms import page_form_helper
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.facts import GROUPS
from treatments.rules import labels
from treatments.rules.models import Anaesthetic, Device

LONGEST_WAIT_DAYS = 730
WHERE = {"face": "Face", "neck": "Neck", "body": "Body"}
LONGEST_ON_MINUTES = 240
LARGEST_AREA_CM2 = 2000
_ACTIVE_AND_PERCENT = re.compile(r"([^\d]+?)\s*(\d+(?:\.\d+)?)\s*%?")
_ZONE_AND_DEPTH = re.compile(r"([^\d]+?)\s*(\d+(?:\.\d+)?)(?:\s*mm)?")


def _whole_number(label: str, least: int, most: int, unit: str, **more) -> forms.IntegerField:
    sentence = f"Enter whole {unit}, {least} to {most}."
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=most,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "short"}),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), sentence),
        **more,
    )


class DeviceForm(forms.Form):
    """Name, depths by part of the body and by zone, days after filler, and what it is meant for."""

    name = forms.CharField(
        max_length=80,
        error_messages={
            "required": "Enter the name of the device.",
            "max_length": "Shorten the name to 80 characters.",
        },
    )
    maker = forms.CharField(required=False, max_length=80)
    serial = forms.CharField(label="Serial number", required=False, max_length=60)
    zones = forms.CharField(
        label="Zones the label names apart",
        required=False,
        max_length=400,
        help_text="For example cheek 2.0, nose 0.5. A zone counts before its part of the body.",
    )
    filler_washout_days = forms.IntegerField(
        label="Days after filler, by its label",
        required=False,
        min_value=0,
        max_value=LONGEST_WAIT_DAYS,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "short"}),
        help_text="Empty: the label is silent, and the protocol decides.",
        error_messages={
            "invalid": "Enter whole days, for example 180.",
            "min_value": "Enter 0 days or more.",
            "max_value": f"Enter at most {LONGEST_WAIT_DAYS} days.",
        },
    )
    indications = forms.MultipleChoiceField(
        label="Meant for, by its label",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Courses for anything else are marked as off label. None ticked: nothing is said about it.",
        error_messages={"invalid_choice": "Choose from the list."},
    )

    def __init__(self, *args, catalogue: Catalogue, **kwargs):
        super().__init__(*args, **kwargs)
        self.catalogue = catalogue
        self.fields["indications"].choices = [(concern.code, concern.label) for concern in catalogue.concerns.values()]
        for part in GROUPS:
            widget = forms.TextInput(attrs={"inputmode": "decimal", "class": "short"})
            label = f"{WHERE[part]}, deepest in mm"
            self.fields[part] = forms.CharField(label=label, required=False, max_length=12, widget=widget)
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            "name",
            Div(Field("maker"), Field("serial"), css_class="form-row"),
            Div(*(Field(part) for part in GROUPS), css_class="form-row"),
            "zones",
            "filler_washout_days",
            "indications",
        )

    @classmethod
    def of(cls, device: Device, data, catalogue: Catalogue) -> "DeviceForm":
        parts = {part: _typed(device.max_depth_mm.get(part)) for part in GROUPS}
        zones = [f"{zone} {_typed(depth)}" for zone, depth in device.max_depth_mm.items() if zone not in GROUPS]
        initial = {
            "name": device.name,
            "maker": device.maker,
            "serial": device.serial,
            "zones": ", ".join(zones),
            "filler_washout_days": device.filler_washout_days,
            "indications": device.indications,
        }
        return cls(data, initial=initial | parts, catalogue=catalogue)

    def clean(self) -> dict:
        cleaned = super().clean()
        label: dict[str, object] = {}
        for part in GROUPS:
            if typed := cleaned.get(part, "").strip():
                label |= self._read({part: typed.removesuffix("mm").strip()}, field=part)
        label |= self._read(self._zones(cleaned.get("zones", "")), field="zones")
        cleaned["max_depth_mm"] = label
        return cleaned

    def wanted(self) -> dict:
        """As the services take it."""
        kept = ("name", "maker", "serial", "filler_washout_days", "indications", "max_depth_mm")
        return {name: self.cleaned_data[name] for name in kept}

    def _zones(self, typed: str) -> dict[str, object]:
        found: dict[str, object] = {}
        for part in filter(None, (piece.strip() for piece in typed.split(","))):
            match = _ZONE_AND_DEPTH.fullmatch(part)
            if match is None:
                self.add_error("zones", f"“{part[:40]}”: write the zone and its depth, for example cheek 2.0.")
                continue
            if (zone := self._code_of(match[1])) in found:
                self.add_error("zones", f"{match[1].strip()} stands here twice. Name each zone once.")
            found[zone] = match[2]
        return found

    def _code_of(self, written: str) -> str:
        wanted = " ".join(written.split()).lower()
        zones = self.catalogue.zones.items()
        return next((code for code, zone in zones if wanted in (code, zone.label.lower())), wanted)

    def _read(self, label: dict[str, object], *, field: str) -> dict[str, float]:
        try:
            return labels.device_depths(label, self.catalogue)
        except DomainError as refusal:
            self.add_error(field, refusal.sentence)
            return {}


def _typed(depth: object) -> str:
    return "" if depth is None else f"{depth:g}"


class AnaestheticForm(forms.Form):
    """A numbing product: what is in it, how long and where it may be on."""

    name = forms.CharField(
        max_length=80,
        error_messages={
            "required": "Enter the name of the product.",
            "max_length": "Shorten the name to 80 characters.",
        },
    )
    actives = forms.CharField(
        label="What is in it, in per cent",
        max_length=200,
        help_text="For example lidocaine 2.5, prilocaine 2.5. The dose is worked out from it.",
        error_messages={
            "required": "Name the active of the cream and its strength: the dose is worked out from them.",
            "max_length": "Shorten this to 200 characters.",
        },
    )
    contact_minutes = _whole_number("Needs, in minutes", 1, LONGEST_ON_MINUTES, "minutes")
    max_contact_minutes = _whole_number("On for at most, in minutes", 1, LONGEST_ON_MINUTES, "minutes")
    max_area_cm2 = _whole_number(
        "Largest area by its label, in cm²", 1, LARGEST_AREA_CM2, "cm²", required=False,
        help_text="Empty: the label is silent.",
    )  # fmt: skip
    prescription_only = forms.BooleanField(
        label="Prescription only: a prescriber orders it for the session",
        required=False,
        help_text="Above the protocol’s line of strength it always is, ticked or not.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            "name",
            "actives",
            Div(Field("contact_minutes"), Field("max_contact_minutes"), Field("max_area_cm2"), css_class="form-row"),
            "prescription_only",
        )

    @classmethod
    def of(cls, product: Anaesthetic, data) -> "AnaestheticForm":
        plain = ("name", "contact_minutes", "max_contact_minutes", "max_area_cm2", "prescription_only")
        actives = ", ".join(f"{active} {_typed(percent)}" for active, percent in product.actives.items())
        return cls(data, initial={name: getattr(product, name) for name in plain} | {"actives": actives})

    def clean_actives(self) -> dict[str, float]:
        """Active to per cent. A strength is the number at the end of its part; a decimal comma is none."""
        found: dict[str, object] = {}
        for part in filter(None, (piece.strip() for piece in self.cleaned_data["actives"].split(","))):
            match = _ACTIVE_AND_PERCENT.fullmatch(part)
            if match is None:
                raise forms.ValidationError(
                    f"“{part[:40]}”: write the active and its strength, for example lidocaine 4."
                )
            if (name := " ".join(match[1].split()).lower()) in found:
                raise forms.ValidationError(f"{name} stands here twice. Name each active once.")
            found[name] = match[2]
        try:
            return labels.cream_actives(found)
        except DomainError as refusal:
            raise forms.ValidationError(refusal.sentence) from None
