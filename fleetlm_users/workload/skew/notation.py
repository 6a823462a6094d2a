"""The notation for how unevenly a load is spread over the sessions: `zipf:1.1`."""

import math
import re
from typing import Final

import msgspec

from fleetlm_users.errors import UsageError

EXAMPLE: Final = "zipf:1.1"
MOST_EXPONENT: Final = 3.0
FORM: Final = f"zipf:EXPONENT, with an exponent of 0 (all alike) to {MOST_EXPONENT:g}"

_ZIPF: Final = re.compile(r"zipf\s*:\s*(?P<exponent>[0-9]{1,3}(?:\.[0-9]{1,12})?)", re.IGNORECASE)


class Skew(msgspec.Struct, frozen=True):
    """Zipf's law: the r-th busiest session gets messages at a rate proportional to 1 / r ** exponent."""

    exponent: float

    def __str__(self) -> str:
        return f"zipf:{self.exponent:g}"

    def weight(self, rank: int) -> float:
        """Return the weight of a session by its rank, from 1."""
        return math.pow(rank, -self.exponent)


def parse_skew(text: str, what: str) -> str:
    """Return a skew in its canonical form, `zipf:1.1`; `what` is the setting that an error names. Raise UsageError."""
    return str(_skew(text, what))


def skew_of(text: str) -> Skew:
    """Return the skew of a text that `parse_skew` returned."""
    return _skew(text, "skew")


def _skew(text: str, what: str) -> Skew:
    match = _ZIPF.fullmatch(text.strip())
    if match is None or not float(match["exponent"]) <= MOST_EXPONENT:
        raise UsageError(what, text, FORM, EXAMPLE)
    return Skew(float(match["exponent"]))
