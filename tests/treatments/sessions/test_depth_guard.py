"""The depth guard: in the service with a sentence, and in the database for whoever comes past it."""

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from clinic import clock
from clinic.errors import DomainError, constraint_name
from tests import factories
from treatments.plans.models import TreatmentPlan
from treatments.protocol.catalogue import load
from treatments.rules.models import Device
from treatments.sessions import depth_gate
from treatments.sessions import services as sessions
from treatments.sessions.depths import last_in_zones
from treatments.sessions.models import SessionZone, TreatmentSession

ZONE = "treatments_sessionzone"
SESSION = "treatments_treatmentsession"


def insert_zone(session: TreatmentSession, **differing) -> None:
    """INSERT INTO the table itself, with the limits that a script would like to have."""
    row = {"session_id": session.pk, "zone": "cheek", "depth_mm": "1.0", "passes": 4, "endpoint": "", "reason": ""}
    row |= {"soft_max_mm": "1.5", "hard_cap_mm": "1.5", "step_mm": "0.25"} | differing
    with transaction.atomic(), connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(row))
        cursor.execute(f"INSERT INTO {ZONE} ({', '.join(row)}) VALUES ({places})", list(row.values()))


def refused(act) -> str | None:
    with pytest.raises(DatabaseError) as caught:
        act()
    return constraint_name(caught.value)


@contextmanager
def without_guard(table: str, trigger: str):
    """The negative control: the table without its guard."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        named = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgname LIKE %s"
        cursor.execute(named, [table, f"%{trigger}%"])
        (name,) = cursor.fetchone()
        cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f'ALTER TABLE {table} ENABLE TRIGGER "{name}"')


@contextmanager
def without_check(name: str):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name])
        (definition,) = cursor.fetchone()
        cursor.execute(f"ALTER TABLE {ZONE} DROP CONSTRAINT {name}")
        yield
        cursor.execute(f"DELETE FROM {ZONE}")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {ZONE} ADD CONSTRAINT {name} {definition}")


# ── What nobody passes ────────────────────────────────────────────────────────

NEVER = [
    ({"depth_mm": "1.75", "reason": "deep scars"}, "zone_depth_within_hard_cap"),
    ({"depth_mm": "2.25", "hard_cap_mm": "2.5", "reason": "deep scars"}, "zone_cap_of_its_zone"),
    ({"zone": "periorbital", "depth_mm": "0.5", "hard_cap_mm": "0.75"}, "zone_cap_of_its_zone"),
    ({"zone": "eyelid", "depth_mm": "0.25", "hard_cap_mm": "0.25"}, "zone_cap_of_its_zone"),
    ({"zone": "lip_vermilion", "depth_mm": "0.25", "hard_cap_mm": "0.25"}, "zone_cap_of_its_zone"),
    ({"soft_max_mm": "0.75"}, "zone_over_soft_max_has_a_reason"),
    ({"soft_max_mm": "0.75", "reason": "   "}, "zone_over_soft_max_has_a_reason"),
    ({"soft_max_mm": "0.75", "reason": "\t\n"}, "zone_over_soft_max_has_a_reason"),
    ({"step_mm": "0.75"}, "zone_step_within_bounds"),
    ({"step_mm": "0"}, "zone_step_within_bounds"),
]


@pytest.mark.parametrize(("row", "promise"), NEVER, ids=[f"{promise}-{n}" for n, (_, promise) in enumerate(NEVER)])
def test_the_database_refuses_a_row_that_brings_its_own_limits(every_zone, prescriber_member, row, promise):
    row = {"ordered_by_id": prescriber_member.user_id} | row
    assert refused(lambda: insert_zone(every_zone, **row)) == promise
    with without_check(promise):
        insert_zone(every_zone, **row)
        assert SessionZone.objects.count() == 1


def test_a_depth_at_each_limit_is_kept(every_zone, prescriber_member):
    """With a label that names everything and a prescriber's order."""
    kept = {"hard_cap_mm": "2.5", "reason": "ordered", "ordered_by_id": prescriber_member.user_id}
    insert_zone(every_zone, **kept | {"depth_mm": "2.0", "hard_cap_mm": "2.0"})
    insert_zone(every_zone, zone="neck", depth_mm="2.5", **kept)
    insert_zone(every_zone, zone="abdomen", depth_mm="2.5", **kept)
    assert SessionZone.objects.count() == 3


