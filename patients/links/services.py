"""Links for patients: made, opened, proven by a date of birth, closed.

A token exists in the mail alone; here is only its hash. Every moment is real time: a demo that moves its clock opens and
ends no link.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from clinic import audit
from clinic.errors import DomainError
from clinic.models import Clinic, User
from clinic.statements import Statement
from patients.links import purposes
from patients.links.purposes import Wanted
from patients.models import Message, Patient, PatientLink
from patients.models.links import BIRTH_TRIES

TOKEN_BYTES = 32
# Whoever has read over her shoulder cannot open it for ever, and she never comes near it.
MOST_OPENS = 20
GUESSED = "Five wrong dates of birth."
# After its end a link still answers one question: whether she ever opened it. Nobody asks that a year later.
KEPT_AFTER_ITS_END = timedelta(days=365)


@dataclass(frozen=True)
class Order:
    """One link to make: for whom, for what, and the mail that carries it."""

    patient: Patient
    wanted: Wanted
    message: Message | None = None


@dataclass(frozen=True)
class Proof:
    """What came of a date of birth. `tries_left` is 0 once the link is closed."""

    is_right: bool
    tries_left: int


# One statement for a whole batch of mails. An end that has passed by the clinic's clock still leaves an hour: the mail is
# leaving now, and its page can say that the matter is over.
ISSUE = """
INSERT INTO patients_patientlink (ref, clinic_id, patient_id, message_id, purpose, about, token_sha256, made_at, expires_at,
                                  opened, wrong_births, closed_because)
SELECT link.ref, link.clinic, link.patient, link.message, link.purpose, link.about, link.sha256, now(),
       now() + GREATEST(COALESCE(link.until - clinic_now(), make_interval(secs => link.lasts)), interval '1 hour'), 0, 0, ''
FROM unnest(%(refs)s::uuid[], %(clinics)s::bigint[], %(patients)s::bigint[], %(messages)s::bigint[], %(purposes)s::text[],
            %(abouts)s::uuid[], %(hashes)s::text[], %(untils)s::timestamptz[], %(lasts)s::float8[])
    AS link(ref, clinic, patient, message, purpose, about, sha256, until, lasts)
"""


def issue(orders: Sequence[Order]) -> list[str]:
    """Make links, all in one insert. Returns their tokens in the order given: they are in nobody else's hands and are not
    kept. KeyError for a purpose that nobody registered."""
    if not orders:
        return []
    tokens = [secrets.token_urlsafe(TOKEN_BYTES) for _ in orders]
    wanted = [order.wanted for order in orders]
    facts = {
        "refs": [str(uuid4()) for _ in orders],
        "clinics": [order.patient.clinic_id for order in orders],
        "patients": [order.patient.pk for order in orders],
        "messages": [order.message.pk if order.message else None for order in orders],
        "purposes": [one.purpose for one in wanted],
        "abouts": [str(one.about) if one.about else None for one in wanted],
        "hashes": [hash_of(token) for token in tokens],
        "untils": [one.until for one in wanted],
        "lasts": [purposes.get(one.purpose).lasts.total_seconds() for one in wanted],
    }
    with connection.cursor() as cursor:
        cursor.execute(ISSUE, facts)
    return tokens


def hash_of(token: str) -> str:
    """SHA-256 of a token, as it is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_link(*, token: str) -> PatientLink | None:
    """The link of a token, opened once more. None for one that is unknown, over, closed or was opened too often, and for a
    patient whose record is closed: whoever asks does not learn which."""
    # One statement on one row: of many who open it at once, no more than are left get in.
    mine = _standing().filter(token_sha256=hash_of(token), opened__lt=MOST_OPENS)
    if not mine.update(opened=F("opened") + 1, last_opened_at=Now()):
        return None
    return _whole(PatientLink.objects.filter(token_sha256=hash_of(token)))


def look_up(*, token: str, purpose: str) -> PatientLink | None:
    """The same without opening it: for an act that needs nothing but the address."""
    return _whole(_standing().filter(token_sha256=hash_of(token), purpose=purpose))


def still_open(*, ref: UUID, purpose: str) -> PatientLink | None:
    """A link that was opened before, if it still stands: read again for every page."""
    return _whole(_standing().filter(ref=ref, purpose=purpose))


def _standing() -> QuerySet[PatientLink]:
    return PatientLink.objects.filter(closed_at=None, expires_at__gt=Now())


def _whole(rows: QuerySet[PatientLink]) -> PatientLink | None:
    of_the_living = rows.filter(patient__status=Patient.Status.ACTIVE)
    return of_the_living.select_related("clinic", "patient__clinic", "message").first()


