"""k6's notation is understood, mistakes come with a remedy, and nothing measured never counts as kept."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.thresholds import NOTHING_TO_JUDGE, judge, override, parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP, trend
from fleetlm_users.measure.metrics.phoenix import PHOENIX_METRICS
from fleetlm_users.measure.totals import Totals
from fleetlm_users.quoting import quote

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
EXAMPLES = re.findall(r"`(\w+(?:\{scenario:\w+\})?: [^`]*[<>=][^`]*)`", DOCUMENT.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_threshold_in_the_documentation_is_understood(text):
    """The defaults of all benchmarks among them."""
    assert parse_thresholds(text.split(";"))


def test_the_documentation_has_thresholds():
    """The one above would be green on nothing."""
    assert len(EXAMPLES) >= 16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("append_latency_ms{scenario:burst}: avg<20", "append_latency_ms{scenario:burst}: avg<20"),
        (" append_latency_ms { scenario : burst } : avg < 20.5 ", "append_latency_ms{scenario:burst}: avg<20.5"),
        ("append_latency_ms: p( 99.9 ) <= 1e3", "append_latency_ms: p(99.9)<=1000"),
        ("join_latency_ms: med>=1", "join_latency_ms: med>=1"),
        ("messages_sent: rate>=50.5", "messages_sent: rate>=50.5"),
        ("message_success_rate: rate===1.0", "message_success_rate: rate==1"),
        ("active_connections: max!=3", "active_connections: max!=3"),
        ("worker_cpu_percent: value<90", "worker_cpu_percent: value<90"),
    ],
)
def test_every_form_is_understood(text, expected):
    """Blanks do not matter, numbers may be decimal, aliases stay as written."""
    assert [str(threshold) for threshold in parse_thresholds(text.split(";"))] == [expected]


def test_several_texts():
    """Each is for one metric, commas separate conditions; empty texts are nothing."""
    texts = ["append_latency_ms: p(95)<5, avg<2", "", " ws_join_ms: max<9", "\n", "messages_lost: count==0", ""]
    assert len(parse_thresholds(texts)) == 4
    assert parse_thresholds([]) == parse_thresholds([""]) == parse_thresholds([" ", "\n"]) == []


def test_an_alias_is_judged_as_its_metric():
    """The name as written is shown, the real one is looked up."""
    (threshold,) = parse_thresholds(["join_latency_ms: p(95)<1000"])
    assert (threshold.metric, threshold.shown) == ("ws_join_ms", "join_latency_ms")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("append_latncy_ms: p(95)<500", "append_latency_ms: p(95)<500"),
        ("append_latncy_ms{scenario:burst}: avg<1", "append_latency_ms{scenario:burst}: avg<1"),
        ("append_latency_ms p(95)<500", "metric: aggregation operator number"),
        ("append_latency_ms", "metric: aggregation operator number"),
        ("append_latency_ms:", "append_latency_ms: p(95)<500"),
        ("append_latency_ms: p(95)<500,", "append_latency_ms: p(95)<500"),
        ("append_latency_ms: p95<500", "append_latency_ms: p(95)<500"),
        ("append_latency_ms: p(95)=500", "append_latency_ms: p(95)<500"),
        ("append_latency_ms: p(95)<fast", "append_latency_ms: p(95)<500"),
        ("append_latency_ms: p(101)<500", "p(0) to p(100)"),
        ("append_latency_ms: p<500", "p(0) to p(100)"),
        ("append_latency_ms: avg(95)<500", "avg, med, min, max"),
        ("append_latency_ms: count<5", "for the trend append_latency_ms"),
        ("message_success_rate: avg>0.9", "message_success_rate: rate>0.95"),
        ("messages_lost: p(95)<5", "messages_lost: count<10"),
        ("active_connections: count>5", "active_connections: value<90"),
        ("append_latency_ms{vu:1}: avg<20", "{scenario:name}"),
        ("append_latency_ms{scenario:}: avg<20", "{scenario:name}"),
        ("append_latency_ms{scenario:burst: avg<20", "{scenario:name}"),
        (": p(95)<500", "metric: aggregation operator number"),
    ],
)
def test_a_mistake_is_reported_with_what_would_be_right(text, told):
    """The message names the value, the accepted form and an example that works."""
    with pytest.raises(UsageError) as caught:
        parse_thresholds([text], what="--threshold")
    assert told in str(caught.value)
    assert text.strip() in str(caught.value)
    assert f"invalid value {quote(caught.value.value)} for --threshold: expected " in str(caught.value)


@given(
    st.text(max_size=40) | st.from_regex(r"[a-z_]{1,9}(\{scenario:[a-z]*\})?: ?[a-z()0-9]{0,6}[<>=!]{0,3}[0-9.]{0,4}")
)
def test_nothing_but_a_usage_error_comes_out_of_the_parser(text):
    """Whatever a person types, the result is thresholds or a sentence."""
    with suppress(UsageError):
        parse_thresholds(text.split(";"))


def test_an_unknown_scenario_is_reported_where_scenarios_are_known():
    """Else it would end as a threshold without samples, after the whole run."""
    with pytest.raises(UsageError, match="burst, churn"):
        parse_thresholds(["append_latency_ms{scenario:brust}: avg<20"], scenarios=("churn", "burst"))
    assert parse_thresholds(["append_latency_ms{scenario:burst}: avg<20"], scenarios=("churn", "burst"))


def test_own_metrics_can_have_thresholds():
    """The catalogue given is the one asked."""
    catalogue = DEFAULT.with_metrics([trend("typing_ms", "typing")])
    assert parse_thresholds(["typing_ms: p(95)<500"], catalogue)
    with pytest.raises(UsageError):
        parse_thresholds(["typing_ms: p(95)<500"])


def test_a_given_threshold_replaces_those_of_its_metric_and_scenario():
    """It takes their place; one for a scenario does not replace the one for all; new ones come last."""
    base = parse_thresholds(
        ["append_latency_ms: p(95)<500, p(99)<1000", "ws_join_ms: p(95)<2000", "messages_lost: count==0"]
    )
    given_ones = parse_thresholds(
        ["join_latency_ms: max<9", "append_latency_ms: p(95)<1", "append_latency_ms{scenario:burst}: avg<2"]
    )
    assert [str(threshold) for threshold in override(base, given_ones)] == [
        "append_latency_ms: p(95)<1",
        "join_latency_ms: max<9",
        "messages_lost: count==0",
        "append_latency_ms{scenario:burst}: avg<2",
    ]
    assert override(base, []) == base
    assert override([], given_ones) == given_ones


def hundred_messages(ledger):
    ledger.trend("append_latency_ms", "burst", WARM_UP).add(9_000_000)
    for number in range(1, 101):
        ledger.count("messages_sent", "burst", MAIN)
        ledger.count("messages_appended", "burst", MAIN)
        ledger.trend("append_latency_ms", "burst", MAIN).add(number * 1000)
    ledger.count("messages_lost", "churn", MAIN, 25)
    ledger.count("messages_sent", "churn", MAIN, 25)
    ledger.gauge("active_connections", "burst", 5)
    ledger.gauge("active_connections", "burst", -2)


@pytest.mark.parametrize(
    ("text", "measured", "ok"),
    [
        ("append_latency_ms: min<1.1", 1.0, True),
        ("append_latency_ms: max<=100", 100.0, True),
        ("append_latency_ms: avg<50.5", 50.5, False),
        ("append_latency_ms: med<51", 50.0, True),
        ("append_latency_ms: p(95)<95", 95.0, False),
        ("append_latency_ms{scenario:burst}: p(90)<91", 90.0, True),
        ("messages_lost: count<25", 25, False),
        ("messages_lost{scenario:burst}: count==0", 0, True),
        ("messages_sent: rate>=12.5", 12.5, True),
        ("message_success_rate: rate>=0.8", 0.8, True),
        ("message_success_rate{scenario:churn}: rate>0", 0.0, False),
        ("message_failures: count!=25", 25, False),
        ("backpressure_events: count<1", 0, True),
        ("active_connections: value==3", 3, True),
        ("active_connections: max>5", 5, False),
    ],
)
def test_the_main_phase_is_judged(totals_of, text, measured, ok):
    """Warm-up samples, nine seconds slow, are in none of these."""
    (judgement,) = judge(parse_thresholds(text.split(";")), totals_of(hundred_messages), duration_s=10.0)
    assert judgement.measured == pytest.approx(measured, rel=0.001)
    assert (judgement.ok, judgement.too_few) == (ok, False)
    assert judgement.samples > 0
    assert judgement.expression == str(judgement.threshold)


@pytest.mark.parametrize(
    "text",
    [
        "agent_latency_ms: p(95)<5000",
        "append_latency_ms{scenario:nobody}: p(95)<5000",
        "lifecycle_success_rate: rate>=0",
        "replay_missing: count==0",
        "connection_failures: count<10",
        "worker_cpu_percent: value<90",
        "sessions_started: count>=0",
    ],
)
def test_without_samples_nothing_is_kept(totals_of, text):
    """k6 shows these green: an empty rate, a count of 0 where nothing was tried."""
    (judgement,) = judge(parse_thresholds(text.split(";")), totals_of(hundred_messages), duration_s=10.0)
    assert (judgement.measured, judgement.ok, judgement.problem) == (None, False, "no samples")


@pytest.mark.parametrize(
    ("text", "origin", "is_kept"),
    [
        ("lifecycle_success_rate: rate>=0", "behaviour", True),
        ("lifecycle_success_rate: rate>=0", "preset", False),
        ("lifecycle_success_rate: rate>=0", "given", False),
        ("replay_missing: count==0", "behaviour", False),
    ],
)
def test_a_behaviours_own_rate_with_nothing_to_judge_is_kept(totals_of, text, origin, is_kept):
    """Nobody asked for it by name; a count that must show that something happened is still missed."""
    thresholds = [replace(threshold, origin=origin) for threshold in parse_thresholds([text])]
    (judgement,) = judge(thresholds, totals_of(hundred_messages), duration_s=10.0)
    assert (judgement.measured, judgement.ok) == (None, is_kept)


def test_a_rate_per_second_needs_a_duration(totals_of):
    """A run that never reached its main phase has no rate."""
    (judgement,) = judge(parse_thresholds(["messages_sent: rate>1"]), totals_of(hundred_messages), duration_s=0.0)
    assert judgement.problem == "no samples"


@pytest.mark.parametrize(
    ("text", "needed"),
    [("append_latency_ms: p(99.9)<500", 1000), ("append_latency_ms{scenario:churn}: med<500", 2)],
)
def test_a_percentile_on_too_few_samples_is_flagged(totals_of, text, needed):
    """The value is shown, and not believed."""

    def write(ledger):
        hundred_messages(ledger)
        ledger.trend("append_latency_ms", "churn", MAIN).add(7000)

    (judgement,) = judge(parse_thresholds(text.split(";")), totals_of(write), duration_s=10.0)
    assert judgement.too_few
    assert judgement.measured is not None
    assert f"of the {needed} samples" in judgement.problem


def test_a_rate_that_somebody_stated_for_an_application_of_his_own_needs_samples():
    """A rate of the package's behaviours may have had nothing to judge, as in a run of seconds."""
    catalogue = DEFAULT.with_metrics(PHOENIX_METRICS)
    ledger = Ledger(catalogue, "run", "w")
    ledger.count("sessions_started", "chat", MAIN)
    totals = Totals(catalogue, [ledger.snapshot(1, final=True, elapsed_s=1.0)])
    rules = parse_thresholds(["push_success_rate: rate>0.9", "message_success_rate: rate>0.9"], catalogue)
    own, packaged = judge([replace(rule, origin="behaviour") for rule in rules], totals, 1.0)
    assert (own.ok, own.problem) == (False, "no samples")
    assert (packaged.ok, packaged.problem) == (True, NOTHING_TO_JUDGE)


