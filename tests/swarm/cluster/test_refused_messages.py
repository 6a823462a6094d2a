"""Refused messages are reported once per peer and kind, counted, and forgotten with the next run."""

from fleetlm_users.swarm.cluster.refused_messages import MAX_LINES, MAX_PEERS, RefusedMessages


def test_each_peer_and_kind_is_reported_once_and_all_are_counted():
    """The doubt quotes the first."""
    said = []
    refused = RefusedMessages(said.append)
    for _ in range(3):
        refused.add("w1", "stats", "a is missing")
    refused.add("w1", "heartbeat", "b is missing")
    refused.add("w2", "stats", "c is missing")
    assert said == [
        "A message (stats) from w1 was refused: a is missing",
        "A message (heartbeat) from w1 was refused: b is missing",
        "A message (stats) from w2 was refused: c is missing",
    ]
    first, second = refused.doubts(["w0", "w1", "w2"])
    assert first.startswith("worker w1 sent 4 messages that could not be read")
    assert first.endswith("the first: (stats) a is missing")
    assert second.startswith("worker w2 sent a message that")
    refused.begin()
    assert refused.doubts(["w1", "w2"]) == []


def test_lines_and_memory_are_bounded():
    """A sender of garbage may use any number of names and kinds, of any length, with any content."""
    said = []
    refused = RefusedMessages(said.append)
    for number in range(5_000):
        refused.add(f"\x1b[2J{number}", f"\u202ekind{number}" * 100, "problem" * 1000)
    assert refused.count == 5_000
    assert len(said) == MAX_LINES + 1
    assert all(len(line) < 600 and line.isprintable() for line in said)
    assert len(refused._peers) == MAX_PEERS
    refused.report_count()
    assert said[-1] == "5,000 messages were refused in all."


def test_the_count_is_reported_only_where_it_says_more_than_the_lines():
    """Most runs have nothing to tell."""
    said = []
    refused = RefusedMessages(said.append)
    refused.report_count()
    refused.add("w1", "stats", "a is missing")
    refused.report_count()
    assert len(said) == 1
