"""What a clinician's calendar program is told: when and where she is needed. Nobody's name, nothing clinical."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from clinic import clock
from clinic.models import Clinic, Membership
from clinic.roles import Role
from treatments.appointments.calendar_files import Entry, calendar_feed
from treatments.appointments.feeds.models import CalendarFeed
from treatments.appointments.models import BLOCKING, Appointment

DAYS_BACK, DAYS_AHEAD = 14, 180
# What the time of a visit is worked out from: read faster than the range it comes to.
INTENT = ("day", "starts_at", "fold", "prep_minutes", "treat_minutes")
# A calendar lies open on desks and telephones: what is done to somebody is not said there.
SUMMARIES = {
    Appointment.Kind.TREATMENT: "Visit",
    Appointment.Kind.REVIEW: "Visit",
    Appointment.Kind.CONSULTATION: "Consultation",
}


def hash_of(token: str) -> str:
    """What is kept of an address."""
    return hashlib.sha256(token.encode()).hexdigest()


def feed_of(token: str) -> CalendarFeed | None:
    """The feed with this address, while it is not given up and its clinician sees patients here.

    Leaving gives it up for good; whatever else takes her work away (an account closed, a role withdrawn) closes it here.

    It is found by the hash, which nobody can steer towards one that is kept: how long that takes tells nothing.
    """
    wanted = hash_of(token)
    open_ones = CalendarFeed.objects.filter(
        revoked_at=None,
        membership__is_active=True,
        membership__sees_patients=True,
        membership__roles__overlap=[Role.CLINICIAN, Role.PRESCRIBER],
        membership__user__is_active=True,
    )
    found = open_ones.select_related("membership__clinic").filter(token_sha256=wanted).first()
    return found if found is not None and secrets.compare_digest(found.token_sha256, wanted) else None


def open_feeds(clinic: Clinic) -> QuerySet[CalendarFeed]:
    """Addresses of this clinic that are not given up."""
    return CalendarFeed.objects.filter(membership__clinic=clinic, revoked_at=None)


def address_of(token: str) -> str:
    return settings.BASE_URL + reverse("treatments:feed", args=[token])


def etag_of(membership: Membership, *, now: datetime) -> str:
    """Changes with anything her calendar says: from the facts, so that an unchanged one is neither built nor written."""
    clinic = membership.clinic
    around = (settings.BASE_URL, clinic.zone, clinic.sender_name, clock.local(now, clinic).year)
    visits = _visits(membership, now)
    facts = list(visits.values_list("ref", "schedule_version", "kind", "room__short_name", *INTENT))
    return f'"{hashlib.sha256(repr((around, facts)).encode()).hexdigest()[:32]}"'


def entries_of(membership: Membership, *, now: datetime) -> list[Entry]:
    """Her visits from two weeks back to half a year ahead, by time. One query, whatever the history.

    Shown is the time she is needed for, which numbing is not; a cancelled or missed visit is no longer in it.
    """
    visits = (
        _visits(membership, now)
        .annotate(changed_at=Coalesce(Subquery(_when_it_became_so()), "booked_at"))
        .values_list("ref", "kind", "clinician_during", "schedule_version", "changed_at", "room__short_name")
    )
    return [
        Entry(
            ref=ref,
            starts_at=during.lower,
            ends_at=during.upper,
            sequence=version,
            changed_at=changed_at,
            summary=f"{SUMMARIES[kind]}, {room}" if room else SUMMARIES[kind],
            description=settings.BASE_URL + reverse("treatments:visit", args=[ref]),
        )
        for ref, kind, during, version, changed_at, room in visits
    ]


def _visits(membership: Membership, now: datetime) -> QuerySet[Appointment]:
    today = clock.local(now, membership.clinic).date()
    return Appointment.objects.filter(
        clinic=membership.clinic_id,
        clinician=membership,
        day__gte=today - timedelta(days=DAYS_BACK),
        day__lte=today + timedelta(days=DAYS_AHEAD),
        status__in=BLOCKING,
    ).order_by("clinician_during", "pk")


def _when_it_became_so() -> QuerySet:
    """When the visit got the time and place it has: its steps on the day are no news to a calendar."""
    history = Appointment.pgh_event_model.objects.filter(
        pgh_obj=OuterRef("pk"), schedule_version=OuterRef("schedule_version")
    )
    return history.order_by("pgh_id").values("pgh_created_at")[:1]


def written(membership: Membership, *, now: datetime) -> str:
    """Her calendar as a program reads it."""
    clinic = membership.clinic
    entries = entries_of(membership, now=now)
    return calendar_feed(entries, zone=clinic.tz, name=f"{clinic.sender_name} visits", at=now)
