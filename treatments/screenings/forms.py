"""The questions of a form, and the form that lifts a finding. Nothing is preselected as an answer."""

from datetime import date, timedelta

from django import forms

from clinic.forms import page_form_helper
from patients.models import HistoryAnswer
from treatments.protocol.entries import Rule

DEFAULT_CLEARANCE_DAYS = 90
NOTE_LENGTH = 400
A_WEEK = timedelta(days=7)
ANSWERS = (("yes", "Yes"), ("no", "No"), ("not_sure", "Not sure"))

# In the order in which one asks. A question that stands in none of them comes last, so that none is ever left out.
SECTIONS = (
    (
        "Today and the last days",
        (
            "skin_infection_area", "hsv_active", "open_wound", "sunburn_now", "acne_inflamed", "fever_unwell_antibiotic",
            "sun_tan_exposure", "self_tan", "hair_removal", "alcohol_24h", "vaccine_recent", "event_soon",
        ),
    ),
    ("Pregnancy", ("pregnant", "breastfeeding")),
    (
        "Medicines and creams",
        (
            "isotretinoin_now", "isotretinoin_past", "topical_retinoid", "topical_acids", "hydroquinone", "anticoagulant_rx",
            "nsaid_otc", "photosensitiser", "chemo_immunosupp", "new_medicine", "new_allergy",
        ),
    ),
    (
        "Other treatments of the area",
        (
            "botulinum", "filler", "peel_superficial", "peel_deep_dermabrasion", "laser_ipl", "surgery_area", "facial_trauma",
            "radiotherapy_area", "home_needling", "needling_elsewhere", "reaction_last_session", "tattoo_pmu_area",
        ),
    ),
    (
        "Skin and scars",
        (
            "hsv_history", "keloid_personal", "keloid_family", "new_scar_or_striae", "skin_cancer_area", "suspicious_lesion",
            "actinic_keratosis", "raised_lesion_area", "eczema_psoriasis_area", "rosacea", "poor_healing",
        ),
    ),
    (
        "Health",
        (
            "metal_allergy", "anaesthetic_allergy", "anaesthetic_caution", "bleeding_disorder", "scleroderma_ctd", "autoimmune",
            "diabetes", "diabetes_uncontrolled", "cardiac", "fainting_epilepsy", "smoking", "bbv_or_systemic_infection",
        ),
    ),
    ("For the clinician", ("unrealistic_bdd",)),
)  # fmt: skip


