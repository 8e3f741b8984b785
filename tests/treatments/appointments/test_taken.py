"""What the database keeps of taken times is what its visits say, whatever was done to them and by whom."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from clinic.errors import Busy, explain
from clinic.models import Clinic, Membership, Room
from clinic.roles import Role
from patients.models import Patient
from tests import factories
from tests.factories import in_days
from tests.treatments.appointments.test_races import wait_until_somebody_waits
from treatments.appointments import services
from treatments.appointments.models import BLOCKING, Appointment
from treatments.appointments.taken.checking import differences
from treatments.appointments.taken.models import BLOCK_TICKS, TICK_SECONDS, Taken

# The last tick of one block and the first of the next: a visit across them is kept in two rows.
BLOCK_ENDS = datetime.fromtimestamp(
    (int(datetime(2027, 4, 1, tzinfo=UTC).timestamp()) // TICK_SECONDS // BLOCK_TICKS + 1) * BLOCK_TICKS * TICK_SECONDS,
    UTC,
)
STATUSES = ["booked", "done", "cancelled", "no_show"]


def stretch(begins: datetime, minutes: int) -> tuple[datetime, datetime]:
    return begins, begins + timedelta(minutes=minutes)


def raw_visit(patient: Patient, begins: datetime, minutes: int = 30, **differing) -> Appointment:
    """A visit past every service: also at odd minutes, across midnight, without a room."""
    visit = unsaved_visit(patient, begins, minutes, **differing)
    visit.save()
    return visit


def unsaved_visit(patient: Patient, begins: datetime, minutes: int = 30, **differing) -> Appointment:
    during = stretch(begins, minutes)
    values = {
        "clinic": patient.clinic, "patient": patient, "kind": "review", "day": begins.date(), "starts_at": begins.time(), "zone": "Europe/London",
        "treat_minutes": 30, "during": during, "room_during": during, "clinician_during": during, "overlap_reason": "on purpose",
    }  # fmt: skip
    visit = Appointment(**values | differing)
    if visit.status in ("cancelled", "no_show"):
        visit.closed_at = begins
    return visit


class Place:
    """What there is to hold, and somebody to hold it."""

    def __init__(self, clinic: Clinic, patient: Patient) -> None:
        self.clinicians: list[Membership | None] = [*clinic.memberships.filter(sees_patients=True), None]
        self.rooms: list[Room | None] = [*clinic.rooms.all(), None]
        self.devices = [*clinic.devices.all(), None]
        self.patient = patient


OFFSETS = st.integers(-24, 24).map(lambda ticks: timedelta(minutes=5 * ticks)) | st.sampled_from(
    [
        timedelta(minutes=2),
        timedelta(minutes=-3),
        timedelta(days=-28),
        timedelta(days=28),
        timedelta(days=-27, minutes=-7),
    ]
)
HOLDS = st.fixed_dictionaries(
    {
        "clinician": st.integers(0, 2),
        "room": st.integers(0, 2),
        "device": st.integers(0, 1),
        "status": st.sampled_from(STATUSES),
    }
)
LENGTHS = st.sampled_from([5, 7, 20, 30, 70, 600])
ACTS = st.one_of(
    st.tuples(st.just("insert"), OFFSETS, LENGTHS, HOLDS),
    st.tuples(st.just("insert many"), OFFSETS, LENGTHS, HOLDS),
    st.tuples(st.just("move"), st.integers(0, 9), OFFSETS, LENGTHS),
    st.tuples(st.just("hold"), st.integers(0, 9), HOLDS),
    st.tuples(st.just("status of all"), st.sampled_from(STATUSES)),
    st.tuples(st.just("shift all"), OFFSETS),
    st.tuples(st.just("swap"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("undone")),
)


def values_of(place: Place, holds: dict) -> dict:
    held = {"clinician": place.clinicians, "room": place.rooms, "device": place.devices}
    return {name: there[holds[name]] for name, there in held.items()} | {"status": holds["status"]}


def do(place: Place, act: tuple) -> None:
    """One write, by the ORM or by SQL, in bulk or not."""
    what, *how = act
    there = list(Appointment.objects.order_by("id"))
    if what == "insert":
        offset, minutes, holds = how
        raw_visit(place.patient, BLOCK_ENDS + offset, minutes, **values_of(place, holds))
    elif what == "insert many":
        offset, minutes, holds = how
        made = raw_visit(place.patient, BLOCK_ENDS + offset, minutes, **values_of(place, holds))
        made.delete()
        rows = []
        for n in range(3):
            during = stretch(BLOCK_ENDS + offset + n * timedelta(minutes=20), minutes)
            rows.append(Appointment(patient_id=place.patient.pk, **{
                field: getattr(made, field)
                for field in ("clinic_id", "kind", "day", "starts_at", "zone", "treat_minutes", "overlap_reason", "closed_at",
                              "clinician_id", "room_id", "device_id", "status")
            }, during=during, room_during=during, clinician_during=during))  # fmt: skip
        Appointment.objects.bulk_create(rows)
    elif what == "status of all":
        Appointment.objects.update(status=how[0], closed_at=BLOCK_ENDS)
    elif what == "shift all":
        sql("UPDATE treatments_appointment SET {}".format(", ".join(
            f"{name} = tstzrange(lower({name}) + %(by)s, upper({name}) + %(by)s)" for name in ("during", "room_during", "clinician_during")
        )), by=how[0])  # fmt: skip
    elif what == "undone":
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Appointment.objects.update(status="cancelled", closed_at=BLOCK_ENDS)
            raise ZeroDivisionError
    elif there:
        visit = there[how[0] % len(there)]
        if what == "delete":
            visit.delete()
        elif what == "move":
            visit.room_during = stretch(BLOCK_ENDS + how[1], how[2])
            visit.save(update_fields=["room_during"])
        elif what == "hold":
            Appointment.objects.filter(pk=visit.pk).update(**values_of(place, how[1]), closed_at=BLOCK_ENDS)
        elif what == "swap":
            other = there[how[1] % len(there)]
            sql(
                "UPDATE treatments_appointment one SET room_during = other.room_during, room_id = other.room_id FROM treatments_appointment other"
                " WHERE one.id = ANY(%(both)s) AND other.id = ANY(%(both)s) AND one.id <> other.id",
                both=[visit.pk, other.pk],
            )


def sql(text: str, **values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, values)


class AnySequenceOfWrites(TestCase):
    """The visits' history, the lists and the pages are not asked: these are the rows themselves."""

    @classmethod
    def setUpTestData(cls) -> None:
        from clinic import clock

        clock.move_to(factories.NOW)
        clinic = factories.make_clinic()
        factories.make_member(clinic, Role.CLINICIAN)
        factories.make_member(clinic, Role.CLINICIAN)
        cls.place = Place(clinic, factories.make_patient(clinic))

    @settings(max_examples=40, deadline=None)
    @given(acts=st.lists(ACTS, min_size=1, max_size=8))
    @example(
        acts=[("insert", timedelta(minutes=-30), 70, {"clinician": 0, "room": 0, "device": 0, "status": "booked"})]
    )
    # Two in one place on purpose: one goes, the other still takes it.
    @example(acts=[
        ("insert", timedelta(), 30, {"clinician": 0, "room": 0, "device": 0, "status": "booked"}),
        ("insert", timedelta(minutes=10), 30, {"clinician": 0, "room": 0, "device": 0, "status": "booked"}),
        ("delete", 0),
    ])  # fmt: skip
    # Side by side inside one tick.
    @example(acts=[
        ("insert", timedelta(minutes=2), 30, {"clinician": 0, "room": 0, "device": 1, "status": "booked"}),
        ("insert", timedelta(minutes=32), 30, {"clinician": 0, "room": 0, "device": 1, "status": "booked"}),
        ("delete", 1),
    ])  # fmt: skip
    def test_kept_is_recomputed_after_any_sequence_of_writes(self, acts):
        for act in acts:
            do(self.place, act)
            self.assertEqual(differences(), [])

    def test_every_tick_of_a_visit_is_taken_and_no_other(self):
        raw_visit(self.place.patient, BLOCK_ENDS - timedelta(minutes=12), 30, room=self.place.rooms[0])
        before, after = Taken.objects.filter(kind="room").order_by("block")
        block = int(BLOCK_ENDS.timestamp()) // TICK_SECONDS // BLOCK_TICKS
        assert (before.block, after.block) == (block - 1, block)
        # From 23:48 to 00:18: the ticks that begin at 23:45, 23:50, 23:55, and those from 00:00 to 00:15.
        assert int.from_bytes(before.bits, "little") == 0b111 << (BLOCK_TICKS - 3)
        assert int.from_bytes(after.bits, "little") == 0b1111

    def test_a_stretch_without_an_end_is_refused(self):
        visit = raw_visit(self.place.patient, BLOCK_ENDS, room=self.place.rooms[0])
        for endless in ((None, BLOCK_ENDS), (BLOCK_ENDS, None)):
            with self.assertRaisesMessage(DatabaseError, "appointment_ranges_sane"), transaction.atomic():
                Appointment.objects.filter(pk=visit.pk).update(room_during=endless)