@transaction.atomic
def prove_birth(*, link: PatientLink, born_on: date) -> Proof:
    """Whether she knows her date of birth. The fifth wrong one closes the link for good."""
    link = PatientLink.objects.select_for_update(of=("self",)).select_related("patient", "clinic").get(pk=link.pk)
    if link.closed_at is not None:
        return Proof(is_right=False, tries_left=0)
    if link.patient.born_on == born_on:
        return Proof(is_right=True, tries_left=BIRTH_TRIES - link.wrong_births)
    link.wrong_births += 1
    link.save(update_fields=["wrong_births"])
    if link.wrong_births >= BIRTH_TRIES:
        _close([link], because=GUESSED, by=None)
    return Proof(is_right=False, tries_left=BIRTH_TRIES - link.wrong_births)


class NotPossible(DomainError):
    """What was asked of a link cannot be done with it, or nobody has said why."""


@transaction.atomic
def close(*, link: PatientLink, because: str, by: User) -> PatientLink:
    """End a link at once, whoever has it open. A closed one stays as it is."""
    because = _said(because)
    link = PatientLink.objects.select_for_update(of=("self",)).get(pk=link.pk)
    if link.closed_at is None:
        _close([link], because=because, by=by)
        link.refresh_from_db()
    return link


@transaction.atomic
def close_all(*, patient: Patient, because: str, by: User | None, made_after: int = 0) -> int:
    """End every link of a patient that still opens: her record was merged or closed, or somebody else reads her mail. Returns
    how many. `made_after`: the key of a link, where those before it stay."""
    because = _said(because)
    hers = _standing().filter(patient=patient, pk__gt=made_after).select_for_update(of=("self",)).order_by("pk")
    return _close(list(hers), because=because, by=by)


def _said(because: str) -> str:
    because = because.strip()
    if not because:
        raise NotPossible("Write why the link is closed.", field="because")
    return because


@transaction.atomic
def settle_guessed(*, link: PatientLink, by: User) -> PatientLink:
    """Somebody has spoken to her about a link that wrong dates of birth have closed: no longer work for the desk.

    `closed_by`, empty until then, is who settled it. Raises NotPossible for a link that was not closed so.
    """
    link = PatientLink.objects.select_for_update(of=("self",)).get(pk=link.pk)
    if link.closed_at is None or link.closed_because != GUESSED:
        raise NotPossible("This link was not closed after wrong dates of birth.")
    if link.closed_by_id is None:
        link.closed_by = by
        link.save(update_fields=["closed_by"])
        audit.record("link.settled", link, by=by, purpose=link.purpose)
    return link


def closed_by_guessing() -> Q:
    """Of links: those that wrong dates of birth have closed and that nobody has spoken to her about. The last wrong one closes
    its link, so the count says it, and in these very words a small index holds them (`patient_link_guessed`)."""
    return Q(wrong_births__gte=BIRTH_TRIES, closed_by=None)


@transaction.atomic
def forget_ended() -> int:
    """Delete links that ended more than a year ago, unless something that she has told us names them. Returns how many."""
    found = _ended_long_ago().rows()
    if not found:
        return 0
    PatientLink.objects.filter(pk__in=[pk for pk, _ in found]).delete()
    for clinic in Clinic.objects.filter(pk__in={clinic_id for _, clinic_id in found}):
        count = sum(clinic_id == clinic.pk for _, clinic_id in found)
        audit.record("links.forgotten", clinic, by=None, clinic=clinic, system=True, links=count)
    return len(found)


@cache
def _ended_long_ago() -> Statement:
    """Key and clinic of each that may go."""
    old = PatientLink.objects.filter(expires_at__lt=Now() - KEPT_AFTER_ITS_END)
    for telling in _telling():
        old = old.exclude(Exists(telling))
    return Statement(old.values_list("pk", "clinic_id"))


def _telling() -> list[QuerySet]:
    """Rows of any owner that name a link, for a subquery of links."""
    relations = [one for one in PatientLink._meta.get_fields(include_hidden=True) if one.one_to_many or one.one_to_one]
    return [
        one.related_model.objects.filter(**{one.field.name: OuterRef("pk")}) for one in relations if one.auto_created
    ]


def _close(links: Sequence[PatientLink], *, because: str, by: User | None) -> int:
    closed = PatientLink.objects.filter(pk__in=[link.pk for link in links])
    closed.update(closed_at=Now(), closed_because=because[:120], closed_by=by)
    for link in links:
        audit.record("link.closed", link, by=by, system=by is None, purpose=link.purpose, because=because[:120])
    return len(links)
