"""websocket-client's frame parser, made strict and bounded, and the frames that we make ourselves.

tests/client/test_private_parts.py names the private parts of the parser used here; pyproject.toml has the version
bound.
"""

import functools
import os
import struct
from collections.abc import Callable
from typing import Any

from websocket import ABNF, WebSocket, WebSocketProtocolException, continuous_frame, frame_buffer
from wsaccel.xormask import XorMaskerSimple

FIN_TEXT = 0x81  # RFC 6455 §5.2: the first byte of an unfragmented text frame
FIN_BINARY = 0x82  # and of a binary one
FIN_CLOSE = 0x88  # and of a close frame
FIN_PONG = 0x8A  # and of a pong
MASKED = 0x80
LENGTH_16 = 126  # this length byte says: the next two bytes are the length
LENGTH_64 = 127  # and this one: the next eight bytes are
MAX_CONTROL_BYTES = 125  # RFC 6455 §5.5
HEADER_16 = struct.Struct("!BBH").pack
HEADER_64 = struct.Struct("!BBQ").pack
KEY_BYTES = 4  # §5.3
POOL_BYTES = KEY_BYTES * 1024
NO_CODE = 1005  # RFC 6455 §7.1.5: a close frame without a code


class MessageTooLarge(Exception):
    """A message is larger than the caller's limit."""


class Frames(WebSocket):
    """Messages parsed from the bytes that `pull(count)` returns.

    `write(frame)` is called with each pong, `answer_close()` once the peer's close frame has arrived.
    """

    def __init__(
        self,
        pull: Callable[[int], bytes],
        write: Callable[[bytes], None],
        answer_close: Callable[[], None],
        max_bytes: int,
    ) -> None:
        super().__init__(enable_multithread=False, skip_utf8_validation=True)
        self.frame_buffer = _StrictFrames(pull, max_bytes)
        self.cont_frame = _BoundedFragments(max_bytes)
        self._write = write
        self._answer_close = answer_close

    @property
    def in_fragments(self) -> bool:
        """True between the first and the last fragment of a message."""
        return bool(self.cont_frame.recving_frames)

    def send_close(self, *_: Any) -> None:
        """Answer the peer's close frame; websocket-client calls this when one arrives."""
        self._answer_close()

    def pong(self, payload: bytes | str = b"") -> None:
        """Answer the peer's ping; websocket-client calls this when one arrives."""
        self._write(masked(FIN_PONG, payload if isinstance(payload, bytes) else payload.encode()))


class _StrictFrames(frame_buffer):
    """A frame parser that refuses, before reading a payload, anything a server must not send and anything too large."""

    def __init__(self, pull: Callable[[int], bytes], max_bytes: int) -> None:
        super().__init__(pull, skip_utf8_validation=True)
        self._max_bytes = max_bytes

    def recv_length(self) -> None:
        super().recv_length()
        if self.header is None or self.length is None:  # not after super(), although its types allow it
            return
        is_final, _, _, _, opcode, is_masked, _ = self.header
        if is_masked:
            raise WebSocketProtocolException("a masked frame from a server (RFC 6455 §5.1)")
        if opcode >= ABNF.OPCODE_CLOSE and (self.length > MAX_CONTROL_BYTES or not is_final):
            raise WebSocketProtocolException("a long or fragmented control frame (RFC 6455 §5.5)")
        if self.length > self._max_bytes:
            raise MessageTooLarge(f"a frame of {self.length} bytes, the limit is {self._max_bytes}")


class _BoundedFragments(continuous_frame):
    def __init__(self, max_bytes: int) -> None:
        super().__init__(False, skip_utf8_validation=True)
        self._max_bytes = max_bytes

    def add(self, frame: Any) -> None:
        if self.cont_data is None and not frame.fin:
            frame.data = bytearray(frame.data)  # bytes would be copied entirely for each fragment
        super().add(frame)
        if self.cont_data is not None and len(self.cont_data[1]) > self._max_bytes:
            raise MessageTooLarge(f"a message of more than {self._max_bytes} bytes in fragments")


def close_frame(code: int) -> bytes:
    """Return a client's close frame with a code and no reason."""
    return masked(FIN_CLOSE, code.to_bytes(2, "big"))


def masked(first_byte: int, payload: bytes) -> bytes:
    """Return a client's frame, masked with fresh random bytes as RFC 6455 §5.3 requires."""
    length = len(payload)
    if length < LENGTH_16:
        header = bytes((first_byte, MASKED | length))
    elif length < 1 << 16:
        header = HEADER_16(first_byte, MASKED | LENGTH_16, length)
    else:
        header = HEADER_64(first_byte, MASKED | LENGTH_64, length)
    mask = mask_keys().take()
    body: bytes = XorMaskerSimple(mask).process(payload)
    return header + mask + body


class MaskKeys:
    """Masking keys of four bytes: random bytes from the kernel, a thousand keys at a time.

    One system call per frame would be a sixth of all system calls of a session.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: list[bytes] = []

    def __repr__(self) -> str:
        return f"MaskKeys({len(self._left)} left)"

    def take(self) -> bytes:
        """Return the next key; no other frame gets it."""
        if not self._left:
            pool = os.urandom(POOL_BYTES)
            self._left = [pool[at : at + KEY_BYTES] for at in range(POOL_BYTES - KEY_BYTES, -1, -KEY_BYTES)]
        return self._left.pop()


@functools.cache  # one per process: made with the first frame, long after Locust has forked
def mask_keys() -> MaskKeys:
    """Return this process's keys."""
    return MaskKeys()


def close_code(payload: bytes) -> tuple[int, str]:
    """Return the code and reason in a close frame's payload; NO_CODE when it has none."""
    if len(payload) < 2:
        return NO_CODE, ""
    return int.from_bytes(payload[:2], "big"), payload[2:].decode("utf-8", "replace")
