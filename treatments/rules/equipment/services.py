"""Devices as they change: their label, and whether they are in service."""

from collections.abc import Mapping

from django.db import transaction

from clinic import audit
from clinic.models import User
from clinic.resources import out_of_service
from treatments.rules import labels
from treatments.rules.models import Device
from treatments.rules.services import catalogue_of, in_force


@transaction.atomic
def change_device(*, device: Device, max_depth_mm: Mapping[str, object], by: User, **details) -> Device:
    """Write down what the label says now. Sessions that are signed stay as they were; one that is open is asked again.

    Raises DomainError at `max_depth_mm` where its depths cannot be read.
    """
    device = out_of_service.locked(device)
    details["max_depth_mm"] = labels.device_depths(max_depth_mm, catalogue_of(in_force(device.clinic)))
    changed = sorted(name for name, value in details.items() if getattr(device, name) != value)
    for name in changed:
        setattr(device, name, details[name])
    if changed:
        device.save(update_fields=changed)
        audit.record("device.changed", device, by=by, fields=changed)
    return device


def take_device_out(*, device: Device, reason: str, by: User, seen: str = "") -> Device:
    """No visit takes it any more. Raises TouchesVisits for the visits that hold it."""
    return out_of_service.take_out(device, reason=reason, by=by, seen=seen)


def put_device_back(*, device: Device, by: User) -> Device:
    return out_of_service.put_back(device, by=by)
