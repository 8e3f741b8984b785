"""One needling: opened behind the gate, charted while it happens, signed, and from then on only added to."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F, QuerySet

from clinic import audit, clock
from clinic.errors import DomainError, explained
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from patients.models import DepthClass
from patients.services import consents
from treatments import facts
from treatments.appointments import services as appointments
from treatments.appointments.models import Appointment
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.protocol.depth import check
from treatments.protocol.screening import PERMITS
from treatments.protocol.wording import desk_sentence
from treatments.protocol.written import written
from treatments.rules.credentials import services as credentials
from treatments.rules.models import Anaesthetic, Device
from treatments.rules.policy import catalogue_for
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningRecord
from treatments.screenings.services import NotPermitted
from treatments.sessions import messages, numbing, reactions_list
from treatments.sessions.depths import (
    asks_order,
    beyond_device,
    beyond_own_limit,
    last_in_zones,
    last_of_course,
    standing_order,
    zone_limits,
)
from treatments.sessions.lots import services as lots
from treatments.sessions.models import AdverseEvent, CartridgeLot, SessionAddendum, SessionZone, TreatmentSession


class Stale(DomainError):
    """Somebody else saved this session in between."""


@transaction.atomic
def open_session(*, visit: Appointment, by: Membership, acknowledged: list[str]) -> TreatmentSession:
    """Begin the session of a visit. `acknowledged`: parameters of today's screening whose changes the clinician has read.

    Uses the screening she saw and runs the rules again under the lock; the database checks both once more.
    Raises NotPermitted, or DomainError with the sentence of the promise that would be broken.
    """
    _refuse_other_roles(by, "open a session")
    if visit.planned_session_id is None:
        raise DomainError("This visit is not a session of a course. Book a treatment from the course.")
    plan = TreatmentPlan.objects.select_for_update(of=("self",)).get(planned_sessions__appointments=visit)
    visit = (
        Appointment.objects.select_for_update(of=("self",))
        .select_related("patient__clinic", "planned_session")
        .get(pk=visit.pk)
    )
    if visit.status not in ("arrived", "numbing", "in_room"):
        raise DomainError(f"This visit is {visit.get_status_display().lower()}. Mark the patient as arrived first.")
    today = clock.today(visit.clinic)
    credentials.refuse_lapsed(by, on=today)
    record = latest_screening(visit)
    if record is None:
        raise DomainError("There is no screening for this session yet. Ask the questions of the day first.")
    current = screenings.look(visit.patient, on=today, purpose="session")
    if record.facts_version == visit.patient.facts_version and not PERMITS[current.outcome].open_session:
        said = desk_sentence(current, catalogue_for(visit.patient.clinic, today)).lower()
        raise NotPermitted(f"No session today: {said}.", screening=current)
    unread = sorted({change["parameter"] for change in record.changes} - set(acknowledged))
    if unread:
        raise DomainError("Read and tick the changes of today's screening before you begin.", field="acknowledged")
    with explained():
        session = TreatmentSession.objects.create(
            clinic=visit.clinic,
            patient=visit.patient,
            plan=plan,
            planned_session=visit.planned_session,
            appointment=visit,
            screening=record,
            on=today,
            operator=by,
            changes_acknowledged=record.changes,
            device=visit.device or facts.default_device(visit.patient),
            anaesthetic_on_at=visit.numbing_at,
        )
    if visit.status != "in_room":
        appointments.step(visit=visit, to="in_room", by=by.user)
    audit.record("session.opened", session, by=by.user, screening=str(record.ref))
    return session


def latest_screening(visit: Appointment) -> ScreeningRecord | None:
    """The newest screening of this patient for a session on the visit's day."""
    return visit.patient.screenings.filter(purpose="session", on=visit.day).order_by("-id").first()


@transaction.atomic
def save_details(*, session: TreatmentSession, version: int, by: Membership, **details) -> TreatmentSession:
    """Autosave of what is charted: device, cartridge, anaesthetic and its times, pain, note. Raises Stale when outdated.

    `details`: fields of the session. A cartridge lot brings its expiry along.
    """
    session = locked_open(session, by=by)
    if session.version != version:
        raise Stale("Somebody else changed this session in between. Your text is still here: compare before you save.")
    if "cartridge_lot" in details:
        lot: CartridgeLot | None = details["cartridge_lot"]
        details["cartridge_expires_on"] = lot.expires_on if lot else None
    for name, value in details.items():
        setattr(session, name, value)
    session.version = version + 1
    with explained():
        session.save(update_fields=[*details, "version"])
    return session


