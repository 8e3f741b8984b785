"""Who may do what, written down. The product is compared with this, not this with the product."""

from dataclasses import dataclass, field

PERSONAS = ("desk", "clinician", "prescriber", "manager")
ALL = PERSONAS
CLINICAL = ("clinician", "prescriber")
MEETS = ("desk", *CLINICAL)
RULES = (*CLINICAL, "manager")
READ = ("GET",)
PRESS = ("POST",)
FORM = ("GET", "POST")


@dataclass(frozen=True)
class Row:
    """`parameters`: URL parameter to the kind of ref it takes. `may_be_absent`: 404 is a right answer for insiders too."""

    methods: tuple[str, ...]
    people: tuple[str, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    public: bool = False
    may_be_absent: bool = False
    # What the URL names is in every clinic, so a stranger meets her own.
    in_every_clinic: bool = False

    @property
    def about_a_patient(self) -> bool:
        return bool(self.parameters) and not self.in_every_clinic


def of(kind: str, **more: str) -> dict[str, str]:
    return {"ref": kind, **more}


PATIENT, PLAN, PLANNED, VISIT, SESSION, MESSAGE = (
    of(kind) for kind in ("patient", "plan", "planned", "visit", "session", "message")
)
TEXT = {"code": "text", "language": "language"}

TABLE: dict[str, Row] = {
    # Strangers: whether it is alive, and setting up an empty Stratum (gone here, where a clinic exists)
    "healthz": Row(READ, public=True),
    "healthz_messages": Row(READ, public=True),
    "clinic:first_run": Row(FORM, public=True, may_be_absent=True),
    # The clinic
    "clinic:settings": Row(READ, ALL),
    "clinic:details": Row(FORM, ("manager",)),
    # What it works with: everybody reads, a manager changes
    "clinic:room_new": Row(FORM, ("manager",)),
    "clinic:room_change": Row(FORM, ("manager",), of("room")),
    "clinic:room_out": Row(FORM, ("manager",), of("room")),
    "clinic:room_back": Row(PRESS, ("manager",), of("room")),
    "clinic:room_shift": Row(PRESS, ("manager",), of("room")),
    "clinic:person": Row(READ, ALL, of("person")),
    "clinic:person_change": Row(FORM, ("manager",), of("person")),
    "clinic:person_left": Row(FORM, ("manager",), of("person")),
    "clinic:person_back": Row(PRESS, ("manager",), of("person")),
    "clinic:person_hours": Row(FORM, ("manager",), of("person")),
    "clinic:person_day": Row(FORM, ("manager",), of("person")),
    "clinic:person_time_off": Row(FORM, ("manager",), of("person")),
    "clinic:close_clinic": Row(FORM, ("manager",)),
    "clinic:time_off_end": Row(PRESS, ("manager",), of("time_off")),
    "clinic:invitations": Row(READ, ("manager",)),
    "clinic:invite": Row(FORM, ("manager",)),
    "clinic:invitation_again": Row(PRESS, ("manager",), of("invitation")),
    "clinic:invitation_take_back": Row(PRESS, ("manager",), of("invitation")),
    "clinic:person_roles": Row(FORM, ("manager",), of("person")),
    "clinic:person_second_factor": Row(FORM, ("manager",), of("person")),
    "clinic:second_factor": Row(FORM, ("manager",)),
    "clinic:test_mail": Row(PRESS, ("manager",)),
    # What somebody who was invited opens from her mail: the address with the token belongs to no clinic
    "clinic:invitation": Row(FORM, public=True, may_be_absent=True),
    "clinic:invitation_open": Row(
        READ, public=True, parameters={"token": "feed_token"}, in_every_clinic=True, may_be_absent=True
    ),
    "clinic:handed_over_lock": Row(FORM, public=True),
    "clinic:keep_alive": Row(PRESS, ALL),
    "clinic:change_clinic": Row(PRESS, ALL),
    "clinic:mailbox": Row(READ, ALL),
    "clinic:mailbox_message": Row(READ, ALL, {"key": "mail_key"}, may_be_absent=True),
    "clinic:mailbox_attachment": Row(READ, ALL, {"key": "mail_key", "number": "number"}, may_be_absent=True),
    # Patients: who they are is everyone's, what they told us is the clinicians'
    "patients:list": Row(READ, ALL),
    "patients:search": Row(PRESS, ALL),
    "patients:find": Row(PRESS, ALL),
    "patients:register": Row(FORM, ALL),
    # Files: what is in them is a manager's to bring and to take back
    "patients:import": Row(FORM, ("manager",)),
    "patients:import_run": Row(FORM, ("manager",), of("import_run")),
    "patients:import_columns": Row(FORM, ("manager",), of("import_run")),
    "patients:import_errors": Row(READ, ("manager",), of("import_run")),
    "patients:import_give_up": Row(PRESS, ("manager",), of("import_run")),
    "patients:import_undo": Row(FORM, ("manager",), of("import_run")),
    "patients:edit": Row(FORM, ALL, PATIENT),
    "patients:numbers": Row(FORM, ALL, PATIENT),
    "patients:number_take_away": Row(PRESS, ALL, PATIENT),
    "patients:history": Row(READ, CLINICAL, PATIENT),
    "patients:add_medication": Row(PRESS, CLINICAL, PATIENT),
    "patients:add_allergy": Row(PRESS, CLINICAL, PATIENT),
    "patients:stop_medication": Row(FORM, CLINICAL, of("patient", row="medication")),
    "patients:medication_in_error": Row(FORM, CLINICAL, of("patient", row="medication")),
    "patients:allergy_in_error": Row(FORM, CLINICAL, of("patient", row="allergy")),
    "patients:patient_messages": Row(READ, ALL, PATIENT),
    "patients:contact_asked": Row(FORM, ALL, PATIENT),
    "patients:links_close": Row(FORM, ALL, PATIENT),
    "patients:link_close": Row(FORM, ALL, of("patient", link="patient_link")),
    "patients:link_called": Row(FORM, ALL, of("patient", link="patient_link")),
    # Messages: texts name no diagnosis, so everyone may see and hold them
    "patients:messages": Row(FORM, ALL),
    "patients:messages_pause": Row(FORM, ALL),
    "patients:messages_resume": Row(PRESS, ALL),
    "patients:messages_frozen": Row(FORM, ("manager",)),
    "patients:message": Row(READ, ALL, MESSAGE),
    "patients:message_attachment": Row(READ, ALL, MESSAGE),
    "patients:message_hold": Row(FORM, ALL, MESSAGE),
    "patients:message_release": Row(FORM, ALL, MESSAGE),
    "patients:message_send_now": Row(FORM, ALL, MESSAGE),
    "patients:message_send_again": Row(FORM, ALL, MESSAGE),
    "patients:message_arrived": Row(FORM, ALL, MESSAGE),
    "patients:message_send_once_more": Row(FORM, ALL, MESSAGE),
    # What the mails say: everybody reads, a manager changes
    "patients:message_texts": Row(READ, ALL),
    "patients:message_text": Row(READ, ALL, TEXT, in_every_clinic=True),
    "patients:message_text_edit": Row(FORM, ("manager",), TEXT, in_every_clinic=True),
    "patients:message_text_preview": Row(PRESS, ("manager",), TEXT, in_every_clinic=True),
    "patients:message_text_restore": Row(PRESS, ("manager",), TEXT, in_every_clinic=True),
    # What patients sign: a manager writes it, a prescriber approves it
    "treatments:consent_texts": Row(READ, RULES),
    "treatments:consent_text": Row(READ, RULES, of("consent_text")),
    "treatments:consent_text_new": Row(FORM, ("manager",), {"language": "language"}, in_every_clinic=True),
    "treatments:consent_text_approve": Row(PRESS, ("prescriber",), of("consent_text")),
    "treatments:consent_text_aside": Row(PRESS, ("prescriber", "manager"), of("consent_text")),
    # The demo's clock: absent where the clinic is real
    "patients:clock": Row(READ, ("manager",)),
    "patients:clock_move": Row(PRESS, ("manager",)),
    # What patients open from mails, without an account: behind a link of hers, and absent without one.
    # An address with a token belongs to no clinic and answers every stranger alike: with a redirect.
    "patients:my_link": Row(READ, public=True, parameters={"token": "feed_token"}, in_every_clinic=True),
    "patients:my_link_stop": Row(FORM, public=True, parameters={"token": "feed_token"}, in_every_clinic=True),
    "patients:my_link_over": Row(READ, public=True, may_be_absent=True),
    "patients:my_birth": Row(FORM, public=True, may_be_absent=True),
    "patients:my_contact": Row(FORM, public=True, may_be_absent=True),
    "patients:my_contact_stop": Row(FORM, public=True, may_be_absent=True),
    "patients:my_letter": Row(READ, public=True, may_be_absent=True),
    "treatments:my_check_in": Row(FORM, public=True, may_be_absent=True),
    "treatments:my_visit": Row(READ, public=True, may_be_absent=True),
    "treatments:my_visit_confirm": Row(FORM, public=True, may_be_absent=True),
    "treatments:my_visit_calendar": Row(READ, public=True, may_be_absent=True),
    "treatments:my_move": Row(FORM, public=True, may_be_absent=True),
    "treatments:my_changes": Row(FORM, public=True, may_be_absent=True),
    "treatments:my_changes_tell": Row(FORM, public=True, may_be_absent=True),
    "treatments:my_aftercare": Row(READ, public=True, may_be_absent=True),
    "treatments:my_aftercare_confirm": Row(FORM, public=True, may_be_absent=True),
    "treatments:my_aftercare_move": Row(FORM, public=True, may_be_absent=True),
    # A tablet in a patient's hands: these are public because nobody is signed in there; elsewhere they lead home
    "treatments:handed_over": Row(FORM, public=True),
    "treatments:handed_over_save": Row(PRESS, public=True),
    "treatments:handed_over_anew": Row(PRESS, public=True),
    "treatments:handed_over_back": Row(PRESS, public=True),
    "treatments:hand_over": Row(FORM, MEETS, PATIENT),
    "treatments:handover": Row(READ, ALL, of("handover")),
    "treatments:given_form": Row(FORM, CLINICAL, of("given_form")),
    "treatments:heard": Row(FORM, MEETS, VISIT),
    "treatments:getting_started": Row(READ, ("manager",)),
    # Rules
    "treatments:protocol": Row(FORM, RULES),
    "treatments:protocol_adopt": Row(FORM, RULES),
    "treatments:policy_value": Row(FORM, RULES, {"path": "parameter"}, in_every_clinic=True),
    "treatments:policy_direction": Row(READ, RULES, {"path": "parameter"}, in_every_clinic=True),
    "treatments:policy_end": Row(FORM, RULES, of("policy_value")),
    "treatments:outcome_seen": Row(PRESS, ALL, of("outcome_change")),
    "treatments:equipment": Row(READ, RULES),
    "treatments:device_new": Row(FORM, ("manager",)),
    "treatments:device_change": Row(FORM, ("manager",), of("device")),
    "treatments:device_out": Row(FORM, ("manager",), of("device")),
    "treatments:device_back": Row(PRESS, ("manager",), of("device")),
    "treatments:anaesthetic_new": Row(FORM, ("manager",)),
    "treatments:anaesthetic_change": Row(FORM, ("manager",), of("anaesthetic")),
    "treatments:anaesthetic_use": Row(PRESS, ("manager",), of("anaesthetic")),
    "treatments:products": Row(READ, RULES),
    "treatments:product_new": Row(FORM, ("manager",)),
    "treatments:product_change": Row(FORM, ("manager",), of("product")),
    "treatments:product_approve": Row(FORM, ("prescriber",), of("product")),
    "treatments:product_take_back": Row(FORM, ("prescriber",), of("product")),
    "treatments:product_trace": Row(FORM, CLINICAL, of("product")),
    "treatments:product_use": Row(PRESS, ("manager",), of("product")),
    "treatments:credentials": Row(READ, RULES),
    "treatments:credentials_of": Row(READ, RULES, of("person")),
    "treatments:credential_new": Row(FORM, ("manager",), of("person")),
    "treatments:credential_change": Row(FORM, ("manager",), of("credential")),
    "treatments:credential_withdraw": Row(FORM, ("manager",), of("credential")),
    "treatments:lots": Row(READ, RULES),
    "treatments:lot_new": Row(FORM, ("manager",)),
    "treatments:lot_change": Row(FORM, ("manager",), of("lot")),
    "treatments:lot_out": Row(FORM, ("manager",), of("lot")),
    "treatments:lot_back": Row(PRESS, ("manager",), of("lot")),
    "treatments:lot_trace": Row(FORM, CLINICAL, of("lot")),
    # Assess and screen
    "treatments:assess": Row(FORM, CLINICAL, PATIENT),
    "treatments:assessment_error": Row(FORM, CLINICAL, of("assessment")),
    "treatments:past_sessions": Row(FORM, CLINICAL, PATIENT),
    "treatments:past_session_correct": Row(FORM, CLINICAL, of("past_session")),
    "treatments:past_session_error": Row(FORM, CLINICAL, of("past_session")),
    "treatments:screening": Row(READ, ALL, PATIENT),  # verdict and date for the desk
    "treatments:screening_record": Row(PRESS, CLINICAL, PATIENT),
    "treatments:day_form": Row(FORM, CLINICAL, PATIENT),
    "treatments:full_form": Row(FORM, CLINICAL, PATIENT),
    "treatments:clearance": Row(FORM, CLINICAL, PATIENT),
    "treatments:revoke_clearance": Row(PRESS, CLINICAL, of("clearance")),
    # Plan and consent
    "treatments:plan_new": Row(FORM, CLINICAL, PATIENT),
    "treatments:course": Row(READ, ALL, PLAN),
    # The desk pauses where nobody decides about medicine; all else that happens to a course is a clinician's
    "treatments:course_pause": Row(FORM, (*CLINICAL, "desk"), PLAN),
    "treatments:course_resume": Row(FORM, CLINICAL, PLAN),
    "treatments:course_shorten": Row(FORM, CLINICAL, PLAN),
    "treatments:course_extend": Row(FORM, CLINICAL, PLAN),
    "treatments:course_replace": Row(FORM, CLINICAL, PLAN),
    "treatments:plan_stop": Row(FORM, CLINICAL, PLAN),
    "treatments:course_undo": Row(PRESS, (*CLINICAL, "desk"), of("course_change")),
    "treatments:consent": Row(FORM, CLINICAL, PLAN),
    "treatments:plan_step": Row(PRESS, CLINICAL, of("plan", step="plan_step")),
    "treatments:consent_signed": Row(READ, CLINICAL, of("consent")),
    "treatments:consent_withdraw": Row(FORM, CLINICAL, of("consent")),
    # The diary
    "treatments:book": Row(FORM, ALL, PLANNED),
    "treatments:book_visit": Row(FORM, ALL, PATIENT),
    "treatments:walk_in": Row(FORM, ALL, PATIENT),
    "treatments:book_course": Row(FORM, ALL, PLAN),
    "treatments:course_problem": Row(READ, ALL, PLAN),
    "treatments:course_follows": Row(FORM, ALL, PLAN),
    "treatments:book_beside": Row(FORM, RULES, PLANNED, may_be_absent=True),
    "treatments:book_visit_beside": Row(FORM, RULES, PATIENT, may_be_absent=True),
    "treatments:move_beside": Row(FORM, RULES, VISIT, may_be_absent=True),
    "treatments:preview_move": Row(READ, ALL, PLAN),
    "treatments:rearrange": Row(FORM, ALL, VISIT),
    "treatments:put_back": Row(PRESS, ALL, PLAN),
    "treatments:unbook_course": Row(PRESS, ALL, PLAN),
    "treatments:visit": Row(READ, ALL, VISIT),
    "treatments:next_mail": Row(READ, ALL, VISIT),
    "treatments:step_visit": Row(PRESS, ALL, VISIT),
    "treatments:undo_visit": Row(PRESS, ALL, VISIT),
    "treatments:miss_visit": Row(PRESS, ALL, VISIT),
    "treatments:cancel_visit": Row(FORM, ALL, VISIT),
    "treatments:unbook_visit": Row(PRESS, ALL, VISIT),
    "treatments:move_visit": Row(FORM, ALL, VISIT),
    "treatments:move_visit_back": Row(PRESS, ALL, VISIT),
    # Calls and the waiting list
    "treatments:call": Row(FORM, ALL, of("planned", list_code="list_code")),
    "treatments:take_back_call": Row(PRESS, ALL, of("call")),
    "treatments:wait_for_session": Row(FORM, ALL, PLANNED),
    "treatments:wait_for_visit": Row(FORM, ALL, PATIENT),
    "treatments:stop_waiting": Row(FORM, ALL, of("waiting")),
    "treatments:gap": Row(FORM, ALL, of("member")),
    "treatments:give_back_gap": Row(PRESS, ALL, of("call", visit_ref="visit", version="number")),
    # The clinician's own calendar; strangers' programs read it by its secret address, and a made-up one is absent
    "treatments:feeds": Row(READ, RULES),
    "treatments:feed_make": Row(PRESS, RULES),
    "treatments:feed_give_up": Row(PRESS, RULES),
    "treatments:feed_give_up_of": Row(PRESS, ("manager",), of("member")),
    "treatments:feed": Row(READ, public=True, parameters={"token": "feed_token"}, may_be_absent=True),
    # Packages and deposits: a manager says what is sold, the desk sells and settles it
    "treatments:packages": Row(READ, ALL),
    "treatments:package_offer_new": Row(FORM, ("manager",)),
    "treatments:package_offer_change": Row(FORM, ("manager",), of("package_offer")),
    "treatments:package_offer_use": Row(PRESS, ("manager",), of("package_offer")),
    "treatments:package_policy": Row(FORM, ("manager",)),
    "treatments:patient_packages": Row(READ, ALL, PATIENT),
    "treatments:package_sell": Row(FORM, ALL, PATIENT),
    "treatments:package_extend": Row(FORM, ALL, of("package")),
    "treatments:package_refund": Row(FORM, ALL, of("package")),
    "treatments:package_give_back": Row(FORM, ALL, of("package_entry")),
    "treatments:package_burn": Row(FORM, ALL, VISIT),
    "treatments:session_settle": Row(FORM, ALL, SESSION),
    "treatments:deposit_take": Row(FORM, ALL, VISIT),
    "treatments:deposit_settle": Row(FORM, ALL, of("deposit")),
    "treatments:till": Row(READ, ALL),
    # The chair
    "treatments:open_session": Row(FORM, CLINICAL, of("visit_today")),
    "treatments:session": Row(READ, CLINICAL, SESSION),
    "treatments:set_zone": Row(PRESS, CLINICAL, of("session", zone="zone")),
    "treatments:remove_zone": Row(PRESS, CLINICAL, of("session", zone="zone")),
    "treatments:session_numbing": Row(PRESS, CLINICAL, SESSION),
    "treatments:numbing_dose": Row(PRESS, CLINICAL, SESSION),
    "treatments:session_cartridge": Row(PRESS, CLINICAL, SESSION),
    "treatments:session_product": Row(PRESS, CLINICAL, SESSION),
    # Pressed once it is gone: the second method of the walk meets nothing.
    "treatments:session_product_off": Row(PRESS, CLINICAL, of("session_product"), may_be_absent=True),
    "treatments:session_note": Row(PRESS, CLINICAL, SESSION),
    "treatments:complete_session": Row(PRESS, CLINICAL, SESSION),
    "treatments:stop_session": Row(PRESS, CLINICAL, SESSION),
    "treatments:add_addendum": Row(PRESS, CLINICAL, SESSION),
    "treatments:session_in_error": Row(PRESS, CLINICAL, SESSION),
    "treatments:report_adverse_event": Row(PRESS, CLINICAL, SESSION),
    "treatments:close_adverse_event": Row(PRESS, CLINICAL, of("event")),
    # What patients tell us of their healing. Of the photo of this walk there is no file: each look at one goes on record,
    # and here reading changes nothing. tests/patients/test_photos.py looks at real ones.
    "treatments:check_in": Row(FORM, CLINICAL, of("check_in")),
    "treatments:ask_check_in": Row(FORM, CLINICAL, SESSION),
    "patients:photo": Row(READ, CLINICAL, of("photo"), may_be_absent=True),
    # What was measured
    "treatments:scores": Row(READ, CLINICAL, PATIENT),
    "treatments:score_new": Row(FORM, CLINICAL, of("patient", instrument="instrument")),
    "treatments:score_error": Row(FORM, CLINICAL, of("score")),
    "treatments:course_review": Row(FORM, CLINICAL, of("course_review")),
    # Screens over several rooms
    "treatments:home": Row(READ, ALL),
    "treatments:today": Row(READ, ALL),
    "treatments:visits_json": Row(READ, ALL),
    "treatments:calendar": Row(READ, ALL),
    "treatments:calendar_json": Row(READ, ALL, may_be_absent=True),
    "treatments:drop_visit": Row(FORM, ALL, VISIT),
    "treatments:day_sheet": Row(READ, ALL),
    "treatments:chart": Row(READ, ALL, PATIENT),
    "treatments:appointment_card": Row(READ, ALL, PATIENT),
    "treatments:aftercare_sheet": Row(READ, CLINICAL, SESSION, may_be_absent=True),
    "treatments:close_record": Row(FORM, ALL, PATIENT),
    "treatments:reopen_record": Row(FORM, ALL, PATIENT, may_be_absent=True),
    # Two records of one person
    "treatments:find_duplicate": Row(FORM, RULES, PATIENT),
    "treatments:merge_records": Row(FORM, RULES, of("patient", of="other_patient")),
    "treatments:undo_merge": Row(FORM, RULES, of("merge")),
    "treatments:worklists": Row(READ, ALL),
    # What patients told us of a visit ahead: whom to ring is everybody's, what was answered is the clinicians'
    "treatments:change_report": Row(READ, ALL, of("change_report")),
    "treatments:change_report_seen": Row(PRESS, CLINICAL, of("change_report")),
    "treatments:move_request": Row(READ, ALL, of("move_request")),
    "treatments:move_request_keep": Row(PRESS, ALL, of("move_request")),
}
