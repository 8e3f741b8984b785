"""What the rooms hand to the ground below them when the app is ready."""

from patients.outbox import kinds
from treatments import sentences
from treatments.appointments import messages as visit_messages
from treatments.sessions import messages as session_messages


def register_all() -> None:
    sentences.register()
    kinds.register(*visit_messages.KINDS, *session_messages.KINDS)
