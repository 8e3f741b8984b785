"""Settings home, keeping a session alive, changing clinic, and the demo's mailbox."""

import time
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from clinic import services
from clinic.errors import DomainError
from clinic.files import file_answer
from clinic.forms import ClinicForm, FirstRunForm, refuse
from clinic.mailbox import MailStore
from clinic.resources.reading import away_ahead, opening_words
from clinic.roles import Role, allow, member, public


@member(methods=["POST"])
def keep_alive(request: HttpRequest) -> HttpResponse:
    """A tap. Counted to the second, unlike other requests: the screen says when it locks, and must not say it too late."""
    request.session["seen_at"] = time.time()
    return HttpResponse(status=204)


@member(methods=["POST"])
def change_clinic(request: HttpRequest) -> HttpResponse:
    chosen = next((m for m in request.memberships if str(m.clinic.ref) == request.POST.get("clinic")), None)
    if chosen is None:
        raise Http404
    request.session["clinic_ref"] = str(chosen.clinic.ref)
    request.session.cycle_key()
    return redirect("/")


@public(methods=["GET", "POST"])
def first_run(request: HttpRequest) -> HttpResponse:
    """Set up an empty Stratum. Gone once there is a clinic, and never offered where strangers could be first."""
    if not settings.FIRST_RUN_PAGE or services.is_set_up():
        raise Http404
    form = FirstRunForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.set_up_first_clinic(**form.cleaned_data)
        except DomainError as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, "The clinic is set up. Sign in with your e-mail and password.")
            # Typed once more: a slip in the password shows at once.
            return redirect(f"{reverse('account_login')}?{urlencode({'next': reverse('treatments:getting_started')})}")
    return render(request, "clinic/first_run.html", {"form": form}, status=422 if form.is_bound else 200)


@member()
def settings_home(request: HttpRequest) -> HttpResponse:
    context = {
        "staff": request.clinic.memberships.select_related("user"),
        "rooms": request.clinic.rooms.all(),
        "closed": away_ahead(request.clinic, None),
        "opening": opening_words(request.clinic),
        "is_manager": request.membership.has(Role.MANAGER),
    }
    return render(request, "clinic/settings.html", context)


@allow(Role.MANAGER, methods=["GET", "POST"])
def clinic_details(request: HttpRequest) -> HttpResponse:
    form = ClinicForm(request.POST or None, instance=request.clinic)
    if request.method == "POST" and form.is_valid():
        services.change_clinic_details(clinic=request.clinic, by=request.user, **form.cleaned_data)
        messages.success(request, "Clinic details saved.")
        return redirect("clinic:settings")
    return render(request, "clinic/details.html", {"form": form}, status=422 if form.is_bound else 200)


def _store() -> MailStore:
    if not settings.MAILBOX_DIR:
        raise Http404
    return MailStore(settings.MAILBOX_DIR)


@member()
def mailbox(request: HttpRequest) -> HttpResponse:
    """What the local sink received over SMTP: the demo's proof that a mail left. Not mounted in production."""
    received = _store().latest(limit=100)
    return render(request, "clinic/mailbox.html", {"received": received})


@member()
def mailbox_message(request: HttpRequest, key: str) -> HttpResponse:
    received = _store().get(key)
    if received is None:
        raise Http404
    return render(request, "clinic/mailbox_message.html", {"received": received, "back": reverse("clinic:mailbox")})


@member()
def mailbox_attachment(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """A file of a received message; the first is number 1."""
    received = _store().get(key)
    attached = received.attachments[number - 1 : number] if received is not None and number else []
    if not attached:
        raise Http404
    return file_answer(attached[0].name, attached[0].content_type, attached[0].content)
