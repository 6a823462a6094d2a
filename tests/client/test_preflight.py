"""The checks before a run, and the text a person reads when something is wrong."""

import functools
import json
from unittest import mock

import pytest
from gevent.event import Event
from gevent.queue import Queue

from fleetlm_users.client.preflight import ProblemCode, Targets, check
from fleetlm_users.client.waiting_notice import WaitingNotice
from fleetlm_users.errors import UsageError
from tests.client.fakes import Peer, frame, hold
from tests.ports import free_port

AGENT_ID = "bench-echo-agent"
DEADLINE_S = 0.3
AMPLE_S = 2.5  # for what is to be in time, on a busy machine too
WAIT_S = 60.0
EARLY_ANSWER = "400 Bad Request", b'{"errors":{"detail":"Bad Request"}}'


def agent(origin_url: str, status: str = "enabled") -> dict[str, object]:
    return {"id": AGENT_ID, "origin_url": origin_url, "status": status}


class Fleet:
    """A FleetLM for preflight: agents over REST, and the WebSocket, on one port; `answers` replace the usual ones."""

    def __init__(self, known: dict[str, object] | None = None, **answers: tuple[str, bytes]) -> None:
        self.known = known
        self.answers = answers
        self.created: list[dict[str, object]] = []
        self.participants: list[str] = []

    def __call__(self, peer: Peer) -> None:
        while True:
            method, target = self._next(peer)
            if target.startswith("/socket"):
                self._websocket(peer, target)
                return
            body = peer.read(int(peer.headers.get("content-length", "0")))
            peer.answer(*self._answer(method, target, body))

    def _next(self, peer: Peer) -> tuple[str, str]:
        peer.read_head()
        method, target, _ = peer.request_line.split(" ")
        return method, target

    def _answer(self, method: str, target: str, body: bytes) -> tuple[str, bytes]:
        if target == "/api/sessions":
            return self.answers.get("detection", EARLY_ANSWER)
        if method == "POST":
            self.created.append(json.loads(body)["agent"])
            return self.answers.get("create", ("201 Created", body))
        if target == "/api/agents":
            return self.answers.get("index", ("200 OK", b'{"agents":[]}'))
        if "show" in self.answers:
            return self.answers["show"]
        if self.known is None:
            return "404 Not Found", b'{"error":"Agent not found"}'
        return "200 OK", json.dumps({"agent": self.known}).encode()

    def _websocket(self, peer: Peer, target: str) -> None:
        if "upgrade" in self.answers:
            peer.answer(*self.answers["upgrade"])
            return
        self.participants.append(target.partition("participant_id=")[2])
        peer.accept()
        assert peer.read_frame() == (8, b"\x03\xe8")
        peer.send(frame(b"\x03\xe8", 8))


def healthy(peer: Peer) -> None:
    peer.read_request()
    peer.answer("200 OK", b'{"status":"ok"}')


def targets_of(fleet, agent_server, **options) -> Targets:
    return Targets(
        fleet.http_url + "/api", fleet.ws_url, agent_server.http_url, AGENT_ID, options.pop("insecure", False)
    )


def codes(result) -> list[ProblemCode]:
    return [problem.code for problem in result.problems]


def test_all_well_says_nothing(serve):
    """The agent is known as we would make it: no problem, nothing created, no text."""
    agent_server = serve(healthy)
    fleet = Fleet(agent(agent_server.http_url + "/"))
    found = check(targets_of(serve(fleet), agent_server))
    assert (found.problems, found.agent_created, found.fatal, found.text()) == ((), False, False, "")
    assert fleet.created == []
    assert len(fleet.participants) == 1  # the handshake was done, and closed politely


def test_a_missing_agent_is_created_and_said(serve):
    """It has FleetLM's field names."""
    fleet, agent_server = Fleet(), serve(healthy)
    found = check(targets_of(serve(fleet), agent_server))
    assert (found.agent_created, found.fatal) == (True, False)
    assert fleet.created == [
        {
            "id": AGENT_ID,
            "name": "Bench Echo Agent",
            "origin_url": agent_server.http_url,
            "webhook_path": "/webhook",
            "message_history_mode": "tail",
            "message_history_limit": 10,
            "timeout_ms": 30000,
            "status": "enabled",
        }
    ]
    assert found.text() == f"created agent {AGENT_ID} with webhook {agent_server.http_url}/webhook"


