"""What the chairside pages show: who, what today's screening said, the zones with today's and last time's settings, the clock."""

from datetime import date, timedelta
from decimal import Decimal

from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Membership
from clinic.roles import Role
from clinic.templatetags.clinic_ui import clock as clock_words
from clinic.templatetags.clinic_ui import date_year, mm, roman
from patients.models import Consent
from patients.services import consents
from treatments.protocol.catalogue import BadCatalogue, Catalogue
from treatments.protocol.depth import DepthLimits, check
from treatments.protocol.facts import BadFacts, from_json
from treatments.protocol.wording import OUTCOMES, binding_sentence, change_sentence, finding_sentence, label_words
from treatments.protocol.written import written
from treatments.rules.policy import catalogue_for
from treatments.screenings.models import ScreeningRecord
from treatments.screenings.replay import replay, rules_of
from treatments.sessions import depth_numbers, forms, numbing, reactions_list, services
from treatments.sessions.depths import asks_sign_off, goes_on_from, own_limit, proposed_mm, zone_limits
from treatments.sessions.models import Endpoint, SessionZone, TreatmentSession

STEPS = (("check", "Check"), ("treat", "Treat"), ("note", "Note"), ("finish", "Finish"))
USUAL_PASSES = (2, 3, 4, 5, 6)
MOST_PILLS = 5
CATEGORY_STATES = {"ABS": "block", "TMP": "defer", "REL": "needs_clinician", "CAU": "caution"}


def page_url(session: TreatmentSession) -> str:
    """Where one goes on after Finish: back to it while the session is open, else to what was signed."""
    return step_url(session, "finish") if session.is_open else reverse("treatments:session", args=[session.ref])


def step_url(session: TreatmentSession, step: str, zone: str = "") -> str:
    url = f"{reverse('treatments:session', args=[session.ref])}?step={step}"
    return f"{url}&zone={zone}" if zone else url


def chair_header(header: dict, session: TreatmentSession) -> dict:
    """The patient header made small: name, verdict with its hour, where in the course."""
    record = session.screening
    skin_type = record.facts["skin_type"]
    sub = f"born {date_year(session.patient.born_on)}"
    return header | {
        "sub": f"{sub} · skin type {roman(skin_type)}" if skin_type else sub,
        "chips": [verdict_chip(record, session.clinic)],
        "course": "",
        "tabs": [],
        "hide_next": True,
    }


def verdict_chip(record: ScreeningRecord, clinic) -> dict:
    return {
        "state": record.outcome,
        "label": f"{OUTCOMES[record.outcome]}, asked {clock.local(record.made_at, clinic):%H:%M}",
    }


def steps(session: TreatmentSession, current: str, zones: list[dict]) -> list[dict]:
    done = {
        "check": True,
        "treat": bool(zones) and all(zone["state"] == "set" for zone in zones) and session.cartridge_lot_id is not None,
        "note": bool(session.note.strip()),
    }
    return [
        {
            "number": number,
            "label": label,
            "url": step_url(session, name),
            "state": "current" if name == current else "past" if done.get(name) else "open",
        }
        for number, (name, label) in enumerate(STEPS, start=1)
    ]


# ── Check ─────────────────────────────────────────────────────────────────────


def checked(record: ScreeningRecord) -> dict:
    """Findings and changes of a stored screening in words, under the protocol it was judged by."""
    try:
        words = _in_its_words(record, rules_of(record))
    except (BadCatalogue, BadFacts):
        words = _as_stored(record)
    return {"outcome": record.outcome, "verdict": OUTCOMES[record.outcome], **words}


def _in_its_words(record: ScreeningRecord, catalogue: Catalogue) -> dict:
    known = from_json(record.facts, catalogue)
    judged = replay(record)
    return {
        "binding": binding_sentence(judged, known, catalogue),
        "missing": [catalogue.rule(code).question for code in judged.missing if code in catalogue.rules_by_code],
        "findings": [
            {
                "label": catalogue.rule(finding.code).label,
                "state": "caution" if finding.cleared_until else CATEGORY_STATES[finding.category],
                "means": finding_sentence(finding, known, catalogue, on=record.on),
                "advice": finding.advice,
            }
            for finding in judged.findings
        ],
        "changes": [change_sentence(change, catalogue) for change in record.changes],
    }


