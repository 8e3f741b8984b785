"""What was kept comes back: every table and every file, by their hashes; and the file is of one moment."""

import json
import tarfile

import pytest
from django.core.management import call_command

from clinic.safekeeping import box, manifest
from clinic.safekeeping.keeping import keep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def told_by(file):
    with open(file, "rb") as opened:
        return manifest.checked(box.read(opened))


def test_a_clinic_comes_back_elsewhere_with_every_table_and_file(second_session, photo, file, elsewhere):
    kept = keep(file)
    assert (kept.file, oct(file.stat().st_mode & 0o777)) == (file, "0o600")
    done = elsewhere.restore(file)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    assert kept.manifest == told_by(file)
    assert kept.manifest.tables["public.treatments_treatmentsession"].rows == 2
    assert set(kept.manifest.files) == {f"photos/{photo.name}"}
    assert elsewhere.databases == {"postgres", "stratum"}
