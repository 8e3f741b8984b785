"""A token appears in no log: neither ours nor the server's."""

import io
import logging
from pathlib import Path

import pytest
from django.test import Client

from clinic.running.runner import Plan, web_command
from clinic.settings.logs import ReticentFormatter, reticent
from tests.patients.links.made import a_token, opened

ROOT = Path(__file__).resolve().parents[3]
# As the library makes them; the second is one of the 1,500th part that have no figure in them.
TOKENS = ("hVnTgWq0u8bJd5yR-3kZ_xAaLm2PcEfGiKoQsUvX7Y1", "hVnTgWqauNbJdMyRwFkZsxAaLmHPcEfGiKoQsUvXYYz", "-" * 43)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "line", ["Not Found: /my/{}/", '"GET /my/{}/stop/ HTTP/1.1" 302', "http://localhost/my/{}/x?y=1"]
)
def test_the_formatter_takes_the_token_out_of_an_address(token, line):
    written = reticent(line.format(token))
    assert token not in written
    assert "/my/[token]/" in written


def test_pages_without_a_token_keep_their_address():
    assert reticent("Not Found: /my/visit/confirm/") == "Not Found: /my/visit/confirm/"


@pytest.fixture
def log():
    """What every handler of ours would write of everything that is logged."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ReticentFormatter("%(levelname)s %(name)s %(message)s"))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/my/{}/", "/my/{}/stop/", "/my/{}/nowhere/", "/my/{}"])
def test_whatever_is_asked_of_an_address_with_a_token_no_log_keeps_it(patient, log, monkeypatch, path):
    token = a_token(patient)
    for method in ("get", "head", "post", "put"):
        getattr(Client(raise_request_exception=False), method)(path.format(token))
    monkeypatch.setattr("patients.links.services.hash_of", lambda _: 1 / 0)
    Client(raise_request_exception=False).get(path.format(token))
    assert token not in log.getvalue()


@pytest.mark.django_db
def test_a_refusal_and_a_fault_at_such_an_address_are_logged_all_the_same(patient, log, monkeypatch):
    """The control: the line is there, so the test above looks at something."""
    token = a_token(patient)
    Client().put(f"/my/{token}/")
    monkeypatch.setattr("patients.links.services.hash_of", lambda _: 1 / 0)
    Client(raise_request_exception=False).get(f"/my/{token}/")
    assert log.getvalue().count("/my/[token]/") >= 2
    assert "ZeroDivisionError" in log.getvalue()


@pytest.mark.django_db
def test_her_pages_are_logged_under_addresses_that_say_nothing(patient, log):
    token = a_token(patient)
    browser = opened(token)
    browser.get("/my/contact/")
    browser.post("/my/contact/", {"mail": "nonsense"})
    assert token not in log.getvalue()
    assert patient.email not in log.getvalue()


def test_the_web_server_keeps_no_log_of_requests():
    """gunicorn writes its own lines past our formatter, so it is told of none: no `--access-logfile` anywhere."""
    plan = Plan(root=ROOT, var=ROOT / "var", port=8000, env={})
    told = " ".join(web_command("python", plan)) + (ROOT / "Dockerfile").read_text()
    assert "gunicorn" in told
    assert "access-log" not in told
    assert not (ROOT / "gunicorn.conf.py").exists()
