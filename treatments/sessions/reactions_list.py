"""The unwanted effects that can be written down, as the catalogue lists them, in the order in which they are looked for; and
which of a patient's hold her next session."""

from patients.models import Patient
from treatments.protocol.annexes import MECHANICAL, AdverseEventKind
from treatments.protocol.catalogue import Catalogue

OTHER = "other"


def choices(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Code and label of the effects of what this clinic does, and Other for what is not listed."""
    listed = [event for event in catalogue.adverse_events.values() if event.modality == MECHANICAL]
    return [*((event.code, event.label) for event in listed), (OTHER, "Other")]


def grades(catalogue: Catalogue) -> list[tuple[str, str]]:
    return [
        (grade.code, f"{grade.code}: {grade.label}{', report it' if grade.report else ''}")
        for grade in catalogue.event_grades.values()
    ]


def stops_from(catalogue: Catalogue) -> str:
    """From which grade on an effect stops sessions here."""
    grade = catalogue.interval.event_grade
    first = "Whatever the grade" if grade <= 1 else f"From grade {grade} on"
    return f"{first}, no session until a clinician closes it."


def hold_next_session(patient: Patient, catalogue: Catalogue) -> bool:
    """Whether a reaction holds her next session: open, and of a grade from which these rules refuse one. Those that came with a
    session entered afterwards are among them, as in the screening. One query."""
    grade = catalogue.interval.event_grade
    noted = patient.adverse_events.filter(entered_in_error=False, resolved_on=None, grade__gte=grade)
    past = patient.past_sessions.filter(
        entered_in_error=False, reaction_resolved_on=None, reaction_grade__gte=grade
    )  # one without a reaction has no grade
    return noted.order_by().values("pk").union(past.order_by().values("pk"), all=True).exists()


def name_of(code: str, catalogue: Catalogue) -> str:
    event = kind_of(code, catalogue)
    return event.label if event else "Other" if code == OTHER else code


def kind_of(code: str, catalogue: Catalogue) -> AdverseEventKind | None:
    return catalogue.adverse_events.get(code)


def is_reported(grade: int, catalogue: Catalogue) -> bool:
    """Whether the authority hears of this grade (MedWatch, Yellow Card)."""
    known = catalogue.event_grades.get(str(grade))
    return known is not None and known.report


def too_mild(code: str, grade: int, catalogue: Catalogue) -> str:
    """The sentence where an effect that always needs a clinician was graded lower; empty where the grade may stand."""
    event = kind_of(code, catalogue)
    if event is None or grade >= event.least_grade:
        return ""
    return (
        f"{event.label}: grade {event.least_grade} at least. It stops the next session until a clinician has closed it."
    )
