"""Gathers the models of the patients app; the ledger's live in its own room."""

from patients.importing.models import ImportedPatient, ImportRun, PatientNumber, RememberedColumns
from patients.models.closings import RecordClosing
from patients.models.consents import Consent, ConsentText, DepthClass
from patients.models.history import Allergy, HistoryAnswer, MedicationStatement
from patients.models.links import PatientLink
from patients.models.merging import MovedRow, RecordMerge
from patients.models.people import Patient
from patients.models.photos import Photo
from patients.outbox.models import Message, MessageEvent, WorkerSeen
from patients.outbox.texts.models import MessageText

__all__ = [
    "Allergy",
    "Consent",
    "ConsentText",
    "DepthClass",
    "HistoryAnswer",
    "ImportRun",
    "ImportedPatient",
    "MedicationStatement",
    "Message",
    "MessageEvent",
    "MessageText",
    "MovedRow",
    "Patient",
    "PatientLink",
    "PatientNumber",
    "Photo",
    "RecordClosing",
    "RecordMerge",
    "RememberedColumns",
    "WorkerSeen",
]
