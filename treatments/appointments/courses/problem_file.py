"""What the search for a course was asked, as a file: for `manage.py course_slots`, a report of a fault, a second opinion.

The file names nobody: no patient, no key, letters for clinicians and numbers for rooms.
"""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.roles import Role, allow
from treatments.appointments.courses.forms import WishesForm
from treatments.appointments.courses.problems import course_times, sessions_to_place
from treatments.appointments.working_time import people, weekly_hours
from treatments.plans.models import TreatmentPlan
from treatments.scheduling.problems import problem_to_json


@allow(Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
def course_problem(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The problem of placing the next sessions of a course, with the wishes in the address. Where there is none, the page
    that says why."""
    plan = get_object_or_404(request.clinic.plans.select_related("patient__clinic", "clinic"), ref=ref)
    page = f"{reverse('treatments:book_course', args=[plan.ref])}?{request.GET.urlencode()}"
    planned = sessions_to_place(plan)
    if plan.status != TreatmentPlan.Status.ACTIVE or not planned:
        return redirect(page)
    now = clock.now()
    form = WishesForm(
        request.GET,
        sessions=len(planned),
        clinicians=people(weekly_hours(plan.clinic)),
        today=now.astimezone(plan.clinic.tz).date(),
    )
    try:
        times = course_times(plan, planned, form.wishes(), now=now)
    except DomainError:
        return redirect(page)
    answer = JsonResponse(problem_to_json(times.free.dumped()), json_dumps_params={"indent": 1})
    answer.headers["Content-Disposition"] = 'attachment; filename="course-problem.json"'
    return answer
