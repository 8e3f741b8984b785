"""Numbing products as their labels describe them: entered, changed, no longer used; what is signed keeps its label."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection, migrations
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from clinic import clock
from clinic.models import AuditEvent
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from treatments.rules.models import Anaesthetic
from treatments.sessions import services as sessions
from treatments.sessions.models import TreatmentSession

pytestmark = pytest.mark.django_db
EQUIPMENT = "/settings/equipment/"
EMLA = {
    "name": "Lidocaine 2.5 %, prilocaine 2.5 %", "actives": "Lidocaine 2.5, prilocaine 2.5 %", "contact_minutes": "60",
    "max_contact_minutes": "60", "max_area_cm2": "400",
}  # fmt: skip


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def press(client, page: str, row=None, /, **typed):
    url = reverse(f"treatments:{page}", args=[row.ref] if row else [])
    return client.post(url, {"submit_token": str(uuid.uuid4())} | typed)


def the_cream(clinic) -> Anaesthetic:
    return clinic.anaesthetics.get(name="Lidocaine 4 %")


def typed_of(cream: Anaesthetic, **differing) -> dict:
    names = ("name", "contact_minutes", "max_contact_minutes")
    actives = ", ".join(f"{name} {percent}" for name, percent in cream.actives.items())
    return {name: getattr(cream, name) for name in names} | {"actives": actives} | differing


def test_a_product_is_added_changed_and_no_longer_used(manager, clinician, clinic, open_session):
    assert press(manager, "anaesthetic_new", **EMLA).status_code == 302
    cream = clinic.anaesthetics.get(name=EMLA["name"])
    assert cream.actives == {"lidocaine": 2.5, "prilocaine": 2.5} and not cream.prescription_only
    assert "lidocaine 2.5 % , prilocaine 2.5 %" in text(clinician.get(EQUIPMENT))
    press(manager, "anaesthetic_change", cream, **EMLA | {"max_area_cm2": "", "prescription_only": "on"})
    cream.refresh_from_db()
    assert (cream.max_area_cm2, cream.prescription_only) == (None, True)
    chair = reverse("treatments:session", args=[open_session.ref]) + "?step=treat"
    assert str(cream.ref) in clinician.get(chair).content.decode()
    press(manager, "anaesthetic_use", cream, to="stop")
    assert str(cream.ref) not in clinician.get(chair).content.decode()
    press(manager, "anaesthetic_use", cream, to="use")
    assert Anaesthetic.objects.get(pk=cream.pk).in_use
    acts = AuditEvent.objects.filter(target_ref=cream.ref).order_by("id").values_list("action", flat=True)
    assert list(acts) == ["anaesthetic.added", "anaesthetic.changed", "anaesthetic.out_of_use", "anaesthetic.in_use"]


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"name": ""}, "name", "Enter the name of the product."),
        ({"name": "lidocaine 4 %"}, "name", "Another product has this name already. Choose another one."),
        ({"actives": ""}, "actives", "Name the active of the cream"),
        ({"actives": "lidocaine"}, "actives", "“lidocaine”: write the active and its strength"),
        ({"actives": "lidocaine 4, Lidocaine 2"}, "actives", "lidocaine stands here twice."),
        ({"actives": "lidocaine 0"}, "actives", "enter its strength in per cent, above 0 and up to 100"),
        ({"actives": "lidocaine 60, tetracaine 60"}, "actives", "more than the whole product"),
        ({"contact_minutes": "0"}, "contact_minutes", "Enter whole minutes, 1 to 240."),
        ({"max_contact_minutes": "x"}, "max_contact_minutes", "Enter whole minutes, 1 to 240."),
        ({"max_contact_minutes": "59"}, "max_contact_minutes", "cannot be shorter than the usual one"),
        ({"max_area_cm2": "2001"}, "max_area_cm2", "Enter whole cm², 1 to 2000."),
        ({"actives": "lidocaine 4", "contact_minutes": "240", "max_contact_minutes": "240"}, "contact_minutes", "The protocol leaves this product on for"),
    ],
)  # fmt: skip
def test_a_label_that_cannot_be_is_said_at_its_field(manager, clinic, typed, field, said):
    answer = press(manager, "anaesthetic_new", **EMLA | typed)
    assert answer.status_code == 422
    assert said in answer.context["form"].errors[field][0]
    assert clinic.anaesthetics.count() == 1
    if "name" not in typed:
        assert f'value="{EMLA["name"]}"' in answer.content.decode()


def test_a_strong_product_is_prescription_only_ticked_or_not(manager, clinic):
    press(manager, "anaesthetic_new", **EMLA | {"name": "23/7", "actives": "lidocaine 23, tetracaine 7", "contact_minutes": "30"})  # fmt: skip
    assert clinic.anaesthetics.get(name="23/7").prescription_only


def numbed(session: TreatmentSession, **more) -> TreatmentSession:
    now = TreatmentSession.objects.get(pk=session.pk)
    return sessions.set_numbing(
        session=now, version=now.version, product=the_cream(now.clinic), grams=Decimal(5), on_at=clock.now() - timedelta(minutes=40),
        off_at=clock.now(), by=now.operator, **more,
    )  # fmt: skip


def test_a_changed_label_counts_for_what_is_open_and_not_for_what_is_signed(manager, clinician, open_session):
    numbed(open_session)
    signed = sessions.complete(session=factories.chart(open_session), by=open_session.operator)
    page = reverse("treatments:session", args=[signed.ref])
    before = text(clinician.get(page))
    assert "Lidocaine 4 %, 5 g" in before and "above" not in before
    cream = the_cream(open_session.clinic)
    changed = typed_of(cream, name="Lidocaine 10 %", actives="lidocaine 10", prescription_only="on")
    assert press(manager, "anaesthetic_change", cream, **changed).status_code == 302
    after = text(clinician.get(page))
    assert "Lidocaine 4 %, 5 g" in after and "Lidocaine 10 %" not in after
    assert re.sub(r"\d\d:\d\d", "", after).count("above") == 0


def test_an_open_session_is_worked_out_by_the_new_label(manager, clinician, open_session):
    numbed(open_session)
    chair = reverse("treatments:session", args=[open_session.ref]) + "?step=treat"
    assert "200 mg" in text(clinician.get(chair))
    cream = the_cream(open_session.clinic)
    press(manager, "anaesthetic_change", cream, **typed_of(cream, actives="lidocaine 10"))
    assert "500 mg of lidocaine on the skin is above 225 mg." in text(clinician.get(chair))


def test_sessions_that_were_signed_before_keep_the_label_of_then(open_session):
    """The migration's statement on rows as an earlier version left them."""
    numbed(open_session)
    signed = sessions.complete(session=factories.chart(open_session), by=open_session.operator)
    kept = signed.anaesthetic_label
    loader = MigrationExecutor(connection).loader
    (name,) = [
        name for app, name in loader.disk_migrations if app == "treatments" and name.endswith("anaesthetic_labels")
    ]
    operations = loader.disk_migrations["treatments", name].operations
    (backfill,) = [one for one in operations if isinstance(one, migrations.RunSQL)]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE treatments_treatmentsession DISABLE TRIGGER USER")
        cursor.execute("UPDATE treatments_treatmentsession SET anaesthetic_label = NULL")
        cursor.execute("ALTER TABLE treatments_treatmentsession ENABLE TRIGGER USER")
        cursor.execute(backfill.sql)
    assert TreatmentSession.objects.get(pk=signed.pk).anaesthetic_label == kept


def test_the_equipment_says_what_a_device_is_meant_for(clinician, clinic):
    assert "meant for" in text(clinician.get(EQUIPMENT))


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_of_equipment_in_every_view(visitors, clinic, manager_member):
    manager = visitors().sign_in(manager_member)
    page = manager.open(f"{EQUIPMENT}numbing/new/")
    page.get_by_label("Name").fill("Cream")
    page.get_by_role("button", name="Add the numbing product").click()
    page.get_by_text("Name the active of the cream and its strength").first.wait_for()
    wrong = wrong_in_every_view(manager, "numbing-refused")
    manager.open(f"{EQUIPMENT}numbing/{the_cream(clinic).ref}/")
    wrong += wrong_in_every_view(manager, "numbing-change")
    manager.open(EQUIPMENT)
    wrong += wrong_in_every_view(manager, "equipment")
    assert wrong == []
