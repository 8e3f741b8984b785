"""Static files as production serves them: every name a template uses is there, under a hash, modules included."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.slow
NAMED = re.compile(r"""{%\s*static\s+['"]([^'"]+)['"]""")
IMPORTED = re.compile(r"""(?:^|[\s;])(?:import|export)[^;'"]*?(?:from\s*)?['"](\.[^'"]+)['"]""")


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    subprocess.run(
        [sys.executable, "-m", "clinic.running.as_production", "collectstatic", "--noinput", "--verbosity=0"],
        env={"PATH": os.environ["PATH"], "STATIC_ROOT": str(folder)},
        cwd=settings.BASE_DIR,
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def hashed(collected):
    return json.loads((collected / "staticfiles.json").read_text())["paths"]


def test_every_static_file_a_template_names_exists(hashed):
    named = {
        (template.name, name)
        for template in (settings.BASE_DIR / "templates").rglob("*.*")
        for name in NAMED.findall(template.read_text())
    }
    assert named, "the pattern finds nothing any more"
    assert {(template, name) for template, name in named if name not in hashed} == set()


def test_a_module_asks_for_its_neighbours_under_their_hashed_names(collected, hashed):
    modules = [name for name in hashed if name.startswith("js/")]
    asked = [(name, wanted) for name in modules for wanted in IMPORTED.findall((collected / hashed[name]).read_text())]
    assert asked, "no module imports another any more"
    there = {path.rpartition("/")[2] for path in hashed.values()}
    assert [(name, wanted) for name, wanted in asked if wanted.rpartition("/")[2] not in there] == []
