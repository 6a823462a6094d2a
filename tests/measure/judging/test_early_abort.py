"""When a run is given up: for misses beyond repair, and after a whole grace period for misses that might have
recovered.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.judging.early_abort import MIN_LOOKS, Patience, outlook_of
from fleetlm_users.measure.judging.thresholds import Judgement, judge, parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.snapshot_store import SnapshotStore

GRACE_S = 10.0


def writes(**counts):
    """A function that writes counts and, as `append_us`, durations into a ledger's main phase."""

    def write(ledger):
        for name, n in counts.items():
            if name == "append_us":
                for value_us in n:
                    ledger.trend("append_latency_ms", "burst", MAIN).add(value_us)
            elif name == "connections":
                ledger.gauge("active_connections", "burst", n)
            else:
                ledger.count(name, "burst", MAIN, n)

    return write


def appended(value_us):
    """Totals of 200 messages that took so long."""
    merge, ledger = SnapshotStore("run"), Ledger(DEFAULT, "run", "worker")
    writes(append_us=[value_us] * 200)(ledger)
    merge.absorb("worker", ledger.snapshot(1, final=True, elapsed_s=10.0))
    return merge.totals()


SLOW, FAST = appended(6_000), appended(4_000)


def patience(thresholds, grace_s=GRACE_S):
    return Patience(parse_thresholds(thresholds.split(";")), grace_s, lambda _: False)


@pytest.mark.parametrize(
    ("threshold", "counts", "outlook"),
    [
        ("connection_failures: count<10", {"connection_failures": 10}, "beyond repair"),
        ("connection_failures: count<=10", {"connection_failures": 11}, "beyond repair"),
        ("messages_lost: count==0", {"messages_lost": 1}, "beyond repair"),
        ("messages_sent: count==100", {"messages_sent": 99}, "may still come"),
        ("messages_sent: count==100", {"messages_sent": 101}, "beyond repair"),
        ("messages_sent: count>100", {"messages_sent": 1}, "may still come"),
        ("messages_sent: count!=5", {"messages_sent": 5}, "may still come"),
        ("messages_rejected: count<1", {"messages_rejected": 1}, "may recover"),
        ("message_failures: count<1", {"messages_rejected": 1}, "may recover"),
        ("messages_sent: rate>100", {"messages_sent": 1}, "may recover"),
        ("append_latency_ms: max<5", {"append_us": [6_000]}, "beyond repair"),
        ("append_latency_ms: max>5", {"append_us": [4_000]}, "may still come"),
        ("append_latency_ms: min>5", {"append_us": [4_000]}, "beyond repair"),
        ("append_latency_ms: min<5", {"append_us": [6_000]}, "may still come"),
        ("append_latency_ms: p(95)<5", {"append_us": [6_000]}, "may recover"),
        ("append_latency_ms: p(95)<5", {}, "may still come"),
        ("active_connections: max<5", {"connections": 5}, "beyond repair"),
        ("active_connections: max>5", {"connections": 5}, "may still come"),
        ("active_connections: value>5", {"connections": 5}, "may recover"),
        ("message_correctness_rate: rate==1", {"messages_checked": 9, "messages_correct": 8}, "beyond repair"),
        ("message_correctness_rate: rate>=1.0", {"messages_checked": 9, "messages_correct": 8}, "beyond repair"),
        ("message_correctness_rate: rate>0.99", {"messages_checked": 9, "messages_correct": 8}, "may recover"),
        ("message_correctness_rate: rate<=0", {"messages_checked": 9, "messages_correct": 1}, "beyond repair"),
        ("message_success_rate: rate==1", {"messages_appended": 8, "messages_rejected": 1}, "may recover"),
        ("agent_reply_rate: rate==1", {"agent_replies_due": 9, "agent_replies_matched": 8}, "may recover"),
        ("agent_reply_rate: rate==1", {"agent_replies_due": 9, "messages_unanswered": 1}, "beyond repair"),
    ],
)
def test_what_can_become_of_a_missed_threshold(totals_of, threshold, counts, outlook):
    """Only a miss that cannot be mended is beyond repair."""
    totals = totals_of(writes(**counts))
    missed = judge(parse_thresholds(threshold.split(";")), totals, 10.0)[0]
    assert not missed.ok
    assert outlook_of(missed, totals) == outlook


def test_what_is_beyond_repair_is_given_up_right_after_the_grace(totals_of):
    """It is not given up before that, however clear the miss is."""
    totals = totals_of(writes(connection_failures=10, connections_attempted=10))
    watch = patience("connection_failures: count<10")
    assert watch.look(totals, 1.0) == ""
    assert watch.look(totals, GRACE_S - 0.1) == ""
    assert watch.look(totals, GRACE_S) == "connection_failures: count<10 measured 10, which can no longer be made good"


