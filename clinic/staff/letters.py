"""What mails to those who work here say. Words that could stand on anybody's lock screen: no patient, no treatment."""

from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from clinic.models import StaffMail

SUBJECTS = {
    StaffMail.Kind.INVITATION: "{sender}: your invitation to {product}",
    StaffMail.Kind.SECOND_FACTOR_RESET: "{sender}: your second factor was removed",
    StaffMail.Kind.TEST: "{sender}: a test mail",
}


def write(mail: StaffMail, token: str = "") -> EmailMultiAlternatives:
    """The mail, ready to send. `token`: of an invitation, in no other place."""
    clinic = mail.clinic
    to = mail.invitation.email if mail.invitation_id else mail.user.email
    facts = {
        "clinic": clinic,
        "product": settings.PRODUCT_NAME,
        "name": mail.invitation.full_name if mail.invitation_id else mail.user.full_name,
        "asked_by": mail.asked_by.full_name,
        "invitation": mail.invitation,
        "link": f"{settings.BASE_URL}{reverse('clinic:invitation_open', args=[token])}" if token else "",
        "sign_in": f"{settings.BASE_URL}{reverse(settings.LOGIN_URL)}",
    }
    letter = EmailMultiAlternatives(
        subject=_one_line(SUBJECTS[mail.kind].format(sender=clinic.sender_name, product=settings.PRODUCT_NAME)),
        body=render_to_string(f"clinic/mails/{mail.kind}.txt", facts),
        from_email=formataddr((_one_line(clinic.sender_name), parseaddr(settings.DEFAULT_FROM_EMAIL)[1])),
        to=[to],
        # To whom it is a surprise asks the one who knows.
        reply_to=[mail.asked_by.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    letter.attach_alternative(render_to_string(f"clinic/mails/{mail.kind}.html", facts), "text/html")
    return letter


def _one_line(words: str) -> str:
    """A line break in a name must not begin a header of its own."""
    return " ".join(words.split())
