"""`session:<id>` in the late protocol: join from a seq, an acknowledged `send`, pushes, streamed answers.

Source: FleetLM session_channel.ex at 0b7208e, as the late wire record shows it.
"""

from typing import Any, Final

import orjson

from fleetlm_users.protocol.message import REPLY, SEND, SESSION_PREFIX, Message
from fleetlm_users.standin.chat.hub import REPLAY_LIMIT, Hub
from fleetlm_users.standin.chat.stored_message import replay_json
from fleetlm_users.standin.phoenix.channel import Refused, Socket
from fleetlm_users.standin.phoenix.session_channel import (
    NOT_FOUND,
    UNAUTHORIZED,
    SessionTopic,
    invalid_format,
    parse_send,
)

CRASHED: Final = "join crashed"
TIMEOUT: Final = {"error": "timeout"}

Parsed = tuple[str, dict[str, Any], dict[str, Any]]


class LateSessionTopic(SessionTopic):
    """One joined session topic of one socket."""

    __slots__ = ()

    def push_event(self, event: str, payload: bytes) -> None:
        """Send one push of an event other than `message`."""
        self._socket.send(Message(self.join_ref, None, self.topic, event, orjson.Fragment(payload)))

    def handle(self, message: Message) -> bool:
        """Take a client's event; return False if the channel crashes, as on every event but `send`."""
        if message.event != SEND:
            return False
        hub = self._hub
        self.session.run.sends_received += 1
        parsed = parse_late_send(message.payload)
        if parsed is None:
            hub.counters.sends_rejected += 1
            self._reply_error(message, invalid_format(message.payload))
        elif hub.faults.quiet:
            self._append(message, parsed)
        elif self._survives(message):
            append = self._append if hub.faults.confirms() else self._leave_open
            hub.append_lanes.put("", lambda: append(message, parsed))
        return True

    def _append(self, message: Message, parsed: Parsed) -> None:
        """Append, acknowledge, push; under quirks push a second time, under another id."""

        def acknowledge(seq: int) -> None:
            payload = {"response": {"seq": seq}, "status": "ok"}
            self._socket.send(Message(self.join_ref, message.ref, self.topic, REPLY, payload))

        hub, sender_id = self._hub, self._socket.participant_id
        hub.append(self.session, sender_id, *parsed, acknowledge=acknowledge, is_doubled=hub.quirks)

    def _leave_open(self, message: Message, parsed: Parsed) -> None:
        """Append and push nothing, as a storage that does not confirm in time: the outcome stays open."""
        self._reply_error(message, TIMEOUT)
        self._hub.append(self.session, self.session.user_id, *parsed, is_pushed=False)


def join(hub: Hub, socket: Socket, topic: str, join_ref: Any, payload: Any) -> tuple[LateSessionTopic, Any]:
    """Return the joined channel and its response, the messages after `last_seq`.

    Raises Refused: the payload is not an object, the session does not exist, or it belongs to others.
    """
    last_seq = last_seq_of(payload)
    session = hub.store.sessions.get(topic.removeprefix(SESSION_PREFIX))
    if session is None:
        raise Refused(NOT_FOUND)
    if socket.participant_id not in (session.user_id, session.agent_id) or hub.faults.faults.refuse_joins:
        raise Refused(UNAUTHORIZED)
    channel = LateSessionTopic(hub, socket, session, topic, join_ref)
    page = hub.page(session, last_seq, REPLAY_LIMIT)
    session.listeners = [*session.listeners, channel]
    session.run.joins_ok += 1
    hub.store.touch(session)
    texts = b",".join(replay_json(message, is_late=True) for message in page)
    return channel, {"messages": orjson.Fragment(b"[%b]" % texts), "session_id": session.id}


def parse_late_send(payload: Any) -> Parsed | None:
    """Return kind, content and metadata of a `send`, or None if FleetLM answers `invalid_message_format`.

    If the content is valid, each other field of the wrong type falls back to its own default.
    """
    parsed = parse_send(payload)
    if parsed is None:
        return None
    kind, metadata = payload["content"].get("kind"), payload["content"].get("metadata")
    return kind if isinstance(kind, str) else "text", parsed[1], metadata if isinstance(metadata, dict) else {}


def last_seq_of(payload: Any) -> int:
    """Return the `last_seq` in a join's payload: a number, or one as text; anything else is 0.

    Raises Refused for a value that crashes FleetLM's join: a payload or a `last_seq` of the wrong shape.
    """
    if not isinstance(payload, dict) or isinstance(payload.get("last_seq"), dict):
        raise Refused(CRASHED)
    given = payload.get("last_seq", 0)
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        return 0
    try:
        return max(0, int(given))
    except (ValueError, OverflowError):
        return 0
