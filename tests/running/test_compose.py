"""docker-compose.yml is valid and asks for nothing that the code does not have."""

import subprocess
import sys

import pytest
from django.conf import settings
from ruamel.yaml import YAML

from clinic.running.as_production import STAND_INS

COMPOSE = settings.BASE_DIR / "docker-compose.yml"


@pytest.fixture(scope="module")
def services():
    return YAML(typ="safe").load(COMPOSE)["services"]


def valid(path) -> bool:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_it_follows_the_compose_schema():
    assert valid(COMPOSE)


def test_the_schema_would_notice_a_misspelt_key(tmp_path):
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE.read_text().replace("healthcheck:", "healthchek:", 1))
    assert not valid(broken)


def test_it_runs_the_same_services_as_make_run_with_real_servers(services):
    assert set(services) == {"postgres", "redis", "migrate", "web", "worker", "beat"}
    assert services["postgres"]["image"] == "postgres:18"
    for name in ("migrate", "web", "worker", "beat"):
        assert services[name]["environment"]["DJANGO_SETTINGS_MODULE"] == "clinic.settings.production"


def test_every_long_running_service_of_ours_waits_for_the_migrations(services):
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_what_production_requires_is_either_set_by_compose_or_named_in_the_example(services):
    example = (settings.BASE_DIR / ".env.example").read_text()
    named = {line.partition("=")[0] for line in example.splitlines() if "=" in line and not line.startswith("#")}
    assert set(STAND_INS) <= named | set(services["web"]["environment"])


def test_nothing_but_the_web_server_opens_a_port_and_only_on_this_machine(services):
    assert [name for name, service in services.items() if "ports" in service] == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in services["web"]["ports"])


def test_the_image_holds_every_package_the_code_lives_in():
    ignored = (settings.BASE_DIR / ".dockerignore").read_text().split()
    for folder in ("clinic", "patients", "treatments", "templates", "static"):
        assert f"!{folder}/" in ignored
