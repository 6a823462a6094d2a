"""Every total failure that no threshold bounds is named, whatever metric of the catalogue shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.judging.total_failures import ENOUGH, TotalFailure, equivalents, total_failures
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP, counter, rate
from fleetlm_users.measure.metrics.phoenix import PHOENIX_METRICS
from fleetlm_users.measure.report.rows import TROUBLES
from fleetlm_users.measure.snapshot_store import SnapshotStore

N = 52
TROUBLE = sorted(name for name, metric in DEFAULT.items() if metric.is_trouble and not metric.parts)
RATES = sorted(name for name, metric in DEFAULT.items() if metric.kind == "rate")


def totals(counts, catalogue=DEFAULT):
    """Totals of counts by (metric, scenario, phase); a trend's are durations of 1 ms."""
    ledger = Ledger(catalogue, "run", "w")
    for (metric, scenario, phase), n in counts.items():
        if catalogue[metric].kind == "trend":
            for _ in range(n):
                ledger.trend(metric, scenario, phase).add(1000)
        else:
            ledger.count(metric, scenario, phase, n)
    snapshots = SnapshotStore("run", catalogue) if catalogue is not DEFAULT else SnapshotStore("run")
    snapshots.absorb("w", ledger.snapshot(1, True, 10.0))
    return snapshots.totals()


def named(counts, *thresholds, catalogue=DEFAULT):
    rules = parse_thresholds(thresholds, catalogue)
    return [
        failure.metric.name + (f"{{{failure.scenario}}}" if failure.scenario else "")
        for failure in total_failures(totals(counts, catalogue), rules)
    ]


def of(scenario, phase=MAIN, **counts):
    return {(metric, scenario, phase): n for metric, n in counts.items()}


def total_failure_by(metric, scenario="burst", n=N):
    """Counts by which one metric of the catalogue fails wholly."""
    if DEFAULT[metric].kind == "rate":
        return of(scenario, **{next(name for name in DEFAULT[metric].total if name not in DEFAULT[metric].passes): n})
    return of(scenario, **{DEFAULT[metric].evidence: n, metric: n})


def test_what_a_server_never_does_is_no_failure():
    """FleetLM's early protocol replies to no send: nothing of that is counted, so the rate has no samples."""
    appended = of("burst", messages_sent=N, messages_appended=N)
    assert named(appended) == []
    assert totals(appended).samples("acknowledgement_rate") == 0


def test_a_server_that_owes_every_reply_fails_though_each_message_came_back():
    """The late protocol replies to each send."""
    silent = of("burst", messages_sent=N, messages_appended=N, messages_unacknowledged=N)
    assert named(silent, "message_success_rate: rate>0.9") == ["acknowledgement_rate"]


@pytest.mark.parametrize("metric", [*RATES, *TROUBLE])
def test_every_total_failure_is_named_by_itself_or_by_the_metric_that_tells_the_same(metric):
    """Whatever the catalogue holds, one failure is named once, not by each metric that shows it."""
    found = named(total_failure_by(metric))
    assert set(found) & equivalents(DEFAULT[metric], DEFAULT)
    assert all(f"{name}{{burst}}" not in found for name in found)


@pytest.mark.parametrize("metric", [*RATES, *TROUBLE])
def test_a_threshold_on_it_covers_it(metric):
    """It may be for the scenario or for all; the threshold decides."""
    rule = "rate>0.5" if DEFAULT[metric].kind == "rate" else "count<9"
    for tag in ("", "{scenario:burst}"):
        assert metric not in named(total_failure_by(metric), f"{metric}{tag}: {rule}")


@pytest.mark.parametrize(
    ("metric", "threshold"),
    [
        ("inbox_shown_rate", "inbox_missed: count<9"),
        ("inbox_missed", "inbox_shown_rate: rate>0.5"),
        ("inbox_shown_rate", "inbox_shown: count>5"),
        ("messages_lost", "message_success_rate: rate>0.5"),
        ("messages_lost", "message_failures: count<9"),
        ("message_success_rate", "message_failures: count<9"),
        ("messages_unanswered", "agent_reply_rate: rate>0.5"),
        ("cleanup_failed", "cleanup_success_rate: rate>0.5"),
        ("cleanup_success_rate", "cleanup_failed: count<9"),
        ("session_failures", "lifecycle_success_rate: rate>0.5"),
        ("message_flaws", "message_correctness_rate: rate>0.5"),
    ],
)
def test_a_threshold_that_tells_the_same_covers_it(metric, threshold):
    """A rate and the counter of what did not pass are one fact."""
    assert named(total_failure_by(metric), threshold) == []


