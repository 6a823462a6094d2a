"""The report matches reality: known delays are measured as they are, and waiting is never left out."""

import pytest

from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "1s", "--ramp-up", "500ms"]
STALL_MS = 2000


def trend_ms(finished, figure, metric="append_latency_ms"):
    return finished.summary["metrics"][metric]["main"]["all"][figure]


@pytest.mark.alone
def test_a_delay_of_50_ms_is_measured_as_50_ms(tmp_path, standin_with):
    """The stand-in holds each broadcast back by 50 ms; from `due` the median says 50 ± 1 ms, and never less.

    A machine that is busy with something else holds it longer, sends late and reads late. The stand-in times its own
    holds, and the run its own lateness and lag: by so much, and no more, may the median be off.
    """
    standin = standin_with("--builtin-agent", "--broadcast-delay-ms", "50")
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "9s", "-u", "9") as locust:
        finished = locust.finish()
    held_ms = standin.counters()["broadcasts_held_ms"]
    assert held_ms["count"] >= trend_ms(finished, "count") > 100
    assert held_ms["min"] >= 49.9
    assert trend_ms(finished, "min") >= 50
    late_ms = trend_ms(finished, "p90", "generator_lateness_ms") + trend_ms(finished, "p90", "event_loop_lag_ms")
    assert trend_ms(finished, "med") <= max(51, held_ms["p90"] + late_ms + 1), (held_ms, late_ms)


def test_a_stall_of_the_server_shows_in_latency_from_due(tmp_path, standin_with):
    """While the server stands still for 2 s messages go on being due; all their waiting is in the latency."""
    standin = standin_with("--builtin-agent")
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "7s", "-u", "18") as locust:
        eventually(lambda: standin.counters()["sends_received"] > 50, "messages flow")
        standin.faults(stall_ms=STALL_MS, stall_at_s=1.0)
        finished = locust.finish()
    assert trend_ms(finished, "max") > STALL_MS * 0.9
    # what was due during the stall waited for one half of it in the mean: many messages, not one
    assert trend_ms(finished, "p90") > STALL_MS * 0.1
    assert finished.accounting()["lost"] == 0


def test_backpressure_is_counted_by_reason_and_rejects(tmp_path, standin_with):
    """Each fifth send is refused: the accounting show it and the success rate says so."""
    standin = standin_with("--builtin-agent", "--backpressure-every", "5")
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "4s", "--run-id", "bp") as locust:
        finished = locust.finish()
    truth = standin.counters("bp")
    assert finished.accounting()["rejected"] == truth["backpressure_sent"] > 0
    assert finished.count("backpressure_events") == truth["backpressure_sent"]
    assert finished.accounting()["appended"] == truth["messages_appended_user"]
    assert finished.code == 3, finished.output  # message_success_rate: rate>0.90 is missed at 0.80


@pytest.mark.parametrize(
    ("fault", "metric", "codes"),
    [
        ("--double-every", "messages_duplicated", {3}),
        ("--reorder-every", "messages_out_of_order", {3}),
        ("--alter-every", "messages_altered", {3}),
        ("--lose-every", "seq_gaps", {0, 3, 4}),  # so few that the preset may accept it
    ],
)
def test_what_the_wire_does_to_messages_is_seen_by_seq(tmp_path, standin_with, fault, metric, codes):
    """Doubled, reordered, altered and lost broadcasts are each counted as what they are; only the last may be green."""
    standin = standin_with("--builtin-agent", fault, "21")  # odd: messages and answers alternate in quiet sessions
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "4s", "--reply-timeout", "3s") as locust:
        finished = locust.finish()
    assert finished.count(metric) > 0, finished.output
    assert finished.code in codes, finished.output
    assert finished.accounting()["adds_up"]


def test_a_server_that_drops_sockets_is_counted_and_survived(tmp_path, standin_with):
    """Each 50th send closes its socket: disconnects by close code, and the users go on with new sessions."""
    standin = standin_with("--builtin-agent", "--disconnect-every", "50")
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "4s") as locust:
        finished = locust.finish()
    labels = finished.summary["metrics"]["disconnects"]["main"]["all"]["labels"]
    assert labels.get("closed_1011", 0) > 0, finished.output
    assert finished.accounting()["adds_up"]


def test_garbage_on_the_wire_is_counted_and_fails(tmp_path, standin_with):
    """Text that is no frame is counted by kind, and no healthy server's; every message still has its fate."""
    standin = standin_with("--builtin-agent", "--garbage-every", "10")
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "4s") as locust:
        finished = locust.finish()
    assert finished.code == 3, finished.output
    assert "malformed_frames" in str(finished.summary["verdict"]["failures"])
    assert finished.summary["metrics"]["malformed_frames"]["main"]["all"]["labels"]["garbage"] > 0
    assert finished.accounting()["appended"] == finished.accounting()["sent"]
