"""Two records of one person, and what stands in every table."""

from django.apps import apps
from django.db import connection
from pghistory.models import Event

from patients.importing.models import ImportRun, PatientNumber
from patients.models import Patient
from tests import factories
from tests.access import world
from tests.treatments.packages import made
from treatments.flows import merging
from treatments.sessions import services as sessions
from treatments.sessions.models import TreatmentSession


def second_record(patient: Patient, **details) -> Patient:
    """Put down again, her name as it sounded."""
    known = {"given_name": patient.given_name, "family_name": "Hadad", "born_on": patient.born_on}
    return factories.make_patient(patient.clinic, **known | details)


def merge(stays: Patient, gone: Patient, **more):
    return merging.merge(**{"stays": stays, "gone": gone, "by": factories.a_manager(stays.clinic).user} | more)


def undo(made, reason: str = "They are sisters"):
    return merging.undo(merge=made, reason=reason, by=factories.a_manager(made.stays.clinic).user)


def with_one_of_everything(session: TreatmentSession) -> Patient:
    """Whose session is signed: a row of every kind that goes over."""
    patient, plan = session.patient, session.plan
    by = session.operator.user
    planned = plan.planned_sessions.get(number=2)
    visit = factories.book(planned, day=planned.earliest_on)
    sessions.report_adverse_event(session=session, code="erythema", grade=2, note="", by=by)
    world._medication(patient)
    world._allergy(patient)
    world._clearance(patient)
    world._check_in(session)
    world._change_report(visit)
    world._move_request(visit)
    world._waiting(world._call(plan))
    world._score(plan)
    world._course_change(plan)
    world._given_form(patient)
    factories.a_past_session(patient, by=by)
    made.a_package(patient)
    made.a_deposit(visit)
    run = ImportRun.objects.create(
        clinic=patient.clinic, kind="patients", status="done", begun_by=by, encoding="utf-8", separator=",",
        done_at=factories.NOW, done_by=by,
    )  # fmt: skip
    PatientNumber.objects.create(clinic=patient.clinic, patient=patient, number="K-17", imported_in=run)
    return patient


# Written by the merge and by its undoing, and never taken away: who did what, what happened to a mail, what the rules said then.
LOGS = {
    "clinic_auditevent",
    "patients_messageevent",
    "patients_recordmerge",
    "patients_movedrow",
    "treatments_screeningrecord",
    "treatments_screeningfinding",
}
# What of a row does not return. The version of a record tells forms that it has changed, and that of her facts tells the gate that
# no screening made before counts; both only grow. A link that was closed stays closed: its address may be in other hands.
ONE_WAY = {
    "patients_patient": {"version", "facts_version"},
    "patients_patientlink": {"closed_at", "closed_because", "closed_by_id"},
}


def all_tables() -> list[str]:
    """Of every model of ours but histories, which say again, and for good, what their tables said."""
    return sorted(
        {
            model._meta.db_table
            for label in ("clinic", "patients", "treatments")
            for model in apps.get_app_config(label).get_models()
            if not issubclass(model, Event) and not model._meta.proxy
        }
    )


def rows_of_every_table() -> dict[str, dict[str, str]]:
    """Table to each row of it: its key to a hash of all of it that returns."""
    found = {}
    with connection.cursor() as cursor:
        for table in all_tables():
            key = "to_jsonb(t) ->> 'id'" if _has_an_id(cursor, table) else "md5(t::text)"
            left_out = sorted(ONE_WAY.get(table, ()))
            cursor.execute(f'SELECT {key}, md5((to_jsonb(t) - %s::text[])::text) FROM "{table}" t', [left_out])  # noqa: S608
            found[table] = dict(cursor.fetchall())
    return found


def _has_an_id(cursor, table: str) -> bool:
    return "id" in {column.name for column in connection.introspection.get_table_description(cursor, table)}


def differences(before: dict, after: dict) -> dict[str, list[str]]:
    """Table to the keys of rows that are not as they were, or that are new where nothing new may be."""
    found = {}
    for table, rows in before.items():
        now = after[table]
        wrong = [key for key, said in rows.items() if now.get(key) != said]
        if table not in LOGS:
            wrong += [key for key in now if key not in rows]
        if wrong:
            found[table] = wrong
    return found
