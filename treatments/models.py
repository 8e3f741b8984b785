"""Gathers the models of the rooms, in the order of the patient's path."""

from treatments.appointments.by_patient.models import ChangeReport, MoveRequest
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.courses.models import CourseHold, HeldVisit
from treatments.appointments.feeds.models import CalendarFeed
from treatments.appointments.models import Appointment
from treatments.appointments.overlaps import models as _overlaps  # noqa: F401  it brings a trigger
from treatments.appointments.taken.models import Taken
from treatments.assessments.models import AssessedConcern, Assessment
from treatments.assessments.past.models import PastSession
from treatments.outcomes.models import CourseReview, OutcomeScore
from treatments.packages.deposits.models import Deposit, DepositStep
from treatments.packages.models import Package, PackageEntry, PackageOffer, PackagePolicy, PaidOtherwise
from treatments.plans.models import CourseChange, PlannedSession, TakenOver, TreatmentPlan
from treatments.rules.credentials.models import Credential
from treatments.rules.models import (
    Anaesthetic,
    Device,
    OutcomeChange,
    PolicyValue,
    ProtocolAdoption,
    ProtocolSignOff,
    ProtocolVersion,
)
from treatments.rules.products.models import SkinProduct
from treatments.screenings.by_patient.models import PatientForm
from treatments.screenings.models import Clearance, ScreeningFinding, ScreeningRecord
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import (
    AdverseEvent,
    CartridgeLot,
    SessionAddendum,
    SessionProduct,
    SessionZone,
    TreatmentSession,
)

__all__ = [
    "AdverseEvent",
    "Anaesthetic",
    "Appointment",
    "AssessedConcern",
    "Assessment",
    "CallOutcome",
    "CalendarFeed",
    "CartridgeLot",
    "ChangeReport",
    "CheckIn",
    "Clearance",
    "CourseChange",
    "CourseHold",
    "CourseReview",
    "Credential",
    "Deposit",
    "DepositStep",
    "Device",
    "HeldVisit",
    "MoveRequest",
    "OutcomeChange",
    "OutcomeScore",
    "Package",
    "PackageEntry",
    "PackageOffer",
    "PackagePolicy",
    "PaidOtherwise",
    "PastSession",
    "PatientForm",
    "PlannedSession",
    "PolicyValue",
    "ProtocolAdoption",
    "ProtocolSignOff",
    "ProtocolVersion",
    "ScreeningFinding",
    "ScreeningRecord",
    "SessionAddendum",
    "SessionProduct",
    "SessionZone",
    "SkinProduct",
    "Taken",
    "TakenOver",
    "TreatmentPlan",
    "TreatmentSession",
    "WaitingEntry",
]
