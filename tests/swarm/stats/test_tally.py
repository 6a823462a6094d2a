"""Every stamp of a message ends in its own trend, and every message in its own counters."""

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.protocol.observer import SentMessage, UpperBound
from fleetlm_users.swarm.stats.tally import LocustColumns, Tallies


def scene():
    """(tallies of one scenario, what Locust's columns took as (name, ms), a function that gives the totals)."""
    ledger, shown = Ledger(DEFAULT, "e", "w"), []
    columns = LocustColumns(
        lambda ms: shown.append(("append", round(ms, 6))),
        lambda ms: shown.append(("reply", None if ms is None else round(ms, 6))),
        lambda ms: shown.append(("first chunk", round(ms, 6))),
    )

    def totals():
        merge = SnapshotStore("e")
        merge.absorb("w", ledger.snapshot(1, True, 1.0))
        return merge.totals()

    return Tallies(ledger, "burst", columns, 10.0), shown, totals


def message(due_s=1.0, sent_s=1.002, appended_s=0.0):
    made = SentMessage("c", due_s, sent_s, "main")
    made.appended_s = appended_s
    return made


def test_a_message_from_due_to_the_agents_reply():
    """The ledger has microseconds, Locust's table milliseconds."""
    tallies, shown, totals = scene()
    tallies["main"].sent(message())
    tallies["main"].appended(message(), 1.010, awaits_agent=True)
    tallies["main"].replied(message(appended_s=1.010), 1.030)
    found = totals()
    expected_us = {
        "generator_lateness_ms": 2_000,
        "append_latency_ms": 10_000,
        "append_service_ms": 8_000,
        "agent_latency_ms": 20_000,
        "message_roundtrip_ms": 28_000,
    }
    assert {metric: found.trend(metric, "burst").summary().max_us for metric in expected_us} == expected_us
    assert shown == [("append", 10.0), ("reply", 20.0)]
    for metric in ("messages_sent", "messages_appended", "agent_replies_due", "agent_replies_matched"):
        assert found.count(metric) == 1


def test_an_answer_to_a_message_whose_arrival_is_not_known_has_no_latency():
    """It counts, its roundtrip is known, and Locust's table shows it without a time."""
    tallies, shown, totals = scene()
    tallies["main"].replied(message(appended_s=UpperBound(1.010)), 1.010)
    found = totals()
    assert found.trend("agent_latency_ms", "burst").count == 0
    assert found.trend("message_roundtrip_ms", "burst").summary().max_us == 8_000
    assert (found.count("agent_replies_matched"), found.count("agent_latencies_left_out")) == (1, 1)
    assert shown == [("reply", None)]


def test_broadcasts_are_counted_and_the_agents_apart():
    """An own message and an answer are two received and one reply."""
    tallies, _, totals = scene()
    tallies["main"].received(from_agent=False)
    tallies["main"].received(from_agent=True)
    found = totals()
    assert (found.count("messages_received"), found.count("agent_replies")) == (2, 1)


def test_no_reply_is_due_when_none_is_awaited():
    """A benchmark that leaves the agent alone has no reply rate."""
    tallies, _, totals = scene()
    tallies["main"].appended(message(), 1.010, awaits_agent=False)
    assert totals().count("agent_replies_due") == 0


def test_a_negative_duration_is_reported_not_recorded():
    """It is a defect, and the verdict speaks of it."""
    tallies, _, totals = scene()
    tallies["main"].sent(message(due_s=2.0, sent_s=1.0))
    trend = totals().trend("generator_lateness_ms", "burst")
    assert (trend.count, trend.negative) == (0, 1)


def test_each_phase_has_its_own_and_none_is_made_before_it_is_needed():
    """The warm-up is kept apart."""
    tallies, _, totals = scene()
    assert not tallies
    tallies["warm_up"].sent(message())
    assert list(tallies) == ["warm_up"]
    assert tallies["warm_up"] is tallies["warm_up"]
    assert totals().count("messages_sent", phase="warm_up") == 1


def test_a_message_sent_before_the_ledger_began_counts_nowhere():
    """The accounting of what came after a reset stay true: its fate has no sending to go with."""
    tallies, shown, totals = scene()
    tallies["main"].sent(message())
    tallies.renew(Ledger(DEFAULT, "e", "w", resets=1, since_s=2.0))
    tallies["main"].sent(message(due_s=2.0, sent_s=2.1))
    tallies["main"].appended(message(), 2.5, awaits_agent=True)
    tallies["main"].replied(message(appended_s=2.5), 2.6)
    tallies["main"].appended(message(due_s=2.0, sent_s=2.1), 2.7, awaits_agent=False)
    assert shown == [("append", 700.0)]
    assert totals().count("messages_sent") == 1  # in the old ledger, which nobody reads any more


def test_streaming_answers_are_counted_and_timed():
    """Times run from due to the first piece, over the gaps, and over the whole; unknown ones are left out, and a long
    gap is a stall.
    """
    tallies, shown, totals = scene()
    streams = tallies.streams["main"]
    message = SentMessage("c1", 1.0, 1.5, "main")
    streams.began(message, 3.0)
    streams.went_on(0.5)
    streams.went_on(11.0)
    streams.went_on(None)
    streams.ended(11.5, is_whole=True)
    streams.began(None, 9.0)
    streams.ended(None, is_whole=False)
    counted = totals()
    assert shown == [("first chunk", 2000.0)]
    counts = {name: counted.count(name) for name in (
        "agent_chunks", "agent_streams", "agent_streams_incomplete", "agent_stream_stalls",
    )}  # fmt: skip
    assert counts == {
        "agent_chunks": 5, "agent_streams": 2, "agent_streams_incomplete": 1, "agent_stream_stalls": 1,
    }  # fmt: skip
    assert [counted.trend(name).summary().max_us for name in (
        "agent_first_chunk_ms", "agent_first_chunk_service_ms", "agent_chunk_gap_ms", "agent_stream_ms",
    )] == [2_000_000, 1_500_000, 11_000_000, 11_500_000]  # fmt: skip


def test_an_acknowledgement_has_a_latency_and_a_message_without_its_broadcast_has_none():
    """The latter counts as appended all the same, and as answered where it was."""
    tallies, _, totals = scene()
    message = SentMessage("c1", 1.0, 1.5, "main")
    tallies["main"].acknowledged(message, 2.0)
    tallies["main"].resolved(message, True, is_answered=True)
    counted = totals()
    assert counted.trend("ack_latency_ms").summary().max_us == 1_000_000
    assert counted.trend("ack_service_ms").summary().max_us == 500_000
    assert [counted.count(name) for name in ("messages_appended", "agent_replies_due", "agent_replies_matched")] == [
        1
    ] * 3
    assert not counted.samples("append_latency_ms")
