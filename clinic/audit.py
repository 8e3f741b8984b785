"""The only writer of AuditEvent."""

from collections.abc import Mapping

from django.db import models

from clinic.models import AuditEvent, Clinic, User
from clinic.rows import insert


class AnonymousWrite(Exception):
    """An audited act without a person behind it is a fault of ours."""


def record(
    action: str, target: models.Model, *, by: User | None, clinic: Clinic | None = None, system: bool = False, **facts
) -> None:
    """Write who did `action` to `target`. `facts`: ids, dates, field names and codes of states; never names or clinical words.

    `by` may be empty only where the software itself acted (`system=True`): a worker, a timer.
    """
    insert([_event(action, target, by=by, clinic=clinic, system=system, facts=facts)])


def record_each(action: str, facts_of: Mapping[models.Model, dict], *, by: User) -> None:
    """The same act on several rows at once, each with its facts: an event each, in one statement."""
    events = [_event(action, target, by=by, facts=facts) for target, facts in facts_of.items()]
    if events:
        insert(events)


def _event(
    action: str,
    target: models.Model,
    *,
    by: User | None,
    clinic: Clinic | None = None,
    system: bool = False,
    facts: dict,
) -> AuditEvent:
    if by is None and not system:
        raise AnonymousWrite(action)
    return AuditEvent(
        action=action,
        target_type=target._meta.label,
        target_ref=getattr(target, "ref", None),
        clinic=clinic or getattr(target, "clinic", None),
        by=by,
        facts=facts,
    )
