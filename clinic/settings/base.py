"""What every surrounding shares. Secure by default: demo and test relax what has to be relaxed, by name."""

from csp.constants import NONE, SELF
from django.urls import reverse

from clinic.settings.environment import BASE_DIR, VAR, env
from clinic.settings.jobs import *  # noqa: F403  (the CELERY_ names)
from clinic.settings.logs import LOGGING  # noqa: F401
from clinic.settings.sign_in import *  # noqa: F403  (the ACCOUNT_ and MFA_ names)

PRODUCT_NAME = "Stratum"
PRODUCT_VERSION = "0.1.0"
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
# Links in mails start with it.
BASE_URL = env.str("BASE_URL", default="").rstrip("/")
ROOT_URLCONF = "clinic.urls"
WSGI_APPLICATION = "clinic.wsgi.application"
AUTH_USER_MODEL = "clinic.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
VAR_DIR = VAR
MEDIA_ROOT = VAR / "media"
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
# Where a proxy hands photos over itself (X-Accel-Redirect to an internal place of this name); empty: the app does.
PHOTOS_ACCEL = env.str("PHOTOS_ACCEL", default="")

# Only the demo and the tests may move clinic_now().
CLOCK_MOVABLE = False
# An empty Stratum asks its first visitor to set it up; where strangers could be first, `create_clinic` does it instead.
FIRST_RUN_PAGE = False
# Folder of the local mail sink; None: there is none, and its pages answer 404.
MAILBOX_DIR = None
# Dotted path of a class whose `accepted(message_id)` asks the relay's own record; empty: the relay keeps none.
OUTBOX_RELAY_RECORD = env.str("OUTBOX_RELAY_RECORD", default="")
# Hours for which the relay drops a copy handed over under the same key; 0: it remembers none.
OUTBOX_IDEMPOTENT_HOURS = env.int("OUTBOX_IDEMPOTENT_HOURS", default=0)

INSTALLED_APPS = [
    "clinic",
    "patients",
    "treatments",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "csp",
    "pgtrigger",
    "pghistory",
    "anymail",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "clinic.handover.middleware.HandedOverMiddleware",
    "clinic.middleware.ClinicMiddleware",
    "clinic.middleware.AccessMiddleware",
    "pghistory.middleware.HistoryMiddleware",
]
# Reading writes no history, and asking who reads would cost a query on pages for strangers.
PGHISTORY_MIDDLEWARE_METHODS = ("POST", "PUT", "PATCH", "DELETE")

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "clinic.context.shell",
            ],
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_FAIL_SILENTLY = False
# The cookie storage would put sentences about patients into the browser.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LANGUAGE_CODE = "en-gb"
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# Rate limits live here: they must outlast a Redis that is down, because sign-in does.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "clinic_cache"}}

STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

EMAIL_TIMEOUT = 30
ANYMAIL = env.json("ANYMAIL", default={})

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 10 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_NAME = "__Host-session"
SESSION_COOKIE_SECURE = SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REDIRECT_EXEMPT = [r"^healthz"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # blob: a photo before its upload; data: Bootstrap's arrows and the picture of the second factor's secret.
        "img-src": [SELF, "blob:", "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}


def _chart(patient) -> str:
    return reverse("treatments:chart", args=[patient.ref])


# The chart belongs to treatments, which patients may not import.
ABSOLUTE_URL_OVERRIDES = {"patients.patient": _chart}
# Nor what stands in her header: course and next visit. Dotted path of `(patient, *, membership, tab) -> dict`.
PATIENT_HEADER = "treatments.pages.header.patient_header"
# Nor what a clinic lacks before its first patient. Dotted path of `(clinic) -> how many things are left to do`.
SETUP_LEFT = "treatments.pages.setup.left"
# What a browser shows that was handed to a patient, and where whoever unlocks it goes on (with the hand-over's ref).
HANDED_OVER_PAGE, UNLOCKED_PAGE = "treatments:handed_over", "treatments:handover"
# Whether messages leave is for patients to say. Dotted path of `(clinic or None) -> what is wrong, or None`.
MESSAGES_HEALTH = "patients.outbox.health.unwell"
# Which files the rows name, for a backup. Dotted path of `(cursor) -> [(path below MEDIA_ROOT, SHA-256)]`.
NAMED_FILES = "patients.services.photos.named"
# Folder of the PostgreSQL that `make run` brings along; None: DATABASE_URL names somebody else's server.
EMBEDDED_POSTGRES = None
# When they do not, every page of a manager says so.
WARNS_MANAGERS = True
