"""A run that cannot begin leaves nothing behind."""

import subprocess
import sys

import pytest

from fleetlm_users.swarm.host.startup_error import StartupError, exit_with

FORK = """
import os, signal, subprocess, sys
from fleetlm_users.swarm.host import startup_error
startup_error.WORKERS_END_S = 1.0
other = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
ready, child_ready = os.pipe()
child = os.fork()
if not child:
    {at_first}
    os.close(child_ready)
    signal.pause()
os.close(child_ready)
os.read(ready, 1)  # until the child has done what it does first
startup_error.end_forked_workers({grace_s})
number = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])  # raises when it was reaped
assert other.poll() is None
other.kill()
print(number)
"""


def test_it_says_why_and_exits_with_the_code(capsys):
    """It is on stderr, because stdout belongs to results."""
    with pytest.raises(SystemExit) as ended:
        exit_with(StartupError("no server", 1))
    assert ended.value.code == 1
    assert capsys.readouterr().err == "no server\n"


@pytest.mark.parametrize(
    ("at_first", "grace_s", "code"),
    [("pass", 0, -15), ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 0, -9), ("os._exit(3)", 10, 3)],
    ids=["sigterm-ends-it", "it-hangs", "it-ends-by-itself"],
)
def test_forked_workers_are_ended_and_not_reaped(at_first, grace_s, code):
    """Locust's own exit handler waits for them and loops when somebody else did; other children are left alone."""
    script = FORK.format(at_first=at_first, grace_s=grace_s)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == f"{code}\n", done.stderr
