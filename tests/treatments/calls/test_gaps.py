"""A free time of the day: when it is offered, who could come, in which order, and what a press does."""

from dataclasses import dataclass
from datetime import date, time, timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic.models import Membership
from tests import factories
from tests.factories import TODAY
from treatments.appointments import services as diary
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import CallOutcome, WaitingEntry
from treatments.appointments.models import Appointment
from treatments.appointments.offers import offers
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.screenings.models import ScreeningRecord

pytestmark = pytest.mark.django_db
TOMORROW = TODAY + timedelta(days=1)


@dataclass
class World:
    """A hole tomorrow from 13:30 to 14:15 with Noor Adeyemi, and the desk at its page."""

    clinic: object
    desk: object
    by: object
    seed: TreatmentPlan

    @property
    def day(self):
        return self.desk.get("/today/", {"day": TOMORROW.isoformat()})

    @property
    def gaps(self):
        return self.day.context["day"].gaps

    @property
    def url(self) -> str:
        return self.gaps[0].url

    def page(self, url: str = ""):
        return self.desk.get(url or self.url)

    def fillers(self) -> list:
        """What the page lists; the day says as many."""
        gap = self.gaps[0]
        found = self.page(gap.url).context["found"]
        assert gap.can_fill == len(found.fillers)
        return found.fillers

    def names(self) -> list[str]:
        return [filler.who.name for filler in self.fillers()]

    def press(self, filler, act: str, url: str = "", slot: str = ""):
        """As on the page that is open: with the place it shows beside the name."""
        (shown,) = offers(
            [filler.place],
            clinic=self.clinic,
            clinicians=[factories.a_clinician(self.clinic)],
            rooms=self.clinic.rooms.all(),
        )
        return self.desk.post(url or self.url, {"who": filler.who.key, "act": act, "slot": slot or shown.value})

    def course(self, name: str, **window) -> PlannedSession:
        """Session 1 of an active course with its window as given, in days from today: earliest, target, latest.

        Copied from one that the services made: everybody is screened as clear.
        """
        seed = self.seed.planned_sessions.get(number=1)
        patient = copied(self.seed.patient, given_name=name, family_name="Filler", name_key=f"{name} filler".lower())
        copied(ScreeningRecord.objects.filter(patient=self.seed.patient).latest("id"), patient=patient)
        plan = copied(self.seed, patient=patient)
        days = {f"{edge}_on": TODAY + timedelta(days=days) for edge, days in window.items()}
        return copied(seed, plan=plan, **days)


def undo_of(answer, visit: Appointment) -> str:
    """What the message offers after a free time was taken: it names the visit as it stands."""
    (said,) = get_messages(answer.wsgi_request)
    undo = said.extra_tags.removeprefix("undo:")
    args = [CallOutcome.objects.latest("id").ref, visit.ref, visit.schedule_version]
    assert undo == reverse("treatments:give_back_gap", args=args)
    return undo


def copied(row, **differing):
    """The same row again, saved, with another ref."""
    names = [field.attname for field in row._meta.concrete_fields if field.name not in ("id", "ref")]
    copy = type(row)(**{name: getattr(row, name) for name in names})
    for name, value in differing.items():
        setattr(copy, name, value)
    copy.save(force_insert=True)
    return copy


def booked_already(session: PlannedSession, *, day: date) -> Appointment:
    """A visit that the gates of today would not let in: the course has changed since it was booked."""
    seed = Appointment.objects.filter(kind="consultation").latest("id")
    held = (
        clock.resolve(day, time(9), session.plan.clinic.tz),
        clock.resolve(day, time(9, 30), session.plan.clinic.tz),
    )
    return copied(
        seed, patient=session.plan.patient, planned_session=session, kind="treatment", day=day, starts_at=time(9),
        during=held, room_during=held, clinician_during=held,
    )  # fmt: skip


def consult(clinic, at: time, day: date = TOMORROW, *, by, **differing) -> Appointment:
    place = factories.a_place(clinic, day, at, kind="consultation", **differing)
    patient = factories.make_patient(clinic, given_name="Con", family_name=f"Sult{at:%H%M}")
    return diary.book(patient=patient, kind="consultation", place=place, by=by)


