"""The mails about visits as they leave: whether each is still wanted, what it says, and the file for her calendar.

What is owed when is written in `messages.py`; here nothing is written but read, at the moment of sending.
"""

from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from clinic import clock
from clinic.models import Clinic
from patients.links.purposes import Wanted
from patients.models import Message, Patient
from patients.outbox import kinds, rendering
from patients.outbox.texts.languages import Language
from treatments.appointments import precare
from treatments.appointments.by_patient.models import ChangeReport
from treatments.appointments.calendar_files import Entry, Method, calendar_file
from treatments.appointments.models import COMING, Appointment
from treatments.plans.models import TreatmentPlan
from treatments.protocol.precare import Part
from treatments.rules.policy import catalogue_for
from treatments.screenings.models import ScreeningRecord

CONFIRMED, CHANGED, CANCELLED = "booking_confirmed", "booking_changed", "booking_cancelled"
# Several visits of one course in one mail. It is about the course; its context names the visits.
COURSE, COURSE_CHANGED, COURSE_CANCELLED = "course_booked", "course_changed", "course_cancelled"
THREE_DAYS, ONE_DAY = "visit_reminder_3d", "visit_reminder_1d"
# What to leave out before a treatment. Not the reminder of it: whoever wants no reminders still has to know what to stop.
TWO_WEEKS, ONE_WEEK = "precare_14d", "precare_7d"
PARTS: dict[str, Part] = {TWO_WEEKS: "two_weeks", ONE_WEEK: "one_week"}
# Her link to a visit, which can still say then that it is over.
LINK_STANDS = timedelta(days=2)
# "Anything changed?": asked while it can still spare her the way; a little longer, for whoever is late.
CHANGES_STAND = timedelta(hours=2)
NO_LONGER_COMING = {
    Appointment.Status.ARRIVED: "The patient is already here.",
    Appointment.Status.NUMBING: "The patient is already here.",
    Appointment.Status.IN_ROOM: "The patient is already here.",
    Appointment.Status.DONE: "The visit is done.",
    Appointment.Status.NO_SHOW: "The patient did not come.",
    Appointment.Status.CANCELLED: "The visit was cancelled.",
}
REFUSED = "The visit is not possible on its day as things stand: the desk calls."


class _VisitNow(NamedTuple):
    """What a leaving mail asks of its visit. Read twice a mail, so no more of it is read: whole rows with their course
    took more than half of the time of sending."""

    status: str
    schedule_version: int
    kind: str
    during: DateTimeTZRange
    course_status: str | None
    day: date
    paused_until: date | None

    @property
    def course_waits(self) -> bool:
        """Whether its course is not under way. A visit that stays behind a pause is reminded of: she is to come to it."""
        if self.course_status in (None, TreatmentPlan.Status.ACTIVE):
            return False
        return self.paused_until is None or self.day <= self.paused_until


_COURSE = "planned_session__plan__"
_ASKED = ("status", "schedule_version", "kind", "during", f"{_COURSE}status", "day", f"{_COURSE}paused_until")


def _visit(message: Message) -> _VisitNow | None:
    found = Appointment.objects.filter(ref=message.about).order_by()
    return next((_VisitNow(*row) for row in found.values_list(*_ASKED)), None)


def _coming_as_written(message: Message) -> str | None:
    """None while the visit stands as it did when the message was written; else why it must not go."""
    return _changed_since(message, _visit(message))


def _changed_since(message: Message, visit: _VisitNow | None) -> str | None:
    if visit is None:
        return "The visit no longer exists."
    if message.patient.status != Patient.Status.ACTIVE:
        return "The record is closed."
    if visit.status not in COMING:
        return NO_LONGER_COMING[visit.status]
    if visit.schedule_version != message.context.get("version"):
        return "The visit was moved."
    if visit.course_waits:
        return "The course is not under way."
    return "The visit has begun." if visit.during.lower <= clock.now() else None


def _worth_reminding(message: Message) -> str | None:
    """The same; and nobody is asked to come on a day that her newest screening refuses. The desk has her on its lists, and a
    visit that moves brings reminders of its own."""
    visit = _visit(message)
    return _changed_since(message, visit) or (REFUSED if _is_refused(message, visit) else None)


def _is_refused(message: Message, visit: _VisitNow) -> bool:
    """Read from the stored screening, as the desk's lists read it. What a clinician has to decide refuses nothing yet."""
    if visit.kind != Appointment.Kind.TREATMENT:
        return False
    day = clock.local(visit.during.lower, message.clinic).date()
    newest = ScreeningRecord.objects.filter(patient=message.patient_id, on__lte=day).order_by("-id")
    outlook = newest.values_list("result__outlook", flat=True).first()
    reached = [turn for turn in outlook or [] if turn["on"] <= day.isoformat()]
    return bool(reached) and reached[-1]["outcome"] in ("block", "defer")


