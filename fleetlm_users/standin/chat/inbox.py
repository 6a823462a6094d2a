"""The inbox of one user: a counter per session, pushed whole at most once a second while something is new.

Source: FleetLM's InboxServer in the wire record, section Inbox channel.
"""

from collections import OrderedDict
from typing import Any, Final

import orjson

from fleetlm_users.standin.chat.session import ACTIVE, Listener, Session
from fleetlm_users.standin.chat.session_store import Store
from fleetlm_users.standin.faults.delivery import Later

BATCH_S: Final = 1.0
DIRTY_LIMIT: Final = 50  # with this many changed sessions, the inbox is pushed at once
MAX_INBOXES: Final = 10_000
MAX_ENTRIES: Final = 1_000  # sessions shown per inbox


class Inbox:
    """The inbox of one user, counting from its first join; `listeners` are the joined channels.

    Ticks once a second from its opening while there is a listener. With `stops` the timer stops permanently in the
    first second without a message, as FleetLM's does.
    """

    def __init__(self, user_id: str, timer: Later, stops: bool) -> None:
        self.user_id = user_id
        self.listeners: list[Listener] = []
        self._timer = timer
        self._stops = stops
        self._entries: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._dirty: set[str] = set()
        self._armed = False
        self.arm()

    def admit(self, session: Session) -> dict[str, Any]:
        """Return the entry of `session`, with zero messages if it is new; beyond the limit, the oldest entry is
        dropped.
        """
        session.inbox = self
        entry = self._entries.get(session.id)
        if entry is None:
            if len(self._entries) >= MAX_ENTRIES:
                self._entries.popitem(last=False)
            entry = {
                "agent_id": session.agent_id,
                "last_activity_at": None,
                "last_sender_id": None,
                "session_id": session.id,
                "unread_count": 0,
            }
            self._entries[session.id] = entry
        return entry

    def touch(self, session: Session, sender_id: str, stamp: bytes) -> None:
        """Count an appended message, from any sender; it is pushed with the next batch."""
        entry = self.admit(session)
        entry["last_activity_at"] = stamp.decode()
        entry["last_sender_id"] = sender_id
        entry["unread_count"] += 1
        if not self.listeners:
            return
        self._dirty.add(session.id)
        if len(self._dirty) >= DIRTY_LIMIT:
            self._push()
            self.arm()

    def snapshot(self) -> list[dict[str, Any]]:
        """Return all entries, the latest activity first."""
        return sorted(self._entries.values(), key=lambda entry: entry["last_activity_at"] or "", reverse=True)

    def arm(self) -> None:
        """Tick a second from now, unless a tick is already planned."""
        if not self._armed:
            self._armed = True
            self._timer.after(BATCH_S, self._tick)

    def _tick(self) -> None:
        self._armed = False
        changed = bool(self._dirty)
        if changed:
            self._push()
        if self.listeners and (changed or not self._stops):
            self.arm()

    def _push(self) -> None:
        self._dirty.clear()
        payload = orjson.dumps({"inbox": self.snapshot()})
        for listener in list(self.listeners):
            listener.push(payload)


class Inboxes:
    """The inboxes ever joined, bounded: the one unused the longest without a listener makes room."""

    def __init__(self, store: Store, timer: Later, quirks: bool = False, stops: bool | None = None) -> None:
        self._store = store
        self._stops = quirks if stops is None else stops
        self._timer = timer
        self._quirks = quirks
        self._by_user: OrderedDict[str, Inbox] = OrderedDict()

    def get(self, user_id: str) -> Inbox | None:
        """Return the user's inbox if it was joined before."""
        return self._by_user.get(user_id)

    def open(self, user_id: str) -> Inbox:
        """Return the user's inbox for a join, with all active sessions (under quirks only those at its start)."""
        inbox = self._by_user.get(user_id)
        if inbox is None:
            self._make_room()
            inbox = self._by_user[user_id] = Inbox(user_id, self._timer, self._stops)
        elif self._quirks:
            return inbox
        inbox.arm()
        for session in self._store.of_user(user_id):
            if session.status == ACTIVE:
                inbox.admit(session)
        self._by_user.move_to_end(user_id)
        return inbox

    def clear(self) -> None:
        """Forget all inboxes, as a restart does."""
        for user_id in self._by_user:
            for session in self._store.of_user(user_id):
                session.inbox = None
        self._by_user.clear()

    def _make_room(self) -> None:
        if len(self._by_user) < MAX_INBOXES:
            return
        for user_id, inbox in self._by_user.items():
            if not inbox.listeners:
                del self._by_user[user_id]
                for session in self._store.of_user(user_id):
                    session.inbox = None
                return
