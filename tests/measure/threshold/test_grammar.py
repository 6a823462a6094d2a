"""Windows, units and figures of the server in thresholds; the rest is in tests/measure/judging/test_thresholds.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.threshold.grammar import MAX_WINDOW_S, parse_thresholds

OPERATORS = st.sampled_from(["<", "<=", ">", ">="])
NUMBERS = st.integers(0, 10**6).map(str) | st.decimals(0, 1000, places=2).map(str)
SUBJECTS = st.sampled_from(
    [
        ("append_latency_ms", ("p(95)", "avg", "med", "min", "max", "p(99.9)"), ("", "ms", "s", "min", "us")),
        ("messages_lost", ("count",), ("",)),
        ("messages_sent", ("rate",), ("", "/s", "/min", "/h")),
        ("message_success_rate", ("rate",), ("", "%")),
    ]
)
SERVER = st.sampled_from(
    [
        ("server.memory_bytes", ("value", "avg", "min", "max"), ("", "kB", "MiB", "GiB")),
        ("server.api.memory_bytes", ("growth",), ("", "MiB/h", "kB/min", "B/s", "GiB/d")),
        ('server.jobs{queue="a,b"}', ("value",), ("",)),
        ("server.pid-7.cpu_percent", ("max", "avg"), ("", "%")),
    ]
)


@st.composite
def texts(draw):
    """Thresholds as a person may write them."""
    is_of_server = draw(st.booleans())
    metric, aggregations, units = draw(SERVER if is_of_server else SUBJECTS)
    place = ""
    if not is_of_server:
        place += draw(st.sampled_from(["", "{scenario:burst}"]))
        place += draw(st.just("") | st.integers(2, MAX_WINDOW_S).map(lambda length_s: f"[{length_s}s]"))
    condition = draw(st.sampled_from(aggregations)) + draw(OPERATORS) + draw(NUMBERS) + draw(st.sampled_from(units))
    return f"{metric}{place}: {condition}"


@given(texts())
def test_what_a_threshold_says_of_itself_is_read_back(text):
    """The same promise: subject, window, condition, and a bound in its base unit."""
    (threshold,) = parse_thresholds([text])
    assert parse_thresholds([str(threshold)]) == [threshold]


@pytest.mark.parametrize(
    ("text", "window_s"),
    [("append_latency_ms[60s]: avg<1", 60), ("append_latency_ms [ 5 m ] : avg<1", 300),
     ("append_latency_ms[1h]: avg<1", 3600),
     ("append_latency_ms{scenario:burst}[90]: avg<1", 90), ("append_latency_ms: avg<1", None)],
)  # fmt: skip
def test_windows(text, window_s):
    """They are in seconds, minutes or hours, after the scenario."""
    (threshold,) = parse_thresholds([text])
    assert threshold.window_s == window_s
    assert threshold.metric == "append_latency_ms"


@pytest.mark.parametrize(
    ("text", "bound", "unit"),
    [
        ("append_latency_ms: p(95)<1.5s", 1500, "ms"),
        ("server.memory_bytes: growth<20MiB/h", 20 * 2**20, "bytes/h"),
        ("server.memory_bytes: max<2GiB", 2**31, "bytes"),
        ("server.cpu_percent: avg<80%", 80, "%"),
        ("message_success_rate: rate>95%", 0.95, "fraction"),
        ("messages_sent: rate>600/min", 10, "1/s"),
        ("server.http_request_duration_seconds: max<250ms", 0.25, "s"),
    ],
)
def test_bounds_are_in_the_unit_of_what_is_measured(text, bound, unit):
    """Exactly."""
    (threshold,) = parse_thresholds([text])
    assert (threshold.bound, threshold.unit) == (bound, unit)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("append_latency_ms: p(95)<5MiB", "a number with or without a unit: us, µs, ms, s, min"),
        ("server.memory_bytes: growth<20MiB", "with /s, /min, /h, /d"),
        ("server.memory_bytes: max<20MiB/h", "a number with or without a unit: B, kB"),
        ("server.memory_bytes: p(95)<5", "for a figure of the server: value, avg, min, max, growth"),
        ("server.memory_bytes: growth==0", "<, <=, >, >="),
        ("server.memory_bytes[60s]: max<5", "without a window"),
        ("server.a.b.c: max<5", "server.SOURCE.NAME"),
        ("active_connections[60s]: max<5", "gauges have none"),
        ("append_latency_ms[1s]: avg<5", "a window of 2 s to a day"),
        ("append_latency_ms[2d]: avg<5", "a window in seconds, minutes or hours"),
        ("append_latency_ms[60s: avg<5", "a window in seconds, minutes or hours"),
        ("messages_lost: count<5s", "a number without a unit"),
    ],
)
def test_a_mistake_is_reported_with_what_would_be_right(text, told):
    """The error has words and an example."""
    with pytest.raises(UsageError) as caught:
        parse_thresholds([text])
    assert told in str(caught.value)
