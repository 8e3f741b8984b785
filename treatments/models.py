"""Gathers the models of the rooms, in the order of the patient's path."""

from treatments.appointments.models import Appointment
from treatments.assessments.models import AssessedConcern, Assessment
from treatments.outcomes.models import CourseReview, OutcomeScore
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.rules.models import (
    Anaesthetic,
    Device,
    OutcomeChange,
    PolicyValue,
    ProtocolAdoption,
    ProtocolSignOff,
    ProtocolVersion,
)
from treatments.screenings.models import Clearance, ScreeningFinding, ScreeningRecord
from treatments.sessions.models import AdverseEvent, CartridgeLot, SessionAddendum, SessionZone, TreatmentSession

__all__ = [
    "AdverseEvent",
    "Anaesthetic",
    "Appointment",
    "AssessedConcern",
    "Assessment",
    "CartridgeLot",
    "Clearance",
    "CourseReview",
    "Device",
    "OutcomeChange",
    "OutcomeScore",
    "PlannedSession",
    "PolicyValue",
    "ProtocolAdoption",
    "ProtocolSignOff",
    "ProtocolVersion",
    "ScreeningFinding",
    "ScreeningRecord",
    "SessionAddendum",
    "SessionZone",
    "TreatmentPlan",
    "TreatmentSession",
]
