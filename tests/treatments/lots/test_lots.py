"""Cartridge lots: listed, counted, withdrawn; never named by a session they may not be in; and whom a lot has met."""

import re
import uuid
from datetime import date, time, timedelta
from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import DomainError
from clinic.models import AuditEvent
from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import wrong_in_every_view
from tests.treatments.sessions.gate_world import gate_off, promise_broken
from treatments.sessions import services as sessions
from treatments.sessions.lots import services
from treatments.sessions.models import CartridgeLot, TreatmentSession

LOTS = "/settings/equipment/lots/"


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def press(client, name: str, row: CartridgeLot | None = None, **typed):
    url = reverse(f"treatments:{name}", args=[row.ref] if row else [])
    return client.post(url, {"submit_token": str(uuid.uuid4())} | typed)


def said_at(response) -> dict[str, str]:
    return {name: errors[0] for name, errors in response.context["form"].errors.items()}


def a_lot(clinic, name: str = "NEW-1", **details) -> CartridgeLot:
    details = {"expires_on": TODAY + timedelta(days=200), "received": 10} | details
    return CartridgeLot.objects.create(clinic=clinic, lot=name, **details)


def put_in(session: TreatmentSession, lot: CartridgeLot, serial: str = ""):
    now = TreatmentSession.objects.get(pk=session.pk)
    return sessions.set_cartridge(
        session=now, version=now.version, device=now.clinic.devices.first(), lot=lot, serial=serial, by=now.operator
    )


def another_session(session: TreatmentSession) -> TreatmentSession:
    return factories.open_session(factories.make_visit_today(factories.make_patient(session.clinic), at=time(14)))


def refused(act) -> DomainError:
    with pytest.raises(DomainError) as caught:
        act()
    return caught.value


@pytest.mark.django_db
class TestThePage:
    def test_a_lot_is_listed_changed_withdrawn_and_put_back(self, manager, clinic):
        typed = {"lot": " MP-1 ", "expires_on": "2028-01-31", "needles": "12", "received": "100"}
        assert press(manager, "lot_new", **typed).status_code == 302
        lot = clinic.cartridge_lots.get(lot="MP-1")
        press(manager, "lot_change", lot, **typed | {"lot": "MP-1A", "received": "90"})
        lot.refresh_from_db()
        assert (lot.lot, lot.received) == ("MP-1A", 90)
        press(manager, "lot_out", lot, reason="damaged", note="Box was wet")
        assert "MP-1A expires Mon 31 Jan 2028 Damaged Box was wet" in text(manager.get(LOTS))
        press(manager, "lot_back", lot)
        lot.refresh_from_db()
        assert (lot.in_use, lot.out_reason, lot.out_at) == (True, "", None)
        acts = list(AuditEvent.objects.filter(action__startswith="cartridge_lot.").values_list("action", flat=True))
        assert sorted(acts) == ["cartridge_lot.added", "cartridge_lot.back", "cartridge_lot.changed", "cartridge_lot.withdrawn"]  # fmt: skip

    @pytest.mark.parametrize(
        ("typed", "field", "said"),
        [
            ({"lot": ""}, "lot", "Enter the lot."),
            ({"lot": "MP36-2611B"}, "lot", "This lot is already listed."),
            ({"expires_on": "2027-03-08"}, "expires_on", "It expired on 8 March 2027. Look at the pack again."),
            ({"expires_on": "soon"}, "expires_on", "Write a day, for example 2025-03-09."),
            ({"needles": "0"}, "needles", "Enter a whole number of needles, 1 to 200."),
            ({"received": "many"}, "received", "Enter a whole number of cartridges, 10,000 at most."),
        ],
    )
    def test_what_cannot_be_is_said_and_nothing_typed_is_lost(self, manager, clinic, typed, field, said):
        whole = {"lot": "MP-2", "expires_on": "2028-01-31", "needles": "12", "received": "70"} | typed
        answer = press(manager, "lot_new", **whole)
        assert answer.status_code == 422 and said_at(answer) == {field: said}
        assert all(f'value="{value}"' in answer.content.decode() for value in whole.values() if value)
        assert clinic.cartridge_lots.count() == 1

    def test_a_second_press_lists_no_second_lot(self, manager, clinic):
        typed = {"lot": "MP-3", "expires_on": "2028-01-31", "submit_token": str(uuid.uuid4())}
        assert [press(manager, "lot_new", **typed).status_code for _ in range(2)] == [302, 302]
        assert clinic.cartridge_lots.filter(lot="MP-3").count() == 1

    def test_few_left_and_an_expiry_near_speak_up(self, clinician, clinic, open_session):
        a_lot(clinic, "LOW", received=5)
        a_lot(clinic, "NOT-LOW", received=6)
        a_lot(clinic, "SOON", expires_on=TODAY + timedelta(days=30))
        a_lot(clinic, "LATER", expires_on=TODAY + timedelta(days=31))
        a_lot(clinic, "TODAY", expires_on=TODAY)
        a_lot(clinic, "GONE", expires_on=TODAY - timedelta(days=1))
        one = a_lot(clinic, "ONE", received=1)
        put_in(open_session, one)
        said = text(clinician.get(LOTS))
        assert said.count("Few left") == 1 and "5 Few left" in said
        assert "Expires in 30 days" in said and "Expires in 31 days" not in said and "Expires today" in said
        assert "1 1 0 None left" in said and said.count("Expired") == 1

    def test_an_empty_list_says_what_comes_next(self, manager, clinician, clinic):
        clinic.cartridge_lots.all().delete()
        assert "No lot is in use" in text(manager.get(LOTS)) and "Add a lot" in text(manager.get(LOTS))
        assert "ask a manager" in text(clinician.get(LOTS))

    def test_the_page_costs_the_same_with_many_lots(self, manager, clinic):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert manager.get(LOTS).status_code == 200
            return len(captured)

        manager.get(LOTS)
        few = queries()
        for number in range(20):
            services.take_lot_out(lot=a_lot(clinic, f"L{number}"), reason="damaged", by=manager.membership.user)
            a_lot(clinic, f"M{number}")
        assert queries() == few


