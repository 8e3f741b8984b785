"""What nobody can use any more goes, and nothing else."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from clinic.models import FormSubmission
from clinic.tasks import clear_out


def sent(user, *, ago: timedelta) -> FormSubmission:
    submission = FormSubmission.objects.create(token=uuid.uuid4(), user=user, path="/x/", payload_sha256="0" * 64)
    FormSubmission.objects.filter(pk=submission.pk).update(at=timezone.now() - ago)
    return submission


def test_tokens_of_old_forms_go_and_those_of_today_stay(desk_member):
    old = sent(desk_member.user, ago=timedelta(days=2, minutes=1))
    fresh = sent(desk_member.user, ago=timedelta(days=1, hours=23))
    clear_out()
    assert set(FormSubmission.objects.values_list("pk", flat=True)) == {fresh.pk}
    assert old.pk != fresh.pk


def test_a_demos_moved_clock_takes_no_token_away(desk_member, later):
    kept = sent(desk_member.user, ago=timedelta(minutes=1))
    later(timedelta(days=42))
    clear_out()
    assert FormSubmission.objects.filter(pk=kept.pk).exists()


@pytest.mark.django_db
def test_sessions_that_are_over_go(desk):
    live = desk.session.session_key
    Session.objects.create(session_key="over", session_data="x", expire_date=timezone.now() - timedelta(minutes=1))
    clear_out()
    assert list(Session.objects.values_list("pk", flat=True)) == [live]
