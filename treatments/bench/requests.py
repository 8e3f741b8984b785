"""Pages that exist for the benchmark only: a month of free visits, and the least a page can do with such a month."""

from datetime import timedelta

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from clinic import clock
from clinic.roles import member
from patients.models import Patient
from treatments.appointments.free_slots import free_slots
from treatments.appointments.places import LENGTHS

DAYS = 30
# A page of slots has its patient at hand already.
SOMEBODY = 1
RAW = """
SELECT clinician_id, room_id, extract(epoch FROM lower(room_during))::bigint, extract(epoch FROM upper(room_during))::bigint
FROM treatments_appointment WHERE clinic_id = %s AND day BETWEEN %s AND %s AND clinician_id = %s
"""


@member(methods=["GET"])
def month(request: HttpRequest) -> HttpResponse:
    """Free visits of the one who asks, with rooms, for the next thirty days."""
    clinic, now = request.clinic, clock.now()
    today = now.astimezone(clinic.tz).date()
    found = free_slots(
        clinic=clinic,
        patient=Patient(pk=SOMEBODY, clinic=clinic),
        length=LENGTHS["consultation"],
        first_day=today,
        last_day=today + timedelta(days=DAYS),
        clinicians=[request.membership],
        now=now,
    )
    return JsonResponse([[slot.start.timestamp(), slot.clinician, slot.room] for slot in found], safe=False)


@member(methods=["GET"])
def raw(request: HttpRequest) -> HttpResponse:
    """The visits of the one who asks, as the database gives them."""
    today = clock.now().astimezone(request.clinic.tz).date()
    with connection.cursor() as cursor:
        cursor.execute(RAW, [request.clinic.pk, today, today + timedelta(days=DAYS), request.membership.pk])
        return HttpResponse(str(len(cursor.fetchall())))


@member(methods=["GET"])
def nothing(request: HttpRequest) -> HttpResponse:
    """What every page asks before it asks anything of its own: who is there, and what time it is."""
    return HttpResponse(f"{request.clinic.name}, {clock.now():%H:%M}")


urlpatterns = [path("month", month), path("raw", raw), path("nothing", nothing), path("", include("clinic.urls"))]
