"""The waiting list: who gets onto it, with which wishes, and how she leaves it."""

from datetime import time, timedelta

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.db.models import QuerySet
from django.urls import reverse

from clinic.errors import ConstraintRefused, DomainError
from clinic.models import AuditEvent, TimeOff
from tests import factories
from tests.factories import TODAY
from tests.treatments.appointments.test_races import meanwhile, wait_until_somebody_waits
from treatments.appointments.calls import services as calls
from treatments.appointments.calls.models import WaitingEntry
from treatments.plans import services as plans

WORKLISTS = "/worklists/"


@pytest.fixture
def first(active_plan):
    return active_plan.planned_sessions.get(number=1)


def waiting(client) -> list:
    return client.get(WORKLISTS).context["lists"].waiting.calls


@pytest.mark.django_db
def test_wishes_are_taken_from_the_chart_the_visit_and_the_list_and_stand_in_words(desk, first, later):
    url = reverse("treatments:wait_for_session", args=[first.ref])
    assert url in desk.get(reverse("treatments:chart", args=[first.plan.patient.ref])).content.decode()
    wish = {"weekdays": ["2", "4"], "from_time": "16:00", "note": "Works nearby"}
    assert desk.post(url, wish)["Location"] == first.plan.patient.get_absolute_url()
    (call,) = waiting(desk)
    assert call.why == "Any place: Tuesdays or Thursdays, from 16:00 · Works nearby"
    assert 'value="16:00"' in desk.get(url).content.decode()
    # Other wishes replace these; the first ones are kept.
    desk.post(url, {"until_time": "11:00", "clinician": str(factories.a_clinician(first.plan.clinic).ref)})
    assert [call.say for call in waiting(desk)] == ["Any place: until 11:00, with Noor Adeyemi"]
    assert list(WaitingEntry.objects.order_by("id").values_list("ended_reason", flat=True)) == ["Other wishes", ""]
    # Booked since: any place was found. Cancelled: she waits again.
    later(timedelta(minutes=5))
    visit = factories.book(first, day=TODAY + timedelta(days=7))
    assert waiting(desk) == []
    page = desk.get(reverse("treatments:visit", args=[visit.ref])).content.decode()
    assert f"{url}?" in page
    later(timedelta(minutes=5))
    desk.post(url, {})
    assert [(call.say, call.act) for call in waiting(desk)] == [("Earlier than Tue 16 Mar: any time", "Move")]


@pytest.mark.django_db
def test_a_consultation_is_waited_for_too_and_stopping_says_why(desk, patient):
    url = reverse("treatments:wait_for_visit", args=[patient.ref])
    desk.post(url, {})
    (call,) = waiting(desk)
    assert call.session == "Consultation"
    assert desk.get(f"{url}?kind=treatment").status_code == 404
    entry = WaitingEntry.objects.get()
    end = reverse("treatments:stop_waiting", args=[entry.ref])
    assert "Say why the patient no longer waits." in desk.post(end, {"reason": " "}).content.decode()
    assert desk.post(end, {"reason": "Found another clinic"}).status_code == 302
    assert waiting(desk) == []
    again = desk.post(end, {"reason": "Again"})
    assert (again.status_code, "no longer on the waiting list" in again.content.decode()) == (422, True)
    story = desk.get(reverse("treatments:chart", args=[patient.ref]) + "?show=waiting").content.decode()
    assert "Found another clinic" in story


REFUSED = [
    ({"from_time": "16:00", "until_time": "15:00"}, "until_time", "lies after the time from which"),
    ({"from_time": "16:00", "until_time": "16:00"}, "until_time", "lies after the time from which"),
    ({"weekdays": ["7"]}, "weekdays", "Nobody works on Sunday. Choose another day."),
    ({"from_time": "19:00"}, "from_time", "Nobody works then. Choose other times."),
    ({"weekdays": ["8"]}, "weekdays", "Choose days from Monday to Sunday."),
    ({"from_time": "soon"}, "from_time", "Enter a time from 00:00 to 23:59."),
    ({"clinician": "nobody"}, "clinician", "Choose a clinician from the list."),
    ({"note": "x" * 201}, "note", "Keep it to 200 letters"),
]


@pytest.mark.django_db
def test_wishes_that_nobody_could_fulfil_are_refused_at_their_field(desk, first, clinician_member):
    url = reverse("treatments:wait_for_session", args=[first.ref])
    for said, field, sentence in REFUSED:
        answer = desk.post(url, {"note": "Near", **said})
        assert answer.status_code == 422, said
        assert sentence in answer.context["form"].errors[field][0], said
        assert answer.context["form"]["note"].value() == said.get("note", "Near")
    clinician_member.working_hours.filter(weekday=2).update(weekday=1, starts=time(17), ends=time(18))
    only = {"weekdays": ["2"], "clinician": str(clinician_member.ref)}
    assert "Noor Adeyemi does not work on Tuesday." in desk.post(url, only).content.decode()
    assert not WaitingEntry.objects.exists()
    assert desk.post(url, {"weekdays": ["1"]}).status_code == 302  # the negative control


