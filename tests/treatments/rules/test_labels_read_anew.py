"""The migration that reads labels as numbers loses nothing of a label: what it cannot read, it leaves to a person."""

from importlib import import_module

import pytest
from django.db import InternalError, connection, transaction

from clinic.models import Clinic
from treatments.rules.models import Anaesthetic, Device

NORMALISE = import_module("treatments.migrations.0007_depth_kept").NORMALISE_LABELS

pytestmark = pytest.mark.django_db


def normalise():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NORMALISE)


@pytest.fixture
def clinic():
    return Clinic.objects.create(name="Alder Lane", zone="Europe/London")


def test_words_become_numbers_and_places_are_written_small(clinic):
    pen = Device.objects.create(clinic=clinic, name="Pen", max_depth_mm={" Face": "1.5", "neck": 1})
    bare = Device.objects.create(clinic=clinic, name="Bare", max_depth_mm={})
    cream = Anaesthetic.objects.create(
        clinic=clinic, name="Cream", actives={"Lidocaine": "4"}, contact_minutes=30, max_contact_minutes=60
    )
    normalise()
    for row in (pen, bare, cream):
        row.refresh_from_db()
    assert (pen.max_depth_mm, bare.max_depth_mm, cream.actives) == ({"face": 1.5, "neck": 1}, {}, {"lidocaine": 4})


@pytest.mark.parametrize(
    ("label", "named"),
    [
        ({"face": "1,5"}, '"1,5" for "face"'),
        ({"face": None}, 'for "face"'),
        ({"face": "NaN"}, '"NaN" for "face"'),
        ({"face": 1.5, "Face": 2}, "write each place or active once"),
    ],
)
def test_what_is_no_number_or_stands_there_twice_is_refused_by_name_and_kept(clinic, label, named):
    pen = Device.objects.create(clinic=clinic, name="Pen", max_depth_mm=label)
    with pytest.raises(InternalError) as refused:
        normalise()
    assert f"device {pen.pk}" in str(refused.value)
    assert named in str(refused.value)
    pen.refresh_from_db()
    assert pen.max_depth_mm == label
