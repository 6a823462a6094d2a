"""Since when a latency was beyond its bound: from where a stretch of the run mostly is, and not from an odd second."""

import pytest

from fleetlm_users.measure.report.content.onset import onset_s
from tests.cli.summaries import threshold

MISSED = threshold("append_latency_ms: p(95)<100", 300.0, False)
CALM, SLOW = 50.0, 300.0


def seconds(values, column="append_p95_ms"):
    return [{"second": second, column: value} for second, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "began_s"),
    [
        ([CALM] * 70 + [SLOW] * 50, 70),
        ([SLOW] * 120, 5),  # from the beginning of what is judged
        ([CALM] * 20 + [SLOW] + [CALM] * 40 + [SLOW] * 30, 61),
        ([CALM] * 30 + [SLOW, CALM, SLOW, SLOW] * 10, 30),
        ([CALM] * 20 + [SLOW] * 15 + [CALM] * 60, 20),
        ([SLOW] + [CALM] * 20 + [SLOW] + [CALM] * 20, None),
        ([CALM] * 60, None),
        ([None] * 30 + [SLOW, None, SLOW, None, SLOW] + [None] * 20, 30),
        ([None] * 30 + [SLOW, SLOW], None),
        ([], None),
    ],
)
def test_it_is_where_a_stretch_begins(values, began_s):
    """Seconds without samples say nothing; the warm-up of five seconds is not judged."""
    assert onset_s(MISSED, seconds(values), 5.0) == began_s


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"metric": "agent_latency_ms"}, "agent_p95_ms"),
        ({"condition": "p(99.9)<100"}, "append_p99_ms"),
        ({"condition": "avg<100"}, "append_p50_ms"),
        ({"condition": "max<=100"}, "append_max_ms"),
    ],
)
def test_each_figure_has_its_column(changed, column):
    """Or the next one below."""
    assert onset_s(MISSED | changed, seconds([CALM] * 20 + [SLOW] * 20, column), 0.0) == 20


@pytest.mark.parametrize(
    "changed",
    [
        {"scenario": "burst"},
        {"window_s": 10},
        {"stage": "peak"},
        {"metric": "own_ms"},
        {"metric": "message_success_rate", "condition": "rate>0.9"},
    ],
)
def test_where_the_seconds_do_not_tell_nothing_is_said(changed):
    """They are of all scenarios and of the known latencies."""
    assert onset_s(MISSED | changed, seconds([SLOW] * 40), 0.0) is None
