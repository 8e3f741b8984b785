"""What a course means in the patient's words: the part of the consent text that is about her."""

from patients.models import DepthClass
from patients.services.consents import Treatment
from treatments.plans import life
from treatments.plans.models import TreatmentPlan
from treatments.rules.policy import catalogue_for

OFF_LABEL = (
    "Part of this treatment lies outside what the maker of the device names as its use. "
    "Your clinician has told you so and why it is proposed all the same."
)


def treatment(plan: TreatmentPlan) -> Treatment:
    """The same plan always gives the same words: the hash of the text is compared when it is signed."""
    catalogue = catalogue_for(plan.clinic)
    concerns = [catalogue.concerns[c["code"]].label.lower() for c in plan.concerns if c["code"] in catalogue.concerns]
    zones = dict.fromkeys(zone for concern in plan.concerns for zone in concern["zones"] if zone in catalogue.zones)
    return Treatment(
        concerns=_listed(concerns),
        zones=_listed([catalogue.zone(zone).label.lower() for zone in zones]),
        sessions=life.sessions_words(plan),
        depth_class=DepthClass(plan.depth_class),
        notes=(OFF_LABEL,) if plan.proposal.get("on_label") is False else (),
    )


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
