"""The clinician's calendar in her own program: its address for her, its content for whoever holds the address."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import get_conditional_response

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Membership
from clinic.roles import Role, allow, public
from clinic.submissions import once
from treatments.appointments.feeds import limits, reading, services


@public()
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar as a file, by its secret address. No session, no cookie; an unknown address and one that was given up
    get the same answer."""
    if limits.too_often(request, token):
        return _plain("Too many requests. Ask again in five minutes.", 429, {"Retry-After": str(limits.WINDOW_SECONDS)})
    found = reading.feed_of(token)
    if found is None:
        return _plain("There is no calendar at this address.", 404)
    now = clock.now()
    services.note_read(found, now=now)
    etag = reading.etag_of(found.membership, now=now)
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        content = reading.written(found.membership, now=now).encode()
        answer = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    answer.headers["ETag"] = etag
    # Kept by her program only, and asked for again before it is believed.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@allow(Role.CLINICIAN, Role.MANAGER)
def feeds(request: HttpRequest) -> HttpResponse:
    """Whether my calendar has an address; for managers, whose has."""
    return _page(request)


@allow(Role.CLINICIAN, Role.MANAGER, methods=["POST"])
def make_address(request: HttpRequest) -> HttpResponse:
    """A new address, shown in this answer and never again."""
    made: list[str] = []

    def effect() -> str:
        made.append(services.make_address(membership=request.membership, by=request.user))
        return reverse("treatments:feeds")

    try:
        answer = once(request, effect)
    except DomainError as refusal:
        return _page(request, refusal=refusal.sentence, status=409)
    if not made:
        messages.warning(
            request, "The address was made by your first press and shown once. Make a new one if you missed it."
        )
        return answer
    return _page(request, address=reading.address_of(made[0]))


@allow(Role.CLINICIAN, Role.MANAGER, methods=["POST"])
def give_up_address(request: HttpRequest) -> HttpResponse:
    """My own address stops working."""
    return _given_up(request, request.membership, "Your calendar can no longer be read at its address.")


@allow(Role.MANAGER, methods=["POST"])
def give_up_address_of(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A lost telephone, somebody who left: a manager closes the address of anybody's calendar."""
    whose = get_object_or_404(request.clinic.memberships.select_related("user"), ref=ref)
    return _given_up(request, whose, f"The calendar of {whose.user.full_name} can no longer be read at its address.")


def _given_up(request: HttpRequest, whose: Membership, said: str) -> HttpResponse:
    def effect() -> str:
        services.give_up_address(membership=whose, by=request.user)
        messages.success(request, said)
        return reverse("treatments:feeds")

    try:
        return once(request, effect)
    except DomainError as refusal:
        return _page(request, refusal=refusal.sentence, status=409)


def _page(request: HttpRequest, *, address: str = "", refusal: str = "", status: int = 200) -> HttpResponse:
    open_feeds = {feed.membership_id: feed for feed in reading.open_feeds(request.clinic)}
    others = request.clinic.memberships.select_related("user").exclude(pk=request.membership.pk)
    context = {
        "mine": open_feeds.get(request.membership.pk),
        "may_have_one": request.membership.sees_patients,
        "address": address,
        "refusal": refusal,
        "others": [(member, open_feeds.get(member.pk)) for member in others if _is_listed(member, open_feeds)]
        if request.membership.has(Role.MANAGER)
        else None,
    }
    return render(request, "treatments/appointments/feeds/feeds.html", context, status=status)


def _is_listed(member: Membership, open_feeds: dict) -> bool:
    return member.sees_patients or member.pk in open_feeds


def _plain(sentence: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    """For programs: no page, no sign-in, nothing that leads further."""
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)