def test_an_agent_that_another_master_creates_at_the_same_moment_is_fine(serve):
    """422 'has already been taken' after a 404: somebody was faster."""
    fleet = Fleet(create=("422 Unprocessable Entity", b'{"errors":{"id":["has already been taken"]}}'))
    found = check(targets_of(serve(fleet), serve(healthy)))
    assert (found.problems, found.agent_created) == ((), False)


@pytest.mark.parametrize(
    "answers",
    [
        {"create": ("422 Unprocessable Entity", b'{"errors":{"origin_url":["is invalid"]}}')},
        {"create": ("500 Internal Server Error", b"")},
        {"show": ("500 Internal Server Error", b"")},
    ],
)
def test_an_agent_that_can_neither_be_read_nor_made_is_fatal(serve, answers):
    """No agent, no replies: the run would measure nothing of them."""
    found = check(targets_of(serve(Fleet(**answers)), serve(healthy)))
    assert found.fatal
    assert codes(found) == [ProblemCode.AGENT_UNAVAILABLE]
    assert f"agent {AGENT_ID}" in found.text()


NASTY = "\x1b[2J\x1b]0;title\x07\r\u202e" + "x" * 9000
PAGE = b"\x1b[31m<html>\nsecond line"


@pytest.mark.parametrize(
    ("answers", "known", "told"),
    [
        ({"index": ("200 OK", b"\x1f\x8b\x08" + bytes(30))}, None, "a body of 33 bytes, compressed with gzip"),
        ({"index": ("500 No\x1b[2J", json.dumps({"error": NASTY}).encode())}, None, r"HTTP 500: \x1b[2J"),
        ({"index": ("502 Bad", PAGE)}, None, r"\x1b[31m<html> …"),
        ({"upgrade": ("503 No\x1b[2J", PAGE)}, None, r"upgrade: HTTP 503 No\x1b[2J: \x1b[31m<html> …"),
        ({}, agent(NASTY, NASTY), r"FleetLM calls it at \x1b[2J"),
        ({"show": ("200 OK", b'{"agent":{"status":' + b"[" * 900 + b"]" * 900 + b"}}")}, None, "its status is '["),
    ],
)
def test_whatever_a_server_says_is_reported_in_printable_bounded_lines(serve, answers, known, told):
    """Escape sequences, compressed bodies, multi-line pages, and structures as deep as JSON allows."""
    agent_server, fleet = serve(healthy), Fleet(known)
    fleet.answers.update(answers)
    text = check(targets_of(serve(fleet), agent_server)).text()
    assert told in text
    assert all(char.isprintable() or char == "\n" for char in text)
    assert len(text) < 2000


def test_a_disabled_agent_and_another_origin_are_reported_but_not_fatal(serve):
    """Each comes with a remedy."""
    agent_server = serve(healthy)
    found = check(targets_of(serve(Fleet(agent("http://elsewhere:9", "disabled"))), agent_server))
    assert [problem.fatal for problem in found.problems] == [False, False]
    assert codes(found) == [ProblemCode.AGENT_DISABLED, ProblemCode.AGENT_ELSEWHERE]
    status, origin = found.text().splitlines()
    assert "'disabled'" in status
    assert "enable it" in status
    assert "http://elsewhere:9" in origin
    assert "--agent-url http://elsewhere:9" in origin


def test_an_agent_of_no_known_shape_is_reported(serve):
    """A 200 without an agent in it."""
    found = check(targets_of(serve(Fleet(show=("200 OK", b"[]"))), serve(healthy)))
    assert len(found.problems) == 2
    assert not found.fatal


def test_an_agent_that_we_cannot_reach_is_a_warning(serve):
    """FleetLM may reach it though we cannot."""
    fleet = serve(Fleet(agent("http://127.0.0.1:1")))
    found = check(Targets(fleet.http_url + "/api", fleet.ws_url, f"http://127.0.0.1:{free_port()}", AGENT_ID))
    assert not found.fatal
    assert codes(found) == [ProblemCode.AGENT_ELSEWHERE, ProblemCode.AGENT_UNHEALTHY]
    assert "python echo_agent.py" in found.text()
    assert "refused" in found.text()


