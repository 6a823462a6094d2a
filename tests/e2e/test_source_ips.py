"""`--source-ips`: connections leave from local addresses in turn, on every process of a run."""

import pytest

from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "500ms", "-t", "4s"]
ONLY_LONG_LIVED = ["--long-lived-vus", "32", "--burst-vus", "0", "--churn-vus", "0", "--ramp-up", "500ms"]
LOOPBACKS = [f"127.0.0.{last}" for last in range(2, 10)]


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_sockets_leave_from_every_address_alike(tmp_path, standin, processes):
    """32 held sockets over 8 addresses: about 4 each, over all processes."""
    ips = ["--source-ips", "127.0.0.2-127.0.0.9"]
    with Locust(tmp_path, *targets(standin), *FAST, *ONLY_LONG_LIVED, *ips, "-t", "60s", *processes) as locust:
        eventually(lambda: standin.counters()["joins_ok"] == 32, "all have joined")
        locust.interrupt()
        finished = locust.finish()
    by_peer = standin.counters()["connections_by_peer"]
    assert sorted(by_peer) == LOOPBACKS, finished.output
    assert sum(by_peer.values()) == 32 + 1, finished.output  # and the one of the preflight
    assert max(by_peer.values()) - min(by_peer.values()) <= 2, by_peer  # Locust need not share users out evenly
    assert finished.summary["metrics"]["active_connections"]["peak"] == 32, finished.output
    assert finished.summary["options"]["source_ips"] == LOOPBACKS


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("127.0.0.2,192.0.2.7", "'192.0.2.7'"),
        ("127.0.0.9-127.0.0.2", "127.0.0.2-127.0.0.9"),
        ("eth0", "for example 127.0.0.2-127.0.0.9"),
    ],
)
def test_an_address_that_is_none_or_not_of_this_machine_is_refused(tmp_path, standin, given, said):
    """Exit code 2, the address named, no user started."""
    with Locust(tmp_path, *targets(standin), *FAST, env={"SOURCE_IPS": given}) as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    assert said in finished.output
    assert "Traceback" not in finished.output
    assert standin.counters()["sessions_created"] == 0
