"""A tablet in a patient's hands, as her browser and the flow meet it."""

from django.test import Client
from django.urls import reverse

from clinic.models import Handover, Membership
from patients.models import Patient
from tests import factories
from treatments.flows import tablet
from treatments.screenings.by_patient.models import PatientForm

HERE, SAVE, ANEW, BACK, LOCK = (
    "/handed-over/", "/handed-over/save/", "/handed-over/anew/", "/handed-over/back/", "/handed-over/lock/",
)  # fmt: skip


def hand_over_url(patient: Patient) -> str:
    return reverse("treatments:hand_over", args=[patient.ref])


def handed(client: Client, patient: Patient, *forms: str) -> Client:
    """The same browser, hers from now on."""
    answer = client.post(hand_over_url(patient), {"forms": list(forms)})
    assert (answer.status_code, answer.headers["Location"]) == (302, HERE)
    return client


def the_handover() -> Handover:
    return Handover.objects.latest("pk")


def codes(patient: Patient, kind: str) -> list[str]:
    return [one.rule.code for one in tablet.asked(patient, kind, today=factories.TODAY)]


def all_no(patient: Patient, kind: str = "day", **differing: str) -> dict[str, str]:
    """The form as she sends it: every question answered with no, but for `differing`."""
    return {"form": kind, "could-read": "yes"} | dict.fromkeys(codes(patient, kind), "no") | differing


def given(patient: Patient, by: Membership, kind: str = "day", could_read: str = "yes", **differing) -> PatientForm:
    """Through the flow. `differing`: code to value, or to a dict with more of the answer."""
    handover = tablet.hand_over(patient=patient, forms=[kind], by=by)
    answers = []
    for code in codes(patient, kind):
        said = differing.get(code, "no")
        answers.append({"code": code} | (said if isinstance(said, dict) else {"value": said}))
    tablet.give(handover=handover, kind=kind, answers=answers, could_read=could_read)
    return PatientForm.objects.get(handover=handover)


def errors(answer) -> dict[str, str]:
    return {field: found[0] for field, found in answer.context["form"].errors.items()}
