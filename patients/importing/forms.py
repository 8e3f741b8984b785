"""Bringing a file, saying what its columns are, and the press that imports it."""

from collections.abc import Mapping

from django import forms
from django.http import QueryDict

from clinic.forms import page_form_helper
from patients.forms import scrubbed
from patients.importing import days, kinds
from patients.importing.kinds import NEW, SKIP, TAKE, Kind
from patients.importing.reading import Sheet

# More likenesses than these are answered together.
ASKED_ONE_BY_ONE = 200
OF_A_LIKENESS = [
    (SKIP, "Leave it out: she is on record"),
    (TAKE, "The same person: keep the record, note the number for her past sessions"),
    (NEW, "A different person: register her"),
]
NOT_THERE = ""


class FileForm(forms.Form):
    kind = forms.ChoiceField(
        label="What is in it",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what the file is about.",
            "invalid_choice": "Choose what the file is about.",
        },
    )
    file = forms.FileField(
        label="File",
        help_text="CSV with headings in the first row, 5 MB and 20,000 rows at most.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
        error_messages={
            "required": "Choose the file.",
            "empty": "This file is empty. Export it again, with its headings.",
            "invalid": "Choose the file again.",
            "missing": "Choose the file again.",
            "max_length": "The name of this file is too long. Give it a shorter one.",
        },
    )

    def __init__(self, *args, too_big: bool = False, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(kind.code, f"{kind.title}: {kind.what}") for kind in kinds.all_kinds()]
        if too_big:
            self.fields["file"].error_messages["required"] = (
                "This file is larger than 5 MB. Split it and bring the parts one after the other."
            )
        self.helper = page_form_helper()


class ColumnsForm(forms.Form):
    """One choice a field: which column it is, as guessed or remembered. `day_order` is asked where days are ambiguous."""

    day_order = forms.ChoiceField(
        label="How days are written",
        required=False,
        choices=[
            ("", "Choose"),
            (days.DAY_FIRST, "Day first: 03/04/2026 is 3 April"),
            (days.MONTH_FIRST, "Month first: 03/04/2026 is 4 March"),
        ],
        error_messages={"invalid_choice": "Choose one of the two."},
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        kind: Kind,
        sheet: Sheet,
        chosen: Mapping[str, int],
        day_order: str = "",
    ) -> None:
        self.kind, self.sheet = kind, sheet
        initial = {code: str(at) for code, at in chosen.items()} | {"day_order": day_order}
        super().__init__(scrubbed(data) if data is not None else None, initial=initial)
        columns = [(NOT_THERE, "Not in this file"), *((str(at), name) for at, name in enumerate(sheet.headings))]
        for field in kind.fields:
            self.fields[field.code] = forms.ChoiceField(
                label=field.label,
                required=False,
                choices=columns,
                help_text=field.help,
                error_messages={"invalid_choice": "Choose a column of this file."},
            )
        self.order_fields([*(field.code for field in kind.fields), "day_order"])
        self.helper = page_form_helper()

    def columns(self) -> dict[str, int]:
        said = self.cleaned_data
        return {field.code: int(said[field.code]) for field in self.kind.fields if said.get(field.code)}

    def clean(self) -> dict:
        said = super().clean()
        if self.errors:
            return said
        columns = self.columns()
        for code, at in columns.items():
            if list(columns.values()).index(at) != list(columns).index(code):
                self.add_error(code, "This column is chosen for something else already.")
        missing = self.kind.complete(set(columns))
        if missing:
            raise forms.ValidationError(missing)
        self._settle_days(said, columns)
        return said

    def _settle_days(self, said: dict, columns: Mapping[str, int]) -> None:
        """What the file itself shows is taken; where it shows nothing or both, a person says it."""
        at = [columns[field.code] for field in self.kind.fields if field.is_day and field.code in columns]
        shown, example = days.orders(row[place] for _, row in self.sheet.rows for place in at if place < len(row))
        chosen = said.get("day_order")
        if chosen and len(shown) == 1 and chosen not in shown:
            first = "day" if days.DAY_FIRST in shown else "month"
            self.add_error("day_order", f"Days of this file have the {first} first. Choose that.")
        elif chosen:
            return
        elif len(shown) == 1:
            said["day_order"] = shown.pop()
        elif shown:
            self.add_error(
                "day_order",
                "Some days have the day first and some the month. Say which counts; the others are listed as wrong.",
            )
        elif example:
            self.add_error("day_order", f"{example} can be read in two ways. Say which is meant.")
        else:
            said["day_order"] = days.DAY_FIRST


class ImportForm(forms.Form):
    """The press. `seen` is the report that was on the screen."""

    seen = forms.RegexField(
        r"\A[0-9a-f]{64}\Z",
        widget=forms.HiddenInput,
        error_messages={"required": "Load this page again.", "invalid": "Load this page again."},
    )
    leave_out = forms.BooleanField(label="Leave the wrong rows out", required=False)
    all_alike = forms.ChoiceField(
        label="Whoever is on record already",
        choices=OF_A_LIKENESS[:2],
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Choose one of the answers."},
    )

    def __init__(self, data: QueryDict | None = None, *, alike: list, **kwargs) -> None:
        super().__init__(scrubbed(data) if data is not None else None, **kwargs)
        self.alike = alike[:ASKED_ONE_BY_ONE]
        for one in self.alike:
            self.fields[f"alike-{one.row}"] = forms.ChoiceField(
                label=f"Row {one.row}, {one.name}",
                required=False,
                choices=[("", "As chosen above"), *OF_A_LIKENESS],
                widget=forms.Select(attrs={"class": "form-select"}),
                error_messages={"invalid_choice": "Choose one of the answers."},
            )

    def answers(self) -> dict[int, str]:
        said = self.cleaned_data
        single = {one.row: said[f"alike-{one.row}"] for one in self.alike if said.get(f"alike-{one.row}")}
        return {0: said.get("all_alike") or SKIP} | single

    def asked(self) -> list[tuple]:
        return [(one, self[f"alike-{one.row}"]) for one in self.alike]
