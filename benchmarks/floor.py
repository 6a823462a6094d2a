"""The least that a gevent process can do for this traffic: the same bytes out and in, and nothing with them.

One socket per session, a greenlet that sends a frame made beforehand on the same timetable as the load generators, and
one that reads and forgets. No frame is parsed, no JSON, no statistics. Sessions are created, connected and joined over
plain sockets. The load comes in environment variables (benchmarks/load.py).

gevent's timers ring at whole milliseconds: several messages are sent at one wake-up, and each late. With ON_TIME the
loop has the timer of this project, and sends each when it is due.
"""

import base64
import functools
import os
import re
import time
from collections.abc import Callable

import gevent
from gevent import socket

MASK = b"\x37\xfa\x21\x3d"
HEARTBEAT_S = 30.0
BUFFER_BYTES = 65_536
AGENT_ID = "bench-echo-agent"
SESSION_ID = re.compile(rb'"id":"(\w{26})"')


class Session:
    """One session: joined by its `open`, then sending until its time is over."""

    def __init__(self, number: int) -> None:
        self._user = f"floor-{os.environ['RUN_ID']}-{number}"
        self._sock = socket.socket()

    def live(self, starts_s: float) -> None:
        """Its whole life, from the moment it is to be opened."""
        sleep_until(starts_s)
        send_frame = self.open()
        reader = gevent.spawn(self._forget)
        beats = gevent.spawn(self._beat)
        self._send(send_frame, time.perf_counter())
        gevent.killall([reader, beats])
        self._sock.close()

    def open(self) -> bytes:
        """Create, connect, join; return the frame to send ever after."""
        topic = f"session:{self._created()}"
        self._sock.connect(target())
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self._sock.sendall(
            f"GET /socket/websocket?participant_id={self._user}&vsn=2.0.0 HTTP/1.1\r\nHost: floor\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._read_until(b"\r\n\r\n")
        self._sock.sendall(frame(f'["1","1","{topic}","phx_join",{{}}]'))
        self._read_until(b"phx_reply")
        text = "x" * int(os.environ["TEXT_BYTES"])
        content = f'{{"text":"{text}","client_ref":"{self._user}-0000000"}}'
        return frame(f'["1","2","{topic}","send",{{"content":{{"kind":"text","content":{content},"metadata":{{}}}}}}]')

    def _created(self) -> str:
        metadata = f'{{"run_id":"{os.environ["RUN_ID"]}"}}'
        body = f'{{"sender_id":"{self._user}","recipient_id":"{AGENT_ID}","metadata":{metadata}}}'
        with socket.create_connection(target()) as rest:
            rest.sendall(
                "POST /api/sessions HTTP/1.1\r\nHost: floor\r\nContent-Type: application/json\r\n"
                f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            answer = b""
            while part := rest.recv(BUFFER_BYTES):
                answer += part
        found = SESSION_ID.search(answer)
        if found is None:
            raise SystemExit(f"no session: {answer!r}")
        return found[1].decode()

    def _read_until(self, end: bytes) -> None:
        seen = b""
        while end not in seen:
            seen += self._sock.recv(BUFFER_BYTES)

    def _send(self, send_frame: bytes, joined_s: float) -> None:
        interval_s = float(os.environ["INTERVAL_MS"]) / 1000
        end_s = joined_s + float(os.environ["RUNTIME_MS"]) / 1000
        sent = 1
        while interval_s and (due_s := joined_s + sent * interval_s) < end_s:
            sleep_until(due_s)
            self._sock.sendall(send_frame)
            sent += 1
        sleep_until(end_s)

    def _beat(self) -> None:
        beat = frame('[null,"3","phoenix","heartbeat",{}]')
        while True:
            gevent.sleep(HEARTBEAT_S)
            self._sock.sendall(beat)

    def _forget(self) -> None:
        buffer = bytearray(BUFFER_BYTES)
        while self._sock.recv_into(buffer):
            pass


@functools.cache
def sleep_on_time() -> Callable[[float], None]:
    """Sleep until a moment, on a timer of this project; imported here, since the floor itself has nothing of it."""
    from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer  # noqa: PLC0415  # as said above
    from fleetlm_users.swarm.runtime.sleeper import Sleeper  # noqa: PLC0415

    timer = PreciseTimer()
    return lambda moment_s: Sleeper(timer).sleep(moment_s)


def sleep_until(moment_s: float) -> None:
    """Return at the moment, or at once when it has passed."""
    while "ON_TIME" in os.environ and time.perf_counter() < moment_s:
        sleep_on_time()(moment_s)
    left_s = moment_s - time.perf_counter()
    if left_s > 0:
        gevent.sleep(left_s)


def target() -> tuple[str, int]:
    """The server."""
    host, port = os.environ["ADDRESS"].rsplit(":", 1)
    return host, int(port)


def frame(text: str) -> bytes:
    """A masked text frame of up to 65,535 bytes."""
    payload = text.encode()
    masked = bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    return b"\x81" + size + MASK + masked


def main() -> None:
    """Run the load to its end."""
    count, ramp_s = int(os.environ["SESSIONS"]), float(os.environ["RAMP_MS"]) / 1000
    start_s = time.perf_counter()
    lives = [gevent.spawn(Session(n).live, start_s + ramp_s * n / count) for n in range(count)]
    gevent.joinall(lives, raise_error=True)


if __name__ == "__main__":
    main()
