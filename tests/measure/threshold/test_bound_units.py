"""Units of bounds: exact where they fit, refused with those that do where they do not."""

from fractions import Fraction

import pytest

from fleetlm_users.measure.threshold.bound_units import accepted_units, scale_of


@pytest.mark.parametrize(
    ("written", "unit", "scale"),
    [
        ("", "ms", 1), ("s", "ms", 1000), ("us", "ms", Fraction(1, 1000)), ("min", "ms", 60_000),
        ("ms", "s", Fraction(1, 1000)),
        ("kB", "bytes", 1000), ("MiB", "bytes", 2**20), ("GiB", "bytes", 2**30),
        ("MiB/h", "bytes/h", 2**20), ("MiB / min", "bytes/h", 60 * 2**20), ("kB/d", "bytes/h", Fraction(1000, 24)),
        ("%", "%", 1), ("%/h", "%/h", 1), ("%", "fraction", Fraction(1, 100)),
        ("/s", "1/s", 1), ("/min", "1/s", Fraction(1, 60)), ("/h", "count/h", 1), ("/s", "count/h", 3600),
    ],
)  # fmt: skip
def test_units_that_fit(written, unit, scale):
    """They convert to the figure's own unit without rounding."""
    assert scale_of(written, unit) == scale


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("MiB", "ms"), ("ms", "bytes"), ("mib", "bytes"), ("MiB/h", "bytes"), ("MiB", "bytes/h"),
        ("MiB/week", "bytes/h"),
        ("%", "count"), ("/h", "bytes/h"), ("/h", "ms"), ("h", "count"), ("s/s", "ms"),
    ],
)  # fmt: skip
def test_units_that_do_not(written, unit):
    """They belong to another figure, to none, or are per time where the figure is not."""
    assert scale_of(written, unit) is None


@pytest.mark.parametrize(
    ("unit", "word"), [("ms", "us"), ("bytes/h", "MiB"), ("count", "without a unit"), ("1/s", "/min"), ("%", "%")]
)
def test_those_that_fit_are_named(unit, word):
    """The error names them for whoever wrote another."""
    assert word in accepted_units(unit)
