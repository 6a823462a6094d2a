"""The hosts that tests use: they reach each other and nothing else, and leave nothing behind."""

import socket
import subprocess

import pytest

from tests.e2e.harness import eventually
from tests.e2e.namespaces import NAMED_NETWORKS, REQUIRED, network

pytestmark = pytest.mark.e2e

CONNECT_S = 1.0


def reaches(host, listener):
    """Whether a connection from the host arrives at the listening socket."""
    with host:
        try:
            socket.create_connection(listener.getsockname(), timeout=CONNECT_S).close()
        except OSError:
            return False
    return True


def test_hosts_reach_each_other_until_a_link_is_cut():
    """A cut link carries nothing, a restored one does again; the rest of the machine is unreachable."""
    with network("one", "two") as hosts:
        with hosts["one"] as one:
            listener = socket.create_server((one.address, 0))
        eventually(lambda: reaches(hosts["two"], listener), "the link carries")
        hosts["one"].cut()
        assert not reaches(hosts["two"], listener)
        hosts["one"].restore()
        eventually(lambda: reaches(hosts["two"], listener), "the link carries again")
        listener.close()
        at_home = socket.create_server(("127.0.0.1", 0))
        assert not reaches(hosts["two"], at_home)
        at_home.close()


def test_a_process_started_on_a_host_stays_there():
    """The thread comes back, its child does not."""
    with network("one") as hosts:
        with hosts["one"]:
            on_host = subprocess.run(["ip", "-4", "-o", "address"], capture_output=True, text=True, check=True).stdout
        here = subprocess.run(["ip", "-4", "-o", "address"], capture_output=True, text=True, check=True).stdout
        assert hosts["one"].address in on_host
        assert hosts["one"].address not in here


def test_nothing_is_left_behind():
    """It holds even after a failure in the middle of a test."""
    made = []

    def fail():
        with network("one") as hosts:
            made.append(hosts["one"].namespace)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not (NAMED_NETWORKS / made[0]).exists()


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_a_machine_without_namespaces_skips_unless_they_are_required(monkeypatch, required, outcome):
    """The reason is stated; if they are required, it is a failure."""
    monkeypatch.setattr("shutil.which", lambda _command: None)
    monkeypatch.setenv(REQUIRED, required)
    with pytest.raises(outcome, match="iproute2"), network("one"):
        pass
