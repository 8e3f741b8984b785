"""One of everything, for walking all URLs; and a fingerprint of all rows."""

import hashlib
from uuid import uuid4

from django.apps import apps

from patients.links.purposes import Wanted
from patients.links.services import Order, issue
from patients.outbox import health
from tests import factories
from treatments.sessions import services as sessions

# Sessions and rate limits are written by reading, and say nothing about a patient.
NOT_OURS = {"sessions", "contenttypes", "auth", "pghistory"}


def everything(request) -> dict[str, object]:
    for persona in ("desk", "clinician", "prescriber", "manager", "stranger"):
        request.getfixturevalue(persona)
    patient = request.getfixturevalue("patient")
    open_session = request.getfixturevalue("open_session")
    health.note_worker()  # else /healthz/messages rightly says that no worker runs
    plan = open_session.plan
    planned = plan.planned_sessions.get(number=2)
    visit = factories.book(planned, day=planned.earliest_on)
    medication = _medication(patient)
    allergy = _allergy(patient)
    event = sessions.report_adverse_event(
        session=open_session, code="erythema", grade=2, note="", by=open_session.operator.user
    )
    return {
        "room": patient.clinic.rooms.last().ref,
        "invitation": _invitation(patient.clinic).ref,
        "person": factories.make_member(patient.clinic, "front_desk").ref,
        "device": patient.clinic.devices.last().ref,
        "anaesthetic": patient.clinic.anaesthetics.last().ref,
        "product": (product := _product(patient.clinic)).ref,
        "session_product": _session_product(open_session, product).ref,
        "credential": _credential(open_session.operator).ref,
        "lot": patient.clinic.cartridge_lots.last().ref,
        "package_offer": (offer := _package_offer(patient.clinic)).ref,
        "package": (package := _package(patient, offer)).ref,
        "package_entry": _package_entry(package).ref,
        "deposit": _deposit(visit).ref,
        "time_off": _closed_day(patient.clinic).ref,
        "import_run": _import_run(patient.clinic).ref,
        "patient": patient.ref,
        "other_patient": factories.make_patient(patient.clinic, given_name="Ada").ref,
        "merge": _merge(patient.clinic).ref,
        "plan": plan.ref,
        "course_change": _course_change(plan).ref,
        "planned": plan.planned_sessions.get(number=3).ref,
        "visit": visit.ref,
        "visit_today": open_session.appointment.ref,
        "session": open_session.ref,
        "assessment": patient.assessments.first().ref,
        "past_session": factories.a_past_session(patient, by=open_session.operator.user).ref,
        "consent": patient.consents.first().ref,
        "consent_text": patient.clinic.consent_texts.first().ref,
        "clearance": _clearance(patient).ref,
        "medication": medication.ref,
        "allergy": allergy.ref,
        "event": event.ref,
        "check_in": (check_in := _check_in(open_session)).ref,
        "photo": check_in.photo.ref,
        "message": patient.messages.first().ref,
        "patient_link": _patient_link(patient),
        "change_report": _change_report(visit).ref,
        "move_request": _move_request(visit).ref,
        "given_form": (given := _given_form(patient)).ref,
        "handover": given.handover.ref,
        "text": "booking_cancelled",
        "language": "en",
        "parameter": "rule.isotretinoin_past.washout_days",
        "policy_value": _policy_value(patient.clinic).ref,
        "outcome_change": _outcome_change(visit).ref,
        "instrument": "mmasi",
        "score": (score := _score(plan)).ref,
        "course_review": _course_review(plan, score).ref,
        "zone": "cheek",
        "plan_step": "complete",
        "list_code": "overdue",
        "call": (call := _call(plan)).ref,
        "waiting": _waiting(call).ref,
        "mail_key": "nothing",
        "number": 1,
        "member": factories.a_clinician(patient.clinic).ref,
        "feed_token": "0" * 64,
    }


