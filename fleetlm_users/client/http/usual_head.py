"""The usual answer, read without llhttp: its head states a length and nothing else that matters.

Nearly all answers of a load are such. Anything else, and anything that llhttp might refuse or read differently, is left
to `Response`, which is slower and strict.
"""

import re
from typing import Final

from fleetlm_users.client.http.response import MAX_BODY_BYTES

_DECISIVE: Final = (
    rb"[cC](?i:onnection(?!:[ \t]*keep-alive[ \t]*\r)|ontent-encoding|ontent-length)|"
    rb"[lL](?i:ocation)|[pP](?i:roxy-connection)|"
    rb"[tT](?i:ransfer-encoding|railer)|[uU](?i:pgrade)"
)
"""Names of fields for the body's coding, a new location or the fate of the connection; a name that begins with one
counts too. A field that keeps the connection alive is allowed, as that is the rule. The first letter is separate so
that other fields are skipped without folding their case: a head takes 3 µs instead of 12.

That the connection is kept alive may be said, as it is the rule. The first letter stands apart so that other fields are
skipped without folding their case: a head takes 3 µs instead of 12.
"""

_FIELDS: Final = rb"(?:(?!" + _DECISIVE + rb")[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*\r\n)*+"
_HEAD: Final = re.compile(
    rb"HTTP/1\.1 ([2-5]\d\d) [\t\x20-\x7e]*\r\n"
    + _FIELDS
    + rb"(?:(?i:content-length):[ \t]*(\d{1,9})[ \t]*\r\n"
    + _FIELDS
    + rb")?\r\n"
)

NO_CONTENT: Final = 204
NOT_MODIFIED: Final = 304


def usual_head(method: str, data: bytes) -> tuple[int, int, int] | None:
    """Return the status, and the start and end of the body, of an answer with a usual head; None if it needs a closer
    look.

    The data may stop before that end. Once the answer ends there, the connection can be used again.
    """
    head = _HEAD.match(data)
    if head is None or method == "HEAD":
        return None
    status, length, start = int(head[1]), head[2], head.end()
    if status == NO_CONTENT:
        return (status, start, start) if length is None else None
    if length is None or status == NOT_MODIFIED or int(length) > MAX_BODY_BYTES:
        return None
    return status, start, start + int(length)