@pytest.mark.django_db
class TestWhatASessionMayName:
    def test_a_withdrawn_lot_is_not_offered_and_is_refused(self, clinician, clinic, open_session, manager_member):
        lot = a_lot(clinic)
        page = reverse("treatments:session", args=[open_session.ref]) + "?step=treat"
        assert "NEW-1" in clinician.get(page).content.decode()
        services.take_lot_out(lot=lot, reason="recalled", by=manager_member.user)
        assert "NEW-1" not in clinician.get(page).content.decode()
        said = refused(lambda: put_in(open_session, lot))
        assert said.field == "lot" and said.sentence.startswith("Lot NEW-1 was withdrawn: recalled.")
        again = refused(lambda: sessions.add_lot(session=open_session, lot="NEW-1", expires_on=lot.expires_on, by=open_session.operator))  # fmt: skip
        assert again.field == "new_lot"

    @pytest.mark.parametrize("typed", ["new-1", " New-1 ", "NEW-1"])
    def test_a_recall_meets_a_lot_however_the_chair_types_it(self, open_session, manager_member, typed):
        lot = a_lot(open_session.clinic)
        services.take_lot_out(lot=lot, reason="recalled", by=manager_member.user)
        said = refused(lambda: sessions.add_lot(session=open_session, lot=typed, expires_on=lot.expires_on, by=open_session.operator))  # fmt: skip
        assert "was withdrawn: recalled" in said.sentence
        said = refused(lambda: services.list_lot(clinic=open_session.clinic, lot=typed, expires_on=lot.expires_on, by=manager_member.user))  # fmt: skip
        assert (said.field, said.sentence) == ("lot", "This lot is already listed.")
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            a_lot(open_session.clinic, typed.strip())
        assert promise_broken(caught) == "cartridge_lot_once"

    def test_the_case_of_a_lots_own_number_is_put_right(self, clinic, manager_member):
        lot = a_lot(clinic, "new-1")
        services.change_lot(lot=lot, name="NEW-1", expires_on=lot.expires_on, received=10, by=manager_member.user)
        lot.refresh_from_db()
        assert lot.lot == "NEW-1"

    def test_the_last_cartridge_is_taken_once_and_kept_by_the_session_that_has_it(self, open_session):
        lot = a_lot(open_session.clinic, received=1)
        put_in(open_session, lot, "A")
        put_in(open_session, lot, "A1")
        other = another_session(open_session)
        said = refused(lambda: put_in(other, lot, "B"))
        assert said.field == "lot" and "No cartridge of Lot NEW-1 is left." in said.sentence
        sessions.mark_entered_in_error(session=open_session, reason="Wrong patient", by=open_session.operator)
        assert put_in(other, lot, "B").cartridge_lot == lot

    @pytest.mark.parametrize(
        ("state", "promise"),
        [
            ({"in_use": False, "out_reason": "recalled"}, "session_cartridge_not_withdrawn"),
            ({"expires_on": TODAY - timedelta(days=1)}, "session_cartridge_in_date"),
        ],
    )
    def test_the_database_refuses_it_whatever_writes(self, open_session, state, promise):
        lot = a_lot(open_session.clinic, **state)

        def write() -> None:
            TreatmentSession.objects.filter(pk=open_session.pk).update(cartridge_lot=lot)

        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            write()
        assert promise_broken(caught) == promise
        with gate_off("session_cartridge_may_be_used"):
            write()

    def test_the_lot_of_another_clinic_is_refused_by_the_database(self, open_session, other_clinic):
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            TreatmentSession.objects.filter(pk=open_session.pk).update(
                cartridge_lot=other_clinic.cartridge_lots.first()
            )
        assert promise_broken(caught) == "session_cartridge_of_its_clinic"

    def test_a_lot_recalled_while_its_needle_is_at_work_does_not_lose_the_session(self, clinician, open_session, manager_member):  # fmt: skip
        charted = factories.chart(open_session)
        services.take_lot_out(lot=charted.cartridge_lot, reason="recalled", by=manager_member.user)
        page = reverse("treatments:session", args=[open_session.ref]) + "?step=treat"
        assert "Withdrawn: take another" in text(clinician.get(page))
        assert sessions.complete(session=charted, by=charted.operator).signed_at

    def test_why_a_lot_is_withdrawn_is_asked_by_the_database_too(self, clinic):
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            clinic.cartridge_lots.update(in_use=False)
        assert promise_broken(caught) == "cartridge_lot_out_says_why"

    def test_a_lot_that_a_session_names_keeps_its_number_and_is_never_fewer_than_its_use(self, done_session, manager_member):  # fmt: skip
        lot, by = done_session.cartridge_lot, manager_member.user
        same = {"name": lot.lot, "expires_on": lot.expires_on, "needles": lot.needles}
        assert refused(lambda: services.change_lot(lot=lot, by=by, **same | {"name": "X"})).field == "lot"
        later = {"expires_on": date(2030, 1, 1)}
        assert refused(lambda: services.change_lot(lot=lot, by=by, **same | later)).field == "expires_on"
        assert refused(lambda: services.change_lot(lot=lot, by=by, received=0, **same)).field == "received"
        assert services.change_lot(lot=lot, by=by, received=1, **same).received == 1

    def test_a_recalled_lot_comes_back_only_when_the_reason_is_corrected(self, manager, clinic):
        lot = a_lot(clinic)
        press(manager, "lot_out", lot, reason="recalled")
        press(manager, "lot_back", lot)
        assert not CartridgeLot.objects.get(pk=lot.pk).in_use
        press(manager, "lot_out", lot, reason="damaged")
        press(manager, "lot_back", lot)
        assert CartridgeLot.objects.get(pk=lot.pk).in_use

    def test_a_reason_that_is_none_is_refused(self, manager, clinic, manager_member):
        lot = a_lot(clinic)
        assert said_at(press(manager, "lot_out", lot, reason="tired")) == {"reason": "Choose why the lot is withdrawn."}
        assert refused(lambda: services.take_lot_out(lot=lot, reason="", by=manager_member.user)).field == "reason"