def test_nobody_there_tells_what_was_tried_and_how_to_go_on():
    """Two or three lines: what failed, how to start FleetLM and the agent, and that --standin needs neither."""
    port = free_port()
    base = f"127.0.0.1:{port}"
    found = check(Targets(f"http://{base}/api", f"ws://{base}/socket/websocket", f"http://{base}", AGENT_ID))
    assert found.fatal
    assert codes(found) == [ProblemCode.API_FAILED, ProblemCode.WEBSOCKET_FAILED, ProblemCode.AGENT_UNHEALTHY]
    assert [problem.kind for problem in found.problems] == ["refused", "refused", ""]
    lines = found.text().splitlines()
    assert len(lines) == 3
    for word in (f"http://{base}/api/agents", f"ws://{base}/socket/websocket", "refused"):
        assert word in lines[0]
    for word in ("mix phx.server", "python echo_agent.py", "--standin"):
        assert word in lines[1]


def test_a_host_that_swallows_packets_costs_the_deadline_once(serve):
    """All is asked side by side: while one is waited for, the others are too."""
    waiting, at_once = set(), []

    def hold_and_count(peer):
        waiting.add(peer)
        at_once.append(len(waiting))
        hold(peer)
        waiting.discard(peer)

    silent = serve(hold_and_count)
    found = check(targets_of(silent, silent), DEADLINE_S)
    assert at_once == [1, 2, 3]
    assert [problem.fatal for problem in found.problems] == [True, True, False]
    assert found.text().count("timeout") == 3


def test_each_answer_may_take_as_long_as_the_time_limit_says(serve):
    """As in the run: three answers that together take longer are a slow target, not a dead one."""

    class Slow(Fleet):
        def _next(self, peer: Peer) -> tuple[str, str]:
            found = super()._next(peer)
            Event().wait(AMPLE_S * 0.4)
            return found

    fleet = Slow()
    found = check(targets_of(serve(fleet), serve(healthy)), AMPLE_S)
    assert (found.problems, found.agent_created) == ((), True)


def test_a_name_that_cannot_be_resolved_is_reported_as_such():
    """It is reported by name, for each target."""
    found = check(Targets("http://a..b/api", "ws://a..b/s", "http://a..b", AGENT_ID), DEADLINE_S)
    assert [problem.fatal for problem in found.problems] == [True, True, False]
    assert found.text().count("dns: the name a..b cannot be resolved") == 3


def test_what_is_waited_for_is_reported(serve):
    """After two seconds (here at once), the line appears with the time limit."""
    told: Queue[str] = Queue()
    never = Event()

    def slow(peer: Peer) -> None:
        peer.read_head()
        told.get(timeout=WAIT_S)
        never.set()
        peer.answer("503 Busy")

    silent = serve(slow)
    notice = functools.partial(WaitingNotice, first_s=0.01, next_s=0.01)
    with mock.patch("fleetlm_users.client.preflight.WaitingNotice", notice):
        check(targets_of(silent, silent), WAIT_S, tell=told.put)
    assert never.is_set()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("301 Moved", b"<html>\nx", "location: https://h:8443/api/agents"), "set -H https://h:8443"),
        (("401 Unauthorized", b"<html>\nx"), "asks for a login"),
        (("403 Forbidden", b"<html>\nx"), "let this machine in"),
    ],
)
def test_an_answer_that_says_what_to_do_is_reported_and_nothing_else_is_advised(serve, answer, said):
    """There is no HTML page in it, and no advice to start what is running."""
    fleet = Fleet(index=answer, upgrade=answer)
    found = check(targets_of(serve(fleet), serve(healthy)))
    assert found.fatal
    assert said in found.text()
    assert "mix phx.server" not in found.text()
    assert "<html>" not in found.text()
    assert len(found.text().splitlines()) == 1


def test_a_proxy_that_is_not_used_is_named(serve, monkeypatch):
    """curl would use it, so the difference is explained."""
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    agent_server = serve(healthy)
    found = check(targets_of(serve(Fleet(agent(agent_server.http_url))), agent_server))
    assert not found.fatal
    assert codes(found) == [ProblemCode.PROXY_UNUSED]
    assert "warning: HTTP_PROXY" in found.text()
    assert "secret" not in found.text()


