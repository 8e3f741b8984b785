"""The screening page of a clinician: answer, finding, what it means for the day; and when each wait is over."""

from dataclasses import dataclass, field
from datetime import date

from django.urls import reverse

from clinic.models import Membership
from clinic.roles import Role
from clinic.templatetags.clinic_ui import date_words, date_year, day, days_old, weekday_day
from patients.models import HistoryAnswer, Patient
from treatments import facts as rows
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.pages.protocol import why
from treatments.pages.waits import waits_drawn
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import Rule
from treatments.protocol.facts import Answer as GivenAnswer
from treatments.protocol.facts import PatientFacts
from treatments.protocol.screening import PERMITS, Finding, Screening, screen
from treatments.protocol.wording import because_words, binding_sentence, change_words, finding_sentence, label_words
from treatments.rules.policy import rules_of

# outcome -> hue of the banner, glyph
BANNERS = {
    "block": ("stop", "s-block"),
    "defer": ("stop", "s-defer"),
    "needs_clinician": ("who", "s-who"),
    "ask": ("ask", "s-ask"),
    "caution": ("ask", "s-caution"),
    "clear": ("go", "s-clear"),
}
VALUES = dict(HistoryAnswer.Value.choices)
# More open questions of one form than this are one line.
LISTED_ONE_BY_ONE = 4
# Beside the answer that counts at most so many others are shown.
MOST_ANSWERS_BESIDE = 3

# What takes a finding away, for somebody who may not lift it.
ENDS = {
    "prescriber": "A prescriber may lift it.",
    "clinician": "It ends on its date.",
    "nobody": "Nobody can lift it.",
    "new_answer": "It ends with a new answer.",
    "end_date": "It ends with the day it was over.",
    "time": "It ends on its date.",
    "closing": "It ends when a clinician closes the reaction.",
    "not_needed": "It stops nothing.",
}


@dataclass
class Row:
    """One line of the table: what was answered, what it raises, what that means for the day."""

    code: str
    said: str
    asked: str
    age: str = ""
    expired: bool = False
    differs: bool = False
    # Other answers to the same question, newest first, where they are not the one that counts.
    against: list[str] = field(default_factory=list)
    state: str = "plain"
    chip: str = ""
    means: str = ""
    because: str = ""
    binding: bool = False
    why_label: str = ""
    why: dict = field(default_factory=dict)
    lift: bool = False
    ask_form: str = ""

    ask_words: str = "Ask again"


@dataclass
class Page:
    """Everything the clinician's screening page shows for one day."""

    screening: Screening
    headline: str
    lead: str
    hue: str
    glyph: str
    rows: list[Row]
    quiet: list[Row]
    changes: list[dict]
    liftable: list[tuple[str, str]]
    timeline: dict | None


def next_day(patient: Patient, today: date) -> date:
    """The day of the next treatment, else today: what one opens the screening for."""
    coming = patient.appointments.filter(
        status__in=COMING + PRESENT, kind=Appointment.Kind.TREATMENT, day__gte=today
    ).order_by("day")
    return coming.values_list("day", flat=True).first() or today


def visit_to_open(patient: Patient, screening: Screening, today: date) -> Appointment | None:
    """The visit whose session may begin now: she is here, and today's verdict permits it."""
    if screening.on != today or screening.purpose != "session" or not PERMITS[screening.outcome].open_session:
        return None
    return patient.appointments.filter(status__in=PRESENT, kind=Appointment.Kind.TREATMENT, day=today).first()


def onward(patient: Patient, screening: Screening, plan: TreatmentPlan | None) -> dict | None:
    """Where a look for a booking leads that permits a course: to `plan`, hers until now, or to a new one."""
    if screening.purpose != "booking" or not PERMITS[screening.outcome].activate:
        return None
    if plan is None or plan.has_ended:
        return {"url": reverse("treatments:plan_new", args=[patient.ref]), "label": "Plan a course"}
    return {"url": reverse("treatments:course", args=[plan.ref]), "label": "Open the course"}


