"""What a check-in brings about: a red one holds the next session in the same breath, and a press is one check-in."""

from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from clinic import clock
from clinic.errors import ConstraintRefused, DomainError, explained
from clinic.models import AuditEvent
from patients.models import Photo
from patients.services import photos
from tests import factories
from tests.factories import TODAY
from tests.treatments.healing.telling import CALM, a_picture, her_link, tell
from treatments.flows import check_in as flow
from treatments.flows import reactions
from treatments.pages.worklists.call_lists import call_lists
from treatments.protocol.triage import Answers
from treatments.screenings import services as screenings
from treatments.sessions import services as sessions
from treatments.sessions.healing import services as healing
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def next_visit(done_session):
    planned = done_session.plan.planned_sessions.get(number=2)
    return factories.book(planned, day=planned.earliest_on)


def held(visit) -> list[str]:
    return [call.say for call in call_lists(visit.clinic, now=clock.now()).of_visits.before_they_travel.calls]


def test_a_calm_one_is_kept_and_holds_nobody_back(done_session, next_visit, later):
    later(timedelta(days=1))
    told = tell(done_session, note="A little dry.")
    kept = CheckIn.objects.get()
    assert (kept, kept.day, kept.level, kept.redness, kept.swelling, kept.pain) == (told, 1, "green", 1, 1, 2)
    assert (kept.note, kept.flags, kept.asked_by, kept.reaction) == ("A little dry.", [], None, None)
    assert kept.answered_at == clock.now()
    assert not AdverseEvent.objects.exists()
    assert held(next_visit) == []


def test_a_red_one_opens_a_reaction_that_nobody_of_ours_reported_and_holds_the_next_visit_at_once(
    done_session, next_visit, later
):
    later(timedelta(days=1))
    told = tell(done_session, "breathing", "bumps")
    assert told.level == "red"
    reaction = AdverseEvent.objects.get()
    assert told.reaction == reaction
    assert (reaction.by_patient, reaction.reported_by, reaction.grade, reaction.code) == (True, None, 3, "other")
    assert (reaction.session, reaction.onset_on) == (done_session, TODAY + timedelta(days=1))
    assert reaction.note == ("Healing check-in on day 1: Trouble breathing, or swelling of the face, tongue or throat.")
    assert held(next_visit) == ["Ask a clinician before this visit"]
    newest = done_session.patient.screenings.first()
    assert (newest.outcome, newest.made_by) == ("block", None)


@pytest.mark.parametrize(("sign", "code"), [("blue_skin", "numbing_toxicity"), ("fever_confused", "infection")])
def test_a_sign_that_the_catalogue_has_a_name_for_gets_it(done_session, sign, code):
    assert tell(done_session, sign).reaction.code == code


def test_without_the_reaction_the_visit_would_not_be_held(done_session, next_visit):
    """The negative control: the same taps but for the red sign."""
    assert tell(done_session, "bumps").level == "amber_2"
    assert held(next_visit) == []


@pytest.fixture
def second_visit(done_session, later):
    """Session 2, six weeks on: booked for this afternoon, and the questions of the day are answered."""
    later(timedelta(days=42))
    planned = done_session.plan.planned_sessions.get(number=2)
    visit = factories.book(planned, day=clock.today(done_session.clinic), at=time(14))
    factories.answer_all(done_session.patient, forms=("day",))
    return visit


def test_no_session_opens_until_a_clinician_has_closed_it(done_session, second_visit):
    told = tell(done_session, "collapse")
    with pytest.raises(DomainError, match="No session today"):
        factories.open_session(second_visit)
    reactions.close(
        event=told.reaction, resolved_on=clock.today(done_session.clinic), over_72h=False, by=done_session.operator
    )
    assert done_session.patient.screenings.first().outcome != "block"


def test_a_red_answer_after_todays_screening_shuts_the_gate_that_was_open(done_session, second_visit):
    """She is in the waiting room, asked and found clear; then she tells us from her telephone."""
    visit = factories.arrive(second_visit)
    screenings.perform(patient=visit.patient, on=visit.day, purpose="session", by=done_session.operator.user)
    tell(done_session, "collapse")
    with pytest.raises(DomainError, match="No session today"):
        sessions.open_session(visit=visit, by=done_session.operator, acknowledged=[])


def test_with_a_calm_answer_the_same_session_opens(done_session, second_visit):
    """The negative control of the gate: it is the red answer that keeps it shut."""
    tell(done_session, redness=0, swelling=0, pain=0)
    assert factories.open_session(second_visit).is_open


def test_the_database_keeps_no_red_answer_without_a_reaction(done_session):
    link = her_link(done_session)
    with pytest.raises(ConstraintRefused, match="opens a reaction"), explained():
        CheckIn.objects.create(
            patient=done_session.patient, session=done_session, day=1, level="red", protocol_sha256="0" * 64,
            link=link, once=uuid4(),
        )  # fmt: skip


