"""The preflight of a Phoenix application: whether its socket opens and speaks serializer 2.0.0.

Nothing else is checked, and nothing changes on the server: a connect, one heartbeat, a close.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import gevent
import msgspec
import orjson
from msgspec.structs import replace

from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import Endpoint
from fleetlm_users.client.net.resolver import Resolver
from fleetlm_users.client.net.source_addresses import SourceAddresses
from fleetlm_users.client.net.waits import Deadline, Overdue
from fleetlm_users.client.phoenix.socket_endpoint import VSN, socket_endpoint
from fleetlm_users.client.waiting_notice import WaitingNotice
from fleetlm_users.client.websocket.handshake import header_lines, open_websocket
from fleetlm_users.client.websocket.transport import TEXT, Transport
from fleetlm_users.errors import ConnectFailed, Disconnected
from fleetlm_users.protocol.connection import HEARTBEAT_FRAME, HEARTBEAT_REF

WEBSOCKET: Final = "the WebSocket"
OLD_VSN: Final = "1.0.0"
MAX_BYTES: Final = 1024 * 1024
CLOSE_S: Final = 1.0
HEARTBEAT_S: Final = 5.0
"""Seconds to wait for a heartbeat's answer; Phoenix answers at once."""
REFUSING: Final = frozenset({401, 403})
"""Statuses by which a Phoenix socket refuses its parameters or the serializer version."""

SPEAKS_OLD: Final = (
    f"it speaks only version {OLD_VSN} of Phoenix's serializer (vsn); this client speaks {VSN}, which Phoenix has had "
    "since 1.3: update the application, or allow the V2 serializer on its socket"
)
NOT_FOUND: Final = 404
NO_SOCKET: Final = "; no socket is there: --ws-url, or `path` of the user class, says where it is"
SILENT: Final = "it opened, but did not answer a heartbeat as Phoenix does: is this a Phoenix socket?"


class SocketTarget(msgspec.Struct, frozen=True):
    """A socket to check: its URL with the parameters, and the headers of the upgrade."""

    url: str
    headers: Mapping[str, str]


class SocketPreflight(msgspec.Struct, frozen=True):
    """The findings: obstacles, which are fatal, and warnings, one line each; `protocol` is not one of FleetLM's."""

    obstacles: tuple[str, ...]
    warnings: tuple[str, ...]
    protocol: str = ""

    @property
    def fatal(self) -> bool:
        """True if the run cannot begin."""
        return bool(self.obstacles)

    def text(self) -> str:
        """Return a line for each; empty if there is nothing to say."""
        obstacles = [f"The application cannot be tested: {'; '.join(self.obstacles)}."] if self.obstacles else []
        return "\n".join(obstacles + [f"warning: {warning}" for warning in self.warnings])


def check_sockets(
    targets: Sequence[SocketTarget],
    timeout_s: float,
    *,
    insecure: bool = False,
    sources: SourceAddresses | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> SocketPreflight:
    """Connect to each socket once, all at the same time.

    Args:
        targets: The sockets.
        timeout_s: The limit for each answer, in seconds; the same as in the run.
        insecure: Whether any TLS certificate is accepted.
        sources: The local addresses to connect from, as the run will.
        tell: Called with a line about pending answers, once they take longer than a moment.

    Raises:
        UsageError: A URL or a header is not one.
    """
    warnings: list[str] = []
    connector = Connector(
        insecure=insecure, sources=sources, resolver=Resolver(timeout_s=timeout_s), warn=warnings.append
    )
    waiting = WaitingNotice(timeout_s, tell)
    looks = [
        gevent.spawn(waiting.asking, f"{WEBSOCKET} ({look.url})", look.problem)
        for look in [_Look(target, timeout_s, connector) for target in targets]
    ]
    try:
        with waiting:
            gevent.joinall(looks, raise_error=True)
    finally:
        gevent.killall(looks)
    problems = [problem for problem in dict.fromkeys(look.value for look in looks) if problem is not None]
    obstacles = tuple(text for text, is_fatal in problems if is_fatal)
    return SocketPreflight(
        obstacles, (*(text for text, is_fatal in problems if not is_fatal), *dict.fromkeys(warnings))
    )


class _Look:
    """The check of one socket."""

    def __init__(self, target: SocketTarget, timeout_s: float, connector: Connector) -> None:
        self.url = target.url.partition("?")[0]
        self._endpoint = socket_endpoint(target.url, "")
        self._headers = header_lines(target.headers)
        self._timeout_s = timeout_s
        self._connector = connector

    def problem(self) -> tuple[str, bool] | None:
        """Return the problem, and whether it is fatal."""
        try:
            answer = self._ask(self._endpoint)
        except ConnectFailed as failed:
            return self._refused(failed)
        if answer is None:
            return f"{WEBSOCKET} ({self.url}): {SILENT}", False
        if not isinstance(answer, list):
            return f"{WEBSOCKET} ({self.url}): {SPEAKS_OLD}", True
        return None

    def _refused(self, failed: ConnectFailed) -> tuple[str, bool]:
        """Return the problem of a socket that did not open; some refuse only the version."""
        if failed.status not in REFUSING:
            return f"{WEBSOCKET} ({self.url}): {failed.words}{NO_SOCKET if failed.status == NOT_FOUND else ''}", True
        with contextlib.suppress(ConnectFailed):
            _close(self._open(_of_old_version(self._endpoint)))
            return f"{WEBSOCKET} ({self.url}): {SPEAKS_OLD}", True
        hint = "it refuses the parameters or headers of the first user; others may have better ones"
        return f"{WEBSOCKET} ({self.url}): {failed.words}; {hint}", False

    def _ask(self, endpoint: Endpoint) -> object:
        """Return the JSON that answers a heartbeat; None if there is no answer, or not one in JSON. Raise
        ConnectFailed.
        """
        transport = self._open(endpoint)
        try:
            with Deadline(min(self._timeout_s, HEARTBEAT_S)):
                transport.send_text(HEARTBEAT_FRAME)
                answer = _answer(transport)
        except (Disconnected, Overdue):
            answer = None
        finally:
            _close(transport)
        return answer

    def _open(self, endpoint: Endpoint) -> Transport:
        upgraded = open_websocket(endpoint, self._timeout_s, self._connector, self._headers)
        return Transport(upgraded, MAX_BYTES, self._timeout_s)


def _answer(transport: Transport) -> object:
    """Return the first message that may be the answer to our heartbeat: servers may push before it."""
    while True:
        opcode, payload = transport.receive()
        if opcode != TEXT:
            continue
        try:
            message = orjson.loads(payload)
        except ValueError:
            return None
        if isinstance(message, dict) or (isinstance(message, list) and HEARTBEAT_REF in message[:2]):
            answer: object = message
            return answer


def _close(transport: Transport) -> None:
    """Close the connection; how it closes does not matter."""
    try:
        with contextlib.suppress(Disconnected, Overdue), Deadline(CLOSE_S):
            transport.send_close(1000, CLOSE_S)
            while True:
                transport.receive()
    finally:
        transport.close()


def _of_old_version(endpoint: Endpoint) -> Endpoint:
    ours, theirs = f"vsn={VSN}", f"vsn={OLD_VSN}"
    return replace(endpoint, url=endpoint.url.replace(ours, theirs), target=endpoint.target.replace(ours, theirs))
