"""The Messages page: what will go, what went, what did not and why. Open to everyone who works here: the texts name
no diagnosis and no treatment."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

from django.contrib import messages as notices
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.files import file_answer
from clinic.forms import form_status
from clinic.roles import Role, allow, member
from clinic.submissions import go_to, once, or_back_to, own_path
from patients.outbox import forms, frozen, preview, resending, selectors, services, suppression, travel, wording
from patients.outbox.models import Message

LONGEST_SEARCH = 80
FIRST_YEAR, LAST_YEAR = 2000, 2200


@member(methods=["GET", "POST"])
def day(request: HttpRequest) -> HttpResponse:
    """One day of the ledger. POST only searches: what is typed about a patient must not stand in a URL."""
    return _day_page(request)


def _day_page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    now = clock.now()
    today = now.astimezone(request.clinic.tz).date()
    chosen = _day(request.GET.get("on", "")) or today
    show = request.GET.get("show", "")
    find = request.POST.get("find", "")[:LONGEST_SEARCH].strip()
    page = selectors.day_page(clinic=request.clinic, day=chosen, now=now, show=show, find=find)
    return render(
        request,
        "patients/outbox/messages.html",
        {
            "page": page,
            "balance": page.balance,
            "show": show if show in selectors.TABS else "",
            "find": find,
            "today": today,
            "day_before": chosen - timedelta(days=1),
            "day_after": chosen + timedelta(days=1),
            "tabs": _tabs(page.balance),
            "shared": suppression.shared(page.addresses, clinic=request.clinic),
            "demo_clock": travel.clock_of(request.clinic) if _may_move_the_clock(request) else None,
            "refusal": refusal,
        },
        status=status,
    )


def _address(request: HttpRequest, ref: UUID) -> str:
    return reverse("patients:message", args=[_message(request, ref).ref])


@member()
def message(request: HttpRequest, ref: UUID) -> HttpResponse:
    """One message: the text as it was sent, or as it would be sent now, and everything that happened to it."""
    return _message_page(request, _message(request, ref))


@member()
def attachment(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The file that went with a message, or that would go with it now."""
    text = preview.text_of(_message(request, ref))
    if text is None or text.attachment is None:
        raise Http404
    return file_answer(text.attachment.name, text.attachment.content_type, text.attachment.text.encode())


@member(methods=["GET", "POST"])
@or_back_to(_address)
def hold(request: HttpRequest, ref: UUID) -> HttpResponse:
    found, form = _message(request, ref), forms.hold_form(request.POST)
    if not form.is_valid():
        return _message_page(request, found, form=form, status=422)
    reason = form.cleaned_data["reason"]
    return _act(
        request,
        found,
        lambda: services.hold(message=found, reason=reason, by=request.user),
        "Held back until you release it.",
    )


