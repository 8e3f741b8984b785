"""Patients with something ahead whom mail does not reach: it comes back, there is no address, or our mail was called spam.
And those for whose link somebody guessed the date of birth: she cannot open her page, or somebody else tried to.

For the page of all lists. A new address, her answer or the word that she was called takes a line away; what kept it is for
the desk to read.
"""

from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from clinic.models import Clinic
from patients.links.services import closed_by_guessing
from patients.models import Patient, PatientLink
from patients.outbox.events import unasked_since_spam
from treatments.appointments.models import COMING, Appointment
from treatments.pages.worklists.call_rows import Call, CallList, near_day
from treatments.plans.models import UNDER_WAY, TreatmentPlan

# Her telephone, her address and what she says to our question, on one page.
PUT_RIGHT = "patients:patient_messages"
SHOWN = ("ref", "given_name", "family_name", "phone", "email", "email_bounced_at")


def email_list(clinic: Clinic, *, today: date, ask: bool) -> CallList:
    """One query, none unless we `ask`."""
    found = CallList(
        "e-mail",
        "E-mail to put right",
        "mail",
        "Everyone with a visit or a course ahead can be written to, or wants no e-mail, and no link waits for a call.",
        "Next visit",
        means="Ask for an address, or note that no e-mail is wanted. What waits for them follows at once. Where a link was "
        "closed after wrong dates of birth, ask who tried and compare the date on record.",
    )
    found.calls = [_email_call(patient, today) for patient in (out_of_reach(clinic, today=today) if ask else ())]
    return found


def out_of_reach(clinic: Clinic, *, today: date) -> QuerySet[Patient]:
    """With `comes_on`, the day of her next visit, and `is_guessed`; who comes next stands first. A link that was closed after
    wrong dates of birth is work also where nothing is ahead: her page of the days after a visit is a page like any other."""
    coming = Appointment.objects.filter(patient=OuterRef("pk"), status__in=COMING, day__gte=today)
    under_way = TreatmentPlan.objects.filter(patient=OuterRef("pk"), status__in=UNDER_WAY)
    has_no_way = Q(mail_allowed=True) & (Q(email="") | Q(email_bounced_at__isnull=False))
    ahead = Q(Exists(coming)) | Q(Exists(under_way))
    guessed = PatientLink.objects.filter(closed_by_guessing(), clinic=clinic)
    is_guessed = Q(pk__in=guessed.values("patient"))
    return (
        clinic.patients.filter(((has_no_way | unasked_since_spam()) & ahead) | is_guessed, status=Patient.Status.ACTIVE)
        .annotate(
            comes_on=Subquery(coming.order_by("during").values("day")[:1]),
            is_guessed=Exists(guessed.filter(patient=OuterRef("pk"))),
        )
        .only(*SHOWN)
        .order_by("comes_on", "name_key", "id")
    )


def _email_call(patient: Patient, today: date) -> Call:
    why = _why(patient)
    return Call(
        name=patient.full_name,
        say=why,
        why=why,
        due=near_day(patient.comes_on, today) if patient.comes_on else "none booked",
        phone=patient.phone,
        leads_to=(PUT_RIGHT, patient.ref),
        patient_ref=patient.ref,
        act="Put right",
        hue="ask",
    )


def _why(patient: Patient) -> str:
    if patient.is_guessed:
        return "A link closed after five wrong dates of birth: call"
    if not patient.email:
        return "No e-mail address: ask for one"
    if patient.email_bounced_at is not None:
        return "Mail comes back: ask for another address"
    return "A mail was called spam: ask whether e-mail is wanted"
