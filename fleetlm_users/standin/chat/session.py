"""One session: its sequence of messages, its listeners, and its readable history. Pure."""

from bisect import bisect_left, bisect_right
from typing import Any, Protocol

import orjson

from fleetlm_users.standin.chat.stored_message import StoredMessage, seq_of, size_bytes
from fleetlm_users.standin.counters import RunCounters

ACTIVE = "active"
ARCHIVED = "archived"
HEAD_KEPT = 100  # quirks show the oldest messages, so these survive the trimming


class Listener(Protocol):
    """A joined channel: what a session pushes to."""

    open: bool

    def push(self, payload: bytes) -> None:
        """Send one `message` push with this payload."""

    def push_event(self, event: str, payload: bytes) -> None:
        """Send one push of an event other than `message`, with this payload."""

    def push_garbage(self) -> None:
        """Send a text frame that is not JSON."""

    def flush(self) -> None:
        """Give pushed bytes to the kernel now, not at the end of the event loop's turn."""


class Activity(Protocol):
    """Is notified of every message of a session: the user's inbox."""

    def touch(self, session: "Session", sender_id: str, stamp: bytes) -> None:
        """Count an appended message."""


class Session:
    """A conversation of one user with one agent.

    `seq` is the number of the newest message, `flushed_seq` of the newest one that no crash can lose.
    """

    __slots__ = (
        "agent_id",
        "agent_json",
        "flushed_seq",
        "head",
        "held",
        "id",
        "id_json",
        "inbox",
        "inserted_s",
        "is_late",
        "listeners",
        "messages",
        "metadata",
        "run",
        "seq",
        "status",
        "updated_s",
        "user_id",
        "user_json",
    )

    def __init__(  # noqa: PLR0913  # one name for each field of the resource
        self, *, id: str, user_id: str, agent_id: str, metadata: Any, now_s: float, run: RunCounters
    ) -> None:
        self.id = id
        self.id_json = id.encode()  # its characters need no escaping
        self.user_id = user_id
        self.user_json = orjson.dumps(user_id)
        self.agent_id = agent_id
        self.agent_json = orjson.dumps(agent_id)
        self.metadata = metadata
        self.inserted_s = self.updated_s = now_s
        self.status = ACTIVE
        self.is_late = False
        self.run = run
        self.seq = self.flushed_seq = 0
        self.messages: list[StoredMessage] = []
        self.head: list[StoredMessage] = []
        self.listeners: list[Listener] = []
        self.held: list[bytes] = []
        self.inbox: Activity | None = None

    def json_of(self, sender_id: str) -> bytes:
        """Return `sender_id` as JSON text; those of the two participants are prepared."""
        if sender_id == self.user_id:
            return self.user_json
        return self.agent_json if sender_id == self.agent_id else orjson.dumps(sender_id)

    def keep(self, message: StoredMessage, max_messages: int) -> int:
        """Store `message`; return the bytes added, less those of messages trimmed beyond `max_messages`.

        Trims in quarters, so that the cost of one append does not grow with the messages kept.
        """
        added = size_bytes(message)
        if len(self.head) < HEAD_KEPT:
            self.head.append(message)
        self.messages.append(message)
        if len(self.messages) > max_messages + (max_messages >> 2):
            added -= self.drop(len(self.messages) - max_messages)
        return added

    def drop(self, count: int) -> int:
        """Forget the `count` oldest messages; return the bytes freed."""
        freed = sum(size_bytes(message) for message in self.messages[:count])
        del self.messages[:count]
        return freed

    def forget(self, seq: int) -> int:
        """Forget the message with that number, if it is stored; return the bytes freed."""
        _take_out(self.head, seq)
        taken = _take_out(self.messages, seq)
        return 0 if taken is None else size_bytes(taken)

    def newest(self, limit: int, up_to_seq: int | None = None) -> list[StoredMessage]:
        """Return the last `limit` stored messages (up to and including `up_to_seq`), ascending."""
        stop = len(self.messages)
        if up_to_seq is not None:
            stop = bisect_right(self.messages, up_to_seq, key=seq_of)
        return self.messages[max(0, stop - limit) : stop]

    def after(self, seq: int, limit: int) -> list[StoredMessage]:
        """Return at most `limit` stored messages with a greater number than `seq`, ascending."""
        start = bisect_right(self.messages, seq, key=seq_of)
        return self.messages[start : start + limit]


def _take_out(messages: list[StoredMessage], seq: int) -> StoredMessage | None:
    place = bisect_left(messages, seq, key=seq_of)
    is_there = place < len(messages) and seq_of(messages[place]) == seq
    return messages.pop(place) if is_there else None
