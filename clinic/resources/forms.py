"""What a manager types about rooms and hours."""

from datetime import date
from decimal import Decimal

from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic.errors import DomainError
from clinic.forms import page_form_helper, refuse
from clinic.models import DEEPEST_MM, Membership
from clinic.resources import stretches
from clinic.resources.reading import WEEKDAYS

NO_SUCH_DAY = {"invalid": "Enter a day that exists, for example 2027-06-07.", "required": "Choose a day."}
NO_SUCH_TIME = {"invalid": "Enter a time as 09:00."}
HOURS_HELP = "For example 09:00 to 13:00, 14:00 to 18:00. Empty: not in."


def day_field(label: str, *, required: bool = True, **more) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=required, widget=widget, error_messages=NO_SUCH_DAY, **more)


def _time(label: str, **more) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget, error_messages=NO_SUCH_TIME, **more)


def _reason(label: str, *, required: bool = False, length: int = 80, **more) -> forms.CharField:
    errors = {"required": "Say why.", "max_length": f"Shorten this to {length} characters."}
    return forms.CharField(label=label, required=required, max_length=length, error_messages=errors, **more)


class PageForm(forms.Form):
    """Fields only: the page brings the rest."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


class RoomForm(PageForm):
    name = forms.CharField(
        max_length=60, error_messages={"required": "Enter a name.", "max_length": "Shorten the name to 60 characters."}
    )
    short_name = forms.CharField(
        label="Short name",
        max_length=6,
        help_text="Shown where there is little space, for example R2.",
        error_messages={"required": "Enter a short name.", "max_length": "Shorten it to 6 characters."},
    )


class OutForm(PageForm):
    reason = _reason("Why is it out of service?", required=True, length=120, help_text="Everybody who books reads it.")


class PersonForm(PageForm):
    sees_patients = forms.BooleanField(label="Sees patients: has a column in the day and can be booked", required=False)
    max_depth_mm = forms.DecimalField(
        label="Own depth limit, in millimetres",
        required=False,
        max_digits=3,
        decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "short"}),
        help_text="Empty: the limits of the protocol and the device. Booked only for sessions that begin within it.",
        error_messages={
            "invalid": "Enter millimetres, for example 1.5.",
            "max_digits": "Enter millimetres, for example 1.5.",
            "max_decimal_places": "Enter at most two decimals.",
            "max_whole_digits": "Enter millimetres, for example 1.5.",
        },
    )

    def clean_max_depth_mm(self) -> Decimal | None:
        depth_mm = self.cleaned_data["max_depth_mm"]
        if depth_mm is not None and not 0 < depth_mm <= DEEPEST_MM:
            raise forms.ValidationError(
                f"Enter a depth above 0 and up to {DEEPEST_MM.normalize()} mm, or leave it empty."
            )
        return depth_mm

    @classmethod
    def of(cls, person: Membership, data=None) -> "PersonForm":
        return cls(data, initial={"sees_patients": person.sees_patients, "max_depth_mm": person.max_depth_mm})


class WeekForm(PageForm):
    """Weekly hours from a day on: one line a weekday."""

    valid_from = day_field("From")
    valid_until = day_field(
        "Until", required=False, help_text="Empty: until they change again. After it the hours of before count."
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for number, name in enumerate(WEEKDAYS, start=1):
            self.fields[f"weekday_{number}"] = forms.CharField(label=name, required=False, max_length=160)
        self.fields["weekday_1"].help_text = HOURS_HELP
        days = [Field(f"weekday_{number}") for number in range(1, 8)]
        self.helper.layout = Layout(Div(Field("valid_from"), Field("valid_until"), css_class="form-row"), *days)

    def clean(self) -> dict:
        cleaned = super().clean()
        for number in range(1, 8):
            field = f"weekday_{number}"
            try:
                cleaned[field] = stretches.read(cleaned.get(field, ""), field=field)
            except DomainError as refusal:
                refuse(self, refusal)
        return cleaned

    def wanted(self) -> dict:
        """As the service takes it."""
        said = self.cleaned_data
        hours = {number: said[f"weekday_{number}"] for number in range(1, 8)}
        return {"hours": hours, "valid_from": said["valid_from"], "valid_until": said["valid_until"]}


class DayForm(PageForm):
    """One day with hours of its own, or without any, or as every week again."""

    OUT, OWN, WEEKLY = "out", "own", "weekly"
    on = day_field("Day")
    what = forms.ChoiceField(
        label="On this day",
        choices=[(OUT, "Not in"), (OWN, "Other hours"), (WEEKLY, "The weekly hours")],
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what counts on this day.",
            "invalid_choice": "Choose what counts on this day.",
        },
    )
    hours = forms.CharField(
        label="Other hours",
        required=False,
        max_length=160,
        help_text="For example 09:00 to 13:00, 14:00 to 18:00. They replace the weekly hours of this day.",
    )
    reason = _reason("Reason", help_text="Everybody reads it: a private reason stays out.")

    def clean(self) -> dict:
        cleaned = super().clean()
        written = cleaned.get("hours", "")
        if cleaned.get("what") != self.OWN:
            cleaned["hours"] = []
            return cleaned
        if not written.strip():
            self.add_error("hours", "Enter the hours of this day, or choose Not in.")
            return cleaned
        try:
            cleaned["hours"] = stretches.read(written, field="hours")
        except DomainError as refusal:
            refuse(self, refusal)
        return cleaned

    @property
    def is_as_every_week(self) -> bool:
        return self.cleaned_data["what"] == self.WEEKLY

    def wanted(self) -> dict:
        """As the service takes it."""
        said = self.cleaned_data
        if self.is_as_every_week:
            return {"on": said["on"]}
        return {"on": said["on"], "stretches": said["hours"], "reason": said["reason"]}


class AwayForm(PageForm):
    """Time off of a person, or days on which the clinic is closed."""

    first_day = day_field("First day")
    last_day = day_field("Last day")
    from_time = _time("From", help_text="Empty: the whole day.")
    until_time = _time("Until", help_text="On the last day. Empty: the whole day.")
    reason = _reason("Reason", help_text="Everybody reads it: a private reason stays out.")

    def __init__(self, *args, first_day: date | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["first_day"].initial = self.fields["last_day"].initial = first_day
        self.helper.layout = Layout(
            Div(Field("first_day"), Field("last_day"), css_class="form-row"),
            Div(Field("from_time"), Field("until_time"), css_class="form-row"),
            "reason",
        )


class LeaveForm(PageForm):
    """A press, with what was read before it."""
