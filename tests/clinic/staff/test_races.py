"""Two presses, two managers, two workers at once: real commits on two connections, each with its guard taken off once."""

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from clinic.errors import DomainError
from clinic.models import Invitation, StaffMail
from clinic.roles import Role
from clinic.staff import mailing, services
from tests import factories
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)
BEGIN = {"full_name": "Joan Fisk", "password": "nine-quiet-lanterns-7"}


def without_locks(monkeypatch) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, *args, **options: rows.all())


def an_invitation(clinic) -> Invitation:
    by = factories.a_manager(clinic).user
    services.invite(clinic=clinic, email="joan@alder.example", full_name="Joan Fisk", roles=["front_desk"], by=by)
    mailing.send_waiting()
    return Invitation.objects.get()


def two_presses(clinic) -> tuple[Exception | None, int]:
    """What the second press meets, and how many work here by it afterwards."""
    invitation = an_invitation(clinic)
    with transaction.atomic():
        services.accept_as_new(invitation=invitation, **BEGIN)
        thread, told = meanwhile(lambda: services.accept_as_new(invitation=invitation, **BEGIN))
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    return told[0], clinic.memberships.filter(user__email="joan@alder.example").count()


def test_two_presses_are_one_membership_and_the_second_reads_that_it_was_used(clinic):
    told, members = two_presses(clinic)
    assert isinstance(told, DomainError)
    assert told.code == services.OVER
    assert members == 1


def test_without_the_lock_the_second_runs_into_the_database(clinic, monkeypatch):
    """Negative control: still one, and not the sentence that it was used."""
    without_locks(monkeypatch)
    told, members = two_presses(clinic)
    assert isinstance(told.__cause__, IntegrityError)
    assert told.code != services.OVER
    assert members == 1


def test_two_clinics_that_ask_her_at_once_make_one_account_and_a_sentence(clinic, other_clinic):
    here, by = an_invitation(clinic), factories.a_manager(other_clinic).user
    services.invite(clinic=other_clinic, email=here.email, full_name="Joan Fisk", roles=["front_desk"], by=by)
    mailing.send_waiting()
    there = other_clinic.invitations.get()
    with transaction.atomic():
        services.accept_as_new(invitation=here, **BEGIN)
        thread, told = meanwhile(lambda: services.accept_as_new(invitation=there, **BEGIN))
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    assert str(told[0]) == services.HAS_ACCOUNT
    there.refresh_from_db()
    assert there.is_open  # she signs in, and joins


def managers_after_each_takes_the_role_from_the_other(clinic) -> tuple[Exception | None, int]:
    first, second = factories.a_manager(clinic), factories.make_member(clinic, Role.MANAGER, name="Second Manager")
    desk = {"roles": ["front_desk"], "title": "", "licence": ""}
    with transaction.atomic():
        services.change_roles(membership=second, by=first.user, **desk)
        thread, told = meanwhile(lambda: services.change_roles(membership=first, by=second.user, **desk))
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    return told[0], clinic.memberships.filter(is_active=True, roles__contains=[Role.MANAGER]).count()


def test_two_managers_who_take_the_role_from_each_other_leave_one(clinic):
    told, left = managers_after_each_takes_the_role_from_the_other(clinic)
    assert "only manager" in str(told)
    assert left == 1


def test_without_the_lock_of_the_clinic_they_would_leave_none(clinic, monkeypatch):
    """Negative control."""
    without_locks(monkeypatch)
    assert managers_after_each_takes_the_role_from_the_other(clinic) == (None, 0)


def sent_by_a_second_worker(clinic) -> int:
    """While a first one has taken the mail and not yet said so."""
    by = factories.a_manager(clinic).user
    services.invite(clinic=clinic, email="joan@alder.example", full_name="Joan Fisk", roles=["front_desk"], by=by)
    with transaction.atomic():
        assert mailing._claim() is not None
        thread, _ = meanwhile(mailing.send_waiting)
        wait_until_somebody_waits(or_is_done=thread)
    thread.join(timeout=60)
    return len(mail.outbox)


def test_what_one_worker_has_taken_no_other_sends(clinic):
    assert sent_by_a_second_worker(clinic) == 0
    assert StaffMail.objects.get().state == "sending"


def test_without_the_lock_both_would_send_it(clinic, monkeypatch):
    """Negative control."""
    without_locks(monkeypatch)
    assert sent_by_a_second_worker(clinic) == 1
