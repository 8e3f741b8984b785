"""Production refuses what would be unsafe, in a sentence; every page carries the strict policy; logs keep quiet."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import RequestFactory

from clinic.running.as_production import STAND_INS
from clinic.settings.environment import broker, database
from clinic.settings.logs import ReticentFormatter

LOOK = "from django.conf import settings; print(settings.DEBUG, settings.SESSION_COOKIE_NAME, settings.CLOCK_MOVABLE)"


# Has imported the libraries and nothing of ours, and is forked for each case: settings are read anew by every one of them.
ANSWERS = """
import json, os, sys, tempfile, traceback
import celery.fixups.django, celery.app.base, celery.worker.state, django.db.models, environ, psutil, psycopg2, redis
assert not any(name.partition(".")[0] == "clinic" for name in sys.modules)
for asked in sys.stdin:
    code, env = json.loads(asked)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.environ.clear()
            os.environ.update(env)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            status = 1
            try:
                exec(code, {"__name__": "__main__"})
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = [file.seek(0) or file.read() for file in (out, err)]
    print(json.dumps([status, *said]), flush=True)
"""


@pytest.fixture(scope="module")
def under_production() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """`under_production(code, NAME=value)`: runs the code in a process of its own that has production settings and no variable
    but these and the stand-ins; None leaves one out."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", ANSWERS], cwd=settings.BASE_DIR, **pipes) as answers:

        def ask(code: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
            env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "clinic.settings.production"} | STAND_INS
            env = {name: value for name, value in (env | changed).items() if value is not None}
            print(json.dumps([code, env]), file=answers.stdin, flush=True)
            return subprocess.CompletedProcess(code, *json.loads(answers.stdout.readline()))

        yield ask
        answers.stdin.close()


def test_complete_production_settings_load_and_are_strict(under_production):
    looked = under_production(LOOK)
    assert looked.stdout.split() == ["False", "__Host-session", "False"], looked.stderr


@pytest.mark.parametrize("name", sorted(STAND_INS))
def test_each_required_variable_is_asked_for_by_name(under_production, name):
    refused = under_production(LOOK, **{name: None})
    assert refused.returncode != 0
    assert f"{name} is not set" in refused.stderr


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"DEBUG": "1"}, "DEBUG must not be set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must be 50 random characters"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY must be 50 random characters"),
        ({"SECRET_KEY": "django-insecure-" + "abcdefghijklmnop" * 4}, "SECRET_KEY must be 50 random characters"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name"),
        ({"ALLOWED_HOSTS": "clinic.invalid,*"}, "ALLOWED_HOSTS must name"),
        ({"BASE_URL": "http://clinic.invalid"}, "BASE_URL must begin with https"),
        ({"BASE_URL": "https://elsewhere.invalid"}, "BASE_URL must point at one of ALLOWED_HOSTS"),
    ],
)
def test_unsafe_values_are_refused(under_production, changed, sentence):
    refused = under_production(LOOK, **changed)
    assert refused.returncode != 0
    assert sentence in refused.stderr


def test_a_subdomain_of_an_allowed_domain_is_a_host_of_ours(under_production):
    assert (
        under_production(LOOK, ALLOWED_HOSTS=".clinic.invalid", BASE_URL="https://app.clinic.invalid").returncode == 0
    )


def test_a_provider_stands_in_for_the_relay(under_production):
    looked = under_production(
        "from django.conf import settings; print(settings.EMAIL_BACKEND, settings.ANYMAIL)",
        EMAIL_URL=None,
        EMAIL_BACKEND="anymail.backends.postmark.EmailBackend",
        ANYMAIL='{"POSTMARK_SERVER_TOKEN": "t"}',
    )
    assert looked.stdout.split() == ["anymail.backends.postmark.EmailBackend", "{'POSTMARK_SERVER_TOKEN':", "'t'}"]


