"""Shared by the end-to-end tests of the benchmarks: one run against one stand-in, and accounting that must agree."""

import pytest

from tests.e2e.calm import LENIENT
from tests.e2e.harness import Locust, targets

SHORT_RAMP = ["--ramp-up", "0.5s"]
RUN_ID = "bench"
PREFLIGHT_SOCKETS = 1
OF_BACKLOGS = {"calmly": False, "env": {**LENIENT, "THRESHOLD": "append_latency_ms: max<60s"}}
"""How message_throughput is run where its backlogs are what is judged: as calmly otherwise."""
SPREADS = pytest.mark.parametrize("spread", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])


def run(tmp_path, benchmark, standin, *arguments, **how):
    """Runs a locustfile headless to its end."""
    flags = [*targets(standin), *SHORT_RAMP, "--run-id", RUN_ID, *arguments]
    with Locust(tmp_path, *flags, locustfile=f"locustfiles/{benchmark}.py", **how) as locust:
        return locust.finish()


def check_accounting(finished, standin):
    """Every count of the report is what the stand-in counted, and nobody is left behind. Returns the stand-in's."""
    standin.await_leaving()
    truth = standin.counters(RUN_ID)
    accounting = finished.accounting()
    assert accounting["sent"] == truth["sends_received"], finished.output
    assert accounting["appended"] == truth["messages_appended_user"], finished.output
    assert accounting["unknown"] == 0
    assert finished.count("sessions_started") == truth["sessions_created"], finished.output
    assert samples(finished, "ws_join_ms") == truth["joins_ok"]
    assert truth["leaves"] == truth["joins_ok"]
    assert standin.counters()["connections_opened"] == samples(finished, "ws_connect_ms") + PREFLIGHT_SOCKETS
    assert "Traceback" not in finished.output
    return truth


def samples(finished, trend):
    """Return the number of durations in a trend, warm-up included."""
    metric = finished.summary["metrics"].get(trend, {})
    return sum(metric[phase]["all"]["count"] for phase in ("main", "warm_up") if phase in metric)
