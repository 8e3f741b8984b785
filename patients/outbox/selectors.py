"""What the Messages page reads: one query for the balance, one for the pulse, one for each group, whatever the day holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from functools import reduce
from operator import and_

from django.db.models import Aggregate, Count, DurationField, F, Q, QuerySet
from django.db.models.functions import Coalesce

from clinic import clock
from clinic.models import Clinic
from patients.models.people import Patient
from patients.outbox import kinds, ledger, wording
from patients.outbox.models import DID_NOT_GO, IN_DOUBT, OPEN, WENT, Message, State
from patients.search import keys_for

LATE = timedelta(minutes=15)
BAR_WIDTH = 1154
SHOWN_IN_ALL, SHOWN_ALONE = 20, 300
# Doubts older than this are the day's on which they stand; the pulse says how sending goes now.
PULSE_LOOKS_BACK = timedelta(days=31)
SHOWN_ON_THE_WAY = 5
GROUPS = ("person", "will", "not", "went")
# Which groups a tab shows.
TABS = {"": GROUPS, "will": ("will",), "went": ("went",), "not": ("person", "not"), "unknown": ("person",)}


@dataclass(frozen=True)
class Balance:
    """Every message due on the day, counted once as a whole and once by what proves its fate: they must agree."""

    due: int
    went: int
    will_go: int
    did_not_go: int
    unknown: int
    late: int
    not_to_send: int

    def __add__(self, other: "Balance") -> "Balance":
        return Balance(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    @property
    def unaccounted(self) -> int:
        return self.due - self.went - self.will_go - self.did_not_go - self.unknown

    @property
    def adds_up(self) -> bool:
        return self.unaccounted == 0

    @property
    def bar(self) -> list[dict]:
        """Segments of the bar: class, x, width in SVG units, 2 apart."""
        parts = [("m-went", self.went), ("m-will", self.will_go), ("m-not", self.did_not_go), ("m-unk", self.unknown)]
        parts = [(name, count) for name, count in parts if count]
        room = BAR_WIDTH - 2 - 2 * (len(parts) - 1)
        total, x, segments = sum(count for _, count in parts), 1.0, []
        for name, count in parts:
            width = round(room * count / total, 1)
            segments.append({"name": name, "x": round(x, 1), "width": width})
            x += width + 2
        return segments


NOTHING_DUE = Balance(due=0, went=0, will_go=0, did_not_go=0, unknown=0, late=0, not_to_send=0)


@dataclass(frozen=True)
class KindBalance:
    """The same of one kind of message, in its words."""

    label: str
    balance: Balance


class Percentile(Aggregate):
    """The duration within which a `share` of the rows lies."""

    function = "percentile_cont"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


@dataclass(frozen=True)
class Pulse:
    """How sending goes: what waits, is late or in doubt now, what came to nothing within 24 hours, and how long today's
    messages took from due to gone: half of them, and 95 of 100. None: nothing has gone today."""

    due: int
    late: int
    unknown: int
    failed: int
    bounced: int
    half: timedelta | None
    most: timedelta | None

    @property
    def sentences(self) -> list[str]:
        took = "Nothing has gone yet today."
        if self.half is not None and self.most is not None:
            took = f"From due to gone today: half within {_span(self.half)}, 95 of 100 within {_span(self.most)}."
        return [
            f"Now {_number(self.due)} due, {_number(self.late)} late, {_number(self.unknown)} unknown.",
            f"In 24 hours {_number(self.failed)} failed, {_number(self.bounced)} bounced.",
            took,
        ]


def _number(count: int) -> str:
    return str(count) if count else "none"


def _span(took: timedelta) -> str:
    seconds = max(1, -(-took // timedelta(seconds=1)))
    if seconds < 100:
        return f"{seconds} s"
    return f"{-(-seconds // 60)} min" if seconds < 100 * 60 else f"{-(-seconds // 3600)} h"


@dataclass(frozen=True)
class Group:
    """Rows under one heading."""

    name: str
    title: str
    note: str
    rows: list[wording.Row]


@dataclass(frozen=True)
class DayPage:
    """Everything the page shows about one day."""

    day: date
    now: datetime
    balance: Balance
    by_kind: list[KindBalance]
    pulse: Pulse
    groups: list[Group]

    @property
    def addresses(self) -> list[str]:
        return [row.message.patient.email for group in self.groups for row in group.rows]


def day_page(*, clinic: Clinic, day: date, now: datetime, show: str = "", find: str = "") -> DayPage:
    """The messages of the clinic due on `day`. `show`: a tab; `find`: a patient or a step, as typed."""
    start, end = clock.day_bounds(day, clinic.tz)
    of_day = Message.objects.filter(clinic=clinic, send_at__gte=start, send_at__lt=end)
    by_kind = _balances(of_day, now)
    balance = _sum(by_kind.values())
    found, which = _matching(of_day, find), _which(show, now)
    counts = found.aggregate(**{name: Count("pk", filter=which[name]) for name in GROUPS})
    short = SHOWN_IN_ALL if not show and not find else SHOWN_ALONE
    # What waits for somebody is never left out for want of room: nobody would look for it.
    limits = dict.fromkeys(GROUPS, short) | {"person": SHOWN_ALONE}
    groups = [
        _group(name, found.filter(which[name]), counts[name], now, limits[name], balance, find=find)
        for name in TABS.get(show, GROUPS)
    ]
    return DayPage(
        day=day,
        now=now,
        balance=balance,
        by_kind=_in_words(by_kind),
        pulse=pulse(clinic=clinic, now=now),
        groups=[one for one in groups if one.rows],
    )


def pulse(*, clinic: Clinic, now: datetime) -> Pulse:
    """How sending goes in this clinic now, whatever day is looked at. One query."""
    today, _ = clock.day_bounds(now.astimezone(clinic.tz).date(), clinic.tz)
    waits, went_today = Q(state=State.DUE), Q(state__in=WENT, sent_at__gte=today)
    lately = Q(ended_at__gt=now - timedelta(days=1))
    found = Message.objects.filter(clinic=clinic, send_at__gt=now - PULSE_LOOKS_BACK, send_at__lte=now)
    counts = found.annotate(
        ended_at=Coalesce("closed_at", "sent_at", "send_at"), took=F("sent_at") - F("send_at")
    ).aggregate(
        due=Count("pk", filter=waits & Q(next_attempt_at__lte=now)),
        late=Count("pk", filter=waits & Q(next_attempt_at__lt=now - LATE)),
        unknown=Count("pk", filter=Q(state__in=IN_DOUBT)),
        failed=Count("pk", filter=Q(state=State.FAILED) & lately),
        bounced=Count("pk", filter=Q(state=State.BOUNCED) & lately),
        half=Percentile("took", share=0.5, filter=went_today),
        most=Percentile("took", share=0.95, filter=went_today),
    )
    return Pulse(**counts)


def left_between(
    *, clinic: Clinic, since: datetime, until: datetime, now: datetime
) -> tuple[Balance, list[wording.Row]]:
    """What was due after `since` until `until` and what became of it, and those that left last."""
    due = Message.objects.filter(clinic=clinic, send_at__gt=since, send_at__lte=until)
    last = _with_names(due.filter(state__in=WENT)).order_by("-sent_at", "-pk")[:SHOWN_ON_THE_WAY]
    return _sum(_balances(due, now).values()), [wording.row(message, now) for message in last]


def for_patient(patient: Patient, *, limit: int = 20) -> list[wording.Row]:
    """A patient's messages, newest first, for her chart."""
    now = clock.now()
    rows = _with_names(Message.objects.filter(patient=patient)).order_by("-send_at", "-pk")[:limit]
    return [wording.row(message, now) for message in rows]


