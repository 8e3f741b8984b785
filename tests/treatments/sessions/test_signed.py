"""A signed session no longer changes, by raw SQL either; addenda are only added; a mistake is marked, not removed."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from django.db.utils import DatabaseError

from clinic.errors import DomainError, constraint_name
from tests import factories
from tests.treatments.sessions.gate_world import FIXED, gate_off
from treatments.sessions import services as sessions
from treatments.sessions.models import SessionAddendum, TreatmentSession

CHANGES = [
    "UPDATE treatments_treatmentsession SET note = 'something else' WHERE id = %s",
    "UPDATE treatments_treatmentsession SET pain = 9 WHERE id = %s",
    "UPDATE treatments_treatmentsession SET cartridge_serial = 'OTHER' WHERE id = %s",
    "UPDATE treatments_treatmentsession SET version = version + 1 WHERE id = %s",
    "UPDATE treatments_sessionzone SET depth_mm = 0.25 WHERE session_id = %s",
    "DELETE FROM treatments_sessionzone WHERE session_id = %s",
    "INSERT INTO treatments_sessionzone (session_id, zone, depth_mm, passes, endpoint, soft_max_mm, hard_cap_mm, reason)"
    " VALUES (%s, 'chin', 0.25, 2, '', 0.5, 1.0, '')",
]


def run(sql: str, key: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [key])


def refused(sql: str, key: int) -> str | None:
    with pytest.raises((IntegrityError, InternalError)) as caught, transaction.atomic():
        run(sql, key)
    return constraint_name(caught.value)


def test_nothing_of_a_signed_session_changes_by_raw_sql(done_session):
    for sql in CHANGES:
        assert refused(sql, done_session.pk) == "session_signed_is_fixed", sql


def test_the_same_statements_run_while_it_is_open(open_session):
    factories.chart(open_session)
    for sql in CHANGES:
        with transaction.atomic():
            run(sql, open_session.pk)
            transaction.set_rollback(True)


def test_a_signature_is_not_taken_back(done_session):
    for change in (
        "signed_at = NULL, status = 'open'",
        "status = 'open'",
        "status = 'stopped', stopped_reason = 'x'",
    ):
        sql = f"UPDATE treatments_treatmentsession SET {change} WHERE id = %s"
        assert refused(sql, done_session.pk) == "session_signed_is_fixed", change


@pytest.mark.parametrize("state", ["open_session", "done_session"])
def test_a_session_is_never_deleted(request, state):
    session = request.getfixturevalue(state)
    session.zones.all().delete() if session.is_open else None
    assert refused("DELETE FROM treatments_treatmentsession WHERE id = %s", session.pk) == "session_never_deleted"


def test_who_when_and_behind_which_screening_are_fixed_from_the_start(open_session):
    for change in (
        "patient_id = patient_id + 1",
        '"on" = "on" + 1',
        "screening_id = NULL",
        "plan_id = plan_id + 1",
        "planned_session_id = planned_session_id + 1",
        "appointment_id = NULL",
    ):
        sql = f"UPDATE treatments_treatmentsession SET {change} WHERE id = %s"
        assert refused(sql, open_session.pk) == "session_identity_is_fixed", change


@pytest.mark.parametrize(
    "change",
    [
        "appointment_id = NULL",
        "planned_session_id = (SELECT id FROM treatments_plannedsession p WHERE p.plan_id = s.plan_id AND number = 2)",
    ],
)
def test_without_its_trigger_an_open_session_moves_to_another_visit(open_session, change):
    sql = f"UPDATE treatments_treatmentsession s SET {change} WHERE id = %s"
    assert refused(sql, open_session.pk) == "session_identity_is_fixed"
    with gate_off(FIXED):
        run(sql, open_session.pk)
    moved = TreatmentSession.objects.get()
    assert moved.appointment is None or moved.planned_session.number == 2


def test_a_zone_cannot_be_moved_out_of_a_signed_session(done_session):
    other = factories.open_session(
        factories.make_visit_today(factories.make_patient(done_session.clinic), at=factories.time(14))
    )
    sql = f"UPDATE treatments_sessionzone SET session_id = {other.pk} WHERE session_id = %s"
    assert refused(sql, done_session.pk) == "session_signed_is_fixed"


def test_marking_it_as_entered_in_error_is_the_one_change_it_takes(done_session):
    marked = sessions.mark_entered_in_error(session=done_session, reason="Wrong patient", by=done_session.operator)
    assert (marked.status, marked.error_reason, marked.note) == ("entered_in_error", "Wrong patient", done_session.note)
    assert marked.zones.count() == 1


def test_what_was_entered_in_error_stays_so(done_session):
    sessions.mark_entered_in_error(session=done_session, reason="Wrong patient", by=done_session.operator)
    sql = "UPDATE treatments_treatmentsession SET status = 'completed' WHERE id = %s"
    assert refused(sql, done_session.pk) == "session_identity_is_fixed"


def test_an_addendum_keeps_author_time_and_reason_and_never_changes(done_session):
    added = sessions.add_addendum(
        session=done_session, text="Small bruise left cheek.", reason="Seen at the door", by=done_session.operator.user
    )
    assert added.by == done_session.operator.user
    added.refresh_from_db()
    assert added.at is not None
    for sql in (
        "UPDATE treatments_sessionaddendum SET text = 'x' WHERE id = %s",
        "DELETE FROM treatments_sessionaddendum WHERE id = %s",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            run(sql, added.pk)
    assert SessionAddendum.objects.get().text == "Small bruise left cheek."


def test_an_addendum_needs_a_text_a_reason_and_a_signed_session(done_session):
    by = done_session.operator.user
    for text, reason, field in ((" ", "why", "text"), ("what", " ", "reason")):
        with pytest.raises(DomainError) as caught:
            sessions.add_addendum(session=done_session, text=text, reason=reason, by=by)
        assert caught.value.field == field


def test_an_open_session_takes_no_addendum(open_session):
    with pytest.raises(DomainError, match="not signed yet"):
        sessions.add_addendum(session=open_session, text="a", reason="b", by=open_session.operator.user)


def test_a_signed_session_refuses_every_service_that_would_change_it(done_session):
    by = done_session.operator
    acts = [
        lambda: sessions.save_details(session=done_session, version=done_session.version, by=by, note="x"),
        lambda: sessions.set_zone(session=done_session, zone="cheek", depth_mm=1, passes=2, by=by),
        lambda: sessions.remove_zone(session=done_session, zone="cheek", by=by),
        lambda: sessions.complete(session=done_session, by=by),
        lambda: sessions.stop(session=done_session, reason="x", counts=True, by=by),
    ]
    for act in acts:
        with pytest.raises(DomainError, match="signed and no longer changes"):
            act()


def test_signing_ends_the_visit_and_keeps_every_version_of_the_chart(done_session):
    done_session.appointment.refresh_from_db()
    assert done_session.appointment.status == "done"
    signed = TreatmentSession.objects.get()
    assert signed.signed_by == done_session.operator.user
    kept = list(signed.events.order_by("pgh_id").values_list("version", "status"))
    assert kept == [*((version, "open") for version in range(1, signed.version)), (signed.version, "completed")]
    assert [zone.depth_mm for zone in signed.zones.get().events.all()] == [Decimal("1.00")]
