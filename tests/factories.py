"""A small clinic, made through the services so that what the tests stand on is what the product makes."""

import time as clock_time
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from zoneinfo import ZoneInfo

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.test import Client

from clinic import clock
from clinic import services as clinic_services
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from patients.models import Patient
from patients.services import consents, history, people
from treatments.appointments import services as appointments
from treatments.appointments.courses import services as courses
from treatments.appointments.courses.problems import Wishes, course_times, sessions_to_place
from treatments.appointments.models import Appointment
from treatments.assessments import services as assessments
from treatments.assessments.past import services as past_sessions
from treatments.assessments.past.models import PastSession
from treatments.plans import services as plans
from treatments.plans.models import PlannedSession, TreatmentPlan
from treatments.protocol.catalogue import load
from treatments.rules import services as rules
from treatments.scheduling.finding import find_sets
from treatments.screenings import services as screenings
from treatments.sessions import services as sessions
from treatments.sessions.models import CartridgeLot, TreatmentSession

LONDON = ZoneInfo("Europe/London")
# A Tuesday, 10:42 in London: the moment of the pictures the look was drawn from.
NOW = datetime(2027, 3, 9, 10, 42, tzinfo=LONDON)
TODAY = NOW.date()
PASSWORD = "correct-horse-battery-staple"  # noqa: S105
WEEK = {day: [(time(9), time(17))] for day in range(1, 7)}

_numbers = count(1)


def make_clinic(name: str = "Alder Lane Skin Clinic", *, zone: str = "Europe/London", **details) -> Clinic:
    """A fictional clinic with a manager, two rooms, a device, an anaesthetic and a cartridge lot."""
    number = next(_numbers)
    details = {
        "is_demo": True,
        "urgent_phone": "020 7946 0142",
        "emergency_number": "999",
        "phone": "020 7946 0100",
    } | details
    details.setdefault("reply_to", "desk@alder.example")
    clinic = clinic_services.create_clinic(
        name=name,
        zone=zone,
        manager_email=f"manager{number}@alder.example",
        manager_name="Mara Quist",
        password=PASSWORD,
        sender_name="Alder Lane",
        **details,
    )
    manager = clinic.memberships.get().user
    for position, room in enumerate(("Room 1", "Room 2")):
        clinic_services.add_room(clinic=clinic, name=room, short_name=f"R{position + 1}", position=position, by=manager)
    rules.add_device(
        clinic=clinic,
        by=manager,
        name="NP-2 pen",
        max_depth_mm={"face": 1.5, "neck": 1.5, "body": 2.0},
        filler_washout_days=None,
        indications=["acne_scar_face"],
    )
    rules.add_anaesthetic(
        clinic=clinic,
        by=manager,
        name="Lidocaine 4 %",
        actives={"lidocaine": 4},
        contact_minutes=30,
        max_contact_minutes=60,
    )
    CartridgeLot.objects.create(clinic=clinic, lot="MP36-2611B", expires_on=date(2029, 11, 30), needles=12)
    return clinic


def make_member(clinic: Clinic, *roles: Role, name: str = "", **details) -> Membership:
    number = next(_numbers)
    user = User.objects.create_user(f"member{number}@alder.example", PASSWORD, full_name=name or f"Member {number}")
    member = clinic_services.join(
        clinic=clinic,
        user=user,
        roles=list(roles),
        by=user,
        sees_patients=Role.CLINICIAN in roles or Role.PRESCRIBER in roles,
        **details,
    )
    if member.sees_patients:
        clinic_services.set_weekly_hours(membership=member, hours=WEEK, by=user)
    return member


def sign_in(client: Client, user: User) -> None:
    """Without the form, and as after it: who she is was proven a moment ago."""
    user = User.objects.get(pk=user.pk)  # as she is now: a session is signed with it
    client.force_login(user)
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": clock_time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def a_manager(clinic: Clinic) -> Membership:
    return clinic.memberships.filter(roles__contains=[Role.MANAGER]).first()


def a_clinician(clinic: Clinic) -> Membership:
    found = clinic.memberships.filter(sees_patients=True).order_by("id").first()
    return found or make_member(clinic, Role.CLINICIAN, name="Noor Adeyemi", licence="NMC 12A", title="Nurse")


def make_patient(clinic: Clinic, **details) -> Patient:
    number = next(_numbers)
    details = {
        "given_name": "Leila",
        "family_name": "Haddad",
        "born_on": date(1992, 6, 9),
        "email": f"patient{number}@post.example",
        "phone": f"07700 90{number:04d}",
        "mail_allowed": True,
        "reminders_allowed": True,
    } | details
    return people.register(clinic=clinic, by=a_manager(clinic).user, **details)


def answer(
    patient: Patient,
    code: str,
    value: str,
    *,
    on: date | None = None,
    detail: str = "",
    answered_on: date | None = None,
):
    """One answer, as a clinician records it."""
    history.record_answers(
        patient=patient,
        answers=[{"code": code, "value": value, "on": on, "detail": detail, "note": ""}],
        answered_on=answered_on or clock.today(patient.clinic),
        via="clinician",
        by=a_clinician(patient.clinic).user,
    )


def answer_all(
    patient: Patient,
    *,
    forms: tuple[str, ...] = ("full", "day", "clinician"),
    answered_on: date | None = None,
    **differing,
):
    """Every question of the forms answered so that nothing is raised, but for `differing` (code to value)."""
    catalogue = load()
    asked = {rule.code: rule for form in forms for rule in catalogue.rules_for_form(form)}
    history.record_answers(
        patient=patient,
        answers=[
            {
                "code": code,
                "value": differing.get(code, "yes" if rule.raised_by == "no" else "no"),
                "on": None,
                "detail": "",
                "note": "",
            }
            for code, rule in asked.items()
        ],
        answered_on=answered_on or clock.today(patient.clinic),
        via="clinician",
        by=a_clinician(patient.clinic).user,
    )