def _import_run(clinic):
    """One that is being looked at: its columns are chosen and its report is there."""
    from patients.importing import services

    by = factories.a_manager(clinic).user
    content = b"Given name,Family name,Date of birth\nAna,Silva,1990-02-01\nBo,,1990-02-01\n"
    run = services.begin(clinic=clinic, kind="patients", content=content, by=by)
    return services.check(run=run, columns={"given_name": 0, "family_name": 1, "born_on": 2}, day_order="dmy", by=by)


def fingerprint() -> dict[str, str]:
    """Table to a hash of all its rows."""
    prints = {}
    for model in apps.get_models():
        if model._meta.app_label not in NOT_OURS and not model._meta.proxy:
            rows = sorted(str([_readable(value) for value in row]) for row in model._base_manager.values_list())
            prints[model._meta.db_table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return prints


def _readable(value):
    # The name of a memoryview is its address, which differs from one reading to the next.
    return bytes(value) if isinstance(value, memoryview) else value


def _given_form(patient):
    """What she answered on a tablet, looked at."""
    from treatments.flows import tablet
    from treatments.screenings.by_patient.models import PatientForm

    by = factories.a_clinician(patient.clinic)
    handed = tablet.hand_over(patient=patient, forms=["day"], by=by)
    asked = tablet.asked(patient, "day", today=factories.TODAY)
    answers = [{"code": one.rule.code, "value": "no"} for one in asked]
    tablet.give(handover=handed, kind="day", answers=answers, could_read="yes")
    given = PatientForm.objects.get(handover=handed)
    tablet.confirm(form=given, note="", by=by)
    return given


def _invitation(clinic):
    from clinic.staff import services as staff

    by = factories.a_manager(clinic).user
    return staff.invite(clinic=clinic, email="joan@alder.example", full_name="Joan Fisk", roles=["front_desk"], by=by)


def _course_change(plan):
    from treatments.plans import life

    return life.note(plan=plan, what="paused", reason="away", by=factories.a_clinician(plan.clinic).user)


def _merge(clinic):
    from treatments.flows import merging

    stays, gone = (factories.make_patient(clinic, given_name=name) for name in ("Joan", "Joanne"))
    return merging.merge(stays=stays, gone=gone, by=factories.a_manager(clinic).user)


def _credential(member):
    from treatments.rules.credentials import services as credentials

    by = factories.a_manager(member.clinic).user
    return credentials.add(membership=member, by=by, kind="licence", issuer="NMC", valid_from=factories.TODAY)


def _product(clinic):
    from treatments.rules.products import services as products

    product = products.list_product(clinic=clinic, name="Hyaluronic gel", by=factories.a_manager(clinic).user)
    prescriber = clinic.memberships.filter(roles__contains=["prescriber"]).first()
    return products.approve(product=product, reason="", by=prescriber)


def _package_offer(clinic):
    from tests.treatments.packages import made

    return made.an_offer(clinic)


def _package(patient, offer):
    from tests.treatments.packages import made

    return made.a_package(patient, offer=offer)


def _package_entry(package):
    from treatments.packages import services as packages

    return packages.refund(package=package, sessions=1, amount=0, reason="Sold by mistake", by=package.sold_by)


def _deposit(visit):
    from tests.treatments.packages import made

    return made.a_deposit(visit)


def _session_product(session, product):
    from treatments.sessions import skin_products

    day = factories.TODAY + factories.in_days(90)
    return skin_products.put_on(session=session, product=product, lot="HA-1", expires_on=day, by=session.operator)


def _patient_link(patient):
    issue([Order(patient, Wanted("contact"))])
    return patient.links.latest("pk").ref


def _check_in(session):
    from patients.services.photos import Kept
    from treatments.flows import check_in
    from treatments.protocol.triage import Answers

    said = Answers(redness=3, swelling=3, pain=2)
    kept = Kept("0" * 32 + ".jpg", "0" * 64, 1, 1, 1)
    by = session.operator.user
    return check_in.tell(
        session=session, once=uuid4(), said=said, note="Is this normal?", photo=kept, asked_by=by
    ).check_in


def _change_report(visit):
    """She may not come as she answered: the line that the desk reads and a clinician looks at."""
    from treatments.flows import changes

    issue([Order(visit.patient, Wanted("changes", about=visit.ref))])
    link = visit.patient.links.latest("pk")
    answers = [{"code": "new_medicine", "value": "yes", "on": None, "detail": "", "note": ""}]
    return changes.report(visit=visit, version=visit.schedule_version, answers=answers, link=link, once=uuid4())


def _move_request(visit):
    from treatments.appointments.by_patient.wishes import Wishes
    from treatments.flows import move_requests

    link = visit.patient.links.latest("pk")
    return move_requests.ask(visit=visit, version=visit.schedule_version, wishes=Wishes(weekdays=(1,)), link=link)


def _closed_day(clinic):
    from clinic.resources import services as resources

    day = factories.TODAY + factories.in_days(400)
    return resources.add_time_off(
        clinic=clinic, membership=None, first_day=day, last_day=day, by=factories.a_manager(clinic).user
    )


def _medication(patient):
    from patients.models import MedicationStatement

    return MedicationStatement.objects.create(
        patient=patient, name="Cetirizine", recorded_by=factories.a_clinician(patient.clinic).user
    )


def _allergy(patient):
    from patients.models import Allergy

    return Allergy.objects.create(
        patient=patient,
        substance="Latex",
        noted_on=factories.TODAY,
        recorded_by=factories.a_clinician(patient.clinic).user,
    )


def _clearance(patient):
    from treatments.screenings.models import Clearance

    return Clearance.objects.create(
        patient=patient,
        code="hsv_history",
        given_by=factories.a_clinician(patient.clinic).user,
        licence="NMC 12A",
        reason="Antiviral prescribed",
        given_on=factories.TODAY,
        expires_on=factories.TODAY,
    )


def _policy_value(clinic):
    """Set before anything is screened again: the session that is open stays as it was."""
    from treatments.rules.models import PolicyValue

    return PolicyValue.objects.create(
        clinic=clinic,
        path="concern.melasma.sessions_maximum",
        value=3,
        direction="stricter",
        set_by=factories.a_manager(clinic).user,
    )


def _outcome_change(visit):
    from treatments.rules.models import OutcomeChange

    return OutcomeChange.objects.create(
        clinic=visit.clinic,
        visit_ref=visit.ref,
        visit_version=visit.schedule_version,
        patient_ref=visit.patient.ref,
        before="clear",
        after="defer",
        not_before=visit.day + factories.in_days(1),
        because="Isotretinoin: wait: stricter",
        changed_by=factories.a_manager(visit.clinic).user,
    )


def _score(plan):
    from treatments.outcomes import services as outcomes

    items = {
        f"{region}_{part}": 1
        for region in ("forehead", "right_malar", "left_malar", "chin")
        for part in ("area", "darkness")
    }
    by = factories.a_clinician(plan.clinic).user
    return outcomes.record(
        patient=plan.patient, code="mmasi", items=items, assessed_on=factories.TODAY, by=by, plan=plan
    )


def _course_review(plan, score):
    from treatments.outcomes import services as outcomes

    return outcomes.ask_for_review(plan=plan, baseline=score, newest=score, by=score.assessor)


def _call(plan):
    from treatments.appointments.calls import services as calls

    planned = plan.planned_sessions.get(number=3)
    return calls.record(about=planned, list_code="overdue", outcome="message", by=factories.a_manager(plan.clinic).user)


def _waiting(call):
    from treatments.appointments.calls import services as calls

    return calls.wait(patient=call.patient, kind="treatment", planned_session=call.planned_session, by=call.by)
