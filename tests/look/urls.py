"""The sheet of parts has an address only here: in the tests."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clinic.forms import page_form_helper
from clinic.roles import public
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


@public(methods=["GET"])
def shell(request: HttpRequest) -> HttpResponse:
    messages.success(request, "Session 3 moved to Tue 4 May.", extra_tags="undo:/look/shell/")
    messages.error(request, "Just taken: Tue 20 Apr, 09:30. Nothing was saved.")
    return render(request, "_parts_shell.html", {"header": parts.HEADER})


urlpatterns = [path("look/parts/", sheet), path("look/shell/", shell), *product]
