"""A server that falls behind is never green, however the run is laid out; one that takes long and keeps up is."""

from contextlib import ExitStack

import pytest

from tests.e2e.benchmarks import OF_BACKLOGS
from tests.e2e.cluster import cluster
from tests.e2e.harness import Locust, Standin, targets
from tests.e2e.layouts import worker
from tests.e2e.namespaces import network

pytestmark = pytest.mark.e2e

LOCUSTFILE = "locustfiles/message_throughput.py"
STEADY = [
    *("--send-interval", "100", "-u", "4", "--warm-up", "0", "--drain-timeout", "1s", "--seed", "7"),
    *("--threshold", "agent_reply_rate: off"),
]
"""Forty messages a second; the drain waits too short for what is left, which is not what is judged."""

TOO_SLOW = ["--builtin-agent", "--webhook-order", "node", "--webhook-service-ms", "50"]
"""Twenty answers a second, in order: half of what is sent."""

SLOW = ["--builtin-agent", "--webhook-order", "none", "--webhook-service-ms", "3000"]
"""Three seconds for each answer, any number at once."""


def run(tmp_path, standin, *arguments):
    with Locust(tmp_path, *targets(standin), *STEADY, *arguments, locustfile=LOCUSTFILE, **OF_BACKLOGS) as locust:
        return locust.finish()


def judged(finished, metric):
    return next(entry for entry in finished.summary["thresholds"] if entry["metric"] == metric)


STILL_MS = 1000


def check_that_nothing_stood_still(finished):
    """A queue that grows in leaps, while its server or its generator does not run, proves nothing either way."""
    lag_ms = finished.summary["metrics"]["event_loop_lag_ms"]["main"]["all"]["max"]
    if lag_ms > STILL_MS:
        pytest.skip(f"the machine stood still for {lag_ms:.0f} ms of a run of seconds")


def check_behind(finished):
    """The run fails for this reason alone; every message was appended at once."""
    check_that_nothing_stood_still(finished)
    assert finished.code == 3, finished.output
    failures = finished.summary["verdict"]["failures"]
    assert failures
    assert all(reason.startswith("the server did not keep up: ") for reason in failures), failures
    assert judged(finished, "agent_backlog_end_s")["measured"] > 2
    assert judged(finished, "append_backlog_end_s")["ok"]
    (agent,) = (e for e in finished.summary["backlogs"] if e["queue"] == "agent" and not e["scenario"])
    # nearly half, or more where the machine slows the server down as well
    assert 0.3 * agent["arrived"] < agent["waiting"] < agent["arrived"]


def test_falling_behind_is_told_in_words(tmp_path, standin_with):
    """In a run that is long enough: by how much, of how much, and what waited."""
    finished = run(tmp_path, standin_with(*TOO_SLOW), "-t", "22s")
    check_behind(finished)
    assert "were waiting when sending stopped" in finished.said
    assert 0.3 < judged(finished, "agent_backlog_growth")["measured"] < 1
    assert "agent answers fell behind by" in finished.summary["verdict"]["failures"][0]


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["one process", "two processes"])
def test_falling_behind_is_seen_in_a_short_run(tmp_path, standin_with, processes):
    """The run is too short to tell growth. It says so, and does not pass."""
    finished = run(tmp_path, standin_with(*TOO_SLOW), "-t", "7s", *processes)
    check_behind(finished)
    growth = judged(finished, "agent_backlog_growth")
    assert growth["measured"] is None
    assert "too short to tell" in growth["problem"]


def test_falling_behind_is_seen_over_workers(tmp_path, standin_with):
    """Each of them sees half of the queue."""
    flags = [*targets(standin_with(*TOO_SLOW)), *STEADY, "-t", "7s", "--time-scale", "1"]
    with cluster(tmp_path, *flags, locustfile=LOCUSTFILE, **OF_BACKLOGS) as run_of:
        check_behind(run_of.master.finish())


def test_falling_behind_is_seen_by_a_fleet_of_hosts(tmp_path):
    """A server, a master and two machines of workers, each with a network of its own."""
    with network("server", "master", "workers-a", "workers-b") as hosts, ExitStack() as stack:
        with hosts["server"] as host:
            standin = Standin("--host", host.address, *TOO_SLOW)
            stack.callback(standin.stop)
        address = hosts["master"].address
        head = ["--master", "--master-bind-host", address, "--expect-workers", "2", "-t", "7s"]
        with hosts["master"]:
            flags = [*targets(standin), *STEADY, *head]
            master = stack.enter_context(Locust(tmp_path, *flags, locustfile=LOCUSTFILE, **OF_BACKLOGS))
        for name in ("workers-a", "workers-b"):
            with hosts[name]:
                at = ["--master-host", address, "--master-port", "5557"]
                stack.enter_context(worker(tmp_path, "message_throughput", *at))
        check_behind(master.finish())


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["one process", "two processes"])
def test_a_large_backlog_that_stays_is_green(tmp_path, standin_with, processes):
    """Three seconds' worth of messages wait, from the third second to the last."""
    finished = run(tmp_path, standin_with(*SLOW), "-t", "9s", "--drain-timeout", "10s", *processes)
    check_that_nothing_stood_still(finished)
    assert finished.summary["verdict"]["failures"] == [], finished.output
    (agent,) = (e for e in finished.summary["backlogs"] if e["queue"] == "agent" and not e["scenario"])
    assert agent["waiting"] > 40
    assert judged(finished, "agent_backlog_end_s")["ok"]
    assert finished.code == 0, finished.output


def test_a_closed_load_has_nothing_to_fall_behind_of(tmp_path, standin_with):
    """With a bound on messages in flight, appends cannot fall behind; a threshold on that is refused before the run."""
    refused = run(
        tmp_path,
        standin_with("--builtin-agent"),
        *("--pipeline-depth", "2", "-t", "3s", "--threshold", "append_backlog_growth: value<0.1"),
    )
    assert refused.code == 2
    assert "append_backlog_growth" in refused.output
