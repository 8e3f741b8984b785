"""Products for needled skin: listed by a manager, let on it by a prescriber, recorded at the chair; the rest is refused."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import DomainError, constraint_name
from clinic.models import AuditEvent
from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import wrong_in_every_view
from treatments.rules.products import services
from treatments.rules.products.models import DOUBTS, SkinProduct
from treatments.sessions import services as sessions
from treatments.sessions import skin_products
from treatments.sessions.models import SessionProduct, TreatmentSession

PRODUCTS = "/settings/equipment/products/"
NEXT_YEAR = TODAY + timedelta(days=300)


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def press(client, page: str, row=None, /, **typed):
    url = reverse(f"treatments:{page}", args=[row.ref] if row else [])
    return client.post(url, {"submit_token": str(uuid.uuid4())} | typed)


def refused(act) -> DomainError:
    with pytest.raises(DomainError) as caught:
        act()
    return caught.value


@pytest.fixture
def gel(clinic, manager_member, prescriber_member) -> SkinProduct:
    product = services.list_product(clinic=clinic, name="Hyaluronic gel", by=manager_member.user)
    return services.approve(product=product, reason="", by=prescriber_member)


@pytest.fixture
def serum(clinic, manager_member) -> SkinProduct:
    return services.list_product(clinic=clinic, name="Bright serum", by=manager_member.user, vitamin_c=True)


def put_on(session, product, **differing) -> SessionProduct:
    typed = {"lot": "HA-1", "expires_on": NEXT_YEAR, "ml": Decimal("1.5")} | differing
    return skin_products.put_on(session=session, product=product, by=session.operator, **typed)


def treat_page(client, session):
    return client.get(reverse("treatments:session", args=[session.ref]) + "?step=treat")


@pytest.mark.django_db
class TestTheList:
    def test_a_product_is_not_approved_until_a_prescriber_says_so(self, manager, prescriber, clinician, clinic):
        assert "No product is listed" in text(clinician.get(PRODUCTS))
        assert press(manager, "product_new", name="Gel", maker="Maker").status_code == 302
        gel = clinic.skin_products.get()
        assert "Gel Maker No no prescriber has approved it yet" in text(clinician.get(PRODUCTS))
        assert press(manager, "product_approve", gel, reason="x").status_code == 403
        assert press(prescriber, "product_approve", gel, reason="", seen=gel.described).status_code == 302
        assert "Yes Dr Ines Halloran, since Tue 9 Mar 2027" in text(manager.get(PRODUCTS))
        assert press(prescriber, "product_take_back", gel, reason="").context["form"].errors == {"reason": ["Write why the approval is taken back."]}  # fmt: skip
        press(prescriber, "product_take_back", gel, reason="The maker changed it")
        assert "Gel Maker No The maker changed it" in text(clinician.get(PRODUCTS))
        acts = AuditEvent.objects.filter(target_ref=gel.ref).order_by("id").values_list("action", flat=True)
        assert list(acts) == ["skin_product.added", "skin_product.approved", "skin_product.taken_back"]

    @pytest.mark.parametrize("what", DOUBTS)
    def test_what_speaks_against_it_is_shown_and_asks_for_a_reason(self, manager, prescriber, clinic, what):
        press(manager, "product_new", **{"name": "Serum", what: "on"})
        serum = clinic.skin_products.get()
        assert DOUBTS[what] in text(manager.get(PRODUCTS))
        answer = press(prescriber, "product_approve", serum, reason=" ", seen=serum.described)
        assert answer.status_code == 422 and "Write why it is approved all the same." in text(answer)
        assert DOUBTS[what] in text(answer) and not SkinProduct.objects.get().is_approved
        assert (
            press(prescriber, "product_approve", serum, reason="Patch test study", seen=serum.described).status_code
            == 302
        )
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            SkinProduct.objects.update(reason="")
        assert constraint_name(caught.value) == "skin_product_in_doubt_says_why"

    def test_a_page_that_stood_open_while_the_product_was_changed_approves_nothing(self, manager, prescriber, clinic, prescriber_member):  # fmt: skip
        press(manager, "product_new", name="Gel", maker="Old maker")
        gel = clinic.skin_products.get()
        seen = prescriber.get(reverse("treatments:product_approve", args=[gel.ref])).context["form"].initial["seen"]
        assert seen == "Gel, Old maker, no doubtful contents"
        press(manager, "product_change", gel, name="Gel", maker="New maker", tinted="on")
        answer = press(prescriber, "product_approve", gel, reason="I know it", seen=seen)
        assert answer.status_code == 422
        assert "changed while you read" in text(answer) and "Gel, New maker, tinted" in text(answer)
        assert 'value="Gel, New maker, tinted"' in answer.content.decode()  # the next press is about this one
        with pytest.raises(DomainError, match="changed while you read"):
            services.approve(product=gel, reason="I know it", by=prescriber_member, seen=seen)
        assert not SkinProduct.objects.get().is_approved

    def test_an_approval_ends_when_the_product_becomes_another(self, manager, gel):
        same = {"name": "Hyaluronic gel", "maker": ""}
        press(manager, "product_change", gel, **same)
        assert SkinProduct.objects.get().is_approved
        assert "any change here ends the approval" in text(manager.get(f"{PRODUCTS}{gel.ref}/"))
        press(manager, "product_change", gel, **same, fragrance="on")
        assert not SkinProduct.objects.get().is_approved
        assert "changed after it was approved" in text(manager.get(PRODUCTS))

    def test_names_are_asked_for_and_stand_once(self, manager, gel):
        assert press(manager, "product_new", name="").context["form"].errors["name"] == [
            "Enter the name of the product."
        ]
        again = press(manager, "product_new", name="hyaluronic GEL", maker="Kept")
        assert again.status_code == 422 and "Another product has this name already" in text(again)
        assert 'value="Kept"' in again.content.decode()

    def test_only_a_prescriber_decides_whoever_asks(self, gel, clinician_member):
        assert (
            "Only a prescriber"
            in refused(lambda: services.approve(product=gel, reason="", by=clinician_member)).sentence
        )
        assert "Only a prescriber" in refused(lambda: services.take_back(product=gel, reason="x", by=clinician_member)).sentence  # fmt: skip

    def test_it_costs_the_same_with_many_products(self, manager, clinic, gel, prescriber_member):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert manager.get(PRODUCTS).status_code == 200
            return len(captured)

        manager.get(PRODUCTS)
        few = queries()
        for number in range(10):
            one = services.list_product(clinic=clinic, name=f"P{number}", by=manager.membership.user)
            services.approve(product=one, reason="", by=prescriber_member)
        assert queries() == few


@pytest.mark.django_db
class TestAtTheChair:
    TYPED = {"product_lot": "HA-1", "product_expires_on": NEXT_YEAR.isoformat(), "ml": "1.5"}

    def test_what_is_approved_is_offered_recorded_and_stands_in_what_is_signed(
        self, clinician, open_session, gel, serum
    ):
        shown = treat_page(clinician, open_session).content.decode()
        assert str(gel.ref) in shown and str(serum.ref) not in shown
        assert press(clinician, "session_product", open_session, product=gel.ref, **self.TYPED).status_code == 302
        assert "Hyaluronic gel HA-1 Jan 2028 1.5" in text(treat_page(clinician, open_session))
        signed = sessions.complete(session=factories.chart(open_session), by=open_session.operator)
        page = text(clinician.get(reverse("treatments:session", args=[signed.ref])))
        assert "Hyaluronic gel, lot HA-1, expires 3 January 2028, 1.5 ml; approved by Dr Ines Halloran" in page

    @pytest.mark.parametrize(
        ("typed", "field", "said"),
        [
            ({"product": ""}, "product", "Choose the product."),
            ({"product": str(uuid.uuid4())}, "product", "This product is not approved for needled skin. Choose one from the list."),
            ({"product_lot": ""}, "product_lot", "Enter the lot that stands on the pack."),
            ({"product_expires_on": ""}, "product_expires_on", "Enter the expiry that stands on the pack."),
            ({"product_expires_on": "2027-03-08"}, "product_expires_on", "It expired on 8 March 2027. Take one that is in date."),
            ({"ml": "0"}, "ml", "Enter the millilitres with one decimal, for example 1.5."),
            ({"ml": "much"}, "ml", "Enter the millilitres with one decimal, for example 1.5."),
        ],
    )  # fmt: skip
    def test_it_is_refused_at_its_field_and_nothing_typed_is_lost(
        self, clinician, open_session, gel, typed, field, said
    ):
        whole = {"product": gel.ref, **self.TYPED} | typed
        answer = press(clinician, "session_product", open_session, **whole)
        assert answer.status_code == 422
        assert answer.context["product_form"].errors == {field: [said]}
        if field != "product_lot":
            assert 'value="HA-1"' in answer.content.decode()
        assert not SessionProduct.objects.exists()

    def test_what_no_prescriber_has_approved_is_refused_by_the_service_with_the_reason(self, open_session, serum):
        said = refused(lambda: put_on(open_session, serum))
        assert said.field == "product" and DOUBTS["vitamin_c"] in said.sentence

    def test_what_the_clinic_gave_up_is_refused(self, open_session, gel, manager_member):
        services.use_product(product=gel, in_use=False, by=manager_member.user)
        assert "not used here any more" in refused(lambda: put_on(open_session, gel)).sentence

    def test_the_same_lot_is_written_down_once(self, clinician, open_session, gel):
        put_on(open_session, gel)
        answer = press(clinician, "session_product", open_session, product=gel.ref, **self.TYPED)
        assert answer.context["product_form"].errors == {"product_lot": ["This product with this lot is written down already."]}  # fmt: skip

    @pytest.mark.parametrize(
        ("product", "row", "promise"),
        [
            ({"approved_at": None, "approved_by": None}, {}, "session_product_is_approved"),
            ({"in_use": False}, {}, "session_product_is_approved"),
            ({}, {"expires_on": TODAY - timedelta(days=1)}, "session_product_in_date"),
            ({}, {"lot": " "}, "session_product_names_its_lot"),
        ],
    )
    def test_the_database_refuses_it_whatever_writes(self, open_session, gel, product, row, promise):
        SkinProduct.objects.filter(pk=gel.pk).update(**product)
        who = open_session.operator.user
        typed = {"lot": "HA-1", "expires_on": NEXT_YEAR, "name": "x", "approved_by": who, "by": who} | row
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            SessionProduct.objects.create(session=open_session, product=gel, **typed)
        assert constraint_name(caught.value) == promise

    def test_another_clinics_product_is_absent_and_refused_by_the_database(self, open_session, other_clinic, gel):
        SkinProduct.objects.filter(pk=gel.pk).update(clinic=other_clinic)
        who = open_session.operator.user
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            SessionProduct.objects.create(
                session=open_session, product=gel, lot="x", expires_on=NEXT_YEAR, name="x", approved_by=who, by=who
            )
        assert constraint_name(caught.value) == "session_product_is_approved"

    def test_a_mistake_is_taken_out_while_the_session_is_open_and_never_after(self, clinician, open_session, gel):
        press(clinician, "session_product_off", put_on(open_session, gel))
        assert not SessionProduct.objects.exists()
        row = put_on(open_session, gel)
        sessions.complete(session=factories.chart(open_session), by=open_session.operator)
        press(clinician, "session_product_off", row)
        assert SessionProduct.objects.get() == row
        for act in (lambda: SessionProduct.objects.all().delete(), lambda: SessionProduct.objects.update(lot="X")):
            with pytest.raises(IntegrityError) as caught, transaction.atomic():
                act()
            assert constraint_name(caught.value) == "session_signed_is_fixed"
        assert "no longer changes" in refused(lambda: put_on(TreatmentSession.objects.get(), gel, lot="HA-2")).sentence

    def test_an_approval_taken_back_leaves_what_was_recorded(self, open_session, gel, prescriber_member):
        put_on(open_session, gel)
        services.take_back(product=gel, reason="Recall", by=prescriber_member)
        signed = sessions.complete(session=factories.chart(open_session), by=open_session.operator)
        assert signed.products.get().approved_by == prescriber_member.user

    def test_without_an_approved_product_the_chair_says_so(self, clinician, open_session, serum):
        assert "nothing but saline goes on it" in text(treat_page(clinician, open_session))


@pytest.mark.django_db
class TestWhoHadIt:
    def test_patients_and_lots_are_shown_by_a_press_that_goes_on_record(self, clinician, manager, open_session, gel):
        url = reverse("treatments:product_trace", args=[gel.ref])
        assert "No session has put it on" in text(clinician.post(url))
        put_on(open_session, gel)
        assert "Leila Haddad" not in text(clinician.get(url))
        shown = text(clinician.post(url))
        assert "1 time, 1 patient" in shown and "Leila Haddad" in shown and "HA-1" in shown
        looks = AuditEvent.objects.filter(action="skin_product.traced", target_ref=gel.ref).order_by("id")
        assert [look.facts for look in looks] == [{"sessions": 0}, {"sessions": 1}]
        assert manager.post(url).status_code == 403
        assert "Only a clinician" in refused(lambda: skin_products.who_had(product=gel, by=manager.membership)).sentence

    def test_it_costs_the_same_for_many(self, clinician, open_session, gel):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                clinician.post(reverse("treatments:product_trace", args=[gel.ref]))
            return len(captured)

        put_on(open_session, gel)
        queries()
        few = queries()
        for number in range(5):
            put_on(open_session, gel, lot=f"HA-{number + 2}")
        assert queries() == few


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_of_products_in_every_view(visitors, open_session, gel, serum, manager_member, prescriber_member):
    prescriber_member.roles = ["prescriber", "manager"]
    prescriber_member.save(update_fields=["roles"])
    who = visitors().sign_in(prescriber_member)
    who.open(PRODUCTS)
    wrong = wrong_in_every_view(who, "products")
    page = who.open(f"{PRODUCTS}{serum.ref}/approve/")
    page.get_by_role("button", name="Approve it").click()
    page.get_by_text("Write why it is approved all the same.").first.wait_for()
    wrong += wrong_in_every_view(who, "product-approve-refused")
    put_on(open_session, gel)
    page = who.open(f"{PRODUCTS}{gel.ref}/patients/")
    page.get_by_role("button", name="Show the patients").click()
    page.get_by_text("Leila Haddad").first.wait_for()
    wrong += wrong_in_every_view(who, "product-trace")
    page = who.open(reverse("treatments:session", args=[open_session.ref]) + "?step=treat")
    page.get_by_role("button", name="Keep product").click()
    page.get_by_text("Choose the product.", exact=True).first.wait_for()
    wrong += wrong_in_every_view(who, "treat-product-refused")
    assert wrong == []
