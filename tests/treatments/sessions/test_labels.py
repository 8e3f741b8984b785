"""Labels of devices and creams: read once when they are listed, so that everybody after that reads the same."""

from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clinic.errors import DomainError
from tests import factories
from treatments.protocol.catalogue import load
from treatments.protocol.depth import within_device_mm
from treatments.rules import services as rules
from treatments.rules.labels import cream_actives, device_depths
from treatments.sessions import depth_gate, numbing
from treatments.sessions.depths import device_fact

CATALOGUE = load()
ZONES = [code for code, zone in CATALOGUE.zones.items() if not zone.prohibited]


def a_device(clinic, **depths):
    return rules.add_device(
        clinic=clinic, by=factories.a_manager(clinic).user, name="Pen", max_depth_mm=depths, indications=[]
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"face": 1.5, "neck": 1, "body": "2.0"}, {"face": 1.5, "neck": 1.0, "body": 2.0}),
        ({" Cheek ": Decimal("1.25")}, {"cheek": 1.25}),
        ({"face": 10}, {"face": 10.0}),
        ({"face": 0.05}, {"face": 0.05}),
        ({}, {}),
    ],
)
def test_a_label_is_read_as_depths(typed, kept):
    assert device_depths(typed, CATALOGUE) == kept


def test_a_device_is_listed_with_the_depths_of_its_label_or_not_at_all(clinic):
    listed = a_device(clinic, **{" Cheek ": Decimal("1.25")})
    listed.refresh_from_db()
    assert listed.max_depth_mm == {"cheek": 1.25}
    before = clinic.devices.count()
    with pytest.raises(DomainError) as caught:
        a_device(clinic, face="deep")
    assert (caught.value.field, clinic.devices.count()) == ("max_depth_mm", before)


@pytest.mark.parametrize(
    "typed",
    [
        {"face": 1.0, "cheek": None},
        {"face": "deep"},
        {"face": "1,5"},
        {"face": 0},
        {"face": -1},
        {"face": 10.01},
        {"face": True},
        {"face": float("nan")},
        {"face": float("inf")},
        {"face": [1.5]},
        {"nose_tip": 1},
        {"eyelid": 0.25},
        {"face": 1, "FACE": 2},
    ],
)
def test_what_is_no_depth_of_a_label_is_refused(typed):
    with pytest.raises(DomainError) as caught:
        device_depths(typed, CATALOGUE)
    assert caught.value.field == "max_depth_mm"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"Lidocaine": 4}, {"lidocaine": 4.0}),
        ({" LIDOCAINE ": "2.5", "Prilocaine": 2.5}, {"lidocaine": 2.5, "prilocaine": 2.5}),
        ({"benzocaine": 100}, {"benzocaine": 100.0}),
    ],
)
def test_actives_are_written_small_with_their_strength(typed, kept):
    assert cream_actives(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [{}, {"lidocaine": None}, {"lidocaine": 0}, {"lidocaine": 100.1}, {"": 4}, {"lidocaine": "strong"}]
    + [{"lidocaine": True}, {"lidocaine": 4, "Lidocaine": 7}],
)
def test_a_cream_without_a_strength_that_can_be_is_refused(typed):
    with pytest.raises(DomainError) as caught:
        cream_actives(typed)
    assert caught.value.field == "actives"


def test_a_capital_letter_hides_no_dose(open_session):
    cream = rules.add_anaesthetic(
        clinic=open_session.clinic, by=open_session.operator.user, name="Cream", actives={"Lidocaine": 4},
        contact_minutes=30, max_contact_minutes=60,
    )  # fmt: skip
    applied = numbing.Applied(cream, Decimal(30))
    found = numbing.check(open_session, applied, minutes=None, ordered=True)
    assert found.applied_mg == {"lidocaine": Decimal(1200)}
    assert "1200 mg of lidocaine on the skin is above 225 mg" in found.alerts[0]


# ── The two readers: the database and the rules ───────────────────────────────

DEPTHS = st.decimals(min_value="0.05", max_value="4", places=2)
LABELS = st.dictionaries(st.sampled_from(["face", "neck", "body", *ZONES]), DEPTHS, max_size=5)


def read_by_the_database(device_id: int) -> dict[str, Decimal | None]:
    """The label of every zone as the guard reads it, and the plain cap where it is silent."""
    with connection.cursor() as cursor:
        read = f"COALESCE({depth_gate._label_of('device', 'zone')}, {depth_gate._plain_cap_of('zone')})"
        cursor.execute(
            f"SELECT zone, {read} FROM unnest(%s) zone, treatments_device device WHERE device.id = %s",
            [ZONES, device_id],
        )
        return dict(cursor.fetchall())


def agree(device) -> None:
    from_rows = read_by_the_database(device.pk)
    for code in ZONES:
        zone = CATALOGUE.zone(code)
        said = from_rows[code] if from_rows[code] is not None else zone.hard_cap_mm
        assert said == within_device_mm(zone, device_fact(device)), code


@pytest.mark.django_db
# One device is enough: each example writes its own label.
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(label=LABELS)
@example(label={})
@example(label={"face": Decimal("1.25")})
@example(label={"face": Decimal("1"), "cheek": Decimal("1.75")})
@example(label={"body": Decimal("2"), "neck": Decimal("0.5")})
@example(label={"neck": Decimal("2.5"), "hand": Decimal("0.3")})
def test_whatever_a_label_says_the_database_and_the_rules_read_it_alike(clinic, label):
    kept = device_depths(label, CATALOGUE)
    assert {place: Decimal(str(depth)) for place, depth in kept.items()} == label
    device = clinic.devices.get()
    device.max_depth_mm = kept
    device.save()
    agree(device)


def test_an_entry_that_was_empty_before_reads_as_silent(clinic):
    """As a label could be kept before it was read at listing: both fall back to the part of the body."""
    device = a_device(clinic, face=1.0)
    type(device).objects.filter(pk=device.pk).update(max_depth_mm={"face": 1.0, "cheek": None})
    device.refresh_from_db()
    agree(device)
    assert device_fact(device).max_depth_mm == {"face": Decimal("1.0")}
