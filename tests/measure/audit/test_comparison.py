"""Acknowledged messages against stored ones: each is stored, gone, changed, or beyond what could be read."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.audit.comparison import (
    BEYOND_REPLAY,
    MEMORY_BOUND,
    Stored,
    compare,
    not_remembered,
    unaudited,
    window,
)
from fleetlm_users.measure.audit.memory import ANSWER_TAG, UNKNOWN_SEQ, AuditMemory, own_tag

LIMIT = 100


def session_of(own=(), answers=(), bound=10**6):
    """Return a session whose messages have their seq as digest, unless a pair says otherwise."""
    session = AuditMemory(bound, 0.0).begin("s", "burst", "p")
    for number, message in enumerate(own, 1):
        session.add(*pair(message), 1.0, own_tag(number))
    for message in answers:
        session.add(*pair(message), 2.0, ANSWER_TAG)
    return session


def pair(message):
    return message if isinstance(message, tuple) else (message, message)


def stored(*messages):
    return Stored(dict(map(pair, messages)))


@pytest.mark.parametrize(
    ("session", "found", "counts", "flaws"),
    [
        (session_of([1, 3], [2, 4]), stored(1, 2, 3, 4), {"messages_stored": 2, "answers_stored": 2}, []),
        (session_of([1, 3]), stored(1, 2), {"messages_stored": 1, "messages_unstored": 1}, [("unstored", 3)]),
        (session_of([1], [2]), stored(1), {"messages_stored": 1, "answers_unstored": 1}, [("answer_unstored", 2)]),
        (session_of([1]), stored((1, 99)), {"messages_stored_changed": 1}, [("stored_changed", 1)]),
        (session_of([], [1]), stored((1, 99)), {"answers_stored_changed": 1}, [("answer_stored_changed", 1)]),
        (session_of([1]), stored(), {"messages_unstored": 1}, [("unstored", 1)]),
        (session_of([], [2, 2]), stored(2), {"answers_stored": 1}, []),  # an answer pushed twice
        (
            session_of([(1, 7), (1, 8)]),  # a seq given out twice
            stored((1, 8)),
            {"messages_stored": 1, "messages_stored_changed": 1},
            [("stored_changed", 1)],
        ),
        (session_of([1]), stored(1, 2, 3), {"messages_stored": 1}, []),  # others may write as well
        (session_of([]), stored(1), {}, []),
    ],
)  # fmt: skip
def test_each_message_has_one_fate(session, found, counts, flaws):
    """Counted by kind, and named where something is wrong."""
    comparison = compare(session, found)
    fates = {metric: n for (metric, _), n in comparison.counts.items() if not metric.endswith("audited")}
    assert fates == counts
    assert [(flaw.kind, flaw.message.seq) for flaw in comparison.flawed] == flaws


@pytest.mark.parametrize(
    ("found", "fate"),
    [
        (stored((1, 5), (2, 70)), "unconfirmed_stored"),
        (stored((1, 5)), "unconfirmed_unstored"),
        (Stored({1: 5}, 0, 1), "unconfirmed_unaudited"),
        (Stored({1: 5, 2: 70}, 0, 1), "unconfirmed_stored"),
        (Stored({9: 5}, 9, None), "unconfirmed_unaudited"),
    ],
)
def test_a_message_of_open_outcome_is_looked_for_by_its_content(found, fate):
    """Its seq is unknown. Whether it is stored or not, nothing acknowledged was lost."""
    session = session_of([(1, 5)], bound=10)
    session.add(UNKNOWN_SEQ, 70, 1.0, own_tag(2))
    outcome = compare(session, found)
    counts = {metric: n for (metric, _), n in outcome.counts.items() if metric.startswith("unconfirmed")}
    assert counts == {fate: 1}
    assert not [flaw for flaw in outcome.flawed if flaw.message.is_unconfirmed]
    assert unaudited(session, "eof").counts == {("messages_unaudited", "eof"): 1, ("unconfirmed_unaudited", "eof"): 1}


@given(st.sets(st.integers(1, 300)), st.dictionaries(st.integers(1, 300), st.integers(1, 300)), st.integers(1, 300))
def test_nothing_is_left_out(own, digests, last):
    """Every acknowledged message is audited or not, and every audited one has exactly one fate."""
    comparison = compare(session_of(sorted(own)), Stored(digests, 0, last))
    counts = Counter({metric: n for (metric, _), n in comparison.counts.items()})
    assert counts["messages_audited"] + counts["messages_unaudited"] == len(own)
    fates = counts["messages_stored"] + counts["messages_unstored"] + counts["messages_stored_changed"]
    assert fates == counts["messages_audited"]
    assert len(comparison.flawed) == counts["messages_unstored"] + counts["messages_stored_changed"]


def test_what_cannot_be_read_is_counted_by_its_cause():
    """Remembered messages count under the cause that prevented reading, others do not."""
    session = session_of([1, 2], [3])
    assert unaudited(session, "eof").counts == {("messages_unaudited", "eof"): 2, ("answers_unaudited", "eof"): 1}
    assert unaudited(session, "eof", 1_500).counts == {("answers_unaudited", "eof"): 1}
    assert not_remembered(3, 0).counts == {("messages_unaudited", MEMORY_BOUND): 3}


def test_what_came_before_a_reset_is_not_compared():
    """Own messages of this session came after a second, answers after two."""
    assert not compare(session_of([1, 2], [3]), stored(), 3_000).counts
    assert compare(session_of([1, 2], [3]), stored(), 2_000).counts["answers_unstored", ""] == 1


@pytest.mark.parametrize(
    ("replayed", "last_known", "unstored", "beyond"),
    [
        (range(1, 100), 120, 21, 0),  # a short one is all there is
        (range(1, 101), 150, 0, 50),  # the oldest hundred
        ([*range(1, 50), *range(51, 102)], 150, 1, 49),  # one of them lost
        (range(2, 102), 150, 1, 49),  # the very first lost
        (range(51, 151), 150, 0, 50),  # the newest hundred
        ([*range(50, 100), *range(101, 151)], 150, 1, 49),  # one of those lost
        (range(2, 102), 101, 0, 1),  # either: nobody is accused
        (range(41, 141), 150, 10, 40),  # the newest hundred, and the last ten lost
    ],
)
def test_a_full_replay_says_nothing_of_what_it_does_not_reach(replayed, last_known, unstored, beyond):
    """Which end it is of shows in it, and a server that lost nothing is never accused."""
    found = window({seq: seq for seq in replayed}, LIMIT, last_known)
    comparison = compare(session_of(range(1, last_known + 1)), found)
    counts = Counter(comparison.counts)
    assert counts["messages_unstored", ""] == unstored
    assert counts["messages_unaudited", BEYOND_REPLAY] == beyond


@given(st.integers(0, 400), st.booleans())
def test_a_server_that_lost_nothing_is_never_accused(last, is_oldest):
    """Whichever hundred it replays."""
    seqs = list(range(1, last + 1))
    replayed = seqs[:LIMIT] if is_oldest else seqs[-LIMIT:]
    comparison = compare(session_of(seqs), window({seq: seq for seq in replayed}, LIMIT, last))
    assert not comparison.flawed
    assert comparison.counts["messages_audited", ""] == len(replayed)