@pytest.mark.parametrize(
    "expression",
    [
        "messages_duplicated: count==0",
        "messages_out_of_order: count==0",
        "messages_altered: count==0",
        "messages_not_pushed: count==0",
        "malformed_frames: count==0",
    ],
)
def test_no_message_came_twice_where_none_was_due(expression):
    """A run of seconds is not red because nobody wrote yet; a threshold that a person gave needs its samples."""
    ledger = Ledger(DEFAULT, "run", "w")
    ledger.count("sessions_started", "hot_path", MAIN)
    totals = Totals(DEFAULT, [ledger.snapshot(1, final=True, elapsed_s=1.0)])
    (rule,) = parse_thresholds([expression], DEFAULT)
    own, given = judge([replace(rule, origin="behaviour"), rule], totals, 1.0)
    assert (own.ok, own.problem) == (True, NOTHING_TO_JUDGE)
    assert (given.ok, given.problem) == (False, "no samples")


@pytest.mark.parametrize(
    "expression",
    ["append_latency_ms: p(９５)<5", "append_latency_ms: p(95)<５", "append_latency_ms[６０s]: p(95)<5"],
)
def test_digits_of_other_scripts_are_no_numbers(expression):
    """Python would read them as numbers."""
    with pytest.raises(UsageError):
        parse_thresholds([expression])
