"""What a patient opens from a mail, as far as it is about the mail itself: the link, and how we may write to her."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from clinic.roles import public
from patients.links import access, purposes, services
from patients.links.access import kept_quiet, page_context, patient_page
from patients.links.forms import BirthForm, ContactForm
from patients.services import contact as contacts

FORM = ("GET", "POST")
SAVED = "saved"
ONE_CLICK = ("List-Unsubscribe", "One-Click")


@public()
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Swap the token for a short cookie and go to the page without it.

    Counted here although GET otherwise changes nothing: here the token is used, and a limit that counted only presses
    would limit no reader.
    """
    return _swapped(request, token)


@csrf_exempt
@public(methods=FORM)
def stop_by_mail(request: HttpRequest, token: str) -> HttpResponse:
    """The address in the header of optional mail (RFC 8058): a mail program's one click is a POST without cookie and
    without our form's token, a person's click is a GET and leads to a page with a button."""
    if request.method != "POST":
        return _swapped(request, token, to="patients:my_contact_stop")
    if request.POST.get(ONE_CLICK[0]) != ONE_CLICK[1]:
        return _plain("Send List-Unsubscribe=One-Click to end the reminders, or open this address in a browser.", 400)
    link = services.look_up(token=token, purpose=purposes.CONTACT.code)
    if link is None:
        return _plain("This link has ended. Call the clinic, or use the link in a newer message.", 404)
    contacts.stop_optional(link=link, via="one_click")
    return _plain("You will get no more reminders.", 200)


@public()
def over(request: HttpRequest) -> HttpResponse:
    """A link that opens nothing (any more)."""
    return access.over(request)


@public(methods=FORM)
def birth(request: HttpRequest) -> HttpResponse:
    """Her date of birth, before a page that says something clinical. GET: she came back to a page that had refused one."""
    if request.method != "POST":
        asked = purposes.find(request.GET.get("purpose", ""))
        return kept_quiet(redirect(asked.home)) if asked else access.over(request)
    purpose = purposes.find(request.POST.get("purpose", ""))
    found = access.admitted(request, purpose.code) if purpose else None
    if found is None:
        return access.over(request)
    form = BirthForm(request.POST)
    if form.is_valid():
        proof = services.prove_birth(link=found.link, born_on=form.cleaned_data["born_on"])
        if proof.is_right:
            return kept_quiet(access.let_in(redirect(purpose.home), found.link, birth_is_proven=True))
        if not proof.tries_left:
            return access.over(request, is_guessed=True)
        tries = "one try is" if proof.tries_left == 1 else f"{proof.tries_left} tries are"
        form.add_error(None, f"That is not the date we have on record; {tries} left. You can also call us.")
    return access.ask_birth(request, found.link, form=form, status=422)


@public(methods=FORM)
@patient_page("contact")
def contact(request: HttpRequest) -> HttpResponse:
    """How we may write to her: her answers, and a way to change them."""
    form = ContactForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        contacts.choose(link=request.link, **form.answer)
        return redirect(f"{reverse('patients:my_contact')}?{SAVED}")
    context = page_context(request.link) | {
        "form": form,
        "chosen": ContactForm.of(request.patient),
        "is_saved": SAVED in request.GET,
    }
    return render(request, "patients/links/contact.html", context, status=422 if form.is_bound else 200)


@public(methods=FORM)
@patient_page("contact")
def stop(request: HttpRequest) -> HttpResponse:
    """One button that ends the reminders."""
    if request.method == "POST":
        contacts.stop_optional(link=request.link, via="page")
        return redirect("patients:my_contact_stop")
    return render(
        request, "patients/links/stop.html", page_context(request.link) | {"is_on": request.patient.reminders_allowed}
    )


def _swapped(request: HttpRequest, token: str, *, to: str = "") -> HttpResponse:
    if request.method == "HEAD":
        # A scanner that only knocks: it opens nothing, and learns nothing.
        return kept_quiet(HttpResponse())
    link = services.open_link(token=token)
    purpose = purposes.find(link.purpose) if link else None
    if link is None or purpose is None or (to and purpose != purposes.CONTACT):
        return kept_quiet(redirect("patients:my_link_over"))
    return kept_quiet(access.let_in(redirect(to or purpose.home), link))


def _plain(sentence: str, status: int) -> HttpResponse:
    """For programs."""
    return kept_quiet(HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8"))
