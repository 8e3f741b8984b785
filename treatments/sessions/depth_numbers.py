"""The four numbers of the depth guard in words: start, usual maximum, limit and step, each with its sources."""

from clinic.templatetags.clinic_ui import mm
from treatments.pages.protocol import why
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.depth import DepthLimits
from treatments.sessions.models import SessionZone, TreatmentSession


def of_zone(
    session: TreatmentSession, zone: str, allowed: DepthLimits, last: SessionZone | None, catalogue: Catalogue
) -> list[dict]:
    """The four numbers of the depth guard, each with what it asks for and its sources."""
    entry = catalogue.zone(zone)
    treated = [catalogue.concern(c["code"]) for c in session.plan.concerns if zone in c["zones"]]
    start, soft, cap = mm(allowed.start_mm), mm(allowed.soft_max_mm), mm(allowed.hard_cap_mm)
    step = mm(catalogue.depth.step_mm)
    lower = "The smallest of the concerns treated here; lower after pigment trouble, a long gap, or for darker skin."
    device = session.device.name if session.device else "no device chosen yet"
    numbers = [
        ("start", f"start {start}", why.of_usual_depth(entry, treated, catalogue, title=f"{entry.label}: start at {start} mm", use=f"{lower} Go deeper until the endpoint shows.")),
        ("soft", f"usual to {soft}", why.of_usual_depth(entry, treated, catalogue, title=f"{entry.label}: usual to {soft} mm", use=f"{lower} Over it a reason is asked for.")),
        ("cap", f"never over {cap}", why.of_limit(entry, catalogue, title=f"{entry.label}: never over {cap} mm", use=f"The smallest of the zone's limit, the label of the device ({device}), the concern's limit, the clinician's own and {mm(catalogue.depth.absolute_mm)} mm. Nobody passes it. {entry.note}".strip())),
    ]  # fmt: skip
    if last is not None:
        words = f"step {step} from {mm(last.depth_mm)}"
        numbers.append(("step", words, why.of_step(catalogue, title=f"Not more than {step} mm deeper than last time", use=f"A larger step from {mm(last.depth_mm)} mm asks for a reason.")))  # fmt: skip
    return [{"id": f"why-{name}", "label": words, "why": reasons} for name, words, reasons in numbers]
