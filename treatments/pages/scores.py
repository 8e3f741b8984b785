"""Scores where other pages show them: the newest of each kind on the chart, the skin type a questionnaire proposes, courses to review."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Case, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import JSONObject

from clinic.templatetags.clinic_ui import day
from patients.models import Patient
from treatments.outcomes.history import Line, lines
from treatments.outcomes.models import CourseReview
from treatments.pages.protocol.why import GRADES
from treatments.pages.worklists.call_lists import Call, CallList
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.instruments import Instrument, load, proposed_value
from treatments.protocol.written import written

SHOWN_ON_CHART = 5
# Of a review: whether one of its two scores was struck since.
STRUCK = Case(
    When(Q(score__entered_in_error=True) | Q(baseline__entered_in_error=True), then=Value(True)), default=Value(False)
)


def with_review(patients: QuerySet[Patient]) -> QuerySet[Patient]:
    """Patients with `review`, the open one (ref, reason, struck) or None, in the same query."""
    waiting = open_reviews().filter(plan__patient=OuterRef("pk"))
    shown = waiting.annotate(shown=JSONObject(ref="ref", reason="reason", struck=STRUCK))
    return patients.annotate(review=Subquery(shown.values("shown")[:1]))


def newest_lines(patient: Patient, *, catalogue: Catalogue, plan: TreatmentPlan | None) -> list[Line]:
    """What the chart shows of the scores: the lines measured last, each with its newest score and its drawing. One query.

    `plan`: the course whose baseline and stop line are meant.
    """
    scores = patient.outcome_scores.filter(entered_in_error=False)
    return lines(scores, catalogue=catalogue, plan=plan)[:SHOWN_ON_CHART]


def open_reviews() -> QuerySet[CourseReview]:
    """What waits for a clinician, the longest first. A course that was stopped or planned anew still has its question."""
    waiting = CourseReview.objects.filter(reviewed_at__isnull=True)
    return waiting.select_related("score", "baseline").order_by("raised_at", "id")


def why_of_instrument(instrument: Instrument) -> dict:
    """What an instrument rests on, as `why_popover.html` takes it."""
    named = [load().sources[id] for id in instrument.sources]
    return {
        "title": instrument.label,
        "meta": f"{instrument.variant_label}. Table of instruments {load().version}.",
        "agree": [{"term": source.id, "text": source.title, "grade": source.grade} for source in named],
        "use": instrument.note,
        "key": [{"grade": grade, "text": GRADES[grade]} for grade in sorted({source.grade for source in named})],
    }


def proposed_skin_type(patient: Patient) -> dict | None:
    """What the newest questionnaire proposes: `value` (1 to 6), `points`, `on`. The clinician decides. One query."""
    newest = patient.outcome_scores.filter(instrument="fitzpatrick", entered_in_error=False).first()
    known = load().find(newest.instrument, newest.variant) if newest else None
    value = proposed_value(known, newest.total) if known else None
    return {"value": value, "points": written(newest.total), "on": newest.assessed_on} if value else None


def reviews_shown(reviews: QuerySet[CourseReview]) -> QuerySet:
    """What `reviews_list` says of each, as one JSON object: for a subquery, or a query of its own."""
    shown = {
        "given_name": "plan__patient__given_name",
        "family_name": "plan__patient__family_name",
        "phone": "plan__patient__phone",
        "patient_ref": "plan__patient__ref",
        "number": "plan__number",
    }
    same = {name: name for name in ("ref", "reason", "raised_at")}
    return reviews.annotate(shown=JSONObject(**shown, **same, struck=STRUCK)).values_list("shown", flat=True)


def reviews_list(rows: Iterable[dict]) -> CallList:
    """Courses that wait because a score rose, from `reviews_shown`. For clinicians. No query."""
    found = CallList("course-reviews", "Courses to review", "scan", "No course waits because of a score.", "Since")
    for row in rows:
        why = f"{row['reason']}; one of the two was entered in error" if row["struck"] else row["reason"]
        found.calls.append(
            Call(
                name=f"{row['given_name']} {row['family_name']}",
                session=f"Plan {row['number']}",
                say=why,
                why=why,
                due=day(datetime.fromisoformat(row["raised_at"])),
                phone=row["phone"],
                leads_to=("course_review", UUID(row["ref"])),
                patient_ref=UUID(row["patient_ref"]),
                act="Review",
                hue="ask",
            )
        )
    return found
