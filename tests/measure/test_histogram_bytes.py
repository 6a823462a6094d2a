"""A trend's bytes from another process are checked before they are decoded, at a bounded cost."""

import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.histogram_buckets import MAX_US
from fleetlm_users.measure.histogram_bytes import HEADER, check_trend
from tests.mutations import cut

VALUES = [30, 1_000, 1_001, 250_000]


def trend(values):
    made = Trend()
    for value in values:
        made.add(value)
    return made


ENCODED = trend(VALUES).encode()
PAYLOAD = zlib.decompress(ENCODED[HEADER.size :])


def header(**changed):
    names = ("count", "sum_us", "low_us", "high_us", "clamped", "negative")
    figures = dict(zip(names, HEADER.unpack_from(ENCODED), strict=True)) | changed
    return HEADER.pack(*figures.values()) + ENCODED[HEADER.size :]


def payload(content):
    return ENCODED[: HEADER.size] + zlib.compress(content)


@given(st.lists(st.integers(-5, MAX_US + 5), max_size=30))
def test_what_a_trend_wrote_passes(values):
    """Clamped and negative values, and none at all, included."""
    check_trend(trend(values).encode())


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        (None, "bytes"),
        ("text", "bytes"),
        (b"garbage", "bytes"),
        (ENCODED + b"x" * (1 << 20), "bytes"),
        (struct.pack(">qqqqqq", 1000, 10, 1, 2, 0, 0), "contradict"),
        (struct.pack(">qqqqqq", 1, 1, 1, 1, 0, 0), ""),
        (struct.pack(">qqqqqq", 0, 7, MAX_US, 0, 0, 0), "without samples"),
        (header(count=-1), "cannot be"),
        (header(count=0), "without samples"),
        (header(count=5), "not those of the histogram"),
        (header(high_us=MAX_US), "not those of the histogram"),
        (header(low_us=0), "not those of the histogram"),
        (header(low_us=-5), "contradict"),
        (header(sum_us=-1), "contradict"),
        (header(clamped=9), "cannot be"),
        (header(negative=-9), "cannot be"),
        (ENCODED[:-4], "cut short"),
        (ENCODED + b"more", "too long"),
        (payload(PAYLOAD[:20]), "without a head"),
        (payload(PAYLOAD[:12] + b"\0\0\0\5" + PAYLOAD[16:]), "another precision"),
        (payload(PAYLOAD[:40] + b"\x01" * 30_000), ""),
        (payload(PAYLOAD[:40] + b"\xff" * 20), ""),
        (payload(bytes(20 << 20)), "too long"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(encoded, words):
    """That includes bytes that would inflate to 20 MB."""
    with pytest.raises(ValueError, match=words or None):
        check_trend(encoded)


def test_what_passes_can_be_decoded():
    """Damaged bytes are refused, or the damage did none."""
    for seed in range(300):
        damaged = cut(ENCODED, seed)
        try:
            check_trend(damaged)
        except ValueError:
            continue
        assert Trend.decode(damaged).count == len(VALUES)


@given(st.binary(max_size=200), st.booleans())
def test_decoding_raises_value_errors_only(content, is_compressed):
    """Its docstring says so."""
    with contextlib.suppress(ValueError):
        Trend.decode(ENCODED[: HEADER.size] + (zlib.compress(content) if is_compressed else content))
