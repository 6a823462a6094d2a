"""The thresholds of a run: the preset's, the given ones over them, none that this run could not judge."""

from dataclasses import replace

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.coordinator.run_thresholds import rules_of
from tests.swarm.samples import benchmark, options

PRESET = (
    "append_latency_ms: p(95)<1000",
    "message_success_rate: rate>0.90",
    "agent_reply_rate: rate>0.90",
    "backpressure_events: count<500",
)
BENCH = replace(benchmark(), records=lambda asked, metric, scenario: metric != "lifecycle_total_ms")


def rules(*given, preset=PRESET, said=None, **raw):
    asked = options(threshold=list(given), **raw)
    asked = replace(asked, plan=replace(asked.plan, thresholds=preset))
    return [str(rule) for rule in rules_of(asked, BENCH, DEFAULT, (said if said is not None else []).append)]


def test_given_thresholds_replace_the_presets_of_their_metric():
    """As before."""
    assert rules("append_latency_ms: p(99)<5")[:2] == ["append_latency_ms: p(99)<5", "message_success_rate: rate>0.9"]


@pytest.mark.parametrize(
    ("given", "raw", "told"),
    [
        ("append_latency_ms: p(95)>=0", {}, r"invalid value .* for --threshold \(THRESHOLD\): .*can be broken"),
        ("message_success_rate: rate>1", {}, "can be kept"),
        (
            "append_latency_ms{scenario:burst}: max>9; append_latency_ms: max<4",
            {},
            "invalid value .* for thresholds: .*hold together",
        ),
        ("append_latency_ms{scenario:churn}: p(95)<5", {"churn_vus": "0"}, "a scenario of this run: burst, long_lived"),
        ("lifecycle_total_ms: p(95)<5", {}, "a metric that this run measures, of long_lived, burst, churn"),
    ],
)
def test_what_this_run_cannot_judge_is_refused(given, raw, told):
    """Before it begins, and not as a threshold without samples after it."""
    with pytest.raises(UsageError, match=told):
        rules(given, **raw)


def test_a_given_threshold_may_take_a_contradiction_out_of_the_preset():
    """Overriding comes first."""
    assert "append_latency_ms: p(95)>2000" in rules("append_latency_ms: p(95)>2000")
    with pytest.raises(UsageError, match="hold together"):
        rules("append_latency_ms{scenario:burst}: min>2000; append_latency_ms: max<9")


def test_a_preset_also_serves_a_run_of_single_behaviours():
    """What it promises of others is not judged, and said to be."""
    said = []
    preset = (*PRESET, "append_latency_ms{scenario:churn}: p(95)<9", "lifecycle_total_ms: avg<9")
    found = rules(preset=preset, said=said, churn_vus="0")
    assert found == [str(rule).replace("0.90", "0.9") for rule in PRESET]
    assert [line.partition(": ")[2] for line in said] == [
        "append_latency_ms{scenario:churn}: p(95)<9 (preset light)",
        "lifecycle_total_ms: avg<9 (preset light)",
    ]


def test_a_preset_that_promises_nothing_is_refused_by_name():
    """A person's own file may hold such."""
    with pytest.raises(UsageError, match=r"^invalid value 'message_success_rate: rate>90' for preset light"):
        rules(preset=("message_success_rate: rate>90",))
