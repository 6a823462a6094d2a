"""Our users without the `locust` command: in a user's own program, and in a debugger."""

import subprocess
import sys

import pytest

from tests.e2e.calm import calm
from tests.e2e.harness import END_S, ROOT, clean_env

pytestmark = pytest.mark.e2e

INSTALL = """
import sys
from gevent.event import Event
from locust import events, run_single_user
from locust.env import Environment
from fleetlm_users import BurstUser, ChurnUser, LongLivedUser, install
kinds = [LongLivedUser, BurstUser, ChurnUser]
install("mixed", kinds)
"""
LIBRARY = """
environment = Environment(user_classes=kinds, events=events)
runner = environment.create_local_runner()
events.init.fire(environment=environment, runner=runner, web_ui=None)
runner.start(6, 6)
while runner.user_count < 6:
    Event().wait(0.1)
Event().wait(1)
print("users", {name: count for name, count in runner.user_classes_count.items()})
runner.quit()
print("code", environment.process_exit_code)
"""
DEBUGGER = """
events.request.add_listener(lambda **_: sys.exit(7))
run_single_user(BurstUser)
"""
OPTIONS = {"NO_RESULTS": "1", "TIME_SCALE": "0.2", "WARM_UP": "0", **calm("mixed")}


def run(tmp_path, standin, program):
    path = tmp_path / "program.py"
    path.write_text(INSTALL + program)
    at = {"API_URL": standin.api_url, "WS_URL": standin.ws_url}
    env = clean_env(PYTHONPATH=str(ROOT), **OPTIONS, **at)
    command = [sys.executable, str(path)]
    return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=END_S, check=False)


def test_locust_as_a_library_judges_its_run(tmp_path, standin):
    """Variables say what a command line would, and users are spread as the preset's are."""
    done = run(tmp_path, standin, LIBRARY)
    assert "users {'LongLivedUser': 3, 'BurstUser': 2, 'ChurnUser': 1}" in done.stdout, done.stderr
    assert "VERDICT" in done.stdout
    assert "code 4" in done.stdout  # it was ended before its two minutes were over
    assert "Traceback" not in done.stderr


def test_a_single_user_can_be_run_for_a_debugger(tmp_path, standin):
    """It sends and is answered; the first request ends this one."""
    done = run(tmp_path, standin, DEBUGGER)
    assert done.returncode == 7, done.stdout + done.stderr