@pytest.fixture
def world(clinic, desk, active_plan) -> World:
    by = desk.membership.user
    # The seed itself stays out of the lists.
    TreatmentPlan.objects.filter(pk=active_plan.pk).update(
        status="revoked", ended_at=clock.now(), ended_by=by, ended_reason="Seed"
    )
    for at in (time(13), time(14, 15)):
        consult(clinic, at, by=by)
    return World(clinic, desk, by, active_plan)


# ── When a hole is offered ────────────────────────────────────────────────────


def test_a_hole_is_offered_and_leads_to_its_page(world):
    assert [(gap.starts, gap.minutes, gap.can_fill) for gap in world.gaps] == [(time(13, 30), 45, 0)]
    page = world.day.content.decode()
    assert 'data-key="f"' in page
    assert "Fill 13:30, 45 min" in world.page().content.decode()
    assert "13:30, 45 min free with Noor Adeyemi" in page  # in the list too


def test_no_hole_is_offered_where_every_room_is_taken(world, prescriber_member):
    """The other clinician works; it is the rooms that are full."""
    for room in world.clinic.rooms.all():
        consult(
            world.clinic, time(13, 30), by=world.by, room=room, clinician=prescriber_member,
            length=diary.LENGTHS["treatment"].__class__(0, 45, 0),
        ) if room == world.clinic.rooms.first() else world.clinic.rooms.filter(pk=room.pk).update(
            in_service=False, out_reason="Painted"
        )  # fmt: skip
    assert world.gaps == []
    world.clinic.rooms.update(in_service=True, out_reason="")
    assert len(world.gaps) == 1


def test_no_treatment_is_offered_where_no_device_is_free(world):
    world.clinic.rooms.create(name="Room 3", short_name="R3", position=3)
    world.course("Ada")
    assert world.names() == ["Ada Filler"]
    device = world.clinic.devices.get()
    taken = factories.book(
        world.course("Dev"), day=TOMORROW, at=time(13, 5), clinician=_other(world), room=world.clinic.rooms.last()
    )
    assert taken.device == device
    # A consultation needs none, so the hole stays; a treatment does.
    assert world.names() == []
    diary.cancel(visit=taken, reason="Has a cold", by=world.by)
    assert world.names() == ["Dev Filler", "Ada Filler"] or world.names() == ["Ada Filler", "Dev Filler"]


def _other(world) -> Membership:
    there = world.clinic.memberships.filter(user__full_name="Dr Ines Halloran").first()
    return there or factories.make_member(world.clinic, "clinician", name="Dr Ines Halloran")


def test_why_nobody_could_come_is_said_of_the_time_or_of_the_people(world):
    nobody, too_short = "Nobody's window holds this day", "No treatment fits"
    said = world.page().content.decode().replace("&#x27;", "'")
    assert nobody in said and too_short not in said
    # With one room only, numbing and treatment do not fit between its visits; a consultation does.
    world.clinic.rooms.filter(pk=world.clinic.rooms.last().pk).update(in_service=False, out_reason="Painted")
    said = world.page().content.decode().replace("&#x27;", "'")
    assert too_short in said and nobody not in said


# ── Who could come, and why ───────────────────────────────────────────────────


def test_those_whose_plan_gains_are_ranked_with_the_reason_in_words(world):
    world.course("Open")
    world.course("Soon", earliest=-30, target=-20, latest=6)
    world.course("Late", earliest=-60, target=-50, latest=-5)
    waits = world.course("Waits")
    calls.wait(patient=waits.plan.patient, kind="treatment", planned_session=waits, by=world.by, from_time=time(12))
    booked = world.course("Booked", earliest=-5, target=2, latest=60)
    factories.book(booked, day=TODAY + timedelta(days=14), at=time(16))
    alone = factories.make_patient(world.clinic, given_name="Alone", family_name="Filler")
    calls.wait(patient=alone, kind="consultation", by=world.by)
    assert [(filler.who.name.split()[0], filler.who.reason) for filler in world.fillers()] == [
        ("Soon", "Window closes in 6 days"),
        ("Late", "Window closed 5 days ago"),
        ("Alone", "Waits for a place; any time"),
        ("Waits", "Waits for a place; from 12:00"),
        ("Booked", "Booked 12 days later than best"),
        ("Open", "Not booked yet, until 1 Jun"),
    ]
    page = world.page().content.decode()
    assert page.count("Ask first") == 1  # who is late is looked at by a clinician first
    assert "acne" not in page.lower()
    for session in (waits, booked):
        assert session.plan.patient.phone in page


