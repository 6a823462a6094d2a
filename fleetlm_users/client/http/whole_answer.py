"""The usual answer, read at one go: all of it has come in one read, and its head says nothing but a length.

Nearly all answers of a load are such. Anything else, and everything that llhttp might refuse or read in another way, is
left to `Response`, which is slower and strict.
"""

import re
from typing import Final

_HEAD: Final = re.compile(
    rb"HTTP/1\.1 (?P<status>[2-5]\d\d) [\t\x20-\x7e]*\r\n"
    rb"(?P<fields>(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*\r\n)*)\r\n"
)
_LENGTH: Final = re.compile(rb"(?:^|\n)content-length:[ \t]*(\d{1,9})[ \t]*\r")
_LENGTH_NAME: Final = b"content-length"
_DECISIVE: Final = re.compile(rb"connection|encoding|location|upgrade|trailer")
"""Fields that say how the body is coded, where to go or what becomes of the connection; one in a value counts too."""

NO_CONTENT: Final = 204
NOT_MODIFIED: Final = 304


def whole_answer(method: str, data: bytes) -> tuple[int, bytes] | None:
    """Return status and body of an answer after which the connection can be used again; None for a closer look."""
    head = _HEAD.match(data)
    if head is None or method == "HEAD":
        return None
    status, body = int(head["status"]), data[head.end() :]
    fields = head["fields"].lower()
    lengths = fields.count(_LENGTH_NAME)
    if _DECISIVE.search(fields) or status == NOT_MODIFIED or lengths > 1:
        return None
    if not lengths:
        return (status, b"") if status == NO_CONTENT and not body else None
    length = _LENGTH.search(fields)
    if length is None or int(length[1]) != len(body) or status == NO_CONTENT:
        return None
    return status, body
