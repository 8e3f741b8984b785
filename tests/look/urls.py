"""The sheet of parts has an address only here: in the tests."""

from types import SimpleNamespace

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path

from clinic.forms import page_form_helper
from clinic.models import Membership
from clinic.roles import Role, public
from clinic.urls import urlpatterns as product
from tests.look import parts


class SampleForm(forms.Form):
    name = forms.CharField(label="Full name", max_length=60)
    email = forms.EmailField(label="E-mail", help_text="The confirmation goes here.")
    language = forms.ChoiceField(label="Language", choices=[("en", "English"), ("pl", "Polish")])
    channel = forms.ChoiceField(
        label="How to reach her", choices=[("mail", "E-mail"), ("phone", "Phone")], widget=forms.RadioSelect
    )
    agreed = forms.BooleanField(label="She agreed to reminders")
    remark = forms.CharField(label="Remark", required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()


@public(methods=["GET", "POST"])
def sheet(request: HttpRequest) -> HttpResponse:
    form = SampleForm(request.POST or ({"email": "no address"} if "errors" in request.GET else None))
    return render(request, "_parts.html", parts.context() | {"form": form})


@public(methods=["GET", "POST"])
def shell(request: HttpRequest) -> HttpResponse:
    """The frame as someone signed in sees it, without a database: the person is made up on the spot."""
    if request.method == "GET" and "quiet" not in request.GET:
        messages.success(request, "Session 3 moved to Tue 4 May.", extra_tags="undo:/look/shell/")
        messages.error(request, "Just taken: Tue 20 Apr, 09:30. Nothing was saved.")
    person = SimpleNamespace(is_authenticated=True, ref="tess", full_name="Tess Moran", initials="TM")
    role = Membership(roles=[Role.FRONT_DESK])
    shown = {
        "header": parts.HEADER,
        "why": parts.WHY,
        "user": person,
        "membership": role,
        "clinic": SimpleNamespace(name="Alder Lane"),
    }
    return render(
        request,
        "_parts_shell.html",
        shown | {"idle_minutes": request.GET.get("idle", 10), "idle_seconds": request.GET.get("used", 0)},
    )


@public(methods=["GET", "POST"])
def slots(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return render(
            request, "_components/failed.html", {"title": "Just taken", "text": "Nothing was saved."}, status=409
        )
    return render(request, "_components/empty.html", {"title": "Three sets fit"})


@public(methods=["POST"])
def autosave(request: HttpRequest) -> HttpResponse:
    if "wrong" in request.POST["note"]:
        return JsonResponse({"sentence": "The note is signed already."}, status=409)
    return JsonResponse({"saved_at": "10:56", "version": int(request.POST["version"]) + 1})


@public(methods=["POST"])
def keep_alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


@public(methods=["POST"])
def refused(request: HttpRequest) -> HttpResponse:
    """What a form stands on after it was refused: its address answers to nothing but a POST."""
    answer = shell(request)
    answer.status_code = 422
    return answer


urlpatterns = [
    path("look/refused/", refused),
    path("settings/", shell),
    path("look/parts/", sheet),
    path("look/shell/", shell),
    path("look/slots/", slots),
    path("look/autosave/", autosave),
    path("keep-alive/", keep_alive),
    *product,
]
