"""How long a client waits before it connects or joins again: the official client's tables, or custom ones. Pure.

phoenix.js (1.8.1, assets/js/phoenix/socket.js) connects again after `[10, 50, 100, 150, 200, 250, 500, 1000, 2000]` ms
and every 5000 ms from then on, and joins again on an open socket after `[1000, 2000, 5000]` and then 10000 ms. It
returns to the first entry once the socket has opened or the channel has been joined.
"""

import math
import random
from typing import Final

import msgspec

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.duration import format_duration, parse_duration

PHOENIX: Final = "phoenix"
"""The word for the official client's own table."""

MAX_STEPS: Final = 50
LONGEST_S: Final = 3600.0
FORM: Final = "phoenix, or up to 50 durations with commas, the last one repeated"
EXAMPLE: Final = "10ms,1s,5s"


class BackOff(msgspec.Struct, frozen=True):
    """The waits in seconds before the first attempt, the second, and so on; the last one is repeated."""

    waits_s: tuple[float, ...]

    def __str__(self) -> str:
        """Return the notation that the option accepts."""
        return ",".join(map(format_duration, self.waits_s))

    def wait_s(self, failures: int, jitter: random.Random | None = None) -> float:
        """Return the wait before the next attempt.

        Args:
            failures: Attempts that have failed since it last succeeded, 0 right after the connection broke.
            jitter: Draws the wait evenly from 0 to the table's ("full jitter"); None takes the table's own.
        """
        wait_s = self.waits_s[min(failures, len(self.waits_s) - 1)]
        return wait_s if jitter is None else jitter.random() * wait_s


RECONNECT: Final = BackOff((0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0))
"""phoenix.js: reconnectAfterMs."""

REJOIN: Final = BackOff((1.0, 2.0, 5.0, 10.0))
"""phoenix.js: rejoinAfterMs."""


def parse_back_off(text: str, own: BackOff, what: str) -> BackOff:
    """Return the waits that a text describes.

    Args:
        text: `phoenix`, or durations such as `10ms,1s,5s`.
        own: The official client's table.
        what: The setting that an error names.

    Raises:
        UsageError: It is neither, or a wait is longer than an hour, or the last one, which is repeated, is 0.
    """
    if text.strip().lower() == PHOENIX:
        return own
    pieces = [piece.strip() for piece in text.split(",")]
    if len(pieces) > MAX_STEPS or not all(pieces):
        raise UsageError(what, text, FORM, EXAMPLE)
    try:
        waits_s = tuple(parse_duration(piece, what) for piece in pieces)
    except UsageError as problem:
        raise UsageError(what, text, FORM, EXAMPLE) from problem
    if max(waits_s) > LONGEST_S or not math.isfinite(sum(waits_s)):
        raise UsageError(what, text, "waits of at most an hour", EXAMPLE)
    if not waits_s[-1]:
        raise UsageError(what, text, "a last wait above 0, as it is repeated for as long as it takes", EXAMPLE)
    return BackOff(waits_s)


def jitter_of(seed: int, user: int) -> random.Random:
    """Return the generator of a user's jitter: the same for the same seed and user, in every layout."""
    return random.Random(f"{seed}:reconnect-jitter:{user}")