def _as_stored(record: ScreeningRecord) -> dict:
    """What the record itself says, where this software no longer reads the protocol it was judged by."""
    stored, catalogue = record.result, catalogue_for(record.patient.clinic, record.on)
    return {
        "binding": f"Earliest {date_year(record.earliest_on)}" if record.earliest_on else None,
        "missing": [_capital(label_words(code, catalogue)) for code in stored["missing"]],
        "findings": [
            {
                "label": _capital(label_words(finding["code"], catalogue)),
                "state": "caution" if finding["cleared_until"] else CATEGORY_STATES[finding["category"]],
                "means": _stored_words(finding),
                "advice": finding["advice"],
            }
            for finding in stored["findings"]
        ],
        "changes": [change_sentence(change, catalogue) for change in record.changes],
    }


def _stored_words(finding: dict) -> str:
    for words, on in (("Cleared until", finding["cleared_until"]), ("Not before", finding["earliest_on"])):
        if on:
            return f"{words} {date_year(date.fromisoformat(on))}"
    return OUTCOMES[CATEGORY_STATES[finding["category"]]]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def consent_of(session_or_visit) -> Consent | None:
    """The signature that covers this course today."""
    plan = session_or_visit.planned_session.plan
    return consents.valid_consent(
        patient=session_or_visit.patient, techniques=plan.techniques, depth_class=plan.depth_class, at=clock.now()
    )


# ── Treat ─────────────────────────────────────────────────────────────────────


def zone_codes(session: TreatmentSession) -> list[str]:
    """The zones of the course, in the order of the catalogue: from the forehead down."""
    planned = {zone for concern in session.plan.concerns for zone in concern["zones"]}
    return [code for code in catalogue_for(session.clinic, session.on).zones if code in planned]


def held(session: TreatmentSession) -> dict | None:
    """The banner of a session whose course was put on hold, or stopped, while it was open."""
    sentence = services.held_sentence(session)
    if not sentence:
        return None
    return {
        "sentence": sentence,
        "next": "A clinician looks at it before it goes on." if session.plan.is_under_way else "It does not go on.",
        "course": reverse("treatments:course", args=[session.plan.ref]),
        "stop": f"{step_url(session, 'finish')}#stop-early",
    }


def zones(session: TreatmentSession, last: dict[str, SessionZone], *, picked: str) -> list[dict]:
    """Input of `face_map.html`; around the eyes is drawn as left out where the course leaves it out."""
    today = _by_zone(session)
    catalogue = catalogue_for(session.clinic, session.on)
    shown = [
        {
            "code": code,
            "label": catalogue.zone(code).label,
            "state": "set" if code in today else "todo",
            "depth_mm": today[code].depth_mm if code in today else None,
            "last_mm": last[code].depth_mm if code in last else None,
            "picked": code == picked,
            "url": step_url(session, "treat", code),
        }
        for code in zone_codes(session)
    ]
    if all(zone["code"] != "periorbital" for zone in shown):
        shown.append({"code": "periorbital", "label": "Around the eyes", "state": "left_out", "url": ""})
    return shown


def pick(session: TreatmentSession, asked: str) -> str:
    """The zone asked for, else the first that is not set, else the first."""
    codes = zone_codes(session)
    if asked in codes:
        return asked
    done = {row.zone for row in session.zones.all()}
    return next((code for code in codes if code not in done), codes[0])


def next_todo(session: TreatmentSession, after: str) -> str:
    """The next zone that is not set, round the face from `after`; empty when all are."""
    codes = zone_codes(session)
    start = codes.index(after) + 1 if after in codes else 0
    done = {row.zone for row in session.zones.all()} | {after}
    return next((code for code in [*codes[start:], *codes[:start]] if code not in done), "")


