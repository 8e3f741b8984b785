"""What somebody says after a call, and what a patient on the waiting list would take."""

from collections.abc import Sequence
from datetime import date

from crispy_forms.bootstrap import InlineCheckboxes
from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic.forms import page_form_helper
from clinic.models import Membership
from treatments.appointments.calls.matters import TOLD_BY_PATIENTS, outcomes_of
from treatments.appointments.calls.models import CallOutcome
from treatments.appointments.calls.services import WEEKDAYS

Outcome = CallOutcome.Outcome
AT_THE_DESK = "Seen by everybody at the desk: no medical reason here."
TEXT_ERRORS = {
    "max_length": "Keep it to %(limit_value)d letters; it has %(show_value)d now.",
    "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
}
TIME_ERRORS = {"invalid": "Enter a time from 00:00 to 23:59."}


def _time_field(label: str, help_text: str = "") -> forms.TimeField:
    return forms.TimeField(
        required=False,
        label=label,
        help_text=help_text,
        widget=forms.TimeInput(attrs={"type": "time", "step": 300}, format="%H:%M"),
        error_messages=TIME_ERRORS,
    )


class OutcomeForm(forms.Form):
    """Which button was pressed (`outcome`), with a day for a call back and a reason for no more calls."""

    outcome = forms.ChoiceField(
        error_messages={"required": "Choose what came of the call.", "invalid_choice": "Choose what came of the call."}
    )
    call_back_on = forms.DateField(
        required=False, label="Call back on", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day, for example 20/04/2027."},
    )  # fmt: skip
    call_back_at = _time_field("After", "May stay empty.")
    note = forms.CharField(
        required=False,
        label="Note",
        max_length=200,
        help_text=f"{AT_THE_DESK} Say here why nobody should call any more.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages=TEXT_ERRORS,
    )

    def __init__(self, data=None, *, list_code: str, today: date, **options) -> None:
        super().__init__(data, **options)
        self.fields["outcome"].choices = [(code, Outcome(code).label) for code in outcomes_of(list_code)]
        if list_code in TOLD_BY_PATIENTS:
            self.fields["note"].help_text = AT_THE_DESK
        self.fields["call_back_on"].widget.attrs["min"] = today.isoformat()


class WaitForm(forms.Form):
    """When and with whom the patient would come. Nothing said means at any time, with anybody."""

    weekdays = forms.TypedMultipleChoiceField(
        required=False,
        label="On",
        coerce=int,
        choices=[(number, name) for number, name in enumerate(WEEKDAYS, start=1)],
        widget=forms.CheckboxSelectMultiple,
        help_text="No day chosen means any day.",
        error_messages={"invalid_choice": "Choose days from Monday to Sunday."},
    )
    from_time = _time_field("Begins from")
    until_time = _time_field("Begins until")
    clinician = forms.ChoiceField(
        required=False, label="With", error_messages={"invalid_choice": "Choose a clinician from the list."}
    )
    note = forms.CharField(
        required=False,
        label="Note",
        max_length=200,
        help_text=AT_THE_DESK,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages=TEXT_ERRORS,
    )

    def __init__(self, data=None, *, clinicians: Sequence[Membership], **options) -> None:
        super().__init__(data, **options)
        self.people = {str(person.ref): person for person in clinicians}
        self.fields["clinician"].choices = [("", "anybody"), *((ref, str(one)) for ref, one in self.people.items())]
        self.helper = page_form_helper()
        self.helper.layout = Layout(
            InlineCheckboxes("weekdays"),
            Div(Field("from_time"), Field("until_time"), Field("clinician"), css_class="form-row"),
            Field("note"),
        )

    def wishes(self) -> dict:
        """What `calls.services.wait` takes."""
        return {**self.cleaned_data, "clinician": self.people.get(self.cleaned_data["clinician"])}


class EndWaitForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=AT_THE_DESK,
        error_messages={"required": "Say why the patient no longer waits.", **TEXT_ERRORS},
    )

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.helper = page_form_helper()
