"""A patient's story, newest first: everything but the mails in one query, whatever she has been through.

What the desk may read (visits, mails, that she told us something) is chosen here, before the query: a clinical word that is
not asked for cannot be shown.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, DateTimeField, F, Func, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject
from django.urls import reverse

from clinic.models import ClinicNow
from clinic.statements import Given, Statement
from patients.models import Message, Patient
from patients.outbox import wording
from patients.outbox.models import OPEN
from treatments.pages.timeline import of_the_chart, of_the_desk
from treatments.pages.timeline.entries import Entry, Kind, moment
from treatments.rules.policy import catalogue_for

KINDS = (*of_the_desk.KINDS, *of_the_chart.KINDS)
SHOWN = 40
# Of what is known by its day alone.
NOON_OF_ITS_DAY = Func(
    F("on"),
    F("patient__clinic__zone"),
    template="(%(expressions)s)",
    arg_joiner=" + time '12:00') AT TIME ZONE (",
    output_field=DateTimeField(),
)
LONG_AGO = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)


@dataclass(frozen=True)
class Story:
    """What a page of the timeline shows. `coming`: later than now, the next first; `older_than`: where the next page begins."""

    now: datetime
    coming: list[Entry]
    past: list[Entry]
    older_than: datetime | None


def story(patient: Patient, *, clinical: bool, show: str = "", before: datetime | None = None) -> Story:
    """The newest entries of a patient, of one kind or of all, before a moment. Two queries."""
    kinds = tuple(kind for kind in KINDS if (clinical or not kind.clinical) and show in ("", kind.name))
    asked = _everything_of(kinds, clinical=clinical, is_continued=before is not None)
    (found,) = asked.rows(patient=patient.pk, before=before)
    now = found["present"]
    catalogue = catalogue_for(patient.clinic, now.astimezone(patient.clinic.tz).date())
    entries = [kind.entry(row, moment(row["at"]), catalogue) for kind in kinds for row in found[kind.name]]
    if show in ("", "messages"):
        entries += _mails(patient, now, before)
    entries.sort(key=lambda entry: entry.at, reverse=True)
    # What shares a moment stays on one page: the next begins before it.
    last = entries[SHOWN - 1].at if len(entries) > SHOWN else LONG_AGO
    shown = [entry for entry in entries if entry.at >= last]
    return Story(
        now=now,
        coming=[entry for entry in reversed(shown) if not entry.over and entry.at > now],
        past=[entry for entry in shown if entry.over or entry.at <= now],
        older_than=last if len(shown) < len(entries) else None,
    )


def filters(*, clinical: bool) -> list[tuple[str, str]]:
    """What the story can be narrowed to: name and words."""
    kinds = [(kind.name, kind.label) for kind in KINDS if clinical or not kind.clinical]
    return [("", "Everything"), *kinds, ("messages", "Messages")]


# Fourteen kinds, each with three subqueries: to write them out took longer than all else on the page of a patient. One for
# each way of asking: as a clinician or not, everything or one kind, from now or from a moment on.
PATIENT, BEFORE = Given("patient", BigIntegerField()), Given("before", DateTimeField())


@cache
def _everything_of(kinds: tuple[Kind, ...], *, clinical: bool, is_continued: bool) -> Statement:
    asked = {kind.name: ArraySubquery(_rows(kind, clinical=clinical, is_continued=is_continued)) for kind in kinds}
    return Statement(Patient.objects.filter(pk=PATIENT).values("pk").annotate(present=ClinicNow(), **asked))


def _rows(kind: Kind, *, clinical: bool, is_continued: bool) -> QuerySet:
    rows = kind.model.objects.filter(patient=PATIENT)
    if kind.moment == "noon":
        rows = rows.annotate(noon=NOON_OF_ITS_DAY)
    rows = rows.annotate(moment=F(kind.moment))
    shown = kind.shown | (kind.for_clinicians if clinical else {})
    newest = _newest(rows, is_continued=is_continued)
    return newest.annotate(shown=JSONObject(at=F("moment"), **shown)).values_list("shown", flat=True)


def _mails(patient: Patient, now: datetime, before: datetime | None) -> list[Entry]:
    mails = _mails_of(is_continued=before is not None).rows(patient=patient.pk, before=before)
    return [_mail(wording.row(mail, now)) for mail in mails]


@cache
def _mails_of(*, is_continued: bool) -> Statement:
    mails = (
        Message.objects.filter(patient=PATIENT)
        .select_related("clinic", "closed_by")
        .defer("body_text", "body_html", "attachment_text")
    )
    return Statement(_newest(mails.annotate(moment=F("send_at")), is_continued=is_continued))


def _newest(rows: QuerySet, *, is_continued: bool) -> QuerySet:
    """What fills a page by `moment`, whatever shares its last moment, and the moment beyond: so one knows that there is more."""
    if is_continued:
        rows = rows.filter(moment__lt=BEFORE)
    rows = rows.order_by("-moment", "-pk")
    last = rows.values("moment")[SHOWN - 1 : SHOWN]
    beyond = rows.filter(moment__lt=Subquery(last)).values("moment")[:1]
    return rows.filter(moment__gte=Coalesce(Subquery(beyond), Value(LONG_AGO)))


def _mail(row: wording.Row) -> Entry:
    return Entry(
        at=row.due_at,
        kind="Message",
        title=row.label,
        lines=[row.proof] if row.proof else [],
        url=reverse("patients:message", args=[row.message.ref]),
        chip=(row.chip_state, row.chip_label),
        message=True,
        void=row.is_struck,
        over=row.message.state not in OPEN,
    )
