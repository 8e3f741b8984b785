"""What a patient told us that no clinician has looked at yet: forms she gave on a tablet, and words the desk heard by telephone.

No session opens before somebody has looked, so it stands above the questions and the screening.
"""

from dataclasses import dataclass

from django.http import QueryDict

from patients.models import Patient
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.models import COMING, PRESENT
from treatments.screenings.by_patient.models import PatientForm
from treatments.screenings.by_patient.services import waiting


@dataclass(frozen=True)
class OwnWords:
    forms: list[PatientForm]
    heard: list[ChangeReport]

    def __bool__(self) -> bool:
        return bool(self.forms or self.heard)


def own_words(patient: Patient) -> OwnWords:
    """Two queries."""
    heard = patient.change_reports.filter(
        heard_by__isnull=False, seen_at=None, visit__status__in=COMING + PRESENT
    ).select_related("visit", "heard_by")
    return OwnWords(waiting(patient), list(heard))


def read_above(posted: QueryDict, words: OwnWords) -> list[ChangeReport]:
    """The words by telephone that stood above the questions as they were sent: whoever asks those has read them."""
    refs = set(posted.getlist("read"))
    return [report for report in words.heard if str(report.ref) in refs]


def asked_anew(which: str, words: OwnWords) -> list[PatientForm]:
    """Forms of the patient whose every question a clinician's form asks, too."""
    return [form for form in words.forms if form.kind == which == PatientForm.Kind.DAY]