@member(methods=["GET", "POST"])
@or_back_to(_address)
def release(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _message(request, ref)
    said = (
        "Released: it goes at its time, once mail is sent again."
        if _is_paused(request)
        else "Released: it goes at its time."
    )
    return _act(request, found, lambda: services.release(message=found, by=request.user), said)


@member(methods=["GET", "POST"])
@or_back_to(_address)
def send_now(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _message(request, ref)
    said = "It leaves first, once mail is sent again." if _is_paused(request) else "It leaves within half a minute."
    return _act(request, found, lambda: services.send_now(message=found, by=request.user), said)


@member(methods=["GET", "POST"])
@or_back_to(_address)
def send_again(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _message(request, ref)
    when = "once mail is sent again" if _is_paused(request) else "at once"
    said = f"It is sent a second time {when}, and says that it may be a copy."
    return _act(request, found, lambda: services.send_again(message=found, by=request.user), said)


@member(methods=["GET", "POST"])
@or_back_to(_address)
def send_once_more(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A copy for who says that she never got it."""
    found = _message(request, ref)
    when = "once mail is sent again" if _is_paused(request) else "at once"
    said = f"A copy leaves {when}, and says that it may be one."
    return _act(request, found, lambda: resending.resend(message=found, by=request.user), said)


@member(methods=["GET", "POST"])
@or_back_to(_address)
def arrived(request: HttpRequest, ref: UUID) -> HttpResponse:
    found = _message(request, ref)
    return _act(request, found, lambda: services.mark_arrived(message=found, by=request.user), "Noted: it arrived.")


@member(methods=["GET", "POST"])
def pause(request: HttpRequest) -> HttpResponse:
    """Stop all mail of the clinic, with a reason everyone can read."""
    form = forms.pause_form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        services.pause(clinic=request.clinic, reason=reason, by=request.user)
        notices.success(request, "Mail is paused. Nothing is lost: it waits.")
        return go_to(request, reverse("patients:messages"))
    return render(request, "patients/outbox/pause.html", {"form": form}, status=422 if form.is_bound else 200)


@member(methods=["POST"])
def resume(request: HttpRequest) -> HttpResponse:
    services.resume(clinic=request.clinic, by=request.user)
    notices.success(request, "Mail goes again.")
    return go_to(request, reverse("patients:messages"))


@allow(Role.MANAGER, methods=["GET", "POST"])
def release_frozen(request: HttpRequest) -> HttpResponse:
    """After a restore: what is due, and the word that lets it leave."""
    form = forms.ReleaseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            return once(request, lambda: _released(request))
        except DomainError as exc:
            return _frozen_page(request, forms.ReleaseForm(), refusal=exc.sentence, status=409)
    return _frozen_page(request, form, status=form_status(request))


def _released(request: HttpRequest) -> str:
    left = frozen.release(clinic=request.clinic, by=request.user)
    to_a_person = f"{left} that fell due before now {'waits' if left == 1 else 'wait'} for a person." if left else ""
    again = "Mail is released, and still paused." if request.clinic.mail_paused_at else "Mail leaves again."
    notices.success(request, f"{again} {to_a_person}".strip())
    return reverse("patients:messages")


def _frozen_page(
    request: HttpRequest, form: forms.ReleaseForm, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    restoration = request.clinic.restoration
    waiting = frozen.waiting(clinic=request.clinic, restoration=restoration, now=clock.now()) if restoration else []
    context = {
        "form": form,
        "restoration": restoration,
        "waiting": waiting,
        "all": frozen.sum_of(waiting),
        "returns": frozen.returns_of(request.clinic),
        "refusal": refusal,
    }
    return render(request, "patients/outbox/frozen.html", context, status=status)


@allow(Role.MANAGER)
def demo_clock(request: HttpRequest) -> HttpResponse:
    """Where the demo's clock stands and what left on its way: asked again and again while it moves, with X-Background."""
    if not _may_move_the_clock(request):
        raise Http404
    return render(request, "patients/outbox/_clock.html", {"demo_clock": travel.clock_of(request.clinic)})


@allow(Role.MANAGER, methods=["POST"])
def move_clock(request: HttpRequest) -> HttpResponse:
    """Have the demo's clock moved. A worker does it, stop by stop; this page shows how far it is."""
    if not _may_move_the_clock(request):
        raise Http404

    def effect() -> str:
        travel.ask(clinic=request.clinic, far=request.POST.get("far", ""), by=request.user)
        return reverse("patients:messages")

    try:
        return once(request, effect)
    except DomainError as exc:
        return _day_page(request, refusal=exc.sentence, status=409)


def _may_move_the_clock(request: HttpRequest) -> bool:
    return request.membership.has(Role.MANAGER) and travel.is_offered(request.clinic)


def _is_paused(request: HttpRequest) -> bool:
    """Nothing leaves at the moment, so no sentence may promise it."""
    return request.clinic.mail_paused_at is not None or request.clinic.is_frozen


def _message(request: HttpRequest, ref: UUID) -> Message:
    mine = request.clinic.messages.select_related("patient", "clinic", "closed_by", "created_by")
    return get_object_or_404(mine, ref=ref)


def _act(request: HttpRequest, found: Message, service: Callable[[], Message], said: str) -> HttpResponse:
    """Run one service for one press and return to where the message was opened; a refusal is shown on the message's own page."""

    def effect() -> str:
        changed = service()
        notices.success(request, said)
        return _came_from(request) or _day_url(changed)

    try:
        return once(request, effect)
    except DomainError as exc:
        return _message_page(request, _message(request, found.ref), refusal=exc.sentence, status=409)


def _message_page(
    request: HttpRequest, found: Message, *, form: forms.ReasonForm | None = None, refusal: str = "", status: int = 200
) -> HttpResponse:
    events = [(entry, wording.event(entry)) for entry in found.events.select_related("by").order_by("pk")]
    now = clock.now()
    context = {
        "message": found,
        "row": wording.row(found, now),
        "may_resend": resending.may_resend(found, now),
        "not_again": resending.why_not_again(found),
        "text": preview.text_of(found),
        "is_shared": bool(suppression.shared([found.patient.email], clinic=request.clinic)),
        "events": events,
        "form": form or forms.hold_form(),
        "refusal": refusal,
        "back": _came_from(request) or _day_url(found),
        "next": _came_from(request),
    }
    return render(request, "patients/outbox/message.html", context, status=status)


def _came_from(request: HttpRequest) -> str:
    """The page of ours on which the message was opened, as a patient's messages; empty for the day."""
    return own_path(request.POST.get("next") or request.GET.get("next") or "")


def _day_url(message: Message) -> str:
    return f"{reverse('patients:messages')}?on={clock.local(message.send_at, message.clinic).date().isoformat()}"


def _day(typed: str) -> date | None:
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def _tabs(balance: selectors.Balance) -> list[dict]:
    return [
        {"show": "", "label": "All", "count": balance.due},
        {"show": "will", "label": "Will go", "count": balance.will_go},
        {"show": "went", "label": "Went", "count": balance.went},
        {"show": "not", "label": "Did not go, and why", "count": balance.did_not_go},
        {"show": "unknown", "label": "Unknown", "count": balance.unknown},
    ]
