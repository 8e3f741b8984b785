"""Every list of people to call, on one page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic import clock
from clinic.roles import member
from treatments.pages.call_lists import call_lists


@member()
def worklists(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    lists = call_lists(request.clinic, now=now, with_unsigned=True)
    return render(request, "treatments/pages/worklists.html", {"lists": lists, "now": now})