@pytest.mark.django_db
def test_services_refuse_what_no_page_offers(desk, first, other_clinic, clinician_member):
    by, mine = desk.membership.user, {"kind": "treatment", "planned_session": first}
    stranger = factories.make_patient(first.plan.clinic, given_name="Other")
    with pytest.raises(DomainError, match="somebody else's course"):
        calls.wait(patient=stranger, by=by, **mine)
    with pytest.raises(DomainError, match="of this clinic"):
        calls.wait(patient=first.plan.patient, by=by, clinician=factories.a_clinician(other_clinic), **mine)
    plans.hold(plan=first.plan, by=clinician_member.user)
    first.plan.refresh_from_db()
    with pytest.raises(DomainError, match="not active"):
        calls.wait(patient=first.plan.patient, by=by, **mine)


@pytest.mark.django_db
def test_the_database_keeps_one_open_entry_a_session_and_what_was_wished(desk, first):
    entry = calls.wait(patient=first.plan.patient, kind="treatment", planned_session=first, by=desk.membership.user)
    again = {"clinic": entry.clinic, "patient": entry.patient, "asked_by": entry.asked_by}
    for kind, session in (("treatment", first), ("treatment", None), ("review", first)):
        with pytest.raises(IntegrityError), transaction.atomic():
            WaitingEntry.objects.create(kind=kind, planned_session=session, **again)
    for _ in range(2):
        calls.wait(patient=entry.patient, kind="review", by=desk.membership.user)
    assert WaitingEntry.objects.filter(ended_at=None).count() == 2
    with pytest.raises(InternalError), transaction.atomic():
        WaitingEntry.objects.update(note="Another")
    with pytest.raises(InternalError), transaction.atomic():
        WaitingEntry.objects.all().delete()


@pytest.mark.django_db
def test_where_nothing_fits_the_page_of_free_times_offers_the_waiting_list(desk, first):
    book, wait = (reverse(f"treatments:{name}", args=[first.ref]) for name in ("book", "wait_for_session"))
    assert wait not in desk.get(book).content.decode()
    away = (factories.NOW, factories.NOW + timedelta(days=400))
    TimeOff.objects.create(clinic=first.plan.clinic, membership=None, during=away)
    page = desk.get(book).content.decode()
    assert "Put on the waiting list" in page
    assert wait in page


# ── Two desks at once ─────────────────────────────────────────────────────────


def while_(first, second) -> list:
    """What came of the second, which begins before the first is settled; refusals included."""
    with transaction.atomic():
        first()
        thread, refusals = meanwhile(second)
        wait_until_somebody_waits()
    thread.join(timeout=30)
    return refusals


@pytest.mark.django_db(transaction=True)
def test_two_desks_at_once_leave_one_open_entry(desk_member, active_plan):
    first, by = active_plan.planned_sessions.get(number=1), desk_member.user
    wait = {"patient": active_plan.patient, "kind": "treatment", "planned_session": first, "by": by}
    assert while_(lambda: calls.wait(**wait), lambda: calls.wait(**wait)) == [None]
    assert WaitingEntry.objects.filter(ended_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("guarded", [True, False], ids=["with the lock", "negative control"])
def test_two_desks_at_once_take_a_call_back_once(desk_member, active_plan, monkeypatch, guarded):
    first, by = active_plan.planned_sessions.get(number=1), desk_member.user
    made = calls.record(about=first, list_code="to-book", outcome="message", by=by)
    if not guarded:
        monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, *args, **options: rows.all())
    (told,) = while_(lambda: calls.take_back(outcome=made, by=by), lambda: calls.take_back(outcome=made, by=by))
    assert ("taken back already" in str(told)) is guarded
    assert AuditEvent.objects.filter(action="call.taken_back").count() == (1 if guarded else 2)


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_of_the_patient_the_race_is_lost(desk_member, active_plan, monkeypatch):
    """The negative control: the constraint refuses what the lock would have put in order."""
    first, by = active_plan.planned_sessions.get(number=1), desk_member.user
    monkeypatch.setattr(calls, "_hold_patient", lambda patient: None)
    wait = {"patient": active_plan.patient, "kind": "treatment", "planned_session": first, "by": by}
    (told,) = while_(lambda: calls.wait(**wait), lambda: calls.wait(**wait))
    assert isinstance(told, ConstraintRefused)
