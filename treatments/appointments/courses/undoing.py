"""What an undo takes back: the visits of one act, each with the version it got by it. Nothing else is ever taken back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.core import signing
from django.urls import reverse
from django.utils.http import urlencode

from clinic.errors import DomainError
from treatments.appointments.models import Appointment
from treatments.plans.models import TreatmentPlan

SALT = "treatments.appointments.courses.undoing"


@dataclass(frozen=True)
class Act:
    """One press on several visits: ref to version. A visit of the first version was booked by it, any other was moved."""

    versions: Mapping[UUID, int]

    @classmethod
    def of(cls, visits: Iterable[Appointment]) -> "Act":
        return cls({visit.ref: visit.schedule_version for visit in visits})

    @classmethod
    def read(cls, value: str) -> "Act":
        """From an address. Raises DomainError for anything that no page of ours has written."""
        try:
            return cls({UUID(ref): version for ref, version in signing.loads(value, salt=SALT)})
        except signing.BadSignature:
            raise DomainError("This undo does not say what it takes back.") from None

    def value(self) -> str:
        said = [(ref.hex, version) for ref, version in self.versions.items()]
        return signing.dumps(said, salt=SALT, compress=True)

    def booked(self, visit: Appointment) -> bool:
        return self.versions[visit.ref] == 1

    def stands(self, visit: Appointment) -> bool:
        """Nothing has happened to the place of this visit since."""
        return visit.schedule_version == self.versions[visit.ref]


def move_back_url(visit: Appointment) -> str:
    """Where the move by which a visit got its present place is taken back."""
    return f"{reverse('treatments:move_visit_back', args=[visit.ref])}?version={visit.schedule_version}"


def unbook_url(visit: Appointment) -> str:
    """Where the booking of a visit is taken back."""
    return f"{reverse('treatments:unbook_visit', args=[visit.ref])}?version={visit.schedule_version}"


def undo_url(name: Literal["put_back", "unbook_course"], plan: TreatmentPlan, visits: Iterable[Appointment]) -> str:
    """Where this act on these visits, as they are now, is taken back."""
    return f"{reverse(f'treatments:{name}', args=[plan.ref])}?{urlencode({'act': Act.of(visits).value()})}"