@pytest.mark.parametrize(
    ("metric", "threshold"),
    [
        ("message_success_rate", "messages_rejected: count<9"),
        ("backpressure_events", "message_success_rate: rate>0.5"),
        ("agent_reply_rate", "agent_replies_due: count>0"),
        ("inbox_missed", "message_success_rate: rate>0.5"),
        ("connection_failures", "session_failures: count<999"),
        ("messages_lost", "messages_lost{scenario:churn}: count<9"),
    ],
)
def test_a_threshold_on_something_else_does_not(metric, threshold):
    """Lost messages are not bounded by a bound on rejected ones, nor one scenario by that of another."""
    found = named(total_failure_by(metric), threshold)
    assert set(found) & equivalents(DEFAULT[metric], DEFAULT)


def test_a_scenario_that_failed_wholly_is_seen_through_a_sum_that_looks_fine():
    """The rate of all is 95 % and keeps its threshold; that of three users is 0."""
    counts = of("burst", messages_appended=950) | of("churn", messages_lost=50)
    assert named(counts, "message_success_rate: rate>0.9") == ["message_success_rate{churn}"]
    assert named(counts, "message_success_rate{scenario:churn}: rate>0.9") == []


def test_a_sum_is_covered_when_each_of_its_scenarios_is():
    """The behaviours' default thresholds are tagged; a scenario without one is not hidden by the others'."""
    counts = of("burst", messages_lost=50) | of("churn", messages_lost=50)
    both = ("message_success_rate{scenario:churn}: rate>0.9", "message_success_rate{scenario:burst}: rate>0.9")
    assert named(counts, *both) == []
    assert named(counts, both[0]) == ["message_success_rate"]


def test_several_small_scenarios_fail_together():
    """Each below what counts, together above it."""
    counts = of("burst", messages_lost=3) | of("churn", messages_lost=3)
    assert named(counts) == ["message_success_rate"]


@given(base=st.integers(1, 40), failed=st.integers(0, 40))
def test_it_takes_enough_samples_and_nothing_that_went_well(base, failed):
    """Exactly where all of at least ENOUGH failed."""
    counts = of("x", connections_attempted=base, connection_failures=failed)
    assert bool(named(counts)) == (base >= ENOUGH and failed >= base)


@given(passed=st.integers(0, 3), failed=st.integers(0, 40))
def test_a_rate_is_a_total_failure_at_0_only(passed, failed):
    """One message that came through is a bad rate, for a threshold to judge."""
    counts = of("x", messages_appended=passed, messages_lost=failed)
    assert ("message_success_rate" in named(counts)) == (passed == 0 and failed >= ENOUGH)


def test_the_main_phase_decides_unless_it_saw_too_little():
    """A good warm-up hides nothing; connections that all failed in the warm-up are seen."""
    warm = of("x", WARM_UP, messages_appended=N)
    assert named(warm | of("x", messages_lost=N)) == ["message_success_rate"]
    assert named(warm | of("x", messages_lost=ENOUGH - 1)) == []
    assert named(of("x", WARM_UP, connections_attempted=N, connection_failures=N)) == ["connection_failures"]


def test_more_trouble_than_attempts_is_no_share_of_them():
    """As when each of ten connections brings thirty frames that cannot be read."""
    failure = TotalFailure(DEFAULT["client_anomalies"], None, 1305, 10, "connections_attempted")
    expected = "client_anomalies is 1,305 for 10 connections_attempted: more than one each, which no threshold bounds"
    assert str(failure) == expected


def test_own_metrics_count_as_well():
    """The catalogue of the run decides; a counter not declared as trouble is none."""
    own = DEFAULT.with_metrics(
        [
            counter("guesses", "made"),
            counter("hits", "right"),
            counter("misses", "wrong", evidence="guesses", is_trouble=True),
            counter("seconds_guesses", "made again", evidence="guesses"),
            rate("hit_rate", ("hits",), ("hits", "misses"), "right ones"),
        ]
    )
    counts = of("x", guesses=9, seconds_guesses=9, misses=9)
    assert named(counts, catalogue=own) == ["hit_rate"]
    assert named(counts, "misses: count<99", catalogue=own) == []
    assert named(of("x", guesses=9, seconds_guesses=9, hits=9), catalogue=own) == []


def test_the_verdict_is_inconclusive_by_name(totals_of, healthy):
    """A real server did this: four inbox watchers saw none of 52 messages, and nothing bounded that."""

    def blind(ledger):
        healthy(ledger)
        ledger.count("inbox_watched", "inbox_watcher", MAIN, N)
        ledger.count("inbox_missed", "inbox_watcher", MAIN, N)

    numbers = totals_of(blind)
    verdict = decide(
        judge(parse_thresholds(["append_latency_ms: p(95)<500"]), numbers, 4.0), numbers, RunFacts(False, 1, 1)
    )
    assert verdict.kind == "inconclusive"
    assert verdict.doubts == ("inbox_shown_rate is 0 % of 52: a total failure that no threshold bounds",)


def test_what_a_report_calls_trouble_is_declared_so():
    """One notion: the section "what went wrong" and the doubts speak of the same counters."""
    catalogue = DEFAULT.with_metrics(PHOENIX_METRICS)
    assert {name for name in TROUBLES if not catalogue[name].is_trouble} == set()
