"""The server's own figures: asked before and during a run; whatever goes wrong is told and harms nothing."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.measure.exposition import MEMORY, Reading
from fleetlm_users.swarm.server_sources import ProcessSource, PrometheusSource, SourceFailed
from fleetlm_users.swarm.server_watch import ServerWatch, server_watch
from tests.swarm.samples import options


class Played:
    """A source that tells what the test put into it; an error is raised."""

    name = "played"

    def __init__(self, *answers, done_after=0):
        self.answers, self.done, self.done_after, self.asked = list(answers), Event(), done_after, 0

    def read(self):
        self.asked += 1
        if self.asked >= self.done_after:
            self.done.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {MEMORY: Reading(answer, "bytes")}


@pytest.fixture
def endpoint():
    """A server that answers every GET with what the test sets."""

    class Handler(BaseHTTPRequestHandler):
        status, body = 200, b"process_resident_memory_bytes 4096\n"

        def do_GET(self):
            self.send_response(self.status)
            self.end_headers()
            self.wfile.write(self.body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/metrics", Handler
    server.shutdown()
    server.server_close()


def test_an_endpoint_is_read(endpoint):
    """Figures by name."""
    url, _ = endpoint
    assert PrometheusSource(url, insecure=False).read() == {MEMORY: Reading(4096.0, "process_resident_memory_bytes")}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, b"", "503"),
        (200, b"<html>login</html>", "not Prometheus' text format"),
        (200, b"something_else 1\n", "none of the metrics"),
    ],
)
def test_an_endpoint_that_is_none_says_why(endpoint, status, body, said):
    """In words."""
    url, handler = endpoint
    handler.status, handler.body = status, body
    with pytest.raises(SourceFailed, match=said):
        PrometheusSource(url, insecure=False).read()


def test_an_endpoint_that_is_not_there_says_so():
    """Refused at once."""
    with pytest.raises(SourceFailed, match="refused"):
        PrometheusSource("http://127.0.0.1:9/metrics", insecure=False).read()


def test_a_process_is_read_and_one_that_is_gone_says_so():
    """Resident memory and CPU."""
    found = ProcessSource(os.getpid()).read()
    assert found[MEMORY].value > 1_000_000
    assert found["cpu_percent"].value >= 0
    with pytest.raises(SourceFailed, match="4194305"):
        ProcessSource(2**22 + 1).read()


def test_readings_go_on_until_the_run_ends_whatever_fails():
    """A failure in between is counted, and the next reading taken."""
    source = Played(1.0, SourceFailed("away"), 2.0, done_after=5)
    watch = ServerWatch([source], interval_s=0.001)
    assert watch.look() == []
    assert watch.look() == ["the server's figures (played): away"]
    watch.begin(lambda: 7)
    with gevent.Timeout(10):
        source.done.wait()
    watch.stop()
    told = watch.to_json()[0]
    assert told["failed"] == 1
    assert told["problem"] == "away"
    assert told["figures"]["memory_bytes"]["first"] == 1.0
    assert told["figures"]["memory_bytes"]["peak"] == 2.0
    assert [sessions for _, sessions, _ in told["samples"]][:2] == [0, 7]


def test_the_options_say_what_is_asked():
    """Nothing, one or both."""
    assert server_watch(options()).to_json() == []
    both = server_watch(options(server_metrics="http://localhost:4000/metrics", server_pid="42")).to_json()
    assert [told["source"] for told in both] == ["http://localhost:4000/metrics", "pid 42"]


def test_what_a_source_says_is_one_bounded_line():
    """An endpoint that answers with something else is quoted by libraries, at any length."""
    watch = ServerWatch([Played(SourceFailed("Invalid line: \x1b[2J" + "x" * 10_000))])
    (problem,) = watch.look()
    assert problem.isprintable()
    assert len(problem) < 300
    assert watch.to_json()[0]["problem"].isprintable()