def clinician_page(patient: Patient, *, on: date, purpose: str, today: date, membership: Membership) -> Page:
    """Screen for `on` with what is known today, and say it in full. Writes nothing."""
    rules = rules_of(patient.clinic)
    catalogue = rules.on(on)
    known = rows.patient_facts(patient, on=min(on, today), catalogue=catalogue)
    screening = screen(known, on=on, purpose=purpose, catalogue=catalogue, ahead=rules.ahead(on))
    teller = _Teller(known, screening, rows.answer_history(patient), catalogue, today)
    hue, glyph = BANNERS[screening.outcome]
    return Page(
        screening=screening,
        headline=teller.headline(),
        lead=teller.lead(),
        hue=hue,
        glyph=glyph,
        rows=teller.rows(),
        quiet=teller.quiet(),
        changes=teller.changes(),
        liftable=liftable(screening, membership, catalogue),
        timeline=teller.timeline(),
    )


def liftable(screening: Screening, membership: Membership, catalogue: Catalogue) -> list[tuple[str, str]]:
    """Code and label of the raised findings that this member may lift by a clearance."""
    return [
        (finding.code, catalogue.rule(finding.code).label)
        for finding in screening.findings
        if not finding.cleared_until and may_lift(finding, membership, catalogue)
    ]


def not_liftable(screening: Screening, membership: Membership, catalogue: Catalogue) -> list[dict]:
    """The raised findings that she may not lift, and what takes each away."""
    offered = {code for code, _ in liftable(screening, membership, catalogue)}
    return [
        {"label": catalogue.rule(finding.code).label, "ends": ENDS[catalogue.rule(finding.code).lifted_by]}
        for finding in screening.findings
        if finding.category != "CAU" and finding.code not in offered
    ]


def may_lift(finding: Finding, membership: Membership, catalogue: Catalogue) -> bool:
    """A prescriber lifts a whole rule; a clinician only what waits for a clinician."""
    lifted_by = catalogue.rule(finding.code).lifted_by
    if lifted_by == "prescriber":
        return membership.has(Role.PRESCRIBER)
    return lifted_by == "clinician" and finding.category == "REL" and membership.has(Role.CLINICIAN)


