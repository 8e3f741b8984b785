"""The wishes for a whole course in one line, and the set of times that a press carries."""

from collections.abc import Sequence
from datetime import date, time, timedelta

from django import forms

from clinic.errors import DomainError
from clinic.models import Clinic, Membership
from treatments.appointments.courses.problems import HORIZON_DAYS, Wishes
from treatments.appointments.models import Appointment
from treatments.appointments.offers import place_of_value
from treatments.appointments.places import LENGTHS, Place

WEEKDAYS = (
    (1, "Monday"), (2, "Tuesday"), (3, "Wednesday"), (4, "Thursday"), (5, "Friday"), (6, "Saturday"), (7, "Sunday"),
)  # fmt: skip
LONGEST_AWAY_DAYS = 92
SEPARATOR = "~"


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day, for example 20/04/2027."},
    )  # fmt: skip


def _time(label: str) -> forms.TimeField:
    return forms.TimeField(
        label=label, required=False, widget=forms.TimeInput(attrs={"type": "time", "step": 900}, format="%H:%M"),
        error_messages={"invalid": "Enter a time from 00:00 to 23:59."},
    )  # fmt: skip


class WishesForm(forms.Form):
    """What the patient would like. Whatever is left out is all the same to her."""

    sessions = forms.TypedChoiceField(label="Sessions", required=False, coerce=int, empty_value=None)
    clinician = forms.ChoiceField(label="Clinician", required=False)
    weekdays = forms.TypedMultipleChoiceField(
        label="Days of the week", required=False, coerce=int, choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple
    )
    since, until = _time("Not before"), _time("Not after")
    first_day = _day("From")
    away_from, away_until = _day("Away from"), _day("Away until")
    done_by = _day("Done by")

    def __init__(self, data, *, sessions: int, clinicians: Sequence[Membership], today: date) -> None:
        super().__init__(data or None, auto_id="wish_%s", initial={"sessions": sessions})
        self.people = {str(person.ref): person for person in clinicians}
        self.today, self.most = today, sessions
        self.fields["sessions"].choices = [
            (n, f"{n} sessions" if n > 1 else "1 session") for n in range(sessions, 0, -1)
        ]
        self.fields["clinician"].choices = [
            ("", "anyone"),
            *((ref, str(person)) for ref, person in self.people.items()),
        ]

    def clean(self) -> dict:
        said = super().clean()
        since, until = said.get("since"), said.get("until")
        if since and until and until < since:
            self.add_error("until", "This is before the time it may begin. Choose a later one.")
        away_from, away_until = said.get("away_from"), said.get("away_until")
        if away_from and away_until and not 0 <= (away_until - away_from).days <= LONGEST_AWAY_DAYS:
            self.add_error("away_until", "Choose a day after the first one, three months later at most.")
        furthest = self.today + timedelta(days=HORIZON_DAYS)
        for name in ("first_day", "done_by"):
            if (day := said.get(name)) and not self.today <= day <= furthest:
                self.add_error(name, f"Choose a day from today to {furthest.day} {furthest:%B %Y}.")
        if said.get("first_day") and said.get("done_by") and said["done_by"] < said["first_day"]:
            self.add_error("done_by", "This is before the day to begin from. Choose a later one.")
        return said

    def wishes(self) -> Wishes:
        """What was said and makes sense; what does not is shown at its field and left out."""
        self.is_valid()
        said = self.cleaned_data if self.is_bound else {}
        since, until = said.get("since"), said.get("until")
        return Wishes(
            sessions=said.get("sessions") or None,
            clinician=self.people.get(said.get("clinician") or ""),
            weekdays=frozenset(said.get("weekdays") or ()),
            between=(since or time.min, until or time(23, 59)) if since or until else None,
            first_day=said.get("first_day"),
            avoid=_days(said.get("away_from"), said.get("away_until")),
            finish_by=said.get("done_by"),
        )


def _days(first: date | None, last: date | None) -> frozenset[date]:
    if first is None and last is None:
        return frozenset()
    first = first or last
    count = ((last or first) - first).days + 1
    return frozenset(first + timedelta(days=n) for n in range(count))


def places_of_value(value: str, *, clinic: Clinic, most: int) -> list[Place]:
    """The places a set's value stands for, in order. Raises DomainError for anything this clinic never offered."""
    parts = value.split(SEPARATOR) if value else []
    if not 1 <= len(parts) <= most:
        raise DomainError("Choose one of the sets of times.")
    length = LENGTHS[Appointment.Kind.TREATMENT]
    return [place_of_value(part, clinic=clinic, length=length) for part in parts]
