"""Courses that stand still, and sessions without a signature. For the page of all lists."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from clinic.models import AuditEvent, Clinic
from clinic.templatetags.clinic_ui import clock
from clinic.templatetags.clinic_ui import day as day_words
from treatments.appointments.calls.heard import FRUITLESS_CALLS, heard_about, times
from treatments.pages.worklists.call_rows import Call, CallList, Sorter, days
from treatments.plans.models import TreatmentPlan
from treatments.sessions.models import TreatmentSession

STALLED_DAYS = 14
ENDING_PAUSE_DAYS = 7
OPEN_PAUSE_DAYS = 56


# ── Courses that stand still ──────────────────────────────────────────────────


def courses_that_wait(clinic: Clinic, *, now: datetime, today: date) -> list[TreatmentPlan]:
    """Courses that stand still, and those whose pause ends soon or has no end for long, with `since` and what came of `calls`. One
    query. The audit trail knows when a course was held; what somebody has paused does not stand still."""
    held = AuditEvent.objects.filter(target_ref=OuterRef("ref"), action="plan.on_hold").order_by("-at")
    stands_still = Q(paused_at=None, since__lt=now - timedelta(days=STALLED_DAYS))
    ends = Q(paused_until__lte=today + timedelta(days=ENDING_PAUSE_DAYS))
    is_open = Q(paused_until=None, paused_at__lt=now - timedelta(days=OPEN_PAUSE_DAYS))
    return list(
        clinic.plans.filter(status__in=["submitted", "on_hold"], patient__status="active")
        .annotate(
            since=Coalesce(Subquery(held.values("at")[:1]), "submitted_at", "drafted_at"),
            calls=heard_about("plan"),
        )
        .filter(stands_still | ends | is_open)
        .select_related("patient")
        .defer("concerns", "proposal")
        .order_by("since", "id")
    )


def stalled_list(
    waiting: list[TreatmentPlan], sorter: Sorter, called_in_vain: list[Call], *, now: datetime
) -> CallList:
    """`waiting`: from `courses_that_wait`, the longest first. `called_in_vain`: lines of sessions to book whose patients were called
    again and again."""
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
    for plan in waiting:
        if not plan.is_paused:
            sorter.add(found, _stalled_call(plan, now), plan.calls, about=plan.ref)
    found.calls += [_in_vain(call) for call in called_in_vain]
    return found


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


# ── Courses whose pause ends ──────────────────────────────────────────────────


def pauses_list(waiting: list[TreatmentPlan], sorter: Sorter) -> CallList:
    """`waiting`: from `courses_that_wait`. The first to end stands first, what has no end last."""
    found = CallList(
        "paused",
        "Pauses that end",
        "pause",
        "No pause ends in the next days.",
        "Ends",
        means=(
            f"Paused until a day within {ENDING_PAUSE_DAYS} days, or for {OPEN_PAUSE_DAYS} days without an end: "
            "a clinician lets the course go on, or the pause gets another end."
        ),
    )
    paused = [plan for plan in waiting if plan.is_paused]
    for plan in sorted(paused, key=lambda plan: (plan.paused_until or date.max, plan.paused_at)):
        sorter.add(found, _pause_call(plan, sorter), plan.calls, about=plan.ref, since=plan.paused_at)
    return found


def _pause_call(plan: TreatmentPlan, sorter: Sorter) -> Call:
    until, began_on = plan.paused_until, plan.paused_at.astimezone(sorter.zone).date()
    if until is None:
        say, due = f"Paused since {day_words(began_on)}, without an end", "open"
    elif until < sorter.today:
        say, due = f"The pause was over on {day_words(until)}", f"{days((sorter.today - until).days)} ago"
    else:
        say, due = f"Paused until {day_words(until)}", days((until - sorter.today).days)
    return Call(
        name=plan.patient.full_name,
        session=f"Course of {plan.sessions_planned}",
        say=say,
        why=say,
        due=due,
        phone=plan.patient.phone,
        leads_to=("course", plan.ref),
        patient_ref=plan.patient.ref,
        act="Course",
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
