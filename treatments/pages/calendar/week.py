"""Several days at once: who comes when, read in three queries whatever the clinic holds.

The browser gets a visit as a short row under common `columns`, times as wall times. Verdicts are not worked out here: only
what is stored is said (the state of a visit, that questions are open, that her last screening refuses the day).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Case, CharField, F, Func, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Clinic, ClinicNow
from clinic.templatetags.clinic_ui import STATES
from treatments.appointments.models import COMING, Appointment
from treatments.appointments.working_time import Away, Hours, at_work, opening, people, weekly_hours
from treatments.pages.calendar.absent import absent, absent_shown, away_of
from treatments.pages.calendar.events import glyph_url
from treatments.pages.today.day import MIDNIGHT, USUAL_FROM, USUAL_TO, minute_of, time_of
from treatments.pages.today.day_visits import STORED
from treatments.pages.today.verdicts import newest_screening
from treatments.rules.words import verdict_words
from treatments.scheduling.free_time import Stretch, without

MOST_DAYS = 42
FIRST_YEAR, LAST_YEAR = 2000, 2199
COLUMNS = ("id", "start", "prep", "minutes", "name", "session", "kind", "status", "who", "room", "asks", "refused")
REFUSALS = ("block", "defer")
# What the turn of an outlook says that a day has reached. Worked out in the database: of many turns one word is needed.
REFUSAL_IN_SQL = """(
    SELECT CASE WHEN turn ->> 'outcome' IN ('block', 'defer') THEN coalesce(turn ->> 'earliest_on', turn ->> 'outcome') ELSE '' END
    FROM (SELECT jsonb_path_query_array(%(expressions)s)) -> -1 AS turn OFFSET 0) AS reached
)"""


@dataclass(frozen=True)
class Asked:
    """Days from `first` to `last`, both included, of one clinician or one room (by ref), or of everybody."""

    first: date
    last: date
    who: UUID | None = None
    room: UUID | None = None

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


@dataclass(frozen=True)
class Standing:
    """What one query says of the clinic: now, what the database has committed, who is away in these days."""

    now: datetime
    tag: str
    away: Away


def standing(clinic: Clinic, asked: Asked) -> Standing:
    """One query."""
    begin, end = clock.day_bounds(asked.first, clinic.tz)[0], clock.day_bounds(asked.last, clinic.tz)[1]
    found = (
        Clinic.objects.filter(pk=clinic.pk)
        .values_list("pk")
        .annotate(
            now=ClinicNow(),
            snapshot=Cast(Func(function="pg_current_snapshot", output_field=TextField()), TextField()),
            away=absent_shown(absent().filter(during__overlap=(begin, end))),
        )
        .get()
    )
    _, now, snapshot, rows = found
    said = f"{clinic.pk} {snapshot} {now.astimezone(clinic.tz).date()}"
    return Standing(now, hashlib.sha256(said.encode()).hexdigest()[:16], away_of(rows, begin))


def week_events(clinic: Clinic, asked: Asked, stands: Standing) -> dict:
    """Everything that is drawn of these days, ready for JSON. Two queries."""
    rows = [_worded(row) if row[-1] else row for row in visits_between(clinic, asked)]
    hours = weekly_hours(clinic, asked.first, asked.last)
    working = _working(clinic, asked, hours, stands.away)
    opens, closes = _frame(rows, working, clinic)
    return {
        "today": stands.now.astimezone(clinic.tz).date().isoformat(),
        "opens": opens,
        "closes": closes,
        "days": [{"day": on.isoformat(), "note": _note(on, asked, working, stands.away, clinic)} for on in asked.days],
        "columns": COLUMNS,
        "states": STORED,
        "refusals": {state: [STATES[state][0], glyph_url(STATES[state][1])] for state in REFUSALS},
        "kinds": dict(Appointment.Kind.choices),
        "moves": COMING,
        "visits": rows,
        "off": [] if asked.room else _off(asked, working, (opens, closes), clinic),
    }


def visits_between(clinic: Clinic, asked: Asked):
    """Rows of `COLUMNS`, by time. The database writes them out: half of what this costs would else be Python's dates and refs."""
    rows = Appointment.objects.filter(clinic=clinic, day__range=(asked.first, asked.last))
    if asked.who:
        rows = rows.filter(clinician__ref=asked.who)
    if asked.room:
        rows = rows.filter(room__ref=asked.room)
    return rows.order_by("day", "starts_at", "id").values_list(
        Cast("ref", TextField()),
        Func(
            F("day"), F("starts_at"), template="to_char(%(expressions)s, 'YYYY-MM-DD\"T\"HH24:MI:SS')", arg_joiner=" + ",
            output_field=CharField(),
        ),
        "prep_minutes",
        F("prep_minutes") + F("treat_minutes"),
        Concat("patient__given_name", Value(" "), "patient__family_name"),
        Func(
            F("planned_session__number"), F("planned_session__plan__sessions_planned"), template="%(expressions)s",
            arg_joiner=" || '/' || ", output_field=CharField(),
        ),
        "kind",
        "status",
        Coalesce("clinician__user__full_name", Value("")),
        Coalesce("room__short_name", Value("")),
        "to_ask",
        _refused(),
    )  # fmt: skip


