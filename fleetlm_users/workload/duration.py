"""Durations as people write them, to seconds and back."""

import math
import re
from fractions import Fraction
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.units import S_PER_HOUR

ACCEPTED: Final = "a duration"
EXAMPLE: Final = "90s, 2m or 1h"
MAX_S: Final = 10_000.0 * S_PER_HOUR  # over a year: anything longer is a typing slip, and timers overflow

_LONGEST_TEXT: Final = 400  # room for the exact text of every float; Python refuses to convert thousands of digits
_NUMBER: Final = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_BARE: Final = re.compile(_NUMBER)
_PARTS: Final = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?")
_SECONDS_PER_PART: Final = (Fraction(S_PER_HOUR), Fraction(60), Fraction(1), Fraction(1, 1000))


def parse_duration(text: str, what: str) -> float:
    """Return the seconds that `text` says; `what` names the setting in the error.

    Raises UsageError for anything else, negative and empty texts and more than 10,000 hours included.
    """
    trimmed = text.strip()
    seconds = _seconds(trimmed) if 0 < len(trimmed) <= _LONGEST_TEXT else None
    if seconds is None or seconds > MAX_S:
        accepted = ACCEPTED if seconds is None else f"a duration of at most {MAX_S / S_PER_HOUR:,.0f} hours"
        raise UsageError(what, text, accepted, EXAMPLE)
    return float(seconds)


def format_duration(duration_s: float) -> str:
    """Return the shortest exact text of a duration, its parts carried over as people do: `2m`, `1m30s`, `500ms`.

    `parse_duration` gives the same float back. Raises ValueError for a negative or non-finite duration.
    """
    if not math.isfinite(duration_s) or duration_s < 0:
        raise ValueError(f"not a duration: {duration_s!r} s")
    # repr is the shortest decimal that gives the same float, so decimal arithmetic on it is exact
    exact = Fraction(repr(duration_s))
    if 0 < exact < 1:
        return f"{_decimal(exact * 1000)}ms"
    minutes, seconds = divmod(exact, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(str(hours), "h"), (str(minutes), "m"), (_decimal(seconds), "s")]
    return "".join(number + unit for number, unit in parts if number != "0") or "0s"


def _seconds(text: str) -> Fraction | None:
    """Return the exact seconds, None if the text is no duration. Fractions make 1.1s + 100ms exactly 1.2 s."""
    bare = _BARE.fullmatch(text)
    if bare:
        return Fraction(bare[1])
    parts = _PARTS.fullmatch(text)
    if not parts:
        return None
    amounts = zip(parts.groups(), _SECONDS_PER_PART, strict=True)
    return sum((Fraction(number) * factor for number, factor in amounts if number), Fraction())


def _decimal(value: Fraction) -> str:
    """Return a fraction that ends in decimal notation, without exponent and without trailing zeros."""
    whole, rest = divmod(value, 1)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{whole}.{digits}" if digits else str(whole)
