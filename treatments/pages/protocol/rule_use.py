"""How the rules work out in practice: how often each was raised, and how often a clinician lifted it."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import CharField, Count, Value
from django.db.models.functions import Cast, Concat

from clinic.models import Clinic
from treatments.screenings.models import Clearance, ScreeningFinding

LOOKED_BACK = timedelta(days=365)


@dataclass(frozen=True)
class Use:
    """A rule in the last twelve months: on how many days of how many patients it was raised, and how often it was lifted."""

    fired: int = 0
    patients: int = 0
    lifted: int = 0

    @property
    def words(self) -> str:
        """ "Fired 31 times, 12 patients; lifted twice"."""
        if not self.fired:
            return "Never fired" if not self.lifted else f"Never fired; lifted {_times(self.lifted)}"
        of_whom = "1 patient" if self.patients == 1 else f"{self.patients} patients"
        return f"Fired {_times(self.fired)}, {of_whom}; lifted {_times(self.lifted) if self.lifted else 'never'}"


def use_of_rules(clinic: Clinic, *, today: date) -> dict[str, Use]:
    """Use by rule code. Two queries. Screening again on the same day counts once: nothing new was found."""
    since = today - LOOKED_BACK
    patient_and_day = Concat(
        Cast("record__patient", CharField()), Value(" "), Cast("record__on", CharField()), output_field=CharField()
    )
    fired = (
        ScreeningFinding.objects.filter(record__patient__clinic=clinic, record__on__gte=since)
        .order_by()
        .values("code")
        .annotate(times=Count(patient_and_day, distinct=True), patients=Count("record__patient", distinct=True))
    )
    lifted = (
        Clearance.objects.filter(patient__clinic=clinic, given_on__gte=since)
        .order_by()
        .values("code")
        .annotate(times=Count("pk"))
    )
    given = {row["code"]: row["times"] for row in lifted}
    use = {
        row["code"]: Use(fired=row["times"], patients=row["patients"], lifted=given.pop(row["code"], 0))
        for row in fired
    }
    return use | {code: Use(lifted=times) for code, times in given.items()}


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
