"""Writes of the ground floor: the clinic and its people. Rooms and hours: `clinic.resources.services`, named here too."""

from collections.abc import Sequence

from django.db import connection, transaction

from clinic import audit
from clinic.errors import DomainError
from clinic.models import Clinic, Membership, User
from clinic.resources import stretches
from clinic.resources.services import add_room, set_weekly_hours
from clinic.roles import Role

__all__ = [
    "add_room", "change_clinic_details", "create_clinic", "give_opening_hours", "is_set_up", "join", "set_up_first_clinic", "set_weekly_hours",
]  # fmt: skip


@transaction.atomic
def create_clinic(
    *,
    name: str,
    zone: str,
    manager_email: str,
    manager_name: str,
    password: str | None,
    also: Sequence[str] = (),
    title: str = "",
    licence: str = "",
    room: str = "",
    **details,
) -> Clinic:
    """A new clinic with its first manager. The only way a clinic begins.

    `also`: what she does besides managing it; whoever treats is there in the `opening_hours`. `room`: the name of a first one.
    """
    details.setdefault("sender_name", name[: Clinic._meta.get_field("sender_name").max_length])
    clinic = Clinic(name=name, zone=zone, **details)
    clinic.full_clean(exclude=["mail_paused_by", "created_at"])
    clinic.save()
    manager = User.objects.create_user(manager_email, password, full_name=manager_name)
    roles = [Role.MANAGER, *(Role(role) for role in also)]
    hers = join(
        clinic=clinic, user=manager, roles=roles, by=manager, title=title, licence=licence,
        sees_patients=Role.CLINICIAN in roles,
    )  # fmt: skip
    give_opening_hours(membership=hers, by=manager)
    if room:
        add_room(clinic=clinic, name=room, short_name="R1", by=manager)
    audit.record("clinic.created", clinic, by=manager, clinic=clinic)
    return clinic


def give_opening_hours(*, membership: Membership, by: User) -> None:
    """Whoever begins to see patients is there while the clinic is open, until somebody says otherwise: else nothing could be
    booked with her. Who has hours already keeps them."""
    opening = membership.clinic.opening_hours
    if membership.sees_patients and opening and not membership.working_hours.exists():
        hours = {int(weekday): stretches.read(words) for weekday, words in opening.items()}
        set_weekly_hours(membership=membership, hours=hours, by=by)


def is_set_up() -> bool:
    return Clinic.objects.exists()


@transaction.atomic
def set_up_first_clinic(**details) -> Clinic:
    """The first clinic of an empty Stratum, from its first-run page. Raises DomainError when somebody was faster."""
    with connection.cursor() as cursor:
        # Two browsers on the same empty page: the second waits here and then finds a clinic.
        cursor.execute("LOCK TABLE clinic_clinic IN SHARE ROW EXCLUSIVE MODE")
    if is_set_up():
        raise DomainError("This clinic is set up already. Sign in instead.")
    return create_clinic(**details)


@transaction.atomic
def join(*, clinic: Clinic, user: User, roles: list[Role], by: User, **details) -> Membership:
    membership = Membership.objects.create(clinic=clinic, user=user, roles=[str(role) for role in roles], **details)
    audit.record("membership.created", membership, by=by, roles=membership.roles)
    return membership


@transaction.atomic
def change_clinic_details(*, clinic: Clinic, by: User, **details) -> Clinic:
    clinic = Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    changed = sorted(name for name, value in details.items() if getattr(clinic, name) != value)
    for name in changed:
        setattr(clinic, name, details[name])
    if changed:
        clinic.save(update_fields=changed)
        audit.record("clinic.changed", clinic, by=by, clinic=clinic, fields=changed)
    return clinic