@transaction.atomic
def set_cartridge(
    *, session: TreatmentSession, version: int, device: Device, lot: CartridgeLot, serial: str, by: Membership
) -> TreatmentSession:
    """Name the device and the cartridge. Refuses a lot that is expired, withdrawn or used up, a cartridge that was used
    before, and a device whose label does not reach as deep as what is charted already."""
    locked = locked_open(session, by=by)
    lots.refuse_for_session(lot, locked)
    if device != locked.device and (beyond := beyond_device(locked, device)):
        row, most_mm = beyond
        raise DomainError(
            f"{device} may go {written(most_mm)} mm deep on the {_zone_words(locked, row.zone)}, and {written(row.depth_mm)} mm "
            "is charted. Change that zone first, or take another device.",
            field="device",
        )
    return save_details(
        session=session, version=version, by=by, device=device, cartridge_lot=lot, cartridge_serial=serial.strip()
    )


@transaction.atomic
def add_lot(*, session: TreatmentSession, lot: str, expires_on: date, by: Membership) -> CartridgeLot:
    """List a new lot of the clinic. The same lot with the same expiry is the one that is there."""
    known, lot = lots.listed(session.clinic, lot), lots.as_printed(lot)
    if known is not None:
        if known.expires_on != expires_on:
            raise DomainError(
                f"{known} is listed with expiry {_words(known.expires_on)}. Look at the pack again.", field="expires_on"
            )
        lots.refuse_for_session(known, session, field="new_lot")
        return known
    if expires_on < session.on:
        raise DomainError(f"Lot {lot} expired on {_words(expires_on)}. Take one that is in date.", field="expires_on")
    with explained():
        listed = CartridgeLot.objects.create(clinic=session.clinic, lot=lot, expires_on=expires_on)
    audit.record("cartridge_lot.added", listed, by=by.user)
    return listed


@transaction.atomic
def set_numbing(
    *,
    session: TreatmentSession,
    version: int,
    product: Anaesthetic | None,
    by: Membership,
    grams: Decimal | None = None,
    area_cm2: int | None = None,
    on_at: datetime | None = None,
    off_at: datetime | None = None,
    weight_kg: Decimal | None = None,
    occluded: bool = False,
    why_longer: str = "",
) -> TreatmentSession:
    """Numbing as it was done. The label's percentage, area, amount and cover are refused; a time over the label is a
    fact that is kept, with the reason written into the note. A strong cream keeps the name of the prescriber who ordered it."""
    locked = locked_open(session, by=by)
    details = {
        "anaesthetic": product,
        "anaesthetic_grams": grams if product else None,
        "anaesthetic_area_cm2": area_cm2 if product else None,
        "anaesthetic_occluded": occluded and product is not None,
        "anaesthetic_ordered_by": None,
        "weight_kg": weight_kg,
        "anaesthetic_on_at": on_at if product else None,
        "anaesthetic_off_at": off_at if product else None,
    }
    if product is not None:
        numbing.refuse(
            locked,
            product,
            grams=grams,
            area_cm2=area_cm2,
            weight_kg=weight_kg,
            occluded=occluded,
            on_at=on_at,
            off_at=off_at,
            by=by,
        )
        if numbing.agent_of(product).prescriber_order:
            details["anaesthetic_ordered_by"] = by.user if by.has(Role.PRESCRIBER) else locked.anaesthetic_ordered_by
        if said := numbing.overtime(product, numbing.minutes_between(on_at, off_at), why_longer):
            details["note"] = locked.note if said in locked.note else f"{locked.note}\n{said}".strip()
    return save_details(session=session, version=version, by=by, **details)


