"""A migrated database from an earlier run. Applying every migration takes seconds, copying a folder none.

The copy lies in pytest's own cache and is named after everything it was made from; `--cache-clear` forgets it.
"""

import hashlib
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from django.apps import apps
from django.conf import settings

from clinic.embedded import POSTGRES_MAJOR

CACHE_NAME = "migrated-postgres"


def fingerprint() -> str:
    """Names what a migrated cluster depends on: every migration's text, the settings' apps and PostgreSQL."""
    digest = hashlib.sha256(f"{POSTGRES_MAJOR} {settings.INSTALLED_APPS}".encode())
    for app in apps.get_app_configs():
        for migration in sorted(Path(app.path).glob("migrations/*.py")):
            digest.update(f"{app.label}/{migration.name}".encode())
            digest.update(migration.read_bytes())
    return digest.hexdigest()[:32]


def copy_from_cache(config: pytest.Config, cluster: Path) -> bool:
    """Puts an earlier run's cluster at `cluster`; False when there is none that fits."""
    kept = config.cache.mkdir(CACHE_NAME) / fingerprint()
    if not kept.is_dir():
        return False
    copy_folder(kept, cluster)
    return True


def keep_in_cache(config: pytest.Config, cluster: Path) -> None:
    """Keeps a cleanly stopped cluster for later runs, in place of those that fit no more."""
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0":
        return  # one of those that run side by side is enough
    shelf = config.cache.mkdir(CACHE_NAME)
    for outdated in shelf.iterdir():
        shutil.rmtree(outdated, ignore_errors=True)
    draft = shelf / f"draft-{cluster.parent.name}"
    copy_folder(cluster, draft)
    with suppress(OSError):  # another run was quicker: its copy is as good
        draft.rename(shelf / fingerprint())
    shutil.rmtree(draft, ignore_errors=True)


def sweep(grounds: Path) -> None:
    """Removes the folders of runs that were killed; their servers died with them. Names end in a process id and a token."""
    for folder in grounds.glob("stratum-test-*-*"):
        owner = folder.name.split("-")[2]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def copy_folder(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)  # keeps the owner, which copytree would not
