"""The rules of an append: create a message, store it, push it and ask the agent. Knows no sockets."""

import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

import orjson

from fleetlm_users.standin.agent.agents import Agents
from fleetlm_users.standin.chat import stored_message
from fleetlm_users.standin.chat.ids import NaiveStamps, UlidMaker, UuidMaker
from fleetlm_users.standin.chat.inbox import Inboxes
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.session_store import Store
from fleetlm_users.standin.chat.stored_message import StoredMessage
from fleetlm_users.standin.faults.delivery import Delivery, Later
from fleetlm_users.standin.faults.quirks import entire, mixed_page, oldest
from fleetlm_users.standin.lanes import Lanes
from fleetlm_users.standin.storage.write_behind import WriteBehind

REPLAY_LIMIT = 100  # session_channel.ex
MAX_WAITING_APPENDS = 1_000_000
ProtocolName = Literal["early", "late", "both"]
EMPTY_MAP = b"{}"
TEXT_KIND = b'"text"'


class Responder(Protocol):
    """Answers for the agents: webhooks, or the built-in echo."""

    @property
    def pending(self) -> int:
        """The number of user messages not answered yet."""

    def asked(self, session: Session, message: StoredMessage, content: dict[str, Any]) -> None:
        """Answer `message` of the session's user, now or later, by `Hub.append`."""


