"""The dose of a numbing cream while it is typed: milligrams, the alert, what the label refuses. Nothing is written."""

from decimal import Decimal

from clinic.models import Membership
from treatments.pages.protocol import why
from treatments.protocol.anaesthetic import alert_mg
from treatments.protocol.entries import Anaesthetic as Agent
from treatments.protocol.written import written
from treatments.rules.policy import catalogue_for
from treatments.sessions import numbing
from treatments.sessions.models import TreatmentSession


def of_session(session: TreatmentSession, *, by: Membership) -> dict:
    """The dose of what is charted."""
    typed = {
        "product": session.anaesthetic,
        "grams": session.anaesthetic_grams,
        "area_cm2": session.anaesthetic_area_cm2,
        "weight_kg": session.weight_kg,
        "occluded": session.anaesthetic_occluded,
        "on_at": session.anaesthetic_on_at,
        "off_at": session.anaesthetic_off_at,
    }
    return worked_out(session, typed, by=by)


def worked_out(session: TreatmentSession, typed: dict, *, by: Membership) -> dict:
    """Input of `_dose.html`. `typed`: what of the form makes sense so far; without cream or grams there is no dose."""
    catalogue = catalogue_for(session.clinic, session.on)
    weight, product, grams = typed.get("weight_kg"), typed.get("product"), typed.get("grams")
    policy = catalogue.numbing
    shown = {
        "stop_signs": policy.stop_signs,
        "alert": _alert_words(weight, catalogue),
        "why": why.of_numbing(policy, catalogue, value=_alert_words(weight, catalogue)),
        "actives": [],
        "refusals": [],
        "alerts": [],
        "note": "",
        "time": "",
    }
    if product:
        agent = numbing.agent_of(product)
        shown["note"], shown["time"] = agent.note, _label_time(agent)
        shown["alerts"] = _over_time(agent, typed)
    if product and numbing.not_today(session):
        shown["refusals"] = [numbing.NOT_TODAY]
    elif product and grams:
        applied = numbing.Applied(product, grams, typed.get("area_cm2"), weight, bool(typed.get("occluded")))
        ordered = numbing.is_ordered(session, applied, by=by)
        found = numbing.check(session, applied, minutes=None, ordered=ordered)
        shown["actives"] = [
            {"name": name.capitalize(), "mg": f"{written(mg)} mg"} for name, mg in found.applied_mg.items()
        ]
        if found.mg_per_kg is not None:
            shown["actives"].append({"name": "Lidocaine by weight", "mg": f"{written(found.mg_per_kg)} mg/kg"})
        shown["refusals"] = [refusal.sentence for refusal in found.refusals]
        shown["alerts"] += found.alerts
    return shown


def _label_time(agent: Agent) -> str:
    minutes = f"{agent.minimum_minutes} to {agent.maximum_minutes}"
    if agent.minimum_minutes == agent.maximum_minutes:
        minutes = str(agent.maximum_minutes)
    return f"{minutes} minutes. A longer time is written down as it was, with the reason."


def _over_time(agent: Agent, typed: dict) -> list[str]:
    """What to do about a cream that is, or was, on for longer than its label allows."""
    minutes = numbing.minutes_so_far(typed.get("on_at"), typed.get("off_at"))
    if minutes is None or minutes <= agent.maximum_minutes:
        return []
    said = f"{minutes} minutes on the skin: the label allows {agent.maximum_minutes}."
    return [f"{said} Say why, and look for a reaction." if typed.get("off_at") else f"{said} Take it off now."]


def _alert_words(weight_kg: Decimal | None, catalogue) -> str:
    policy = catalogue.numbing
    limit = f"{written(alert_mg(weight_kg, policy))} mg of lidocaine"
    if weight_kg is None:
        return f"{limit}, because no weight is on record"
    return f"{limit}, the smaller of {written(policy.alert_mg_per_kg)} mg/kg and {written(policy.alert_mg)} mg"
