"""What the constraints of this app mean to a person. The ledger's own stand with the ledger."""

from clinic.errors import register_sentences
from patients.outbox import sentences as of_the_ledger  # noqa: F401  (registers its own)

register_sentences(
    {
        "patient_has_a_name": "Write a given name and a family name.",
        "patient_contact_says_who_and_when": "An answer about e-mail says who asked and when. Answer both questions again.",
        "patient_reminders_need_mail": "Reminders go by e-mail: they need a yes to e-mail as well.",
        "patient_facts_only_grow": "The count of changes to a record only grows. Nothing was saved: load the page again.",
        "consent_text_version_once": "This version of the consent text exists already. Publish the next one.",
        "consent_text_one_waiting": "A version in this language waits for a prescriber already. Approve it or set it aside first.",
        "consent_text_says_who_approved": "A prescriber approves a consent text under her own name, and none that was set aside.",
        "consent_text_set_aside_says_who": "Who set the version aside is written with it.",
        "consent_text_says_why": "Write why the consent text changes.",
        "consent_text_goes_one_way": "What was approved or set aside stays so. Write a new version instead.",
        "consent_text_counts": "No prescriber has approved this text for the clinic. Open the consent page again.",
        "consent_is_signed": "A consent needs a signature and the name of who signed.",
        "consent_withdrawal_says_why": "Write how the consent was withdrawn: in person, by telephone, in writing.",
        "history_answer_value_known": "Answer yes, no or not sure.",
        "patient_link_token_once": "This link exists already. Make a new one.",
        "patient_link_ends_after_it_began": "A link ends after it was made. Choose a later end.",
        "patient_link_closed_says_why": "Write why the link is closed.",
        "patient_link_stays_closed": "A link that was closed stays closed. Send a new one.",
        "message_text_version_once": "This text was changed by somebody else meanwhile. Look at it again, then save your own.",
        "message_text_says_why": "Write why the text changes.",
        "photo_says_who_added_it": "A photo says who added it: the patient, or one of us. Add it again.",
        "photo_in_error_says_why": "Write why this photo was entered in error.",
        "record_closed_once": "This record is closed already. Look at it again.",
        "record_closing_says_why": "Write how we know, or why.",
        "record_reopening_says_who_and_why": "Write why the record is opened again.",
        "import_one_at_a_time": "An import is being looked at already. Finish it or give it up first.",
        "import_done_says_who_and_when": "An import says who did it and when. Nothing was saved: load the page again.",
        "import_undone_says_who_and_when": "Undoing an import says who did it and when. Nothing was saved: load the page again.",
        "import_keeps_no_file": "A file is kept only while its import is being looked at. Nothing was saved: load the page again.",
        "imported_patient_once_a_run": "This patient is in the import already.",
        "remembered_columns_once": "Somebody else chose the columns at the same moment. Try again.",
        "patient_number_once": "This number belongs to a patient already. Give each patient a number of her own.",
        "patient_number_says_where_from": "A number says who typed it, or which file it came with. Load the page again.",
        "patient_number_says_something": "Write the number, or leave it out.",
        "medication_stops_after_start": "The last day is before the first one.",
    }
)
