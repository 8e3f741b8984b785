"""The process that serves has everything it needs before the first request comes."""

import os
import subprocess
import sys

SAY = (
    "import gc, sys, clinic.wsgi; print('treatments.pages.today.page' in sys.modules,"
    " gc.get_freeze_count() > 50_000, gc.get_threshold()[0])"
)


def test_every_page_is_imported_and_what_stays_is_left_alone():
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "clinic.settings.test"}
    said = subprocess.run([sys.executable, "-c", SAY], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "True", "50000"]
