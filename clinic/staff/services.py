"""Writes about who works here: invitations from asking to joining, roles, and the second factor.

Lock order: clinic, then invitation or membership, then user.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from clinic import audit
from clinic.errors import ConstraintRefused, DomainError, explained
from clinic.models import Clinic, FactorRemoval, Invitation, Membership, StaffMail, User
from clinic.resources import last_manager
from clinic.roles import Role, with_implied
from clinic.services import give_opening_hours, join
from clinic.staff import mailing

# As long as an invitation: whoever has to ring the other clinic has three days for it.
REMOVAL_STANDS = timedelta(hours=72)
OVER = "invitation_over"
HAS_ACCOUNT = "This e-mail has an account here. Sign in with it, and join then."

# ── Invitations ───────────────────────────────────────────────────────────────


@transaction.atomic
def invite(*, clinic: Clinic, email: str, full_name: str, roles: Sequence[str], by: User, **details) -> Invitation:
    """Ask somebody to work here; the mail follows. Raises DomainError at `email` for who works here or is asked already.

    `details`: title, licence, sees_patients, max_depth_mm.
    """
    email = email.strip().lower()
    _refuse_no_treatment(roles, details.get("sees_patients", False))
    if clinic.memberships.filter(user__email=email, is_active=True).exists():
        raise DomainError("Whoever has this e-mail works here already.", field="email")
    invitation = Invitation(
        clinic=clinic, email=email, full_name=_tidy(full_name), roles=_plain(roles), invited_by=by, **details
    )
    try:
        with explained(), transaction.atomic():
            invitation.save()
    except ConstraintRefused as refusal:
        field = "max_depth_mm" if refusal.code == "invitation_depth_can_be" else "email"
        raise DomainError(refusal.sentence, field=field, code=refusal.code) from refusal
    audit.record("invitation.made", invitation, by=by, roles=invitation.roles)
    mailing.ask(clinic=clinic, kind=StaffMail.Kind.INVITATION, invitation=invitation, by=by)
    return invitation


@transaction.atomic
def send_again(*, invitation: Invitation, by: User) -> Invitation:
    """Another mail with another token; the one before opens nothing from now on. Raises DomainError for one that is accepted
    or taken back, and while a mail is on its way."""
    invitation = _locked(invitation)
    if not invitation.is_open:
        raise DomainError("This invitation was accepted or taken back. Invite again.")
    mailing.ask(clinic=invitation.clinic, kind=StaffMail.Kind.INVITATION, invitation=invitation, by=by)
    invitation.token_sha256 = invitation.expires_at = None
    invitation.save(update_fields=["token_sha256", "expires_at"])
    audit.record("invitation.sent_again", invitation, by=by)
    return invitation


@transaction.atomic
def take_back(*, invitation: Invitation, by: User) -> Invitation:
    """Its link opens nothing any more, also for whoever has it open. Raises DomainError once it was accepted."""
    invitation = _locked(invitation)
    if invitation.accepted_at is not None:
        raise DomainError(f"{invitation} has accepted meanwhile. Mark the person as left instead.")
    if invitation.withdrawn_at is None:
        invitation.withdrawn_at, invitation.withdrawn_by = timezone.now(), by
        invitation.save(update_fields=["withdrawn_at", "withdrawn_by"])
        audit.record("invitation.taken_back", invitation, by=by)
    return invitation


@transaction.atomic
def accept_as_new(*, invitation: Invitation, full_name: str, password: str) -> Membership:
    """Begin with an account of her own. Raises DomainError (code `invitation_over`) for an invitation that is over by now, and
    where that e-mail has an account meanwhile."""
    invitation = _still_standing(invitation)
    if account_of(invitation) is not None:
        raise DomainError(HAS_ACCOUNT)
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, password, full_name=_tidy(full_name))
    except IntegrityError as refusal:
        # Two clinics asked her, and she pressed in both windows at once.
        raise DomainError(HAS_ACCOUNT) from refusal
    return _bring_in(invitation, user)


@transaction.atomic
def accept_as(*, invitation: Invitation, user: User) -> Membership:
    """Join with the account that this e-mail has already. Raises DomainError for anybody else's account."""
    invitation = _still_standing(invitation)
    if user.email != invitation.email:
        raise DomainError("This invitation is for somebody else. Sign in with the address it was sent to.")
    return _bring_in(invitation, user)


def account_of(invitation: Invitation) -> User | None:
    return User.objects.filter(email=invitation.email).first()


