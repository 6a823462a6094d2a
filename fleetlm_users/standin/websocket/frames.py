"""WebSocket frames (RFC 6455) on the server's side: bytes in, whole messages out, and back; no I/O.

Hand-written because one append may only cost a few microseconds: a text frame that has arrived whole is cut out and
unmasked in one step.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

FIN: Final = 0x80
RSV1: Final = 0x40
RSV23: Final = 0x30
MASKED: Final = 0x80
MAX_CONTROL_BYTES: Final = 125

NORMAL: Final = 1000
PROTOCOL_ERROR: Final = 1002
BAD_TEXT: Final = 1007
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012

TINY_LENGTH: Final = 126
SHORT_LENGTH: Final = 65536


class FrameProblem(Exception):
    """The peer violated RFC 6455; `code` is the close code for it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Incoming(NamedTuple):
    """One whole message or control frame; `compressed` is RSV1 of its first frame (RFC 7692)."""

    opcode: int
    payload: bytes
    compressed: bool


def header(length: int, first: int = FIN | TEXT) -> bytes:
    """Return the unmasked header of a frame with `length` payload bytes."""
    if length < TINY_LENGTH:
        return bytes((first, length))
    if length < SHORT_LENGTH:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")


def close_frame(code: int) -> bytes:
    """Return a CLOSE frame with `code` and no reason, as Bandit sends it."""
    return bytes((FIN | CLOSE, 2)) + code.to_bytes(2, "big")


def unmask(mask: bytes, payload: bytes) -> bytes:
    """Return `payload` XOR the repeated four bytes of `mask`: one big integer operation, linear in the length."""
    length = len(payload)
    if mask == b"\0\0\0\0":
        return payload
    key = int.from_bytes((mask * ((length >> 2) + 1))[:length], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(length, "little")


class FrameReader:
    """Cuts a byte stream into messages; keeps at most one unfinished frame and one unfinished message.

    `max_bytes` bounds a message; `deflate` says whether RSV1 was negotiated.
    """

    __slots__ = (
        "_chunks",
        "_compressed",
        "_have",
        "_need",
        "_opcode",
        "_parts",
        "_parts_bytes",
        "deflate",
        "max_bytes",
    )

    def __init__(self, max_bytes: int, deflate: bool = False) -> None:
        self.max_bytes = max_bytes
        self.deflate = deflate
        self._chunks: list[bytes] = []  # only joined when the unfinished frame may be complete: no quadratic copying
        self._have = 0
        self._need = 0
        self._opcode = CONTINUATION  # CONTINUATION: no fragmented message under way
        self._compressed = False
        self._parts: list[bytes] = []
        self._parts_bytes = 0

    def feed(self, data: bytes) -> Iterator[Incoming]:
        """Yield the messages that `data` completes.

        Raises FrameProblem at the first violation, after yielding the messages before it.
        """
        if self._chunks:
            self._keep(data)
            if self._have < self._need:
                return
            data = b"".join(self._chunks)
            self._chunks = []
            self._have = 0
        position, end = 0, len(data)
        while position < end:
            frame = self._frame(data, position, end)
            if frame is None:
                self._keep(data[position:])
                return
            first, payload, position = frame
            if first == FIN | TEXT and self._opcode == CONTINUATION:  # nearly always
                yield Incoming(TEXT, payload, False)
            else:
                message = self._admit(first, payload)
                if message is not None:
                    yield message

    def _keep(self, data: bytes) -> None:
        self._chunks.append(data)
        self._have += len(data)

    def _frame(self, data: bytes, position: int, end: int) -> tuple[int, bytes, int] | None:
        """Return the first byte, the unmasked payload and the start of the next frame, or None if bytes are missing."""
        self._need = 0
        if end - position < 2:
            return None
        second = data[position + 1]
        if not second & MASKED:
            raise FrameProblem(PROTOCOL_ERROR, "a client frame must be masked")
        length = second & 0x7F
        start = position + 2
        if length == 126:
            if end - start < 2:
                return None
            length = int.from_bytes(data[start : start + 2], "big")
            start += 2
        elif length == 127:
            if end - start < 8:
                return None
            length = int.from_bytes(data[start : start + 8], "big")
            start += 8
        if length > self.max_bytes:
            raise FrameProblem(TOO_BIG, f"a frame of {length} bytes")
        begin = start + 4
        stop = begin + length
        if stop > end:
            self._need = stop - position
            return None
        return data[position], unmask(data[start:begin], data[begin:stop]), stop

    def _admit(self, first: int, payload: bytes) -> Incoming | None:
        """Return the message that this frame completes, or None inside a fragmented one."""
        opcode = first & 0x0F
        if first & RSV23 or (first & RSV1 and not (self.deflate and opcode in (TEXT, BINARY))):
            raise FrameProblem(PROTOCOL_ERROR, "reserved bits are set")
        if opcode >= CLOSE:
            return self._control(first, opcode, payload)
        if opcode not in (CONTINUATION, TEXT, BINARY) or (opcode == CONTINUATION) != (self._opcode != CONTINUATION):
            raise FrameProblem(PROTOCOL_ERROR, "a data frame out of place")
        if opcode != CONTINUATION:
            self._opcode = opcode
            self._compressed = bool(first & RSV1)
        if payload:  # empty fragments cost nothing to send and must not pile up
            self._parts.append(payload)
        self._parts_bytes += len(payload)
        if self._parts_bytes > self.max_bytes:
            raise FrameProblem(TOO_BIG, f"a message of more than {self.max_bytes} bytes")
        return self._complete() if first & FIN else None

    def _control(self, first: int, opcode: int, payload: bytes) -> Incoming:
        if not first & FIN or len(payload) > MAX_CONTROL_BYTES or opcode not in (CLOSE, PING, PONG):
            raise FrameProblem(PROTOCOL_ERROR, "a broken control frame")
        return Incoming(opcode, payload, False)

    def _complete(self) -> Incoming:
        message = Incoming(self._opcode, b"".join(self._parts), self._compressed)
        self._opcode = CONTINUATION
        self._parts = []
        self._parts_bytes = 0
        return message