def _balances(of_day: QuerySet[Message], now: datetime) -> dict[str, Balance]:
    """By kind. Each part is counted by its proof, not by exclusion: a row past its time that nobody closed falls into none."""
    counts = (
        of_day.order_by()
        .values("kind")
        .annotate(
            due=Count("pk"),
            went=Count("pk", filter=Q(state__in=WENT, sent_at__isnull=False)),
            will_go=Count("pk", filter=Q(state=State.SENDING) | Q(state__in=OPEN, expires_at__gt=now)),
            did_not_go=Count("pk", filter=Q(state__in=DID_NOT_GO)),
            unknown=Count(
                "pk", filter=Q(state__in=IN_DOUBT) & (Q(handed_off_at__isnull=False) | Q(error_class=ledger.RESTORED))
            ),
            late=Count("pk", filter=Q(state=State.DUE, next_attempt_at__lt=now - LATE)),
            not_to_send=Count("pk", filter=Q(state__in=wording.CALL_INSTEAD)),
        )
    )
    return {row.pop("kind"): Balance(**row) for row in counts}


def _sum(balances: Iterable[Balance]) -> Balance:
    return sum(balances, start=NOTHING_DUE)


def _in_words(by_kind: Mapping[str, Balance]) -> list[KindBalance]:
    """What does not add up first, then the most frequent."""
    found = [KindBalance(kinds.label(code), balance) for code, balance in by_kind.items()]
    return sorted(found, key=lambda one: (one.balance.adds_up, -one.balance.due, one.label))