def standing(*, token_sha256: str) -> Invitation | None:
    """The invitation that this token opens now. None for one that is unknown, over, used or taken back."""
    return _of(token_sha256).filter(accepted_at=None, withdrawn_at=None, expires_at__gt=Now()).first()


def why_over(*, token_sha256: str) -> str:
    """What to say of a token that opens nothing: `used`, `taken_back`, `ran_out` or `unknown`."""
    found = _of(token_sha256).first()
    if found is None:
        return "unknown"
    if found.accepted_at is not None:
        return "used"
    return "taken_back" if found.withdrawn_at is not None else "ran_out"


def forget(*, older_than: timedelta) -> int:
    """Invitations that have been over for so long: the name and address of somebody who joined, and is in her account, or who
    never did. One that nobody took up is over when its link ran out, or never had one. Those of which a mail is kept stay.
    Real time. Returns how many."""
    over = Coalesce("accepted_at", "withdrawn_at", "expires_at", "made_at")
    old = Invitation.objects.annotate(over_at=over).filter(over_at__lt=Now() - older_than, mails=None)
    return old.delete()[0]


def _of(token_sha256: str):
    return Invitation.objects.select_related("clinic", "invited_by").filter(token_sha256=token_sha256)


def _still_standing(invitation: Invitation) -> Invitation:
    """Locked: of two presses at once the second waits here, and then finds it used."""
    locked = _locked(invitation)
    ran_out = locked.expires_at is None or locked.expires_at <= timezone.now()
    if not locked.is_open or ran_out or locked.token_sha256 != invitation.token_sha256:
        raise DomainError("This invitation is over.", code=OVER)
    return locked


def _bring_in(invitation: Invitation, user: User) -> Membership:
    clinic, details = invitation.clinic, _details(invitation)
    there = Membership.objects.select_for_update(no_key=True).filter(clinic=clinic, user=user).first()
    with explained():
        if there is None:
            last = clinic.memberships.aggregate(last=Coalesce(Max("position"), 0))["last"]
            hers = join(clinic=clinic, user=user, by=user, position=last + 1, **details)
        else:
            hers = _come_back(there, details, by=user)
    give_opening_hours(membership=hers, by=user)
    invitation.accepted_at, invitation.membership = timezone.now(), hers
    invitation.save(update_fields=["accepted_at", "membership"])
    audit.record("invitation.accepted", invitation, by=user)
    return hers


def _come_back(membership: Membership, details: dict, *, by: User) -> Membership:
    """Whoever left and is asked again is the same person in the rows: what she did and signed stays hers."""
    if membership.is_active:
        raise DomainError("You work here already. Sign in.", code=OVER)
    for name, value in details.items():
        setattr(membership, name, value)
    membership.is_active = True
    membership.save(update_fields=[*details, "is_active"])
    audit.record("membership.back", membership, by=by, roles=membership.roles)
    return membership


def _details(invitation: Invitation) -> dict:
    names = ("roles", "title", "licence", "sees_patients", "max_depth_mm")
    return {name: getattr(invitation, name) for name in names}


def _locked(invitation: Invitation) -> Invitation:
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("clinic", "invited_by")
    return rows.get(pk=invitation.pk)


# ── Roles ─────────────────────────────────────────────────────────────────────


@transaction.atomic
def change_roles(*, membership: Membership, roles: Sequence[str], title: str, licence: str, by: User) -> Membership:
    """What she may do here from her next request on. Raises DomainError at `roles`: the last manager stays one, and who sees
    patients is a clinician."""
    Clinic.objects.select_for_update(no_key=True).get(pk=membership.clinic_id)
    people = Membership.objects.select_for_update(of=("self",), no_key=True).select_related("clinic", "user")
    membership = people.get(pk=membership.pk)
    if Role.MANAGER not in roles:
        last_manager.refuse(membership, field="roles")
    _refuse_no_treatment(roles, membership.sees_patients)
    before = {name: getattr(membership, name) for name in ("roles", "title", "licence")}
    membership.roles, membership.title, membership.licence = _plain(roles), title.strip(), licence.strip()
    changed = [name for name, was in before.items() if getattr(membership, name) != was]
    if changed:
        membership.save(update_fields=changed)
        audit.record(
            "membership.roles_changed", membership, by=by, fields=changed, was=before["roles"], roles=membership.roles
        )
    return membership


