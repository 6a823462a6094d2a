"""The cost and the delay of the echo agent, compared with a bare Flask view on gevent's WSGI server.

    python benchmarks/parts/echo_agent.py [--rounds 3] [--seconds 2] [--connections 8]

All servers run on one core, in turns, and are driven from another core over raw keep-alive sockets: once as fast as
they go, once at 1,000 webhooks/s planned in advance. Latency counts from the planned moment, so a stall is paid by
every webhook that was due during it. The bare view is measured as it comes, where the body of an answer waits
40 ms for the client's delayed ACK of its head, and with TCP_NODELAY, which is the fair peer. CPU per webhook (user +
system, of the server's process) is the figure to compare on a machine that others use too.
"""

import argparse
import json
import os
import re
import select
import socket
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
import psutil
from flask import Flask, Response, request
from gevent.pywsgi import WSGIServer

RATE_PER_S = 1000
ROOT = Path(__file__).resolve().parents[2]
SERVERS = {
    "echo agent": [sys.executable, str(ROOT / "echo_agent.py"), "--port", "0"],
    "bare + no delay": [sys.executable, __file__, "--serve-peer", "no-delay"],
    "bare Flask": [sys.executable, __file__, "--serve-peer", "plain"],
}
REF = b"ref-00000000"


def serve_peer(*, no_delay: bool) -> None:
    """Serve the smallest Flask that answers a webhook, on the unmodified WSGI server, with the access log off."""
    app = Flask(__name__)

    @app.post("/webhook")
    def webhook() -> Response:
        content = request.get_json()["messages"][-1]["content"]
        echo = {"kind": "text", "content": {**content, "text": f"Echo: {content['text']}"}}
        return Response(orjson.dumps(echo, option=orjson.OPT_APPEND_NEWLINE), mimetype="application/x-ndjson")

    server = WSGIServer(("127.0.0.1", 0), app, log=None)
    server.init_socket()
    if no_delay:
        server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
    server.start()
    print(f"bare Flask ready on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def webhook_template() -> bytes:
    """Return what FleetLM sends, head and body, after nine messages of a session: ten messages of history."""
    messages = [
        {
            "content": {"client_ref": REF.decode(), "text": f"message {seq} of a load test with a few words in it"},
            "inserted_at": "2026-11-23T20:17:39",
            "kind": "text",
            "sender_id": "u1" if seq % 2 else "bench-echo-agent",
            "seq": seq,
        }
        for seq in [*range(1, 10), 11]
    ]
    body = orjson.dumps(
        {
            "agent_id": "bench-echo-agent",
            "messages": messages,
            "session_id": "01M850X776Y2CHDATXF6NZ907Y",
            "user_id": "u1",
        }
    )
    head = (
        f"POST /webhook HTTP/1.1\r\ncontent-length: {len(body)}\r\nhost: localhost:4001\r\naccept: application/json\r\n"
        "content-type: application/json\r\nuser-agent: req/0.5.15\r\n\r\n"
    )
    return head.encode() + body


class Driver:
    """Keep-alive connections to one server; an answer counts only if it is a 200 that carries its request's ref."""

    def __init__(self, port: int, connections: int) -> None:
        self._template = webhook_template()
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        for sock in self._sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._waiting: dict[socket.socket, tuple[bytes, bytearray, float]] = {}
        self._next_ref = 0

    def close(self) -> None:
        """Close all connections."""
        for sock in self._sockets:
            sock.close()

    def saturate(self, seconds: float) -> int:
        """Keep every connection busy for that long; return the number of webhooks answered."""
        answered = 0
        end_s = time.perf_counter() + seconds
        for sock in self._sockets:
            self._send(sock, 0.0)
        while self._waiting:
            for sock in self._answered(1.0):
                answered += 1
                if time.perf_counter() < end_s:
                    self._send(sock, 0.0)
        return answered

    def at_rate(self, seconds: float, per_s: float) -> tuple[list[float], list[float]]:
        """Send at planned moments for that long; return latencies from the planned moment, and how late sends were."""
        latencies_s: list[float] = []
        lateness_s: list[float] = []
        idle = deque(self._sockets)
        start_s = time.perf_counter() + 0.01
        total, sent = int(seconds * per_s), 0
        while len(latencies_s) < total:
            now_s = time.perf_counter()
            while sent < total and idle and (due_s := start_s + sent / per_s) <= now_s:
                lateness_s.append(time.perf_counter() - due_s)
                self._send(idle.popleft(), due_s)
                sent += 1
            wait_s = max(0.0, start_s + sent / per_s - time.perf_counter()) if sent < total and idle else 1.0
            for sock, due_s in self._answered_with_due(wait_s):
                latencies_s.append(time.perf_counter() - due_s)
                idle.append(sock)
        return latencies_s, lateness_s

    def _send(self, sock: socket.socket, due_s: float) -> None:
        ref = b"ref-%08d" % self._next_ref
        self._next_ref += 1
        self._waiting[sock] = (ref, bytearray(), due_s)
        sock.sendall(self._template.replace(REF, ref))

    def _answered(self, timeout_s: float) -> Iterator[socket.socket]:
        return (sock for sock, _ in self._answered_with_due(timeout_s))

    def _answered_with_due(self, timeout_s: float) -> Iterator[tuple[socket.socket, float]]:
        for sock in select.select(list(self._waiting), [], [], timeout_s)[0]:
            ref, received, due_s = self._waiting[sock]
            chunk = sock.recv(65536)
            received += chunk
            if not chunk:
                raise SystemExit(f"the server closed a connection after {bytes(received)!r}")
            if received.endswith(b"}\n"):
                if not received.startswith(b"HTTP/1.1 200 ") or ref not in received:
                    raise SystemExit(f"wrong answer to {ref!r}: {bytes(received)!r}")
                del self._waiting[sock]
                yield sock, due_s


@dataclass
class Figures:
    """The measurements of one server, one value per round."""

    per_s: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    rate_cpu_us: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    late_p99_us: list[float] = field(default_factory=list)


@contextmanager
def server(command: list[str]) -> Iterator[tuple[psutil.Process, int]]:
    """Run a server until the block ends; yield its process and port."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert child.stdout
        ready = re.search(r":(\d+)$", child.stdout.readline())
        if not ready:
            raise SystemExit(f"{command} did not start")
        yield psutil.Process(child.pid), int(ready[1])
    finally:
        child.terminate()
        child.wait(10)


def pin(core: int) -> None:
    """Bind this process, and those it starts from here on, to one core, if the system can and has it."""
    if hasattr(os, "sched_setaffinity") and core < (os.cpu_count() or 1):
        os.sched_setaffinity(0, {core})


def measure(process: psutil.Process, port: int, seconds: float, connections: int, figures: Figures) -> None:
    """Add one round of figures."""

    def cpu_s() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    driver = Driver(port, connections)
    before_s, start_s = cpu_s(), time.perf_counter()
    answered = driver.saturate(seconds)
    figures.per_s.append(answered / (time.perf_counter() - start_s))
    figures.cpu_us.append((cpu_s() - before_s) / answered * 1e6)
    before_s = cpu_s()
    latencies_s, lateness_s = driver.at_rate(seconds, RATE_PER_S)
    figures.rate_cpu_us.append((cpu_s() - before_s) / len(latencies_s) * 1e6)
    driver.close()
    cuts = statistics.quantiles(latencies_s, n=100)
    figures.p50_us.append(cuts[49] * 1e6)
    figures.p99_us.append(cuts[98] * 1e6)
    figures.late_p99_us.append(statistics.quantiles(lateness_s, n=100)[98] * 1e6)


def report(figures: dict[str, Figures]) -> str:
    """Return the table: medians over the rounds, and echo agent ÷ bare Flask."""
    rows = (
        ("webhooks/s at saturation", "per_s"),
        ("CPU per webhook at saturation, µs", "cpu_us"),
        (f"CPU per webhook at {RATE_PER_S}/s, µs", "rate_cpu_us"),
        (f"latency p50 at {RATE_PER_S}/s, µs", "p50_us"),
        (f"latency p99 at {RATE_PER_S}/s, µs", "p99_us"),
        ("(driver's own lateness p99, µs)", "late_p99_us"),
    )
    lines = [f"{'':36}" + "".join(f"{name:>18}" for name in figures) + f"{'first ÷ second':>18}"]
    for label, name in rows:
        values = [statistics.median(getattr(each, name)) for each in figures.values()]
        cells = "".join(f"{value:18,.0f}" for value in values)
        lines.append(f"{label:36}{cells}{values[0] / values[1]:18.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the echo agent beside a bare Flask view.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each of the two phases of a round")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--serve-peer", choices=("plain", "no-delay"), help=argparse.SUPPRESS)
    parser.add_argument("--json", choices=tuple(SERVERS), help="this server alone; prints every round as JSON")
    options = parser.parse_args()
    if options.serve_peer:
        serve_peer(no_delay=options.serve_peer == "no-delay")
        return
    commands = {options.json: SERVERS[options.json]} if options.json else SERVERS
    figures = {name: Figures() for name in commands}
    with ExitStack() as running:
        pin(0)
        children = [running.enter_context(server(command)) for command in commands.values()]
        pin(1)
        for _ in range(options.rounds):
            for (process, port), result in zip(children, figures.values(), strict=True):
                measure(process, port, options.seconds, options.connections, result)
    if options.json:
        print(json.dumps({name: asdict(each) for name, each in figures.items()}))
    else:
        print(report(figures))


if __name__ == "__main__":
    main()
