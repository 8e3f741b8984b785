"""What the demo's clinic works with that is not as every week: a room out of service, a closed day, absences, a late day.

Days are offsets from the demo's today, a Tuesday. What is known long before is set before anything is booked; what comes up
later leaves booked visits without their place, and those are on a list.
"""

from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal

from clinic.models import Clinic, Membership, User
from clinic.resources import services as resources
from clinic.resources.touched import TouchesVisits
from treatments.appointments.feeds import services as feeds

ROOM_OUT = ("Room 4", "R4", "New floor is being laid: back next month")
CLOSED = (23, "Staff training")
CONFERENCE = ("Dr Ines Halloran", 9, 10, "Conference")
LATE_DAY = ("Jonas Feld", 8, [(time(12), time(16)), (time(16, 30), time(20))], "Late clinic")
OWN_DEPTH = ("Jonas Feld", Decimal("1.25"))
CALENDAR_OF = "Noor Adeyemi"
# Told two days ago, when visits were booked on that day already.
ABSENT = ("Noor Adeyemi", 3, "Jury service")


def set_up(clinic: Clinic, members: Mapping[str, Membership], *, today: date, by: User) -> None:
    """What is known before the first visit is booked. `members` by full name."""
    name, short_name, reason = ROOM_OUT
    room = resources.add_room(clinic=clinic, name=name, short_name=short_name, position=3, by=by)
    resources.take_room_out(room=room, reason=reason, by=by)
    closed_on = today + timedelta(days=CLOSED[0])
    resources.add_time_off(
        clinic=clinic, membership=None, first_day=closed_on, last_day=closed_on, reason=CLOSED[1], by=by
    )
    who, first, last, reason = CONFERENCE
    resources.add_time_off(
        clinic=clinic,
        membership=members[who],
        first_day=today + timedelta(days=first),
        last_day=today + timedelta(days=last),
        reason=reason,
        by=by,
    )
    who, on, stretches, reason = LATE_DAY
    resources.set_day_hours(
        membership=members[who], on=today + timedelta(days=on), stretches=stretches, reason=reason, by=by
    )
    who, deepest = OWN_DEPTH
    resources.change_person(membership=members[who], sees_patients=True, max_depth_mm=deepest, by=by)
    # Shown once to whoever makes it, and here to nobody: she can give it up and make another.
    whose = members[CALENDAR_OF]
    feeds.make_address(membership=whose, by=whose.user)


def call_away(clinic: Clinic, members: Mapping[str, Membership], *, today: date, by: User) -> None:
    """Somebody is needed elsewhere on a day with visits. They are read first, then stay booked until somebody moves them."""
    who, on, reason = ABSENT
    day = today + timedelta(days=on)
    absence = {"clinic": clinic, "membership": members[who], "first_day": day, "last_day": day, "reason": reason}
    try:
        resources.add_time_off(**absence, by=by)
    except TouchesVisits as touched:
        resources.add_time_off(**absence, by=by, seen=touched.seen)
