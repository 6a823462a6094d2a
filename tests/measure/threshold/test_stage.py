"""Thresholds on one stage of a run."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.thresholds import judge, not_bounded, parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.totals import Totals


def totals():
    """100 appends of 10 ms in the ramp, 100 of 500 ms at the peak; 2 lost there, 3 in the warm-up."""
    ledger = Ledger(DEFAULT, "e", "w")
    for phase, latency_us in (("main:ramp", 10_000), ("main:peak", 500_000)):
        for _ in range(100):
            ledger.trend("append_latency_ms", "burst", phase).add(latency_us)
        ledger.count("messages_sent", "burst", phase, n=100)
    ledger.count("messages_lost", "burst", "main:peak", n=2)
    ledger.count("messages_lost", "burst", "warm_up", n=3)
    return Totals(DEFAULT, [ledger.snapshot(1, True, 10.0)])


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("append_latency_ms{stage:ramp}: p(95)<300", pytest.approx(10, rel=0.002)),
        ("append_latency_ms{stage:peak}: p(95)<300", pytest.approx(500, rel=0.002)),
        ("append_latency_ms{scenario:burst,stage:peak}: avg<300", pytest.approx(500, rel=0.002)),
        ("append_latency_ms{stage:other}: avg<300", None),
        ("messages_lost{stage:peak}: count<2", 2),
        ("messages_lost{stage:ramp}: count<2", 0),
        ("messages_lost: count<2", 2),
        ("append_latency_ms: avg<300", pytest.approx(255, rel=0.002)),
    ],
)
def test_a_stage_is_judged_by_what_was_due_in_it(text, measured):
    """Together, the stages are the main phase."""
    (threshold,) = parse_thresholds([text])
    assert str(threshold) == text
    (judgement,) = judge([threshold], totals(), 10.0)
    assert judgement.measured == measured


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("append_latency_ms{busiest}: p(95)<300", pytest.approx(500, rel=0.002)),
        ("append_latency_ms{scenario:burst,rest}: p(95)<300", pytest.approx(10, rel=0.002)),
        ("messages_sent{busiest}: count>0", 100),
    ],
)
def test_the_busiest_sessions_are_judged_by_what_was_due_on_them(text, measured):
    """These are a part of the main phase, which they and the rest make up."""
    ledger = Ledger(DEFAULT, "e", "w")
    for phase, latency_us in (("main:rest", 10_000), ("main:busiest", 500_000)):
        for _ in range(100):
            ledger.trend("append_latency_ms", "burst", phase).add(latency_us)
        ledger.count("messages_sent", "burst", phase, n=100)
    (threshold,) = parse_thresholds([text])
    assert str(threshold) == text
    (judgement,) = judge([threshold], Totals(DEFAULT, [ledger.snapshot(1, True, 10.0)]), 10.0)
    assert judgement.measured == measured


@pytest.mark.parametrize(
    "text",
    [
        "append_latency_ms{calm}: avg<3",
        "append_latency_ms{busiest}[10s]: avg<3",
        "append_latency_ms{busiest,rest}: avg<3",
        "active_connections{busiest}: value<3",
        "append_latency_ms{stage:}: avg<3",
        "append_latency_ms{}: avg<3",
        "append_latency_ms{stage:a,scenario:b}: avg<3",
        "append_latency_ms{stage:peak}[10s]: avg<3",
        "active_connections{stage:peak}: value<3",
        "messages_lost{stage:peak}: rate<3",
        "server.memory_bytes{stage:peak}: max<3",
    ],
)
def test_what_no_stage_can_be_judged_by_is_refused(text):
    """The error is a sentence."""
    with pytest.raises(UsageError):
        parse_thresholds([text])


def test_a_threshold_on_a_stage_takes_no_default_away():
    """Nor does it bound the whole run."""
    default = parse_thresholds(["append_latency_ms: avg<3"])
    assert not_bounded(default, parse_thresholds(["append_latency_ms{stage:peak}: avg<3"])) == default