def _course_as_written(message: Message) -> str | None:
    """None while a visit of it is ahead and those that are stand as they did when the message was written."""
    if message.patient.status != Patient.Status.ACTIVE:
        return "The record is closed."
    now = _visits_now(message)
    coming = [(one, now[one["ref"]]) for one in _ahead(message, now)]
    if any(visit.schedule_version != one["version"] for one, visit in coming):
        return "A visit of the course was changed."
    if any(visit.course_waits for _, visit in coming):
        return "The course is not under way."
    return None if coming else "None of these visits is ahead."


def _visits_now(message: Message) -> dict[str, _VisitNow]:
    found = Appointment.objects.filter(ref__in=[one["ref"] for one in message.context["visits"]]).order_by()
    return {str(ref): _VisitNow(*row) for ref, *row in found.values_list("ref", *_ASKED)}


def _ahead(message: Message, now: dict[str, _VisitNow]) -> list[dict]:
    """What it tells of visits that she can still come to: the first of them may be under way as the mail leaves, because
    she stands at the desk when her course is booked."""
    moment = clock.now()
    return [
        one
        for one in message.context["visits"]
        if (visit := now.get(one["ref"])) and visit.status in COMING and visit.during.lower > moment
    ]


def _course_words(message: Message) -> dict:
    # Where none is ahead it does not go, and whoever looks at it reads what it would have said.
    ahead = _ahead(message, _visits_now(message)) or message.context["visits"]
    words = {"visits": [_times(one) for one in ahead], "is_treatment": True, "starts_at": _times(ahead[0])["starts_at"]}
    # What other mails about the first visit would have said is of use as long as that one is ahead.
    folded = message.context.get("folded", []) if ahead[0] == message.context["visits"][0] else []
    return words | _folded_words(words, folded, message, [one["ref"] for one in ahead])


def _folded_words(words: dict, folded: list[str], message: Message, refs: list) -> dict:
    """What a mail about a booking or a move says beside the times: all that no later mail says in time."""
    tell_us = _tell_us(words, message.clinic) if THREE_DAYS in folded else []
    before = precare.NOTHING
    if words["is_treatment"]:
        before = precare.in_notice(message, refs, also=[part for kind, part in PARTS.items() if kind in folded])
    return before | {
        "tell_us": tell_us,
        "beside": [line for line in before["beside"] if line not in tell_us],
        "prepare": _prepare(words, message.clinic, drinks_are_named=ONE_WEEK in folded) if ONE_DAY in folded else [],
    }


def _times(told: dict) -> dict:
    return {name: datetime.fromisoformat(told[name]) for name in ("starts_at", "ends_at")} | {
        "ref": told["ref"],
        "version": told["version"],
    }


def _course_still_cancelled(message: Message) -> str | None:
    return None if _cancelled_of(message) else "These visits are no longer cancelled."


def _course_cancelled_words(message: Message) -> dict:
    """The times that are taken back: those she was told."""
    visits = [_times(one) for one in _cancelled_of(message) or message.context["visits"]]
    return {"visits": visits, "starts_at": visits[0]["starts_at"]}


def _cancelled_of(message: Message) -> list[dict]:
    now = _visits_now(message)
    return [
        one
        for one in message.context["visits"]
        if (visit := now.get(one["ref"])) and visit.status == Appointment.Status.CANCELLED
    ]


def _still_cancelled(message: Message) -> str | None:
    visit = _visit(message)
    if visit is None or visit.status != Appointment.Status.CANCELLED:
        return "The visit is no longer cancelled."
    return None


def _when(message: Message) -> dict:
    """What every mail about a visit may say: its moment, as it is now."""
    visit = _visit(message)
    return {
        "starts_at": visit.during.lower,
        "ends_at": visit.during.upper,
        "is_treatment": visit.kind == Appointment.Kind.TREATMENT,
    }


def _cancelled_words(message: Message) -> dict:
    """The time that is taken back: the one she was told."""
    words = _when(message)
    told = {name: message.context.get(name) for name in ("starts_at", "ends_at")}
    return words | {name: datetime.fromisoformat(moment) for name, moment in told.items() if moment}


def _notice_words(message: Message) -> dict:
    """With what other mails would have said, where the visit was booked too late for them."""
    words = _when(message)
    return words | _folded_words(words, message.context.get("folded", []), message, [message.about])


def _precare_wanted(part: Part, message: Message) -> str | None:
    changed = _coming_as_written(message)
    if changed:
        return changed
    return None if precare.has_words(message, part) else "There is nothing to say before this visit."


def _precare_words(part: Part, message: Message) -> dict:
    return _when(message) | precare.in_mail(message, part)


def _three_days_words(message: Message) -> dict:
    words = _when(message)
    return words | {"tell_us": _tell_us(words, message.clinic)}


def _one_day_words(message: Message) -> dict:
    words = _when(message)
    return words | {"prepare": _prepare(words, message.clinic)}


def _tell_us(words: dict, clinic: Clinic) -> list[str]:
    if not words["is_treatment"]:
        return []
    return [line.text for line in _step("before_14_days", clinic).lines if line.kind == "ask"]


