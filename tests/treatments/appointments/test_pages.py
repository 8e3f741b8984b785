"""Booking, moving, cancelling and the steps of a visit, as the desk does them in a browser."""

from datetime import date, time, timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from clinic import clock
from clinic.models import TimeOff
from patients.models import Message
from tests import factories
from tests.factories import TODAY
from treatments.appointments import services
from treatments.appointments.courses.undoing import unbook_url
from treatments.appointments.models import Appointment
from treatments.flows import visits as flow
from treatments.plans import services as plans
from treatments.protocol.catalogue import load


def book_url(planned) -> str:
    return reverse("treatments:book", args=[planned.ref])


def own(clinic, day: date, at: str = "11:00", **differing) -> dict:
    """An entry of the desk's own, as the form sends it."""
    return {
        "slot": "own",
        "day": day.isoformat(),
        "starts_at": at,
        "clinician": str(factories.a_clinician(clinic).ref),
        "room": str(clinic.rooms.first().ref),
    } | differing


def first_offer(response) -> str:
    return response.context["picker"].days[0][1][0].value


def consult_somebody_else(clinic, day: date, at: time) -> Appointment:
    """A consultation that takes the clinician and the room from `at` for half an hour."""
    other = factories.make_patient(clinic, given_name="Ben", family_name="Carver")
    place = factories.a_place(clinic, day, at, kind="consultation")
    return services.book(patient=other, kind="consultation", place=place, by=factories.a_manager(clinic).user)


@pytest.fixture
def planned(active_plan):
    return active_plan.planned_sessions.get(number=1)


@pytest.fixture
def booked(planned) -> Appointment:
    """Session 1, in a week, at 11:00."""
    return factories.book(planned, day=TODAY + timedelta(days=7))


# ── Booking ───────────────────────────────────────────────────────────────────


def test_the_page_shows_the_window_in_words_and_free_times_inside_it(desk, planned):
    page = desk.get(book_url(planned))
    assert page.status_code == 200
    assert "Session 1 may be on any day from 9 Mar to " in page.content.decode()
    days = [day for day, _ in page.context["picker"].days]
    assert days
    assert all(planned.earliest_on <= day <= planned.latest_on for day in days)
    assert sum(len(offered) for _, offered in page.context["picker"].days) == 12


def test_choosing_a_free_time_books_it_in_one_press(desk, planned):
    slot = first_offer(desk.get(book_url(planned)))
    answer = desk.post(book_url(planned), {"slot": slot})
    assert answer.status_code == 302
    visit = Appointment.objects.get()
    assert (visit.planned_session, visit.status, visit.booked_by) == (planned, "booked", desk.membership.user)
    toast = [str(message) for message in desk.get(answer["Location"]).context["messages"]]
    assert toast == [
        f"Session 1 booked for {services.place_of(visit).words()} with Noor Adeyemi. One mail leaves in a minute."
    ]


def test_wishes_narrow_what_is_shown(desk, planned, prescriber_member):
    page = desk.get(
        book_url(planned), {"clinician": prescriber_member.ref, "part": "afternoon", "first_day": "2027-03-15"}
    )
    shown = [(day, offer) for day, offered in page.context["picker"].days for offer in offered]
    assert shown
    assert shown[0][0] == date(2027, 3, 15)
    assert {offer.clinician for _, offer in shown} == {"Dr Ines Halloran"}
    assert all(time(12) <= offer.starts_at.time() < time(17) for _, offer in shown)


@pytest.mark.parametrize(
    "wishes",
    [
        {"clinician": "x", "part": "noon", "first_day": "32 March", "show": "-1"},
        {"first_day": "0001-01-01"},
        {"first_day": "9999-12-31"},
        {"show": "99999999999999999999"},
        {"clinician": "\x00", "next": "//evil.example"},
    ],
)
def test_wishes_that_make_no_sense_are_as_if_not_said(desk, planned, wishes):
    assert desk.get(book_url(planned), wishes).status_code == 200


def test_more_times_are_shown_when_asked_for(desk, planned):
    page = desk.get(book_url(planned), {"show": "24"})
    assert sum(len(offered) for _, offered in page.context["picker"].days) == 24


def test_another_time_may_be_entered(desk, clinic, planned):
    day = TODAY + timedelta(days=7)
    assert desk.post(book_url(planned), own(clinic, day, "11:05")).status_code == 302
    assert (Appointment.objects.get().day, Appointment.objects.get().starts_at) == (day, time(11, 5))


