"""`--standin`: the embedded FleetLM and an echo agent as child processes on free loopback ports, for one run."""

import atexit
import contextlib
import selectors
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import IO

from fleetlm_users.swarm.child import Child

READY_S = 15.0
"""A server that has not said that it is ready by then will not: importing takes about a second."""

STOP_S = 5.0
NEEDED = ("aiohttp", "uvloop")
"""What the stand-in imports and a worker does without: the extra `standin`."""


class ServerFailed(Exception):
    """A child server did not come up; the text says which and what it said."""


@dataclass(frozen=True)
class Urls:
    """Where the children listen."""

    api_url: str
    ws_url: str
    agent_url: str


class LocalServers:
    """The two children. They hold one end of a pipe to us and end when it closes, so none is ever left behind."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    def start(self) -> Urls:
        """Starts both and returns where they listen, once they do. Raises ServerFailed."""
        missing = [name for name in NEEDED if find_spec(name) is None]
        if missing:
            raise ServerFailed(f"{' and '.join(missing)} not installed: pip install 'fleetlm-locust[standin]'")
        atexit.register(self.stop)
        agent = self._spawn("echo agent", ["-m", "echo_agent", "--host", "127.0.0.1", "--port", "0"])
        fleetlm = self._spawn("stand-in", ["-m", "fleetlm_users.standin", "--host", "127.0.0.1", "--port", "0"])
        agent_url = self._url_of("echo agent", agent)
        base_url = self._url_of("stand-in", fleetlm)
        ws_url = f"ws{base_url.removeprefix('http')}/socket/websocket"
        return Urls(f"{base_url}/api", ws_url, agent_url)

    def stop(self) -> None:
        """Ends both; kills what does not end in time."""
        children, self._children = self._children, []
        for child in children:
            child.terminate()
        for child in children:
            child.end(STOP_S)
        atexit.unregister(self.stop)

    def _spawn(self, name: str, arguments: list[str]) -> Child:
        try:
            child = Child([sys.executable, *arguments, "--exit-with-parent"])
        except OSError as problem:
            raise ServerFailed(f"the {name} cannot be started: {problem}") from problem
        self._children.append(child)
        return child

    def _url_of(self, name: str, child: Child) -> str:
        """The URL in the child's ready line, `… ready on http://127.0.0.1:PORT …`."""
        line = _first_line(child.stdout)
        words = line.split()
        if "ready" not in words:
            self.stop()
            raise ServerFailed(f"the {name} did not come up: {line.strip() or 'it said nothing'}")
        return next(word for word in words if word.startswith("http://"))


def _first_line(stream: IO[str]) -> str:
    """The first line, or what there is of it after READY_S seconds."""
    with contextlib.closing(selectors.DefaultSelector()) as selector:
        selector.register(stream, selectors.EVENT_READ)
        return stream.readline() if selector.select(READY_S) else ""
