"""The texts that a session sends: numbered and seeded."""

import random
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

# 64 characters that JSON and URLs leave alone, so text bytes = wire bytes; repeated four times, one per byte value
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_" * 4


class Payload(NamedTuple):
    """One message: its text and its reference, unique in the whole run."""

    client_ref: str
    text: str


class Payloads:
    """The messages of one session, without end: `next()` gives (client_ref, text).

    `prefix` is `<run_id>-<vu>-<session>`; references are `<prefix>-<k>`, k from 1. Texts are `size_bytes` ASCII
    characters, the same for the same seed; `rng` is called for its generator with the first one. Raises ValueError for
    a size below 1.
    """

    def __init__(self, rng: Callable[[], random.Random], prefix: str, size_bytes: int) -> None:
        if size_bytes < 1:
            raise ValueError(f"not a message size: {size_bytes!r} bytes")
        self._rng_of = rng
        self._rng: random.Random | None = None
        self._prefix = prefix
        self._size_bytes = size_bytes
        self._made = 0

    def next(self) -> Payload:
        """Return the next message."""
        self._made += 1
        rng = self._rng
        if rng is None:
            rng = self._rng = self._rng_of()
        # translate on random bytes costs 1 µs where random.choices costs 10; the bytes are those of Random.randbytes
        size = self._size_bytes
        text = rng.getrandbits(8 * size).to_bytes(size, "little").translate(_ALPHABET).decode("ascii")
        return tuple.__new__(Payload, (f"{self._prefix}-{self._made}", text))  # half the cost of calling it

    def __iter__(self) -> Iterator[Payload]:
        return self

    __next__ = next

    def __repr__(self) -> str:
        return f"<Payloads {self._prefix} made={self._made}>"


def session_prefix(run_id: str, vu: int, session: int) -> str:
    """Return the prefix of one session's references: `<run_id>-<vu>-<session>`, session counted from 1 per user."""
    return f"{run_id}-{vu}-{session}"
