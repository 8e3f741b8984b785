"""A clinic without a manager could never have one again."""

from clinic.errors import DomainError
from clinic.models import Membership
from clinic.roles import Role


def refuse(membership: Membership, *, field: str | None = None) -> None:
    """Raises DomainError for the only manager, who is about to leave or to lose the role. Ask with the clinic locked: two
    managers who take the role from each other at the same moment come one after the other."""
    others = Membership.objects.filter(
        clinic=membership.clinic_id, is_active=True, user__is_active=True, roles__contains=[Role.MANAGER]
    ).exclude(pk=membership.pk)
    if membership.has(Role.MANAGER) and not others.exists():
        raise DomainError("This is the clinic’s only manager. Give somebody else the role first.", field=field)