class _Teller:
    """Says one screening in words."""

    def __init__(
        self, facts: PatientFacts, screening: Screening, history: dict, catalogue: Catalogue, today: date
    ) -> None:
        self.facts, self.screening, self.history = facts, screening, history
        self.catalogue, self.today = catalogue, today

    def headline(self) -> str:
        screening = self.screening
        if sentence := binding_sentence(screening, self.facts, self.catalogue):
            return sentence
        first = label_words(screening.findings[0].code, self.catalogue) if screening.findings else ""
        return {
            "block": f"No treatment: {first}",
            "defer": f"Not on {day(screening.on)}",
            "needs_clinician": f"{self._decider()}: {first}",
            "ask": f"Ask first: {_counted(len(screening.missing), 'question is', 'questions are')} open",
            "caution": f"May go ahead on {day(screening.on)}, with care",
            "clear": f"Clear for {day(screening.on)}: nothing stands in the way",
        }[screening.outcome]

    def lead(self) -> str:
        screening, named = self.screening, weekday_day(self.screening.on)
        if screening.outcome == "block" and screening.earliest_on is None:
            return f"{named} is not possible, and no later day is known yet."
        if screening.earliest_on and screening.earliest_on > screening.on:
            short = (screening.earliest_on - screening.on).days
            return f"{named} is {_counted(short, 'day', 'days')} too soon."
        return {
            "needs_clinician": f"Until somebody has decided, {named} can be held but not booked.",
            "ask": f"{named} may be booked, but no session begins before these are answered.",
            "caution": "Read what changes below before you begin.",
            "clear": f"{self.count_quiet()} raise nothing.",
        }.get(screening.outcome, "")

    def count_quiet(self) -> str:
        return _counted(len(self._quiet_codes()), "answer", "answers")

    def rows(self) -> list[Row]:
        found = {finding.code: self._finding(finding) for finding in self.screening.findings}
        asked = self._asked([code for code in self.screening.missing if code not in found])
        cautions = [f.code for f in self.screening.findings if f.category == "CAU"]
        harder = [row for code, row in found.items() if code not in cautions]
        ordered = [*harder, *asked, *(found[code] for code in cautions)]
        return sorted(ordered, key=lambda row: not row.binding)

    def _asked(self, codes: list[str]) -> list[Row]:
        """The open questions, each on its line; of a form with many open ones a single line, or they bury the findings."""
        listed = []
        for form in ("day", "full"):
            here = [code for code in codes if self._form_of(code) == form]
            listed += (
                [self._missing(code) for code in here] if len(here) <= LISTED_ONE_BY_ONE else [self._many(form, here)]
            )
        return [*(self._missing(code) for code in codes if self._form_of(code) not in ("day", "full")), *listed]

    def _form_of(self, code: str) -> str:
        return self.catalogue.rule(code).form if code in self.catalogue.rules_by_code else "assess"

    def _many(self, form: str, codes: list[str]) -> Row:
        ages = [a.answered_on for code in codes if (a := self.facts.answers.get(code)) and a.answered_on]
        of = {"day": "Of the day of the session", "full": "Of the full form"}[form]
        row = Row(code=f"many-{form}", said=f"{len(codes)} questions", asked=of, state="ask", chip="Ask", ask_form=form)
        if ages:
            row.age, row.expired = days_old((self.today - max(ages)).days), True
        row.means = "Too old to count" if len(ages) == len(codes) else "Not answered yet"
        row.because = {"day": "Asked on the day itself, or the day before.", "full": "Unknown is not no."}[form]
        row.ask_words = "Ask them"
        return row

    def quiet(self) -> list[Row]:
        return [self._answer_row(code) for code in self._quiet_codes()]

    def changes(self) -> list[dict]:
        return [
            {
                "parameter": change.parameter,
                "words": change_words(change.to_json()),
                "because": because_words(change.because, self.catalogue),
            }
            for change in self.screening.changes
        ]

    def _quiet_codes(self) -> list[str]:
        loud = {finding.code for finding in self.screening.findings} | set(self.screening.missing)
        return [rule.code for rule in self.catalogue.rules if rule.code in self.facts.answers and rule.code not in loud]

    def _decider(self) -> str:
        needed = [f.code for f in self.screening.findings if f.category == "REL"]
        prescriber = any(self.catalogue.rule(code).lifted_by == "prescriber" for code in needed)
        return "A prescriber decides" if prescriber else "A clinician decides"

    def _answer_row(self, code: str) -> Row:
        rule, answer = self.catalogue.rule(code), self.facts.answers.get(code)
        if answer is None:
            return Row(code=code, said=self._computed_fact(rule), asked=rule.label)
        given = self.history.get(code) or []
        newest = given[0] if given else None
        age = (self.today - answer.answered_on).days if answer.answered_on else None
        return Row(
            code=code,
            said=self._said(rule, answer, newest),
            asked=rule.question,
            age=days_old(age),
            # What counts is not what was said last: an earlier yes stands, and the clinician is told.
            differs=bool(newest and newest.value != answer.value),
            against=self._against(answer, given),
        )

    def _against(self, answer: GivenAnswer, given: list[HistoryAnswer]) -> list[str]:
        """What else was said to this question since the answer that counts, and where that one is from."""
        if not given or given[0].value == answer.value:
            return []
        standing = next((row for row in given if row.value == answer.value), None)
        later = given if standing is None else given[: given.index(standing)]
        said = dict.fromkeys(f"{VALUES[row.value]}, {date_year(row.answered_on)}" for row in later)
        from_list = ["the medicine list says yes"] if standing is None else []
        return [*list(said)[:MOST_ANSWERS_BESIDE], *from_list]

    def _said(self, rule: Rule, answer: GivenAnswer, newest: HistoryAnswer | None) -> str:
        parts = [VALUES[answer.value]]
        if answer.detail and answer.value == "yes":
            parts.append(rule.details[answer.detail].label)
        if newest and newest.note and newest.value == answer.value:
            parts.append(newest.note)
        if answer.on:
            parts.append(date_year(answer.on))
        return ", ".join(parts)

    def _computed_fact(self, rule: Rule) -> str:
        if rule.code.startswith("age_"):
            return f"Born {date_year(self.facts.born_on)}"
        if rule.code == "interval_floor" and self.facts.sessions:
            return f"Last session {date_year(max(done.on for done in self.facts.sessions))}"
        if rule.code.startswith("adverse_event"):
            return "Reaction on record"
        return "From the assessment"

    def _finding(self, finding: Finding) -> Row:
        rule, row = self.catalogue.rule(finding.code), self._answer_row(finding.code)
        row.binding = finding.code == self.screening.binding
        row.state, row.chip = _chip(finding, rule)
        row.means = _means(finding, rule)
        row.because = self._because(finding)
        row.why, row.why_label = why.of_rule(rule, self.catalogue), _why_label(finding, rule, self.facts)
        row.lift = rule.takes_clearance and not finding.cleared_until
        if finding.code in self.screening.missing:
            row.expired, row.ask_form = True, rule.form
            if not row.binding and finding.category not in ("ABS", "TMP"):
                row.state, row.chip = "ask", "Ask"
        elif rule.lifted_by == "new_answer":
            row.ask_form = rule.form
        return row

    def _because(self, finding: Finding) -> str:
        """The reason under the date; where there is no date, what to do."""
        if finding.earliest_on is None:
            return finding.advice
        _, _, reason = finding_sentence(finding, self.facts, self.catalogue, on=self.screening.on).partition(": ")
        return f"{reason[:1].upper()}{reason[1:]}."

    def _missing(self, code: str) -> Row:
        if code not in self.catalogue.rules_by_code:
            return Row(
                code=code, said="Not known", asked="Skin type", state="ask", chip="Ask",
                means="Counts as type IV to VI until assessed", because="The stricter value of every rule holds.", ask_form="assess",
            )  # fmt: skip
        rule = self.catalogue.rule(code)
        answered = code in self.facts.answers
        row = self._answer_row(code) if answered else Row(code=code, said="Not answered", asked=rule.question)
        row.expired, row.state, row.chip, row.ask_form = answered, "ask", "Ask", rule.form
        row.means, row.ask_words = ("Too old to count", "Ask again") if answered else ("Not asked yet", "Ask it")
        row.because = (
            "Unknown is not no: ask before this day." if rule.form != "day" else "Asked on the day of the session."
        )
        row.why, row.why_label = why.of_rule(rule, self.catalogue), "Why ask?"
        return row

    def timeline(self) -> dict | None:
        """Geometry of the waits, in a box 1156 wide: hatched until each is over, pale from then on."""
        waits = [
            (finding, finding.earliest_on)
            for finding in self.screening.findings
            if finding.earliest_on and finding.earliest_on > self.today
        ]
        if not waits:
            return None
        last = max([self.screening.on, *(ends for _, ends in waits)])
        return waits_drawn(
            [
                (self.catalogue.rule(finding.code).label, ends, finding.date_assumed or finding.category == "CAU")
                for finding, ends in waits
            ],
            first=self.today,
            last=last,
            asked=self.screening.on,
            free=self.screening.earliest_on,
        )


