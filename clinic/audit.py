"""The only writer of AuditEvent."""

from django.db import models

from clinic.models import AuditEvent, Clinic, User


class AnonymousWrite(Exception):
    """An audited act without a person behind it is a fault of ours."""


def record(
    action: str, target: models.Model, *, by: User | None, clinic: Clinic | None = None, system: bool = False, **facts
) -> None:
    """Write who did `action` to `target`. `facts`: ids, dates, field names and codes of states; never names or clinical words.

    `by` may be empty only where the software itself acted (`system=True`): a worker, a timer.
    """
    if by is None and not system:
        raise AnonymousWrite(action)
    AuditEvent.objects.create(
        action=action,
        target_type=target._meta.label,
        target_ref=getattr(target, "ref", None),
        clinic=clinic or getattr(target, "clinic", None),
        by=by,
        facts=facts,
    )
