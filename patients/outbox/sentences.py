"""What the ledger's constraints mean to a person."""

from clinic.errors import register_sentences

register_sentences(
    {
        "message_event_told_once": "The mail service has told this already. Nothing needs to be done.",
        "message_id_once": "Another message bears this mark already. Try once more.",
        "message_said_once": "This has been written to the patient already.",
        "message_state_known": "A message cannot be in that state. Load the page again.",
        "message_sending_has_a_lease": "A message can only be sent by a worker that has claimed it.",
        "message_sent_says_when": "A message that went says when it went.",
        "message_not_sent_says_why": "Write why the message is not to go.",
        "message_expires_after_due": "A message must be due before it loses its use. Choose a later end or an earlier time.",
    }
)
