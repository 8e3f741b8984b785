"""The tests: a throw-away PostgreSQL and Redis that tests/conftest.py starts, never those in var/."""

import os
import secrets
import tempfile
from pathlib import Path

from clinic.settings.base import *  # noqa: F403
from clinic.settings.environment import broker, database, embedded_database_url, embedded_redis_url, env
from clinic.settings.local import *  # noqa: F403
from clinic.settings.local import ALLOWED_LOCAL_HOSTS

# Only a name: whoever starts the servers makes the folder. Workers that a test starts inherit it. The number tells a
# later run whether the one that made it still lives.
_run = os.environ.setdefault(
    "STRATUM_TEST_GROUND", f"{tempfile.gettempdir()}/stratum-test-{os.getpid()}-{secrets.token_hex(4)}"
)
# Tests that run side by side stand on a ground each.
TEST_GROUND = Path("-".join(filter(None, (_run, os.environ.get("PYTEST_XDIST_WORKER")))))
VAR_DIR = TEST_GROUND / "var"
MEDIA_ROOT = VAR_DIR / "media"
MAILBOX_DIR = VAR_DIR / "mail"
SECRET_KEY = "only-for-tests-and-long-enough-to-pass-for-a-secret-key-of-theirs"  # noqa: S105
ALLOWED_HOSTS = [*ALLOWED_LOCAL_HOSTS, "testserver"]
BASE_URL = "http://localhost:8000"
# DATABASE_URL is not read on purpose: nobody's real database is ever tested on.
DATABASES = {
    "default": database(
        env.str("TEST_DATABASE_URL", default="") or embedded_database_url(TEST_GROUND),
        movable_clock=True,
        # Nobody waits that long for anybody: a lock left behind fails the test that meets it, in a sentence.
        lock_timeout="90s",
    )
}
CELERY_BROKER_URL = broker(env.str("TEST_REDIS_URL", default="") or embedded_redis_url(TEST_GROUND))
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat" / "schedule")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# A worker that a test starts reads the sink's address from here; in the test process pytest-django catches all mail.
vars().update(env.email_url_config(env.str("EMAIL_URL", default="") or "smtp://127.0.0.1:1025"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = "Test clinic <clinic@test.invalid>"
# No worker runs beside most tests, and their pages need not say so each time; those about it turn it on.
WARNS_MANAGERS = False
# Hashing slowly is Argon2's purpose and no test's.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# What checks a page for accessibility is fetched and compiled by the browser once, as the page's own scripts are.
STATICFILES_DIRS = [*STATICFILES_DIRS, ("axe-core", BASE_DIR / "node_modules" / "axe-core")]  # noqa: F405
# Every test client builds the middleware anew: look files up when asked instead of scanning them all each time.
WHITENOISE_AUTOREFRESH = True
