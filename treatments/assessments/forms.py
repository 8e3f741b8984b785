"""What the skin shows: concern by zone and severity, skin type, earlier dark marks."""

from django import forms

from clinic.forms import page_form_helper
from treatments.assessments.models import AssessedConcern
from treatments.assessments.services import offered_on
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import ConcernPolicy

NOTE_LENGTH = 4000
# How unprotected skin answers to the first strong sun of the year.
SKIN_TYPES = (
    ("1", "I", "burns every time, stays pale"),
    ("2", "II", "burns easily, tans a little"),
    ("3", "III", "burns sometimes, tans step by step"),
    ("4", "IV", "burns seldom, tans well"),
    ("5", "V", "hardly ever burns, brown by nature"),
    ("6", "VI", "never burns, dark brown by nature"),
    ("unknown", "Not known", "rules take the careful value"),
)


class AssessmentForm(forms.Form):
    """Fields of concern `x`: `severity-x` and `zones-x`. A concern counts where either is filled; then both must be."""

    skin_type = forms.ChoiceField(
        label="Skin type",
        choices=[(value, label) for value, label, _ in SKIN_TYPES],
        error_messages={
            "required": "Choose a skin type, or not known.",
            "invalid_choice": "Choose a skin type from I to VI.",
        },
    )
    pih_history = forms.ChoiceField(
        label="Dark marks after an earlier procedure or spot",
        choices=(("yes", "Yes"), ("no", "No")),
        error_messages={"required": "Choose yes or no.", "invalid_choice": "Choose yes or no."},
    )
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"max_length": "Shorten the note to 4,000 characters."},
    )

    def __init__(self, *args, catalogue: Catalogue, **kwargs):
        super().__init__(*args, **kwargs)
        self.catalogue = catalogue
        for concern in self.catalogue.offered_concerns():
            self._add(concern)

    def _add(self, concern: ConcernPolicy) -> None:
        zones = [
            zone for zone in self.catalogue.zones.values() if offered_on(concern.code, zone.code, None, self.catalogue)
        ]
        self.fields[f"severity-{concern.code}"] = forms.ChoiceField(
            label=f"{concern.label}: how marked",
            required=False,
            choices=AssessedConcern.Severity.choices,
            error_messages={"invalid_choice": "Choose mild, moderate or severe."},
        )
        self.fields[f"zones-{concern.code}"] = forms.MultipleChoiceField(
            label=f"{concern.label}: zones",
            required=False,
            choices=[(zone.code, zone.label) for zone in zones],
            error_messages={
                "invalid_choice": "This concern is not treated on one of these zones. Choose from the list.",
                "invalid_list": "Choose zones from the list.",
            },
        )

    def clean(self) -> dict:
        cleaned = super().clean()
        for concern in self.catalogue.offered_concerns():
            severity, zones = f"severity-{concern.code}", f"zones-{concern.code}"
            if cleaned.get(severity) and not cleaned.get(zones) and zones not in self.errors:
                self.add_error(zones, "Choose at least one zone.")
            elif cleaned.get(zones) and not cleaned.get(severity) and severity not in self.errors:
                self.add_error(severity, "Choose mild, moderate or severe.")
        if not self.errors and not self.concerns():
            self.add_error(None, "Choose at least one concern, with its zones.")
        return cleaned

    def concerns(self) -> list[dict]:
        """The chosen concerns as the service takes them."""
        return [
            {"code": concern.code, "zones": zones, "severity": self.cleaned_data[f"severity-{concern.code}"]}
            for concern in self.catalogue.offered_concerns()
            if (zones := self.cleaned_data.get(f"zones-{concern.code}"))
        ]

    def chosen_skin_type(self) -> int | None:
        chosen = self.cleaned_data["skin_type"]
        return None if chosen == "unknown" else int(chosen)

    def groups(self) -> list[dict]:
        """The concerns as they are drawn, each with its choices; open where something is chosen or wrong."""
        return [self._group(concern) for concern in self.catalogue.offered_concerns()]

    def _group(self, concern: ConcernPolicy) -> dict:
        severity, zones = self[f"severity-{concern.code}"], self[f"zones-{concern.code}"]
        chosen = set(zones.value() or [])
        return {
            "code": concern.code,
            "label": concern.label,
            "note": concern.note,
            "open": bool(severity.value() or chosen or severity.errors or zones.errors),
            "severity": severity,
            "severities": [{"value": value, "label": label} for value, label in AssessedConcern.Severity.choices],
            "zones": zones,
            "zone_choices": [
                {"value": code, "label": label, "on": code in chosen} for code, label in zones.field.choices
            ],
        }

    def skin_type_options(self, proposed: int | None = None) -> list[dict]:
        """What may be chosen; what a questionnaire `proposed` is dashed, not chosen: the clinician's value counts."""
        return [
            {"value": value, "label": label, "note": anchor, "was": value == str(proposed)}
            for value, label, anchor in SKIN_TYPES
        ]


class ErrorReasonForm(forms.Form):
    reason = forms.CharField(
        label="What was wrong",
        max_length=200,
        error_messages={
            "required": "Say why this assessment was entered in error.",
            "max_length": "Shorten the reason to 200 characters.",
        },
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
