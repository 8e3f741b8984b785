"""What each promise of the database means to a person, and what to do about it."""

from clinic.errors import register_sentences

SENTENCES = {
    # The gate before a session
    "session_needs_screening": "There is no screening for this session yet. Ask the questions of the day first.",
    "session_screening_is_todays": "The screening was made for another day. Ask the questions of the day again.",
    "session_screening_same_patient": "That screening belongs to somebody else. Open the session from this patient's visit.",
    "session_outcome_permits": "Today's screening does not permit a session. Open the screening to see why.",
    "session_facts_current": "Something about this patient changed after the screening. Screen again before you begin.",
    "session_needs_consent": "There is no valid consent for this technique and depth. Ask for a signature first.",
    "session_floor_kept": "The last needling was too recent. The shortest interval of this plan has not passed yet.",
    "session_plan_active": "This course is not active. Activate the plan before you treat.",
    "session_of_its_own_visit": "This visit belongs to another patient or another session. Open the session from its own visit.",
    # The session itself
    "session_signed_is_fixed": "This session is signed and no longer changes. Write an addendum instead.",
    "session_never_deleted": "A session is never deleted. Mark it as entered in error, with a reason.",
    "session_identity_is_fixed": "Patient, visit, day and screening of a session are fixed. Mark it as entered in error and open the right one.",
    "session_once_per_planned": "This session of the course is already under way or done.",
    "session_cartridge_in_date": "This cartridge has expired. Take one that is in date.",
    "session_completed_is_signed": "Sign the session to complete it.",
    "session_completed_names_its_cartridge": "Enter the device and the cartridge lot before you complete the session.",
    "session_stopped_says_why": "Say why the session was stopped.",
    "session_pain_0_to_10": "Enter pain as a number from 0 to 10.",
    "session_numbing_off_after_on": "Numbing cannot come off before it went on. Check the two times.",
    "cartridge_one_patient": "This cartridge was already used. A cartridge is for one patient and one session: take a new one.",
    "cartridge_lot_once": "This lot is already listed.",
    "session_zone_once": "This zone is already recorded. Change that entry instead.",
    "zone_depth_within_hard_cap": "This depth is above the limit for the zone. Nobody may pass it.",
    "zone_over_soft_max_has_a_reason": "This depth is above the usual maximum. Give a reason.",
    "zone_passes_1_to_20": "Enter 1 to 20 passes.",
    "addendum_says_why": "Write the addendum and the reason for it.",
    "adverse_event_grade_1_to_5": "Choose a grade from 1 to 5.",
    "adverse_event_closed_says_who": "A clinician closes an adverse event, with the day it settled.",
    # The diary
    "appointment_room_free": "This room is already taken at that time.",
    "appointment_clinician_free": "This clinician is already booked at that time.",
    "appointment_device_free": "This device is already in use at that time.",
    "appointment_patient_free": "This patient already has a visit at that time.",
    "planned_session_booked_once": "This session of the course is already booked.",
    "appointment_treatment_has_a_session": "A treatment belongs to a session of a course. Book it from the course.",
    "appointment_minutes_sane": "Enter 5 to 240 minutes of treatment.",
    "appointment_closed_says_when": "A cancelled or missed visit needs its time.",
    "appointment_ranges_sane": "The visit needs a beginning and an end.",
    # Plans
    "plan_number_once": "Somebody else made a plan at the same moment. Try again.",
    "plan_one_under_way": "Another course of this patient is already under way. Complete or stop it first.",
    "plan_active_says_who_and_when": "An active plan needs the person who activated it.",
    "plan_revoked_says_who_when_and_why": "Say why the course is stopped.",
    "plan_floor_not_below_28_days": "Sessions are never less than 28 days apart.",
    "plan_window_in_order": "The target interval lies between the shortest and the longest one.",
    "plan_has_sessions": "A course has 1 to 8 sessions.",
    "planned_session_number_once": "This session of the course exists already.",
    "planned_session_window_in_order": "The target day lies between the earliest and the latest day.",
    # Assessment, screening, clearance, rules
    "assessment_skin_type_known": "Choose a skin type from I to VI.",
    "assessment_concern_once": "This concern is already listed. Change that entry instead.",
    "assessment_concern_has_a_zone": "Choose at least one zone for each concern.",
    "screening_outcome_known": "The screening gave an outcome that is not known.",
    "clearance_ends_after_it_begins": "A clearance ends on the day it is given or later.",
    "clearance_says_who_and_why": "A clearance needs a licence number and a reason.",
    "protocol_signed_once_per_clinic": "This protocol version is already signed for the clinic.",
    "anaesthetic_max_after_contact": "The longest time on the skin cannot be shorter than the usual one.",
}


def register() -> None:
    register_sentences(SENTENCES)
