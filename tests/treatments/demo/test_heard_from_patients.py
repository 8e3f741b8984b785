"""What the demo's first screens show of what patients told from their links, without anybody having pressed a key."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from clinic import clock
from patients.models import Patient, PatientLink
from tests import factories
from treatments.appointments.by_patient.models import ChangeReport, MoveRequest
from treatments.demo import builder, cast, from_patients, own_words
from treatments.pages.worklists.call_lists import call_lists
from treatments.screenings.by_patient.models import PatientForm
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent

pytestmark = pytest.mark.django_db
STORIES = {number for number, *_ in from_patients.heard()}


def test_everybody_who_tells_something_is_a_story_of_her_own():
    assert len(STORIES) == len(from_patients.heard())
    assert STORIES.issubset({*range(120), cast.DAUGHTER}), "in the demo as it is built"


def test_patients_told_something_and_it_waits_where_it_is_read(clinic_time):
    clinic = builder.build(only=STORIES)
    levels = {one.level: one for one in CheckIn.objects.filter(patient__clinic=clinic)}
    assert {"red", "amber_1", "green"} <= levels.keys()
    assert all(one.seen_at is None for one in levels.values())
    # The red one has opened a reaction, which holds her next visit.
    assert AdverseEvent.objects.get(check_ins=levels["red"]).resolved_on is None
    [report] = ChangeReport.objects.filter(heard_by=None)
    assert (report.changed, report.needs_a_look, report.seen_at) == (["sun_tan_exposure"], True, None)
    [request] = MoveRequest.objects.filter(ended_at=None)
    assert request.note == "New hours at work"
    # Today, and none of it in the future.
    now = clock.now()
    for told in (*levels.values(), report):
        assert now - timedelta(days=2) < told.answered_at < now

    guessed = PatientLink.objects.get(wrong_births=5)
    lists = call_lists(clinic, now=now, whole=True)
    assert [call.patient_ref for call in lists.email.calls] == [guessed.patient.ref]
    assert PatientLink.objects.filter(opened__gt=0).count() == len(STORIES) - 1
    desk = Client()
    desk.force_login(factories.make_member(clinic, "front_desk").user)
    for patient in Patient.objects.filter(clinic=clinic):
        assert desk.get(reverse("patients:patient_messages", args=[patient.ref])).status_code == 200


def test_somebody_has_answered_on_the_tablet_and_somebody_rang(clinic_time):
    clinic = builder.build(patients=60)
    form = PatientForm.objects.get(patient__clinic=clinic)
    assert (form.changed, form.flags, form.waits) == (["new_medicine"], [], True)
    heard = ChangeReport.objects.get(heard_by__isnull=False)
    assert (heard.said, heard.seen_at) == (own_words.SAID, None)
    assert heard.visit.during.lower > clock.now()
