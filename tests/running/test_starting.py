"""What a start costs: nothing is imported that a process never uses, and nothing twice that two can share."""

import json
import subprocess
import sys

from django.conf import settings

from clinic.running.runner import plan_from, web_command

# Asks each command for its help, in the one process, and says after each whether the apps were loaded and the log is ours.
ASKED_FOR_HELP = """
import io, json, logging, sys
from contextlib import redirect_stdout, suppress
import manage
from django.apps import apps
said = {}
for name in sys.argv[1:]:
    sys.argv = ["manage.py", name, "--help"]
    with suppress(SystemExit), redirect_stdout(io.StringIO()) as shown:
        manage.main()
    said[name] = [apps.ready, bool(logging.getLogger().handlers), f"manage.py {name}" in shown.getvalue()]
print(json.dumps(said))
"""


def test_who_watches_and_who_keeps_the_mail_start_without_a_single_app():
    command = [sys.executable, "-c", ASKED_FOR_HELP, "up", "mailbox", "prepare"]
    said = json.loads(subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, check=True).stdout)
    assert said["up"] == said["mailbox"] == [False, True, True]
    # The negative control: any other command loads them.
    assert said["prepare"] == [True, True, True]


def test_the_web_servers_workers_come_of_one_that_has_imported_everything_unless_code_is_to_be_taken_up(tmp_path):
    def asked(*, debug: bool) -> set[str]:
        plan = plan_from({}, root=settings.BASE_DIR, var=tmp_path, port=8000, debug=debug)
        return {"--preload", "--reload"} & set(web_command("python", plan))

    assert asked(debug=False) == {"--preload"}
    assert asked(debug=True) == {"--reload"}