def _refused() -> Case:
    """What the newest stored screening says against the day of a visit to come: a day before which not, "block", "defer";
    empty where nothing. As `verdicts.verdict_of` reads it, but in the database."""
    said = Func(
        F("result__outlook"),
        Cast(OuterRef("day"), TextField()),
        template=REFUSAL_IN_SQL,
        arg_joiner=", '$[*] ? (@.on <= $day)', jsonb_build_object('day', ",
        output_field=TextField(),
    )
    newest = Subquery(newest_screening().annotate(said=said).values("said")[:1])
    return Case(
        When(
            kind=Appointment.Kind.TREATMENT,
            status__in=COMING,
            planned_session__plan__status="active",
            then=Coalesce(newest, Value("")),
        ),
        default=Value(""),
        output_field=TextField(),
    )


def _worded(row: tuple) -> tuple:
    """The refusal as its state and its words: "not before 29 Nov"."""
    said, on = row[-1], date.fromisoformat(row[1][:10])
    earliest_on = None if said in REFUSALS else date.fromisoformat(said)
    state = "defer" if earliest_on else said
    words = verdict_words(state, earliest_on, near=on)
    return (*row[:-1], [state, words[:1].lower() + words[1:]])


def _working(clinic: Clinic, asked: Asked, hours: Hours, away: Away) -> list[Stretch]:
    """When the one who is shown works, or when the house is open."""
    person = next((one for one in people(hours) if one.ref == asked.who), None)
    if asked.who:
        return at_work(person.pk, hours, away, asked.first, asked.last, clinic) if person else []
    return opening(hours, away, asked.first, asked.last, clinic.tz)


def _note(on: date, asked: Asked, working: Iterable[Stretch], away: Away, clinic: Clinic) -> str:
    begin, end = clock.day_bounds(on, clinic.tz)
    if any(stretch.start < end and begin < stretch.end for stretch in working):
        return ""
    if any(stretch.start < end and begin < stretch.end for stretch in away.get(None, ())):
        return "closed"
    return "not in" if asked.who else "closed"


def _off(asked: Asked, working: list[Stretch], frame: tuple[int, int], clinic: Clinic) -> list[dict]:
    """What is not worked of each day, as wall times."""
    found = []
    for on in asked.days:
        begin, end = clock.day_bounds(on, clinic.tz)
        for stretch in without([Stretch(begin, end)], working):
            first, last = _minute(stretch.start, on, clinic), _minute(stretch.end, on, clinic)
            first, last = max(first, frame[0]), min(last, frame[1])
            if first < last:
                found.append({"start": _wall(on, first), "end": _wall(on, last), "words": "", "lane": ""})
    return found


def _frame(rows: list[tuple], working: Iterable[Stretch], clinic: Clinic) -> tuple[int, int]:
    """From when to when the days are drawn, in minutes: from a full hour to a full hour, all that is worked, every visit."""
    begins = [60 * int(row[1][11:13]) for row in rows]
    ends = [60 * int(row[1][11:13]) + int(row[1][14:16]) + row[3] for row in rows]
    for stretch in working:
        begins.append(minute_of(stretch.start.astimezone(clinic.tz).time()))
        ends.append(minute_of(stretch.end.astimezone(clinic.tz).time()) or MIDNIGHT)
    opens = min(begins, default=USUAL_FROM) // 60 * 60
    return opens, max(min(-(-max(ends, default=USUAL_TO) // 60) * 60, MIDNIGHT), opens + 60)


def _minute(moment: datetime, on: date, clinic: Clinic) -> int:
    wall = moment.astimezone(clinic.tz)
    return minute_of(wall.time()) if wall.date() == on else 0 if wall.date() < on else MIDNIGHT


def _wall(on: date, minute: int) -> str:
    return f"{on.isoformat()}T{time_of(min(minute, MIDNIGHT - 1)):%H:%M:%S}"


def asked_days(first: str, last: str) -> tuple[date, date]:
    """From the words of an address. Raises DomainError with a sentence."""
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise DomainError("Say from which day to which, as 2027-03-08.") from None
    if end < begin:
        raise DomainError("The last day comes before the first.")
    if (end - begin).days >= MOST_DAYS:
        raise DomainError(f"Ask for {MOST_DAYS} days at most: that is six weeks.")
    if begin.year < FIRST_YEAR or end.year > LAST_YEAR:
        raise DomainError(f"Choose days between {FIRST_YEAR} and {LAST_YEAR}.")
    return begin, end


# ── The same as a list, for telephones and where no script runs ───────────────


@dataclass(frozen=True)
class Line:
    """A visit as a row of the list."""

    starts: str
    name: str
    what: str
    who: str
    room: str
    state: str
    url: str
    is_gone: bool


def lines_by_day(events: dict) -> list[tuple[date, str, list[Line]]]:
    """Each day with its note and its visits, out of what the browser gets: both say the same."""
    of_day: dict[str, list[Line]] = {shown["day"]: [] for shown in events["days"]}
    for values in events["visits"]:
        row = dict(zip(COLUMNS, values, strict=True))
        on = row["start"][:10]
        shape, words = STORED[row["status"]]
        of_day[on].append(
            Line(
                starts=row["start"][11:16],
                name=row["name"],
                what=f"Session {row['session'].replace('/', ' of ')}"
                if row["session"]
                else events["kinds"][row["kind"]],
                who=row["who"] or "nobody yet",
                room=row["room"] or "no room yet",
                state=_state_words(row, words),
                url=visit_url(on, row["id"]),
                is_gone=shape == "gone",
            )
        )
    return [(date.fromisoformat(shown["day"]), shown["note"], of_day[shown["day"]]) for shown in events["days"]]


def _state_words(row: dict, words: str) -> str:
    if row["refused"]:
        return f"{words}, {row['refused'][1]}"
    return f"{words}, to ask" if row["asks"] and row["status"] in COMING else words


def visit_url(on: str, ref: str) -> str:
    return f"{reverse('treatments:today')}?day={on}&visit={ref}"
