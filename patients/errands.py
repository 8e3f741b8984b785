"""What somebody is looked for. A search or a registration on an errand leads to the errand's page of hers, not to her record.

What lies to the right of this app registers its errands when it is ready.
"""

from dataclasses import dataclass

from django.http import HttpRequest
from django.shortcuts import resolve_url

from patients.models import Patient


@dataclass(frozen=True)
class Errand:
    """`code` stands in addresses as `?for=`; `route` is the name of a page that takes the patient's ref."""

    code: str
    title: str
    route: str

    def url_of(self, patient: Patient) -> str:
        return resolve_url(self.route, patient.ref)


_errands: dict[str, Errand] = {}


def register(*errands: Errand) -> None:
    _errands.update((errand.code, errand) for errand in errands)


def errand_of(request: HttpRequest) -> Errand | None:
    """The errand that the address or the form names, if there is such a one."""
    return _errands.get(request.POST.get("for") or request.GET.get("for") or "")


def url_for(errand: Errand | None, patient: Patient) -> str:
    """Where somebody who was found leads to."""
    return patient.get_absolute_url() if errand is None else errand.url_of(patient)
