"""Whatever keeps a message from a patient: the reason is stored with the row, and a person reads it on the Messages page, on
the message's own and on hers."""

from collections.abc import Callable
from datetime import date, timedelta
from html import unescape

import pytest
from django.urls import reverse

from clinic import clock
from patients.links import services as links
from patients.links.purposes import Wanted
from patients.models import Message, Patient
from patients.outbox import events, suppression, tasks
from patients.outbox import services as outbox
from patients.outbox.models import OPEN, State
from patients.services import contact, people
from tests import factories
from tests.treatments.messages.reading import of_kind
from treatments.appointments import services as appointments
from treatments.flows import courses, moving, visits
from treatments.plans import services as plans

pytestmark = pytest.mark.django_db
DAY = date(2027, 4, 20)
REMINDER, CONFIRMED = "visit_reminder_1d", "booking_confirmed"


@pytest.fixture
def visit(active_plan):
    return factories.book(active_plan.planned_sessions.get(number=1), day=DAY)


def due(patient: Patient, kind: str) -> None:
    """The moment of this message, and what a worker makes of it."""
    clock.move_to(of_kind(patient, kind).send_at)
    tasks.dispatch()


def leaves_as_usual(visit, by) -> None:
    due(visit.patient, REMINDER)


def was_cancelled(visit, by) -> None:
    visits.cancel(visit=visit, reason="Has a cold", by=by)


def was_moved(visit, by) -> None:
    moving.move(places={visit: factories.a_place(visit.clinic, DAY + timedelta(days=3))}, by=by)


def did_not_come(visit, by) -> None:
    clock.move_to(visit.during.upper + timedelta(minutes=1))
    appointments.mark_no_show(visit=visit, by=by)


def is_here_early(visit, by) -> None:
    clock.move_to(visit.during.lower - timedelta(hours=26))
    type(visit).objects.filter(pk=visit.pk).update(status="arrived", arrived_at=clock.now())
    due(visit.patient, REMINDER)


def is_not_possible_on_its_day(visit, by) -> None:
    """What she told us after booking: the desk has her on its list of those to call before they travel."""
    clock.move_to(of_kind(visit.patient, REMINDER).send_at - timedelta(hours=1))
    factories.answer(visit.patient, "isotretinoin_past", "yes", on=DAY - timedelta(days=30))
    factories.screen_today(visit.patient, purpose="booking")
    due(visit.patient, REMINDER)


def course_was_stopped(visit, by) -> None:
    courses.stop_course(plan=visit.planned_session.plan, reason="Moves abroad", by=by)


def course_is_on_hold(visit, by) -> None:
    plans.hold(plan=visit.planned_session.plan, by=by)
    due(visit.patient, REMINDER)


def a_link(patient: Patient):
    [token] = links.issue([links.Order(patient, Wanted("contact"))])
    return links.open_link(token=token)


def wants_no_reminders(visit, by) -> None:
    contact.stop_optional(link=a_link(visit.patient), via="page")


def wants_no_mail_says_her_page(visit, by) -> None:
    contact.choose(link=a_link(visit.patient), mail_allowed=False, reminders_allowed=False)


def wants_no_mail_says_the_desk(visit, by) -> None:
    events.asked(patient=visit.patient, answer="none", by=by)


def address_was_taken_off(visit, by) -> None:
    people.correct_details(patient=visit.patient, version=visit.patient.version, by=by, email="")


def hear(patient: Patient, what: str, *, is_hard: bool) -> None:
    """A provider's word about the confirmation, which has left."""
    due(patient, CONFIRMED)
    message = of_kind(patient, CONFIRMED)
    events.settle(told=events.Told(
        what=what, key="k", message_id="p1", ref=message.ref, recipient=message.to_address, code="", is_hard=is_hard,
    ))  # fmt: skip


def mail_came_back(visit, by) -> None:
    hear(visit.patient, "bounced", is_hard=True)


def was_called_spam(visit, by) -> None:
    hear(visit.patient, "complained", is_hard=False)


def closes(status: str) -> Callable:
    def close(visit, by) -> None:
        """Nothing closes a record yet but the row itself, so the worker meets it as the message leaves."""
        Patient.objects.filter(pk=visit.patient_id).update(status=status)
        due(visit.patient, REMINDER)

    return close


def is_held(visit, by) -> None:
    outbox.hold(message=of_kind(visit.patient, REMINDER), reason="Ask her first", by=by)


def lost_its_use(visit, by) -> None:
    """Nobody sent anything until her visit had begun."""
    clock.move_to(visit.during.lower + timedelta(minutes=1))
    tasks.dispatch()