# --- through the services


def test_what_the_desk_does_is_kept_step_by_step(clinic, active_plan, manager_member):
    by = manager_member.user
    first, second = active_plan.planned_sessions.filter(number__lte=2)
    visit = factories.book(first, day=first.earliest_on + in_days(7))
    factories.book(second, day=first.earliest_on + in_days(60))
    assert differences() == []
    assert taken_ticks() == {"clinician": 12, "room": 28, "device": 12}
    services.move(
        visit=visit,
        place=factories.a_place(clinic, first.earliest_on + in_days(9), time(14), room=clinic.rooms.last()),
        by=by,
    )
    assert differences() == []
    services.move_back(visit=visit, by=by)
    services.cancel(visit=visit, reason="Has a cold", by=by)
    assert differences() == []
    assert taken_ticks() == {"clinician": 6, "room": 14, "device": 6}
    services.undo_step(visit=visit, by=by)
    services.step(visit=visit, to="confirmed", by=by)
    assert differences() == []
    assert taken_ticks() == {"clinician": 12, "room": 28, "device": 12}


def taken_ticks() -> dict[str, int]:
    ticks: dict[str, int] = {}
    for row in Taken.objects.all():
        ticks[row.kind] = ticks.get(row.kind, 0) + int.from_bytes(row.bits, "little").bit_count()
    return ticks


