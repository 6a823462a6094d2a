"""A page of a session's stored messages, decoded only as far as needed. Pure.

Most pages are read for one message among fifty. A typed decoder locates the seq and content of each message; it checks
the rest of the JSON without building it, in a third of the time of a full decoding.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, overload

import msgspec
import orjson


class _Entry(msgspec.Struct, gc=False):
    seq: int
    content: msgspec.Raw
    sender_id: Any = None


class _Page(msgspec.Struct, gc=False):
    messages: list[_Entry]


_DECODE: Final = msgspec.json.Decoder(_Page).decode
_UNUSUAL_ESCAPE: Final = re.compile(rb'\\[^"\\/bfnrt]')
"""Escapes that the decoder does not check in text it skips, such as half a surrogate pair."""
LONG_DIGITS: Final = 20
"""A whole number this long exceeds 64 bits; orjson, too, reads it as a float."""


class StoredMessages(Sequence[Any]):
    """The messages of a page, each with a seq and a content, exactly as in its JSON; a content is decoded on first use.

    `content_of` decodes a single content; `is_distinct` says that no seq stands there twice, `seqs_of` which are those
    of a sender.
    """

    __slots__ = ("_body", "_contents", "_decoded", "_entries", "_length")

    def __init__(self, body: bytes, entries: list[_Entry]) -> None:
        self._body = body
        self._entries = entries
        self._contents = {entry.seq: entry.content for entry in entries}
        self._decoded: list[Any] | None = None
        self._length = len(entries)

    @property
    def is_distinct(self) -> bool:
        """Whether each message has a seq of its own."""
        return len(self._contents) == self._length

    def content_of(self, seq: int) -> Any:
        """Return the content of the last message with that seq, None if there is none."""
        content = self._contents.get(seq)
        return None if content is None else _decoded(memoryview(content))

    def seqs_of(self, sender_id: str) -> set[int]:
        """Return the seqs of the messages of a sender."""
        return {entry.seq for entry in self._entries if entry.sender_id == sender_id}

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...
    def __getitem__(self, place: int | slice) -> Any:
        return self._messages()[place]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._messages())

    def __repr__(self) -> str:
        return f"<StoredMessages {len(self)}>"

    def _messages(self) -> list[Any]:
        if self._decoded is None:
            self._decoded = _decoded(self._body)["messages"]
        return self._decoded


def stored_messages(body: bytes) -> StoredMessages | None:
    """Return the messages in the body of a page; None if only a full decoding can interpret it.

    That is the case if it is not JSON, has no list of messages, or has a message without seq or content.
    """
    try:
        if not body.isascii():
            str(body, "utf-8")
        if _UNUSUAL_ESCAPE.search(body):
            return None
        return StoredMessages(body, _DECODE(body).messages)
    except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
        return None


def _decoded(encoded: bytes | memoryview) -> Any:
    """Decode JSON that the typed decoder has read or skipped."""
    try:
        return orjson.loads(encoded)
    except ValueError:  # a number too large for a float, which JSON allows
        return json.loads(bytes(encoded), parse_int=_whole)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < LONG_DIGITS else float(digits)
