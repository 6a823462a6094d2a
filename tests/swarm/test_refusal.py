"""A run that cannot begin leaves nothing behind."""

import subprocess
import sys

import pytest

from fleetlm_users.swarm.refusal import Refused, end_forked_workers, exit_with

ENDLESS = [sys.executable, "-c", "import signal; signal.pause()"]


def test_it_says_why_and_exits_with_the_code(capsys):
    """On stderr, because stdout belongs to results."""
    with pytest.raises(SystemExit) as ended:
        exit_with(Refused("no server", 1))
    assert ended.value.code == 1
    assert capsys.readouterr().err == "no server\n"


def test_children_are_ended_but_not_reaped():
    """Locust's own exit handler waits for them and loops when somebody else did."""
    child = subprocess.Popen(ENDLESS)
    end_forked_workers()
    assert child.wait(5) < 0
