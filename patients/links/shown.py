"""A patient's links as the desk reads them: what each opens, with which mail it went, whether it still stands.

Nobody here can open one: only its hash is kept.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import BooleanField, ExpressionWrapper, Q

from patients.links import purposes
from patients.links.services import GUESSED, closed_by_guessing
from patients.models import Patient, PatientLink
from patients.outbox import kinds

# All that stand, up to a number that no patient comes to, and the newest of those that are over.
SHOWN, OVER_SHOWN = 220, 20


@dataclass(frozen=True)
class Row:
    """One link. `state`: open, ended, closed, or guessed, after five wrong dates of birth."""

    link: PatientLink
    label: str
    mail: str
    state: str

    @property
    def stands(self) -> bool:
        return self.state == "open"

    @property
    def waits_for_a_call(self) -> bool:
        return self.state == "guessed" and self.link.closed_by is None

    @property
    def tries(self) -> str:
        """Wrong dates of birth so far, where the link is not closed for them."""
        wrong = self.link.wrong_births
        if not wrong or self.state == "guessed":
            return ""
        return "one wrong date of birth" if wrong == 1 else f"{wrong} wrong dates of birth"


@dataclass(frozen=True)
class Links:
    """What the page shows: `rows`, those that wait for a call first, then those that stand; `has_older`: more are over."""

    rows: list[Row]
    standing: int
    has_older: bool


def links_of(patient: Patient) -> Links:
    """One query, however many."""
    now = datetime.now(UTC)
    matters = ExpressionWrapper(
        Q(closed_at=None, expires_at__gt=now) | closed_by_guessing(), output_field=BooleanField()
    )
    hers = PatientLink.objects.filter(patient=patient).select_related("message", "closed_by").annotate(matters=matters)
    hers = hers.defer("message__body_text", "message__body_html", "message__attachment_text")
    found = list(hers.order_by("-matters", "-made_at", "-pk")[:SHOWN])
    matter = sorted((_row(link, now) for link in found if link.matters), key=lambda row: not row.waits_for_a_call)
    over = [_row(link, now) for link in found if not link.matters]
    return Links(
        rows=[*matter, *over[:OVER_SHOWN]],
        standing=sum(row.stands for row in matter),
        has_older=len(over) > OVER_SHOWN,
    )


def _row(link: PatientLink, now: datetime) -> Row:
    return Row(
        link=link,
        label=purposes.label(link.purpose),
        mail=kinds.label(link.message.kind) if link.message else "",
        state=_state(link, now),
    )


def _state(link: PatientLink, now: datetime) -> str:
    if link.closed_at is not None:
        return "guessed" if link.closed_because == GUESSED and link.wrong_births else "closed"
    return "open" if link.expires_at > now else "ended"
