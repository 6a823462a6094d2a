"""A paused generator is not mistaken for a slow server: the verdict says whose fault the latency is."""

import signal
import threading

import pytest

from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

STOOD_STILL_S = 6.5
BOUND_MS = 3000
"""Far more than a busy server takes; of the messages of those seconds half are due earlier than that before its end."""


def test_a_paused_generator_is_inconclusive(tmp_path, standin_with):
    """It imitates a suspended laptop or a paused virtual machine: messages went out late, and were answered
    quickly.
    """
    standin = standin_with("--builtin-agent")
    judged = ["--lateness-limit", "100ms", "--threshold", f"append_latency_ms: p(95)<{BOUND_MS}"]
    arguments = [*targets(standin), *judged, "-u", "3", "--send-interval", "100", "--warm-up", "1s", "-t", "13s"]
    with Locust(tmp_path, *arguments, locustfile="locustfiles/message_throughput.py") as locust:
        eventually(lambda: standin.counters()["sends_received"] > 60, "the warm-up is over")
        locust.process.send_signal(signal.SIGSTOP)
        threading.Event().wait(STOOD_STILL_S)
        locust.process.send_signal(signal.SIGCONT)
        finished = locust.finish()
    verdict = finished.summary["verdict"]
    assert (finished.code, verdict["kind"], verdict["failures"]) == (4, "inconclusive", []), finished.output
    latency = next(entry for entry in finished.summary["thresholds"] if entry["metric"] == "append_latency_ms")
    assert (latency["ok"], latency["undecided"]) == (False, True)
    assert any("from sent: the generator was late" in doubt for doubt in verdict["doubts"])