def _prepare(words: dict, clinic: Clinic, *, drinks_are_named: bool = False) -> list[str]:
    """`drinks_are_named`: the same mail says from when on she should drink no alcohol."""
    if not words["is_treatment"]:
        return []
    return [
        *([] if drinks_are_named else ["Please drink no alcohol before your visit."]),
        # Also part of a confirmation on the day itself, so it names no day.
        *(line.text.replace(" tomorrow", "") for line in _step("before_1_day", clinic).lines if line.kind == "info"),
    ]


def _step(code: str, clinic: Clinic):
    return next(step for step in catalogue_for(clinic).steps if step.code == code)


def _file(message: Message, words: dict, language: Language, *, method: Method) -> kinds.Attachment:
    """The visit for her own calendar: the time the words tell, from the moment she is asked to come, in the language they are
    written in.

    Stamped with the moment the message was written, so that one that is sent again says the same; every change of the
    visit makes a new message, with a later stamp and a higher number.
    """
    clinic = message.clinic
    alone = {"ref": message.about, "version": message.context.get("version", 0)} | words
    entries = [_entry(message, visit, language) for visit in words.get("visits", [alone])]
    return kinds.Attachment(
        name="visits.ics" if len(entries) > 1 else "visit.ics",
        content_type=f"text/calendar; method={method}; charset=utf-8",
        text=calendar_file(entries, method, zone=clinic.tz),
    )


def _entry(message: Message, visit: dict, language: Language) -> Entry:
    clinic = message.clinic
    return Entry(
        ref=visit["ref"],
        starts_at=visit["starts_at"],
        ends_at=visit["ends_at"],
        sequence=visit["version"],
        changed_at=message.created_at,
        summary=language.visit_at(clinic.sender_name),
        location=clinic.address,
        organizer=rendering.sender_address(),
        organizer_name=clinic.sender_name,
    )


def _link_to_visit(message: Message, words: dict) -> dict[str, Wanted]:
    """Her own page of what the mail tells of, a visit or several of a course."""
    ends_at = max(visit["ends_at"] for visit in words.get("visits", [words]))
    return {"visit": Wanted("visit", about=message.about, until=ends_at + LINK_STANDS)}


def _links_of_a_reminder(message: Message, words: dict) -> dict[str, Wanted]:
    """Before a treatment also the page that asks whether anything has changed, unless she has answered already."""
    links = _link_to_visit(message, words)
    if words["is_treatment"] and not _has_answered(message):
        until = words["starts_at"] + CHANGES_STAND
        links["changes"] = Wanted("changes", about=message.about, until=until)
    return links


def _has_answered(message: Message) -> bool:
    """Only the later reminder has to ask: before the first nobody was asked."""
    if message.kind != ONE_DAY:
        return False
    told = ChangeReport.objects.filter(visit__ref=message.about, visit_version=message.context.get("version", 0))
    return told.exists()


_published, _taken_out = partial(_file, method="PUBLISH"), partial(_file, method="CANCEL")
_notice_kind = partial(kinds.Kind, essential=True, priority=1, immediate=True)
_told_kind = partial(_notice_kind, attachment=_published, links=_link_to_visit)
_visit_kind = partial(_told_kind, still_wanted=_coming_as_written, context=_notice_words)
_course_kind = partial(_told_kind, still_wanted=_course_as_written, context=_course_words)
_reminder_kind = partial(
    kinds.Kind, essential=False, unknown_policy="resend_if_hours_left", still_wanted=_worth_reminding,
    links=_links_of_a_reminder,
)  # fmt: skip


def _precare_kind(code: str, label: str) -> kinds.Kind:
    return kinds.Kind(
        code=code,
        label=label,
        essential=True,
        # As with aftercare: to lose it may harm, a copy cannot.
        unknown_policy="resend_once",
        still_wanted=partial(_precare_wanted, PARTS[code]),
        context=partial(_precare_words, PARTS[code]),
        text="precare",
        priority=4,
    )


KINDS = (
    _visit_kind(CONFIRMED, "Visit booked", unknown_policy="resend_if_hours_left"),
    _visit_kind(CHANGED, "Visit moved", unknown_policy="resend_once"),
    _course_kind(COURSE, "Visits booked", unknown_policy="resend_if_hours_left"),
    _course_kind(COURSE_CHANGED, "Visits moved", unknown_policy="resend_once"),
    _notice_kind(
        CANCELLED,
        "Visit cancelled",
        unknown_policy="resend_once",
        still_wanted=_still_cancelled,
        context=_cancelled_words,
        attachment=_taken_out,
    ),
    _notice_kind(
        COURSE_CANCELLED,
        "Visits cancelled",
        unknown_policy="resend_once",
        still_wanted=_course_still_cancelled,
        context=_course_cancelled_words,
        attachment=_taken_out,
    ),
    _precare_kind(TWO_WEEKS, "Two weeks before the visit"),
    _precare_kind(ONE_WEEK, "One week before the visit"),
    _reminder_kind(THREE_DAYS, "Visit in three days", context=_three_days_words),
    _reminder_kind(ONE_DAY, "Visit tomorrow", context=_one_day_words),
)
