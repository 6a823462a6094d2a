"""An agent's answer: JSON lines from a byte stream, one message each. Pure."""

from typing import Any, Final

import orjson

MAX_LINE_BYTES: Final = 8_000_000


class BadLine(ValueError):
    """Not a message; the rest of the answer is dropped."""


class LineSplitter:
    """Cuts chunks into lines; keeps at most MAX_LINE_BYTES of an unfinished one."""

    __slots__ = ("_parts", "_parts_bytes")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._parts_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the non-empty lines that `chunk` completes. Raises BadLine when a line never ends."""
        first, *others = chunk.split(b"\n")
        if not others:
            self._keep(first)
            return []
        lines = [b"".join([*self._parts, first]), *others[:-1]]
        self._parts, self._parts_bytes = [], 0
        self._keep(others[-1])
        return [line for line in lines if line.strip()]

    def rest(self) -> bytes:
        """Return the bytes after the last newline."""
        return b"".join(self._parts).strip()

    def _keep(self, part: bytes) -> None:
        if not part:
            return
        self._parts_bytes += len(part)
        if self._parts_bytes > MAX_LINE_BYTES:
            raise BadLine(f"a line of more than {MAX_LINE_BYTES} bytes")
        self._parts.append(part)


def parse_line(line: bytes) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return kind, content and metadata of one line; other keys are ignored.

    Raises BadLine if it is not JSON, lacks kind or content, or these have the wrong type.
    """
    try:
        value = orjson.loads(line)
    except ValueError as problem:
        raise BadLine(str(problem)) from problem
    if not isinstance(value, dict) or "kind" not in value or "content" not in value:
        raise BadLine("missing kind/content")
    kind, content, metadata = value["kind"], value["content"], value.get("metadata", {})
    if not (isinstance(kind, str) and isinstance(content, dict) and isinstance(metadata, dict)):
        raise BadLine("kind must be text, content and metadata must be maps")
    return kind, content, metadata
