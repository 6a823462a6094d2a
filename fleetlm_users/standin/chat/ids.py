"""Ids and time stamps as FleetLM prints them; the wall clock is given by the caller.

Sources: ULID spec (github.com/ulid/spec: 48 bits of ms, 80 random bits, Crockford base 32) for the early protocol;
RFC 9562 §5.7 (UUIDs of version 7: 48 bits of ms, 74 random bits) in URL-safe base64 for the late one, as its record
shows them; Elixir NaiveDateTime has no offset.
"""

import random
import time

ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PAIR_BITS = 10
PAIR_MASK = (1 << PAIR_BITS) - 1
EPOCH_BITS = 20  # the characters above these change only every 17 minutes
COUNTER_BITS = 30  # the last six characters count upwards within one millisecond
ULID_CHARS = 26
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
BASE64_BITS = 6
UUID_COUNTER_BITS = 24  # the four characters before the last
STAMP_CHARS = 26  # "2026-11-23T20:11:12.413308"
SECONDS_CHARS = 19  # "2026-11-23T20:09:07"
STORED_SHUFFLE = slice(25, 9, -1)  # the random part reversed: another id of the same millisecond
UUID_SHUFFLE = slice(20, 10, -1)  # the same for a UUID; the characters around it hold version, variant and padding

PAIRS = [bytes((high, low)) for high in ALPHABET for low in ALPHABET]
BASE64_PAIRS = [bytes((high, low)) for high in BASE64 for low in BASE64]


def encode_pairs(number: int, pairs: int) -> bytes:
    """Return the lowest `pairs` × 10 bits of `number` in Crockford base 32, two characters per pair."""
    return b"".join(PAIRS[(number >> shift) & PAIR_MASK] for shift in range((pairs - 1) * PAIR_BITS, -1, -PAIR_BITS))


def stored_id(pushed: bytes) -> bytes:
    """Return the other id of a pushed message: FleetLM makes two for one message (wire records)."""
    if len(pushed) != ULID_CHARS:
        return pushed[: UUID_SHUFFLE.stop + 1] + pushed[UUID_SHUFFLE] + pushed[UUID_SHUFFLE.start + 1 :]
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


def encode_base64(number: int, characters: int) -> bytes:
    """Return the lowest `characters` × 6 bits of `number` in URL-safe base64."""
    shifts = range((characters - 1) * BASE64_BITS, -1, -BASE64_BITS)
    return bytes(BASE64[(number >> shift) & 0x3F] for shift in shifts)


class UuidMaker:
    """UUIDs of version 7 in URL-safe base64, 22 characters, made as fast as ULIDs.

    Of the random bits all but 24 are drawn once per maker; those count upwards from a random start in each millisecond.
    """

    __slots__ = ("_counter", "_head", "_ms", "_noise", "_random", "_tail")

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._ms = -1
        self._head = b""
        drawn = self._random.getrandbits
        version, variant = 0b0111 << 8 | drawn(8), drawn(4) << 2 | 0b10
        self._noise = encode_base64(version, 2) + encode_base64(variant, 1) + encode_base64(drawn(36), 6)
        self._tail = encode_base64(drawn(2) << 4, 1)
        self._counter = 0

    def make(self, now_s: float) -> bytes:
        """Return a new id for the wall-clock moment `now_s` (seconds since 1970)."""
        ms = int(now_s * 1000)
        if ms != self._ms:
            self._ms = ms
            self._head = encode_base64(ms, 8) + self._noise
            self._counter = self._random.getrandbits(UUID_COUNTER_BITS - 1)
        self._counter = count = self._counter + 1
        return self._head + BASE64_PAIRS[(count >> 12) & 0xFFF] + BASE64_PAIRS[count & 0xFFF] + self._tail


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
