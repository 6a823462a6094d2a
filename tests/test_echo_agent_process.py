"""The echo agent as a process of its own: the wire, signals, exit codes. What it answers is in test_echo_agent.py."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "echo_agent.py"
DEADLINE_S = 60.0  # for what takes milliseconds on an idle machine
BODY = (
    b'{"agent_id":"bench-echo-agent","messages":[{"content":{"client_ref":"r0","text":"hi 0"},"inserted_at":'
    b'"2026-11-23T20:17:39","kind":"text","sender_id":"u1","seq":1}],"session_id":"01M850X7","user_id":"u1"}'
)


class Agent:
    """A running agent and raw connections to it."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)

    def exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send on a connection of its own; return status, headers and body of the first answer."""
        with self.connect() as sock:
            sock.sendall(request)
            return read_answer(sock)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S), self.process.stderr.read()


def read_answer(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    stream = sock.makefile("rb")
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline()) != b"\r\n":
        name, value = line.decode().split(":", 1)
        headers[name.lower()] = value.strip()
    return status, headers, stream.read(int(headers["content-length"]))


def request_bytes(body: bytes, *headers: str, head: str = "POST /webhook HTTP/1.1") -> bytes:
    lines = [head, "Host: localhost", "Content-Type: application/json", *(headers or [f"Content-Length: {len(body)}"])]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return request_bytes(body, "Transfer-Encoding: chunked")


@contextmanager
def running(*arguments: str, program: tuple[str, ...] = (str(PROGRAM),)) -> Iterator[Agent]:
    command = [sys.executable, *program, "--port", "0", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            ready = re.fullmatch(r"echo agent ready on http://127\.0\.0\.1:(\d+)\n", process.stdout.readline())
            assert ready
            yield Agent(process, int(ready[1]))
        finally:
            process.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    with running() as started:
        yield started
        assert started.stop() == (0, "")  # whatever the tests sent: no traceback


def test_keep_alive_and_head_and_body_in_one_piece(agent: Agent) -> None:
    """A connection serves many webhooks, pipelined ones too, and each answer arrives in one read."""
    with agent.connect() as sock:
        for _ in range(3):
            sock.sendall(request_bytes(BODY))
            answer = sock.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"}\n")
        sock.sendall(request_bytes(BODY) * 2)
        assert read_answer(sock)[0] == 200


def test_chunked_body(agent: Agent) -> None:
    """A chunked body without content-length is read."""
    status, headers, body = agent.exchange(chunked(BODY[:10], BODY[10:]))
    assert (status, headers["content-type"]) == (200, "application/x-ndjson")
    assert json.loads(body)["content"] == {"text": "Echo: hi 0", "client_ref": "r0"}


MIB = 1 << 20
EXPECT = ["Expect: 100-continue"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(request_bytes(BODY.ljust(MIB)), 200, id="exactly 1 MiB"),
        pytest.param(chunked(BODY.ljust(MIB)), 200, id="exactly 1 MiB, chunked"),
        pytest.param(request_bytes(BODY.ljust(MIB + 1)), 413, id="a byte more"),
        pytest.param(chunked(BODY, b" " * MIB), 413, id="more, chunked"),
        pytest.param(chunked(*[b" " * MIB] * 6), 413, id="6 MiB, chunked"),
        pytest.param(request_bytes(b"", "Content-Length: 99999999999", *EXPECT), 413, id="announced"),
        pytest.param(request_bytes(b"", "Content-Length: 5", *EXPECT, head="POST /x HTTP/1.1"), 404, id="unexpected"),
        pytest.param(request_bytes(b"zz\r\n", "Transfer-Encoding: chunked"), 400, id="no chunk size"),
        pytest.param(request_bytes(b"\r\n\r\n", "Transfer-Encoding: chunked"), 400, id="empty chunk size"),
        pytest.param(request_bytes(b"5\r\nab\r\n", "Transfer-Encoding: gzip"), 400, id="other transfer-encoding"),
        pytest.param(request_bytes(b"{}", "Content-Length: x"), 400, id="content-length x"),
        pytest.param(request_bytes(b"{}", "Content-Length: -1"), 400, id="content-length negative"),
        pytest.param(request_bytes(b"{}", "Content-Length: 2", "Content-Length: 3"), 400, id="two content-lengths"),
        pytest.param(request_bytes(b"", "Bad Header: x"), 400, id="space in a header name"),
        pytest.param(request_bytes(b"", "X: " + "x" * 70_000), 400, id="oversize header"),
        pytest.param(request_bytes(b"", head="GET /health HTTP/9"), 400, id="no such version"),
        pytest.param(request_bytes(b"", head="\x16\x03\x01\x02"), 400, id="TLS"),
        pytest.param(request_bytes(b"", head="GET /health HTTP/1.1"), 200, id="health"),
    ],
)
def test_what_arrives_on_the_wire(agent: Agent, request_: bytes, status: int) -> None:
    """Sizes, framing and heads that are not in order get a 4xx with a JSON error, and the agent goes on."""
    got, headers, body = agent.exchange(request_)
    assert got == status
    if status >= 400:
        assert headers["content-type"] == "application/json"
        assert list(json.loads(body)) == ["error"]
    assert agent.exchange(request_bytes(BODY))[0] == 200


def test_a_streaming_answer_arrives_piece_by_piece() -> None:
    """Any HTTP client reads them as chunks, one for each piece."""
    body = BODY[:-1] + b',"context":{}}'
    with running("--chunks", "2", "--chunk-delay-ms", "1") as agent, agent.connect() as sock:
        sock.sendall(request_bytes(body))
        stream = sock.makefile("rb")
        head = iter(stream.readline, b"\r\n")
        assert b"transfer-encoding: chunked\r\n" in [line.lower() for line in head]
        pieces = []
        while size := int(stream.readline(), 16):
            pieces.append(json.loads(stream.read(size)))
            assert stream.readline() == b"\r\n"
    assert [piece["type"] for piece in pieces] == ["text-start", "text-delta", "text-delta", "text-end", "finish"]


def test_a_client_that_goes_away_midway(agent: Agent) -> None:
    """Half a body and then the end gets a 400 where somebody still listens, and harms nobody."""
    with agent.connect() as sock:
        sock.sendall(request_bytes(BODY[:20], f"Content-Length: {len(BODY)}"))
        sock.shutdown(socket.SHUT_WR)
        assert read_answer(sock)[0] == 400
    with agent.connect() as sock:
        sock.sendall(request_bytes(BODY)[:40])
    assert agent.exchange(request_bytes(BODY))[0] == 200


def test_a_body_without_end(agent: Agent) -> None:
    """A sender that goes on and on after its 413 is cut off."""
    body = chunked(*[b" " * MIB] * 40)
    with agent.connect() as sock, pytest.raises(ConnectionError):
        sock.sendall(body)
    assert agent.exchange(request_bytes(BODY))[0] == 200


def test_a_delay_lets_others_go_on() -> None:
    """While one webhook is thought over, /health answers."""
    with running("--delay-ms", "600000") as agent, agent.connect() as slow:
        slow.sendall(request_bytes(BODY))
        assert agent.exchange(request_bytes(b"", head="GET /health HTTP/1.1"))[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_finishes_what_is_under_way(number: int) -> None:
    """A webhook under way is answered after the signal, its connection closed; the process then ends with 0."""
    with running("--delay-ms", "2000", "--delay-jitter-ms", "100") as agent, agent.connect() as sock:
        sock.sendall(request_bytes(BODY))
        agent.exchange(request_bytes(b"", head="GET /health HTTP/1.1"))  # behind the webhook, which it has by then
        with agent.connect():  # idle connections do not hold it up
            agent.process.send_signal(number)
            status, headers, _ = read_answer(sock)
            assert (status, headers["connection"]) == (200, "close")
            assert agent.process.wait(DEADLINE_S) == 0
        assert agent.process.stderr.read() == ""


def test_stop_is_bounded() -> None:
    """A webhook that takes ten minutes does not hold the process back that long."""
    hasty = "import echo_agent; echo_agent.DRAIN_S = 0.1; raise SystemExit(echo_agent.main())"
    with running("--delay-ms", "600000", program=("-c", hasty)) as agent, agent.connect() as sock:
        sock.sendall(request_bytes(BODY))
        started_s = time.monotonic()
        assert agent.stop() == (0, "")
        assert time.monotonic() - started_s < DEADLINE_S


def test_exit_with_parent() -> None:
    """With --exit-with-parent, the end of stdin ends the process; input before that does not."""
    with running("--exit-with-parent") as agent:
        agent.process.stdin.write("some noise\n")
        agent.process.stdin.flush()
        assert agent.exchange(request_bytes(BODY))[0] == 200
        agent.process.stdin.close()
        assert agent.process.wait(DEADLINE_S) == 0


def test_port_in_use(agent: Agent) -> None:
    """The error is one line, with exit code 1."""
    done = subprocess.run(
        [sys.executable, PROGRAM, "--port", str(agent.port)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"echo agent: .*{agent.port}.*already in use.*--port=\d+\n", done.stderr)


@pytest.mark.parametrize("arguments", [["--port=x"], ["--no-such-flag"], ["--port"], ["stray"]])
def test_bad_usage(arguments: list[str]) -> None:
    """The error is one line with an example, exit code 2, and no traceback."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"echo agent: .*expected .*for example .*\n", done.stderr)
