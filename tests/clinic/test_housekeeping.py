"""What nobody can use any more goes, and nothing else."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from clinic.models import FormSubmission, Invitation, StaffMail
from clinic.staff import services as staff
from clinic.tasks import clear_out
from tests import factories


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


QUARTER = timedelta(days=90)


def an_invitation(clinic, name: str, *, ago: timedelta) -> Invitation:
    """Made so long ago, with a mail that left then."""
    by = factories.a_manager(clinic).user
    one = staff.invite(clinic=clinic, email=f"{name}@alder.example", full_name=name, roles=["front_desk"], by=by)
    then = timezone.now() - ago
    Invitation.objects.filter(pk=one.pk).update(made_at=then)
    one.mails.update(state="sent", settled_at=then)
    return one


def test_invitations_and_mails_to_staff_go_after_a_quarter_and_younger_ones_stay(clinic):
    old, young = QUARTER + timedelta(minutes=1), QUARTER - timedelta(minutes=1)
    an_invitation(clinic, "never", ago=old)
    ran_out = an_invitation(clinic, "ran-out", ago=old)
    Invitation.objects.filter(pk=ran_out.pk).update(token_sha256="0" * 64, expires_at=timezone.now() - old)
    back = an_invitation(clinic, "back", ago=old)
    Invitation.objects.filter(pk=back.pk).update(withdrawn_at=timezone.now() - old, withdrawn_by=back.invited_by)
    joined = staff.accept_as_new(
        invitation=sendable(an_invitation(clinic, "joined", ago=old)), full_name="J", password="nine-quiet-lanterns-7"
    )
    Invitation.objects.filter(membership=joined).update(accepted_at=timezone.now() - old)
    late = an_invitation(clinic, "late", ago=old)
    Invitation.objects.filter(pk=late.pk).update(token_sha256="1" * 64, expires_at=timezone.now() - young)
    an_invitation(clinic, "young", ago=young)
    clear_out()
    assert set(Invitation.objects.values_list("full_name", flat=True)) == {"young", "late"}
    assert [mail.invitation.full_name for mail in StaffMail.objects.all()] == ["young"]
    assert clinic.memberships.filter(pk=joined.pk).exists()


def sendable(invitation: Invitation) -> Invitation:
    invitation.token_sha256, invitation.expires_at = "2" * 64, timezone.now() + timedelta(hours=1)
    invitation.save(update_fields=["token_sha256", "expires_at"])
    return invitation


def test_what_waits_to_be_sent_stays_and_so_does_the_last_that_left(clinic, other_clinic):
    """By the last one that left a clinic knows that mails leave; one that waits is of a clinic that came out of a backup."""
    long_ago = QUARTER * 4
    waiting = an_invitation(clinic, "waiting", ago=long_ago)
    waiting.mails.update(state="waiting", settled_at=None)
    for here in (clinic, other_clinic):
        by = factories.a_manager(here).user
        for state in ("sent", "sent", "failed", "unknown"):
            mail = staff.send_test_mail(clinic=here, by=by)
            StaffMail.objects.filter(pk=mail.pk).update(state=state, settled_at=timezone.now() - long_ago)
    clear_out()
    assert [(mail.clinic, mail.state) for mail in StaffMail.objects.order_by("pk")] == [
        (clinic, "waiting"), (clinic, "sent"), (other_clinic, "sent"),
    ]  # fmt: skip
    assert Invitation.objects.get() == waiting


def test_a_clinic_from_which_nothing_ever_left_keeps_none_either(clinic):
    mail = staff.send_test_mail(clinic=clinic, by=factories.a_manager(clinic).user)
    StaffMail.objects.filter(pk=mail.pk).update(state="failed", settled_at=timezone.now() - QUARTER * 2)
    clear_out()
    assert not StaffMail.objects.exists()
