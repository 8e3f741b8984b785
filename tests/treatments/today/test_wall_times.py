"""On the days the clocks change a visit stands at what the wall shows, in the day and in the week, and none is lost."""

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from clinic import clock
from tests import factories
from treatments.appointments.models import Appointment

pytestmark = pytest.mark.django_db
HOURS = (time(0, 30), time(1, 30), time(3, 30), time(9), time(16, 40), time(23, 30))


@pytest.mark.parametrize(
    ("zone", "on"),
    [
        ("Europe/London", date(2027, 3, 28)),
        ("Europe/London", date(2027, 10, 31)),
        ("Australia/Sydney", date(2027, 4, 4)),
        ("Australia/Sydney", date(2027, 10, 3)),
    ],
)
def test_every_visit_stands_at_its_wall_time(signed_in, clinic_time, zone, on):
    clinic = factories.make_clinic("Harbour Clinic", zone=zone)
    clinician, tz = factories.a_clinician(clinic), ZoneInfo(zone)
    room, patient = clinic.rooms.first(), factories.make_patient(clinic)
    expected = []
    for wall in HOURS:
        for fold in (0, 1):
            start = clock.datetime.combine(on, wall, tzinfo=tz).replace(fold=fold)
            there = start.astimezone(clock.UTC).astimezone(tz)
            if there.time() != wall or (fold and start.utcoffset() == start.replace(fold=0).utcoffset()):
                continue  # leapt over, or the same moment again
            during = (start.astimezone(clock.UTC), start.astimezone(clock.UTC) + timedelta(minutes=20))
            Appointment.objects.create(
                clinic=clinic, patient=patient, kind="review", day=on, starts_at=wall, zone=zone, fold=fold, treat_minutes=20,
                clinician=clinician, room=room, during=during, room_during=during, clinician_during=during,
                overlap_reason="A night of a test",
            )  # fmt: skip
            expected.append(f"{on}T{wall:%H:%M}:00")
    assert len(expected) in (5, 6, 7)
    client = signed_in(factories.make_member(clinic, "front_desk"))
    day = client.get(f"/today/visits.json?day={on}&by=clinicians").json()
    assert sorted(visit["start"] for visit in day["visits"]) == expected
    assert (day["opens"], day["closes"]) == (0, 24 * 60)
    assert all(block["start"] < block["end"] for block in day["off"])
    week = client.get(f"/calendar/visits.json?from={on}&to={on}").json()
    assert sorted(row[week["columns"].index("start")] for row in week["visits"]) == expected
    assert all(block["start"] < block["end"] for block in week["off"])