def test_booking_writes_the_mails_it_owes(desk, clinic, planned):
    desk.post(book_url(planned), own(clinic, TODAY + timedelta(days=7)))
    assert set(Message.objects.values_list("kind", flat=True)) == {
        "booking_confirmed",
        "visit_reminder_3d",
        "visit_reminder_1d",
    }


def test_a_second_press_books_nothing_more(desk, clinic, planned):
    form = own(clinic, TODAY + timedelta(days=7)) | {"submit_token": "6f3c5a58-6c86-4a39-8a2c-0d8f1f6d8a11"}
    first, second = (desk.post(book_url(planned), form) for _ in range(2))
    assert first.status_code == second.status_code == 302
    assert first["Location"] == second["Location"]
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"day": ""}, "day", "Enter the day."),
        ({"day": "soon"}, "day", "Enter a day, for example 20/04/2027."),
        ({"day": "2027-03-08"}, "day", "Choose a day from today on, within the next two years."),
        ({"day": "9999-12-31"}, "day", "Choose a day from today on, within the next two years."),
        ({"starts_at": ""}, "starts_at", "Enter the time the visit starts."),
        ({"starts_at": "25:00"}, "starts_at", "Enter a time from 00:00 to 23:59."),
        ({"clinician": ""}, "clinician", "Choose a clinician."),
        ({"clinician": "x" * 100_000}, "clinician", "Choose a clinician from the list."),
        ({"room": "\x00"}, "room", "Choose a room from the list."),
        ({"day": "2027-03-09", "starts_at": "10:00"}, "starts_at", "This time has passed. Choose a later one."),
        ({"starts_at": "07:00"}, "starts_at", "Noor Adeyemi works 09:00 to 17:00. Choose another time or clinician."),
        ({"starts_at": "16:45"}, "starts_at", "Noor Adeyemi works 09:00 to 17:00. Choose another time or clinician."),
        (
            {"day": "2027-03-14"},
            "starts_at",
            "Noor Adeyemi works not at all that day. Choose another time or clinician.",
        ),
        (
            {"day": "2027-12-01"},
            "day",
            "Not after Tue 1 Jun: the window of this session ends then. Choose an earlier day.",
        ),
    ],
)
def test_each_mistake_is_named_at_its_field_and_nothing_typed_is_lost(desk, clinic, planned, wrong, field, sentence):
    form = own(clinic, TODAY + timedelta(days=7)) | wrong
    answer = desk.post(book_url(planned), form)
    assert answer.status_code == 422
    assert answer.context["form"].errors[field] == [sentence]
    assert not Appointment.objects.exists()
    kept = answer.context["form"]
    assert {name: kept[name].value() for name in ("day", "starts_at")} == {
        "day": form["day"],
        "starts_at": form["starts_at"],
    }


@pytest.mark.parametrize("slot", ["", "x", "a.b.c", "20270316T1100Z..", "99999999T9999Z.a.b", "x" * 1_000_000, "\x00"])
def test_a_choice_that_was_never_offered_is_refused(desk, planned, slot):
    answer = desk.post(book_url(planned), {"slot": slot})
    assert answer.status_code == 422
    assert "slot" in answer.context["form"].errors
    assert not Appointment.objects.exists()


def test_another_clinics_clinician_and_room_are_no_choice(desk, planned, other_clinic):
    stranger = factories.a_clinician(other_clinic)
    value = f"20270316T1100Z.{stranger.ref}.{other_clinic.rooms.first().ref}"
    assert desk.post(book_url(planned), {"slot": value}).status_code == 422


def test_time_off_is_not_offered_and_refused_in_words(desk, clinic, planned):
    day = TODAY + timedelta(days=7)
    who = factories.a_clinician(clinic)
    morning = tuple(clock.resolve(day, time(hour), clinic.tz) for hour in (9, 13))
    TimeOff.objects.create(clinic=clinic, membership=who, during=morning)
    answer = desk.post(book_url(planned), own(clinic, day))
    assert answer.context["form"].errors["starts_at"] == [
        "Noor Adeyemi works 13:00 to 17:00. Choose another time or clinician."
    ]


def test_a_date_the_rules_defer_is_refused_with_the_date_and_never_the_reason(desk, clinic, patient, planned):
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=170))
    answer = desk.post(book_url(planned), own(clinic, TODAY + timedelta(days=7)))
    assert answer.status_code == 422
    assert answer.context["form"].errors["day"] == ["Not before 19 March."]
    assert b"sotretinoin" not in answer.content
    page = desk.get(book_url(planned))
    assert all(day >= date(2027, 3, 19) for day, _ in page.context["picker"].days)
    assert "Not before 19 March" in page.content.decode()


