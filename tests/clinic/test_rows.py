"""Rows that are read and written past Django's own statements are what Django would have read and written."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.forms.models import model_to_dict

from clinic import audit
from clinic.models import AuditEvent, Membership, TimeOff, User
from clinic.rows import Select, insert
from tests import factories
from treatments.appointments.models import Appointment
from treatments.rules.models import Device

pytestmark = pytest.mark.django_db
PEOPLE = Select(
    "people_with_time_off",
    """
    SELECT {person}, {account}, {away}, 40 + 2 FROM clinic_membership person JOIN clinic_user account ON account.id = person.user_id
    LEFT JOIN clinic_timeoff away ON away.membership_id = person.id WHERE person.id = ANY(%(keys)s::bigint[]) ORDER BY person.id
    """,
    person=Membership,
    account=User,
    away=TimeOff,
)
DEVICES = Select(
    "devices_of_a_clinic",
    "SELECT {device} FROM treatments_device device WHERE device.clinic_id = %(clinic)s",
    device=Device,
)


def columns(row) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_rows_are_read_as_django_reads_them(clinician_member):
    [(person, account, away, more)] = PEOPLE.fetch(keys=[clinician_member.pk])
    assert (person, account, away, more) == (clinician_member, clinician_member.user, None, 42)
    assert columns(person) == columns(Membership.objects.get(pk=person.pk))
    assert not person._state.adding and person._state.db == connection.alias


def test_json_is_read_as_what_was_written(clinic):
    [(device,)] = DEVICES.fetch(clinic=clinic.pk)
    assert isinstance(device.max_depth_mm, dict)
    assert columns(device) == columns(Device.objects.get(pk=device.pk))


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


def test_an_act_on_nothing_leaves_no_event(clinician_member):
    audit.record_each("a.test", {}, by=clinician_member.user)
    assert not AuditEvent.objects.filter(action="a.test").exists()
