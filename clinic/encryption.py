"""Keys for what must be readable again, derived from SECRET_KEY so that rotating it rotates them."""

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def fernet_keys() -> list[Fernet]:
    """Newest first: the first encrypts, the others still decrypt."""
    return [Fernet(_derive(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _derive(secret: str) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"stratum-second-factor").derive(secret.encode())
    return base64.urlsafe_b64encode(key)
