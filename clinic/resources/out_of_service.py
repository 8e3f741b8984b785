"""Out of service and back: the same for everything a clinic works with that says `in_service`, and why it is not."""

from typing import TypeVar

from django.db import models, transaction

from clinic import audit
from clinic.errors import DomainError
from clinic.models import User
from clinic.resources.touched import read_first

Thing = TypeVar("Thing", bound=models.Model)


@transaction.atomic
def take_out(thing: Thing, *, reason: str, by: User, seen: str = "") -> Thing:
    """Nobody books it any more. Raises DomainError without a reason, TouchesVisits for the visits that hold it."""
    if not reason.strip():
        raise DomainError(f"Say why the {_word(thing)} is out of service.", field="reason")
    thing = locked(thing)
    with read_first(thing.clinic, seen):
        _set(thing, in_service=False, out_reason=reason.strip())
    audit.record(f"{_word(thing)}.out_of_service", thing, by=by)
    return thing


@transaction.atomic
def put_back(thing: Thing, *, by: User) -> Thing:
    thing = locked(thing)
    _set(thing, in_service=True, out_reason="")
    audit.record(f"{_word(thing)}.in_service", thing, by=by)
    return thing


def locked(thing: Thing) -> Thing:
    """As it is now, with its clinic, and as it stays until we are done: a booking takes the same lock before its place."""
    rows = type(thing).objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("clinic").get(pk=thing.pk)


def _set(thing: models.Model, **values: object) -> None:
    for name, value in values.items():
        setattr(thing, name, value)
    thing.save(update_fields=list(values))


def _word(thing: models.Model) -> str:
    """ "room", "device": in sentences and in the audit trail."""
    return thing._meta.model_name
