"""The head of an HTTP/1.1 answer: its end, its normal form, its fields by name.

Both clients use it: the upgrade reads its fields here, REST passes the normal form to llhttp, which is stricter than
the standard requires of a client.
"""

import re
from typing import Final

MAX_HEAD_BYTES: Final = 64 * 1024
"""The largest head accepted, in bytes."""

_FOLD: Final = re.compile(rb"[ \t]*\r?\n[ \t]+")
_LONE_NEWLINE: Final = re.compile(rb"(?<!\r)\n")
_LENGTH_LINE: Final = re.compile(rb"^content-length[ \t]*:([^\r\n]*)\r\n", re.IGNORECASE | re.MULTILINE)
_LENGTH: Final = b"\ncontent-length"
_START: Final = b"HTTP/"
_USUAL: Final = re.compile(
    rb"http/1\.1 [2-9][^\r\n]*\r\n(?:"
    rb"(?![ \t]|location|content-encoding|transfer-encoding|content-length[^\r\n]*,)[^\r\n]+\r\n)*\r\n"
)


def end_of_head(received: bytes, start: int = 0) -> int:
    """Return the position after the blank line that ends the head, 0 before it has arrived; search from `start`."""
    start = max(0, start - 3)
    usual, lone = received.find(b"\n\r\n", start), received.find(b"\n\n", start)
    if usual >= 0 and not 0 <= lone < usual:
        return usual + 3
    return lone + 2 if lone >= 0 else 0


def may_be_http(received: bytes) -> bool:
    """Return whether this can be, or become, the beginning of an HTTP answer; leading empty lines are ignored."""
    return _START.startswith(received.lstrip(b"\r\n")[: len(_START)])


def usual_end(received: bytes) -> int:
    """Return the position after a final answer's head that needs no closer look, 0 for anything else.

    Such a head is already plain and has no field for a new location or a coding of the body. Nearly all are such; this
    check costs a fifth of `end_of_head`, `plain` and `fields_of` together.
    """
    end = received.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) + 4
    small = received[:end].lower()
    return end if end > len(_START) and _USUAL.fullmatch(small) and small.count(_LENGTH) < 2 else 0


def plain(head: bytes) -> bytes:
    """Return the same head in a form that every parser accepts.

    A folded field is put on one line, as a user agent must (RFC 9112 §5.2); a line that ends without carriage return
    gets one (§2.2); a length that is repeated with the same value counts once (RFC 9110 §8.6).
    """
    if head.count(b"\n") != head.count(b"\r\n"):
        head = _LONE_NEWLINE.sub(b"\r\n", head)
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b" ", head)
    small = head.lower()
    length = small.find(_LENGTH)
    if length >= 0 and (b"," in small[length : small.find(b"\r", length)] or small.find(_LENGTH, length + 1) >= 0):
        head = _with_one_length(head)
    return head


def _with_one_length(head: bytes) -> bytes:
    values = {value.strip() for length in _LENGTH_LINE.findall(head) for value in length.split(b",")}
    if len(values) != 1:  # they contradict each other: the parser refuses them
        return head
    return _LENGTH_LINE.sub(b"", head).replace(b"\r\n", b"\r\ncontent-length: " + values.pop() + b"\r\n", 1)


def fields_of(head: bytes) -> dict[str, str]:
    """Return the fields of a head by lower-case name; repeated ones are joined into one list (RFC 9110 §5.3)."""
    fields: dict[str, str] = {}
    for line in plain(head).decode("latin-1").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            fields[key] = f"{fields[key]}, {value.strip()}" if key in fields else value.strip()
    return fields


def tokens_of(value: str) -> list[str]:
    """Return the members of a list in lower case: `keep-alive, Upgrade` has two; empty ones are left out."""
    return [token for part in value.split(",") if (token := part.strip().lower())]
