"""Every list of people to call, on one page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic import clock
from clinic.roles import member
from treatments.pages.call_lists import call_lists
from treatments.pages.scores import open_reviews, reviews_list, reviews_shown


@member()
def worklists(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    lists = call_lists(request.clinic, now=now, whole=True)
    # Why a course is on hold is for clinicians; the desk reads on the course that it is.
    rows = reviews_shown(open_reviews().filter(clinic=request.clinic))
    reviews = [reviews_list(rows)] if request.membership.may_see_clinical else []
    context = {"lists": lists, "shown": [*reviews, *lists], "now": now}
    return render(request, "treatments/pages/worklists.html", context)