class QuestionForm(forms.Form):
    """Yes, no or not sure to each rule, with the day, the word and the remark that belong to it.

    Fields of rule `x`: `x`, `x-on`, `x-detail`, `x-note`.
    """

    def __init__(
        self,
        *args,
        rules: tuple[Rule, ...],
        born_on: date,
        today: date,
        last: dict[str, HistoryAnswer] | None = None,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.rules, self.born_on, self.today, self.last = rules, born_on, today, last or {}
        for rule in rules:
            self._add(rule)

    def _add(self, rule: Rule) -> None:
        self.fields[rule.code] = forms.ChoiceField(
            label=rule.question,
            choices=ANSWERS,
            required=not rule.never_missing,
            error_messages={
                "required": "Answer this one: yes, no or not sure.",
                "invalid_choice": "Choose yes, no or not sure.",
            },
        )
        if rule.needs_date:
            self.fields[f"{rule.code}-on"] = forms.DateField(
                label=rule.date_question,
                required=False,
                widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
                error_messages={"invalid": f"Enter a day that exists, for example {self._a_day(rule)}."},
            )
        if rule.details:
            self.fields[f"{rule.code}-detail"] = forms.ChoiceField(
                label="Which of these?",
                required=False,
                choices=[("", "Not known"), *((detail.word, detail.label) for detail in rule.details.values())],
                error_messages={"invalid_choice": "Choose one of the words in the list."},
            )
        self.fields[f"{rule.code}-note"] = forms.CharField(
            label="In a few words",
            required=False,
            max_length=NOTE_LENGTH,
            error_messages={"max_length": f"Shorten this to {NOTE_LENGTH} characters."},
        )

    def _a_day(self, rule: Rule) -> str:
        """One that the question would take: of last week, or of next week where it asks for what is still to come."""
        return (self.today + (A_WEEK if rule.date_may_be_ahead else -A_WEEK)).isoformat()

    def clean(self) -> dict:
        cleaned = super().clean()
        for rule in self.rules:
            if rule.needs_date:
                self._check_day(rule, cleaned)
        return cleaned

    def _check_day(self, rule: Rule, cleaned: dict) -> None:
        field, value, on = f"{rule.code}-on", cleaned.get(rule.code), cleaned.get(f"{rule.code}-on")
        if value != "yes" or field in self.errors:
            return
        if on is None and rule.dated and not rule.soft:
            self.add_error(field, "Enter the day. If nobody knows it, choose not sure instead.")
        elif on and on > self.today and not rule.date_may_be_ahead:
            self.add_error(field, "This day is still to come. Enter a day up to today.")
        elif on and rule.date_may_be_ahead and on > self.today + timedelta(days=730):
            self.add_error(field, "Enter a day within two years.")
        elif on and on < self.born_on:
            self.add_error(field, "This day is before the date of birth.")

    def answers(self) -> list[dict]:
        """What was answered, for the record: a day and a word only beside a yes."""
        given = []
        for rule in self.rules:
            value = self.cleaned_data.get(rule.code)
            if not value:
                continue
            yes = value == "yes"
            given.append(
                {
                    "code": rule.code,
                    "value": value,
                    "on": self.cleaned_data.get(f"{rule.code}-on") if yes else None,
                    "detail": self.cleaned_data.get(f"{rule.code}-detail", "") if yes else "",
                    "note": self.cleaned_data.get(f"{rule.code}-note", ""),
                }
            )
        return given

    def to_look_at(self) -> list[dict]:
        """The questions that need another look, in the order of the page: code, words and the first sentence of each."""
        found = []
        for section in self.sections():
            for question in section["questions"]:
                code = question["code"]
                fields = [code, *(f"{code}-{suffix}" for suffix in ("on", "detail", "note"))]
                said = [sentence for field in fields for sentence in self.errors.get(field, [])]
                if said:
                    found.append({"code": code, "text": question["text"], "sentence": said[0]})
        return found

    def parts(self) -> list[tuple[str, list[Rule]]]:
        """Headings in the order in which one asks, each with its rules."""
        known = {code for _, codes in SECTIONS for code in codes}
        rest = ("Other", tuple(rule.code for rule in self.rules if rule.code not in known))
        by_code = {rule.code: rule for rule in self.rules}
        parts = [(title, [by_code[code] for code in codes if code in by_code]) for title, codes in (*SECTIONS, rest)]
        return [(title, rules) for title, rules in parts if rules]

    def sections(self) -> list[dict]:
        """The parts as they are drawn, each question with its fields."""
        return [
            {"id": f"part-{number}", "title": title, "questions": [self._question(rule) for rule in rules]}
            for number, (title, rules) in enumerate(self.parts(), start=1)
        ]

    def _question(self, rule: Rule) -> dict:
        before = self.last.get(rule.code)
        bound = {
            suffix: self[f"{rule.code}-{suffix}"]
            for suffix in ("on", "detail", "note")
            if f"{rule.code}-{suffix}" in self.fields
        }
        more = f"more-{rule.code}"
        return {
            "code": rule.code,
            "text": rule.question,
            "optional": rule.never_missing,
            "value": self[rule.code].value() or "",
            "errors": self[rule.code].errors,
            "options": [
                {"value": value, "label": label, "was": bool(before and before.value == value)}
                | ({"reveals": more} if value == "yes" else {})
                for value, label in ANSWERS
            ],
            "more": more,
            "last": before,
            "last_days": (self.today - before.answered_on).days if before else None,
            **bound,
        }


class ClearanceForm(forms.Form):
    """A named clinician answers for one raised finding until a day."""

    code = forms.ChoiceField(
        label="Finding",
        error_messages={"required": "Choose the finding.", "invalid_choice": "Choose a finding that you may lift."},
    )
    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Printed in the chart.",
        error_messages={
            "required": "Give the reason: it is printed in the chart.",
            "max_length": "Shorten the reason to 2,000 characters.",
        },
    )
    evidence = forms.CharField(
        label="Evidence",
        required=False,
        max_length=200,
        help_text="A letter, a result, a call: what you saw and when.",
        error_messages={"max_length": "Shorten this to 200 characters."},
    )
    expires_on = forms.DateField(
        label="Last day it counts",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": "Choose the last day it counts.",
            "invalid": "Enter a day that exists, for example 2027-06-07.",
        },
    )
    licence = forms.CharField(
        label="Your licence number",
        max_length=60,
        error_messages={"required": "Enter your licence number.", "max_length": "Shorten this to 60 characters."},
    )

    def __init__(self, *args, choices: list[tuple[str, str]], today: date, **kwargs):
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["code"].choices = choices
        self.fields["expires_on"].initial = today + timedelta(days=DEFAULT_CLEARANCE_DAYS)
        self.helper = page_form_helper()

    def clean_expires_on(self) -> date:
        last = self.cleaned_data["expires_on"]
        if last < self.today:
            raise forms.ValidationError("Choose a last day that is not in the past.")
        return last


class DayForm(forms.Form):
    """Which day the screening is looked at for, and for what."""

    on = forms.DateField(
        label="Day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day that exists, for example 2027-03-12."},
    )
    purpose = forms.ChoiceField(choices=(("session", "Session"), ("booking", "Booking")), required=False)

    def __init__(self, *args, today: date, **kwargs):
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_on(self) -> date | None:
        on = self.cleaned_data["on"]
        if on and on < self.today:
            raise forms.ValidationError("This day has passed. Choose today or a later day.")
        if on and on > self.today + timedelta(days=730):
            raise forms.ValidationError("Choose a day within two years.")
        return on