def _refuse_no_treatment(roles: Sequence[str], sees_patients: bool) -> None:
    if not roles:
        raise DomainError("Choose at least one role.", field="roles")
    if sees_patients and Role.CLINICIAN not in with_implied(roles):
        raise DomainError(
            "Who sees patients is a clinician or a prescriber. Add that role, or say first that this person sees none.",
            field="roles",
        )


def _plain(roles: Sequence[str]) -> list[str]:
    """In the order in which roles are always named."""
    return [str(role) for role in Role if role in roles]


def _tidy(name: str) -> str:
    return " ".join(name.split())


# ── Second factor ─────────────────────────────────────────────────────────────


def has_second_factor(user: User) -> bool:
    """Recovery codes alone are none."""
    return Authenticator.objects.filter(user_id=user.pk).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()


@transaction.atomic
def require_second_factor(*, clinic: Clinic, from_day: date | None, by: User) -> Clinic:
    """From `from_day` on (real time, the clinic's zone) nobody works here without one; None: it is left to everybody.

    Raises DomainError at `from_day` for a past day, and for a manager who has none herself: she would lock herself out.
    """
    clinic = Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    if from_day is not None and from_day != clinic.second_factor_from:
        if not has_second_factor(by):
            raise DomainError("Set up your own second factor first, then ask it of everybody.", field="from_day")
        if from_day < timezone.now().astimezone(clinic.tz).date():
            raise DomainError("Choose today or a later day.", field="from_day")
    clinic.second_factor_from = from_day
    clinic.save(update_fields=["second_factor_from"])
    audit.record(
        "clinic.second_factor_required",
        clinic,
        by=by,
        clinic=clinic,
        from_day=from_day.isoformat() if from_day else None,
    )
    return clinic


@transaction.atomic
def reset_second_factor(*, membership: Membership, reason: str, by: User) -> bool:
    """Take a colleague's second factor away, with her recovery codes: she has lost it. Her sessions end, and a mail tells her.

    It guards every clinic she works in, so a manager of each of them has to say so within REMOVAL_STANDS. Returns whether it
    is gone; False: what this manager said is kept, and another clinic's is missing.

    Raises DomainError at `reason` without one, and for one's own: that goes by one's account, where it has to be proven.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise DomainError("Say why: it is kept.", field="reason")
    if membership.user_id == by.pk:
        raise DomainError("Change your own second factor in your account, under Account security.")
    user = User.objects.select_for_update(no_key=True).get(pk=membership.user_id)
    if not Authenticator.objects.filter(user=user).exists():
        raise DomainError(f"{membership} has no second factor.")
    FactorRemoval.objects.create(membership=membership, reason=reason[:120], by=by)
    if _clinics_that_have_not_agreed(user, by=by):
        audit.record("second_factor.reset_asked", membership, by=by)
        return False
    standing = FactorRemoval.objects.filter(membership__user=user, done_at=None)
    standing.update(done_at=Now())
    removed, _ = Authenticator.objects.filter(user=user).delete()
    end_sessions(user)
    audit.record("second_factor.reset", membership, by=by, removed=removed)
    mailing.ask(clinic=membership.clinic, kind=StaffMail.Kind.SECOND_FACTOR_RESET, user=user, by=by)
    return True


def _clinics_that_have_not_agreed(user: User, *, by: User) -> bool:
    """Whether she works in a clinic of which no manager has said lately, and of the second factor she has now, that it may go. Who
    manages several speaks for each."""
    newest = Authenticator.objects.filter(user=user).aggregate(at=Max("created_at"))["at"]
    agreed = FactorRemoval.objects.filter(
        membership=OuterRef("pk"), done_at=None, at__gt=Now() - REMOVAL_STANDS, at__gte=newest
    )
    managed = Membership.objects.filter(
        clinic=OuterRef("clinic"), user=by, is_active=True, roles__contains=[Role.MANAGER]
    )
    hers = Membership.objects.filter(user=user, is_active=True)
    return hers.exclude(Exists(agreed) | Exists(managed)).exists()


def end_sessions(user: User) -> None:
    """On every device, at the next request."""
    User.objects.filter(pk=user.pk).update(sessions_ended=F("sessions_ended") + 1)


# ── A test mail ───────────────────────────────────────────────────────────────


def send_test_mail(*, clinic: Clinic, by: User) -> StaffMail:
    """To the manager who asks: whether mails leave, shown by one that arrives."""
    return mailing.ask(clinic=clinic, kind=StaffMail.Kind.TEST, user=by, by=by)
