"""Credentials: kept by a manager, told before they end, and asked for by the door of a session."""

import re
import uuid
from datetime import timedelta
from html import unescape

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import DomainError, constraint_name
from clinic.models import AuditEvent
from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.sessions.gate_world import a_record, gate_off, insert_session, promise_broken
from treatments.rules.credentials import services
from treatments.rules.credentials.models import Credential
from treatments.sessions import services as sessions
from treatments.sessions.models import TreatmentSession

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
ALL = "/settings/credentials/"
TYPED = {
    "kind": "licence", "name": "", "number": "12A3456E", "issuer": "NMC", "valid_from": "2026-01-01", "valid_until": "2028-12-31",
}  # fmt: skip


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def press(client, page: str, row=None, /, **typed):
    url = reverse(f"treatments:{page}", args=[row.ref] if row else [])
    return client.post(url, {"submit_token": str(uuid.uuid4())} | typed)


def refused(act) -> DomainError:
    with pytest.raises(DomainError) as caught:
        act()
    return caught.value


def paper(member, kind: str = "licence", *, until=None, **more) -> Credential:
    """Valid since last year, to its last day."""
    by = factories.a_manager(member.clinic).user
    details = {"issuer": "NMC", "valid_from": TODAY - timedelta(days=400), "valid_until": until} | more
    return services.add(membership=member, by=by, kind=kind, **details)


def opened(visit) -> TreatmentSession:
    visit.refresh_from_db()
    if visit.status != "arrived":
        factories.arrive(visit)
    factories.screen_today(visit.patient)
    return sessions.open_session(visit=visit, by=visit.clinician, acknowledged=[])


@pytest.mark.django_db
class TestTheDoor:
    def test_without_any_on_record_nobody_is_asked(self, visit_today):
        assert opened(visit_today).is_open

    @pytest.mark.parametrize(("kind", "words"), [("licence", "registration or licence"), ("training", "training in microneedling")])  # fmt: skip
    def test_one_that_ended_opens_no_session_and_is_named(self, visit_today, clinician_member, kind, words):
        paper(clinician_member, kind, until=YESTERDAY)
        said = refused(lambda: opened(visit_today))
        assert said.sentence.startswith(f"Noor Adeyemi: {words} ended on 8 March 2027.")
        assert not TreatmentSession.objects.exists()

    def test_its_last_day_counts_and_a_renewal_stands_beside_it(self, visit_today, clinician_member):
        paper(clinician_member, until=TODAY)
        paper(clinician_member, "training", until=YESTERDAY)
        assert "training" in refused(lambda: opened(visit_today)).sentence
        paper(clinician_member, "training", valid_from=TODAY)
        assert opened(visit_today).is_open

    def test_one_that_begins_tomorrow_is_not_valid_today(self, visit_today, clinician_member):
        paper(clinician_member, valid_from=TOMORROW)
        assert "is not valid before 10 March 2027" in refused(lambda: opened(visit_today)).sentence

    def test_one_taken_from_her_closes_the_door_and_one_entered_in_error_does_not(self, visit_today, clinician_member, manager_member):  # fmt: skip
        wrong, taken = paper(clinician_member), paper(clinician_member, "training")
        services.withdraw(credential=wrong, in_error=True, reason="Of a colleague", by=manager_member.user)
        services.withdraw(credential=taken, in_error=False, reason="Suspended", by=manager_member.user)
        assert (
            "training in microneedling was withdrawn on 9 March 2027" in refused(lambda: opened(visit_today)).sentence
        )
        paper(clinician_member, "training", until=TODAY)
        assert opened(visit_today).is_open

    def test_other_papers_and_those_of_a_colleague_close_nothing(
        self, visit_today, clinician_member, prescriber_member
    ):
        paper(clinician_member, "other", name="Life support", until=YESTERDAY)
        paper(prescriber_member, until=YESTERDAY)
        assert opened(visit_today).is_open

    @pytest.mark.parametrize("kind", ["licence", "training"])
    def test_the_database_refuses_it_whatever_writes(self, visit_today, clinician_member, kind):
        paper(clinician_member, kind, until=YESTERDAY)
        factories.screen_today(visit_today.patient)
        row = {"screening_id": a_record(visit_today.patient).pk}
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            insert_session(visit_today, **row)
        assert promise_broken(caught) == f"session_{kind}_in_date"
        with gate_off("session_operator_may_treat"):
            insert_session(visit_today, **row)

    def test_the_page_before_a_session_says_so_before_the_press(self, clinician, visit_today, clinician_member):
        paper(clinician_member, until=YESTERDAY)
        visit = factories.arrive(visit_today)
        factories.screen_today(visit.patient)
        url = reverse("treatments:open_session", args=[visit.ref])
        shown = text(clinician.get(url))
        assert "You cannot open a session today" in shown and "ended on 8 March 2027" in shown
        assert "Open the session" not in shown
        answer = clinician.post(url, {"submit_token": str(uuid.uuid4())})
        assert answer.status_code == 422 and not TreatmentSession.objects.exists()

    def test_a_session_that_is_open_goes_on(self, open_session, clinician_member):
        paper(clinician_member, until=YESTERDAY)
        assert sessions.complete(session=factories.chart(open_session), by=open_session.operator).signed_at


