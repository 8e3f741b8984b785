"""A visit as a page of hers shows it, and which version of it she saw as she pressed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import QueryDict

from treatments.appointments.models import Appointment

# No visit ever has this version.
NO_VERSION = 0
LONGEST_VERSION = 9


@dataclass(frozen=True)
class ShownVisit:
    """Moments are aware."""

    visit: Appointment

    @property
    def ref(self) -> UUID:
        return self.visit.ref

    @property
    def version(self) -> int:
        return self.visit.schedule_version

    @property
    def starts_at(self) -> datetime:
        return self.visit.during.lower


def version_shown(posted: QueryDict) -> int:
    """The version that came back with the page; what no page of ours has sent is the version of no visit."""
    said = posted.get("version", "")
    return int(said) if said.isdecimal() and len(said) <= LONGEST_VERSION else NO_VERSION