def test_what_a_clinician_must_decide_offers_no_time(desk, clinic, patient, planned):
    factories.answer(patient, "anticoagulant_rx", "yes")
    page = desk.get(book_url(planned))
    assert "Ask a clinician" in page.content.decode()
    assert not page.context["picker"].days
    answer = desk.post(book_url(planned), own(clinic, TODAY + timedelta(days=7)))
    assert answer.context["form"].errors["day"] == ["Ask a clinician."]


def test_what_stands_behind_a_date_offers_no_time_either(desk, patient, planned):
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=170))
    factories.answer(patient, "anticoagulant_rx", "yes")
    page = desk.get(book_url(planned))
    assert page.context["picker"].verdict.label == "Not before 19 March"
    assert page.context["picker"].refused
    assert not page.context["picker"].days
    assert "A clinician has to decide first." in page.content.decode()


def test_an_open_question_is_booked_and_marked(desk, clinic, patient):
    """Answers count for a year: asked 320 days ago, they are too old for a visit in seven weeks."""
    by = factories.a_clinician(clinic).user
    factories.answer_all(patient, answered_on=TODAY - timedelta(days=320))
    plan = factories.make_draft(patient)
    plans.submit(plan=plan, by=by)
    factories.sign_consent(plan)
    plan = plans.activate(plan=plan, by=by)
    answer = desk.post(book_url(plan.planned_sessions.first()), own(clinic, TODAY + timedelta(days=49)))
    assert answer.status_code == 302
    assert Appointment.objects.get().to_ask
    assert "Questions are open: it is marked." in str(list(desk.get(answer["Location"]).context["messages"])[0])


def test_a_session_that_is_booked_already_is_named_with_its_day(desk, clinic, planned, booked):
    answer = desk.post(book_url(planned), own(clinic, TODAY + timedelta(days=9)))
    assert answer.status_code == 409
    assert "This session of the course is already booked for Tue 16 Mar." in answer.content.decode()


def test_somebody_was_faster_and_three_free_times_are_offered(desk, clinic, planned):
    day = TODAY + timedelta(days=7)
    consult_somebody_else(clinic, day, time(11, 30))
    answer = desk.post(book_url(planned), own(clinic, day))
    text = answer.content.decode()
    assert answer.status_code == 409
    # A time of her own choice: it may have been somebody's for weeks.
    assert "<b>Taken: Tue 16 Mar, 11:00" in text and "Just taken" not in text
    assert "Nothing was saved. Nearest that fit:" in text
    nearest = answer.context["taken"]["offers"]
    assert len(nearest) == 3
    assert answer.context["form"]["starts_at"].value() == "11:00"
    # One press on one of them books it, whatever is still chosen below.
    again = desk.post(book_url(planned), own(clinic, day) | {"instead": nearest[0].value})
    assert again.status_code == 302
    assert Appointment.objects.get(planned_session=planned).status == "booked"


def test_of_a_time_that_was_offered_it_is_said_that_it_was_just_taken(desk, clinic, planned):
    picker = desk.get(book_url(planned)).context["picker"]
    offer = picker.days[0][1][0]
    consult_somebody_else(clinic, offer.starts_at.date(), offer.starts_at.time())
    answer = desk.post(book_url(planned), {"slot": offer.value})
    assert answer.status_code == 409
    assert "<b>Just taken: " in answer.content.decode()


def test_booking_is_undone_by_the_toast(desk, clinic, planned):
    desk.post(book_url(planned), own(clinic, TODAY + timedelta(days=7)))
    visit = Appointment.objects.get()
    desk.post(reverse("treatments:unbook_visit", args=[visit.ref]))
    visit.refresh_from_db()
    assert visit.status == "cancelled"
    assert set(Message.objects.values_list("state", flat=True)) == {"cancelled"}


def test_the_undo_of_a_booking_leads_to_the_same_page_at_the_second_press(desk, booked):
    back = f"/today/?day={booked.day}"
    presses = [desk.post(unbook_url(booked), {"next": back}) for _ in range(2)]
    assert [(press.status_code, press["Location"]) for press in presses] == [(302, back)] * 2
    booked.refresh_from_db()
    assert (booked.status, booked.schedule_version) == ("cancelled", 2)
    # What was cancelled for any other reason is not what this press did.
    other = factories.book(booked.planned_session, day=booked.day)
    services.cancel(visit=other, reason="Has a cold", by=desk.membership.user)
    assert desk.post(unbook_url(other)).status_code == 409