def test_what_may_recover_is_given_up_when_missed_all_through_the_grace():
    """Counted from the first missed look."""
    watch = patience("append_latency_ms: p(95)<5")
    for main_s in (8.0, 12.0, 17.9):
        assert watch.look(SLOW, main_s) == ""
    told = watch.look(SLOW, 18.0)
    assert told == "append_latency_ms: p(95)<5 measured 6.000 ms, and missed it in all 4 looks of the last 10 s"


def test_one_good_look_begins_the_patience_anew():
    """Consecutive means without a break."""
    watch = patience("append_latency_ms: p(95)<5")
    looks = [(SLOW, 1.0), (SLOW, 6.0), (FAST, 10.0), (SLOW, 12.0), (SLOW, 17.0), (SLOW, 21.0)]
    assert [watch.look(totals, main_s) for totals, main_s in looks] == [""] * len(looks)
    assert watch.look(SLOW, 22.0)


@pytest.mark.parametrize(
    ("threshold", "counts"),
    [
        ("append_latency_ms: p(95)<5", {"append_us": [6_000] * 99}),
        ("append_latency_ms: p(99)<5", {"append_us": [6_000] * 499}),
        ("append_latency_ms: avg<5", {"append_us": [6_000] * 29}),
        ("message_success_rate: rate>0.9", {"messages_appended": 1, "messages_lost": 28}),
    ],
)
def test_too_few_samples_never_end_a_run(totals_of, threshold, counts):
    """Five times what a verdict needs, and thirty at least."""
    watch = patience(threshold)
    totals = totals_of(writes(**counts))
    assert [watch.look(totals, float(main_s)) for main_s in range(60)] == [""] * 60


def test_answers_that_are_still_awaited_are_not_missing(totals_of):
    """A slow agent is not a dead one; only what went unanswered for the whole reply timeout counts."""
    awaited = totals_of(writes(agent_replies_due=100, agent_replies_matched=50))
    dead = totals_of(writes(agent_replies_due=100, messages_unanswered=50))
    watch = patience("agent_reply_rate: rate>0.9")
    assert [watch.look(awaited, float(main_s)) for main_s in range(60)] == [""] * 60
    assert [bool(watch.look(dead, 60.0 + main_s)) for main_s in range(11)] == [False] * 10 + [True]


def test_the_warm_up_is_never_judged(totals_of):
    """Its events are no reason."""

    def write(ledger):
        ledger.count("connection_failures", "burst", WARM_UP, 100)

    assert patience("connection_failures: count<10").look(totals_of(write), 60.0) == ""


@given(st.lists(st.tuples(st.floats(0.1, 5.0), st.booleans()), max_size=40), st.floats(0.0, 30.0))
def test_it_gives_up_only_after_an_unbroken_period(steps, grace_s):
    """Whatever the checks show, it takes at least MIN_LOOKS misses in a row, spanning the grace period."""
    watch, main_s, misses = patience("append_latency_ms: p(95)<5", grace_s), 0.0, []
    for step_s, is_slow in steps:
        main_s += step_s
        misses = [*misses, main_s] if is_slow else []
        gave_up = bool(watch.look(SLOW if is_slow else FAST, main_s))
        assert gave_up == (len(misses) >= MIN_LOOKS and main_s - misses[0] >= grace_s)
        if gave_up:
            return


def test_a_full_window_that_missed_is_missed_for_good(totals_of):
    """Right after the grace; one that counts what may be taken back may still change."""
    totals = totals_of(writes(messages_sent=5))
    final, open_ = parse_thresholds(["append_latency_ms[5s]: max<9", "messages_rejected[5s]: count<1"])
    missed = {one: Judgement(one, 50.0, ok=False, samples=3) for one in (final, open_)}
    assert [outlook_of(missed[one], totals) for one in (final, open_)] == ["beyond repair", "may recover"]
    watch = Patience([final], GRACE_S, lambda _totals: False, missed.get)
    assert watch.look(totals, GRACE_S - 1) == ""
    assert watch.look(totals, GRACE_S) == f"{final} measured 50.00 ms, which can no longer be made good"


def test_figures_of_the_server_recover_or_do_not(totals_of):
    """Its highest value only grows; a mean may come back."""
    totals = totals_of(writes(messages_sent=5))
    for condition, outlook in (("max<9", "beyond repair"), ("min>99", "beyond repair"), ("avg<9", "may recover")):
        (threshold,) = parse_thresholds([f"server.jobs: {condition}"])
        assert outlook_of(Judgement(threshold, 50.0, ok=False, samples=40), totals) == outlook