@transaction.atomic
def set_zone(
    *,
    session: TreatmentSession,
    zone: str,
    depth_mm: Decimal,
    passes: int,
    by: Membership,
    endpoint: str = "",
    reason: str = "",
) -> SessionZone:
    """Chart one zone. Refuses what is above the hard cap or deeper than what the patient signed for; asks for a reason
    above the soft maximum, for a large step, and while the course is not active.

    What only a prescriber may order keeps her name, also when somebody else changes the row later.
    """
    session = locked_open(session, by=by)
    allowed = zone_limits(session, zone, by=by, previous=last_of_course(session))
    last = last_in_zones(session).get(zone)
    step_mm = catalogue_for(session.clinic, session.on).depth.step_mm
    verdict = check(depth_mm, allowed, last_mm=last.depth_mm if last else None, step_mm=step_mm)
    if not_hers := beyond_own_limit(session, depth_mm, by=by):
        raise DomainError(not_hers, field="depth")
    if verdict.verdict == "refused":
        raise DomainError(verdict.sentence, field="depth")
    _refuse_deeper_than_signed_for(session, depth_mm)
    if verdict.verdict == "needs_reason" and not reason.strip():
        raise DomainError(verdict.sentence, field="reason")
    if (held := held_sentence(session)) and not reason.strip():
        raise DomainError(f"{held} Say why you needle all the same, or stop the session early.", field="reason")
    with explained():
        charted, _ = SessionZone.objects.update_or_create(
            session=session,
            zone=zone,
            defaults={
                "depth_mm": depth_mm,
                "passes": passes,
                "endpoint": endpoint,
                "reason": reason.strip(),
                "soft_max_mm": allowed.soft_max_mm,
                "hard_cap_mm": allowed.hard_cap_mm,
                "step_mm": step_mm,
                "ordered_by": _ordered_by(session, zone, depth_mm, by=by),
            },
        )
        TreatmentSession.objects.filter(pk=session.pk).update(version=F("version") + 1)
    return charted


@transaction.atomic
def remove_zone(*, session: TreatmentSession, zone: str, by: Membership) -> None:
    session = locked_open(session, by=by)
    session.zones.filter(zone=zone).delete()
    TreatmentSession.objects.filter(pk=session.pk).update(version=F("version") + 1)


@transaction.atomic
def complete(*, session: TreatmentSession, by: Membership, why_on_hold: str = "", **ticks: bool) -> TreatmentSession:
    """Sign and close. In the same transaction the visit is done, later windows move, and what the patient is owed is written.

    `ticks`: `aftercare_given` and `sharps_disposed`, where they are confirmed by signing. While the course is not active
    the note keeps `why_on_hold`; without it the session can only be stopped early.
    """
    session = _ticked(locked_open(session, by=by), ticks)
    _refuse_incomplete(session)
    if held := held_sentence(session):
        if not why_on_hold.strip():
            raise DomainError(f"{held} Say why you complete the session, or stop it early.", field="why_on_hold")
        session.note = f"{session.note}\nCompleted all the same. {held} {why_on_hold.strip()}".strip()
    return _sign(session, "completed", by=by)


@transaction.atomic
def stop(*, session: TreatmentSession, reason: str, counts: bool, by: Membership, **ticks: bool) -> TreatmentSession:
    """Sign a session that ended early. The floor runs from it in any case; `counts` says whether the series does."""
    session = _ticked(locked_open(session, by=by), ticks)
    if not reason.strip():
        raise DomainError("Say why the session was stopped.", field="stopped_reason")
    session.stopped_reason, session.counts = reason.strip(), counts
    return _sign(session, "stopped", by=by)


def open_points(session: TreatmentSession) -> list[tuple[str, str]]:
    """What the steps before Finish have left open: field and sentence."""
    ticks = ("aftercare_given", "sharps_disposed")
    return [(field, sentence) for field, sentence in _missing(session) if field not in ticks]


@transaction.atomic
def add_addendum(*, session: TreatmentSession, text: str, reason: str, by: User) -> SessionAddendum:
    """Add to a signed session, with author, time and reason; the session itself stays as it was signed."""
    session = TreatmentSession.objects.select_for_update().get(pk=session.pk)
    if session.signed_at is None:
        raise DomainError("This session is not signed yet: write into its note.", field="text")
    if not text.strip():
        raise DomainError("Write what is to be added.", field="text")
    if not reason.strip():
        raise DomainError("Say why it is added afterwards.", field="reason")
    addendum = SessionAddendum.objects.create(session=session, text=text.strip(), reason=reason.strip(), by=by)
    audit.record("session.addendum", session, by=by)
    return addendum


