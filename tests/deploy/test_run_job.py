"""deploy/kubernetes/job/run.sh with a fake kubectl: its requests, and its exit code."""

import os
import subprocess

import pytest

from tests.deploy.kubernetes import FOLDER

SCRIPT = FOLDER / "job" / "run.sh"
KUBECTL = """#!/usr/bin/env bash
echo "$*" >> "$CALLS"
case "$*" in
  *exitCode*) echo -n "$CODE" ;;
  *phase*) echo -n Failed ;;
  *logs*) echo "the summary"; exit 1 ;;
esac
"""


def run(tmp_path, code):
    """(exit code, output, calls of kubectl) of the script, where the master's container ended with `code`."""
    calls = tmp_path / "calls"
    for name, text in {"kubectl": KUBECTL, "sleep": "#!/bin/sh\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), "CODE": code}
    ended = subprocess.run([SCRIPT], env=env, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr, calls.read_text().splitlines()


@pytest.mark.parametrize("code", ["0", "3", "4"])
def test_it_ends_with_the_masters_exit_code(tmp_path, code):
    """Even if the log broke off; the last run's Jobs are deleted before this one's are applied."""
    ended, output, calls = run(tmp_path, code)
    assert ended == int(code)
    assert "the summary" in output
    assert [call.split(" --")[0].replace("--namespace fleetlm-load ", "") for call in calls[:3]] == [
        "delete job master worker",
        f"apply -k {FOLDER / 'job'}",
        "logs",
    ]


def test_a_master_that_never_ran_is_an_error(tmp_path):
    """It is looked for a while, and then said."""
    ended, output, calls = run(tmp_path, "")
    assert ended == 1
    assert "the master never ran" in output
    assert len([call for call in calls if "exitCode" in call]) == 30
