"""CPU per push with its two received frames, and RSS per idle socket, of the client alone.

    python benchmarks/parts/client_roundtrip.py                        against a bare echo in a process of its own
    python benchmarks/parts/client_roundtrip.py --host localhost:4000  against FleetLM or the stand-in

Prints one line per measurement. The figures are this process's CPU (user + system), not the server's.
"""

import argparse
import os
import random
import struct
import subprocess
import sys
import time
from typing import Any

import gevent
import orjson
import psutil
from gevent import socket
from gevent.server import StreamServer

from fleetlm_users.client import Heartbeats, PhoenixSocket, RestApi, SocketOptions
from fleetlm_users.protocol.profile import EARLY

SESSION_BODY = {"kind": "text", "metadata": {}}


class Counting:
    """A handler that only counts."""

    __slots__ = ("latencies_s", "received", "sent")

    def __init__(self) -> None:
        self.received = 0
        self.sent: dict[str, float] = {}
        self.latencies_s: list[float] = []

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Counts, and matches the sender's own message."""
        self.received += 1
        sent_s = self.sent.pop(payload["content"].get("client_ref", ""), None)
        if sent_s is not None:
            self.latencies_s.append(done_s - sent_s)

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """A push was refused: the measurement is worth nothing."""
        raise RuntimeError(f"refused: {response}")

    def on_down(self, down: Exception, done_s: float) -> None:
        """The socket went: the measurement is worth nothing."""
        raise down


# -- a bare echo: one process, no JSON building beyond two broadcasts per push


def serve() -> None:
    server = StreamServer(("127.0.0.1", 0), _echo, backlog=4096)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


def _echo(sock: socket.socket, _: Any) -> None:
    from tests.client.fakes import Gone, Peer, frame  # noqa: PLC0415  # only the serving process needs it

    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer = Peer(sock)
    try:
        peer.upgrade()
        while True:
            opcode, payload = peer.read_frame()
            if opcode == 8:
                peer.send(frame(struct.pack("!H", 1000), 8))
                return
            join_ref, ref, topic, event, body = orjson.loads(payload)
            if event != "send":
                answer = {"status": "ok", "response": {"messages": [], "session_id": "x"}}
                peer.send(frame(orjson.dumps([join_ref, ref, topic, "phx_reply", answer])))
                continue
            message = {
                "content": body["content"]["content"],
                "id": "01M850HD4XBCZXDHWJ0HCZFBP1",
                "inserted_at": "2026-11-23T20:11:12.413308",
                "kind": "text",
                "metadata": {},
                "sender_id": "u1",
                "seq": 1,
                "session_id": topic[8:],
            }
            pushed = frame(orjson.dumps([join_ref, None, topic, "message", message]))
            peer.send(pushed)
            message["sender_id"] = "bench-echo-agent"
            peer.send(frame(orjson.dumps([join_ref, None, topic, "message", message])))
    except (Gone, ConnectionError):
        sock.close()


# -- the measurements


def open_sockets(count: int, ws_url: str, sessions: list[str]) -> list[tuple[PhoenixSocket, str, Counting]]:
    heartbeats, options = Heartbeats(30.0), SocketOptions()
    opened = []
    for number in range(count):
        made = PhoenixSocket(ws_url, f"u{number}", options, heartbeats, print)
        made.connect()
        topic, handler = f"session:{sessions[number]}", Counting()
        made.join(topic, {}, handler, 10.0)
        opened.append((made, topic, handler))
    return opened


def send_for(opened: Any, rate_per_s: float, seconds: float) -> int:
    end_s = time.perf_counter() + seconds

    def user(made: PhoenixSocket, topic: str, handler: Counting, start_s: float) -> int:
        due_s, number = start_s, 0
        while due_s < end_s:
            gevent.sleep(max(due_s - time.perf_counter(), 0.0))
            number += 1
            client_ref = f"r{number}"
            content = {"text": "hello there, this is a message", "client_ref": client_ref}
            sent = made.push(topic, "send", {"content": {"kind": "text", "content": content, "metadata": {}}})
            handler.sent[client_ref] = sent.sent_s
            due_s += 1.0 / rate_per_s
        return number

    start_s = time.perf_counter()
    users = [gevent.spawn(user, *one, start_s + random.random() / rate_per_s) for one in opened]
    gevent.joinall(users)
    gevent.sleep(0.5)
    return sum(one.value for one in users)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--host")
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--idle", type=int, default=2000)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    server = None
    if options.host is None:
        server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, encoding="utf-8")
        assert server.stdout is not None
        host = f"127.0.0.1:{server.stdout.readline().strip()}"
    else:
        host = options.host
    try:
        measure(host, options, real=server is None)
    finally:
        if server is not None:
            server.terminate()
            server.wait()


def measure(host: str, options: argparse.Namespace, *, real: bool) -> None:
    sessions = [f"s{number}" for number in range(max(options.users, options.idle))]
    if real:
        api = RestApi(f"http://{host}/api")
        cpu_s = time.process_time()
        sessions = [
            api.create_session(EARLY.session_body(f"u{n}", "bench-echo-agent", {})).session_id
            for n in range(len(sessions))
        ]
        print(f"REST create_session: {(time.process_time() - cpu_s) / len(sessions) * 1e6:.0f} µs CPU")
    ws_url = f"ws://{host}/socket/websocket"
    process = psutil.Process(os.getpid())
    if options.users:
        cpu_s = time.process_time()
        opened = open_sockets(options.users, ws_url, sessions)
        print(f"connect + join: {(time.process_time() - cpu_s) / options.users * 1e6:.0f} µs CPU")
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        sent = send_for(opened, options.rate, options.seconds)
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        received = sum(handler.received for _, _, handler in opened)
        latencies = sorted(one for _, _, handler in opened for one in handler.latencies_s)
        p50, p99 = (latencies[int(len(latencies) * q)] * 1e3 for q in (0.5, 0.99))
        print(
            f"{options.users} users x {options.rate:g}/s: {sent} sent, {received} received, "
            f"{cpu_s / sent * 1e6:.1f} µs CPU per push + 2 frames, "
            f"{cpu_s / wall_s:.0%} of a core; service p50 {p50:.2f} ms p99 {p99:.2f} ms"
        )
        for made, _, _ in opened:
            made.close()
    if options.idle:
        before = process.memory_info().rss
        opened = open_sockets(options.idle, ws_url, sessions)
        grown = process.memory_info().rss - before
        print(f"{options.idle} idle sockets: {grown / options.idle / 1024:.1f} KiB RSS each")
        for made, _, _ in opened:
            made.close()


if __name__ == "__main__":
    main()
