"""What her links are for. A visit is a time and a place, so nothing that asks for a date of birth; the days after one are her care."""

from datetime import timedelta

from patients.links.purposes import Purpose
from treatments.sessions.messages import PAGE_STANDS

# A mail's link ends two days after the visit; this long where an order names no end.
VISIT = Purpose("visit", asks_birth_date=False, lasts=timedelta(days=14), home="treatments:my_visit", label="The visit")
# Also her next visit, her word that she comes, and how her skin is: one page, one date of birth.
AFTERCARE = Purpose(
    "aftercare",
    asks_birth_date=True,
    lasts=PAGE_STANDS,
    home="treatments:my_aftercare",
    label="The days after the visit",
)
# Her last answers before a treatment. The reminders name its end: two hours after the visit begins.
CHANGES = Purpose(
    "changes", asks_birth_date=True, lasts=timedelta(days=4), home="treatments:my_changes", label="Anything changed?"
)