@transaction.atomic
def mark_entered_in_error(*, session: TreatmentSession, reason: str, by: Membership) -> TreatmentSession:
    """The row stays, struck; it no longer counts for anything, and what it owed the patient is withdrawn."""
    _refuse_other_roles(by, "mark a session as entered in error")
    session = TreatmentSession.objects.select_for_update().get(pk=session.pk)
    if not reason.strip():
        raise DomainError("Say why this session was entered in error.", field="error_reason")
    if session.status == TreatmentSession.Status.ENTERED_IN_ERROR:
        return session
    session.status, session.error_reason = TreatmentSession.Status.ENTERED_IN_ERROR, reason.strip()
    session.save(update_fields=["status", "error_reason"])
    if session.signed_at is not None and session.appointment is not None:
        # Opened by mistake, the visit goes on and the right session is opened; signed, it is over and to be booked anew.
        appointments.free_session(visit=session.appointment, by=by.user)
    messages.withdraw(session, by=by.user)
    audit.record("session.entered_in_error", session, by=by.user)
    return session


@transaction.atomic
def report_adverse_event(*, session: TreatmentSession, code: str, grade: int, note: str, by: User) -> AdverseEvent:
    """Write down an unwanted effect. One that always needs a clinician is refused below the grade that stops sessions."""
    if sentence := reactions_list.too_mild(code, grade, catalogue_for(session.clinic)):
        raise DomainError(sentence, field="grade")
    with explained():
        event = AdverseEvent.objects.create(
            patient=session.patient,
            session=session,
            code=code,
            grade=grade,
            onset_on=clock.today(session.clinic),
            note=note,
            reported_by=by,
        )
    audit.record("adverse_event.reported", event, by=by, clinic=session.clinic, grade=grade)
    return event


def adverse_events(clinic: Clinic) -> QuerySet[AdverseEvent]:
    return AdverseEvent.objects.filter(patient__clinic=clinic, entered_in_error=False)


@transaction.atomic
def close_adverse_event(*, event: AdverseEvent, resolved_on: date, over_72h: bool, by: Membership) -> AdverseEvent:
    """Settled on that day, which the next session waits from. Closed once: a second day would move that wait."""
    _refuse_other_roles(by, "close an adverse event")
    event = AdverseEvent.objects.select_for_update().get(pk=event.pk)
    if event.resolved_on is not None:
        raise DomainError(f"This event was closed before: it settled on {_words(event.resolved_on)}.")
    if resolved_on > clock.today(event.patient.clinic) or resolved_on < event.onset_on:
        raise DomainError("It settled between the day it began and today.", field="resolved_on")
    event.resolved_on, event.over_72h, event.closed_by = resolved_on, over_72h, by.user
    event.save(update_fields=["resolved_on", "over_72h", "closed_by"])
    audit.record("adverse_event.closed", event, by=by.user, clinic=event.patient.clinic)
    return event


def _zone_words(session: TreatmentSession, zone: str) -> str:
    return catalogue_for(session.clinic, session.on).zone_label(zone).lower()


def _words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _ticked(session: TreatmentSession, ticks: dict[str, bool]) -> TreatmentSession:
    for name in ("aftercare_given", "sharps_disposed"):
        setattr(session, name, ticks.get(name, getattr(session, name)))
    return session


def held_sentence(session: TreatmentSession) -> str:
    """That the course of an open session is not active any more, and what it is; empty while it is."""
    plan = session.plan
    if plan.status == TreatmentPlan.Status.ACTIVE:
        return ""
    return f"This course is {plan.get_status_display().lower()}."


def closed_sentence(session: TreatmentSession) -> str:
    """Why a session that is no longer open takes no change, and what to do instead."""
    if session.status == TreatmentSession.Status.ENTERED_IN_ERROR:
        return "This session was entered in error and no longer changes. Open the right one from its visit."
    return "This session is signed and no longer changes. Write an addendum instead."


