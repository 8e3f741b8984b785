"""Querysets whose SQL is written once: they answer as they would anew, whatever they are asked with."""

import threading
from datetime import date, timedelta

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import DateField, F, IntegerField
from django.db.models.functions import JSONObject
from django.test.utils import CaptureQueriesContext

from clinic.models import Clinic, Membership
from clinic.statements import Given, Statement, among
from tests import factories
from tests.factories import TODAY
from treatments.appointments.models import Appointment

OF_A_DAY = Appointment.objects.filter(clinic=Given("clinic", IntegerField()), day=Given("day", DateField()))


def test_a_statement_brings_the_rows_that_the_queryset_would(db, clinic, visit_today):
    shown = JSONObject(day="day", name="patient__given_name")
    whole = Statement(OF_A_DAY.select_related("patient").annotate(room_name=F("room__name"), shown=shown).defer("zone"))
    (row,) = whole.rows(clinic=clinic.pk, day=TODAY)
    assert row == visit_today
    assert row.during == visit_today.during
    assert row.room_name == visit_today.room.name
    assert row.shown == {"day": TODAY.isoformat(), "name": visit_today.patient.given_name}
    assert "zone" in row.get_deferred_fields()
    with CaptureQueriesContext(connection) as asked:
        assert row.patient.full_name == visit_today.patient.full_name
    assert not asked
    assert Statement(OF_A_DAY.values_list("ref", "day")).rows(clinic=clinic.pk, day=TODAY) == [
        (visit_today.ref, visit_today.day)
    ]


def test_the_same_statement_is_asked_again_with_other_values(db, clinic, visit_today):
    statement = Statement(OF_A_DAY.values_list("pk", flat=True))
    stranger = factories.make_clinic("Another clinic")
    asked = [(clinic.pk, TODAY), (clinic.pk, TODAY + timedelta(days=1)), (stranger.pk, TODAY), (clinic.pk, TODAY)]
    found = [statement.rows(clinic=pk, day=day) for pk, day in asked]
    assert found == [[visit_today.pk], [], [], [visit_today.pk]]


def test_it_is_one_query_and_its_sql_is_not_written_again(db, clinic, visit_today, monkeypatch):
    statement = Statement(OF_A_DAY)
    monkeypatch.setattr(type(statement._compiler), "as_sql", None)
    with CaptureQueriesContext(connection) as asked:
        assert statement.rows(clinic=clinic.pk, day=TODAY) == [visit_today]
    assert len(asked) == 1
    # The negative control: the queryset itself has to write it.
    with pytest.raises(TypeError):
        list(Appointment.objects.all())


def test_a_value_that_is_missing_is_an_error_and_asks_nothing(db, clinic):
    with CaptureQueriesContext(connection) as asked, pytest.raises(KeyError):
        Statement(OF_A_DAY).rows(clinic=clinic.pk)
    assert not asked


def test_among_holds_for_what_is_in_the_list_and_an_empty_list_holds_nothing(db, clinic):
    keys = list(Membership.objects.values_list("pk", flat=True))
    statement = Statement(Membership.objects.filter(among("pk", Given("keys", ArrayField(IntegerField())))))
    assert [one.pk for one in statement.rows(keys=keys[:1])] == keys[:1]
    assert statement.rows(keys=[]) == []


@pytest.mark.django_db(transaction=True)
def test_it_is_asked_on_the_connection_of_the_thread_that_asks():
    factories.make_clinic()
    statement = Statement(Clinic.objects.values_list("pk").annotate(on=Given("on", DateField())))
    found = {}

    def ask(name: str, on: date) -> None:
        with CaptureQueriesContext(connection) as asked:
            found[name] = [day for _, day in statement.rows(on=on)], len(asked)
        connection.close()

    other = threading.Thread(target=ask, args=("other", TODAY))
    other.start()
    other.join()
    ask("own", TODAY + timedelta(days=1))
    assert found == {"other": ([TODAY], 1), "own": ([TODAY + timedelta(days=1)], 1)}
