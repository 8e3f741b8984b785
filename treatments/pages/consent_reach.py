"""Whom a new consent text would ask again: courses under way whose signature rests on an earlier one, with their next visit."""

from collections import defaultdict
from dataclasses import dataclass

from clinic import clock
from clinic.models import Clinic
from patients.models import Consent
from patients.services.consents import signed_since
from treatments.appointments.models import COMING, Appointment
from treatments.plans.models import TreatmentPlan

SHOWN = 50


@dataclass(frozen=True)
class Reached:
    """One course. `visit`: its next one, None where nothing is booked."""

    plan: TreatmentPlan
    visit: Appointment | None


def reached(clinic: Clinic, language: str) -> list[Reached]:
    """Those with the next visit soonest first, those without one last. Three queries, whatever the clinic."""
    plans = list(
        TreatmentPlan.objects.filter(
            clinic=clinic, status__in=[TreatmentPlan.Status.ACTIVE, TreatmentPlan.Status.ON_HOLD]
        ).select_related("patient")
    )
    signed = _signed(clinic, plans)
    found = [plan for plan in plans if _rests_on(signed[plan.patient_id], plan, language)]
    visits = _next_visits(clinic, found)
    rows = [Reached(plan, visits.get(plan.pk)) for plan in found]
    return sorted(rows, key=_soonest_first)


def _soonest_first(row: Reached) -> tuple:
    return (0, row.visit.day, row.visit.starts_at, row.plan.pk) if row.visit else (1, row.plan.pk)


def _rests_on(signed: list[Consent], plan: TreatmentPlan, language: str) -> bool:
    """Covered today, and only by texts in this language."""
    covering = [
        consent
        for consent in signed
        if set(plan.techniques) <= set(consent.techniques) and consent.depth_class >= plan.depth_class
    ]
    return bool(covering) and all(consent.text.language == language for consent in covering)


def _signed(clinic: Clinic, plans: list[TreatmentPlan]) -> dict[int, list[Consent]]:
    valid = Consent.objects.filter(
        patient__in=[plan.patient_id for plan in plans],
        withdrawn_at=None,
        text__ask_again=False,
        signed_at__gt=signed_since(clock.now()),
    ).select_related("text")
    of_patient = defaultdict(list)
    for consent in valid.defer("shown_text", "signature", "text__body"):
        of_patient[consent.patient_id].append(consent)
    return of_patient


def _next_visits(clinic: Clinic, plans: list[TreatmentPlan]) -> dict[int, Appointment]:
    coming = Appointment.objects.filter(
        clinic=clinic, planned_session__plan__in=plans, status__in=COMING, during__endswith__gt=clock.now()
    ).select_related("planned_session", "clinic")
    found: dict[int, Appointment] = {}
    for visit in coming.order_by("during"):
        found.setdefault(visit.planned_session.plan_id, visit)
    return found
