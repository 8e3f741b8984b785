"""How much, how long. Seconds of real time: a demo that moves its clock must not move a lease."""

from dataclasses import dataclass, replace

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.utils.module_loading import import_string

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Limits:
    """`lease` must outlast a batch; `margin` of it must be left when a message is handed over; from the marker to the
    text may pass `fresh` at most; what is in doubt is asked about after `grace`."""

    claim: int = 25
    hand_off: int = 25
    lease_seconds: float = 120
    margin_seconds: float = 45
    fresh_seconds: float = 20
    run_seconds: float = 45
    grace_seconds: float = 600
    backoff_scale: float = 1

    def __post_init__(self) -> None:
        if self.fresh_seconds > self.margin_seconds or self.margin_seconds >= self.lease_seconds:
            raise ValueError("A message must be handed over well inside its lease.")


def from_settings() -> Limits:
    """Batches are marked together only where the relay keeps a record: there a dead worker's batch can be looked up.

    A relay elsewhere may take ten minutes over its answer (RFC 5321, 4.5.3.2.6); one on this machine does not.
    """
    limits = Limits() if settings.OUTBOX_RELAY_RECORD else Limits(hand_off=1)
    return replace(limits, grace_seconds=60) if _relay_is_on_this_machine() else limits


def _relay_is_on_this_machine() -> bool:
    # EMAIL_HOST is "localhost" unless somebody sets it, and a provider's API has no use for it.
    return settings.EMAIL_HOST in LOOPBACK and issubclass(import_string(settings.EMAIL_BACKEND), EmailBackend)
