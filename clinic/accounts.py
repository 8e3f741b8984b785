"""Sign-in as the clinic wants it: no sign-up, secrets encrypted at rest."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import MultiFernet
from django.conf import settings
from django.http import HttpRequest

from clinic.encryption import fernet_keys


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Staff come by a manager's invitation; the library's default would let anyone in."""
        return False

    def format_email_subject(self, subject: str) -> str:
        return f"{settings.PRODUCT_NAME}: {subject}"


class MFAAdapter(DefaultMFAAdapter):
    """The library keeps TOTP secrets in clear unless told otherwise."""

    def encrypt(self, text: str) -> str:
        return MultiFernet(fernet_keys()).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return MultiFernet(fernet_keys()).decrypt(encrypted_text.encode()).decode()