# --- the check itself


@pytest.fixture
def booked(clinic, patient) -> Appointment:
    return raw_visit(patient, BLOCK_ENDS, room=clinic.rooms.first(), clinician=factories.a_clinician(clinic))


def test_the_check_finds_what_a_write_without_the_trigger_leaves(booked, capsys):
    """Negative control: with the trigger off, kept and rows part ways, and the check says by how much."""
    sql("SET LOCAL session_replication_role = replica")
    Appointment.objects.update(room_during=stretch(BLOCK_ENDS + timedelta(hours=1), 40), clinician=None)
    sql("SET LOCAL session_replication_role = DEFAULT")
    assert [(one.kind, one.too_many, one.missing) for one in differences()] == [("clinician", 6, 0), ("room", 6, 8)]
    with pytest.raises(CommandError, match="2 rows differ"):
        call_command("check_taken")
    assert f"room {booked.room_id}" in capsys.readouterr().err
    call_command("check_taken", rebuild=True)
    assert "are those of the visits" in capsys.readouterr().out
    assert differences() == []


def test_a_step_that_takes_no_other_place_writes_nothing(booked):
    versions = "SELECT kind, xmin::text, ctid::text FROM treatments_taken ORDER BY kind"
    with connection.cursor() as cursor:
        cursor.execute(versions)
        before = cursor.fetchall()
        Appointment.objects.update(status="confirmed")
        Appointment.objects.update(to_ask=True)
        cursor.execute(versions)
        assert cursor.fetchall() == before


def test_blocking_means_the_same_to_the_triggers_and_to_the_diary(clinic, patient):
    for status, _ in Appointment.Status.choices:
        visit = raw_visit(patient, BLOCK_ENDS, room=clinic.rooms.first(), status=status)
        assert bool(taken_ticks().get("room")) == (status in BLOCKING), status
        assert differences() == []
        visit.delete()


# --- two at once


