"""A clinic's own server. What has no safe default must be given, and what would be unsafe is refused at the start."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from clinic.settings.base import *  # noqa: F403
from clinic.settings.base import ALLOWED_HOSTS, BASE_URL, CONTENT_SECURITY_POLICY, SECRET_KEY, STORAGES
from clinic.settings.environment import broker, database, env

SHORTEST_SECRET = 50
GIVEN_AWAY = ("django-insecure", "changeme", "change-me", "secret", "example", "only-for-tests")


def refuse(condition: object, sentence: str) -> None:
    if condition:
        raise ImproperlyConfigured(sentence)


def required(name: str) -> str:
    value = env.str(name, default="")
    refuse(not value, f"{name} is not set. .env.example says what it is for.")
    return value


required("SECRET_KEY")
refuse(
    len(SECRET_KEY) < SHORTEST_SECRET or len(set(SECRET_KEY)) < 10 or SECRET_KEY.lower().startswith(GIVEN_AWAY),
    f"SECRET_KEY must be {SHORTEST_SECRET} random characters or more. "
    'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(50))"',
)
refuse(env.bool("DEBUG", default=False), "DEBUG must not be set in production: error pages would show patients' data.")
required("ALLOWED_HOSTS")
refuse(
    any("*" in host or host in {".", ""} for host in ALLOWED_HOSTS),
    "ALLOWED_HOSTS must name the clinic's hosts; * would let anyone choose the links in our mails.",
)
required("BASE_URL")
refuse(urlsplit(BASE_URL).scheme != "https", "BASE_URL must begin with https://.")
refuse(
    urlsplit(BASE_URL).hostname not in {host.lstrip(".") for host in ALLOWED_HOSTS}
    and not any(host.startswith(".") and (urlsplit(BASE_URL).hostname or "").endswith(host) for host in ALLOWED_HOSTS),
    "BASE_URL must point at one of ALLOWED_HOSTS.",
)

DATABASES = {"default": database(required("DATABASE_URL"))}
CELERY_BROKER_URL = broker(required("REDIS_URL"))
CSRF_TRUSTED_ORIGINS = [BASE_URL]

# Either an SMTP relay, or the backend of a provider with its keys in ANYMAIL.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="")
if not EMAIL_BACKEND:
    vars().update(env.email_url_config(required("EMAIL_URL")))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = required("FROM_EMAIL")

SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=365 * 24 * 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
if env.bool("BEHIND_PROXY", default=False):
    # Only when a proxy of ours sets these headers itself: otherwise anyone could claim to have come by https.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": CONTENT_SECURITY_POLICY["DIRECTIVES"] | {"upgrade-insecure-requests": True},
}
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "clinic.running.static.HashedStaticFiles"}}