class Hub:
    """Owns the state of one stand-in and the rules of an append.

    `protocol` is the one that is spoken; `now_s` is the wall clock (seconds since 1970);
    `responder` is set by the composition, None means no agent.
    """

    def __init__(  # noqa: PLR0913  # what the composition decides
        self,
        store: Store,
        delivery: Delivery,
        inboxes: Inboxes,
        *,
        storage: WriteBehind,
        timer: Later,
        quirks: bool = False,
        protocol: ProtocolName = "early",
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.counters = store.counters
        self.faults = delivery.faults
        self.delivery = delivery
        self.inboxes = inboxes
        self.storage = storage
        self._is_plain = storage.is_plain
        self.quirks = quirks
        self.protocol: ProtocolName = protocol
        self.now_s = now_s
        self.agents = Agents()
        self.responder: Responder | None = None
        self.append_lanes = Lanes(self._append_s, timer)
        self.stamps = NaiveStamps()
        self._ulids = UlidMaker()
        self._uuids = UuidMaker()

    def new_late_id(self) -> str:
        """Return a new id in the late protocol's form."""
        return self._uuids.make(self.now_s()).decode()

    def stamp(self) -> str:
        """Return the present time in whole seconds."""
        return self.stamps.seconds(self.now_s())

    def create_session(self, user_id: str, agent_id: str, metadata: Any, *, is_late: bool = False) -> Session:
        """Create a session in one of the protocols. Raises StoreFull."""
        now_s = self.now_s()
        session_id = (self._uuids if is_late else self._ulids).make(now_s).decode()
        session = self.store.create(id=session_id, user_id=user_id, agent_id=agent_id, metadata=metadata, now_s=now_s)
        session.is_late = is_late
        session.inbox = self.inboxes.get(user_id)
        if self.storage.file is not None:
            self.storage.file.save_session(session)
        return session

    def archive(self, session: Session) -> None:
        """Archive a session, as DELETE does."""
        self.store.archive(session, self.now_s())
        if self.storage.file is not None:
            self.storage.file.save_archived(session)

    def append(  # noqa: PLR0913  # the fields of a message, and what differs between the protocols
        self,
        session: Session,
        sender_id: str,
        kind: str,
        content: dict[str, Any],
        metadata: dict[str, Any],
        *,
        acknowledge: Callable[[int], None] | None = None,
        is_pushed: bool = True,
        is_doubled: bool = False,
    ) -> StoredMessage:
        """Append a message: store it, push it to all joined sockets, then ask the agent if the session's user sent it.

        `acknowledge` is called with its seq before it is pushed. Unless it `is_pushed`, no socket sees it; `is_doubled`
        pushes it a second time, under another id. Raises TypeError when the content is nested deeper than orjson
        writes.
        """
        message = self._append(
            session, sender_id, kind, content, metadata, acknowledge, is_pushed=is_pushed, is_doubled=is_doubled
        )
        if sender_id == session.user_id:
            session.run.messages_appended_user += 1
            if self.responder is not None and not self.faults.faults.no_agent and sender_id != session.agent_id:
                self.responder.asked(session, message, content)
            if not self.faults.quiet and self.faults.repeats():
                self._append(session, sender_id, kind, content, metadata, is_doubled=is_doubled)
                session.run.messages_appended_twice += 1
        elif sender_id == session.agent_id:
            session.run.messages_appended_agent += 1
        else:
            self.counters.messages_appended_other += 1
        return message

    def append_in_turn(self, session: Session, kind: str, content: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Append a message of the session's user after those before it, at the rate that the faults allow.

        Beyond MAX_WAITING_APPENDS it is dropped and counted as rejected.
        """
        if self.append_lanes.waiting >= MAX_WAITING_APPENDS:
            self.counters.sends_rejected += 1
            return

        def append() -> None:
            self.append(session, session.user_id, kind, content, metadata)

        self.append_lanes.put("", append)

    def _append_s(self) -> float:
        limit = self.faults.faults.append_rate_limit
        return 1 / limit if limit else 0.0

    def push(self, session: Session, payload: bytes) -> None:
        """Push a message to all joined sockets, as the faults in force say."""
        if self.faults.quiet:
            for listener in session.listeners:
                listener.push(payload)
        else:
            self.delivery.deliver(session, payload)

    def push_event(self, session: Session, event: str, payload: bytes) -> None:
        """Push an event other than `message` to all joined sockets, as late as messages are pushed."""
        if self.faults.faults.broadcast_delay_ms > 0:
            self.delivery.deliver_event(session, event, payload)
            return
        for listener in session.listeners:
            listener.push_event(event, payload)

    def _append(  # noqa: PLR0913, PLR0917  # the fields of a message
        self,
        session: Session,
        sender_id: str,
        kind: str,
        content: dict[str, Any],
        metadata: dict[str, Any],
        acknowledge: Callable[[int], None] | None = None,
        *,
        is_pushed: bool = True,
        is_doubled: bool = False,
    ) -> StoredMessage:
        content_json = orjson.dumps(content)  # first: a message that cannot be written must not take a number
        metadata_json = orjson.dumps(metadata) if metadata else EMPTY_MAP
        now_s = self.now_s()
        session.seq += 1
        stamp = self.stamps.micros(now_s)
        message = stored_message.make(
            session.seq,
            id=(self._uuids if session.is_late else self._ulids).make(now_s),
            stamp=stamp,
            sender=session.json_of(sender_id),
            kind=TEXT_KIND if kind == "text" else orjson.dumps(kind),
            content=content_json,
            metadata=metadata_json,
            session_id=session.id_json,
        )
        faults = self.faults
        if self._is_plain and faults.quiet:
            self.store.keep(session, message)
        else:
            self.storage.take(session, message, now_s)
        if acknowledge is not None:
            acknowledge(session.seq)
        if faults.quiet:
            self.push(session, message[2])
            if is_doubled:
                self.push(session, stored_message.doubled(message))
        elif is_pushed:
            self.delivery.deliver(session, message[2], stored_message.doubled(message) if is_doubled else None)
        if session.inbox is not None:
            session.inbox.touch(session, sender_id, stamp)
        return message

    def replay(self, session: Session) -> list[StoredMessage]:
        """Return the replay of a join: the newest 100 messages (under quirks the oldest)."""
        if self.quirks:
            return oldest(session, REPLAY_LIMIT, self.storage.clock.flushed_stamp(self.now_s()))
        return session.newest(REPLAY_LIMIT)

    def page(self, session: Session, after_seq: int, limit: int) -> list[StoredMessage]:
        """Return a page of the late protocol's reads: the next messages after a seq (under quirks not always)."""
        if self.quirks:
            return mixed_page(session, after_seq, limit, self.storage.clock.flushed_stamp(self.now_s()))
        return session.after(after_seq, limit)

    def history(self, session: Session, seq: int) -> list[StoredMessage]:
        """Return the messages that the agent is sent with the user's message `seq`, by its history mode.

        These are the messages up to the one to be answered; under quirks, what FleetLM's reads return at this moment.
        """
        agent = self.agents.get(session.agent_id)
        mode, limit = (agent.message_history_mode, agent.message_history_limit) if agent else ("tail", 50)
        if self.quirks:
            flushed = self.storage.clock.flushed_stamp(self.now_s())
            return (
                entire(session, flushed)
                if mode == "entire"
                else oldest(session, 1 if mode == "last" else limit, flushed)
            )
        whole = {"last": 1, "entire": self.store.caps.max_messages_per_session * 2}
        return session.newest(whole.get(mode, limit), up_to_seq=seq)
