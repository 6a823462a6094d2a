"""A run with Locust's own --otel exports our requests with their durations, users by class, and the log."""

import pytest

pytest.importorskip("opentelemetry.proto", reason="the extra `otel` is not installed")

from tests.e2e.collector import Collector
from tests.e2e.harness import Locust, targets

pytestmark = pytest.mark.e2e

ANSWERS_APART = ["--webhook-order", "none", "--webhook-service-ms", "20"]
"""An answer that is read together with its message has no latency."""

ARGUMENTS = ["-t", "4s", "--warm-up", "1s", "--time-scale", "0.2"]
HELD = ["--ramp-up", "1s", "-t", "8s"]
"""All users are there for much longer than between two exports."""


def test_a_collector_receives_every_request_and_the_users(tmp_path, standin_with):
    """On a master with one worker that exports itself: the last export holds as many appends as the report."""
    standin = standin_with("--builtin-agent", *ANSWERS_APART)
    with (
        Collector() as collector,
        Locust(tmp_path, *targets(standin), *ARGUMENTS, *HELD, "--processes", 1, "--otel", env=collector.env) as locust,
    ):
        done = locust.finish()
    assert done.code == 0, done.output
    assert {metric for metric, _ in collector.histograms} == {"locust.client.duration"}
    duration = {name: point for (_, name), point in collector.histograms.items()}
    assert duration.keys() >= {"POST /api/sessions", "connect", "join", "append", "agent reply"}
    assert duration["append"].count == done.accounting()["appended"] > 0
    timed = done.count("agent_replies_matched") - done.count("agent_latencies_left_out")
    assert duration["agent reply"].count == timed
    trend = done.summary["metrics"]["append_latency_ms"]
    told_ms = sum(trend[phase]["all"]["avg"] * trend[phase]["all"]["count"] for phase in ("warm_up", "main"))
    assert duration["append"].sum * 1000 == pytest.approx(told_ms, rel=0.01)
    users = {name: most for (metric, name), most in collector.highest.items() if metric == "locust.users.count"}
    assert users == {"LongLivedUser": 10, "BurstUser": 5, "ChurnUser": 3, "InboxWatcher": 0}
    assert collector.resource["service.name"] == "locust"
    assert any("Shutting down" in line for line in collector.logs)
    assert collector.spans == []


def test_without_the_packages_a_run_goes_on_and_says_what_is_missing(tmp_path, standin):
    """Locust's own message; --otel is an extra and not everybody's."""
    (tmp_path / "opentelemetry.py").write_text("raise ImportError\n")
    arguments = [*targets(standin), *ARGUMENTS, "--otel"]
    with Locust(tmp_path, *arguments, env={"PYTHONPATH": str(tmp_path)}) as locust:
        done = locust.finish()
    assert done.code == 0, done.output
    assert "pip install locust[otel]" in done.output
