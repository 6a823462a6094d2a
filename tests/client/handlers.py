"""A channel handler that records its calls and lets a test wait for them."""

from typing import Any

from gevent.event import Event
from gevent.queue import Queue

from fleetlm_users.errors import Disconnected

WAIT_S = 60.0
TOPIC = "session:s1"


class Recorder:
    def __init__(self) -> None:
        self.broadcasts: Queue[tuple[str, Any, float]] = Queue()
        self.replies: Queue[tuple[str, str, Any]] = Queue()
        self.downs: list[Disconnected] = []
        self.is_down = Event()

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        self.broadcasts.put((event, payload, done_s))

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        self.replies.put((ref, status, response))

    def on_down(self, down: Disconnected, done_s: float) -> None:
        self.downs.append(down)
        self.is_down.set()

    def down(self) -> Disconnected:
        """The one reason; waits for it."""
        assert self.is_down.wait(WAIT_S), "on_down was not called"
        assert len(self.downs) == 1
        return self.downs[0]

    def broadcast(self) -> tuple[str, Any, float]:
        return self.broadcasts.get(timeout=WAIT_S)


def joined(client: Any, server: Any, **options: Any) -> tuple[Any, Recorder]:
    """A connected socket that joined TOPIC, with its recorder."""
    socket, recorder = client.connected(server.ws_url, **options), Recorder()
    socket.join(TOPIC, {}, recorder, WAIT_S)
    return socket, recorder
