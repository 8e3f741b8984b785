"""The day's balance, kind by kind: what does not add up names itself."""

from datetime import timedelta

import pytest

from clinic import clock
from patients.models import Message
from patients.outbox import selectors
from patients.outbox.models import State
from tests.outbox import cast

pytestmark = pytest.mark.django_db


def page(clinic) -> selectors.DayPage:
    now = clock.now()
    return selectors.day_page(clinic=clinic, day=now.astimezone(clinic.tz).date(), now=now)


def counts(one: selectors.Balance) -> tuple[int, ...]:
    return one.due, one.went, one.will_go, one.did_not_go, one.unknown


@pytest.fixture
def a_day(clinic, patient) -> list[Message]:
    notices, reminders = cast.owe_many(patient, 4), cast.owe_many(patient, 2, "test_reminder")
    ends = [
        {"state": State.SENT, "sent_at": cast.NOON}, {"state": State.CANCELLED, "reason": "x"},
        {"state": State.UNKNOWN, "handed_off_at": cast.NOON}, {}, {}, {"state": State.EXPIRED, "reason": "x"},
    ]  # fmt: skip
    for message, fields in zip([*notices, *reminders], ends, strict=True):
        if fields:
            Message.objects.filter(pk=message.pk).update(**fields)
    return [*notices, *reminders]


def test_each_kind_is_counted_by_what_became_of_it_and_together_they_are_the_day(clinic, a_day):
    found = page(clinic)
    assert {one.label: counts(one.balance) for one in found.by_kind} == {
        "A notice": (4, 1, 1, 1, 1),
        "A reminder": (2, 0, 1, 1, 0),
    }
    assert counts(found.balance) == (6, 1, 2, 2, 1)
    assert found.balance.adds_up


def test_a_kind_that_does_not_add_up_stands_first_and_says_so(clinic, a_day):
    """A row that is past its use and that nobody has closed: the worker may have stopped."""
    at = clock.now()
    Message.objects.filter(pk=a_day[4].pk).update(send_at=at - timedelta(hours=2), expires_at=at - timedelta(hours=1))
    found = page(clinic)
    assert [(one.label, one.balance.adds_up) for one in found.by_kind] == [("A reminder", False), ("A notice", True)]
    assert not found.balance.adds_up
    assert found.balance.unaccounted == found.by_kind[0].balance.unaccounted == 1


def test_an_empty_day_has_no_kinds_and_balances(clinic):
    assert page(clinic).by_kind == []
    assert page(clinic).balance == selectors.NOTHING_DUE


def test_a_kind_of_another_release_is_counted_too(clinic, a_day):
    Message.objects.filter(pk=a_day[0].pk).update(kind="of_tomorrow")
    assert "Of tomorrow" in {one.label for one in page(clinic).by_kind}
    assert page(clinic).balance.due == 6


def test_it_costs_one_query_whatever_the_day_holds(clinic, patient, django_assert_num_queries):
    of_day = Message.objects.filter(clinic=clinic)
    for _ in range(2):
        with django_assert_num_queries(1):
            selectors._balances(of_day, cast.NOON)
        cast.owe_many(patient, 20), cast.owe_many(patient, 5, "test_secret")
