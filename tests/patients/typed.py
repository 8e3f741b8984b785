"""What a browser sends for the patient's forms."""

import uuid

ANSWERED = {
    "given_name": "Ana María",
    "family_name": "O'Brien",
    "born_on": "3 11 1985",
    "speaks": "Spanish, English",
    "phone": "07700 900123",
    "email": "ana@post.example",
    "language": "en",
    "mail_allowed": "yes",
    "reminders_allowed": "no",
}
MEDICINE = {
    "kind": "isotretinoin",
    "name": "Isotretinoin 20 mg",
    "prescribed": "yes",
    "started_on": "2026-03-01",
    "stopped_on": "",
    "note": "",
}


def typed(base: dict, **differing) -> dict:
    """A freshly rendered form filled in; a value of None leaves the field out."""
    sent = {"submit_token": str(uuid.uuid4())} | base | differing
    return {name: value for name, value in sent.items() if value is not None}