@pytest.mark.django_db
class TestWhoHadIt:
    def test_patients_sessions_and_reactions_and_each_look_goes_on_record(self, clinician, done_session):
        lot = done_session.cartridge_lot
        sessions.report_adverse_event(session=done_session, code="erythema", grade=2, note="", by=done_session.operator.user)  # fmt: skip
        url = reverse("treatments:lot_trace", args=[lot.ref])
        assert "Leila Haddad" not in text(clinician.get(url))
        assert not AuditEvent.objects.filter(action="cartridge_lot.traced").exists()
        shown = text(press(clinician, "lot_trace", lot))
        assert "Leila Haddad" in shown and "1 session, 1 patient, 1 reaction" in shown and "grade 2, open" in shown
        press(clinician, "lot_trace", lot)
        looks = AuditEvent.objects.filter(action="cartridge_lot.traced", target_ref=lot.ref)
        assert [(look.by, look.facts) for look in looks] == [(clinician.membership.user, {"sessions": 1})] * 2

    def test_a_session_entered_in_error_is_shown_as_one(self, clinician, done_session):
        sessions.mark_entered_in_error(session=done_session, reason="Wrong patient", by=done_session.operator)
        assert "Entered in error" in text(press(clinician, "lot_trace", done_session.cartridge_lot))

    def test_a_lot_nobody_had_says_so(self, clinician, clinic):
        assert "No session has named this lot" in text(press(clinician, "lot_trace", a_lot(clinic)))

    def test_a_manager_who_is_no_clinician_does_not_see_it(self, manager, done_session, manager_member):
        assert press(manager, "lot_trace", done_session.cartridge_lot).status_code == 403
        lot = done_session.cartridge_lot
        assert "Only a clinician" in refused(lambda: services.who_had(lot=lot, by=manager_member)).sentence

    def test_it_costs_the_same_for_many_sessions(self, clinician, done_session):
        lot = done_session.cartridge_lot

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert press(clinician, "lot_trace", lot).status_code == 200
            return len(captured)

        queries()
        few = queries()
        for number, at in enumerate((time(13), time(14, 30))):
            other = factories.make_visit_today(factories.make_patient(lot.clinic), at=at)
            put_in(factories.open_session(other), lot, f"S{number}")
        assert queries() == few


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_of_lots_in_every_view(visitors, done_session, manager_member, clinician_member):
    clinic = done_session.clinic
    a_lot(clinic, "LOW-4", received=4, expires_on=TODAY + timedelta(days=12))
    services.take_lot_out(lot=a_lot(clinic, "MP36-2411D"), reason="recalled", note="Field safety notice 2026-118", by=manager_member.user)  # fmt: skip
    manager = visitors().sign_in(manager_member)
    manager.open(LOTS)
    wrong = wrong_in_every_view(manager, "lots")
    manager.open(f"{LOTS}new/").get_by_role("button", name="Add the lot").click()
    manager.page.get_by_text("Enter the lot.", exact=True).wait_for()
    wrong += wrong_in_every_view(manager, "lot-new-refused")
    manager.open(f"{LOTS}{CartridgeLot.objects.get(lot='LOW-4').ref}/out/")
    wrong += wrong_in_every_view(manager, "lot-out")
    who = visitors().sign_in(clinician_member)
    who.open(f"{LOTS}{done_session.cartridge_lot.ref}/patients/").get_by_role(
        "button", name="Show the patients"
    ).click()
    who.page.get_by_text("Leila Haddad").first.wait_for()
    wrong += wrong_in_every_view(who, "lot-trace")
    assert wrong == []