def test_a_second_red_answer_hangs_on_the_reaction_that_is_open(done_session):
    first, second = tell(done_session, "breathing"), tell(done_session, "collapse")
    assert first.reaction == second.reaction
    reactions.close(event=first.reaction, resolved_on=TODAY, over_72h=False, by=done_session.operator)
    third = tell(done_session, "breathing")
    assert third.reaction != first.reaction
    assert third.reaction.resolved_on is None


def test_what_got_worse_since_her_last_answer_is_seen(done_session, later):
    later(timedelta(days=1))
    assert tell(done_session, pain=2).level == "green"
    later(timedelta(days=2))
    assert tell(done_session, pain=3).level == "amber_1"
    assert tell(done_session, pain=3).level == "green"
    assert [reason.code for reason in healing.judged_then(CheckIn.objects.order_by("pk")[1]).reasons] == ["pain_worse"]


def test_the_same_press_again_is_the_same_check_in(done_session):
    once, link = uuid4(), her_link(done_session)
    first = tell(done_session, "breathing", once=once, link=link)
    again = tell(done_session, "breathing", once=once, link=link)
    assert (first, CheckIn.objects.count(), AdverseEvent.objects.count()) == (again, 1, 1)
    assert AuditEvent.objects.filter(action="check_in.told").count() == 1


def test_another_answer_under_the_name_of_an_earlier_press_is_not_swallowed(done_session):
    """She goes back to the page, ticks what she forgot, and presses again: a browser sends the same token."""
    once = uuid4()
    assert tell(done_session, once=once).level == "green"
    for _ in range(2):
        assert tell(done_session, "breathing", once=once).level == "red"
    assert sorted(CheckIn.objects.values_list("level", flat=True)) == ["green", "red"]


def test_a_name_of_somebody_elses_press_is_nobodys(done_session, clinic):
    once = uuid4()
    tell(done_session, once=once)
    other = CheckIn.objects.get()
    another = tell(done_session, once=other.once, note="Another")
    assert another.once != once


def test_her_photo_stands_with_her_answers(done_session):
    kept = photos.keep(a_picture())
    told = tell(done_session, photo=kept)
    photo = Photo.objects.get()
    assert (told.photo, photo.about, photo.source, photo.added_by) == (photo, told.ref, "patient", None)
    assert photos.path_of(photo).exists()


def test_what_was_told_stays_and_is_only_looked_at(done_session, clinician_member):
    told = tell(done_session, "breathing")
    for change in ({"level": "green"}, {"flags": []}, {"pain": 0}, {"note": "no"}):
        with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
            CheckIn.objects.filter(pk=told.pk).update(**change)
    with pytest.raises(Exception, match="Cannot delete"), transaction.atomic():
        CheckIn.objects.filter(pk=told.pk).delete()
    seen = healing.look_at(check_in=told, note="Called her.", by=clinician_member)
    assert (seen.seen_by, seen.seen_note, seen.seen_at) == (clinician_member.user, "Called her.", clock.now())
    with pytest.raises(DomainError, match="has looked at this check-in before"):
        healing.look_at(check_in=told, note="Again", by=clinician_member)


def test_only_a_clinician_looks_and_says_what_was_done(done_session, desk_member, manager_member, clinician_member):
    told = tell(done_session, "pus")
    for member in (desk_member, manager_member):
        with pytest.raises(DomainError, match="Only a clinician"):
            healing.look_at(check_in=told, note="Called her.", by=member)
    with pytest.raises(DomainError, match="Write what you did"):
        healing.look_at(check_in=told, note="  ", by=clinician_member)


def test_looking_leaves_the_reaction_open(done_session, next_visit, clinician_member):
    told = tell(done_session, "breathing")
    healing.look_at(check_in=told, note="Called her.", by=clinician_member)
    assert held(next_visit) == ["Ask a clinician before this visit"]


def test_asked_by_telephone_it_is_the_clinicians_word(done_session, clinician_member):
    said = Answers(**CALM, signs=frozenset(["eyes"]))
    told = flow.tell(session=done_session, once=uuid4(), said=said, asked_by=clinician_member.user).check_in
    assert (told.asked_by, told.link, told.level) == (clinician_member.user, None, "red")
    assert (told.reaction.by_patient, told.reaction.reported_by) == (False, clinician_member.user)


def test_the_audit_says_that_she_said_it_by_which_link_and_not_a_clinical_word(done_session):
    link = her_link(done_session)
    tell(done_session, "breathing", link=link, note="Please help")
    for action in ("check_in.told", "adverse_event.reported"):
        event = AuditEvent.objects.get(action=action)
        assert (event.by, event.clinic, event.facts["said_by"], event.facts["link"]) == (
            None,
            done_session.clinic,
            "patient",
            str(link.ref),
        )
        assert "reath" not in str(event.facts)
        assert "help" not in str(event.facts)
