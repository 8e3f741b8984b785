"""Courses that stand still, and sessions without a signature. For the page of all lists."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from clinic.models import AuditEvent, Clinic
from clinic.templatetags.clinic_ui import clock
from clinic.templatetags.clinic_ui import day as day_words
from treatments.appointments.calls.heard import FRUITLESS_CALLS, heard_about, times
from treatments.pages.call_rows import Call, CallList, Sorter, days
from treatments.plans.models import TreatmentPlan
from treatments.sessions.models import TreatmentSession

STALLED_DAYS = 14


# ── Courses that stand still ──────────────────────────────────────────────────


def stalled_list(clinic: Clinic, sorter: Sorter, called_in_vain: list[Call], *, now: datetime, ask: bool) -> CallList:
    """One query, none unless we `ask`. `called_in_vain`: lines of sessions to book whose patients were called again and again."""
    found = CallList(
        "stalled",
        "Standing still",
        "pause",
        "No course stands still.",
        "Since",
        means=(
            f"Submitted or on hold for {STALLED_DAYS} days or more, or nothing booked after {FRUITLESS_CALLS} calls."
        ),
    )
    for plan in stalled_courses(clinic, before=now - timedelta(days=STALLED_DAYS)) if ask else ():
        sorter.add(found, _stalled_call(plan, now), plan.calls, about=plan.ref)
    found.calls += [_in_vain(call) for call in called_in_vain]
    return found


def stalled_courses(clinic: Clinic, *, before: datetime) -> QuerySet[TreatmentPlan]:
    """Submitted or on hold since `before`, with `since`, the longest first. The audit trail knows when a course was held."""
    held = AuditEvent.objects.filter(target_ref=OuterRef("ref"), action="plan.on_hold").order_by("-at")
    return (
        clinic.plans.filter(status__in=["submitted", "on_hold"], patient__status="active")
        .annotate(
            since=Coalesce(Subquery(held.values("at")[:1]), "submitted_at", "drafted_at"),
            calls=heard_about("plan"),
        )
        .filter(since__lt=before)
        .select_related("patient")
        .defer("concerns", "proposal")
        .order_by("since", "id")
    )


def _stalled_call(plan: TreatmentPlan, now: datetime) -> Call:
    what = {
        "submitted": "Planned, and nobody has activated it: ask a clinician",
        "on_hold": "On hold: ask a clinician",
    }
    return Call(
        name=plan.patient.full_name,
        session=f"Course of {plan.sessions_planned}",
        say=what[plan.status],
        why=what[plan.status],
        due=days((now - plan.since).days),
        phone=plan.patient.phone,
        leads_to=("chart", plan.patient.ref),
        patient_ref=plan.patient.ref,
        act="Chart",
        hue="ask",
    )


def _in_vain(call: Call) -> Call:
    """The same session as on its own list, with how often its patient was called."""
    said = f"Nothing booked, {times(len(call.told))}"
    return replace(call, say=said, why=said, due=day_words(call.told[-1].said_at), tag="")


# ── Sessions without a signature ──────────────────────────────────────────────


def unsigned_list(clinic: Clinic, *, ask: bool) -> CallList:
    """One query, none unless we `ask`."""
    found = CallList("unsigned", "Not signed", "pen", "Every session is signed.", "Day")
    found.calls = [_unsigned_call(session) for session in (unsigned_sessions(clinic) if ask else ())]
    return found


def unsigned_sessions(clinic: Clinic) -> QuerySet[TreatmentSession]:
    return (
        TreatmentSession.objects.filter(clinic=clinic, status="open")
        .select_related("patient", "operator__user")
        .order_by("opened_at")
    )


def _unsigned_call(session: TreatmentSession) -> Call:
    return Call(
        name=session.patient.full_name,
        say=f"With {session.operator}, begun {clock(session.opened_at)}",
        why=f"With {session.operator}, begun {clock(session.opened_at)}",
        due=day_words(session.on),
        phone=session.patient.phone,
        leads_to=("chart", session.patient.ref),
        patient_ref=session.patient.ref,
        act="Chart",
        hue="ask",
    )
