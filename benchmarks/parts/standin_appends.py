"""How many appends per second one core of the stand-in takes, with `--builtin-agent`.

One append is one `send` received and two pushes sent: the user's own message and the agent's. The stand-in is pinned
to one
core and a lean raw-socket client to another. Beside the rate it prints the server's CPU time per append: on a busy
machine that is
the figure that stays true.

    python benchmarks/parts/standin_appends.py --connections 100 --window 1 --seconds 10
"""

import argparse
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import NamedTuple

import orjson

MASK = b"\x37\xfa\x21\x3d"
AGENT = b'"sender_id":"bench-echo-agent"'
CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Figures(NamedTuple):
    """The results of one measurement."""

    appends: int
    wall_s: float
    server_cpu_s: float


def frame(text: bytes) -> bytes:
    """A masked text frame."""
    length = len(text)
    head = bytes((0x81, 0x80 | length)) if length < 126 else bytes((0x81, 0xFE)) + length.to_bytes(2, "big")
    return head + MASK + bytes(byte ^ MASK[place & 3] for place, byte in enumerate(text))


def start_server(core: int) -> tuple[subprocess.Popen[str], int]:
    """The stand-in on a free port, pinned to `core`, and that port."""
    command = [sys.executable, "-m", "fleetlm_users.standin", "--port", "0", "--builtin-agent", "--exit-with-parent"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, encoding="utf-8")
    os.sched_setaffinity(server.pid, {core})
    line = server.stdout.readline() if server.stdout else ""
    return server, int(line.split(" (")[0].rpartition(":")[2])


def post_session(port: int, user: str) -> str:
    """A new session's id."""
    body = orjson.dumps({"sender_id": user, "recipient_id": "bench-echo-agent", "metadata": {"bench": True}})
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/sessions", data=body, headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return str(orjson.loads(answer.read())["session"]["id"])


def read_until(connection: socket.socket, mark: bytes) -> None:
    data = b""
    while mark not in data:
        data += connection.recv(65536)


def connect(port: int, number: int, text_bytes: int) -> tuple[socket.socket, bytes]:
    """A joined socket and its ready-made `send` frame."""
    user = f"user-{number}"
    session_id = post_session(port, user)
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(
        f"GET /socket/websocket?participant_id={user}&vsn=2.0.0 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    read_until(connection, b"\r\n\r\n")
    topic = f"session:{session_id}"
    connection.sendall(frame(orjson.dumps(["1", "1", topic, "phx_join", {}])))
    read_until(connection, b'"status":"ok"')
    content = {"text": "x" * text_bytes, "client_ref": "0123456789abcdef"}
    payload = {"content": {"kind": "text", "content": content, "metadata": {}}}
    connection.setblocking(False)
    return connection, frame(orjson.dumps(["1", "2", topic, "send", payload]))


def cpu_s(pid: int) -> float:
    """User and system CPU seconds of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_PER_S


def drive(sockets: list[tuple[socket.socket, bytes]], window: int, until_s: float) -> int:
    """Keep `window` sends in flight per socket until `until_s`; returns the appends answered by the agent."""
    appends = 0
    with selectors.EpollSelector() as selector:
        for connection, send in sockets:
            selector.register(connection, selectors.EVENT_READ, (connection, send))
            connection.sendall(send * window)
        while time.perf_counter() < until_s:
            for key, _ in selector.select(0.1):
                connection, send = key.data
                answered = connection.recv(262144).count(AGENT)
                appends += answered
                if answered:
                    connection.sendall(send * answered)
    return appends


def measure(arguments: argparse.Namespace) -> Figures:
    """Start, warm up, measure, stop."""
    os.sched_setaffinity(0, {arguments.client_core})
    server, port = start_server(arguments.server_core)
    try:
        sockets = [connect(port, number, arguments.text_bytes) for number in range(arguments.connections)]
        drive(sockets, arguments.window, time.perf_counter() + arguments.warm_up_s)
        cpu_before_s, start_s = cpu_s(server.pid), time.perf_counter()
        appends = drive(sockets, 0, start_s + arguments.seconds)
        return Figures(appends, time.perf_counter() - start_s, cpu_s(server.pid) - cpu_before_s)
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=10)


def main() -> None:
    """Print one line of figures."""
    parser = argparse.ArgumentParser(description="Appends per second of the stand-in on one core.")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--window", type=int, default=1, help="sends in flight per connection")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-up-s", type=float, default=1.0)
    parser.add_argument("--text-bytes", type=int, default=40)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    figures = measure(parser.parse_args())
    per_append_us = figures.server_cpu_s / max(figures.appends, 1) * 1e6
    per_cpu_second = figures.appends / max(figures.server_cpu_s, 1e-9)
    print(
        f"{figures.appends / figures.wall_s:,.0f} appends/s, "
        f"server {figures.server_cpu_s / figures.wall_s:.0%} of a core, "
        f"{per_append_us:.1f} µs of CPU per append ({per_cpu_second:,.0f} appends per CPU second)"
    )


if __name__ == "__main__":
    main()