def test_the_undo_of_a_booking_is_about_that_booking_and_nothing_later(desk, booked):
    undo, by = unbook_url(booked), desk.membership.user
    services.move(visit=booked, place=factories.a_place(booked.clinic, booked.day, time(14)), by=by)
    refused = desk.post(undo)
    assert refused.status_code == 409
    assert "This visit was changed since." in refused.content.decode()
    # Taken back and standing again it is another visit to an old page.
    other = unbook_url(booked)
    booked.refresh_from_db()
    assert desk.post(unbook_url(booked)).status_code == 302
    flow.undo_step(visit=booked, by=by)
    for stale in (undo, other, unbook_url(booked)):
        assert desk.post(stale).status_code == 409
    booked.refresh_from_db()
    assert booked.status == "booked"


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 3000, "9" * 9, "\u0663"])
def test_the_undo_of_no_version_there_is_takes_nothing_back(desk, booked, version):
    for name in ("unbook_visit", "move_visit_back"):
        url = reverse(f"treatments:{name}", args=[booked.ref])
        assert desk.post(f"{url}?{urlencode({'version': version})}").status_code == 409
    booked.refresh_from_db()
    assert booked.status == "booked"


@pytest.mark.parametrize("kind", ["consultation", "review"])
def test_a_consultation_or_review_is_booked_without_a_course(desk, patient, kind):
    url = reverse("treatments:book_visit", args=[patient.ref]) + f"?kind={kind}"
    slot = first_offer(desk.get(url))
    assert desk.post(url, {"slot": slot}).status_code == 302
    assert Appointment.objects.get().kind == kind


def test_a_treatment_is_not_booked_without_a_course(desk, patient):
    assert desk.get(reverse("treatments:book_visit", args=[patient.ref]) + "?kind=treatment").status_code == 404


def test_a_late_session_may_be_booked_once_its_window_has_closed(desk, clinic, planned, later):
    later(timedelta(days=90))
    page = desk.get(book_url(planned))
    assert page.context["picker"].is_late
    assert (
        "The window of session 1 closed on 1 June. A late session may be booked until 5 September 2027"
        in page.content.decode()
    )
    assert page.context["picker"].last_day == TODAY + timedelta(days=180)
    slot = first_offer(page)
    assert desk.post(book_url(planned), {"slot": slot}).status_code == 302
    assert Appointment.objects.get().to_ask


def test_after_the_last_late_day_a_clinician_plans_again(desk, planned, later):
    later(timedelta(days=190))
    page = desk.get(book_url(planned))
    assert not page.context["picker"].days
    assert "Ask a clinician to assess and plan again." in page.content.decode()


# ── Steps ─────────────────────────────────────────────────────────────────────


def post(client, name: str, visit: Appointment, **data):
    return client.post(reverse(f"treatments:{name}", args=[visit.ref]), data)


def test_each_step_takes_one_press_and_keeps_its_time(desk, visit_today):
    for to in ("confirmed", "arrived", "numbing", "in_room", "done"):
        assert post(desk, "step_visit", visit_today, to=to).status_code == 302
        visit_today.refresh_from_db()
        assert visit_today.status == to
        assert getattr(visit_today, f"{to}_at") is not None


def test_each_step_is_undone_by_one_press(desk, visit_today):
    for to in ("confirmed", "arrived", "numbing", "in_room", "done"):
        post(desk, "step_visit", visit_today, to=to)
    for back in ("in_room", "numbing", "arrived", "confirmed", "booked"):
        assert post(desk, "undo_visit", visit_today).status_code == 302
        visit_today.refresh_from_db()
        assert visit_today.status == back
    assert visit_today.arrived_at is None
    assert post(desk, "undo_visit", visit_today).status_code == 409


def test_a_step_out_of_order_says_how_the_visit_stands(desk, visit_today):
    answer = post(desk, "step_visit", visit_today, to="done")
    assert answer.status_code == 409
    assert "This visit is booked; it cannot be done from there." in answer.content.decode()


@pytest.mark.parametrize("to", ["", "cancelled", "flown", "\x00", "x" * 1000])
def test_a_step_that_does_not_exist_is_refused(desk, visit_today, to):
    assert post(desk, "step_visit", visit_today, to=to).status_code == 422


