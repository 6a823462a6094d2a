"""The summary is plain JSON and agrees with the totals it was made of."""

import json
from itertools import pairwise

import orjson
import pytest

from fleetlm_users.measure.findings import Finding
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.junit import render_junit
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render


def test_it_is_json_and_holds_every_part(summary_of, healthy):
    """The written file can be read again."""
    told, _ = summary_of(healthy)
    assert json.loads(orjson.dumps(told)) == told
    assert set(told) == {
        "format", "verdict", "thresholds", "metrics", "accounting", "distributions", "findings", "slowest", "run",
        "server", "workers", "backlogs", "workers_lost", "plan", "options", "host", "versions",
    }  # fmt: skip
    assert told["verdict"] == {"kind": "pass", "exit_code": 0, "failures": [], "doubts": []}
    assert told["options"]["run_id"] == "r1"


def test_trends_are_in_milliseconds_with_phases_and_scenarios_apart(summary_of, healthy):
    """The warm-up is reported next to the main phase, never in it."""
    told, merge = summary_of(healthy, healthy)
    totals = merge.totals()
    append = told["metrics"]["append_latency_ms"]
    assert append["main"]["all"]["count"] == 400
    assert append["warm_up"]["all"]["count"] == 1000
    assert append["main"]["scenarios"]["burst"] == append["main"]["all"]
    assert append["main"]["all"]["p95"] == totals.trend("append_latency_ms").percentile(95) / 1000
    assert append["main"]["all"]["p99.9"] is None
    assert (append["main"]["all"]["min"], append["main"]["all"]["max"]) == (1.0, 1.49)


def test_counts_have_a_rate_of_the_main_phase(summary_of, healthy):
    """The main phase is what the clocks say, less the warm-up."""
    told, _ = summary_of(healthy)
    assert told["run"]["duration_s"] == 4.0
    assert told["metrics"]["messages_sent"]["main"]["all"] == {"count": 200, "per_s": 50.0, "labels": {}}
    assert told["metrics"]["messages_sent"]["warm_up"]["all"]["per_s"] is None


def test_rates_and_gauges(summary_of, healthy):
    """A rate with its two counts, a gauge with its peak, per scenario where it has any."""
    told, _ = summary_of(healthy)
    assert told["metrics"]["message_success_rate"]["main"]["all"] == {"rate": 1.0, "passes": 200, "total": 200}
    assert told["metrics"]["active_connections"]["scenarios"] == {"burst": {"now": 2, "peak": 2}}
    assert told["metrics"]["worker_cpu_percent"]["peak"] == 35.0
    assert told["metrics"]["worker_cpu_percent"]["scenarios"] == {}


def test_a_metric_without_evidence_is_left_out(summary_of, healthy):
    """A 0 that proves nothing is not shown; a 0 that does is."""
    told, _ = summary_of(healthy)
    assert "replay_missing" not in told["metrics"]
    assert told["metrics"]["backpressure_events"]["main"]["all"]["count"] == 0


def test_accounting_per_phase_and_scenario(summary_of, healthy):
    """Both phases together are the whole run."""
    told, _ = summary_of(healthy)
    accounting = told["accounting"]
    assert (
        accounting["main"]["all"]["sent"] + accounting["warm_up"]["all"]["sent"]
        == accounting["all"]["all"]["sent"]
        == 700
    )
    assert accounting["main"]["scenarios"]["burst"]["adds_up"] is True


def test_thresholds_with_their_measured_values(summary_of, healthy):
    """Enough to draw ✓ and ✗ without parsing."""
    told, _ = summary_of(healthy, thresholds="append_latency_ms{scenario:burst}: p(95)<1, p(99.9)<5")
    missed, too_few = told["thresholds"]
    assert (missed["subject"], missed["condition"]) == ("append_latency_ms{scenario:burst}", "p(95)<1")
    assert (missed["measured"], missed["unit"], missed["ok"]) == (pytest.approx(1.47), "ms", False)
    assert (too_few["too_few"], too_few["problem"]) == (True, "only 200 of the 1000 samples it needs")


def test_the_distribution_holds_every_sample(summary_of, healthy):
    """Buckets rise without overlap and add up."""
    told, _ = summary_of(healthy)
    buckets = told["distributions"]["append_latency_ms"]
    assert sum(n for _, _, n in buckets) == 200
    assert all(high <= low for (_, high, _), (low, _, _) in pairwise(buckets))


def test_labels_and_workers(summary_of, healthy):
    """Trouble by kind, and every worker's health."""

    def write(ledger):
        healthy(ledger)
        ledger.count("disconnects", "burst", MAIN, 2, label="closed_1012")

    told, _ = summary_of(write, healthy)
    assert told["metrics"]["disconnects"]["main"]["all"]["labels"] == {"closed_1012": 2}
    assert [worker["worker"] for worker in told["workers"]] == ["worker-0", "worker-1"]
    assert told["workers"][0]["cpu_starved_share"] == 0.0


def test_an_empty_run_has_a_summary_too(summary_of):
    """A figure that was not measured is reported as missing, not as an error."""
    told, _ = summary_of(lambda ledger: None)
    assert told["metrics"] == {}
    assert told["accounting"]["main"]["all"]["sent"] == 0
    assert told["verdict"]["kind"] == "fail"


def test_a_summary_and_its_reports_hold_printable_texts_only(summary_of, healthy):
    """Texts come from a server, a peer or a file, and reports and files show them unchanged."""

    def write(ledger):
        healthy(ledger)
        ledger.count("messages_rejected", "burst", MAIN, label="\x1b[31m\ud800\u202e\x00")
        ledger.count("messages_sent", "odd\x1b[2J", MAIN)
        ledger.finding(Finding("lost\x00", "burst", "s\x1b[2J" * 100, 1, "c\r", "detail \ud800"))

    told, merge = summary_of(write, doubts=("the first exception: \x9b31m\x1b[2J\rover",))
    json.dumps(told, allow_nan=False, ensure_ascii=False).encode()
    assert all(char.isprintable() for char in json.dumps(told, ensure_ascii=False))
    assert told["findings"]["shown"][0]["detail"] == r"detail \ud800"
    texts = (render(told), render_markdown(told), render_junit(told), render_html(told, merge.series()))
    for text in texts:
        assert all(char.isprintable() or char == "\n" for char in text)