def settings_of(
    session: TreatmentSession,
    zone: str,
    previous: TreatmentSession | None,
    last_rows: dict[str, SessionZone],
    *,
    by: Membership,
    form: forms.ZoneForm | None = None,
) -> dict:
    """The settings of one zone: limits, pills, what last time was, what the gauge shows. Grey counts only once set.

    `previous`: the last session of the course; `last_rows`: the last time in each zone, which may be of an earlier course.
    """
    catalogue = catalogue_for(session.clinic, session.on)
    label = catalogue.zone(zone).label
    try:
        allowed = zone_limits(session, zone, by=by, previous=previous)
    except DomainError as refusal:
        return {"code": zone, "label": label, "refused": refusal.sentence}
    now, last = _by_zone(session).get(zone), last_rows.get(zone)
    typed = form.data if form is not None else {}
    goes_on, held = goes_on_from(last, session), bool(services.held_sentence(session))
    depth = now.depth_mm if now else proposed_mm(last, allowed, session)
    depths = _depth_pills(allowed, last, shown=depth, step_mm=catalogue.depth.step_mm, held=held)
    passes = now.passes if now else last.passes if last and goes_on else 4
    onward = next_todo(session, zone)
    return {
        "code": zone,
        "label": label,
        "limits": allowed,
        "last": last,
        "last_words": _last_words(last, session),
        "may_repeat": goes_on and last.depth_mm <= allowed.hard_cap_mm,
        "order_words": _order_words(session, zone, now, by=by),
        "is_set": now is not None,
        "depth_options": depths,
        "depth": typed.get("depth") or _in(depths, mm(depth)),
        "depth_other": typed.get("depth_other", ""),
        "passes_options": _passes_pills(last, passes),
        "passes": typed.get("passes") or str(passes),
        "passes_other": typed.get("passes_other", ""),
        "endpoint_options": _endpoint_pills(session, last),
        "endpoint": typed.get("endpoint", now.endpoint if now else ""),
        "reason": typed.get("reason", now.reason if now else ""),
        "gauge_mm": _shown_depth(typed, depth),
        "next": catalogue.zone(onward).label.lower() if onward else "",
        "numbers": depth_numbers.of_zone(session, zone, allowed, last, catalogue),
    }


def _by_zone(session: TreatmentSession) -> dict[str, SessionZone]:
    return {row.zone: row for row in session.zones.all()}


def _last_words(last: SessionZone | None, session: TreatmentSession) -> str:
    """The last time in this zone; where that was in an earlier course, its day as well."""
    if last is None:
        return "first time in this zone"
    when = "last time"
    if last.session.plan_id != session.plan_id:
        when = f"earlier course, {date_year(last.session.on)}:"
    said = f"{when} {mm(last.depth_mm)} mm, {last.passes} passes"
    return f"{said}, {last.get_endpoint_display().lower()}" if last.endpoint else said


def _order_words(session: TreatmentSession, zone: str, now: SessionZone | None, *, by: Membership) -> str:
    """Who stands behind a depth or a zone that asks for a prescriber, or that this clinician would by charting it; and her
    own limit, where she has one."""
    return " ".join(part for part in (_ordered_words(session, zone, now, by=by), _own_words(session, by=by)) if part)


def _own_words(session: TreatmentSession, *, by: Membership) -> str:
    who = own_limit(session, by=by)
    return f"{who} goes {mm(who.max_depth_mm)} mm deep at most." if who else ""


def _ordered_words(session: TreatmentSession, zone: str, now: SessionZone | None, *, by: Membership) -> str:
    if now is not None and now.ordered_by:
        return f"Ordered by {now.ordered_by}."
    if asks_sign_off(session, zone) and by.has(Role.PRESCRIBER):
        return "The neck in skin type V or VI is off label. By charting it you sign for it, for this course."
    return ""


def _depth_pills(
    allowed: DepthLimits, last: SessionZone | None, *, shown: Decimal, step_mm: Decimal, held: bool
) -> list[dict]:
    """Depths around the one that is shown: last time, the start, the usual maximum, and one step that asks for a reason.

    None above the cap. `held`: the course is not active, and every depth asks for a reason.
    """
    last_mm = last.depth_mm if last else None
    wanted = {
        shown,
        shown - step_mm,
        shown + step_mm,
        allowed.start_mm,
        allowed.soft_max_mm,
        allowed.soft_max_mm + step_mm,
    }
    first = {shown}
    if last_mm is not None:
        wanted.add(last_mm)
        first.add(last_mm)
    fitting = sorted(
        (d for d in wanted if 0 < d <= allowed.hard_cap_mm), key=lambda d: (d not in first, abs(d - shown), d)
    )
    pills = [_depth_pill(depth, allowed, last_mm, step_mm, held) for depth in sorted(fitting[:MOST_PILLS])]
    return [*pills, {"value": forms.OTHER, "label": "Other", "reveals": "depth-other"}]


def _depth_pill(depth: Decimal, allowed: DepthLimits, last_mm: Decimal | None, step_mm: Decimal, held: bool) -> dict:
    guard = held or check(depth, allowed, last_mm=last_mm, step_mm=step_mm).verdict == "needs_reason"
    was = depth == last_mm
    if guard:
        note = "needs a reason"
    elif was:
        note = "last time"
    elif last_mm is not None:
        note = f"{'+' if depth > last_mm else '−'}{mm(abs(depth - last_mm))}"
    else:
        note = "start" if depth == allowed.start_mm else "usual maximum" if depth == allowed.soft_max_mm else ""
    pill = {"value": mm(depth), "label": mm(depth), "note": note, "was": was, "guard": guard}
    return pill | {"reveals": "depth-reason"} if guard else pill