def _matching(messages: QuerySet[Message], find: str) -> QuerySet[Message]:
    find = find.replace("\0", "").strip()
    if not find:
        return messages
    matches = Q(kind__in=kinds.codes_labelled(find))
    if groups := keys_for(find):
        matches |= reduce(and_, (Q(patient__search_keys__overlap=group) for group in groups))
    return messages.filter(matches)


def _which(show: str, now: datetime) -> dict[str, Q]:
    """What stands under each heading of a tab."""
    stray = Q(state__in=OPEN, expires_at__lte=now)
    person = {
        "unknown": Q(state__in=IN_DOUBT),
        "not": Q(state__in=wording.CALL_INSTEAD),
    }.get(show, Q(state__in=(*IN_DOUBT, *wording.CALL_INSTEAD)) | stray)
    return {
        "person": person,
        "will": Q(state__in=(*OPEN, State.SENDING)) & ~stray,
        "not": Q(state__in=wording.STRUCK),
        "went": Q(state__in=WENT),
    }


def _group(
    name: str, found: QuerySet[Message], count: int, now: datetime, limit: int, balance: Balance, *, find: str
) -> Group:
    rows = [wording.row(message, now) for message in _with_names(found).order_by(*ORDER[name])[:limit]]
    if name == "person":
        rows.sort(key=lambda row: not row.can_say_arrived)  # a doubt is settled here, the others by telephone
    return Group(name=name, title=TITLES[name], note=_note(name, len(rows), count, balance, find), rows=rows)


TITLES = {"person": "Needs a person", "will": "Will go", "not": "Did not go", "went": "Went"}
ORDER = {
    "person": ("send_at", "pk"),
    "will": ("next_attempt_at", "priority", "pk"),
    "not": ("send_at", "pk"),
    "went": ("-sent_at", "-pk"),
}
ENDS = {"person": "first", "will": "next", "not": "first", "went": "last"}


def _note(name: str, shown: int, count: int, balance: Balance, find: str) -> str:
    """How many there are, and when fewer are shown, which."""
    how_many = f"the {ENDS[name]} {shown} of {count}" if shown < count else f"{count}"
    if name == "person":
        return f"{how_many}, never sent again by itself" if shown < count else "never sent again by itself"
    if find:
        return f"{how_many} found"
    if name == "will":
        return f"{how_many}; each is checked again as it leaves"
    if name == "not" and balance.not_to_send:
        above = f"{balance.not_to_send} more above"
        return f"{how_many}, {above}" if shown < count else above
    return how_many


def _with_names(messages: QuerySet[Message]) -> QuerySet[Message]:
    return messages.select_related("patient", "clinic", "closed_by").defer(
        "body_text", "body_html", "attachment_text", "patient__search_keys"
    )
