"""What people measure: the answers of an instrument, written short."""

import uuid
from datetime import timedelta

from django.urls import reverse

from tests import factories
from treatments.flows import outcomes as flow
from treatments.outcomes.models import OutcomeScore
from treatments.protocol.instruments import load

# The day before a course is planned, and the day on which the tests stand, ten days into it.
YESTERDAY = factories.TODAY - timedelta(days=1)
NOW = factories.TODAY + timedelta(days=10)
REGIONS = ("forehead", "right_malar", "left_malar", "chin")


def lowest(code: str, **differing: int) -> dict[str, int]:
    return {item.code: item.options[0].value for item in load()[code].items} | differing


def melasma(*, area: int, darkness: int) -> dict[str, int]:
    """The same in all four regions: mMASI is area x darkness."""
    return {f"{region}_{part}": value for region in REGIONS for part, value in (("area", area), ("darkness", darkness))}


def measure(patient, code: str, items: dict | None = None, *, on=None, by=None, **more) -> OutcomeScore:
    return flow.record(
        patient=patient,
        code=code,
        items=lowest(code) if items is None else items,
        assessed_on=on or factories.TODAY,
        by=by or factories.a_clinician(patient.clinic).user,
        **more,
    )


def mmasi(patient, area: int, darkness: int, **more) -> OutcomeScore:
    return measure(patient, "mmasi", melasma(area=area, darkness=darkness), **more)


def url(name: str, *args) -> str:
    return reverse(f"treatments:{name}", args=args)


def filled(items: dict, **differing) -> dict:
    """The form as a browser sends it."""
    answers = {f"item-{code}": value for code, value in items.items()}
    more = {"assessed_on": factories.TODAY.isoformat(), "note": "", "submit_token": str(uuid.uuid4())}
    return answers | more | differing


def errors(response) -> dict:
    return {field: found[0] for field, found in response.context["form"].errors.items()}