def test_who_cannot_come_that_day_is_not_counted(world, clinician_member):
    """Each of them is left out for one reason; the last is the negative control."""
    world.course("Early", earliest=5, target=8, latest=40)
    world.course("Past", earliest=-40, target=-20, latest=0)
    held = world.course("Held")
    plans.hold(plan=held.plan, by=clinician_member.user)
    blocked = world.course("Blocked").plan.patient
    not_before = {"on": TODAY.isoformat(), "outcome": "defer", "earliest_on": (TODAY + timedelta(days=10)).isoformat()}
    copied(blocked.screenings.latest("id"), result={"outlook": [not_before]}, outcome="defer")
    there = world.course("There")
    place = factories.a_place(world.clinic, TOMORROW, time(9), kind="consultation")
    diary.book(patient=there.plan.patient, kind="consultation", place=place, by=world.by)
    stopped, later_on = world.course("Stopped"), world.course("Later")
    calls.record(about=stopped, list_code="to-book", outcome="stop", note="Moves abroad", by=world.by)
    calls.record(
        about=later_on, list_code="to-book", outcome="call_back", call_back_on=TODAY + timedelta(days=3), by=world.by
    )
    deep = world.course("Deep")
    wishes = world.course("Wishes")
    calls.wait(patient=wishes.plan.patient, kind="treatment", planned_session=wishes, weekdays=[1, 2], by=world.by)
    next_one, between = world.course("Next"), world.course("Between")
    # Nearer than the floor to the session that follows, or to the one between them that has no visit yet.
    for session, number, later in ((next_one, 2, 20), (between, 3, 50)):
        day = TODAY + timedelta(days=later)
        booked_already(copied(session, number=number, earliest_on=day, target_on=day, latest_on=day), day=day)
    assert world.names() == ["Deep Filler"]
    clinician_member.max_depth_mm = "0.3"
    clinician_member.save()
    assert world.names() == []
    assert deep.zones


def test_the_place_offered_fits_the_wishes_and_lies_in_the_hole(world, clinician_member):
    session = world.course("Wish")
    for wish, offered in (
        ({}, time(13, 15)),
        ({"from_time": time(13, 5)}, time(13, 15)),
        ({"until_time": time(13, 5)}, time(13, 5)),
    ):
        calls.wait(patient=session.plan.patient, kind="treatment", planned_session=session, by=world.by, **wish)
        (line,) = world.page().context["lines"]
        assert line.offer.starts_at.time() == offered, wish
    calls.wait(
        patient=session.plan.patient, kind="treatment", planned_session=session, by=world.by, clinician=_other(world)
    )
    assert world.names() == []


# ── What a press does ─────────────────────────────────────────────────────────


def test_taking_it_books_the_visit_and_its_undo_gives_it_back(world):
    session = world.course("Takes")
    calls.wait(
        patient=session.plan.patient, kind="treatment", planned_session=session, by=world.by, weekdays=[3], note="Near"
    )
    (filler,) = world.fillers()
    answer = world.press(filler, "take")
    visit = Appointment.objects.get(planned_session=session)
    assert answer["Location"] == f"/today/?day={TOMORROW.isoformat()}&visit={visit.ref}"
    assert (visit.day, visit.starts_at, visit.status) == (TOMORROW, time(13, 15), "booked")
    assert visit.patient.messages.filter(kind="booking_confirmed").exists()
    assert not WaitingEntry.objects.filter(ended_at=None).exists()
    assert CallOutcome.objects.get().outcome == "booked"
    undo = undo_of(answer, visit)
    world.desk.post(undo)
    visit.refresh_from_db()
    assert visit.status == "cancelled"
    entry = WaitingEntry.objects.get(ended_at=None)
    assert (entry.weekdays, entry.note) == ([3], "Near")
    assert world.names() == ["Takes Filler"]
    assert "taken back already" in world.desk.post(undo, follow=True).content.decode()


