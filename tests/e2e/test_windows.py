"""Thresholds on windows find a bad stretch of a run, however good the whole run is."""

import pytest

from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "1s", "--ramp-up", "1s"]
HELD_MS = 1500
BOUNDS = (
    "append_latency_ms[3s]: max<1000; append_latency_ms{scenario:long_lived}[3s]: max<60s; messages_sent[4s]: count>0;"
    "message_success_rate[4s]: rate>0.1; append_latency_ms: med<60s; messages_out_of_order: off"
)
"""What is held is overtaken as the server becomes fast again."""


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_a_stretch_in_which_the_server_is_slow_is_named(tmp_path, standin, processes):
    """The fault comes and goes while the run goes on; the window that shows it is in every report."""
    with Locust(tmp_path, *targets(standin), *FAST, "--threshold", BOUNDS, "-t", "12s", *processes) as locust:
        eventually(lambda: standin.counters()["sends_received"] > 100, "the warm-up is over")
        standin.faults(broadcast_delay_ms=HELD_MS)
        held = standin.counters()["sends_received"]
        eventually(lambda: standin.counters()["sends_received"] > held + 10, "messages are held")
        standin.faults(broadcast_delay_ms=0)
        finished = locust.finish()
    judged = {entry["expression"]: entry for entry in finished.summary["thresholds"]}
    slow = judged["append_latency_ms[3s]: max<1000"]
    assert finished.code == 3, finished.output
    assert slow["measured"] >= HELD_MS * 0.99
    assert not slow["ok"]
    first, end = slow["worst_window_s"]
    assert end - first == 3
    assert f"the worst 3 s, from 00:00:{first:02d} to 00:00:{end:02d}" in " ".join(finished.output.split())
    assert [expression for expression, entry in judged.items() if not entry["ok"]] == [slow["expression"]]
    page = next(finished.results.glob("*/report.html")).read_text()
    assert 'class="worst"' in page
