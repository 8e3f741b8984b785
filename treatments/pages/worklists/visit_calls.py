"""Booked visits with something to say about them: before they travel, to ask, not confirmed, no e-mail, rules changed,
not possible any more. What a list says of a date is read from stored rows (see `verdicts`)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef
from django.db.models.functions import JSONObject

from clinic.models import Clinic
from clinic.templatetags.clinic_ui import day as day_words
from treatments.appointments.calls.heard import heard_about
from treatments.appointments.displaced import Displaced
from treatments.appointments.models import COMING, PRESENT, Appointment
from treatments.pages.today.verdicts import NOT_PERMITTED, Verdict, verdict_of
from treatments.pages.worklists.call_rows import Call, CallList, Sorter, near_day, session_words
from treatments.pages.worklists.email_calls import PUT_RIGHT
from treatments.pages.worklists.noticed_visits import CONFIRM_DAYS, TELL_DAYS, Counted, Noticed, noticed_visits
from treatments.rules.words import verdict_words

# Why a visit is not possible any more; empty where it is.
WhyLost = Callable[[Noticed | Counted], str]


def never_lost(_visit: Noticed | Counted) -> str:
    return ""


def known_from(found: list[Displaced]) -> WhyLost:
    why = {one.visit.ref: one.why for one in found}
    return lambda visit: why.get(visit.ref, "")


# One line of a list of which only the length is shown.
COUNTED = Call(name="", say="", due="", phone="", leads_to=("visit", UUID(int=0)), patient_ref=UUID(int=0), act="")


@dataclass
class VisitLists:
    before_they_travel: CallList = field(
        default_factory=lambda: CallList(
            "before-they-travel",
            "Before they travel",
            "s-defer",
            "No booked visit lies on a day that is no longer allowed, and no course with one is on hold.",
        )
    )
    to_ask: CallList = field(
        default_factory=lambda: CallList("to-ask", "To ask", "s-ask", "No booked visit waits for an answer.")
    )
    unconfirmed: CallList = field(
        default_factory=lambda: CallList(
            "unconfirmed", "Not confirmed", "bell", "Everyone who comes in the next days has confirmed."
        )
    )
    no_email: CallList = field(
        default_factory=lambda: CallList(
            "no-e-mail", "No e-mail", "mail", "Everyone who comes this week can be reached by e-mail."
        )
    )
    rules_changed: CallList = field(
        default_factory=lambda: CallList(
            "rules-changed",
            "Rules changed: look again",
            "sliders",
            "No booked visit waits for a look since the rules changed.",
        )
    )
    not_possible: CallList = field(
        default_factory=lambda: CallList(
            "not-possible",
            "Not possible any more",
            "s-block",
            "Every booked visit has its clinician, its room and its device.",
            means="The clinician, the room or the device is not there on that day. The visits stay booked until you move them.",
        )
    )


def sort_visits(
    clinic: Clinic,
    sorter: Sorter,
    *,
    now: datetime,
    whole: bool = True,
    why_lost: WhyLost = never_lost,
    lost_on_day: Collection[UUID] = (),
) -> VisitLists:
    """The lists of one query. `add_changed` and `add_displaced` fill the other two; of a single day, `lost_on_day` are those
    that `why_lost` finds.

    Not `whole`: lists that are only counted hold COUNTED for every visit that nobody called about.
    """
    lists, today = VisitLists(), sorter.today

    def put(into: CallList, visit: Noticed, say: str, *, hue: str = "", mend: bool = False) -> None:
        """`mend`: the press leads to where her address is put right instead of to the visit."""
        if whole or visit.calls:
            call = _visit_call(visit, say, today, hue=hue)
            if mend:
                call = replace(call, leads_to=(PUT_RIGHT, visit.patient.ref), act="Put right")
            _add(sorter, into, visit, call)
        else:
            into.calls.append(COUNTED)

    found = noticed_visits(clinic, now, today, whole=whole, lost_on_day=lost_on_day)
    for visit in found.judged:
        verdict, why_not = verdict_of(visit, today=today), why_lost(visit)
        is_refused = verdict is not None and verdict.state in NOT_PERMITTED
        if visit.ref in lost_on_day:
            _add(sorter, lists.not_possible, visit, _lost_call(visit, why_not, today))
        if is_refused:
            _add(sorter, lists.before_they_travel, visit, _travel_call(visit, verdict, today))
        elif verdict is not None and verdict.state == "ask":
            put(lists.to_ask, visit, "Questions to answer first", hue="ask")
        # Nobody is rung up to confirm, or told of, a visit that waits for a clinician's word.
        if verdict is not None and verdict.is_on_hold:
            continue
        # What somebody has to move first is not confirmed as it stands.
        is_soon = visit.status == "booked" and visit.day <= today + timedelta(days=CONFIRM_DAYS)
        if is_soon and not is_refused and not why_not:
            put(lists.unconfirmed, visit, f"With {visit.clinician_name or 'nobody yet'}")
        if visit.day <= today + timedelta(days=TELL_DAYS) and (why := _no_email(visit)):
            put(lists.no_email, visit, why, mend=visit.patient.mail_allowed)
    lists.unconfirmed.calls += [COUNTED for visit in found.unconfirmed if not why_lost(visit)]
    lists.no_email.calls += [COUNTED] * found.no_email
    return lists


def _add(sorter: Sorter, into: CallList, visit: Appointment, call: Call) -> None:
    sorter.add(into, call, visit.calls, about=visit.ref)


def _travel_call(visit: Appointment, verdict: Verdict, today: date) -> Call:
    if verdict.paused_until:
        say = f"Paused until {day_words(verdict.paused_until)}: move or cancel"
        return _visit_call(visit, say, today, hue="stop", act="Move", move=True)
    if verdict.is_on_hold:
        return _visit_call(visit, f"{verdict.label}: ask a clinician", today, hue="stop")
    if verdict.earliest_on:
        say = f"Not before {day_words(verdict.earliest_on)}: move"
        return _visit_call(visit, say, today, hue="stop", act="Move", move=True)
    return _visit_call(visit, "Ask a clinician before this visit", today, hue="stop")


def _visit_call(
    visit: Appointment, say: str, today: date, *, hue: str = "", act: str = "Open", move: bool = False
) -> Call:
    patient = visit.patient
    return Call(
        name=patient.full_name,
        session=session_words(visit.number, visit.of_sessions, visit.get_kind_display()),
        say=say,
        why=say,
        due=f"today {visit.starts_at:%H:%M}" if visit.day == today else near_day(visit.day, today),
        phone=patient.phone,
        leads_to=("move_visit" if move else "visit", visit.ref),
        patient_ref=patient.ref,
        act=act,
        hue=hue,
    )


def _no_email(visit: Appointment) -> str:
    patient = visit.patient
    if not patient.email:
        return "No e-mail address: tell by telephone"
    if patient.email_bounced_at:
        return "The last mail came back: ask for the address"
    if patient.mail_allowed:
        return ""
    # Not asked is not a no.
    return "Wants no e-mail: tell by telephone" if patient.contact_asked_at else "Not asked yet: may we e-mail?"


# ── Visits whose clinician, room or device is not there any more ──────────────


def add_displaced(lists: VisitLists, found: list[Displaced], sorter: Sorter) -> None:
    """`found`: all of the clinic. One query: what was said about them."""
    calls = _said_about([one.visit.pk for one in found])
    for one in found:
        visit = one.visit
        visit.number, visit.of_sessions, visit.calls = calls.get(visit.pk, (None, None, []))
        _add(sorter, lists.not_possible, visit, _lost_call(visit, one.why, sorter.today))


def _lost_call(visit: Appointment, why_not: str, today: date) -> Call:
    return _visit_call(visit, why_not, today, hue="stop", act="Move", move=True)


def _said_about(keys: list[int]) -> dict[int, tuple[int | None, int | None, list[dict]]]:
    """Of visits by key: the number of the session, of how many, and what came of the calls about each. One query."""
    rows = Appointment.objects.filter(pk__in=keys).annotate(calls=heard_about("visit"))
    number, of_sessions = "planned_session__number", "planned_session__plan__sessions_planned"
    return {key: (first, of, said) for key, first, of, said in rows.values_list("pk", number, of_sessions, "calls")}


# ── Visits that changed rules judge in another way ────────────────────────────


def add_changed(lists: VisitLists, clinic: Clinic, sorter: Sorter) -> None:
    for visit in changed_visits(clinic, sorter.today):
        _add(sorter, lists.rules_changed, visit, _changed_call(visit, sorter.today))


def changed_visits(clinic: Clinic, today: date) -> list[Appointment]:
    """What nobody has looked at yet, in order of the visits, each with `lines`: the unseen changes, oldest first. One query.

    A visit that was moved, cancelled or is over needs no look; nor does one that a second change has brought back to what
    it was.
    """
    unseen = clinic.outcome_changes.filter(seen_at=None)
    told = JSONObject(ref="ref", before="before", after="after", not_before="not_before")
    of_this_place = unseen.filter(visit_ref=OuterRef("ref"), visit_version=OuterRef("schedule_version"))
    found = (
        clinic.appointments.filter(ref__in=unseen.values("visit_ref"), status__in=COMING + PRESENT, day__gte=today)
        .select_related("patient")
        .annotate(
            number=F("planned_session__number"),
            of_sessions=F("planned_session__plan__sessions_planned"),
            lines=ArraySubquery(of_this_place.order_by("id").values(told=told)),
            calls=heard_about("visit"),
        )
        .order_by("during", "id")
    )
    return [visit for visit in found if visit.lines and not _is_back(visit.lines)]


def _is_back(lines: list[dict]) -> bool:
    """Whether the last change has brought a visit back to what it was. What waits for a date may wait for another one."""
    return lines[0]["before"] == lines[-1]["after"] and lines[-1]["not_before"] is None


def _changed_call(visit: Appointment, today: date) -> Call:
    """Verdict only: which rule was changed is for clinicians, on the page of the rules."""
    was, now = visit.lines[0], visit.lines[-1]
    not_before = date.fromisoformat(now["not_before"]) if now["not_before"] else None
    now_words = verdict_words(now["after"], not_before, near=visit.day)
    say = f"{now_words}; was: {verdict_words(was['before'], None, near=visit.day).lower()}"
    call = _visit_call(visit, say, today, hue="stop" if now["after"] in NOT_PERMITTED else "ask")
    return replace(call, seen_ref=UUID(now["ref"]))
