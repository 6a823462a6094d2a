"""All sessions in memory, bounded: the oldest archived or idle ones make room for new ones. Pure."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from fleetlm_users.standin.chat.session import ARCHIVED, Session
from fleetlm_users.standin.chat.stored_message import StoredMessage
from fleetlm_users.standin.counters import Counters

INDEX_LIMIT = 50  # GET /api/sessions shows the newest 50 (session_controller.ex)


@dataclass(frozen=True, slots=True)
class Caps:
    """Bounds of the store. Messages beyond them are forgotten, oldest first; ids stay valid."""

    max_sessions: int = 100_000
    max_messages_per_session: int = 100_000
    max_stored_bytes: int = 512 * 1024 * 1024


class StoreFull(Exception):
    """Every session in the store has a joined socket, so none can make room."""


def run_id_of(metadata: Any) -> str:
    """Return the run that a session belongs to: the `run_id` in its metadata, `""` if there is none."""
    run_id = metadata.get("run_id") if isinstance(metadata, dict) else None
    return run_id if isinstance(run_id, str) else ""


class Store:
    """Sessions by id and by user; `stored_bytes` is approximately the size of their messages."""

    def __init__(self, caps: Caps, counters: Counters, *, are_late: bool = False) -> None:
        self._are_late = are_late  # the protocol of sessions that do not state theirs
        self.caps = caps
        self.counters = counters
        self.sessions: OrderedDict[str, Session] = OrderedDict()  # a join moves a session to the end
        self.stored_bytes = 0
        self._archived: OrderedDict[str, None] = OrderedDict()
        self._by_user: dict[str, dict[str, Session]] = {}

    def create(self, *, id: str, user_id: str, agent_id: str, metadata: Any, now_s: float) -> Session:
        """Create a session.

        Raises StoreFull if `max_sessions` are stored and all are joined.
        """
        if len(self.sessions) >= self.caps.max_sessions:
            self._evict_session()
        run = self.counters.run(run_id_of(metadata))
        session = Session(id=id, user_id=user_id, agent_id=agent_id, metadata=metadata, now_s=now_s, run=run)
        session.is_late = self._are_late
        self.sessions[id] = session
        self._by_user.setdefault(user_id, {})[id] = session
        run.sessions_created += 1
        return session

    def archive(self, session: Session, now_s: float) -> None:
        """DELETE: only the status changes; a second time changes nothing."""
        if session.status == ARCHIVED:
            return
        session.status = ARCHIVED
        session.updated_s = now_s
        self._archived[session.id] = None
        session.run.sessions_deleted += 1

    def touch(self, session: Session) -> None:
        """Note a join: this session is now the last of all to be evicted."""
        if session.id in self.sessions:  # an evicted session lives on while somebody holds it
            self.sessions.move_to_end(session.id)

    def keep(self, session: Session, message: StoredMessage) -> None:
        """Store `message` within the caps."""
        self.stored_bytes += session.keep(message, self.caps.max_messages_per_session)
        if self.stored_bytes > self.caps.max_stored_bytes:
            self._evict_messages()

    def forget(self, session: Session, seq: int) -> None:
        """Remove a message again."""
        self.stored_bytes -= session.forget(seq)

    def of_user(self, user_id: str) -> list[Session]:
        """Return the user's sessions, oldest first."""
        return list(self._by_user.get(user_id, {}).values())

    def index(self, user_id: str | None) -> list[Session]:
        """Return the newest sessions (of one user) as GET /api/sessions lists them: newest second first, then by id."""
        pool = list(self.sessions.values()) if user_id is None else self.of_user(user_id)
        return sorted(pool, key=lambda session: (-int(session.inserted_s), session.id))[:INDEX_LIMIT]

    def active_sessions(self) -> int:
        """Return how many sessions are not archived."""
        return len(self.sessions) - len(self._archived)

    def _evict_session(self) -> None:
        for pool in (self._archived, self.sessions):
            for session_id in pool:
                session = self.sessions[session_id]
                if not session.listeners:
                    self._forget(session)
                    return
        raise StoreFull

    def _forget(self, session: Session) -> None:
        del self.sessions[session.id]
        self._archived.pop(session.id, None)
        mine = self._by_user[session.user_id]
        del mine[session.id]
        if not mine:
            del self._by_user[session.user_id]
        self.stored_bytes -= session.drop(len(session.messages))
        self.counters.sessions_evicted += 1

    def _evict_messages(self) -> None:
        """Forget the older half of each session's messages, longest unjoined first, until an eighth is free."""
        goal_bytes = self.caps.max_stored_bytes - (self.caps.max_stored_bytes >> 3)
        for session in self.sessions.values():
            if self.stored_bytes <= goal_bytes:
                return
            count = (len(session.messages) + 1) // 2
            self.stored_bytes -= session.drop(count)
            self.counters.messages_evicted += count
