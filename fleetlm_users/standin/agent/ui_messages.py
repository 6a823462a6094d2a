"""An agent's answer in the late protocol: UI-message chunks, one per line, and the message they form. Pure.

Source: the late wire record, section Agent webhooks; FleetLM webhook/assembler.ex.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from fleetlm_users.standin.agent.jsonl import BadLine

ENDS: Final = ("finish", "abort")
KINDS: Final = ("text", "reasoning")
KIND: Final = "assistant"


class AgentMessage(NamedTuple):
    """A whole answer, to be appended."""

    content: dict[str, Any]
    metadata: dict[str, Any]


class Assembler:
    """Takes the chunks of one answer in order; `finish` and `abort` end a message, and the next one begins.

    `new_id` makes the id of a message that names none.
    """

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._parts: dict[str, dict[str, Any]] = {}
        self._id: str | None = None
        self._metadata: dict[str, Any] = {}

    def feed(self, chunk: dict[str, Any]) -> AgentMessage | None:
        """Take one chunk; return the message that it ends, if any."""
        kind, part = str(chunk["type"]), chunk.get("id")
        name, _, step = kind.rpartition("-")
        if kind in ENDS:
            return self._end(kind, chunk)
        if kind in ("start", "message-metadata"):
            self._id = chunk.get("messageId", self._id)
            metadata = chunk.get("messageMetadata")
            self._metadata |= metadata if isinstance(metadata, dict) else {}
        elif name in KINDS and isinstance(part, str):
            self._part(name, step, part, chunk)
        return None

    def _part(self, name: str, step: str, part: str, chunk: dict[str, Any]) -> None:
        if step == "start":
            self._parts[part] = {"state": "streaming", "text": "", "type": name}
        elif part in self._parts:
            if step == "delta":
                self._parts[part]["text"] += str(chunk.get("delta", ""))
            elif step == "end":
                self._parts[part]["state"] = "done"

    def _end(self, kind: str, chunk: dict[str, Any]) -> AgentMessage:
        parts = list(self._parts.values())
        content = {"id": self._id or self._new_id(), "parts": parts, "role": "assistant"}
        metadata = {**self._metadata, "_finish_chunk": chunk, "termination": kind}
        self._parts, self._id, self._metadata = {}, None, {}
        return AgentMessage(content, metadata)


def parse_chunk(line: bytes) -> dict[str, Any]:
    """Return one chunk. Raise BadLine if the line is not a JSON object."""
    try:
        chunk = orjson.loads(line)
    except ValueError as problem:
        raise BadLine(str(problem)) from problem
    if not isinstance(chunk, dict):
        raise BadLine("not an object")
    return chunk


def echo_chunks(text: str) -> list[dict[str, Any]]:
    """Return the four lines that FleetLM's own echo agent answers at that commit."""
    return [
        {"id": "part_1", "type": "text-start"},
        {"delta": text, "id": "part_1", "type": "text-delta"},
        {"id": "part_1", "type": "text-end"},
        {"type": "finish"},
    ]