def assess(
    patient: Patient,
    *,
    skin_type: int | None = 3,
    concerns: list[dict] | None = None,
    pih_history: bool = False,
    note: str = "",
):
    return assessments.record(
        patient=patient,
        assessed_on=clock.today(patient.clinic),
        skin_type=skin_type,
        pih_history=pih_history,
        concerns=concerns or [{"code": "acne_scar_face", "zones": ["cheek", "chin"], "severity": "moderate"}],
        note=note,
        by=a_clinician(patient.clinic).user,
    )


def a_past_session(patient: Patient, *, by: User | None = None, on: date | None = None, **differing) -> PastSession:
    """A needling of half a year ago that was not charted here."""
    details = {"on": on or TODAY - timedelta(days=180), "where": "elsewhere", "counts": True} | differing
    return past_sessions.record(patient=patient, by=by or a_clinician(patient.clinic).user, **details)


def sign_consent(plan: TreatmentPlan):
    text = consents.current_text(clinic=plan.clinic)
    shown = consents.render_text(text, patient=plan.patient)
    witness = a_clinician(plan.clinic).user
    return consents.sign(
        patient=plan.patient,
        text=text,
        shown_text=shown,
        techniques=plan.techniques,
        depth_class=plan.depth_class,
        about=plan.ref,
        signature_kind="typed",
        signature=plan.patient.full_name,
        signed_name=plan.patient.full_name,
        witness=witness,
        by=witness,
    )


def make_draft(
    patient: Patient, *, starts_on: date | None = None, count: int | None = None, **assessed
) -> TreatmentPlan:
    if not patient.assessments.exists():
        assess(patient, **assessed)
    return plans.draft(
        patient=patient,
        starts_on=starts_on or clock.today(patient.clinic),
        count=count,
        by=a_clinician(patient.clinic).user,
    )


def make_active_plan(patient: Patient, **draft) -> TreatmentPlan:
    """Assessed, asked, planned, signed for and active."""
    by = a_clinician(patient.clinic).user
    answer_all(patient)
    plan = make_draft(patient, **draft)
    plans.submit(plan=plan, by=by)
    sign_consent(plan)
    return plans.activate(plan=plan, by=by)


def a_place(
    clinic: Clinic, day: date, at: time = time(11), *, kind: str = "treatment", **differing
) -> appointments.Place:
    return appointments.Place(
        **{
            "day": day,
            "starts_at": at,
            "clinician": a_clinician(clinic),
            "room": clinic.rooms.first(),
            "length": appointments.LENGTHS[kind],
        }
        | differing
    )


def book(planned: PlannedSession, *, day: date | None = None, at: time = time(11), **differing) -> Appointment:
    clinic = planned.plan.clinic
    return appointments.book(
        patient=planned.plan.patient,
        kind="treatment",
        place=a_place(clinic, day or planned.earliest_on, at, **differing),
        planned_session=planned,
        by=a_manager(clinic).user,
    )


def best_places(plan: TreatmentPlan, **wishes) -> dict[PlannedSession, appointments.Place]:
    """Sessions of a course with the places of the best set."""
    times = course_times(plan, sessions_to_place(plan), Wishes(**wishes), now=clock.now())
    best = find_sets(times.problem, times.free).sets[0]
    return dict(zip(times.planned, map(times.place, best.visits), strict=True))


def book_course(plan: TreatmentPlan, *, by: User | None = None, **wishes) -> list[Appointment]:
    """All sessions of a course at once."""
    return courses.book_all(plan=plan, places=best_places(plan, **wishes), by=by or a_manager(plan.clinic).user)


def make_visit_today(patient: Patient, *, at: time = time(11), **draft) -> Appointment:
    """The first session of an active course, booked for today."""
    plan = make_active_plan(patient, **draft)
    return book(plan.planned_sessions.get(number=1), day=clock.today(patient.clinic), at=at)


def arrive(visit: Appointment) -> Appointment:
    return appointments.step(visit=visit, to="arrived", by=a_manager(visit.clinic).user)


def screen_today(patient: Patient, *, purpose: str = "session"):
    return screenings.perform(
        patient=patient, on=clock.today(patient.clinic), purpose=purpose, by=a_clinician(patient.clinic).user
    )


def open_session(visit: Appointment, *, by: Membership | None = None) -> TreatmentSession:
    """Arrived, screened, everything acknowledged, opened."""
    if visit.status in ("booked", "confirmed"):
        visit = arrive(visit)
    record = screen_today(visit.patient)
    return sessions.open_session(
        visit=visit, by=by or visit.clinician, acknowledged=[change["parameter"] for change in record.changes]
    )


def chart(session: TreatmentSession, **zones) -> TreatmentSession:
    """Everything a session needs before it is signed. `zones`: zone to (depth_mm, passes)."""
    by = session.operator
    for zone, (depth, passes) in (zones or {"cheek": ("1.00", 4)}).items():
        sessions.set_zone(
            session=session, zone=zone, depth_mm=Decimal(depth), passes=passes, endpoint="erythema", by=by
        )
    session.refresh_from_db()
    return sessions.save_details(
        session=session,
        version=session.version,
        by=by,
        cartridge_lot=session.clinic.cartridge_lots.first(),
        cartridge_serial=f"S{next(_numbers)}",
        pain=3,
        note="Even redness after four passes.",
        aftercare_given=True,
        sharps_disposed=True,
    )


def make_done_session(visit: Appointment) -> TreatmentSession:
    session = chart(open_session(visit))
    return sessions.complete(session=session, by=session.operator)


def in_days(days: int) -> timedelta:
    return timedelta(days=days)
