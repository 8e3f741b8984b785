"""What the mails say: nothing on a lock screen, the signs and the numbers in every aftercare mail, and no permission that
the next screening would take back."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic import clock
from patients.models import Message
from patients.outbox import kinds, rendering
from patients.outbox.texts import letters as texts
from patients.outbox.texts.shipped import library
from tests import factories
from tests.fixtures import kept_rows
from tests.treatments.messages.reading import of_kind
from treatments.appointments import messages, visit_mails
from treatments.appointments import services as appointments
from treatments.appointments.courses import services as courses
from treatments.flows import courses as flow
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import Catalogue, load
from treatments.protocol.facts import Answer, Concern, Device, PatientFacts
from treatments.protocol.policy import Setting, apply
from treatments.protocol.screening import screen
from treatments.rules import policy
from treatments.sessions import aftercare, reviews
from treatments.sessions import messages as session_messages

OURS = [*visit_mails.KINDS, *session_messages.KINDS]
AFTERCARE = [kind.code for kind in session_messages.KINDS if kind.code.startswith("aftercare")]
# Words that give away what somebody comes for.
TELLING = re.compile(
    r"needl|skin|scar|melasma|wrinkle|acne|derma|laser|peel|botox|filler|retino|treatment|therapy|face|cheek|session|cosmetic|aesthetic",
    re.IGNORECASE,
)
SESSION_ON = date(2027, 3, 9)
_written: list[tuple[dict[str, rendering.Letter], dict[str, str], datetime]] = []


@pytest.fixture
def letters(request, clinic_time) -> dict[str, rendering.Letter]:
    """One rendered mail of each kind, for one patient. Written for the first test; the others read the same, above the
    same rows."""
    if not _written:
        written = write_one_of_each_kind(request.getfixturevalue("done_session"))
        _written.append((written, kept_rows.take(), clock.now()))
    else:
        written, rows, finished_at = _written[0]
        kept_rows.put_back(rows)
        clinic_time(finished_at)
    return written


def write_one_of_each_kind(done_session) -> dict[str, rendering.Letter]:
    planned = done_session.plan.planned_sessions.get(number=2)
    visit = factories.book(planned, day=planned.target_on)
    Message.objects.filter(kind="booking_confirmed").update(state="sent", sent_at=visit.booked_at)
    place, by = factories.a_place(visit.clinic, visit.day + timedelta(days=1)), visit.clinician.user
    visit = appointments.move(visit=visit, place=place, by=by)
    later = done_session.plan.planned_sessions.filter(number__gt=2)
    places = {one: factories.a_place(visit.clinic, one.target_on) for one in later}
    together = courses.book_all(plan=done_session.plan, places=places, by=by)
    Message.objects.filter(kind="course_booked").update(state="sent", sent_at=visit.booked_at, send_at=visit.booked_at)
    moved = {one: replace(appointments.place_of(one), day=one.day + timedelta(days=1)) for one in together}
    courses.move_together(plan=done_session.plan, places=moved, by=by)
    appointments.cancel(visit=visit, reason="Ill", by=by)
    unbooked = [appointments.cancel(visit=one, reason="Ill", by=by) for one in together]
    messages.owe_for_closing_together(unbooked, by=by)
    patient, after = done_session.patient, [kind.code for kind in reviews.KINDS]
    of_visits = [kind.code for kind in OURS if kind.code not in after]
    written = {code: rendering.write(of_kind(patient, code)) for code in of_visits}
    TreatmentPlan.objects.filter(pk=done_session.plan_id).update(
        proposal=done_session.plan.proposal | {"maintenance": {"from_days": 180, "to_days": 365}}
    )
    flow.complete_course(plan=done_session.plan, by=by)
    return written | {code: rendering.write(of_kind(patient, code)) for code in after}


def test_the_letters_above_are_one_of_each_kind(letters):
    assert set(letters) == {kind.code for kind in OURS}
    assert set(letters) <= {kind.code for kind in kinds.all_kinds()}


def test_a_lock_screen_learns_nothing(letters):
    for letter in letters.values():
        mail = letter.mail
        assert letter.subject == "A message from Alder Lane"
        assert not TELLING.search(letter.subject)
        assert not TELLING.search(mail.from_email)
        assert "Leila" not in letter.subject


def test_labels_at_the_desk_say_nothing_clinical():
    assert [kind.label for kind in OURS if TELLING.search(kind.label)] == []
    assert TELLING.search("After your needling")


def test_the_first_name_is_the_only_name(letters):
    for letter in letters.values():
        assert "Leila" in letter.text
        assert "Haddad" not in letter.text + letter.html


def test_the_line_for_the_desk_holds_a_visit_and_no_treatment(done_session):
    notes = [message.context["note"] for message in done_session.patient.messages.all()]
    assert notes
    assert [note for note in notes if TELLING.search(note)] == []


def test_the_line_for_the_desk_about_a_review_holds_no_treatment(letters):
    notes = [letters[kind.code].message.context["note"] for kind in reviews.KINDS]
    assert notes == ["Last visit Tue 9 Mar"] * 4


def test_links_stand_where_they_are_given_and_nowhere_else(letters):
    """Whoever hands out links gives them to the texts by their names; without one the words stay what they were."""
    links = {
        "visit": "https://clinic.test/my/a/",
        "contact": "https://clinic.test/my/b/",
        "stop": "https://clinic.test/my/c/",
    }
    for code in ("visit_reminder_3d", "visit_reminder_1d", "booking_confirmed", "booking_changed", "course_booked"):
        text, html = written_with(letters[code].message, links=links)
        assert "Confirm or move your visit:\nhttps://clinic.test/my/a/\n" in text
        assert 'href="https://clinic.test/my/a/"' in html
        foot = links["contact"] if kinds.get(code).essential else links["stop"]
        assert f"use this link: {foot}\n" in text and f'href="{foot}"' in html
        for bare in written_with(letters[code].message, links={}):
            assert "Confirm or move your visit" not in bare
            assert ", tell us." in bare


def test_what_is_normal_today_and_whether_anything_changed_are_asked_where_there_is_a_page_for_it(letters):
    links = {"aftercare": "https://clinic.test/my/a/", "changes": "https://clinic.test/my/b/"}
    asked = dict.fromkeys(AFTERCARE, "See what is normal today, and tell us how you are") | dict.fromkeys(
        ("visit_reminder_3d", "visit_reminder_1d"), "Please answer here"
    )
    for code, words in asked.items():
        page = links["aftercare" if code in AFTERCARE else "changes"]
        text, html = written_with(letters[code].message, links=links)
        assert re.search(rf"{words}:\s{page}\n", text) and f'href="{page}">{words}</a>' in html
        for bare in written_with(letters[code].message, links={}):
            assert words not in bare


def written_with(message, *, links) -> tuple[str, str]:
    kind = kinds.get(message.kind)
    written = texts.write(
        message.clinic, kind.text, reads="en", first_name="Leila", words=kind.context(message), links=links,
        is_essential=kind.essential,
    )  # fmt: skip
    return written.text, written.html


def test_every_sender_gives_the_fields_that_are_declared_for_its_text(letters):
    """What is declared and never given would be a hole in every letter; what is given and not declared could not be said."""
    given: dict[str, set[str]] = {}
    for kind in OURS:
        given.setdefault(kind.text, set()).update(kind.context(letters[kind.code].message))
    for code, names in given.items():
        contract = library().contract(code)
        ours = {field.name for field in contract.fields} - {field.name for field in library().contract("base").fields}
        declared = {name.partition(".")[0] for name in ours if not name.startswith("link.")}
        assert declared <= names, code
        assert names - declared <= {"ends_at", "is_treatment", "starts_at"}, code


def test_every_aftercare_mail_carries_the_signs_and_both_numbers(letters):
    for body in (body for code in AFTERCARE for body in (letters[code].text, letters[code].html)):
        for flag in load().red_flags:
            if flag.level != "green":
                assert flag.text in body
        assert "020 7946 0142" in body
        assert "999" in body


def test_nobody_is_told_to_stop_a_prescribed_medicine(letters):
    for letter in letters.values():
        assert not re.search(r"\bstop (taking|using|your)", letter.text, re.IGNORECASE)
    for code in AFTERCARE:
        assert "Keep taking every medicine that a doctor has prescribed." in letters[code].text


def test_short_words_and_short_sentences(letters):
    """Grade 8 at most (Flesch-Kincaid) for the sentences of our own."""
    for code, letter in letters.items():
        assert reading_grade(letter.text) <= 8, code


def test_visit_mails_say_day_time_and_telephone(letters):
    for code in ("booking_changed", "booking_cancelled", "visit_reminder_3d", "visit_reminder_1d"):
        assert re.search(r"\w+day \d+ (April|June|July) 2027, 11:00", letters[code].text)
        assert "020 7946 0100" in letters[code].text


def test_a_folded_confirmation_says_what_the_reminders_would_have_said(visit_today):
    text = rendering.write(of_kind(visit_today.patient, "booking_confirmed")).text
    assert "Has anything changed?" in text
    assert "No alcohol from now on." in text
    assert "tomorrow" not in text


def test_no_sunscreen_for_a_day_then_spf_by_skin_type(letters):
    assert "No sunscreen for the first 24 hours." in letters["aftercare_now"].text
    assert "SPF 30 or higher" in letters["aftercare_24h"].text


def test_no_exercise_for_three_days(letters):
    assert "No sport, pool or sauna for three days." in letters["aftercare_now"].text
    for code in ("aftercare_4h", "aftercare_24h", "aftercare_48h"):
        assert "sport, swim" not in letters[code].text
    assert "you may do sport" in letters["aftercare_72h"].text


# ── Permissions, as values ────────────────────────────────────────────────────


def rules_on(on: date, loosened: list[Setting]) -> Catalogue:
    return apply(load(), loosened, on)


def ahead(
    day: int,
    *,
    next_day: int | None,
    skin_type: int | None = 3,
    reaction_open: bool = False,
    loosened: list[Setting] | None = None,
    **known,
) -> aftercare.Outlook:
    """An outlook on day `day` after the session, with the next one on day `next_day` after it."""
    next_on = None if next_day is None else SESSION_ON + timedelta(days=next_day)
    today = SESSION_ON + timedelta(days=day)
    facts = PatientFacts(born_on=date(1992, 6, 9), skin_type=skin_type, concerns=known.pop("concerns", ()), **known)
    return aftercare.Outlook(
        today=today,
        session_on=SESSION_ON,
        known=facts,
        next_on=next_on,
        reaction_open=reaction_open,
        catalogue=rules_on(today, loosened or []),
        then=rules_on(next_on or today, loosened or []),
    )


def said(step: str, outlook: aftercare.Outlook) -> str:
    return "\n".join(aftercare.said(aftercare.step(step, load()), outlook))


def test_retinoid_may_start_on_day_7_until_five_days_before_the_next_session():
    text = said("after_7_days", ahead(7, next_day=42))
    assert "You may use retinol, tretinoin or adapalene again, but not after Thursday 15 April." in text


def test_skin_types_4_to_6_wait_until_day_14_and_end_a_week_before():
    early = said("after_7_days", ahead(7, next_day=42, skin_type=5))
    assert "Retinoid cream: not before Tuesday 23 March." in early
    assert "retinol" not in early
    late = said("after_14_days", ahead(14, next_day=42, skin_type=5))
    assert "You may use retinol, tretinoin or adapalene again, but not after Tuesday 13 April." in late


def test_an_unknown_skin_type_counts_as_dark():
    assert "Retinoid cream: not before" in said("after_7_days", ahead(7, next_day=42, skin_type=None))


def test_a_filler_that_the_device_forbids_for_half_a_year_waits_for_the_end_of_the_course():
    pen = Device(name="Pen", max_depth_mm={"face": Decimal("1.5")}, filler_washout_days=180)
    assert "Filler: not until your course is finished." in said("after_14_days", ahead(14, next_day=42, device=pen))
    assert "You may have filler again, but not after Tuesday 23 March." in said("after_14_days", ahead(14, next_day=42))
    assert "Filler: not until your course is finished." in said("after_14_days", ahead(14, next_day=41))


def test_after_the_last_session_it_is_allowed_without_a_date():
    assert "You may have filler again." in said("after_14_days", ahead(14, next_day=None))


def test_while_a_reaction_is_open_nothing_is_allowed():
    text = said("after_7_days", ahead(7, next_day=None, reaction_open=True))
    assert "You may" not in text
    assert "Retinoid cream: please ask us first." in text


def test_spf_50_for_dark_skin_and_for_pigment_concerns():
    assert "SPF 50" in said("after_24_hours", ahead(1, next_day=42, skin_type=4))
    assert "SPF 50" in said("after_24_hours", ahead(1, next_day=42, concerns=(Concern("melasma", ("cheek",)),)))
    assert "SPF 50" not in said("after_24_hours", ahead(1, next_day=42, skin_type=3))


PERMITTED = re.compile(r"^You may .*?(?:, but not after (?P<words>\w+day \d+ \w+))?\.$")


@given(
    next_day=st.integers(28, 140),
    late=st.integers(0, 20),
    skin_type=st.sampled_from([None, 1, 2, 3, 4, 5, 6]),
    filler=st.sampled_from([None, 14, 28, 180, 365]),
    code=st.sampled_from(["after_7_days", "after_14_days"]),
    pigment=st.booleans(),
    shorter=st.sampled_from([0, 3, 10]),
    counts_until=st.integers(0, 150),
)
@settings(deadline=None)
def test_no_line_permits_what_the_next_screening_would_defer(
    next_day, late, skin_type, filler, code, pigment, shorter, counts_until
):
    """Whatever a mail allows, done on the last day it names, does not stand in the way of the next session: also where
    the clinic waits a shorter time for some days, which are over by then or are not."""
    last_day = SESSION_ON + timedelta(days=counts_until)
    loosened = [Setting(f"rule.{rule}.washout_days", shorter, last_day) for rule in ("filler", "topical_retinoid")]
    concerns = (Concern("melasma", ("cheek",)),) if pigment else ()
    day = {"after_7_days": 7, "after_14_days": 14}[code] + late
    outlook = ahead(
        day,
        next_day=next_day,
        skin_type=skin_type,
        device=Device(filler_washout_days=filler),
        concerns=concerns,
        loosened=loosened,
    )
    then = rules_on(outlook.next_on, loosened)
    allowed = {line.text.rstrip("."): line.rule for step in load().steps for line in step.lines if line.kind == "allow"}
    for sentence in aftercare.said(aftercare.step(code, load()), outlook):
        rule = next((rule for text, rule in allowed.items() if sentence.startswith(text)), None)
        if rule is None:
            continue
        found = PERMITTED.match(sentence)
        assert found, sentence
        assert found["words"], f"{sentence} names no last day although a session is to come"
        last_on = next(
            outlook.next_on - timedelta(days=back)
            for back in range(LONGEST)
            if aftercare.day_words(outlook.next_on - timedelta(days=back)) == found["words"]
        )
        assert last_on >= outlook.today
        assert not stands(rule, outlook, last_on, then)
        assert last_on == outlook.next_on or stands(rule, outlook, last_on + timedelta(days=1), then), (
            f"{sentence} could allow a day more"
        )


def test_the_check_above_finds_a_permission_that_goes_too_far():
    """Negative control: the day after the last one does stand in the way."""
    outlook = ahead(7, next_day=42)
    last_on = aftercare.last_day_allowed("topical_retinoid", outlook.known, next_on=outlook.next_on, catalogue=load())
    assert not stands("topical_retinoid", outlook, last_on, load())
    assert stands("topical_retinoid", outlook, last_on + timedelta(days=1), load())


@pytest.mark.parametrize(
    ("counts_until", "line"),
    [
        # Three days instead of 28, and the next session is on day 42.
        (20, "You may have filler again, but not after Tuesday 23 March."),
        (41, "You may have filler again, but not after Tuesday 23 March."),
        (42, "You may have filler again, but not after Saturday 17 April."),
    ],
)
def test_a_shorter_wait_that_is_over_by_the_next_session_permits_nothing(
    done_session, prescriber_member, counts_until, line
):
    """A mail of day 14 asks the rules of the day that is booked, not those of the day it is sent."""
    factories.book(done_session.plan.planned_sessions.get(number=2), day=SESSION_ON + timedelta(days=42))
    last_day, path = SESSION_ON + timedelta(days=counts_until), "rule.filler.washout_days"
    details = {"path": path, "value": 3, "reason": "Thin filler only", "expires_on": last_day}
    policy.loosen(clinic=done_session.clinic, by=prescriber_member, **details)
    session = type(done_session).objects.get(pk=done_session.pk)
    assert line in aftercare.lines(session, "after_14_days", today=SESSION_ON + timedelta(days=14))


LONGEST = 200


def stands(rule: str, outlook: aftercare.Outlook, used_on: date, then: Catalogue) -> bool:
    """Whether a screening on the next day would defer for this rule, or advise against the day."""
    facts = replace(outlook.known, answers={rule: Answer("yes", on=used_on, answered_on=used_on)})
    seen = screen(facts, on=outlook.next_on, purpose="session", catalogue=then)
    return any(
        f.code == rule and (f.category != "CAU" or (f.earliest_on and f.earliest_on > outlook.next_on))
        for f in seen.findings
    )


def reading_grade(text: str) -> float:
    sentences = [part for part in re.split(r"[.!?:\n]+", text) if re.search(r"[a-z]", part)]
    words = re.findall(r"[A-Za-z']+", text)
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(_syllables, words)) / len(words) - 15.59


def _syllables(word: str) -> int:
    groups = re.findall(r"[aeiouy]+", word.lower())
    silent = word.lower().endswith("e") and not word.lower().endswith("le") and len(groups) > 1
    return max(1, len(groups) - silent)