@pytest.mark.django_db
class TestThePages:
    def test_it_is_added_put_right_and_withdrawn(self, manager, clinician, clinician_member):
        page = reverse("treatments:credentials_of", args=[clinician_member.ref])
        assert "Nothing is kept yet" in text(clinician.get(page))
        assert press(manager, "credential_new", clinician_member, **TYPED).status_code == 302
        row = Credential.objects.get()
        assert "12A3456E NMC Thu 1 Jan 2026 Sun 31 Dec 2028 Valid" in text(clinician.get(page))
        press(manager, "credential_change", row, **TYPED | {"valid_until": ""})
        assert "no end" in text(clinician.get(page))
        press(manager, "credential_withdraw", row, what="taken", reason="Struck off")
        shown = text(clinician.get(page))
        assert "Struck off" in shown and "No session opens under this name today" in shown
        assert press(manager, "credential_change", row, **TYPED).status_code == 422
        acts = AuditEvent.objects.filter(target_ref=row.ref).order_by("id").values_list("action", flat=True)
        assert list(acts) == ["credential.added", "credential.changed", "credential.withdrawn"]

    @pytest.mark.parametrize(
        ("typed", "field", "said"),
        [
            ({"kind": ""}, "kind", "Choose what it is."),
            ({"kind": "driving"}, "kind", "Choose what it is."),
            ({"kind": "other"}, "name", "Say what it is."),
            ({"issuer": ""}, "issuer", "Enter who gave it."),
            ({"valid_from": ""}, "valid_from", "Enter its first day."),
            ({"valid_until": "2025-12-31"}, "valid_until", "It ends on the day it begins or later."),
            ({"valid_until": "31/02/2028"}, "valid_until", "Write a day, for example 2025-03-09."),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(self, manager, clinician_member, typed, field, said):  # fmt: skip
        answer = press(manager, "credential_new", clinician_member, **TYPED | typed)
        assert answer.status_code == 422 and answer.context["form"].errors == {field: [said]}
        assert 'value="12A3456E"' in answer.content.decode() and not Credential.objects.exists()

    def test_a_reason_and_what_happened_are_asked_for(self, manager, clinician_member):
        row = paper(clinician_member)
        answer = press(manager, "credential_withdraw", row)
        assert answer.context["form"].errors == {
            "what": ["Choose what happened."],
            "reason": ["Write why it no longer counts."],
        }
        assert refused(lambda: services.withdraw(credential=row, in_error=True, reason=" ", by=manager.membership.user)).field == "reason"  # fmt: skip

    def test_the_worklist_has_what_ends_within_60_days_with_nothing_behind_it(self, manager, clinician, desk, clinician_member, prescriber_member):  # fmt: skip
        paper(clinician_member, until=TODAY + timedelta(days=60))
        paper(clinician_member, "training", until=TODAY + timedelta(days=61))
        paper(clinician_member, "other", name="Life support", until=YESTERDAY)
        paper(prescriber_member, until=TODAY + timedelta(days=3))
        paper(prescriber_member, until=TODAY + timedelta(days=900))
        for client in (manager, clinician):
            shown = text(client.get("/worklists/"))
            assert "Credentials that end 2" in shown
            assert (
                "Noor Adeyemi Registration or licence Sat 8 May 2027 Ends soon no session opens after that day" in shown
            )
            assert "Noor Adeyemi Life support Mon 8 Mar 2027 Ended" in shown
            assert "Dr Ines Halloran" not in shown.split("Credentials that end", 2)[2]
        assert "Credentials that end" not in text(desk.get("/worklists/"))

    def test_a_renewal_that_begins_after_a_gap_does_not_hide_the_gap(self, clinic, clinician_member, prescriber_member):
        """She would treat on Friday and be turned away on Saturday, with a patient who has been numbed."""
        paper(clinician_member, until=TODAY + timedelta(days=4))
        paper(clinician_member, valid_from=TODAY + timedelta(days=6), until=TODAY + timedelta(days=900))
        paper(prescriber_member, until=TODAY + timedelta(days=4))
        paper(prescriber_member, valid_from=TODAY + timedelta(days=5), until=TODAY + timedelta(days=900))
        (one,) = services.ending(clinic, today=TODAY)
        assert (one.membership, one.ends_on) == (clinician_member, TODAY + timedelta(days=4))
        (one,) = services.ending(clinic, today=TODAY + timedelta(days=5))
        assert (one.is_valid, one.ends_on) == (False, TODAY + timedelta(days=4))
        assert services.ending(clinic, today=TODAY + timedelta(days=6)) == []

    def test_of_one_that_ended_long_ago_its_own_last_day_is_told(self, clinic, clinician_member):
        paper(clinician_member, until=TODAY - timedelta(days=30))
        paper(clinician_member, until=TODAY - timedelta(days=90))
        (one,) = services.ending(clinic, today=TODAY)
        assert (one.is_valid, one.ends_on) == (False, TODAY - timedelta(days=30))

    def test_one_that_is_yet_to_begin_is_told_too(self, clinic, clinician_member):
        paper(clinician_member, valid_from=TODAY + timedelta(days=1), until=TODAY + timedelta(days=900))
        (one,) = services.ending(clinic, today=TODAY)
        assert (one.is_valid, one.ends_on) == (False, YESTERDAY)

    def test_one_of_another_clinic_is_absent(self, stranger, clinician_member):
        row = paper(clinician_member)
        for name in ("credential_change", "credential_withdraw"):
            assert press(stranger, name, row, **TYPED).status_code == 404

    def test_nothing_is_deleted(self, clinician_member):
        row = paper(clinician_member)
        with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
            Credential.objects.filter(pk=row.pk).delete()
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            Credential.objects.filter(pk=row.pk).update(entered_in_error=True)
        assert constraint_name(caught.value) == "credential_withdrawn_says_who_and_why"

    @pytest.mark.parametrize("path", [ALL, "/worklists/"])
    def test_the_lists_cost_the_same_for_many(self, manager, clinic, clinician_member, path):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert manager.get(path).status_code == 200
            return len(captured)

        paper(clinician_member, until=TOMORROW)
        manager.get(path)
        few = queries()
        for number in range(5):
            member = factories.make_member(clinic, "clinician", name=f"Nurse {number}")
            paper(member, until=TOMORROW)
            paper(member, "training", until=TOMORROW)
        assert queries() == few


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_of_credentials_in_every_view(visitors, visit_today, clinician_member, manager_member):
    paper(clinician_member, until=YESTERDAY, number="12A3456E")
    paper(clinician_member, "training", until=TODAY + timedelta(days=41))
    manager = visitors().sign_in(manager_member)
    manager.open(ALL)
    wrong = wrong_in_every_view(manager, "credentials")
    manager.open(reverse("treatments:credentials_of", args=[clinician_member.ref]))
    wrong += wrong_in_every_view(manager, "credentials-of")
    page = manager.open(reverse("treatments:credential_new", args=[clinician_member.ref]))
    page.get_by_role("button", name="Add it").click()
    page.get_by_text("Enter who gave it.", exact=True).first.wait_for()
    wrong += wrong_in_every_view(manager, "credential-refused")
    manager.open("/worklists/")
    wrong += wrong_in_every_view(manager, "worklists-credentials")
    who = visitors().sign_in(clinician_member)
    visit = factories.arrive(visit_today)
    factories.screen_today(visit.patient)
    who.open(reverse("treatments:open_session", args=[visit.ref]))
    wrong += wrong_in_every_view(who, "open-lapsed")
    assert wrong == []
