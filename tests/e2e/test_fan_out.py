"""A crowd's deliveries: as many as the stand-in pushed, each with its fate, on one process and on two."""

import pytest

from tests.e2e.benchmarks import RUN_ID, SPREADS, check_accounting, run

pytestmark = pytest.mark.e2e

LATE = ("--protocol", "late", "--quirks", "--builtin-agent")
WRITERS, LISTENERS = 2, 4
CROWD = [
    *("-u", "2", "--writers", WRITERS, "--listeners", LISTENERS, "--send-interval", "100"),
    *("--warm-up", "0s", "--ramp-up", "0s", "-t", "3s"),
]
SHORT_WAIT = ["--reply-timeout", "5s"]
"""The wait for pushes that never come."""
READ = ("messages_received", "deliveries_seen", "deliveries_repeated", "deliveries_duplicated", "deliveries_unexpected")


def crowd(tmp_path, standin, *arguments):
    return run(tmp_path, "fan_out", standin, *CROWD, *arguments)


def check_deliveries(finished, standin, listeners=LISTENERS):
    """Every delivery has its fate, and every push that the stand-in made was read and counted."""
    standin.await_leaving()
    expected = finished.count("deliveries_expected")
    fates = [finished.count(f"deliveries_{fate}") for fate in ("seen", "missed", "open")]
    assert expected == sum(fates) > 0, finished.output
    spread = sum(finished.count(f"fan_outs_{outcome}") for outcome in ("whole", "missed", "open"))
    assert expected == listeners * spread
    truth = standin.counters(RUN_ID)
    assert sum(finished.count(metric) for metric in READ) == truth["broadcasts_sent"], finished.output
    return truth


@SPREADS
def test_every_listener_has_every_message_once(tmp_path, standin, spread):
    """The same holds for answers; each message has a first, a median and a last moment."""
    finished = crowd(tmp_path, standin, *spread)
    assert finished.code == 0, finished.output
    truth = check_accounting(finished, standin)
    check_deliveries(finished, standin)
    appended, answered = truth["messages_appended_user"], truth["messages_appended_agent"]
    assert finished.count("deliveries_seen") == LISTENERS * (appended + answered)
    assert finished.count("messages_received") == WRITERS * (appended + answered)
    metrics = finished.summary["metrics"]
    for name in ("first", "median", "last"):
        assert metrics[f"fan_out_{name}_ms"]["main"]["all"]["count"] == appended
    assert metrics["fan_out_spread_ms"]["main"]["all"]["count"] == appended + answered
    assert finished.count("deliveries_out_of_order") == finished.count("deliveries_duplicated") == 0


def test_the_late_protocol_pushes_twice_and_its_agent_listens(tmp_path, standin_with):
    """A second push is not a duplicate; answers are pushed once, and their pieces are counted separately."""
    standin = standin_with(*LATE)
    finished = crowd(tmp_path, standin, "--agent-listeners", "1")
    truth = check_accounting(finished, standin)
    listeners = LISTENERS + 1
    check_deliveries(finished, standin, listeners)
    appended, answered = truth["messages_appended_user"], truth["messages_appended_agent"]
    assert finished.count("deliveries_seen") == listeners * (appended + answered)
    assert finished.count("deliveries_repeated") == listeners * appended
    assert finished.count("deliveries_duplicated") == finished.count("deliveries_missed") == 0
    assert finished.count("chunks_delivered") == listeners * finished.count("agent_chunks") > 0


@pytest.mark.parametrize("flags", [("--builtin-agent",), LATE], ids=["early", "late"])
def test_lost_doubled_and_refused_messages_are_told_apart(tmp_path, standin_with, flags):
    """A message pushed to nobody was missed by all, and is named; a refused one is missed by none."""
    standin = standin_with(*flags, "--lose-every", "7", "--double-every", "5", "--reject-every", "9")
    finished = crowd(tmp_path, standin, "--agent-replies", "0", *SHORT_WAIT)
    check_deliveries(finished, standin)
    sent, rejected = finished.accounting()["sent"], finished.accounting()["rejected"]
    assert rejected > 0
    assert finished.code == 3
    assert "missed_by_listeners" in str(finished.summary["findings"])
    assert "delivered_twice" in str(finished.summary["findings"])
    assert finished.count("deliveries_duplicated") > 0
    answers = finished.count("fan_outs_whole") + finished.count("fan_outs_missed") + finished.count("fan_outs_open")
    assert answers >= sent - rejected


def test_a_device_that_is_lost_ends_its_session(tmp_path, standin_with):
    """The session counts as broken, its deliveries still add up, and another one follows."""
    standin = standin_with("--builtin-agent", "--disconnect-every", "10")
    finished = crowd(tmp_path, standin)
    check_deliveries(finished, standin)
    assert finished.count("disconnects") > 0
    assert finished.count("session_failures") > 0
    assert finished.count("sessions_started") > 2


def test_an_agent_cannot_listen_on_the_early_protocol(tmp_path, standin):
    """It is refused before anything is created."""
    finished = crowd(tmp_path, standin, "--agent-listeners", "1")
    assert finished.code == 2, finished.output
    assert "agent may join its sessions" in finished.said
    assert not standin.counters()["sessions_created"]
