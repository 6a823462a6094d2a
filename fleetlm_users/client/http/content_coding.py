"""Bodies that are compressed although `identity` was requested: decompressed up to a limit, or described."""

import zlib
from collections.abc import Sequence
from typing import Final

GZIP: Final = zlib.MAX_WBITS | 16
WINDOWS: Final = {"gzip": (GZIP,), "x-gzip": (GZIP,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}
"""deflate is zlib's format (RFC 9110 §8.4.1.2), but some servers send the bare stream under that name."""
MAX_CODINGS: Final = 4


class NotDecoded(Exception):
    """A body cannot be decoded; the text says why."""


class Oversize(Exception):
    """An answer is larger than allowed; the text says which part of it."""


def decoded(body: bytes, codings: Sequence[str], max_bytes: int) -> bytes:
    """Return the body without its codings, given in the order applied. Raise NotDecoded and Oversize."""
    if len(codings) > MAX_CODINGS:
        raise NotDecoded(f"the body is encoded {len(codings)} times")
    for coding in reversed(codings):
        if coding not in WINDOWS:
            raise NotDecoded(f"the body is encoded as {coding[:20]!a}, which was not asked for")
        body = _inflated(body, coding, max_bytes)
    return body


def _inflated(body: bytes, coding: str, max_bytes: int) -> bytes:
    problem: zlib.error | None = None
    for window in WINDOWS[coding]:
        try:
            return _members(body, window, max_bytes)
        except zlib.error as error:
            problem = error
    raise NotDecoded(f"the body is not the {coding} that it says it is") from problem


def _members(body: bytes, window: int, max_bytes: int) -> bytes:
    """Return the decompressed streams; only gzip may have more than one. Raise zlib.error and Oversize."""
    inflated = b""
    while body:
        stream = zlib.decompressobj(window)
        inflated += stream.decompress(body, max_bytes + 1 - len(inflated))
        if len(inflated) > max_bytes:
            raise Oversize(f"a body of more than {max_bytes} bytes")
        if not stream.eof:
            raise zlib.error("cut short")
        body = stream.unused_data if window == GZIP else b""
    return inflated
