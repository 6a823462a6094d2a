"""The client in the process that it is made for: gevent has monkey-patched everything, as `import locust` does."""

import subprocess
import sys

VISIT = """
from gevent import monkey
monkey.patch_all()

from fleetlm_users.client import Connector, Heartbeats, PhoenixSocket, RestApi, SocketOptions
from tests.client.fakes import FakeServer, phoenix
from tests.client.handlers import WAIT_S, Recorder


def healthy(peer):
    while True:
        peer.read_request()
        peer.answer("200 OK", b"{}")


for tls in (False, True):
    server, web = FakeServer(phoenix, tls=tls), FakeServer(healthy, tls=tls)
    options = SocketOptions(connector=Connector(insecure=tls))
    socket = PhoenixSocket(server.ws_url, "u1", options, Heartbeats(0.05), print)
    socket.connect()
    recorder = Recorder()
    socket.join("session:1", {}, recorder, WAIT_S)
    socket.push("session:1", "send", {"text": "x" * 100_000})
    assert len(recorder.broadcast()[1]["text"]) == 100_000
    assert socket.close() is True
    api = RestApi(web.http_url, connector=Connector(insecure=tls))
    assert [api.call("GET", "/").status for _ in range(3)] == [200] * 3
    assert web.accepted == 1
    api.close()
    assert server.errors == web.errors == []
print("visited")
"""


def test_a_whole_visit_in_a_monkey_patched_process():
    """WebSocket and REST, with and without TLS; patching stays out of the other tests' process."""
    done = subprocess.run([sys.executable, "-c", VISIT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("visited\n", 0), done.stderr


PAGE = """
from gevent import monkey
monkey.patch_all()

import time

from gevent.event import Event

from fleetlm_users.client import TextPage
from fleetlm_users.errors import RestFailed
from tests.client.fakes import FakeServer, Gone


def dribbling(peer):
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\\r\\ncontent-length: 1000\\r\\n\\r\\n")
    never = Event()
    try:
        while True:
            peer.send(b"a")
            never.wait(0.05)
    except OSError:
        pass


for tls in (False, True):
    server = FakeServer(dribbling, tls=tls)
    page = TextPage(server.http_url, "--server-metrics", timeout_s=0.5, insecure=tls)
    try:
        page.read()
    except RestFailed as failed:
        assert (failed.kind, failed.detail) == ("timeout", "no answer within 0.5 s"), failed
    else:
        raise AssertionError
    page.close()
    assert server.errors == []
print("bounded")
"""


def test_a_page_shares_the_loop_and_its_limit_holds_for_the_whole_answer():
    """The server runs on the same loop; it sends a byte before each of the limits that requests knows would end."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PAGE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("bounded\n", 0), done.stderr
