"""The bucket of a value in a histogram: HdrHistogram's layout for 1 µs and 3 digits, and a coarse one for charts.

Both are log-linear: below `2 * half` every integer has its own bucket, above it each octave has `half` buckets.
Source: HdrHistogram, `AbstractHistogram.countsArrayIndex` (unit magnitude 0), restated for speed and tested against it.
"""

from typing import Final

MAX_US: Final = 3_600_000_000  # one hour: longer durations are not distinguished
DIGITS: Final = 3  # HDR significant digits: a value is known to 0.1 %

_FINE_BITS: Final = 10  # 1,024 buckets an octave: what HDR needs for 3 digits
_COARSE_BITS: Final = 4  # 16 buckets an octave: a midpoint is within 3.2 % of every value in its bucket
FINE_SHIFT: Final = _FINE_BITS + 1
COARSE_SHIFT: Final = _COARSE_BITS + 1


def fine_index(value_us: int) -> int:
    """Return the index of a value from 0 to MAX_US in an HdrHistogram's counts."""
    octave = value_us.bit_length() - FINE_SHIFT
    return value_us if octave <= 0 else (octave << _FINE_BITS) + (value_us >> octave)


def fine_high(index: int) -> int:
    """Return the highest value in µs of the bucket `index`, which HDR reports for the bucket."""
    return _low(index, _FINE_BITS) + _width(index, _FINE_BITS) - 1


def fine_low(index: int) -> int:
    """Return the lowest value in µs of the bucket `index`."""
    return _low(index, _FINE_BITS)


def coarse_index(value_us: int) -> int:
    """Return the coarse bucket of a value in µs."""
    octave = value_us.bit_length() - COARSE_SHIFT
    return value_us if octave <= 0 else (octave << _COARSE_BITS) + (value_us >> octave)


def coarse_bounds(index: int) -> tuple[int, int]:
    """Return the lowest and the highest value in µs of a coarse bucket, both inclusive."""
    low = _low(index, _COARSE_BITS)
    return low, low + _width(index, _COARSE_BITS) - 1


def _octave(index: int, bits: int) -> int:
    return max((index >> bits) - 1, 0)


def _low(index: int, bits: int) -> int:
    octave = _octave(index, bits)
    return (index - (octave << bits)) << octave


def _width(index: int, bits: int) -> int:
    return 1 << _octave(index, bits)