def test_django_finds_nothing_to_warn_of_in_production():
    checked = subprocess.run(
        [sys.executable, "-m", "clinic.running.as_production", "check", "--deploy", "--fail-level", "WARNING"],
        env={"PATH": os.environ["PATH"]},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr


def test_forwarded_headers_count_only_behind_a_proxy_of_ours(under_production):
    look = "from django.conf import settings; print(settings.SECURE_PROXY_SSL_HEADER)"
    assert under_production(look).stdout.strip() == "None"
    assert "HTTP_X_FORWARDED_PROTO" in under_production(look, BEHIND_PROXY="1").stdout


def test_only_demo_and_tests_can_move_the_clock():
    assert database("postgres://a@b/c")["OPTIONS"] == {}
    assert database("postgres://a@b/c", movable_clock=True)["OPTIONS"] == {"options": "-c stratum.movable_clock=on"}


def test_a_socket_folder_in_an_address_becomes_the_host():
    described = database("postgres://postgres@/stratum?host=/some/folder&sslmode=disable")
    assert (described["HOST"], described["NAME"]) == ("/some/folder", "stratum")
    assert described["OPTIONS"] == {"sslmode": "disable"}
    assert broker("unix:///some/redis.sock") == "redis+socket:///some/redis.sock"
    assert broker("redis://host:6379/0") == "redis://host:6379/0"


@pytest.mark.django_db
def test_every_page_carries_the_strict_policy(client):
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    assert {part.strip() for part in policy.split(";")} == {
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "manifest-src 'self'",
    }


def test_production_upgrades_insecure_requests(under_production):
    look = "from django.conf import settings; print(settings.CONTENT_SECURITY_POLICY['DIRECTIVES'])"
    assert "'upgrade-insecure-requests': True" in under_production(look).stdout
    assert "upgrade-insecure-requests" not in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]


CANARY = "zzyzx.canary@patients.invalid"


@pytest.mark.parametrize(
    ("message", "stays"),
    [
        (f"could not send to <{CANARY}>", "could not send to"),
        (f"duplicate key value\nDETAIL:  Key (email)=({CANARY}) already exists.\nfailed", "failed"),
        ("Not Found: /p/" + "k3Jx" * 11, "Not Found: /p/[token]"),
        ("GET /patients/?q=Zzyzx+Canary done", "GET /patients/?[query] done"),
    ],
)
def test_no_line_of_the_log_names_a_person_or_carries_a_key(message, stays):
    line = ReticentFormatter().format(logging.LogRecord("x", logging.INFO, __file__, 1, message, None, None))
    assert "canary" not in line.lower()
    assert "k3Jx" not in line
    assert stays in line


def test_references_stay_readable_in_the_log():
    reference = "0b0f6a2e-41a5-4b3c-9a46-3f0de9f2f9c1"
    record = logging.LogRecord("x", logging.INFO, __file__, 1, f"Not Found: /patients/{reference}/", None, None)
    assert reference in ReticentFormatter().format(record)


def test_an_exceptions_quoted_values_stay_out_of_the_log():
    try:
        raise ValueError(f"duplicate\nDETAIL:  Key (email)=({CANARY}) already exists.")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", None, sys.exc_info())
    line = ReticentFormatter().format(record)
    assert "ValueError: duplicate" in line
    assert "canary" not in line


@pytest.mark.parametrize("told", ["%r", "%(exc)r"])
def test_an_exception_told_as_code_keeps_its_quoted_values_too(told):
    """A task that failed is logged by the `repr` of its exception: there the line break is two written characters."""
    raised = ValueError(
        "duplicate key\nDETAIL:  Key (family_name)=(Zzyzx) already exists.\nCONTEXT:  COPY zzyzx, line 1"
    )
    given = ({"exc": raised},) if "exc" in told else (raised,)
    record = logging.LogRecord("celery", logging.ERROR, __file__, 1, f"Task raised unexpected: {told}", given, None)
    line = ReticentFormatter().format(record)
    assert "ValueError('duplicate key" in line
    assert "zzyzx" not in line.lower()


def test_the_demo_keeps_one_secret_for_its_folder(tmp_path):
    look = "from django.conf import settings; print(settings.SECRET_KEY)"
    env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "clinic.settings.demo", "STRATUM_VAR": str(tmp_path)}
    said = [
        subprocess.run([sys.executable, "-c", look], env=env, cwd=settings.BASE_DIR, capture_output=True, text=True)
        for _ in range(2)
    ]
    assert said[0].stdout == said[1].stdout
    assert len(said[0].stdout) > 50
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_the_second_factor_and_passkeys_are_offered_and_sign_up_is_not(rf: RequestFactory):
    from allauth.account.adapter import get_adapter

    assert set(settings.MFA_SUPPORTED_TYPES) == {"totp", "webauthn", "recovery_codes"}
    assert settings.MFA_PASSKEY_LOGIN_ENABLED
    assert not get_adapter().is_open_for_signup(rf.get("/"))
