"""What a patient on the waiting list would take, in words and against a free time."""

from datetime import datetime

from treatments.appointments.calls.models import WaitingEntry
from treatments.appointments.calls.services import WEEKDAYS


def fits(entry: WaitingEntry, start: datetime, clinician: int) -> bool:
    """Whether a visit that starts then (in the clinic's zone), with this clinician (key), is what she would take."""
    if entry.weekdays and start.isoweekday() not in entry.weekdays:
        return False
    if entry.clinician_id is not None and entry.clinician_id != clinician:
        return False
    wall = start.time()
    after = entry.from_time is None or wall >= entry.from_time
    return after and (entry.until_time is None or wall <= entry.until_time)


def wish_words(entry: WaitingEntry) -> str:
    """ "Mondays or Tuesdays, from 16:00, with Noor Adeyemi"; "any time" where nothing was said."""
    said = []
    if entry.weekdays and len(entry.weekdays) < len(WEEKDAYS):
        said.append(" or ".join(f"{WEEKDAYS[day - 1]}s" for day in entry.weekdays))
    if entry.from_time and entry.until_time:
        said.append(f"{entry.from_time:%H:%M} to {entry.until_time:%H:%M}")
    elif entry.from_time:
        said.append(f"from {entry.from_time:%H:%M}")
    elif entry.until_time:
        said.append(f"until {entry.until_time:%H:%M}")
    if entry.clinician_id is not None:
        said.append(f"with {entry.clinician}")
    return ", ".join(said) or "any time"
