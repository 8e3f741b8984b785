"""After a restore nothing leaves by itself: which clinics are frozen, and since which moment their data are.

`Clinic.restoration` is the one place that says so; the message ledger asks it in its claims, whatever else sends mail of
its own accord asks `nothing_leaves`. What somebody asks for at this moment for herself, a new password, is not held back.
"""

from datetime import datetime

from django.db import transaction

from clinic import audit
from clinic.models import Clinic, ClinicNow, Restoration, User


def nothing_leaves(clinic: Clinic | None = None) -> bool:
    """Whether mail must stay here: of this clinic, as it is now, or of any."""
    frozen = Clinic.objects.filter(restoration__isnull=False)
    return (frozen if clinic is None else frozen.filter(pk=clinic.pk)).exists()


@transaction.atomic
def freeze(*, data_of: datetime) -> list[Restoration]:
    """Every clinic, with a row that says of which moment (the clinic's clock) its data are."""
    restorations = []
    for clinic in Clinic.objects.select_for_update(no_key=True).order_by("pk"):
        restoration = Restoration.objects.create(clinic=clinic, data_of=data_of)
        clinic.restoration = restoration
        clinic.save(update_fields=["restoration"])
        audit.record("clinic.restored", restoration, by=None, system=True, data_of=data_of.isoformat())
        restorations.append(restoration)
    return restorations


def thaw(*, clinic: Clinic, by: User, **facts: int) -> Restoration | None:
    """Within the caller's transaction, which holds the clinic: released, and every earlier return of it that nobody released
    before the next backup was made. `facts` go on record. None where it is not frozen."""
    if clinic.restoration_id is None:
        return None
    waiting = Restoration.objects.filter(clinic=clinic, released_at=None)
    waiting.update(released_at=ClinicNow(), released_by=by)
    restoration = Restoration.objects.get(pk=clinic.restoration_id)
    clinic.restoration = None
    clinic.save(update_fields=["restoration"])
    audit.record("clinic.released", restoration, by=by, **facts)
    return restoration
