"""Devices as they change: their label, and whether they are in service."""

from collections.abc import Mapping

from django.db import transaction

from clinic import audit
from clinic.errors import DomainError
from clinic.models import User
from clinic.resources.touched import read_first
from treatments.rules import labels
from treatments.rules.models import Device
from treatments.rules.services import catalogue_of, in_force


@transaction.atomic
def change_device(*, device: Device, max_depth_mm: Mapping[str, object], by: User, **details) -> Device:
    """Write down what the label says now. Sessions that are signed stay as they were; one that is open is asked again.

    Raises DomainError at `max_depth_mm` where its depths cannot be read.
    """
    device = _locked(device)
    details["max_depth_mm"] = labels.device_depths(max_depth_mm, catalogue_of(in_force(device.clinic)))
    changed = sorted(name for name, value in details.items() if getattr(device, name) != value)
    for name in changed:
        setattr(device, name, details[name])
    if changed:
        device.save(update_fields=changed)
        audit.record("device.changed", device, by=by, fields=changed)
    return device


@transaction.atomic
def take_device_out(*, device: Device, reason: str, by: User, seen: str = "") -> Device:
    """Out of service: no visit takes it any more. Raises TouchesVisits for the visits that hold it."""
    if not reason.strip():
        raise DomainError("Say why the device is out of service.", field="reason")
    device = _locked(device)
    with read_first(device.clinic, seen):
        device.in_service, device.out_reason = False, reason.strip()
        device.save(update_fields=["in_service", "out_reason"])
    audit.record("device.out_of_service", device, by=by)
    return device


@transaction.atomic
def put_device_back(*, device: Device, by: User) -> Device:
    device = _locked(device)
    device.in_service, device.out_reason = True, ""
    device.save(update_fields=["in_service", "out_reason"])
    audit.record("device.in_service", device, by=by)
    return device


def _locked(device: Device) -> Device:
    return Device.objects.select_for_update(of=("self",), no_key=True).select_related("clinic").get(pk=device.pk)
