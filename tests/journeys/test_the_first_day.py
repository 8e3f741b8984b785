"""The main job: from an empty database to the first signed session and its aftercare mail, by three people at three browsers.

Nothing is written but through the pages, and nothing is run but what `make run` runs: the web, a worker, a mail sink. Where
the path asks for patience the clinic's clock is moved, as in the demo: to the first session, a week after the consultation
as the clinician has planned it, and by the half hour that its label gives the numbing cream.
"""

from datetime import timedelta

import pytest

from clinic import clock
from clinic.mailbox import MailStore
from clinic.models import Clinic, Membership
from patients.models import Message
from patients.outbox.models import State
from tests import factories
from tests.fixtures.browser import wait_until
from tests.journeys.first_course import FirstCourse
from tests.journeys.first_morning import FirstMorning
from tests.journeys.walking import Eyes
from treatments.appointments.models import Appointment
from treatments.sessions.models import TreatmentSession

pytestmark = [pytest.mark.browser, pytest.mark.journey, pytest.mark.django_db(transaction=True)]
MARA, TESS, INES = "mara@elmroad.example", "tess@elmroad.example", "ines@elmroad.example"


@pytest.fixture
def mailbox(settings, worker) -> MailStore:
    """What the local sink has received. Empty to begin with: the folder is the run's."""
    store = MailStore(settings.MAILBOX_DIR)
    before = {mail.key for mail in store.latest(limit=1000)}
    store.new = lambda: [mail for mail in store.latest(limit=1000) if mail.key not in before]
    return store


def test_from_an_empty_database_to_the_first_signed_session(visitors, mailbox, clinic_time, later):
    eyes = Eyes()
    mara, tess, ines = visitors(dark=True), visitors(), visitors("tablet")

    morning = FirstMorning(eyes, mailbox)
    morning.open_the_clinic(mara, MARA)
    morning.list_what_is_used(mara)
    morning.invite(mara, "Tess Moran", TESS, "front_desk")
    morning.invite(mara, "Ines Halloran", INES, "prescriber", title="Dr", licence="GMC 7654321")
    morning.send_a_test_mail(mara, MARA)
    morning.accept(tess, TESS)
    morning.accept(ines, INES)
    morning.set_hours(mara, "Ines Halloran")
    morning.answer_for_it(ines)
    everything_is_in_place(mara, eyes)
    assert len(mailbox.new()) == 3  # one each, however often a bell rang

    first = FirstCourse(eyes, desk=tess, clinician=ines, manager=mara)
    first.register()
    first.book_the_consultation()
    first.arrive()
    first.receive()
    first.assess()
    first.ask("Ask all questions")
    first.plan(first_from=factories.TODAY + timedelta(days=7))
    first.let_go()
    first.book_the_course()

    visit = Appointment.objects.get(planned_session__number=1)
    clock.move_to(max(visit.during.lower - timedelta(minutes=5), clock.now()))
    first.arrive()
    first.begin_numbing()
    later(timedelta(minutes=visit.prep_minutes))
    first.receive()
    first.ask("Ask the questions of the day")
    session = first.open_the_session()
    first.chart_the_numbing(session)
    first.treat(session)
    first.sign(session)

    signed(by="Ines Halloran")
    first.read_the_aftercare()
    reminders = Message.objects.filter(
        about=Appointment.objects.get(planned_session__number=2).ref, kind__startswith="visit_reminder"
    )
    assert list(reminders.values_list("state", flat=True)) == [State.DUE, State.DUE]
    tess.open(f"/messages/?on={clock.local(reminders.first().send_at, Clinic.objects.get()).date()}")
    eyes.look(tess, "messages")
    first.cancel(2)
    assert list(reminders.values_list("state", flat=True)) == [State.CANCELLED, State.CANCELLED]
    assert eyes.violations == []


def everything_is_in_place(mara, eyes: Eyes) -> None:
    roles = dict(Membership.objects.values_list("user__full_name", "roles"))
    assert roles == {"Mara Quist": ["manager"], "Tess Moran": ["front_desk"], "Ines Halloran": ["prescriber"]}
    page = mara.open("/settings/people/invitations/")
    assert page.get_by_text("Accepted").count() == 2
    eyes.look(mara, "invitations-accepted")
    page = mara.open("/settings/getting-started/")
    page.get_by_text("Everything is in place").wait_for()
    eyes.look(mara, "everything-in-place")


def signed(*, by: str) -> None:
    """As it stands in the record and in the ledger."""
    session = TreatmentSession.objects.get()
    assert (session.status, session.signed_by.full_name, session.appointment.status) == ("completed", by, "done")
    assert (session.anaesthetic_off_at - session.anaesthetic_on_at) // timedelta(minutes=1) >= 30
    assert [row.name for row in session.products.all()] == ["Hyaluronic gel"]
    wait_until(lambda: Message.objects.get(kind="aftercare_now").state == State.SENT, what="the aftercare mail sent")
