"""The file from which a stand-in can restart after a kill: sessions, agents and flushed messages, one line each.

Sessions and agents are written at once, as FleetLM does; messages, with each flush. A line is a letter and its record:
`s` a session, `d` the id of an archived one, `a` an agent, `m` the length of a message's content and its payload.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from fleetlm_users.standin.agent.agents import Agent
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import StoredMessage
from fleetlm_users.standin.storage.storage_options import StorageUnusable

SESSION: Final = b"s"
ARCHIVED: Final = b"d"
AGENT: Final = b"a"
MESSAGE: Final = b"m"


class StorageFile:
    """The file at `path`, which one process uses at a time. Raises OSError and StorageUnusable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            os.close(self._file)
            raise StorageUnusable(f"{path} is in use by another stand-in") from problem

    def save_session(self, session: Session) -> None:
        """Write a new session."""
        record = {
            "id": session.id,
            "user_id": session.user_id,
            "agent_id": session.agent_id,
            "metadata": session.metadata,
            "now_s": session.inserted_s,
        }
        self._write([SESSION + b" " + orjson.dumps(record)])

    def save_archived(self, session: Session) -> None:
        """Write that a session is archived."""
        self._write([b"%b %b" % (ARCHIVED, session.id_json)])

    def save_agent(self, agent: Agent) -> None:
        """Write a new or changed agent."""
        self._write([AGENT + b" " + orjson.dumps(agent.as_json("both"))])

    def save_messages(self, messages: Iterable[StoredMessage]) -> None:
        """Write messages."""
        self._write([b"%b %d %b" % (MESSAGE, length, payload) for _, length, payload in messages])

    def records(self) -> Iterator[tuple[bytes, Any]]:
        """Yield the records in order: the letter, and a JSON object, a session id, or (id, StoredMessage).

        A line cut off by a kill is removed.
        """
        whole, newline, rest = self._path.read_bytes().rpartition(b"\n")
        if rest:
            os.truncate(self._path, len(whole) + len(newline))
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            try:
                yield line[:1], _record(line[:1], line[2:])
            except (ValueError, TypeError, KeyError) as problem:
                raise StorageUnusable(f"line {number} of {self._path} is not a stand-in's record") from problem

    def close(self) -> None:
        """Close the file, so that another process may use it."""
        os.close(self._file)

    def _write(self, lines: list[bytes]) -> None:
        left = b"".join(line + b"\n" for line in lines)
        length = os.fstat(self._file).st_size
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:  # a full disk: no partial line may precede the next one
            os.ftruncate(self._file, length)
            raise


def _record(kind: bytes, text: bytes) -> Any:
    if kind == MESSAGE:
        length, _, payload = text.partition(b" ")
        fields = orjson.loads(payload)
        return fields["session_id"], (int(fields["seq"]), int(length), payload)
    if kind == ARCHIVED:
        return text.decode()
    if kind in (SESSION, AGENT):
        return orjson.loads(text)
    raise ValueError(kind)