def _refuse_other_roles(by: Membership, act: str) -> None:
    if not by.has(Role.CLINICIAN):
        raise DomainError(f"Only a clinician can {act}.")


def _refuse_deeper_than_signed_for(session: TreatmentSession, depth_mm: Decimal) -> None:
    """The gate asked for a consent to the depth of the course; a prescriber or a reason may go deeper than that."""
    asked, plan = DepthClass.of(depth_mm), session.plan
    if asked > plan.depth_class and not consents.valid_consent(
        patient=session.patient, techniques=plan.techniques, depth_class=asked, at=clock.now()
    ):
        raise DomainError(
            f"{written(depth_mm)} mm is deeper than the patient signed for ({DepthClass(plan.depth_class).label}). Stay within that.",
            field="depth",
        )


def _ordered_by(session: TreatmentSession, zone: str, depth_mm: Decimal, *, by: Membership) -> User | None:
    if not asks_order(session, zone, depth_mm):
        return None
    order = standing_order(session, zone, by=by)
    return by.user if order is None else order.ordered_by


def locked_open(session: TreatmentSession, *, by: Membership) -> TreatmentSession:
    """The session as it is now, and as it stays until we are done. Raises DomainError where it takes no more charting."""
    _refuse_other_roles(by, "chart or sign a session")
    locked = (
        TreatmentSession.objects.select_for_update(of=("self",))
        .select_related(
            "patient__clinic",
            "plan__clinic",
            "planned_session",
            "appointment__clinic",
            "screening",
            "device",
            "clinic",
            "operator__user",
        )
        .get(pk=session.pk)
    )
    if not locked.is_open:
        raise DomainError(closed_sentence(locked))
    return locked


def _refuse_incomplete(session: TreatmentSession) -> None:
    for field, sentence in _missing(session):
        raise DomainError(sentence, field=field)


def _missing(session: TreatmentSession) -> Iterator[tuple[str, str]]:
    """What a session needs before it is signed: the field, and what to do."""
    if session.device is None:
        yield "device", "Choose the device before you sign."
    if session.cartridge_lot is None:
        yield "cartridge_lot", "Enter the cartridge lot before you sign."
    if not session.zones.exists():
        yield "zones", "Chart at least one zone with depth and passes before you sign."
    if session.device is not None and (beyond := beyond_device(session, session.device)):
        row, most_mm = beyond
        yield (
            "zones",
            f"{written(row.depth_mm)} mm is charted on the {_zone_words(session, row.zone)}, and the label of {session.device} "
            f"allows {written(most_mm)} mm now. Correct the zone, or stop the session early and say why.",
        )
    if session.anaesthetic is not None and (session.anaesthetic_on_at is None or session.anaesthetic_off_at is None):
        yield "anaesthetic_off_at", "Enter when the numbing cream went on and came off before you sign."
    if not session.aftercare_given:
        yield "aftercare_given", "Tick that aftercare and the urgent number were given before you sign."
    if not session.sharps_disposed:
        yield "sharps_disposed", "Tick that the cartridge went into the sharps bin before you sign."


def _sign(session: TreatmentSession, status: str, *, by: Membership) -> TreatmentSession:
    plan = TreatmentPlan.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=session.plan_id)
    moment: datetime = clock.now()
    session.status, session.signed_at, session.signed_by = status, moment, by.user
    session.version += 1
    session.anaesthetic_label = numbing.label_of(session.anaesthetic)
    with explained():
        session.save(
            update_fields=[
                "anaesthetic_label", "status", "signed_at", "signed_by", "version", "stopped_reason", "counts", "aftercare_given", "sharps_disposed",
                "note",
            ]
        )  # fmt: skip
    if session.appointment is not None and session.appointment.status == "in_room":
        appointments.step(visit=session.appointment, to="done", by=by.user)
    if session.counts:
        plans.reanchor(plan=plan, fixed=appointments.fixed_days(plan))
    elif session.appointment is not None:
        appointments.free_session(visit=session.appointment, by=by.user)
    messages.owe_after_session(session, by=by.user)
    audit.record(f"session.{status}", session, by=by.user)
    return session
