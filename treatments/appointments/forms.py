"""What the desk says about a visit: which free time, or another day, time, clinician and room."""

from collections.abc import Sequence
from datetime import date, time, timedelta

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Div, Field, Layout
from django import forms

from clinic.clock import AmbiguousTime
from clinic.errors import DomainError
from clinic.forms import page_form_helper, refuse
from clinic.models import Clinic, Membership, Room
from treatments.appointments.offers import place_of_value
from treatments.appointments.places import FURTHEST_DAYS, Place
from treatments.scheduling.slots import VisitLength

OWN = "own"
PARTS = [
    ("any", "at any time"),
    ("morning", "in the morning"),
    ("afternoon", "in the afternoon"),
    ("evening", "after 17:00"),
]
PART_HOURS = {
    "any": (time.min, time.max),
    "morning": (time.min, time(12)),
    "afternoon": (time(12), time(17)),
    "evening": (time(17), time.max),
}
MOST_SHOWN = 96


class WishForm(forms.Form):
    """The line of wishes above the free times. Whatever cannot be understood is as if it had not been said."""

    clinician = forms.ChoiceField(required=False, label="Clinician")
    first_day = forms.DateField(
        required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    part = forms.ChoiceField(required=False, label="Time of day", choices=PARTS)
    show = forms.IntegerField(required=False, min_value=1, max_value=MOST_SHOWN, widget=forms.HiddenInput)

    def __init__(self, data, *, clinicians: Sequence[Membership], first_day: date, shown: int) -> None:
        super().__init__(
            data or None, auto_id="wish_%s", initial={"first_day": first_day, "part": "any", "clinician": ""}
        )
        self.fields["clinician"].choices = [("", "anyone"), *((str(person.ref), str(person)) for person in clinicians)]
        self.people = {str(person.ref): person for person in clinicians}
        self.default_day, self.default_shown = first_day, shown
        self.full_clean()

    def _wish(self, name: str):
        return self.cleaned_data.get(name) if self.is_bound else None

    @property
    def clinicians(self) -> list[Membership]:
        chosen = self.people.get(self._wish("clinician") or "")
        return [chosen] if chosen else list(self.people.values())

    @property
    def asked_day(self) -> date | None:
        """The first day that was asked for, if one was."""
        return self._wish("first_day")

    @property
    def from_day(self) -> date:
        return self.asked_day or self.default_day

    @property
    def hours(self) -> tuple[time, time]:
        return PART_HOURS[self._wish("part") or "any"]

    @property
    def shown(self) -> int:
        return self._wish("show") or self.default_shown


class PlaceForm(forms.Form):
    """One of the times offered (`slot`), or one entered (`slot` = own): day, time, clinician, room."""

    slot = forms.CharField(required=False, max_length=120, widget=forms.HiddenInput)
    # A press on one of the nearest free times after a lost race; it outweighs what was chosen before.
    instead = forms.CharField(required=False, max_length=120, widget=forms.HiddenInput)
    day = forms.DateField(
        required=False, label="Day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day, for example 20/04/2027."},
    )  # fmt: skip
    starts_at = forms.TimeField(
        required=False, label="Time", widget=forms.TimeInput(attrs={"type": "time", "step": 300}, format="%H:%M"),
        error_messages={"invalid": "Enter a time from 00:00 to 23:59."},
    )  # fmt: skip
    fold = forms.ChoiceField(
        required=False, label="Which of the two", widget=forms.RadioSelect,
        choices=[("0", "The first, before the clocks go back"), ("1", "The second, after the clocks have gone back")],
    )  # fmt: skip
    clinician = forms.ChoiceField(
        required=False, label="Clinician", error_messages={"invalid_choice": "Choose a clinician from the list."}
    )
    room = forms.ChoiceField(
        required=False, label="Room", error_messages={"invalid_choice": "Choose a room from the list."}
    )

    def __init__(
        self,
        data=None,
        *,
        clinic: Clinic,
        length: VisitLength,
        clinicians: Sequence[Membership],
        rooms: Sequence[Room],
        today: date,
        **options,
    ) -> None:
        super().__init__(data, **options)
        self.clinic, self.length, self.today = clinic, length, today
        self.people = {str(person.ref): person for person in clinicians}
        self.rooms = {str(room.ref): room for room in rooms if room.in_service}
        self.fields["clinician"].choices = [
            ("", "Choose"),
            *((ref, str(person)) for ref, person in self.people.items()),
        ]
        self.fields["room"].choices = [("", "Choose"), *((ref, str(room)) for ref, room in self.rooms.items())]
        self.place: Place | None = None
        self.is_ambiguous = False

    @property
    def is_own(self) -> bool:
        return self.is_bound and not self.data.get("instead") and self.data.get("slot") == OWN

    @property
    def asks_which(self) -> bool:
        """The wall time given comes twice that night, so the page offers both."""
        return self.is_bound and ("fold" in self.errors or bool(self.data.get("fold")) or self.is_ambiguous)

    def clean(self):
        said = super().clean()
        try:
            self.place = self._own_place(said) if self.is_own else self._offered_place(said)
        except DomainError as refusal:
            self.refuse(refusal)
        return said

    def refuse(self, refusal: DomainError) -> None:
        """Show a refusal where its cause stands: at its field for an own entry, else at the choice."""
        self.is_ambiguous = isinstance(refusal, AmbiguousTime)
        refuse(self, refusal if self.is_own else DomainError(refusal.sentence, field="slot"))

    def own_helper(self) -> FormHelper:
        """The fields of an entry of one's own; which of two equal times is asked only where there are two."""
        helper = page_form_helper()
        row = Div(Field("day"), Field("starts_at"), Field("clinician"), Field("room"), css_class="form-row")
        helper.layout = Layout(row, *([Field("fold")] if self.asks_which else []))
        return helper

    def _offered_place(self, said: dict) -> Place:
        value = said.get("instead") or said.get("slot")
        if not value:
            raise DomainError("Choose one of the times, or enter another one.", field="slot")
        return place_of_value(value, clinic=self.clinic, length=self.length)

    def _own_place(self, said: dict) -> Place | None:
        for name, sentence in (
            ("day", "Enter the day."),
            ("starts_at", "Enter the time the visit starts."),
            ("clinician", "Choose a clinician."),
            ("room", "Choose a room."),
        ):
            if name not in self.errors and not said.get(name):
                self.add_error(name, sentence)
        if self.errors:
            return None
        if not self.today <= said["day"] <= self.today + timedelta(days=FURTHEST_DAYS):
            raise DomainError("Choose a day from today on, within the next two years.", field="day")
        place = Place(
            day=said["day"],
            starts_at=said["starts_at"].replace(second=0, microsecond=0),
            clinician=self.people[said["clinician"]],
            room=self.rooms[said["room"]],
            length=self.length,
            fold=int(said["fold"]) if said.get("fold") else None,
        )
        place.start(self.clinic)  # says so where the clocks leap over it, or where it comes twice
        return place


MISSED, FREE = "missed", "free"


class CancelForm(forms.Form):
    reason = forms.CharField(
        label="Why", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Say why the visit is cancelled.",
            "max_length": "Keep it to %(limit_value)d letters; it has %(show_value)d now.",
            "null_characters_not_allowed": "There is a character in this that cannot be kept. Type it again.",
        },
        help_text="Seen by everybody at the desk: no medical reason here.",
    )  # fmt: skip

    def __init__(self, *args, costs: str = "", **options) -> None:
        """`costs`: what it costs her to cancel so late, in words; whoever cancels says whether it does."""
        super().__init__(*args, **options)
        if costs:
            self.fields["late"] = forms.ChoiceField(
                label="So late, it may count as missed",
                choices=[
                    (MISSED, f"It counts: {costs}"),
                    (FREE, "It does not count: the clinic cancels, or it is forgiven"),
                ],
                initial=MISSED,
                widget=forms.RadioSelect,
                error_messages=dict.fromkeys(("required", "invalid_choice"), "Say whether it counts as missed."),
            )
        self.helper = page_form_helper()

    @property
    def counts_as_missed(self) -> bool:
        return self.cleaned_data.get("late") == MISSED
