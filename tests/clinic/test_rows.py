"""Rows that are written past Django's own statements are what Django would have written."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from clinic import audit
from clinic.models import AuditEvent
from clinic.rows import insert, update
from tests import factories
from treatments.appointments.models import Appointment
from treatments.rules.models import Device

pytestmark = pytest.mark.django_db


def columns(row) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_rows_are_written_as_django_writes_them(active_plan):
    visit = factories.book(active_plan.planned_sessions.get(number=1))
    again = Appointment(**(columns(visit) | {"id": None, "ref": uuid4(), "overlap_reason": "Twins"}))
    again.session_counts = False
    [kept] = insert([again])
    assert columns(kept) == columns(Appointment.objects.get(pk=kept.pk))
    assert model_to_dict(kept, exclude=["id"]) == model_to_dict(again, exclude=["id"])


def test_what_the_database_fills_in_comes_back(clinic, clinician_member):
    [event] = insert(
        [AuditEvent(action="a.test", target_type="a.thing", clinic=clinic, by=clinician_member.user, facts={"n": [1]})]
    )
    assert columns(event) == columns(AuditEvent.objects.get(pk=event.pk))
    assert event.at is not None and event.facts == {"n": [1]}


def test_what_the_database_refuses_is_refused_as_ever(clinic):
    [kept] = Device.objects.all()
    kept.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        insert([kept])  # its ref is there already
    assert insert([kept], or_nothing=True) == []
    assert Device.objects.count() == 1


def test_some_fields_of_some_rows_are_written_and_nothing_else(active_plan):
    one, _, three, *_ = before = list(active_plan.planned_sessions.order_by("number"))
    kept = {session.pk: columns(session) for session in before}
    for session, days in ((one, 1), (three, 3)):
        session.earliest_on -= timedelta(days=days)
        session.latest_on += timedelta(days=days)
        session.target_on += timedelta(days=100)
    update([one, three], ["earliest_on", "latest_on"])
    for session in (one, three):
        kept[session.pk] |= {"earliest_on": session.earliest_on, "latest_on": session.latest_on}
    assert {session.pk: columns(session) for session in active_plan.planned_sessions.all()} == kept
    with CaptureQueriesContext(connection) as queries:
        update([], ["earliest_on"])
    assert len(queries) == 0


def test_an_act_on_nothing_leaves_no_event(clinician_member):
    audit.record_each("a.test", {}, by=clinician_member.user)
    assert not AuditEvent.objects.filter(action="a.test").exists()
