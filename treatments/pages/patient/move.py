"""She asks for another time for her visit: a few that are free, or when it would suit her. Nothing is moved, nothing kept free.

As on the page of the visit not one word says what it is for. Other pages of hers mount `page` under their own purpose.
"""

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import refuse
from clinic.roles import public
from patients.links.access import page_context, patient_page
from treatments.appointments.by_patient import services as told
from treatments.appointments.by_patient.forms import MoveForm
from treatments.appointments.by_patient.times import other_times
from treatments.appointments.by_patient.wishes import Wishes
from treatments.appointments.models import Appointment
from treatments.flows import move_requests
from treatments.pages.patient.shown import version_shown
from treatments.pages.patient.visit import chosen_visit, state_of

TAKE_BACK = "take_back"
OUT_OF_DATE = "This page was out of date. This is your next visit as it stands now."


@public(methods=("GET", "POST"))
@patient_page("visit")
def move(request: HttpRequest) -> HttpResponse:
    """`?visit=`: which of several; else the next one."""
    visit = chosen_visit(request.link, request.GET.get("visit", ""))
    back = reverse("treatments:my_visit")
    if visit is None:
        return redirect(back)
    here = f"{reverse('treatments:my_move')}?visit={visit.ref}"
    return page(visit, request=request, here=here, back=back)


def page(visit: Appointment, *, request: HttpRequest, here: str, back: str) -> HttpResponse:
    """GET shows, POST asks or takes back (`act`). `here`: where its forms go and where a done press leads; `back`: the way out.

    For a visit with its patient and course, of the patient of `request.link`.
    """
    visit.clinic = request.link.clinic
    ways = {"request": request, "here": here, "back": back}
    if request.method != "POST":
        return _shown(visit, _form(visit), **ways)
    # Where the page picks the next visit, that may be another one by now.
    if request.POST.get("visit") != str(visit.ref):
        return _shown(visit, None, refusal=OUT_OF_DATE, status=409, **ways)
    return _taken_back(visit, **ways) if request.POST.get("act") == TAKE_BACK else _asked(visit, **ways)


def _form(visit: Appointment, posted: QueryDict | None = None) -> MoveForm | None:
    """None where she has to call."""
    now = clock.now()
    if not move_requests.may_ask(visit, now=now):
        return None
    before = told.standing(visit) if posted is None else None
    initial = MoveForm.initial_of(Wishes.of(before)) if before else None
    return MoveForm(posted, times=other_times(visit, now=now), initial=initial)


def _asked(visit: Appointment, *, request: HttpRequest, here: str, back: str) -> HttpResponse:
    form = _form(visit, request.POST)
    ways = {"request": request, "here": here, "back": back}
    if form is None:
        return _shown(visit, None, refusal=move_requests.TOO_SOON, status=409, **ways)
    if not form.is_valid():
        return _shown(visit, form, status=422, **ways)
    try:
        move_requests.ask(visit=visit, version=version_shown(request.POST), wishes=form.wishes(), link=request.link)
    except DomainError as refused:
        if refused.field in form.fields:
            refuse(form, refused)
            return _shown(visit, form, status=422, **ways)
        # Her page was out of date: this is the visit as it stands.
        visit.refresh_from_db(fields=["status", "during", "schedule_version"])
        return _shown(visit, None, refusal=refused.sentence, status=409, **ways)
    return redirect(here)


def _taken_back(visit: Appointment, *, request: HttpRequest, here: str, back: str) -> HttpResponse:
    try:
        move_requests.take_back(visit=visit, link=request.link)
    except DomainError as refused:
        ways = {"request": request, "here": here, "back": back}
        return _shown(visit, None, refusal=refused.sentence, status=409, **ways)
    return redirect(back)


def _shown(
    visit: Appointment,
    form: MoveForm | None,
    *,
    request: HttpRequest,
    here: str,
    back: str,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    asked = told.standing(visit)
    context = page_context(request.link) | {
        "visit": visit,
        "starts_at": visit.during.lower,
        "state": state_of(visit, clock.now()),
        "asked": asked,
        "wishes": Wishes.of(asked).words(visit.clinic.tz) if asked else "",
        "form": form,
        "refusal": refusal,
        "here": here,
        "back": back,
    }
    return render(request, "treatments/pages/patient/move.html", context, status=status)