def test_the_bounds_of_the_database_are_those_of_the_catalogue():
    catalogue = load()
    kept = {zone: Decimal(mm) for mm, zones in depth_gate.DEEPEST_MM.items() for zone in zones}
    said = {z.code: z.hard_cap_by_device_mm or z.hard_cap_mm for z in catalogue.zones.values() if not z.prohibited}
    assert kept == said
    parts = {zone.code: zone.group for zone in catalogue.zones.values() if not zone.prohibited}
    assert {code for code, part in parts.items() if part == "face"} == set(depth_gate.FACE)
    assert {code for code, part in parts.items() if part == "neck"} == set(depth_gate.NECK)
    open_to_labels = {z.code: z.hard_cap_mm for z in catalogue.zones.values() if z.hard_cap_by_device_mm}
    assert open_to_labels == dict.fromkeys(depth_gate.ONLY_BY_LABEL, depth_gate.ONLY_BY_LABEL_MM)
    assert {z.code for z in catalogue.zones.values() if z.hard_cap_needs_prescriber} == set(depth_gate.ONLY_BY_ORDER)
    capped = {c.code: c.hard_cap_mm for c in catalogue.concerns.values() if c.hard_cap_mm is not None}
    assert capped == depth_gate.OF_A_CONCERN_MM


# ── The label of the device ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("label", "zone", "depth", "promise"),
    [
        ({"face": 1.0}, "cheek", "1.0", None),
        ({"face": 1.0}, "cheek", "1.01", "zone_depth_within_device_label"),
        ({"face": "1.0", "cheek": "1.25"}, "cheek", "1.25", None),
        ({"face": 1.5, "cheek": 0.5}, "cheek", "0.75", "zone_depth_within_device_label"),
        ({"neck": 0.5}, "cheek", "1.5", None),
        ({"neck": 0.5}, "neck", "0.75", "zone_depth_within_device_label"),
        ({"body": 1.0}, "abdomen", "1.25", "zone_depth_within_device_label"),
        ({}, "cheek", "1.5", None),
    ],
)
def test_the_label_of_the_device_is_kept_by_the_database(every_zone, label, zone, depth, promise):
    no_label = every_zone
    Device.objects.filter(pk=no_label.device_id).update(max_depth_mm=label)
    if promise is None:
        insert_zone(no_label, zone=zone, depth_mm=depth)
        return
    assert refused(lambda: insert_zone(no_label, zone=zone, depth_mm=depth)) == promise
    with without_guard(ZONE, "zone_depth_guard"):
        insert_zone(no_label, zone=zone, depth_mm=depth)


def test_a_device_that_reaches_less_deep_than_what_is_charted_is_not_put_in_its_place(no_label):
    insert_zone(no_label, depth_mm="1.25")
    shallow = Device.objects.create(clinic=no_label.clinic, name="Shallow", max_depth_mm={"face": 1.0})

    def swap() -> None:
        with transaction.atomic():
            TreatmentSession.objects.filter(pk=no_label.pk).update(device=shallow)

    assert refused(swap) == "zone_depth_within_device_label"
    with without_guard(SESSION, "session_device_reaches_what_is_charted"):
        swap()


# ── The step from last time ───────────────────────────────────────────────────


def test_a_larger_step_than_usual_needs_a_reason_in_the_database_too(second_session):
    last = last_in_zones(second_session)["cheek"].depth_mm
    step_up = {"depth_mm": str(last + Decimal("0.26")), "soft_max_mm": "1.5", "hard_cap_mm": "1.5"}
    assert refused(lambda: insert_zone(second_session, **step_up)) == "zone_step_up_has_a_reason"
    for blank in ("  ", "\t", "\n "):
        assert (
            refused(lambda blank=blank: insert_zone(second_session, **step_up, reason=blank))
            == "zone_step_up_has_a_reason"
        )
    with without_guard(ZONE, "zone_depth_guard"):
        insert_zone(second_session, **step_up)


