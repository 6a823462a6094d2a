"""A hot room: the same messages per second, unevenly spread, counted separately for the busiest tenth of the
sessions.
"""

import pytest

from tests.e2e.benchmarks import SPREADS, check_accounting, run

pytestmark = pytest.mark.e2e

SHORT = ["--warm-up", "0s", "-t", "4s"]
WHOLE = ["--warm-up", "0s", "--runtime-ms", "4000"]
"""Each user sends for as long as the others, whenever it has joined."""
HOT = ["-u", "20", "--skew", "zipf:2"]


def parts(finished):
    """The entries of the busiest tenth and of the rest."""
    busiest, rest = finished.summary["skew"]
    assert (busiest["part"], rest["part"]) == ("busiest", "rest")
    assert busiest["share"] + rest["share"] == pytest.approx(1, abs=1e-5)
    return busiest, rest


@SPREADS
def test_the_busiest_tenth_and_the_rest_are_all_messages(tmp_path, standin, spread):
    """In every layout, by the stand-in's own count; a share of them is on few sessions, as the exponent says."""
    flags = [*HOT, *WHOLE, "--ramp-up", "0s", "--arrival-rate", "60", "--threshold", "messages_sent{busiest}: count>0"]
    finished = run(tmp_path, "message_throughput", standin, *flags, *spread)
    truth = check_accounting(finished, standin)
    busiest, rest = parts(finished)
    assert (busiest["sessions"], rest["sessions"]) == (2, 18)
    assert all(part["accounting"]["adds_up"] for part in (busiest, rest))
    sent = [part["accounting"]["sent"] for part in (busiest, rest)]
    assert sum(sent) == finished.accounting()["sent"] == truth["sends_received"]
    assert sent[0] == pytest.approx(busiest["share"] * sum(sent), rel=0.2)
    assert "the busiest tenth" in finished.output
    assert "the busiest tenth" in (next(finished.results.glob("*/report.html"))).read_text(encoding="utf-8")
    judged = {entry["expression"]: entry for entry in finished.summary["thresholds"]}
    assert judged["messages_sent{busiest}: count>0"]["measured"] == sent[0]


@pytest.mark.parametrize("protocol", ["early", "late"])
def test_a_hot_room_hurts_where_sessions_wait_their_turn(tmp_path, standin_with, protocol):
    """An agent that takes 100 ms for each message of a session falls behind on the busiest one alone."""
    slow = ("--webhook-order", "session", "--webhook-service-ms", "100")
    standin = standin_with("--protocol", protocol, "--builtin-agent", *slow)
    flags = [*HOT, *SHORT, "--send-interval", "500", "--drain-timeout", "60s", "--reply-timeout", "60s"]
    finished = run(tmp_path, "message_throughput", standin, *flags)
    check_accounting(finished, standin)
    busiest, rest = parts(finished)
    assert busiest["agent_latency_ms"]["med"] > rest["agent_latency_ms"]["med"]
    assert busiest["accounting"]["sent"] > rest["accounting"]["sent"]


def test_a_crowd_may_have_hot_rooms(tmp_path, standin):
    """A session that is hardly ever written in stays, with all of its listeners."""
    flags = ["-u", "3", "--skew", "zipf:3", "--listeners", "2", "--send-interval", "100", *SHORT]
    finished = run(tmp_path, "fan_out", standin, *flags)
    check_accounting(finished, standin)
    busiest, rest = parts(finished)
    assert busiest["accounting"]["sent"] > rest["accounting"]["sent"]
    assert finished.count("sessions_started") == 3
    assert finished.count("deliveries_expected") == finished.count("deliveries_seen") > 0


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--skew", "1.1"], "zipf:EXPONENT"),
        (["--skew", "zipf:1.1", "--pipeline-depth", "3"], "no skew with --pipeline-depth"),
        (["--threshold", "append_latency_ms{busiest}: p(95)<500"], "neither a stage nor busiest sessions"),
        (
            ["--skew", "zipf:1", "--threshold", "append_latency_ms{stage:peak}: p(95)<500"],
            "no stage in a run with a skew",
        ),
    ],
)
def test_what_cannot_be_heard_is_refused(tmp_path, standin, flags, sentence):
    """Before anything is created, in a sentence."""
    finished = run(tmp_path, "message_throughput", standin, *flags)
    assert finished.code == 2, finished.output
    assert sentence in " ".join(finished.output.split())
    assert not standin.counters()["sessions_created"]
