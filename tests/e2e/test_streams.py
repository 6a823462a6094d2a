"""Faults of streaming agents: answers that never finish, or that stall. Each is counted by scenario, and judged."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.e2e.benchmarks import run, samples
from tests.e2e.harness import Agent

pytestmark = pytest.mark.e2e

LATE = ("--protocol", "late", "--quirks")
STREAMING = [
    *("--preset", "streaming", "-u", "2", "-t", "4s", "--warm-up", "0s", "--send-interval", "200"),
    *("--reply-timeout", "5s", "--drain-timeout", "60s"),
]
WHOLE = ({"type": "text-start", "id": "p"}, {"type": "text-delta", "id": "p", "delta": "ack"}, {"type": "finish"})


class BrokenAgent(ThreadingHTTPServer):
    """Answers every third webhook without an end."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), BrokenAnswers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.answers = self.broken = 0

    def next_lines(self):
        with self.lock:
            self.answers += 1
            is_broken = self.answers % 3 == 0
            self.broken += is_broken
        return WHOLE[: -1 if is_broken else None]


class BrokenAnswers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"{}")

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer("".join(json.dumps(line) + "\n" for line in self.server.next_lines()).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def broken_agent():
    with BrokenAgent() as agent:
        thread = threading.Thread(target=agent.serve_forever)
        thread.start()
        yield agent
        agent.shutdown()
        thread.join(60)


STALL_MS = 60


def failed(finished):
    return {entry["metric"] for entry in finished.summary["thresholds"] if not entry["ok"]}


def test_answers_that_never_finish_are_counted_and_fail(tmp_path, standin_with, broken_agent):
    """Each is one incomplete stream and one unanswered message, and the answers to other messages stay theirs."""
    agent = broken_agent
    finished = run(tmp_path, "message_throughput", standin_with(*LATE), *STREAMING, "--agent-url", agent.url)
    assert finished.code == 3, finished.output
    assert finished.count("agent_streams") == agent.answers == finished.count("messages_sent") > 3
    assert finished.count("agent_streams_incomplete") == agent.broken > 0
    assert finished.count("messages_unanswered") == agent.broken
    assert finished.count("agent_replies") == agent.answers - agent.broken
    assert samples(finished, "agent_first_chunk_ms") == agent.answers
    assert failed(finished) >= {"agent_streams_incomplete", "agent_reply_rate"}
    by_scenario = finished.summary["metrics"]["agent_streams_incomplete"]["main"]["scenarios"]
    assert by_scenario["throughput"]["count"] == agent.broken


def test_answers_that_stall_are_counted_and_fail(tmp_path, standin_with):
    """One pause per answer beyond --stall-limit: between its two pieces of text."""
    agent = Agent("--chunks", "1", "--chunk-delay-ms", "600")
    try:
        standin = standin_with(*LATE)
        flags = [*STREAMING, "--send-interval", "1000", "--reply-timeout", "30s", "--stall-limit", f"{STALL_MS}ms"]
        bounds = "agent_chunk_gap_ms: p(50)>500; agent_first_chunk_ms: max<60s"
        flags += ["--agent-url", agent.url, "--threshold", bounds]
        finished = run(tmp_path, "message_throughput", standin, *flags)
    finally:
        agent.stop()
    assert finished.code == 3, finished.output
    answers = finished.count("agent_replies")
    assert finished.count("agent_streams") == answers > 0
    assert finished.count("agent_streams_incomplete") == 0
    assert finished.count("agent_chunks") == 4 * answers
    stalls, gaps = (
        finished.count("agent_stream_stalls"),
        finished.summary["metrics"]["agent_chunk_gap_ms"]["main"]["all"],
    )
    assert answers < stalls <= gaps["count"] <= 3 * answers
    # pieces that a machine which stood still read together have no pause between them
    assert stalls == 3 * answers or gaps["count"] < 3 * answers or gaps["min"] <= STALL_MS
    assert failed(finished) == {"agent_stream_stalls"}
    page = (next(finished.results.iterdir()) / "report.html").read_text()
    for metric in ("agent_first_chunk_ms", "agent_chunk_gap_ms"):
        assert metric in page


def test_the_early_protocol_streams_nothing(tmp_path, standin_with):
    """So its servers are refused by the preset that judges streams."""
    finished = run(tmp_path, "message_throughput", standin_with("--builtin-agent"), *STREAMING)
    assert finished.code == 1, finished.output
    assert "it speaks the early protocol, but --protocol late was given" in " ".join(finished.output.split())
