"""`session:<id>`: join with replay, `send`, and the message pushes.

Source: FleetLM session_channel.ex, as the wire record shows it.
"""

from typing import Any, Final

import orjson

from fleetlm_users.protocol.message import BACKPRESSURE, MESSAGE, REPLY, SEND, SESSION_PREFIX, Message
from fleetlm_users.standin.chat.elixir_inspect import inspect
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import replay_json
from fleetlm_users.standin.phoenix.channel import Refused, Socket
from fleetlm_users.standin.websocket import frames

GARBAGE: Final = b'["not json'
BACKPRESSURE_PAYLOAD: Final = {"reason": "session_draining", "retry_after_ms": 1000}
NOT_FOUND: Final = "not found"
UNAUTHORIZED: Final = "unauthorized"


def parse_send(payload: Any) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
    """Return kind, content and metadata of a `send`, or None if FleetLM answers `invalid_message_format`.

    Good content with a bad kind or metadata falls to the clause that takes the defaults, as in FleetLM.
    """
    if type(payload) is not dict:
        return None
    message = payload.get("content")
    if type(message) is not dict:
        return None
    content = message.get("content")
    if type(content) is not dict:
        return None
    kind, metadata = message.get("kind"), message.get("metadata")
    if type(kind) is str and type(metadata) is dict:
        return kind, content, metadata
    return "text", content, {}


class SessionTopic:
    """One joined session topic of one socket."""

    __slots__ = ("_hub", "_prefix", "_socket", "_suffix", "join_ref", "open", "session", "topic")

    def __init__(self, hub: Hub, socket: Socket, session: Session, topic: str, join_ref: Any) -> None:
        self._hub = hub
        self._socket = socket
        self.session = session
        self.topic = topic
        self.join_ref = join_ref
        self._prefix, self._suffix = socket.codec.around(join_ref, topic, MESSAGE)
        self.open = True

    def push(self, payload: bytes) -> None:
        """Send one `message` push."""
        self.session.run.broadcasts_sent += 1
        self._socket.send_text(b"%b%b%b" % (self._prefix, payload, self._suffix))

    def push_event(self, event: str, payload: bytes) -> None:
        """Send nothing: the early protocol has no other pushes of a session."""

    def push_garbage(self) -> None:
        """Send a text frame that is not JSON (a fault)."""
        self._socket.send_text(GARBAGE)

    def flush(self) -> None:
        """Give pushed bytes to the kernel now."""
        self._socket.flush()

    def handle(self, message: Message) -> bool:
        """Take a client's event; return False if the channel crashes, as on every event but `send`."""
        if message.event != SEND:
            return False
        session = self.session
        session.run.sends_received += 1
        parsed = parse_send(message.payload)
        if parsed is None:
            self._hub.counters.sends_rejected += 1
            self._reply_error(message, invalid_format(message.payload))
        elif self._hub.faults.quiet:
            self._hub.append(session, session.user_id, *parsed)
        elif self._survives(message):
            self._hub.append_in_turn(session, *parsed)
        return True

    def close(self) -> None:
        """Stop listening."""
        self.open = False
        self.session.listeners = [other for other in self.session.listeners if other is not self]

    def count_leave(self) -> None:
        """Count that the client left on its own."""
        self.session.run.leaves += 1

    def _survives(self, message: Message) -> bool:
        """Return whether this send is appended; if not, the fault has taken effect."""
        fault = self._hub.faults.on_send()
        if fault == "disconnect":
            self._socket.close(frames.INTERNAL_ERROR)
        elif fault == "reject":
            self._hub.counters.sends_rejected += 1
            self._reply_error(message, {"reason": "rejected"})
        elif fault == "backpressure":
            self.session.run.backpressure_sent += 1
            self._socket.send(Message(self.join_ref, None, self.topic, BACKPRESSURE, BACKPRESSURE_PAYLOAD))
        return fault is None

    def _reply_error(self, message: Message, response: dict[str, Any]) -> None:
        payload = {"response": response, "status": "error"}
        self._socket.send(Message(self.join_ref, message.ref, self.topic, REPLY, payload))


def invalid_format(payload: Any) -> dict[str, Any]:
    """Return the response to a `send` whose content is not a map."""
    return {
        "details": "content must be a map, metadata must be a map",
        "error": "invalid_message_format",
        "received": inspect(payload),
    }


def join(hub: Hub, socket: Socket, topic: str, join_ref: Any, _payload: Any) -> tuple[SessionTopic, Any]:
    """Return the joined channel and its response, the replay.

    Raises Refused: the session does not exist, or it belongs to another user (the agent's own join is refused too).
    """
    session = hub.store.sessions.get(topic.removeprefix(SESSION_PREFIX))
    if session is None:
        raise Refused(NOT_FOUND)
    if session.user_id != socket.participant_id or hub.faults.faults.refuse_joins:
        raise Refused(UNAUTHORIZED)
    channel = SessionTopic(hub, socket, session, topic, join_ref)
    replay = b",".join(replay_json(message) for message in hub.replay(session))
    session.listeners = [*session.listeners, channel]
    session.run.joins_ok += 1
    hub.store.touch(session)
    return channel, {"messages": orjson.Fragment(b"[%b]" % replay), "session_id": session.id}
