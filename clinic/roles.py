"""Who may do what. Every view says so with one of three decorators; a view that says nothing is refused."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

READ = ("GET", "HEAD", "OPTIONS")


class Role(models.TextChoices):
    FRONT_DESK = "front_desk", "Front desk"
    CLINICIAN = "clinician", "Clinician"
    PRESCRIBER = "prescriber", "Prescriber"
    MANAGER = "manager", "Manager"


# A prescriber is a clinician who may also prescribe: whatever is open to clinicians is open to her.
IMPLIES = {Role.PRESCRIBER: {Role.CLINICIAN}}


def with_implied(roles: Iterable[str]) -> frozenset[Role]:
    held = {Role(role) for role in roles}
    for role in tuple(held):
        held |= IMPLIES.get(role, set())
    return frozenset(held)


@dataclass(frozen=True)
class Access:
    """What a view declares: the roles it is open to, whether strangers may come, and the methods it answers."""

    roles: frozenset[Role]
    methods: tuple[str, ...]
    public: bool = False

    def permits(self, membership) -> bool:
        return self.public or (membership is not None and bool(self.roles & membership.held_roles))


def allow(*roles: Role, methods: Iterable[str] = ("GET",)) -> Callable:
    """Open the view to members of the clinic who hold one of `roles`."""
    return _declare(Access(frozenset(roles), _answered(methods)))


def member(methods: Iterable[str] = ("GET",)) -> Callable:
    """Open the view to everyone who works in the clinic."""
    return _declare(Access(frozenset(Role), _answered(methods)))


def public(methods: Iterable[str] = ("GET",)) -> Callable:
    """Open the view to strangers. Nothing about a patient may be shown here, but where a `patient_page` stands below it:
    there her own link says who she is."""
    return _declare(Access(frozenset(Role), _answered(methods), public=True))


def _answered(methods: Iterable[str]) -> tuple[str, ...]:
    named = tuple(methods)
    return (*named, "HEAD", "OPTIONS") if "GET" in named else (*named, "OPTIONS")


def _declare(access: Access) -> Callable:
    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            refusal = refuse(request, access)
            return refusal if refusal is not None else view(request, *args, **kwargs)

        guarded.access = access
        return guarded

    return decorate


def refuse(request: HttpRequest, access: Access) -> HttpResponse | None:
    """The answer to someone who may not pass, or None. Strangers learn nothing about which methods exist."""
    if not access.public and not request.user.is_authenticated:
        return _send_to_sign_in(request)
    if not access.permits(request.membership):
        raise PermissionDenied
    if request.method not in access.methods:
        return HttpResponseNotAllowed(access.methods)
    if request.method == "OPTIONS":
        return HttpResponse(headers={"Allow": ", ".join(access.methods)})
    return None


def _send_to_sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request") or request.headers.get("X-Background"):
        # A fragment must not swap the sign-in page into the middle of a screen; the page module covers the draft instead.
        return HttpResponse(status=401)
    # Imported here: models need this module before the user model exists.
    from django.contrib.auth.views import redirect_to_login

    return redirect_to_login(request.get_full_path() if request.method in READ else "/")