@pytest.mark.parametrize(
    "index", [("404 Not Found", b"Not Found"), ("200 OK", b"<html>"), ("200 OK", b"{}"), ("200 OK", b'{"agents":1}')]
)
def test_something_else_on_that_port_is_no_fleetlm(serve, index):
    """A web server, a proxy's page, another API."""
    found = check(targets_of(serve(Fleet(index=index)), serve(healthy)))
    assert found.fatal
    (code,) = codes(found)[:1]
    assert code is (
        ProblemCode.API_NOT_FLEETLM if index[0] == "200 OK" and index[1] != b"<html>" else ProblemCode.API_FAILED
    )
    assert "REST API" in found.text()


def test_a_refused_upgrade_is_fatal_and_says_the_status(serve):
    """REST works, but no user could open a socket."""
    agent_server = serve(healthy)
    fleet = Fleet(agent(agent_server.http_url), upgrade=("403 Forbidden", b""))
    found = check(targets_of(serve(fleet), agent_server))
    assert found.fatal
    (problem,) = found.problems
    assert (problem.code, problem.kind, problem.status) == (ProblemCode.WEBSOCKET_FAILED, "upgrade_403", 403)
    assert "HTTP 403 Forbidden" in found.text()


def test_a_socket_that_never_closes_is_no_problem(serve):
    """It opened, which is what matters; the wait for its close is bounded."""

    class Lingering(Fleet):
        def _websocket(self, peer: Peer, target: str) -> None:
            peer.accept()
            hold(peer)

    agent_server = serve(healthy)
    found = check(targets_of(serve(Lingering(agent(agent_server.http_url))), agent_server), AMPLE_S)
    assert not found.fatal


def test_urls_that_are_none_are_usage_errors():
    """Before anything is asked."""
    good = ("http://h/api", "ws://h/s", "http://h")
    for position, what in enumerate(("API URL", "WebSocket URL", "agent URL")):
        urls = [*good]
        urls[position] = "nonsense"
        with pytest.raises(UsageError, match=what):
            check(Targets(*urls, AGENT_ID))


LATE_ANSWER = "422 Unprocessable Entity", b'{"error":"user_id and agent_id are required"}'


@pytest.mark.parametrize(
    ("detection", "protocol", "history"),
    [
        (EARLY_ANSWER, "early", {"message_history_mode": "tail", "message_history_limit": 10}),
        (LATE_ANSWER, "late", {"context": {"strategy": "last_n", "config": {"limit": 10}}}),
    ],
)
def test_the_protocol_is_found_out_and_the_agent_made_in_its_way(serve, detection, protocol, history):
    """The result names the protocol; the agent's record says in that protocol's words what it is sent."""
    fleet, agent_server = Fleet(detection=detection), serve(healthy)
    result = check(targets_of(serve(fleet), agent_server))
    assert result.protocol == protocol
    assert result.agent_created
    (created,) = fleet.created
    assert created.items() >= history.items()
    assert not result.problems


def test_a_server_of_no_known_protocol_is_fatal_and_told_by_what_it_said(serve):
    """The text says what the known protocols would have answered."""
    fleet = Fleet(detection=("404 Not Found", b'{"error":"no such route"}'))
    result = check(targets_of(serve(fleet), serve(healthy)))
    assert codes(result) == [ProblemCode.PROTOCOL]
    assert result.fatal
    assert "404" in result.text()
    assert "no such route" in result.text()
    assert not fleet.created


@pytest.mark.parametrize("known", [None, agent("http://elsewhere") | {"message_history_mode": "tail"}])
def test_a_version_in_between_is_refused_by_name(serve, known):
    """Its agents give it away, also the one that was just created."""
    record = json.dumps({"agent": {"message_history_mode": "tail"}}).encode()
    fleet = Fleet(known, detection=LATE_ANSWER, create=("201 Created", record))
    result = check(targets_of(serve(fleet), serve(healthy)))
    assert codes(result) == [ProblemCode.PROTOCOL]
    assert "2025-10-13 to 10-18" in result.text()