def test_nobody_arrives_on_another_day(desk, booked):
    answer = post(desk, "step_visit", booked, to="arrived")
    assert "This visit is on another day. Move it to today first." in answer.content.decode()


def test_a_step_leads_back_to_where_it_was_pressed_but_never_out_of_the_house(desk, visit_today):
    assert (
        post(desk, "step_visit", visit_today, to="confirmed", next="/today/?by=rooms")["Location"] == "/today/?by=rooms"
    )
    for strange in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert post(desk, "undo_visit", visit_today, next=strange)["Location"].startswith("/today/")
        post(desk, "step_visit", visit_today, to="confirmed")


def test_done_with_a_signed_session_stays_done(desk, done_session):
    visit = done_session.appointment
    visit.refresh_from_db()
    assert visit.status == "done"
    assert "is signed, so it stays done" in post(desk, "undo_visit", visit).content.decode()


def test_a_visit_whose_session_has_begun_is_not_cancelled(desk, open_session):
    answer = post(desk, "cancel_visit", open_session.appointment, reason="Felt unwell")
    assert answer.status_code == 422
    assert "Stop it at the chair instead" in answer.content.decode()


# ── Cancelled, missed, moved ──────────────────────────────────────────────────


def test_cancelling_asks_for_a_reason(desk, booked):
    answer = post(desk, "cancel_visit", booked, reason=" ")
    assert answer.status_code == 422
    assert answer.context["form"].errors["reason"] == ["Say why the visit is cancelled."]


def test_a_cancelled_visit_stays_struck_and_its_reminders_are_withdrawn(desk, booked):
    assert post(desk, "cancel_visit", booked, reason="Has a cold").status_code == 302
    booked.refresh_from_db()
    assert (booked.status, booked.closed_reason) == ("cancelled", "Has a cold")
    assert not Message.objects.filter(state="due", kind__startswith="visit_reminder").exists()
    day = desk.get(reverse("treatments:today"), {"day": booked.day.isoformat(), "view": "list"}).content.decode()
    assert "<s>Leila Haddad</s>" in day


def test_a_cancellation_is_undone_with_its_reminders(desk, booked):
    post(desk, "cancel_visit", booked, reason="Wrong patient")
    assert post(desk, "undo_visit", booked).status_code == 302
    booked.refresh_from_db()
    assert (booked.status, booked.closed_at, booked.closed_reason) == ("booked", None, "")
    due = Message.objects.filter(state="due").values_list("kind", flat=True)
    assert set(due) == {"booking_confirmed", "visit_reminder_3d", "visit_reminder_1d"}


def test_a_patient_who_knows_her_visit_hears_nothing_of_a_slip(desk, booked, clinic_time):
    Message.objects.filter(kind="booking_confirmed").update(
        state="sent", handed_off_at=factories.NOW, sent_at=factories.NOW
    )
    post(desk, "cancel_visit", booked, reason="Wrong patient")
    post(desk, "undo_visit", booked)
    assert set(Message.objects.filter(state="due").values_list("kind", flat=True)) == {
        "visit_reminder_3d",
        "visit_reminder_1d",
    }


def test_a_place_that_was_given_away_is_not_taken_back(desk, clinic, booked):
    post(desk, "cancel_visit", booked, reason="Has a cold")
    consult_somebody_else(clinic, booked.day, time(11, 30))
    answer = post(desk, "undo_visit", booked)
    assert answer.status_code == 409
    assert "Just taken: Tue 16 Mar, 11:00." in answer.content.decode()


def test_a_visit_is_missed_only_once_it_has_begun(desk, visit_today, later):
    assert "has not begun yet" in post(desk, "miss_visit", visit_today).content.decode()
    later(timedelta(minutes=40))
    assert post(desk, "miss_visit", visit_today).status_code == 302
    visit_today.refresh_from_db()
    assert visit_today.status == "no_show"
    # She came after all.
    assert post(desk, "step_visit", visit_today, to="arrived").status_code == 302
    visit_today.refresh_from_db()
    assert (visit_today.status, visit_today.closed_at) == ("arrived", None)


def test_a_missed_visit_is_undone(desk, visit_today, later):
    later(timedelta(minutes=40))
    post(desk, "miss_visit", visit_today)
    post(desk, "undo_visit", visit_today)
    visit_today.refresh_from_db()
    assert visit_today.status == "booked"


