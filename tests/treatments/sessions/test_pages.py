"""The chairside in a browser without scripts: every step posts, refuses at the field, and loses nothing that was typed."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic import clock
from tests import factories
from tests.treatments.sessions.browsing import cartridge, page, post, url
from treatments.sessions import services as sessions
from treatments.sessions.models import AdverseEvent, CartridgeLot, SessionZone, TreatmentSession


def numbing_data(session, **data) -> dict:
    return {
        "version": TreatmentSession.objects.get(pk=session.pk).version,
        "product": "",
        "grams": "",
        "on_at": "",
        "off_at": "",
    } | data


# ── Who may ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("persona", ["desk", "manager"])
def test_a_session_is_for_clinicians(request, open_session, persona):
    client = request.getfixturevalue(persona)
    assert client.get(url("session", open_session.ref)).status_code == 403
    assert client.get(url("open_session", open_session.appointment.ref)).status_code == 403


def test_another_clinics_clinician_meets_nothing(stranger, open_session):
    assert stranger.get(url("session", open_session.ref)).status_code == 404
    assert post(stranger, "set_zone", open_session.ref, "cheek", depth="1.00", passes="4").status_code == 404
    assert stranger.get(url("open_session", open_session.appointment.ref)).status_code == 404


# ── Opening ───────────────────────────────────────────────────────────────────


def test_without_a_screening_the_page_offers_the_questions_and_no_button(clinician, visit_today):
    factories.arrive(visit_today)
    shown = clinician.get(url("open_session", visit_today.ref)).content.decode()
    assert "Ask the questions of the day" in shown
    assert "Open the session" not in shown


def test_changes_are_listed_and_have_to_be_ticked(clinician, patient):
    visit = factories.arrive(factories.make_visit_today(patient, skin_type=5))
    record = factories.screen_today(patient)
    shown = clinician.get(url("open_session", visit.ref)).content.decode()
    assert "Endpoint: stop at even redness, no bleeding (skin type)" in shown
    answer = post(clinician, "open_session", visit.ref, acknowledged=["endpoint"])
    assert answer.status_code == 422
    assert "Read and tick the changes" in answer.content.decode()
    answer = post(clinician, "open_session", visit.ref, acknowledged=[c["parameter"] for c in record.changes])
    assert answer.status_code == 302
    assert answer.headers["Location"] == url("session", TreatmentSession.objects.get().ref) + "?step=check"


def test_an_open_session_is_entered_not_opened_again(clinician, open_session):
    answer = clinician.get(url("open_session", open_session.appointment.ref))
    assert answer.headers["Location"] == url("session", open_session.ref)


def test_two_presses_open_one_session(clinician, visit_today):
    visit = factories.arrive(visit_today)
    factories.screen_today(visit.patient)
    token = str(uuid.uuid4())
    answers = [clinician.post(url("open_session", visit.ref), {"submit_token": token}) for _ in range(2)]
    assert TreatmentSession.objects.count() == 1
    assert {answer.status_code for answer in answers} == {302}


# ── Steps ─────────────────────────────────────────────────────────────────────


def test_four_steps_always_in_sight_with_verdict_and_save_state_in_words(clinician, open_session):
    for step in ("check", "treat", "note", "finish"):
        shown = page(clinician, open_session, step)
        assert all(label in shown for label in (">Check", ">Treat", ">Note", ">Finish"))
        assert "Clear, asked 10:42" in shown
        assert "on the clinic server" in shown


def test_a_made_up_step_or_zone_shows_where_one_left_off(clinician, open_session):
    assert "Set cheek, next: chin" in page(clinician, open_session, "nonsense", "elbow")


def test_zones_are_charted_one_by_one_and_the_next_is_offered(clinician, open_session):
    answer = post(clinician, "set_zone", open_session.ref, "cheek", depth="1.25", passes="4", endpoint="erythema")
    assert answer.headers["Location"] == url("session", open_session.ref) + "?step=treat&zone=chin"
    assert "<b>1</b> of 2 zones set" in page(clinician, open_session)
    row = SessionZone.objects.get()
    assert (str(row.depth_mm), row.passes, row.endpoint) == ("1.25", 4, "erythema")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"depth": "1.55", "passes": "4"}, "the limit is 1.5 mm"),
        ({"depth": "9.99", "passes": "4"}, "the limit is 1.5 mm"),
        ({"depth": "0", "passes": "4"}, "above 0 mm"),
        ({"depth": "", "passes": "4"}, "Choose the depth"),
        ({"depth": "other", "depth_other": "deep", "passes": "4"}, "Enter the depth in millimetres"),
        ({"depth": "NaN", "passes": "4"}, "Enter the depth in millimetres"),
        ({"depth": "1.005", "passes": "4"}, "Enter the depth in millimetres"),
        ({"depth": "1.00", "passes": "0"}, "Enter 1 to 20 passes"),
        ({"depth": "1.00", "passes": "other", "passes_other": "21"}, "Enter 1 to 20 passes"),
        ({"depth": "1.00", "passes": "٤"}, "Enter 1 to 20 passes"),
        ({"depth": "1.00", "passes": "4", "endpoint": "x"}, "Choose one of the endpoints"),
        ({"depth": "1.00", "passes": "4", "reason": "x" * 201}, "Too long"),
        ({"depth": "1.00\0", "passes": "4"}, "Null characters are not allowed"),
    ],
)
def test_a_zone_is_refused_at_its_field(clinician, open_session, typed, sentence):
    answer = post(clinician, "set_zone", open_session.ref, "cheek", **typed)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not SessionZone.objects.exists()


def test_what_was_typed_for_a_zone_is_shown_again(clinician, open_session):
    answer = post(
        clinician,
        "set_zone",
        open_session.ref,
        "cheek",
        depth="other",
        depth_other="1.6",
        passes="other",
        passes_other="7",
        reason="Deep",
    )
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert all(f'value="{typed}"' in shown for typed in ("1.6", "7", "Deep"))


def test_a_zone_outside_the_course_is_not_there(clinician, open_session):
    assert post(clinician, "set_zone", open_session.ref, "eyelid", depth="0.25", passes="2").status_code == 404


def test_grey_is_last_time_and_counts_only_once_it_is_set(clinician, second_session):
    shown = page(clinician, second_session)
    assert "last time 1.00 mm, 4 passes, even redness" in shown
    assert "<b>0</b> of 2 zones set" in shown
    answer = post(clinician, "set_zone", second_session.ref, "cheek", same="1")
    assert answer.status_code == 302
    row = second_session.zones.get()
    assert (str(row.depth_mm), row.passes, row.endpoint) == ("1.00", 4, "erythema")


def test_a_depth_that_needs_a_reason_says_so_on_its_pill_and_none_stands_above_the_cap(clinician, second_session):
    shown = re.sub(r"\s+", " ", page(clinician, second_session))
    assert re.search(r'class="pill guard"><input[^>]*value="1.50"[^>]*>1.50<small>needs a reason', shown)
    assert re.search(r'class="pill was"><input[^>]*value="1.00"[^>]*checked[^>]*>1.00<small>last time', shown)
    assert not re.search(r'name="depth" value="1.75"', shown)


def test_a_zone_can_be_taken_out_again(clinician, open_session):
    post(clinician, "set_zone", open_session.ref, "cheek", depth="1.00", passes="4")
    post(clinician, "remove_zone", open_session.ref, "cheek")
    assert not SessionZone.objects.exists()


# ── Cartridge and numbing ─────────────────────────────────────────────────────


def test_a_lot_is_chosen_from_those_in_date_or_entered_new(clinician, open_session):
    expired = CartridgeLot.objects.create(
        clinic=open_session.clinic, lot="OLD", expires_on=clock.today(open_session.clinic) - timedelta(days=1)
    )
    assert "OLD" not in page(clinician, open_session)
    assert cartridge(clinician, open_session, lot=expired.ref).status_code == 422
    assert cartridge(clinician, open_session, new_lot="NEW-7", expires_on="2028-01-31").status_code == 302
    assert TreatmentSession.objects.get().cartridge_lot.lot == "NEW-7"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({}, "Choose the lot, or enter a new one"),
        ({"new_lot": "NEW-7"}, "Enter the expiry that stands on the pack"),
        ({"new_lot": "NEW-7", "expires_on": "2027-03-08"}, "expired on 8 March 2027"),
        ({"new_lot": "NEW-7", "expires_on": "31/02/2028"}, "Write a day"),
        ({"lot": str(uuid.uuid4())}, "Take one that is in date"),
        ({"device": str(uuid.uuid4())}, "Choose a device that is in service"),
        ({"device": "x"}, "Choose a device that is in service"),
        ({"version": "many"}, "Open the page again"),
    ],
)
def test_a_cartridge_is_refused_in_words(clinician, open_session, typed, sentence):
    answer = cartridge(clinician, open_session, **typed)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_a_used_cartridge_is_named_as_used(clinician, done_session):
    other = factories.open_session(
        factories.make_visit_today(factories.make_patient(done_session.clinic), at=factories.time(14))
    )
    answer = cartridge(clinician, other, lot=done_session.cartridge_lot.ref, serial=done_session.cartridge_serial)
    assert answer.status_code == 422
    assert "This cartridge was already used" in answer.content.decode()


def test_a_lot_of_another_clinic_is_no_choice(clinician, open_session, other_clinic):
    answer = cartridge(clinician, open_session, lot=other_clinic.cartridge_lots.first().ref)
    assert answer.status_code == 422
    assert TreatmentSession.objects.get().cartridge_lot is None


def test_numbing_goes_on_and_off_with_one_press_and_the_clock_runs(clinician, open_session, later):
    cream = open_session.clinic.anaesthetics.first()
    data = numbing_data(open_session, product=cream.ref, grams="3", now="on_at")
    assert post(clinician, "session_numbing", open_session.ref, **data).status_code == 302
    later(timedelta(minutes=12))
    shown = page(clinician, open_session)
    assert "Ready 11:12" in shown
    assert "off by 11:42 at the latest" in shown
    data = numbing_data(open_session, product=cream.ref, grams="3", on_at="10:42", now="off_at")
    assert post(clinician, "session_numbing", open_session.ref, **data).status_code == 302
    assert "On 10:42, off 10:54: 12 minutes." in page(clinician, open_session)


def test_a_large_amount_is_kept_and_speaks_up(clinician, open_session):
    cream = open_session.clinic.anaesthetics.first()
    data = numbing_data(open_session, product=cream.ref, grams="10", on_at="10:30")
    assert post(clinician, "session_numbing", open_session.ref, **data).status_code == 302
    assert "400 mg of lidocaine on the skin is above 225 mg" in page(clinician, open_session)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, ["Choose the cream and enter the grams.", "225 mg of lidocaine, because no weight is on record"]),
        ({"grams": "10"}, ["400 mg", "400 mg of lidocaine on the skin is above 225 mg."]),
        (
            {"grams": "10", "weight_kg": "60"},
            ["6.67 mg/kg", "above 270 mg.", "270 mg of lidocaine, the smaller of 4.5 mg/kg and 300 mg"],
        ),
        ({"grams": "10", "weight_kg": "120"}, ["above 300 mg."]),
        ({"grams": "1", "occluded": "on"}, ["do not cover it"]),
        ({"grams": "lots", "weight_kg": "-1"}, ["Choose the cream and enter the grams."]),
        ({"grams": "1"}, ["ringing in the ears", "blue or grey skin"]),
    ],
)
def test_the_dose_is_worked_out_while_it_is_typed_and_nothing_is_kept(clinician, open_session, typed, said):
    cream = open_session.clinic.anaesthetics.first()
    data = numbing_data(open_session, product=cream.ref, **({"grams": ""} | typed))
    answer = post(clinician, "numbing_dose", open_session.ref, **data)
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert [words for words in said if words not in shown] == []
    open_session.refresh_from_db()
    assert (open_session.anaesthetic, open_session.version) == (None, 1)


def test_each_number_of_the_depth_guard_says_why(clinician, second_session):
    shown = page(clinician, second_session)
    for number in ("start 1.00", "usual to 1.50", "never over 1.50", "step 0.25 from 1.00"):
        assert number in shown or number.replace("0 ", " ") in shown, number
    for name in ("start", "soft", "cap", "step"):
        assert f'popovertarget="why-{name}"' in shown
        assert f'id="why-{name}"' in shown
    assert "median 1.5 mm for acne scars" in shown
    assert "1.5 to 3.0 mm in thick skin" in shown


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"grams": ""}, "Enter the grams"),
        ({"grams": "lots"}, "Enter the grams as a number"),
        ({"grams": "1e9"}, "60 g at most"),
        ({"on_at": ""}, "Enter when it went on"),
        ({"on_at": "25:00"}, "Enter a time"),
        ({"on_at": "10:50"}, "still to come"),
        ({"off_at": "10:00"}, "before it went on"),
        ({"area_cm2": "-3"}, "at least 1 cm²"),
        ({"product": str(uuid.uuid4())}, "Choose a cream from the list"),
        ({"on_at": "09:00", "off_at": "10:30"}, "the label allows 60"),
    ],
)
def test_numbing_is_refused_at_its_field_and_kept_as_typed(clinician, open_session, typed, sentence):
    cream = open_session.clinic.anaesthetics.first()
    data = numbing_data(open_session, **({"product": cream.ref, "grams": "3", "on_at": "10:30"} | typed))
    answer = post(clinician, "session_numbing", open_session.ref, **data)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_a_time_that_the_clocks_jump_over_is_named_as_such(clinic_time):
    from django.test import Client

    clinic_time(factories.datetime(2027, 3, 28, 14, 0, tzinfo=factories.LONDON))
    clinic = factories.make_clinic()
    member = factories.a_clinician(clinic)
    factories.clinic_services.set_weekly_hours(
        membership=member, hours={day: [(factories.time(9), factories.time(17))] for day in range(1, 8)}, by=member.user
    )
    session = factories.open_session(
        factories.make_visit_today(factories.make_patient(clinic), at=factories.time(14, 30))
    )
    client = Client()
    client.force_login(member.user)
    data = numbing_data(session, product=clinic.anaesthetics.first().ref, grams="3", on_at="01:30")
    answer = post(client, "session_numbing", session.ref, **data)
    assert answer.status_code == 422
    assert "01:30 does not exist on 28 March" in answer.content.decode()


# ── Note ──────────────────────────────────────────────────────────────────────


def autosave(client, session, text: str, version: int):
    return client.post(
        url("session_note", session.ref),
        {"note": text, "pain": "", "version": version},
        headers={"X-Autosave": "1", "X-Background": "1", "Accept": "application/json"},
    )


def test_the_note_is_saved_as_it_is_typed_and_hands_the_new_version_back(clinician, open_session):
    first = autosave(clinician, open_session, "Even", open_session.version)
    assert first.json() == {"saved_at": "10:42", "version": open_session.version + 1}
    assert autosave(clinician, open_session, "Even redness", first.json()["version"]).status_code == 200
    assert TreatmentSession.objects.get().note == "Even redness"


def test_saving_in_the_background_keeps_nobody_signed_in(clinician, open_session):
    clinician.get(url("session", open_session.ref))
    kept = clinician.session
    kept["seen_at"] -= 120
    kept.save()
    autosave(clinician, open_session, "Even", open_session.version)
    assert clinician.session["seen_at"] == kept["seen_at"]


def test_an_autosave_over_a_newer_note_is_answered_409_and_changes_nothing(clinician, open_session):
    sessions.save_details(session=open_session, version=open_session.version, by=open_session.operator, note="theirs")
    answer = autosave(clinician, open_session, "mine", open_session.version)
    assert answer.status_code == 409
    assert "Somebody else changed this session" in answer.json()["sentence"]
    assert TreatmentSession.objects.get().note == "theirs"


def test_a_conflict_shows_both_texts_and_the_next_save_takes_mine(clinician, open_session):
    sessions.save_details(
        session=open_session, version=open_session.version, by=open_session.operator, note="their words"
    )
    data = {"note": "my words", "pain": "4", "version": open_session.version}
    answer = clinician.post(url("session_note", open_session.ref), data)
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "their words" in shown
    assert "my words" in shown
    version = re.search(r'name="version" value="(\d+)"', shown)[1]
    answer = clinician.post(url("session_note", open_session.ref), data | {"version": version})
    assert answer.status_code == 302
    saved = TreatmentSession.objects.get()
    assert (saved.note, saved.pain) == ("my words", 4)


def test_a_note_typed_while_somebody_signed_is_offered_as_an_addendum(clinician, done_session):
    answer = clinician.post(
        url("session_note", done_session.ref), {"note": "late thought", "version": done_session.version}
    )
    assert answer.status_code == 409
    assert "late thought" in answer.content.decode()
    assert TreatmentSession.objects.get().note != "late thought"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"note": "x" * 1_000_000}, "Too long"),
        ({"note": "a\0b"}, "cannot be kept"),
        ({"pain": "11"}, "from 0 to 10"),
        ({"pain": "much"}, "from 0 to 10"),
        ({"version": ""}, "Open the page again"),
        ({"version": "999999999999999999999"}, "Open the page again"),
    ],
)
def test_a_note_is_refused_with_a_sentence_and_never_a_fault(clinician, open_session, typed, sentence):
    data = {"note": "fine", "pain": "", "version": open_session.version} | typed
    for headers in ({}, {"X-Autosave": "1"}):
        answer = clinician.post(url("session_note", open_session.ref), data, headers=headers)
        assert answer.status_code == 422
        assert sentence in answer.content.decode()


def test_a_refusal_is_said_once_above_the_form_and_no_id_stands_twice(clinician, open_session):
    for _ in range(2):
        sessions.report_adverse_event(session=open_session, code="pih", grade=2, note="", by=open_session.operator.user)
    answers = [
        cartridge(clinician, open_session, version="x"),
        clinician.post(url("session_note", open_session.ref), {"note": "x", "version": ""}),
        post(clinician, "complete_session", open_session.ref),
        clinician.get(url("session", open_session.ref), {"step": "finish"}),
    ]
    for answer in answers:
        shown = answer.content.decode()
        assert shown.count("form-errors") == (answer.status_code != 200)
        ids = re.findall(r'\sid="([^"]+)"', shown)
        assert sorted(ids) == sorted(set(ids))


# ── Finish ────────────────────────────────────────────────────────────────────


def test_what_is_still_open_is_listed_before_signing(clinician, open_session):
    shown = page(clinician, open_session, "finish")
    assert "Enter the cartridge lot before you sign." in shown
    assert "Chart at least one zone" in shown


def test_signing_needs_both_ticks_and_then_the_page_only_reads(clinician, open_session):
    session = factories.chart(open_session)
    sessions.save_details(
        session=session, version=session.version, by=session.operator, aftercare_given=False, sharps_disposed=False
    )
    answer = post(clinician, "complete_session", session.ref, aftercare_given="on")
    assert answer.status_code == 422
    assert "sharps bin before you sign" in answer.content.decode()
    assert TreatmentSession.objects.get().is_open
    answer = post(clinician, "complete_session", session.ref, aftercare_given="on", sharps_disposed="on")
    assert answer.headers["Location"] == url("session", session.ref)
    shown = clinician.get(url("session", session.ref)).content.decode()
    assert "Signed" in shown
    assert "Complete and sign" not in shown


def test_stopping_early_keeps_the_reason_and_whether_it_counts(clinician, open_session):
    assert post(clinician, "stop_session", open_session.ref, stopped_reason="", counts="no").status_code == 422
    answer = post(clinician, "stop_session", open_session.ref, stopped_reason="Felt faint", counts="no")
    assert answer.status_code == 302
    assert (
        "Felt faint. Does not count, will be repeated."
        in clinician.get(url("session", open_session.ref)).content.decode()
    )


def test_an_adverse_event_is_written_down_and_closed(clinician, open_session):
    assert post(clinician, "report_adverse_event", open_session.ref, code="pih", grade="6").status_code == 422
    assert (
        post(
            clinician, "report_adverse_event", open_session.ref, code="pih", grade="2", event_note="Left cheek"
        ).status_code
        == 302
    )
    event = AdverseEvent.objects.get()
    assert (event.grade, event.note, event.resolved_on) == (2, "Left cheek", None)
    assert post(clinician, "close_adverse_event", event.ref, resolved_on="2027-03-10").status_code == 422
    answer = post(clinician, "close_adverse_event", event.ref, resolved_on="2027-03-09")
    assert answer.headers["Location"] == url("session", open_session.ref) + "?step=finish"
    again = post(clinician, "close_adverse_event", event.ref, resolved_on="2027-03-09")
    assert again.status_code == 422
    assert "This event was closed before: it settled on 9 March 2027." in again.content.decode()
    event.refresh_from_db()
    assert event.closed_by is not None


def test_after_signing_there_are_addenda_with_author_time_and_reason(clinician, done_session):
    assert post(clinician, "add_addendum", done_session.ref, text="Bruise", reason="").status_code == 422
    assert (
        post(clinician, "add_addendum", done_session.ref, text="Small bruise", reason="Seen at the door").status_code
        == 302
    )
    shown = clinician.get(url("session", done_session.ref)).content.decode()
    assert "Small bruise" in shown
    assert "Why afterwards: Seen at the door" in shown


def test_a_session_entered_in_error_stays_and_says_why(clinician, done_session):
    assert post(clinician, "session_in_error", done_session.ref, error_reason=" ").status_code == 422
    assert post(clinician, "session_in_error", done_session.ref, error_reason="Wrong patient").status_code == 302
    shown = clinician.get(url("session", done_session.ref)).content.decode()
    assert "Entered in error" in shown
    assert "Wrong patient" in shown


def test_a_session_opened_by_mistake_is_refused_in_words_and_keeps_what_was_typed(clinician, open_session):
    shown = post(clinician, "session_in_error", open_session.ref, error_reason=" ").content.decode()
    assert "Say why this session was entered in error." in shown
    assert re.search(r"<details[^>]* open><summary>Opened by mistake", shown)
    shown = post(clinician, "session_in_error", open_session.ref, error_reason="x" * 201).content.decode()
    assert "Too long" in shown
    assert "x" * 201 in shown


def test_the_last_session_is_read_once_for_a_page(clinician, second_session):
    with CaptureQueriesContext(connection) as asked:
        page(clinician, second_session)
    of_last_time = [query["sql"] for query in asked if '"signed_at" IS NOT NULL' in query["sql"]]
    # Once for the session before this one, once for the last depth in each zone, which may be older.
    assert len(of_last_time) == 2
