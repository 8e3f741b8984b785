"""Logs carry ids. Names, addresses, link tokens and quoted database values are taken out of every line."""

import logging
import re

EMAIL = re.compile(r"[^\s<>\"'@,;:()]+@[^\s<>\"'@,;:()]+\.[^\s<>\"'@,;:()]+")
# A patient's link carries 256 bits; whoever reads a log must not be able to open it.
TOKEN = re.compile(
    r"(?<![\w-])(?:(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])[A-Za-z0-9_-]{40,}|[0-9a-f]{40,})"
)
# One token in 1,500 has no digit and would pass for a long word, so its place in an address is enough.
PATIENT_LINK = re.compile(r"/my/[A-Za-z0-9_-]{36,}")
# PostgreSQL quotes the offending values in these lines. In the repr of an exception a line begins with a written "\n".
QUOTED_VALUES = re.compile(r"(?:^|\\n)\s*(?:DETAIL|CONTEXT|LINE \d+|HINT):?.*$", re.MULTILINE)
QUERY_STRING = re.compile(r"(/[^\s?\"']*)\?[^\s\"']+")


def reticent(text: str) -> str:
    """`text` without what could name or reach a person."""
    for pattern, instead in (
        (QUOTED_VALUES, ""),
        (EMAIL, "[e-mail]"),
        (QUERY_STRING, r"\1?[query]"),
        (PATIENT_LINK, "/my/[token]"),
        (TOKEN, "[token]"),
    ):
        text = pattern.sub(instead, text)
    return text


class ReticentFormatter(logging.Formatter):
    """The last thing a record passes, so that libraries' messages and tracebacks are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return reticent(super().format(record))


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "reticent": {
            "()": "clinic.settings.logs.ReticentFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "reticent"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # At DEBUG this one prints every statement with its values.
        "django.db.backends": {"level": "INFO"},
        # Scanners knock under made-up names all day; they get their 400 and no traceback.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "mail.log": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
    },
}