def test_taking_it_moves_a_visit_that_was_booked_later_and_back(world):
    session = world.course("Moves", earliest=-5, target=2, latest=60)
    visit = factories.book(session, day=TODAY + timedelta(days=14), at=time(16))
    (filler,) = world.fillers()
    answer = world.press(filler, "take")
    visit.refresh_from_db()
    assert (visit.day, visit.schedule_version) == (TOMORROW, 2)
    undo = undo_of(answer, visit)
    undone = world.desk.post(undo)
    visit.refresh_from_db()
    assert (visit.day, visit.starts_at) == (TODAY + timedelta(days=14), time(16))
    # The desk stays at the day of the free time, which is free again.
    assert undone["Location"] == f"/today/?day={TOMORROW.isoformat()}"
    # Undone a second time: a word, and the same day.
    assert world.desk.post(undo)["Location"] == undone["Location"]


def test_who_says_no_leaves_this_hole_and_is_still_to_book(world):
    world.course("Says")
    (filler,) = world.fillers()
    answer = world.press(filler, "declined")
    assert answer["Location"] == world.url
    assert world.names() == []
    assert "Cannot come then" in world.page().content.decode()
    lists = world.desk.get("/worklists/").context["lists"]
    assert [call.tag for call in lists.of_sessions.to_book.calls] == ["called once"]
    # Another hole of the day is another question: before the new visit and after it.
    consult(world.clinic, time(15, 30), by=world.by)
    assert [gap.can_fill for gap in world.gaps] == [0, 1, 1]


def test_a_message_or_no_answer_keeps_the_patient_on_the_page_with_what_was_said(world):
    world.course("Rings")
    for act, tag in (("no_answer", "called once"), ("message", "left a message, called twice")):
        (filler,) = world.fillers()
        world.press(filler, act)
        (filler,) = world.fillers()
        assert filler.who.tag == tag
    assert not world.desk.get("/worklists/").context["lists"].of_sessions.to_book.calls


def test_the_second_desk_is_told_and_nothing_is_saved(world):
    world.course("First"), world.course("Second")
    url = world.url
    first, second = world.fillers()
    world.press(first, "take", url)
    answer = world.press(second, "take", url)
    assert answer.status_code == 409
    assert "gone, or somebody else was faster" in answer.content.decode()
    assert Appointment.objects.filter(kind="treatment").count() == 1


def test_presses_that_make_no_sense_are_answered_in_words(world, stranger):
    world.course("Any")
    (filler,) = world.fillers()
    url = world.url
    assert world.press(filler, "dance").status_code == 422
    assert world.desk.post(url, {"who": "session.nothing", "act": "take"}).status_code == 409
    # Another place than the page showed: nobody is booked for a time she was not told.
    assert world.press(filler, "take", slot="20270310T080000Z.x.y").status_code == 409
    for query in ("", "?day=x&at=y", "?day=9999-01-01&at=1330", "?at=%00&day=%00", f"?day={TOMORROW}&at=0900"):
        answer = world.desk.get(url.split("?")[0] + query)
        assert answer.status_code == 200
        assert "not free any more" in answer.content.decode()
    assert stranger.get(url).status_code == 404
    assert not CallOutcome.objects.exists()


def test_the_day_and_the_page_ask_a_fixed_number_of_questions(world):
    visit = Appointment.objects.filter(day=TOMORROW).first()

    def asked() -> list[int]:
        counts = []
        for url in (f"/today/?day={TOMORROW}&visit={visit.ref}", world.url):
            world.desk.get(url)
            with CaptureQueriesContext(connection) as captured:
                world.desk.get(url)
            counts.append(len(captured))
        return counts

    world.course("One")
    few = asked()
    for number in range(4):
        waits = world.course(f"W{number}")
        calls.wait(patient=waits.plan.patient, kind="treatment", planned_session=waits, by=world.by)
        factories.book(
            world.course(f"B{number}", earliest=-5, target=2, latest=60), day=TODAY + timedelta(days=13 + number)
        )
        world.course(f"L{number}", earliest=-60, target=-50, latest=-5)
    assert asked() == few
    assert max(few) <= 13
    assert len(world.names()) == 13
