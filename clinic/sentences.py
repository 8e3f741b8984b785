"""What the promises of the ground floor mean to a person who meets one, and what to do."""

from clinic.errors import register_sentences

SENTENCES = {
    "factor_removal_says_why": "Say why: it is kept.",
    "invitation_depth_can_be": "Enter a depth above 0 and up to 3 mm, or leave it empty for the limits of the protocol.",
    "invitation_once_per_address": "Somebody with this e-mail is invited already. Send that invitation again, or take it back first.",
    "staff_mail_one_on_its_way": "This invitation is being sent at this moment. Look again in a minute.",
    "membership_depth_can_be": "Enter a depth above 0 and up to 3 mm, or leave it empty for the limits of the protocol.",
    "handover_asks_something": "Choose what the patient is to answer.",
    "room_name_once": "Another room has this name already. Choose another one.",
    "room_short_name_once": "Another room has this short name already. Choose another one.",
    "room_out_says_why": "Say why the room is out of service.",
    "working_hours_end_after_start": "Working hours end after they begin, on the same day. Enter the night as two days.",
    "working_hours_once": "Two stretches of this weekday overlap. Enter each hour once.",
    "working_hours_of_a_day_once": "Two stretches of this day overlap, or somebody else has changed it meanwhile. Look at the day again.",
    "working_hours_valid_in_order": "The last day of these hours lies before the first.",
    "time_off_has_length": "The end lies before the beginning, or at the same moment. Enter a later end.",
}


def register() -> None:
    register_sentences(SENTENCES)