def _passes_pills(last: SessionZone | None, passes: int) -> list[dict]:
    counts = sorted({*USUAL_PASSES, passes} | ({last.passes} if last else set()))
    pills = [
        {
            "value": str(n),
            "label": str(n),
            "was": bool(last and last.passes == n),
            "note": "last time" if last and last.passes == n else "",
        }
        for n in counts
    ]
    return [*pills, {"value": forms.OTHER, "label": "Other", "reveals": "passes-other"}]


def _endpoint_pills(session: TreatmentSession, last: SessionZone | None) -> list[dict]:
    """What was seen is written as it was; where today's screening stops at redness, the others say so."""
    only_redness = any(change["parameter"] == "endpoint" for change in session.screening.changes)
    return [
        {
            "value": value,
            "label": label,
            "was": bool(last and last.endpoint == value),
            "note": "last time"
            if last and last.endpoint == value
            else "not the aim today"
            if only_redness and value == Endpoint.PINPOINT
            else "",
        }
        for value, label in Endpoint.choices
    ]


def _in(pills: list[dict], value: str) -> str:
    return value if any(pill["value"] == value for pill in pills) else ""


def _shown_depth(typed, depth: Decimal) -> Decimal:
    tapped = typed.get("depth_other") if typed.get("depth") == forms.OTHER else typed.get("depth")
    return Decimal(tapped) if tapped and forms.DEPTH_WORD.fullmatch(tapped) else depth


def last_time(previous: TreatmentSession | None) -> dict | None:
    """The last signed session of the course, in grey."""
    if previous is None:
        return None
    catalogue = catalogue_for(previous.clinic, previous.on)
    rows = [{"label": catalogue.zone_label(row.zone), "depth_mm": row.depth_mm} for row in previous.zones.all()]
    return {"on": previous.on, "zones": rows, "pain": previous.pain}


def events(session: TreatmentSession, *, refused: tuple[int, forms.CloseEventForm] | None = None) -> list[dict]:
    """Adverse events of the session with their names; each open one with the form that closes it; `refused`: key and form as typed."""
    catalogue = catalogue_for(session.clinic, session.on)
    key, typed = refused or (None, None)
    return [
        {
            "name": reactions_list.name_of(row.code, catalogue),
            "kind": reactions_list.kind_of(row.code, catalogue),
            "report": reactions_list.is_reported(row.grade, catalogue),
            "row": row,
            "close_form": typed
            if row.pk == key
            else None
            if row.resolved_on
            else forms.CloseEventForm(auto_id=f"id_{row.pk}_%s"),
        }
        for row in session.adverse_events.filter(entered_in_error=False)
    ]


# ── Numbing ───────────────────────────────────────────────────────────────────


def numbing_state(session: TreatmentSession) -> dict:
    """`clock`: input of `numbing_clock.html` while the cream is on; `off`: sentences once it is off; `alerts` of the dose."""
    product, on_at, off_at = numbing.product_of(session), session.anaesthetic_on_at, session.anaesthetic_off_at
    state = {"clock": None, "off": "", "alerts": [], "agent": ""}
    if product is None:
        return state
    agent = numbing.agent_of(product)
    grams = session.anaesthetic_grams
    state["agent"] = f"{product.name}, {written(grams)} g" if grams else product.name
    minutes = numbing.minutes_between(on_at, off_at)
    if grams:
        applied = numbing.Applied(
            product, grams, session.anaesthetic_area_cm2, session.weight_kg, session.anaesthetic_occluded
        )
        state["alerts"] = numbing.check(session, applied, minutes=minutes, ordered=True).alerts
    if minutes is not None:
        state["off"] = f"On {clock_words(on_at)}, off {clock_words(off_at)}: {minutes} minutes."
    elif on_at is not None:
        state["clock"] = {
            "started_at": on_at,
            "now": clock.now(),
            "minutes": agent.minimum_minutes,
            "off_minutes": agent.maximum_minutes,
            "on": clock_words(on_at),
            "ready": clock_words(on_at + timedelta(minutes=agent.minimum_minutes)),
            "off_by": clock_words(on_at + timedelta(minutes=agent.maximum_minutes)),
            "agent": state["agent"],
        }
    return state
