"""Check an encoded trend (Trend.encode) without decoding it: at half the cost, and with bounded memory.

Decoding trusts its input: 1 kB of deflated zeros becomes 1 MB, a histogram of another precision passes for ours bucket
by bucket, and the exact figures in the header need not match the histogram.
"""

import ctypes
import struct
import zlib
from typing import Any, Final

from hdrh.codec import PayloadHeader, get_encoding_cookie, payload_header_size
from pyhdrh import decode as decode_counts

from fleetlm_users.measure.histogram_buckets import DIGITS, MAX_US, fine_index

HEADER: Final = struct.Struct(">qqqqqq")  # count, sum, minimum, maximum, clamped, negative
MAX_ENCODED_BYTES: Final = 1 << 20
MAX_BUCKETS: Final = fine_index(MAX_US) + 1
MAX_INFLATED_BYTES: Final = payload_header_size + 9 * (MAX_BUCKETS + 1)
"""The most bytes after inflation: a counter takes at most nine (HdrHistogram's ZigZag encoding)."""

MAX_SAMPLES: Final = 2**53
_COUNTS: Final = ctypes.c_ulonglong * MAX_BUCKETS


def check_trend(encoded: Any) -> None:
    """Raise ValueError unless a trend wrote these bytes, or could have."""
    if not isinstance(encoded, bytes) or not HEADER.size <= len(encoded) <= MAX_ENCODED_BYTES:
        raise ValueError(f"not {HEADER.size} to {MAX_ENCODED_BYTES:,} bytes")
    count, sum_us, low_us, high_us, clamped, negative = HEADER.unpack_from(encoded)
    if not (0 <= clamped <= count <= MAX_SAMPLES and 0 <= negative <= MAX_SAMPLES):
        raise ValueError("counts that cannot be")
    if not count:
        if len(encoded) > HEADER.size or sum_us:
            raise ValueError("a histogram without samples")
        return
    if not (0 <= low_us <= high_us <= MAX_US and count * low_us <= sum_us <= count * high_us):
        raise ValueError("figures that contradict each other")
    content = _counted(_inflated(encoded[HEADER.size :]))
    if content != (count, fine_index(low_us), fine_index(high_us)):
        raise ValueError("figures that are not those of the histogram")


def _inflated(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(payload, MAX_INFLATED_BYTES)
    except zlib.error as problem:
        raise ValueError(str(problem)) from problem
    if not inflater.eof or inflater.unused_data:
        raise ValueError("a histogram that is cut short or too long")
    return content


def _counted(payload: bytes) -> tuple[int, int, int]:
    """Return the number of samples, the first and the last bucket of an inflated histogram."""
    if len(payload) < payload_header_size:
        raise ValueError("a histogram without a head")
    head = PayloadHeader.from_buffer_copy(payload)
    geometry = (head.cookie, head.significant_figures, head.lowest_trackable_value, head.highest_trackable_value)
    if geometry != (get_encoding_cookie(), DIGITS, 1, MAX_US):
        raise ValueError("a histogram of another precision or range")
    counts = _COUNTS()
    try:
        content = decode_counts(payload, payload_header_size, ctypes.addressof(counts), MAX_BUCKETS, 8)
    except (ValueError, OverflowError, IndexError) as problem:
        raise ValueError(str(problem)) from problem
    return content["total"], content["min_nonzero_index"], content["max_nonzero_index"]