# Cause to the message it meets, what becomes of it, and the words that stand beside it.
CAUSES: dict[Callable, tuple[str, State, str]] = {
    was_cancelled: (REMINDER, State.CANCELLED, "The visit was cancelled"),
    was_moved: (REMINDER, State.CANCELLED, "The visit was moved"),
    did_not_come: (REMINDER, State.CANCELLED, "The patient did not come"),
    is_here_early: (REMINDER, State.CANCELLED, "The patient is already here"),
    is_not_possible_on_its_day: (REMINDER, State.CANCELLED, "not possible on its day as things stand"),
    course_was_stopped: (REMINDER, State.CANCELLED, "The visit was cancelled"),
    course_is_on_hold: (REMINDER, State.CANCELLED, "The course is not under way"),
    wants_no_reminders: (REMINDER, State.SUPPRESSED, "Does not want reminders."),
    wants_no_mail_says_her_page: (CONFIRMED, State.SUPPRESSED, "Does not want e-mail."),
    wants_no_mail_says_the_desk: (CONFIRMED, State.SUPPRESSED, "Does not want e-mail."),
    address_was_taken_off: (CONFIRMED, State.SUPPRESSED, "No e-mail address."),
    mail_came_back: (REMINDER, State.SUPPRESSED, "E-mail to this address comes back: call instead."),
    was_called_spam: (REMINDER, State.SUPPRESSED, "Does not want reminders."),
    closes("deceased"): (REMINDER, State.SUPPRESSED, "The record is closed."),
    closes("merged"): (REMINDER, State.SUPPRESSED, "The record was merged into another."),
    closes("moved_away"): (REMINDER, State.SUPPRESSED, "The record is closed: moved away."),
    closes("entered_in_error"): (REMINDER, State.SUPPRESSED, "The record was entered in error."),
    is_held: (REMINDER, State.HELD, "Held by Tess Moran: Ask her first"),
    lost_its_use: (REMINDER, State.EXPIRED, "It was too late to be of use."),
}


def words(client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def first_of(patient: Patient, kind: str) -> Message:
    return Message.objects.filter(patient=patient, kind=kind).earliest("pk")


@pytest.mark.parametrize(
    "cause", CAUSES, ids=lambda cause: cause.__qualname__.replace("closes.<locals>.close", "record_closed")
)
def test_the_reason_is_stored_and_read_on_every_page(cause, visit, patient, desk, mailoutbox):
    kind, state, reason = CAUSES[cause]
    cause(visit, desk.membership.user)
    message = first_of(patient, kind)
    assert message.state == state
    on = clock.local(message.send_at, message.clinic).date()
    for url in (
        f"{reverse('patients:messages')}?on={on}",
        f"{reverse('patients:messages')}?on={on}&show={'will' if state == State.HELD else 'not'}",
        reverse("patients:message", args=[message.ref]),
        reverse("patients:patient_messages", args=[patient.ref]),
    ):
        assert reason in words(desk, url), url
    assert not [mail for mail in mailoutbox if mail.extra_headers.get("X-Clinic-Ref") == str(message.ref)]


def test_without_a_cause_the_reminder_goes(visit, patient, desk):
    """The negative control: what the table finds is found because of its cause."""
    leaves_as_usual(visit, desk.membership.user)
    assert of_kind(patient, REMINDER).state == State.SENT


def test_every_reason_that_forbids_writing_to_her_is_in_the_table(patient):
    told = {reason for _, state, reason in CAUSES.values() if state == State.SUPPRESSED}
    assert set(suppression.CLOSED.values()) <= told
    # Never asked is the state of a new record, and stands in `test_queueing`.
    assert {"No e-mail address.", "Does not want e-mail.", "Does not want reminders."} <= told


def test_nothing_that_did_not_leave_has_an_empty_reason(visit, patient, desk):
    was_cancelled(visit, desk.membership.user)
    closed = Message.objects.filter(patient=patient).exclude(state__in=[*OPEN, State.SENT])
    assert closed.exists()
    assert not closed.filter(reason="").exists()


def test_a_shared_address_keeps_no_message_back_and_is_named_on_every_page(visit, patient, desk):
    factories.make_patient(patient.clinic, given_name="Mina", email=patient.email.upper())
    due(patient, REMINDER)
    message = of_kind(patient, REMINDER)
    assert message.state == State.SENT
    on = clock.local(message.send_at, message.clinic).date()
    for url in (
        f"{reverse('patients:messages')}?on={on}",
        reverse("patients:message", args=[message.ref]),
        reverse("patients:patient_messages", args=[patient.ref]),
    ):
        assert "shared address" in words(desk, url).lower()
