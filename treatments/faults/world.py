"""The ground of a fault run: a server of its own, and a small clinic in which everybody wants the same few places.

Made through the services, so that what the racers stand on is what the product makes. Nothing in `var/` is touched.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from pathlib import Path

from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from clinic import clock
from clinic import services as clinic_services
from clinic.embedded import Postgres
from clinic.models import Clinic, Membership, User
from clinic.roles import Role
from patients.models import Patient
from patients.services import consents, history, people
from treatments.assessments import services as assessments
from treatments.plans import services as plans
from treatments.protocol.catalogue import load
from treatments.rules import services as rules

CLINICIANS, ROOMS, DEVICES, COURSES, ALONE = 4, 3, 2, 24, 12
ZONE = "Europe/London"
MADE = "made"
OPEN = (time(8), time(18))


@contextmanager
def own_server() -> Iterator[Postgres]:
    """A server that is gone at the end, with the clinic in the database `made`, from which each run takes a copy."""
    with tempfile.TemporaryDirectory(prefix="stratum-faults-") as folder:
        server = Postgres(Path(folder) / "postgres", database=MADE, durable=False, dies_with_us=True)
        server.start()
        try:
            with database(MADE, host=str(server.data_dir), user="postgres"):
                call_command("migrate", verbosity=0)
                make_clinic()
                connection.close()
                yield server
        finally:
            server.stop()


@contextmanager
def database(name: str, **address: str) -> Iterator[None]:
    """Another database takes the place of the default one."""
    usual = connections["default"]
    told = {key.upper(): value for key, value in address.items()} | {"NAME": name}
    connections["default"] = DatabaseWrapper(usual.settings_dict | told, alias="default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = usual


@contextmanager
def copy_of_this(name: str) -> Iterator[None]:
    """A fresh copy of the present database takes its place, and is dropped at the end."""
    source = connection.settings_dict["NAME"]
    connection.close()
    _on_the_server(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY file_copy')
    try:
        with database(name):
            yield
    finally:
        _on_the_server(f'DROP DATABASE "{name}" WITH (FORCE)')


def _on_the_server(statement: str) -> None:
    with database("postgres"), connection.cursor() as cursor:
        cursor.execute(statement)


def make_clinic(*, courses: int = COURSES, alone: int = ALONE) -> Clinic:
    """Four clinicians share three rooms and two devices; `courses` patients have a course to book, `alone` come once."""
    clinic = clinic_services.create_clinic(
        name="Fault clinic", zone=ZONE, manager_email="manager@faults.example", manager_name="Mara Quist", password=None,
        is_demo=True, urgent_phone="020 7946 0142", emergency_number="999", reply_to="desk@faults.example",
    )  # fmt: skip
    manager = clinic.memberships.get().user
    for number in range(1, ROOMS + 1):
        clinic_services.add_room(clinic=clinic, name=f"Room {number}", short_name=f"R{number}", by=manager)
    for number in range(1, DEVICES + 1):
        rules.add_device(clinic=clinic, by=manager, name=f"Pen {number}", max_depth_mm={"face": 1.5})
    clinicians = [_clinician(clinic, manager, number) for number in range(CLINICIANS)]
    for number in range(courses):
        active_course(registered(clinic, manager, f"Course{number}"), clinicians[0].user)
    for number in range(alone):
        registered(clinic, manager, f"Alone{number}")
    return clinic


def _clinician(clinic: Clinic, manager: User, number: int) -> Membership:
    user = User.objects.create_user(f"clinician{number}@faults.example", None, full_name=f"Clinician {number}")
    member = clinic_services.join(
        clinic=clinic, user=user, roles=[Role.CLINICIAN, Role.FRONT_DESK], by=manager, sees_patients=True, position=number,
        title="Nurse", licence=f"NMC {number}",
    )  # fmt: skip
    clinic_services.set_weekly_hours(membership=member, hours={weekday: [OPEN] for weekday in range(1, 8)}, by=manager)
    return member


def registered(clinic: Clinic, manager: User, name: str) -> Patient:
    return people.register(
        clinic=clinic, by=manager, given_name=name, family_name="Racer", born_on=date(1992, 6, 9), phone="07700 900142",
        email=f"{name.lower()}@post.example", mail_allowed=True, reminders_allowed=True,
    )  # fmt: skip


def active_course(patient: Patient, by: User) -> None:
    """Assessed, asked, planned, signed for and active."""
    today = clock.today(patient.clinic)
    catalogue = load()
    asked = {rule.code: rule for form in ("full", "day", "clinician") for rule in catalogue.rules_for_form(form)}
    given = [
        {"code": code, "value": "yes" if rule.raised_by == "no" else "no", "on": None, "detail": "", "note": ""}
        for code, rule in asked.items()
    ]
    history.record_answers(patient=patient, answers=given, answered_on=today, via="clinician", by=by)
    concern = {"code": "acne_scar_face", "zones": ["cheek", "chin"], "severity": "moderate"}
    assessments.record(patient=patient, assessed_on=today, skin_type=3, pih_history=False, concerns=[concern], by=by)
    plan = plans.draft(patient=patient, starts_on=today + timedelta(days=1), count=4, by=by)
    plans.submit(plan=plan, by=by)
    text = consents.current_text(clinic=patient.clinic)
    consents.sign(
        patient=patient, text=text, shown_text=consents.render_text(text, patient=patient), techniques=plan.techniques,
        depth_class=plan.depth_class, about=plan.ref, signature_kind="typed", signature=patient.full_name,
        signed_name=patient.full_name, witness=by, by=by,
    )  # fmt: skip
    plans.activate(plan=plan, by=by)
