"""ULIDs and time stamps as FleetLM prints them; the wall clock is given by the caller.

Sources: ULID spec (github.com/ulid/spec: 48 bits of ms, 80 random bits, Crockford base 32); Elixir NaiveDateTime has
no offset.
"""

import random
import time

ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PAIR_BITS = 10
PAIR_MASK = (1 << PAIR_BITS) - 1
EPOCH_BITS = 20  # the characters above these change every 17 minutes only
COUNTER_BITS = 30  # the last six characters count upwards within one millisecond
ULID_CHARS = 26
STAMP_CHARS = 26  # "2026-11-23T20:11:12.413308"
SECONDS_CHARS = 19  # "2026-11-23T20:09:07"
STORED_SHUFFLE = slice(25, 9, -1)  # the random part backwards: another id of the same millisecond

PAIRS = [bytes((high, low)) for high in ALPHABET for low in ALPHABET]


def encode_pairs(number: int, pairs: int) -> bytes:
    """Return the lowest `pairs` × 10 bits of `number` in Crockford base 32, two characters per pair."""
    return b"".join(PAIRS[(number >> shift) & PAIR_MASK] for shift in range((pairs - 1) * PAIR_BITS, -1, -PAIR_BITS))


def stored_id(pushed: bytes) -> bytes:
    """Return the id under which a pushed message is stored: FleetLM makes two ULIDs for one message (wire record)."""
    return pushed[:10] + pushed[STORED_SHUFFLE]


class UlidMaker:
    """ULIDs that grow within a millisecond, made in about a microsecond, because every append needs one.

    Of the 80 random bits the first 50 are drawn once per maker, the last 30 count upwards from a random start in each
    millisecond.
    """

    __slots__ = ("_counter", "_epoch", "_epoch_text", "_head", "_ms", "_noise", "_random")

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._ms = -1
        self._epoch = -1
        self._epoch_text = b""
        self._head = b""
        self._noise = encode_pairs(self._random.getrandbits(50), 5)
        self._counter = 0

    def make(self, now_s: float) -> bytes:
        """Return a new id for the wall-clock moment `now_s` (seconds since 1970)."""
        ms = int(now_s * 1000)
        if ms != self._ms:
            self._ms = ms
            if ms >> EPOCH_BITS != self._epoch:
                self._epoch = ms >> EPOCH_BITS
                self._epoch_text = encode_pairs(self._epoch, 3)
            self._head = self._epoch_text + PAIRS[(ms >> 10) & PAIR_MASK] + PAIRS[ms & PAIR_MASK] + self._noise
            self._counter = self._random.getrandbits(COUNTER_BITS - 1)
        self._counter = count = self._counter + 1
        return (
            self._head + PAIRS[(count >> 20) & PAIR_MASK] + PAIRS[(count >> 10) & PAIR_MASK] + PAIRS[count & PAIR_MASK]
        )


class NaiveStamps:
    """`2026-11-23T20:11:12.413308` from seconds since 1970; the part up to the second is made once a second."""

    __slots__ = ("_prefix", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._prefix = b""

    def micros(self, now_s: float) -> bytes:
        """Return the stamp with six digits of fraction and no offset, as in pushes."""
        second = int(now_s)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%b.%06d" % (self._prefix, int((now_s - second) * 1_000_000))

    def seconds(self, now_s: float) -> str:
        """Return the stamp in whole seconds, as in replay, webhooks and REST resources."""
        return self.micros(now_s)[:SECONDS_CHARS].decode()
