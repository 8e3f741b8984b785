"""Where a clinic asks everybody for a second factor, whoever has none sets one up before anything else."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

# Neither shows nor changes anything of the clinic's: the page stays open, and who works elsewhere too goes there.
OPEN_WITHOUT = {"clinic:keep_alive", "clinic:change_clinic"}


def is_missing(request: HttpRequest) -> bool:
    """From its day on (real time: the demo's clock lets nobody in). Costs no query: the membership comes with the answer."""
    membership = getattr(request, "membership", None)
    if membership is None or membership.clinic.second_factor_from is None or membership.has_second_factor:
        return False
    return timezone.now().astimezone(membership.clinic.tz).date() >= membership.clinic.second_factor_from


def led_to(request: HttpRequest, name: str) -> HttpResponse | None:
    """The way to her account's security page, for whoever would open another one first; None for everybody else."""
    if name in OPEN_WITHOUT or not is_missing(request):
        return None
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("mfa_index")})
    if request.headers.get("X-Background"):
        return HttpResponse(status=403)  # a page that polls or saves must not take the other page for its answer
    return redirect("mfa_index")
