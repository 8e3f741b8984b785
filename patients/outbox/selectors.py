"""What the Messages page reads: one query for the balance, one for each group, whatever the day holds."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import and_

from django.db.models import Count, Q, QuerySet

from clinic import clock
from clinic.models import Clinic
from patients.models.people import Patient
from patients.outbox import kinds, wording
from patients.outbox.models import DID_NOT_GO, IN_DOUBT, OPEN, WENT, Message, State
from patients.search import keys_for

LATE = timedelta(minutes=15)
BAR_WIDTH = 1154
SHOWN_IN_ALL, SHOWN_ALONE = 20, 300
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
    groups: list[Group]


def day_page(*, clinic: Clinic, day: date, now: datetime, show: str = "", find: str = "") -> DayPage:
    """The messages of the clinic due on `day`. `show`: a tab; `find`: a patient or a step, as typed."""
    start, end = clock.day_bounds(day, clinic.tz)
    of_day = Message.objects.filter(clinic=clinic, send_at__gte=start, send_at__lt=end)
    balance = _balance(of_day, now)
    found = _matching(of_day, find)
    limit = SHOWN_IN_ALL if not show and not find else SHOWN_ALONE
    groups = [_group(name, found, clinic, now, limit, balance, show=show, find=find) for name in TABS.get(show, GROUPS)]
    return DayPage(day=day, now=now, balance=balance, groups=[group for group in groups if group.rows])


def for_patient(patient: Patient, *, limit: int = 20) -> list[wording.Row]:
    """A patient's messages, newest first, for her chart."""
    now = clock.now()
    rows = _with_names(Message.objects.filter(patient=patient)).order_by("-send_at", "-pk")[:limit]
    return [wording.row(message, now) for message in rows]


def _balance(of_day: QuerySet[Message], now: datetime) -> Balance:
    """Each part is counted by its proof, not by exclusion: a row past its time that nobody closed falls into none."""
    counts = of_day.aggregate(
        due=Count("pk"),
        went=Count("pk", filter=Q(state__in=WENT, sent_at__isnull=False)),
        will_go=Count("pk", filter=Q(state=State.SENDING) | Q(state__in=OPEN, expires_at__gt=now)),
        did_not_go=Count("pk", filter=Q(state__in=DID_NOT_GO)),
        unknown=Count("pk", filter=Q(state__in=IN_DOUBT, handed_off_at__isnull=False)),
        late=Count("pk", filter=Q(state=State.DUE, next_attempt_at__lt=now - LATE)),
        not_to_send=Count("pk", filter=Q(state__in=wording.CALL_INSTEAD)),
    )
    return Balance(**counts)


def _matching(messages: QuerySet[Message], find: str) -> QuerySet[Message]:
    find = find.replace("\0", "").strip()
    if not find:
        return messages
    matches = Q(kind__in=kinds.codes_labelled(find))
    if groups := keys_for(find):
        matches |= reduce(and_, (Q(patient__search_keys__overlap=group) for group in groups))
    return messages.filter(matches)


def _group(
    name: str,
    messages: QuerySet[Message],
    clinic: Clinic,
    now: datetime,
    limit: int,
    balance: Balance,
    *,
    show: str,
    find: str,
) -> Group:
    stray = Q(state__in=OPEN, expires_at__lte=now)
    which, order = {
        "person": (Q(state__in=(*IN_DOUBT, *wording.CALL_INSTEAD)) | stray, ("send_at", "pk")),
        "will": (Q(state__in=(*OPEN, State.SENDING)) & ~stray, ("next_attempt_at", "priority", "pk")),
        "not": (Q(state__in=wording.STRUCK), ("send_at", "pk")),
        "went": (Q(state__in=WENT), ("-sent_at", "-pk")),
    }[name]
    if show == "unknown":
        which = Q(state__in=IN_DOUBT)
    elif show == "not" and name == "person":
        which = Q(state__in=wording.CALL_INSTEAD)
    rows = []
    for message in _with_names(messages.filter(which)).order_by(*order)[:limit]:
        message.clinic = clinic
        rows.append(wording.row(message, now))
    if name == "person":
        rows.sort(key=lambda row: not row.can_say_arrived)  # a doubt is settled here, the others by telephone
    return Group(name=name, title=TITLES[name], note=_note(name, rows, balance, find), rows=rows)


TITLES = {"person": "Needs a person", "will": "Will go", "not": "Did not go", "went": "Went"}


def _note(name: str, rows: list[wording.Row], balance: Balance, find: str) -> str:
    if name == "person":
        return "never sent again by itself"
    if find:
        return f"{len(rows)} found"
    if name == "will":
        shown = f"the next {len(rows)} of {balance.will_go}" if len(rows) < balance.will_go else f"{len(rows)}"
        return f"{shown}; each is checked again as it leaves"
    if name == "went":
        return f"the last {len(rows)} of {balance.went}" if len(rows) < balance.went else f"{len(rows)}"
    return f"{balance.not_to_send} more above" if balance.not_to_send else f"{len(rows)}"


def _with_names(messages: QuerySet[Message]) -> QuerySet[Message]:
    return messages.select_related("patient", "clinic", "closed_by").defer(
        "body_text", "body_html", "patient__search_keys"
    )
