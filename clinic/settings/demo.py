"""The default: one machine, the embedded servers of `make run`, fictional people."""

import os
import secrets
from pathlib import Path

from clinic.settings.base import *  # noqa: F403
from clinic.settings.environment import (
    VAR,
    broker,
    database,
    embedded_database_url,
    embedded_redis_url,
    env,
)
from clinic.settings.local import *  # noqa: F403
from clinic.settings.local import ALLOWED_LOCAL_HOSTS


def kept_secret(path: Path) -> str:
    """The secret of this folder's demo, made at its first use; one for this process alone where nothing can be kept."""
    fresh = secrets.token_urlsafe(50)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(fresh)
        try:
            os.link(draft, path)  # whole or not at all, and only the first of two wins
        except FileExistsError:
            return path.read_text()
        finally:
            draft.unlink()
    except OSError:
        pass
    return fresh


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(VAR / "secret-key")
ALLOWED_HOSTS = ALLOWED_LOCAL_HOSTS + env.list("ALLOWED_HOSTS", default=[])
PORT = env.int("PORT", default=8000)
BASE_URL = env.str("BASE_URL", default=f"http://localhost:{PORT}").rstrip("/")
DATABASES = {
    "default": database(env.str("DATABASE_URL", default="") or embedded_database_url(), movable_clock=True),
}
EMBEDDED_POSTGRES = None if env.str("DATABASE_URL", default="") else VAR / "postgres"
CELERY_BROKER_URL = broker(env.str("REDIS_URL", default="") or embedded_redis_url())

# `make run` names the port of its sink; a real relay in EMAIL_URL means there is no sink to look into.
_email_url = env.str("EMAIL_URL", default="")
_sink_port = env.int("MAILBOX_PORT", default=1025)
vars().update(env.email_url_config(_email_url or f"smtp://127.0.0.1:{_sink_port}"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("FROM_EMAIL", default="Stratum demo clinic <clinic@demo.invalid>")
MAILBOX_DIR = None if _email_url else VAR / "mail"
OUTBOX_RELAY_RECORD = "" if _email_url else OUTBOX_RELAY_RECORD  # noqa: F405
