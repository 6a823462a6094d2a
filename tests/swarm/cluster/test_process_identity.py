"""A process counts as gone only when that is certain."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from fleetlm_users.swarm.cluster.process_identity import ProcessIdentity, own_identity, visible_process

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")


def started(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_a_living_process_is_seen_and_not_gone():
    """The process of the test itself."""
    own = own_identity()
    assert own.pid == os.getpid()
    assert not own.is_gone
    assert visible_process(own) == own


@pytest.mark.parametrize("claim", [None, ProcessIdentity("another", 1, "1"), ProcessIdentity("", 1, "1")])
def test_a_process_that_is_not_seen_from_here_is_not_visible(claim):
    """On another machine, or on a system that does not tell, only its silence can be judged."""
    assert visible_process(claim) is None


def test_a_process_that_has_another_start_is_another():
    """Pids are used again."""
    own = own_identity()
    other = replace(own, started="1")
    assert visible_process(other) is None
    assert other.is_gone


def test_an_ended_process_is_gone_before_and_after_it_is_reaped():
    """A zombie does nothing any more."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        own = own_identity()
        origin = replace(own, pid=child.pid, started=started(child.pid))
        assert not origin.is_gone
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert origin.is_gone
        child.wait(60)
        assert origin.is_gone


def test_another_users_process_lives():
    """The kernel says that it may not be touched, which is a sign of life."""
    assert not replace(own_identity(), pid=1, started=started(1)).is_gone
