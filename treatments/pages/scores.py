"""Scores where other pages show them: the newest of each kind on the chart, the skin type a questionnaire proposes, courses to review."""

from datetime import date

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from clinic.models import Clinic
from clinic.templatetags.clinic_ui import date_year, day
from patients.models import Patient
from treatments.outcomes.history import label_of, zone_label
from treatments.outcomes.models import CourseReview, OutcomeScore
from treatments.outcomes.services import number
from treatments.pages.call_lists import Call, CallList
from treatments.pages.why import GRADES
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.instruments import Instrument, load, proposed_value

UNDER_WAY = (TreatmentPlan.Status.ACTIVE, TreatmentPlan.Status.ON_HOLD)
SHOWN_ON_CHART = 5


def with_newest(patients: QuerySet[Patient]) -> QuerySet[Patient]:
    """Patients with `newest_scores` (dicts, one a kind of score) and `review` (the open one, or None), in the same query."""
    kind = ("instrument", "variant", "zone")
    of_each_kind = (
        OutcomeScore.objects.filter(patient=OuterRef("pk"), entered_in_error=False)
        .order_by(*kind, "-assessed_on", "-id")
        .distinct(*kind)
        .annotate(shown=JSONObject(**{name: name for name in (*kind, "assessed_on", "total", "band", "id")}))
        .values("shown")
    )
    waiting = open_reviews().filter(plan__patient=OuterRef("pk")).annotate(shown=JSONObject(ref="ref", reason="reason"))
    return patients.annotate(newest_scores=ArraySubquery(of_each_kind), review=Subquery(waiting.values("shown")[:1]))


def newest_words(patient: Patient, *, catalogue: Catalogue) -> list[dict]:
    """What the chart says of a patient that came from `with_newest`: label, total and a line below it, newest first."""
    newest = sorted(patient.newest_scores, key=lambda score: (score["assessed_on"], score["id"]), reverse=True)
    shown = []
    for score in newest[:SHOWN_ON_CHART]:
        label, variant = label_of(score["instrument"], score["variant"])
        said = [score["band"], variant, zone_label(score["zone"], catalogue)]
        said.append(date_year(date.fromisoformat(score["assessed_on"])))
        shown.append(
            {"label": label, "total": f"{score['total']:g}", "words": " · ".join(word for word in said if word)}
        )
    return shown


def open_reviews() -> QuerySet[CourseReview]:
    """Courses that wait for a clinician. Of one that has ended nothing is left to decide."""
    return CourseReview.objects.filter(reviewed_at__isnull=True, plan__status__in=UNDER_WAY).order_by("raised_at")


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
    return {"value": value, "points": number(newest.total), "on": newest.assessed_on} if value else None


def reviews_list(clinic: Clinic) -> CallList:
    """Courses on hold because a score rose, the one that waits longest first. For clinicians. One query."""
    found = CallList("course-reviews", "Courses to review", "scan", "No score has put a course on hold.", "Since")
    for review in open_reviews().filter(clinic=clinic).select_related("plan__patient"):
        patient = review.plan.patient
        found.calls.append(
            Call(
                name=patient.full_name,
                session=str(review.plan),
                say=review.reason,
                why=review.reason,
                due=day(review.raised_at),
                phone=patient.phone,
                leads_to=("course_review", review.ref),
                patient_ref=patient.ref,
                act="Review",
                hue="ask",
            )
        )
    return found