def act_in_a_thread(act: Callable[[], object]) -> tuple[threading.Thread, list]:
    outcome: list = []

    def run() -> None:
        try:
            with transaction.atomic():
                act()
        except DatabaseError as error:
            outcome.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def cancel_both(self, visits: list[Appointment]) -> None:
        """Two that overlap on purpose are struck by two people, neither of whom sees what the other does."""
        one, other = visits
        with transaction.atomic():
            Appointment.objects.filter(pk=one.pk).update(status="cancelled", closed_at=BLOCK_ENDS)
            thread, outcome = act_in_a_thread(
                lambda: Appointment.objects.filter(pk=other.pk).update(status="cancelled", closed_at=BLOCK_ENDS)
            )
            wait_until_somebody_waits()
        thread.join(timeout=30)
        assert outcome == []

    def overlapping(self, clinic: Clinic, patient: Patient) -> list[Appointment]:
        room = clinic.rooms.first()
        return [raw_visit(patient, BLOCK_ENDS + in_minutes(at), 30, room=room) for at in (0, 10)]

    def test_the_second_to_strike_a_visit_sees_what_the_first_has_struck(self, clinic, patient):
        self.cancel_both(self.overlapping(clinic, patient))
        assert differences() == []
        assert taken_ticks() == {"room": 0}

    def test_without_the_lock_the_place_would_stay_taken_for_nobody(self, clinic, patient):
        """Negative control: the same, with the row worked out before its lock is taken."""
        unlocked = function("treatments_retake")
        assert " FOR NO KEY UPDATE" in unlocked
        visits = self.overlapping(clinic, patient)
        sql("ALTER FUNCTION treatments_retake(treatments_span[], treatments_span[]) RENAME TO treatments_retake_locked")
        try:
            sql(unlocked.replace(" FOR NO KEY UPDATE", "").replace("%", "%%"))
            self.cancel_both(visits)
            assert [(one.kind, one.too_many) for one in differences()] == [("room", 6)]
        finally:
            sql("DROP FUNCTION treatments_retake(treatments_span[], treatments_span[])")
            sql(
                "ALTER FUNCTION treatments_retake_locked(treatments_span[], treatments_span[]) RENAME TO treatments_retake"
            )

    def test_who_books_while_another_strikes_keeps_the_place(self, clinic, patient):
        struck, _ = self.overlapping(clinic, patient)
        Appointment.objects.exclude(pk=struck.pk).delete()
        with transaction.atomic():
            Appointment.objects.filter(pk=struck.pk).update(status="cancelled", closed_at=BLOCK_ENDS)
            thread, outcome = act_in_a_thread(
                lambda: raw_visit(patient, BLOCK_ENDS + in_minutes(10), 30, room=clinic.rooms.first())
            )
            wait_until_somebody_waits()
        thread.join(timeout=30)
        assert outcome == []
        assert differences() == []
        assert taken_ticks() == {"room": 6}

    def hold_the_first_row_while_both_are_written(self, clinic: Clinic, patient: Patient) -> list:
        """One statement strikes a visit of a later block and one of an earlier; somebody has the earlier row. Is the later
        one still to be had?"""
        for days in (1, -1):
            raw_visit(patient, BLOCK_ENDS + timedelta(days=days), 30, room=clinic.rooms.first())
        row = "SELECT FROM treatments_taken WHERE block = (SELECT {}(block) FROM treatments_taken) FOR UPDATE {}"
        outcome: list = []
        try:
            with transaction.atomic():
                sql(row.format("min", ""))
                thread, outcome = act_in_a_thread(
                    lambda: Appointment.objects.update(status="cancelled", closed_at=BLOCK_ENDS)
                )
                wait_until_somebody_waits()
                sql(row.format("max", "NOWAIT"))
        finally:
            thread.join(timeout=30)
        return outcome

    def test_one_statement_locks_its_rows_in_order_of_time(self, clinic, patient):
        assert self.hold_the_first_row_while_both_are_written(clinic, patient) == []
        assert differences() == []

    def test_in_another_order_it_would_hold_the_later_row_while_it_waits_for_the_earlier(self, clinic, patient):
        """Negative control: two such statements would wait for each other."""
        ordered = function("treatments_retake")
        try:
            sql(ordered.replace("ORDER BY 1, 2, 3, 4", "ORDER BY 1, 2 DESC, 3, 4").replace("%", "%%"))
            with pytest.raises(DatabaseError, match="could not obtain lock"):
                self.hold_the_first_row_while_both_are_written(clinic, patient)
        finally:
            sql(ordered.replace("%", "%%"))

    def test_against_the_order_of_time_one_is_sent_away_and_nothing_is_half_kept(self, clinic, patient):
        """Negative control of the order: two transactions that take the same two rows the other way round."""
        room, later = clinic.rooms.first(), BLOCK_ENDS + timedelta(days=1)
        before = [raw_visit(patient, BLOCK_ENDS - in_minutes(at), 30, room=room) for at in (60, 120)]
        after = [raw_visit(patient, later + in_minutes(at), 30, room=room) for at in (60, 120)]

        def strike(visit: Appointment) -> None:
            Appointment.objects.filter(pk=visit.pk).update(status="cancelled", closed_at=BLOCK_ENDS)

        mine = []
        try:
            with transaction.atomic():
                strike(before[0])
                thread, outcome = act_in_a_thread(lambda: (strike(after[1]), strike(before[1])))
                wait_until_somebody_waits()
                strike(after[0])
        except DatabaseError as error:
            mine = [error]
        thread.join(timeout=30)
        refusals = [explain(error) for error in mine + outcome]
        assert [type(refusal) for refusal in refusals] == [Busy]
        assert differences() == []
        assert taken_ticks() == {"room": 12}


def function(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [name])
        return cursor.fetchone()[0]


def in_minutes(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)
