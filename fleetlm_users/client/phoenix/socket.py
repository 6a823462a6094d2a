"""One Phoenix socket: it connects, joins, pushes, awaits replies and passes broadcasts on. It knows no statistics.

Nothing is hidden: no reconnect, no rejoin, no buffering while down; the caller decides about each of these.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import gevent

from fleetlm_users.client.net.waits import AnswerWait
from fleetlm_users.client.phoenix.dispatch import Dispatch
from fleetlm_users.client.phoenix.heartbeats import Heartbeats
from fleetlm_users.client.phoenix.socket_endpoint import socket_endpoint
from fleetlm_users.client.phoenix.types import ChannelHandler, Joined, PushReply, Sent, SocketOptions
from fleetlm_users.client.websocket.handshake import open_websocket
from fleetlm_users.client.websocket.reader import Reader
from fleetlm_users.client.websocket.transport import Transport, copy_of
from fleetlm_users.errors import Disconnected, JoinRefused, PushRefused, ReplyTimeout, UsageError
from fleetlm_users.foreign_text import printable
from fleetlm_users.protocol.connection import OK, ConnectionState
from fleetlm_users.protocol.message import LEAVE

__all__ = ["ChannelHandler", "Joined", "PhoenixSocket", "PushReply", "Sent", "SocketOptions"]

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 3.0
ABORT_TIMEOUT_S = 1.0  # enough for the reader to notice that the socket was shut down


class PhoenixSocket:
    """One connection of one participant; it connects once. All times are perf_counter seconds.

    `down` says why the connection is over, None before; `connect_started_s` and `connected_s` enclose TCP, TLS and
    upgrade at the address that answered, without the name look-up.

    Args:
        url: A ws or wss URL.
        participant_id: The participant whom the server identifies with the connection.
        options: Time limits and the rest; a run's sockets share one object.
        heartbeats: Keeps the socket alive; one per process.
        on_anomaly: Called with the kind of an unexpected message: garbage, binary, unknown_topic, stale_join_ref, or
            handler_error (a handler of ours raised; the traceback is logged).
    """

    __slots__ = (
        "_dispatch",
        "_heartbeats",
        "_is_closing",
        "_reader",
        "_state",
        "_transport",
        "connect_started_s",
        "connected_s",
        "down",
        "options",
        "participant_id",
        "url",
    )

    def __init__(
        self,
        url: str,
        participant_id: str,
        options: SocketOptions,
        heartbeats: Heartbeats,
        on_anomaly: Callable[[str], None],
    ) -> None:
        self.url = url
        self.participant_id = participant_id
        self.options = options
        self.connect_started_s: float | None = None
        self.connected_s: float | None = None
        self.down: Disconnected | None = None
        self._heartbeats = heartbeats
        self._state = ConnectionState()
        self._dispatch = Dispatch(self._state, on_anomaly)
        self._transport: Transport | None = None
        self._reader: Reader | None = None
        self._is_closing = False

    @property
    def joined(self) -> frozenset[str]:
        """The topics that are joined now."""
        return frozenset(self._state.joined)

    def connect(self) -> None:
        """Open the connection.

        Raises:
            ConnectFailed: No WebSocket was established within the options' `connect_timeout_s`.
            UsageError: The URL is not ws(s), or this socket has connected before.
        """
        if self.connect_started_s is not None:
            raise UsageError("connect", self, "one connect per socket", "make a new PhoenixSocket to connect again")
        options = self.options
        parameters = (options.user_parameter,) if options.user_parameter else ()
        endpoint = socket_endpoint(self.url, self.participant_id, *parameters)
        self.connect_started_s = time.perf_counter()
        upgraded = open_websocket(endpoint, options.connect_timeout_s, options.connector, options.headers)
        self.connect_started_s, self.connected_s = upgraded.started_s, upgraded.connected_s
        self._transport = Transport(upgraded, options.max_message_bytes, options.send_timeout_s)
        on_frame = self._dispatch.frame if options.log_frames is None else self._logged_frame
        self._reader = Reader(self._transport, on_frame, self._go_down)
        self._reader.start()
        self._heartbeats.add(self)

    def shorten(self, take: Callable[[bytes, float], bool] | None) -> None:
        """Show each text frame to `take(frame, arrived_s)` before it is decoded; True means taken. None ends it.

        It is called in the event loop, and must neither block nor raise.
        """
        self._dispatch.shortcut = take

    def join(self, topic: str, payload: Any, handler: ChannelHandler, timeout_s: float) -> Joined:
        """Join a topic.

        After the reply, the joining greenlet runs until it waits for something; only then are later broadcasts passed
        on. After a timeout the topic is not joined, even if the server still answers.

        Args:
            topic: The topic, such as `session:<id>`.
            payload: The payload of the join; it must be JSON.
            handler: Called for the topic's broadcasts, from the first one on.
            timeout_s: The limit for the reply, in seconds.

        Returns:
            The reply, with its stamps in perf_counter seconds.

        Raises:
            JoinRefused: The server answered with an error.
            ReplyTimeout: No reply came in time.
            Disconnected: The socket is not connected, or went down meanwhile.
            UsageError: The topic is joined already.
        """
        self._require_open()
        waiter = AnswerWait()
        join_ref, frame = self._state.join(topic, payload, handler, waiter)
        reply = self._await(join_ref, frame, timeout_s)
        if reply.status != OK:
            raise JoinRefused(topic, reason_of(reply.response))
        return Joined(reply.response, join_ref, reply.sent_s, reply.done_s)

    def push(self, topic: str, event: str, payload: Any) -> Sent:
        """Write a push whose reply nobody awaits; return its ref and when it was written, in perf_counter seconds.

        Raises:
            Disconnected: The push could not be written; of kind not_joined when the topic is not joined.
        """
        if not self._state.is_joined(topic):
            self._require_joined(topic)
        ref, frame = self._state.push(topic, event, payload)
        return tuple.__new__(Sent, (ref, self._write(frame)))  # half the price of calling it

    def call(self, topic: str, event: str, payload: Any, timeout_s: float) -> PushReply:
        """Write a push and wait for its reply.

        Args:
            topic: A joined topic.
            event: The push's event.
            payload: The push's payload; it must be JSON.
            timeout_s: The limit for the reply, in seconds.

        Returns:
            The ok reply, with its stamps in perf_counter seconds.

        Raises:
            PushRefused: The server answered with an error.
            ReplyTimeout: No reply came in time.
            Disconnected: The topic is not joined, or the socket went down meanwhile.
        """
        self._require_joined(topic)
        waiter = AnswerWait()
        ref, frame = self._state.call(topic, event, payload, waiter)
        reply = self._await(ref, frame, timeout_s)
        if reply.status != OK:
            raise PushRefused(topic, event, reason_of(reply.response))
        return reply

    def post(self, topic: str, event: str, payload: Any, waiter: Any) -> Sent:
        """Write a push and return at once; the reader gives `waiter` its reply, or the error that ended the wait.

        Args:
            topic: A joined topic.
            event: The push's event.
            payload: The push's payload: bytes and the like go out as a binary frame; anything else must be JSON.
            waiter: `set` is called with (status, response, done_s), `set_exception` with Disconnected; neither may
                block.

        Returns:
            The ref, by which `forget` ends the wait, and when it was written.

        Raises:
            Disconnected: The push could not be written; of kind not_joined when the topic is not joined.
            UsageError: The payload cannot be encoded.
        """
        self._require_joined(topic)
        is_binary = isinstance(payload, bytes | bytearray | memoryview)
        ref, frame = (self._state.call_binary if is_binary else self._state.call)(topic, event, payload, waiter)
        try:
            return Sent(ref, self._write(frame, is_binary=is_binary))
        except BaseException:
            self._state.forget(ref)
            raise

    def forget(self, ref: str) -> None:
        """Stop awaiting the reply to a posted push."""
        self._state.forget(ref)

    def leave(self, topic: str, timeout_s: float) -> PushReply:
        """Leave a joined topic; its handler is not called after the reply. Raise what `call` raises.

        After a timeout the topic counts as left.
        """
        return self.call(topic, LEAVE, {}, timeout_s)

    def close(self, code: int = 1000, timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
        """Close the connection; may be repeated.

        Callers that still wait for a reply get Disconnected of kind closed_by_client; handlers are not called.

        Args:
            code: The WebSocket close code.
            timeout_s: The limit for the server's answer, in seconds.

        Returns:
            True if the server answered in time, or was gone.
        """
        self._is_closing = True
        self._heartbeats.remove(self)
        transport, reader = self._transport, self._reader
        if transport is None or reader is None:
            self.down = self.down or Disconnected("closed_by_client", code)
            return True
        if reader.is_current:  # a handler is closing its own socket: it cannot wait for itself
            transport.abort_politely(code)
            return False
        give_up_s = time.perf_counter() + timeout_s
        is_answered = False
        try:
            transport.send_close(code, timeout_s)
            is_answered = reader.wait_end(max(give_up_s - time.perf_counter(), 0.0))
        except Disconnected as down:  # the socket was down first
            logger.debug("%r had no use for a close frame: %s", self, down)
            is_answered = reader.wait_end(0.0)
        finally:  # also after a kill: no socket stays behind
            if not is_answered:
                transport.abort(Disconnected("closed_by_client", code))
        if not is_answered:
            reader.wait_end(ABORT_TIMEOUT_S)
        return is_answered

    def go_deaf(self) -> None:
        """Stop reading, as behind a network that fails silently: the server's pushes get lost."""
        if self._reader is not None:
            self._reader.go_deaf()

    def cut(self) -> None:
        """Break the connection off without a close frame and without reading what has arrived; never block.

        Handlers hear of it in a later turn of the event loop, so that many sockets can be cut at one moment.
        """
        if self._transport is not None and self._reader is not None:
            down = Disconnected("cut", None, "the run cut the connection")
            self._transport.abort(down)
            gevent.get_hub().loop.run_callback(self._reader.end, down)

    def beat(self) -> None:
        """Send a heartbeat without blocking, or give the socket up if the last one is still unanswered.

        Heartbeats calls this once per interval; the rule is phoenix.js's.
        """
        transport = self._transport
        if transport is None or self.down is not None:
            return
        if self._state.heartbeat_unanswered:
            transport.abort(Disconnected("heartbeat_timeout", None, "the last heartbeat was not answered"))
            return
        frame = self._state.heartbeat()
        if self.options.log_frames is not None:
            self.options.log_frames(">", frame)
        transport.send_soon(frame)

    # -- writing and waiting

    def _require_open(self) -> Transport:
        if self.down is not None:
            raise copy_of(self.down)
        if self._transport is None:
            raise Disconnected("not_connected")
        return self._transport

    def _require_joined(self, topic: str) -> None:
        self._require_open()
        if not self._state.is_joined(topic):
            raise Disconnected("not_joined", None, f"{topic} is not joined, or no longer")

    def _write(self, frame: bytes, *, is_binary: bool = False) -> float:
        transport = self._transport
        if transport is None or self.down is not None:
            transport = self._require_open()
        if self.options.log_frames is not None:
            self.options.log_frames(">", frame)
        sent_s = time.perf_counter()
        try:
            (transport.send_binary if is_binary else transport.send_text)(frame)
        except Disconnected:
            if self.down is None:
                raise
            raise copy_of(self.down) from None  # the error that ended the connection, not how this write noticed it
        return sent_s

    def _await(self, ref: str, frame: bytes, timeout_s: float) -> PushReply:
        awaited = self._state.awaited(ref)
        try:
            sent_s = self._write(frame)
            if not awaited.waiter.wait(timeout_s):
                raise ReplyTimeout(awaited.topic, awaited.event, timeout_s)
            status, response, done_s = awaited.waiter.get()
        finally:
            self._state.forget(ref)  # also after a kill: nobody is waiting any more
        return PushReply(status, response, sent_s, done_s)

    # -- called by the reader

    def _logged_frame(self, opcode: int, payload: bytes, arrived_s: float) -> bool:
        if self.options.log_frames is not None:
            self.options.log_frames("<", payload)
        return self._dispatch.frame(opcode, payload, arrived_s)

    def _go_down(self, down: Disconnected, done_s: float) -> None:
        """Release the socket and inform waiting callers and handlers, once: the connection is over.

        Transport and reader hold this object, so both are dropped, and reference counting frees a closed socket.
        """
        self.down = Disconnected("closed_by_client", down.code) if self._is_closing else copy_of(down)
        self._heartbeats.remove(self)
        if self._transport is not None:
            self._transport.close()
        self._transport = self._reader = None
        self._dispatch.end(self.down, done_s, handlers_too=not self._is_closing)

    def __repr__(self) -> str:
        state = f"down: {self.down.kind}" if self.down else "open" if self._transport else "not connected"
        return f"<PhoenixSocket {self.participant_id} {state} joined={sorted(self.joined)} {self._state!r}>"


def reason_of(response: Any) -> str:
    """Return the server's own word in an error reply: FleetLM says `reason` for joins and `error` for refused sends."""
    if isinstance(response, dict):
        reason = response.get("reason") or response.get("error")
        if reason:
            return printable(reason)
    return printable(response) or "no reason given"
