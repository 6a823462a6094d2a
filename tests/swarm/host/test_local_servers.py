"""The child servers of --standin: how long they are awaited, and the messages meanwhile."""

import os
import signal
import sys

import pytest
import requests

from fleetlm_users.swarm.host import local_servers
from fleetlm_users.swarm.host.local_servers import ChildProcess, LocalServerError, LocalServers, standin_arguments

READY = "ready on http://127.0.0.1:1234\n"


class Played:
    """A child that says what the test puts into its pipe."""

    def __init__(self, said=""):
        reading, self.writing = os.pipe()
        self.stdout = os.fdopen(reading, encoding="utf-8")
        self.say(said)

    def say(self, text):
        os.write(self.writing, text.encode())

    def terminate(self):
        """It ends."""

    def end(self, _wait_s):
        self.stdout.close()
        os.close(self.writing)


@pytest.fixture
def started(monkeypatch):
    """Start servers whose children are the given ones, the agent first."""
    monkeypatch.setattr(local_servers, "NOTICE_S", 0.0)
    made = []

    def start(*children, timeout_s=30.0, tell=lambda _: None):
        played = iter(children)
        monkeypatch.setattr(local_servers, "ChildProcess", lambda _command: next(played))
        made.append(LocalServers())
        return made[-1].start(timeout_s, tell)

    yield start
    for one in made:
        one.stop()


def test_servers_that_are_there_are_not_waited_for(started):
    """Their ready lines say where they listen."""
    told = []
    urls = started(Played(READY), Played(READY.replace("1234", "99")), tell=told.append)
    assert (urls.agent_url, urls.api_url) == ("http://127.0.0.1:1234", "http://127.0.0.1:99/api")
    assert urls.ws_url == "ws://127.0.0.1:99/socket/websocket"
    assert told == []


def test_a_slow_start_is_reported_and_waited_for_as_long_as_asked(started):
    """The late one is named, with the limit."""
    slow, told = Played(), []

    def tell(text):
        told.append(text)
        slow.say(READY)

    started(Played(READY), slow, timeout_s=60.0, tell=tell)
    assert told == ["waiting for the stand-in: 0 s of 60 s"]


def test_one_that_does_not_come_up_says_what_it_said(started, monkeypatch):
    """Or that it said nothing; the limit is never below what a start takes."""
    with pytest.raises(LocalServerError, match="the echo agent did not come up: no such port"):
        started(Played("no such port\n"), Played(READY))
    monkeypatch.setattr(local_servers, "READY_S", 0.01)
    with pytest.raises(LocalServerError, match="the stand-in did not come up: it said nothing"):
        started(Played(READY), Played(), timeout_s=0.0)


def test_a_stand_in_that_was_killed_starts_again_on_its_port(tmp_path):
    """It keeps its options, here the file that it starts from."""
    servers = LocalServers()
    try:
        urls = servers.start(standin=["--storage-file", str(tmp_path / "storage")])
        body = {"sender_id": "u", "recipient_id": "a"}
        session = requests.post(f"{urls.api_url}/sessions", json=body, timeout=60).json()["session"]["id"]
        killed = servers.standin_pid
        os.kill(killed, signal.SIGKILL)
        servers.restart_standin()
        assert requests.get(f"{urls.api_url}/sessions/{session}", timeout=60).status_code == 200
        assert servers.standin_pid not in (None, killed)
    finally:
        servers.stop()
    assert servers.standin_pid is None
    with pytest.raises(LocalServerError, match="was not started"):
        servers.restart_standin()


@pytest.mark.parametrize(
    ("like", "options", "protocol", "added"),
    [
        (None, None, "auto", []),
        ("early", None, "auto", ["--like", "early"]),
        ("late", "--flag 'two words' --other", "late", ["--like", "late", "--flag", "two words", "--other"]),
        (None, None, "late", ["--protocol", "late"]),
        (None, "--protocol both", "early", ["--protocol", "early", "--protocol", "both"]),
    ],
)
def test_what_the_stand_in_is_told_besides(like, options, protocol, added):
    """The text is split as in a shell, and only the stand-in gets it. It speaks the run's protocol."""
    assert standin_arguments(like, options, protocol) == added


HEEDS = "import sys; print('here', flush=True); sys.stdin.read(); print('bye', flush=True)"
IGNORES = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); signal.pause()"


def begun(code):
    """A Python that runs `code` and has said that it is there."""
    child = ChildProcess([sys.executable, "-c", code])
    assert child.stdout.readline() == "here\n"
    return child


@pytest.mark.parametrize(("code", "wait_s"), [(HEEDS, 30.0), (IGNORES, 0.05)])
def test_it_ends_in_any_case(code, wait_s):
    """The closed pipe, the signal, or force ends it, no matter how often."""
    child = begun(code)
    child.terminate()
    child.terminate()
    child.end(wait_s)
    assert child.stdout.closed


def test_what_cannot_be_started_is_reported():
    """The text is the system's."""
    with pytest.raises(OSError, match="No such file"):
        ChildProcess(["/no/such/program"])
