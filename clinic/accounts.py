"""Sign-in as the clinic wants it: no sign-up, secrets encrypted at rest, a person known with her clinics."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import MultiFernet
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from clinic.encryption import fernet_keys
from clinic.handover import admission as handover
from clinic.handover.middleware import LOCK
from clinic.models import Membership, User
from clinic.staff import admission


class Backend(AuthenticationBackend):
    """Signs in as the library does. Whoever is signed in comes with her memberships: every page asks for both."""

    def get_user(self, user_id: Any) -> User | None:
        memberships = Membership.in_force_of(user_id)
        if not memberships:
            return super().get_user(user_id)
        user = memberships[0].user
        user.memberships_in_force = memberships
        return user if self.user_can_authenticate(user) else None


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Staff come by a manager's invitation; the library's default would let anyone in."""
        return False

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Whoever works nowhere any more is told so, instead of being let in to a house where nothing opens. Who is asked to
        come back signs in to say yes."""
        stopped = super().pre_login(request, user, **kwargs)
        if stopped is None and (refusal := handover.refusal(request, user)):
            messages.error(request, refusal)
            return redirect(LOCK)
        if stopped is not None or user.memberships_in_force or self._is_asked_to_come(request, user):
            return stopped
        return redirect("account_inactive")

    def login(self, request: HttpRequest, user: User) -> None:
        """Signing in on a tablet that a patient gave back unlocks it."""
        super().login(request, user)
        request.unlocked = handover.let_go(request, user)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Who has unlocked a tablet goes on with what was answered on it."""
        response = super().post_login(request, user, **kwargs)
        unlocked = getattr(request, "unlocked", None)
        return redirect(settings.UNLOCKED_PAGE, unlocked.ref) if unlocked else response

    def _is_asked_to_come(self, request: HttpRequest, user: User) -> bool:
        invitation = admission.admitted(request)
        return invitation is not None and invitation.email == user.email

    def format_email_subject(self, subject: str) -> str:
        return f"{settings.PRODUCT_NAME}: {subject}"


class MFAAdapter(DefaultMFAAdapter):
    """The library keeps TOTP secrets in clear unless told otherwise."""

    def encrypt(self, text: str) -> str:
        return MultiFernet(fernet_keys()).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return MultiFernet(fernet_keys()).decrypt(encrypted_text.encode()).decode()
