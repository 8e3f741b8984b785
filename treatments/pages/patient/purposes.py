"""What a link to a visit is: a time and a place, so nothing that asks for a date of birth."""

from datetime import timedelta

from patients.links.purposes import Purpose

# A mail's link ends two days after the visit; this long where an order names no end.
VISIT = Purpose("visit", asks_birth_date=False, lasts=timedelta(days=14), home="treatments:my_visit")