def _chip(finding: Finding, rule: Rule) -> tuple[str, str]:
    if finding.cleared_until:
        return "caution", "Lifted"
    if finding.category == "REL":
        return "needs_clinician", "Needs a prescriber" if rule.lifted_by == "prescriber" else "Needs a clinician"
    if finding.category == "CAU":
        return "caution", "Caution"
    return ("defer", "Not before") if finding.earliest_on else ("block", "Blocked")


def _means(finding: Finding, rule: Rule) -> str:
    if finding.cleared_until:
        return f"May go ahead: lifted until {date_words(finding.cleared_until)}"
    if finding.category == "CAU":
        return "May go ahead"
    if finding.earliest_on:
        return weekday_day(finding.earliest_on)
    return {
        "prescriber": "A prescriber decides",
        "clinician": "A clinician decides",
        "new_answer": "Not until it is over",
        "end_date": "Not until it is over",
        "closing": "Not until a clinician has closed it",
    }.get(rule.lifted_by, "Not possible")


def _why_label(finding: Finding, rule: Rule, facts: PatientFacts) -> str:
    answer = facts.answers.get(finding.code)
    if finding.earliest_on and answer and answer.on and finding.earliest_on > answer.on:
        return f"Why {_counted((finding.earliest_on - answer.on).days, 'day', 'days')}?"
    return "Why?"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
