"""A child begins, hears when it is to end, and is killed when it does not heed that."""

import sys

import pytest

from fleetlm_users.swarm.host.child import Child

HEEDS = "import sys; print('here', flush=True); sys.stdin.read(); print('bye', flush=True)"
IGNORES = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); signal.pause()"


def begun(code):
    """A Python that runs `code` and has said that it is there."""
    child = Child([sys.executable, "-c", code])
    assert child.stdout.readline() == "here\n"
    return child


@pytest.mark.parametrize(("code", "wait_s"), [(HEEDS, 30.0), (IGNORES, 0.05)])
def test_it_ends_in_any_case(code, wait_s):
    """By the closed pipe or the signal, else by force; asked twice or not."""
    child = begun(code)
    child.terminate()
    child.terminate()
    child.end(wait_s)
    assert child.stdout.closed


def test_what_cannot_be_started_is_told():
    """As the system tells it."""
    with pytest.raises(OSError, match="No such file"):
        Child(["/no/such/program"])