def test_moving_shows_what_it_changes_and_sends_one_mail(desk, clinic, booked):
    url = reverse("treatments:move_visit", args=[booked.ref])
    page = desk.get(url)
    assert "Now Tue 16 Mar, 11:00, Noor Adeyemi, Room 1" in page.content.decode()
    answer = desk.post(url, own(clinic, booked.day, "11:15"))
    assert answer.status_code == 302
    booked.refresh_from_db()
    assert booked.starts_at == time(11, 15)
    assert list(Message.objects.filter(state="due", kind__startswith="booking").values_list("kind", flat=True)) == [
        "booking_changed"
    ]


def test_a_move_is_undone(desk, clinic, booked):
    desk.post(reverse("treatments:move_visit", args=[booked.ref]), own(clinic, booked.day, "14:00"))
    assert post(desk, "move_visit_back", booked).status_code == 302
    booked.refresh_from_db()
    assert booked.starts_at == time(11)


def test_a_visit_that_never_moved_is_not_moved_back(desk, booked):
    assert "was not moved" in post(desk, "move_visit_back", booked).content.decode()


def test_a_visit_that_is_over_is_not_moved(desk, clinic, visit_today):
    factories.arrive(visit_today)
    url = reverse("treatments:move_visit", args=[visit_today.ref])
    assert desk.get(url).status_code == 302
    answer = desk.post(url, own(clinic, TODAY + timedelta(days=7)))
    assert answer.status_code == 422
    assert "This visit is arrived and can no longer be moved." in answer.content.decode()


def test_the_next_session_keeps_its_distance_from_a_booked_one(desk, clinic, active_plan, booked):
    second = active_plan.planned_sessions.get(number=2)
    factories.book(second, day=second.target_on)
    answer = desk.post(
        reverse("treatments:move_visit", args=[booked.ref]), own(clinic, second.target_on - timedelta(days=7))
    )
    # Nothing is moved: the page says what would have to move with it.
    assert answer.status_code == 302
    ways = desk.get(answer.url).context["ways"]
    assert [(line.number, line.moves) for line in ways[0].lines] == [(1, True), (2, True)]
    assert second.appointments.get().day == second.target_on


# ── Who sees what ─────────────────────────────────────────────────────────────


def test_another_clinics_visits_do_not_exist(stranger, booked, planned, patient):
    for url in (
        book_url(planned),
        reverse("treatments:book_visit", args=[patient.ref]),
        *(reverse(f"treatments:{name}", args=[booked.ref]) for name in ("visit", "move_visit", "cancel_visit")),
    ):
        assert stranger.get(url).status_code == 404
    for name in (
        "step_visit",
        "undo_visit",
        "miss_visit",
        "unbook_visit",
        "move_visit_back",
        "cancel_visit",
        "move_visit",
    ):
        assert stranger.post(reverse(f"treatments:{name}", args=[booked.ref])).status_code == 404


def test_no_page_of_the_desk_names_a_diagnosis_a_zone_or_a_rule(desk, active_plan, booked):
    """Canary: the words of the catalogue for this course, and a reason that only clinicians may read."""
    factories.answer(active_plan.patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=100))
    factories.screen_today(active_plan.patient, purpose="booking")
    catalogue = load()
    words = ["cheek", "chin", "acne", "scar", "isotretinoin", catalogue.concern("acne_scar_face").label.lower()]
    second = active_plan.planned_sessions.get(number=2)
    for url in (
        book_url(second),
        reverse("treatments:book_visit", args=[active_plan.patient.ref]),
        reverse("treatments:visit", args=[booked.ref]),
        reverse("treatments:move_visit", args=[booked.ref]),
        reverse("treatments:cancel_visit", args=[booked.ref]),
        reverse("treatments:today") + f"?day={booked.day}&visit={booked.ref}",
        reverse("treatments:today") + f"?day={booked.day}&view=list",
        reverse("treatments:worklists"),
    ):
        page = desk.get(url)
        assert page.status_code == 200
        shown = page.content.decode().lower()
        assert not [word for word in words if word in shown], url


def test_a_clinician_goes_from_a_consultation_to_the_chart_and_the_desk_does_not(clinician, desk, patient):
    clinic = patient.clinic
    place = factories.a_place(clinic, clock.today(clinic), kind="consultation")
    visit = services.book(
        patient=patient, kind="consultation", place=place, planned_session=None, by=factories.a_manager(clinic).user
    )
    page = reverse("treatments:visit", args=[visit.ref])
    assert "Open the chart" not in clinician.get(page).content.decode()
    factories.arrive(visit)
    assert "Open the chart" in clinician.get(page).content.decode()
    assert "Open the chart" not in desk.get(page).content.decode()
