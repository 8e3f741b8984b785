"""One visit as the day shows it: its shape, its words, and what the desk may know of its screening.

The calendar, the list and the sheet on paper all say what stands here.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache, lru_cache

from django.db.models import DateField, F, IntegerField, Q

from clinic.models import Clinic
from clinic.statements import Given, Statement
from clinic.templatetags.clinic_ui import STATES, icon, initial_surname
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.pages.today.lost_places import place_read
from treatments.pages.today.verdicts import GONE, Verdict, verdict_of, with_screening

# Shorter than this there is one line of text; a struck visit needs no more room than that.
ONE_LINE_MINUTES = 20
TITLES = ("Dr", "Mr", "Ms", "Mrs")
# State of a visit -> its shape, and its words where nothing else of it is read.
STORED = {
    "booked": ("unconfirmed", "not confirmed"),
    "confirmed": ("", "confirmed"),
    "arrived": ("here", "arrived"),
    "numbing": ("live", "numbing"),
    "in_room": ("inroom", "in room"),
    "done": ("done", "done"),
    "cancelled": ("gone", "cancelled"),
    "no_show": ("gone", "did not come"),
}
# What stands on a visit whose clinician, room or device is not there any more.
NOT_POSSIBLE = "Not possible"
# What no page of a day shows: of two hundred visits, ranges of moments alone take as long to read as all the rest.
NOT_SHOWN = ("zone", "fold", "room_during", "clinician_during", "device", "session_counts", "booked_by")
NOT_SHOWN_OF_PATIENT = (
    "search_keys", "contact_asked_at", "contact_asked_by", "registered_at", "registered_by", "name_key", "version",
    "facts_version",
)  # fmt: skip
# Stands for how many minutes it has been, where the page counts them.
MINUTES = "#"


@dataclass
class Visit:
    """One visit as the day shows it: when, in which shape, in which words."""

    row: Appointment
    verdict: Verdict | None
    starts: time
    minutes: int
    name: str
    # Where two share a lane.
    short_name: str
    words: str
    short_words: str
    # The same as `words`, but for the minutes that the page counts itself: they stand as MINUTES.
    counting_words: str
    state_words: str
    what: str
    who: str
    where: str
    tag: str
    shape: str
    is_split: bool
    is_gone: bool
    # Hue and name of the glyph before the words; empty where none stands there.
    glyph: tuple[str, str] = ("", "")
    spoken: str = ""
    # Why a visit still to come cannot be as it stands: "Room 2 is out of service".
    why_not: str = ""
    chip_hue: str = ""
    chip_icon: str = ""
    is_chosen: bool = False

    @property
    def first_minute(self) -> int:
        return self.starts.hour * 60 + self.starts.minute

    @property
    def last_minute(self) -> int:
        return self.first_minute + self.minutes

    @property
    def booked_minutes(self) -> int:
        """Of a struck one too, which is drawn shorter."""
        return self.row.prep_minutes + self.row.treat_minutes

    def meets(self, other: "Visit") -> bool:
        return self.first_minute < other.last_minute and other.first_minute < self.last_minute

    @property
    def is_coming(self) -> bool:
        return self.row.status in COMING

    @property
    def is_open(self) -> bool:
        """Still to be treated: whatever is open about her matters."""
        return self.row.status in (*COMING, "arrived", "numbing")


def visits_of(clinic: Clinic, day: date) -> list[Appointment]:
    """Every visit of a day, cancelled and missed ones too, with all that the page shows of it. One query.

    Of the course only two numbers, of the clinician only the name: whole rows of plans are a hundred times as much.
    """
    return _of_a_day().rows(clinic=clinic.pk, day=day)


@cache
def _of_a_day() -> Statement:
    rows = Appointment.objects.filter(clinic=Given("clinic", IntegerField()), day=Given("day", DateField()))
    rows = rows.select_related("patient").annotate(
        number=F("planned_session__number"),
        of_sessions=F("planned_session__plan__sessions_planned"),
        clinician_ref=F("clinician__ref"),
        clinician_name=F("clinician__user__full_name"),
        clinician_title=F("clinician__title"),
        room_name=F("room__name"),
        room_short=F("room__short_name"),
        **place_read(Q(status__in=COMING)),
    )
    rows = rows.defer(*NOT_SHOWN, *(f"patient__{name}" for name in NOT_SHOWN_OF_PATIENT))
    return Statement(with_screening(rows).order_by("during", "id"))


def shown(
    row: Appointment,
    *,
    clinic: Clinic,
    now: datetime,
    today: date,
    by: str,
    chosen: Appointment | None,
    why_not: str = "",
) -> Visit:
    """A row of `visits_of` in its shape and words. `by` clinicians or rooms: a lane's own name is not repeated in it.
    `why_not`: why the visit cannot be as it stands; the row keeps it for the card."""
    row.clinic = clinic  # the same object: its zone is asked for again and again
    row.why_not = why_not
    verdict = verdict_of(row, today=today)
    minutes = row.prep_minutes + row.treat_minutes
    tag = initials(row.clinician_name) if by == "rooms" else row.room_short or ""
    words, short_words = _words(row, verdict, now, tag)
    is_gone = row.status in GONE
    chip_hue, chip, _ = STATES[verdict.state] if verdict else ("", "", "")
    hue, glyph = STATES["block"][:2] if why_not else (chip_hue, chip)
    return Visit(
        row=row,
        verdict=verdict,
        starts=row.starts_at,
        minutes=min(minutes, ONE_LINE_MINUTES) if is_gone else minutes,
        name=row.patient.full_name,
        short_name=initial_surname(row.patient.full_name),
        words=words,
        short_words=short_words,
        counting_words=_words(row, verdict, None, tag)[0] if row.status == "numbing" else words,
        state_words=_list_words(row, now),
        what=f"Session {row.number} of {row.of_sessions}" if row.number else row.get_kind_display(),
        who=row.clinician_name or "nobody yet",
        where=row.room_name or "no room yet",
        tag=tag,
        shape=_shape(row, verdict),
        is_split=bool(row.prep_minutes) and not is_gone,
        is_gone=is_gone,
        glyph=("", "check") if row.status == "done" else ("", "") if row.status == "in_room" else (hue, glyph),
        spoken=_spoken(row, verdict),
        why_not=why_not,
        chip_hue=chip_hue,
        chip_icon=_icon(chip) if verdict else "",
        is_chosen=chosen is not None and chosen.pk == row.pk,
    )


@lru_cache(maxsize=64)
def _icon(name: str, classes: str = "") -> str:
    """The same few glyphs, drawn hundreds of times a day."""
    return icon(name, classes)


def initials(name: str | None) -> str:
    return "".join(part[0] for part in (name or "").split() if part not in TITLES)


def _spoken(row: Appointment, verdict: Verdict | None) -> str:
    said = f"{row.why_not}, " if row.why_not else ""
    return f"{said}{verdict.label.lower()}, " if verdict and row.status != "done" else said


def _shape(row: Appointment, verdict: Verdict | None) -> str:
    refused = verdict is not None and verdict.refuses and row.status in COMING
    return "held" if refused or row.why_not else STORED.get(row.status, ("", ""))[0]


# Two share a lane: only this much fits under a name. Everything is said to who listens, and stands in the list.
SHORT_STATES = {"in_room": "In room", "done": "done", "cancelled": "cancelled", "no_show": "missed"}
SHORT_KINDS = {Appointment.Kind.CONSULTATION: "Consult"}


def _words(row: Appointment, verdict: Verdict | None, now: datetime | None, tag: str) -> tuple[str, str]:
    """What stands under the name, and what of it where two share a lane. Without `now` minutes are not counted."""
    number, kind = _number(row), row.get_kind_display()
    short = SHORT_STATES.get(row.status) or number or SHORT_KINDS.get(row.kind, kind)
    if row.status in GONE:
        return f"cancelled {_clock(row.closed_at, row)}" if row.status == "cancelled" else "did not come", short
    state = _state(row, verdict, now)
    if row.status == "in_room":
        return state, short
    if not number:
        plain = f"{kind} · {tag}" if tag else kind
        return (f"{kind} · {state}" if row.status in PRESENT or row.why_not else plain), short
    return (f"{number} · {state}" if state else number), short


def _state(row: Appointment, verdict: Verdict | None, now: datetime | None) -> str:
    if row.status == "done":
        return f"done {_clock(row.done_at, row)}"
    if row.status == "in_room":
        return f"In room since {_clock(row.in_room_at, row)}"
    if row.status == "numbing":
        since = max(0, int((now - row.numbing_at).total_seconds() // 60)) if now else MINUTES
        is_ready = now is not None and since >= row.prep_minutes
        return f"{'ready,' if is_ready else 'numbing'} {since} of {row.prep_minutes} min"
    if row.status == "arrived":
        return "arrived, to ask" if verdict and verdict.state == "ask" else f"arrived {_clock(row.arrived_at, row)}"
    if row.why_not:
        return NOT_POSSIBLE.lower()
    if verdict and verdict.state in ("block", "defer", "needs_clinician", "ask"):
        label = verdict.label
        return label[:1].lower() + label[1:] if verdict.state != "ask" else "to ask"
    return "confirmed" if row.status == "confirmed" else "not confirmed"


def _number(row: Appointment) -> str:
    return f"{row.number}/{row.of_sessions}" if row.number else ""


def _list_words(row: Appointment, now: datetime) -> str:
    """The state of a visit in a row of its own, where the verdict stands beside it."""
    if row.status in GONE:
        return f"{'Cancelled' if row.status == 'cancelled' else 'Did not come'}, {_clock(row.closed_at, row)}"
    if row.why_not:
        return f"{NOT_POSSIBLE}: {row.why_not}"
    said = _state(row, None, now)
    return said[:1].upper() + said[1:]


def _clock(moment: datetime | None, row: Appointment) -> str:
    return f"{moment.astimezone(row.clinic.tz):%H:%M}" if moment else ""
