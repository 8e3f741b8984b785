"""A press that may touch booked visits: the first one shows them, the second one saves."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django import forms
from django.contrib import messages
from django.db import models
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.resources.forms import OutForm
from clinic.resources.touched import Touched, TouchesVisits
from clinic.submissions import once


def posted(request: HttpRequest) -> QueryDict | None:
    """What was pressed; None while the page is only looked at."""
    return request.POST if request.method == "POST" else None


def seen_before(request: HttpRequest) -> str:
    """Which visits the page of an earlier press has shown."""
    return request.POST.get("seen", "")


def form_page(
    request: HttpRequest, form: forms.Form, do: Callable[[], str], *, title: str, act: str, back: str, **more
) -> HttpResponse:
    """A form of a manager. `do` saves and returns the sentence that says so; `back`: the address it leads to.

    `more`: `lead` (what the act means), `danger`.
    """

    def effect() -> str:
        messages.success(request, do())
        return back

    pressed = _press(request, form, effect)
    if pressed.response is not None:
        return pressed.response
    context = {"form": form, "title": title, "act": act, "back": back, "pressed": pressed} | more
    return render(request, "clinic/resources/form.html", context, status=pressed.status)


def add_page(
    request: HttpRequest, form: forms.Form, add: Callable[[], object], *, what: str, then: str, **more
) -> HttpResponse:
    """The form for one thing more of a list. `add` keeps it and returns it; `what` it is, in words; `then`: what is so from now
    on ("is in service.")."""
    title, act = f"Add a {what}", f"Add the {what}"
    return form_page(request, form, lambda: f"{add()} {then}", title=title, act=act, **more)


def change_page(
    request: HttpRequest, thing: models.Model, form: forms.Form, change: Callable[[], object], *, what: str, **more
) -> HttpResponse:
    """The form of what stands in a list. `change` keeps it and returns it as it is then."""
    title, act = f"{thing}", f"Save the {what}"
    return form_page(request, form, lambda: f"{change()} saved.", title=title, act=act, **more)


def use_or_not(request: HttpRequest, thing: models.Model, use: Callable[..., object], *, back: str) -> HttpResponse:
    """The press in a list by which a thing is used from now on (`to`: "use"), or not any more."""
    in_use = request.POST.get("to") == "use"

    def press() -> str:
        use(in_use=in_use, by=request.user)
        messages.success(request, f"{thing} is {'in use' if in_use else 'not used any more'}.")
        return back

    return once(request, press)


def out_page(
    request: HttpRequest, thing: models.Model, take_out: Callable[..., object], *, lead: str, back: str
) -> HttpResponse:
    """Why a room or a device (`thing`) is out of service from now on."""
    form = OutForm(posted(request), initial={"reason": thing.out_reason})

    def take() -> str:
        take_out(by=request.user, seen=seen_before(request), **form.cleaned_data)
        return f"{thing} is out of service."

    title, act = f"Take {thing} out of service", "Take it out of service"
    return form_page(request, form, take, title=title, act=act, back=back, lead=lead)


def back_in_service(
    request: HttpRequest, thing: models.Model, put_back: Callable[..., object], *, back: str
) -> HttpResponse:
    def put() -> str:
        put_back(by=request.user)
        messages.success(request, f"{thing} is in service again.")
        return back

    return once(request, put)


@dataclass
class _Pressed:
    """The answer to send, or what the page shows: the visits that were found, and its status."""

    response: HttpResponse | None = None
    touched: list[Touched] = field(default_factory=list)
    seen: str = ""
    status: int = 200


def _press(request: HttpRequest, form: forms.Form, effect: Callable[[], str]) -> _Pressed:
    if request.method == "POST" and form.is_valid():
        try:
            return _Pressed(response=once(request, effect))
        except TouchesVisits as first_look:
            # Nothing was saved and nothing is wrong: the page asks whether this is meant.
            return _Pressed(touched=first_look.visits, seen=first_look.seen)
        except DomainError as refusal:
            refuse(form, refusal)
    return _Pressed(status=form_status(request))
