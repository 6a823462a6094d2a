"""Durations are read as people write them and written so that reading gives the same number."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import quote
from fleetlm_users.workload.duration import MAX_S, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("2m", 120),
        ("1h", 3600),
        ("1h20m30s", 4830),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("45", 45),
        ("0", 0),
        (" 10s ", 10),
        ("1.5h", 5400),
        ("1m500ms", 60.5),
        ("1.1s100ms", 1.2),
        ("10000h", MAX_S),
    ],
)
def test_accepted_forms(text, seconds):
    """Every documented form gives its seconds, exactly."""
    assert parse_duration(text, "--duration") == seconds


@pytest.mark.parametrize("text", ["10001h", "36000001", "9" * 399])
def test_a_duration_that_is_too_long_says_so(text):
    """Over a year is a typing slip."""
    with pytest.raises(UsageError, match="expected a duration of at most 10,000 hours, for example 90s, 2m or 1h"):
        parse_duration(text, "--duration (DURATION)")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-5s", "nan", "inf", "1e3", "5 s", "s", "ms", "1s1m", "1m1m", "1m30", "2M", "1,5s", "٣s", "5d"),
        *("9" * 5000, "1.s", "1h h", "5ms3s", "+5s", "0x10"),
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    """The error names the setting, the value, the accepted form and valid examples."""
    with pytest.raises(UsageError) as raised:
        parse_duration(text, "--duration (DURATION)")
    assert str(raised.value) == (
        f"invalid value {quote(text)} for --duration (DURATION): expected a duration such as 90s, 2m or 1h"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0s"), (120, "2m"), (90, "1m30s"), (3600, "1h"), (4830, "1h20m30s"), (0.5, "500ms"), (1.5, "1.5s")),
        *((60.25, "1m0.25s"), (3600.5, "1h0.5s"), (1e-7, "0.0001ms"), (0.1, "100ms"), (86400, "24h")),
    ],
)
def test_written_as_people_do(seconds, text):
    """Zero parts are left out and nothing is rounded."""
    assert format_duration(seconds) == text


@given(st.floats(0, MAX_S))
def test_every_duration_survives_writing_and_reading(seconds):
    """Reports show exact durations: a printed one can be given back."""
    assert parse_duration(format_duration(seconds), "x") == seconds


@given(st.text())
def test_any_text_is_a_duration_or_a_usage_error(text):
    """No other exception reaches a person."""
    with suppress(UsageError):
        assert 0 <= parse_duration(text, "x") <= MAX_S


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_what_is_no_duration_is_not_written(seconds):
    """A negative or endless duration is a mistake of the caller."""
    with pytest.raises(ValueError, match="not a duration"):
        format_duration(seconds)