def test_the_usual_step_needs_none_and_the_database_writes_down_what_last_time_was(second_session):
    last = last_in_zones(second_session)["cheek"].depth_mm
    insert_zone(second_session, depth_mm=str(last + Decimal("0.25")), last_mm="9.99")
    assert second_session.zones.get().last_mm == last


def test_the_step_counts_from_the_last_time_this_zone_was_treated(second_session, later):
    """Left out in between, the cheek is measured from the session before that one."""
    first = last_in_zones(second_session)
    with pytest.raises(DomainError):
        chart(second_session, "cheek", first["cheek"].depth_mm + Decimal("0.5"))
    chart(second_session, "chin", "1.0")
    factories_sign(second_session)
    third = next_session(second_session, 3, later)
    assert last_in_zones(third)["cheek"].depth_mm == first["cheek"].depth_mm
    assert last_in_zones(third)["chin"].depth_mm == Decimal("1.0")
    step_up = {"depth_mm": str(first["cheek"].depth_mm + Decimal("0.3"))}
    assert refused(lambda: insert_zone(third, **step_up)) == "zone_step_up_has_a_reason"


def test_what_was_entered_in_error_is_no_last_time(second_session, done_session):
    sessions.mark_entered_in_error(session=done_session, reason="wrong patient", by=done_session.operator)
    assert last_in_zones(second_session) == {}


def test_the_service_says_it_at_the_reason_and_keeps_the_row_with_one(second_session):
    last = last_in_zones(second_session)["cheek"].depth_mm
    deep = min(last + Decimal("0.5"), Decimal("1.5"))
    with pytest.raises(DomainError) as caught:
        chart(second_session, "cheek", deep)
    assert caught.value.field == "reason"
    row = chart(second_session, "cheek", deep, reason="flat scars, no dark marks")
    row.refresh_from_db()
    assert (row.last_mm, row.step_mm) == (last, Decimal("0.25"))


def chart(session: TreatmentSession, zone: str, depth, **more) -> SessionZone:
    return sessions.set_zone(session=session, zone=zone, depth_mm=Decimal(depth), passes=4, by=session.operator, **more)


def factories_sign(session: TreatmentSession) -> None:
    session.refresh_from_db()
    lot = session.clinic.cartridge_lots.first()
    sessions.set_cartridge(
        session=session, version=session.version, device=session.device, lot=lot, serial="", by=session.operator
    )
    sessions.complete(session=session, by=session.operator, aftercare_given=True, sharps_disposed=True)


def next_session(before: TreatmentSession, number: int, later) -> TreatmentSession:
    later(timedelta(days=42))
    factories.answer_all(before.patient, forms=("day",))
    planned = before.plan.planned_sessions.get(number=number)
    return factories.open_session(factories.book(planned, day=clock.today(before.clinic), at=factories.time(14)))


@pytest.fixture
def every_zone(open_session) -> TreatmentSession:
    """An open session of a course that names all these zones, with a device whose label names every depth."""
    zones = ["cheek", "neck", "abdomen", "periorbital", "eyelid", "lip_vermilion"]
    concerns = [{"code": "acne_scar_face", "zones": zones, "severity": "moderate"}]
    TreatmentPlan.objects.filter(pk=open_session.plan_id).update(concerns=concerns)
    Device.objects.filter(pk=open_session.device_id).update(max_depth_mm={"face": 3, "neck": 3, "body": 3})
    return open_session


@pytest.fixture
def no_label(open_session) -> TreatmentSession:
    """An open session with a device whose label names no depth."""
    Device.objects.filter(pk=open_session.device_id).update(max_depth_mm={})
    return open_session


@pytest.fixture
def second_session(done_session, later) -> TreatmentSession:
    Device.objects.filter(pk=done_session.device_id).update(max_depth_mm={})
    return next_session(done_session, 2, later)
