"""Numbers read the same everywhere, and rounding never turns almost into all."""

import pytest

from fleetlm_users.measure import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.4125, "0.412"), (12.345, "12.35"), (951.24, "951.2"), (1234.5, "1,234.5"), (12345.6, "12,346")],
)
def test_milliseconds_have_about_four_digits(value, text):
    """More would be noise, fewer would hide a server that answers in under 1 ms."""
    assert formatting.ms(value) == text
    assert formatting.ms_aligned(value).rstrip() == text


def test_points_stand_below_each_other():
    """A column is read from its points."""
    texts = [formatting.ms_aligned(value).rjust(12) for value in (0.4125, 12.345, 951.24)]
    assert len({text.index(".") for text in texts}) == 1
    assert formatting.ms_aligned(12345.0).rjust(12).rstrip().endswith("5")


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (None, "–"),
        (1.0, "100.00 %"),
        (0.99999, "> 99.99 %"),
        (0.00001, "< 0.01 %"),
        (0.0, "0.00 %"),
        (0.8334, "83.34 %"),
    ],
)
def test_all_and_nothing_are_never_rounded_to(fraction, text):
    """100 % means every one."""
    assert formatting.percent(fraction) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (45, "45s"), (59.7, "1m00s"), (125, "2m05s"), (3725, "1h02m")]
)
def test_durations(seconds, text):
    """Two units at most."""
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (512, "512 B"), (80e6, "76 MiB"), (8 * 2**30, "8.00 GiB"), (2048, "2 KiB")]
)
def test_bytes(value, text):
    """Binary units, as memory is counted."""
    assert formatting.bytes_(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0.00/s"),
        (0.5, "0.50/s"),
        (58.04, "58.0/s"),
        (1234.5, "1,234/s"),
        (1 / 600, "0.0017/s"),
        (1 / 86_400, "0.000012/s"),
    ],
)
def test_events_a_second(value, text):
    """Few events get more digits: one a day is not shown as none."""
    assert formatting.per_s(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "no samples"),
        (1.47, "ms", "1.470 ms"),
        (0.81, "fraction", "81.00 %"),
        (12.5, "1/s", "12.5/s"),
        (93.25, "%", "93.2 %"),
        (80e6, "bytes", "76 MiB"),
        (1234, "count", "1,234"),
        (2.5, "count", "2.5"),
    ],
)
def test_a_measured_value_has_its_unit(value, unit, text):
    """It is the threshold's unit."""
    assert formatting.measured(value, unit) == text


def test_what_is_not_known_has_no_unit():
    """A percentile of too few samples."""
    assert [formatting.ms_with_unit(value) for value in (None, 0.4121)] == ["–", "0.412 ms"]


def test_count_and_marks():
    """Thousands are separated; what had nothing to judge is not shown as kept."""
    assert (formatting.count(None), formatting.count(1234567)) == ("–", "1,234,567")
    entries = [(True, True, 1.0), (False, True, 1.0), (False, False, None), (False, True, None), (True, True, None)]
    shown = [formatting.mark({"too_few": few, "ok": ok, "measured": measured}) for few, ok, measured in entries]
    assert shown == ["?", "✓", "✗", "–", "?"]
